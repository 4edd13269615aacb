//! A case: a question to an archive, and what the archive answers, counted.
//!
//! `wirewitness-store` fills it and `wirewitness-report` writes pages from it; neither knows the other. Nothing in it names who measured:
//! networks yes, people, probes and addresses no. Every list is bounded, and says how many rows there are in all. Days are numbers of days
//! since 1970-01-01 (UTC, [`crate::civil`]).

/// What is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Question {
    /// In the words of who asks.
    pub text: Option<String>,
    /// Only of this country, two letters of ISO 3166-1.
    pub country: Option<String>,
    /// Only of this network (AS).
    pub network: Option<u32>,
    /// Only of this host name and the names under it, lower case.
    pub name: Option<String>,
    /// The first day.
    pub since: Option<i64>,
    /// The first day that is not asked for any more.
    pub until: Option<i64>,
    /// Most rows of the list of measurements.
    pub listed: usize,
}

/// What the archive answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Case {
    /// What was asked.
    pub question: Question,
    /// The archive's commit that answered.
    pub commit: u64,
    /// All of it.
    pub total: Tally,
    /// First and last day with a measurement; none where there is none.
    pub days: Option<(i64, i64)>,
    /// Countries with a measurement.
    pub countries: u64,
    /// Networks with a verdict `blocked`, those of unknown number as one in each country.
    pub blocking_networks: u64,
    /// Targets with a verdict `blocked`.
    pub blocked_targets: u64,
    /// By origin of the rows.
    pub origins: Vec<(String, u64)>,
    /// By day, those without a measurement left out.
    pub timeline: Vec<(i64, Tally)>,
    /// By network, those that blocked most first.
    pub networks: Listed<Network>,
    /// By target, those blocked most often first.
    pub targets: Listed<Target>,
    /// By mechanism, the most frequent first.
    pub mechanisms: Vec<Mechanism>,
    /// Statements about blocks and shutdowns that hold, the newest first.
    pub events: Listed<Event>,
    /// Rules that gave the verdicts.
    pub rules: Vec<Rule>,
    /// What verdicts of blocking cannot tell apart, and how many say so.
    pub cannot_tell: Vec<(String, u64)>,
    /// What the judge used.
    pub judges: Vec<Judge>,
    /// Files that the measurements were read from.
    pub sources: Listed<Source>,
    /// Measurements, those that found blocking first.
    pub measurements: Listed<Measured>,
}

/// Some rows, and how many there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// The first rows.
    pub rows: Vec<T>,
    /// Rows in all.
    pub all: u64,
}

/// Measurements by what they came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Verdict `ok`.
    pub ok: u64,
    /// Verdict `down`.
    pub down: u64,
    /// Verdict `blocked`.
    pub blocked: u64,
    /// Verdict `insufficient`.
    pub insufficient: u64,
    /// Independent vantages.
    pub vantages: u64,
    /// Networks.
    pub networks: u64,
    /// Targets.
    pub targets: u64,
}

/// A network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// Country, `ZZ` where not known.
    pub country: String,
    /// Number of the network; none where not known.
    pub asn: Option<u32>,
    /// Its name.
    pub name: Option<String>,
    /// Its measurements.
    pub tally: Tally,
    /// Vantages that saw blocking.
    pub witnesses: u64,
    /// Verdicts `blocked` of low, medium and high confidence.
    pub confidence: [u64; 3],
    /// Targets that were blocked at least once.
    pub targets_blocked: u64,
    /// First and last day.
    pub days: (i64, i64),
}

/// A target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// Host name, else the target as written.
    pub name: String,
    /// Its measurements.
    pub tally: Tally,
    /// Vantages that saw it blocked.
    pub witnesses: u64,
    /// Networks that blocked it at least once.
    pub networks_blocked: u64,
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mechanism {
    /// Its word.
    pub word: String,
    /// Verdict that has it.
    pub status: String,
    /// Measurements.
    pub count: u64,
    /// Networks.
    pub networks: u64,
    /// Vantages.
    pub vantages: u64,
}

/// A statement about a block or a shutdown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// Its name.
    pub statement: String,
    /// `block` or `shutdown`.
    pub kind: String,
    /// `stated`, `unconfirmed` or `standing`.
    pub certainty: String,
    /// Two letters.
    pub country: String,
    /// Began, seconds since 1970.
    pub started_s: i64,
    /// Ended, seconds since 1970; none while it lasts.
    pub ended_s: Option<i64>,
    /// Its first targets.
    pub targets: Listed<String>,
    /// Its first networks.
    pub networks: Listed<u32>,
    /// Mechanisms.
    pub mechanisms: Vec<String>,
    /// Units of evidence: blocked, ok, down.
    pub units: [u64; 3],
    /// Vantages.
    pub vantages: u64,
    /// `low`, `medium`, `high`.
    pub confidence: String,
}

/// A rule that gave verdicts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: u64,
    /// Verdicts.
    pub count: u64,
}

/// What a judge used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judge {
    /// Its name: the column `judged_with`.
    pub name: String,
    /// Verdicts.
    pub count: u64,
    /// Version of the program and hash of its rules; none where no file in the archive says what the name stands for.
    pub program: Option<(String, String)>,
    /// Files of fingerprints and networks: name and SHA-256.
    pub files: Vec<(String, String)>,
}

/// A file that measurements were read from. Without its name, which may tell who collected it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// Length as read.
    pub bytes: u64,
    /// `ooni`, ..
    pub format: String,
    /// Records taken from it.
    pub records: u64,
    /// Pieces that could not be used.
    pub refused: u64,
}

/// A measurement and its verdict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Measured {
    /// First 128 bits of the SHA-256 of the record, hexadecimal.
    pub id: String,
    /// Its day: the time of day stays in the archive.
    pub day: i64,
    /// What was measured.
    pub target: String,
    /// Country.
    pub country: String,
    /// Network.
    pub asn: Option<u32>,
    /// Verdict.
    pub status: String,
    /// What was done.
    pub mechanism: Option<String>,
    /// How sure.
    pub confidence: String,
    /// Rule and version.
    pub rule: String,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), all: 0 }
    }
}

impl<T> Listed<T> {
    /// Rows that are not shown.
    pub fn more(&self) -> u64 {
        self.all.saturating_sub(self.rows.len() as u64)
    }
}

impl Tally {
    /// All measurements.
    pub fn all(&self) -> u64 {
        self.decided() + self.insufficient
    }

    /// Those with an answer.
    pub fn decided(&self) -> u64 {
        self.ok + self.down + self.blocked
    }

    /// Adds another's measurements. Vantages, networks and targets may be the same ones: the larger number is kept.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            ok: self.ok + other.ok,
            down: self.down + other.down,
            blocked: self.blocked + other.blocked,
            insufficient: self.insufficient + other.insufficient,
            vantages: self.vantages.max(other.vantages),
            networks: self.networks.max(other.networks),
            targets: self.targets.max(other.targets),
        }
    }
}

/// A day written like `2025-11-23`; none for any other text and for days before 1970.
pub fn day(text: &str) -> Option<i64> {
    let micros = crate::civil::micros(&format!("{text} 00:00:00"));
    micros.filter(|_| text.len() == 10).map(|micros| micros / 86_400_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_as_written() {
        assert_eq!((day("1970-01-02"), day("2025-11-23")), (Some(1), Some(20_415)));
        assert_eq!((day("2025-11-2"), day("2025-02-30"), day("x' OR 1=1")), (None, None, None));
    }
}
