//! A first pass over all points: what of them is the fault of a resolver or of the control side, and how much is measured
//! where and when.
//!
//! What is counted is bounded by networks, resolvers and hours, not by targets or points. Points must come target by target:
//! distinct targets are counted by comparing with the last one.
//!
//! Cannot tell apart: a resolver that was made to refuse most of the names that are asked of it, from a broken one; a control
//! outage, from one of the network that all controls share.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, DefaultHasher, Hash};

use serde::{Deserialize, Serialize};
use wirewitness_model::point::{Network, Point};
use wirewitness_model::verdict::{Mechanism, Status};

use super::errors::Errors;
use super::report::{Country, Fault, FaultKind};
use super::settings::Settings;
use super::witness::{Witnesses, week};

/// Counts of a first pass. Those of some targets can be carried to another machine and joined there.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Survey {
    #[serde(with = "super::carry::rows")]
    networks: Table<Network, u32>,
    #[serde(with = "super::carry::rows")]
    activity: Table<(u32, i64), Activity>,
    #[serde(with = "super::carry::rows")]
    resolvers: Table<(u32, u32, i64), Asked>,
    #[serde(with = "super::carry::rows")]
    hours: Table<i64, Hour>,
    witnesses: Witnesses,
    /// Target, network, hour and vantage of the last point that carried an answer.
    #[serde(skip)]
    last: Option<(u32, u32, i64, u64)>,
    points: u64,
    dropped: u64,
}

/// What a first pass comes to: needed by the second. What a [`Finder`](super::Finder) needs of it can be carried to another
/// machine; [`finish`](super::finish) needs all of it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Climate {
    #[serde(with = "super::carry::rows")]
    networks: Table<Network, u32>,
    /// Quarters of days in which a resolver of a network is not believed.
    #[serde(with = "super::carry::rows")]
    broken: Table<(u32, u32, i64), ()>,
    /// Hours of control outages.
    #[serde(with = "super::carry::rows")]
    outages: Table<i64, ()>,
    /// Weeks in which a vantage is not believed.
    #[serde(with = "super::carry::rows")]
    alone: Table<(u64, i64), ()>,
    /// What errors name.
    pub(super) errors: Errors,
    /// What was measured, by network and [`BUCKET_S`] seconds.
    #[serde(skip)]
    pub(super) activity: BTreeMap<Network, BTreeMap<i64, Activity>>,
    #[serde(skip)]
    pub(super) faults: Vec<Fault>,
    pub(super) points: u64,
    pub(super) dropped: u64,
}

pub(super) type Table<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;

/// How much a network's vantages measured in one bucket of time.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Activity {
    /// Those who measured, as a sketch.
    pub(super) vantages: u64,
    /// Measurements of those of each place of the sketch, four places in one: what one vantage said of one target in one hour counts
    /// once.
    pub(super) counts: [u16; PLACES],
}

impl Activity {
    fn add(&mut self, vantage: u64) {
        let place = place(vantage);
        self.vantages |= 1 << place;
        if let Some(count) = self.counts.get_mut(place as usize % PLACES) {
            *count = count.saturating_add(1);
        }
    }

    fn join(&mut self, other: Self) {
        self.vantages |= other.vantages;
        for (ours, theirs) in self.counts.iter_mut().zip(other.counts) {
            *ours = ours.saturating_add(theirs);
        }
    }
}

/// Distinct targets, and those of them that failed.
#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
struct Asked {
    targets: Distinct,
    failed: Distinct,
}

#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
struct Hour {
    points: u64,
    empty: u64,
    targets: Distinct,
    networks: u64,
}

/// Counts different targets that come in order.
#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Distinct {
    pub(super) count: u32,
    last: u32,
}

impl Distinct {
    pub(super) fn add(&mut self, target: u32) {
        if self.count == 0 || self.last != target {
            self.count = self.count.saturating_add(1);
            self.last = target;
        }
    }

    pub(super) fn join(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
    }
}

