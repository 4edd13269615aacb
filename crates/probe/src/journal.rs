//! The output file: OONI's JSON lines, one measurement a line.
//!
//! A line is appended whole or not at all. A crash can tear only the last one, and opening the file again cuts a torn
//! line off. Which targets are finished is read from the file itself; held of it are 16 bytes a target.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use serde::Deserialize;

use crate::scrub::Scrubbed;

/// An open output file. Nobody else can open it as one meanwhile.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// Up to here the file is whole lines.
    whole_bytes: u64,
    finished: HashSet<u128>,
    found: Found,
}

/// What stood in the file when it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found {
    /// Measurements.
    pub measurements: u64,
    /// Lines that are none; they stay.
    pub damaged_lines: u64,
    /// Bytes of a torn last line that were cut off.
    pub cut_bytes: u64,
}

/// Why the output file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It has something in it already.
    #[error("{path} has measurements already; resume it, or name another file")]
    NotEmpty {
        /// The file.
        path: PathBuf,
    },
    /// Somebody else writes into it.
    #[error("{path} is in use by another run")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It was written by something else.
    #[error(
        "{path}: a line longer than {LONGEST_LINE_BYTES} bytes at byte {offset}; this is no file of ours"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Where the line begins.
        offset: u64,
    },
    /// The system refuses.
    #[error("cannot {what} {path}: {error}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
}

impl Journal {
    /// Begins a new file, readable by its owner only where the system knows owners.
    ///
    /// # Errors
    /// It is not empty, in use, or the system refuses.
    pub fn create(path: &Path) -> Result<Self, JournalError> {
        let journal = Self::open(path)?;
        match journal.length()? {
            0 => Ok(journal),
            _ => Err(JournalError::NotEmpty { path: path.to_owned() }),
        }
    }

    /// Goes on with a file, or begins it.
    ///
    /// # Errors
    /// It is in use, is none of ours, or the system refuses.
    pub fn resume(path: &Path) -> Result<Self, JournalError> {
        let mut journal = Self::open(path)?;
        journal.read()?;
        journal.cut()?;
        Ok(journal)
    }

    /// What stood in the file when it was opened, for a word to the person.
    pub fn found(&self) -> Found {
        self.found
    }

    /// Whether a measurement of this test and input is in the file.
    pub fn has(&self, test_name: &str, input: Option<&str>) -> bool {
        self.finished.contains(&key(test_name, input))
    }

    /// Appends one measurement.
    ///
    /// # Errors
    /// The system refuses; the file is as it was before.
    pub fn append(&mut self, measurement: &Scrubbed) -> Result<(), JournalError> {
        let value = measurement.value();
        let mut line = value.to_string().into_bytes();
        line.push(b'\n');
        if let Err(error) = self.file.write_all(&line) {
            // A full disk takes half a line. If even cutting it off fails, the next resume does.
            let _ = self.cut();
            return Err(self.io("write to", error));
        }
        self.whole_bytes += line.len() as u64;
        let text = |name| value.get(name).and_then(serde_json::Value::as_str);
        self.finished.insert(key(text("test_name").unwrap_or_default(), text("input")));
        Ok(())
    }

    /// Waits until everything appended is on the disk.
    ///
    /// # Errors
    /// The system refuses.
    pub fn sync(&self) -> Result<(), JournalError> {
        self.file.sync_data().map_err(|error| self.io("write to", error))
    }

    fn open(path: &Path) -> Result<Self, JournalError> {
        let io = |error| JournalError::Io { what: "open", path: path.to_owned(), error };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, OWNER_ONLY);
        let file = options.open(path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(JournalError::InUse { path: path.to_owned() });
            }
            // Some file systems know no locks; they are used without.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        let (finished, found) = (HashSet::new(), Found::default());
        Ok(Self { path: path.to_owned(), file, whole_bytes: 0, finished, found })
    }

    /// Reads the whole lines from the start.
    fn read(&mut self) -> Result<(), JournalError> {
        let file = self.file.try_clone().map_err(|error| self.io("read", error))?;
        let mut reader = BufReader::with_capacity(READ_AT_ONCE, file);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = (&mut reader).take(LONGEST_LINE_BYTES + 1).read_until(b'\n', &mut line);
            let read = read.map_err(|error| self.io("read", error))? as u64;
            if read > LONGEST_LINE_BYTES {
                return Err(self.foreign());
            }
            if !line.ends_with(b"\n") {
                // Only what a crash of ours leaves is cut: the file may be somebody's notes, named by mistake.
                let torn = line.starts_with(b"{") || line.iter().all(|it| *it == 0);
                self.found.cut_bytes = read;
                return if torn { Ok(()) } else { Err(self.foreign()) };
            }
            self.whole_bytes += read;
            match key_of(&line) {
                Some(key) => {
                    self.found.measurements += 1;
                    self.finished.insert(key);
                }
                None => self.found.damaged_lines += 1,
            }
        }
    }

    /// Cuts off what is behind the whole lines, and goes on writing there.
    fn cut(&mut self) -> Result<(), JournalError> {
        let end = self.whole_bytes;
        let cut = self.file.set_len(end).and_then(|()| self.file.seek(SeekFrom::Start(end)));
        cut.map(|_| ()).map_err(|error| self.io("cut a torn line off", error))
    }

    fn length(&self) -> Result<u64, JournalError> {
        let metadata = self.file.metadata().map_err(|error| self.io("read", error))?;
        Ok(metadata.len())
    }

    fn foreign(&self) -> JournalError {
        JournalError::Foreign { path: self.path.clone(), offset: self.whole_bytes }
    }

    fn io(&self, what: &'static str, error: io::Error) -> JournalError {
        JournalError::Io { what, path: self.path.clone(), error }
    }
}

