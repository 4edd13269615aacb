//! Titles of pages: the same as the expression that OONI's probe runs.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use wirewitness_analysis::judge::title::title;

static EXPRESSION: LazyLock<regex::Regex> = LazyLock::new(|| {
    regex::Regex::new("(?i)<title>([^<]{1,512})</title>").expect("a fixed expression")
});

fuzz_target!(|bytes: &[u8]| {
    let ours = title(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let theirs = EXPRESSION
            .captures(text)
            .map_or("", |found| found.get(1).map_or("", |title| title.as_str()));
        assert_eq!(ours, theirs);
    }
});
