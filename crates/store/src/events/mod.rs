//! Events of an archive: its verdicts searched for blocks and shutdowns, and what was said of them kept.
//!
//! [`find_events`] reads the columns that a search needs, on all cores, in memory that does not grow with the archive: points are dealt
//! out to parts by their target, and each part is sorted, surveyed and searched by itself (`wirewitness_analysis::events`).
//! [`state_events`] puts what is found into the table `event`: what was said before stays, marked. [`insert_points`]
//! takes verdicts that were made elsewhere. In reading order:
//!
//! - `packed`: a point in 28 bytes. `names`: numbers of targets. `read`: files into points. `parts`: points by target.
//! - `search`: all of it. `statements`: what is said, as rows. `insert`: points as rows.
//! - `spread`: all of it on a cluster. `functions`: what executors do for it.

mod functions;
mod insert;
mod names;
mod packed;
mod parts;
pub(crate) mod read;
mod search;
mod spread;
mod statements;

use std::collections::BTreeSet;
use std::path::PathBuf;

use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use wirewitness_analysis::events::{self, Event, Report, Statement, revise};

pub use insert::{Inserted, Source as PointSource, insert_points, population};
pub use names::Names;
pub use spread::{find_events_on, state_events_on};
pub use statements::certainty;

pub(crate) use functions::functions;

use crate::archive::{Archive, Changes, Writer};
use crate::error::StoreError;
use crate::ingest::sorted;
use crate::schema::{EVENT, VERDICT};
use crate::table::{Change, LogTable, Partition};
use search::{Means, Opened, Source, search};

/// What is searched for, and with how much of the machine.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The detector's.
    pub detector: events::Settings,
    /// Threads. Default: as many as there are cores.
    pub threads: usize,
    /// Bytes of points in memory above which they go to a file in `scratch`. Default 512 MiB: 19 million points.
    pub memory_bytes: usize,
    /// Folder for that file, which needs 28 bytes a point. Without one, all points stay in memory.
    pub scratch: Option<PathBuf>,
    /// Origins of the rows that are searched; all where it is empty. What is made up is never mixed with what was measured.
    pub origins: Vec<String>,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Events, faults and counts. Targets are numbers.
    pub report: Report,
    /// Names of these numbers.
    pub names: Names,
}

/// What was stated.
#[derive(Debug, Clone, Default)]
pub struct Stated {
    /// What was found.
    pub found: Found,
    /// All that was ever said, by event and revision.
    pub statements: Vec<Statement>,
    /// Statements that are new.
    pub added: usize,
    /// Statements that no longer hold.
    pub ended: usize,
    /// The commit that holds them.
    pub commit: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            detector: events::Settings::default(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: 512 << 20,
            scratch: None,
            origins: Vec::new(),
        }
    }
}

/// Searches the verdicts of an archive.
///
/// # Errors
/// A file cannot be read; the archive holds both made-up and measured rows, and no origin was named.
pub async fn find_events(archive: &Archive, settings: &Settings) -> Result<Found, StoreError> {
    let (_, names) = said(archive).await?;
    find(archive, settings, names).await
}

async fn find(archive: &Archive, settings: &Settings, names: Names) -> Result<Found, StoreError> {
    let table = archive.table(&VERDICT)?.clone();
    let settings = settings.clone();
    let runtime = tokio::runtime::Handle::current();
    // Threads of our own: the runtime's are for what waits.
    let work = move || find_on_threads(&table, &settings, (&names, &runtime));
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| StoreError::Worker(error.to_string()))?
}

fn find_on_threads(
    table: &LogTable,
    settings: &Settings,
    (names, runtime): (&Names, &tokio::runtime::Handle),
) -> Result<Found, StoreError> {
    let files = table.files()?;
    let source = |file: &crate::table::DataFile| Source {
        path: file.path.clone(),
        country: file.partition.country.as_bytes().try_into().unwrap_or(*b"ZZ"),
        rows: file.rows,
    };
    let sources: Vec<Source> = files.iter().map(source).collect();
    let folder = table.url().to_file_path().ok();
    let store = table.store();
    let open = |source: &Source| match &folder {
        Some(folder) => {
            let path = folder.join(&source.path);
            std::fs::File::open(&path).map(Opened::File).map_err(StoreError::file(&path))
        }
        None => runtime.block_on(async {
            let object = store.get(&Path::from(source.path.as_str())).await?;
            Ok(Opened::Bytes(object.bytes().await?))
        }),
    };
    let means = Means::of(settings);
    let outcome = search((&sources, &open), &means, &settings.detector, names)?;
    refuse_mixed(&outcome.seen.origins)?;
    Ok(Found { report: outcome.report, names: outcome.names })
}

/// Made-up rows are not searched together with others.
fn refuse_mixed(origins: &BTreeSet<String>) -> Result<(), StoreError> {
    if origins.len() > 1 && origins.contains(MADE_UP) {
        let origins = origins.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let reason = format!(
            "made-up and measured rows are not searched together ({origins}); name the origin"
        );
        return Err(StoreError::Refused { reason });
    }
    Ok(())
}

/// All that was ever said of an archive's events, by event and revision, and the names of the targets.
pub async fn said(archive: &Archive) -> Result<(Vec<Statement>, Names), StoreError> {
    let table = archive.table(&EVENT)?;
    let mut batches = Vec::new();
    for file in table.files()? {
        batches.extend(table.read(&file).await?);
    }
    statements::read(EVENT.name, &batches)
}

/// Searches the verdicts and revises what was said: what stays as it was stays, what changed is replaced, what is new is added.
/// Nothing is written where nothing changes.
pub async fn state_events(writer: &mut Writer, settings: &Settings) -> Result<Stated, StoreError> {
    let before = said(writer.archive()).await?;
    let found = find(writer.archive(), settings, before.1.clone()).await?;
    state(writer, before, found).await
}

/// Revises what was said before by what is found now.
async fn state(
    writer: &mut Writer,
    (before, earlier): (Vec<Statement>, Names),
    found: Found,
) -> Result<Stated, StoreError> {
    let report = &found.report;
    let lists = [&report.events, &report.unconfirmed, &report.standing];
    let events: Vec<Event> = lists.into_iter().flatten().cloned().collect();
    let mut statements = before.clone();
    revise(&mut statements, &events);
    statements.sort_by(|a, b| {
        (&a.event.id, a.revision, &a.name).cmp(&(&b.event.id, b.revision, &b.name))
    });
    let held = |statements: &[Statement]| statements.iter().filter(|one| one.holds()).count();
    let added = statements.len() - before.len();
    let ended = held(&before) + added - held(&statements);
    let mut stated = Stated { found, statements, added, ended, commit: writer.archive().commit() };
    if stated.statements == before || (added == 0 && ended == 0) {
        return Ok(stated);
    }
    let mut names = earlier;
    for number in events.iter().flat_map(|event| &event.targets) {
        if let Some(name) = stated.found.names.name(*number) {
            names.insert(*number, name);
        }
    }
    let mut change = Change::default();
    let table = writer.table(&EVENT)?;
    if let Some(rows) = sorted(&EVENT, &[statements::rows(&stated.statements, &names)?])? {
        change.added.push(table.write(&Partition::default(), &rows).await?);
    }
    change.removed = table.files()?;
    stated.commit = writer.commit(Changes::from([(EVENT.name, change)])).await?;
    // As they are kept: without what a search remembers beside.
    (stated.statements, _) = said(writer.archive()).await?;
    Ok(stated)
}

/// Origin of rows that no one measured.
const MADE_UP: &str = "population";
