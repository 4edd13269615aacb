//! Seals: SHA-256 of the log files, so that damage to a log shows.
//!
//! A data file is named by its hash; a log file is named by its version. So whatever log files a commit made, their hashes are written
//! into the next file of `source/_seals`: JSON lines, the first with the hash of the seal before it, the last with
//! the hash of all lines above it. A commit whose seal was not written, because the process was killed, gets it from the next writer.

use std::collections::BTreeMap;

use futures_util::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, PutOptions};
use serde::{Deserialize, Serialize};

use crate::archive::Archive;
use crate::error::StoreError;
use crate::schema::SOURCE;
use crate::table::sha256;

/// Folder of the seals, within that of the ledger. Readers of Delta tables leave out what begins with `_`.
pub(super) const FOLDER: &str = "_seals";
/// Folder of the log, within that of its table.
pub(super) const LOG: &str = "_delta_log";

/// What is sealed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seals {
    /// Log file to hash, of all seals.
    pub(super) logs: BTreeMap<String, String>,
    /// Hash of the last seal.
    pub(super) last: String,
    /// How many there are.
    pub(super) count: u64,
}

/// A line of a seal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Previous(String),
    Log { file: String, sha256: String },
    Seal(String),
}

impl Seals {
    /// All seals of an archive. One that is damaged counts as it stands: saying so is the check's part.
    pub(crate) async fn load(archive: &Archive) -> Result<Self, StoreError> {
        let store = archive.table(&SOURCE)?.store();
        let mut names = list(store.as_ref(), FOLDER).await?;
        names.sort();
        let mut seals = Self::default();
        for name in names {
            let bytes = store.get(&name).await?.bytes().await?;
            let _ = seals.take(&bytes);
        }
        Ok(seals)
    }

    /// Takes the next seal.
    ///
    /// # Errors
    /// What is wrong with it. What could be read of it is taken all the same.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<(), String> {
        let mut wrong = Err("it has no last line".to_owned());
        let mut from = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            match serde_json::from_slice::<Line>(line) {
                Ok(Line::Previous(hash)) if from == 0 && hash == self.last => {}
                Ok(Line::Log { file, sha256 }) if from > 0 => {
                    self.logs.insert(file, sha256);
                }
                Ok(Line::Seal(hash)) => {
                    let is_own = bytes.get(..from).map(sha256) == Some(hash);
                    let is_last = from + line.len() == bytes.len() && line.ends_with(b"\n");
                    wrong = if is_own && is_last {
                        Ok(())
                    } else {
                        Err("its hash is another".to_owned())
                    };
                }
                Ok(_) => wrong = Err("it does not follow the one before it".to_owned()),
                Err(error) => return self.end(bytes, Err(error.to_string())),
            }
            from += line.len();
        }
        let follows = bytes.starts_with(&line(&Line::Previous(self.last.clone())));
        let wrong =
            if follows { wrong } else { Err("it does not follow the one before it".to_owned()) };
        self.end(bytes, wrong)
    }

    fn end(&mut self, bytes: &[u8], said: Result<(), String>) -> Result<(), String> {
        self.last = sha256(bytes);
        self.count += 1;
        said
    }

    /// Seals the log files that have no seal. Where another writer of a bucket was first, what it has sealed stands, and the rest is sealed after it.
    pub(crate) async fn add(&mut self, archive: &Archive) -> Result<(), StoreError> {
        for _ in 0..TRIES {
            match self.add_next(archive).await {
                Err(StoreError::Storage(object_store::Error::AlreadyExists { .. })) => {
                    *self = Self::load(archive).await?;
                }
                done => return done,
            }
        }
        // Others seal faster than this one: theirs are sealed, and the next writer seals what is left.
        Ok(())
    }

    async fn add_next(&mut self, archive: &Archive) -> Result<(), StoreError> {
        let mut lines = Vec::new();
        for table in archive.tables() {
            let store = table.store();
            for path in list(store.as_ref(), LOG).await? {
                let name = path.filename().unwrap_or_default();
                let file = format!("{}/{LOG}/{name}", table.definition().name);
                // This one alone is written over.
                let is_open = name == LAST_CHECKPOINT;
                if !is_log(name) || (self.logs.contains_key(&file) && !is_open) {
                    continue;
                }
                let sha256 = sha256(&store.get(&path).await?.bytes().await?);
                if self.logs.get(&file) != Some(&sha256) {
                    lines.push((file, sha256));
                }
            }
        }
        if lines.is_empty() {
            return Ok(());
        }
        lines.sort();
        let mut bytes = line(&Line::Previous(self.last.clone()));
        for (file, sha256) in &lines {
            bytes.extend(line(&Line::Log { file: file.clone(), sha256: sha256.clone() }));
        }
        bytes.extend(line(&Line::Seal(sha256(&bytes))));
        let (place, last) = (Path::from(format!("{FOLDER}/{:020}", self.count)), sha256(&bytes));
        let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        archive.table(&SOURCE)?.store().put_opts(&place, bytes.into(), create).await?;
        self.logs.extend(lines);
        self.last = last;
        self.count += 1;
        Ok(())
    }
}

