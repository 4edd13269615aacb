//! Where the values of a JSON text begin and end.

use memchr::memchr2;

use super::CondenseError;

/// I stand somewhere in a JSON text.
pub(super) struct Scan<'t> {
    text: &'t str,
    pub(super) at: usize,
}

impl<'t> Scan<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// The byte here.
    pub(super) fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The text between two places.
    pub(super) fn slice(&self, from: usize, to: usize) -> &'t str {
        self.text.get(from..to).unwrap_or("")
    }

    /// The text from here on.
    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    pub(super) fn error(&self, need: &'static str) -> CondenseError {
        CondenseError::NotJson { offset: self.at, need }
    }

    /// Steps over white space.
    pub(super) fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte() {
            self.at += 1;
        }
    }

    /// Steps over a string, and gives what is between its quotes, as written.
    pub(super) fn string(&mut self) -> Result<&'t str, CondenseError> {
        if self.byte() != Some(b'"') {
            return Err(self.error("a string"));
        }
        let start = self.at + 1;
        let bytes = self.text.as_bytes();
        let mut at = start;
        while let Some(found) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
            at += found;
            if bytes.get(at) == Some(&b'"') {
                self.at = at + 1;
                return Ok(self.slice(start, at));
            }
            at += 2;
        }
        Err(self.error("the end of a string"))
    }

    /// Steps over a string, and writes what it says behind `said`. False, somewhere in the string, where it is not one that any reader of
    /// JSON takes (RFC 8259 section 7): a control character, an escape that is none, half of a pair of surrogates, no end.
    pub(super) fn string_said(&mut self, said: &mut String) -> bool {
        if self.byte() != Some(b'"') {
            return false;
        }
        self.at += 1;
        loop {
            let rest = self.rest();
            let Some(plain) = memchr2(b'"', b'\\', rest.as_bytes()) else { return false };
            let span = rest.get(..plain).unwrap_or_default();
            // No early end: so it is a vector loop.
            if span.bytes().fold(false, |is_odd, byte| is_odd | (byte < b' ')) {
                return false;
            }
            said.push_str(span);
            self.at += plain + 1;
            if rest.as_bytes().get(plain) == Some(&b'"') {
                return true;
            }
            match self.escape() {
                Some(letter) => said.push(letter),
                None => return false,
            }
        }
    }

    /// What an escape stands for, its backslash being behind us.
    fn escape(&mut self) -> Option<char> {
        let kind = self.byte()?;
        self.at += 1;
        Some(match kind {
            b'"' | b'\\' | b'/' => char::from(kind),
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => {
                let first = self.four_digits()?;
                if !(0xd800..0xdc00).contains(&first) {
                    return char::from_u32(first);
                }
                if self.byte() != Some(b'\\') || self.rest().as_bytes().get(1) != Some(&b'u') {
                    return None;
                }
                self.at += 2;
                let second = self.four_digits()?.checked_sub(0xdc00).filter(|it| *it < 0x400)?;
                return char::from_u32(0x10000 + ((first - 0xd800) << 10) + second);
            }
            _ => return None,
        })
    }

    fn four_digits(&mut self) -> Option<u32> {
        let digits: &[u8; 4] = self.rest().as_bytes().first_chunk()?;
        let value = digits
            .iter()
            .try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?));
        self.at += 4;
        value
    }

    /// Steps over a number, `true`, `false` or `null`.
    pub(super) fn literal(&mut self) -> Result<(), CondenseError> {
        let start = self.at;
        while let Some(b'0'..=b'9' | b'a'..=b'z' | b'E' | b'+' | b'-' | b'.') = self.byte() {
            self.at += 1;
        }
        if self.at == start { Err(self.error("a value")) } else { Ok(()) }
    }

    /// Steps over a value of any kind, and gives it as written.
    pub(super) fn skip(&mut self) -> Result<&'t str, CondenseError> {
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match self.byte() {
                Some(b'"') => {
                    self.string()?;
                }
                Some(b'{' | b'[') => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b'}' | b']') if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                Some(b' ' | b'\t' | b'\n' | b'\r' | b',' | b':') if depth > 0 => self.at += 1,
                _ => self.literal()?,
            }
            if depth == 0 {
                return Ok(self.slice(start, self.at));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_end_where_they_end() {
        for value in
            [r#""a\"b\\""#, "-1.5e+3", "null", "{}", r#"[ {"a" : "]"} , [ ] ]"#, r#"{"}":[1,2]}"#]
        {
            let text = format!("{value},");
            let mut scan = Scan::new(&text);
            assert_eq!(scan.skip().unwrap(), value);
            assert_eq!(scan.byte(), Some(b','));
        }
    }

    /// What our reader and serde's make of a string.
    fn said(json: &str) -> (Option<String>, Option<String>) {
        let mut scan = Scan::new(json);
        let mut ours = "before ".to_owned();
        let is_read = scan.string_said(&mut ours);
        if is_read {
            assert_eq!(scan.at, json.len(), "{json}");
        }
        (is_read.then(|| ours["before ".len()..].to_owned()), serde_json::from_str(json).ok())
    }

    #[test]
    fn a_string_says_what_any_reader_reads() {
        for json in [
            r#""""#,
            r#""plain й text""#,
            r#""a\"b\\c\/d\b\f\n\r\te""#,
            r#""\u003chtml\u003E \u0439\u0000 \ud83d\ude00""#,
        ] {
            let (ours, theirs) = said(json);
            assert!(theirs.is_some(), "{json}");
            assert_eq!(ours, theirs, "{json}");
        }
        for json in [
            "\"a\nb\"",
            "\"\u{0}\"",
            r#""\x""#,
            r#""\u12""#,
            r#""\u+123""#,
            r#""\ud83d""#,
            r#""\ud83dx""#,
            r#""\ud83d\n""#,
            r#""\ud83d\u0041""#,
            r#""\ude00""#,
            r#""\"#,
            r#""open"#,
            "\"\\й\"",
        ] {
            assert_eq!(said(json), (None, None), "{json}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_between_the_quotes(pieces in proptest::collection::vec(piece(), 0..12)) {
            let json = format!("\"{}\"", pieces.concat());
            let mut scan = Scan::new(&json);
            let mut ours = String::new();
            // A quote within ends it early: serde is asked for the same part.
            let ours = scan.string_said(&mut ours).then_some(ours);
            let mut theirs = serde_json::Deserializer::from_str(&json).into_iter::<String>();
            let read = theirs.next().and_then(Result::ok);
            proptest::prop_assert_eq!(&ours, &read);
            if read.is_some() {
                proptest::prop_assert_eq!(scan.at, theirs.byte_offset());
            }
        }
    }

    fn piece() -> impl proptest::strategy::Strategy<Value = String> {
        use proptest::prelude::*;
        prop_oneof![
            "[a-zй😀]{0,40}",
            "\\\\[\"\\\\/bfnrtux]",
            "\\\\u[0-9a-fA-F]{4}",
            "\\\\ud[89a-f][0-9a-f]{2}",
            any::<char>().prop_map(String::from),
        ]
    }

    #[test]
    fn what_is_cut_is_an_error() {
        let whole = r#"{"a":["b\"c",{"d":[]}],"e":{"f":"g"}}"#;
        for end in 0..whole.len() {
            assert!(Scan::new(&whole[..end]).skip().is_err(), "{end}");
        }
        assert!(Scan::new(r#""a\"#).skip().is_err());
    }
}
