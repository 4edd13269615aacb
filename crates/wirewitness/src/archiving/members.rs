//! Files within a file: tar and zip. Nothing is written to disk; names are only told.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use tar::{Archive, EntryType};
use wirewitness_store::StoreError;

use super::raw::Held;
use super::reading::{Place, Reading};
use super::zipped::{Directory, Entry, Kind};

/// Files that hold files may lie in each other so deep.
const MAX_DEPTH: usize = 4;
/// A zip has its directory at its end, and a stream has been read by then.
pub(super) const ZIP_NOT_HERE: &str = "a zip is read from a file on disk only, not from a stream and not within another file: unpack it first";
/// Bytes of a name, in whatever form it comes.
const MAX_NAME: u64 = 64 << 10;

impl Reading<'_> {
    /// Reads all members of a tar. What is no plain file, or has a name that leads out of a folder, is refused.
    pub(super) fn members(
        &mut self,
        place: &Place,
        whole: &mut dyn Read,
    ) -> Result<(), StoreError> {
        if place.depth >= MAX_DEPTH {
            return self.refuse(place, 0, "tars within tars, too deep".to_owned());
        }
        let mut archive = Archive::new(whole);
        let entries = match archive.entries() {
            Ok(entries) => entries.raw(true),
            Err(error) => return self.refuse(place, 0, format!("byte 0: {error}")),
        };
        let mut long_name = None;
        for entry in entries {
            let mut entry = match entry {
                Ok(entry) => entry,
                // Where one header cannot be read, nobody knows where the next one is.
                Err(error) => return self.refuse(place, 0, format!("the tar ends early: {error}")),
            };
            let at = entry.raw_header_position();
            let kind = entry.header().entry_type();
            if matches!(kind, EntryType::GNULongName | EntryType::XHeader) {
                long_name = said_name(&mut entry, kind).or(long_name);
                continue;
            }
            let name = long_name.take();
            let name = name.unwrap_or_else(|| entry.path_bytes().into_owned());
            let name = String::from_utf8_lossy(&name).into_owned();
            let within = place.within(&name);
            match judged(kind, &name) {
                Member::Passed => {}
                Member::Refused(why) => self.refuse(&within, 0, format!("byte {at}: {why}"))?,
                Member::File => {
                    self.contents(&within, &mut entry)?;
                }
            }
        }
        Ok(())
    }

    /// Reads all members of a zip. Its directory is at the end: so all of it is read once for its hash, and then the members
    /// where they are.
    pub(super) fn zip_members(
        &mut self,
        place: &Place,
        path: &Path,
        whole: &mut dyn Read,
    ) -> Result<(), StoreError> {
        if io::copy(whole, &mut io::sink()).is_err() {
            // Told at the end of the file, with the byte.
            return Ok(());
        }
        // A pipe with a name would wait for somebody to write to it again.
        if !path.is_file() {
            return self.refuse(place, 0, ZIP_NOT_HERE.to_owned());
        }
        let mut directory = match File::open(path).map_err(Into::into).and_then(Directory::open) {
            Ok(directory) => directory,
            Err(error) => return self.refuse(place, 0, format!("the zip: {error}")),
        };
        loop {
            match directory.entry() {
                Ok(Some(entry)) => self.zip_member(place, &mut directory, &entry)?,
                Ok(None) => return Ok(()),
                Err(error) => return self.refuse(place, 0, format!("the zip ends early: {error}")),
            }
        }
    }

    fn zip_member(
        &mut self,
        place: &Place,
        directory: &mut Directory<File>,
        entry: &Entry,
    ) -> Result<(), StoreError> {
        let name = String::from_utf8_lossy(&entry.name).into_owned();
        let within = place.within(&name);
        let why = match entry.kind {
            Kind::Folder => return Ok(()),
            Kind::Link => Some("a link".to_owned()),
            Kind::Device => Some("a device".to_owned()),
            Kind::File => wants_out(&name).map(str::to_owned).or_else(|| entry.refusal()),
        };
        if let Some(why) = why {
            return self.refuse(&within, 0, format!("byte {}: {why}", entry.at));
        }
        match directory.member(entry) {
            Ok(member) => {
                let mut member = Held::new(member, Arc::clone(&place.tally));
                self.contents(&within, &mut member).map(|_| ())
            }
            Err(error) => self.refuse(&within, 0, error.to_string()),
        }
    }
}

impl Place {
    /// A member of it.
    fn within(&self, name: &str) -> Self {
        let member = match &self.member {
            Some(outer) => format!("{outer}: {name}"),
            None => name.to_owned(),
        };
        Self { member: Some(member.into()), depth: self.depth + 1, ..self.clone() }
    }
}

/// What to do with a member.
enum Member {
    File,
    /// It holds nothing: a folder, or words about the whole tar.
    Passed,
    Refused(&'static str),
}

fn judged(kind: EntryType, name: &str) -> Member {
    match kind {
        EntryType::Directory | EntryType::XGlobalHeader | EntryType::GNULongLink => Member::Passed,
        EntryType::Link | EntryType::Symlink => Member::Refused("a link"),
        EntryType::Char | EntryType::Block | EntryType::Fifo => Member::Refused("a device"),
        EntryType::Regular | EntryType::Continuous => {
            wants_out(name).map_or(Member::File, Member::Refused)
        }
        _ => Member::Refused("neither a file nor a folder"),
    }
}

/// Why a name leads out of a folder, where it does.
fn wants_out(name: &str) -> Option<&'static str> {
    let is_drive = name.as_bytes().get(1) == Some(&b':');
    if name.starts_with(['/', '\\']) || is_drive {
        Some("an absolute path")
    } else if name.split(['/', '\\']).any(|part| part == "..") {
        Some("a path with `..`")
    } else {
        None
    }
}

/// The name that is said before a member: GNU's long names, and those of POSIX.
fn said_name(entry: &mut impl Read, kind: EntryType) -> Option<Vec<u8>> {
    let mut said = Vec::new();
    entry.take(MAX_NAME).read_to_end(&mut said).ok()?;
    if kind == EntryType::GNULongName {
        let end = said.iter().position(|byte| *byte == 0).unwrap_or(said.len());
        said.truncate(end);
        return Some(said);
    }
    // Records of `length key=value\n` (POSIX.1-2001, pax).
    let path = said.split(|byte| *byte == b'\n').find_map(|record| {
        let space = record.iter().position(|byte| *byte == b' ')?;
        record.get(space + 1..)?.strip_prefix(b"path=")
    });
    path.map(<[u8]>::to_vec)
}
