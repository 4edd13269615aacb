//! The loss-free reader against real files and generated values.

use proptest::prelude::*;
use wirewitness_model::document::{Document, NumberToken, StringToken, Value};
use wirewitness_model::ooni::Measurement;

use crate::shared_files;

/// Removes white space outside strings. Knows nothing else of JSON, on purpose: it judges the reader.
fn strip(json: &str) -> String {
    let (mut stripped, mut in_string, mut escaped) = (String::new(), false, false);
    for c in json.chars() {
        if in_string || !matches!(c, ' ' | '\t' | '\n' | '\r') {
            stripped.push(c);
        }
        if c == '"' && !escaped {
            in_string = !in_string;
        }
        escaped = in_string && c == '\\' && !escaped;
    }
    stripped
}

/// A measurement with its raw parts as compact text, so that white space inside them does not count.
fn comparable(json: &str) -> (String, Vec<(String, String)>, String) {
    let mut m = Measurement::from_json(json).unwrap();
    let input = m.input_raw.text().map(strip).unwrap_or_default();
    m.input_raw = Default::default();
    let other = m.test_keys.as_mut().map(|keys| std::mem::take(&mut keys.other));
    let other = other.unwrap_or_default();
    let other = other.into_iter().map(|(key, raw)| (key.into_owned(), strip(raw.get()))).collect();
    (format!("{m:?}"), other, input)
}

#[test]
fn real_files_keep_every_byte_but_white_space() {
    for (path, text) in shared_files::ooni(&[".json", ".json.pretty"]) {
        let document = Document::parse(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let compact = document.to_json();
        assert!(compact == strip(&text), "{}", path.display());
        let again = Document::parse(&compact).unwrap();
        assert!(again == document && again.to_json() == compact, "{}", path.display());
    }
}

#[test]
fn the_judge_reads_the_same_measurement_from_both_texts() {
    for (path, text) in shared_files::ooni(&[".json", ".json.pretty"]) {
        let compact = Document::parse(&text).unwrap().to_json();
        assert!(comparable(&text) == comparable(&compact), "{}", path.display());
    }
}

#[test]
fn a_real_file_cut_anywhere_never_panics() {
    let Some((_, text)) = shared_files::ooni(&["fastpath-meek.json"]).pop() else { return };
    for cut in 0..text.len() {
        let error = Document::parse_bytes(&text.as_bytes()[..cut]).map_err(|e| e.offset());
        assert!(error.is_err_and(|offset| offset <= cut) || text[cut..].trim().is_empty());
    }
}

fn number() -> impl Strategy<Value = Value> {
    "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,4})?"
        .prop_map(|text| Value::Number(NumberToken::of(&text).expect("a JSON number")))
}

/// A string token whose text has escapes that no writer of ours would write.
fn token() -> impl Strategy<Value = StringToken> {
    let part = prop_oneof![
        any::<String>().prop_map(|text| StringToken::from(text.as_str()).raw().to_owned()),
        "\\\\[\"\\\\/bfnrt]",
        "\\\\u[0-9a-fA-F]{4}",
        "\\\\u[dD][89abAB][0-9a-f]{2}",
    ];
    prop::collection::vec(part, 0..4).prop_map(|parts| {
        let json = format!("\"{}\"", parts.concat());
        match Document::parse(&json).expect(&json).into_root() {
            Value::String(token) => token,
            other => panic!("{other:?}"),
        }
    })
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::real),
        number(),
        token().prop_map(Value::String),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((token(), inner), 0..6).prop_map(Value::Object),
        ]
    })
}

/// Spreads a compact text out, with white space around every token.
fn spread(json: &str) -> String {
    let (mut out, mut in_string, mut escaped) = (String::from(" "), false, false);
    for c in json.chars() {
        out.push(c);
        if c == '"' && !escaped {
            in_string = !in_string;
        }
        escaped = in_string && c == '\\' && !escaped;
        if !in_string && matches!(c, '{' | '}' | '[' | ']' | ',' | ':' | '"') {
            out.push_str("\r\n\t ");
        }
    }
    out
}

proptest! {
    #[test]
    fn what_is_written_reads_as_the_same_value(value in value()) {
        let json = value.to_json();
        prop_assert_eq!(Document::parse(&spread(&json)).unwrap().to_json(), json.as_str());
        prop_assert_eq!(Document::parse(&json).unwrap().into_root(), value);
    }

    #[test]
    fn what_we_write_serde_reads(text in any::<String>(), number in any::<f64>()) {
        let mut value = Value::object();
        value.set(&text, text.as_str());
        value.set("number", Value::real(number));
        let read: serde_json::Value = serde_json::from_str(&value.to_json()).unwrap();
        prop_assert_eq!(read[&text].as_str(), Some(text.as_str()));
        prop_assert!(value.field(&text).and_then(Value::as_str).is_some_and(|read| read == text));
    }

    #[test]
    fn decoding_agrees_with_serde_where_serde_decodes(token in token()) {
        if let Ok(read) = serde_json::from_str::<String>(&token.to_string()) {
            prop_assert_eq!(token.decoded(), read);
        }
    }

    #[test]
    fn whatever_comes_in_is_answered(text in "[\\[\\]{}\":,\\\\u0-9eE.a-fltrsn+ -]{0,40}") {
        let ours = Document::parse(&text);
        let serde = serde_json::from_str::<&serde_json::value::RawValue>(&text);
        prop_assert_eq!(ours.is_ok(), serde.is_ok());
        if let Err(error) = ours {
            prop_assert!(error.offset() <= text.len());
        }
    }
}
