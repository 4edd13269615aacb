//! Reports of the YAML years: whatever comes in, each document is a measurement or an error with a place.
//!
//! - A measurement is JSON that reads as the same value, and the judge reads it.
//! - What comes out is bounded: the text, escaped, and the budgets for copies and headers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewitness_model::document::Document;
use wirewitness_model::ooni::Measurement;
use wirewitness_model::yaml::{looks_like_yaml, read_report};

fuzz_target!(|bytes: &[u8]| {
    looks_like_yaml(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut count = 0;
    for found in read_report(text) {
        count += 1;
        match found {
            Ok(value) => check_measurement(&value, text.len()),
            Err(error) => {
                assert!(text.is_char_boundary(error.offset), "{error}");
                assert!(error.line >= 1 && error.line <= text.len() + 1, "{error}");
            }
        }
    }
    assert!(count <= text.len(), "more measurements than bytes");
});

fn check_measurement(value: &wirewitness_model::document::Value, length: usize) {
    let json = value.to_json();
    // A byte becomes six at most (a control character), and an empty binary value 30; 64 MiB hold the budgets.
    assert!(json.len() <= 64 * length + (64 << 20), "{} bytes from {length}", json.len());
    let document = Document::parse(&json).expect("what was written can be read");
    assert_eq!(document.root(), value);
    Measurement::from_json(&json).expect("the judge reads it");
}
