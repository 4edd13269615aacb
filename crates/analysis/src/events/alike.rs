//! Which of many events is the same as one that was stated before, without comparing each with each.

use std::collections::BTreeMap;

use super::report::{Country, Event, Kind};

/// Events by what two must share to be the same: kind, country, and a target or, for those without targets, a network.
pub(super) struct Alike<'e> {
    events: &'e [Event],
    by_target: BTreeMap<(Kind, Country, u32), Timeline>,
    by_network: BTreeMap<(Kind, Country, u32), Timeline>,
}

/// Events that may be the same if their starts are so near, seconds, or their times overlap.
const NEAR_S: i64 = 86_400;

impl<'e> Alike<'e> {
    /// Of these events, those whose places are named.
    pub(super) fn of(events: &'e [Event], places: impl Iterator<Item = usize>) -> Self {
        let (mut by_target, mut by_network) = (BTreeMap::new(), BTreeMap::new());
        for (at, event) in places.filter_map(|at| Some((at, events.get(at)?))) {
            let entry = (event.start.at_s, reach(event), at);
            for (numbers, by) in
                [(&event.targets, &mut by_target), (&event.networks, &mut by_network)]
            {
                for number in numbers {
                    let key = (event.kind, event.country, *number);
                    by.entry(key).or_insert_with(Vec::new).push(entry);
                }
            }
        }
        let lines = |by: BTreeMap<_, Vec<Entry>>| {
            by.into_iter().map(|(key, entries)| (key, Timeline::of(entries))).collect()
        };
        Self { events, by_target: lines(by_target), by_network: lines(by_network) }
    }

    /// The place of the first of them that is the same as an older one. `looked` counts what was compared.
    pub(super) fn first(&self, old: &Event, looked: &mut u64) -> Option<usize> {
        let (by, numbers) = match old.targets.is_empty() {
            true => (&self.by_network, &old.networks),
            false => (&self.by_target, &old.targets),
        };
        let until = old.start.at_s.saturating_add(NEAR_S).max(over(old));
        let mut first = usize::MAX;
        for number in numbers {
            let Some(line) = by.get(&(old.kind, old.country, *number)) else { continue };
            line.visit((old.start.at_s, until), &mut |at| {
                *looked += 1;
                let is_it = || self.events.get(at).is_some_and(|new| is_same(old, new));
                if at < first && is_it() {
                    first = at;
                }
            });
        }
        (first != usize::MAX).then_some(first)
    }
}

/// Whether a statement is about this event, where their names are not the same.
pub(super) fn is_same(old: &Event, new: &Event) -> bool {
    let shares = |a: &[u32], b: &[u32]| a.iter().any(|number| b.binary_search(number).is_ok());
    let near = old.start.at_s.abs_diff(new.start.at_s) <= NEAR_S.unsigned_abs();
    let overlap = old.start.at_s <= over(new) && new.start.at_s <= over(old);
    old.kind == new.kind
        && old.country == new.country
        && shares(&old.networks, &new.networks)
        && (shares(&old.targets, &new.targets) || old.targets.is_empty())
        && (near || overlap)
}

fn over(event: &Event) -> i64 {
    event.end.map_or(i64::MAX, |end| end.at_s)
}

/// The last start of another that may be the same.
fn reach(event: &Event) -> i64 {
    over(event).max(event.start.at_s.saturating_add(NEAR_S))
}

/// Start, reach and place of an event.
type Entry = (i64, i64, usize);

/// Events by start, with the furthest reach of each half, so that those that meet a time are found without the others.
struct Timeline {
    entries: Vec<Entry>,
    /// Furthest reach below each node of the tree: 1 is the root, those below `n` are `2n` and `2n + 1`.
    furthest: Vec<i64>,
}

impl Timeline {
    fn of(mut entries: Vec<Entry>) -> Self {
        entries.sort_unstable();
        let leaves = entries.len().next_power_of_two();
        let mut furthest = vec![i64::MIN; 2 * leaves];
        for (leaf, (_, reach, _)) in furthest.iter_mut().skip(leaves).zip(&entries) {
            *leaf = *reach;
        }
        for node in (1..leaves).rev() {
            let below = furthest.get(2 * node).max(furthest.get(2 * node + 1)).copied();
            if let (Some(place), Some(below)) = (furthest.get_mut(node), below) {
                *place = below;
            }
        }
        Self { entries, furthest }
    }

    /// All that start not after `until` and reach `from`.
    fn visit(&self, (from, until): (i64, i64), seen: &mut impl FnMut(usize)) {
        let end = self.entries.partition_point(|(start, _, _)| *start <= until);
        let leaves = self.furthest.len() / 2;
        let mut open = vec![(1, 0, leaves)];
        while let Some((node, begin, width)) = open.pop() {
            let reaches = self.furthest.get(node).is_some_and(|furthest| *furthest >= from);
            if begin >= end || !reaches {
                continue;
            }
            if width == 1 {
                if let Some((_, _, at)) = self.entries.get(begin) {
                    seen(*at);
                }
            } else {
                let half = width / 2;
                open.push((2 * node + 1, begin + half, half));
                open.push((2 * node, begin, half));
            }
        }
    }
}
