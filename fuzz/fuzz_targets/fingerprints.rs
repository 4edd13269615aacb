//! Lists of fingerprints: every row is read, or refused with its place; what was read matches without a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewitness_analysis::fingerprints::{Fingerprints, parse};
use wirewitness_model::lenient::Headers;

fuzz_target!(|bytes: &[u8]| {
    let parsed = parse("list", bytes);
    for error in &parsed.errors {
        assert!(error.place.offset <= bytes.len() as u64, "{error}");
    }
    let (compiled, _) = Fingerprints::compile(parsed.rows);
    // The list itself is a text that holds many of its own patterns.
    let matches = compiled.match_page(&Headers::default(), bytes, Some("XA"));
    assert!(matches.all.windows(2).all(|pair| pair[0].strength <= pair[1].strength));
    compiled.match_dns("192.0.2.1", None);
});
