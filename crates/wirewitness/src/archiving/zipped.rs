//! Zip: the directory at the end of the file, entry by entry, and the members that it names (PKWARE's APPNOTE 6.3.10).
//!
//! Read here and not by a library, because nobody may be believed: of the two versions of the usual one, one makes room for
//! as many members as the file claims to have, the other changes how the archive's engine is built. Here one entry is held at
//! a time. Stored and deflated members are read; a member that is another length than the directory says, or has another CRC-32, ends in
//! an error. What lies between the members is not looked at.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use flate2::Crc;
use flate2::read::DeflateDecoder;

/// Why a zip, or an entry of it, cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ZipError {
    /// What lies there is something else.
    #[error("byte {at}: {what} is damaged")]
    Damaged { at: u64, what: &'static str },
    /// Where it is cut, mostly.
    #[error("the directory at its end is not there")]
    NoDirectory,
    /// Several files that belong together.
    #[error("one of several parts of a zip")]
    Parts,
    /// More than are read.
    #[error("it says that it has {0} members, more than {MAX_MEMBERS}")]
    TooMany(u64),
    /// The file.
    #[error("cannot be read: {0}")]
    File(#[from] io::Error),
}

/// The directory, being walked.
pub(super) struct Directory<R> {
    file: R,
    /// Where the next entry is, and where they end.
    next: u64,
    end: u64,
    left: u64,
    /// Bytes of packed members that may still be opened.
    unread: u64,
}

/// An entry of the directory.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// As it is written, in whatever code.
    pub(super) name: Vec<u8>,
    /// What it is.
    pub(super) kind: Kind,
    method: u16,
    is_encrypted: bool,
    crc: u32,
    packed: u64,
    length: u64,
    /// Where its own header is.
    pub(super) at: u64,
}

/// What a member is, where the system that made the zip said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    Link,
    Device,
}

/// Members of one zip. As many headers take some 100 MB.
const MAX_MEMBERS: u64 = 1 << 20;
/// End of the directory, without its comment (APPNOTE 4.3.16); the comment has 16 bits of length.
const END: u64 = 22;
const END_MOST: u64 = END + 0xffff;
/// Where the large end is (4.3.15), and the large end (4.3.14) as far as it is read.
const LOCATOR: u64 = 20;
const LARGE_END: usize = 56;
/// An entry of the directory (4.3.12) and the header of a member (4.3.7), without their names.
const ENTRY: usize = 46;
const HEADER: usize = 30;

impl<R: Read + Seek> Directory<R> {
    /// Finds the directory of a file.
    pub(super) fn open(mut file: R) -> Result<Self, ZipError> {
        let length = file.seek(SeekFrom::End(0))?;
        let from = length.saturating_sub(END_MOST);
        let mut tail = Vec::new();
        file.seek(SeekFrom::Start(from))?;
        file.by_ref().take(END_MOST).read_to_end(&mut tail)?;
        // The last one: a comment may hold what looks like it, too, but not behind the true one with a length that fits.
        let place = memchr::memmem::rfind_iter(&tail, b"PK\x05\x06").find(|place| {
            let comment = number(&tail, place + 20, 2);
            comment.is_some_and(|comment| *place as u64 + END + comment <= tail.len() as u64)
        });
        let place = place.ok_or(ZipError::NoDirectory)?;
        let (field, at) = (|offset, size| number(&tail, place + offset, size), from + place as u64);
        let small = [(4, 2), (6, 2), (10, 2), (12, 4), (16, 4)]
            .map(|(offset, size)| field(offset, size).unwrap_or_default());
        let found = Self::large_end(&mut file, at)?.unwrap_or(small);
        let [disk, first_disk, left, bytes, next] = found;
        if disk != 0 || first_disk != 0 {
            return Err(ZipError::Parts);
        }
        if left > MAX_MEMBERS {
            return Err(ZipError::TooMany(left));
        }
        let end = next.checked_add(bytes).filter(|end| *end <= at);
        let end = end.ok_or(ZipError::Damaged { at, what: "the end of the directory" })?;
        Ok(Self { file, next, end, left, unread: length })
    }

