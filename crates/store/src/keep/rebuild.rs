//! Verdicts and observations again, by the judge of today, from `measurement.document`.
//!
//! Partition by partition: the rows are made and compared with those that are there, as [`ContentHash`]es; only where they differ are
//! files written. The same judge on the same measurements changes nothing. Rows that have no measurement (points that were
//! judged elsewhere, captures) stay as they are. `spread` has a cluster make them.

mod spread;

use std::collections::{BTreeMap, HashSet};

use arrow::array::{Array as _, AsArray as _, BooleanArray, RecordBatch, StringArray};
use arrow::compute::filter_record_batch;
use serde::Serialize;

pub use spread::rebuild_on;

use super::content::ContentHash;
use crate::archive::{Changes, Writer};
use crate::cluster::judged::{JUDGED, MADE, take};
use crate::error::StoreError;
use crate::ingest::record::{Tables, Taking};
use crate::ingest::{Judging, sorted};
use crate::schema::MEASUREMENT;
use crate::table::{DataFile, LogTable, Partition};

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Rebuilt {
    /// Measurements that were judged.
    pub measurements: u64,
    /// Partitions whose rows are others now.
    pub changed: u64,
    /// Documents that can no longer be read: their rows stay as they are.
    pub unreadable: u64,
    /// The commit that holds it.
    pub commit: u64,
}

/// Files of one partition: of `measurement`, and of [`MADE`].
#[derive(Default)]
struct Files {
    measurement: Vec<DataFile>,
    made: [Vec<DataFile>; 2],
}

/// The rows that one file of measurements makes.
struct Made {
    rows: [RecordBatch; 2],
    ids: HashSet<String>,
    unreadable: u64,
}

/// Judges all measurements again. Commits whenever `commit_bytes` of files are new: a run that was killed is finished by the next.
pub async fn rebuild(
    writer: &mut Writer,
    judging: &Judging,
    commit_bytes: u64,
) -> Result<Rebuilt, StoreError> {
    let mut done = Rebuilt::default();
    let mut pending = Pending::new(commit_bytes);
    for (partition, files) in partitions(writer)? {
        if !differs(writer, (&partition, &files), judging, &mut done).await? {
            continue;
        }
        let bytes = replace(writer, (&partition, files), judging, &mut pending.changes).await?;
        done.changed += 1;
        pending.grown(writer, bytes).await?;
    }
    done.commit = writer.commit(pending.changes).await?;
    Ok(done)
}

/// Changes that are no commit yet.
struct Pending {
    changes: Changes,
    bytes: u64,
    commit_bytes: u64,
}

impl Pending {
    fn new(commit_bytes: u64) -> Self {
        Self { changes: Changes::new(), bytes: 0, commit_bytes }
    }

    /// So many bytes of files have come. Where they are enough, they are committed.
    async fn grown(&mut self, writer: &mut Writer, bytes: u64) -> Result<(), StoreError> {
        self.bytes += bytes;
        if self.bytes > self.commit_bytes {
            writer.commit(std::mem::take(&mut self.changes)).await?;
            self.bytes = 0;
        }
        Ok(())
    }
}

impl Made {
    fn none() -> Self {
        let rows = MADE.map(|definition| RecordBatch::new_empty(definition.arrow()));
        Self { rows, ids: HashSet::new(), unreadable: 0 }
    }
}

fn partitions(writer: &Writer) -> Result<BTreeMap<Partition, Files>, StoreError> {
    let mut partitions: BTreeMap<Partition, Files> = BTreeMap::new();
    for file in writer.table(&MEASUREMENT)?.files()? {
        partitions.entry(file.partition.clone()).or_default().measurement.push(file);
    }
    for (at, definition) in MADE.into_iter().enumerate() {
        for file in writer.table(definition)?.files()? {
            // Where nothing was measured, nothing is made again.
            let files = partitions.get_mut(&file.partition);
            if let Some(made) = files.and_then(|files| files.made.get_mut(at)) {
                made.push(file);
            }
        }
    }
    Ok(partitions)
}

/// Whether the rows of a partition are others than those that would be made now.
async fn differs(
    writer: &Writer,
    (partition, files): (&Partition, &Files),
    judging: &Judging,
    done: &mut Rebuilt,
) -> Result<bool, StoreError> {
    let mut now = ContentHash::default();
    let mut ids = HashSet::new();
    for file in &files.measurement {
        let made = make(writer.table(&MEASUREMENT)?, file, judging).await?;
        for (definition, rows) in MADE.into_iter().zip(&made.rows) {
            now.add(definition.name, partition, rows)?;
        }
        done.measurements += made.ids.len() as u64;
        done.unreadable += made.unreadable;
        ids.extend(made.ids);
    }
    Ok(now != held(writer, (partition, &files.made), &ids).await?)
}

/// The rows that a partition has of some measurements.
async fn held(
    writer: &Writer,
    (partition, files): (&Partition, &[Vec<DataFile>; 2]),
    ids: &HashSet<String>,
) -> Result<ContentHash, StoreError> {
    let mut held = ContentHash::default();
    for (definition, files) in MADE.into_iter().zip(files) {
        for file in files {
            for batch in writer.table(definition)?.read(file).await? {
                held.add(definition.name, partition, &pick(&batch, Whose::These(ids))?)?;
            }
        }
    }
    Ok(held)
}

