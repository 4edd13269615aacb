//! The members of a bundle before its files, and what can be wrong with any member.

use std::io::{self, Read, Write};

use crate::checkpoint::{CheckpointError, Proof};
use crate::container::{ContainerError, Reader, Writer};
use crate::leaves::{BadTable, LeavesError};
use crate::manifest::{Manifest, ManifestError};
use crate::merkle::sha256;
use crate::note::{MAX_NOTE_BYTES, NoteError, SignedNote};
use crate::timestamp::StampError;

/// The manifest's name.
pub const MANIFEST: &str = "manifest.json";
/// The signed statement's name.
pub const STATEMENT: &str = "statement.note";
/// The name of the proof that the statement is in the log.
pub const PROOF: &str = "log.tlog-proof";
/// Time stamps that a bundle may have.
pub const MAX_STAMPS: usize = 8;
/// Bytes that a time stamp may have.
pub const MAX_STAMP_BYTES: u64 = 64 << 10;

/// Why a bundle does not hold, or cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The container, outside of any member.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// A member.
    #[error("{name} (from byte {at}): {source}")]
    Member {
        /// Its name.
        name: String,
        /// Where its bytes begin, or where in it the mistake is known to be.
        at: u64,
        /// What is wrong with it.
        source: MemberError,
    },
    /// Another member should come.
    #[error("byte {at}: {have:?} where {need:?} must be")]
    Order {
        /// Where.
        at: u64,
        /// What is there.
        have: String,
        /// What must be there.
        need: String,
    },
    /// Signed by somebody else.
    #[error("this is signed by {have}, and not by a key that you named")]
    OtherKey {
        /// The key that signed, as a verifier key.
        have: String,
    },
    /// It cannot be made: what is asked for cannot be.
    #[error("{0}")]
    Wish(String),
}

/// What is wrong with a member.
#[derive(Debug, thiserror::Error)]
pub enum MemberError {
    /// Of the container.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// It cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// As a manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// As a signed note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// As a proof of the log.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// As a table of leaves.
    #[error(transparent)]
    Table(#[from] BadTable),
    /// As a row of leaves.
    #[error(transparent)]
    Leaves(#[from] LeavesError),
    /// As a time stamp.
    #[error(transparent)]
    Stamp(#[from] StampError),
    /// It is not what was signed.
    #[error("this is not what was signed: {0}")]
    Changed(&'static str),
}

impl MemberError {
    /// At this member, whose bytes begin there.
    pub(crate) fn of(self, name: &str, at: u64) -> BundleError {
        BundleError::Member { name: name.to_owned(), at, source: self }
    }
}

/// All before the files.
#[derive(Debug, Clone)]
pub struct Head {
    /// The manifest, byte for byte.
    pub manifest_bytes: Vec<u8>,
    /// The same, read.
    pub manifest: Manifest,
    /// What was signed.
    pub statement: SignedNote,
    /// That it is in the log.
    pub proof: Proof,
    /// Time stamps of the statement (RFC 3161 tokens), byte for byte.
    pub stamps: Vec<Vec<u8>>,
}

impl Head {
    /// Reads it; gives the member that follows, too. Signatures are not checked here.
    ///
    /// # Errors
    /// Where it is none.
    pub fn read<R: Read>(
        reader: &mut Reader<R>,
    ) -> Result<(Self, Option<(String, u64)>), BundleError> {
        let (at, bytes) = named(reader, MANIFEST, crate::manifest::MAX_MANIFEST_BYTES)?;
        let manifest = Manifest::from_bytes(&bytes);
        let manifest = manifest.map_err(|error| MemberError::from(error).of(MANIFEST, at))?;
        let manifest_bytes = bytes;
        let (at, bytes) = named(reader, STATEMENT, MAX_NOTE_BYTES as u64)?;
        let of = |error: MemberError| error.of(STATEMENT, at);
        let statement = SignedNote::parse(&bytes).map_err(|error| of(error.into()))?;
        if statement.to_string().as_bytes() != bytes || statement.signatures.len() != 1 {
            return Err(of(MemberError::Changed("it is written in another way")));
        }
        let (at, bytes) = named(reader, PROOF, MAX_NOTE_BYTES as u64)?;
        let of = |error: MemberError| error.of(PROOF, at);
        let proof = Proof::parse(&bytes).map_err(|error| of(error.into()))?;
        if proof.to_string().as_bytes() != bytes {
            return Err(of(MemberError::Changed("it is written in another way")));
        }
        let mut head = Self { manifest_bytes, manifest, statement, proof, stamps: Vec::new() };
        loop {
            let next = reader.next_member()?;
            let name = stamp_name(head.stamps.len());
            match next {
                Some((have, _)) if have == name && head.stamps.len() < MAX_STAMPS => {
                    let at = reader.at();
                    let whole = reader.whole(MAX_STAMP_BYTES);
                    head.stamps.push(whole.map_err(|it| MemberError::from(it).of(&name, at))?);
                }
                next => return Ok((head, next)),
            }
        }
    }

    /// Writes it.
    ///
    /// # Errors
    /// Where that cannot be.
    pub fn write<W: Write>(&self, writer: &mut Writer<W>) -> io::Result<()> {
        writer.member(MANIFEST, &self.manifest_bytes)?;
        writer.member(STATEMENT, self.statement.to_string().as_bytes())?;
        writer.member(PROOF, self.proof.to_string().as_bytes())?;
        for (number, stamp) in self.stamps.iter().enumerate() {
            writer.member(&stamp_name(number), stamp)?;
        }
        Ok(())
    }

    /// SHA-256 of the manifest.
    pub fn manifest_hash(&self) -> [u8; 32] {
        sha256(&[&self.manifest_bytes])
    }
}

/// The name of a time stamp, counted from 0.
pub(crate) fn stamp_name(number: usize) -> String {
    format!("timestamp-{}.tst", number + 1)
}

/// The name of the table of an item's leaves, counted from 0.
pub(crate) fn table_name(number: usize) -> String {
    format!("leaves/{number:05}")
}

/// The next member, which has this name: where its bytes begin, and all of them.
fn named<R: Read>(
    reader: &mut Reader<R>,
    need: &str,
    most: u64,
) -> Result<(u64, Vec<u8>), BundleError> {
    let at = reader.at();
    let next = reader.next_member()?;
    expect(at, next, need)?;
    let at = reader.at();
    let whole = reader.whole(most);
    Ok((at, whole.map_err(|error| MemberError::from(error).of(need, at))?))
}

/// Whether a member is the one that must come; its length.
pub(crate) fn expect(at: u64, next: Option<(String, u64)>, need: &str) -> Result<u64, BundleError> {
    match next {
        Some((have, length)) if have == need => Ok(length),
        next => {
            let have = next.map_or_else(|| "the end".to_owned(), |it| it.0);
            Err(BundleError::Order { at, have, need: need.to_owned() })
        }
    }
}
