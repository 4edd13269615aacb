//! Verdicts counted: which ones ([`Filter`]), along which axes ([`Axis`]), and how many of each ([`Tally`]).

use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::sync::Arc;

use wirewitness_model::verdict::{Confidence, Status};
use wirewitness_store::rollup::{self, Kind, Network};

use super::totals::{Sum, Totals, place, sum};
use super::{CAPTURE, Facts, MADE_UP};

/// Which verdicts. An empty list filters nothing; several words in one list are alternatives.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Two letters each.
    pub countries: Vec<String>,
    /// Numbers of networks (AS).
    pub asns: Vec<u32>,
    /// Targets, as written in the record.
    pub targets: Vec<String>,
    /// Host names, lower case.
    pub domains: Vec<String>,
    /// Categories of the Citizen Lab's lists.
    pub categories: Vec<String>,
    /// Experiments.
    pub tests: Vec<String>,
    /// Words of statuses.
    pub statuses: Vec<String>,
    /// Words of mechanisms.
    pub mechanisms: Vec<String>,
    /// Whose data. Where it is empty: all that was measured without captures, and made-up rows where there are no others.
    pub origins: Vec<String>,
    /// First day, days since 1970.
    pub since: Option<i32>,
    /// The day after the last.
    pub until: Option<i32>,
}

/// Along what verdicts are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Axis {
    /// The day.
    Day,
    /// The Monday of the week.
    Week,
    /// The first day of the month.
    Month,
    /// The first day of the year.
    Year,
    /// The country.
    Country,
    /// The network.
    Network,
    /// The target.
    Target,
    /// The target's host name; targets without one by themselves.
    Domain,
    /// The category of the host name.
    Category,
    /// The experiment.
    Test,
    /// What was done; empty where nothing is named.
    Mechanism,
    /// Whose data.
    Origin,
}

/// Where on an axis.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// A day, days since 1970.
    Day(i32),
    /// The number of a network; 0 where it is not known.
    Network(u32),
    /// Anything else.
    Text(Arc<str>),
}

impl Value {
    /// The text; empty for a number.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Day(_) | Self::Network(_) => "",
        }
    }

    /// The day; 0 where it is none.
    pub fn day(&self) -> i32 {
        if let Self::Day(day) = self { *day } else { 0 }
    }

    /// The network; 0 where it is none.
    pub fn network(&self) -> u32 {
        if let Self::Network(asn) = self { *asn } else { 0 }
    }
}

/// How many of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Could be used.
    pub ok: u64,
    /// Down by itself.
    pub down: u64,
    /// Blocked.
    pub blocked: u64,
    /// Not enough to tell.
    pub insufficient: u64,
    /// Of the blocked ones: with low, medium and high confidence.
    pub confidence: [u64; 3],
    /// Who measured ([`rollup::vantages`]).
    pub sketch: u64,
    /// Who saw it blocked.
    pub blocked_sketch: u64,
}

/// What may be said of a place in a table. By counts only: statements are events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// At least half of what tells anything says blocked.
    Blocked,
    /// At least a twentieth of it.
    Partly,
    /// At least half of it says down by itself.
    Down,
    /// The rest.
    Ok,
    /// Nothing tells anything.
    Insufficient,
}

/// Some verdicts that are in the same places of all axes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Where, one for each axis that was asked for.
    pub key: Vec<Value>,
    /// How many.
    pub tally: Tally,
}

/// Groups, and each place that they name once.
#[derive(Debug, Default)]
pub struct Groups {
    values: Vec<Vec<Value>>,
    groups: Vec<([u32; 4], Tally)>,
}

impl Tally {
    /// All verdicts.
    pub fn all(&self) -> u64 {
        self.telling() + self.insufficient
    }

    /// Those that tell anything.
    pub fn telling(&self) -> u64 {
        self.ok + self.down + self.blocked
    }

    /// The share of blocked ones in those that tell anything, 0 to 1; 0 where none does.
    pub fn share(&self) -> f64 {
        match self.telling() {
            0 => 0.0,
            all => self.blocked as f64 / all as f64,
        }
    }

