//! What a log says of itself (c2sp.org/tlog-checkpoint), who has seen it (c2sp.org/tlog-cosignature), and the proof that something is in it
//! (c2sp.org/tlog-proof).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::merkle::{Hash, is_included, leaf_hash};
use crate::note::{KeyKind, NoteError, SignedNote, SignerKey, VerifierKey};

/// A tree's size and root, under the name of its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name: the first line.
    pub origin: String,
    /// How many entries it has.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

/// What is wrong with a checkpoint or a proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The note or its signature.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// A line is not what it must be.
    #[error("line {line}: {why}")]
    Line {
        /// Which, from 1.
        line: usize,
        /// What it must be.
        why: &'static str,
    },
    /// The proof does not lead from the entry to the root.
    #[error("entry {index} is not in the log's tree of {size}: one of them was changed")]
    NotIncluded {
        /// Where it should be.
        index: u64,
        /// The tree's size.
        size: u64,
    },
    /// The newer tree does not continue the older one.
    #[error(
        "the log's tree of {size} does not continue the one of {old}: it was rewritten, or the proof was changed"
    )]
    NotContinued {
        /// The older size.
        old: u64,
        /// The newer.
        size: u64,
    },
}

impl Checkpoint {
    /// Signed by its log.
    pub fn signed(&self, key: &SignerKey) -> SignedNote {
        key.sign(&self.to_string())
    }

    /// Reads the text of a checkpoint. Lines beyond the third are passed over.
    ///
    /// # Errors
    /// Where it is none.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let bad = |line, why| CheckpointError::Line { line, why };
        let mut lines = text.lines();
        let origin = lines.next().filter(|it| !it.is_empty()).ok_or(bad(1, "a log's name"))?;
        let size = lines.next().and_then(decimal).ok_or(bad(2, "a number of entries"))?;
        let root = lines.next().and_then(hash).ok_or(bad(3, "a root in base64"))?;
        Ok(Self { origin: origin.to_owned(), size, root })
    }

    /// Reads a signed one, by this key under its own name.
    ///
    /// # Errors
    /// Where it is none, or not of that log.
    pub fn verified(note: &SignedNote, key: &VerifierKey) -> Result<Self, CheckpointError> {
        note.verify(key)?;
        let checkpoint = Self::parse(&note.text)?;
        if checkpoint.origin != key.name() {
            return Err(CheckpointError::Line { line: 1, why: "the name of the key that signed" });
        }
        Ok(checkpoint)
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, STANDARD.encode(self.root))
    }
}

/// When a witness has seen a checkpoint, seconds since 1970. None where it has not signed, or where what it signed was changed.
pub fn cosigned_at(note: &SignedNote, witness: &VerifierKey) -> Option<u64> {
    let id = witness.id();
    note.signatures.iter().find_map(|it| {
        let (key, rest) = it.bytes.split_at_checked(4)?;
        let (time, signature) = rest.split_at_checked(8)?;
        if it.name != witness.name() || key != id || witness.kind() != KeyKind::Cosigner {
            return None;
        }
        let time = u64::from_be_bytes(time.try_into().ok()?);
        let message = format!("cosignature/v1\ntime {time}\n{}", note.text);
        witness.has_signed(message.as_bytes(), signature).then_some(time)
    })
}

/// That an entry is in a log, for somebody offline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The entry's place, from 0.
    pub index: u64,
    /// From the leaf's sibling up.
    pub hashes: Vec<Hash>,
    /// The log's checkpoint, with what witnesses signed.
    pub checkpoint: SignedNote,
}

impl Proof {
    /// Reads a proof.
    ///
    /// # Errors
    /// Where it is none. A line `extra` is refused: nothing of ours has one, and it is not authenticated.
    pub fn parse(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let bad = |line, why| CheckpointError::Line { line, why };
        if bytes.len() > crate::note::MAX_NOTE_BYTES {
            return Err(NoteError::TooLong { have: bytes.len() }.into());
        }
        let text = std::str::from_utf8(bytes).map_err(|_| bad(1, "UTF-8"))?;
        let (head, checkpoint) = text.split_once("\n\n").ok_or(bad(1, "a proof"))?;
        let mut lines = head.split('\n');
        if lines.next() != Some(HEAD) {
            return Err(bad(1, HEAD));
        }
        let index = lines.next().and_then(|it| decimal(it.strip_prefix("index ")?));
        let index = index.ok_or(bad(2, "the entry's index"))?;
        let mut hashes = Vec::new();
        for (at, line) in lines.enumerate() {
            // A tree of 2^64 leaves has as many levels.
            if at >= 64 {
                return Err(bad(at + 3, "the end of the proof"));
            }
            hashes.push(hash(line).ok_or(bad(at + 3, "a hash in base64"))?);
        }
        let checkpoint = SignedNote::parse(checkpoint.as_bytes())?;
        Ok(Self { index, hashes, checkpoint })
    }

    /// Whether the entry is where the proof says, in the tree that this log has signed.
    ///
    /// # Errors
    /// Where it is not, or the log has not signed.
    pub fn verify(&self, entry: &[u8], log: &VerifierKey) -> Result<Checkpoint, CheckpointError> {
        let checkpoint = Checkpoint::verified(&self.checkpoint, log)?;
        let (index, size) = (self.index, checkpoint.size);
        if is_included(&leaf_hash(&[entry]), index, size, &self.hashes, &checkpoint.root) {
            return Ok(checkpoint);
        }
        Err(CheckpointError::NotIncluded { index, size })
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEAD}\nindex {}", self.index)?;
        for hash in &self.hashes {
            writeln!(f, "{}", STANDARD.encode(hash))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

const HEAD: &str = "c2sp.org/tlog-proof@v1";

/// A number without leading zeros.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

pub(crate) fn hash(text: &str) -> Option<Hash> {
    STANDARD.decode(text).ok()?.try_into().ok()
}
