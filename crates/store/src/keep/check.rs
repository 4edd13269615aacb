//! Every file of an archive as it was written.
//!
//! Data files are named by their SHA-256; log files have seals (`seals`); seals have their own hash and that of the one before. So a changed
//! byte shows in every file but `writer.lock`, which holds nothing but the number of a process. Rows are counted, and those
//! that break a rule of privacy are told.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use parquet::file::reader::FileReader as _;
use parquet::file::serialized_reader::SerializedFileReader;
use serde::Serialize;
use url::Url;

use super::folder::{self, Entry, EntryKind};
use super::{logs, privacy};
use crate::archive::Archive;
use crate::error::StoreError;
use crate::table::{DataFile, LogTable};

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// What is not as it should be, by file.
    pub findings: Vec<Finding>,
    /// Files that were read.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Rows of all tables at the newest commit.
    pub rows: u64,
    /// That commit. Null where the archive cannot be opened.
    pub commit: Option<u64>,
}

/// Something about one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file, within the archive.
    pub file: String,
    /// What is the matter.
    pub kind: FindingKind,
    /// In words.
    pub reason: String,
}

/// What can be the matter with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FindingKind {
    /// It is not as it was written.
    Damaged,
    /// It is not there.
    Missing,
    /// It holds what must not be kept.
    Private,
    /// A log that a writer was killed before sealing. No harm.
    Unsealed,
    /// Nothing needs it: `archive compact --vacuum` takes it away. No harm.
    Leftover,
}

impl Checked {
    /// Whether everything is as it should be.
    pub fn is_whole(&self) -> bool {
        self.findings.iter().all(|finding| finding.kind >= FindingKind::Unsealed)
    }
}

impl Finding {
    pub(super) fn damaged(file: &str, reason: &str) -> Self {
        Self { file: file.to_owned(), kind: FindingKind::Damaged, reason: reason.to_owned() }
    }

    pub(super) fn missing(file: &str, reason: &str) -> Self {
        Self { file: file.to_owned(), kind: FindingKind::Missing, reason: reason.to_owned() }
    }
}

/// Checks the archive in a folder. Nothing is written, and it may be read and written by others at the same time: what they do
/// while it runs may be told as unsealed or left over.
pub async fn check(root: &Url) -> Result<Checked, StoreError> {
    let folder = folder::folder(root)?;
    if !folder.is_dir() {
        return Err(StoreError::NoArchive { place: folder.display().to_string() });
    }
    let entries = folder::files(&folder)?;
    let mut checked = Checked { files: entries.len() as u64, ..Checked::default() };
    checked.bytes = entries.iter().map(|entry| entry.bytes).sum();
    let mut findings = names(&folder, &entries)?;
    lock(&folder, &entries, &mut findings)?;
    logs::check(&folder, &entries, &mut findings)?;
    let is_sound = findings.iter().all(|finding| finding.kind != FindingKind::Damaged);
    match Archive::open(root).await {
        Ok(archive) => {
            checked.commit = Some(archive.commit());
            rows((&folder, &archive), &entries, (&mut findings, &mut checked.rows)).await?;
        }
        Err(error @ StoreError::NoArchive { .. }) => return Err(error),
        // Of what is damaged was told which file it is.
        Err(_) if !is_sound => {}
        Err(error) => findings.push(Finding::damaged("", &error.to_string())),
    }
    findings.sort_by(|a, b| (a.kind, &a.file, &a.reason).cmp(&(b.kind, &b.file, &b.reason)));
    findings.dedup();
    checked.findings = findings;
    Ok(checked)
}

