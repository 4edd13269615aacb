//! What is no event, but may look like one.

use super::{Planner, meet};
use crate::population::settings::{DAY_S, HOUR_S, SettingsError};
use crate::population::target_set::TargetSet;
use crate::population::truth::{NonEvent, NonEventKind};
use crate::population::volunteer::Fault;

impl Planner<'_> {
    /// Three to twelve hours in which nobody gets a control; days apart where there is room.
    pub(super) fn control_outages(&mut self) {
        for _ in 0..self.settings.non_events.control_outages {
            let mut span = self.stretch(3 * HOUR_S, 12 * HOUR_S);
            for _ in 0..50 {
                let near = (span.0 - 2 * DAY_S, span.1 + 2 * DAY_S);
                if !self.outages.iter().any(|other| meet(*other, near)) {
                    break;
                }
                span = self.stretch(3 * HOUR_S, 12 * HOUR_S);
            }
            self.outages.push(span);
            let targets = TargetSet::all(self.settings.targets);
            let networks = self.asns();
            self.note(NonEventKind::ControlOutage, (targets, networks), span);
        }
    }

    /// All others. Faults of volunteers come last: bad ones first, each on a network of its own where there are enough.
    pub(super) fn non_events(&mut self) -> Result<(), SettingsError> {
        let counts = &self.settings.non_events;
        for _ in 0..counts.cdn_moves {
            self.of_targets("cdn_moves", (NonEventKind::CdnMove, (6 * HOUR_S, DAY_S)))?;
        }
        for _ in 0..counts.server_outages {
            self.of_targets("server_outages", (NonEventKind::ServerOutage, (HOUR_S, DAY_S)))?;
        }
        for _ in 0..counts.broken_resolvers {
            self.of_a_network(NonEventKind::BrokenResolver, (DAY_S, 4 * DAY_S));
        }
        for _ in 0..counts.volume_dips {
            self.of_a_network(NonEventKind::VolumeDip, (2 * DAY_S, 8 * DAY_S));
        }
        for _ in 0..counts.bad_volunteers {
            self.bad_volunteer()?;
        }
        let faults = [
            ("broken_ipv6", counts.broken_ipv6, NonEventKind::BrokenIpv6),
            ("captive_portals", counts.captive_portals, NonEventKind::CaptivePortal),
            ("wrong_clocks", counts.wrong_clocks, NonEventKind::WrongClock),
        ];
        for (key, count, kind) in faults {
            for _ in 0..count {
                self.faulty(key, kind)?;
            }
        }
        Ok(())
    }

    /// Something about a densely measured service, away from any change of a block on it.
    fn of_targets(
        &mut self,
        key: &str,
        (kind, (least_s, most_s)): (NonEventKind, (i64, i64)),
    ) -> Result<(), SettingsError> {
        for attempt in 0..super::ATTEMPTS {
            let span = self.stretch(least_s, most_s);
            let Some(service) = self.draw.pick(&self.country.services) else { break };
            let homes = &service.networks;
            let (targets, near) = (service.targets.clone(), (span.0 - DAY_S, span.1 + DAY_S));
            let busy = self.taken.iter().any(|taken| {
                let changes = taken.changes.iter().any(|change| meet(*change, near));
                // Where most of it is blocked there is little to see of it: only where there is no other room.
                let hides = attempt < super::ATTEMPTS / 2
                    && taken.networks.iter().filter(|at| homes.contains(at)).count() * 2
                        >= homes.len()
                    && meet(taken.span, span);
                (changes || hides)
                    && targets.iter().any(|it| taken.targets.binary_search(it).is_ok())
            });
            if !busy {
                let scope = (targets.into_iter().collect(), self.asns());
                self.note(kind, scope, span);
                return Ok(());
            }
        }
        let expected = "fewer: events leave no room for more";
        Err(SettingsError::at(&format!("non_events.{key}"), expected))
    }

    fn of_a_network(&mut self, kind: NonEventKind, (least_s, most_s): (i64, i64)) {
        let span = self.stretch(least_s, most_s);
        let networks = self.asns();
        let used: Vec<u32> = self
            .non_events
            .iter()
            .filter(|it| it.kind == kind)
            .flat_map(|it| it.networks.clone())
            .collect();
        let free: Vec<u32> = networks.iter().copied().filter(|asn| !used.contains(asn)).collect();
        let from = if free.is_empty() { &networks } else { &free };
        let asn = self.draw.pick(from).copied();
        let targets = TargetSet::all(self.settings.targets);
        self.note(kind, (targets, asn.into_iter().collect()), span);
    }

    /// Joins a network of at least six others, and weighs a third of all of them: 30 to 45 of 100 measurements are theirs,
    /// because not all others are always there.
    fn bad_volunteer(&mut self) -> Result<(), SettingsError> {
        let span = self.stretch(5 * DAY_S, 15 * DAY_S);
        let networks = &self.country.networks;
        let is_healthy = |at: &usize| {
            networks
                .get(*at)
                .is_some_and(|it| it.volunteers.iter().all(|it| it.fault != Fault::ReportsBlocked))
        };
        let mut fit: Vec<usize> = (0..networks.len())
            .filter(|at| networks.get(*at).is_some_and(|it| it.volunteers.len() > 6))
            .collect();
        if fit.iter().any(is_healthy) {
            fit.retain(is_healthy);
        }
        let chosen = self.draw.pick(&fit).copied();
        let Some(network) = chosen.and_then(|at| self.country.networks.get_mut(at)) else {
            let expected = "fewer: no network has more than six volunteers";
            return Err(SettingsError::at("non_events.bad_volunteers", expected));
        };
        let total: u32 = network.volunteers.iter().map(|it| it.weight).sum();
        let asn = network.asn;
        let last = network.volunteers.iter_mut().rfind(|it| it.fault == Fault::None);
        let vantage = last.map(|volunteer| {
            volunteer.always(span, total / 3, Fault::ReportsBlocked);
            volunteer.vantage
        });
        let targets = TargetSet::all(self.settings.targets);
        self.note(NonEventKind::BadVolunteer, (targets, vec![asn]), span);
        self.blame(vantage);
        Ok(())
    }

    /// A fault on a volunteer who has none; the first of a network keeps none.
    fn faulty(&mut self, key: &str, kind: NonEventKind) -> Result<(), SettingsError> {
        let hours = self.draw.between(2, 27) * HOUR_S;
        let offset = if self.draw.chance(500_000) { hours } else { -hours };
        let without = |most: usize| -> Vec<(usize, usize)> {
            let networks = self.country.networks.iter().enumerate();
            let of = networks.flat_map(|(at, network)| {
                let others = network.volunteers.iter().enumerate().skip(1).take(most);
                others.filter(|(_, it)| it.fault == Fault::None).map(move |(who, _)| (at, who))
            });
            of.collect()
        };
        // Of the busy ones where there are any: a fault that nobody sees is none.
        let mut free = without(5);
        if free.is_empty() {
            free = without(usize::MAX);
        }
        let chosen = self.draw.pick(&free).copied();
        let found = chosen.and_then(|(at, who)| {
            let network = self.country.networks.get_mut(at)?;
            let asn = network.asn;
            network.volunteers.get_mut(who).map(|volunteer| (asn, volunteer))
        });
        let Some((asn, volunteer)) = found else {
            let expected = "fewer: no volunteer without a fault is left";
            return Err(SettingsError::at(&format!("non_events.{key}"), expected));
        };
        volunteer.fault = match kind {
            NonEventKind::BrokenIpv6 => Fault::BrokenIpv6,
            NonEventKind::CaptivePortal => Fault::CaptivePortal,
            _ => Fault::WrongClock(offset),
        };
        let vantage = volunteer.vantage;
        let targets = TargetSet::all(self.settings.targets);
        self.note(kind, (targets, vec![asn]), self.data);
        self.blame(Some(vantage));
        Ok(())
    }

    /// A stretch of whole minutes between these lengths, within the data where they are long enough.
    fn stretch(&mut self, least_s: i64, most_s: i64) -> (i64, i64) {
        let (begin_s, end_s) = self.data;
        let length = self.draw.between(least_s / 60, most_s / 60 + 1) * 60;
        let length = length.min(end_s - begin_s);
        let from = (begin_s + DAY_S).min(end_s - length);
        let start_s = self.draw.between(from / 60, ((end_s - length) / 60).max(from / 60 + 1)) * 60;
        (start_s, start_s + length)
    }

    fn asns(&self) -> Vec<u32> {
        self.country.networks.iter().map(|network| network.asn).collect()
    }

    fn note(
        &mut self,
        kind: NonEventKind,
        (targets, networks): (TargetSet, Vec<u32>),
        (start_s, end_s): (i64, i64),
    ) {
        let id = String::new();
        let vantage = None;
        self.non_events.push(NonEvent { id, kind, targets, networks, vantage, start_s, end_s });
    }

    fn blame(&mut self, vantage: Option<u64>) {
        if let Some(last) = self.non_events.last_mut() {
            last.vantage = vantage;
        }
    }
}
