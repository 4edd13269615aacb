//! One table: Parquet files, and a Delta log that says which of them belong to which version.
//!
//! A file is named by the SHA-256 of its bytes, so that writing the same rows again makes the same file, and that damage
//! shows. Files are never changed; a version adds some and takes others away (Delta protocol, "Actions").

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use arrow::array::RecordBatch;
use deltalake_core::kernel::transaction::CommitBuilder;
use deltalake_core::kernel::{Action, Add, Remove, Transaction};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{DeltaTable, DeltaTableBuilder};
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use url::Url;
use wirewitness_model::civil;
use wirewitness_model::hex::hex;

use crate::error::StoreError;
use crate::older;
use crate::schema::{PARTITION, Table, VERSION};

/// Property of each table that holds the version of the schema.
pub(crate) const SCHEMA_PROPERTY: &str = "wirewitness.schema";

/// A table at one version.
#[derive(Debug, Clone)]
pub struct LogTable {
    definition: &'static Table,
    inner: DeltaTable,
}

/// Where rows belong: country and day, or nowhere in a table without partitions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Partition {
    /// Two letters.
    pub country: String,
    /// `2025-11-23`.
    pub day: String,
}

/// A Parquet file of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Its path within the table.
    pub path: String,
    /// Where its rows belong.
    pub partition: Partition,
    /// Rows in it.
    pub rows: u64,
    /// Bytes in it.
    pub bytes: u64,
}

/// What one version changes.
#[derive(Debug, Default)]
pub struct Change {
    /// Files that come.
    pub added: Vec<DataFile>,
    /// Files that go.
    pub removed: Vec<DataFile>,
    /// Numbers that are remembered with it, by name.
    pub marks: Vec<(String, u64)>,
    /// Whether the log gets the columns of this version of the schema.
    pub renews: bool,
}

impl Change {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.marks.is_empty() && !self.renews
    }
}

impl Partition {
    /// Of a country's code, and a time in microseconds since 1970. What is no code is `ZZ`.
    pub(crate) fn of(country: &str, at: i64) -> Self {
        let is_code = country.len() == 2 && country.bytes().all(|b| b.is_ascii_alphanumeric());
        let country = if is_code { country.to_ascii_uppercase() } else { "ZZ".to_owned() };
        let (year, month, day) = civil::date(at.div_euclid(86_400_000_000));
        Self { country, day: format!("{year:04}-{month:02}-{day:02}") }
    }

    /// Folders of the partition, with a slash at the end; empty where there is none.
    pub fn folder(&self) -> String {
        if self.country.is_empty() {
            return String::new();
        }
        let [country, day] = PARTITION;
        format!("{country}={}/{day}={}/", self.country, self.day)
    }

    fn values(&self) -> HashMap<String, Option<String>> {
        if self.country.is_empty() {
            return HashMap::new();
        }
        let values = [self.country.clone(), self.day.clone()];
        PARTITION.iter().map(|name| (*name).to_owned()).zip(values.map(Some)).collect()
    }
}

impl LogTable {
    /// Makes a table. One that is there already is opened.
    pub async fn create(root: &Url, definition: &'static Table) -> Result<Self, StoreError> {
        let place = place(root, definition)?;
        let schema = older::log_schema(definition)?;
        let partition: &[&str] = if definition.is_partitioned { &PARTITION } else { &[] };
        let inner = CreateBuilder::new()
            .with_location(place.to_string())
            .with_table_name(definition.name)
            .with_comment(definition.says)
            .with_columns(schema.fields().cloned())
            .with_partition_columns(partition.iter().copied())
            .with_raise_if_key_not_exists(false)
            .with_configuration([(SCHEMA_PROPERTY, Some(VERSION.to_string()))])
            .with_save_mode(SaveMode::Ignore)
            .await
            .map_err(StoreError::log(definition.name))?;
        Ok(Self { definition, inner })
    }

    /// Opens a table at a version, or at its newest.
    pub async fn open(
        root: &Url,
        definition: &'static Table,
        version: Option<u64>,
    ) -> Result<Self, StoreError> {
        let mut builder = DeltaTableBuilder::from_url(place(root, definition)?)
            .map_err(StoreError::log(definition.name))?;
        if let Some(version) = version {
            builder = builder.with_version(version);
        }
        let inner = builder.load().await.map_err(StoreError::log(definition.name))?;
        Ok(Self { definition, inner })
    }

