//! `wirewitness completions`: completion scripts for shells.

use std::process::ExitCode;

use clap::{Args, CommandFactory};

use crate::cli::Cli;
use crate::command_error::CommandError;

/// Print a completion script for a shell
///
/// For bash: `wirewitness completions bash > ~/.local/share/bash-completion/completions/wirewitness`
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: clap_complete::Shell,
}

/// Runs the verb.
pub(crate) fn run(args: &CompletionsArgs) -> Result<ExitCode, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "wirewitness", &mut script);
    std::io::Write::write_all(&mut std::io::stdout().lock(), &script)?;
    Ok(ExitCode::SUCCESS)
}
