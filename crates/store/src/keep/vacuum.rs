//! Files that no version needs, away.

use std::collections::BTreeSet;
use std::time::SystemTime;

use serde::Serialize;

use super::folder::{self, EntryKind};
use super::logs;
use crate::archive::Writer;
use crate::error::StoreError;

/// What was deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Vacuumed {
    /// Files.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
}

/// Deletes data files that no version of the last `days` has, and what killed processes left. Older versions cannot be read afterwards. Files
/// that are not of an archive stay. Nobody else writes while this holds the writer.
pub fn vacuum(writer: &Writer, days: u32, now: SystemTime) -> Result<Vacuumed, StoreError> {
    let folder = folder::folder(writer.archive().root())?;
    let entries = folder::files(&folder)?;
    let mentioned = logs::mentioned(&folder, &entries);
    let mut needed = BTreeSet::new();
    for table in writer.archive().tables() {
        let name = table.definition().name;
        needed.extend(table.files()?.into_iter().map(|file| format!("{name}/{}", file.path)));
    }
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    let since = i64::try_from(now).unwrap_or(i64::MAX) - i64::from(days) * DAY_MS;
    let mut done = Vacuumed::default();
    for entry in entries {
        let is_old = || mentioned.removed.get(&entry.path).is_none_or(|at| *at <= since);
        let goes = match entry.kind {
            EntryKind::Data => !needed.contains(&entry.path) && is_old(),
            EntryKind::Other => is_half_written(&entry.path),
            EntryKind::Log | EntryKind::Seal | EntryKind::Lock => false,
        };
        if goes {
            let path = folder.join(&entry.path);
            std::fs::remove_file(&path).map_err(StoreError::file(&path))?;
            done.files += 1;
            done.bytes += entry.bytes;
        }
    }
    Ok(done)
}

/// A file that was to get its name when it was whole: `name#1`, as object_store writes, and Delta's `_commit_*.tmp`.
fn is_half_written(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let staged = name.rsplit_once('#').is_some_and(|(_, number)| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    path.contains('/') && (staged || (name.starts_with("_commit_") && name.ends_with(".tmp")))
}

const DAY_MS: i64 = 86_400_000;

#[cfg(test)]
mod tests {
    use super::is_half_written;

    #[test]
    fn only_what_an_archive_left_is_half_written() {
        assert!(is_half_written("verdict/country=PK/day=1/ab.parquet#1"));
        assert!(is_half_written("verdict/_delta_log/_commit_12ab.json.tmp"));
        assert!(!is_half_written("notes#1"), "somebody else's");
        assert!(!is_half_written("verdict/notes.tmp"));
    }
}