impl Survey {
    /// Counts a point. All points of a target come together.
    pub fn add(&mut self, point: &Point) {
        self.points += 1;
        let known = if is_of_this_time(point) { self.network(point.network) } else { None };
        let Some(network) = known else {
            self.dropped += 1;
            return;
        };
        let answers =
            point.status != Status::Insufficient && point.mechanism != Some(Mechanism::Shutdown);
        let mut whole = true;
        if let Some(hour) = row(&mut self.hours, point.at_s.div_euclid(3_600)) {
            hour.points += 1;
            hour.empty += u64::from(matches!(point.status, Status::Insufficient | Status::Down));
            hour.targets.add(point.target);
            hour.networks |= 1 << (network % 64);
        }
        if answers {
            let said = (point.target, network, point.at_s.div_euclid(3_600), point.vantage);
            let again = self.last == Some(said);
            self.last = Some(said);
            self.witnesses.add(point);
            let at = (network, point.at_s.div_euclid(BUCKET_S));
            match row(&mut self.activity, at) {
                Some(activity) if !again => activity.add(point.vantage),
                Some(_) => {}
                None => whole = false,
            }
        }
        if answers && point.resolver_asn != 0 {
            let at = (network, point.resolver_asn, point.at_s.div_euclid(QUARTER_S));
            match row(&mut self.resolvers, at) {
                Some(asked) => {
                    asked.targets.add(point.target);
                    if is_resolver_failure(point) {
                        asked.failed.add(point.target);
                    }
                }
                None => whole = false,
            }
        }
        self.dropped += u64::from(!whole);
    }

    /// Adds the counts of other targets.
    pub fn join(&mut self, other: Self) {
        let mut names: Vec<(Network, u32)> = other.networks.into_iter().collect();
        names.sort_unstable_by_key(|(_, number)| *number);
        let numbers: Vec<Option<u32>> =
            names.into_iter().map(|(network, _)| self.network(network)).collect();
        let number = |old: u32| numbers.get(old as usize).copied().flatten();
        for ((network, bucket), theirs) in other.activity {
            let ours =
                number(network).and_then(|network| row(&mut self.activity, (network, bucket)));
            if let Some(ours) = ours {
                ours.join(theirs);
            }
        }
        for ((network, resolver, quarter), theirs) in other.resolvers {
            let at = number(network).map(|network| (network, resolver, quarter));
            if let Some(ours) = at.and_then(|at| row(&mut self.resolvers, at)) {
                ours.targets.join(theirs.targets);
                ours.failed.join(theirs.failed);
            }
        }
        for (hour, theirs) in other.hours {
            if let Some(ours) = row(&mut self.hours, hour) {
                ours.points += theirs.points;
                ours.empty += theirs.empty;
                ours.targets.join(theirs.targets);
                let bits = (0..64).filter(|bit| theirs.networks >> bit & 1 == 1);
                ours.networks |=
                    bits.filter_map(number).fold(0, |all, network| all | 1 << (network % 64));
            }
        }
        self.witnesses.join(other.witnesses);
        self.points += other.points;
        self.dropped += other.dropped;
    }

    /// What the counts say.
    pub fn finish(self, settings: &Settings) -> Climate {
        let mut climate =
            Climate { points: self.points, dropped: self.dropped, ..Climate::default() };
        let mut names: Vec<(u32, Network)> =
            self.networks.iter().map(|(network, number)| (*number, *network)).collect();
        names.sort_unstable();
        self.control(settings, &mut climate);
        self.broken(settings, &names, &mut climate);
        for ((number, bucket), activity) in &self.activity {
            if let Some((_, network)) = names.get(*number as usize) {
                climate.activity.entry(*network).or_default().insert(*bucket, *activity);
            }
        }
        climate.networks = self.networks;
        let (alone, faults, errors) = self.witnesses.finish();
        (climate.alone, climate.errors) = (alone, errors);
        climate.faults.extend(faults);
        climate
    }

    fn network(&mut self, network: Network) -> Option<u32> {
        let next = self.networks.len() as u32;
        if let Some(number) = self.networks.get(&network) {
            return Some(*number);
        }
        let room = self.networks.len() < MOST_ROWS;
        room.then(|| *self.networks.entry(network).or_insert(next))
    }

