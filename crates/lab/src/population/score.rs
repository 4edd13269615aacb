//! What somebody found, against what was planted.
//!
//! A found event is of a planted one where all of this holds:
//! - kind: the same. A found `block` that ends may also be of a planted `unblock`: then its end is the time compared.
//! - scope: at least [`Rule::overlap_percent`] of its pairs of network and target are among the planted ones. A shutdown
//!   is compared by networks alone.
//! - time: its start is no earlier than [`Rule::before_s`] before the first network's change and no later than
//!   [`Rule::after_s`] after the last one's.
//!
//! Each found event is given to the planted one with the most of it, an unfound one first; more than one for a planted
//! event are its fragments. Known, and neither right nor wrong: the end of a planted block found as an `unblock`, and a
//! block that stands from the beginning found as a `block` that began there. All else is wrong, and is put down to the
//! smallest non-event (pairs of network and target, times seconds with the rule's) that it fits by the same measures of
//! scope and time, where there is one.

use std::collections::BTreeMap;

use serde::Serialize;

use super::settings::{DAY_S, HOUR_S};
use super::target_set::TargetSet;
use super::truth::{Kind, NonEvent, NonEventKind, Planted, Truth, Variety};

/// An event that somebody says there was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What changed.
    pub kind: Kind,
    /// What it was done to; of no matter for a shutdown.
    pub targets: TargetSet,
    /// Numbers of networks, each once.
    pub networks: Vec<u32>,
    /// When it began, by their reckoning.
    pub start_s: i64,
    /// When it ended, where it did.
    pub end_s: Option<i64>,
    /// When they could first say so: the time of the last measurement that it took. Delay is counted to here.
    pub said_s: i64,
}

/// How much alike is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Of a hundred of a found event's pairs of network and target.
    pub overlap_percent: u32,
    /// Seconds.
    pub before_s: i64,
    /// Seconds.
    pub after_s: i64,
}

impl Default for Rule {
    fn default() -> Self {
        Self { overlap_percent: 50, before_s: 12 * HOUR_S, after_s: 2 * DAY_S }
    }
}

/// How good it was.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// Events planted to be found.
    pub planted: usize,
    /// Of those, found.
    pub found: usize,
    /// Found events that are of a planted one, the first of each and fragments.
    pub right: usize,
    /// Those beyond the first of a planted event.
    pub fragments: usize,
    /// Ends of planted blocks, and blocks that stand from the beginning.
    pub known: usize,
    /// Found events that are of nothing.
    pub wrong: usize,
    /// `right` of `right` and `wrong`; 1 where nothing was found.
    pub precision: f64,
    /// `found` of `found`, `fragments` and `wrong`: as precision, and a fragment counts as wrong.
    pub precision_whole: f64,
    /// `found` of `planted`; 1 where nothing was.
    pub recall: f64,
    /// From the first network's change until it was said, seconds: the median over what was found.
    pub median_delay_s: Option<i64>,
    /// By why it was planted: planted, found.
    pub by_variety: BTreeMap<Variety, (usize, usize)>,
    /// Ids of what was not found.
    pub missed: Vec<String>,
    /// Wrong events put down to each non-event, by id; those without any are left out.
    pub by_non_event: BTreeMap<String, usize>,
    /// The same by kind: planted, and wrong events put down to them.
    pub by_non_event_kind: BTreeMap<NonEventKind, (usize, usize)>,
    /// Wrong events that fit no non-event.
    pub of_nothing: usize,
    /// Positions of wrong events in what was given.
    pub wrong_at: Vec<usize>,
}

/// Scores what was found.
pub fn score(found: &[Found], truth: &Truth, rule: &Rule) -> Score {
    let mut scoring = Scoring { truth, rule, firsts: BTreeMap::new(), score: Score::empty(truth) };
    for (at, event) in found.iter().enumerate() {
        scoring.one(at, event);
    }
    scoring.finish()
}

struct Scoring<'a> {
    truth: &'a Truth,
    rule: &'a Rule,
    /// Delays of planted events that were found, by position.
    firsts: BTreeMap<usize, i64>,
    score: Score,
}

