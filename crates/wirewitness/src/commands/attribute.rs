//! `wirewitness attribute`: which device did this, of stored batteries, of captures, of the archive's rows, and of a battery that is run now.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use wirewitness_analysis::attribution::battery::Battery;
use wirewitness_analysis::attribution::evidence::evidence;
use wirewitness_analysis::attribution::profile::Catalogue;
use wirewitness_analysis::attribution::report::{Report, report};

use super::judge::load_fingerprints;
use crate::attributing::captures::{Attributing, is_capture};
use crate::attributing::live::LiveArgs;
use crate::attributing::{profiles, sources as cells, words};
use crate::command_error::CommandError;
use crate::input::sources::{self, Source};
use crate::output::{clean, complain};

/// Attribute batteries of tests, captures or archived measurements: which device did this, and how sure that is
///
/// Compares what was seen with profiles of known devices, family by family, and says in words what follows from it and what does
/// not. A capture, and rows of the archive, have few families and no controls: they can be consistent with a device, and no more. Country and
/// network are no evidence here. What would give addresses away (headers of forged packets, forged answers, pages) is
/// withheld in all output. Nothing leaves this machine, unless `--live` runs a battery against your own helper.
#[derive(Debug, Args)]
pub(crate) struct AttributeArgs {
    /// Batteries (JSON, docs/attribution.md) and captures (pcap, pcapng), plain or compressed, and folders of them; `-` is standard input
    #[arg(required_unless_present_any = ["live", "sources", "archive"], conflicts_with_all = ["live", "sources"], value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    live: LiveArgs,
    /// Profiles of devices to compare with, instead of those that come with the program
    #[arg(long, value_name = "DIR")]
    profiles: Option<PathBuf>,
    /// Print every cell of the profiles with its source, date and grade, and end
    #[arg(long, conflicts_with_all = ["live", "archive"])]
    sources: bool,
    /// Attribute what this archive holds, network by network: pages, and answers of DNS that were found to be forged
    #[arg(long, value_name = "DIR", conflicts_with = "live")]
    archive: Option<String>,
    /// Of captures: addresses were replaced before they were published, so that nothing can be computed from them
    #[arg(long)]
    addresses_rewritten: bool,
    /// Of captures: fingerprints of block pages, beside those that come with the program (as `inspect` takes them)
    #[arg(long, value_name = "PATH")]
    fingerprints: Vec<PathBuf>,
    /// One JSON object a line: one a battery, a capture or a network (docs/attribution.md); with --sources, one a cell
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub(crate) fn run(args: &AttributeArgs) -> Result<ExitCode, CommandError> {
    let catalogue = profiles::load(args.profiles.as_deref())?;
    if args.sources {
        cells::print(&catalogue, args.json, &mut std::io::stdout().lock())?;
        return Ok(ExitCode::SUCCESS);
    }
    let fingerprints = load_fingerprints(&args.fingerprints)?;
    let attributing = Attributing {
        catalogue: &catalogue,
        fingerprints: &fingerprints,
        rewritten: args.addresses_rewritten,
    };
    let mut files = args.files.clone();
    files.extend(args.live.run()?);
    let mut out = std::io::stdout().lock();
    let mut telling = Telling { out: &mut out, json: args.json, told: 0 };
    let mut failed = false;
    for source in &sources::expand(&files) {
        match told(source, &attributing) {
            Ok(report) => telling.tell(source.name(), &report)?,
            Err(problem) => {
                failed = true;
                complain(&format!("{}\n", clean(&problem, 1000)));
            }
        }
    }
    if let Some(place) = &args.archive {
        for (network, report) in of_archive(place, &catalogue)? {
            telling.tell(&network, &report)?;
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

#[cfg(feature = "archive")]
fn of_archive(place: &str, catalogue: &Catalogue) -> Result<Vec<(String, Report)>, CommandError> {
    crate::attributing::archived::reports(place, catalogue)
}

#[cfg(not(feature = "archive"))]
fn of_archive(_: &str, _: &Catalogue) -> Result<Vec<(String, Report)>, CommandError> {
    Err(super::not_built::refusal())
}

/// Where attributions go.
struct Telling<'o, O> {
    out: &'o mut O,
    json: bool,
    told: usize,
}

impl<O: std::io::Write> Telling<'_, O> {
    fn tell(&mut self, file: &str, report: &Report) -> Result<(), CommandError> {
        if self.json {
            serde_json::to_writer(&mut *self.out, &Line { file, report })
                .map_err(std::io::Error::from)?;
            self.out.write_all(b"\n")?;
            return Ok(());
        }
        if self.told > 0 {
            self.out.write_all(b"\n\n")?;
        }
        self.told += 1;
        self.out.write_all(words::words(file, report).as_bytes())?;
        Ok(())
    }
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

fn told(source: &Source, attributing: &Attributing<'_>) -> Result<Report, String> {
    let unreadable = |error: std::io::Error| format!("{}: cannot be read: {error}", source.name());
    let mut plain = source.plain().map_err(unreadable)?;
    let mut first = Vec::with_capacity(4);
    plain.by_ref().take(4).read_to_end(&mut first).map_err(unreadable)?;
    let is_capture = is_capture(&first);
    let whole = std::io::Cursor::new(first).chain(plain);
    if is_capture {
        return attributing.told(source, Box::new(whole));
    }
    let mut text = Vec::new();
    whole.take(MAX_BYTES).read_to_end(&mut text).map_err(unreadable)?;
    let battery = Battery::from_json(source.name(), &text).map_err(|error| error.to_string())?;
    Ok(report(&battery, &evidence(&battery), attributing.catalogue))
}
