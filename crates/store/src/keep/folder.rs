//! The files of an archive that is a folder, each as what it is.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use url::Url;
use wirewitness_model::hex::hex;

use super::seals::{self, FOLDER, LOG};
use crate::error::StoreError;
use crate::schema::{SOURCE, TABLES};

/// A file and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its path within the archive, with slashes.
    pub(super) path: String,
    pub(super) bytes: u64,
    pub(super) kind: EntryKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryKind {
    /// Rows of a table.
    Data,
    /// Of a table's log.
    Log,
    Seal,
    /// The writer's.
    Lock,
    /// Nothing that an archive needs: what a killed process left half written, and what others put there.
    Other,
}

/// The folder of an archive.
pub(super) fn folder(root: &Url) -> Result<PathBuf, StoreError> {
    root.to_file_path().map_err(|()| StoreError::Refused {
        reason: format!("{root} is not a folder: this is done where the files are"),
    })
}

/// All its files, by path.
pub(super) fn files(folder: &Path) -> Result<Vec<Entry>, StoreError> {
    let mut entries = Vec::new();
    walk(folder, "", &mut entries)?;
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(entries)
}

/// SHA-256 of a file, read piece by piece.
pub(super) fn hash(folder: &Path, path: &str) -> Result<String, StoreError> {
    let path = folder.join(path);
    let wrong = || StoreError::file(&path);
    let mut file = File::open(&path).map_err(wrong())?;
    let mut hash = digest::Context::new(&digest::SHA256);
    let mut bytes = vec![0; 256 << 10];
    loop {
        let read = file.read(&mut bytes).map_err(wrong())?;
        match bytes.get(..read).filter(|read| !read.is_empty()) {
            Some(read) => hash.update(read),
            None => return Ok(hex(hash.finish().as_ref())),
        }
    }
}

/// The whole of a file.
pub(super) fn read(folder: &Path, path: &str) -> Result<Vec<u8>, StoreError> {
    let path = folder.join(path);
    std::fs::read(&path).map_err(StoreError::file(&path))
}

fn walk(folder: &Path, below: &str, entries: &mut Vec<Entry>) -> Result<(), StoreError> {
    let here = folder.join(below);
    for entry in std::fs::read_dir(&here).map_err(StoreError::file(&here))? {
        let entry = entry.map_err(StoreError::file(&here))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        let meta = entry.metadata().map_err(StoreError::file(&here))?;
        // What `ingest` could not use is kept beside the tables, and is not part of them.
        if path == QUARANTINE {
            continue;
        }
        if meta.is_dir() {
            // Tables, partitions, logs: no folder of an archive is deeper.
            if path.matches('/').count() < 6 {
                walk(folder, &path, entries)?;
            }
        } else {
            let kind = kind(&path);
            entries.push(Entry { path, bytes: meta.len(), kind });
        }
    }
    Ok(())
}

fn kind(path: &str) -> EntryKind {
    if path == crate::archive::LOCK {
        return EntryKind::Lock;
    }
    let Some((table, rest)) = path.split_once('/') else { return EntryKind::Other };
    if !TABLES.iter().any(|known| known.name == table) {
        return EntryKind::Other;
    }
    let name = rest.rsplit('/').next().unwrap_or_default();
    if rest.strip_prefix(LOG).is_some_and(|rest| rest.starts_with('/')) {
        return if seals::is_log(name) { EntryKind::Log } else { EntryKind::Other };
    }
    if table == SOURCE.name && rest.strip_prefix(FOLDER).is_some_and(|rest| rest.starts_with('/')) {
        let is_seal = name.len() == 20 && name.bytes().all(|byte| byte.is_ascii_digit());
        return if is_seal { EntryKind::Seal } else { EntryKind::Other };
    }
    let stem = name.strip_suffix(".parquet").unwrap_or_default();
    let is_hash = stem.len() == 64 && stem.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash { EntryKind::Data } else { EntryKind::Other }
}

const QUARANTINE: &str = "quarantine";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_what_their_paths_say() {
        let hash = "0".repeat(64);
        for (path, expected) in [
            ("writer.lock".to_owned(), EntryKind::Lock),
            (format!("verdict/country=PK/day=2025-11-23/{hash}.parquet"), EntryKind::Data),
            (format!("verdict/country=PK/day=2025-11-23/{hash}.parquet#1"), EntryKind::Other),
            ("verdict/_delta_log/00000000000000000001.json".to_owned(), EntryKind::Log),
            ("verdict/_delta_log/_commit_a.json.tmp".to_owned(), EntryKind::Other),
            ("source/_seals/00000000000000000001".to_owned(), EntryKind::Seal),
            ("verdict/_seals/00000000000000000001".to_owned(), EntryKind::Other),
            ("notes.txt".to_owned(), EntryKind::Other),
        ] {
            assert_eq!(kind(&path), expected, "{path}");
        }
    }
}
