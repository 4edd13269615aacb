//! Whether packets wait: a shaper and a slow line make what exceeds their rate wait, a policer does not.

use super::bucket::{Arrival, Fit, levels};
use super::series::Series;

/// By how much round trips grow with the level of a bucket: 1 if the level is a queue, 0 if it is a bucket of tokens.
///
/// The middle of the round trips of segments at a high level, less that at a low one, over the time that the difference of
/// the levels would take at the bucket's rate. None where the packets do not tell: no round trips, or a bucket so small that
/// a queue of that size would be drowned in the noise.
pub(super) fn slope(series: &Series, arrivals: &[Arrival], fit: &Fit) -> Option<f64> {
    let levels = levels(arrivals, fit);
    let wait_us = |level: f64| level * 8e6 / fit.rate_bps;
    let full = wait_us(fit.burst_bytes);
    if full < SHORTEST_US {
        return None;
    }
    let (mut low, mut high) = (Samples::default(), Samples::default());
    for &(index, took) in &series.round_trips {
        let Some(wait) = levels.get(index).copied().map(wait_us) else { continue };
        if wait < 0.3 * full {
            low.put(wait, took);
        } else if wait > 0.6 * full {
            high.put(wait, took);
        }
    }
    let (low_wait, low_took) = low.middle()?;
    let (high_wait, high_took) = high.middle()?;
    Some((high_took - low_took) / (high_wait - low_wait).max(1.0))
}

/// Shortest and middle round trip, microseconds, of those in the second half of the transfer's time; none of fewer than ten.
pub(super) fn growth(series: &Series) -> Option<(u32, u32)> {
    let begin = series.segments.first()?.at_us;
    let half = begin + (series.segments.last()?.at_us - begin) / 2;
    let mut times: Vec<u32> = series
        .round_trips
        .iter()
        .filter(|(index, _)| series.segments.get(*index).is_some_and(|s| s.at_us >= half))
        .map(|(_, took)| *took)
        .collect();
    if times.len() < FEWEST {
        return None;
    }
    let place = times.len() / 2;
    Some((series.base_us?, *times.select_nth_unstable(place).1))
}

/// True if most packets waited: the middle round trip is half again as long as the shortest, and 20 ms longer at least.
pub(super) fn grew((base, middle): (u32, u32)) -> bool {
    middle > base.saturating_add((base / 2).max(20_000))
}

#[derive(Default)]
struct Samples {
    waits: f64,
    took: Vec<u32>,
}

impl Samples {
    fn put(&mut self, wait: f64, took: u32) {
        self.waits += wait;
        self.took.push(took);
    }

    /// Mean wait and middle round trip.
    fn middle(mut self) -> Option<(f64, f64)> {
        if self.took.len() < FEWEST {
            return None;
        }
        let (count, place) = (self.took.len() as f64, self.took.len() / 2);
        Some((self.waits / count, f64::from(*self.took.select_nth_unstable(place).1)))
    }
}

/// Fewest round trips from which a middle is taken.
const FEWEST: usize = 10;
/// A queue that holds less than this much time does not show in round trips, microseconds.
const SHORTEST_US: f64 = 3_000.0;
