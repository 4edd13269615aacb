//! Numbers of targets: made of their names, so that the same name has the same number in every run.
//!
//! A number is 32 bits of a hash of the name. Where two names share it, the one that had it in an earlier statement keeps it, then the
//! one that is first by its letters; the other takes the next hash of its name that is free.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Names, each under the number that a search knows it by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    by_number: BTreeMap<u32, Arc<str>>,
}

impl Names {
    /// The name of a target.
    pub fn name(&self, number: u32) -> Option<&str> {
        self.by_number.get(&number).map(AsRef::as_ref)
    }

    /// The names of several; a number without a name is written out.
    pub fn of(&self, numbers: &[u32]) -> Vec<String> {
        let word =
            |number: &u32| self.name(*number).map_or_else(|| number.to_string(), str::to_owned);
        numbers.iter().map(word).collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_number.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_number.is_empty()
    }

    /// Remembers a name.
    pub(super) fn insert(&mut self, number: u32, name: &str) {
        self.by_number.insert(number, name.into());
    }
}

/// Names in the order in which they are met, while files are read.
#[derive(Debug, Default)]
pub(super) struct Met {
    places: HashMap<Arc<str>, u32>,
    names: Vec<Arc<str>>,
}

impl Met {
    /// Place of a name. None where there are [`MOST_NAMES`] others.
    pub(super) fn place(&mut self, name: &str) -> Option<u32> {
        if let Some(place) = self.places.get(name) {
            return Some(*place);
        }
        if self.names.len() >= MOST_NAMES {
            return None;
        }
        let (place, name) = (self.names.len() as u32, Arc::<str>::from(name));
        self.names.push(Arc::clone(&name));
        self.places.insert(name, place);
        Some(place)
    }

    /// All of them, by place.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(AsRef::as_ref)
    }

    /// The number of each, by its place; those that had one keep it.
    pub(super) fn numbers(&self, earlier: &Names) -> (Vec<u32>, Names) {
        let kept: HashMap<&str, u32> =
            earlier.by_number.iter().map(|(number, name)| (name.as_ref(), *number)).collect();
        let mut order: Vec<usize> = (0..self.names.len()).collect();
        order.sort_unstable_by_key(|at| self.names.get(*at));
        let mut numbers = vec![0; self.names.len()];
        let mut names = Names::default();
        for at in order {
            let (Some(name), Some(number)) = (self.names.get(at), numbers.get_mut(at)) else {
                continue;
            };
            let is_free = |number: &u32| {
                !names.by_number.contains_key(number) && !earlier.by_number.contains_key(number)
            };
            let own = kept.get(name.as_ref()).copied();
            let made = || (0..=u64::MAX).map(|attempt| (hash(name, attempt)) as u32).find(is_free);
            *number = own.or_else(made).unwrap_or(0);
            names.by_number.insert(*number, Arc::clone(name));
        }
        (numbers, names)
    }
}

/// The number that a name has where no other has it.
pub(super) fn usual(name: &str) -> u32 {
    hash(name, 0) as u32
}

/// Which of some parts a name belongs to. Other bits than those of its number.
pub(super) fn part(name: &str, parts: usize) -> usize {
    ((hash(name, 0) >> 32) as usize) % parts.max(1)
}

/// FNV-1a, its bits stirred as MurmurHash3 does at its end: FNV alone leaves the high ones alike in names that are.
fn hash(name: &str, attempt: u64) -> u64 {
    let bytes =
        name.bytes().chain((attempt > 0).then_some(attempt).into_iter().flat_map(u64::to_le_bytes));
    let fold = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let mut hash = bytes.fold(0xcbf2_9ce4_8422_2325, fold);
    hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ hash >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ hash >> 33
}

/// Different targets of one search: some 500 MB of names. Rows of others are left out and counted.
const MOST_NAMES: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn met(names: impl IntoIterator<Item = String>) -> Met {
        let mut met = Met::default();
        names.into_iter().for_each(|name| assert!(met.place(&name).is_some()));
        met
    }

    #[test]
    fn the_order_in_which_names_are_met_does_not_matter() {
        // 300 000 names share some ten numbers (n * n / 2 / 2^32).
        let name = |n: u32| format!("https://site-{n}.example/");
        let (there, names) = met((0..300_000).map(name)).numbers(&Names::default());
        let (back, _) = met((0..300_000).rev().map(name)).numbers(&Names::default());
        assert!(there.iter().eq(back.iter().rev()));
        assert_eq!(names.len(), 300_000, "no two share a number");
        let first = hash(&name(0), 0) as u32;
        assert!(names.by_number.contains_key(&first));
        let moved =
            there.iter().zip(0..).filter(|(number, n)| **number != hash(&name(*n), 0) as u32);
        assert!((1..100).contains(&moved.count()), "some were met twice");
    }

    #[test]
    fn a_name_keeps_the_number_it_had() {
        let mut earlier = Names::default();
        earlier.insert(7, "b.example");
        earlier.insert(hash("a.example", 0) as u32, "gone.example");
        let (numbers, names) = met(["a.example".into(), "b.example".into()]).numbers(&earlier);
        assert_eq!(numbers[1], 7);
        assert_eq!(numbers[0], hash("a.example", 1) as u32, "its own is taken");
        assert_eq!(names.of(&[7, 8]), ["b.example", "8"]);
    }

    #[test]
    fn parts_are_even() {
        let mut counts = [0; 10];
        (0..10_000).for_each(|n| counts[part(&format!("https://{n}.example/"), 10)] += 1);
        assert!(counts.iter().all(|count| (800..1_200).contains(count)), "{counts:?}");
    }
}
