//! A link between two nodes: delay, bandwidth with a queue, loss. Both directions have their own state.

use std::time::Duration;

use crate::rng::Rng;

/// What a link is like; the same in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkSpec {
    /// Propagation delay, one way. Default 5 ms.
    pub delay: Duration,
    /// Bits a second; none (the default) is without limit.
    pub bits_per_second: Option<u64>,
    /// Bytes that wait before what comes is dropped; counts only with a bandwidth. Default 64 KiB.
    pub queue_bytes: u64,
    /// Packets lost in a million. Default 0.
    pub loss_per_million: u32,
}

impl Default for LinkSpec {
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(5),
            bits_per_second: None,
            queue_bytes: 64 * 1024,
            loss_per_million: 0,
        }
    }
}

impl LinkSpec {
    /// A link with this delay and no other trouble.
    pub fn delay(delay: Duration) -> Self {
        Self { delay, ..Self::default() }
    }
}

/// One direction of a link.
#[derive(Debug)]
pub(crate) struct Lane {
    spec: LinkSpec,
    rng: Rng,
    /// When the last bit of what was accepted so far has left.
    busy_until: Duration,
}

impl Lane {
    pub(crate) fn new(spec: LinkSpec, rng: Rng) -> Self {
        Self { spec, rng, busy_until: Duration::ZERO }
    }

    /// Puts `len` bytes on the lane at `now`: when they arrive, or none if they never do.
    pub(crate) fn send(&mut self, now: Duration, len: usize) -> Option<Duration> {
        let mut left = now;
        if let Some(rate) = self.spec.bits_per_second {
            let waiting = self.busy_until.saturating_sub(now);
            if bytes_in(waiting, rate) + len as u64 > self.spec.queue_bytes {
                return None;
            }
            left = self.busy_until.max(now) + time_for(len as u64, rate);
            self.busy_until = left;
        }
        if self.rng.chance(self.spec.loss_per_million) {
            return None;
        }
        Some(left + self.spec.delay)
    }
}

/// How long `bytes` take at `rate` bits a second. A rate of 0 is taken as 1, which is as good as never.
pub(crate) fn time_for(bytes: u64, rate: u64) -> Duration {
    let nanos = u128::from(bytes) * 8 * 1_000_000_000 / u128::from(rate.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// How many bytes fit into `time` at `rate` bits a second.
pub(crate) fn bytes_in(time: Duration, rate: u64) -> u64 {
    u64::try_from(time.as_nanos() * u128::from(rate) / 8_000_000_000).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn lane(bits_per_second: Option<u64>, loss_per_million: u32) -> Lane {
        let spec =
            LinkSpec { delay: 10 * MS, bits_per_second, queue_bytes: 3_000, loss_per_million };
        Lane::new(spec, Rng::new(1))
    }

    #[test]
    fn delay_alone() {
        assert_eq!(lane(None, 0).send(5 * MS, 1500), Some(15 * MS));
    }

    #[test]
    fn bandwidth_queues_and_the_queue_ends() {
        // 1000 bytes take 8 ms at 1 Mbit/s.
        let mut lane = lane(Some(1_000_000), 0);
        assert_eq!(lane.send(Duration::ZERO, 1000), Some(18 * MS));
        assert_eq!(lane.send(Duration::ZERO, 1000), Some(26 * MS));
        assert_eq!(lane.send(Duration::ZERO, 1000), Some(34 * MS));
        assert_eq!(lane.send(Duration::ZERO, 1000), None);
        assert_eq!(lane.send(8 * MS, 1000), Some(42 * MS));
    }

    #[test]
    fn loss_comes_from_the_seed() {
        let pattern = |mut lane: Lane| -> Vec<bool> {
            (0..200).map(|_| lane.send(Duration::ZERO, 100).is_none()).collect()
        };
        let first = pattern(lane(None, 100_000));
        assert_eq!(first, pattern(lane(None, 100_000)));
        assert!((5..50).contains(&first.iter().filter(|lost| **lost).count()));
    }
}