    /// About how many vantages measured; [`rollup::MANY`] for so many or more.
    pub fn vantages(&self) -> u32 {
        rollup::vantages(self.sketch)
    }

    /// The same, those that saw it blocked.
    pub fn blocked_vantages(&self) -> u32 {
        rollup::vantages(self.blocked_sketch)
    }

    /// What may be said of it.
    pub fn state(&self) -> State {
        let all = self.telling();
        if all == 0 {
            State::Insufficient
        } else if self.blocked * 2 >= all {
            State::Blocked
        } else if self.blocked * 20 >= all && self.blocked > 0 {
            State::Partly
        } else if self.down * 2 >= all {
            State::Down
        } else {
            State::Ok
        }
    }

    /// The highest confidence with which anything is called blocked.
    pub fn surest(&self) -> Option<Confidence> {
        let all = [Confidence::Low, Confidence::Medium, Confidence::High];
        let found = self.confidence.iter().zip(all).rev().find(|(count, _)| **count > 0);
        found.map(|(_, confidence)| confidence)
    }

    /// Both together.
    pub fn add(&mut self, other: &Self) {
        self.ok += other.ok;
        self.down += other.down;
        self.blocked += other.blocked;
        self.insufficient += other.insufficient;
        for (mine, theirs) in self.confidence.iter_mut().zip(other.confidence) {
            *mine += theirs;
        }
        self.sketch |= other.sketch;
        self.blocked_sketch |= other.blocked_sketch;
    }

    fn count(&mut self, kind: &Kind, count: u64, sketch: u64) {
        self.sketch |= sketch;
        match kind.status {
            Status::Ok => self.ok += count,
            Status::Down => self.down += count,
            Status::Insufficient => self.insufficient += count,
            Status::Blocked => {
                self.blocked += count;
                self.blocked_sketch |= sketch;
                let [low, medium, high] = &mut self.confidence;
                let of = match kind.confidence {
                    Confidence::Low => low,
                    Confidence::Medium => medium,
                    Confidence::High => high,
                };
                *of += count;
            }
        }
    }
}

/// What takes counts: one, its target and its day where the table tells them.
type Take<'t> = dyn FnMut(&Sum, Option<u32>, Option<i32>) + 't;

/// A filter as places.
pub(super) struct Wanted {
    pub(super) targets: Option<Vec<u32>>,
    pub(super) networks: Vec<bool>,
    pub(super) kinds: Vec<bool>,
    pub(super) days: RangeInclusive<i32>,
    has_days: bool,
}

impl Facts {
    /// Counts verdicts along axes, in the order of the axes' places. At most four axes are used; groups without a verdict are left out.
    pub fn aggregate(&self, filter: &Filter, axes: &[Axis]) -> Vec<Group> {
        self.aggregate_most(filter, axes, usize::MAX)
            .map_or_else(Vec::new, |it| it.iter().collect())
    }

    /// The same, in less memory. None where there are more than `most`, before those that stand for the same are counted together.
    pub fn aggregate_most(&self, filter: &Filter, axes: &[Axis], most: usize) -> Option<Groups> {
        let axes = axes.get(..4).unwrap_or(axes);
        let mut keyed =
            Keyed { facts: self, axes, most, groups: HashMap::new(), domains: HashMap::new() };
        self.each(filter, axes, &mut |sum, target, day| keyed.add(sum, target, day));
        (keyed.groups.len() <= most).then(|| keyed.finish())
    }

    /// The same without an axis.
    pub fn tally(&self, filter: &Filter) -> Tally {
        self.aggregate(filter, &[]).first().map(|group| group.tally).unwrap_or_default()
    }

