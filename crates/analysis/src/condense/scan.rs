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

    #[test]
    fn what_is_cut_is_an_error() {
        let whole = r#"{"a":["b\"c",{"d":[]}],"e":{"f":"g"}}"#;
        for end in 0..whole.len() {
            assert!(Scan::new(&whole[..end]).skip().is_err(), "{end}");
        }
        assert!(Scan::new(r#""a\"#).skip().is_err());
    }
}
