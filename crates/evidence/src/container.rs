//! The one file of a bundle: a tar in the one way there is to write it.
//!
//! Each header is a function of the member's name and length (ustar, POSIX.1-1988; owner, time and all else are zero), so that a reader makes it
//! again and compares all 512 bytes. The last member holds the SHA-256 of all bytes before its header, then come two blocks of zeros and
//! nothing more. `tar xf` unpacks it.

use std::io::{self, Read, Write};

use aws_lc_rs::digest::{Context, SHA256};
use wirewitness_model::hex::hex;

use crate::leaves::fill;
use crate::merkle::finished;

/// The folder that all members are in.
pub const FOLDER: &str = "wirewitness-bundle/";
/// Bytes that a name may have, the folder left out.
pub const MAX_NAME_BYTES: usize = 80;
/// Bytes that a member may have: what eleven octal digits hold.
pub const MAX_MEMBER_BYTES: u64 = (1 << 33) - 1;
/// The last member.
pub const TRAILER: &str = "sha256";

const BLOCK: usize = 512;

/// What is wrong with the container.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// It cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It ends too early.
    #[error("byte {at}: it is cut: {need} bytes should come, {have} do")]
    Cut {
        /// Where.
        at: u64,
        /// What should come.
        need: u64,
        /// What comes.
        have: u64,
    },
    /// A header is not as this format writes it.
    #[error("byte {at}: no head of a member as this format writes it: {why}")]
    Header {
        /// Where.
        at: u64,
        /// What is wrong.
        why: &'static str,
    },
    /// A byte that must be zero is not, or something follows the end.
    #[error("byte {at}: {why}")]
    Filling {
        /// Where.
        at: u64,
        /// What is wrong.
        why: &'static str,
    },
    /// The hash of the whole is another one.
    #[error(
        "byte {at}: the SHA-256 of all before is another one: something in this file was changed"
    )]
    Trailer {
        /// Where the last member begins.
        at: u64,
    },
}

/// Whether a member may be called so: ASCII letters, digits, `.`, `_`, `-`; at most one folder; no part that begins with a point.
pub fn is_name(name: &str) -> bool {
    let is_part = |part: &str| {
        let plain = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'_' | b'-');
        !part.is_empty() && !part.starts_with('.') && part.bytes().all(plain)
    };
    name.len() <= MAX_NAME_BYTES && name.split('/').count() <= 2 && name.split('/').all(is_part)
}

