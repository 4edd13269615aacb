//! The leaves of one file: how long each is, and the salt that hides it once it is left out.
//!
//! A file in a bundle is a row of leaves; leaf `i` is hashed after 16 bytes of salt, so that nobody finds a left out value by trying. While all
//! leaves are there, the salts come from one seed. Where some are left out, each kept leaf brings its salt and each other one its hash.

use std::io::{self, Read};

use aws_lc_rs::hmac;

use crate::merkle::{Growing, Hash, finished, leaf_context};

/// Bytes of salt before a leaf.
pub const SALT_BYTES: usize = 16;
/// What stands in a file for leaves that were left out, whatever their number.
pub const LEFT_OUT: &[u8] = b"\"[left out]\"";

/// Leaves that a file may have.
pub const MAX_LEAVES: usize = 4 << 20;
/// Bytes that a table may have.
pub const MAX_TABLE_BYTES: u64 = 160 << 20;

const ALL: u8 = 0x01;
const SOME: u8 = 0x02;
const KEPT: u8 = 0x00;
const MISSING: u8 = 0x01;

/// One leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leaf {
    /// It is there.
    Kept {
        /// Its salt.
        salt: [u8; SALT_BYTES],
        /// Its bytes.
        length: u64,
    },
    /// It was left out.
    Missing {
        /// Its hash, salt included.
        hash: Hash,
    },
}

/// The table of a file's leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leaves {
    /// All are there.
    All {
        /// Where the salts come from.
        seed: [u8; 32],
        /// The bytes of each.
        lengths: Vec<u64>,
    },
    /// Some may be missing.
    Some(Vec<Leaf>),
}

/// A table that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("byte {at} of the table of leaves: {why}")]
pub struct BadTable {
    /// Where.
    pub at: usize,
    /// What is wrong.
    pub why: &'static str,
}

impl Leaves {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::All { lengths, .. } => lengths.len(),
            Self::Some(leaves) => leaves.len(),
        }
    }

    /// Whether there is none: the file is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Leaf by leaf.
    pub fn iter(&self) -> impl Iterator<Item = Leaf> + '_ {
        let (seed, lengths, leaves) = match self {
            Self::All { seed, lengths } => (Some(seed), lengths.as_slice(), [].as_slice()),
            Self::Some(leaves) => (None, [].as_slice(), leaves.as_slice()),
        };
        let key = seed.map(|seed| hmac::Key::new(hmac::HMAC_SHA256, seed));
        let derived = lengths.iter().zip(0_u64..).filter_map(move |(length, at)| {
            Some(Leaf::Kept { salt: salt(key.as_ref()?, at), length: *length })
        });
        derived.chain(leaves.iter().cloned())
    }

    /// As it stands in a bundle.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::All { seed, lengths } => {
                out.push(ALL);
                out.extend_from_slice(seed);
                lengths.iter().for_each(|it| push_number(&mut out, *it));
            }
            Self::Some(leaves) => {
                out.push(SOME);
                for leaf in leaves {
                    match leaf {
                        Leaf::Kept { salt, length } => {
                            out.push(KEPT);
                            out.extend_from_slice(salt);
                            push_number(&mut out, *length);
                        }
                        Leaf::Missing { hash } => {
                            out.push(MISSING);
                            out.extend_from_slice(hash);
                        }
                    }
                }
            }
        }
        out
    }

    /// Reads a table.
    ///
    /// # Errors
    /// Where it is none, or is not written in the one way there is.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadTable> {
        let mut reader = Reader { bytes, at: 0 };
        match reader.take::<1>()? {
            [ALL] => {
                let seed = reader.take()?;
                let mut lengths = Vec::new();
                while reader.at < bytes.len() {
                    reader.count(lengths.len())?;
                    lengths.push(reader.number()?);
                }
                Ok(Self::All { seed, lengths })
            }
            [SOME] => {
                let mut leaves = Vec::new();
                while reader.at < bytes.len() {
                    reader.count(leaves.len())?;
                    leaves.push(match reader.take::<1>()? {
                        [KEPT] => Leaf::Kept { salt: reader.take()?, length: reader.number()? },
                        [MISSING] => Leaf::Missing { hash: reader.take()? },
                        _ => return Err(reader.bad("no kind of leaf")),
                    });
                }
                Ok(Self::Some(leaves))
            }
            _ => Err(reader.bad("no kind of table")),
        }
    }
}

