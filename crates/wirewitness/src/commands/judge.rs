//! `wirewitness judge`: recompute the verdict of OONI measurement files, with mechanism and evidence.

use std::borrow::Cow;
use std::io::{BufWriter, IsTerminal as _, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Serialize;
use wirewitness_analysis::fingerprints::{self, Fingerprints};
use wirewitness_analysis::judge::ooni::OoniKeys;
use wirewitness_analysis::judge::{Context, Judgement, judge};
use wirewitness_model::ooni::Measurement;
use wirewitness_model::verdict::{Status, Verdict};

use crate::command_error::CommandError;
use crate::input::asn::Tables;
use crate::input::sources::{self, Source};
use crate::input::{self, Problem, Record};
use crate::output::{self, Summary};
#[cfg(feature = "archive")]
use crate::refreshing::folder::Data;

/// Judge OONI measurement files: what was done to the connection, by whom, on what evidence
///
/// Reads JSON, JSON lines and the YAML reports of old probes, plain or compressed with gzip, zstd, xz or lz4. Each measurement
/// gets OONI's own keys, recomputed from its raw observations, and beside them our verdict: status, mechanism, locus,
/// the rule that says so, the evidence, and what the measurement cannot tell apart. Nothing leaves this machine.
#[derive(Debug, Args)]
pub(crate) struct JudgeArgs {
    /// Files and folders of measurements; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Say in words what was seen, what was expected and what cannot be told apart
    #[arg(long, conflicts_with = "json")]
    explain: bool,
    /// One JSON object a line: file, test_name, input, ooni, verdict (docs/json.md)
    #[arg(long)]
    json: bool,
    /// Fingerprints of block pages: OONI's CSV, Censored Planet's JSON lines, or a folder of both. They are used beside
    /// the short list that comes with the program
    #[arg(long, value_name = "PATH")]
    fingerprints: Vec<PathBuf>,
    /// Networks of addresses: mmdb (autonomous_system_number) or lines of `first,last,number,name`, packed or not. Of several, the
    /// first that knows an address answers. Without any, only those in the file are known
    #[arg(long, value_name = "PATH")]
    asn: Vec<PathBuf>,
    /// Fingerprints and networks from a folder that `wirewitness refresh` filled, where --fingerprints or --asn name none
    #[cfg(feature = "archive")]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Exit with code 3 where any measurement has this status
    #[arg(long, value_name = "STATUS")]
    fail_on: Option<FailOn>,
}

/// A status to fail on.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum FailOn {
    /// Something between here and the target denied it
    Blocked,
    /// The target itself did not work
    Down,
    /// The measurement carries no answer
    Insufficient,
}

impl From<FailOn> for Status {
    fn from(fail_on: FailOn) -> Self {
        match fail_on {
            FailOn::Blocked => Self::Blocked,
            FailOn::Down => Self::Down,
            FailOn::Insufficient => Self::Insufficient,
        }
    }
}

/// Exit code of a finding that the person asked to fail on.
pub(crate) const EXIT_FOUND: u8 = 3;

/// Runs the verb.
pub(crate) fn run(args: &JudgeArgs) -> Result<ExitCode, CommandError> {
    let (fingerprints, asns) = args.tables()?;
    let context = Context { asns: &asns, fingerprints: &fingerprints };
    let sources = sources::expand(&args.files);
    let mut judging = Judging {
        args,
        context,
        out: BufWriter::with_capacity(1 << 16, std::io::stdout().lock()),
        summary: Summary::default(),
        progress: input::progress::Progress::over(&sources),
        complaints: 0,
    };
    judging.head()?;
    for source in &sources {
        judging.source(source)?;
    }
    judging.finish()
}

impl JudgeArgs {
    #[cfg(feature = "archive")]
    fn tables(&self) -> Result<(Fingerprints, Tables), CommandError> {
        let data = Data::beside(self.data.as_deref(), &self.fingerprints, &self.asn)?;
        Ok((load_fingerprints(&data.fingerprints)?, Tables::open(&data.asn)?))
    }

    #[cfg(not(feature = "archive"))]
    fn tables(&self) -> Result<(Fingerprints, Tables), CommandError> {
        Ok((load_fingerprints(&self.fingerprints)?, Tables::open(&self.asn)?))
    }
}

/// One run over all sources.
struct Judging<'a> {
    args: &'a JudgeArgs,
    context: Context<'a>,
    out: BufWriter<std::io::StdoutLock<'a>>,
    summary: Summary,
    progress: input::progress::Progress,
    /// Complaints about the source at hand.
    complaints: u64,
}

/// A file's name, made safe for a terminal.
fn name_words(name: &str) -> String {
    output::clean(name, 300)
}

/// More complaints about one file are counted, not printed.
const MAX_COMPLAINTS: u64 = 20;

