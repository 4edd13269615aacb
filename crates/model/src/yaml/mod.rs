//! OONI's reports from the years of YAML (ooniprobe 1.x), as measurements.
//!
//! A report is a stream of YAML documents: the first is the header (who measured, where, with which test), each
//! further one is an entry, the test keys of one measurement. [`read_report`] gives every entry the shape of today's
//! envelope (df-000), as a [`Value`] that can be written as JSON and read by [`crate::ooni`]:
//!
//! - the header's keys stand at the top, all of them, in their order;
//! - the entry's `input`, `measurement_start_time`, `test_start_time` and `test_runtime` join them, unless the header
//!   has a key of that name;
//! - where no `measurement_start_time` is there, it is derived from the entry's `test_start_time` or else from the
//!   header's `start_time` (seconds since 1970, UTC);
//! - all other keys of the entry stand under `test_keys`.
//!
//! Nothing is dropped: a header without any readable entry gives one measurement with empty `test_keys`. A document
//! that cannot be read is an error, and the next one is read all the same: documents begin and end at lines `---` and
//! `...`, which cannot be inside one.
//!
//! How values are written: see `scalar`. Binary scalars become `{"format": "base64", "data": ..}` (df-001).
//!
//! Not told apart: a stream of two reports in one file. The second header reads as an entry of the first report.

mod envelope;
mod node;
mod scalar;
mod split;

use crate::document::{StringToken, Value};
use split::{Chunk, Chunks};

/// Reads the measurements of a report, in the order of the text.
///
/// Each document is read when the iterator comes to it; memory is that of one document and the header, each at most
/// some hundred bytes for a byte of its text, and 16 MiB of aliases.
pub fn read_report(text: &str) -> Report<'_> {
    Report { chunks: Chunks::new(text), header: Header::Awaited }
}

/// True for a file that begins as YAML does: a line `---`, or a `key:`, behind comments and empty lines.
///
/// JSON begins with a bracket or a quote and never looks so. Other text of the form `Key: value` (mail, HTTP headers)
/// does: this tells OONI's two formats apart, nothing else.
pub fn looks_like_yaml(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut lines = bytes.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii_end);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with(b"#"));
    first.is_some_and(|line| {
        split::is_marker(line, b"---") || line.starts_with(b"%YAML") || is_key(line)
    })
}

/// `key:` at the start of a line, followed by nothing or by a space.
fn is_key(line: &[u8]) -> bool {
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let length = line.iter().take_while(|byte| word(byte)).count();
    match line.split_at_checked(length) {
        Some((key, [b':', rest @ ..])) => {
            !key.is_empty() && rest.first().is_none_or(u8::is_ascii_whitespace)
        }
        _ => false,
    }
}

/// I am the measurements of one report. See [`read_report`].
#[derive(Debug)]
pub struct Report<'a> {
    chunks: Chunks<'a>,
    header: Header,
}

type Entries = Vec<(StringToken, Value)>;

#[derive(Debug)]
enum Header {
    /// No document has been read yet.
    Awaited,
    /// The header was read, no entry yet.
    Alone(Entries),
    /// The header was read (or was damaged: then it is empty), and its keys have gone out with an entry.
    Used(Entries),
}

impl Iterator for Report<'_> {
    type Item = Result<Value, YamlError>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(chunk) = self.chunks.next() {
            match read_mapping(&chunk) {
                Ok(entries) => {
                    if let Some(found) = self.take(entries, &chunk) {
                        return Some(found);
                    }
                }
                Err(error) => return Some(Err(self.damaged(error))),
            }
        }
        self.lone_header().map(Ok)
    }
}

