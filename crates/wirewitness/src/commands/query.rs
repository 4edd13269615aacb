//! `wirewitness query`: SQL over the archive.

use std::fs::File;
use std::io::{BufWriter, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use url::Url;
use wirewitness_store::archive::Archive;
use wirewitness_store::query::output::{Format, Formulas, Look, write};
use wirewitness_store::query::{NetworkNames, Options, QueryError, Session};

use crate::archiving::place::ArchiveArgs;
use crate::command_error::CommandError;
use crate::input::packed;
use crate::output::{clean, complain};

/// Ask the archive in SQL
///
/// Tables: measurement, observation, verdict, event, source (docs/schema.md); views: target, network. Queries only read
/// (docs/query.md); questions to begin with are in examples/queries.
#[derive(Debug, Args)]
pub(crate) struct QueryArgs {
    /// The question
    #[arg(required_unless_present = "file")]
    sql: Option<String>,
    /// A file that holds the question
    #[arg(long, value_name = "FILE", conflicts_with = "sql")]
    file: Option<PathBuf>,
    #[command(flatten)]
    open: OpenArgs,
    #[command(flatten)]
    write: WriteArgs,
}

/// Which archive, and how it is asked.
#[derive(Debug, Args)]
pub(crate) struct OpenArgs {
    #[command(flatten)]
    archive: ArchiveArgs,
    /// As it was at this commit; the newest if not said
    #[arg(long, value_name = "COMMIT")]
    at: Option<u64>,
    /// Give up after so many seconds
    #[arg(long, value_name = "S")]
    timeout: Option<u64>,
    /// Memory for sorting, joining and grouping, MB; what does not fit is put aside into files
    #[arg(long, value_name = "MB", default_value_t = 512)]
    memory: usize,
    /// Names of networks for asn_name(): lines of `number,name`, or the table of --asn
    #[arg(long, value_name = "FILE")]
    network_names: Option<PathBuf>,
    /// Ask a cluster: the scheduler's address, df://host:port (docs/cluster.md)
    #[arg(long, value_name = "URL")]
    cluster: Option<String>,
}

/// How the answer is written.
#[derive(Debug, Args)]
pub(crate) struct WriteArgs {
    /// How the answer is written; by the ending of --output if not said, else a table
    #[arg(long, value_enum)]
    format: Option<Written>,
    /// Where it goes
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Characters of a line of a table
    #[arg(long, value_name = "N", default_value_t = 140)]
    width: usize,
    /// CSV: leave texts that a spreadsheet runs as formulas as they are, without an apostrophe in front
    #[arg(long)]
    keep_formulas: bool,
}

/// Kinds of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Written {
    /// Columns of text for people
    Table,
    /// Comma-separated values with a head
    Csv,
    /// One JSON object a line
    Json,
    /// Parquet
    Parquet,
    /// Arrow IPC (Feather)
    Arrow,
}

/// Runs the verb.
pub(crate) fn run(args: &QueryArgs) -> Result<ExitCode, CommandError> {
    let sql = match (&args.sql, &args.file) {
        (Some(sql), _) => sql.clone(),
        (None, Some(path)) => read(path)?,
        (None, None) => String::new(),
    };
    answer(&sql, &args.open, &args.write)
}

