//! What a command reads: files, folders and standard input, cut into records.
//!
//! - [`sources`]: which files.
//! - [`packed`]: how they are compressed.
//! - [`frame`]: where one record ends and the next begins, however damaged the first is.
//! - [`captures`]: the packets of capture files.
//! - [`asn`]: the tables of networks.
//! - [`ranges`]: those that are lines of ranges.
//! - [`progress`]: how far it is.
//! - [`tls`]: a server's certificate and key. [`token`]: a secret in a file.
//! - [`authorities`]: whom to trust.

pub(crate) mod asn;
pub(crate) mod authorities;
pub(crate) mod captures;
pub(crate) mod frame;
pub(crate) mod packed;
pub(crate) mod progress;
pub(crate) mod ranges;
pub(crate) mod sources;
pub(crate) mod tls;
pub(crate) mod token;

use std::fmt;

use wirewitness_model::document::{Document, has_lone_surrogate};
use wirewitness_model::ooni::{Measurement, byte_offset};

/// One record: the text of one measurement, and where it stands.
#[derive(Debug)]
pub(crate) struct Record<'b> {
    /// Offset of its first byte in the (decompressed) file.
    pub(crate) offset: u64,
    /// Line of its first byte, from 1.
    pub(crate) line: u64,
    /// JSON text.
    pub(crate) text: &'b str,
}

/// Why a record, or a piece of a file, could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Offset of the offending byte in the (decompressed) file.
    pub(crate) offset: u64,
    /// Line of the record that it is in, from 1.
    pub(crate) line: u64,
    /// What is wrong there.
    pub(crate) reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {} (record at line {}): {}", self.offset, self.line, self.reason)
    }
}

impl<'b> Record<'b> {
    /// Reads the measurement.
    pub(crate) fn measurement(&self) -> Result<Measurement<'b>, Problem> {
        Measurement::from_json(self.text).map_err(|error| {
            let at = byte_offset(self.text.as_bytes(), error.line(), error.column());
            Problem {
                offset: self.offset + at as u64,
                line: self.line,
                reason: without_place(&error.to_string()),
            }
        })
    }
}

/// The text of a `serde_json` error without its own line and column, which count within the record.
fn without_place(message: &str) -> String {
    message.rsplit_once(" at line ").map_or(message, |(reason, _)| reason).to_owned()
}

/// Text with half a surrogate pair (`"\ud800"`) replaced by U+FFFD, where that is what ails it: Python wrote such text,
/// and the readers for judging refuse it.
pub(crate) fn mend_surrogates(text: &str) -> Option<String> {
    // Surrogates are \ud800 to \udfff, so text without these two beginnings, nearly all of it, is passed over fast.
    let may_have_one = memchr::memmem::find(text.as_bytes(), b"\\ud").is_some()
        || memchr::memmem::find(text.as_bytes(), b"\\uD").is_some();
    if !may_have_one || !has_lone_surrogate(text) {
        return None;
    }
    let document = Document::parse(text).ok()?;
    Some(document.with_valid_strings().to_json())
}
