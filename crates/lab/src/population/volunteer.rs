//! People who measure: when they do, and what is wrong with their lines.

use super::country::PUBLIC_RESOLVERS;
use super::draw::{Draw, mixed};
use super::settings::{DAY_S, HOUR_S};

/// One volunteer on one network.
#[derive(Debug, Clone)]
pub(super) struct Volunteer {
    /// A number that means nothing elsewhere.
    pub(super) vantage: u64,
    /// How much of the network's measuring is theirs, against the others who are there.
    pub(super) weight: u32,
    /// Hours of the local day, a bit each.
    hours: u32,
    /// Days of the week, a bit each.
    days: u8,
    /// From when to when they measure at all.
    pub(super) present: (i64, i64),
    /// A long gap within that; empty for most.
    gap: (i64, i64),
    /// Number of the resolver's network.
    pub(super) resolver_asn: u32,
    pub(super) fault: Fault,
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing.
    None,
    /// Everything is reported blocked.
    ReportsBlocked,
    /// IPv6 does not work.
    BrokenIpv6,
    /// On one day of three, a login page.
    CaptivePortal,
    /// The clock is so many seconds off.
    WrongClock(i64),
}

impl Volunteer {
    /// The volunteer of this number on a network; number 0 is an unattended probe.
    pub(super) fn new(draw: &mut Draw, (asn, number): (u32, u32), data: (i64, i64)) -> Self {
        let vantage = mixed(draw.bits(), &[u64::from(asn), u64::from(number)]) >> 1;
        let unattended = number == 0;
        let resolver_asn = if unattended || draw.chance(OWN_RESOLVER_PER_MILLION) {
            asn
        } else {
            draw.pick(&PUBLIC_RESOLVERS).copied().unwrap_or(asn)
        };
        let mut volunteer = Self {
            vantage,
            weight: 1_000_000 / (number + 1),
            hours: u32::MAX,
            days: u8::MAX,
            present: (data.0 - DAY_S, data.1 + DAY_S),
            gap: (0, 0),
            resolver_asn,
            fault: Fault::None,
        };
        if !unattended {
            volunteer.habits(draw, data);
        }
        volunteer
    }

    /// One in three measures around the clock (a phone that runs by itself), the rest in one or two stretches of the
    /// day; one in five on some days of the week only. A third join or leave within the data, a fifth have a long gap.
    fn habits(&mut self, draw: &mut Draw, (begin_s, end_s): (i64, i64)) {
        if !draw.chance(333_000) {
            self.hours = 0;
            for _ in 0..draw.count(1, 3) {
                let (from, width) = (draw.count(7, 23), draw.count(2, 7));
                for hour in from..from + width {
                    self.hours |= 1 << (hour % 24);
                }
            }
        }
        if draw.chance(200_000) {
            let bits = draw.bits().to_le_bytes();
            self.days = bits.first().copied().unwrap_or(0) | 0b0010_0000;
        }
        if draw.chance(170_000) {
            self.present.0 = draw.between(begin_s, end_s);
        }
        if draw.chance(170_000) {
            self.present.1 = draw.between(begin_s, end_s);
        }
        if draw.chance(200_000) {
            let from = draw.between(begin_s, end_s);
            self.gap = (from, from + draw.between(3 * DAY_S, 21 * DAY_S));
        }
    }

    /// Makes them a volunteer who measures at any hour from then to then, with this weight and this fault.
    pub(super) fn always(&mut self, present: (i64, i64), weight: u32, fault: Fault) {
        (self.hours, self.days, self.gap) = (u32::MAX, u8::MAX, (0, 0));
        (self.present, self.weight, self.fault) = (present, weight, fault);
    }

    /// True where they measure at that time; `local_s` is the same time by the clock on the wall.
    pub(super) fn measures(&self, at_s: i64, local_s: i64) -> bool {
        let hour = local_s.div_euclid(HOUR_S).rem_euclid(24);
        let day = local_s.div_euclid(DAY_S).rem_euclid(7);
        let here = (self.present.0..self.present.1).contains(&at_s)
            && !(self.gap.0..self.gap.1).contains(&at_s);
        here && self.hours >> hour & 1 == 1 && self.days >> day & 1 == 1
    }

    /// True on days behind a login page.
    pub(super) fn behind_a_login(&self, at_s: i64) -> bool {
        let day = u64::try_from(at_s.div_euclid(DAY_S)).unwrap_or(0);
        self.fault == Fault::CaptivePortal && mixed(self.vantage, &[day]).is_multiple_of(3)
    }
}

/// Volunteers who ask their network's resolver. Invented; the rest ask a public one.
const OWN_RESOLVER_PER_MILLION: u32 = 850_000;
