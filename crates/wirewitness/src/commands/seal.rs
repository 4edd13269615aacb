//! `wirewitness seal`: files as evidence: one bundle, signed, logged, for some readers only if wished.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;
use time::OffsetDateTime;
use wirewitness_analysis::judge::rules;
use wirewitness_evidence::age::{Encrypting, For, Recipient};
use wirewitness_evidence::bundle::{BundleError, Head};
use wirewitness_evidence::container::Reader;
use wirewitness_evidence::manifest::{Data, Kind};
use wirewitness_evidence::merkle::sha256;
use wirewitness_evidence::note::SignedNote;
use wirewitness_evidence::seal::{Claims, Input, name_for, prepare};
use wirewitness_evidence::share::{Wishes, attach, redact};
use wirewitness_evidence::timestamp;
use wirewitness_evidence::verify::{Trust, verify};
use wirewitness_model::hex::hex;

use crate::command_error::CommandError;
use crate::environment;
use crate::output::{clean, complain};
use crate::sealing::keys::KeyArgs;
use crate::sealing::log::Log;
use crate::sealing::opening::OpenArgs;
use crate::sealing::place::New;
use crate::sealing::{bad_bundle, bad_file, random, unreadable, words};

/// Seal files as evidence: one bundle, signed, and entered into a log that cannot be rewritten unseen
///
/// The key is made on first use. Nothing leaves this machine. With `--encrypt-to` the bundle is for those readers only, and no plain copy
/// of it is ever written. `wirewitness verify` checks a bundle (docs/evidence.md).
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct SealArgs {
    #[command(subcommand)]
    what: Option<What>,
    /// Files: measurements, captures, reports, anything
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    to: Option<ToArgs>,
    /// Words of yours about it: they are signed, and every reader sees them
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
    /// A folder of tables and lists that were used (as `refresh` filled it): their names and hashes are sealed, not the files
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    key: KeyArgs,
    /// The folder of the log. Without this: `log` in the folder for data
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
}

/// Where a bundle goes.
#[derive(Debug, Clone, Args)]
struct ToArgs {
    /// The bundle to write. It must not be there yet
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Only for who holds this key of age (age1..). May be given several times
    #[arg(long, value_name = "RECIPIENT")]
    encrypt_to: Vec<String>,
    /// One JSON object (docs/json.md)
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    Redact(RedactArgs),
    Attach(AttachArgs),
    Request(RequestArgs),
    Growth(GrowthArgs),
    Key(KeyOfArgs),
}

/// Leave something out of a bundle; the first signature still holds, and says what is missing
#[derive(Debug, Args)]
struct RedactArgs {
    /// The bundle
    bundle: PathBuf,
    /// A field of measurements, in every record: `probe_ip`, `test_keys.requests[*].response.body`. May be given several times
    #[arg(long, value_name = "FIELD", required_unless_present = "leave_out_file")]
    leave_out: Vec<String>,
    /// A whole file, by its name in the bundle. May be given several times
    #[arg(long, value_name = "NAME")]
    leave_out_file: Vec<String>,
    #[command(flatten)]
    open: OpenArgs,
    #[command(flatten)]
    to: ToArgs,
}

/// Put time stamps of an authority and signatures of witnesses under a bundle
#[derive(Debug, Args)]
struct AttachArgs {
    /// The bundle
    bundle: PathBuf,
    /// An authority's answer to `seal request` (RFC 3161). May be given several times
    #[arg(long, value_name = "FILE", required_unless_present = "cosigned")]
    timestamp: Vec<PathBuf>,
    /// The bundle's checkpoint, with signatures of witnesses under it. May be given several times
    #[arg(long, value_name = "FILE")]
    cosigned: Vec<PathBuf>,
    #[command(flatten)]
    open: OpenArgs,
    #[command(flatten)]
    to: ToArgs,
}

/// Write what a time stamping authority is to be sent (RFC 3161), or what a witness is to sign
///
/// The request holds a hash and nothing of the bundle: `curl -H "Content-Type: application/timestamp-query" --data-binary @request.tsq URL`
#[derive(Debug, Args)]
struct RequestArgs {
    /// The bundle
    bundle: PathBuf,
    #[command(flatten)]
    open: OpenArgs,
    /// The request to write
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Write the checkpoint of the bundle's log instead, for a witness
    #[arg(long)]
    checkpoint: bool,
}

