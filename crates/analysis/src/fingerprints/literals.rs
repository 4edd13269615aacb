//! Many fixed texts looked for in one pass.
//!
//! A page of 7 kB has to be held against some 1,300 texts in a few microseconds, which an Aho-Corasick automaton
//! cannot do: its table for these lists is tens of megabytes or its steps are slow (figures: `benches/fingerprints.rs`).
//! What helps is that the texts are long and that hardly any page has one. So only every fourth position of a page
//! is looked at. A text of 11 bytes or more holds, wherever it starts, an 8-byte *gram* that begins at such a
//! position; of the four grams this can be, each is put into a bitmap at compile time, and a position whose gram is
//! not in the bitmap is done with after one multiplication and one load. The rest are compared in full.
//!
//! Each text is free to choose which stretch of 11 bytes gives its grams. It takes the stretch that is least like
//! ordinary pages, so that `<title>Blocked by Example` is not looked at closer at each `<title>`.
//!
//! Texts of 7 to 10 bytes do the same with grams of 4 bytes. Shorter ones, of which lists have a handful, go to
//! `aho-corasick`, which is at its best with few.

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, packed};

/// I find which of many texts occur in a haystack.
pub(super) struct Literals {
    texts: Vec<Box<[u8]>>,
    long: Option<Grams>,
    medium: Option<Grams>,
    short: Option<Short>,
}

impl Literals {
    /// Takes the texts to look for; a text is known by its position. An empty text is never found.
    pub(super) fn new(texts: Vec<Vec<u8>>) -> Self {
        let of_length = |range: std::ops::RangeInclusive<usize>| {
            let wanted = texts.iter().enumerate().filter(|(_, text)| range.contains(&text.len()));
            wanted.map(|(id, text)| (id as u32, text.as_slice())).collect::<Vec<_>>()
        };
        Self {
            long: Grams::new(LONG_GRAM, &of_length(LONG_GRAM + STRIDE - 1..=usize::MAX)),
            medium: Grams::new(
                MEDIUM_GRAM,
                &of_length(MEDIUM_GRAM + STRIDE - 1..=LONG_GRAM + STRIDE - 2),
            ),
            short: Short::new(&of_length(1..=MEDIUM_GRAM + STRIDE - 2)),
            texts: texts.into_iter().map(Vec::into_boxed_slice).collect(),
        }
    }

    /// Calls `found` with the position of each text that occurs in `haystack`, once or more often, in no order.
    pub(super) fn find(&self, haystack: &[u8], mut found: impl FnMut(u32)) {
        let mut check = |start: usize, text: u32| {
            let Some(wanted) = self.texts.get(text as usize) else { return };
            let end = start.saturating_add(wanted.len());
            if haystack.get(start..end).is_some_and(|there| *there == **wanted) {
                found(text);
            }
        };
        if let Some(long) = &self.long {
            long.scan::<LONG_GRAM>(haystack, &mut check);
        }
        if let Some(medium) = &self.medium {
            medium.scan::<MEDIUM_GRAM>(haystack, &mut check);
        }
        if let Some(short) = &self.short {
            short.find(haystack, found);
        }
    }
}

/// I know the grams of texts of one class of lengths.
struct Grams {
    /// One bit for each value of the hash's upper bits.
    seen: Vec<u64>,
    /// Where in `entries` each bucket begins; a bucket is a coarser value of the same bits.
    buckets: Vec<u32>,
    entries: Vec<Entry>,
    /// How far to shift a hash for its place in `seen`, and in `buckets`.
    seen_shift: u32,
    bucket_shift: u32,
}

/// One gram of one text, and how far into the text it begins.
#[derive(Clone, Copy)]
struct Entry {
    gram: u64,
    text: u32,
    offset: u32,
}

impl Grams {
    /// None without texts. All are at least `width + STRIDE - 1` bytes long.
    fn new(width: usize, texts: &[(u32, &[u8])]) -> Option<Self> {
        if texts.is_empty() {
            return None;
        }
        let ordinary = Ordinary::new(width);
        let mut entries: Vec<Entry> =
            texts.iter().flat_map(|(id, text)| ordinary.rarest_stretch(*id, text)).collect();
        // 64 bits for a gram keep the share of positions that pass by chance under 2 %; 32 KiB still fit a first
        // level cache.
        let bits = entries.len().saturating_mul(64).ilog2().clamp(MIN_SEEN_BITS, MAX_SEEN_BITS);
        let (seen_shift, bucket_shift) = (64 - bits, 64 - (bits - 4));
        entries.sort_by_key(|e| (hash(e.gram) >> bucket_shift, e.gram, e.text, e.offset));
        let seen = bitmap(1 << (bits - 6), entries.iter().map(|e| hash(e.gram) >> seen_shift));
        let buckets = ends(1 << (bits - 4), entries.iter().map(|e| hash(e.gram) >> bucket_shift));
        Some(Self { seen, buckets, entries, seen_shift, bucket_shift })
    }

