//! `wirewitness cluster`: queries, judging and the search for events on several machines.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use wirewitness_store::cluster::{
    ExecutorOptions, SchedulerOptions, is_open, run_executor, run_scheduler,
};

use super::ingest::JudgingArgs;
use super::query::{failed, network_names};
use crate::command_error::CommandError;
use crate::output::complain;

/// Run a part of a cluster that answers queries, judges and searches for events
///
/// One scheduler, and executors on the same machine or on others; `query`, `export`, `events` and `archive rebuild` with
/// `--cluster df://HOST:PORT` give it their work. All machines must see the archive at the same path. Nothing here asks for a password: whoever reaches a port can read and run what this process
/// can (docs/cluster.md).
#[derive(Debug, Args)]
pub(crate) struct ClusterArgs {
    #[command(subcommand)]
    role: Role,
}

#[derive(Debug, Subcommand)]
enum Role {
    Scheduler(SchedulerArgs),
    Executor(Box<ExecutorArgs>),
}

/// Split queries into parts and hand them to executors
#[derive(Debug, Args)]
struct SchedulerArgs {
    /// Where to listen
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:50050")]
    bind: SocketAddr,
    #[command(flatten)]
    shared: SharedArgs,
}

/// Do the work that a scheduler hands out
#[derive(Debug, Args)]
struct ExecutorArgs {
    /// The scheduler
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50050")]
    scheduler: String,
    /// Where to listen for other executors and clients
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:50051")]
    bind: SocketAddr,
    /// Name or address by which others reach this machine; the one that the scheduler sees if not said
    #[arg(long, value_name = "HOST")]
    name: Option<String>,
    /// Tasks at once; the machine's cores if not said
    #[arg(long, value_name = "N")]
    tasks: Option<usize>,
    /// Memory for all tasks, MB
    #[arg(long, value_name = "MB", default_value_t = 1024)]
    memory: u64,
    /// Folder for what is between two parts of a query
    #[arg(long, value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    judging: JudgingArgs,
    #[command(flatten)]
    shared: SharedArgs,
}

#[derive(Debug, Args)]
struct SharedArgs {
    /// Names of networks for asn_name(): the same file on all machines
    #[arg(long, value_name = "FILE")]
    network_names: Option<PathBuf>,
    /// Listen on an address that others reach. Whoever reaches it can read what this process can
    #[arg(long)]
    trust_network: bool,
}

/// Runs the verb.
pub(crate) fn run(args: &ClusterArgs) -> Result<ExitCode, CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match &args.role {
        Role::Scheduler(args) => {
            let bind = args.shared.allowed(args.bind)?;
            let names = network_names(args.shared.network_names.as_deref())?;
            complain(&format!("scheduler: ask it with --cluster df://{bind}\n"));
            runtime.block_on(run_scheduler(SchedulerOptions { bind, names })).map_err(failed)?;
        }
        Role::Executor(args) => runtime.block_on(run_executor(args.options()?)).map_err(failed)?,
    }
    Ok(ExitCode::SUCCESS)
}

impl ExecutorArgs {
    fn options(&self) -> Result<ExecutorOptions, CommandError> {
        let bind = self.shared.allowed(self.bind)?;
        let parts = self.scheduler.rsplit_once(':');
        let scheduler = parts.and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
        let scheduler = scheduler.ok_or_else(|| CommandError::Usage {
            message: format!("{}: no host and port", self.scheduler),
            hint: "like --scheduler 192.0.2.1:50050".to_owned(),
        })?;
        std::fs::create_dir_all(&self.folder)?;
        Ok(ExecutorOptions {
            scheduler,
            bind,
            name: self.name.clone(),
            tasks: self.tasks,
            memory_bytes: self.memory << 20,
            folder: self.folder.clone(),
            names: network_names(self.shared.network_names.as_deref())?,
            judging: Some(Arc::new(self.judging.judging()?)),
        })
    }
}

impl SharedArgs {
    /// The address, where it may be listened on.
    fn allowed(&self, bind: SocketAddr) -> Result<SocketAddr, CommandError> {
        if !is_open(bind.ip()) {
            return Ok(bind);
        }
        if !self.trust_network {
            return Err(CommandError::Usage {
                message: format!("{bind} can be reached from other machines"),
                hint:
                    "a cluster asks for no password; in a network of your own, say --trust-network"
                        .to_owned(),
            });
        }
        complain("warning: whoever reaches this address can read what this process can\n");
        Ok(bind)
    }
}
