//! Many fixed texts looked for in one pass.
//!
//! A page of 7 kB has to be held against some 1,300 texts in a few microseconds. An Aho-Corasick automaton over them
//! takes every byte by a dependent load from a table that no cache holds: 0.3 to 0.4 GB/s as a DFA, half of that as
//! an NFA, where this makes 0.9 to 1.4 (`benches/fingerprints.rs`). What helps is that the texts are long and that hardly any page has one. So only every fourth position of a page
//! is looked at. A text of 11 bytes or more holds, wherever it starts, an 8-byte *gram* that begins at such a
//! position; of the four grams this can be, each is put into a bitmap at compile time, and a position whose gram is
//! not in the bitmap is done with after one multiplication and one load. The rest are compared in full.
//!
//! Each text is free to choose which stretch of 11 bytes gives its grams. It takes the stretch that is least like
//! ordinary pages, so that `<title>Blocked by Example` is not looked at closer at each `<title>`.
//!
//! Texts of 7 to 10 bytes do the same with grams of 4 bytes. Shorter ones, of which lists have a handful, go to
//! `aho-corasick`, which is at its best with few.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use aho_corasick::{AhoCorasick, packed};

/// I find which of many texts occur in a haystack.
pub(crate) struct Literals {
    texts: Vec<Box<[u8]>>,
    long: Grams<LONG_WORDS>,
    medium: Grams<MEDIUM_WORDS>,
    short: Vec<Short>,
}

impl Literals {
    /// Takes the texts to look for; a text is known by its position. An empty text is never found.
    pub(crate) fn new(texts: Vec<Vec<u8>>) -> Self {
        let of_length = |range: RangeInclusive<usize>| {
            let wanted = texts.iter().enumerate().filter(|(_, text)| range.contains(&text.len()));
            wanted.map(|(id, text)| (id as u32, text.as_slice())).collect::<Vec<_>>()
        };
        let (long, medium) = (LONG_GRAM + STRIDE - 1, MEDIUM_GRAM + STRIDE - 1);
        let short = of_length(1..=medium - 1);
        Self {
            long: Grams::new(LONG_GRAM, &of_length(long..=usize::MAX)),
            medium: Grams::new(MEDIUM_GRAM, &of_length(medium..=long - 1)),
            short: short.chunks(SHORT_GROUP).filter_map(Short::new).collect(),
            texts: texts.into_iter().map(Vec::into_boxed_slice).collect(),
        }
    }

    /// Calls `found` with the position of each text that occurs in `haystack`, once or more often, in no order.
    pub(crate) fn find(&self, haystack: &[u8], mut found: impl FnMut(u32)) {
        if !self.long.entries.is_empty() || !self.medium.entries.is_empty() {
            self.find_grams(haystack, &mut found);
        }
        for short in &self.short {
            short.find(haystack, &mut found);
        }
    }

    /// Goes over the haystack in steps of [`STRIDE`]. A medium gram is one step wide, a long one two.
    fn find_grams(&self, haystack: &[u8], found: &mut impl FnMut(u32)) {
        let (steps, _) = haystack.as_chunks::<STRIDE>();
        let Some((first, rest)) = steps.split_first() else { return };
        let mut medium = u64::from(u32::from_le_bytes(*first));
        for (i, next) in rest.iter().enumerate() {
            let next = u64::from(u32::from_le_bytes(*next));
            let long = medium | next << 32;
            // One branch for both, as neither is often taken.
            if self.long.may_hold(long) | self.medium.may_hold(medium) {
                self.check(haystack, i * STRIDE, long, found);
            }
            medium = next;
        }
        // The last step has none after it, so no long gram begins there.
        self.check(haystack, rest.len() * STRIDE, medium, found);
    }

    /// Compares the texts of both grams that begin at `at`. Kept out of the loop above, which must stay small.
    #[inline(never)]
    fn check(&self, haystack: &[u8], at: usize, gram: u64, found: &mut impl FnMut(u32)) {
        for entry in self.long.entries(gram).chain(self.medium.entries(gram & MEDIUM_MASK)) {
            let start = at.checked_sub(entry.offset as usize);
            let from = start.and_then(|start| haystack.get(start..)).unwrap_or_default();
            let text = self.texts.get(entry.text as usize);
            if text.is_some_and(|text| from.starts_with(text)) {
                found(entry.text);
            }
        }
    }
}

