//! `wirewitness refresh`: tables of networks, fingerprints and lists from where they are published, each held against its pin.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use crate::command_error::CommandError;
use crate::environment;
use crate::output::{clean, complain};
use crate::refreshing::fetching::{self, Failed};
use crate::refreshing::folder::Refreshed;
use crate::refreshing::manifest::{Entry, Kind, MAX_MANIFEST, Manifest, Pin};

/// Fetch tables of networks, fingerprints and lists of targets, each in the version that its SHA-256 pins
///
/// What does not have the pinned SHA-256 is not kept, and what was there stays. The folder is used where a verb is told `--data`,
/// and the archive then says which files its verdicts used (docs/refresh.md).
#[derive(Debug, Args)]
pub(crate) struct RefreshArgs {
    /// The folder. Default: `data` in the platform's folder for data of wirewitness
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// What to fetch instead of what the program knows (TOML, docs/refresh.md)
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Only this entry. May be given several times
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Say what would be fetched, from where and under which licence, and ask nobody
    #[arg(long)]
    dry_run: bool,
    /// One JSON object an entry
    #[arg(long)]
    json: bool,
}

/// What came of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Fetched,
    Unchanged,
    Failed,
    Wanted,
}

/// A line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    kind: Kind,
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// SHA-256 of what came instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    got: Option<&'a str>,
    sha256: &'a str,
    bytes: u64,
    files: Vec<&'a str>,
    date: &'a str,
    licence: &'a str,
    source: &'a str,
    url: &'a str,
    pin: Pin,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
}

/// Runs the verb.
pub(crate) fn run(args: &RefreshArgs) -> Result<ExitCode, CommandError> {
    let manifest = manifest(args.manifest.as_deref())?;
    let folder =
        args.into.clone().or_else(environment::fetched).ok_or_else(|| CommandError::Usage {
            message: "into which folder?".to_owned(),
            hint: "name it with --into".to_owned(),
        })?;
    if let Some(name) = args.only.iter().find(|name| !manifest.has(name)) {
        let names: Vec<&str> = manifest.entries.iter().map(|entry| entry.name.as_str()).collect();
        return Err(CommandError::Usage {
            message: format!("nothing is called {name:?}"),
            hint: format!("there are: {}", names.join(", ")),
        });
    }
    let mut refreshed = Refreshed::read(&folder)?;
    let mut failures = 0;
    for entry in manifest.entries.iter().filter(|entry| args.names(entry)) {
        let (state, failed) = one(entry, &mut refreshed, (&folder, args.dry_run));
        failures += u64::from(failed.is_some());
        if args.json {
            let line = Line::of(entry, state, failed.as_ref());
            let line = serde_json::to_string(&line).unwrap_or_default();
            writeln!(std::io::stdout(), "{line}")?;
        } else {
            tell(entry, state, failed.as_ref())?;
        }
    }
    if !args.json && !args.dry_run {
        complain(&format!("use it with --data {}\n", folder.display()));
    }
    Ok(if failures > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl RefreshArgs {
    fn names(&self, entry: &Entry) -> bool {
        self.only.is_empty() || self.only.contains(&entry.name)
    }
}

fn manifest(path: Option<&Path>) -> Result<Manifest, CommandError> {
    let Some(path) = path else {
        return Manifest::shipped().map_err(|message| CommandError::BadFile {
            path: "lists/refresh.toml".to_owned(),
            message,
            hint: "this program was built of a damaged one".to_owned(),
        });
    };
    let name = || path.display().to_string();
    let mut text = String::new();
    let read = std::fs::File::open(path)
        .and_then(|file| file.take(MAX_MANIFEST).read_to_string(&mut text));
    read.map_err(|source| CommandError::Unreadable { path: name(), source })?;
    Manifest::read(&text).map_err(|message| CommandError::BadFile {
        path: name(),
        message,
        hint: "docs/refresh.md says what a manifest has".to_owned(),
    })
}

/// Fetches one entry, unless it is there.
fn one(
    entry: &Entry,
    refreshed: &mut Refreshed,
    (folder, is_dry): (&Path, bool),
) -> (State, Option<Failed>) {
    if refreshed.has(entry, folder) {
        return (State::Unchanged, None);
    }
    if is_dry {
        return (State::Wanted, None);
    }
    let fetched = fetching::fetch(entry, folder)
        .and_then(|()| refreshed.take(entry, folder).map_err(Failed::from));
    match fetched {
        Ok(()) => (State::Fetched, None),
        Err(failed) => (State::Failed, Some(failed)),
    }
}

impl<'a> Line<'a> {
    fn of(entry: &'a Entry, state: State, failed: Option<&'a Failed>) -> Self {
        Self {
            name: &entry.name,
            kind: entry.kind,
            state,
            reason: failed.map(Failed::to_string),
            got: failed.and_then(Failed::got),
            sha256: &entry.sha256,
            bytes: entry.bytes,
            files: entry.files().iter().map(|wanted| wanted.file).collect(),
            date: &entry.date,
            licence: &entry.licence,
            source: &entry.source,
            url: &entry.url,
            pin: entry.pin,
            note: entry.note.as_deref(),
        }
    }
}

fn tell(entry: &Entry, state: State, failed: Option<&Failed>) -> Result<(), CommandError> {
    let Entry { name, kind, date, bytes, licence, url, .. } = entry;
    let state = match state {
        State::Fetched => "fetched",
        State::Unchanged => "unchanged",
        State::Failed => "FAILED",
        State::Wanted => "wanted",
    };
    let [date, licence, url] = [date, licence, url].map(|text| clean(text, 300));
    let mut out = std::io::stdout().lock();
    writeln!(out, "{state:<9} {kind:<12} {name}: {date}, {bytes} bytes, licence: {licence}")?;
    writeln!(out, "          {url}")?;
    if let Some(note) = &entry.note {
        writeln!(out, "          {}", clean(note, 300))?;
    }
    drop(out);
    if let Some(failed) = failed {
        let reason = clean(&failed.to_string(), 600);
        complain(&format!("{name}: {reason}; what was there stays\n"));
    }
    Ok(())
}
