//! Sets of targets: ranges of their numbers, so that a list of 650,000 takes as much room as its blocks.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

/// Targets by number. In JSON: a list of `[first, last]`, in order, both inclusive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(u32, u32)>")]
pub struct TargetSet(Vec<(u32, u32)>);

impl TargetSet {
    /// All targets of a country that has `count`.
    pub fn all(count: u32) -> Self {
        count.checked_sub(1).map(|last| Self(vec![(0, last)])).unwrap_or_default()
    }

    /// True for a target of the set.
    pub fn contains(&self, target: u32) -> bool {
        let place = |&(first, last): &(u32, u32)| {
            if last < target {
                Ordering::Less
            } else if first > target {
                Ordering::Greater
            } else {
                Ordering::Equal
            }
        };
        self.0.binary_search_by(place).is_ok()
    }

    /// How many targets.
    pub fn len(&self) -> u64 {
        self.0.iter().map(|(first, last)| u64::from(last - first) + 1).sum()
    }

    /// True without any target.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `(first, last)`, both inclusive, in order and apart.
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.0
    }

    /// How many targets are in both.
    pub fn in_both(&self, other: &Self) -> u64 {
        let (mut ours, mut theirs) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut count = 0;
        while let (Some(&&(a, b)), Some(&&(c, d))) = (ours.peek(), theirs.peek()) {
            let (first, last) = (a.max(c), b.min(d));
            if first <= last {
                count += u64::from(last - first) + 1;
            }
            if b <= d {
                ours.next()
            } else {
                theirs.next()
            };
        }
        count
    }

    /// These without those of `others`.
    #[must_use]
    pub fn without(&self, others: &Self) -> Self {
        let mut left = Vec::new();
        for &(first, last) in &self.0 {
            let mut from = Some(first);
            let after = others.0.partition_point(|&(_, end)| end < first);
            for &(a, b) in others.0.iter().skip(after).take_while(|&&(a, _)| a <= last) {
                if let Some(start) = from
                    && start < a
                {
                    left.push((start, a - 1));
                }
                from = b.checked_add(1).filter(|next| *next <= last);
            }
            left.extend(from.map(|start| (start, last)));
        }
        Self(left)
    }
}

impl From<Vec<(u32, u32)>> for TargetSet {
    fn from(mut ranges: Vec<(u32, u32)>) -> Self {
        ranges.retain(|(first, last)| first <= last);
        ranges.sort_unstable();
        let mut joined: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match joined.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => joined.push((first, last)),
            }
        }
        Self(joined)
    }
}

impl FromIterator<u32> for TargetSet {
    fn from_iter<I: IntoIterator<Item = u32>>(targets: I) -> Self {
        Self::from(targets.into_iter().map(|it| (it, it)).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::population::draw::Draw;

    #[test]
    fn the_same_as_a_set_of_numbers() {
        let mut draw = Draw::of(5, &[]);
        for _ in 0..300 {
            let mut pair = || -> BTreeSet<u32> { (0..30).map(|_| draw.count(0, 60)).collect() };
            let (a, b) = (pair(), pair());
            let (ours, theirs) = (
                a.iter().copied().collect::<TargetSet>(),
                b.iter().copied().collect::<TargetSet>(),
            );
            assert_eq!(ours.len(), a.len() as u64);
            assert_eq!(ours.in_both(&theirs), a.intersection(&b).count() as u64);
            let without: TargetSet = a.difference(&b).copied().collect();
            assert_eq!(ours.without(&theirs), without);
            for number in 0..61 {
                assert_eq!(ours.contains(number), a.contains(&number));
            }
        }
    }

    #[test]
    fn the_edges_of_numbers() {
        let whole = TargetSet::from(vec![(0, u32::MAX)]);
        assert_eq!(whole.len(), 1 << 32);
        assert!(whole.without(&whole).is_empty());
        assert_eq!(whole.without(&TargetSet::all(7)).ranges(), [(7, u32::MAX)]);
        assert!(TargetSet::all(0).is_empty());
        assert!(TargetSet::from(vec![(3, 2)]).is_empty());
    }
}