    /// Hours in which measurements of many targets in many networks came to nothing.
    fn control(&self, settings: &Settings, climate: &mut Climate) {
        let share = |hour: &Hour| hour.empty as f64 / hour.points.max(1) as f64;
        // Where hardly anything is measured, people are cut off: that the rest comes to nothing is not the control's doing.
        let mut volumes: Vec<u64> = self.hours.values().map(|hour| hour.points).collect();
        volumes.sort_unstable();
        let least = volumes.get(volumes.len() / 2).map_or(0, |usual| usual / 5);
        let judged = |hour: &Hour| {
            hour.targets.count >= 10 && hour.networks.count_ones() >= 3 && hour.points >= least
        };
        let mut shares: Vec<f64> =
            self.hours.values().filter(|hour| judged(hour)).map(share).collect();
        shares.sort_by(f64::total_cmp);
        let usual = shares.get(shares.len() / 2).copied().unwrap_or(0.0);
        let bad =
            |hour: &Hour| judged(hour) && share(hour) >= (usual + settings.control_share).min(0.95);
        let mut hours: Vec<i64> =
            self.hours.iter().filter(|(_, hour)| bad(hour)).map(|(at, _)| *at).collect();
        hours.sort_unstable();
        for run in hours.chunk_by(|a, b| b - a <= 2) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
            climate.faults.push(Fault {
                kind: FaultKind::Control,
                start_s: first * 3_600,
                end_s: (last + 1) * 3_600,
                targets: Vec::new(),
                country: None,
                asn: None,
                resolver_asn: None,
            });
            climate.outages.extend((*first..=*last).map(|hour| (hour, ())));
        }
    }

    /// Resolvers that failed for a large share of unrelated names, more than they usually do.
    fn broken(&self, settings: &Settings, names: &[(u32, Network)], climate: &mut Climate) {
        let mut rows: Vec<(&(u32, u32, i64), &Asked)> = self.resolvers.iter().collect();
        rows.sort_unstable_by_key(|(key, _)| **key);
        for series in rows.chunk_by(|(a, _), (b, _)| (a.0, a.1) == (b.0, b.1)) {
            let enough = |asked: &Asked| asked.targets.count >= settings.resolver_targets;
            let share = |asked: &Asked| {
                f64::from(asked.failed.count) / f64::from(asked.targets.count.max(1))
            };
            let mut shares: Vec<f64> = series
                .iter()
                .filter(|(_, asked)| enough(asked))
                .map(|(_, asked)| share(asked))
                .collect();
            shares.sort_by(f64::total_cmp);
            let usual = shares.get(shares.len() / 4).copied().unwrap_or(0.0);
            let least = (usual + settings.resolver_share).min(0.95);
            let bad: Vec<(u32, u32, i64)> = series
                .iter()
                .filter(|(_, asked)| enough(asked) && share(asked) >= least)
                .map(|(key, _)| **key)
                .collect();
            for run in bad.chunk_by(|a, b| b.2 - a.2 <= 2) {
                let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
                // The quarters beside it hold its edges.
                let quarters = first.2 - 1..=last.2 + 1;
                climate.broken.extend(quarters.map(|quarter| ((first.0, first.1, quarter), ())));
                let network = names.get(first.0 as usize).map(|(_, network)| *network);
                climate.faults.push(Fault {
                    kind: FaultKind::Resolver,
                    start_s: first.2 * QUARTER_S,
                    end_s: (last.2 + 1) * QUARTER_S,
                    targets: Vec::new(),
                    country: network.map(|network| Country(network.country)),
                    asn: network.map(|network| network.asn),
                    resolver_asn: Some(first.1),
                });
            }
        }
    }
}

impl Climate {
    /// Whether a point says something about its target.
    pub(super) fn believes(&self, point: &Point) -> bool {
        if !self.outages.is_empty() && self.outages.contains_key(&point.at_s.div_euclid(3_600)) {
            return false;
        }
        if !self.alone.is_empty() && self.alone.contains_key(&(point.vantage, week(point.at_s))) {
            return false;
        }
        if self.broken.is_empty() || !is_resolver_failure(point) {
            return true;
        }
        let Some(network) = self.networks.get(&point.network) else { return true };
        let at = (*network, point.resolver_asn, point.at_s.div_euclid(QUARTER_S));
        !self.broken.contains_key(&at)
    }

