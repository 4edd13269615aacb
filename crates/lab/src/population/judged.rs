//! What a judge says of one measurement, given what is in force there and then. It errs as judges do.
//!
//! All rates here are invented, in the range of what is known of volunteers' data: rotating addresses are OONI's main
//! source of false positives, dead sites stay on lists for years, and one of some hundred verdicts is wrong.

use wirewitness_model::verdict::{Mechanism, Status};

use super::draw::{Draw, per_mille};
use super::forces::Forces;
use super::plan::{reach_of, seen_as};
use super::settings::Noise;
use super::truth::{NonEventKind, Reach};
use super::volunteer::{Fault, Volunteer};

/// A verdict as a point has it.
pub(super) type Said = (Status, Option<Mechanism>);

/// One measurement that is made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) asn: u32,
    pub(super) target: u32,
    pub(super) at_s: i64,
    pub(super) volunteer: &'a Volunteer,
    /// True for a target that is measured densely somewhere: those are alive.
    pub(super) is_kept: Kept,
}

/// Whether somebody looks after a target's place on the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// Measured densely somewhere.
    Yes,
    /// One of the long tail: some are dead for years.
    No,
}

/// A judge, with its errors.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    seed: u64,
    noise: &'a Noise,
    forces: Forces<'a>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(seed: u64, noise: &'a Noise, forces: Forces<'a>) -> Self {
        Self { seed, noise, forces }
    }

    pub(super) fn forces(&self) -> &Forces<'a> {
        &self.forces
    }

    /// The verdict. The line's faults come before the network's, those before the target's.
    pub(super) fn say(&self, scene: &Scene<'_>, draw: &mut Draw) -> Said {
        self.of_line(scene, draw)
            .or_else(|| self.of_network(scene, draw))
            .or_else(|| self.of_block(scene, draw))
            .or_else(|| self.of_target(scene, draw))
            .unwrap_or_else(|| self.of_nothing(scene, draw))
    }

    fn of_line(&self, scene: &Scene<'_>, draw: &mut Draw) -> Option<Said> {
        let volunteer = scene.volunteer;
        match volunteer.fault {
            // A filter in the house, say: it resets most, and forges the rest.
            Fault::ReportsBlocked if draw.chance(960_000) => blocked(draw, &HOUSE_FILTER),
            Fault::CaptivePortal if volunteer.behind_a_login(scene.at_s) => {
                if draw.chance(20_000) {
                    return Some((Status::Blocked, Some(Mechanism::DnsInjectionOther)));
                }
                Some((Status::Insufficient, Some(Mechanism::VantageCaptivePortal)))
            }
            Fault::BrokenIpv6 if draw.chance(300_000) => {
                Some((Status::Insufficient, Some(Mechanism::VantageIpv6Broken)))
            }
            _ => None,
        }
    }

    fn of_network(&self, scene: &Scene<'_>, draw: &mut Draw) -> Option<Said> {
        let (asn, at_s) = (scene.asn, scene.at_s);
        let own_resolver = scene.volunteer.resolver_asn == asn;
        // Whatever it is asked: one answer of two is wrong, and the judge has no word for a part of those.
        if own_resolver
            && self.forces.of_network(NonEventKind::BrokenResolver, (asn, at_s))
            && draw.chance(500_000)
        {
            let unsaid = Some((Status::Insufficient, None));
            return if draw.chance(300_000) { unsaid } else { blocked(draw, &WRONG_ANSWERS) };
        }
        // Who is on line during a shutdown is on a line of another kind, or was about to be cut off.
        if self.forces.cut_percent(asn, at_s).is_some() && draw.chance(500_000) {
            return Some((Status::Insufficient, None));
        }
        if self.forces.without_control(at_s) && draw.chance(850_000) {
            return Some((Status::Insufficient, None));
        }
        let rate = self.rate(scene, (7, self.noise.insufficient_per_million));
        draw.chance(rate).then_some((Status::Insufficient, None))
    }

    fn of_block(&self, scene: &Scene<'_>, draw: &mut Draw) -> Option<Said> {
        let (planted, mechanism) = self.forces.block((scene.asn, scene.target), scene.at_s)?;
        let met = reach_of(mechanism) == Reach::All || scene.volunteer.resolver_asn == scene.asn;
        if !met {
            return None;
        }
        // Flows take different ways through a network: which measurement is met is chance, not the line's fate.
        if draw.chance(planted.share_percent * 10_000) {
            return Some((Status::Blocked, Some(seen_as(draw, mechanism))));
        }
        let slows = mechanism.word().contains(".throttle.");
        // Slow, but usable.
        (slows && draw.chance(500_000)).then_some((Status::Ok, Some(mechanism)))
    }

    fn of_target(&self, scene: &Scene<'_>, draw: &mut Draw) -> Option<Said> {
        match self.forces.trouble(scene.target, scene.at_s) {
            Some(NonEventKind::ServerOutage) => {
                return match draw.below(1000) {
                    0..880 => Some((Status::Down, Some(Mechanism::ServerDown))),
                    880..960 => Some((Status::Insufficient, None)),
                    960..970 => blocked(draw, &TIMEOUTS),
                    _ => Some((Status::Ok, None)),
                };
            }
            Some(NonEventKind::CdnMove) => match draw.below(1000) {
                0..40 => return Some((Status::Blocked, Some(Mechanism::DnsInjectionOther))),
                40..140 => return Some((Status::Insufficient, None)),
                _ => {}
            },
            _ => {}
        }
        let class = per_mille(self.seed, &[6, u64::from(scene.target)]);
        match (class, scene.is_kept) {
            (0..20, Kept::No) if draw.chance(950_000) => {
                Some((Status::Down, Some(Mechanism::ServerDown)))
            }
            (20..30, Kept::No) if draw.chance(900_000) => {
                Some((Status::Down, Some(Mechanism::ServerGeoblock)))
            }
            // Addresses that differ by where one asks from.
            (30..50, _) if draw.chance(20_000) => {
                Some((Status::Blocked, Some(Mechanism::DnsInjectionOther)))
            }
            _ => None,
        }
    }

    fn of_nothing(&self, scene: &Scene<'_>, draw: &mut Draw) -> Said {
        if draw.chance(self.rate(scene, (8, self.noise.false_blocked_per_million)))
            && let Some(said) = blocked(draw, &MISREAD)
        {
            return said;
        }
        if draw.chance(self.rate(scene, (9, self.noise.false_down_per_million))) {
            return (Status::Down, Some(Mechanism::ServerDown));
        }
        (Status::Ok, None)
    }

    /// A fifth of the rate to the whole of it, by network.
    fn rate(&self, scene: &Scene<'_>, (what, rate): (u64, u32)) -> u32 {
        let part = per_mille(self.seed, &[what, u64::from(scene.asn)]);
        u32::try_from(u64::from(rate) * u64::from(200 + part * 4 / 5) / 1000).unwrap_or(rate)
    }
}

