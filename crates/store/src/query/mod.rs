//! SQL over one commit of the archive.
//!
//! A [`Session`] sees the tables as they were at the commit that it was opened at, whatever is written meanwhile. It reads only:
//! nothing in SQL can change the archive or open another file. In reading order:
//!
//! - [`Session`], [`Options`], [`Answer`]: ask and read.
//! - `provider`: a table's files for DataFusion. `prune`: which of them are needed.
//! - `texts`: how texts are held.
//! - [`Workers`]: threads of their own for questions. `yielding`: so that none keeps one for ever.
//! - `functions`: what SQL has beyond DataFusion's own. `views`: `target` and `network`.
//! - `codec`: tables on their way to a cluster ([`crate::cluster`]).
//! - [`output`]: answers as files. [`export_sql`]: a table as a question.
//! - [`QueryError`]: why there is no answer.

pub(crate) mod codec;
mod error;
mod export;
pub(crate) mod functions;
pub mod output;
pub(crate) mod provider;
mod prune;
mod texts;
mod views;
mod workers;
mod yielding;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::dataframe::DataFrame;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;

pub use error::QueryError;
pub use export::{Selection, export_sql};
pub use functions::{NetworkNames, registered_domain};
pub use workers::Workers;

use crate::archive::Archive;
use crate::cluster::watch::Watch;
use output::{Format, Formulas, Look};
use provider::Files;

/// How a session works.
#[derive(Debug, Clone)]
pub struct Options {
    /// Parts into which work is split; the machine's cores if not said.
    pub partitions: Option<usize>,
    /// Rows that are worked on at once; as many as the engine likes (8192) if not said.
    pub batch_rows: Option<usize>,
    /// Memory for sorting, joining and grouping, bytes. What does not fit is put aside into files. 512 MiB.
    pub memory_bytes: usize,
    /// Most bytes put aside. 32 GiB.
    pub spill_bytes: u64,
    /// Folder for what is put aside; the system's if not said.
    pub spill_folder: Option<PathBuf>,
    /// How long one query may take, from asking to the last row. No limit if not said.
    pub timeout: Option<Duration>,
    /// Names for `asn_name`.
    pub names: Arc<NetworkNames>,
    /// Threads to work on; those of who asks if not said.
    pub workers: Option<Arc<Workers>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            partitions: None,
            batch_rows: None,
            memory_bytes: 512 << 20,
            spill_bytes: 32 << 30,
            spill_folder: None,
            timeout: None,
            names: Arc::default(),
            workers: None,
        }
    }
}

impl Options {
    /// The engine's settings. Some are pinned because the engine's version in use answers wrongly without:
    ///
    /// - `enable_topk_aggregation`: `SELECT g, count(*) OVER () .. GROUP BY g ORDER BY g LIMIT 1` counts wrongly
    ///   (DataFusion 55.2; apache/datafusion#25066).
    /// - `enable_window_limits`: on a cluster, windows under `ORDER BY .. LIMIT` lose rows (measured with Ballista 55.0).
    pub(crate) fn config(&self) -> SessionConfig {
        let mut config = SessionConfig::new()
            .with_information_schema(true)
            .with_default_catalog_and_schema("wirewitness", "public");
        if let Some(partitions) = self.partitions {
            config = config.with_target_partitions(partitions.max(1));
        }
        if let Some(rows) = self.batch_rows {
            config = config.with_batch_size(rows.max(1));
        }
        let options = config.options_mut();
        options.optimizer.enable_topk_aggregation = false;
        options.optimizer.enable_window_limits = false;
        options.sql_parser.collect_spans = true;
        options.execution.time_zone = Some("UTC".to_owned());
        config
    }

    /// Memory and files.
    pub(crate) fn runtime(&self) -> Result<Arc<RuntimeEnv>, QueryError> {
        let largest = std::num::NonZeroUsize::MIN;
        let pool = TrackConsumersPool::new(FairSpillPool::new(self.memory_bytes), largest);
        let mode = match &self.spill_folder {
            Some(folder) => DiskManagerMode::Directories(vec![folder.clone()]),
            None => DiskManagerMode::OsTmpDirectory,
        };
        let disk = DiskManagerBuilder::default()
            .with_mode(mode)
            .with_max_temp_directory_size(self.spill_bytes);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(pool))
            .with_disk_manager_builder(disk);
        runtime.build_arc().map_err(|error| QueryError::running(&error))
    }
}

