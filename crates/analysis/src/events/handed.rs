//! A name that two orders block one after the other: its block begins with the first, and outlasts it because of the second.
//!
//! Such a name fits neither event, as both its start and its end must fit. Its series shows no gap between the two where it is seldom
//! measured, or where the second order began before the first was over.
//!
//! Cannot tell apart: a name whose block was kept when that of the others was lifted, from one that a second order took over, where
//! many other names of the same networks were blocked meanwhile by the means that it is blocked by since.

use std::collections::BTreeMap;

use wirewitness_model::verdict::Mechanism;

use super::group::{A_LIST, Group, Groups};
use super::report::{Basis, Counts, Span, Spell, Turn};
use super::settings::Settings;
use super::target::{Bout, NETWORKS_NEEDED};

/// Whose part a name's block is until when, and whose since.
struct Handed {
    first: usize,
    /// When that was over.
    over: Span,
    then: usize,
}

impl Groups {
    /// Splits groups of one name between the event that they began with and the list that took them over.
    pub(super) fn hand_over(&mut self, settings: &Settings) {
        for at in 0..self.all.len() {
            let Some(handed) = self.handed(at, settings) else { continue };
            let since = self.all.get(handed.then).map(|group| group.start).unwrap_or_default();
            let bouts = self.all.get_mut(at).map(|group| std::mem::take(&mut group.bouts));
            for bout in bouts.unwrap_or_default() {
                let (before, after) = split(bout, handed.over, since);
                for (into, bout) in [(handed.first, before), (handed.then, after)] {
                    if let (false, Some(group)) = (bout.spells.is_empty(), self.all.get_mut(into)) {
                        group.features.networks.extend(bout.spells.iter().map(|spell| spell.asn));
                        group.bouts.push(bout);
                    }
                }
            }
        }
    }

    fn handed(&self, at: usize, settings: &Settings) -> Option<Handed> {
        let near = settings.at_once_h * 3_600;
        let name = self.all.get(at).filter(|group| group.bouts.len() == 1)?;
        let spells = &name.bouts.first()?.spells;
        if name.features.networks.len() < NETWORKS_NEEDED {
            return None;
        }
        let last_s = spells.iter().map(|spell| spell.last_blocked_s).max()?;
        let means = first_means(spells);
        let others = |from_s: i64, to_s: i64| {
            let others = self.began(name.features.country, (from_s, to_s));
            others
                .filter(move |other| *other != at)
                .filter_map(|other| Some((other, self.all.get(other)?)))
        };
        let agrees = |other: &Group| {
            !other.bouts.is_empty()
                && other.features.agrees(&name.features)
                && name.features.agrees(&other.features)
        };
        let began_with = |other: &Group| {
            other.start.gap(name.start) <= near
                && other.features.mechanism == means
                && other.features.networks.len() >= name.features.networks.len()
        };
        let firsts = others(name.start.from - near, name.start.to + near)
            .filter(|(_, other)| began_with(other) && agrees(other))
            .filter_map(|(at, other)| Some((at, other, other.features.end?)))
            .filter(|(_, _, over)| over.to + 2 * near < last_s);
        let (first, _, over) =
            firsts.max_by_key(|(at, other, _)| (other.bouts.len(), usize::MAX - at))?;
        let took_over = |other: &Group| {
            let since = other.start;
            let quiet = over.to + near..since.from - near;
            other.bouts.len() >= A_LIST
                && since.gap(name.start) > near
                && other.features.end.is_none_or(|end| end.to + 2 * near >= last_s)
                && is_named(spells, other.features.mechanism)
                && !spells.iter().any(|spell| quiet.contains(&spell.last_blocked_s))
        };
        let thens = others(name.start.to, last_s)
            .filter(|(other, group)| *other != first && agrees(group) && took_over(group));
        let (then, _) = thens.max_by_key(|(at, other)| (other.bouts.len(), usize::MAX - at))?;
        Some(Handed { first, over, then })
    }
}

/// What most of some spells were blocked by at first.
fn first_means(spells: &[Spell]) -> Option<Mechanism> {
    let mut means: BTreeMap<Mechanism, usize> = BTreeMap::new();
    for mechanism in spells.iter().filter_map(|spell| spell.mechanism) {
        *means.entry(mechanism).or_default() += 1;
    }
    means.into_iter().max_by_key(|(_, n)| *n).map(|(mechanism, _)| mechanism)
}

fn is_named(spells: &[Spell], mechanism: Option<Mechanism>) -> bool {
    spells.iter().flat_map(|spell| &spell.named).any(|(named, _)| Some(*named) == mechanism)
}

/// What was blocked until the first event was over, and what since the second began. All evidence stays with the first: which of it is of
/// which is not known.
fn split(bout: Bout, over: Span, since: Span) -> (Bout, Bout) {
    let mut before = bout;
    let mut after = Bout { spells: Vec::new(), against: Vec::new() };
    for spell in &mut before.spells {
        if spell.last_blocked_s <= over.to {
            continue;
        }
        if spell.last_blocked_s >= since.from {
            let start =
                Turn { after_s: None, at_s: since.to, seen_s: spell.last_blocked_s.max(since.to) };
            after.spells.push(Spell {
                start,
                turns: Vec::new(),
                counts: Counts::default(),
                basis: Basis::Targets,
                voices: Vec::new(),
                named: Vec::new(),
                began: since,
                could: since,
                ..spell.clone()
            });
        }
        spell.end = Some(Turn {
            after_s: Some(over.from.min(over.to)),
            at_s: over.to,
            seen_s: over.to.max(spell.start.seen_s),
        });
        spell.over = Some(over);
        spell.last_blocked_s = over.from.clamp(spell.start.at_s.min(over.to), over.to);
        spell.turns.retain(|(_, turn)| turn.at_s <= over.to && turn.at_s < since.from);
        spell.tail.clear();
    }
    (before, after)
}
