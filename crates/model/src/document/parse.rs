//! The reader: RFC 8259, one pass, every string and number kept as text.
//!
//! `serde_json` refuses a lone surrogate in a string and cannot give the text of one back; hence an own reader. What
//! the two take as JSON is otherwise the same, up to the nesting limit (`serde_json`: 127 levels).

use super::{DocumentError, MAX_DEPTH, NumberToken, StringToken, Value};

/// Reads one value with nothing but white space around it.
pub(super) fn parse(text: &str) -> Result<Value, DocumentError> {
    let mut reader = Reader::new(text);
    let value = reader.value()?;
    reader.skip_space();
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(reader.unexpected("the end of the text")),
    }
}

/// True where the text is one JSON number and nothing else.
pub(super) fn is_number(text: &str) -> bool {
    let mut reader = Reader::new(text);
    reader.number().is_ok() && reader.at == text.len()
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    fn value(&mut self) -> Result<Value, DocumentError> {
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            _ => Err(self.unexpected("a value")),
        }
    }

    /// Reads an array or object, one level deeper.
    fn nested(
        &mut self,
        read: fn(&mut Self) -> Result<Value, DocumentError>,
    ) -> Result<Value, DocumentError> {
        if self.depth == MAX_DEPTH {
            return Err(DocumentError::TooDeep { offset: self.at, limit: MAX_DEPTH });
        }
        self.at += 1;
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn array(&mut self) -> Result<Value, DocumentError> {
        let mut items = Vec::new();
        if self.closes(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value()?);
            if !self.continues(b']', "a comma or a closing bracket")? {
                return Ok(Value::Array(items));
            }
        }
    }

    fn object(&mut self) -> Result<Value, DocumentError> {
        let mut entries = Vec::new();
        if self.closes(b'}') {
            return Ok(Value::Object(entries));
        }
        loop {
            self.skip_space();
            let key = self.string()?;
            self.skip_space();
            self.expect(b':', "a colon")?;
            entries.push((key, self.value()?));
            if !self.continues(b'}', "a comma or a closing brace")? {
                return Ok(Value::Object(entries));
            }
        }
    }

    /// Takes the closing bracket if it comes next.
    fn closes(&mut self, close: u8) -> bool {
        self.skip_space();
        self.take(close)
    }

    /// Takes the comma between two items (true) or the bracket behind the last (false).
    fn continues(&mut self, close: u8, need: &'static str) -> Result<bool, DocumentError> {
        if self.closes(close) {
            return Ok(false);
        }
        self.expect(b',', need)?;
        Ok(true)
    }

    fn string(&mut self) -> Result<StringToken, DocumentError> {
        self.expect(b'"', "a string")?;
        let start = self.at;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(0x20..) => self.at += 1,
                Some(_) => return Err(self.unexpected("an escape for a control character")),
                None => return Err(self.unexpected("a closing quote")),
            }
        }
        let token = StringToken::checked(self.since(start));
        self.at += 1;
        Ok(token)
    }

    /// Passes a backslash and what it escapes.
    fn escape(&mut self) -> Result<(), DocumentError> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    self.one(|byte| byte.is_ascii_hexdigit(), "four hex digits")?;
                }
            }
            _ => return Err(self.unexpected("one of \"\\/bfnrtu behind a backslash")),
        }
        Ok(())
    }

    fn number(&mut self) -> Result<NumberToken, DocumentError> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(NumberToken::checked(self.since(start)))
    }

    /// Passes one digit or more.
    fn digits(&mut self) -> Result<(), DocumentError> {
        self.one(|byte| byte.is_ascii_digit(), "a digit")?;
        self.skip(|byte| byte.is_ascii_digit());
        Ok(())
    }

    fn word(&mut self, word: &'static str, value: Value) -> Result<Value, DocumentError> {
        for byte in word.bytes() {
            self.expect(byte, word)?;
        }
        Ok(value)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let comes = self.peek() == Some(byte);
        self.at += usize::from(comes);
        comes
    }

    fn expect(&mut self, byte: u8, need: &'static str) -> Result<(), DocumentError> {
        self.one(|b| b == byte, need)
    }

    /// Passes one byte of a kind.
    fn one(&mut self, is: impl Fn(u8) -> bool, need: &'static str) -> Result<(), DocumentError> {
        match self.peek() {
            Some(byte) if is(byte) => {
                self.at += 1;
                Ok(())
            }
            _ => Err(self.unexpected(need)),
        }
    }

    fn skip_space(&mut self) {
        self.skip(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    }

    fn skip(&mut self, is: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&is) {
            self.at += 1;
        }
    }

    /// The text from `start` to here. Both are beside ASCII characters, so the slice is always there.
    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn unexpected(&self, need: &'static str) -> DocumentError {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(have) => DocumentError::Unexpected { offset: self.at, need, have },
            None => DocumentError::Ended { offset: self.text.len(), need },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str =
        " {\"a\\u00e9\\/\": [1, -2.5e+3, true, false, null], \"é\": {\"\": \"\\ud800\"} } ";

    #[test]
    fn a_cut_text_is_an_error_with_its_place() {
        for cut in (0..SAMPLE.len() - 1).filter(|&cut| SAMPLE.is_char_boundary(cut)) {
            let error = parse(&SAMPLE[..cut]).unwrap_err();
            assert!(matches!(error, DocumentError::Ended { .. }), "{cut}: {error}");
            assert_eq!(error.offset(), cut);
        }
        assert!(parse(SAMPLE).is_ok());
    }

    #[test]
    fn a_changed_byte_never_panics() {
        for at in 0..SAMPLE.len() {
            for byte in [b'"', b'\\', b'{', b']', b',', b'0', b'u', 0, 0x80] {
                let mut bytes = SAMPLE.as_bytes().to_vec();
                bytes[at] = byte;
                if let Err(error) = super::super::Document::parse_bytes(&bytes) {
                    assert!(error.offset() <= bytes.len());
                }
            }
        }
    }

    #[test]
    fn what_is_no_json_is_refused_at_its_place() {
        for (text, offset) in [
            ("", 0),
            ("[1,]", 3),
            ("{\"a\":1,}", 7),
            ("{a:1}", 1),
            ("01", 1),
            ("1.", 2),
            ("-", 1),
            ("1 2", 2),
            ("tru", 3),
            ("trux", 3),
            ("nulll", 4),
            ("'a'", 0),
            ("\"\\x\"", 2),
            ("\"\\u12g4\"", 5),
            ("\"a\nb\"", 2),
            ("[1}", 2),
            ("\u{a0}1", 0),
            ("NaN", 0),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.offset(), offset, "{text:?}: {error}");
            assert!(serde_json::from_str::<&serde_json::value::RawValue>(text).is_err());
        }
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(&nested(MAX_DEPTH)).is_ok());
        let error = parse(&nested(MAX_DEPTH + 1)).unwrap_err();
        assert_eq!(error, DocumentError::TooDeep { offset: MAX_DEPTH, limit: MAX_DEPTH });
        let error = parse(&"{\"a\":".repeat(1_000_000)).unwrap_err();
        assert_eq!(error, DocumentError::TooDeep { offset: 5 * MAX_DEPTH, limit: MAX_DEPTH });
        let flat = format!("[{}0]", "[],{},".repeat(1000));
        assert_eq!(parse(&flat).unwrap().to_json(), flat);
    }
}