/// Write the proof that your log only grew since it had so many entries
///
/// A reader with an older bundle checks it with `verify --growth`, without the log; a witness is asked for its signature with it (add-checkpoint of
/// c2sp.org/tlog-witness). It holds hashes and your log's checkpoint.
#[derive(Debug, Args)]
struct GrowthArgs {
    /// How many entries the log had then: `verify` says it of a bundle, a witness says it of what it signed last
    #[arg(long, value_name = "ENTRIES")]
    since: u64,
    /// The proof to write
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    key: KeyArgs,
    /// The folder of the log. Without this: `log` in the folder for data
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
}

/// Show the public half of the signing key: what readers need (`verify --key`), and its fingerprint
#[derive(Debug, Args)]
struct KeyOfArgs {
    #[command(flatten)]
    key: KeyArgs,
    /// One JSON object (docs/json.md)
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub(crate) fn run(args: &SealArgs) -> Result<ExitCode, CommandError> {
    match &args.what {
        None => args.seal()?,
        Some(What::Redact(args)) => args.run()?,
        Some(What::Attach(args)) => args.run()?,
        Some(What::Request(args)) => args.run()?,
        Some(What::Growth(args)) => args.run()?,
        Some(What::Key(args)) => args.run()?,
    }
    Ok(ExitCode::SUCCESS)
}

impl SealArgs {
    fn seal(&self) -> Result<(), CommandError> {
        let to =
            self.to.as_ref().ok_or_else(|| usage("where is the bundle to go?", "--output FILE"))?;
        let recipients = to.recipients()?;
        to.check_absent()?;
        let inputs = self.inputs()?;
        let folder = log_folder(self.log.as_ref())?;
        let (key, path, is_new) = self.key.key()?;
        if is_new {
            let (path, key) = (path.display(), key.verifier());
            complain(&format!("made a signing key: {path}\n  its public half: {key}\n"));
        }
        let now = words::written(OffsetDateTime::now_utc());
        let claims = Claims {
            sealed_at: now,
            program: format!("wirewitness {}", env!("CARGO_PKG_VERSION")),
            note: self.note.clone(),
            rules: rules().map(|it| (it.id.to_owned(), u32::from(it.version))).collect(),
            data: self.data.as_deref().map(data).transpose()?.unwrap_or_default(),
        };
        let failed = |error| bad_bundle(&to.output, &error);
        let prepared = prepare(&inputs, claims, key.verifier(), &mut random).map_err(failed)?;
        let proof = Log::append(&folder, &key, &prepared.statement())?;
        let index = proof.index;
        let signed = prepared.signed(&key);
        to.write(&recipients, |out| {
            prepared.write(&inputs, (signed, proof, Vec::new()), out).map(drop)
        })?;
        let files: Vec<_> = prepared.manifest().items.iter().map(|it| it.path.as_str()).collect();
        to.tell(&json!({
            "bundle": to.output.display().to_string(), "key": key.verifier().to_string(),
            "fingerprint": key.verifier().fingerprint(), "index": index, "files": files,
            "encrypted": !recipients.is_empty(),
        }))
    }

    fn inputs(&self) -> Result<Vec<Input<'_>>, CommandError> {
        let mut inputs: Vec<Input<'_>> = Vec::new();
        for path in &self.files {
            let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, error))?;
            if !metadata.is_file() {
                return Err(usage(
                    &format!("{} is no file", path.display()),
                    "name the files in it",
                ));
            }
            let own = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let kind = kind(&own);
            let is_taken = |name: &str| inputs.iter().any(|it| it.path.eq_ignore_ascii_case(name));
            let name = name_for(kind, &own, &is_taken);
            let open = move || Ok(Box::new(File::open(path)?) as Box<dyn Read>);
            inputs.push(Input { path: name, kind, open: Box::new(open) });
        }
        Ok(inputs)
    }
}

impl ToArgs {
    fn recipients(&self) -> Result<Vec<Recipient>, CommandError> {
        let parsed = self.encrypt_to.iter().map(|it| {
            Recipient::parse(it).map_err(|error| usage(&error.to_string(), "age-keygen shows it"))
        });
        parsed.collect()
    }

