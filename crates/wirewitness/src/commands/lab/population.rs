//! `wirewitness lab population`: months of judged measurements of a country that does not exist, and the truth.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use wirewitness_lab::population::table::{HEAD, Tally, write_row};
use wirewitness_lab::population::{Population, Row, Sample, Settings, SettingsError, Truth};

use crate::command_error::CommandError;
use crate::output;
use crate::probing::in_lab::LabWishes;
use crate::probing::settings::{PlanArgs, TellArgs};

/// Make up months of a country's measurements, with the truth beside them
///
/// Writes `points.csv`, one judged measurement a line, and `truth.json`: what was planted to be found, and what only looks
/// like it (docs/population.md). Nothing is probed. The same settings give the same bytes.
#[derive(Debug, Args)]
pub(super) struct PopulationArgs {
    /// Folder for the two files; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Put the measurements into this archive, as verdicts of origin `population`, in place of `points.csv`
    #[cfg(feature = "archive")]
    #[arg(long, value_name = "DIR")]
    archive: Option<String>,
    /// TOML that says what the country is made of; the options below change single keys of it
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Where chance begins [default: 1]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Days of measurements [default: 30]
    #[arg(long, value_name = "N")]
    days: Option<u32>,
    /// Networks [default: 40]
    #[arg(long, value_name = "N")]
    networks: Option<u32>,
    /// Targets [default: 20000]
    #[arg(long, value_name = "N")]
    targets: Option<u32>,
    /// Beside them a sample of the country at one moment, as packets: `scenario.toml`, and what probes measure in it as
    /// `measurements.jsonl` (OONI's format), judged and compared with the truth like `lab run`
    #[arg(long)]
    small: bool,
    /// The summary as one JSON object; with --small, a line for each measurement after it
    #[arg(long)]
    json: bool,
}

/// What was made, for `--json`.
#[derive(Debug, Serialize)]
struct Made<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    points: Option<String>,
    truth: String,
    seed: u64,
    rows: u64,
    ok: u64,
    down: u64,
    blocked: u64,
    insufficient: u64,
    events: BTreeMap<String, usize>,
    non_events: BTreeMap<String, usize>,
    country: &'a str,
}

/// Runs the verb.
pub(super) fn run(args: &PopulationArgs) -> Result<ExitCode, CommandError> {
    let settings = args.settings()?;
    let population = Population::new(&settings).map_err(|error| args.mistake(&error))?;
    std::fs::create_dir_all(&args.out).map_err(|error| unwritable(&args.out, &error))?;
    let (points, truth) = (args.out.join("points.csv"), args.out.join("truth.json"));
    let table = if args.archive().is_none() { Some(create(&points)?) } else { None };
    let mut beside = create(&truth)?;
    let told = serde_json::to_writer(&mut beside, population.truth()).map_err(Into::into);
    told.and_then(|()| beside.write_all(b"\n").and_then(|()| beside.flush()))
        .map_err(|error| unwritable(&truth, &error))?;
    let is_table = table.is_some();
    let tally = match table {
        Some(mut table) => {
            write(&population, &mut table).map_err(|error| unwritable(&points, &error))?
        }
        None => args.keep(&population)?,
    };
    let made = Made {
        points: is_table.then(|| points.display().to_string()),
        truth: truth.display().to_string(),
        seed: settings.seed,
        rows: tally.rows,
        ok: tally.ok,
        down: tally.down,
        blocked: tally.blocked,
        insufficient: tally.insufficient,
        events: counted(population.truth().events.iter().map(|event| event.variety)),
        non_events: counted(population.truth().non_events.iter().map(|event| event.kind)),
        country: &settings.country,
    };
    let mut text = serde_json::to_string(&made).unwrap_or_default();
    text.push('\n');
    if !args.json {
        text = made.words(population.truth());
    }
    std::io::stdout().lock().write_all(text.as_bytes())?;
    if args.small { measure_sample(&population, args) } else { Ok(ExitCode::SUCCESS) }
}

/// Noon of the middle day, on the largest networks, by real probes in the lab.
fn measure_sample(
    population: &Population,
    args: &PopulationArgs,
) -> Result<ExitCode, CommandError> {
    let text = population.scenario(&Sample { at_s: population.noon(), networks: 6, targets: 30 });
    let path = args.out.join("scenario.toml");
    let mut file = create(&path)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.flush())
        .map_err(|error| unwritable(&path, &error))?;
    let plan =
        PlanArgs { concurrency: None, times: NonZeroU32::MIN, every: 0, no_follow_up: false };
    let tell = TellArgs {
        output: Some(args.out.join("measurements.jsonl")),
        explain: false,
        json: args.json,
        fingerprints: Vec::new(),
        fail_on: None,
    };
    super::measure(&path.display().to_string(), LabWishes::default(), (&plan, &tell))
}

