//! A small generator of measurements: every cell at its own rate, by a few volunteers who come and go, some verdicts wrong.

use wirewitness_analysis::events::{Event, Report, Settings, find};
use wirewitness_model::point::{Network, Point};
use wirewitness_model::verdict::{Mechanism, Status};

/// What is measured, how often, by how many.
#[derive(Clone, Copy)]
pub(super) struct World {
    pub(super) seed: u64,
    pub(super) days: u32,
    pub(super) countries: u32,
    /// In each country.
    pub(super) networks: u32,
    /// In each network.
    pub(super) vantages: u64,
    pub(super) targets: u32,
    /// Measurements of a cell in a day.
    pub(super) rate: f64,
    /// The first targets are measured at a rate of their own: how many, and theirs.
    pub(super) often: (u32, f64),
    /// Share of them that wrongly say `blocked`.
    pub(super) noise: f64,
}

impl Default for World {
    fn default() -> Self {
        Self {
            seed: 1,
            days: 30,
            countries: 1,
            networks: 4,
            vantages: 5,
            targets: 10,
            rate: 20.0,
            often: (0, 0.0),
            noise: 0.01,
        }
    }
}

impl World {
    /// All points, each passed by the truth, which may change it (or drop it, by `false`).
    pub(super) fn points(
        &self,
        mut truth: impl FnMut(&mut Point, &mut Random) -> bool,
    ) -> Vec<Point> {
        let mut random = Random::new(self.seed);
        let mut points = Vec::new();
        for target in 0..self.targets {
            for network in 0..self.countries * self.networks {
                let rate = if target < self.often.0 { self.often.1 } else { self.rate };
                let wanted = rate * f64::from(self.days);
                let n = wanted as u64 + u64::from(random.chance(wanted.fract()));
                for _ in 0..n {
                    let mut point = self.point(target, network, &mut random);
                    if truth(&mut point, &mut random) {
                        points.push(point);
                    }
                }
            }
        }
        points
    }

    fn point(&self, target: u32, network: u32, random: &mut Random) -> Point {
        let asn = 100 + network;
        // The first volunteers are the busiest.
        let voice = random.below(self.vantages).min(random.below(self.vantages));
        let wrong = random.chance(self.noise);
        let mechanisms = [Mechanism::TcpTimeout, Mechanism::TlsTimeout, Mechanism::HttpError];
        let country = [b'A', b'A' + (network / self.networks) as u8];
        Point {
            at_s: START_S + random.below(u64::from(self.days) * 86_400) as i64,
            network: Network { country, asn },
            target,
            vantage: u64::from(asn) * 1_000 + voice,
            resolver_asn: if random.chance(0.7) { asn } else { 15_169 },
            status: if wrong { Status::Blocked } else { Status::Ok },
            mechanism: wrong.then(|| mechanisms[random.below(3) as usize]),
        }
    }

    /// What is found in them.
    pub(super) fn find(&self, truth: impl FnMut(&mut Point, &mut Random) -> bool) -> Report {
        find(&mut self.points(truth), &Settings::default())
    }
}

/// Time of a day and hour of the world.
pub(super) fn at(day: i64, hour: i64) -> i64 {
    START_S + day * 86_400 + hour * 3_600
}

/// Blocks a point with a probability.
pub(super) fn block(point: &mut Point, mechanism: Mechanism, share: f64, random: &mut Random) {
    if random.chance(share) {
        (point.status, point.mechanism) = (Status::Blocked, Some(mechanism));
    }
}

/// One line an event, for messages.
pub(super) fn lines(events: &[Event]) -> Vec<String> {
    events
        .iter()
        .map(|event| {
            let hours = |s: i64| (s - START_S) as f64 / 3_600.0;
            format!(
                "{} {:?} {:.1}h seen {:.1}h .. {:?} targets {:?} networks {:?} against {:?} {:?} {:?} v{}",
                event.id,
                event.kind,
                hours(event.start.at_s),
                hours(event.start.seen_s),
                event.end.map(|end| hours(end.at_s)),
                &event.targets[..event.targets.len().min(12)],
                event.networks,
                event.networks_against,
                event.mechanisms,
                event.counts,
                event.vantages,
            )
        })
        .collect()
}

/// Xorshift (Marsaglia 2003).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }

    pub(super) fn chance(&mut self, share: f64) -> bool {
        (self.below(1 << 40) as f64) < share * (1_u64 << 40) as f64
    }
}

/// 2026-01-01.
pub(super) const START_S: i64 = 1_767_225_600;