    fn check_absent(&self) -> Result<(), CommandError> {
        if self.output.symlink_metadata().is_ok() {
            let message = format!("{} is there already", self.output.display());
            return Err(usage(&message, "another name: evidence is not overwritten"));
        }
        Ok(())
    }

    /// Writes a bundle that is whole or absent, for these recipients only if there are some.
    fn write(
        &self,
        recipients: &[Recipient],
        make: impl FnOnce(&mut dyn io::Write) -> Result<(), BundleError>,
    ) -> Result<(), CommandError> {
        let failed = |error| unreadable(&self.output, error);
        let new = New::at(&self.output).map_err(failed)?;
        let mut out = io::BufWriter::new(&new.file);
        let made = if recipients.is_empty() {
            make(&mut out).map_err(|error| bad_bundle(&self.output, &error))
        } else {
            let whom = For::Recipients(recipients);
            Encrypting::new(&mut out, &whom, &mut random)
                .map_err(|error| bad_file(&self.output, error, "are the recipients right?"))
                .and_then(|mut out| {
                    make(&mut out).map_err(|error| bad_bundle(&self.output, &error))?;
                    out.finish().map(drop).map_err(failed)
                })
        };
        let made = made.and_then(|()| out.flush().map_err(failed));
        drop(out);
        match made {
            Ok(()) => new.keep().map_err(failed),
            Err(error) => {
                new.drop_it();
                Err(error)
            }
        }
    }

    fn tell(&self, line: &serde_json::Value) -> Result<(), CommandError> {
        let mut out = io::stdout().lock();
        if self.json {
            writeln!(out, "{line}")?;
        } else {
            writeln!(out, "wrote {}", clean(&self.output.display().to_string(), 300))?;
        }
        Ok(())
    }
}

impl RedactArgs {
    fn run(&self) -> Result<(), CommandError> {
        let recipients = self.to.recipients()?;
        self.to.check_absent()?;
        check(&self.bundle, &self.open)?;
        let wishes = Wishes { files: self.leave_out_file.clone(), fields: self.leave_out.clone() };
        let (file, _) = self.open.open(&self.bundle)?;
        let mut counts = None;
        self.to.write(&recipients, |out| {
            let (_, found) = redact(file, out, &wishes)?;
            // Who asks for something to be gone must not believe that it is where it never was found.
            if let Some((wish, _)) = found.iter().find(|it| *it.1 == 0) {
                return Err(BundleError::Wish(format!(
                    "there is no {wish} in it: nothing was written"
                )));
            }
            counts = Some(found);
            Ok(())
        })?;
        let bundle = self.to.output.display().to_string();
        self.to.tell(&json!({ "bundle": bundle, "left_out": counts.unwrap_or_default() }))
    }
}

impl AttachArgs {
    fn run(&self) -> Result<(), CommandError> {
        let recipients = self.to.recipients()?;
        self.to.check_absent()?;
        check(&self.bundle, &self.open)?;
        let head = head(&self.bundle, &self.open)?;
        let mut stamps = Vec::new();
        for path in &self.timestamp {
            let answer = read(path, 1 << 20)?;
            let hint = "the authority's answer to this bundle's `seal request`";
            let token = timestamp::token(&answer).map_err(|error| bad_file(path, error, hint))?;
            timestamp::verify(&token, head.statement.to_string().as_bytes(), &[])
                .map_err(|error| bad_file(path, error, hint))?;
            stamps.push(token);
        }
        let mut cosigned = Vec::new();
        for path in &self.cosigned {
            let note = SignedNote::parse(&read(path, 1 << 20)?);
            let hint = "the checkpoint of `seal request --checkpoint`, with signatures under it";
            cosigned.push(note.map_err(|error| bad_file(path, error, hint))?);
        }
        let (file, _) = self.open.open(&self.bundle)?;
        self.to.write(&recipients, |out| attach(file, out, (&cosigned, &stamps)).map(drop))?;
        let bundle = self.to.output.display().to_string();
        self.to.tell(
            &json!({ "bundle": bundle, "timestamps": stamps.len(), "cosigned": cosigned.len() }),
        )
    }
}