/// The salt of leaf `at`, from 0, where all leaves are there.
pub(crate) fn leaf_salt(seed: &[u8; 32], at: u64) -> [u8; SALT_BYTES] {
    salt(&hmac::Key::new(hmac::HMAC_SHA256, seed), at)
}

fn salt(key: &hmac::Key, at: u64) -> [u8; SALT_BYTES] {
    let tag = hmac::sign(key, &at.to_be_bytes());
    let mut salt = [0; SALT_BYTES];
    salt.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
    salt
}

/// Why a file does not go with its table.
#[derive(Debug, thiserror::Error)]
pub enum LeavesError {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It ends inside a leaf.
    #[error("byte {at}: it is cut, {need} more bytes should come")]
    Cut {
        /// Where it ends.
        at: u64,
        /// What is missing.
        need: u64,
    },
    /// Something is left out here, and it does not say so.
    #[error("byte {at}: something is left out here, but it does not say so")]
    NoMark {
        /// Where.
        at: u64,
    },
}

/// Reads a file leaf by leaf, up to its last one; gives the root over all.
///
/// `on_piece` gets the bytes as they come, marks of what is left out too: then with true, and once for each run of missing leaves.
///
/// # Errors
/// Where it does not go with the table. A changed byte is no error here: it gives another root.
pub fn read_leaves(
    file: &mut dyn Read,
    leaves: impl Iterator<Item = Leaf>,
    on_piece: &mut dyn FnMut(&[u8], bool) -> io::Result<()>,
) -> Result<Growing, LeavesError> {
    let mut growing = Growing::default();
    let mut buffer = vec![0; 1 << 16];
    let (mut at, mut in_gap) = (0_u64, false);
    for leaf in leaves {
        let (salt, length) = match leaf {
            Leaf::Missing { hash } => {
                if !in_gap {
                    let mut mark = [0; LEFT_OUT.len()];
                    let read = fill(file, &mut mark)?;
                    if read < mark.len() || mark != *LEFT_OUT {
                        return Err(LeavesError::NoMark { at });
                    }
                    on_piece(&mark, true)?;
                    at += mark.len() as u64;
                }
                in_gap = true;
                growing.push(hash);
                continue;
            }
            Leaf::Kept { salt, length } => (salt, length),
        };
        in_gap = false;
        let mut context = leaf_context();
        context.update(&salt);
        let mut left = length;
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            let piece = buffer.get_mut(..most).unwrap_or_default();
            let read = fill(file, piece)?;
            if read == 0 {
                return Err(LeavesError::Cut { at, need: left });
            }
            let piece = piece.get(..read).unwrap_or_default();
            context.update(piece);
            on_piece(piece, false)?;
            at += read as u64;
            left -= read as u64;
        }
        growing.push(finished(context));
    }
    Ok(growing)
}

/// Reads until the buffer is full or nothing more comes.
pub(crate) fn fill(file: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|it| !it.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn bad(&self, why: &'static str) -> BadTable {
        BadTable { at: self.at, why }
    }

    fn count(&self, count: usize) -> Result<(), BadTable> {
        if count >= MAX_LEAVES { Err(self.bad("too many leaves")) } else { Ok(()) }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], BadTable> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.first_chunk::<N>().ok_or(self.bad("it is cut"))?;
        self.at += N;
        Ok(*taken)
    }

    /// LEB128, as short as can be. A length of nothing is none.
    fn number(&mut self) -> Result<u64, BadTable> {
        let mut number = 0_u64;
        for shift in (0..63).step_by(7) {
            let [byte] = self.take()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                if byte == 0 {
                    return Err(self.bad("a length of nothing, or one written too long"));
                }
                return Ok(number);
            }
        }
        Err(self.bad("a length beyond all"))
    }
}

fn push_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        // Seven bits and the mark that more follow.
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}
