//! Slowing down: a policer, a shaper, or added delay and loss, for flows chosen by name or endpoint.

use std::time::Duration;

use super::endpoint::Endpoints;
use super::watch::{Flow, FlowTable, Sight, Watch};
use super::{Fate, Hop, Middlebox};
use crate::fabric::link::{bytes_in, time_for};
use crate::frame::{Frame, Packet};

/// Slows flows down, both ways.
#[derive(Debug)]
pub struct Throttle {
    what: Throttled,
    how: Brake,
    buckets: FlowTable<Flow, Bucket>,
}

/// Which flows a [`Throttle`] slows.
#[derive(Debug)]
pub enum Throttled {
    /// Those whose first message asks for a name, from then on.
    Named(Watch),
    /// Those to endpoints.
    Endpoints(Endpoints),
}

/// How a [`Throttle`] slows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brake {
    /// A token bucket for each flow that drops what exceeds it: a saw-tooth, many retransmissions.
    Policer {
        /// Bits a second.
        bits_per_second: u64,
        /// Bytes that may pass at once after a rest.
        burst_bytes: u64,
    },
    /// A token bucket for each flow that makes what exceeds it wait: smooth, long delays.
    Shaper {
        /// Bits a second.
        bits_per_second: u64,
        /// Bytes that may pass at once after a rest.
        burst_bytes: u64,
        /// Bytes that may wait; more are dropped.
        queue_bytes: u64,
    },
    /// A delay for every packet, and a part of them lost.
    Impair {
        /// The delay.
        delay: Duration,
        /// Packets lost in a million.
        loss_per_million: u32,
    },
}

impl Throttle {
    /// Slows `what` down.
    pub fn new(what: Throttled, how: Brake) -> Self {
        Self { what, how, buckets: FlowTable::new(FLOWS, FLOW_IDLE) }
    }

    fn is_meant(&mut self, packet: &Packet<'_>, far: std::net::SocketAddr, hop: &Hop<'_>) -> bool {
        match &mut self.what {
            Throttled::Named(watch) => watch.see(packet, hop) != Sight::Clear,
            Throttled::Endpoints(endpoints) => endpoints.matches(packet, far),
        }
    }

    fn bucket(&mut self, flow: Flow, now: Duration) -> Option<&mut Bucket> {
        if self.buckets.peek(&flow, now).is_none() {
            self.buckets.insert(flow, Bucket::default(), now);
        }
        self.buckets.touch(&flow, now)
    }
}

impl Middlebox for Throttle {
    fn see(&mut self, frame: &Frame, hop: &mut Hop<'_>) -> Fate {
        let Some(packet) = frame.packet() else { return Fate::Forward };
        let Some(flow) = Flow::of(&packet, hop.direction()) else { return Fate::Forward };
        if !self.is_meant(&packet, flow.server, hop) {
            return Fate::Forward;
        }
        let how = self.how;
        if let Brake::Impair { delay, loss_per_million } = how {
            let lost = hop.rng().chance(loss_per_million);
            return if lost { Fate::Drop } else { Fate::Delay(delay) };
        }
        let len = frame.len() as u64;
        self.bucket(flow, hop.now()).map_or(Fate::Forward, |it| it.take(how, len, hop.now()))
    }
}

/// A token bucket, kept as the time at which it will be full again.
#[derive(Debug, Default)]
struct Bucket {
    full_at: Duration,
}

impl Bucket {
    fn take(&mut self, how: Brake, len: u64, now: Duration) -> Fate {
        let (rate, burst, queue) = match how {
            Brake::Policer { bits_per_second, burst_bytes } => (bits_per_second, burst_bytes, 0),
            Brake::Shaper { bits_per_second, burst_bytes, queue_bytes } => {
                (bits_per_second, burst_bytes, queue_bytes)
            }
            Brake::Impair { .. } => return Fate::Forward,
        };
        let full_at = self.full_at.max(now) + time_for(len, rate);
        let used = bytes_in(full_at - now, rate);
        if used > burst.saturating_add(queue) {
            return Fate::Drop;
        }
        self.full_at = full_at;
        match used.checked_sub(burst) {
            None | Some(0) => Fate::Forward,
            Some(waiting) => Fate::Delay(time_for(waiting, rate)),
        }
    }
}

const FLOWS: usize = 65_536;
const FLOW_IDLE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    const SEC: Duration = Duration::from_secs(1);

    #[test]
    fn a_policer_lets_the_burst_and_then_the_rate_through() {
        let how = Brake::Policer { bits_per_second: 8_000, burst_bytes: 2_000 };
        let mut bucket = Bucket::default();
        let fates: Vec<Fate> = (0..3).map(|_| bucket.take(how, 1_000, SEC)).collect();
        assert_eq!(fates, [Fate::Forward, Fate::Forward, Fate::Drop]);
        // One second at 1000 bytes a second makes room for one more.
        assert_eq!(bucket.take(how, 1_000, 2 * SEC), Fate::Forward);
        assert_eq!(bucket.take(how, 1_000, 2 * SEC), Fate::Drop);
    }

    #[test]
    fn a_shaper_makes_the_rest_wait() {
        let how = Brake::Shaper { bits_per_second: 8_000, burst_bytes: 1_000, queue_bytes: 2_000 };
        let mut bucket = Bucket::default();
        let fates: Vec<Fate> = (0..4).map(|_| bucket.take(how, 1_000, SEC)).collect();
        let expected = [Fate::Forward, Fate::Delay(SEC), Fate::Delay(2 * SEC), Fate::Drop];
        assert_eq!(fates, expected);
    }
}