/// Asks and writes the answer.
pub(crate) fn answer(
    sql: &str,
    open: &OpenArgs,
    written: &WriteArgs,
) -> Result<ExitCode, CommandError> {
    let format = written.format()?;
    let options = open.options()?;
    let url = open.archive.url()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let session = open.session(&url, options).await.map_err(failed)?;
        let answer = session.query(sql).await.map_err(failed)?;
        let Some(path) = &written.output else {
            let out = BufWriter::new(std::io::stdout());
            return write(answer, (format, &written.look()), out).await.map_err(failed);
        };
        // Whole or absent: it gets its name when it is complete.
        let part = part_of(path);
        let out = BufWriter::new(File::create(&part)?);
        let done = write(answer, (format, &written.look()), out).await.map_err(failed);
        match done {
            Ok(rows) => {
                std::fs::rename(&part, path)?;
                complain(&format!("{rows} rows written: {}\n", path.display()));
                Ok(rows)
            }
            Err(error) => {
                let _ = std::fs::remove_file(&part);
                Err(error)
            }
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

impl OpenArgs {
    fn options(&self) -> Result<Options, CommandError> {
        Ok(Options {
            memory_bytes: self.memory.max(1) << 20,
            timeout: self.timeout.map(Duration::from_secs),
            names: network_names(self.network_names.as_deref())?,
            ..Options::default()
        })
    }

    async fn session(&self, url: &Url, options: Options) -> Result<Session, QueryError> {
        let archive = Archive::open_at(url, self.at).await?;
        match &self.cluster {
            Some(scheduler) => Session::on_cluster(&archive, options, scheduler).await,
            None => Session::new(&archive, options).await,
        }
    }
}

impl WriteArgs {
    fn look(&self) -> Look {
        let formulas = if self.keep_formulas { Formulas::Kept } else { Formulas::Disarmed };
        Look { width: self.width, clean, formulas }
    }

    fn format(&self) -> Result<Format, CommandError> {
        let ending = self.output.as_deref().and_then(Path::extension);
        let by_ending = match ending.and_then(|ending| ending.to_str()) {
            Some("csv") => Written::Csv,
            Some("json" | "jsonl" | "ndjson") => Written::Json,
            Some("parquet") => Written::Parquet,
            Some("arrow" | "feather") => Written::Arrow,
            _ => Written::Table,
        };
        let format = match self.format.unwrap_or(by_ending) {
            Written::Table => Format::Table,
            Written::Csv => Format::Csv,
            Written::Json => Format::Json,
            Written::Parquet => Format::Parquet,
            Written::Arrow => Format::Arrow,
        };
        let is_binary = matches!(format, Format::Parquet | Format::Arrow);
        if is_binary && self.output.is_none() && std::io::stdout().is_terminal() {
            return Err(CommandError::Usage {
                message: "this format is not for a terminal".to_owned(),
                hint: "say --output FILE, or send it into another program".to_owned(),
            });
        }
        Ok(format)
    }
}

/// Names of networks from a file, or none.
pub(crate) fn network_names(path: Option<&Path>) -> Result<Arc<NetworkNames>, CommandError> {
    let text = path.map(read_packed).transpose()?.unwrap_or_default();
    Ok(Arc::new(NetworkNames::read(&text)))
}

fn read(path: &Path) -> Result<String, CommandError> {
    let unreadable = |source| CommandError::Unreadable { path: path.display().to_string(), source };
    std::fs::read_to_string(path).map_err(unreadable)
}

/// As [`read`], and unpacked.
fn read_packed(path: &Path) -> Result<String, CommandError> {
    let unreadable = |source| CommandError::Unreadable { path: path.display().to_string(), source };
    let mut text = String::new();
    let unpacked = File::open(path).and_then(packed::unpacked);
    let read = unpacked.and_then(|it| it.take(MAX_NAMES).read_to_string(&mut text));
    read.map(|_| text).map_err(unreadable)
}

/// Bytes of a table of names, unpacked: what is behind them is not read.
const MAX_NAMES: u64 = 256 << 20;

/// The name of a file while it is written.
pub(crate) fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// Why there is no answer, with what can be done about it.
pub(crate) fn failed(error: QueryError) -> CommandError {
    let hint = match &error {
        QueryError::Output(_) => "",
        QueryError::Sql { .. } => "docs/schema.md has the tables, examples/queries has questions",
        QueryError::NotReadOnly { .. } => "ask with SELECT; --output FILE keeps the answer",
        QueryError::TimedOut { .. } => "a filter on country or day reads fewer files",
        QueryError::Memory { .. } => "allow more with --memory, or ask for fewer days",
        QueryError::Cluster { .. } => "docs/cluster.md says how to start one",
        QueryError::Store(_) | QueryError::Engine { .. } => {
            "is --archive the folder that `wirewitness ingest` wrote to?"
        }
    };
    match error {
        QueryError::Output(source) => CommandError::Output(source),
        error => CommandError::Asking {
            // Names of columns and pieces of rows are in it.
            message: clean(&error.to_string(), 2000),
            hint: hint.to_owned(),
        },
    }
}
