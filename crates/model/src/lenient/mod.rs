//! Field types that take whatever a file put there.
//!
//! Measurement files come from ten years of probes in four languages, and from adversaries. A field of an
//! unexpected type is read as absent, never as an error: the rest of the record still says something. What is an
//! error is text that is not JSON at all, or nesting deeper than the parser's limit (128 levels).
//!
//! All types here borrow from the input where JSON lets them (strings without escapes).
//!
//! - `scalars`: strings, failures, numbers, booleans.
//! - `binary`: bodies and headers, which may hold bytes.
//! - `collections`: lists and maps.
//! - `raw`: JSON text set aside unparsed.
//! - `skip`: what nobody asked for.

mod binary;
mod collections;
mod raw;
mod scalars;
mod skip;

pub use binary::{Headers, MaybeBinary};
pub use collections::{List, Map};
pub(crate) use raw::behind_string;
pub use raw::{Lazy, MAX_DEPTH, Raw};
pub use scalars::{Failure, Flag, Int, Real, Text};
pub use skip::Skip;
pub(crate) use skip::drain_seq;

/// Writes the visitor methods that give a default for every scalar; the caller adds what it does read.
macro_rules! scalar_defaults {
    ($default:expr) => {
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("any value")
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($default)
        }
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok($default)
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok($default)
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok($default)
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok($default)
        }
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok($default)
        }
    };
}
pub(crate) use scalar_defaults;

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use serde::de::Deserialize;

    use super::raw::nesting;
    use super::*;

    fn read<'a, T: Deserialize<'a>>(json: &'a str) -> T {
        serde_json::from_str(json).expect(json)
    }

    #[test]
    fn a_field_of_another_type_is_absent() {
        for json in ["null", "[1,[2]]", "{\"a\":{\"b\":1}}", "true", "3", "2.5", "\"x\""] {
            let _: Text<'_> = read(json);
            let _: Failure<'_> = read(json);
            let _: Int = read(json);
            let _: Real = read(json);
            let _: Flag = read(json);
            let _: List<Text<'_>> = read(json);
            let _: Map<'_, Text<'_>> = read(json);
            let _: MaybeBinary<'_> = read(json);
            let _: Headers<'_> = read(json);
        }
        assert_eq!(read::<Int>("\"443\""), Int(Some(443)));
        assert_eq!(read::<Int>("443.0"), Int(Some(443)));
        assert_eq!(read::<Int>("1.5"), Int(None));
        assert_eq!(read::<Flag>("0"), Flag(None));
    }

    #[test]
    fn a_boolean_failure_is_read_as_python_meant_it() {
        assert!(read::<Failure<'_>>("false").is_none());
        assert_eq!(read::<Failure<'_>>("true").as_str(), Some("unknown_failure"));
        assert_eq!(read::<Failure<'_>>("\"eof_error\"").as_str(), Some("eof_error"));
        assert!(read::<Failure<'_>>("\"\"").is_none());
    }

    #[test]
    fn text_borrows_unless_it_has_escapes() {
        assert!(matches!(read::<Text<'_>>("\"plain\"").0, Some(Cow::Borrowed("plain"))));
        assert!(matches!(read::<Text<'_>>("\"a\\u0041\"").0, Some(Cow::Owned(_))));
    }

    #[test]
    fn binary_is_decoded_and_damage_is_told() {
        let body: MaybeBinary<'_> = read(r#"{"format":"base64","data":"/wD+"}"#);
        assert_eq!(&*body.bytes(), &[0xff, 0x00, 0xfe]);
        assert!(!body.is_damaged());
        let body: MaybeBinary<'_> = read(r#"{"format":"base64","data":"not base64"}"#);
        assert_eq!(&*body.bytes(), b"not base64");
        assert!(body.is_damaged());
    }

    #[test]
    fn headers_come_as_maps_or_as_pairs() {
        let map: Headers<'_> = read(r#"{"Server":"x","b":{"format":"base64","data":"/w=="}}"#);
        assert_eq!(&*map.find("server").unwrap().bytes(), b"x");
        assert_eq!(&*map.find("B").unwrap().bytes(), &[0xff]);
        let pairs: Headers<'_> =
            read(r#"[["Server","x"],["Server","y"],["Lone"],["L",["v","w"]]]"#);
        assert_eq!(pairs.0.len(), 3);
        assert_eq!(&*pairs.find("SERVER").unwrap().bytes(), b"x");
        assert_eq!(&*pairs.find("l").unwrap().bytes(), b"v");
    }

    #[test]
    fn lazy_fields_are_equal_where_they_read_alike() {
        let pretty: Lazy<'_, Headers<'_>> = read("{\n \"a\" : \"b\" }");
        let compact: Lazy<'_, Headers<'_>> = read("{\"a\":\"b\"}");
        assert_eq!(pretty, compact);
        assert_eq!(format!("{pretty:?}"), format!("{compact:?}"));
        assert_ne!(compact, Lazy::default());
        assert!(compact.is_present() && !Lazy::<Headers<'_>>::default().is_present());
    }

    #[test]
    fn nesting_beyond_the_limit_is_an_error_everywhere() {
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        assert!(serde_json::from_str::<Skip>(&deep).is_err());
        assert!(serde_json::from_str::<Raw<'_>>(&deep).is_err());
        assert!(serde_json::from_str::<Text<'_>>(&deep).is_err());
        let brackets_in_a_string = format!("[\"{}\\\"{}\"]", "[".repeat(200), "{".repeat(200));
        assert_eq!(nesting(&brackets_in_a_string), 1);
        assert!(nesting(&"[]".repeat(200)) <= 1);
    }
}
