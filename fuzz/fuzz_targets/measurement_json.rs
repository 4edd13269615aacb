//! The two readers of JSON, against each other and against themselves.
//!
//! - What the loss-free reader takes, it writes as text that it reads as the same value.
//! - What the judge's reader takes, the loss-free reader takes too, unless it nests too deep.
//! - The judge reads the same measurement from both texts.
//! - An error is at a place of the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewitness_model::document::{Document, DocumentError};
use wirewitness_model::ooni::Measurement;

fuzz_target!(|bytes: &[u8]| {
    let document = Document::parse_bytes(bytes);
    if let Err(error) = &document {
        assert!(error.offset() <= bytes.len());
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        assert!(matches!(document, Err(DocumentError::NotUtf8 { .. })));
        return;
    };
    let measurement = Measurement::from_json(text);
    match document {
        Ok(document) => round_trip(&document, measurement.ok()),
        Err(DocumentError::TooDeep { .. }) => {}
        Err(error) => assert!(measurement.is_err(), "only the judge reads it: {error}"),
    }
});

fn round_trip(document: &Document, measurement: Option<Measurement<'_>>) {
    let json = document.to_json();
    let again = Document::parse(&json).expect("what was written can be read");
    assert_eq!(&again, document);
    assert_eq!(again.to_json(), json);
    let read = Measurement::from_json(&json).ok();
    assert_eq!(read.map(|m| comparable(m)), measurement.map(comparable));
}

/// All of a measurement, raw parts as compact text, so that white space in them does not count.
fn comparable(mut measurement: Measurement<'_>) -> (String, Option<String>, Vec<(String, String)>) {
    let input = measurement.input_raw.text().map(compact);
    measurement.input_raw = Default::default();
    let other = measurement.test_keys.as_mut().map(|keys| std::mem::take(&mut keys.other));
    let other = other.unwrap_or_default().into_iter();
    let other = other.map(|(key, raw)| (key.into_owned(), compact(raw.get()))).collect();
    (format!("{measurement:?}"), input, other)
}

fn compact(raw: &str) -> String {
    Document::parse(raw).expect("a part of a document").to_json()
}
