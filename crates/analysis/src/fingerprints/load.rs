//! Reading a list of fingerprints, whichever format it is in.

use std::sync::Arc;

use super::pattern::check_length;
use super::{
    Fingerprint, Fingerprints, MAX_ERRORS, MAX_ROWS, Place, Reason, RowError, censored_planet,
    ooni_csv,
};

/// What a file held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parsed {
    /// The good rows, in the order of the file.
    pub rows: Vec<Fingerprint>,
    /// The bad ones, in the order of the file.
    pub errors: Vec<RowError>,
}

/// Reads a list from the bytes of a file; `file` is its name, for messages.
///
/// A file whose first character is `{` is Censored Planet's (JSON lines), any other OONI's (CSV with a header row).
/// A name with `false_positive` in it makes every row of a Censored Planet list a false positive, since that is how
/// they publish them. Regular expressions are not compiled here but by [`Fingerprints::compile`].
pub fn parse(file: &str, bytes: &[u8]) -> Parsed {
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut loading = Loading::new(file, bytes.len().saturating_sub(text.len()));
    match text.trim_ascii_start().first() {
        None => {}
        Some(b'{') => censored_planet::read(text, &mut loading),
        Some(_) => ooni_csv::read(text, &mut loading),
    }
    loading.parsed
}

/// Takes arbitrary bytes through everything that reads a list: the entry point for fuzzing. Returns the number of
/// rows that compiled.
pub fn exercise(bytes: &[u8]) -> usize {
    let (fingerprints, _) = Fingerprints::compile(parse("fuzz", bytes).rows);
    fingerprints.len()
}

/// I collect the rows of one file and hold the limits.
pub(super) struct Loading {
    file: Arc<str>,
    /// Bytes of a byte order mark, which the formats do not see.
    skipped: usize,
    parsed: Parsed,
}

impl Loading {
    fn new(file: &str, skipped: usize) -> Self {
        Self { file: Arc::from(file), skipped, parsed: Parsed::default() }
    }

    pub(super) fn file(&self) -> &str {
        &self.file
    }

    pub(super) fn place(&self, line: u64, offset: usize) -> Place {
        let offset = offset.saturating_add(self.skipped) as u64;
        Place { file: Arc::clone(&self.file), line, offset }
    }

    /// Takes one row. False once a limit is reached: then the file is read no further.
    pub(super) fn take(&mut self, place: Place, row: Result<Fingerprint, Reason>) -> bool {
        let rows = self.parsed.rows.len().saturating_add(self.parsed.errors.len());
        if rows >= MAX_ROWS {
            return self.stop(place, Reason::TooManyRows);
        }
        match row.and_then(check) {
            Ok(row) => self.parsed.rows.push(row),
            Err(_) if self.parsed.errors.len() >= MAX_ERRORS => {
                return self.stop(place, Reason::TooManyErrors);
            }
            Err(reason) => self.parsed.errors.push(RowError { place, reason }),
        }
        true
    }

    fn stop(&mut self, place: Place, reason: Reason) -> bool {
        self.parsed.errors.push(RowError { place, reason });
        false
    }
}

/// What every row must hold to, whatever its format.
fn check(row: Fingerprint) -> Result<Fingerprint, Reason> {
    check_length(&row.pattern)?;
    Ok(row)
}