impl Report<'_> {
    /// Takes one document: the header, or an entry (none for a document that says nothing).
    fn take(
        &mut self,
        entries: Option<Entries>,
        chunk: &Chunk<'_>,
    ) -> Option<Result<Value, YamlError>> {
        if matches!(self.header, Header::Awaited) {
            return self.take_header(entries.unwrap_or_default(), chunk).err().map(Err);
        }
        let entries = entries?;
        let header = match std::mem::replace(&mut self.header, Header::Awaited) {
            Header::Alone(header) | Header::Used(header) => header,
            Header::Awaited => Entries::new(),
        };
        let measurement = envelope::measurement(&header, entries);
        self.header = Header::Used(header);
        Some(Ok(measurement))
    }

    fn take_header(&mut self, header: Entries, chunk: &Chunk<'_>) -> Result<(), YamlError> {
        let have = header.iter().map(|(key, value)| key.raw().len() + node::Size::of(value).bytes);
        let have = have.sum();
        if have > MAX_HEADER_BYTES {
            let reason = YamlReason::HeaderTooLarge { have, limit: MAX_HEADER_BYTES };
            let error = YamlError { offset: chunk.offset, line: chunk.line, reason };
            return Err(self.damaged(error));
        }
        self.header = Header::Alone(header);
        Ok(())
    }

    /// Notes that a document was damaged: if it was the header, the entries have to do without.
    fn damaged(&mut self, error: YamlError) -> YamlError {
        if matches!(self.header, Header::Awaited) {
            self.header = Header::Used(Entries::new());
        }
        error
    }

    /// The header as a measurement of its own, once, where no entry took it along.
    fn lone_header(&mut self) -> Option<Value> {
        match std::mem::replace(&mut self.header, Header::Used(Entries::new())) {
            Header::Alone(header) if !header.is_empty() => {
                Some(envelope::measurement(&header, Entries::new()))
            }
            _ => None,
        }
    }
}

/// Reads a document that is a mapping; none for an empty one (null).
fn read_mapping(chunk: &Chunk<'_>) -> Result<Option<Entries>, YamlError> {
    match node::load(chunk.text) {
        Ok(Value::Object(entries)) => Ok(Some(entries)),
        Ok(Value::Null) => Ok(None),
        Ok(_) => {
            let reason = YamlReason::NoMapping;
            Err(YamlError { offset: chunk.offset, line: chunk.line, reason })
        }
        Err(damage) => Err(YamlError {
            offset: chunk.offset + byte_offset(chunk.text, damage.marker.index()),
            line: chunk.line + damage.marker.line().saturating_sub(1),
            reason: damage.reason,
        }),
    }
}

/// The parser counts in characters, we in bytes.
fn byte_offset(text: &str, characters: usize) -> usize {
    text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at)
}

/// I say where and why a document of a report could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, byte {offset}: {reason}")]
pub struct YamlError {
    /// Offset in bytes from the start of the text.
    pub offset: usize,
    /// Line of the text, from 1.
    pub line: usize,
    /// What is wrong there.
    pub reason: YamlReason,
}

/// I say why a document of a report could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum YamlReason {
    /// Not YAML, in the words of the parser.
    #[error("{0}")]
    Syntax(String),
    /// A document of another kind: the header and the entries are mappings.
    #[error("need a mapping")]
    NoMapping,
    /// Sequences and mappings in each other, deeper than a measurement may nest.
    #[error("nested deeper than {limit} levels")]
    TooDeep {
        /// The deepest nesting taken.
        limit: usize,
    },
    /// An alias inside of what it stands for.
    #[error("an alias stands for what it is in")]
    Recursive,
    /// Aliases that stand for more than anybody wrote (PyYAML writes them for objects it met before).
    #[error("aliases stand for {have} {unit}, the limit is {limit}")]
    TooManyCopies {
        /// What they would come to.
        have: usize,
        /// What is taken.
        limit: usize,
        /// What is counted: values, or bytes.
        unit: &'static str,
    },
    /// A header that no probe wrote: it would be repeated for every entry.
    #[error("a header of {have} bytes, the limit is {limit}")]
    HeaderTooLarge {
        /// Size of its keys and values in bytes.
        have: usize,
        /// The largest size taken.
        limit: usize,
    },
}

