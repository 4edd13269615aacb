//! `wirewitness export`: a table of the archive, or a part of it, for other programs.

use std::process::ExitCode;

use clap::Args;
use wirewitness_store::query::{Selection, export_sql};

use super::query::{OpenArgs, WriteArgs, answer, failed};
use crate::command_error::CommandError;

/// Write a table of the archive, or the answer to a question, as a file
///
/// The rows come in no particular order. Other programs can also read the archive as it is: its tables are Delta tables.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// measurement, observation, verdict, event or source
    #[arg(required_unless_present = "query")]
    table: Option<String>,
    /// Rows of this question in place of a table
    #[arg(long, value_name = "SQL", conflicts_with_all = ["table", "country", "since", "until"])]
    query: Option<String>,
    /// Only of this country, two letters
    #[arg(long, value_name = "CC")]
    country: Option<String>,
    /// Only from this day on, like 2025-11-23
    #[arg(long, value_name = "DAY")]
    since: Option<String>,
    /// Only before this day
    #[arg(long, value_name = "DAY")]
    until: Option<String>,
    #[command(flatten)]
    open: OpenArgs,
    #[command(flatten)]
    write: WriteArgs,
}

/// Runs the verb.
pub(crate) fn run(args: &ExportArgs) -> Result<ExitCode, CommandError> {
    let selection = Selection {
        country: args.country.clone(),
        since: args.since.clone(),
        until: args.until.clone(),
    };
    let sql = match (&args.query, &args.table) {
        (Some(sql), _) => sql.clone(),
        (None, table) => {
            export_sql(table.as_deref().unwrap_or_default(), &selection).map_err(failed)?
        }
    };
    answer(&sql, &args.open, &args.write)
}
