//! Queries and passes over an archive on several machines, by Apache DataFusion Ballista.
//!
//! One scheduler splits a query into stages; executors run them and hand one another what lies between. The same SQL, the same
//! functions, the same files: all machines must see the archive at the same path. Ballista knows no passwords: whoever reaches a
//! port can read what the process can read. So everything binds to loopback unless told otherwise (docs/cluster.md).
//!
//! - [`run_scheduler`], [`run_executor`]: the machines. [`Cluster`]: them, as those who ask know them.
//! - `jobs`: no answer that stands on work done again. `watch`: whether executors die.
//! - `judged`: the judge as a function of SQL. Searching for events is in [`crate::events`].

pub(crate) mod jobs;
pub(crate) mod judged;
pub(crate) mod watch;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use ballista::prelude::{SessionConfigExt as _, SessionContextExt as _};
use ballista_core::ConfigProducer;
use ballista_core::config::TaskSchedulingPolicy;
use ballista_core::extension::SessionConfigHelperExt as _;
use ballista_core::registry::BallistaFunctionRegistry;
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use ballista_scheduler::SessionBuilder;
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::cluster::memory::{InMemoryClusterState, InMemoryJobState};
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::start_server;
use ballista_scheduler::state::session_manager::share_file_statistics_cache;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::ScalarUDF;
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::archive::Archive;
use crate::events;
use crate::ingest::Judging;
use crate::query::codec::ArchiveCodec;
use crate::query::functions::functions;
use crate::query::{NetworkNames, Options, QueryError, Session};

/// Bytes of one message: a plan names every file of its tables.
const MESSAGE_MAX: u32 = 256 << 20;
/// Seconds between signs of life of an executor.
const HEARTBEAT_SECS: u64 = 2;
/// Seconds without one after which an executor is given up and its work done again.
const LOST_AFTER_SECS: u64 = 12;

/// Executors ask for work. Where the scheduler hands it out, it now and then counts an executor as busy for ever after another one died,
/// and a query then waits for ever (seen with Ballista 55.0).
const POLICY: TaskSchedulingPolicy = TaskSchedulingPolicy::PullStaged;

/// A scheduler.
#[derive(Debug, Clone)]
pub struct SchedulerOptions {
    /// Where it listens.
    pub bind: SocketAddr,
    /// Names for `asn_name`.
    pub names: Arc<NetworkNames>,
}

/// An executor.
#[derive(Debug, Clone)]
pub struct ExecutorOptions {
    /// The scheduler: host and port.
    pub scheduler: (String, u16),
    /// Where it listens for others that fetch what it has made.
    pub bind: SocketAddr,
    /// Under which name others reach it; the address that the scheduler sees if not said.
    pub name: Option<String>,
    /// Tasks at once; the machine's cores if not said.
    pub tasks: Option<usize>,
    /// Memory for all tasks, bytes.
    pub memory_bytes: u64,
    /// Folder for what is between stages.
    pub folder: PathBuf,
    /// Names for `asn_name`.
    pub names: Arc<NetworkNames>,
    /// What it judges measurements with. Without one, it takes no part in judging.
    pub judging: Option<Arc<Judging>>,
}

/// A cluster as those who ask it know it.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// The scheduler's address, `df://host:port`.
    pub scheduler: String,
    /// How it is asked.
    pub options: Options,
}

impl Cluster {
    /// The one whose scheduler is at `df://host:port`, asked with the usual options.
    pub fn at(scheduler: &str) -> Self {
        Self { scheduler: scheduler.to_owned(), options: Options::default() }
    }

    /// A session over an archive.
    pub(crate) async fn session(
        &self,
        archive: &Archive,
        batch_rows: Option<usize>,
    ) -> Result<Session, QueryError> {
        let options = Options { batch_rows, ..self.options.clone() };
        Session::on_cluster(archive, options, &self.scheduler).await
    }
}

/// Whether others than this machine can reach an address.
pub fn is_open(address: IpAddr) -> bool {
    !address.is_loopback()
}

/// Runs a scheduler until the process ends.
pub async fn run_scheduler(options: SchedulerOptions) -> Result<(), QueryError> {
    let names = Arc::clone(&options.names);
    let producer: ConfigProducer = Arc::new(|| pinned(SessionConfig::new_with_ballista()));
    let builder: SessionBuilder = Arc::new(move |config| Ok(state(config, &names)));
    let config = SchedulerConfig {
        bind_host: options.bind.ip().to_string(),
        bind_port: options.bind.port(),
        external_host: options.bind.ip().to_string(),
        grpc_server_max_decoding_message_size: MESSAGE_MAX,
        grpc_server_max_encoding_message_size: MESSAGE_MAX,
        grpc_client_max_message_size: MESSAGE_MAX,
        scheduling_policy: POLICY,
        executor_timeout_seconds: LOST_AFTER_SECS,
        expire_dead_executor_interval_seconds: HEARTBEAT_SECS,
        override_config_producer: Some(Arc::clone(&producer)),
        override_session_builder: Some(Arc::clone(&builder)),
        override_logical_codec: Some(Arc::new(ArchiveCodec::default())),
        ..SchedulerConfig::default()
    };
    let builder = share_file_statistics_cache(builder);
    let memory = InMemoryJobState::new(config.scheduler_id.clone(), builder, producer);
    let cluster = BallistaCluster::new(
        Arc::new(InMemoryClusterState::default()),
        Arc::new(jobs::Jobs::new(memory)),
    );
    start_server(cluster, options.bind, Arc::new(config)).await.map_err(cluster_error)
}

