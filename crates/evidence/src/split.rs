//! Where JSON text is cut into leaves: before and after every value, at every depth.
//!
//! The cuts make each field, each object and each array a run of leaves of its own, which can be left out later. Nothing is judged here and
//! nothing is rewritten: the pieces, one after the other, are the text. A text may hold several records (JSON lines).

use std::fmt;

use crate::leaves::MAX_LEAVES;

/// Bytes of JSON that are cut. What is longer is one leaf.
pub const MAX_JSON_BYTES: usize = 64 << 20;
/// Depth to which values may be nested.
const MAX_DEPTH: usize = 128;

/// Where a value is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Path {
    /// The record in its file, from 1.
    pub record: usize,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

impl Path {
    /// `a.b[0].c`; empty for a whole record.
    pub fn exact(&self) -> String {
        self.written(|index| index.to_string())
    }

    /// `a.b[*].c`: the same for all places of an array.
    pub fn general(&self) -> String {
        self.written(|_| "*".to_owned())
    }

    fn written(&self, index: impl Fn(usize) -> String) -> String {
        let mut text = String::new();
        for step in &self.steps {
            match step {
                Step::Key(key) => {
                    if !text.is_empty() {
                        text.push('.');
                    }
                    text.push_str(key);
                }
                Step::Index(at) => text.push_str(&format!("[{}]", index(*at))),
            }
        }
        text
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {}: {}", self.record, self.exact())
    }
}

/// A text that is no JSON, or nested too deep; the byte where that shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("byte {0}: no JSON, or nested deeper than {MAX_DEPTH}")]
pub struct NotJson(pub usize);

/// Walks over all values of a text, outer ones after the inner ones; gives start and end of each with its path.
///
/// # Errors
/// Where the text is no JSON; strings and numbers are not looked into.
pub fn walk(text: &[u8], visit: &mut dyn FnMut(usize, usize, &Path)) -> Result<(), NotJson> {
    let mut walker = Walker { text, at: 0, path: Path::default(), visit };
    loop {
        walker.skip_blanks();
        if walker.at == text.len() {
            return Ok(());
        }
        walker.path.record += 1;
        walker.value()?;
    }
}

/// The places where the text is cut, in order, first and last included. For a text that is no JSON: only those.
pub fn cuts(text: &[u8]) -> Vec<usize> {
    let whole = if text.is_empty() { vec![0] } else { vec![0, text.len()] };
    if text.len() > MAX_JSON_BYTES {
        return whole;
    }
    let mut cuts = whole.clone();
    let walked = walk(text, &mut |start, end, _| cuts.extend([start, end]));
    cuts.sort_unstable();
    cuts.dedup();
    if walked.is_err() || cuts.len() > MAX_LEAVES { whole } else { cuts }
}

struct Walker<'a> {
    text: &'a [u8],
    at: usize,
    path: Path,
    visit: &'a mut dyn FnMut(usize, usize, &Path),
}

impl Walker<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), NotJson> {
        if self.peek() != Some(byte) {
            return Err(NotJson(self.at));
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self) -> Result<(), NotJson> {
        let start = self.at;
        if self.path.steps.len() > MAX_DEPTH {
            return Err(NotJson(start));
        }
        match self.peek() {
            Some(b'{') => self.object()?,
            Some(b'[') => self.array()?,
            Some(b'"') => self.string().map(|_| ())?,
            _ => self.word()?,
        }
        (self.visit)(start, self.at, &self.path);
        Ok(())
    }

    fn object(&mut self) -> Result<(), NotJson> {
        self.expect(b'{')?;
        self.skip_blanks();
        if self.peek() == Some(b'}') {
            return self.expect(b'}');
        }
        loop {
            self.skip_blanks();
            let (start, end) = self.string()?;
            let key = String::from_utf8_lossy(self.text.get(start..end).unwrap_or_default());
            self.path.steps.push(Step::Key(key.into_owned()));
            self.skip_blanks();
            self.expect(b':')?;
            self.skip_blanks();
            self.value()?;
            self.path.steps.pop();
            self.skip_blanks();
            if self.peek() != Some(b',') {
                return self.expect(b'}');
            }
            self.at += 1;
        }
    }

    fn array(&mut self) -> Result<(), NotJson> {
        self.expect(b'[')?;
        self.skip_blanks();
        if self.peek() == Some(b']') {
            return self.expect(b']');
        }
        for index in 0.. {
            self.skip_blanks();
            self.path.steps.push(Step::Index(index));
            self.value()?;
            self.path.steps.pop();
            self.skip_blanks();
            if self.peek() != Some(b',') {
                break;
            }
            self.at += 1;
        }
        self.expect(b']')
    }

    /// Start and end of what is between the quotes.
    fn string(&mut self) -> Result<(usize, usize), NotJson> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(byte) if byte >= 0x20 => self.at += 1,
                _ => return Err(NotJson(self.at.min(self.text.len()))),
            }
        }
        self.at += 1;
        Ok((start, self.at - 1))
    }

    /// A number, true, false or null: the letters of one.
    fn word(&mut self) -> Result<(), NotJson> {
        let start = self.at;
        while let Some(b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'+' | b'-' | b'.') = self.peek() {
            self.at += 1;
        }
        if self.at == start { Err(NotJson(start)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_a_run_of_pieces() {
        let text = b"{\"a\": [1, {\"b\":\"x\\\"]\"}], \"c\":null}\n{\"a\":2}\n";
        let mut seen = Vec::new();
        walk(text, &mut |start, end, path| {
            let value = String::from_utf8_lossy(&text[start..end]).into_owned();
            seen.push((path.to_string(), path.general(), value));
        })
        .unwrap();
        let of = |path: &str| seen.iter().find(|it| it.0 == path).map(|it| it.2.as_str());
        assert_eq!(of("record 1: a[1].b"), Some("\"x\\\"]\""));
        assert_eq!(of("record 1: a"), Some("[1, {\"b\":\"x\\\"]\"}]"));
        assert_eq!(of("record 2: "), Some("{\"a\":2}"));
        assert!(seen.iter().any(|it| it.1 == "a[*].b"));
        let cuts = cuts(text);
        let pieces: Vec<u8> = cuts.windows(2).flat_map(|it| text[it[0]..it[1]].to_vec()).collect();
        assert_eq!(pieces, text);
    }

    #[test]
    fn what_is_no_json_is_one_piece() {
        let deep = "[".repeat(100_000);
        for text in ["{\"a\":", "{]", "\"\\", "{\"a\" 1}", "\u{1}", &deep] {
            assert_eq!(cuts(text.as_bytes()), [0, text.len()], "{:?}", text.get(..9));
        }
        assert_eq!(cuts(b""), [0]);
    }
}
