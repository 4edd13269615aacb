//! Where one record ends and the next begins, however damaged the first is.
//!
//! Measurement files are JSON lines, or one pretty-printed object, or several after each other, or a list of them. A
//! record that is cut off, flipped or far too long must not take the next one with it. So:
//!
//! - A line that begins with `{` and ends with `}` is a record, once the file has shown that it is made of such lines.
//! - Otherwise brackets are counted, outside strings. A record also ends where JSON cannot go on: at a line break inside
//!   a string, or where a new line begins with `{"` while an object is still open (printers indent; only a next record
//!   looks so). What is left of a damaged record is passed over up to the next line that begins with `{` and is
//!   indented no deeper than the last record was, so that no piece of a record is taken for one.
//! - A record longer than [`MAX_RECORD`] is told and skipped to the next line that begins with `{`.
//!
//! At most one record is in memory, plus one chunk.

use std::collections::VecDeque;
use std::io::Read;

use wirewitness_model::yaml;

use super::sources::MAX_YAML;
use super::{Problem, Record, mend_surrogates};

/// The longest record taken, bytes: several times the largest measurement that OONI's collector accepts.
pub(crate) const MAX_RECORD: usize = 64 << 20;
const CHUNK: usize = 256 << 10;
/// What kind of file it is shows in this much of it, bytes.
const HEAD: usize = 4 << 10;
/// Bytes behind a line break that tell whether a new record begins there: `{"`, or `{`, a line break and a blank.
const LOOK_AHEAD: usize = 4;
/// A line indented deeper than this, in bytes, begins no record.
const MAX_INDENT: usize = 4 << 10;
/// So many brackets and commas may stand between two records: the end of a list and the begin of the next, say.
const MAX_BETWEEN: usize = 4;

/// Lines, commas and opening brackets that a YAML report may have: each may become a value, some fifty bytes of memory.
const MAX_YAML_SIGNS: usize = 6_000_000;

/// The records of one file.
pub(crate) struct Records<R> {
    source: R,
    buffer: Vec<u8>,
    /// Where in `buffer` the unread part begins.
    start: usize,
    /// Offset of `buffer[start]` in the file.
    offset: u64,
    /// Line of `buffer[start]`, from 1.
    line: u64,
    is_at_end: bool,
    /// True once a record was seen to be exactly one line.
    is_lines: bool,
    /// Blanks before the line on which the last record began; none before the first.
    indent: Option<usize>,
    /// True where nothing but blanks stands on the line so far.
    is_at_line_start: bool,
    /// True where the last record had no end of its own: what follows may be a piece of it.
    is_damaged: bool,
    failure: Option<Problem>,
    /// Text of the record at hand, where it had to be changed.
    mended: String,
    /// Records of a YAML report, read whole.
    report: Option<VecDeque<Result<Converted, Problem>>>,
}

/// A YAML record as JSON text.
struct Converted {
    line: u64,
    text: String,
}

/// Where a record ends.
enum Cut {
    /// After so many bytes.
    After(usize),
    /// Nowhere within the limit.
    TooLong,
}

impl<R: Read> Records<R> {
    /// Over a source, decompressed.
    pub(crate) fn new(source: R) -> Self {
        Self {
            source,
            buffer: Vec::new(),
            start: 0,
            offset: 0,
            line: 1,
            is_at_end: false,
            is_lines: false,
            indent: None,
            is_at_line_start: true,
            is_damaged: false,
            failure: None,
            mended: String::new(),
            report: None,
        }
    }

