//! What is told of each measurement: a row or a line of JSON, a line in the file, and the count at the end.
//!
//! What the judge gets is the text that is written to the file, and nothing else: `wirewitness judge` gives the same
//! verdict on that file. What a scenario holds for true is compared with the verdict afterwards; the judge never sees it.

use std::borrow::Cow;
use std::io::{BufWriter, IsTerminal as _, Write};
use std::process::ExitCode;

use serde::Serialize;
use serde_json::Value;
use wirewitness_analysis::fingerprints::Fingerprints;
use wirewitness_analysis::judge::ooni::OoniKeys;
use wirewitness_analysis::judge::{Context, Judgement, functions, judge};
use wirewitness_lab::Truth;
use wirewitness_model::ooni::Measurement;
use wirewitness_model::verdict::{Mechanism, Status, Verdict};
use wirewitness_probe::journal::Journal;
use wirewitness_probe::scrub::Scrubber;

use super::apps;
use super::settings::TellArgs;
use crate::command_error::CommandError;
use crate::commands::judge::{EXIT_FOUND, load_fingerprints};
use crate::input::Record;
use crate::input::progress::Progress;
use crate::output::{self, Columns, Summary};

/// Tells what comes, and keeps count.
pub(crate) struct Report<'a> {
    args: &'a TellArgs,
    fingerprints: Fingerprints,
    columns: Columns,
    scrubber: Scrubber,
    journal: Option<Journal>,
    out: BufWriter<std::io::StdoutLock<'a>>,
    progress: Progress,
    summary: Summary,
    truths: Truths,
    /// Lines in the output file.
    written: u64,
}

/// Verdicts beside what a scenario holds for true.
#[derive(Debug, Default)]
struct Truths {
    compared: u64,
    equal: u64,
}

/// Where a measurement was taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken<'t> {
    /// The client, in a lab.
    pub(crate) client: Option<&'t str>,
    /// The round, from 1.
    pub(crate) round: u32,
    /// What a verdict must be, where a scenario says so.
    pub(crate) truth: Option<&'t Truth>,
}

/// Where measurements go.
pub(crate) struct Places {
    /// What must not be written.
    pub(crate) scrubber: Scrubber,
    /// The output file.
    pub(crate) journal: Option<Journal>,
    /// Measurements to come.
    pub(crate) expected: u64,
    /// Widths of the table.
    pub(crate) columns: Columns,
}

impl<'a> Report<'a> {
    /// Begins to tell.
    pub(crate) fn begin(args: &'a TellArgs, places: Places) -> Result<Self, CommandError> {
        let written = places.journal.as_ref().map_or(0, |journal| {
            let found = journal.found();
            found.measurements + found.damaged_lines
        });
        let mut report = Self {
            args,
            fingerprints: load_fingerprints(&args.fingerprints)?,
            columns: places.columns,
            scrubber: places.scrubber,
            journal: places.journal,
            out: BufWriter::new(std::io::stdout().lock()),
            progress: Progress::over_targets(places.expected),
            summary: Summary::default(),
            truths: Truths::default(),
            written,
        };
        if !args.json {
            let head = report.columns.head();
            report.print(&head)?;
        }
        Ok(report)
    }

    /// Writes, judges and tells one measurement.
    pub(crate) fn measurement(
        &mut self,
        measurement: Value,
        taken: Taken<'_>,
    ) -> Result<(), CommandError> {
        self.progress.advance(1);
        let input = measurement.get("input").and_then(Value::as_str).unwrap_or("-").to_owned();
        // Nothing of it is written or told before it is clean.
        let clean = match self.scrubber.scrub(measurement) {
            Ok(clean) => clean,
            Err(error) => {
                self.refuse(&input, &error.to_string());
                return Ok(());
            }
        };
        if let Some(journal) = &mut self.journal {
            journal.append(&clean)?;
            self.written += 1;
        }
        if let Some(spent) = apps::spent(clean.value()) {
            self.say(&spent);
        }
        let text = clean.value().to_string();
        let record = Record { offset: 0, line: self.written.max(1), text: &text };
        match record.measurement() {
            Ok(measurement) => self.judged(&measurement, taken),
            Err(problem) => {
                self.refuse(&input, &problem.to_string());
                Ok(())
            }
        }
    }

    fn judged(
        &mut self,
        measurement: &Measurement<'_>,
        taken: Taken<'_>,
    ) -> Result<(), CommandError> {
        let context = Context::new(&self.fingerprints);
        let judgement = judge(measurement, &context);
        let verdict = &judgement.verdict;
        self.summary.count(verdict);
        if let Some(truth) = taken.truth {
            self.truths.compared += 1;
            self.truths.equal += u64::from(is_equal(verdict, truth));
        }
        let text = if self.args.json {
            self.json(measurement, &judgement, taken)?
        } else {
            self.rows(measurement, &judgement, taken)
        };
        self.print(&text)
    }

