//! Spells of one target into bouts: what one order can have been.
//!
//! Networks that block by the same means within a roll-out are one bout, whatever their number. Networks that began at once are one
//! by whatever means, where they are half of those that measured the target: each carries out an order as it can. What was there at
//! the first measurement is told apart by its means and by when it was over.
//!
//! Cannot tell apart: two orders of one name in the same half-day, in different networks, by the same means.

use std::collections::BTreeSet;

use super::report::{Basis, Spell};
use super::settings::Settings;
use super::target::NETWORKS_NEEDED;

/// Spells that began within a roll-out of one another, by the same means; and those of several networks that began at once, by whatever
/// means.
pub(super) fn in_bouts(
    mut spells: Vec<Spell>,
    measured: usize,
    settings: &Settings,
) -> Vec<Vec<Spell>> {
    spells.sort_by_key(|spell| (spell.start.at_s, spell.asn, spell.basis));
    let mut bouts: Vec<Vec<Spell>> = Vec::new();
    for spell in spells {
        let near = bouts
            .iter_mut()
            .rev()
            .find(|bout| bout.iter().any(|other| belong(other, &spell, settings)));
        match near {
            Some(bout) => bout.push(spell),
            None => bouts.push(vec![spell]),
        }
    }
    at_once(rolled_out(bouts, measured, settings), measured, settings)
}

/// Joins bouts of one means that began within a roll-out where together they have a quarter of the networks that measured it, five or more: an
/// order that many carry out is carried out by some later than by others. Of a few networks, hours apart, nothing says that it was one order.
fn rolled_out(bouts: Vec<Vec<Spell>>, measured: usize, settings: &Settings) -> Vec<Vec<Spell>> {
    let window = settings.roll_out_h * 3_600;
    let least = (measured / 4).max(A_ROLL_OUT);
    let networks = |bout: &[Spell]| bout.iter().map(|spell| spell.asn).collect::<BTreeSet<_>>();
    let same = |ours: &[Spell], theirs: &[Spell]| {
        let meets = |late: &Spell| {
            ours.iter().any(|early| early.asn != late.asn && meet_within(early, late, window))
        };
        networks(ours).union(&networks(theirs)).count() >= least && theirs.iter().any(meets)
    };
    let mut joined: Vec<Vec<Spell>> = bouts;
    // What was too few to join may belong to what has joined since.
    loop {
        let before = joined.len();
        let mut next: Vec<Vec<Spell>> = Vec::new();
        for mut bout in joined {
            while let Some(at) = next.iter().position(|other| same(other, &bout)) {
                let mut other = next.remove(at);
                other.append(&mut bout);
                bout = other;
            }
            next.push(bout);
        }
        joined = next;
        if joined.len() == before {
            return joined;
        }
    }
}

/// Whether two spells meet, whichever was first.
fn meet_within(one: &Spell, other: &Spell, window: i64) -> bool {
    let (early, late) =
        if one.start.at_s <= other.start.at_s { (one, other) } else { (other, one) };
    meet(early, late, window)
}

/// Joins bouts that began at once where together they have half of the networks that measured it, three or more: one order, that each network
/// carries out as it can.
fn at_once(bouts: Vec<Vec<Spell>>, measured: usize, settings: &Settings) -> Vec<Vec<Spell>> {
    let near = settings.at_once_h * 3_600;
    let begun = |bout: &[Spell]| {
        let first =
            bout.iter().filter(|spell| spell.basis == Basis::Own).min_by_key(|spell| spell.start);
        first.filter(|spell| spell.start.after_s.is_some()).map(|spell| spell.start.at_s)
    };
    let mut joined: Vec<Vec<Spell>> = Vec::new();
    for bout in bouts {
        let same = joined.iter_mut().find(|other| {
            let apart = begun(other).zip(begun(&bout)).map(|(a, b)| (a - b).abs());
            let networks =
                |bout: &[Spell]| bout.iter().map(|spell| spell.asn).collect::<BTreeSet<_>>().len();
            let alone = |asn: u32, of: &[Spell]| of.iter().all(|spell| spell.asn != asn);
            apart.is_some_and(|apart| apart <= near)
                && (networks(other) + networks(&bout)).min(measured) >= NETWORKS_NEEDED
                && 2 * (networks(other) + networks(&bout)) >= measured
                && bout.iter().all(|spell| alone(spell.asn, other))
        });
        match same {
            Some(other) => other.extend(bout),
            None => joined.push(bout),
        }
    }
    joined
}

/// Whether two spells of one target, the first not later than the second, are of one event whoever else is: they began at once and, of two
/// networks, were over together and as strong.
fn belong(early: &Spell, late: &Spell, settings: &Settings) -> bool {
    let over = early.end.map_or(i64::MAX, |end| end.at_s);
    if early.asn == late.asn {
        return late.basis != early.basis && late.start.at_s < over;
    }
    let window = settings.roll_out_h * 3_600;
    meet(early, late, settings.at_once_h * 3_600)
        && early.ends_with(late, 2 * window)
        && early.counts.are_as_strong_as(late.counts)
}

/// Whether two spells of one target in two networks can be of one order that was carried out within a time.
fn meet(early: &Spell, late: &Spell, window: i64) -> bool {
    if !early.is_by_the_means_of(late) && !late.is_by_the_means_of(early) {
        return false;
    }
    if early.start.after_s.is_none() && late.start.after_s.is_none() {
        return early.ends_with(late, window);
    }
    let over = early.end.map_or(i64::MAX, |end| end.at_s);
    // What was there at a network's first measurement began at an unknown time before it: it belongs to what was going on.
    let begun_together = early.began.gap(late.began) <= window || late.start.after_s.is_none();
    begun_together && late.start.at_s <= over.saturating_add(window)
}

impl Spell {
    /// Whether most of it names what the other names: exactly, or as one of several where it says little.
    fn is_by_the_means_of(&self, other: &Self) -> bool {
        let few = self.counts.blocked <= FEW;
        if few && self.basis == Basis::Networks {
            // It agrees with the pool.
            return true;
        }
        let named = || other.named.iter().any(|(mechanism, _)| Some(*mechanism) == self.mechanism);
        self.mechanism == other.mechanism || few && named()
    }

    /// Whether two that were there from the first measurement can have been over together.
    fn ends_with(&self, other: &Self, window: i64) -> bool {
        match (self.end, other.end) {
            (Some(ours), Some(theirs)) => (ours.at_s - theirs.at_s).abs() <= window,
            (Some(ours), None) => other.last_blocked_s <= ours.at_s.saturating_add(window),
            (None, Some(theirs)) => self.last_blocked_s <= theirs.at_s.saturating_add(window),
            (None, None) => true,
        }
    }
}

/// Networks that carry out an order at their own pace, at least.
const A_ROLL_OUT: usize = 5;
/// Blocked units up to which what most of them name is not sure.
const FEW: u32 = 3;