    /// The next record, or why a piece of the file is none.
    pub(crate) fn next(&mut self) -> Option<Result<Record<'_>, Problem>> {
        if self.offset == 0 && self.report.is_none() {
            self.begin();
        }
        if self.report.is_some() {
            return self.next_of_report();
        }
        if self.is_damaged {
            self.skip_damage();
        }
        let (offset, line) = (self.offset, self.line);
        let between = self.skip_between();
        if between > MAX_BETWEEN {
            let reason = format!("{between} brackets and commas that hold no record");
            return Some(Err(Problem { offset, line, reason }));
        }
        if self.unread().is_empty() {
            return self.failure.take().map(Err);
        }
        let (offset, line) = (self.offset, self.line);
        match self.find_end() {
            Cut::TooLong => Some(Err(self.skip_too_long(offset, line))),
            Cut::After(length) => Some(self.take(length, offset, line)),
        }
    }

    fn unread(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// Reads one chunk more. False at the end.
    fn fill(&mut self) -> bool {
        if self.is_at_end {
            return false;
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        let old = self.buffer.len();
        self.buffer.resize(old + CHUNK, 0);
        let got = loop {
            match self.source.read(self.buffer.get_mut(old..).unwrap_or_default()) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.buffer.truncate(old + *got.as_ref().unwrap_or(&0));
        match got {
            Ok(0) => self.is_at_end = true,
            Ok(_) => {}
            Err(error) => {
                self.is_at_end = true;
                let offset = self.offset + self.buffer.len() as u64;
                self.failure = Some(Problem {
                    offset,
                    line: self.line,
                    reason: format!("cannot be read on: {error}"),
                });
            }
        }
        !self.is_at_end
    }

    fn consume(&mut self, length: usize) {
        let newlines =
            memchr::memchr_iter(b'\n', self.unread().get(..length).unwrap_or_default()).count();
        self.line += newlines as u64;
        self.start += length;
        self.offset += length as u64;
    }

    /// Whether this is a YAML report; a byte order mark is passed over.
    fn begin(&mut self) {
        while self.unread().len() < HEAD && self.fill() {}
        if self.unread().starts_with(b"\xef\xbb\xbf") {
            self.consume(3);
        }
        if yaml::looks_like_yaml(self.unread()) {
            self.read_report();
        }
    }

    /// Passes over what may stand between records: white space, and the brackets and commas of a list of them. How many
    /// of the latter there were.
    fn skip_between(&mut self) -> usize {
        let mut brackets = 0;
        let mut indent = 0;
        loop {
            let mut length = 0;
            let (mut is_at_line_start, start) = (self.is_at_line_start, self.start);
            for byte in self.buffer.get(start..).unwrap_or_default() {
                match byte {
                    b'\n' => (is_at_line_start, indent) = (true, 0),
                    b' ' | b'\t' | b'\r' => indent += usize::from(is_at_line_start),
                    b',' | b'[' | b']' => {
                        is_at_line_start = false;
                        brackets += 1;
                    }
                    _ => break,
                }
                length += 1;
            }
            self.is_at_line_start = is_at_line_start;
            self.consume(length);
            if !self.unread().is_empty() || !self.fill() {
                break;
            }
        }
        if self.is_at_line_start && self.unread().first() == Some(&b'{') {
            self.indent = Some(indent);
        }
        self.is_at_line_start = false;
        brackets
    }

    /// Passes over what is left of a damaged record: up to a line that begins with `{`, indented no deeper than the
    /// last record.
    fn skip_damage(&mut self) {
        self.is_damaged = false;
        let deepest = self.indent.unwrap_or(usize::MAX);
        loop {
            if !self.skip_line() {
                return;
            }
            self.is_at_line_start = true;
            let is_blank = |byte: &&u8| matches!(byte, b' ' | b'\t');
            let mut blanks = self.unread().iter().take_while(is_blank).count();
            while blanks == self.unread().len() && blanks <= MAX_INDENT && self.fill() {
                blanks = self.unread().iter().take_while(is_blank).count();
            }
            let behind = self.unread().get(blanks..).unwrap_or_default();
            if blanks <= deepest && behind.first() == Some(&b'{') {
                return;
            }
        }
    }

    /// Passes over the rest of the line and its line break. False where the file ends first.
    fn skip_line(&mut self) -> bool {
        loop {
            if let Some(at) = memchr::memchr(b'\n', self.unread()) {
                self.consume(at + 1);
                return true;
            }
            self.consume(self.unread().len());
            if !self.fill() {
                return false;
            }
        }
    }

    /// Length of the line at hand without its line break; none where it is over the limit.
    fn line_length(&mut self) -> Option<usize> {
        let mut searched = 0;
        loop {
            let unread = self.unread();
            if let Some(at) = memchr::memchr(b'\n', unread.get(searched..).unwrap_or_default()) {
                return Some(searched + at);
            }
            searched = unread.len();
            if searched > MAX_RECORD {
                return None;
            }
            if !self.fill() {
                return Some(self.unread().len());
            }
        }
    }

    fn find_end(&mut self) -> Cut {
        let Some(line) = self.line_length() else { return Cut::TooLong };
        let text = self.unread().get(..line).unwrap_or_default();
        let is_object = text.first() == Some(&b'{');
        let is_closed = text.trim_ascii_end().trim_suffix_comma().last() == Some(&b'}');
        if !is_object || (self.is_lines && is_closed) {
            self.is_damaged = !is_object;
            return Cut::After(line);
        }
        let cut = self.count_brackets();
        self.is_lines = matches!(cut, Cut::After(length) if length <= line && is_closed);
        cut
    }

    /// Finds the end of an object by its brackets.
    fn count_brackets(&mut self) -> Cut {
        let mut state = Brackets::default();
        let mut at = 0;
        loop {
            let unread = self.unread();
            if let Some(length) = state.scan(unread, at, self.is_at_end) {
                self.is_damaged = state.depth > 0 || state.is_in_string;
                return Cut::After(length);
            }
            // The last bytes are looked at again: what follows a line break decides.
            at = unread.len().saturating_sub(LOOK_AHEAD).max(at);
            if unread.len() > MAX_RECORD {
                return Cut::TooLong;
            }
            self.fill();
        }
    }

    fn take(&mut self, length: usize, offset: u64, line: u64) -> Result<Record<'_>, Problem> {
        let from = self.start;
        self.consume(length);
        let bytes = self
            .buffer
            .get(from..from + length)
            .unwrap_or_default()
            .trim_ascii_end()
            .trim_suffix_comma();
        let text = std::str::from_utf8(bytes).map_err(|error| Problem {
            offset: offset + error.valid_up_to() as u64,
            line,
            reason: "not UTF-8".to_owned(),
        })?;
        match mend_surrogates(text) {
            None => Ok(Record { offset, line, text }),
            Some(mended) => {
                self.mended = mended;
                Ok(Record { offset, line, text: &self.mended })
            }
        }
    }

    fn skip_too_long(&mut self, offset: u64, line: u64) -> Problem {
        while self.skip_line() {
            if self.unread().is_empty() {
                self.fill();
            }
            if self.unread().first() == Some(&b'{') {
                break;
            }
        }
        let have = self.offset - offset;
        let reason =
            format!("record too long: at most {MAX_RECORD} bytes are taken, {have} were skipped");
        Problem { offset, line, reason }
    }

    fn read_report(&mut self) {
        while self.unread().len() <= MAX_YAML && self.fill() {}
        let mut records = VecDeque::new();
        let has_too_much = || {
            let signs = self.unread().iter().filter(|byte| b"{[,\n".contains(byte));
            signs.count() > MAX_YAML_SIGNS
        };
        let reason = if self.unread().len() > MAX_YAML {
            Some(format!("YAML report too long: at most {MAX_YAML} bytes are taken"))
        } else if has_too_much() {
            Some(format!("YAML report of more than {MAX_YAML_SIGNS} lines, commas and brackets"))
        } else {
            None
        };
        if let Some(reason) = reason {
            records.push_back(Err(Problem { offset: 0, line: 1, reason }));
            self.is_at_end = true;
            self.consume(self.unread().len());
            self.report = Some(records);
            return;
        }
        if let Err(error) = std::str::from_utf8(self.unread()) {
            let offset = self.offset + error.valid_up_to() as u64;
            let reason = "not UTF-8; read on with the bytes replaced".to_owned();
            records.push_back(Err(Problem { offset, line: 1, reason }));
        }
        let text = String::from_utf8_lossy(self.unread()).into_owned();
        for (number, entry) in yaml::read_report(&text).enumerate() {
            records.push_back(match entry {
                Ok(value) => Ok(Converted { line: number as u64 + 1, text: value.to_string() }),
                Err(error) => Err(Problem {
                    offset: error.offset as u64,
                    line: error.line as u64,
                    reason: error.reason.to_string(),
                }),
            });
        }
        self.consume(self.unread().len());
        self.report = Some(records);
    }

    fn next_of_report(&mut self) -> Option<Result<Record<'_>, Problem>> {
        let next = self.report.as_mut()?.pop_front()?;
        Some(match next {
            Err(problem) => Err(problem),
            Ok(converted) => {
                self.mended = converted.text;
                Ok(Record { offset: 0, line: converted.line, text: &self.mended })
            }
        })
    }
}