/// Whether a file of a log folder belongs to the log: not what a killed process left.
pub(super) fn is_log(name: &str) -> bool {
    name == LAST_CHECKPOINT || version(name).is_some()
}

/// Version of a log file, or of a checkpoint.
pub(super) fn version(name: &str) -> Option<u64> {
    let (digits, rest) = name.split_at_checked(20)?;
    let is_ours =
        rest == ".json" || (rest.starts_with(".checkpoint.") && rest.ends_with("parquet"));
    is_ours.then(|| digits.parse().ok())?
}

fn line(line: &Line) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(line).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

async fn list(store: &dyn ObjectStore, folder: &str) -> Result<Vec<Path>, StoreError> {
    let found = store.list(Some(&Path::from(folder))).map_ok(|meta| meta.location);
    Ok(found.try_collect().await?)
}

/// How often a writer begins again whose seal another has made.
const TRIES: usize = 8;
/// Names the newest checkpoint.
pub(super) const LAST_CHECKPOINT: &str = "_last_checkpoint";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::Writer;

    #[tokio::test]
    async fn a_seal_that_is_there_is_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let root = url::Url::from_directory_path(folder.path()).unwrap();
        let writer = Writer::open(&root).await.unwrap();
        let place = folder.path().join(SOURCE.name).join(FOLDER).join(format!("{:020}", 0));
        let first = std::fs::read(&place).unwrap();
        // One that had looked before the first seal was made, and would have begun another chain.
        let mut late = Seals { last: "of another".to_owned(), ..Seals::default() };
        late.add(writer.archive()).await.unwrap();
        assert_eq!(std::fs::read(&place).unwrap(), first);
        let all = Seals::load(writer.archive()).await.unwrap();
        assert_eq!((late.count, &late.last, &late.logs), (all.count, &all.last, &all.logs));
        // It has begun again after the one that was there: no log file is left without a seal, and nothing is sealed twice.
        assert_eq!((late.count, late.logs.is_empty()), (1, false));
    }

    fn seal(previous: &str) -> Vec<u8> {
        let mut bytes = line(&Line::Previous(previous.to_owned()));
        bytes.extend(line(&Line::Log { file: "a/_delta_log/0".into(), sha256: "00".into() }));
        bytes.extend(line(&Line::Seal(sha256(&bytes))));
        bytes
    }

    #[test]
    fn seals_are_a_chain() {
        let mut seals = Seals::default();
        let first = seal("");
        assert_eq!(seals.take(&first), Ok(()));
        assert_eq!(seals.take(&seal(&sha256(&first))), Ok(()));
        assert!(seals.take(&seal("another")).is_err());
        assert_eq!(seals.logs.len(), 1);
    }

    #[test]
    fn a_flipped_bit_anywhere_in_a_seal_is_seen() {
        let whole = seal("");
        for at in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[at / 8] ^= 1 << (at % 8);
            assert!(Seals::default().take(&damaged).is_err(), "bit {at}");
        }
        for end in 0..whole.len() {
            assert!(Seals::default().take(&whole[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn names_of_logs() {
        assert_eq!(version("00000000000000000012.json"), Some(12));
        assert_eq!(version("00000000000000000099.checkpoint.parquet"), Some(99));
        assert_eq!(version("_commit_1b.json.tmp"), None);
        assert_eq!(version("00000000000000000012.json#1"), None);
    }
}
