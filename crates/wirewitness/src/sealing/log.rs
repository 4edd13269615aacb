//! The transparency log in its folder (c2sp.org/tlog-tiles).
//!
//! Tiles are written before the checkpoint that needs them, each whole or absent, so that a kill at any instant leaves the log at the last
//! checkpoint; what stands beyond it is overwritten by the next entry. A new log begins with the checkpoint of nothing, so that tiles
//! without a checkpoint are always damage.

use std::path::{Path, PathBuf};

use wirewitness_evidence::checkpoint::{Checkpoint, Proof};
use wirewitness_evidence::growth::Growth;
use wirewitness_evidence::merkle::{Hash, consistency, inclusion, root};
use wirewitness_evidence::note::{SignedNote, SignerKey, VerifierKey};
use wirewitness_evidence::tiles::{Entries, TILE, entries_path};

use super::{bad_file, place, unreadable};
use crate::command_error::CommandError;

/// A log that was read whole, and whose entries make the tree of its checkpoint.
#[derive(Debug)]
pub(crate) struct Log {
    folder: PathBuf,
    entries: Entries,
    checkpoint: Checkpoint,
    /// The same, signed.
    note: SignedNote,
}

const HINT: &str =
    "put back a copy of the folder, or begin another log with --log DIR and tell your readers";

impl Log {
    /// Reads the log of this key.
    ///
    /// # Errors
    /// Where there is none; or it was changed, cut, or is another key's.
    pub(crate) fn read(folder: &Path, key: &VerifierKey) -> Result<Self, CommandError> {
        let path = folder.join("checkpoint");
        let bytes = std::fs::read(&path).map_err(|error| unreadable(&path, error))?;
        let bad = |error: &dyn std::fmt::Display| bad_file(&path, error, HINT);
        let note = SignedNote::parse(&bytes).map_err(|error| bad(&error))?;
        let checkpoint = Checkpoint::verified(&note, key).map_err(|error| bad(&error))?;
        let size = usize::try_from(checkpoint.size).map_err(|_| bad(&"too many entries"))?;
        let mut entries = Entries::default();
        while entries.len() < size {
            let number = entries.len() / TILE;
            let width = (size - entries.len()).min(TILE);
            let path = folder.join(entries_path(number, width));
            let bytes = std::fs::read(&path).map_err(|error| unreadable(&path, error))?;
            let taken = entries.push_bundle(&bytes, width);
            taken.ok_or_else(|| bad_file(&path, format!("no bundle of {width} entries"), HINT))?;
        }
        if root(entries.leaves()) != checkpoint.root {
            return Err(bad(&"the entries do not make this tree: one of them was changed"));
        }
        Ok(Self { folder: folder.to_owned(), entries, checkpoint, note })
    }

    /// Adds an entry; gives the proof that it is there. One program at a time.
    ///
    /// # Errors
    /// As [`Log::read`], or where it cannot be written.
    pub(crate) fn append(
        folder: &Path,
        key: &SignerKey,
        entry: &str,
    ) -> Result<Proof, CommandError> {
        place::folders(folder).map_err(|error| unreadable(folder, error))?;
        let _lock = place::lock(&folder.join("lock")).map_err(|error| unreadable(folder, error))?;
        let path = folder.join("checkpoint");
        let is_new = !path.exists() && !folder.join("tile").exists();
        if is_new {
            write_checkpoint(&path, key, &Entries::default())?;
        }
        let mut log = Self::read(folder, key.verifier())?;
        let before = log.entries.len();
        if !log.entries.push(entry.as_bytes().to_vec()) {
            return Err(bad_file(folder, "an entry of more than 64 KiB", HINT));
        }
        for file in log.entries.files_since(before) {
            let path = folder.join(&file.path);
            place::put(&path, &file.bytes).map_err(|error| unreadable(&path, error))?;
        }
        let checkpoint = write_checkpoint(&path, key, &log.entries)?;
        let hashes = inclusion(log.entries.leaves(), before).unwrap_or_default();
        Ok(Proof { index: before as u64, hashes, checkpoint })
    }

    /// The proof that it only grew since it had so many entries; none where it never had.
    pub(crate) fn growth(&self, old: u64) -> Option<Growth> {
        let hashes = consistency(self.entries.leaves(), usize::try_from(old).ok()?)?;
        Some(Growth { old, hashes, checkpoint: self.note.clone() })
    }

    /// The checkpoint it was read at.
    pub(crate) fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether all tiles are there as the entries make them; the first that is not.
    pub(crate) fn damaged_tile(&self) -> Option<String> {
        let differs = |path: &str, bytes: &[u8]| {
            std::fs::read(self.folder.join(path)).map_or(true, |found| found != bytes)
        };
        let mut files = self.entries.files_since(0).into_iter();
        files.find(|it| differs(&it.path, &it.bytes)).map(|it| it.path)
    }

    /// Whether this log continues the one that somebody saw with this size and root.
    pub(crate) fn continues(&self, size: u64, seen: &Hash) -> bool {
        let before = usize::try_from(size).ok().and_then(|it| self.entries.leaves().get(..it));
        before.is_some_and(|it| root(it) == *seen)
    }
}

fn write_checkpoint(
    path: &Path,
    key: &SignerKey,
    entries: &Entries,
) -> Result<SignedNote, CommandError> {
    let origin = key.verifier().name().to_owned();
    let size = entries.len() as u64;
    let note = Checkpoint { origin, size, root: root(entries.leaves()) }.signed(key);
    place::put(path, note.to_string().as_bytes()).map_err(|error| unreadable(path, error))?;
    Ok(note)
}
