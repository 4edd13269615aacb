//! That a log only grew since somebody saw it: what a witness is asked with (c2sp.org/tlog-witness, `add-checkpoint`), and what a reader with an older
//! bundle checks without the log.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::{Checkpoint, CheckpointError, decimal, hash};
use crate::merkle::{Hash, is_consistent};
use crate::note::{MAX_NOTE_BYTES, NoteError, SignedNote, VerifierKey};

/// Hashes that a proof may have, by the specification.
pub const MAX_HASHES: usize = 63;

/// A proof of consistency from an older size to a signed checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Growth {
    /// How many entries the older tree has.
    pub old: u64,
    /// The proof (RFC 6962 §2.1.2).
    pub hashes: Vec<Hash>,
    /// The newer checkpoint.
    pub checkpoint: SignedNote,
}

impl Growth {
    /// Reads one: the line `old N`, lines of hashes, an empty line, a checkpoint.
    ///
    /// # Errors
    /// Where it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let bad = |line, why| CheckpointError::Line { line, why };
        if bytes.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLong { have: bytes.len() }.into());
        }
        let text = std::str::from_utf8(bytes).map_err(|_| bad(1, "UTF-8"))?;
        let (head, checkpoint) = text.split_once("\n\n").ok_or(bad(1, "a proof of growth"))?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|it| decimal(it.strip_prefix("old ")?));
        let old = old.ok_or(bad(1, "`old` and a number of entries"))?;
        let mut hashes = Vec::new();
        for (at, line) in lines.enumerate() {
            if at >= MAX_HASHES {
                return Err(bad(at + 2, "the end of the proof"));
            }
            hashes.push(hash(line).ok_or(bad(at + 2, "a hash in base64"))?);
        }
        Ok(Self { old, hashes, checkpoint: SignedNote::parse(checkpoint.as_bytes())? })
    }

    /// Whether the log that this key signed continues the one with this root, of [`Growth::old`] entries. Gives its newer checkpoint.
    ///
    /// # Errors
    /// Where it does not, or the log has not signed.
    pub fn verify(&self, root: &Hash, log: &VerifierKey) -> Result<Checkpoint, CheckpointError> {
        let newer = Checkpoint::verified(&self.checkpoint, log)?;
        if is_consistent((self.old, root), (newer.size, &newer.root), &self.hashes) {
            return Ok(newer);
        }
        Err(CheckpointError::NotContinued { old: self.old, size: newer.size })
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        for hash in &self.hashes {
            writeln!(f, "{}", STANDARD.encode(hash))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}