impl Scoring<'_> {
    fn one(&mut self, at: usize, found: &Found) {
        let fits = |(at, planted): (usize, &Planted)| {
            let changed_s = self.fits(found, planted)?;
            let overlap = self.overlap_of(found, planted)?;
            Some((!self.firsts.contains_key(&at), overlap, at, changed_s))
        };
        let to_find = self.truth.events.iter().enumerate().filter(|(_, it)| it.is_to_be_found());
        if let Some((is_first, _, planted, changed_s)) = to_find.filter_map(fits).max() {
            self.score.right += 1;
            self.score.fragments += usize::from(!is_first);
            let delay_s = found.said_s.saturating_sub(changed_s).max(0);
            // What was said first counts, whatever the order in which it is given.
            let first = self.firsts.entry(planted).or_insert(delay_s);
            *first = delay_s.min(*first);
        } else if self.truth.events.iter().any(|planted| self.is_known(found, planted)) {
            self.score.known += 1;
        } else {
            self.wrong(at, found);
        }
    }

    /// The planted time that a found event's is compared with, where they fit.
    fn fits(&self, found: &Found, planted: &Planted) -> Option<i64> {
        let is_near = |at_s| self.is_near(at_s, (planted.start_s, planted.settled_s));
        if found.kind == planted.kind && is_near(found.start_s) {
            return Some(planted.start_s);
        }
        let lifted = found.kind == Kind::Block && planted.kind == Kind::Unblock;
        (lifted && found.end_s.is_some_and(is_near)).then_some(planted.start_s)
    }

    fn is_known(&self, found: &Found, planted: &Planted) -> bool {
        let last_end = planted.networks.iter().filter_map(|spell| spell.end_s).max();
        let ends = planted.end_s.zip(last_end);
        let end = planted.kind == Kind::Block
            && found.kind == Kind::Unblock
            && ends.is_some_and(|ends| self.is_near(found.start_s, ends));
        let stands = planted.stands_at_first()
            && found.kind == Kind::Block
            && found.start_s <= self.truth.begin_s + self.rule.after_s;
        (end || stands) && self.overlap_of(found, planted).is_some()
    }

    /// How many of a thousand of its pairs are planted; none where they are fewer than the rule wants.
    fn overlap_of(&self, found: &Found, planted: &Planted) -> Option<u64> {
        let by_networks = found.kind == Kind::Shutdown || planted.kind == Kind::Shutdown;
        let asns: Vec<u32> = planted.asns().collect();
        self.overlap(found, if by_networks { None } else { Some(&planted.targets) }, &asns)
    }

    fn overlap(&self, found: &Found, targets: Option<&TargetSet>, asns: &[u32]) -> Option<u64> {
        let common = found.networks.iter().filter(|asn| asns.contains(asn)).count() as u64;
        let mut part = u128::from(common);
        let mut whole = found.networks.len() as u128;
        if let Some(targets) = targets {
            part *= u128::from(found.targets.in_both(targets));
            whole *= u128::from(found.targets.len());
        }
        let wanted = whole * u128::from(self.rule.overlap_percent);
        if part == 0 || part * 100 < wanted {
            return None;
        }
        u64::try_from(part * 1000 / whole).ok()
    }

    fn is_near(&self, at_s: i64, (from_s, to_s): (i64, i64)) -> bool {
        (from_s - self.rule.before_s..=to_s + self.rule.after_s).contains(&at_s)
    }

    fn wrong(&mut self, at: usize, found: &Found) {
        self.score.wrong += 1;
        self.score.wrong_at.push(at);
        let is_like = |it: &&NonEvent| {
            let targets = (found.kind != Kind::Shutdown).then_some(&it.targets);
            self.is_near(found.start_s, (it.start_s, it.end_s))
                && self.overlap(found, targets, &it.networks).is_some()
        };
        let size = |it: &&NonEvent| {
            let cells = u128::from(it.targets.len()) * it.networks.len() as u128;
            let time_s = it.end_s - it.start_s + self.rule.before_s + self.rule.after_s;
            cells * u128::try_from(time_s).unwrap_or(0)
        };
        let like = self.truth.non_events.iter().filter(is_like);
        let Some(smallest) = like.min_by_key(size) else {
            self.score.of_nothing += 1;
            return;
        };
        *self.score.by_non_event.entry(smallest.id.clone()).or_default() += 1;
        self.score.by_non_event_kind.entry(smallest.kind).or_default().1 += 1;
    }

    fn finish(self) -> Score {
        let Self { truth, firsts, mut score, .. } = self;
        for (at, planted) in truth.events.iter().enumerate().filter(|(_, it)| it.is_to_be_found()) {
            let of_variety = score.by_variety.entry(planted.variety).or_default();
            of_variety.0 += 1;
            if firsts.contains_key(&at) {
                of_variety.1 += 1;
            } else {
                score.missed.push(planted.id.clone());
            }
        }
        let mut delays: Vec<i64> = firsts.into_values().collect();
        delays.sort_unstable();
        score.found = delays.len();
        score.median_delay_s = delays.get(delays.len() / 2).copied();
        score.precision = share(score.right, score.right + score.wrong);
        score.precision_whole = share(score.found, score.found + score.fragments + score.wrong);
        score.recall = share(score.found, score.planted);
        score
    }
}

impl Score {
    fn empty(truth: &Truth) -> Self {
        let mut by_non_event_kind = BTreeMap::new();
        for non_event in &truth.non_events {
            by_non_event_kind.entry(non_event.kind).or_insert((0, 0)).0 += 1;
        }
        Self {
            planted: truth.events.iter().filter(|it| it.is_to_be_found()).count(),
            found: 0,
            right: 0,
            fragments: 0,
            known: 0,
            wrong: 0,
            precision: 1.0,
            precision_whole: 1.0,
            recall: 1.0,
            median_delay_s: None,
            by_variety: BTreeMap::new(),
            missed: Vec::new(),
            by_non_event: BTreeMap::new(),
            by_non_event_kind,
            of_nothing: 0,
            wrong_at: Vec::new(),
        }
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}