    /// Every count that is wanted, from the smallest table that tells it.
    fn each(&self, filter: &Filter, axes: &[Axis], take: &mut Take<'_>) {
        let wanted = self.wanted(filter);
        let has_target_axis =
            axes.iter().any(|it| matches!(it, Axis::Target | Axis::Domain | Axis::Category));
        let has_day_axis =
            axes.iter().any(|it| matches!(it, Axis::Day | Axis::Week | Axis::Month | Axis::Year));
        match &wanted.targets {
            Some(targets) => self.each_of_targets(targets, &wanted, take),
            None if !has_target_axis => {
                for sum in wanted.sums(&self.totals.by_day) {
                    if wanted.days.contains(&sum.place) {
                        take(sum, None, Some(sum.place));
                    }
                }
            }
            None if !has_day_axis && !wanted.has_days => {
                for sum in wanted.sums(&self.totals.by_target) {
                    take(sum, u32::try_from(sum.place).ok(), None);
                }
            }
            None => {
                for (day, cells) in self.rollup.days.range(wanted.days.clone()) {
                    for cell in cells.cells.iter().filter(|it| wanted.has(it.network, it.kind)) {
                        take(&sum(&cell, place(cell.target)), Some(cell.target), Some(*day));
                    }
                }
            }
        }
    }

    fn each_of_targets(&self, targets: &[u32], wanted: &Wanted, take: &mut Take<'_>) {
        for (day, cells) in self.rollup.days.range(wanted.days.clone()) {
            for target in targets {
                let of = cells.cells.of(*target);
                for cell in of.filter(|it| wanted.has(it.network, it.kind)) {
                    take(&sum(&cell, place(*target)), Some(*target), Some(*day));
                }
            }
        }
    }

    pub(super) fn wanted(&self, filter: &Filter) -> Wanted {
        let words = &self.rollup.words;
        let is_one =
            |list: &[String], text: &str| list.is_empty() || list.iter().any(|it| it == text);
        let network = |network: &Network| {
            (filter.countries.is_empty()
                || filter.countries.iter().any(|it| it.eq_ignore_ascii_case(network.country())))
                && (filter.asns.is_empty() || filter.asns.contains(&network.asn))
        };
        let kind = |kind: &Kind| {
            let is_origin = match filter.origins.is_empty() {
                true => &*kind.origin != CAPTURE && (&*kind.origin != MADE_UP || self.is_made_up()),
                false => is_one(&filter.origins, &kind.origin),
            };
            is_origin
                && is_one(&filter.tests, &kind.test)
                && is_one(&filter.statuses, kind.status.word())
                && is_one(&filter.mechanisms, kind.mechanism.as_deref().unwrap_or_default())
        };
        let since = filter.since.unwrap_or(i32::MIN);
        let last = filter.until.map_or(i32::MAX, |until| until.saturating_sub(1));
        // An empty range is said by a day that no calendar has.
        let days = if since <= last { since..=last } else { i32::MAX..=i32::MAX };
        Wanted {
            targets: self.wanted_targets(filter),
            networks: words.networks().iter().map(network).collect(),
            kinds: words.kinds().iter().map(kind).collect(),
            days,
            has_days: filter.since.is_some() || filter.until.is_some(),
        }
    }

    fn wanted_targets(&self, filter: &Filter) -> Option<Vec<u32>> {
        let has_names = !filter.targets.is_empty() || !filter.domains.is_empty();
        if !has_names && filter.categories.is_empty() {
            return None;
        }
        let mut found: Vec<u32> = Vec::new();
        if has_names {
            found.extend(filter.targets.iter().filter_map(|name| self.rollup.words.target(name)));
            for domain in &filter.domains {
                found.extend(self.targets_of(domain));
            }
        } else {
            let domains = self.by_domain.iter();
            let of = domains.filter(|(domain, _)| {
                self.category(domain).is_some_and(|it| filter.categories.iter().any(|c| c == it))
            });
            found.extend(of.flat_map(|(_, targets)| targets));
        }
        found.sort_unstable();
        found.dedup();
        Some(found)
    }
}

impl Wanted {
    pub(super) fn has(&self, network: u16, kind: u16) -> bool {
        let is = |list: &[bool], place: u16| list.get(usize::from(place)).copied() == Some(true);
        is(&self.networks, network) && is(&self.kinds, kind)
    }

