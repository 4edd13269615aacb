//! The body of a response, whole or as a digest.
//!
//! The archive of Wirewitness keeps no pages. Where a probe wrote the body, a condensed measurement has an object:
//!
//! ```json
//! {"format":"wirewitness-digest-1","length":12345,"sha256":"9f86..","title":"Example",
//!  "marks":["g-recaptcha"],"fingerprints":[{"list":"a.csv","name":"row","pattern":"0123456789abcdef"}]}
//! ```
//!
//! Keys that would be empty are left out. No format of OONI's; its readers take the object for binary data without `data`.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::record::record;
use crate::lenient::{Int, List, MaybeBinary, Text};

/// The `format` of a digest.
pub const DIGEST_FORMAT: &str = "wirewitness-digest-1";

/// The longest title of a digest, in characters: what follows is not read.
pub const MAX_TITLE_CHARS: usize = 512;

/// I am the body of a response.
#[derive(Debug, Clone, PartialEq)]
pub enum Body<'a> {
    /// As the probe wrote it; absent where there is none.
    Whole(MaybeBinary<'a>),
    /// What was kept of it.
    Digest(Box<Digest<'a>>),
}

/// I am what the archive keeps of a body: what a judge asks of it, and a hash that proves it where somebody has the body.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Digest<'a> {
    /// Length in bytes.
    pub length: u64,
    /// SHA-256 of the bytes, 64 hexadecimal digits; empty where there was no body.
    pub sha256: Cow<'a, str>,
    /// The title of the page, at most [`MAX_TITLE_CHARS`]; empty where it has none.
    pub title: Cow<'a, str>,
    /// Text of challenge pages and the like, where the page has it.
    pub marks: Vec<Cow<'a, str>>,
    /// Known marks of block pages that were in the body, or in headers that were not kept.
    pub fingerprints: Vec<StoredMatch<'a>>,
}

record! {
    /// I am one row of a list of fingerprints that an answer matched.
    pub struct StoredMatch {
        /// The file that the row was in.
        list: Text<'a> = "list",
        /// The row's name there.
        name: Text<'a> = "name",
        /// What the row looks for and where, as 16 hexadecimal digits of a hash. It alone says which row is meant.
        pattern: Text<'a> = "pattern",
    }
}

record! {
    /// I am a body that is an object, whichever.
    #[doc(hidden)]
    pub struct Object {
        /// Which.
        format: Text<'a> = "format",
        /// Bytes in base64.
        data: Text<'a> = "data",
        /// As in a digest.
        length: Int = "length",
        /// As in a digest.
        sha256: Text<'a> = "sha256",
        /// As in a digest.
        title: Text<'a> = "title",
        /// As in a digest.
        marks: List<Text<'a>> = "marks",
        /// As in a digest.
        fingerprints: List<StoredMatch<'a>> = "fingerprints",
    }
}

impl<'a> Body<'a> {
    /// Length in bytes; 0 where there is none.
    pub fn length(&self) -> u64 {
        match self {
            Self::Whole(whole) => whole.bytes().len() as u64,
            Self::Digest(digest) => digest.length,
        }
    }

    /// The bytes; none of a digest, and the empty ones where there is no body.
    pub fn bytes(&self) -> Option<Cow<'_, [u8]>> {
        match self {
            Self::Whole(whole) => Some(whole.bytes()),
            Self::Digest(_) => None,
        }
    }

    /// True unless absent.
    pub fn is_present(&self) -> bool {
        !matches!(self, Self::Whole(MaybeBinary::Absent))
    }

    /// True for base64 that does not decode.
    pub fn is_damaged(&self) -> bool {
        matches!(self, Self::Whole(whole) if whole.is_damaged())
    }
}

impl Default for Body<'_> {
    fn default() -> Self {
        Self::Whole(MaybeBinary::Absent)
    }
}