/// Runs an executor until the process is asked to end.
pub async fn run_executor(options: ExecutorOptions) -> Result<(), QueryError> {
    let mut registry = BallistaFunctionRegistry::default();
    // The default lacks the functions on lists, with which the scheduler plans all the same.
    for function in all_functions(&options.names, options.judging.as_ref()) {
        registry.scalar_functions.insert(function.name().to_owned(), function);
    }
    let defaults = ExecutorProcessConfig::default();
    let config = ExecutorProcessConfig {
        bind_host: options.bind.ip().to_string(),
        external_host: options.name,
        port: options.bind.port(),
        scheduler_host: options.scheduler.0,
        scheduler_port: options.scheduler.1,
        scheduler_connect_timeout_seconds: 30,
        vcores: options.tasks.unwrap_or(defaults.vcores),
        work_dir: Some(options.folder.display().to_string()),
        memory_pool_size: Some(options.memory_bytes),
        grpc_max_decoding_message_size: MESSAGE_MAX,
        grpc_max_encoding_message_size: MESSAGE_MAX,
        executor_heartbeat_interval_seconds: HEARTBEAT_SECS,
        task_scheduling_policy: POLICY,
        job_data_ttl_seconds: 3600,
        job_data_clean_up_interval_seconds: 600,
        override_function_registry: Some(Arc::new(registry)),
        override_config_producer: Some(Arc::new(|| pinned(SessionConfig::new_with_ballista()))),
        override_logical_codec: Some(Arc::new(ArchiveCodec::default())),
        ..defaults
    };
    start_executor_process(Arc::new(config)).await.map_err(cluster_error)
}

impl Session {
    /// A session whose queries run on a cluster; `scheduler` is its address, `df://host:port`.
    pub async fn on_cluster(
        archive: &Archive,
        options: Options,
        scheduler: &str,
    ) -> Result<Self, QueryError> {
        if archive.root().to_file_path().is_err() {
            let message = format!(
                "{}: the machines of a cluster read archives in folders, not in buckets; without a cluster it can be asked",
                archive.root()
            );
            return Err(QueryError::Cluster { message });
        }
        let config = pinned(options.config().upgrade_for_ballista())
            .with_ballista_logical_extension_codec(Arc::new(ArchiveCodec::default()))
            .with_ballista_grpc_client_max_message_size(MESSAGE_MAX as usize);
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(options.runtime()?)
            .with_default_features()
            .build();
        let context = SessionContext::remote_with_state(scheduler, state).await;
        let context = context.map_err(|error| cluster_error(error.strip_backtrace()))?;
        let watch = watch::Watch::of(scheduler)?;
        Ok(Self::with_context(context, archive, &options).await?.watched(watch))
    }
}

/// The settings without which the engine's versions in use answer wrongly, on every machine of a cluster.
///
/// - Those of [`Options`].
/// - `ballista.planner.adaptive.enabled`: windows over grouped rows with `LIMIT` answer otherwise on each run
///   (measured with Ballista 55.0).
fn pinned(config: SessionConfig) -> SessionConfig {
    let mut config = config.with_ballista_adaptive_query_planner(false);
    let options = config.options_mut();
    options.optimizer.enable_topk_aggregation = false;
    options.optimizer.enable_window_limits = false;
    config
}

/// What the scheduler plans with: the client's settings, our pins, our functions.
fn state(config: SessionConfig, names: &Arc<NetworkNames>) -> SessionState {
    SessionStateBuilder::new()
        .with_default_features()
        .with_config(pinned(config.ballista_restricted_configuration()))
        .with_optimizer_rules(ballista_core::optimizer::ballista_default_optimizer_rules())
        .with_scalar_functions(all_functions(names, None))
        .build()
}

/// What SQL knows, and what our own passes are made of.
fn all_functions(names: &Arc<NetworkNames>, judging: Option<&Arc<Judging>>) -> Vec<Arc<ScalarUDF>> {
    let mut all = ballista_core::extension::ballista_scalar_functions();
    let ours = functions(names).into_iter().chain(events::functions());
    all.extend(ours.chain([judged::judged(judging.cloned())]).map(Arc::new));
    all
}

fn cluster_error(error: impl std::fmt::Display) -> QueryError {
    QueryError::Cluster { message: error.to_string() }
}