/// Counts brackets outside strings, from chunk to chunk.
#[derive(Debug, Default)]
struct Brackets {
    depth: usize,
    is_in_string: bool,
    is_escaped: bool,
}

impl Brackets {
    /// Goes on at `from`; the length of the record, once it is known. The last [`LOOK_AHEAD`] bytes are left for the next
    /// call unless this is all there is.
    fn scan(&mut self, bytes: &[u8], from: usize, is_all: bool) -> Option<usize> {
        let end = if is_all { bytes.len() } else { bytes.len().saturating_sub(LOOK_AHEAD) };
        for at in from..end {
            let byte = *bytes.get(at)?;
            if byte == b'\n' && self.ends_at_line_break(bytes.get(at + 1..).unwrap_or_default()) {
                return Some(at);
            }
            self.step(byte);
            if self.depth == 0 && !self.is_in_string {
                return Some(at + 1);
            }
        }
        is_all.then_some(bytes.len())
    }

    /// A line break inside a string, or before what can only be the next record.
    fn ends_at_line_break(&self, rest: &[u8]) -> bool {
        let Some(rest) = rest.strip_prefix(b"{") else { return self.is_in_string };
        let is_indented = |rest: &[u8]| matches!(rest.first(), Some(b' ' | b'\t'));
        let next_line = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n"));
        self.is_in_string || rest.starts_with(b"\"") || next_line.is_some_and(is_indented)
    }

