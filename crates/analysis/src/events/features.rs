//! What targets must share to be of one event, and between which moments they began and ended.

use std::collections::{BTreeMap, BTreeSet};

use wirewitness_model::verdict::Mechanism;

use super::report::{Basis, Country, Counts, Span, Spell, Turn};
use super::settings::Settings;
use super::spell::{UNKNOWN_S, most, steps};
use super::target::Bout;

/// What a bout must share with others.
pub(super) struct Features {
    pub(super) country: Country,
    pub(super) mechanism: Option<Mechanism>,
    counts: Counts,
    /// Blocked units by mechanism.
    named: Vec<(Mechanism, u32)>,
    pub(super) networks: BTreeSet<u32>,
    pub(super) against: BTreeSet<u32>,
    /// When it was over, as far as that is known.
    pub(super) end: Option<Span>,
    pub(super) last_blocked_s: i64,
    /// Times after that at which it could be used.
    pub(super) tail: Vec<i64>,
    /// How many of those say nothing: of many cells, some are used under any block.
    used: usize,
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
        let named = named(&bout.spells);
        let mut counts = Counts::default();
        bout.spells.iter().for_each(|spell| counts.add(spell.counts));
        Self {
            country,
            counts,
            mechanism: most(&named),
            named,
            networks: bout.spells.iter().map(|spell| spell.asn).collect(),
            against: bout.against.iter().copied().collect(),
            end,
            last_blocked_s,
            tail,
            used: USED.max(bout.spells.len() / 10),
        }
    }

    /// Of all targets of a group.
    pub(super) fn of_all(bouts: &[Bout], settings: &Settings) -> Self {
        let spells = bouts.iter().flat_map(|bout| bout.spells.iter().cloned()).collect();
        // Of many names, some could be used wherever.
        let mut against: BTreeMap<u32, i64> = BTreeMap::new();
        for bout in bouts {
            let networks: BTreeSet<u32> = bout.spells.iter().map(|spell| spell.asn).collect();
            bout.against.iter().for_each(|asn| *against.entry(*asn).or_default() += 1);
            networks.iter().for_each(|asn| *against.entry(*asn).or_default() -= 1);
        }
        let against =
            against.into_iter().filter(|(_, more)| *more > 0).map(|(asn, _)| asn).collect();
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
        ends && self.is_by_the_means_of(other)
            && self.counts.are_as_strong_as(other.counts)
            && self.agrees(other)
            && other.agrees(self)
    }

    /// Whether most of both names the same; what most of a few units name may be an error.
    pub(super) fn is_by_the_means_of(&self, other: &Self) -> bool {
        let may_be = |few: &Self, wanted: Option<Mechanism>| {
            let all: u32 = few.named.iter().map(|(_, n)| n).sum();
            all <= FEW && few.named.iter().any(|(named, _)| Some(*named) == wanted)
        };
        self.mechanism == other.mechanism
            || may_be(self, other.mechanism)
            || may_be(other, self.mechanism)
    }

    /// Whether it can have ended then, though its end was not seen.
    fn lasts_until(&self, end: Span, near: i64) -> bool {
        let used = self.tail.iter().filter(|at_s| **at_s < end.from).count();
        self.last_blocked_s <= end.to + 2 * near && used < self.used
    }

    /// Whether it can have lasted as long as another was seen blocked.
    pub(super) fn lasts_with(&self, other: &Self) -> bool {
        self.tail.iter().filter(|at_s| **at_s < other.last_blocked_s).count() < self.used
    }

    /// Of the networks of which the other says something, whether seven in ten are blocked there too.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        let both = self.networks.intersection(&other.networks).count();
        let not = self.networks.intersection(&other.against).count();
        both > 0 && 7 * not <= 3 * both
    }
}

