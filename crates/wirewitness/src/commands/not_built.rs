//! The verbs of the full program, in the field program: what to do to have them.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Args;

use crate::command_error::CommandError;

/// Their names.
pub(crate) const VERBS: [&str; 7] =
    ["query", "export", "events", "archive", "refresh", "cluster", "serve"];

/// Not in this program
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct NotBuiltArgs {
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<OsString>,
}

/// Says so.
pub(crate) fn run(args: &NotBuiltArgs) -> Result<ExitCode, CommandError> {
    let _ = &args.rest;
    Err(refusal())
}

/// What is said of everything that takes an archive.
pub(crate) fn refusal() -> CommandError {
    CommandError::Usage {
        message: "this is the field program: it has no archive".to_owned(),
        hint: "build the full one: cargo build --release --features archive".to_owned(),
    }
}
