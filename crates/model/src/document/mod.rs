//! JSON read without loss, for writing it back.
//!
//! [`Document::parse`] keeps what [`crate::ooni`] may let go of: the order of keys, keys nobody knows, duplicate keys,
//! the text of every number (`1.0` is not `1`, and an integer of forty digits stays one) and the text of every string
//! (`\u003c`, `\/`, a lone surrogate `\ud800`). What is lost is the white space between tokens, and only that: for
//! compact text, [`Document::to_json`] gives the same bytes again.
//!
//! A changed document is written with the same care: only what was changed differs.
//!
//! - [`value`]: the tree, and how it is read and changed.
//! - [`token`]: the texts of strings and numbers, checked once, so that a value is always valid JSON.
//! - `parse`: the reader (RFC 8259), one pass, at most [`MAX_DEPTH`] levels deep.
//!
//! Memory is linear in the text: every byte of input accounts for at most some 50 bytes of tree, and that only in
//! lists of one-digit numbers.

mod parse;

pub mod token;
pub mod value;

use std::fmt;

pub use crate::lenient::MAX_DEPTH;
pub use token::{NumberToken, StringToken, has_lone_surrogate};
pub use value::Value;

/// I am one JSON text, read without loss.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    root: Value,
}

impl Document {
    /// Reads one JSON value, with nothing but white space around it.
    ///
    /// # Errors
    /// Text that is not JSON (RFC 8259) or nests deeper than [`MAX_DEPTH`] levels.
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        Ok(Self { root: parse::parse(text)? })
    }

    /// Reads one JSON value from bytes.
    ///
    /// # Errors
    /// As [`Document::parse`], and bytes that are not UTF-8.
    pub fn parse_bytes(bytes: &[u8]) -> Result<Self, DocumentError> {
        let text = std::str::from_utf8(bytes)
            .map_err(|error| DocumentError::NotUtf8 { offset: error.valid_up_to() })?;
        Self::parse(text)
    }

    /// The value.
    pub fn root(&self) -> &Value {
        &self.root
    }

    /// The value, without the document around it.
    pub fn into_root(self) -> Value {
        self.root
    }

    /// The document with every lone surrogate replaced by U+FFFD, for readers that hold text as Unicode.
    #[must_use]
    pub fn with_valid_strings(self) -> Self {
        Self { root: self.root.with_valid_strings() }
    }

    /// Compact JSON text: the text that was read, less the white space between tokens.
    pub fn to_json(&self) -> String {
        self.root.to_json()
    }
}

impl From<Value> for Document {
    fn from(root: Value) -> Self {
        Self { root }
    }
}

/// Compact JSON, as [`Document::to_json`].
impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root.fmt(f)
    }
}

/// I say where and why a text is no JSON. Offsets are in bytes from the start of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The bytes are not UTF-8.
    #[error("byte {offset}: not UTF-8")]
    NotUtf8 {
        /// Offset of the first byte that is not.
        offset: usize,
    },
    /// The text ends too early: it was cut.
    #[error("byte {offset}: need {need}, have the end of the text")]
    Ended {
        /// Length of the text.
        offset: usize,
        /// What had to come.
        need: &'static str,
    },
    /// A character that cannot stand where it stands.
    #[error("byte {offset}: need {need}, have {have:?}")]
    Unexpected {
        /// Offset of the character.
        offset: usize,
        /// What had to come.
        need: &'static str,
        /// What came.
        have: char,
    },
    /// Arrays and objects in each other, deeper than [`MAX_DEPTH`] levels.
    #[error("byte {offset}: nested deeper than {limit} levels")]
    TooDeep {
        /// Offset of the bracket that opens one level too many.
        offset: usize,
        /// The deepest nesting taken.
        limit: usize,
    },
}

impl DocumentError {
    /// Offset of the place, in bytes from the start of the text; at most its length.
    pub fn offset(&self) -> usize {
        match *self {
            Self::NotUtf8 { offset }
            | Self::Ended { offset, .. }
            | Self::Unexpected { offset, .. }
            | Self::TooDeep { offset, .. } => offset,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_byte_for_byte() {
        for text in [
            r#"{"b":1.0,"a":1,"b":[],"":{}}"#,
            r#"[1e5,1E+05,-0,-0.0,0.10,123456789012345678901234567890123456789012]"#,
            r#"["\u003c\/\ud800\uDBFF\u0000\n<é\u00E9","\ud83d\ude00"]"#,
            "null",
            "true",
            "\"\u{2028}\u{7f}\"",
        ] {
            let document = Document::parse(text).expect(text);
            assert_eq!(document.to_json(), text);
            assert_eq!(document.to_string(), text);
            assert_eq!(Document::parse_bytes(text.as_bytes()), Ok(document));
        }
    }

    #[test]
    fn lone_surrogates_are_found_and_replaced() {
        for (text, mended) in [
            (
                r#"{"a\udc00":["\ud800x","\ud800\u0041","\u0041"]}"#,
                "{\"a\u{fffd}\":[\"\u{fffd}x\",\"\u{fffd}A\",\"\\u0041\"]}",
            ),
            (r#"["\ud83d\ude00","\ud83d\u"]"#, ""),
            (r#"["\ud83d\ude00"]"#, r#"["\ud83d\ude00"]"#),
        ] {
            assert_eq!(has_lone_surrogate(text), text != mended, "{text}");
            if let Ok(document) = Document::parse(text) {
                assert_eq!(document.with_valid_strings().to_json(), mended);
            }
        }
    }

    #[test]
    fn white_space_is_all_that_goes() {
        let document =
            Document::parse(" \r\n\t{ \"a b\" : [ 1 , { } , [ ] ] , \"c\":null } \n").unwrap();
        assert_eq!(document.to_json(), r#"{"a b":[1,{},[]],"c":null}"#);
    }

    #[test]
    fn number_text_and_key_order_count() {
        let read = |text| Document::parse(text).unwrap();
        assert_ne!(read("1"), read("1.0"));
        assert_ne!(read(r#""A""#), read(r#""\u0041""#));
        assert_ne!(read(r#"{"a":1,"b":2}"#), read(r#"{"b":2,"a":1}"#));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_named() {
        let error = Document::parse_bytes(b"[\"\xc3\xa9\xff\"]").unwrap_err();
        assert_eq!(error, DocumentError::NotUtf8 { offset: 4 });
        let error = Document::parse_bytes(b"[\"\xed\xa0\x80\"]").unwrap_err();
        assert_eq!(error.offset(), 2);
    }

    #[test]
    fn a_byte_order_mark_is_no_json() {
        assert_eq!(Document::parse("\u{feff}{}").unwrap_err().offset(), 0);
    }

    #[test]
    fn errors_say_what_was_needed() {
        let error = Document::parse("{\"a\" 1}").unwrap_err();
        assert_eq!(error.to_string(), "byte 5: need a colon, have '1'");
        let error = Document::parse("[1,").unwrap_err();
        assert_eq!(error.to_string(), "byte 3: need a value, have the end of the text");
    }
}
