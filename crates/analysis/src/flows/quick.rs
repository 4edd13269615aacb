//! Hashes of addresses in a few steps, for tables whose keys strangers choose: the seed is the process's own.

use std::hash::{BuildHasher, Hasher, RandomState};

use super::key::fold;

/// Begins hashes, all with one seed.
#[derive(Debug, Clone, Copy)]
pub struct Quick {
    seed: u64,
}

/// A hash that is going on: each number is folded in by one multiplication (wyhash's step).
#[derive(Debug)]
pub struct QuickHasher {
    state: u64,
    seed: u64,
}

impl Default for Quick {
    fn default() -> Self {
        Self { seed: RandomState::new().build_hasher().finish() }
    }
}

impl BuildHasher for Quick {
    type Hasher = QuickHasher;

    #[inline]
    fn build_hasher(&self) -> QuickHasher {
        QuickHasher { state: self.seed, seed: self.seed.rotate_left(32) ^ MIX }
    }
}

impl QuickHasher {
    #[inline]
    fn add(&mut self, number: u64) {
        self.state = fold(self.state ^ number, self.seed);
    }
}

impl Hasher for QuickHasher {
    #[inline]
    fn finish(&self) -> u64 {
        fold(self.state ^ MIX, self.seed)
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut last = [0; 8];
            for (to, from) in last.iter_mut().zip(rest) {
                *to = *from;
            }
            self.add(u64::from_le_bytes(last));
        }
    }

    #[inline]
    fn write_u8(&mut self, number: u8) {
        self.add(number.into());
    }

    #[inline]
    fn write_u16(&mut self, number: u16) {
        self.add(number.into());
    }

    #[inline]
    fn write_u32(&mut self, number: u32) {
        self.add(number.into());
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        self.add(number);
    }

    #[inline]
    fn write_usize(&mut self, number: usize) {
        self.add(number as u64);
    }
}

const MIX: u64 = 0xa076_1d64_78bd_642f;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn addresses_differ_in_all_bits() {
        let quick = Quick::default();
        let hash = |n: u16| quick.hash_one(SocketAddr::from(([192, 0, 2, n as u8], n >> 8)));
        let hashes: Vec<u64> = (0..=u16::MAX).map(hash).collect();
        // Of 65,536 random numbers of 32 bits, half a pair is the same.
        for shift in [0, 32] {
            let distinct: HashSet<u32> = hashes.iter().map(|it| (it >> shift) as u32).collect();
            assert!(distinct.len() > 65_520, "{shift}: {}", distinct.len());
        }
        assert_ne!(Quick::default().hash_one(1_u64), Quick::default().hash_one(1_u64));
    }
}
