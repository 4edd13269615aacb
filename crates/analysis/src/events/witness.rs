//! Vantages that say `blocked` alone: who was contradicted by others just before and just after.
//!
//! A run of one vantage's measurements of a cell counts where other vantages measured the cell before and after it within
//! [`NEAR_S`] and could use it. Where a vantage said `blocked` in more than [`ALONE`] of such runs, of five targets or more, and four times
//! as often as all others do, it is its own fault: a filter of its school or office, a captive portal.
//!
//! Cannot tell apart: a fault of a volunteer's line, from a block of so small a part of a network that no other volunteer is in it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use wirewitness_model::point::{Network, Point};
use wirewitness_model::verdict::{Mechanism, Status};

use super::errors::Errors;
use super::layer::Layer;
use super::report::{Country, Fault, FaultKind};
use super::survey::{Distinct, Table, row};

/// How often each vantage was alone, by week.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Witnesses {
    #[serde(with = "super::carry::rows")]
    weeks: Table<(u64, i64), Heard>,
    /// Targets of which each named a mechanism alone.
    #[serde(with = "super::carry::rows")]
    named: Table<(u64, i64, Network, Mechanism), Distinct>,
    #[serde(skip)]
    before: Option<Said>,
    #[serde(skip)]
    run: Option<Said>,
}

/// What was said last in a cell.
#[derive(Debug, Clone, Copy)]
struct Said {
    point: Point,
    blocked: bool,
    /// What the first that was blocked named.
    named: Option<Mechanism>,
    ok: bool,
}

/// Runs of one vantage between others that could use the target.
#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
struct Heard {
    runs: u32,
    alone: u32,
    targets: Distinct,
    asn: u32,
    country: [u8; 2],
}

impl Witnesses {
    /// Adds the next point that carries an answer.
    pub(super) fn add(&mut self, point: &Point) {
        let blocked = point.status == Status::Blocked;
        let said = Said {
            point: *point,
            blocked,
            named: point.mechanism.filter(|_| blocked),
            ok: point.status == Status::Ok,
        };
        let cell = |said: &Said| (said.point.target, said.point.network);
        match &mut self.run {
            Some(run) if cell(run) != cell(&said) => (self.before, self.run) = (None, Some(said)),
            Some(run) if run.point.vantage == point.vantage => {
                run.point.at_s = point.at_s;
                run.blocked |= said.blocked;
                run.named = run.named.or(said.named);
            }
            Some(run) => {
                let run = *run;
                if let Some(before) = self.before {
                    self.judge(before, run, said);
                }
                (self.before, self.run) = (Some(run), Some(said));
            }
            None => self.run = Some(said),
        }
    }

    fn judge(&mut self, before: Said, run: Said, after: Said) {
        let near = run.point.at_s - before.point.at_s <= NEAR_S
            && after.point.at_s - run.point.at_s <= NEAR_S;
        let fine = before.ok && !before.blocked && after.ok;
        if !near || !fine {
            return;
        }
        // Who asks another resolver does not contradict what a resolver says.
        let same = |other: &Said| other.point.resolver_asn == run.point.resolver_asn;
        let in_dns = Layer::of(run.named) == Layer::Dns;
        if in_dns && !(same(&before) && same(&after)) {
            return;
        }
        let at = (run.point.vantage, run.point.at_s.div_euclid(WEEK_S));
        let Some(heard) = row(&mut self.weeks, at) else { return };
        heard.runs = heard.runs.saturating_add(1);
        (heard.asn, heard.country) = (run.point.network.asn, run.point.network.country);
        if run.blocked {
            heard.alone = heard.alone.saturating_add(1);
            heard.targets.add(run.point.target);
            let at = run.named.map(|named| (at.0, at.1, run.point.network, named));
            if let Some(targets) = at.and_then(|at| row(&mut self.named, at)) {
                targets.add(run.point.target);
            }
        }
    }

    /// Adds what other targets say.
    pub(super) fn join(&mut self, other: Self) {
        for (at, theirs) in other.weeks {
            if let Some(ours) = row(&mut self.weeks, at) {
                ours.join(theirs);
            }
        }
        for (at, theirs) in other.named {
            if let Some(ours) = row(&mut self.named, at) {
                ours.join(theirs);
            }
        }
    }