/// The header of a member. None for names and lengths that no member has.
fn header(name: &str, length: u64) -> Option<[u8; BLOCK]> {
    if !is_name(name) || length > MAX_MEMBER_BYTES {
        return None;
    }
    let mut block = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(place) = block.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    };
    put(0, FOLDER.as_bytes());
    put(FOLDER.len(), name.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{length:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    // The sum counts itself as blanks.
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    put(329, b"0000000\0");
    put(337, b"0000000\0");
    let sum: u32 = block.iter().map(|it| u32::from(*it)).sum();
    if let Some(place) = block.get_mut(148..156) {
        place.copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    Some(block)
}

/// Writes a container.
pub struct Writer<W> {
    out: W,
    context: Context,
    /// Bytes that the open member still has to get, and zeros after it.
    open: (u64, usize),
}

impl<W: Write> Writer<W> {
    /// Begins one.
    pub fn new(out: W) -> Self {
        Self { out, context: Context::new(&SHA256), open: (0, 0) }
    }

    /// Begins a member; exactly `length` bytes have to be written then.
    ///
    /// # Errors
    /// A name that none may have; a member before that did not get its bytes; or writing.
    pub fn begin(&mut self, name: &str, length: u64) -> io::Result<()> {
        self.end_member()?;
        let header = header(name, length).ok_or_else(|| io::Error::other("no name of a member"))?;
        self.put(&header)?;
        self.open = (length, filling(length));
        Ok(())
    }

    /// Writes bytes of the open member.
    ///
    /// # Errors
    /// More than it was to have; or writing.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let left = self.open.0.checked_sub(bytes.len() as u64);
        self.open.0 = left.ok_or_else(|| io::Error::other("a member got more than it has"))?;
        self.put(bytes)
    }

    /// Writes a whole member.
    ///
    /// # Errors
    /// As [`Writer::begin`].
    pub fn member(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.begin(name, bytes.len() as u64)?;
        self.write(bytes)
    }

    /// Writes the last member and the end.
    ///
    /// # Errors
    /// A member that did not get its bytes; or writing.
    pub fn finish(mut self) -> io::Result<W> {
        self.end_member()?;
        let hash = hex(&finished(self.context.clone()));
        self.member(TRAILER, format!("{hash}\n").as_bytes())?;
        self.end_member()?;
        self.put(&[0; 2 * BLOCK])?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn end_member(&mut self) -> io::Result<()> {
        if self.open.0 > 0 {
            return Err(io::Error::other("a member did not get all its bytes"));
        }
        let zeros = [0; BLOCK];
        let filling = std::mem::take(&mut self.open.1);
        self.put(zeros.get(..filling).unwrap_or_default())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.context.update(bytes);
        self.out.write_all(bytes)
    }
}

/// Reads a container, member by member.
pub struct Reader<R> {
    input: R,
    context: Context,
    at: u64,
    /// Bytes of the open member that were not read, and zeros after it.
    open: (u64, usize),
}

impl<R: Read> Reader<R> {
    /// Begins at the first byte.
    pub fn new(input: R) -> Self {
        Self { input, context: Context::new(&SHA256), at: 0, open: (0, 0) }
    }

    /// The byte that comes next.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Bytes of the open member that were not read yet.
    pub fn left(&self) -> u64 {
        self.open.0
    }

    /// Goes to the next member, over what was not read of this one: its name and length. None once all was read and the whole is
    /// what it was when it was written.
    ///
    /// # Errors
    /// Where the container is not as it was written.
    pub fn next_member(&mut self) -> Result<Option<(String, u64)>, ContainerError> {
        io::copy(&mut *self, &mut io::sink())?;
        if self.open.0 > 0 {
            return Err(ContainerError::Cut { at: self.at, need: self.open.0, have: 0 });
        }
        let filling = std::mem::take(&mut self.open.1);
        self.zeros(filling, "a byte between members is not zero")?;
        let start = self.at;
        let before = self.context.clone();
        let mut block = [0; BLOCK];
        self.exact(&mut block)?;
        let (name, length) = parsed(&block, start)?;
        self.open = (length, crate::container::filling(length));
        if name != TRAILER {
            return Ok(Some((name, length)));
        }
        let mut text = [0; 65];
        if length != text.len() as u64 {
            return Err(ContainerError::Header { at: start, why: "the length of the hash" });
        }
        self.exact(&mut text)?;
        if text != *format!("{}\n", hex(&finished(before))).as_bytes() {
            return Err(ContainerError::Trailer { at: start });
        }
        self.zeros(BLOCK - text.len(), "a byte behind the hash is not zero")?;
        self.zeros(2 * BLOCK, "a byte of the end is not zero")?;
        match fill(&mut self.input, &mut [0])? {
            0 => Ok(None),
            _ => Err(ContainerError::Filling { at: self.at, why: "something follows the end" }),
        }
    }

    /// Reads a whole member of at most so many bytes. Allocates as bytes come, whatever the header says.
    ///
    /// # Errors
    /// Where it is longer, or cut.
    pub fn whole(&mut self, most: u64) -> Result<Vec<u8>, ContainerError> {
        if self.open.0 > most {
            return Err(ContainerError::Header { at: self.at, why: "a member is too long" });
        }
        let need = self.open.0;
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes)?;
        if self.open.0 > 0 {
            let have = bytes.len() as u64;
            return Err(ContainerError::Cut { at: self.at, need, have });
        }
        Ok(bytes)
    }

    fn zeros(&mut self, count: usize, why: &'static str) -> Result<(), ContainerError> {
        let start = self.at;
        let mut bytes = vec![0; count];
        self.exact(&mut bytes)?;
        match bytes.iter().position(|it| *it != 0) {
            Some(at) => Err(ContainerError::Filling { at: start + at as u64, why }),
            None => Ok(()),
        }
    }

    fn exact(&mut self, bytes: &mut [u8]) -> Result<(), ContainerError> {
        let start = self.at;
        let read = fill(&mut self.input, bytes)?;
        self.context.update(bytes.get(..read).unwrap_or_default());
        self.at += read as u64;
        if read < bytes.len() {
            let (need, have) = (bytes.len() as u64, read as u64);
            return Err(ContainerError::Cut { at: start, need, have });
        }
        Ok(())
    }
}

/// The bytes of the open member.
impl<R: Read> Read for Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.open.0).unwrap_or(usize::MAX).min(buffer.len());
        let place = buffer.get_mut(..most).unwrap_or_default();
        if place.is_empty() {
            return Ok(0);
        }
        let read = self.input.read(place)?;
        self.context.update(place.get(..read).unwrap_or_default());
        self.at += read as u64;
        self.open.0 -= read as u64;
        Ok(read)
    }
}

/// Name and length of a header, where it is the one that they have.
fn parsed(block: &[u8; BLOCK], at: u64) -> Result<(String, u64), ContainerError> {
    let bad = |why| ContainerError::Header { at, why };
    let name = block.get(..100).unwrap_or_default().split(|it| *it == 0).next();
    let name = name.and_then(|it| std::str::from_utf8(it).ok()?.strip_prefix(FOLDER));
    let name = name.ok_or(bad("the name"))?;
    let digits = block.get(124..135).and_then(|it| std::str::from_utf8(it).ok());
    let length = digits.and_then(|it| u64::from_str_radix(it, 8).ok()).ok_or(bad("the length"))?;
    let expected = header(name, length).ok_or(bad("the name"))?;
    if expected != *block {
        return Err(bad("a byte that is not as it is written here"));
    }
    Ok((name.to_owned(), length))
}

fn filling(length: u64) -> usize {
    // Less than a block.
    usize::try_from(length.next_multiple_of(BLOCK as u64) - length).unwrap_or(0)
}