    /// The same fields with 64 bits, where the file has them.
    fn large_end(file: &mut R, end: u64) -> Result<Option<[u64; 5]>, ZipError> {
        let Some(at) = end.checked_sub(LOCATOR) else { return Ok(None) };
        let mut locator = [0; LOCATOR as usize];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut locator)?;
        if !locator.starts_with(b"PK\x06\x07") {
            return Ok(None);
        }
        let at = number(&locator, 8, 8).unwrap_or_default();
        let damaged = ZipError::Damaged { at, what: "the large end of the directory" };
        let mut bytes = [0; LARGE_END];
        if at > end || read_at(file, at, &mut bytes).is_err() || !bytes.starts_with(b"PK\x06\x06") {
            return Err(damaged);
        }
        let fields = [(16, 4), (20, 4), (32, 8), (40, 8), (48, 8)];
        Ok(Some(fields.map(|(offset, size)| number(&bytes, offset, size).unwrap_or_default())))
    }

    /// The next entry. After an error there is none: nobody knows where it would begin.
    pub(super) fn entry(&mut self) -> Result<Option<Entry>, ZipError> {
        if self.left == 0 {
            // A writer that counts to 65,535 and begins anew, or one that lies: what it does not count would be lost unsaid.
            let (next, end) = (self.next, std::mem::take(&mut self.end));
            let is_all = next >= end;
            let miscounted = ZipError::Damaged { at: next, what: "the number of entries" };
            return if is_all { Ok(None) } else { Err(miscounted) };
        }
        self.left -= 1;
        let read = self.read_entry();
        if read.is_err() {
            (self.left, self.end) = (0, 0);
        }
        read.map(Some)
    }

    fn read_entry(&mut self) -> Result<Entry, ZipError> {
        let here = self.next;
        let damaged = || ZipError::Damaged { at: here, what: "an entry of the directory" };
        let mut fixed = [0; ENTRY];
        read_at(&mut self.file, here, &mut fixed).map_err(|_| damaged())?;
        let field = |offset, size| number(&fixed, offset, size).unwrap_or_default();
        let lengths = [field(28, 2), field(30, 2), field(32, 2)];
        self.next += ENTRY as u64 + lengths.iter().sum::<u64>();
        if !fixed.starts_with(b"PK\x01\x02") || self.next > self.end {
            return Err(damaged());
        }
        let [name, extra, _] = lengths;
        let mut text = vec![0; (name + extra) as usize];
        self.file.read_exact(&mut text).map_err(|_| damaged())?;
        let extra = text.split_off(name as usize);
        let mut sizes = [field(24, 4), field(20, 4), field(42, 4)];
        enlarge(&mut sizes, &extra);
        let [length, packed, at] = sizes;
        let flags = field(8, 2);
        let kind = Kind::of(&text, field(4, 2), field(38, 4));
        Ok(Entry {
            name: text,
            kind,
            method: field(10, 2) as u16,
            // Encrypted; strongly so; with the directory hidden (4.4.4).
            is_encrypted: flags & (1 | 1 << 6 | 1 << 13) != 0,
            crc: field(16, 4) as u32,
            packed,
            length,
            at,
        })
    }

    /// Opens a member.
    pub(super) fn member(&mut self, entry: &Entry) -> Result<Member<'_, R>, ZipError> {
        let mut header = [0; HEADER];
        let damaged = ZipError::Damaged { at: entry.at, what: "the header of the member" };
        let read = read_at(&mut self.file, entry.at, &mut header);
        if read.is_err() || !header.starts_with(b"PK\x03\x04") {
            return Err(damaged);
        }
        let names = [26, 28].map(|offset| number(&header, offset, 2).unwrap_or_default());
        let begin = entry.at.saturating_add(HEADER as u64 + names.iter().sum::<u64>());
        // Members that share bytes would be unpacked as often as there are entries.
        self.unread = self.unread.checked_sub(entry.packed).ok_or(ZipError::Damaged {
            at: entry.at,
            what: "the directory, whose members are together larger than the file,",
        })?;
        self.file.seek(SeekFrom::Start(begin))?;
        let packed = BufReader::new((&mut self.file).take(entry.packed));
        let inner = if entry.method == STORED {
            Inner::Stored(packed)
        } else {
            Inner::Deflated(DeflateDecoder::new(packed))
        };
        Ok(Member { inner, crc: Crc::new(), length: 0, entry: entry.clone() })
    }
}

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