    /// Vantages and weeks that are not believed, what is said of them, and what the errors of the others name.
    pub(super) fn finish(mut self) -> (Table<(u64, i64), ()>, Vec<Fault>, Errors) {
        let named = std::mem::take(&mut self.named);
        let (bad, faults) = self.alone();
        let mut networks: BTreeMap<Network, BTreeMap<Mechanism, f64>> = BTreeMap::new();
        for ((vantage, week, network, mechanism), targets) in named {
            if !bad.contains_key(&(vantage, week)) {
                let of_network = networks.entry(network).or_default();
                *of_network.entry(mechanism).or_default() += f64::from(targets.count);
            }
        }
        (bad, faults, Errors::new(networks))
    }

    fn alone(self) -> (Table<(u64, i64), ()>, Vec<Fault>) {
        let mut rows: Vec<((u64, i64), Heard)> = self.weeks.into_iter().collect();
        rows.sort_unstable_by_key(|(at, _)| *at);
        let mut all = Heard::default();
        rows.iter().for_each(|(_, heard)| all.join(*heard));
        let least = ALONE.max(4.0 * all.share()).min(0.9);
        let many = many(&rows, least);
        let (mut bad, mut faults): (Table<(u64, i64), ()>, Vec<Fault>) = Default::default();
        for weeks in rows.chunk_by(|(a, _), (b, _)| a.0 == b.0) {
            let mut whole = Heard::default();
            weeks.iter().for_each(|(_, heard)| whole.join(*heard));
            let is_bad = |heard: &Heard| {
                heard.is_bad(least)
                    || whole.is_bad(least) && (heard.runs < 10 || heard.share() >= least)
            };
            let weeks: Vec<i64> = weeks
                .iter()
                .filter(|(_, heard)| is_bad(heard))
                .filter(|((_, week), heard)| !many.contains(&(heard.country, heard.asn, *week)))
                .map(|((vantage, week), _)| {
                    bad.insert((*vantage, *week), ());
                    *week
                })
                .collect();
            let (Some(first), Some(last)) = (weeks.first(), weeks.last()) else { continue };
            faults.push(Fault {
                kind: FaultKind::Vantage,
                start_s: first * WEEK_S,
                end_s: (last + 1) * WEEK_S,
                targets: Vec::new(),
                country: Some(Country(whole.country)),
                asn: Some(whole.asn),
                resolver_asn: None,
            });
        }
        (bad, faults)
    }
}

/// Networks and weeks in which so many vantages were alone that none was: three or more, and a third of all.
fn many(rows: &[((u64, i64), Heard)], least: f64) -> BTreeSet<([u8; 2], u32, i64)> {
    let mut weeks: BTreeMap<([u8; 2], u32, i64), (u32, u32)> = BTreeMap::new();
    for ((_, week), heard) in rows.iter().filter(|(_, heard)| heard.runs >= 5) {
        let (all, bad) = weeks.entry((heard.country, heard.asn, *week)).or_default();
        *all += 1;
        *bad += u32::from(heard.is_bad(least));
    }
    let many = weeks.into_iter().filter(|(_, (all, bad))| *bad >= 3 && 3 * bad >= *all);
    many.map(|(at, _)| at).collect()
}

impl Heard {
    fn join(&mut self, other: Self) {
        self.runs = self.runs.saturating_add(other.runs);
        self.alone = self.alone.saturating_add(other.alone);
        self.targets.join(other.targets);
        (self.asn, self.country) = (other.asn, other.country);
    }

    fn share(&self) -> f64 {
        f64::from(self.alone) / f64::from(self.runs.max(1))
    }

    fn is_bad(&self, least: f64) -> bool {
        self.alone >= 5 && self.targets.count >= 5 && self.share() >= least
    }
}

/// The week that a time is in.
pub(super) fn week(at_s: i64) -> i64 {
    at_s.div_euclid(WEEK_S)
}

/// Share of runs from which a vantage is not believed.
const ALONE: f64 = 0.15;
/// Seconds between measurements that are compared: four days.
const NEAR_S: i64 = 345_600;
const WEEK_S: i64 = 604_800;
