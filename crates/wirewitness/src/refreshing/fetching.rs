//! One entry: fetched, held against its pin, unpacked, put in its place. Until all of it is right, what was there stays.

use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};
use tempfile::NamedTempFile;
use wirewitness_model::hex::hex;

use super::folder::part_in;
use super::manifest::{Entry, Member, Wanted};
use crate::input::packed;

/// Why an entry is not there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    /// Nobody answers, or it is not there.
    #[error("cannot be fetched: {0}")]
    Fetching(String),
    /// It ended early.
    #[error("{what} is cut: {got} of {need} bytes{why}")]
    Cut {
        /// The entry or its member.
        what: String,
        got: u64,
        need: u64,
        /// What the network said, after a colon; or nothing.
        why: String,
    },
    /// It goes on.
    #[error("{what} is larger than the {need} bytes it should have")]
    TooLarge { what: String, need: u64 },
    /// It is something else.
    #[error("{what} has SHA-256 {got}, expected {expected}")]
    Other { what: String, expected: String, got: String },
    /// It is packed otherwise than the manifest says.
    #[error("cannot be unpacked: {0}")]
    Unpacking(String),
    /// A matter of this machine.
    #[error("cannot be kept: {0}")]
    Keeping(#[from] io::Error),
}

impl Failed {
    /// The SHA-256 that it had instead.
    pub(crate) fn got(&self) -> Option<&str> {
        if let Self::Other { got, .. } = self { Some(got) } else { None }
    }
}

/// Fetches an entry into a folder.
///
/// # Errors
/// Why not; then the folder is as it was.
pub(crate) fn fetch(entry: &Entry, folder: &Path) -> Result<(), Failed> {
    std::fs::create_dir_all(folder)?;
    let opened = wirewitness_store::remote::open(&entry.url, Vec::new());
    let mut remote = opened.map_err(|error| Failed::Fetching(error.to_string()))?;
    let whole = Wanted { file: "it", sha256: &entry.sha256, bytes: entry.bytes };
    let fetched = kept(&mut remote, &whole, folder)?;
    let files = match &entry.file {
        Some(file) => vec![(fetched, file.as_str())],
        None => members(entry, fetched, folder)?,
    };
    let place = folder.join(entry.kind.to_string());
    std::fs::create_dir_all(&place)?;
    for (part, name) in files {
        part.persist(place.join(name)).map_err(|error| error.error)?;
    }
    Ok(())
}

/// Writes what comes into a file that has no name yet, and holds it against its pin.
fn kept(
    source: &mut dyn Read,
    wanted: &Wanted<'_>,
    folder: &Path,
) -> Result<NamedTempFile, Failed> {
    let what = || wanted.file.to_owned();
    let mut part = part_in(folder)?;
    let (mut context, mut got) = (Context::new(&SHA256), 0);
    let cut = |got, why| Failed::Cut { what: what(), got, need: wanted.bytes, why };
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(cut(got, format!(": {error}"))),
        };
        got += read as u64;
        if got > wanted.bytes {
            return Err(Failed::TooLarge { what: what(), need: wanted.bytes });
        }
        let piece = buffer.get(..read).unwrap_or_default();
        context.update(piece);
        part.write_all(piece)?;
    }
    let found = hex(context.finish().as_ref());
    if got < wanted.bytes {
        return Err(cut(got, String::new()));
    }
    if found != wanted.sha256 {
        let expected = wanted.sha256.to_owned();
        return Err(Failed::Other { what: what(), expected, got: found });
    }
    part.as_file().sync_all()?;
    Ok(part)
}

/// Takes the wanted members out of a tar, packed or not.
fn members<'e>(
    entry: &'e Entry,
    mut fetched: NamedTempFile,
    folder: &Path,
) -> Result<Vec<(NamedTempFile, &'e str)>, Failed> {
    let unpacking = |error: io::Error| Failed::Unpacking(error.to_string());
    fetched.seek(SeekFrom::Start(0))?;
    let mut archive = tar::Archive::new(packed::unpacked(fetched.as_file()).map_err(unpacking)?);
    let mut wanted: Vec<&Member> = entry.members.iter().collect();
    let mut files = Vec::new();
    for member in archive.entries().map_err(unpacking)? {
        let mut member = member.map_err(unpacking)?;
        let is_it = |it: &&Member| member.path_bytes() == it.path.as_bytes();
        let Some(at) = wanted.iter().position(is_it) else { continue };
        if !member.header().entry_type().is_file() {
            continue;
        }
        let it = wanted.swap_remove(at);
        files.push((kept(&mut member, &it.wanted(), folder)?, it.file.as_str()));
        if wanted.is_empty() {
            return Ok(files);
        }
    }
    let missing = wanted.first().map_or("", |it| it.path.as_str());
    Err(Failed::Unpacking(format!("there is no {missing} in it")))
}