    /// Whether a bucket of activity touches a control outage.
    pub(super) fn is_dark(&self, bucket: i64) -> bool {
        let hours = BUCKET_S / 3_600;
        !self.outages.is_empty()
            && (bucket * hours..(bucket + 1) * hours).any(|hour| self.outages.contains_key(&hour))
    }
}

/// Whether its time is one at which it can have been measured: 1970 to 2199. Others are left out.
pub(super) fn is_of_this_time(point: &Point) -> bool {
    (0..7_258_118_400).contains(&point.at_s)
}

/// Whether a resolver may be to blame: not where its answer led to a block page.
fn is_resolver_failure(point: &Point) -> bool {
    point.status == Status::Blocked
        && matches!(
            point.mechanism,
            Some(
                Mechanism::DnsTimeout
                    | Mechanism::DnsRefused
                    | Mechanism::DnsNxdomain
                    | Mechanism::DnsInjectionOther
                    | Mechanism::DnsInjectionBogon
            )
        )
}

/// The row of a key, made where there is room.
pub(super) fn row<K: Eq + Hash, V: Default>(table: &mut Table<K, V>, key: K) -> Option<&mut V> {
    if table.len() >= MOST_ROWS && !table.contains_key(&key) {
        return None;
    }
    Some(table.entry(key).or_default())
}

/// One of 64 places of a sketch of distinct vantages (linear counting, Whang et al. 1990).
fn place(vantage: u64) -> u64 {
    vantage.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58
}

/// Places whose measurements are counted apart.
pub(super) const PLACES: usize = 16;

/// Seconds of a bucket of activity: 3 hours.
pub(super) const BUCKET_S: i64 = 10_800;
/// Seconds of a quarter of a day.
const QUARTER_S: i64 = 21_600;
/// Rows of one table.
const MOST_ROWS: usize = 1 << 21;

#[cfg(test)]
mod tests {
    use super::super::unit::tests::point;
    use super::*;

    fn asked(failing: u32, mechanism: Mechanism) -> Climate {
        let mut survey = Survey::default();
        for target in 0..100 {
            for day in 0..10 {
                let fails = day == 5 && target < failing;
                let status = if fails { Status::Blocked } else { Status::Ok };
                survey.add(&Point {
                    target,
                    resolver_asn: 64_501,
                    mechanism: fails.then_some(mechanism),
                    ..point(day * 86_400, 1, status)
                });
            }
        }
        survey.finish(&Settings::default())
    }

    #[test]
    fn a_resolver_that_fails_for_half_of_the_names_is_broken() {
        assert_eq!(asked(50, Mechanism::DnsTimeout).faults.len(), 1);
        assert_eq!(asked(10, Mechanism::DnsTimeout).faults, [], "a list of a tenth of them");
        assert_eq!(
            asked(50, Mechanism::DnsInjectionBlockpage).faults,
            [],
            "says itself who it was"
        );
    }

    #[test]
    fn a_survey_in_parts_is_the_survey_of_all() {
        let points: Vec<Point> = (0..4_000)
            .map(|n| Point {
                target: n / 40,
                network: Network { country: *b"ZZ", asn: 1 + n % 5 },
                resolver_asn: 9,
                ..point(i64::from(n % 40) * 7_000, u64::from(n % 7), Status::Down)
            })
            .collect();
        let (mut all, mut left, mut right) = <(Survey, Survey, Survey)>::default();
        points.iter().for_each(|point| all.add(point));
        points[..2_000].iter().for_each(|point| left.add(point));
        points[2_000..].iter().for_each(|point| right.add(point));
        left.join(right);
        let (all, parts) = (all.finish(&Settings::default()), left.finish(&Settings::default()));
        assert_eq!((all.activity, all.faults), (parts.activity, parts.faults));
    }
}