/// The tables of one commit, ready to be asked.
#[derive(Clone)]
pub struct Session {
    context: SessionContext,
    /// Of a cluster: its executors must live as long as a query runs.
    watch: Option<Watch>,
    timeout: Option<Duration>,
    workers: Option<Arc<Workers>>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl Session {
    /// A session on this machine.
    pub async fn new(archive: &Archive, options: Options) -> Result<Self, QueryError> {
        let state = SessionStateBuilder::new()
            .with_config(options.config())
            .with_runtime_env(options.runtime()?)
            .with_default_features()
            .with_physical_optimizer_rules(yielding::rules())
            .build();
        Self::with_context(SessionContext::new_with_state(state), archive, &options).await
    }

    /// A session on an engine that is there already.
    pub(crate) async fn with_context(
        context: SessionContext,
        archive: &Archive,
        options: &Options,
    ) -> Result<Self, QueryError> {
        for function in functions::functions(&options.names) {
            context.register_udf(function);
        }
        for table in archive.tables() {
            if archive.root().to_file_path().is_err() {
                context.runtime_env().register_object_store(archive.root(), table.root_store());
            }
            let files = Files::of(table).map_err(|error| QueryError::planning(&error))?;
            context
                .register_table(table.definition().name, Arc::new(files))
                .map_err(|error| QueryError::planning(&error))?;
        }
        for view in views::VIEWS {
            context.sql(view).await.map_err(|error| QueryError::planning(&error))?;
        }
        let workers = options.workers.clone();
        Ok(Self { context, watch: None, timeout: options.timeout, workers })
    }

    /// The same, on a cluster.
    pub(crate) fn watched(self, watch: Watch) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// Asks one question.
    ///
    /// # Errors
    /// The SQL cannot be understood, or is more than a question.
    pub async fn query(&self, sql: &str) -> Result<Answer, QueryError> {
        let until = self.timeout.map(|timeout| (tokio::time::Instant::now() + timeout, timeout));
        let Some(workers) = &self.workers else {
            return in_time(until, self.ask(sql, until)).await?;
        };
        let (session, asked) = (self.clone(), sql.to_owned());
        let asking = workers.run(async move { session.ask(&asked, until).await });
        let answer = in_time(until, asking).await?.ok_or_else(QueryError::broken_off)??;
        Ok(Answer { stream: workers.rows(answer.stream), ..answer })
    }

    /// Asks one question and waits for all of the answer.
    pub async fn rows(&self, sql: &str) -> Result<Vec<RecordBatch>, QueryError> {
        self.query(sql).await?.collect().await
    }

    /// All rows of an answer, each with its columns by name.
    ///
    /// # Errors
    /// The question fails, or a row is not what was expected.
    pub async fn structs<T: DeserializeOwned>(&self, sql: &str) -> Result<Vec<T>, QueryError> {
        let look = Look { width: 0, clean: |text, _| text.to_owned(), formulas: Formulas::Kept };
        let mut text = Vec::new();
        output::write(self.query(sql).await?, (Format::Json, &look), &mut text).await?;
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let bad = |error| QueryError::Output(std::io::Error::other(error));
        lines.map(|line| serde_json::from_slice(line).map_err(bad)).collect()
    }

    /// The engine, for passes of our own.
    pub fn context(&self) -> &SessionContext {
        &self.context
    }

    async fn ask(&self, sql: &str, until: Option<Until>) -> Result<Answer, QueryError> {
        let plan = self.plan(sql).await?;
        let frame = self.context.execute_logical_plan(plan).await;
        let frame = frame.map_err(|error| QueryError::planning(&error))?;
        let schema = texts::as_plain(&Arc::new(frame.schema().as_arrow().clone()));
        for _ in 0..ATTEMPTS {
            if let Some((first, stream)) = self.attempt(begin(frame.clone())).await? {
                return Ok(Answer { schema, first, stream, until });
            }
        }
        Err(died_in_all())
    }

    /// All rows of a frame, for passes of our own, which know how many there must be.
    pub(crate) async fn whole(
        &self,
        frame: DataFrame,
        is_all: &(dyn Fn(u64) -> bool + Sync),
    ) -> Result<Vec<RecordBatch>, QueryError> {
        for _ in 0..ATTEMPTS {
            let collected = frame.clone().collect();
            let rows = async { collected.await.map_err(|error| QueryError::running(&error)) };
            match self.attempt(rows).await? {
                Some(rows) if is_all(rows.iter().map(|batch| batch.num_rows() as u64).sum()) => {
                    let plain = |batch: &RecordBatch| {
                        texts::plain(batch, &texts::as_plain(&batch.schema()))
                    };
                    let rows = rows.iter().map(plain).collect::<Result<_, _>>();
                    return rows.map_err(|error| QueryError::running(&error.into()));
                }
                _ => {}
            }
        }
        Err(died_in_all())
    }

    /// Some files of a table as a frame.
    pub(crate) fn scan(&self, files: Files) -> Result<DataFrame, QueryError> {
        let frame = self.context.read_table(Arc::new(files));
        frame.map_err(|error| QueryError::planning(&error))
    }

    /// What comes of some work. None where executors died meanwhile, so that it is to be done again.
    async fn attempt<T>(
        &self,
        work: impl Future<Output = Result<T, QueryError>>,
    ) -> Result<Option<T>, QueryError> {
        let Some(watch) = &self.watch else { return work.await.map(Some) };
        match watch.during(work).await? {
            Some(Err(error)) if error.is_of_lost_executors() => Ok(None),
            done => done.transpose(),
        }
    }

    async fn plan(&self, sql: &str) -> Result<LogicalPlan, QueryError> {
        let plan = self.context.state().create_logical_plan(sql).await;
        let plan = plan.map_err(|error| QueryError::planning(&error))?;
        let reading = SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false);
        reading.verify_plan(&plan).map_err(|error| {
            let message = error.find_root().message().into_owned();
            QueryError::NotReadOnly { message }
        })?;
        Ok(plan)
    }
}