    fn step(&mut self, byte: u8) {
        if self.is_in_string {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.is_in_string = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.is_in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }
}

trait TrimSuffixComma {
    /// Without one comma at the end: records of a list that stand on a line each.
    fn trim_suffix_comma(&self) -> &Self;
}

impl TrimSuffixComma for [u8] {
    fn trim_suffix_comma(&self) -> &Self {
        self.strip_suffix(b",").unwrap_or(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives one byte at a time, so that every boundary is tried.
    struct Trickle<'a>(&'a [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            buffer[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    fn cut(bytes: &[u8]) -> Vec<Result<(u64, u64, String), String>> {
        let collect = |mut records: Records<&mut dyn Read>| {
            let mut all = Vec::new();
            while let Some(next) = records.next() {
                all.push(match next {
                    Ok(record) => Ok((record.offset, record.line, record.text.to_owned())),
                    Err(problem) => Err(problem.to_string()),
                });
            }
            all
        };
        let whole = collect(Records::new(&mut &bytes[..]));
        let trickled = collect(Records::new(&mut Trickle(bytes)));
        assert_eq!(whole, trickled, "cut differently byte by byte");
        whole
    }

    fn texts(bytes: &str) -> Vec<String> {
        cut(bytes.as_bytes())
            .into_iter()
            .map(|record| record.map_or_else(|e| e, |(.., text)| text))
            .collect()
    }

    #[test]
    fn lines_objects_and_lists() {
        assert_eq!(texts("{\"a\":1}\n{\"b\":2}\n"), ["{\"a\":1}", "{\"b\":2}"]);
        assert_eq!(
            texts("{\n \"a\": {\n  \"}\": 1\n }\n}\n{\n}\n"),
            ["{\n \"a\": {\n  \"}\": 1\n }\n}", "{\n}"]
        );
        assert_eq!(texts("[{\"a\":1},{\"b\":2}]"), ["{\"a\":1}", "{\"b\":2}"]);
        assert_eq!(texts("[\n{\"a\":1},\n{\"b\":2}\n]\n"), ["{\"a\":1}", "{\"b\":2}"]);
        assert_eq!(texts("{\"a\":1} {\"b\":2}"), ["{\"a\":1}", "{\"b\":2}"]);
        assert_eq!(texts("\u{feff}{\"a\":1}"), ["{\"a\":1}"]);
        assert_eq!(texts(""), Vec::<String>::new());
        assert_eq!(texts(" \n\n"), Vec::<String>::new());
    }

    #[test]
    fn damage_does_not_take_the_next_record_with_it() {
        assert_eq!(texts("{\"a\":{\"b\":\n{\"c\":1}\n"), ["{\"a\":{\"b\":", "{\"c\":1}"]);
        assert_eq!(texts("{\"a\":\"cut\n{\"c\":1}\n"), ["{\"a\":\"cut", "{\"c\":1}"]);
        assert_eq!(
            texts("{\"ok\":1}\n{\"a\":}}}}\n{\"c\":1}\n"),
            ["{\"ok\":1}", "{\"a\":}}}}", "{\"c\":1}"]
        );
        assert_eq!(
            texts("{\"ok\":1}\n{\"a\":{{{{}\n{\"c\":1}\n"),
            ["{\"ok\":1}", "{\"a\":{{{{}", "{\"c\":1}"]
        );
        assert_eq!(texts("garbage\n{\"c\":1}\n"), ["garbage", "{\"c\":1}"]);
    }

    #[test]
    fn a_damaged_printed_record_neither_takes_the_next_nor_falls_to_pieces() {
        let whole = "{\n  \"a\": [\n    {\n      \"b\": 1\n    }\n  ]\n}";
        for broken in [
            // A quote lost, a bracket lost, a bracket too many, cut off in the middle.
            whole.replacen("\"b\"", "\"b", 1),
            whole.replacen("  ]\n", "", 1),
            whole.replacen("1\n", "1}}}\n", 1),
            whole.split_at(20).0.to_owned(),
        ] {
            for next in [whole, "{\"c\":1}"] {
                for end in ["\n", "\r\n"] {
                    let text = format!("{whole}\n{broken}\n{next}\n").replace('\n', end);
                    let records = texts(&text);
                    let (first, last) = (records.first(), records.last());
                    assert_eq!(first, Some(&whole.replace('\n', end)), "{text}");
                    assert_eq!(last, Some(&next.replace('\n', end)), "{text}");
                    let good = records
                        .iter()
                        .filter(|record| serde_json::from_str::<serde_json::Value>(record).is_ok());
                    assert_eq!(good.count(), 2, "a piece was taken for a record: {records:?}");
                }
            }
        }
    }

    #[test]
    fn a_list_goes_on_behind_a_damaged_record() {
        let records = texts("[\n  {\"a\":1},\n  {\"b\":\"cut\n  {\"c\":1}\n]\n");
        assert_eq!(records, ["{\"a\":1}", "{\"b\":\"cut", "{\"c\":1}"]);
    }

    #[test]
    fn brackets_without_records_are_told() {
        let records = cut(b"{\"a\":1}\n[[[[[,,,,,]]]]]\n{\"b\":1}\n");
        assert_eq!(records[0], Ok((0, 1, "{\"a\":1}".to_owned())));
        let told = "byte 7 (record at line 1): 15 brackets and commas that hold no record";
        assert_eq!(records[1], Err(told.to_owned()));
        assert_eq!(records[2], Ok((24, 3, "{\"b\":1}".to_owned())));
        assert_eq!(texts("[{\"a\":1}]\n[{\"b\":1}]\n[]\n"), ["{\"a\":1}", "{\"b\":1}"]);
    }

    #[test]
    fn a_byte_that_is_not_utf8_is_named() {
        let records = cut(b"{\"a\":\"\xff\"}\n{\"b\":1}\n");
        assert_eq!(records[0], Err("byte 6 (record at line 1): not UTF-8".to_owned()));
        assert_eq!(records[1], Ok((10, 2, "{\"b\":1}".to_owned())));
    }

    #[test]
    fn a_record_over_the_limit_is_skipped() {
        let mut bytes = b"{\"ok\":1}\n{\"a\":\"".to_vec();
        bytes.resize(MAX_RECORD + 1_000_000, b'x');
        bytes.extend_from_slice(b"\"}\n{\"c\":1}\n");
        let mut source = &bytes[..];
        let mut records = Records::new(&mut source);
        assert_eq!(records.next().unwrap().unwrap().text, "{\"ok\":1}");
        let problem = records.next().unwrap().unwrap_err();
        assert_eq!((problem.offset, problem.line), (9, 2));
        assert!(problem.reason.contains("too long"), "{problem}");
        let next = records.next().unwrap().unwrap();
        assert_eq!((next.text, next.line), ("{\"c\":1}", 3));
        assert!(records.next().is_none());
    }

    #[test]
    fn a_report_of_nothing_but_brackets_is_refused() {
        let head = "---\nprobe_asn: AS64500\nprobe_cc: XA\ntest_name: http_requests\nsoftware_name: ooniprobe\n...\n";
        let entry = format!("---\ninput: x\nrequests: [{}]\n...\n", "{},".repeat(3_000_001));
        let text = format!("{head}{entry}");
        let mut source = text.as_bytes();
        let mut records = Records::new(&mut source);
        let problem = records.next().unwrap().unwrap_err();
        assert!(problem.reason.contains("commas and brackets"), "{problem}");
        assert!(records.next().is_none());
    }

    #[test]
    fn half_a_surrogate_pair_is_mended() {
        assert_eq!(texts("{\"a\":\"\\ud800\",\"n\":1.0}\n"), ["{\"a\":\"\u{fffd}\",\"n\":1.0}"]);
        assert_eq!(texts("{\"a\":\"\\ud83d\\ude00\"}\n"), ["{\"a\":\"\\ud83d\\ude00\"}"]);
    }

    proptest! {
        #[test]
        fn never_panics_never_loses_a_good_line(garbage in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = garbage.clone();
            bytes.extend_from_slice(b"\n{\"good\":1}\n");
            let is_yaml = yaml::looks_like_yaml(&bytes);
            let records = cut(&bytes);
            let good = Ok("{\"good\":1}".to_owned());
            let found = records.into_iter().any(|record| record.map(|(.., text)| text) == good);
            prop_assert!(found || is_yaml);
        }
    }
}
