//! OONI's QA suite: the fourteen keys of every file, from its raw observations alone.

use serde_json::Value;
use wirewitness_analysis::judge::address::{Asns, NoTable};
use wirewitness_analysis::judge::{Context, judge, ooni};
use wirewitness_model::ooni::Measurement;

use crate::shared;

const KEYS: [&str; 14] = [
    "dns_experiment_failure",
    "dns_consistency",
    "control_failure",
    "http_experiment_failure",
    "body_length_match",
    "body_proportion",
    "status_code_match",
    "headers_match",
    "title_match",
    "accessible",
    "blocking",
    "x_dns_flags",
    "x_blocking_flags",
    "x_null_null_flags",
];

/// Takes the conclusions out of a measurement. `control_failure` stays: it is an observation.
fn strip(text: &str) -> (String, Value) {
    let mut whole: Value = serde_json::from_str(text).unwrap();
    let expected = whole["test_keys"].clone();
    let keys = whole["test_keys"].as_object_mut().unwrap();
    for key in KEYS.iter().filter(|key| **key != "control_failure") {
        keys.remove(*key);
    }
    (whole.to_string(), expected)
}

fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() < 1e-12,
        _ => a == b,
    }
}

#[test]
fn fourteen_keys_of_every_qa_file() {
    let mut wrong = Vec::new();
    for (name, text) in shared::files("ooni/qa", "json") {
        let (stripped, expected) = strip(&text);
        let measurement = Measurement::from_json(&stripped).unwrap();
        let keys = measurement.test_keys.as_ref().unwrap();
        let ours = serde_json::to_value(ooni::keys(keys, &Asns::of(keys, &NoTable))).unwrap();
        for key in KEYS {
            if !same(&ours[key], &expected[key]) {
                wrong.push(format!("{name}.{key}: {} instead of {}", ours[key], expected[key]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the probe's own analysis of a real measurement (all resolvers) makes the three masks be.
fn masks(golden: &Value) -> [i64; 3] {
    let some = |key: &str| !golden[key].as_array().is_none_or(Vec::is_empty);
    let bit = |when: bool, bit: i64| if when { bit } else { 0 };
    let is_final = ["TLSWithControl", "TLSWithoutControl", "TCPWithControl", "TCPWithoutControl"]
        .map(|how| !golden[format!("HTTPFinalResponseSuccess{how}")].is_null());
    let got_page = golden["ControlExpectations"]["FinalResponseFailure"] == "";
    let unexplained = |key: &str| got_page && !is_final.contains(&true) && some(key);
    let bad_addresses = some("DNSLookupSuccessWithInvalidAddresses");
    let bad_failure = some("DNSLookupUnexpectedFailure");
    let ghost = golden["ControlExpectations"]["DNSAddresses"].as_array().is_some_and(Vec::is_empty);
    [
        bit(some("DNSLookupSuccessWithBogonAddresses"), 1)
            | bit(bad_failure, 2)
            | bit(bad_addresses, 4),
        bit(bad_failure || bad_addresses || unexplained("DNSLookupUnexplainedFailure"), 1)
            | bit(
                some("TCPConnectUnexpectedFailure") || unexplained("TCPConnectUnexplainedFailure"),
                2,
            )
            | bit(
                some("TLSHandshakeUnexpectedFailure")
                    || unexplained("TLSHandshakeUnexplainedFailure"),
                4,
            )
            | bit(
                some("HTTPRoundTripUnexpectedFailure")
                    || unexplained("HTTPRoundTripUnexplainedFailure"),
                8,
            )
            | bit(is_final[0] || is_final[1], 32),
        bit(some("DNSLookupExpectedFailure"), 1)
            | bit(some("TCPConnectExpectedFailure"), 2)
            | bit(some("TLSHandshakeExpectedFailure"), 4)
            | bit(is_final[1], 8)
            | bit(ghost && some("DNSLookupSuccess"), 16),
    ]
}

#[test]
fn real_measurements_agree_with_their_golden_analysis() {
    let files = shared::files("ooni/real", "json");
    let mut checked = 0;
    for (name, text) in &files {
        let golden = files.iter().find(|(other, _)| *other == format!("{name}.analysis-golden"));
        let Some((_, golden)) = golden else { continue };
        let golden: Value = serde_json::from_str(golden).unwrap();
        let (stripped, _) = strip(text);
        let measurement = Measurement::from_json(&stripped).unwrap();
        let keys = measurement.test_keys.as_ref().unwrap();
        let ours = serde_json::to_value(ooni::keys(keys, &Asns::of(keys, &NoTable))).unwrap();
        let flags = ["x_dns_flags", "x_blocking_flags", "x_null_null_flags"]
            .map(|key| ours[key].as_i64().unwrap());
        assert_eq!(flags, masks(&golden), "{name}");
        // The golden analysis looks at every fetch, the keys only at those from the system resolver's addresses.
        if !ours["status_code_match"].is_null() {
            assert_eq!(
                ours["status_code_match"], golden["HTTPFinalResponseDiffStatusCodeMatch"],
                "{name}"
            );
            let proportion = &golden["HTTPFinalResponseDiffBodyProportionFactor"];
            assert!(same(&ours["body_proportion"], proportion) || proportion.is_null(), "{name}");
            let headers =
                golden["HTTPFinalResponseDiffUncommonHeadersIntersection"].as_object().unwrap();
            assert_eq!(ours["headers_match"], !headers.is_empty(), "{name}");
            let words = golden["HTTPFinalResponseDiffTitleDifferentLongWords"].as_object().unwrap();
            assert_eq!(ours["title_match"], words.is_empty(), "{name}");
        }
        checked += 1;
    }
    assert!(files.is_empty() || checked == 4, "{checked} golden analyses");
}

/// The rows of `docs/qa-mechanisms.md`: case, then status, mechanism and locus.
fn table() -> Vec<(String, [String; 3])> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/qa-mechanisms.md");
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        cells.first()?.parse::<u32>().ok()?;
        Some((cells[1].to_owned(), [2, 3, 4].map(|at| cells[at].to_owned())))
    });
    rows.collect()
}

#[test]
fn verdicts_are_those_of_the_table() {
    let table = table();
    assert_eq!(table.len(), 50);
    let mut wrong = Vec::new();
    for (name, text) in shared::files("ooni/qa", "json") {
        let (stripped, _) = strip(&text);
        let measurement = Measurement::from_json(&stripped).unwrap();
        let verdict = judge(&measurement, &Context::new(shared::fingerprints())).verdict;
        let word = |word: Option<&str>| word.unwrap_or("-").to_owned();
        let ours = [
            verdict.status.word().to_owned(),
            word(verdict.mechanism.map(|m| m.word())),
            word(verdict.locus.map(|l| l.word())),
        ];
        let (_, expected) = table.iter().find(|(case, _)| *case == name).unwrap();
        if ours != *expected {
            wrong.push(format!("{name}: {ours:?} by {} instead of {expected:?}", verdict.rule));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
