//! Rows into the archive: in order, each record once, whole commits.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::RecordBatch;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::task::JoinHandle;

use super::gather::{FILLED, Pieces, Place};
use super::known::Known;
use super::ledger::{Entry, Ledger};
use super::record::Head;
use super::work::Done;
use super::{Settings, Summary, Watch};
use crate::archive::{Changes, Writer};
use crate::error::StoreError;
use crate::schema::{MEASUREMENT, OBSERVATION, SOURCE, Table};
use crate::table::{DataFile, Encoded, LogTable, Partition};

pub(super) struct Sink {
    writer: Writer,
    judged_with: String,
    settings: Settings,
    watch: Box<dyn Watch>,
    /// What came before its turn.
    early: BTreeMap<u64, Done>,
    next: u64,
    known: Known,
    /// Files of `measurement`, by partition.
    files: HashMap<Partition, Vec<DataFile>>,
    /// Rows that are not written yet, as they came.
    held: Vec<[RecordBatch; 3]>,
    bytes: usize,
    /// Those that are being written.
    pending: Option<Pending>,
    /// Which of them belong to each partition.
    open: BTreeMap<Partition, Vec<Place>>,
    ledger: Ledger,
    /// Of the file at hand.
    taken: u64,
    refused: u64,
    summary: Summary,
}

impl Sink {
    pub(super) fn new(
        writer: Writer,
        judged_with: String,
        settings: Settings,
        watch: Box<dyn Watch>,
    ) -> Self {
        Self {
            writer,
            judged_with,
            settings,
            watch,
            early: BTreeMap::new(),
            next: 0,
            known: Known::default(),
            files: HashMap::new(),
            held: Vec::new(),
            bytes: 0,
            pending: None,
            open: BTreeMap::new(),
            ledger: Ledger::empty(),
            taken: 0,
            refused: 0,
            summary: Summary::default(),
        }
    }

    pub(super) async fn take(&mut self, done: Done) -> Result<(), StoreError> {
        if self.next == 0 && self.early.is_empty() {
            self.begin().await?;
        }
        self.early.insert(done.number, done);
        while let Some(done) = self.early.remove(&self.next) {
            self.next += 1;
            self.in_order(done).await?;
        }
        Ok(())
    }

    pub(super) async fn finish(mut self) -> Result<(Writer, Summary), StoreError> {
        self.flush().await?;
        self.settle().await?;
        self.summary.commit = self.writer.archive().commit();
        Ok((self.writer, self.summary))
    }

    async fn begin(&mut self) -> Result<(), StoreError> {
        for file in self.writer.table(&MEASUREMENT)?.files()? {
            self.files.entry(file.partition.clone()).or_default().push(file);
        }
        self.ledger = Ledger::read(&self.writer).await?;
        Ok(())
    }

    async fn in_order(&mut self, done: Done) -> Result<(), StoreError> {
        self.summary.refused += done.refused.len() as u64;
        self.refused += done.refused.len() as u64;
        done.refused.iter().for_each(|refused| self.watch.refused(refused));
        self.taken += done.heads.len() as u64;
        self.split(&done.heads, &done.rows?).await?;
        if let Some(end) = done.end {
            self.summary.files += 1;
            self.watch.ended(&done.file, &end);
            let [taken, refused] = [&mut self.taken, &mut self.refused].map(std::mem::take);
            if !done.is_cut {
                let (name, judging) = (&*done.file, self.judged_with.as_str());
                self.ledger.enter(&Entry { name, end: &end, taken, refused, judging });
            }
        }
        if self.bytes > self.settings.commit_bytes {
            self.flush().await?;
        } else if self.pending.as_ref().is_some_and(|pending| pending.files.is_finished()) {
            self.settle().await?;
        }
        Ok(())
    }