    /// Calls `check` with each place a text may begin at, judged by its grams of `WIDTH` bytes.
    #[inline]
    fn scan<const WIDTH: usize>(&self, haystack: &[u8], check: &mut impl FnMut(usize, u32)) {
        // Grams begin at multiples of the stride, so a gram of 8 bytes is a word and the next one.
        let (words, _) = haystack.as_chunks::<STRIDE>();
        let nexts = words.iter().skip(1).chain([&[0; STRIDE]]);
        for (i, (word, next)) in words.iter().zip(nexts).enumerate() {
            let gram = gram::<WIDTH>(*word, *next);
            if self.may_hold(gram) {
                self.candidates(gram, i * STRIDE, check);
            }
        }
    }

    #[inline]
    fn may_hold(&self, gram: u64) -> bool {
        let bit = hash(gram) >> self.seen_shift;
        self.seen.get((bit >> 6) as usize).is_some_and(|word| word >> (bit & 63) & 1 == 1)
    }

    /// Kept out of the scanning loop, which must stay small.
    #[inline(never)]
    fn candidates(&self, gram: u64, at: usize, check: &mut impl FnMut(usize, u32)) {
        let bucket = (hash(gram) >> self.bucket_shift) as usize;
        let Some([start, end]) = self.buckets.get(bucket..).and_then(|from| from.first_chunk())
        else {
            return;
        };
        let entries = self.entries.get(*start as usize..*end as usize).unwrap_or_default();
        for entry in entries.iter().filter(|entry| entry.gram == gram) {
            if let Some(start) = at.checked_sub(entry.offset as usize) {
                check(start, entry.text);
            }
        }
    }
}

fn bitmap(words: usize, bits: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut bitmap = vec![0_u64; words];
    for bit in bits {
        if let Some(word) = bitmap.get_mut((bit >> 6) as usize) {
            *word |= 1 << (bit & 63);
        }
    }
    bitmap
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

/// The gram that begins with `word`: the word alone, or with the next one.
#[inline]
fn gram<const WIDTH: usize>(word: [u8; STRIDE], next: [u8; STRIDE]) -> u64 {
    let low = u64::from(u32::from_le_bytes(word));
    if WIDTH == LONG_GRAM { low | u64::from(u32::from_le_bytes(next)) << 32 } else { low }
}

/// Multiplicative hashing: the upper bits depend on all bits of the gram (Knuth, TAOCP 3, 6.4).
#[inline]
fn hash(gram: u64) -> u64 {
    gram.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// I tell how common a gram is in ordinary pages, by a sample of what they are made of.
struct Ordinary {
    width: usize,
    sample: BTreeMap<u64, u32>,
}

impl Ordinary {
    fn new(width: usize) -> Self {
        let mut sample = BTreeMap::new();
        for gram in SAMPLE.as_bytes().windows(width) {
            *sample.entry(read(gram)).or_insert(0) += 1;
        }
        Self { width, sample }
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
        let times = self.sample.get(&read(gram)).copied().unwrap_or(0);
        times * 10_000 + gram.iter().map(|byte| commonness(*byte)).sum::<u32>()
    }
}

/// Up to 8 bytes as a number, as [`gram`] reads them.
fn read(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
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

/// I find texts of a few bytes.
struct Short {
    /// Finds the first place where any occurs. None where the texts are too many for it.
    gate: Option<packed::Searcher>,
    /// Finds all that occur from there on.
    all: AhoCorasick,
    ids: Vec<u32>,
}

impl Short {
    fn new(texts: &[(u32, &[u8])]) -> Option<Self> {
        let patterns = || texts.iter().map(|(_, text)| text);
        if texts.is_empty() {
            return None;
        }
        // Building fails only past two thousand million states; texts this short and this many do not fit memory.
        let all = AhoCorasick::new(patterns()).ok()?;
        let gate = packed::Searcher::new(patterns());
        Some(Self { gate, all, ids: texts.iter().map(|(id, _)| *id).collect() })
    }

    fn find(&self, haystack: &[u8], mut found: impl FnMut(u32)) {
        let from = match &self.gate {
            None => 0,
            Some(gate) => match gate.find(haystack) {
                Some(first) => first.start(),
                None => return,
            },
        };
        for hit in self.all.find_overlapping_iter(haystack.get(from..).unwrap_or_default()) {
            if let Some(id) = self.ids.get(hit.pattern().as_usize()) {
                found(*id);
            }
        }
    }
}

/// Every how many bytes a gram is looked at.
const STRIDE: usize = 4;
/// Bytes of a gram of a long text: of those of 11 bytes and more.
const LONG_GRAM: usize = 8;
/// Bytes of a gram of a medium text: of those of 7 to 10 bytes.
const MEDIUM_GRAM: usize = 4;
/// Bounds for the bitmap: 128 bytes to 32 KiB.
const MIN_SEEN_BITS: u32 = 10;
const MAX_SEEN_BITS: u32 = 18;

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
            for before in 0..9 {
                for after in 0..9 {
                    let text = &alphabet[..length];
                    let haystack = [&vec![b'.'; before], text, &vec![b'.'; after]].concat();
                    assert_eq!(found(&[text], &haystack), [0], "{length} {before} {after}");
                    assert!(found(&[text], &haystack[..before + length - 1]).is_empty());
                }
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
