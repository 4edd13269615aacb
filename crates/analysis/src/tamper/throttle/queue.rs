//! Whether packets wait: a shaper and a slow line make what exceeds their rate wait, a policer does not.
//!
//! Before the losses, round trips tell. Behind them, spacing does: a line or shaper lets no two packets out closer together
//! than its rate allows, while a policer lets through what it does not drop at the spacing at which it came.

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

/// Share of what passed that came more than `FASTER` times as fast, after what passed before it, as the rate allows; none of
/// too little to tell. For captures behind the losses.
pub(super) fn fast_share(arrivals: &[Arrival], rate_bps: f64) -> Option<f64> {
    let passed: Vec<&Arrival> = arrivals.iter().filter(|a| !a.lost).collect();
    let gaps = passed.iter().zip(passed.iter().skip(1));
    let fast = gaps
        .filter(|(before, after)| {
            let took = after.at_us.saturating_sub(before.at_us) as f64;
            took * FASTER < f64::from(after.bytes) * 8e6 / rate_bps
        })
        .count();
    (passed.len() >= FEWEST_GAPS).then(|| fast as f64 / passed.len() as f64)
}

/// True if so much came faster than the rate that no queue let it out.
pub(super) fn unqueued(arrivals: &[Arrival], rate_bps: f64) -> bool {
    fast_share(arrivals, rate_bps).is_some_and(|share| share >= FAST_SHARE)
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

/// How much faster than the rate. A line that is shared gives a flow a rate of its share, and packets at the whole line's
/// spacing: twice as fast beside one other flow, six times as fast for each of a browser's six connections to a host.
const FASTER: f64 = 8.0;
/// Share of what passed that must have come so fast. Lines and shapers give none, but for what the capturing machine was late
/// to take in; a policer must let a bucket through at once after each rest.
const FAST_SHARE: f64 = 0.15;
/// Fewest packets that passed of which a share is taken: three fast ones in twenty would be chance with fewer.
const FEWEST_GAPS: usize = 20;
/// Fewest round trips from which a middle is taken.
const FEWEST: usize = 10;
/// A queue that holds less than this much time does not show in round trips, microseconds.
const SHORTEST_US: f64 = 3_000.0;

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test's own numbers")]
mod tests {
    use super::*;

    /// Pairs of 1500 bytes that follow one another after so many microseconds in turn.
    fn pairs(gaps_us: [u64; 2]) -> Vec<Arrival> {
        let mut at_us = 0;
        let mut next = |n: usize| {
            at_us += gaps_us[n % 2];
            Arrival { at_us, bytes: 1500, lost: false }
        };
        (0..40).map(&mut next).collect()
    }

    #[test]
    fn only_what_comes_much_faster_than_the_rate_was_not_queued() {
        // At 128 kbit/s 1500 bytes take 93.75 ms.
        let rate = 128e3;
        assert!(!unqueued(&pairs([93_750, 93_750]), rate), "a line's output");
        assert!(!unqueued(&pairs([93_750, 900_000]), rate), "a line's output with pauses");
        assert!(!unqueued(&pairs([46_875, 140_625]), rate), "half of a line of twice the rate");
        assert!(!unqueued(&pairs([15_625, 171_875]), rate), "a sixth of a line of six times");
        assert!(unqueued(&pairs([120, 187_380]), rate), "pairs at 100 Mbit/s");
        assert!(unqueued(&pairs([1_500, 186_000]), rate), "pairs at 8 Mbit/s");
    }

    #[test]
    fn few_packets_and_those_that_were_lost_do_not_tell() {
        let mut few = pairs([120, 187_380]);
        few.truncate(19);
        assert_eq!(fast_share(&few, 128e3), None);
        let mut holed = pairs([120, 187_380]);
        for arrival in holed.iter_mut().skip(1).step_by(2) {
            arrival.lost = true;
        }
        assert_eq!(fast_share(&holed, 128e3), Some(0.0), "every second one was lost");
    }
}
