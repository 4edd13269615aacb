//! `wirewitness ingest`: measurement files into the archive.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use wirewitness_model::hex::hex;
use wirewitness_store::ingest::{Ingest, Judging, Settings, Summary, Used};
use wirewitness_store::{StoreError, Writer, detector_example, remote};

use super::judge::load_fingerprints;
use crate::archiving::finding::{Finding, Found};
use crate::archiving::meter::Meter;
use crate::archiving::place::ArchiveArgs;
use crate::archiving::reading::Reading;
use crate::archiving::refusals::Refusals;
use crate::command_error::CommandError;
use crate::environment;
use crate::input::asn::Tables;
use crate::input::sources;
use crate::output::{clean, complain};
use crate::refreshing::folder::Data;

/// Take measurements into the archive, each exactly once, judged
///
/// Reads OONI measurements (JSON, JSON lines, the YAML reports of old probes) and Censored Planet's scans, and what is found in captures, plain or packed with gzip, zstd, xz or lz4, also
/// in tar and zip files, from files, folders, patterns, standard input, https:// and s3://. Bodies of pages are replaced by length, hash and marks. The
/// same record twice is kept once, however often and in whatever file it is read. What cannot be used is told and kept in the archive's folder
/// `quarantine`; everything else is taken.
#[derive(Debug, Args)]
pub(crate) struct IngestArgs {
    /// Files, folders, patterns, addresses; `-` is standard input
    #[arg(required = true, value_name = "SRC")]
    sources: Vec<OsString>,
    #[command(flatten)]
    archive: ArchiveArgs,
    /// One JSON object at the end: files, added, known, refused, unreadable, bytes, commit (docs/ingest.md)
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    judging: JudgingArgs,
    /// Threads that judge (default: one a core)
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

/// What the judge uses.
#[derive(Debug, Args)]
pub(crate) struct JudgingArgs {
    /// Fingerprints of block pages: OONI's CSV, Censored Planet's JSON lines, or a folder of both. They are used beside
    /// the short list that comes with the program
    #[arg(long, value_name = "PATH")]
    fingerprints: Vec<PathBuf>,
    /// Networks of addresses: mmdb (autonomous_system_number) or lines of `first,last,number,name`, packed or not. Of several, the
    /// first that knows an address answers. Without any, only those in the file are known
    #[arg(long, value_name = "PATH")]
    asn: Vec<PathBuf>,
    /// Fingerprints and networks from a folder that `wirewitness refresh` filled, where --fingerprints or --asn name none
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Runs the verb.
pub(crate) fn run(args: &IngestArgs) -> Result<ExitCode, CommandError> {
    let url = args.archive.url()?;
    let judging = Arc::new(args.judging.judging()?);
    let folder = url.to_file_path().ok();
    let find = || Finding::over(&args.sources, folder.as_deref());
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut writer = runtime.block_on(Writer::open(&url))?;
    let mut examples = Examples::default();
    runtime.block_on(examples.take(&mut writer, find()))?;
    let meter = Meter::over(if Meter::is_hidden() { None } else { find().bytes() });
    let refusals = Refusals::new(folder.as_deref(), meter.clone());
    let settings = args.settings();
    let ingest = Ingest::start_watched(writer, Arc::clone(&judging), settings, Box::new(refusals));
    let mut run =
        Run { reading: Reading::new(ingest, &judging, meter.clone()), meter, unreadable: 0 };
    // Where the archive cannot be written any more, its own words come with the end.
    let _ = run.all(find().filter(|found| !is_example(found)), url.as_str());
    run.finish(args, &examples)
}

impl IngestArgs {
    fn settings(&self) -> Settings {
        let settings = Settings::default();
        Settings { threads: self.threads.unwrap_or(settings.threads), ..settings }
    }
}

impl JudgingArgs {
    /// Reads it.
    pub(crate) fn judging(&self) -> Result<Judging, CommandError> {
        let data = Data::beside(self.data.as_deref(), &self.fingerprints, &self.asn)?;
        let fingerprints = load_fingerprints(&data.fingerprints)?;
        let files = sources::files_under(&data.fingerprints)?;
        let fingerprint_files = used(&files)?;
        let asns = Box::new(Tables::open(&data.asn)?);
        let asn_files = used(&data.asn)?;
        Ok(Judging::new((fingerprints, &fingerprint_files), (asns, &asn_files)))
    }
}

/// Names and hashes of files.
fn used(paths: &[PathBuf]) -> Result<Vec<Used>, CommandError> {
    let unreadable = |path: &PathBuf, source| CommandError::Unreadable {
        path: path.display().to_string(),
        source,
    };
    let used = |path: &PathBuf| {
        let bytes = std::fs::read(path).map_err(|source| unreadable(path, source))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
        Ok(Used { name, sha256: hex(hash.as_ref()) })
    };
    paths.iter().map(used).collect()
}

/// Files of OONI's detector's example among the sources: their rows are verdicts, and there is nothing to judge.
#[derive(Debug, Default)]
struct Examples {
    files: u64,
    added: u64,
    known: u64,
    refused: u64,
}

impl Examples {
    async fn take(&mut self, writer: &mut Writer, find: Finding) -> Result<(), StoreError> {
        for found in find.filter(is_example) {
            let Found::File(path) = &found else { continue };
            let Ok(text) = std::fs::read_to_string(path) else { continue };
            let (taken, refused) =
                detector_example::ingest(writer, &found.short_name(), &text).await?;
            self.files += 1;
            self.added += taken.rows;
            self.known += u64::from(taken.is_known);
            self.refused += refused;
        }
        Ok(())
    }