impl RequestArgs {
    fn run(&self) -> Result<(), CommandError> {
        check(&self.bundle, &self.open)?;
        let head = head(&self.bundle, &self.open)?;
        let bytes = if self.checkpoint {
            head.proof.checkpoint.to_string().into_bytes()
        } else {
            let nonce = random()?.first_chunk().map_or(0, |it| u64::from_be_bytes(*it));
            timestamp::request(head.statement.to_string().as_bytes(), nonce)
        };
        std::fs::write(&self.output, bytes).map_err(|error| unreadable(&self.output, error))
    }
}

impl GrowthArgs {
    fn run(&self) -> Result<(), CommandError> {
        let folder = log_folder(self.log.as_ref())?;
        let (key, _, _) = self.key.key()?;
        let log = Log::read(&folder, key.verifier())?;
        let growth = log.growth(self.since).ok_or_else(|| {
            let have = log.checkpoint().size;
            usage(&format!("the log has {have} entries, not {} or more", self.since), "--since N")
        })?;
        std::fs::write(&self.output, growth.to_string())
            .map_err(|error| unreadable(&self.output, error))
    }
}

impl KeyOfArgs {
    fn run(&self) -> Result<(), CommandError> {
        let (key, path, _) = self.key.key()?;
        let (verifier, path) = (key.verifier(), path.display().to_string());
        let mut out = io::stdout().lock();
        if self.json {
            let (key, fingerprint) = (verifier.to_string(), verifier.fingerprint());
            writeln!(out, "{}", json!({ "key": key, "fingerprint": fingerprint, "file": path }))?;
        } else {
            writeln!(out, "{verifier}\nfingerprint {}", verifier.fingerprint())?;
        }
        Ok(())
    }
}

fn log_folder(named: Option<&PathBuf>) -> Result<PathBuf, CommandError> {
    if let Some(folder) = named {
        return Ok(folder.clone());
    }
    environment::data_folder().map(|it| it.join("log")).ok_or_else(|| {
        usage("there is no folder for data here", "name a place for the log with --log DIR")
    })
}

/// A bundle that does not hold is not handed on.
fn check(path: &Path, open: &OpenArgs) -> Result<(), CommandError> {
    let (file, _) = open.open(path)?;
    verify(file, &Trust::default()).map(drop).map_err(|error| bad_bundle(path, &error))
}

fn head(path: &Path, open: &OpenArgs) -> Result<Head, CommandError> {
    let (file, _) = open.open(path)?;
    let head = Head::read(&mut Reader::new(file));
    head.map(|it| it.0).map_err(|error| bad_bundle(path, &error))
}

/// What kind of file this is, by its name.
fn kind(name: &str) -> Kind {
    let name = name.to_ascii_lowercase();
    let packed = [".gz", ".zst", ".xz", ".lz4"];
    let plain = packed.iter().find_map(|it| name.strip_suffix(it)).unwrap_or(&name);
    match plain.rsplit('.').next() {
        Some("json" | "jsonl" | "ndjson" | "yaml" | "yml") => Kind::Measurements,
        Some("pcap" | "pcapng" | "cap") => Kind::Capture,
        Some("html" | "pdf" | "md" | "txt") => Kind::Report,
        _ => Kind::Other,
    }
}

/// Names and hashes of the files in a folder and its folders, in order.
fn data(folder: &Path) -> Result<Vec<Data>, CommandError> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let entries = std::fs::read_dir(&next).map_err(|error| unreadable(&next, error))?;
        for entry in entries {
            let path = entry.map_err(|error| unreadable(&next, error))?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = read(&path, u64::MAX)?;
                let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
                found.push(Data { name, sha256: hex(&sha256(&[&bytes])) });
            }
        }
    }
    found.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(found)
}

fn read(path: &Path, most: u64) -> Result<Vec<u8>, CommandError> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| unreadable(path, error))?;
    file.take(most).read_to_end(&mut bytes).map_err(|error| unreadable(path, error))?;
    Ok(bytes)
}

fn usage(message: &str, hint: &str) -> CommandError {
    CommandError::Usage { message: message.to_owned(), hint: hint.to_owned() }
}
