//! `wirewitness report`: what the archive says on a question, as a page and as a PDF.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use wirewitness_model::case::{self, Case, Question};
use wirewitness_report::case::{Told, page};
use wirewitness_report::paper::pdf;
use wirewitness_report::words::Language;
use wirewitness_store::archive::Archive;
use wirewitness_store::case::{MOST_LISTED, read_case};
use wirewitness_store::query::{Options, Session};

use super::query::{failed, network_names};
use crate::archiving::place::ArchiveArgs;
use crate::command_error::CommandError;
use crate::output::{clean, complain};

/// Write a report that a court or an editor can read, from the archive
///
/// One HTML file that needs nothing else, a PDF, or both, in English or Urdu: the question, what was found, when, in which networks, how, by which
/// rules, what it cannot say, the measurements with their hashes, and what is documented about the systems. The same archive, commit,
/// question and version of the program give the same bytes. Nothing in it names who measured (docs/report.md).
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    archive: ArchiveArgs,
    /// As the archive was at this commit; the newest if not said
    #[arg(long, value_name = "COMMIT")]
    at: Option<u64>,
    /// The question in your own words: it stands at the top
    #[arg(long, value_name = "TEXT")]
    question: Option<String>,
    /// Only of this country, two letters
    #[arg(long, value_name = "CC")]
    country: Option<String>,
    /// Only of this network, like AS17557
    #[arg(long, value_name = "AS", value_parser = network)]
    network: Option<u32>,
    /// Only of this host name and the names under it
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Only from this day on, like 2025-11-23
    #[arg(long, value_name = "DAY", value_parser = day)]
    since: Option<i64>,
    /// Only before this day
    #[arg(long, value_name = "DAY", value_parser = day)]
    until: Option<i64>,
    /// Language of the report
    #[arg(long, value_enum, default_value = "en")]
    lang: Lang,
    /// The page to write
    #[arg(long, value_name = "FILE", required_unless_present = "pdf")]
    html: Option<PathBuf>,
    /// The PDF to write
    #[arg(long, value_name = "FILE")]
    pdf: Option<PathBuf>,
    /// Most rows of the list of measurements; the report says how many more there are
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(0..=MOST_LISTED as i64))]
    measurements: u32,
    /// Names of networks: lines of `number,name`, or the table of --asn
    #[arg(long, value_name = "FILE")]
    network_names: Option<PathBuf>,
    /// Give up after so many seconds
    #[arg(long, value_name = "S")]
    timeout: Option<u64>,
    /// One JSON object: files, commit, counts (docs/report.md)
    #[arg(long)]
    json: bool,
}

/// Languages with a catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Lang {
    /// English
    En,
    /// Urdu, from right to left
    Ur,
}

/// Runs the verb.
pub(crate) fn run(args: &ReportArgs) -> Result<ExitCode, CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let case = runtime.block_on(args.ask())?;
    let language = match args.lang {
        Lang::En => Language::English,
        Lang::Ur => Language::Urdu,
    };
    let told = Told { case: &case, words: language.words(), version: env!("CARGO_PKG_VERSION") };
    if let Some(path) = &args.html {
        write(path, page(&told).as_bytes())?;
    }
    if let Some(path) = &args.pdf {
        let bytes = pdf(&told).map_err(std::io::Error::other)?;
        write(path, &bytes)?;
    }
    args.tell(&case)?;
    Ok(ExitCode::SUCCESS)
}

impl ReportArgs {
    async fn ask(&self) -> Result<Case, CommandError> {
        let options = Options {
            timeout: self.timeout.map(Duration::from_secs),
            names: network_names(self.network_names.as_deref())?,
            ..Options::default()
        };
        let archive = Archive::open_at(&self.archive.url()?, self.at).await?;
        let session = Session::new(&archive, options).await.map_err(failed)?;
        read_case(&archive, &session, &self.asked()).await.map_err(failed)
    }

    fn asked(&self) -> Question {
        Question {
            text: self.question.clone(),
            country: self.country.clone(),
            network: self.network,
            name: self.name.clone(),
            since: self.since,
            until: self.until,
            listed: self.measurements as usize,
        }
    }

    fn tell(&self, case: &Case) -> Result<(), CommandError> {
        let files: Vec<String> =
            self.html.iter().chain(&self.pdf).map(|path| path.display().to_string()).collect();
        let total = case.total;
        if self.json {
            let line = serde_json::json!({
                "files": files, "commit": case.commit, "measurements": total.all(), "ok": total.ok, "down": total.down,
                "blocked": total.blocked, "insufficient": total.insufficient, "vantages": total.vantages,
                "networks": case.networks.all, "targets": case.targets.all, "events": case.events.all,
            });
            writeln!(std::io::stdout().lock(), "{line}")?;
            return Ok(());
        }
        let mut out = std::io::stdout().lock();
        for file in files {
            writeln!(out, "written: {}", clean(&file, 300))?;
        }
        complain(&format!(
            "{} measurements: {} blocked, {} ok, {} down, {} insufficient; commit {}\n",
            total.all(),
            total.blocked,
            total.ok,
            total.down,
            total.insufficient,
            case.commit
        ));
        Ok(())
    }
}

/// Whole or absent: it gets its name when it is complete.
fn write(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    let part = super::query::part_of(path);
    std::fs::write(&part, bytes)?;
    Ok(std::fs::rename(&part, path)?)
}

fn day(text: &str) -> Result<i64, String> {
    case::day(text).ok_or_else(|| "not a day like 2025-11-23".to_owned())
}

fn network(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix("AS").or_else(|| text.strip_prefix("as")).unwrap_or(text);
    digits.parse().map_err(|_| "not a network like AS17557".to_owned())
}