/// The largest header taken, in bytes of keys and values. Real ones have about a thousand.
pub const MAX_HEADER_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ooni::Measurement;

    const REPORT: &str = "---\nprobe_asn: AS1\nprobe_city: null\nstart_time: 86400.0\ntest_name: t\n...\n\
        ---\ninput: http://a/\nagent: tor\n...\n---\n? input\n: http://b/\nbody: !!binary |\n  AA\n  ==\n...\n";

    fn read(text: &str) -> Vec<Result<String, YamlError>> {
        read_report(text).map(|found| found.map(|value| value.to_json())).collect()
    }

    #[test]
    fn an_entry_gets_the_header_and_a_start_time() {
        let head = r#""probe_asn":"AS1","probe_city":null,"start_time":86400.0,"test_name":"t","#;
        let time = r#","measurement_start_time":"1970-01-02 00:00:00","test_keys":"#;
        let first = format!(r#"{{{head}"input":"http://a/"{time}{{"agent":"tor"}}}}"#);
        let body = r#"{"body":{"format":"base64","data":"AA=="}}"#;
        let second = format!(r#"{{{head}"input":"http://b/"{time}{body}}}"#);
        assert_eq!(read(REPORT), [Ok(first), Ok(second)]);
    }

    #[test]
    fn a_damaged_document_does_not_take_the_next_along() {
        let report = REPORT.replace("agent: tor", "agent: [tor\né: ]]");
        let found = read(&report);
        let error = found[0].as_ref().unwrap_err();
        assert!((8..=10).contains(&error.line), "{error}");
        assert!(report.get(error.offset..).is_some(), "{error}");
        assert!(found[1].as_ref().unwrap().contains("http://b/"));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn a_damaged_header_is_told_and_the_entries_stay() {
        let found = read("---\n\"x\n...\n---\ninput: a\n");
        assert_eq!(found[0].as_ref().unwrap_err().line, 2);
        assert_eq!(found[1], Ok(r#"{"input":"a","test_keys":{}}"#.to_owned()));
    }

    #[test]
    fn a_lone_header_is_a_measurement() {
        let one = Ok(r#"{"test_name":"t","test_keys":{}}"#.to_owned());
        for lone in [
            "---\ntest_name: t\n...\n",
            "\u{feff}# comment\ntest_name: t",
            "%YAML 1.1\n---\ntest_name: t\n...\n---\n...\n",
        ] {
            assert_eq!(read(lone), std::slice::from_ref(&one), "{lone:?}");
        }
        let found = read("---\ntest_name: t\n---\n[1]\n");
        assert_eq!(found[0].as_ref().unwrap_err().reason, YamlReason::NoMapping);
        assert_eq!(found[1], one);
        for nothing in ["", "---", "---\n...\n", "# a comment\n", "{}"] {
            assert_eq!(read(nothing), [], "{nothing:?}");
        }
    }

    #[test]
    fn every_cut_of_a_report_is_answered() {
        for cut in 0..REPORT.len() {
            for found in read_report(&REPORT[..cut]) {
                match found {
                    Ok(value) => assert!(Measurement::from_json(&value.to_json()).is_ok()),
                    Err(error) => assert!(
                        error.offset <= cut && error.line <= REPORT.lines().count() + 1,
                        "{error}"
                    ),
                }
            }
        }
    }

    #[test]
    fn a_header_nobody_wrote_is_refused() {
        let report = format!("---\na: {}\n---\ninput: x\n", "b".repeat(MAX_HEADER_BYTES));
        let found = read(&report);
        let reason = &found[0].as_ref().unwrap_err().reason;
        assert!(matches!(reason, YamlReason::HeaderTooLarge { .. }));
        assert_eq!(found[1], Ok(r#"{"input":"x","test_keys":{}}"#.to_owned()));
    }

    #[test]
    fn yaml_is_told_from_json() {
        for yaml in
            ["---\n", "---", "\u{feff}# c\n\n--- {}\r\n", "a_b: 1", "a:\n", "%YAML 1.1\n---"]
        {
            assert!(looks_like_yaml(yaml.as_bytes()), "{yaml:?}");
        }
        for other in
            ["", "{\"a\": 1}", " {", "[1]", "\"a\": 1", "----", "http://x/", ": a", "#", "\u{0}"]
        {
            assert!(!looks_like_yaml(other.as_bytes()), "{other:?}");
        }
    }
}