    /// The rows of all networks that are wanted.
    fn sums<'s>(&'s self, sums: &'s [Sum]) -> impl Iterator<Item = &'s Sum> {
        let networks = self.networks.iter().enumerate().filter(|(_, is)| **is);
        let networks = networks.filter_map(|(place, _)| u16::try_from(place).ok());
        networks
            .flat_map(|network| Totals::of_network(sums, network))
            .filter(|sum| self.has(sum.network, sum.kind))
    }
}

/// Groups while they are counted. Keys are places; what they stand for is looked up at the end.
struct Keyed<'f> {
    facts: &'f Facts,
    axes: &'f [Axis],
    /// Beyond so many, none are counted any more.
    most: usize,
    groups: HashMap<[u32; 4], Tally>,
    /// Of each target, the number of its domain's group: the first target that has it.
    domains: HashMap<u32, u32>,
}

impl Keyed<'_> {
    fn add(&mut self, sum: &Sum, target: Option<u32>, day: Option<i32>) {
        let Some(kind) = self.facts.rollup.words.kinds().get(usize::from(sum.kind)) else { return };
        if self.groups.len() > self.most {
            return;
        }
        let mut key = [0; 4];
        for (slot, axis) in key.iter_mut().zip(self.axes) {
            *slot = match axis {
                Axis::Day | Axis::Week | Axis::Month | Axis::Year => {
                    begin(*axis, day.unwrap_or(0)).cast_unsigned()
                }
                Axis::Country | Axis::Network => u32::from(sum.network),
                Axis::Target => target.unwrap_or(0),
                Axis::Domain | Axis::Category => self.domain(target.unwrap_or(0)),
                Axis::Test | Axis::Mechanism | Axis::Origin => u32::from(sum.kind),
            };
        }
        self.groups.entry(key).or_default().count(kind, sum.count, sum.sketch);
    }

    fn domain(&mut self, target: u32) -> u32 {
        let facts = self.facts;
        *self.domains.entry(target).or_insert_with(|| {
            let domain = facts.domain_of(target);
            let first = domain.and_then(|it| facts.by_domain.get(it)?.first());
            first.copied().unwrap_or(target)
        })
    }

    /// Groups under what their keys stand for: several places may stand for the same.
    fn finish(self) -> Groups {
        let mut groups: Vec<([u32; 4], Tally)> = self.groups.into_iter().collect();
        let mut values = Vec::new();
        for (at, axis) in self.axes.iter().enumerate() {
            let places: BTreeSet<u32> =
                groups.iter().filter_map(|it| it.0.get(at)).copied().collect();
            let named = places.into_iter().map(|place| (self.facts.value(*axis, place), place));
            let mut named: Vec<(Value, u32)> = named.collect();
            named.sort_unstable();
            let mut of_axis: Vec<Value> = Vec::new();
            let mut ranks = HashMap::new();
            for (value, place) in named {
                if of_axis.last() != Some(&value) {
                    of_axis.push(value);
                }
                ranks.insert(place, u32::try_from(of_axis.len() - 1).unwrap_or(u32::MAX));
            }
            for place in groups.iter_mut().filter_map(|it| it.0.get_mut(at)) {
                *place = ranks.get(place).copied().unwrap_or_default();
            }
            values.push(of_axis);
        }
        groups.sort_unstable_by_key(|it| it.0);
        groups.dedup_by(|next, kept| {
            let is_same = next.0 == kept.0;
            if is_same {
                kept.1.add(&next.1);
            }
            is_same
        });
        Groups { values, groups }
    }
}

impl Groups {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Them, in the order of their keys.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Group> {
        self.placed().map(|(places, tally)| {
            let values = self.values.iter().zip(places);
            let key = values.filter_map(|(values, place)| values.get(*place as usize).cloned());
            Group { key: key.collect(), tally: *tally }
        })
    }

    /// The places of an axis that there are, in order.
    pub fn values(&self, axis: usize) -> &[Value] {
        self.values.get(axis).map(Vec::as_slice).unwrap_or_default()
    }