impl PopulationArgs {
    /// A file says all, and options change keys of it; without one, options make the default at another size.
    fn settings(&self) -> Result<Settings, CommandError> {
        let default = Settings::default();
        let mut settings = match &self.settings {
            None => Settings::sized(
                self.days.unwrap_or(default.days),
                self.networks.unwrap_or(default.networks),
                self.targets.unwrap_or(default.targets),
            ),
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|source| {
                    CommandError::Unreadable { path: path.display().to_string(), source }
                })?;
                Settings::parse(&text).map_err(|error| self.mistake(&error))?
            }
        };
        settings.seed = self.seed.unwrap_or(settings.seed);
        settings.days = self.days.unwrap_or(settings.days);
        settings.networks = self.networks.unwrap_or(settings.networks);
        settings.targets = self.targets.unwrap_or(settings.targets);
        Ok(settings)
    }

    #[cfg(feature = "archive")]
    fn archive(&self) -> Option<&str> {
        self.archive.as_deref()
    }

    /// The field program has no archive.
    #[cfg(not(feature = "archive"))]
    fn archive(&self) -> Option<&str> {
        None
    }

    /// Puts the rows into the archive that was named.
    #[cfg(feature = "archive")]
    fn keep(&self, population: &Population) -> Result<Tally, CommandError> {
        use wirewitness_store::{Writer, archive, events};
        let url = archive::locate(self.archive().unwrap_or_default())?;
        let settings = serde_json::to_string(population.settings()).unwrap_or_default();
        let name = format!("population, seed {}", population.settings().seed);
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, settings.as_bytes());
        let hash = wirewitness_model::hex::hex(hash.as_ref());
        let source = events::population(name, hash, settings.len() as u64);
        let mut tally = Tally::default();
        let points = counted_rows(population, &mut tally).map(|row| row.point);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let inserted = runtime.block_on(async {
            let mut writer = Writer::open(&url).await?;
            events::insert_points(&mut writer, points, Population::target_name, &source).await
        })?;
        if inserted.is_known {
            output::complain("the archive has these measurements already: nothing was added");
        }
        Ok(tally)
    }

    #[cfg(not(feature = "archive"))]
    fn keep(&self, _: &Population) -> Result<Tally, CommandError> {
        Ok(Tally::default())
    }

    /// A mistake in the file, or on the command line where there is none.
    fn mistake(&self, error: &SettingsError) -> CommandError {
        let hint = "docs/population.md explains every key and its range".to_owned();
        match &self.settings {
            None => CommandError::Usage { message: error.to_string(), hint },
            Some(path) => CommandError::BadFile {
                path: path.display().to_string(),
                message: error.to_string(),
                hint,
            },
        }
    }
}

/// A file that was not there before: what is there may be somebody's data.
fn create(path: &Path) -> Result<BufWriter<File>, CommandError> {
    let file = File::create_new(path).map_err(|error| unwritable(path, &error))?;
    Ok(BufWriter::with_capacity(1 << 20, file))
}

fn unwritable(path: &Path, error: &std::io::Error) -> CommandError {
    let hint = match error.kind() {
        std::io::ErrorKind::AlreadyExists => "name another folder with --out, or remove the file",
        _ => "name another folder with --out",
    };
    CommandError::BadFile {
        path: path.display().to_string(),
        message: format!("cannot be written: {error}"),
        hint: hint.to_owned(),
    }
}

fn write(population: &Population, out: &mut BufWriter<File>) -> std::io::Result<Tally> {
    let mut tally = Tally::default();
    out.write_all(HEAD.as_bytes())?;
    counted_rows(population, &mut tally).try_for_each(|row| write_row(out, &row))?;
    out.flush()?;
    Ok(tally)
}

/// All rows, counted as they come, with a bar.
fn counted_rows<'a>(
    population: &'a Population,
    tally: &'a mut Tally,
) -> impl Iterator<Item = Row> + use<'a> {
    let mut rows = population.rows();
    let mut left = rows.steps_left();
    let progress = progress(left);
    std::iter::from_fn(move || {
        let row = rows.next();
        progress.inc(u64::from(left - rows.steps_left()));
        left = rows.steps_left();
        match &row {
            Some(row) => tally.add(row),
            None => progress.finish_and_clear(),
        }
        row
    })
}

/// A bar on stderr over quarters of an hour. Hidden where stderr is no terminal.
fn progress(steps: u32) -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(4);
    let bar = ProgressBar::with_draw_target(Some(u64::from(steps)), target);
    let style = ProgressStyle::with_template("{bar:40} {percent}% of the days, {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// How many of each, by the word that the truth's JSON has for it.
fn counted<T: Serialize>(kinds: impl Iterator<Item = T>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for kind in kinds {
        let word = serde_json::to_value(kind).unwrap_or_default();
        *counts.entry(word.as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    counts
}

impl Made<'_> {
    /// The summary for people.
    fn words(&self, truth: &Truth) -> String {
        let mut text = String::new();
        let days = (truth.end_s - truth.begin_s) / 86_400;
        let (networks, targets) = (truth.networks.len(), truth.targets);
        let _ = writeln!(
            text,
            "{} measurements of {days} days, {networks} networks and {targets} targets of {}, seed {}: \
             {} ok, {} down, {} blocked, {} insufficient",
            self.rows, self.country, self.seed, self.ok, self.down, self.blocked, self.insufficient,
        );
        for (what, counts) in [("events", &self.events), ("non-events", &self.non_events)] {
            let all: usize = counts.values().sum();
            let parts: Vec<String> =
                counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
            let _ = writeln!(text, "{all} {what}: {}", parts.join(", "));
        }
        for path in self.points.iter().chain([&self.truth]) {
            let _ = writeln!(text, "{}", output::clean(path, 300));
        }
        text
    }
}
