//! Two captures of the same person side by side: what a change of settings has closed. Only counts are compared, never values.

use serde::Serialize;

use super::channel::Severity;
use super::report::{Coverage, Report};

/// Two reports beside each other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Readings that are in either.
    pub changes: Vec<Change>,
    /// Coverage before and after.
    pub coverage: [Coverage; 2],
}

/// One reading, before and after.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Number of its channel.
    pub channel: u8,
    /// Its name that stays the same.
    pub id: &'static str,
    /// For people.
    pub words: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// How often before.
    pub before: u64,
    /// How often after.
    pub after: u64,
    /// What became of it.
    pub verdict: Became,
}

/// What became of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// It is gone, in this capture.
    Gone,
    /// It is new.
    New,
    /// Fewer.
    Fewer,
    /// More.
    More,
    /// As before.
    Same,
}

impl Became {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::New => "new",
            Self::Fewer => "fewer",
            Self::More => "more",
            Self::Same => "the same",
        }
    }
}

/// Compares.
pub fn compare(before: &Report, after: &Report) -> Comparison {
    let mut changes = Vec::new();
    for (old, new) in before.channels.iter().zip(&after.channels) {
        let mut ids: Vec<_> = old.readings.iter().chain(&new.readings).collect();
        ids.sort_by_key(|it| (std::cmp::Reverse(it.severity), it.id));
        ids.dedup_by_key(|it| it.id);
        for reading in ids {
            let count = |report: &Report| report.reading(reading.id).map_or(0, |it| it.count);
            let (before, after) = (count(before), count(after));
            changes.push(Change {
                channel: old.number,
                id: reading.id,
                words: reading.words,
                severity: reading.severity,
                before,
                after,
                verdict: became(before, after),
            });
        }
    }
    Comparison { changes, coverage: [before.coverage, after.coverage] }
}

fn became(before: u64, after: u64) -> Became {
    match (before, after) {
        (_, 0) => Became::Gone,
        (0, _) => Became::New,
        _ if after < before => Became::Fewer,
        _ if after > before => Became::More,
        _ => Became::Same,
    }
}