/// I know the grams of texts of one class of lengths, by a bitmap of `WORDS` words of 64 bits.
///
/// The size is fixed, so that the one thing done for every gram of every page needs no bounds check. A longer list
/// fills the bitmap and makes matching slower, not wrong.
struct Grams<const WORDS: usize> {
    /// A bit for each value of the upper bits of a hash.
    seen: Box<[u64; WORDS]>,
    /// Where in `entries` the grams of each word begin.
    buckets: Vec<u32>,
    entries: Vec<Entry>,
}

/// One gram of one text, and how far into the text it begins.
#[derive(Clone, Copy)]
struct Entry {
    gram: u64,
    text: u32,
    offset: u32,
}

impl<const WORDS: usize> Grams<WORDS> {
    /// How far to shift a hash for its bit, and for its word.
    const TO_BIT: u32 = 64 - 6 - WORDS.ilog2();
    const TO_WORD: u32 = 64 - WORDS.ilog2();

    /// Takes texts of at least `width + STRIDE - 1` bytes.
    fn new(width: usize, texts: &[(u32, &[u8])]) -> Self {
        // Most places a list looks in have few texts or none; the sample is read for those that have.
        let ordinary =
            if texts.is_empty() { Ordinary::unread(width) } else { Ordinary::new(width) };
        let mut entries: Vec<Entry> =
            texts.iter().flat_map(|(id, text)| ordinary.rarest_stretch(*id, text)).collect();
        entries.sort_by_key(|e| (hash(e.gram) >> Self::TO_WORD, e.gram, e.text, e.offset));
        let mut seen = Box::new([0; WORDS]);
        for hash in entries.iter().map(|e| hash(e.gram)) {
            if let Some(word) = seen.get_mut((hash >> Self::TO_WORD) as usize) {
                *word |= 1 << (hash >> Self::TO_BIT & 63);
            }
        }
        let buckets = ends(WORDS, entries.iter().map(|e| hash(e.gram) >> Self::TO_WORD));
        Self { seen, buckets, entries }
    }

    /// False where the gram is none of ours; true where it is, and for some 2 % of those that are not.
    #[inline]
    fn may_hold(&self, gram: u64) -> bool {
        let hash = hash(gram);
        let word = self.seen.get((hash >> Self::TO_WORD) as usize).copied().unwrap_or(0);
        word >> (hash >> Self::TO_BIT & 63) & 1 == 1
    }

    fn entries(&self, gram: u64) -> impl Iterator<Item = &Entry> {
        let bucket = (hash(gram) >> Self::TO_WORD) as usize;
        let ends = self.buckets.get(bucket..).and_then(|from| from.first_chunk());
        let range = ends.map_or(0..0, |[start, end]| *start as usize..*end as usize);
        self.entries.get(range).unwrap_or_default().iter().filter(move |entry| entry.gram == gram)
    }
}

/// Where each bucket begins among entries sorted by bucket; one more, for where the last ends.
fn ends(buckets: usize, sorted: impl Iterator<Item = u64>) -> Vec<u32> {
    let mut ends = vec![0_u32; buckets + 1];
    for bucket in sorted {
        if let Some(count) = ends.get_mut(bucket as usize + 1) {
            *count += 1;
        }
    }
    let mut sum = 0;
    for end in &mut ends {
        sum += *end;
        *end = sum;
    }
    ends
}

