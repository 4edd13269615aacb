//! The texts of strings and numbers, as a file has them.
//!
//! A token can only be got by reading JSON or by writing a Rust value as JSON, so whatever holds one can be printed
//! as it stands.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use super::parse;

/// I am the text of a JSON string between its quotes, escapes as written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StringToken(Box<str>);

impl StringToken {
    /// Takes over text that the reader has checked.
    pub(super) fn checked(raw: &str) -> Self {
        Self(raw.into())
    }

    /// The text between the quotes, escapes as written.
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// What the text says, escapes resolved (RFC 8259 §7).
    ///
    /// A lone surrogate, which no Rust string can hold, becomes U+FFFD.
    pub fn decoded(&self) -> Cow<'_, str> {
        if self.0.contains('\\') { Cow::Owned(decode(&self.0)) } else { Cow::Borrowed(&self.0) }
    }

    /// True where the text, escapes resolved, is `text`.
    pub fn is(&self, text: &str) -> bool {
        self.decoded() == text
    }
}

impl StringToken {
    /// The same text with every lone surrogate replaced by U+FFFD; other escapes stay as written.
    pub(super) fn mended(self) -> Self {
        if has_lone_surrogate(&self.0) { Self::from(self.decoded().as_ref()) } else { self }
    }
}

/// True where JSON text has an escape of half a surrogate pair (`\ud800` without its other half).
///
/// An escaped backslash before `ud800` counts as one too: rare, and looking twice is cheaper than looking closely.
pub fn has_lone_surrogate(json: &str) -> bool {
    let mut rest = json;
    while let Some(at) = rest.find("\\u") {
        let (unit, after) = unit(rest, at);
        match unit {
            Some(0xd800..=0xdbff) => match self::unit(after, 0) {
                (Some(0xdc00..=0xdfff), beyond) if after.starts_with("\\u") => rest = beyond,
                _ => return true,
            },
            Some(0xdc00..=0xdfff) => return true,
            _ => rest = after,
        }
    }
    false
}

/// The UTF-16 unit of the escape at `at`, and the text behind it.
fn unit(text: &str, at: usize) -> (Option<u32>, &str) {
    let unit = text.get(at + 2..at + 6).and_then(|hex| u32::from_str_radix(hex, 16).ok());
    (unit, text.get(at + 6..).unwrap_or(""))
}

/// Writes a string as JSON, with the escapes that JSON requires and no others.
impl From<&str> for StringToken {
    fn from(text: &str) -> Self {
        let plain = |c: char| c >= ' ' && c != '"' && c != '\\';
        if text.chars().all(plain) {
            return Self(text.into());
        }
        let mut raw = String::with_capacity(text.len() + 8);
        for c in text.chars() {
            escape(c, &mut raw);
        }
        Self(raw.into())
    }
}

/// With its quotes, as in a file.
impl fmt::Display for StringToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        f.write_str(&self.0)?;
        f.write_char('"')
    }
}

/// I am the text of a JSON number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NumberToken(Box<str>);

impl NumberToken {
    /// Takes over text that the reader has checked.
    pub(super) fn checked(text: &str) -> Self {
        Self(text.into())
    }

    /// Takes text that is a JSON number (RFC 8259 §6) and nothing else; any other text gives none.
    pub fn of(text: &str) -> Option<Self> {
        parse::is_number(text).then(|| Self(text.into()))
    }

