//! What a checked bundle proves: in words, and as JSON (docs/json.md).

use std::fmt::Write as _;

use serde_json::{Value, json};
use time::OffsetDateTime;
use wirewitness_evidence::verify::Verified;
use wirewitness_model::hex::hex;

use crate::output::clean;

/// What else was looked at beside the bundle itself.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Beside {
    /// It was encrypted.
    pub(crate) was_encrypted: bool,
    /// The log's folder was read, and it continues the log that the bundle names.
    pub(crate) log_continues: bool,
    /// Proofs lead from the log that the bundle names to one of so many entries.
    pub(crate) grown_to: Option<u64>,
}

/// For a person.
pub(crate) fn words(name: &str, it: &Verified, beside: Beside) -> String {
    let mut text = format!("{}: holds\n\n", clean(name, 300));
    proven(&mut text, it, beside);
    files(&mut text, it);
    not_proven(&mut text, it, beside);
    text
}

fn proven(text: &mut String, it: &Verified, beside: Beside) {
    let manifest = &it.manifest;
    let _ = writeln!(text, "Proven:");
    let _ = writeln!(
        text,
        "  - No bit of the {} files below, nor of what is said of them, was changed since they were sealed.",
        it.files.len()
    );
    let _ = writeln!(text, "  - They were sealed with the key {},", clean(it.key.name(), 120));
    let _ = writeln!(text, "    fingerprint {}.", it.key.fingerprint());
    if it.is_key_known {
        let _ = writeln!(text, "    That is a key that you named.");
    }
    let (index, size) = (it.index + 1, it.checkpoint.size);
    let _ = writeln!(
        text,
        "  - That key's log has it as entry {index} of {size} (root {}).",
        hex(&it.checkpoint.root)
    );
    if beside.log_continues {
        let _ = writeln!(
            text,
            "    The log in the folder that you named continues this one: nothing of it was rewritten or cut."
        );
    }
    if let Some(entries) = beside.grown_to {
        let _ = writeln!(
            text,
            "    The proofs that you named lead from there to {entries} entries: nothing of it was rewritten or cut by then."
        );
    }
    for stamp in it.stamps.iter().filter(|it| it.is_trusted) {
        let by = clean(&stamp.by, 100);
        let _ = writeln!(
            text,
            "  - It was sealed before {}: {by} says so, whose certificate you named.",
            stamp.at
        );
    }
    for witness in &it.witnesses {
        if let Some(at) = witness.at {
            let _ = writeln!(
                text,
                "  - The witness {} saw the log so at {}.",
                clean(&witness.name, 120),
                instant(at)
            );
        }
    }
    let _ = writeln!(text, "\nSaid by the sealer:");
    let _ = writeln!(
        text,
        "  sealed at {} by {}, {} rules",
        manifest.sealed_at,
        clean(&manifest.program, 80),
        manifest.rules.len()
    );
    for data in &manifest.data {
        let _ = writeln!(text, "  used {} ({})", clean(&data.name, 120), clean(&data.sha256, 64));
    }
    if !manifest.note.is_empty() {
        let _ = writeln!(text, "  note: {}", clean(&manifest.note, 2000));
    }
}

fn files(text: &mut String, it: &Verified) {
    let _ = writeln!(text, "\nFiles:");
    for file in &it.files {
        let item = &file.item;
        let _ = writeln!(text, "  {:<12} {:>12} bytes  {}", item.kind, file.bytes, item.path);
        match &file.sha256 {
            Some(hash) => {
                let _ = writeln!(text, "    sha256 {hash}");
            }
            None => {
                for (label, count) in &file.left_out {
                    let _ = writeln!(
                        text,
                        "    LEFT OUT: {} ({count} time{})",
                        clean(label, 200),
                        if *count == 1 { "" } else { "s" }
                    );
                }
            }
        }
    }
}