    /// Groups by where their places are in [`Groups::values`].
    pub fn placed(&self) -> impl ExactSizeIterator<Item = (&[u32], &Tally)> {
        self.groups
            .iter()
            .map(|(places, tally)| (places.get(..self.values.len()).unwrap_or_default(), tally))
    }
}

impl Facts {
    fn value(&self, axis: Axis, place: u32) -> Value {
        let words = &self.rollup.words;
        let at = place as usize;
        let text = |text: &str| Value::Text(text.into());
        match axis {
            Axis::Day | Axis::Week | Axis::Month | Axis::Year => Value::Day(place.cast_signed()),
            Axis::Network => Value::Network(words.networks().get(at).map_or(0, |it| it.asn)),
            Axis::Country => text(words.networks().get(at).map_or("ZZ", |it| it.country())),
            Axis::Target => {
                words.targets().get(at).map_or_else(|| text(""), |it| Value::Text(Arc::clone(it)))
            }
            Axis::Domain => {
                let name = self.domain_of(place).or_else(|| words.targets().get(at));
                name.map_or_else(|| text(""), |it| Value::Text(Arc::clone(it)))
            }
            Axis::Category => {
                text(self.domain_of(place).and_then(|it| self.category(it)).unwrap_or_default())
            }
            Axis::Test | Axis::Mechanism | Axis::Origin => {
                let Some(kind) = words.kinds().get(at) else { return text("") };
                match axis {
                    Axis::Test => Value::Text(Arc::clone(&kind.test)),
                    Axis::Origin => Value::Text(Arc::clone(&kind.origin)),
                    _ => kind.mechanism.clone().map_or_else(|| text(""), Value::Text),
                }
            }
        }
    }

    pub(super) fn domain_of(&self, target: u32) -> Option<&Arc<str>> {
        self.rollup.words.domains().get(target as usize)?.as_ref()
    }

    /// The category of a host name, where it is known.
    pub fn category(&self, domain: &str) -> Option<&str> {
        self.categories.get(domain).map(String::as_str)
    }

    pub(super) fn targets_of(&self, domain: &str) -> &[u32] {
        self.by_domain.get(domain).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Where the span of time begins that a day is in.
fn begin(axis: Axis, day: i32) -> i32 {
    let date = || time::Date::from_julian_day(day.saturating_add(EPOCH)).ok();
    let day_of = |date: time::Date| date.to_julian_day() - EPOCH;
    match axis {
        // 1970 began on a Thursday.
        Axis::Week => day - (day + 3).rem_euclid(7),
        Axis::Month => date().and_then(|it| it.replace_day(1).ok()).map_or(day, day_of),
        Axis::Year => date().map_or(day, |it| day - i32::from(it.ordinal()) + 1),
        _ => day,
    }
}

/// The Julian day of the first of January 1970.
const EPOCH: i32 = 2_440_588;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_begin_where_the_calendar_says() {
        let day = |text| rollup::day_number(text).unwrap();
        assert_eq!(begin(Axis::Week, day("2025-11-23")), day("2025-11-17"));
        assert_eq!(begin(Axis::Week, day("2025-11-17")), day("2025-11-17"));
        assert_eq!(begin(Axis::Month, day("2024-02-29")), day("2024-02-01"));
        assert_eq!(begin(Axis::Year, day("2024-12-31")), day("2024-01-01"));
    }

    #[test]
    fn a_state_needs_something_that_tells() {
        let of = |ok, down, blocked, insufficient| {
            Tally { ok, down, blocked, insufficient, ..Tally::default() }.state()
        };
        assert_eq!(of(0, 0, 0, 9), State::Insufficient);
        assert_eq!(of(1, 0, 1, 0), State::Blocked);
        assert_eq!(of(19, 0, 1, 0), State::Partly);
        assert_eq!(of(20, 0, 1, 0), State::Ok);
        assert_eq!(of(1, 1, 0, 0), State::Down);
    }
}
