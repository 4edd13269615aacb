//! Rows into the archive: in order, each record once, whole commits.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::{SortColumn, concat_batches, lexsort_to_indices, take_record_batch};

use super::known::Known;
use super::ledger::{Entry, Ledger};
use super::record::Head;
use super::work::Done;
use super::{Settings, Summary, Watch};
use crate::archive::{Changes, Writer};
use crate::error::StoreError;
use crate::schema::{MEASUREMENT, OBSERVATION, SOURCE, Table, VERDICT};
use crate::table::{DataFile, Partition};

/// The tables that measurements fill, in the order of [`Done::rows`].
const FILLED: [&Table; 3] = [&MEASUREMENT, &OBSERVATION, &VERDICT];

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
    open: BTreeMap<Partition, [Vec<RecordBatch>; 3]>,
    bytes: usize,
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
            open: BTreeMap::new(),
            bytes: 0,
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
        }
        Ok(())
    }

    /// Rows of new records, each to its partition.
    async fn split(&mut self, heads: &[Head], rows: &[RecordBatch; 3]) -> Result<(), StoreError> {
        let mut of: BTreeMap<&Partition, [Vec<u32>; 3]> = BTreeMap::new();
        let mut step = 0;
        let table = self.writer.table(&MEASUREMENT)?;
        for (at, head) in heads.iter().enumerate() {
            let steps = step..step + head.steps;
            step = steps.end;
            let key = (&head.partition, head.id);
            if !self.known.is_new(key, table, &self.files).await? {
                self.summary.known += 1;
                continue;
            }
            self.summary.added += 1;
            let [measurement, observation, verdict] = of.entry(&head.partition).or_default();
            measurement.push(at as u32);
            verdict.push(at as u32);
            observation.extend(steps);
        }
        for (partition, indices) in of {
            let open = self.open.entry(partition.clone()).or_default();
            for ((open, indices), rows) in open.iter_mut().zip(indices).zip(rows) {
                let rows = if indices.len() == rows.num_rows() {
                    rows.clone()
                } else {
                    take_record_batch(rows, &UInt32Array::from(indices))?
                };
                self.bytes += rows.get_array_memory_size();
                open.push(rows);
            }
        }
        Ok(())
    }

    /// Writes all rows in memory and makes them one commit.
    async fn flush(&mut self) -> Result<(), StoreError> {
        let mut changes = Changes::new();
        for (partition, tables) in std::mem::take(&mut self.open) {
            for (definition, batches) in FILLED.into_iter().zip(tables) {
                let Some(rows) = sorted(definition, &batches)? else { continue };
                drop(batches);
                let file = self.writer.table(definition)?.write(&partition, &rows).await?;
                if definition.name == MEASUREMENT.name {
                    self.files.entry(partition.clone()).or_default().push(file.clone());
                }
                changes.entry(definition.name).or_default().added.push(file);
            }
        }
        self.bytes = 0;
        if let Some(file) = self.ledger.write(&self.writer).await? {
            changes.entry(SOURCE.name).or_default().added.push(file);
        }
        self.writer.commit(changes).await?;
        self.known.shrink();
        Ok(())
    }
}

/// All rows as one, sorted as the table's files are. None for no rows.
pub(crate) fn sorted(
    definition: &'static Table,
    batches: &[RecordBatch],
) -> Result<Option<RecordBatch>, StoreError> {
    let rows = concat_batches(&definition.arrow(), batches)?;
    if rows.num_rows() == 0 {
        return Ok(None);
    }
    let column = |name: &&str| {
        let values = rows.column_by_name(name)?.clone();
        Some(SortColumn { values, options: None })
    };
    let by: Vec<SortColumn> = definition.sorted_by.iter().filter_map(column).collect();
    let indices = lexsort_to_indices(&by, None)?;
    Ok(Some(take_record_batch(&rows, &indices)?))
}
