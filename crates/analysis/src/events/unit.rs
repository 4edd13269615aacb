//! Points into units of evidence: what one vantage said of one target in one hour, however often it said it.
//!
//! A volunteer who tests twelve pages of one site in a minute, or one page every minute, has seen one thing. Counting it once
//! an hour is the first cap on what a vantage contributes.

use wirewitness_model::point::{Network, Point};
use wirewitness_model::verdict::{Mechanism, Status};

/// What one vantage said of one target from one network in one hour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Unit {
    /// First point, seconds since 1970.
    pub(super) first_s: i64,
    /// Last point.
    pub(super) last_s: i64,
    pub(super) network: Network,
    pub(super) vantage: u64,
    pub(super) ok: u16,
    pub(super) blocked: u16,
    pub(super) down: u16,
    /// Of the first blocked point.
    pub(super) mechanism: Option<Mechanism>,
    /// Of the first blocked point, or else of the first; 0 where not known.
    pub(super) resolver_asn: u32,
}

impl Unit {
    fn new(point: &Point) -> Self {
        let mut unit = Self {
            first_s: point.at_s,
            last_s: point.at_s,
            network: point.network,
            vantage: point.vantage,
            ok: 0,
            blocked: 0,
            down: 0,
            mechanism: None,
            resolver_asn: point.resolver_asn,
        };
        unit.add(point);
        unit
    }

    fn add(&mut self, point: &Point) {
        self.last_s = self.last_s.max(point.at_s);
        match point.status {
            Status::Ok => self.ok = self.ok.saturating_add(1),
            Status::Down => self.down = self.down.saturating_add(1),
            Status::Blocked => {
                if self.blocked == 0 {
                    (self.mechanism, self.resolver_asn) = (point.mechanism, point.resolver_asn);
                }
                self.blocked = self.blocked.saturating_add(1);
            }
            Status::Insufficient => {}
        }
    }

    /// Shares of `blocked` and of `down`. They and that of `ok` add up to 1.
    pub(super) fn shares(&self) -> (f64, f64) {
        let all = f64::from(self.ok) + f64::from(self.blocked) + f64::from(self.down);
        (f64::from(self.blocked) / all, f64::from(self.down) / all)
    }

    /// Whether it speaks of a block more than against one.
    pub(super) fn is_blocked(&self) -> bool {
        self.blocked > 0 && self.blocked >= self.ok.saturating_add(self.down)
    }

    /// Whether it says that the target could be used.
    pub(super) fn is_ok(&self) -> bool {
        self.ok > 0 && self.ok >= self.blocked.saturating_add(self.down)
    }
}

/// Makes units of one cell of points that come in order of time.
#[derive(Debug, Default)]
pub(super) struct Units {
    /// Of hours that are over, then of the hour at hand from `from` on.
    pub(super) done: Vec<Unit>,
    from: usize,
    hour: i64,
    /// Points that no longer fit: more than [`VOICES_AN_HOUR`] vantages in an hour, or [`MOST_UNITS`] in all.
    pub(super) dropped: u64,
}

impl Units {
    /// Adds a point that carries an answer. Those that do not, those of a shutdown and those that were slowed are not evidence on a target.
    pub(super) fn add(&mut self, point: &Point) {
        if point.status == Status::Insufficient
            || point.mechanism == Some(Mechanism::Shutdown)
            || is_slow(point)
        {
            return;
        }
        let hour = point.at_s.div_euclid(3_600);
        if hour != self.hour {
            (self.hour, self.from) = (hour, self.done.len());
        }
        let current = self.done.get_mut(self.from..).unwrap_or_default();
        let voices = current.len();
        if let Some(unit) = current.iter_mut().find(|unit| unit.vantage == point.vantage) {
            unit.add(point);
        } else if voices >= VOICES_AN_HOUR || self.done.len() >= MOST_UNITS {
            self.dropped += 1;
        } else {
            self.done.push(Unit::new(point));
        }
    }

    /// Begins another target.
    pub(super) fn clear(&mut self) {
        self.done.clear();
        self.dropped = 0;
        self.next_cell();
    }

    /// Begins another cell, whose first unit is the next.
    pub(super) fn next_cell(&mut self) {
        (self.from, self.hour) = (self.done.len(), i64::MIN);
    }
}

/// Whether it could be used and was slowed: it speaks neither for a block nor for the end of one.
fn is_slow(point: &Point) -> bool {
    point.status == Status::Ok
        && matches!(
            point.mechanism,
            Some(
                Mechanism::TlsThrottleSni
                    | Mechanism::HttpThrottleHost
                    | Mechanism::IpThrottleEndpoint
            )
        )
}

/// Vantages heard in one cell in one hour. More say nothing new of a thing that is blocked or not.
pub(super) const VOICES_AN_HOUR: usize = 64;
/// Units held for one target in one country: 80 bytes each.
pub(super) const MOST_UNITS: usize = 1 << 21;

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::events) fn point(at_s: i64, vantage: u64, status: Status) -> Point {
        Point {
            at_s,
            network: Network { country: *b"ZZ", asn: 64_500 },
            target: 1,
            vantage,
            resolver_asn: 0,
            status,
            mechanism: (status == Status::Blocked).then_some(Mechanism::TlsResetSni),
        }
    }

    #[test]
    fn a_vantage_counts_once_an_hour() {
        let mut units = Units::default();
        for second in 0..7_200 {
            units.add(&point(second, 7, Status::Blocked));
            units.add(&point(second, 8, Status::Ok));
        }
        assert_eq!(units.done.len(), 4);
        assert!(units.done.iter().all(|unit| unit.is_blocked() == (unit.vantage == 7)));
    }

    #[test]
    fn no_answer_is_no_evidence() {
        let mut units = Units::default();
        units.add(&point(0, 7, Status::Insufficient));
        units.add(&Point { mechanism: Some(Mechanism::Shutdown), ..point(1, 7, Status::Blocked) });
        assert!(units.done.is_empty());
    }

    #[test]
    fn a_flood_of_vantages_is_bounded() {
        let mut units = Units::default();
        for vantage in 0..10_000 {
            units.add(&point(5, vantage, Status::Blocked));
        }
        assert_eq!((units.done.len(), units.dropped), (VOICES_AN_HOUR, 10_000 - 64));
    }
}