/// Multiplicative hashing: the upper bits depend on all bits of the gram (Knuth, TAOCP 3, 6.4).
#[inline]
fn hash(gram: u64) -> u64 {
    gram.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// I tell how common a gram is in ordinary pages, by a sample of what they are made of.
struct Ordinary {
    width: usize,
    /// Looked up, never walked over.
    sample: HashMap<u64, u32>,
    /// One bit for each hash of a gram of the sample: most grams that are asked for are none.
    bits: Vec<u64>,
}

impl Ordinary {
    fn unread(width: usize) -> Self {
        Self { width, sample: HashMap::new(), bits: Vec::new() }
    }

    fn new(width: usize) -> Self {
        let mut sample = HashMap::new();
        let mut bits = vec![0_u64; SAMPLE_WORDS];
        for gram in SAMPLE.as_bytes().windows(width).map(read) {
            *sample.entry(gram).or_insert(0) += 1;
            let (word, bit) = sample_bit(gram);
            if let Some(word) = bits.get_mut(word) {
                *word |= bit;
            }
        }
        Self { width, sample, bits }
    }

    /// The grams of the stretch of `text` that ordinary pages have least of.
    fn rarest_stretch(&self, id: u32, text: &[u8]) -> Vec<Entry> {
        let costs: Vec<u32> = text.windows(self.width).map(|gram| self.cost(gram)).collect();
        let best = costs
            .windows(STRIDE)
            .map(|four| four.iter().sum::<u32>())
            .enumerate()
            .min_by_key(|(at, cost)| (*cost, *at))
            .map_or(0, |(at, _)| at);
        let grams = text.windows(self.width).enumerate().skip(best).take(STRIDE);
        grams.map(|(at, g)| Entry { gram: read(g), text: id, offset: at as u32 }).collect()
    }

    /// A gram of the sample is dearer than any other.
    fn cost(&self, gram: &[u8]) -> u32 {
        let key = read(gram);
        let (word, bit) = sample_bit(key);
        let may_be_in = self.bits.get(word).is_some_and(|word| word & bit != 0);
        let times = if may_be_in { self.sample.get(&key).copied().unwrap_or(0) } else { 0 };
        times * 10_000 + gram.iter().map(|byte| commonness(*byte)).sum::<u32>()
    }
}

/// Words of 64 bits for the grams of the sample, some 5,000.
const SAMPLE_WORDS: usize = 1024;

/// Word and bit of a gram of the sample.
fn sample_bit(gram: u64) -> (usize, u64) {
    let hash = hash(gram) >> (64 - 6 - SAMPLE_WORDS.ilog2());
    ((hash >> 6) as usize, 1 << (hash & 63))
}

/// A gram as a number, little end first.
fn read(gram: &[u8]) -> u64 {
    gram.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// How common a byte is in pages of any language, 1 (rare) to 12. A guess; being wrong costs time, not matches.
fn commonness(byte: u8) -> u32 {
    match byte {
        b' ' | b'e' => 12,
        b'a' | b'i' | b'n' | b'o' | b'r' | b's' | b't' => 10,
        b'c' | b'd' | b'l' | b'<' | b'>' | b'"' | b'=' | b'/' => 9,
        b'h' | b'm' | b'p' | b'u' | b'-' | b'.' | b'\n' => 7,
        b'b' | b'f' | b'g' | b'v' | b'w' | b'y' | b'0'..=b'2' | b':' | b';' => 5,
        0xC3 | 0xD0 | 0xD1 | 0xD8 | 0xD9 | 0xE3..=0xE9 => 6,
        b'k' | b'j' | b'x' | b'3'..=b'9' | 0x80..=0xBF => 4,
        b'A'..=b'Z' | b'_' | b'(' | b')' | b',' | b'\'' | b'{' | b'}' => 3,
        _ => 1,
    }
}

/// I find a group of short texts.
struct Short {
    /// Finds where the next one begins. None on machines without the vector instructions it is made of.
    begins: Option<packed::Searcher>,
    /// Finds all of them, slowly.
    all: AhoCorasick,
    texts: Vec<(u32, Box<[u8]>)>,
}

impl Short {
    /// Takes at most [`SHORT_GROUP`] texts, none empty.
    fn new(texts: &[(u32, &[u8])]) -> Option<Self> {
        let patterns = || texts.iter().map(|(_, text)| text);
        Some(Self {
            begins: packed::Searcher::new(patterns()),
            // Fails only past two thousand million states.
            all: AhoCorasick::new(patterns()).ok()?,
            texts: texts.iter().map(|(id, text)| (*id, Box::from(*text))).collect(),
        })
    }

    fn find(&self, haystack: &[u8], found: &mut impl FnMut(u32)) {
        match &self.begins {
            Some(begins) => self.find_from_begins(begins, haystack, found),
            None => self.find_all(haystack, found),
        }
    }

    /// The searcher names one text for each place; others may begin at the same.
    fn find_from_begins(
        &self,
        begins: &packed::Searcher,
        haystack: &[u8],
        found: &mut impl FnMut(u32),
    ) {
        let mut rest = haystack;
        while let Some(hit) = begins.find(rest) {
            let from = rest.get(hit.start()..).unwrap_or_default();
            self.texts
                .iter()
                .filter(|(_, text)| from.starts_with(text))
                .for_each(|(id, _)| found(*id));
            rest = from.get(1..).unwrap_or_default();
        }
    }

    fn find_all(&self, haystack: &[u8], found: &mut impl FnMut(u32)) {
        for hit in self.all.find_overlapping_iter(haystack) {
            if let Some((id, _)) = self.texts.get(hit.pattern().as_usize()) {
                found(*id);
            }
        }
    }
}

/// Every how many bytes a gram is looked at.
const STRIDE: usize = 4;
/// Bytes of a gram of a long text: of those of 11 bytes and more.
const LONG_GRAM: usize = 2 * STRIDE;
/// Bytes of a gram of a medium text: of those of 7 to 10 bytes.
const MEDIUM_GRAM: usize = STRIDE;
const MEDIUM_MASK: u64 = 0xFFFF_FFFF;
/// 64 KiB, for some 5,200 grams in OONI's lists. Half of that was slower.
const LONG_WORDS: usize = 1 << 13;
/// 4 KiB, for some 200.
const MEDIUM_WORDS: usize = 1 << 9;
/// The most texts `packed` takes without falling back to something slow.
const SHORT_GROUP: usize = 64;

/// What pages are made of, so that no text is known by it. Our own words, in no order.
const SAMPLE: &str = include_str!("ordinary.html");

#[cfg(test)]
mod tests {
    use super::*;

    fn found(texts: &[&[u8]], haystack: &[u8]) -> Vec<u32> {
        let literals = Literals::new(texts.iter().map(|t| t.to_vec()).collect());
        let mut ids = Vec::new();
        literals.find(haystack, |id| ids.push(id));
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    #[test]
    fn every_length_at_every_alignment() {
        let alphabet: Vec<u8> = (b'A'..b'A' + 26).collect();
        for length in 1..=20 {
            let text = &alphabet[..length];
            let literals = Literals::new(vec![text.to_vec()]);
            let is_found = |haystack: &[u8]| {
                let mut found = false;
                literals.find(haystack, |_| found = true);
                found
            };
            for (before, after) in (0..9).flat_map(|b| (0..9).map(move |a| (b, a))) {
                let haystack = [&vec![b'.'; before], text, &vec![b'.'; after]].concat();
                assert!(is_found(&haystack), "{length} {before} {after}");
                assert!(!is_found(&haystack[..before + length - 1]));
            }
        }
    }

    #[test]
    fn texts_inside_texts_are_all_found() {
        let texts: &[&[u8]] = &[
            b"blocked by order",
            b"blocked",
            b"order",
            b"blocked by order",
            b"by",
            b"nothing",
            b"",
        ];
        assert_eq!(found(texts, b"was blocked by orders"), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn texts_longer_than_the_haystack() {
        assert!(found(&[b"abcdefghijklmnop", b"abcdefgh", b"abcd"], b"abc").is_empty());
        assert!(found(&[b"abcdefghijklmnop"], b"").is_empty());
    }

    #[test]
    fn a_text_is_not_known_by_what_every_page_has() {
        let entries =
            Ordinary::new(LONG_GRAM).rarest_stretch(0, b"<!DOCTYPE html>Q7#Blocked#Q7</html>");
        assert!(entries.iter().all(|e| (8..28).contains(&e.offset)), "{}", entries[0].offset);
    }
}
