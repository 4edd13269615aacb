//! Chance from a recorded seed: the order of trials, and the mark that each carries.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;

/// Numbers that follow from a seed (`SplitMix64`; Steele et al. 2014). Good enough to shuffle with, and for nothing secret.
#[derive(Debug, Clone)]
pub struct Chance {
    seed: u64,
    state: u64,
}

impl Chance {
    /// Chance from this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, state: seed }
    }

    /// A seed that nobody chose, short enough to be written down.
    pub fn fresh_seed() -> u64 {
        let mut bytes = [0; 8];
        // Without randomness the order is one that was used before, and no worse.
        let _ = rand::fill(&mut bytes);
        u64::from_be_bytes(bytes) >> 16
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Puts items in a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = (self.draw() % (last as u64 + 1)) as usize;
            items.swap(last, other);
        }
    }

    /// 32 bytes that only this trial carries, so that the far end can be asked whether it arrived.
    pub fn mark(&self, trial: u32) -> [u8; 32] {
        let mut of = [0; 12];
        of.iter_mut()
            .zip(self.seed.to_be_bytes().into_iter().chain(trial.to_be_bytes()))
            .for_each(|(to, from)| *to = from);
        let mut mark = [0; 32];
        let hash = digest(&SHA256, &of);
        mark.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
        mark
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_follows_from_the_seed_and_loses_nothing() {
        let shuffled = |seed| {
            let mut items: Vec<u32> = (0..100).collect();
            Chance::new(seed).shuffle(&mut items);
            items
        };
        assert_eq!(shuffled(1), shuffled(1));
        assert_ne!(shuffled(1), shuffled(2));
        let mut sorted = shuffled(3);
        assert_ne!(sorted, (0..100).collect::<Vec<_>>());
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn every_trial_has_a_mark_of_its_own() {
        let chance = Chance::new(7);
        let marks: std::collections::BTreeSet<[u8; 32]> =
            (0..500).map(|it| chance.mark(it)).collect();
        assert_eq!(marks.len(), 500);
        assert!(!marks.contains(&Chance::new(8).mark(0)));
    }
}