    /// What it is.
    pub fn definition(&self) -> &'static Table {
        self.definition
    }

    /// Its version.
    pub fn version(&self) -> u64 {
        self.inner.version().unwrap_or(0)
    }

    /// Its folder, with a slash at the end.
    pub fn url(&self) -> &Url {
        self.inner.table_url()
    }

    /// Version of the schema that it was made with.
    pub fn schema_version(&self) -> Result<u32, StoreError> {
        let state = self.inner.snapshot().map_err(StoreError::log(self.definition.name))?;
        let found = state.metadata().configuration().get(SCHEMA_PROPERTY);
        Ok(found.and_then(|text| text.parse().ok()).unwrap_or(0))
    }

    /// The files of this version, by path.
    pub fn files(&self) -> Result<Vec<DataFile>, StoreError> {
        let state = self.inner.snapshot().map_err(StoreError::log(self.definition.name))?;
        let mut files: Vec<DataFile> = state
            .log_data()
            .iter()
            .map(|view| {
                let values = view.partition_values_map();
                let value = |name: &str| values.get(name).cloned().flatten().unwrap_or_default();
                let [country, day] = PARTITION;
                DataFile {
                    path: view.path().into_owned(),
                    partition: Partition { country: value(country), day: value(day) },
                    rows: view.num_records().unwrap_or(0) as u64,
                    bytes: view.size().max(0) as u64,
                }
            })
            .collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    /// A number remembered under a name.
    pub async fn mark(&self, name: &str) -> Result<Option<u64>, StoreError> {
        let of = StoreError::log;
        let table = self.definition.name;
        let state = self.inner.snapshot().map_err(of(table))?;
        let log = self.inner.log_store();
        let found = state.transaction_version(log.as_ref(), name).await.map_err(of(table))?;
        Ok(found.and_then(|version| u64::try_from(version).ok()))
    }

    /// Writes rows as one file. It belongs to the table once a version has it.
    pub async fn write(
        &self,
        partition: &Partition,
        rows: &RecordBatch,
    ) -> Result<DataFile, StoreError> {
        self.put(partition, Encoded::of(self.definition, rows)?).await
    }

    /// Writes rows that are bytes of a file already.
    pub(crate) async fn put(
        &self,
        partition: &Partition,
        encoded: Encoded,
    ) -> Result<DataFile, StoreError> {
        let Encoded { name, bytes, rows } = encoded;
        let path = format!("{}{name}.parquet", partition.folder());
        let length = bytes.len() as u64;
        self.inner.object_store().put(&Path::from(path.as_str()), bytes.into()).await?;
        Ok(DataFile { path, partition: partition.clone(), rows, bytes: length })
    }

    /// The rows of one of its files.
    pub async fn read(&self, file: &DataFile) -> Result<Vec<RecordBatch>, StoreError> {
        self.read_columns(file, &[]).await
    }

    /// Some columns of one of its files; all where none is named.
    pub(crate) async fn read_columns(
        &self,
        file: &DataFile,
        names: &[&str],
    ) -> Result<Vec<RecordBatch>, StoreError> {
        let bytes =
            self.inner.object_store().get(&Path::from(file.path.as_str())).await?.bytes().await?;
        let wrong = StoreError::parquet;
        let mut builder =
            ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(wrong(&file.path))?;
        if !names.is_empty() {
            let mask = ProjectionMask::columns(builder.parquet_schema(), names.iter().copied());
            builder = builder.with_projection(mask);
        }
        let reader = builder.build().map_err(wrong(&file.path))?;
        let batches: Vec<RecordBatch> = reader.collect::<Result<_, _>>()?;
        if !names.is_empty() {
            return Ok(batches);
        }
        let of_today = |batch| older::of_today(self.definition, &file.path, batch);
        batches.into_iter().map(of_today).collect()
    }

    /// Makes the next version.
    ///
    /// # Errors
    /// Another process made one in the meantime. Nothing changed then.
    pub async fn commit(&mut self, change: Change) -> Result<u64, StoreError> {
        let table = self.definition.name;
        let mut actions: Vec<Action> =
            change.removed.iter().map(|f| Action::Remove(remove(f))).collect();
        actions.extend(change.added.iter().map(|f| Action::Add(add(f))));
        actions.extend(change.marks.iter().map(|(name, number)| {
            Action::Txn(Transaction::new(name, i64::try_from(*number).unwrap_or(i64::MAX)))
        }));
        if change.renews {
            let metadata = self.inner.snapshot().map_err(StoreError::log(table))?.metadata();
            actions.push(older::renewed(self.definition, metadata.clone())?);
        }
        let partition_by =
            self.definition.is_partitioned.then(|| PARTITION.map(str::to_owned).to_vec());
        let operation =
            DeltaOperation::Write { mode: SaveMode::Append, partition_by, predicate: None };
        let state = self.inner.snapshot().map_err(StoreError::log(table))?;
        let done = CommitBuilder::default()
            .with_actions(actions)
            .with_max_retries(0)
            .build(Some(state), self.inner.log_store(), operation)
            .await
            .map_err(StoreError::log(table))?;
        let version = done.version();
        self.inner.load_version(version).await.map_err(StoreError::log(table))?;
        Ok(version)
    }

    /// The store of a table that need not be there yet, rooted at its folder.
    pub(crate) fn store_of(
        root: &Url,
        definition: &Table,
    ) -> Result<Arc<dyn object_store::ObjectStore>, StoreError> {
        let of = || StoreError::log(definition.name);
        let builder = DeltaTableBuilder::from_url(place(root, definition)?).map_err(of())?;
        Ok(builder.build_storage().map_err(of())?.object_store(None))
    }

    /// The store that holds all there is in its bucket, or on this machine.
    pub(crate) fn root_store(&self) -> Arc<dyn object_store::ObjectStore> {
        self.inner.log_store().root_object_store(None)
    }

    /// The store that holds its files, rooted at its folder.
    pub fn store(&self) -> Arc<dyn object_store::ObjectStore> {
        self.inner.object_store()
    }
}

