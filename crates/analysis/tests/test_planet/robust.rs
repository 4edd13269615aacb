//! Rows put together at random from the words of the formats: none stops the judge, and every verdict keeps its promises.

use proptest::prelude::*;
use serde_json::{Map, Value};
use wirewitness_analysis::judge::Context;
use wirewitness_analysis::judge::planet::companions::{Companions, Limits};
use wirewitness_analysis::judge::planet::remote::{MAX_STEPS, Remote};
use wirewitness_analysis::judge::planet::{Scene, judge};
use wirewitness_model::planet::read_line;
use wirewitness_model::planet::source::Source;
use wirewitness_model::verdict::{Confidence, Status};

const KEYS: &[&str] = &[
    "Server",
    "Keyword",
    "Results",
    "Retries",
    "Sent",
    "Received",
    "Success",
    "Error",
    "StartTime",
    "FailSanity",
    "vp",
    "location",
    "country_code",
    "service",
    "test_url",
    "response",
    "matches_template",
    "control_url",
    "error",
    "start_time",
    "controls_failed",
    "status_line",
    "headers",
    "body",
    "tls",
    "TlsVersion",
    "Certificate",
    "resolver",
    "query",
    "answers",
    "err",
    "passed",
    "passed_control",
    "passed_liveness",
    "connect_error",
    "in_control_group",
    "confidence",
    "untagged_controls",
    "untagged_response",
    "anomaly",
    "excluded",
    "exclude_reason",
    "url",
    "rcode",
    "matched",
    "asnum",
    "asname",
    "cert",
    "http",
    "https",
    "ip",
    "keyword",
    "name",
    "country",
    "non_zero_rcode",
    "private_ip",
    "trusted_cert",
    "cert_hostname_match",
    "192.0.2.1",
    "198.51.99.1",
    "31.13.77.33",
    "10.0.0.1",
];

const TEXTS: &[&str] = &[
    "",
    "null",
    "a.example",
    "A.example:443/x",
    "a.root-servers.net",
    "192.0.2.1",
    "31.13.77.33",
    "10.0.0.1",
    "PK",
    "ZZ",
    "control",
    "Pakistan",
    "echo",
    "https",
    "EOF",
    "i/o timeout",
    "read: connection reset by peer",
    "Received response",
    "dial tcp 192.0.2.1:7: connect: connection timed out",
    "HTTP/1.1 302 Found\r\nA: b\r\n\r\nx",
    "<html>Access Denied",
    "GET / HTTP/1.1\r\nHost: b.example\r\n\r\n",
    "403 Forbidden",
    "no_tags",
    "asnum",
    "-1",
    "3",
    "5",
    "0.9",
    "2021-05-31T12:43:22.9-04:00",
    "2021-10-20 14:51:41.2 -0400 EDT m=+1.5",
    "é\u{0}\u{202e}",
];

const PATHS: &[&str] = &[
    "",
    "CP_Quack-http-2020-01-02-03-04-05/results.json",
    "CP_Satellite-2021-10-20/results.json",
    "answers_control.json",
    "control_pages.json",
    "Satellitev1_2018-08-03/interference.json",
];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2_i64..40_000).prop_map(Value::from),
        prop::sample::select(TEXTS).prop_map(Value::from),
        prop::sample::select(TEXTS).prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            object(inner),
        ]
    })
}

fn object(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let entry = (prop::sample::select(KEYS), inner);
    prop::collection::vec(entry, 0..10).prop_map(|entries| {
        let entries = entries.into_iter().map(|(key, value)| (key.to_owned(), value));
        Value::Object(entries.collect::<Map<_, _>>())
    })
}

/// A row that is likely to be one: the keys that its format needs, and others.
fn row() -> impl Strategy<Value = Value> {
    let needed: [&[&str]; 6] = [
        &["Server", "Keyword", "Results"],
        &["vp", "test_url", "service", "response", "location"],
        &[
            "vp",
            "test_url",
            "response",
            "anomaly",
            "passed_liveness",
            "in_control_group",
            "confidence",
        ],
        &["resolver", "query", "answers", "passed"],
        &["ip", "keyword", "http", "https", "cert_hostname_match"],
        &["ip", "asnum", "cert"],
    ];
    let needed = prop::sample::select(needed.to_vec());
    (needed, prop::collection::vec(value(), 8), object(value())).prop_map(
        |(keys, values, mut row)| {
            let into = row.as_object_mut().unwrap();
            into.extend(keys.iter().map(|key| (*key).to_owned()).zip(values));
            row
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_row_is_judged_and_every_verdict_keeps_its_promises(
        rows in prop::collection::vec((prop::sample::select(PATHS), row()), 1..6),
    ) {
        let fingerprints = crate::shared::fingerprints();
        let limits = Limits { entries: 3, addresses: 2 };
        let mut companions = Companions::with_limits(fingerprints, limits);
        for (path, row) in &rows {
            read_line(row.to_string().as_bytes(), &Source::of(path), |row| {
                if let Ok(row) = row {
                    companions.feed(&row);
                }
            });
        }
        prop_assert!(companions.entries() <= 6 * limits.entries);
        let context = Context::new(fingerprints);
        for (path, row) in &rows {
            let source = Source::of(path);
            let scene = Scene { source: &source, companions: &companions, context: &context };
            let found = read_line(row.to_string().as_bytes(), &source, |row| {
                row.ok().and_then(|row| judge(&row, &scene))
            });
            if let Some(remote) = found {
                check(&remote);
            }
        }
    }
}

fn check(remote: &Remote) {
    let verdict = &remote.verdict;
    let is_blocked = verdict.status == Status::Blocked;
    assert_eq!(is_blocked, verdict.mechanism.is_some(), "{verdict:?}");
    assert!(!is_blocked || verdict.confidence != Confidence::Low, "{verdict:?}");
    assert!(!is_blocked || !verdict.evidence.is_empty(), "{verdict:?}");
    assert!(!(is_blocked && remote.is_control), "{verdict:?}");
    assert!(verdict.evidence.len() <= 16 && remote.steps.len() <= MAX_STEPS);
    for step in &remote.steps {
        assert_eq!(step.outcome.word().split('/').next(), Some(step.layer.word()), "{step:?}");
    }
    let words = wirewitness_analysis::judge::rules().any(|rule| rule.id == verdict.rule.id);
    assert!(words, "{} is not in the handbook", verdict.rule.id);
}
