//! Files within a file: tar. Nothing is written to disk; names are only told.

use std::io::Read;

use tar::{Archive, EntryType};
use wirewitness_store::StoreError;

use super::reading::{Place, Reading};

/// Files that hold files may lie in each other so deep.
const MAX_DEPTH: usize = 4;
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
            let member = match &place.member {
                Some(outer) => format!("{outer}: {name}"),
                None => name.clone(),
            };
            let within =
                Place { member: Some(member.into()), depth: place.depth + 1, ..place.clone() };
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
            let is_drive = name.as_bytes().get(1) == Some(&b':');
            if name.starts_with(['/', '\\']) || is_drive {
                Member::Refused("an absolute path")
            } else if name.split(['/', '\\']).any(|part| part == "..") {
                Member::Refused("a path with `..`")
            } else {
                Member::File
            }
        }
        _ => Member::Refused("neither a file nor a folder"),
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
