//! `wirewitness verify`: what a sealed bundle proves, by whom and since when; and what it does not.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::json;
use wirewitness_evidence::bundle::BundleError;
use wirewitness_evidence::checkpoint::Checkpoint;
use wirewitness_evidence::growth::Growth;
use wirewitness_evidence::note::{SignedNote, VerifierKey};
use wirewitness_evidence::verify::{Trust, Verified, verify};

use crate::command_error::CommandError;
use crate::output::{clean, complain};
use crate::sealing::log::Log;
use crate::sealing::opening::OpenArgs;
use crate::sealing::words::{self, Beside};
use crate::sealing::{bad_bundle, bad_file, unreadable};

/// Check sealed bundles: what is proven, by whom, since when, and what is not
///
/// Works offline and reads nothing but the files that are named. Exit code 1 where one bit is not as it was sealed, or a file cannot be
/// read. Several bundles of one key are held against each other, too.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Bundles that `wirewitness seal` made
    #[arg(required = true, value_name = "BUNDLE")]
    bundles: Vec<PathBuf>,
    /// A key that may have signed, as its holder told you (`wirewitness seal key`), or a file with it. May be given several times; bundles
    /// of other keys fail then
    #[arg(long, value_name = "KEY")]
    key: Vec<String>,
    /// A witness of logs (a cosigner's key), or a file with it. May be given several times
    #[arg(long, value_name = "KEY")]
    witness: Vec<String>,
    /// Certificates (PEM or DER) of time stamping authorities, or of who certifies them. May be given several times
    #[arg(long, value_name = "FILE")]
    tsa_certificate: Vec<PathBuf>,
    /// The folder of the sealer's log: has to continue what the bundles say of it
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
    /// A checkpoint of the sealer's log that you kept: the bundles, and the log, have to agree with it. May be given several times
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// A proof that the sealer's log only grew (`wirewitness seal growth`), from the number of entries that a bundle or another proof
    /// says. May be given several times
    #[arg(long, value_name = "FILE")]
    growth: Vec<PathBuf>,
    #[command(flatten)]
    open: OpenArgs,
    /// One JSON object a line, one line a bundle (docs/json.md)
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub(crate) fn run(args: &VerifyArgs) -> Result<ExitCode, CommandError> {
    let trust = trust(args)?;
    let mut out = std::io::stdout().lock();
    let (mut seen, mut failed) = (Vec::<Seen>::new(), false);
    for (number, path) in args.bundles.iter().enumerate() {
        let name = path.display().to_string();
        match checked(path, (args, &trust), &mut seen) {
            Ok((verified, beside)) if args.json => {
                writeln!(out, "{}", words::line(&name, &verified, beside))?;
            }
            Ok((verified, beside)) => {
                let between = if number > 0 { "\n\n" } else { "" };
                write!(out, "{between}{}", words::words(&name, &verified, beside))?;
            }
            Err(error) => {
                failed = true;
                if args.json {
                    let error = error.report();
                    let why = error.lines().next().unwrap_or_default();
                    writeln!(out, "{}", json!({ "file": name, "holds": false, "why": why }))?;
                }
                complain(&format!("{}: DOES NOT HOLD\n{}", clean(&name, 300), error.report()));
            }
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// A log as somebody saw it, and where.
struct Seen {
    place: PathBuf,
    key: VerifierKey,
    checkpoint: Checkpoint,
}

fn checked(
    path: &Path,
    (args, trust): (&VerifyArgs, &Trust),
    seen: &mut Vec<Seen>,
) -> Result<(Verified, Beside), CommandError> {
    let (file, was_encrypted) = args.open.open(path)?;
    let verified = verify(file, trust).map_err(|error| match error {
        BundleError::OtherKey { .. } => {
            bad_file(path, error, "the sealer has another key, or this is somebody else's")
        }
        error => bad_bundle(path, &error),
    })?;
    let key = &verified.key;
    for kept in &args.checkpoint {
        let bytes = std::fs::read(kept).map_err(|error| unreadable(kept, error))?;
        let hint = "a file `checkpoint` of the log's folder";
        let note = SignedNote::parse(&bytes).map_err(|error| bad_file(kept, error, hint))?;
        let checkpoint = Checkpoint::verified(&note, key);
        let checkpoint = checkpoint.map_err(|error| bad_file(kept, error, hint))?;
        seen.push(Seen { place: kept.clone(), key: key.clone(), checkpoint });
    }
    let checkpoint = verified.checkpoint.clone();
    seen.push(Seen { place: path.to_owned(), key: key.clone(), checkpoint });
    for other in seen.iter().filter(|it| it.key == *key) {
        let (ours, theirs) = (&verified.checkpoint, &other.checkpoint);
        if ours.size == theirs.size && ours.root != theirs.root {
            let message = format!(
                "the log was forked: with {} entries it is another one in {}",
                ours.size,
                other.place.display()
            );
            return Err(bad_file(path, message, FORKED));
        }
    }
    let grown_to = grown(&verified, args, seen)?;
    let own = || seen.iter().filter(|it| it.key == *key);
    let mut log_continues = false;
    if let Some(folder) = &args.log {
        let log = Log::read(folder, key)?;
        for other in own() {
            continued(&log, other)?;
        }
        log_continues = true;
    }
    Ok((verified, Beside { was_encrypted, log_continues, grown_to }))
}

/// Follows the proofs from the bundle's checkpoint on: how many entries the log has at their end. None where no proof begins there.
fn grown(
    verified: &Verified,
    args: &VerifyArgs,
    seen: &mut Vec<Seen>,
) -> Result<Option<u64>, CommandError> {
    let mut proofs = Vec::new();
    for path in &args.growth {
        let bytes = std::fs::read(path).map_err(|error| unreadable(path, error))?;
        let hint = "a file that `wirewitness seal growth` wrote";
        proofs.push((path, Growth::parse(&bytes).map_err(|it| bad_file(path, it, hint))?));
    }
    let mut at = verified.checkpoint.clone();
    let mut end = None;
    // Each proof leads on once at most.
    while let Some(next) = proofs.iter().position(|(_, it)| it.old == at.size) {
        let (path, proof) = proofs.swap_remove(next);
        let newer = proof.verify(&at.root, &verified.key);
        at = newer.map_err(|error| bad_file(path, error, FORKED))?;
        end = Some(at.size);
        let forks = |it: &&Seen| {
            it.key == verified.key && it.checkpoint.size == at.size && it.checkpoint.root != at.root
        };
        if let Some(other) = seen.iter().find(forks) {
            let (size, place) = (at.size, other.place.display());
            let message =
                format!("the log was forked: with {size} entries it is another one in {place}");
            return Err(bad_file(path, message, FORKED));
        }
        let key = verified.key.clone();
        seen.push(Seen { place: path.clone(), key, checkpoint: at.clone() });
    }
    Ok(end)
}

const FORKED: &str =
    "the key's holder shows different people different logs, or lost the log and began again; ask";

/// A log against what somebody saw of it.
fn continued(log: &Log, seen: &Seen) -> Result<(), CommandError> {
    let (now, before) = (log.checkpoint().size, seen.checkpoint.size);
    let place = seen.place.display();
    if now < before {
        let message = format!("the log was cut: it has {now} entries, {place} says {before}");
        return Err(bad_file(log.folder(), message, FORKED));
    }
    if !log.continues(before, &seen.checkpoint.root) {
        let message =
            format!("the log was rewritten: its first {before} entries are others than in {place}");
        return Err(bad_file(log.folder(), message, FORKED));
    }
    if let Some(tile) = log.damaged_tile() {
        return Err(bad_file(log.folder(), format!("{tile} is not what the entries make"), FORKED));
    }
    Ok(())
}

fn trust(args: &VerifyArgs) -> Result<Trust, CommandError> {
    let keys = |given: &[String]| given.iter().map(|it| key(it)).collect::<Result<Vec<_>, _>>();
    let mut authorities = Vec::new();
    for path in &args.tsa_certificate {
        let bytes = std::fs::read(path).map_err(|error| unreadable(path, error))?;
        let before = authorities.len();
        let pem = CertificateDer::pem_slice_iter(&bytes).flatten().map(|it| it.to_vec());
        authorities.extend(pem);
        if authorities.len() == before {
            authorities.push(bytes);
        }
    }
    Ok(Trust { keys: keys(&args.key)?, witnesses: keys(&args.witness)?, authorities })
}

/// A key, or a file with one.
fn key(given: &str) -> Result<VerifierKey, CommandError> {
    let parsed = VerifierKey::parse(given.trim());
    if let (Err(_), Ok(text)) = (&parsed, std::fs::read_to_string(given)) {
        let line = text.lines().next().unwrap_or_default();
        let hint = "a file whose first line is NAME+ID+BASE64";
        return VerifierKey::parse(line).map_err(|it| bad_file(Path::new(given), it, hint));
    }
    parsed.map_err(|error| CommandError::Usage {
        message: format!("{:?} is no key and no file with one ({error})", clean(given, 200)),
        hint: "the sealer has it from `wirewitness seal key`: NAME+ID+BASE64".to_owned(),
    })
}