    fn add_to(&self, summary: &mut Summary) {
        summary.files += self.files;
        summary.added += self.added;
        summary.known += self.known;
        summary.refused += self.refused;
    }
}

/// Whether a file is one, by its name and first bytes.
fn is_example(found: &Found) -> bool {
    use std::io::Read as _;
    let Found::File(path) = found else { return false };
    if path.extension().is_none_or(|extension| extension != "sql") {
        return false;
    }
    let mut head = [0; 512];
    let read = std::fs::File::open(path).and_then(|mut file| file.read(&mut head));
    read.is_ok_and(|read| detector_example::is_such(head.get(..read).unwrap_or_default()))
}

/// One run over all sources.
struct Run<'j> {
    reading: Reading<'j>,
    meter: Meter,
    unreadable: u64,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    summary: &'a Summary,
    unreadable: u64,
    bytes: u64,
}

impl Run<'_> {
    /// All that was found; of buckets, all but the archive's own folder.
    fn all(&mut self, find: impl Iterator<Item = Found>, archive: &str) -> Result<(), StoreError> {
        for found in find {
            match &found {
                Found::Address(address) if remote::is_folder(address) => {
                    self.bucket(address, archive)?;
                }
                _ => {
                    if let Err(error) = self.reading.file(&found)? {
                        self.unreadable(&found.name(), &error.to_string());
                    }
                }
            }
        }
        Ok(())
    }

    fn bucket(&mut self, address: &str, archive: &str) -> Result<(), StoreError> {
        match self.listed(address, archive)? {
            Ok(0) => self.unreadable(address, "there is no file in this folder"),
            Ok(_) => {}
            // What comes behind it is not known.
            Err(error) => self.unreadable(address, &error.to_string()),
        }
        Ok(())
    }

    /// Reads the files of a folder in a bucket. The inner error is that of listing them.
    fn listed(
        &mut self,
        address: &str,
        archive: &str,
    ) -> Result<Result<u64, StoreError>, StoreError> {
        let listing = match remote::list(address, environment::storage()) {
            Ok(listing) => listing,
            Err(error) => return Ok(Err(error)),
        };
        let mut files = 0;
        for listed in listing {
            let listed = match listed {
                Ok(listed) if listed.address.starts_with(archive) => continue,
                Ok(listed) => listed,
                Err(error) => return Ok(Err(error)),
            };
            files += 1;
            match listed.open() {
                Ok(remote) => {
                    let found = Found::Address(listed.address);
                    self.reading.opened(&found, Box::new(remote))?;
                }
                Err(error) => self.unreadable(&listed.address, &error.to_string()),
            }
        }
        Ok(Ok(files))
    }

    fn unreadable(&mut self, name: &str, why: &str) {
        self.unreadable += 1;
        let words = format!("{}: cannot be read: {}\n", clean(name, 300), clean(why, 2000));
        self.meter.suspend(|| complain(&words));
    }

    fn finish(self, args: &IngestArgs, examples: &Examples) -> Result<ExitCode, CommandError> {
        let (unreadable, bytes) = (self.unreadable, self.reading.bytes);
        let (writer, mut summary) = self.reading.into_ingest().finish()?;
        examples.add_to(&mut summary);
        drop(writer);
        self.meter.finish();
        if args.json {
            use std::io::Write as _;
            let line = Line { summary: &summary, unreadable, bytes };
            let line = serde_json::to_string(&line).unwrap_or_default();
            writeln!(std::io::stdout(), "{line}")?;
        } else {
            complain(&words(&summary, unreadable));
        }
        let nothing = summary.added + summary.known == 0 && summary.refused > 0;
        // Some of the input was not seen at all, or none of it could be used: that is our failure.
        Ok(if unreadable > 0 || nothing { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

fn words(summary: &Summary, unreadable: u64) -> String {
    let number = |n: u64, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let mut words = format!(
        "{}: {} added, {} known, {} refused",
        number(summary.files, "file"),
        number(summary.added, "measurement"),
        summary.known,
        summary.refused,
    );
    if unreadable > 0 {
        words.push_str(&format!("; {} unreadable", number(unreadable, "file")));
    }
    format!("{words}; commit {}\n", summary.commit)
}
