//! `wirewitness events`: blocks and shutdowns in the archive, stated and kept.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use wirewitness_analysis::events::{Event, Fault, Statement, Turn};
use wirewitness_model::civil;
use wirewitness_store::cluster::Cluster;
use wirewitness_store::events::{
    Found, Names, Settings, Stated, certainty, find_events, find_events_on, state_events,
    state_events_on,
};
use wirewitness_store::{Archive, Writer};

use super::judge::EXIT_FOUND;
use super::query::failed;
use crate::archiving::place::ArchiveArgs;
use crate::command_error::CommandError;
use crate::environment;
use crate::output::{clean, complain};

/// Find blocks and shutdowns in the archive's verdicts, and keep what is said of them
///
/// What was said before stays in the table `event`, marked where later data replace it; without new data nothing changes
/// (docs/events.md). Prints what holds now.
#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    #[command(flatten)]
    archive: ArchiveArgs,
    /// One JSON object a line: statement, certainty, targets, event; then one with faults and counts
    #[arg(long)]
    json: bool,
    /// Only rows of this origin (`ooni`, `hyperquack`, `population`, ..); nothing is kept then
    #[arg(long, value_name = "ORIGIN")]
    origin: Vec<String>,
    /// Find and print, and keep nothing
    #[arg(long)]
    dry_run: bool,
    /// Also what is said on the word of too few vantages, and what was replaced
    #[arg(long)]
    all: bool,
    /// Settings of the detector as JSON: any of those in docs/events.md
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Threads (default: one a core)
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Have a cluster search: the scheduler's address, df://host:port (docs/cluster.md)
    #[arg(long, value_name = "URL", conflicts_with = "threads")]
    cluster: Option<String>,
    /// Exit with code 3 where a block or a shutdown is stated that lasts
    #[arg(long)]
    fail_on_lasting: bool,
}

/// A line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    statement: &'a str,
    revision: u32,
    superseded_by: Option<&'a str>,
    withdrawn: bool,
    certainty: &'static str,
    targets: Vec<String>,
    event: &'a Event,
}

/// The last line of `--json`.
#[derive(Serialize)]
struct Last<'a> {
    points: u64,
    dropped: u64,
    added: usize,
    ended: usize,
    commit: u64,
    faults: &'a [Fault],
}

/// Runs the verb.
pub(crate) fn run(args: &EventsArgs) -> Result<ExitCode, CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let stated = runtime.block_on(args.search())?;
    let shown =
        |one: &&Statement| args.all || (one.holds() && certainty(&one.event) != "unconfirmed");
    let shown: Vec<&Statement> = stated.statements.iter().filter(shown).collect();
    if args.json {
        print_json(&stated, &shown)?
    } else {
        print(&stated, &shown)?
    }
    let lasts = |one: &Statement| {
        one.holds() && certainty(&one.event) == "stated" && one.event.end.is_none()
    };
    let is_found = args.fail_on_lasting && stated.statements.iter().any(lasts);
    Ok(if is_found { ExitCode::from(EXIT_FOUND) } else { ExitCode::SUCCESS })
}

impl EventsArgs {
    async fn search(&self) -> Result<Stated, CommandError> {
        let settings = self.settings()?;
        let cluster = self.cluster.as_deref().map(Cluster::at);
        let archive = Archive::open(&self.archive.url()?).await?;
        if self.dry_run || !self.origin.is_empty() {
            let found = match &cluster {
                Some(cluster) => {
                    find_events_on(cluster, &archive, &settings).await.map_err(failed)?
                }
                None => find_events(&archive, &settings).await?,
            };
            return Ok(unkept(found, archive.commit()));
        }
        // An archive is made by `ingest`, not by asking for its events: it is there.
        let mut writer = Writer::open(archive.root()).await?;
        match &cluster {
            Some(cluster) => state_events_on(cluster, &mut writer, &settings).await.map_err(failed),
            None => Ok(state_events(&mut writer, &settings).await?),
        }
    }

    fn settings(&self) -> Result<Settings, CommandError> {
        let mut settings = Settings {
            scratch: Some(environment::scratch()),
            origins: self.origin.clone(),
            ..Settings::default()
        };
        if let Some(threads) = self.threads {
            settings.threads = threads;
        }
        if let Some(path) = &self.settings {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path)
                .map_err(|source| CommandError::Unreadable { path: name.clone(), source })?;
            settings.detector =
                serde_json::from_str(&text).map_err(|error| CommandError::BadFile {
                    path: name,
                    message: error.to_string(),
                    hint: "expected a JSON object with settings of docs/events.md".to_owned(),
                })?;
        }
        Ok(settings)
    }
}