fn not_proven(text: &mut String, it: &Verified, beside: Beside) {
    let _ = writeln!(text, "\nNot proven:");
    if !it.is_key_known {
        let _ = writeln!(
            text,
            "  - Who holds that key. Ask the sealer for the fingerprint by another way (voice, paper), then give the key"
        );
        let _ = writeln!(text, "    with --key '{}'", clean(&it.key.to_string(), 400));
    }
    if !it.stamps.iter().any(|it| it.is_trusted) {
        let _ = writeln!(text, "  - When it was sealed: the time is by the sealer's own clock.");
    }
    for stamp in it.stamps.iter().filter(|it| !it.is_trusted) {
        let _ = writeln!(
            text,
            "    A time stamp says {} by {:?}, but you named no certificate for it (--tsa-certificate); anybody may",
            stamp.at,
            clean(&stamp.by, 100)
        );
        let _ = writeln!(
            text,
            "    have made it. Its certificate has the SHA-256 {}.",
            stamp.certificate
        );
    }
    if !it.witnesses.iter().any(|it| it.at.is_some()) && !beside.log_continues {
        let _ = writeln!(
            text,
            "  - That the key's holder shows everybody the same log: no witness that you named has signed it, and the log"
        );
        let _ = writeln!(text, "    itself was not compared (--witness, --log).");
    }
    for witness in it.witnesses.iter().filter(|it| it.at.is_none()) {
        let _ = writeln!(
            text,
            "    {} says to have seen the log; not checked.",
            clean(&witness.name, 120)
        );
    }
    let _ = writeln!(
        text,
        "  - That what is in the files is true: a seal says that they are as they were, not how they came about."
    );
    if it.is_redacted() {
        let _ = writeln!(
            text,
            "  - What was left out. Its hashes are signed, so the sealer cannot put anything else there later."
        );
    }
}

/// One line of `--json`.
pub(crate) fn line(name: &str, it: &Verified, beside: Beside) -> Value {
    let files: Vec<_> = it.files.iter().map(|file| {
        json!({
            "path": file.item.path, "kind": file.item.kind, "bytes": file.bytes, "root": file.item.root,
            "sha256": file.sha256, "left_out": file.left_out,
        })
    }).collect();
    let stamps: Vec<_> = it.stamps.iter().map(|it| {
        json!({ "at": it.at, "by": it.by, "certificate_sha256": it.certificate, "trusted": it.is_trusted })
    }).collect();
    let witnesses: Vec<_> = it
        .witnesses
        .iter()
        .map(|it| json!({ "name": it.name, "at": it.at.map(instant) }))
        .collect();
    json!({
        "file": name,
        "holds": true,
        "encrypted": beside.was_encrypted,
        "key": it.key.to_string(),
        "fingerprint": it.key.fingerprint(),
        "key_known": it.is_key_known,
        "sealed_at": it.manifest.sealed_at,
        "program": it.manifest.program,
        "note": it.manifest.note,
        "rules": it.manifest.rules,
        "data": it.manifest.data,
        "log": {
            "origin": it.checkpoint.origin, "index": it.index, "size": it.checkpoint.size,
            "root": hex(&it.checkpoint.root), "continued": beside.log_continues, "grown_to": beside.grown_to,
        },
        "witnesses": witnesses,
        "timestamps": stamps,
        "redacted": it.is_redacted(),
        "files": files,
    })
}

/// Seconds since 1970 as `YYYY-MM-DDTHH:MM:SSZ`.
fn instant(secs: u64) -> String {
    let time = i64::try_from(secs).ok().and_then(|it| OffsetDateTime::from_unix_timestamp(it).ok());
    time.map_or_else(|| "a time beyond all calendars".to_owned(), written)
}

/// `YYYY-MM-DDTHH:MM:SSZ`.
pub(crate) fn written(time: OffsetDateTime) -> String {
    let (year, month, day) = (time.year(), u8::from(time.month()), time.day());
    let (hour, minute, second) = time.to_hms();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}
