//! Bytes of known shape changed by chance, for tests of what strangers send. The same seed gives the same bytes.

/// Where chance stands.
pub(crate) struct Mutation(u64);

impl Mutation {
    /// Begins at a seed other than 0.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`, which is not 0 (xorshift64, Marsaglia 2003).
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    /// A seed with one to five changes: bytes flipped, cut out, doubled, put in from `pieces`, cut off.
    pub(crate) fn of(&mut self, seed: &[u8], pieces: &[&[u8]]) -> Vec<u8> {
        let mut bytes = seed.to_vec();
        for _ in 0..=self.below(5) {
            let at = self.below(bytes.len() + 1);
            let end = at + self.below((bytes.len() - at).min(40) + 1);
            match self.below(6) {
                0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                1 => drop(bytes.drain(at..end)),
                2 => {
                    let again = bytes[at..end].to_vec();
                    bytes.splice(at..at, again);
                }
                3 | 4 => {
                    let piece = pieces[self.below(pieces.len())];
                    bytes.splice(at..end.min(at + piece.len()), piece.iter().copied());
                }
                _ if self.below(8) == 0 => bytes.truncate(at),
                _ => {}
            }
        }
        bytes
    }
}
