//! The logs of an archive's tables: sealed, without gaps, readable.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use serde::Deserialize;

use super::check::{Finding, FindingKind};
use super::folder::{self, Entry, EntryKind};
use super::seals::{LAST_CHECKPOINT, LOG, Seals, version};
use crate::error::StoreError;

/// What the logs say of data files, by path within the archive.
#[derive(Debug, Default)]
pub(super) struct Mentioned {
    /// Files that some version added.
    pub(super) added: BTreeSet<String>,
    /// When the last version to do so took a file away, milliseconds since 1970.
    pub(super) removed: HashMap<String, i64>,
}

#[derive(Deserialize)]
struct Action {
    add: Option<Added>,
    remove: Option<Removed>,
}

#[derive(Deserialize)]
struct Added {
    path: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Removed {
    path: String,
    deletion_timestamp: Option<i64>,
}

/// Checks seals and logs.
pub(super) fn check(
    folder: &Path,
    entries: &[Entry],
    findings: &mut Vec<Finding>,
) -> Result<(), StoreError> {
    let seals = seals(folder, entries, findings)?;
    let logs: Vec<&Entry> = entries.iter().filter(|entry| entry.kind == EntryKind::Log).collect();
    for log in &logs {
        match seals.logs.get(&log.path) {
            Some(sealed) if *sealed == folder::hash(folder, &log.path)? => {}
            Some(_) => findings.push(Finding::damaged(&log.path, "it is not as it was sealed")),
            None => findings.push(Finding {
                file: log.path.clone(),
                kind: FindingKind::Unsealed,
                reason: "it has no seal yet; the next command that writes to the archive makes it"
                    .to_owned(),
            }),
        }
    }
    for (path, _) in read_all(folder, &logs) {
        if let Err(reason) = path {
            findings.push(reason);
        }
    }
    gaps(&logs, &seals, findings);
    Ok(())
}

/// What all logs say of data files. Lines that cannot be read are left out.
pub(super) fn mentioned(folder: &Path, entries: &[Entry]) -> Mentioned {
    let logs: Vec<&Entry> = entries.iter().filter(|entry| entry.kind == EntryKind::Log).collect();
    let mut mentioned = Mentioned::default();
    for (table, actions) in read_all(folder, &logs) {
        let Ok(table) = table else { continue };
        for action in actions {
            if let Some(added) = action.add {
                mentioned.added.insert(format!("{table}/{}", decoded(&added.path)));
            }
            if let Some(removed) = action.remove {
                let path = format!("{table}/{}", decoded(&removed.path));
                let at = removed.deletion_timestamp.unwrap_or(0);
                let last = mentioned.removed.entry(path).or_insert(at);
                *last = at.max(*last);
            }
        }
    }
    mentioned
}

/// Paths in a log are those of URLs.
fn decoded(path: &str) -> String {
    url::form_urlencoded::parse(
        format!("p={}", path.replace('+', "%2B").replace('=', "%3D")).as_bytes(),
    )
    .next()
    .map_or_else(|| path.to_owned(), |(_, path)| path.into_owned())
}

/// Table and actions of each log file of JSON lines, or what is wrong with it.
fn read_all(folder: &Path, logs: &[&Entry]) -> Vec<(Result<String, Finding>, Vec<Action>)> {
    let json = logs.iter().filter(|log| log.path.ends_with(".json"));
    json.map(|log| match actions(folder, &log.path) {
        Ok(actions) => (Ok(table(&log.path).to_owned()), actions),
        Err(reason) => (Err(Finding::damaged(&log.path, &reason)), Vec::new()),
    })
    .collect()
}

fn actions(folder: &Path, path: &str) -> Result<Vec<Action>, String> {
    let bytes = folder::read(folder, path).map_err(|error| error.to_string())?;
    let text = String::from_utf8(bytes).map_err(|error| error.to_string())?;
    let lines = text.lines().enumerate();
    lines
        .map(|(at, line)| {
            serde_json::from_str(line).map_err(|error| format!("line {}: {error}", at + 1))
        })
        .collect()
}

fn seals(
    folder: &Path,
    entries: &[Entry],
    findings: &mut Vec<Finding>,
) -> Result<Seals, StoreError> {
    let mut seals = Seals::default();
    for entry in entries.iter().filter(|entry| entry.kind == EntryKind::Seal) {
        let number = entry.path.rsplit('/').next().and_then(|name| name.parse::<u64>().ok());
        if number != Some(seals.count) {
            let file = entry
                .path
                .replace(&format!("{:020}", number.unwrap_or(0)), &format!("{:020}", seals.count));
            findings.push(Finding::missing(&file, "a seal that others follow"));
            seals.count = number.unwrap_or(0);
        }
        if let Err(reason) = seals.take(&folder::read(folder, &entry.path)?) {
            findings.push(Finding::damaged(&entry.path, &reason));
        }
    }
    Ok(seals)
}

/// Versions that are missing between others, and sealed ones after all others.
fn gaps(logs: &[&Entry], seals: &Seals, findings: &mut Vec<Finding>) {
    let mut versions: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for log in logs.iter().filter(|log| log.path.ends_with(".json")) {
        let name = log.path.rsplit('/').next().unwrap_or_default();
        versions.entry(table(&log.path)).or_default().extend(version(name));
    }
    let there: BTreeSet<&str> = logs.iter().map(|log| log.path.as_str()).collect();
    let mut gone: BTreeSet<String> = BTreeSet::new();
    for (table, versions) in &versions {
        // Before the first one, a checkpoint stands for all.
        let (Some(first), Some(last)) = (versions.first(), versions.last()) else { continue };
        let missing = (*first..*last).filter(|version| !versions.contains(version));
        gone.extend(missing.map(|version| format!("{table}/{LOG}/{version:020}.json")));
    }
    for file in seals.logs.keys().filter(|file| !there.contains(file.as_str())) {
        let name = file.rsplit('/').next().unwrap_or_default();
        let first = versions.get(table(file)).and_then(|versions| versions.first().copied());
        let is_past = version(name).is_some_and(|version| Some(version) < first);
        let checkpoint = format!("{}/{LOG}/{LAST_CHECKPOINT}", table(file));
        if !is_past || !there.contains(checkpoint.as_str()) {
            gone.insert(file.clone());
        }
    }
    findings.extend(gone.iter().map(|file| Finding::missing(file, "a version of the log")));
}

fn table(path: &str) -> &str {
    path.split_once('/').map_or("", |(table, _)| table)
}