impl<'a> From<Object<'a>> for Body<'a> {
    fn from(object: Object<'a>) -> Self {
        if object.format.as_str() != Some(DIGEST_FORMAT) {
            return Self::Whole(object.data.0.map_or(MaybeBinary::Absent, MaybeBinary::Base64));
        }
        Self::Digest(Box::new(Digest {
            length: object.length.0.and_then(|n| n.try_into().ok()).unwrap_or(0),
            sha256: object.sha256.0.filter(|hash| is_sha256(hash)).unwrap_or_default(),
            title: cut(object.title.0.unwrap_or_default()),
            marks: object.marks.0.into_iter().filter_map(|mark| mark.0).collect(),
            fingerprints: object.fingerprints.0,
        }))
    }
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn cut(title: Cow<'_, str>) -> Cow<'_, str> {
    match title.char_indices().nth(MAX_TITLE_CHARS) {
        Some(_) => Cow::Owned(title.chars().take(MAX_TITLE_CHARS).collect()),
        None => title,
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Body<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for V<'a> {
            type Value = Body<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text, base64 or a digest")
            }
            fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Body<'a>, E> {
                Ok(text(Cow::Borrowed(v)))
            }
            fn visit_str<E>(self, v: &str) -> Result<Body<'a>, E> {
                Ok(text(Cow::Owned(v.to_owned())))
            }
            fn visit_string<E>(self, v: String) -> Result<Body<'a>, E> {
                Ok(text(Cow::Owned(v)))
            }
            fn visit_unit<E>(self) -> Result<Body<'a>, E> {
                Ok(Body::default())
            }
            fn visit_bool<E>(self, _: bool) -> Result<Body<'a>, E> {
                Ok(Body::default())
            }
            fn visit_i64<E>(self, v: i64) -> Result<Body<'a>, E> {
                Ok(text(Cow::Owned(v.to_string())))
            }
            fn visit_u64<E>(self, v: u64) -> Result<Body<'a>, E> {
                Ok(text(Cow::Owned(v.to_string())))
            }
            fn visit_f64<E>(self, v: f64) -> Result<Body<'a>, E> {
                Ok(text(Cow::Owned(v.to_string())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Body<'a>, A::Error> {
                MaybeBinary::deserialize(SeqAccessDeserializer::new(seq)).map(Body::Whole)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Body<'a>, A::Error> {
                Object::deserialize(MapAccessDeserializer::new(map)).map(Body::from)
            }
        }
        deserializer.deserialize_any(V(PhantomData))
    }
}

fn text(text: Cow<'_, str>) -> Body<'_> {
    Body::Whole(MaybeBinary::Text(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Body<'_> {
        serde_json::from_str(json).expect(json)
    }

    #[test]
    fn bodies_of_every_kind() {
        for (json, bytes) in [
            ("\"a page\"", "a page"),
            (r#""\u0061""#, "a"),
            (r#"{"format":"base64","data":"aGk="}"#, "hi"),
            (r#"{"data":"aGk="}"#, "hi"),
            ("7", "7"),
            ("[null,\"x\"]", "x"),
            ("null", ""),
            ("{}", ""),
            ("true", ""),
        ] {
            let body = read(json);
            assert_eq!(body.bytes().unwrap().as_ref(), bytes.as_bytes(), "{json}");
            assert_eq!(body.length(), bytes.len() as u64);
        }
        assert!(!read("null").is_present() && read("\"\"").is_present());
    }

    #[test]
    fn a_digest_is_read_and_odd_types_are_absent() {
        let hash = "ab".repeat(32);
        let json = format!(
            r#"{{"format":"wirewitness-digest-1","length":12,"sha256":"{hash}","title":"T","marks":["m",null],
            "fingerprints":[{{"list":"l","name":"n","pattern":"00ff"}},7]}}"#
        );
        let Body::Digest(digest) = read(&json) else { panic!("no digest") };
        assert_eq!((digest.length, digest.sha256.as_ref()), (12, hash.as_str()));
        assert_eq!((digest.title.as_ref(), digest.marks.as_slice()), ("T", &["m".into()][..]));
        assert_eq!(digest.fingerprints[0].pattern.as_str(), Some("00ff"));
        assert!(read(&json).bytes().is_none());
        let odd =
            r#"{"format":"wirewitness-digest-1","length":-1,"sha256":"no","title":[],"marks":7}"#;
        assert_eq!(read(odd), Body::Digest(Box::default()));
    }

    #[test]
    fn a_long_title_is_cut() {
        let title = "й".repeat(600);
        let json = format!(r#"{{"format":"wirewitness-digest-1","title":"{title}"}}"#);
        let Body::Digest(digest) = read(&json) else { panic!("no digest") };
        assert_eq!(digest.title.chars().count(), MAX_TITLE_CHARS);
    }
}