/// Files with the rows of now for those of a partition. Returns their bytes.
async fn replace(
    writer: &Writer,
    (partition, files): (&Partition, Files),
    judging: &Judging,
    changes: &mut Changes,
) -> Result<u64, StoreError> {
    let mut added: [Vec<DataFile>; 2] = Default::default();
    let mut ids = HashSet::new();
    for file in &files.measurement {
        let made = make(writer.table(&MEASUREMENT)?, file, judging).await?;
        for ((definition, rows), added) in MADE.into_iter().zip(made.rows).zip(&mut added) {
            added.extend(write(writer.table(definition)?, partition, &[rows]).await?);
        }
        ids.extend(made.ids);
    }
    swap(writer, (partition, files.made), (added, &ids), changes).await
}

/// Puts files with the rows of some measurements in the place of those of a partition. Returns their bytes.
async fn swap(
    writer: &Writer,
    (partition, files): (&Partition, [Vec<DataFile>; 2]),
    (added, ids): ([Vec<DataFile>; 2], &HashSet<String>),
    changes: &mut Changes,
) -> Result<u64, StoreError> {
    let mut bytes = 0;
    for ((definition, old), mut added) in MADE.into_iter().zip(files).zip(added) {
        let table = writer.table(definition)?;
        let mut others = Vec::new();
        for file in &old {
            for batch in table.read(file).await? {
                others.push(pick(&batch, Whose::Others(ids))?);
            }
        }
        added.extend(write(table, partition, &others).await?);
        bytes += added.iter().map(|file| file.bytes).sum::<u64>();
        let change = changes.entry(definition.name).or_default();
        let is_new = |file: &&DataFile| !old.contains(file);
        change.removed.extend(old.iter().filter(|file| !added.contains(file)).cloned());
        change.added.extend(added.iter().filter(is_new).cloned());
    }
    Ok(bytes)
}

async fn write(
    table: &LogTable,
    partition: &Partition,
    rows: &[RecordBatch],
) -> Result<Option<DataFile>, StoreError> {
    match sorted(table.definition(), rows)? {
        Some(rows) => Ok(Some(table.write(partition, &rows).await?)),
        None => Ok(None),
    }
}

/// The rows that a file of measurements makes, on all cores.
async fn make(table: &LogTable, file: &DataFile, judging: &Judging) -> Result<Made, StoreError> {
    let batches = table.read(file).await?;
    let documents: Vec<(&str, &str, &str)> = batches.iter().flat_map(documents).flatten().collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = documents.len().div_ceil(threads).max(1);
    let done: Vec<Result<Made, StoreError>> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            documents.chunks(share).map(|some| scope.spawn(move || judge(some, judging))).collect();
        let lost = |_| Err(StoreError::Worker("a judge panicked".to_owned()));
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(lost)).collect()
    });
    let mut made = Made::none();
    for some in done {
        let some = some?;
        for (all, rows) in made.rows.iter_mut().zip(&some.rows) {
            *all = arrow::compute::concat_batches(&rows.schema(), [&*all, rows])?;
        }
        made.ids.extend(some.ids);
        made.unreadable += some.unreadable;
    }
    Ok(made)
}

/// Name, document and source of each measurement.
fn documents(batch: &RecordBatch) -> Option<impl Iterator<Item = (&str, &str, &str)>> {
    let text = |name| -> Option<&StringArray> { batch.column_by_name(name)?.as_string_opt() };
    let (ids, documents, sources) = (text("measurement_id")?, text("document")?, text("source")?);
    let origins = text("origin")?;
    let is_judged = |row: &usize| JUDGED.contains(&origins.value(*row));
    let of = |row| (ids.value(row), documents.value(row), sources.value(row));
    Some((0..batch.num_rows()).filter(is_judged).map(of))
}

fn judge(some: &[(&str, &str, &str)], judging: &Judging) -> Result<Made, StoreError> {
    let context = judging.context();
    let mut tables = Tables::new();
    let mut ids = HashSet::new();
    let mut unreadable = 0;
    for (id, document, source) in some {
        let taking = Taking { source, judged_with: judging.name(), context: &context };
        match take(&mut tables, (id, document), &taking) {
            true => {
                ids.insert((*id).to_owned());
            }
            false => unreadable += 1,
        }
    }
    Ok(Made { rows: [tables.observation.finish()?, tables.verdict.finish()?], ids, unreadable })
}

/// Whose rows are picked.
#[derive(Clone, Copy)]
enum Whose<'i> {
    /// Of these measurements.
    These(&'i HashSet<String>),
    /// Of none of them.
    Others(&'i HashSet<String>),
}

fn pick(batch: &RecordBatch, whose: Whose<'_>) -> Result<RecordBatch, StoreError> {
    let column = batch.column_by_name("measurement_id").and_then(|c| c.as_string_opt::<i32>());
    let Some(column) = column else { return Ok(batch.clone()) };
    let is_picked = |row| match whose {
        Whose::These(ids) => ids.contains(column.value(row)),
        Whose::Others(ids) => !ids.contains(column.value(row)),
    };
    let keep: BooleanArray = (0..column.len()).map(|row| Some(is_picked(row))).collect();
    Ok(filter_record_batch(batch, &keep)?)
}