impl Entry {
    /// Why it cannot be read, where that is so.
    pub(super) fn refusal(&self) -> Option<String> {
        if self.is_encrypted {
            return Some("encrypted: unpack it with its password first".to_owned());
        }
        let is_read = matches!(self.method, STORED | DEFLATED);
        (!is_read).then(|| format!("packed with method {}, which is not read", self.method))
    }
}

impl Kind {
    /// `made_by` has the system in its upper byte; systems 3 (Unix) and 19 (macOS) put the file's mode above the other attributes (4.4.2, 4.4.15).
    fn of(name: &[u8], made_by: u64, attributes: u64) -> Self {
        let is_unix = matches!(made_by >> 8, 3 | 19);
        match attributes >> 28 {
            0o12 if is_unix => Self::Link,
            // Not 0o1, a pipe: Info-ZIP says so of what it was given on standard input, and the data are there.
            0o2 | 0o6 | 0o14 if is_unix => Self::Device,
            _ if name.ends_with(b"/") => Self::Folder,
            _ => Self::File,
        }
    }
}

/// Puts the sizes with 64 bits in the place of those that had no room (4.5.3).
fn enlarge(sizes: &mut [u64; 3], extra: &[u8]) {
    let mut at = 0;
    while let (Some(id), Some(length)) = (number(extra, at, 2), number(extra, at + 2, 2)) {
        if id == 1 {
            let mut field = at + 4;
            for size in sizes.iter_mut().filter(|size| **size == u64::from(u32::MAX)) {
                // What is not there stays as large as it is: more than the file has.
                *size = number(extra, field, 8).unwrap_or(*size);
                field += 8;
            }
            return;
        }
        at += 4 + length as usize;
    }
}

/// A member, unpacked while it is read.
pub(super) struct Member<'f, R: Read> {
    inner: Inner<'f, R>,
    crc: Crc,
    length: u64,
    entry: Entry,
}

enum Inner<'f, R: Read> {
    Stored(BufReader<io::Take<&'f mut R>>),
    Deflated(DeflateDecoder<BufReader<io::Take<&'f mut R>>>),
}

impl<R: Read> Read for Member<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = match &mut self.inner {
            Inner::Stored(it) => it.read(buffer)?,
            Inner::Deflated(it) => it.read(buffer)?,
        };
        self.length += got as u64;
        self.crc.update(buffer.get(..got).unwrap_or_default());
        let Entry { length, crc, .. } = self.entry;
        let is_end = got == 0 && !buffer.is_empty();
        if self.length > length || is_end && self.length < length {
            let words = format!("the directory says {length} bytes, it has {}", self.length);
            let more = if self.length > length { " and more" } else { "" };
            return Err(io::Error::other(format!("{words}{more}")));
        }
        if is_end && self.crc.sum() != crc {
            return Err(io::Error::other("its CRC-32 is not the one in the directory"));
        }
        Ok(got)
    }
}

