//! The beginning of one way of a TCP stream, put in order. What came first stays.

use std::collections::BTreeMap;

/// The first bytes of a stream, without a gap.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// Sequence number of the first byte.
    start: Option<u32>,
    bytes: Vec<u8>,
    early: BTreeMap<usize, Vec<u8>>,
    held: usize,
}

impl Head {
    /// The number after a SYN's.
    pub(super) fn starts_at(&mut self, seq: u32) {
        self.start.get_or_insert(seq);
    }

    /// Puts a segment where it belongs, as far as it is in the first [`LIMIT`] bytes. Says how many bytes more are held.
    pub(super) fn put(&mut self, seq: u32, payload: &[u8]) -> usize {
        let before = self.memory();
        let start = *self.start.get_or_insert(seq);
        let offset = seq.wrapping_sub(start) as usize;
        if offset >= LIMIT || payload.is_empty() {
            return 0;
        }
        let payload = payload.get(..payload.len().min(LIMIT - offset)).unwrap_or_default();
        if offset > self.bytes.len() {
            if self.early.len() < EARLY_PARTS && !self.early.contains_key(&offset) {
                self.held += payload.len();
                self.early.insert(offset, payload.to_vec());
            }
        } else {
            self.bytes.extend(payload.iter().skip(self.bytes.len() - offset));
            self.join_early();
        }
        self.memory().saturating_sub(before)
    }

    fn join_early(&mut self) {
        while let Some(entry) = self.early.first_entry() {
            let offset = *entry.key();
            if offset > self.bytes.len() {
                return;
            }
            let part = entry.remove();
            self.held -= part.len();
            self.bytes.extend(part.iter().skip(self.bytes.len() - offset));
        }
    }

    /// What there is from the start.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// True for a segment behind the bytes that are kept.
    pub(super) fn is_behind(&self, seq: u32) -> bool {
        self.start.is_some_and(|start| seq.wrapping_sub(start) as usize >= LIMIT)
    }

    /// Bytes held.
    pub(super) fn memory(&self) -> usize {
        self.bytes.len() + self.held
    }
}

/// More than greetings with three certificates take, bytes.
pub(super) const LIMIT: usize = 8 * 1024;
const EARLY_PARTS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_in_any_order_and_over_the_edge() {
        let mut head = Head::default();
        head.starts_at(u32::MAX - 1);
        head.put(2, b"efg");
        head.put(u32::MAX - 1, b"abcd");
        head.put(u32::MAX, b"XXX");
        head.put(2, b"EFG");
        assert_eq!(head.bytes(), b"abcdefg");
        for number in 0..100 {
            head.put(1000 * number + 100, &[0; 1460]);
        }
        assert!(head.memory() <= LIMIT * (EARLY_PARTS + 1));
        assert!(head.is_behind(20_000) && !head.is_behind(5));
    }
}