/// What of a measurement says which one it is.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    test_name: Cow<'a, str>,
    #[serde(borrow, default)]
    input: Option<Cow<'a, str>>,
}

fn key_of(line: &[u8]) -> Option<u128> {
    let head: Head<'_> = serde_json::from_slice(line).ok()?;
    Some(key(&head.test_name, head.input.as_deref()))
}

/// Half of a SHA-256: nobody can write a list in which one target hides another.
fn key(test_name: &str, input: Option<&str>) -> u128 {
    let mut hash = Context::new(&SHA256);
    hash.update(test_name.as_bytes());
    if let Some(input) = input {
        hash.update(&[0]);
        hash.update(input.as_bytes());
    }
    let hash = hash.finish();
    hash.as_ref().iter().take(16).fold(0, |key, byte| key << 8 | u128::from(*byte))
}

/// Above what a measurement with bounded bodies can be, escapes included.
const LONGEST_LINE_BYTES: u64 = 512 << 20;

const READ_AT_ONCE: usize = 256 * 1024;

#[cfg(unix)]
const OWNER_ONLY: u32 = 0o600;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scrub::Scrubber;
    use serde_json::json;

    fn measurement(input: &str) -> Scrubbed {
        let value = json!({ "test_name": "web_connectivity", "input": input, "test_keys": {} });
        Scrubber::nothing().scrub(value).unwrap()
    }

    fn has(journal: &Journal, input: &str) -> bool {
        journal.has("web_connectivity", Some(input))
    }

    #[test]
    fn a_torn_line_is_cut_wherever_it_was_torn() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        let mut journal = Journal::create(&path).unwrap();
        for input in ["http://a.example/", "http://b.example/", "http://c.example/\n\u{1f600}"] {
            journal.append(&measurement(input)).unwrap();
        }
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        let lines: Vec<_> = whole.split_inclusive(|&it| it == b'\n').collect();
        let two = lines[0].len() + lines[1].len();
        for end in two..=whole.len() {
            std::fs::write(&path, &whole[..end]).unwrap();
            let mut journal = Journal::resume(&path).unwrap();
            assert!(has(&journal, "http://a.example/") && has(&journal, "http://b.example/"));
            assert_eq!(has(&journal, "http://c.example/\n\u{1f600}"), end == whole.len());
            let cut = if end == whole.len() { 0 } else { end - two };
            assert_eq!(journal.found().cut_bytes, cut as u64);
            journal.append(&measurement("http://d.example/")).unwrap();
            drop(journal);
            let again = Journal::resume(&path).unwrap();
            assert!(has(&again, "http://d.example/"));
            let expected = 3 + u64::from(end == whole.len());
            let found = Found { measurements: expected, ..Found::default() };
            assert_eq!(again.found(), found);
        }
    }

    #[test]
    fn zeros_at_the_end_are_torn_and_damage_before_it_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        let good = format!("{}\n", measurement("http://a.example/").value());
        let text = format!("{good}half of\n{good}\0\0\0");
        std::fs::write(&path, &text).unwrap();
        let journal = Journal::resume(&path).unwrap();
        assert_eq!(journal.found(), Found { measurements: 2, damaged_lines: 1, cut_bytes: 3 });
        drop(journal);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{good}half of\n{good}"));
    }

    #[test]
    fn a_file_of_somebody_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        std::fs::write(&path, "Dear diary,\nit rained").unwrap();
        assert!(matches!(Journal::resume(&path), Err(JournalError::Foreign { offset: 12, .. })));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "Dear diary,\nit rained");
    }

    #[test]
    fn a_file_with_measurements_is_not_begun_anew_nor_shared() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        let mut journal = Journal::create(&path).unwrap();
        assert!(matches!(Journal::resume(&path), Err(JournalError::InUse { .. })));
        journal.append(&measurement("http://a.example/")).unwrap();
        drop(journal);
        assert!(matches!(Journal::create(&path), Err(JournalError::NotEmpty { .. })));
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::mode(
                &std::fs::metadata(&path).unwrap().permissions(),
            );
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_test_and_a_target_are_told_apart() {
        assert_ne!(key("ab", Some("c")), key("a", Some("bc")));
        assert_ne!(key("a", None), key("a", Some("")));
    }

    #[test]
    #[ignore = "writes and reads 650,000 lines"]
    fn a_long_run_is_resumed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        let mut journal = Journal::create(&path).unwrap();
        for number in 0..650_000 {
            journal.append(&measurement(&format!("http://{number}.example/"))).unwrap();
        }
        drop(journal);
        let journal = Journal::resume(&path).unwrap();
        assert_eq!(journal.found().measurements, 650_000);
        assert!((0..650_000).all(|it| has(&journal, &format!("http://{it}.example/"))));
        // A set of 16-byte keys at its fullest has twice the places it needs.
        assert!(journal.finished.capacity() * 17 < 40_000_000);
    }
}