/// Rows as the bytes of a file: what takes time, and needs no table.
pub(crate) struct Encoded {
    name: String,
    bytes: Vec<u8>,
    rows: u64,
}

impl Encoded {
    pub(crate) fn of(definition: &Table, rows: &RecordBatch) -> Result<Self, StoreError> {
        let bytes = parquet_bytes(definition, rows)?;
        Ok(Self { name: sha256(&bytes), bytes, rows: rows.num_rows() as u64 })
    }
}

fn place(root: &Url, definition: &Table) -> Result<Url, StoreError> {
    root.join(&format!("{}/", definition.name))
        .map_err(|error| StoreError::Damaged { path: root.to_string(), reason: error.to_string() })
}

fn add(file: &DataFile) -> Add {
    Add {
        path: file.path.clone(),
        partition_values: file.partition.values(),
        size: i64::try_from(file.bytes).unwrap_or(i64::MAX),
        modification_time: now_ms(),
        data_change: true,
        stats: Some(format!("{{\"numRecords\":{}}}", file.rows)),
        ..Add::default()
    }
}

fn remove(file: &DataFile) -> Remove {
    Remove {
        path: file.path.clone(),
        data_change: true,
        deletion_timestamp: Some(now_ms()),
        extended_file_metadata: Some(true),
        partition_values: Some(file.partition.values()),
        size: i64::try_from(file.bytes).ok(),
        ..Remove::default()
    }
}

/// The log of a table says when a file came and when it went (Delta protocol); nothing of ours depends on it.
#[allow(clippy::disallowed_methods, reason = "the log's own time")]
fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Rows of a group: small enough to be skipped, large enough to compress.
const ROW_GROUP_ROWS: usize = 256 << 10;

/// Columns whose values hardly ever come twice in a file: a dictionary of them would be built and thrown away.
const UNIQUE: [&str; 2] = ["measurement_id", "document"];

fn parquet_bytes(definition: &Table, rows: &RecordBatch) -> Result<Vec<u8>, StoreError> {
    let level = ZstdLevel::try_new(1).map_err(StoreError::parquet(definition.name))?;
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_created_by("wirewitness".to_owned());
    // What rows are sorted by, and the domain, which goes with the target: a question about one name reads a few pages.
    let by_page = definition.sorted_by.iter().copied().take(1).chain(["domain"]);
    for name in by_page.filter(|name| definition.index(name).is_some()) {
        properties = properties.set_column_statistics_enabled(name.into(), EnabledStatistics::Page);
    }
    // Numbers are little beside the texts, and a compressor for each column costs more than it saves.
    let numbers = definition.columns.iter().filter(|column| column.kind.is_number());
    for column in numbers {
        properties =
            properties.set_column_compression(column.name.into(), Compression::UNCOMPRESSED);
    }
    for name in UNIQUE.iter().filter(|name| definition.index(name).is_some()) {
        properties = properties.set_column_dictionary_enabled((*name).into(), false);
    }
    let properties = properties.build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), Some(properties))
        .map_err(StoreError::parquet(definition.name))?;
    writer.write(rows).map_err(StoreError::parquet(definition.name))?;
    writer.close().map_err(StoreError::parquet(definition.name))?;
    Ok(bytes)
}

/// SHA-256 in hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref())
}
