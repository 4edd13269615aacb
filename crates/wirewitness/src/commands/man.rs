//! `wirewitness man`: the manual page.

use std::process::ExitCode;

use clap::{Args, CommandFactory};

use crate::cli::Cli;
use crate::command_error::CommandError;

/// Print the manual page (roff)
///
/// The page of one verb: `wirewitness man judge | man -l -`
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The verb; without it, the page of the whole program
    verb: Option<String>,
}

/// Runs the verb.
pub(crate) fn run(args: &ManArgs) -> Result<ExitCode, CommandError> {
    let mut command = Cli::command();
    command.build();
    let command = match &args.verb {
        None => command,
        Some(verb) => find(&command, verb)?,
    };
    clap_mangen::Man::new(command).render(&mut std::io::stdout().lock())?;
    Ok(ExitCode::SUCCESS)
}

fn find(command: &clap::Command, verb: &str) -> Result<clap::Command, CommandError> {
    command.find_subcommand(verb).cloned().ok_or_else(|| CommandError::Usage {
        message: format!("there is no verb {verb:?}"),
        hint: "`wirewitness --help` lists them".to_owned(),
    })
}
