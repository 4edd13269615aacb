//! Condensed measurements: judged as the originals, free of pages and persons.

use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::Value;
use wirewitness_analysis::condense::{condense, scrub};
use wirewitness_analysis::fingerprints::{Fingerprints, parse};
use wirewitness_analysis::judge::{Context, judge};
use wirewitness_model::ooni::Measurement;

use crate::shared;

/// None, the shipped ones, and those with all lists there are.
fn all_fingerprints() -> [&'static Fingerprints; 3] {
    static NONE: LazyLock<Fingerprints> = LazyLock::new(|| Fingerprints::compile(Vec::new()).0);
    static ALL: LazyLock<Fingerprints> = LazyLock::new(|| {
        let mut rows = Fingerprints::shipped_rows();
        for extension in ["csv", "json"] {
            for (name, text) in shared::files("fingerprints", extension) {
                rows.extend(parse(&format!("{name}.{extension}"), text.as_bytes()).rows);
            }
        }
        Fingerprints::compile(rows).0
    });
    [&NONE, shared::fingerprints(), &ALL]
}

/// Every measurement at hand, with its name.
fn measurements() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/measurements");
    let mut all: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), std::fs::read_to_string(path).unwrap()))
        .collect();
    all.sort();
    all.extend(shared::files("ooni/qa", "json"));
    for (name, text) in shared::files("ooni/real", "json") {
        // Some files hold a record on each line.
        if Measurement::from_json(&text).is_ok() {
            all.push((name, text));
            continue;
        }
        for (at, line) in text.lines().enumerate() {
            if Measurement::from_json(line).is_ok() {
                all.push((format!("{name}:{at}"), line.to_owned()));
            }
        }
    }
    all
}

fn condensed(text: &str, fingerprints: &Fingerprints) -> String {
    let measurement = Measurement::from_json(text).unwrap();
    condense(text, &measurement, &Context::new(fingerprints)).unwrap()
}

/// Condenses, and holds the result against all that is promised of it.
fn check(name: &str, text: &str, fingerprints: &Fingerprints) -> String {
    let short = condensed(text, fingerprints);
    let context = Context::new(fingerprints);
    let measurement = Measurement::from_json(text).unwrap();
    let scrubbed = scrub(text, &measurement);
    let original = Measurement::from_json(scrubbed.as_deref().unwrap_or(text)).unwrap();
    let kept = Measurement::from_json(&short).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(judge(&original, &context), judge(&kept, &context), "{name}");
    assert_eq!(condensed(&short, fingerprints), short, "{name}: condensed twice");
    short
}

#[test]
fn every_measurement_is_judged_as_before() {
    let mut lengths = Vec::new();
    for (name, text) in measurements() {
        for fingerprints in all_fingerprints() {
            let short = check(&name, &text, fingerprints);
            lengths.push((text.len(), short.len()));
        }
    }
    assert!(lengths.iter().all(|(before, after)| *after < before * 2));
}

/// Every string under a key that is called `body`, unless the archive keeps that one.
fn bodies<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|it| bodies(it, found)),
        Value::Object(object) => {
            for (key, value) in object {
                match (key.as_str(), value) {
                    ("body", Value::String(text)) => found.push(text),
                    ("body", Value::Object(binary)) => {
                        found.extend(binary.get("data").and_then(Value::as_str));
                    }
                    _ => bodies(value, found),
                }
            }
        }
        _ => {}
    }
}

#[test]
fn no_page_survives() {
    let mut checked = 0;
    for (name, text) in measurements() {
        let value: Value = serde_json::from_str(&text).unwrap();
        let keeps = ["http_header_field_manipulation", "meek_fronted_requests_test"];
        if value["test_name"].as_str().is_some_and(|test| keeps.contains(&test)) {
            continue;
        }
        let short: Value = serde_json::from_str(&condensed(&text, shared::fingerprints())).unwrap();
        let mut left = Vec::new();
        strings(&short, &mut left);
        let mut all = Vec::new();
        bodies(&value, &mut all);
        for body in all {
            let middle: String = body.chars().skip(body.chars().count() / 2).take(64).collect();
            if middle.len() < 64 {
                continue;
            }
            // A page that is nothing but its title is the exception.
            let is_left = left.iter().any(|it| it.contains(&middle));
            assert!(!is_left, "{name}: {middle}");
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked} bodies");
}

fn strings<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|it| strings(it, found)),
        Value::Object(object) => object.values().for_each(|it| strings(it, found)),
        _ => {}
    }
}