/// Whether it can have begun at a moment, if others did: half of its cells, for of many some can have begun whenever.
pub(super) fn could(bout: &Bout, moment: Span, near: i64) -> bool {
    let can = bout.spells.iter().filter(|spell| spell.could.gap(moment) <= near).count();
    2 * can >= bout.spells.len()
}

/// Between which moments a bout began: what its first spells have in common.
pub(super) fn start(bout: &Bout) -> Span {
    common(bout.spells.iter().map(|spell| spell.began)).unwrap_or_default()
}

/// Between which moments some bouts began in each network, by what its own cells say.
pub(super) fn by_network(bouts: &[Bout]) -> BTreeMap<u32, Span> {
    let mut networks: BTreeMap<u32, Vec<Span>> = BTreeMap::new();
    for spell in bouts.iter().flat_map(|bout| &bout.spells) {
        let own = match spell.basis {
            Basis::Own => spell.began,
            _ => {
                let to = spell.start.at_s;
                Span { from: spell.start.after_s.unwrap_or(to - UNKNOWN_S), to }
            }
        };
        networks.entry(spell.asn).or_default().push(own);
    }
    let spans = networks.into_iter().map(|(asn, spans)| (asn, common(spans.into_iter())));
    spans.filter_map(|(asn, span)| Some((asn, span?))).collect()
}

/// From when to when networks joined, by the cells that say so by themselves, but for a tenth of them at each end. None of fewer than five.
pub(super) fn roll_out(bouts: &[Bout]) -> Option<Span> {
    let spells = bouts.iter().flat_map(|bout| &bout.spells);
    let mut joined: Vec<i64> =
        spells.filter(|spell| spell.basis == Basis::Own).map(|spell| spell.began.to).collect();
    joined.sort_unstable();
    let edge = joined.len() / 10;
    let (from, to) = (*joined.get(edge)?, *joined.get(joined.len().checked_sub(edge + 1)?)?);
    (joined.len() >= 5).then_some(Span { from, to })
}

/// What the first of some spans has in common with those that meet it.
fn common(spans: impl Iterator<Item = Span>) -> Option<Span> {
    let mut spans: Vec<Span> = spans.collect();
    spans.sort_by_key(|span| (span.to, span.from));
    // One start in twenty is not where its series puts it.
    let first = *spans.get(spans.len() / 12)?;
    Some(
        spans
            .into_iter()
            .fold(first, |all, span| if all.gap(span) == 0 { all.both(span) } else { all }),
    )
}

/// When a set of spells was over: when most of them were, each by itself; else when those that could be used after they were last seen blocked
/// are together enough, against those that still were seen blocked (a cumulative sum of both).
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
    let mut said: Vec<(i64, f64)> = Vec::new();
    for spell in spells {
        let (hit, miss) = steps(spell, settings.noise.clamp(0.001, 0.2), settings);
        said.push((spell.last_blocked_s, -hit));
        let times = spell.tail.iter().copied().chain(spell.end.map(|end| end.at_s));
        said.extend(times.map(|at_s| (at_s, -miss)));
    }
    said.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let enough = settings.threshold(LEAST_A_YEAR * spells.len() as f64);
    let (mut sum, mut turn, mut before_s): (f64, Option<Turn>, _) = (0.0, None, None);
    let mut at_s = None;
    for (now_s, step) in said {
        sum = (sum + step).clamp(0.0, 2.0 * enough);
        if sum <= 0.0 {
            (turn, at_s, before_s) = (None, None, Some(now_s));
            continue;
        }
        let at_s = *at_s.get_or_insert(now_s);
        if sum >= enough && turn.is_none() {
            turn = Some(Turn { after_s: before_s, at_s, seen_s: now_s });
        }
    }
    turn
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

/// Blocked units up to which what most of them name is not sure.
const FEW: u32 = 12;
/// Times at which a target could be used that say that its block was over.
const USED: usize = 3;
/// Units a year that a series is taken to have.
const LEAST_A_YEAR: f64 = 1_000.0;