fn read_at(file: &mut (impl Read + Seek), at: u64, bytes: &mut [u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(bytes)
}

/// So many bytes at a place, the least one first.
fn number(bytes: &[u8], at: usize, size: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(size)?)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
#[path = "../../tests/zips.rs"]
mod zips;

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "bytes that the test made")]

    use std::io::Cursor;

    use super::*;

    /// A zip, and where its directory begins.
    fn zip(members: &[(&str, &[u8])]) -> (Vec<u8>, usize) {
        let bytes = super::zips::zip(members);
        let begin = memchr::memmem::find(&bytes, b"PK\x01\x02");
        let begin = begin.unwrap_or(bytes.len() - 22);
        (bytes, begin)
    }

    fn all(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, ZipError> {
        let mut directory = Directory::open(Cursor::new(bytes))?;
        let mut members = Vec::new();
        while let Some(entry) = directory.entry()? {
            assert_eq!(entry.refusal(), None);
            let mut text = Vec::new();
            directory.member(&entry)?.read_to_end(&mut text)?;
            members.push((String::from_utf8_lossy(&entry.name).into_owned(), text));
        }
        Ok(members)
    }

    const TEXT: &[u8] = b"one line\none line\none line\n";

    #[test]
    fn members_come_in_the_order_of_the_directory_also_of_one_name() {
        let (bytes, _) = zip(&[("a", TEXT), ("x/b", TEXT), ("a", b"other"), ("empty", b"")]);
        let found = all(&bytes).unwrap();
        let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a", "x/b", "a", "empty"]);
        assert_eq!((found[1].1.as_slice(), found[2].1.as_slice()), (TEXT, &b"other"[..]));
        assert_eq!(all(&zip(&[]).0).unwrap(), []);
    }

    #[test]
    fn a_comment_behind_it_may_look_like_an_end() {
        let (mut bytes, _) = zip(&[("a", TEXT)]);
        let comment = b"see PK\x05\x06 \0\0\0\0 \0\0\0\0\0\0\0\0\xff\xff";
        let length = bytes.len();
        bytes[length - 2] = comment.len() as u8;
        bytes.extend(comment);
        assert_eq!(all(&bytes).unwrap()[0].1, TEXT);
    }

    #[test]
    fn cut_anywhere_it_says_so() {
        let (bytes, _) = zip(&[("a", TEXT), ("b", TEXT)]);
        for cut in 0..bytes.len() {
            let result = all(&bytes[..cut]);
            assert!(result.is_err(), "{cut} bytes of {}", bytes.len());
        }
    }

    #[test]
    fn flipped_bits_end_in_an_error_or_in_the_same_text() {
        let (bytes, _) = zip(&[("a", TEXT), ("b", TEXT)]);
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                let Ok(mut directory) = Directory::open(Cursor::new(&flipped)) else { continue };
                while let Ok(Some(entry)) = directory.entry() {
                    let mut text = Vec::new();
                    let is_read = entry.refusal().is_none();
                    let read = directory.member(&entry).map(|mut it| it.read_to_end(&mut text));
                    if is_read && matches!(read, Ok(Ok(_))) {
                        assert_eq!(text, TEXT, "byte {at}, bit {bit}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_it_claims_is_not_believed() {
        let (bytes, begin) = zip(&[("a", TEXT)]);
        let with = |at: usize, value: &[u8]| {
            let mut bytes = bytes.clone();
            bytes[at..at + value.len()].copy_from_slice(value);
            let result = all(&bytes);
            result.unwrap_err().to_string()
        };
        let end = bytes.len() - 22;
        assert!(with(end + 4, &[1]).contains("several parts"));
        assert!(with(end + 16, &[0xff; 4]).contains("the end of the directory"));
        assert!(with(end + 10, &[0xff; 2]).contains("an entry of the directory"));
        assert!(with(begin + 24, &[0xff; 4]).contains("the directory says 4294967295 bytes"));
        assert!(
            with(begin + 24, &[3, 0]).contains("the directory says 3 bytes, it has 27 and more")
        );
        assert!(with(begin + 42, &[9]).contains("byte 9: the header of the member"));
        assert!(with(begin + 28, &[0xff; 2]).contains("an entry of the directory"));
        let mut large = bytes[..end].to_vec();
        let at = large.len() as u64;
        large.extend(b"PK\x06\x06");
        large.extend([0; 28]);
        large.extend([0xff; 24]);
        large.extend(b"PK\x06\x07\0\0\0\0");
        large.extend(at.to_le_bytes());
        large.extend([1, 0, 0, 0]);
        large.extend(&bytes[end..]);
        assert!(matches!(all(&large), Err(ZipError::TooMany(u64::MAX))));
    }

    #[test]
    fn refused_by_what_the_entry_says() {
        let (bytes, begin) = zip(&[("a", TEXT)]);
        let with = |at: usize, value: u8| {
            let mut bytes = bytes.clone();
            bytes[begin + at] = value;
            Directory::open(Cursor::new(bytes)).unwrap().entry().unwrap().unwrap()
        };
        assert!(with(8, 1).refusal().unwrap().starts_with("encrypted"));
        assert!(with(9, 1 << 5).refusal().unwrap().starts_with("encrypted"));
        assert!(with(10, 12).refusal().unwrap().starts_with("packed with method 12"));
        assert_eq!(with(10, 8).refusal(), None);
        assert_eq!(with(46, b'/').kind, Kind::Folder);
        assert_eq!(with(41, 0xa0).kind, Kind::File, "DOS has no links");
        for (mode, kind) in
            [(0xa0, Kind::Link), (0x60, Kind::Device), (0x80, Kind::File), (0x10, Kind::File)]
        {
            let mut bytes = bytes.clone();
            (bytes[begin + 5], bytes[begin + 41]) = (3, mode);
            let entry = Directory::open(Cursor::new(bytes)).unwrap().entry().unwrap().unwrap();
            assert_eq!(entry.kind, kind);
        }
    }
}