/// Data files whose bytes are not those that they are named by, and files that nothing needs.
fn names(folder: &Path, entries: &[Entry]) -> Result<Vec<Finding>, StoreError> {
    let mentioned = logs::mentioned(folder, entries);
    let (next, findings) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || -> Result<(), StoreError> {
        while let Some(entry) = entries.get(next.fetch_add(1, Ordering::Relaxed)) {
            let found = match entry.kind {
                EntryKind::Data if !is_named(&entry.path, &folder::hash(folder, &entry.path)?) => {
                    Finding::damaged(&entry.path, "its bytes are not those that it is named by")
                }
                EntryKind::Data if !mentioned.added.contains(&entry.path) => {
                    leftover(&entry.path, "no version has it")
                }
                EntryKind::Other => leftover(&entry.path, "this is no file of an archive"),
                _ => continue,
            };
            findings.lock().map_err(|_| poisoned())?.push(found);
        }
        Ok(())
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| Err(poisoned())))
    })?;
    findings.into_inner().map_err(|_| poisoned())
}

fn is_named(path: &str, sha256: &str) -> bool {
    path.rsplit('/').next().and_then(|name| name.strip_suffix(".parquet")) == Some(sha256)
}

fn leftover(file: &str, reason: &str) -> Finding {
    Finding { file: file.to_owned(), kind: FindingKind::Leftover, reason: reason.to_owned() }
}

/// The lock holds the number of a process, or nothing.
fn lock(folder: &Path, entries: &[Entry], findings: &mut Vec<Finding>) -> Result<(), StoreError> {
    for entry in entries.iter().filter(|entry| entry.kind == EntryKind::Lock) {
        let bytes = folder::read(folder, &entry.path)?;
        let digits = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        if !digits.iter().all(u8::is_ascii_digit) {
            findings.push(Finding::damaged(&entry.path, "it holds no number of a process"));
        }
    }
    Ok(())
}

/// The files of the newest commit: there, as long as the log says, with as many rows, and none that breaks a rule.
async fn rows(
    (folder, archive): (&Path, &Archive),
    entries: &[Entry],
    (findings, rows): (&mut Vec<Finding>, &mut u64),
) -> Result<(), StoreError> {
    let there: BTreeMap<&str, u64> =
        entries.iter().map(|entry| (entry.path.as_str(), entry.bytes)).collect();
    for table in archive.tables() {
        for file in table.files()? {
            let path = format!("{}/{}", table.definition().name, file.path);
            *rows += file.rows;
            let Some(bytes) = there.get(path.as_str()) else {
                findings.push(Finding::missing(&path, "the newest commit has it"));
                continue;
            };
            if *bytes != file.bytes {
                let reason = format!("{bytes} bytes where the log says {}", file.bytes);
                findings.push(Finding::damaged(&path, &reason));
            } else if let Err(reason) = count(folder, &path, file.rows) {
                findings.push(Finding::damaged(&path, &reason));
            } else if let Some(finding) = private(table, &file, &path).await {
                findings.push(finding);
            }
        }
    }
    Ok(())
}

/// Whether a file has so many rows, by its footer.
fn count(folder: &Path, path: &str, rows: u64) -> Result<(), String> {
    let file = std::fs::File::open(folder.join(path)).map_err(|error| error.to_string())?;
    let reader = SerializedFileReader::new(file).map_err(|error| error.to_string())?;
    let found = reader.metadata().file_metadata().num_rows();
    if u64::try_from(found) == Ok(rows) {
        return Ok(());
    }
    Err(format!("{found} rows where the log says {rows}"))
}

async fn private(table: &LogTable, file: &DataFile, path: &str) -> Option<Finding> {
    let name = table.definition().name;
    if !privacy::READ.contains(&name) {
        return None;
    }
    let batches = match table.read(file).await {
        Ok(batches) => batches,
        Err(error) => return Some(Finding::damaged(path, &error.to_string())),
    };
    let reason = batches.iter().find_map(|batch| privacy::broken(name, batch))?;
    Some(Finding { file: path.to_owned(), kind: FindingKind::Private, reason })
}

fn poisoned() -> StoreError {
    StoreError::Worker("another thread ended early".to_owned())
}
