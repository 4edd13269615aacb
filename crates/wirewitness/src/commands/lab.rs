//! `wirewitness lab`: networks whose truth is known; list them, run them, record what passes, make up a country.

mod population;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::command_error::CommandError;
use crate::output;
use crate::probing::in_lab::{LabRun, LabWishes};
use crate::probing::lab_battery::LabBatteryArgs;
use crate::probing::scenarios::{self, SHIPPED};
use crate::probing::settings::{PlanArgs, TellArgs};

/// Run simulated networks whose truth is known
///
/// A scenario is a network with clients, sites and middleboxes, in one process and in virtual time (docs/lab.md).
/// Nothing in it leaves this program: it opens no socket.
#[derive(Debug, Args)]
pub(crate) struct LabArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    List(ListArgs),
    Run(RunArgs),
    Capture(CaptureArgs),
    Population(population::PopulationArgs),
}

/// List the scenarios that come with the program
#[derive(Debug, Args)]
struct ListArgs {
    /// One JSON object a line: name, about, clients, targets, truths
    #[arg(long)]
    json: bool,
}

/// Measure a scenario's targets from every client in it, and compare with its truth; the same as `probe --lab`
///
/// A scenario for attribution has no targets: the attribution battery is run on its path and stored.
#[derive(Debug, Args)]
struct RunArgs {
    /// One that comes with the program, or a TOML file
    scenario: String,
    /// Only from this client
    #[arg(long, value_name = "NAME")]
    client: Option<String>,
    /// Where chance begins; the scenario's own seed if not said
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    battery: LabBatteryArgs,
    #[command(flatten)]
    plan: PlanArgs,
    #[command(flatten)]
    tell: TellArgs,
}

/// Record the packets of one client's line while it measures
#[derive(Debug, Args)]
struct CaptureArgs {
    /// One that comes with the program, or a TOML file
    scenario: String,
    /// Whose line
    #[arg(long, value_name = "NAME")]
    client: String,
    /// What it measures; the scenario's targets if not said
    #[arg(long, value_name = "URL")]
    url: Vec<String>,
    /// Where the packets go, as pcapng
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Where chance begins; the scenario's own seed if not said
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    plan: PlanArgs,
    #[command(flatten)]
    tell: TellArgs,
}

/// Runs the verb.
pub(crate) fn run(args: &LabArgs) -> Result<ExitCode, CommandError> {
    match &args.what {
        What::List(args) => list(args),
        What::Run(args) => {
            let scenario = scenarios::load(&args.scenario)?;
            if let Some(names) = scenario.battery() {
                let whose = (args.client.as_deref(), args.seed);
                return args.battery.run(&scenario, names, whose);
            }
            let (client, seed) = (args.client.clone(), args.seed);
            let wishes = LabWishes { client, seed, ..LabWishes::default() };
            measure(&args.scenario, wishes, (&args.plan, &args.tell))
        }
        What::Capture(args) => {
            let wishes = LabWishes {
                client: Some(args.client.clone()),
                urls: args.url.clone(),
                seed: args.seed,
                capture: Some(args.out.clone()),
                ..LabWishes::default()
            };
            measure(&args.scenario, wishes, (&args.plan, &args.tell))
        }
        What::Population(args) => population::run(args),
    }
}

/// Measures in a scenario.
pub(crate) fn measure(
    scenario: &str,
    wishes: LabWishes,
    (plan, tell): (&PlanArgs, &TellArgs),
) -> Result<ExitCode, CommandError> {
    let scenario = scenarios::load(scenario)?;
    LabRun::new(&scenario, wishes)?.run(plan, tell)
}

fn list(args: &ListArgs) -> Result<ExitCode, CommandError> {
    let mut text = String::new();
    for (name, _) in SHIPPED {
        let scenario = scenarios::load(name)?;
        let (clients, targets) = (scenario.clients().count(), scenario.targets().len());
        let truths = scenario.truths().len();
        let about = scenario.about().split_whitespace().collect::<Vec<_>>().join(" ");
        if args.json {
            let row = serde_json::json!({
                "name": name, "about": about, "clients": clients, "targets": targets,
                "truths": truths,
            });
            let _ = writeln!(text, "{row}");
            continue;
        }
        let _ = writeln!(text, "{name}");
        let _ = writeln!(text, "    {}", output::clean(&about, 400));
        let _ = writeln!(text, "    clients: {clients}, targets with a truth: {targets}");
    }
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