fn died_in_all() -> QueryError {
    let message = format!("executors died in each of {ATTEMPTS} attempts");
    QueryError::Cluster { message }
}

/// Times that a query is asked whose executors die.
const ATTEMPTS: usize = 5;

type Begun = (Option<RecordBatch>, SendableRecordBatchStream);

/// Runs a query up to its first rows. On a cluster all of its work is done then.
async fn begin(frame: DataFrame) -> Result<Begun, QueryError> {
    let failed = |error| QueryError::running(&error);
    let mut stream = frame.execute_stream().await.map_err(failed)?;
    let first = stream.next().await.transpose().map_err(failed)?;
    Ok((first, stream))
}

/// When it must be done, and how long that was.
type Until = (tokio::time::Instant, Duration);

/// Rows, as they come.
pub struct Answer {
    schema: SchemaRef,
    first: Option<RecordBatch>,
    stream: SendableRecordBatchStream,
    until: Option<Until>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl Answer {
    /// Its columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The next rows; none at the end.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, QueryError> {
        let next = match self.first.take() {
            Some(first) => Some(first),
            None => {
                let next = in_time(self.until, self.stream.next()).await?;
                next.transpose().map_err(|error| QueryError::running(&error))?
            }
        };
        let plain = next.map(|rows| texts::plain(&rows, &self.schema)).transpose();
        plain.map_err(|error| QueryError::running(&error.into()))
    }

    /// All rows.
    pub async fn collect(mut self) -> Result<Vec<RecordBatch>, QueryError> {
        let mut rows = Vec::new();
        while let Some(batch) = self.next().await? {
            rows.push(batch);
        }
        Ok(rows)
    }
}

async fn in_time<T>(until: Option<Until>, work: impl Future<Output = T>) -> Result<T, QueryError> {
    let Some((until, whole)) = until else { return Ok(work.await) };
    let late = |_| QueryError::TimedOut { seconds: whole.as_secs() };
    tokio::time::timeout_at(until, work).await.map_err(late)
}
