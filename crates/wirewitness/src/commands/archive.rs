//! `wirewitness archive`: keep the archive: compact it, check every byte, judge its measurements again.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde::Serialize;
use wirewitness_store::cluster::Cluster;
use wirewitness_store::events::{Settings, state_events, state_events_on};
use wirewitness_store::keep::{self, Checked};
use wirewitness_store::{Archive, Writer};

use super::ingest::JudgingArgs;
use super::query::failed;
use crate::archiving::place::ArchiveArgs;
use crate::command_error::CommandError;
use crate::environment;
use crate::output::{clean, complain};

/// Keep the archive: merge its files, check every byte of it, judge its measurements again
///
/// Killed at any moment, each of these leaves the archive as it was, and can be run again (docs/archive.md).
#[derive(Debug, Args)]
pub(crate) struct KeepArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Compact(CompactArgs),
    Check(CheckArgs),
    Rebuild(Box<RebuildArgs>),
}

/// Merge the small files of each country and day; rows stay as they are
#[derive(Debug, Args)]
struct CompactArgs {
    #[command(flatten)]
    archive: ArchiveArgs,
    /// One JSON object: merged, made, commit, and with --vacuum files, bytes
    #[arg(long)]
    json: bool,
    /// Megabytes that a file may have; memory is some twenty times as much
    #[arg(long, value_name = "MB", default_value_t = 32)]
    file_size: u32,
    /// Delete files that no version of the last days needs, and what killed processes left
    #[arg(long)]
    vacuum: bool,
    /// Days whose versions can still be read after --vacuum
    #[arg(long, value_name = "DAYS", default_value_t = 7)]
    keep_days: u32,
}

/// Check that every file is as it was written, with the rows that the log says, and that none breaks a rule of privacy
///
/// Exits with 1 where something is damaged or missing, and names the file.
#[derive(Debug, Args)]
struct CheckArgs {
    #[command(flatten)]
    archive: ArchiveArgs,
    /// One JSON object: findings (file, kind, reason), files, bytes, rows, commit
    #[arg(long)]
    json: bool,
}

/// Make verdicts, observations and events again from the measurements, with the judge of today
#[derive(Debug, Args)]
struct RebuildArgs {
    #[command(flatten)]
    archive: ArchiveArgs,
    #[command(flatten)]
    judging: JudgingArgs,
    /// Have a cluster judge and search: the scheduler's address, df://host:port (docs/cluster.md). Its executors need the same
    /// --fingerprints and --asn
    #[arg(long, value_name = "URL")]
    cluster: Option<String>,
    /// One JSON object: measurements, changed (partitions), unreadable, commit, statements_added, statements_ended
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Compacted {
    #[serde(flatten)]
    compacted: keep::Compacted,
    #[serde(flatten)]
    vacuumed: Option<keep::Vacuumed>,
}

#[derive(Serialize)]
struct Rebuilt {
    #[serde(flatten)]
    rebuilt: keep::Rebuilt,
    statements_added: usize,
    statements_ended: usize,
}

/// Runs the verb.
pub(crate) fn run(args: &KeepArgs) -> Result<ExitCode, CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match &args.what {
            What::Compact(args) => compact(args).await,
            What::Check(args) => check(args).await,
            What::Rebuild(args) => rebuild(args).await,
        }
    })
}

/// The writer of an archive that is there.
async fn writer(args: &ArchiveArgs) -> Result<Writer, CommandError> {
    let url = args.url()?;
    Archive::open(&url).await?;
    Ok(Writer::open(&url).await?)
}

async fn compact(args: &CompactArgs) -> Result<ExitCode, CommandError> {
    if args.vacuum && args.archive.url()?.to_file_path().is_err() {
        return Err(CommandError::Usage {
            message: "--vacuum is for archives in folders: in a bucket nothing keeps out a writer whose files are not committed yet"
                .to_owned(),
            hint: "without --vacuum the files are merged; the old ones stay".to_owned(),
        });
    }
    let mut writer = writer(&args.archive).await?;
    let compacted = keep::compact(&mut writer, u64::from(args.file_size) << 20).await?;
    #[allow(clippy::disallowed_methods, reason = "the age of versions is told by the clock")]
    let now = std::time::SystemTime::now();
    let vacuumed = args.vacuum.then(|| keep::vacuum(&writer, args.keep_days, now)).transpose()?;
    if args.json {
        return told(&Compacted { compacted, vacuumed });
    }
    let keep::Compacted { merged, made, commit } = compacted;
    complain(&format!("{merged} files merged into {made}; commit {commit}\n"));
    if let Some(keep::Vacuumed { files, bytes }) = vacuumed {
        complain(&format!("{files} files deleted, {bytes} bytes\n"));
    }
    Ok(ExitCode::SUCCESS)
}

async fn check(args: &CheckArgs) -> Result<ExitCode, CommandError> {
    let checked = keep::check(&args.archive.url()?).await?;
    let code = if checked.is_whole() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if args.json {
        told(&checked)?;
        return Ok(code);
    }
    let mut out = std::io::stdout().lock();
    let Checked { findings, files, bytes, rows, commit } = &checked;
    for one in findings {
        let kind = format!("{:?}", one.kind).to_lowercase();
        writeln!(out, "{kind:<9} {}: {}", clean(&one.file, 300), clean(&one.reason, 300))?;
    }
    let said = if checked.is_whole() { "whole" } else { "NOT whole" };
    let commit = commit.map_or("none that can be read".to_owned(), |commit| commit.to_string());
    complain(&format!("{said}: {files} files, {bytes} bytes, {rows} rows; commit {commit}\n"));
    Ok(code)
}

async fn rebuild(args: &RebuildArgs) -> Result<ExitCode, CommandError> {
    let judging = Arc::new(args.judging.judging()?);
    let mut writer = writer(&args.archive).await?;
    let settings = Settings { scratch: Some(environment::scratch()), ..Settings::default() };
    let (mut rebuilt, stated) = match &args.cluster {
        None => {
            let rebuilt = keep::rebuild(&mut writer, &judging, COMMIT_BYTES).await?;
            (rebuilt, state_events(&mut writer, &settings).await?)
        }
        Some(scheduler) => {
            let cluster = Cluster::at(scheduler);
            let rebuilt = keep::rebuild_on(&cluster, &mut writer, &judging, COMMIT_BYTES).await;
            let stated = state_events_on(&cluster, &mut writer, &settings);
            (rebuilt.map_err(failed)?, stated.await.map_err(failed)?)
        }
    };
    rebuilt.commit = stated.commit;
    let (added, ended) = (stated.added, stated.ended);
    if args.json {
        return told(&Rebuilt { rebuilt, statements_added: added, statements_ended: ended });
    }
    complain(&format!(
        "{} measurements judged, {} unreadable; {} partitions changed; events: {added} statements new, {ended} ended; commit {}\n",
        rebuilt.measurements, rebuilt.unreadable, rebuilt.changed, rebuilt.commit,
    ));
    Ok(ExitCode::SUCCESS)
}

fn told(what: &impl Serialize) -> Result<ExitCode, CommandError> {
    let line = serde_json::to_string(what).unwrap_or_default();
    writeln!(std::io::stdout(), "{line}")?;
    Ok(ExitCode::SUCCESS)
}

/// Bytes of new files in one commit of a rebuild.
const COMMIT_BYTES: u64 = 256 << 20;