    /// The shortest text that reads as this number; NaN and the infinities have none.
    pub fn of_real(real: f64) -> Option<Self> {
        real.is_finite().then(|| Self(format!("{real:?}").into()))
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl From<i64> for NumberToken {
    fn from(number: i64) -> Self {
        Self(number.to_string().into())
    }
}

impl From<u64> for NumberToken {
    fn from(number: u64) -> Self {
        Self(number.to_string().into())
    }
}

impl fmt::Display for NumberToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn escape(c: char, raw: &mut String) {
    match c {
        '"' => raw.push_str("\\\""),
        '\\' => raw.push_str("\\\\"),
        '\n' => raw.push_str("\\n"),
        '\r' => raw.push_str("\\r"),
        '\t' => raw.push_str("\\t"),
        '\0'..='\u{1f}' => raw.push_str(&format!("\\u{:04x}", u32::from(c))),
        _ => raw.push(c),
    }
}

/// Resolves the escapes of a checked token.
fn decode(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut chars = escaped.chars();
        match chars.next() {
            Some('u') => {
                let (c, after) = decode_unicode(escaped);
                text.push(c);
                rest = after;
                continue;
            }
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some(c) => text.push(c),
            None => {}
        }
        rest = chars.as_str();
    }
    text.push_str(rest);
    text
}

/// Reads `uXXXX`, or `uXXXX\uXXXX` where the two are a surrogate pair, and gives the text behind it.
fn decode_unicode(escaped: &str) -> (char, &str) {
    let (first, rest) = hex4(escaped);
    let (second, after) = rest.strip_prefix('\\').map_or((None, rest), hex4);
    if let (Some(high @ 0xd800..=0xdbff), Some(low @ 0xdc00..=0xdfff)) = (first, second) {
        let joined = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        return (char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER), after);
    }
    (first.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER), rest)
}

/// Reads `uXXXX` and gives the text behind it.
fn hex4(escaped: &str) -> (Option<u32>, &str) {
    let digits = escaped.strip_prefix('u').and_then(|hex| hex.split_at_checked(4));
    match digits {
        Some((digits, rest)) => (u32::from_str_radix(digits, 16).ok(), rest),
        None => (None, escaped),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(raw: &str) -> String {
        StringToken::checked(raw).decoded().into_owned()
    }

    #[test]
    fn escapes_are_resolved() {
        assert_eq!(decoded(r#"a\"\\\/\b\f\n\r\t\u0041b"#), "a\"\\/\u{8}\u{c}\n\r\tAb");
        assert_eq!(decoded(r"\ud83d\ude00!"), "\u{1f600}!");
        assert!(matches!(StringToken::checked("plain").decoded(), Cow::Borrowed("plain")));
    }

    #[test]
    fn a_lone_surrogate_is_replaced_and_its_neighbours_stay() {
        assert_eq!(decoded(r"\ud800x"), "\u{fffd}x");
        assert_eq!(decoded(r"\udc00\ud83d\ude00"), "\u{fffd}\u{1f600}");
        assert_eq!(decoded(r"\ud83d\u0041"), "\u{fffd}A");
        assert_eq!(decoded(r"\ud83d\n\ud83d"), "\u{fffd}\n\u{fffd}");
    }

    #[test]
    fn rust_strings_are_escaped_as_json_requires() {
        let text = "a\"\\\n\r\t\0\u{1f}é\u{2028}/<";
        let token = StringToken::from(text);
        assert_eq!(token.to_string(), "\"a\\\"\\\\\\n\\r\\t\\u0000\\u001fé\u{2028}/<\"");
        assert_eq!(token.decoded(), text);
        assert!(token.is(text));
    }

    #[test]
    fn only_numbers_are_numbers() {
        for text in ["0", "-0", "12.50", "1e5", "1E+05", "9".repeat(400).as_str()] {
            assert_eq!(NumberToken::of(text).expect(text).text(), text);
        }
        for text in ["", "-", "01", "1.", ".5", "+1", "1e", "0x1", "1 ", " 1", "NaN", "1_0"] {
            assert_eq!(NumberToken::of(text), None, "{text:?}");
        }
        assert_eq!(NumberToken::of_real(f64::NAN), None);
        assert_eq!(NumberToken::of_real(1.0).unwrap().text(), "1.0");
        for real in [1e300, -0.0, 5e-324, 1e16] {
            assert!(parse::is_number(NumberToken::of_real(real).unwrap().text()));
        }
    }
}