    /// Rows of new records, each to its partition.
    async fn split(&mut self, heads: &[Head], rows: &[RecordBatch; 3]) -> Result<(), StoreError> {
        let piece = self.held.len();
        let before = self.summary.added;
        let mut step = 0;
        let table = self.writer.table(&MEASUREMENT)?;
        for (at, head) in heads.iter().enumerate() {
            let steps = step..step + head.steps as usize;
            step = steps.end;
            let key = (&head.partition, head.id);
            if !self.known.is_new(key, table, &self.files).await? {
                self.summary.known += 1;
                continue;
            }
            self.summary.added += 1;
            if !self.open.contains_key(&head.partition) {
                self.open.insert(head.partition.clone(), Vec::new());
            }
            let Some(open) = self.open.get_mut(&head.partition) else { continue };
            open.push(Place { piece, at, steps });
        }
        if self.summary.added > before {
            let bytes = rows.iter().map(RecordBatch::get_array_memory_size).sum::<usize>();
            self.bytes += bytes + PIECE_BYTES;
            self.held.push(rows.clone());
        }
        Ok(())
    }

    /// Has all rows in memory written, while others come. What was being written before is a commit then.
    async fn flush(&mut self) -> Result<(), StoreError> {
        self.settle().await?;
        let ledger = self.ledger.write(&self.writer).await?;
        let pieces = Arc::new(Pieces::new(std::mem::take(&mut self.held)));
        let mut jobs = Vec::new();
        for (partition, places) in std::mem::take(&mut self.open) {
            let has_steps = places.iter().any(|place| !place.steps.is_empty());
            let places = Arc::new(places);
            for (at, table) in FILLED.into_iter().enumerate() {
                if has_steps || table.name != OBSERVATION.name {
                    let (partition, places) = (partition.clone(), Arc::clone(&places));
                    let to = self.writer.table(table)?.clone();
                    jobs.push(Job { partition, at, to, places });
                }
            }
        }
        let files = stream::iter(jobs)
            .map(move |job| job.write(Arc::clone(&pieces)))
            .buffered(self.settings.threads.max(1));
        self.pending = Some(Pending { files: tokio::spawn(files.try_collect()), ledger });
        self.bytes = 0;
        Ok(())
    }

    /// Waits for what is being written, and makes it one commit.
    async fn settle(&mut self) -> Result<(), StoreError> {
        let Some(Pending { files, ledger }) = self.pending.take() else { return Ok(()) };
        let mut changes = Changes::new();
        for (table, file) in files.await.map_err(|error| lost(&error))?? {
            if table.name == MEASUREMENT.name {
                self.files.entry(file.partition.clone()).or_default().push(file.clone());
            }
            changes.entry(table.name).or_default().added.push(file);
        }
        if let Some(file) = ledger {
            changes.entry(SOURCE.name).or_default().added.push(file);
        }
        self.writer.commit(changes).await?;
        self.known.shrink(|partition| self.open.contains_key(partition));
        Ok(())
    }
}

/// Rows that are being written.
struct Pending {
    files: JoinHandle<Result<Vec<(&'static Table, DataFile)>, StoreError>>,
    /// The ledger's file of the same commit.
    ledger: Option<DataFile>,
}

fn lost(error: &tokio::task::JoinError) -> StoreError {
    StoreError::Worker(error.to_string())
}

/// What a piece takes beside its values: some seventy columns, each with buffers of its own. Counts with a million tiny files.
const PIECE_BYTES: usize = 32 << 10;

/// A file that is to be written.
struct Job {
    partition: Partition,
    /// Which of [`FILLED`] it belongs to.
    at: usize,
    to: LogTable,
    places: Arc<Vec<Place>>,
}

impl Job {
    async fn write(self, pieces: Arc<Pieces>) -> Result<(&'static Table, DataFile), StoreError> {
        let Self { partition, at, to, places } = self;
        let table = to.definition();
        let rows = move || Encoded::of(table, &pieces.gather(at, &places)?);
        let encoded = tokio::task::spawn_blocking(rows).await.map_err(|error| lost(&error))??;
        Ok((table, to.put(&partition, encoded).await?))
    }
}