/// What was found, as if it were said for the first time.
fn unkept(found: Found, commit: u64) -> Stated {
    let lists = [&found.report.events, &found.report.unconfirmed, &found.report.standing];
    let first = |event: &Event| Statement {
        name: format!("{}.1", event.id),
        revision: 1,
        event: event.clone(),
        superseded_by: None,
        withdrawn: false,
    };
    let statements = lists.into_iter().flatten().map(first).collect();
    Stated { found, statements, commit, ..Stated::default() }
}

fn print_json(stated: &Stated, shown: &[&Statement]) -> Result<(), CommandError> {
    let mut out = std::io::stdout().lock();
    let mut put = |line: serde_json::Result<String>| writeln!(out, "{}", line.unwrap_or_default());
    for one in shown {
        put(serde_json::to_string(&Line {
            statement: &one.name,
            revision: one.revision,
            superseded_by: one.superseded_by.as_deref(),
            withdrawn: one.withdrawn,
            certainty: certainty(&one.event),
            targets: stated.found.names.of(&one.event.targets),
            event: &one.event,
        }))?;
    }
    let report = &stated.found.report;
    put(serde_json::to_string(&Last {
        points: report.points,
        dropped: report.dropped,
        added: stated.added,
        ended: stated.ended,
        commit: stated.commit,
        faults: &report.faults,
    }))?;
    Ok(())
}

fn print(stated: &Stated, shown: &[&Statement]) -> Result<(), CommandError> {
    let mut out = std::io::stdout().lock();
    for one in shown {
        out.write_all(words(one, &stated.found.names).as_bytes())?;
    }
    let report = &stated.found.report;
    complain(&format!(
        "{} verdicts; {} statements shown, {} new, {} ended; {} faults; commit {}\n",
        report.points,
        shown.len(),
        stated.added,
        stated.ended,
        report.faults.len(),
        stated.commit,
    ));
    Ok(())
}

fn words(one: &Statement, names: &Names) -> String {
    let event = &one.event;
    let mut text = format!("{}  {}  {:?}", one.name, event.country, event.kind).to_lowercase();
    let _ = write!(text, ", {}, {} confidence", certainty(event), event.confidence);
    if !one.holds() {
        let next = one
            .superseded_by
            .as_deref()
            .map_or("withdrawn".to_owned(), |next| format!("replaced by {next}"));
        let _ = write!(text, " ({next})");
    }
    let mechanisms: Vec<&str> = event.mechanisms.iter().map(|(one, _)| one.word()).collect();
    let _ = writeln!(text, "\n    {}", turn("from ", &event.start));
    if let Some(end) = &event.end {
        let _ = writeln!(text, "    {}", turn("until", end));
    }
    let targets = names.of(&event.targets);
    let some: Vec<String> = targets.iter().take(5).map(|name| clean(name, 120)).collect();
    let more = targets.len().saturating_sub(some.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let networks: Vec<String> =
        event.networks.iter().take(8).map(|asn| format!("AS{asn}")).collect();
    let _ = writeln!(text, "    targets  {}{more}", some.join(", "));
    let _ =
        writeln!(text, "    networks {} ({} in all)", networks.join(", "), event.networks.len());
    let _ = writeln!(text, "    means    {}", mechanisms.join(", "));
    let counts = event.counts;
    let _ = writeln!(
        text,
        "    evidence {} blocked, {} ok, {} down, by {} vantages",
        counts.blocked, counts.ok, counts.down, event.vantages
    );
    text
}

fn turn(word: &str, turn: &Turn) -> String {
    let after = turn.after_s.map_or("no measurement before".to_owned(), time);
    format!("{word}    {} (after {after}; evident at {})", time(turn.at_s), time(turn.seen_s))
}

fn time(at_s: i64) -> String {
    let (year, month, day) = civil::date(at_s.div_euclid(86_400));
    let (hour, minute) = (at_s.rem_euclid(86_400) / 3_600, at_s.rem_euclid(3_600) / 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
}
