//! `wirewitness probe`: measure from here, or inside a lab scenario, and judge at once.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use wirewitness_probe::apps::target;
use wirewitness_probe::targets::{Policy, Targets};

use super::lab;
use crate::command_error::CommandError;
use crate::output;
use crate::probing::apps::{self, AppArgs};
use crate::probing::from_here::{LineArgs, LineRun};
use crate::probing::in_lab::LabWishes;
use crate::probing::settings::{PlanArgs, TellArgs};

/// Measure web sites and applications, from this machine or inside a simulated network, and say what was done to the connections
///
/// Each target is measured as OONI's probe measures it, and judged as `judge` would judge the file. With --lab all of it
/// happens in one process and in virtual time: nothing leaves this program, and verdicts are compared with the
/// scenario's truth. Without --lab this machine's line is measured: consent is asked for, and results are written to a
/// file here and nowhere else (docs/probe.md).
#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {
    /// What to measure; without any, and without --list, a small list (in a lab: the scenario's targets)
    #[arg(value_name = "URL")]
    urls: Vec<String>,
    /// Targets from a file: Citizen Lab's CSV, or one a line
    #[arg(long, value_name = "FILE")]
    list: Option<PathBuf>,
    #[command(flatten)]
    apps: AppArgs,
    #[command(flatten)]
    plan: PlanArgs,
    #[command(flatten)]
    tell: TellArgs,
    #[command(flatten)]
    inside: InsideArgs,
    #[command(flatten)]
    line: LineArgs,
}

/// How to measure in a lab.
#[derive(Debug, Args)]
#[command(next_help_heading = "In the lab")]
struct InsideArgs {
    /// Measure inside this scenario: one that comes with the program (`lab list`), or a TOML file
    #[arg(long, value_name = "SCENARIO")]
    lab: Option<String>,
    /// Only from this client
    #[arg(long, value_name = "NAME", requires = "lab")]
    client: Option<String>,
    /// Where chance begins; the scenario's own seed if not said
    #[arg(long, value_name = "N", requires = "lab")]
    seed: Option<u64>,
    /// Record the packets of the client's line, as pcapng
    #[arg(long, value_name = "FILE", requires = "lab")]
    capture: Option<PathBuf>,
}

/// Runs the verb.
pub(crate) fn run(args: &ProbeArgs) -> Result<ExitCode, CommandError> {
    let chosen = args.apps.chosen()?;
    apps::announce(&chosen);
    let mut urls = args.urls.clone();
    urls.extend(chosen.iter().map(target));
    let Some(scenario) = &args.inside.lab else {
        let run = LineRun {
            urls: &urls,
            apps: &chosen,
            list: args.list.as_deref(),
            line: &args.line,
            plan: &args.plan,
            tell: &args.tell,
        };
        return run.run();
    };
    if let Some(list) = &args.list {
        urls.extend(read_list(list)?);
    }
    let wishes = LabWishes {
        client: args.inside.client.clone(),
        urls,
        apps: chosen,
        seed: args.inside.seed,
        capture: args.inside.capture.clone(),
    };
    lab::measure(scenario, wishes, (&args.plan, &args.tell))
}

/// A list for the lab, which holds it whole: nothing there is long.
fn read_list(path: &Path) -> Result<Vec<String>, CommandError> {
    let name = path.display().to_string();
    let file = std::fs::File::open(path)
        .map_err(|source| CommandError::Unreadable { path: name.clone(), source })?;
    let mut urls = Vec::new();
    for target in Targets::new(std::io::BufReader::new(file), &name, Policy::default()) {
        match target {
            Ok(target) => urls.push(target.input),
            Err(error) => {
                output::complain(&format!("{}\n", output::clean(&error.to_string(), 300)))
            }
        }
    }
    Ok(urls)
}