impl Judging<'_> {
    fn head(&mut self) -> Result<(), CommandError> {
        if !self.args.json {
            self.out.write_all(output::table_head().as_bytes())?;
        }
        Ok(())
    }

    fn source(&mut self, source: &Source) -> Result<(), CommandError> {
        self.complaints = 0;
        let mut records = match source.open() {
            Ok(records) => records,
            Err(error) => {
                self.summary.unreadable += 1;
                self.say(&format!("{}: cannot be read: {error}\n", name_words(source.name())));
                return Ok(());
            }
        };
        while let Some(next) = records.next() {
            match next {
                Ok(record) => self.record(source.name(), &record)?,
                Err(problem) => self.refuse(source.name(), &problem),
            }
        }
        self.progress.advance(source.size());
        if self.complaints > MAX_COMPLAINTS {
            let more = self.complaints - MAX_COMPLAINTS;
            self.say(&format!("{}: {more} more records refused\n", name_words(source.name())));
        }
        Ok(())
    }

    fn record(&mut self, file: &str, record: &Record<'_>) -> Result<(), CommandError> {
        match record.measurement() {
            Ok(measurement) => self.measurement(file, record.line, &measurement),
            Err(problem) => {
                self.refuse(file, &problem);
                Ok(())
            }
        }
    }

    fn measurement(
        &mut self,
        file: &str,
        line: u64,
        measurement: &Measurement<'_>,
    ) -> Result<(), CommandError> {
        let judgement = judge(measurement, &self.context);
        self.summary.count(&judgement.verdict);
        self.progress.tick();
        if self.args.json {
            write_json(&mut self.out, file, line, measurement, &judgement)?;
            return Ok(());
        }
        self.out.write_all(output::table_row(measurement, &judgement).as_bytes())?;
        if self.args.explain {
            let place = format!("{file} line {line}");
            self.out.write_all(output::explanation(&place, measurement, &judgement).as_bytes())?;
        }
        Ok(())
    }

    fn refuse(&mut self, file: &str, problem: &Problem) {
        self.summary.refused += 1;
        self.complaints += 1;
        if self.complaints <= MAX_COMPLAINTS {
            self.say(&format!("{}: {problem}\n", name_words(file)));
        }
    }

    fn say(&self, text: &str) {
        self.progress.suspend(|| output::complain(text));
    }

    fn finish(mut self) -> Result<ExitCode, CommandError> {
        self.out.flush()?;
        self.progress.finish();
        let is_quiet =
            self.args.json && !std::io::stderr().is_terminal() && self.summary.refused == 0;
        if !is_quiet {
            output::complain(&format!("\n{}", self.summary.words("judged")));
        }
        let found = self.args.fail_on.is_some_and(|status| self.summary.of(status.into()) > 0);
        Ok(
            match (
                found,
                self.summary.unreadable > 0,
                self.summary.is_empty() && self.summary.refused > 0,
            ) {
                (true, ..) => ExitCode::from(EXIT_FOUND),
                // Some of the input was not seen at all, or none of it could be read: that is our failure.
                (_, true, _) | (_, _, true) => ExitCode::FAILURE,
                _ => ExitCode::SUCCESS,
            },
        )
    }
}

/// A line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    file: &'a str,
    line: u64,
    test_name: Option<&'a str>,
    input: Option<Cow<'a, str>>,
    ooni: &'a Option<OoniKeys<'a>>,
    verdict: &'a Verdict,
}

fn write_json(
    out: &mut impl Write,
    file: &str,
    line: u64,
    measurement: &Measurement<'_>,
    judgement: &Judgement<'_>,
) -> std::io::Result<()> {
    let row = Line {
        file,
        line,
        test_name: measurement.test_name.as_str(),
        input: measurement.input(),
        ooni: &judgement.ooni,
        verdict: &judgement.verdict,
    };
    serde_json::to_writer(&mut *out, &row)?;
    out.write_all(b"\n")
}

/// The shipped list and those that the person names. Bad rows are told and left out.
pub(crate) fn load_fingerprints(paths: &[PathBuf]) -> Result<Fingerprints, CommandError> {
    let mut rows = Fingerprints::shipped_rows();
    for path in sources::files_under(paths)? {
        let bytes = std::fs::read(&path).map_err(|source| CommandError::Unreadable {
            path: path.display().to_string(),
            source,
        })?;
        let parsed = fingerprints::parse(&path.display().to_string(), &bytes);
        for error in &parsed.errors {
            output::complain(&format!("{error}\n"));
        }
        if parsed.rows.is_empty() {
            return Err(CommandError::BadFile {
                path: path.display().to_string(),
                message: "holds no fingerprint".to_owned(),
                hint: "expected OONI's CSV (name,scope,..) or Censored Planet's JSON lines"
                    .to_owned(),
            });
        }
        rows.extend(parsed.rows);
    }
    let (compiled, errors) = Fingerprints::compile(rows);
    for error in &errors {
        output::complain(&format!("{error}\n"));
    }
    Ok(compiled)
}
