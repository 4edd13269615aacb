//! `wirewitness`: finds, proves and explains interference with people's connections.

#[cfg(feature = "archive")]
mod archiving;
mod attributing;
mod cli;
mod command_error;
mod commands;
mod environment;
mod input;
mod inspecting;
mod output;
mod probing;
#[cfg(feature = "archive")]
mod refreshing;
mod sealing;
#[cfg(feature = "archive")]
mod serving;
mod stop;
mod submitting;

use std::process::ExitCode;

use clap::Parser;

/// Measuring, judging and reading captures make many small pieces, which the allocators of some C libraries are slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::run(cli::Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            output::complain(&error.report());
            error.exit_code()
        }
    }
}