    fn rows(
        &self,
        measurement: &Measurement<'_>,
        judgement: &Judgement<'_>,
        taken: Taken<'_>,
    ) -> String {
        let truth = taken.truth.map(|truth| truth_words(&judgement.verdict, truth));
        let mut text = self.columns.row(measurement, &judgement.verdict, (taken.client, truth));
        for (name, verdict) in functions(measurement) {
            let mechanism = verdict.mechanism.map_or("-", Mechanism::word);
            let name = output::clean(&name, 40);
            text.push_str(&format!("  {name}: {} {mechanism}\n", verdict.status));
        }
        if self.args.explain {
            let file = self.args.output.as_ref().map(|path| path.display().to_string());
            let place = file.map_or_else(
                || "not written to a file".to_owned(),
                |file| format!("{file} line {}", self.written),
            );
            text.push_str(&output::explanation(&place, measurement, judgement));
        }
        text
    }

    fn json(
        &self,
        measurement: &Measurement<'_>,
        judgement: &Judgement<'_>,
        taken: Taken<'_>,
    ) -> Result<String, CommandError> {
        let row = Line {
            client: taken.client,
            round: taken.round,
            line: self.journal.as_ref().map(|_| self.written),
            test_name: measurement.test_name.as_str(),
            input: measurement.input(),
            ooni: &judgement.ooni,
            verdict: &judgement.verdict,
            functions: functions(measurement)
                .into_iter()
                .map(|(name, verdict)| LineFunction { name, verdict })
                .collect(),
            truth: taken.truth.map(|truth| LineTruth {
                status: truth.status,
                mechanism: truth.mechanism,
                equal: is_equal(&judgement.verdict, truth),
            }),
        };
        let mut text = serde_json::to_string(&row).map_err(std::io::Error::from)?;
        text.push('\n');
        Ok(text)
    }

    /// Whether the output file has this target already.
    pub(crate) fn has(&self, url: &str) -> bool {
        self.journal.as_ref().is_some_and(|journal| journal.has(TEST_NAME, Some(url)))
    }

    /// Tells why there is nothing to tell of a target.
    pub(crate) fn refuse(&mut self, target: &str, reason: &str) {
        self.summary.refused += 1;
        let target = output::clean(target, 300);
        self.say(&format!("{target}: {}\n", output::clean(reason, 300)));
    }

    /// Says something beside the table.
    pub(crate) fn say(&self, text: &str) {
        self.progress.suspend(|| output::complain(text));
    }

    /// A measurement is slow and a reader waits: each is shown when it is there.
    fn print(&mut self, text: &str) -> Result<(), CommandError> {
        let out = &mut self.out;
        let mut written = Ok(());
        self.progress
            .suspend(|| written = out.write_all(text.as_bytes()).and_then(|()| out.flush()));
        Ok(written?)
    }

    /// The summary, and the exit code.
    pub(crate) fn finish(mut self) -> Result<ExitCode, CommandError> {
        self.out.flush()?;
        if let Some(journal) = &self.journal {
            journal.sync()?;
        }
        self.progress.finish();
        let is_quiet =
            self.args.json && !std::io::stderr().is_terminal() && self.summary.refused == 0;
        if !is_quiet {
            output::complain(&format!(
                "\n{}{}",
                self.summary.words("measured"),
                self.truths.words()
            ));
        }
        let found = self.args.fail_on.is_some_and(|status| self.summary.of(status.into()) > 0);
        Ok(match (found, self.summary.is_empty() && self.summary.refused > 0) {
            (true, _) => ExitCode::from(EXIT_FOUND),
            (false, true) => ExitCode::FAILURE,
            (false, false) => ExitCode::SUCCESS,
        })
    }
}

/// The one test that is run.
pub(crate) const TEST_NAME: &str = "web_connectivity";

impl Truths {
    fn words(&self) -> String {
        let Self { compared, equal } = self;
        if *compared == 0 {
            return String::new();
        }
        format!("{equal} of {compared} verdicts equal the scenario's truth\n")
    }
}

fn is_equal(verdict: &Verdict, truth: &Truth) -> bool {
    verdict.status == truth.status && verdict.mechanism == truth.mechanism
}

fn truth_words(verdict: &Verdict, truth: &Truth) -> String {
    if is_equal(verdict, truth) {
        return "ok".to_owned();
    }
    let mechanism = truth.mechanism.map_or("-", Mechanism::word);
    format!("WRONG: {} {mechanism}", truth.status)
}

/// A line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    client: Option<&'a str>,
    round: u32,
    line: Option<u64>,
    test_name: Option<&'a str>,
    input: Option<Cow<'a, str>>,
    ooni: &'a Option<OoniKeys<'a>>,
    verdict: &'a Verdict,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    functions: Vec<LineFunction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    truth: Option<LineTruth>,
}

/// A function of an application, in a line of `--json`.
#[derive(Serialize)]
struct LineFunction {
    name: String,
    verdict: Verdict,
}

/// What a scenario holds for true, in a line of `--json`.
#[derive(Serialize)]
struct LineTruth {
    status: Status,
    mechanism: Option<Mechanism>,
    equal: bool,
}
