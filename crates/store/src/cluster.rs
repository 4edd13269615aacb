//! Queries on several machines, by Apache DataFusion Ballista.
//!
//! One scheduler splits a query into stages; executors run them and hand one another what lies between. The same SQL, the same
//! functions, the same files: all machines must see the archive at the same path. Ballista knows no passwords: whoever reaches a
//! port can read what the process can read. So everything binds to loopback unless told otherwise (docs/cluster.md).

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use ballista::prelude::{SessionConfigExt as _, SessionContextExt as _};
use ballista_core::extension::SessionConfigHelperExt as _;
use ballista_core::registry::BallistaFunctionRegistry;
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::start_server;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::archive::Archive;
use crate::query::codec::ArchiveCodec;
use crate::query::functions::functions;
use crate::query::{NetworkNames, Options, QueryError, Session};

/// Bytes of one message: a plan names every file of its tables.
const MESSAGE_MAX: u32 = 256 << 20;
/// Seconds between signs of life of an executor.
const HEARTBEAT_SECS: u64 = 2;
/// Seconds without one after which an executor is given up and its work done again.
const LOST_AFTER_SECS: u64 = 12;

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
    /// Where it listens for work, on the same address.
    pub work_port: u16,
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
}

/// Whether others than this machine can reach an address.
pub fn is_open(address: IpAddr) -> bool {
    !address.is_loopback()
}

/// Runs a scheduler until the process ends.
pub async fn run_scheduler(options: SchedulerOptions) -> Result<(), QueryError> {
    let names = Arc::clone(&options.names);
    let config = SchedulerConfig {
        bind_host: options.bind.ip().to_string(),
        bind_port: options.bind.port(),
        external_host: options.bind.ip().to_string(),
        grpc_server_max_decoding_message_size: MESSAGE_MAX,
        grpc_server_max_encoding_message_size: MESSAGE_MAX,
        grpc_client_max_message_size: MESSAGE_MAX,
        executor_timeout_seconds: LOST_AFTER_SECS,
        expire_dead_executor_interval_seconds: HEARTBEAT_SECS,
        override_config_producer: Some(Arc::new(|| pinned(SessionConfig::new_with_ballista()))),
        override_session_builder: Some(Arc::new(move |config| Ok(state(config, &names)))),
        override_logical_codec: Some(Arc::new(ArchiveCodec::default())),
        ..SchedulerConfig::default()
    };
    let cluster = BallistaCluster::new_from_config(&config).await.map_err(cluster_error)?;
    start_server(cluster, options.bind, Arc::new(config)).await.map_err(cluster_error)
}

/// Runs an executor until the process is asked to end.
pub async fn run_executor(options: ExecutorOptions) -> Result<(), QueryError> {
    let mut registry = BallistaFunctionRegistry::default();
    for function in functions(&options.names) {
        registry.scalar_functions.insert(function.name().to_owned(), Arc::new(function));
    }
    let defaults = ExecutorProcessConfig::default();
    let config = ExecutorProcessConfig {
        bind_host: options.bind.ip().to_string(),
        external_host: options.name,
        port: options.bind.port(),
        grpc_port: options.work_port,
        scheduler_host: options.scheduler.0,
        scheduler_port: options.scheduler.1,
        scheduler_connect_timeout_seconds: 30,
        vcores: options.tasks.unwrap_or(defaults.vcores),
        work_dir: Some(options.folder.display().to_string()),
        memory_pool_size: Some(options.memory_bytes),
        grpc_max_decoding_message_size: MESSAGE_MAX,
        grpc_max_encoding_message_size: MESSAGE_MAX,
        executor_heartbeat_interval_seconds: HEARTBEAT_SECS,
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
        Self::with_context(context, archive, &options).await
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
    let mut scalar = ballista_core::extension::ballista_scalar_functions();
    scalar.extend(functions(names).into_iter().map(Arc::new));
    SessionStateBuilder::new()
        .with_default_features()
        .with_config(pinned(config.ballista_restricted_configuration()))
        .with_optimizer_rules(ballista_core::optimizer::ballista_default_optimizer_rules())
        .with_scalar_functions(scalar)
        .build()
}

fn cluster_error(error: impl std::fmt::Display) -> QueryError {
    QueryError::Cluster { message: error.to_string() }
}
