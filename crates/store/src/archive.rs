//! All tables of one archive, written together or not at all.
//!
//! Each table has a log of its own, and no log spans two tables. So one of them, `source`, is the ledger: each of its versions
//! remembers which version of every other table belongs to it (Delta's `txn` actions). A commit writes the other tables
//! first and the ledger last. Readers begin at the ledger, so they see all of a commit or nothing; what a process that was killed
//! left behind is taken back by the next writer. Programs that read a table without the ledger see a commit a moment early.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use url::Url;

use crate::bucket;
use crate::error::StoreError;
use crate::keep::seals::Seals;
use crate::schema::{SOURCE, TABLES, Table, VERSION};
use crate::table::{Change, LogTable};

/// File that the one writer holds.
pub(crate) const LOCK: &str = "writer.lock";

/// An archive as it was at one commit.
#[derive(Debug, Clone)]
pub struct Archive {
    root: Url,
    tables: BTreeMap<&'static str, LogTable>,
}

/// The one that may write to an archive.
#[derive(Debug)]
pub struct Writer {
    archive: Archive,
    seals: Seals,
    /// Held as long as this lives. None where the archive is in a bucket: there the ledger's log decides who was first.
    _lock: Option<File>,
}

/// What a commit changes, by table.
pub type Changes = BTreeMap<&'static str, Change>;

impl Archive {
    /// Opens an archive at its newest commit.
    pub async fn open(root: &Url) -> Result<Self, StoreError> {
        Self::open_at(root, None).await
    }

    /// Opens an archive as it was at a commit: 0 is the empty one.
    pub async fn open_at(root: &Url, commit: Option<u64>) -> Result<Self, StoreError> {
        if !is_archive(root) {
            return Err(StoreError::NoArchive { place: words(root) });
        }
        let ledger = LogTable::open(root, &SOURCE, commit).await;
        let ledger = ledger.map_err(|error| match error.is_no_table() {
            true => StoreError::NoArchive { place: words(root) },
            false => error,
        })?;
        let found = ledger.schema_version()?;
        if found > VERSION {
            return Err(StoreError::TooNew { place: words(root), found, known: VERSION });
        }
        let mut tables = BTreeMap::new();
        for definition in others() {
            let version = ledger.mark(definition.name).await?.unwrap_or(0);
            let table = LogTable::open(root, definition, Some(version)).await?;
            tables.insert(definition.name, table);
        }
        tables.insert(SOURCE.name, ledger);
        Ok(Self { root: root.clone(), tables })
    }

    /// Number of the commit.
    pub fn commit(&self) -> u64 {
        self.table(&SOURCE).map_or(0, LogTable::version)
    }

    /// Where it is: a folder or a bucket, with a slash at the end.
    pub fn root(&self) -> &Url {
        &self.root
    }

    /// One of its tables.
    pub fn table(&self, definition: &Table) -> Result<&LogTable, StoreError> {
        self.tables.get(definition.name).ok_or_else(|| StoreError::Damaged {
            path: definition.name.to_owned(),
            reason: "no such table".to_owned(),
        })
    }

    /// All of them.
    pub fn tables(&self) -> impl Iterator<Item = &LogTable> {
        self.tables.values()
    }
}

impl Writer {
    /// Opens an archive for writing, or makes one. Takes back what a process that was killed left half done.
    ///
    /// # Errors
    /// Somebody else is writing to it; the folder holds something else; it cannot be written; its storage cannot keep two writers apart.
    pub async fn open(root: &Url) -> Result<Self, StoreError> {
        let lock = match root.to_file_path() {
            Ok(folder) => Some(lock(&folder)?),
            Err(()) => {
                let ledger = LogTable::store_of(root, &SOURCE)?;
                bucket::keeps_conditions(ledger.as_ref(), root.as_str()).await?;
                None
            }
        };
        for definition in others() {
            LogTable::create(root, definition).await?;
        }
        // The ledger last: a folder is an archive once it is there.
        LogTable::create(root, &SOURCE).await?;
        let archive = Archive::open(root).await?;
        let seals = Seals::load(&archive).await?;
        let mut writer = Self { archive, seals, _lock: lock };
        writer.take_back().await?;
        writer.renew().await?;
        writer.seals.add(&writer.archive).await?;
        Ok(writer)
    }

    /// The archive as it is now.
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// One of its tables.
    pub fn table(&self, definition: &Table) -> Result<&LogTable, StoreError> {
        self.archive.table(definition)
    }

