//! Goodput over time, and the longest stretch in which it is even.

use super::series::Series;

/// What got through, in bins of a quarter of a second: at most five minutes of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Bins {
    /// Bytes of payload in each.
    pub(super) bytes: Vec<u32>,
}

/// A stretch of even goodput.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Plateau {
    /// How long, s.
    pub(super) secs: usize,
    /// Bits of payload a second.
    pub(super) bps: f64,
    /// Standard deviation over mean, of bins of a second.
    pub(super) variation: f64,
}

impl Bins {
    /// Of a series, from its first segment to its last.
    pub(super) fn of(series: &Series) -> Self {
        let mut bytes = Vec::new();
        let Some(begin) = series.segments.first().map(|s| s.at_us) else { return Self::default() };
        for segment in series.segments.iter().filter(|s| !s.lost) {
            let bin = ((segment.at_us - begin) / BIN_US) as usize;
            if bin >= MOST_BINS {
                break;
            }
            if bin >= bytes.len() {
                bytes.resize(bin + 1, 0_u32);
            }
            if let Some(sum) = bytes.get_mut(bin) {
                *sum = sum.saturating_add(segment.len);
            }
        }
        Self { bytes }
    }

    /// Bits of payload a second, of each bin, in order of size.
    pub(super) fn sorted_bps(&self) -> Vec<f64> {
        let mut rates: Vec<f64> = self.bytes.iter().map(|b| f64::from(*b) * 32.0).collect();
        rates.sort_by(f64::total_cmp);
        rates
    }

    /// The longest stretch of ten seconds or more that varies by less than 0.15.
    pub(super) fn plateau(&self) -> Option<Plateau> {
        let secs: Vec<f64> =
            self.bytes.chunks_exact(4).map(|c| c.iter().map(|b| f64::from(*b)).sum()).collect();
        let mut found: Option<Plateau> = None;
        for from in 0..secs.len() {
            let (mut sum, mut squares) = (0.0, 0.0);
            for (n, bytes) in secs.iter().skip(from).enumerate() {
                sum += bytes;
                squares += bytes * bytes;
                let count = n as f64 + 1.0;
                let mean = sum / count;
                let variation = (squares / count - mean * mean).max(0.0).sqrt() / mean.max(1.0);
                let longer = found.is_none_or(|f| n + 1 > f.secs);
                if n + 1 >= LEAST_SECS && longer && mean > 0.0 && variation < EVEN {
                    found = Some(Plateau { secs: n + 1, bps: mean * 8.0, variation });
                }
            }
        }
        found
    }
}

/// Width of a bin, microseconds (Wehe's).
const BIN_US: u32 = 250_000;
/// Five minutes.
const MOST_BINS: usize = 1_200;
/// Shortest plateau.
const LEAST_SECS: usize = 10;
/// Largest variation within one.
const EVEN: f64 = 0.15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_even_stretch() {
        let mut bytes = vec![100_000, 300_000, 500_000, 20];
        bytes.extend([5_000; 60]);
        let plateau = Bins { bytes }.plateau().unwrap();
        assert_eq!(plateau.secs, 15);
        assert!((plateau.bps - 160_000.0).abs() < 1.0, "{plateau:?}");
    }

    #[test]
    fn nine_seconds_and_uneven_ones_are_none() {
        assert_eq!(Bins { bytes: vec![5_000; 36] }.plateau(), None);
        let saw = (0..200).map(|n| if n / 4 % 2 == 0 { 5_000 } else { 9_000 }).collect();
        assert_eq!(Bins { bytes: saw }.plateau(), None);
        assert_eq!(Bins { bytes: vec![0; 100] }.plateau(), None);
    }
}
