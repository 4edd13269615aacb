//! `wirewitness attribute`: which device did this, of stored batteries and of one that is run now.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use wirewitness_analysis::attribution::battery::Battery;
use wirewitness_analysis::attribution::evidence::evidence;
use wirewitness_analysis::attribution::profile::Catalogue;
use wirewitness_analysis::attribution::report::{Report, report};

use crate::attributing::live::LiveArgs;
use crate::attributing::{profiles, words};
use crate::command_error::CommandError;
use crate::input::sources::{self, Source};
use crate::output::{clean, complain};

/// Attribute batteries of tests, stored or run now: which device did this, and how sure that is
///
/// Compares what a battery saw with profiles of known devices, family by family, and says in words what follows from it and what does
/// not. Country and network are no evidence here. What would give addresses away (headers of forged packets, forged answers, pages) is
/// withheld in all output. Nothing leaves this machine, unless `--live` runs a battery against your own helper.
#[derive(Debug, Args)]
pub(crate) struct AttributeArgs {
    /// Batteries (JSON, docs/attribution.md), plain or compressed, and folders of them; `-` is standard input
    #[arg(required_unless_present = "live", conflicts_with = "live", value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    live: LiveArgs,
    /// Profiles of devices to compare with, instead of those that come with the program
    #[arg(long, value_name = "DIR")]
    profiles: Option<PathBuf>,
    /// One JSON object a line, one line a battery (docs/attribution.md)
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub(crate) fn run(args: &AttributeArgs) -> Result<ExitCode, CommandError> {
    let catalogue = profiles::load(args.profiles.as_deref())?;
    let mut files = args.files.clone();
    files.extend(args.live.run()?);
    let mut out = std::io::stdout().lock();
    let mut failed = false;
    for (number, source) in sources::expand(&files).iter().enumerate() {
        match told(source, &catalogue) {
            Ok(report) if args.json => {
                let line = Line { file: source.name(), report: &report };
                serde_json::to_writer(&mut out, &line).map_err(std::io::Error::from)?;
                out.write_all(b"\n")?;
            }
            Ok(report) => {
                if number > 0 {
                    out.write_all(b"\n\n")?;
                }
                out.write_all(words::words(source.name(), &report).as_bytes())?;
            }
            Err(problem) => {
                failed = true;
                complain(&format!("{}\n", clean(&problem, 1000)));
            }
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// A line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    file: &'a str,
    #[serde(flatten)]
    report: &'a Report,
}

/// One byte more than the reader takes, so that it can say what is too long.
const MAX_BYTES: u64 = (8 << 20) + 1;

fn told(source: &Source, catalogue: &Catalogue) -> Result<Report, String> {
    let mut text = Vec::new();
    source
        .plain()
        .and_then(|plain| plain.take(MAX_BYTES).read_to_end(&mut text))
        .map_err(|error| format!("{}: cannot be read: {error}", source.name()))?;
    let battery = Battery::from_json(source.name(), &text).map_err(|error| error.to_string())?;
    Ok(report(&battery, &evidence(&battery), catalogue))
}