fn blocked(draw: &mut Draw, by: &[(Mechanism, u32)]) -> Option<Said> {
    let mechanism = draw.weighted(by).copied()?;
    Some((Status::Blocked, Some(mechanism)))
}

/// What losses on a line are taken for.
const MISREAD: [(Mechanism, u32); 7] = [
    (Mechanism::TcpTimeout, 30),
    (Mechanism::DnsTimeout, 20),
    (Mechanism::TlsTimeout, 15),
    (Mechanism::TlsResetOther, 15),
    (Mechanism::TcpReset, 10),
    (Mechanism::HttpTimeout, 5),
    (Mechanism::DnsInjectionOther, 5),
];

/// What a server that is down for most is taken for.
const TIMEOUTS: [(Mechanism, u32); 2] = [(Mechanism::TcpTimeout, 3), (Mechanism::TlsTimeout, 1)];

/// What a broken resolver is taken for.
const WRONG_ANSWERS: [(Mechanism, u32); 4] = [
    (Mechanism::DnsNxdomain, 4),
    (Mechanism::DnsTimeout, 3),
    (Mechanism::DnsInjectionOther, 2),
    (Mechanism::DnsInjectionBogon, 1),
];

/// What a filter in the house is taken for.
const HOUSE_FILTER: [(Mechanism, u32); 4] = [
    (Mechanism::TlsResetOther, 4),
    (Mechanism::TlsMitmSelfSigned, 3),
    (Mechanism::TcpTimeout, 2),
    (Mechanism::DnsInjectionOther, 1),
];
