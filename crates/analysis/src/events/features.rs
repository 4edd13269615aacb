//! What targets must share to be of one event, and between which moments they began and ended.

use std::collections::{BTreeMap, BTreeSet};

use wirewitness_model::verdict::Mechanism;

use super::report::{Country, Span, Spell, Turn};
use super::settings::Settings;
use super::spell::{most, steps};
use super::target::Bout;

/// What a bout must share with others.
pub(super) struct Features {
    pub(super) country: Country,
    pub(super) mechanism: Option<Mechanism>,
    pub(super) networks: BTreeSet<u32>,
    pub(super) against: BTreeSet<u32>,
    /// When it was over, as far as that is known.
    pub(super) end: Option<Span>,
    pub(super) last_blocked_s: i64,
    /// Times after that at which it could be used.
    pub(super) tail: Vec<i64>,
}

impl Features {
    pub(super) fn new(bout: &Bout, settings: &Settings) -> Self {
        let country = bout.spells.first().map_or(Country([0; 2]), |spell| spell.country);
        let last_blocked_s = nine_tenths_last(&bout.spells).unwrap_or(0);
        let tails = bout.spells.iter().flat_map(|spell| spell.tail.iter().copied());
        let tail = tails.filter(|at_s| *at_s > last_blocked_s).collect();
        let end = end(&bout.spells, settings).map(|turn| {
            let known =
                Span { from: turn.after_s.unwrap_or(turn.at_s).min(turn.at_s), to: turn.at_s };
            let ends = bout.spells.iter().filter_map(|spell| spell.over);
            ends.fold(known, |all, over| if all.gap(over) == 0 { all.both(over) } else { all })
        });
        Self {
            country,
            mechanism: most(&named(&bout.spells)),
            networks: bout.spells.iter().map(|spell| spell.asn).collect(),
            against: bout.against.iter().copied().collect(),
            end,
            last_blocked_s,
            tail,
        }
    }

    /// Of all targets of a group.
    pub(super) fn of_all(bouts: &[Bout], settings: &Settings) -> Self {
        let spells = bouts.iter().flat_map(|bout| bout.spells.iter().cloned()).collect();
        let against = bouts.iter().flat_map(|bout| bout.against.iter().copied()).collect();
        Self::new(&Bout { spells, against }, settings)
    }

    /// Whether another bout can be of the same event. Near is in seconds.
    pub(super) fn fits(&self, other: &Self, near: i64) -> bool {
        let ends = match (self.end, other.end) {
            (Some(ours), Some(theirs)) => ours.gap(theirs) <= 2 * near,
            (Some(ours), None) => other.lasts_until(ours, near),
            (None, Some(theirs)) => self.lasts_until(theirs, near),
            (None, None) => self.lasts_with(other) && other.lasts_with(self),
        };
        ends && self.mechanism == other.mechanism && self.agrees(other) && other.agrees(self)
    }

    /// Whether it can have ended then, though its end was not seen.
    fn lasts_until(&self, end: Span, near: i64) -> bool {
        let used = self.tail.iter().filter(|at_s| **at_s < end.from).count();
        self.last_blocked_s <= end.to + 2 * near && used < USED
    }

    /// Whether it can have lasted as long as another was seen blocked.
    fn lasts_with(&self, other: &Self) -> bool {
        self.tail.iter().filter(|at_s| **at_s < other.last_blocked_s).count() < USED
    }

    /// Of the networks of which the other says something, whether seven in ten are blocked there too.
    fn agrees(&self, other: &Self) -> bool {
        let both = self.networks.intersection(&other.networks).count();
        let not = self.networks.intersection(&other.against).count();
        both > 0 && 7 * not <= 3 * both
    }
}

/// Between which moments a bout began: what its first spells have in common.
pub(super) fn start(bout: &Bout) -> Span {
    common(bout.spells.iter().map(|spell| spell.began)).unwrap_or_default()
}

/// What the first of some spans has in common with those that meet it.
fn common(spans: impl Iterator<Item = Span>) -> Option<Span> {
    let mut spans: Vec<Span> = spans.collect();
    spans.sort_by_key(|span| (span.to, span.from));
    let first = *spans.first()?;
    Some(
        spans
            .into_iter()
            .fold(first, |all, span| if all.gap(span) == 0 { all.both(span) } else { all }),
    )
}

/// When a set of spells was over: when most of them were, each by itself; else when all that could be used after nine
/// tenths of them were last seen blocked are together enough.
pub(super) fn end(spells: &[Spell], settings: &Settings) -> Option<Turn> {
    let mut ends: Vec<Turn> = spells.iter().filter_map(|spell| spell.end).collect();
    ends.sort_by_key(|turn| (turn.at_s, turn.seen_s));
    let going_on = |at_s: i64| spells.iter().filter(|spell| spell.last_blocked_s > at_s).count();
    // The one in the middle: late ones are cells that are seldom measured.
    let middle = ends.get(ends.len() / 2).copied();
    if let Some(middle) = middle.filter(|_| 2 * ends.len() >= spells.len()) {
        let last_s = ends.last().map_or(middle.at_s, |turn| turn.at_s);
        if 5 * going_on(last_s) > spells.len() {
            return None;
        }
        let seen_s = ends.iter().map(|turn| turn.seen_s).min().unwrap_or(middle.seen_s);
        return Some(Turn { seen_s: seen_s.max(middle.at_s), ..middle });
    }
    let after_s = nine_tenths_last(spells)?;
    let mut said: Vec<(i64, f64)> = Vec::new();
    for spell in spells {
        let weight = -steps(spell, settings).1;
        let times =
            spell.tail.iter().copied().chain(spell.end.map(|end| end.at_s.max(after_s + 1)));
        said.extend(times.filter(|at_s| *at_s > after_s).map(|at_s| (at_s, weight)));
    }
    said.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let at_s = said.first()?.0;
    let mut sum = 0.0;
    let enough = settings.threshold(LEAST_A_YEAR * spells.len() as f64);
    let seen = said.into_iter().find(|(_, weight)| {
        sum += weight;
        sum >= enough
    });
    seen.map(|(seen_s, _)| Turn { after_s: Some(after_s), at_s, seen_s })
}

/// When the last of nine tenths of some spells was last seen blocked: one verdict in some is wrong.
fn nine_tenths_last(spells: &[Spell]) -> Option<i64> {
    let mut lasts: Vec<i64> = spells.iter().map(|spell| spell.last_blocked_s).collect();
    lasts.sort_unstable();
    lasts.get((9 * lasts.len()).div_ceil(10).saturating_sub(1)).copied()
}

pub(super) fn named(spells: &[Spell]) -> Vec<(Mechanism, u32)> {
    let mut all: BTreeMap<Mechanism, u32> = BTreeMap::new();
    for (mechanism, n) in spells.iter().flat_map(|spell| &spell.named) {
        *all.entry(*mechanism).or_default() += n;
    }
    let mut named: Vec<(Mechanism, u32)> = all.into_iter().collect();
    named.sort_by_key(|(mechanism, n)| (u32::MAX - n, *mechanism));
    named
}

/// Times at which a target could be used that say that its block was over.
const USED: usize = 3;
/// Units a year that a series is taken to have.
const LEAST_A_YEAR: f64 = 1_000.0;