    /// Makes all changes, or none of them.
    pub async fn commit(&mut self, mut changes: Changes) -> Result<u64, StoreError> {
        changes.retain(|_, change| !change.is_empty());
        if changes.is_empty() {
            return Ok(self.archive.commit());
        }
        let mut ledger = changes.remove(SOURCE.name).unwrap_or_default();
        for (name, change) in changes {
            let Some(table) = self.archive.tables.get_mut(name) else { continue };
            ledger.marks.push((name.to_owned(), table.commit(change).await?));
        }
        let commit = match self.archive.tables.get_mut(SOURCE.name) {
            Some(table) => table.commit(ledger).await?,
            None => 0,
        };
        // The commit stands, whatever becomes of its seal; the next one seals its logs then.
        let _ = self.seals.add(&self.archive).await;
        Ok(commit)
    }

    /// Where an older version of the schema made the archive: its tables get the columns that have come since, in one commit. Files
    /// stay as they are; what they do not have is null.
    async fn renew(&mut self) -> Result<(), StoreError> {
        let mut changes = Changes::new();
        for table in self.archive.tables() {
            if table.schema_version()? < VERSION {
                let change = Change { renews: true, ..Change::default() };
                changes.insert(table.definition().name, change);
            }
        }
        self.commit(changes).await.map(|_| ())
    }

    /// Takes back versions of tables that the ledger does not know.
    async fn take_back(&mut self) -> Result<(), StoreError> {
        let mut marks = Vec::new();
        for definition in others() {
            let Some(held) = self.archive.tables.get_mut(definition.name) else { continue };
            let mut newest = LogTable::open(&self.archive.root, definition, None).await?;
            if newest.version() == held.version() {
                continue;
            }
            let (then, now) = (held.files()?, newest.files()?);
            let added = then.iter().filter(|file| !now.contains(file)).cloned().collect();
            let removed = now.iter().filter(|file| !then.contains(file)).cloned().collect();
            let version = newest.commit(Change { added, removed, ..Change::default() }).await?;
            marks.push((definition.name.to_owned(), version));
            *held = newest;
        }
        if marks.is_empty() {
            return Ok(());
        }
        let ledger = Change { marks, ..Change::default() };
        self.commit(Changes::from([(SOURCE.name, ledger)])).await.map(|_| ())
    }
}

/// All tables but the ledger.
fn others() -> impl Iterator<Item = &'static Table> {
    TABLES.iter().copied().filter(|table| table.name != SOURCE.name)
}

/// The address of an archive: a folder, or what already is an address (`s3://bucket/folder`).
pub fn locate(place: &str) -> Result<Url, StoreError> {
    let damaged = |reason: String| StoreError::Damaged { path: place.to_owned(), reason };
    if let Ok(mut url) = Url::parse(place)
        && url.scheme().len() > 1
    {
        if !matches!(url.scheme(), "file" | bucket::SCHEME) {
            let reason = "archives are in folders and in buckets (s3://bucket/folder)".to_owned();
            return Err(StoreError::Refused { reason: format!("{place}: {reason}") });
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        return Ok(url);
    }
    let path = std::path::absolute(place).map_err(StoreError::file(Path::new(place)))?;
    Url::from_directory_path(&path).map_err(|()| damaged("no usable path".to_owned()))
}

/// An archive in a folder has a ledger; of a bucket only the log itself can tell.
fn is_archive(root: &Url) -> bool {
    let ledger = |folder: PathBuf| folder.join(SOURCE.name).join("_delta_log").is_dir();
    root.to_file_path().map_or(true, ledger)
}

fn words(root: &Url) -> String {
    root.to_file_path().map_or_else(|()| root.to_string(), |path| path.display().to_string())
}

/// Makes the folder and takes the lock. The lock goes with the process, however it ends.
fn lock(folder: &Path) -> Result<File, StoreError> {
    let is_new = std::fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none());
    let path = folder.join(LOCK);
    if !is_new && !path.exists() {
        return Err(StoreError::NotAnArchive { place: folder.display().to_string() });
    }
    std::fs::create_dir_all(folder).map_err(StoreError::file(folder))?;
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(StoreError::file(&path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            let holder = holder.trim().to_owned();
            return Err(StoreError::Locked { place: folder.display().to_string(), holder });
        }
        Err(TryLockError::Error(source)) => return Err(StoreError::File { path, source }),
    }
    let written = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    written.map_err(StoreError::file(&path))?;
    Ok(file)
}
