//! Tests other than web connectivity: what each real file says, read by a person before the rules were run on it.

use std::collections::BTreeMap;

use wirewitness_analysis::judge::{Context, judge};
use wirewitness_model::ooni::Measurement;

use crate::shared;

/// Start of the file's name, status, mechanism (or `-`), rule, and what was seen in the file.
const EXPECTED: &[(&str, &str, &str, &str, &str)] = &[
    ("explorer-0120150330", "ok", "-", "http_requests.same", "200 and 21618 bytes, both ways"),
    ("explorer-0120190930", "insufficient", "-", "unsupported", "dash with a failure alone"),
    ("explorer-0120191109", "insufficient", "-", "unsupported", "ndt"),
    (
        "explorer-0120200304",
        "insufficient",
        "-",
        "line.unclear",
        "seven public answers of Facebook's, and no connect: the probe took them for false",
    ),
    ("explorer-0120200407", "ok", "-", "facebook_messenger.ok", "six connects of six worked"),
    ("explorer-20210414233242", "ok", "-", "signal.ok", "six servers of six answered"),
    (
        "explorer-20220121234007",
        "insufficient",
        "-",
        "tunnel.unclear",
        "psiphon timed out, nothing else in the file",
    ),
    (
        "explorer-20221105223930",
        "insufficient",
        "-",
        "line.device",
        "every name is 0.0.0.0, where a server of the device answers, for `localhost`",
    ),
    ("explorer-20221110102858", "ok", "-", "telegram.ok", "twelve data centres and the web client"),
    ("explorer-20221110103854", "ok", "-", "whatsapp.ok", "all endpoints and both services"),
    (
        "explorer-20221110104928",
        "ok",
        "-",
        "header_field.replaced",
        "an empty 200 with X-Correlation-Id in place of the echo",
    ),
    ("explorer-20221110105049", "insufficient", "-", "unsupported", "ndt"),
    ("explorer-20221110105736", "ok", "-", "header_field.same", "an echo with all capitals kept"),
    ("explorer-20221110105942", "ok", "-", "request_line.same", "five lines of five"),
    (
        "explorer-20221110105947",
        "ok",
        "-",
        "request_line.altered",
        "the line with cache_object was swallowed, four came back",
    ),
    ("explorer-20221110111106", "insufficient", "-", "unsupported", "dash"),
    ("explorer-20221110112249", "ok", "-", "tunnel.ok", "a page through psiphon"),
    ("explorer-20221110112405", "ok", "-", "tor.ok", "20 public entries of 20; old bridges failed"),
    (
        "explorer-20230121235805",
        "blocked",
        "tunnel.blocked",
        "tor.blocked",
        "three public entries of 20, one of them on an address whose other port timed out",
    ),
    ("fastpath-browser_web.", "ok", "-", "browser_web.ok", "`ok`"),
    ("fastpath-browser_web_error", "insufficient", "-", "browser_web.unclear", "`error`"),
    (
        "fastpath-http_header_field_manipulation_1",
        "insufficient",
        "-",
        "record.bare",
        "`requests` is null",
    ),
    (
        "fastpath-http_header_field_manipulation_2",
        "insufficient",
        "-",
        "record.bare",
        "`requests` is empty",
    ),
    (
        "fastpath-http_header_field_manipulation_3",
        "insufficient",
        "-",
        "header_field.silent",
        "refused three times",
    ),
    ("fastpath-http_requests_1", "insufficient", "-", "http_requests.unclear", "no request by Tor"),
    ("fastpath-mbx-1", "ok", "-", "request_line.altered", "a page with status 400, four times"),
    ("fastpath-mbx-2", "ok", "-", "request_line.altered", "a page once, nothing three times"),
    (
        "fastpath-meek.",
        "down",
        "server.down",
        "meek.refused",
        "403 by CloudFront, which stopped fronting",
    ),
    ("fastpath-meek2", "ok", "-", "meek.ok", "the happy little web server"),
    ("fastpath-meek3", "ok", "-", "meek.ok", "the same, headers as pairs, one of them empty"),
    ("fastpath-openvpn", "ok", "-", "tunnel.ok", "up after 1.6 s; `tcp_connect` is no list"),
    (
        "fastpath-riseupvpn",
        "down",
        "server.bad_certificate",
        "riseupvpn.certificate",
        "a certificate by R3 that ended six weeks before",
    ),
    ("fastpath-signal_022", "ok", "-", "signal.ok", "six of six, one with status 503"),
    (
        "fastpath-signal_2627",
        "insufficient",
        "-",
        "signal.old_trust",
        "five certificates of Signal's new authority, refused by 0.2.0",
    ),
    ("fastpath-signal_679", "ok", "-", "signal.ok", "five of six; the sixth name was retired"),
    ("fastpath-telegram_nourl", "ok", "-", "telegram.ok", "twelve connects of twelve"),
    ("fastpath-tor.", "ok", "-", "tor.ok", "a relay, a directory and a bridge"),
    ("fastpath-tor_list", "ok", "-", "tor.ok", "a directory answered; the relay was only reached"),
    ("fastpath-torsf_1", "insufficient", "-", "tunnel.unclear", "timeout"),
    ("fastpath-torsf_2", "ok", "-", "tunnel.ok", "up after 79 s"),
    ("fastpath-torsf_383", "insufficient", "-", "tunnel.unclear", "stays at 0 %"),
    ("fastpath-vanilla_tor.", "insufficient", "-", "tunnel.unclear", "stays at 5 %"),
    ("fastpath-vanilla_tor_ok", "ok", "-", "tunnel.ok", "the log reaches 100 %"),
    ("fastpath-yaml16_0", "ok", "-", "http_requests.same", "302 and the same page, both ways"),
    (
        "fastpath-yaml17_0",
        "ok",
        "-",
        "dns_consistency.ok",
        "two addresses that lead back to 1e100.net",
    ),
];

#[test]
fn every_real_file_says_what_a_person_read_in_it() {
    let mut wrong = Vec::new();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let files = shared::files("ooni/real", "json");
    for (name, text) in &files {
        let measurement = Measurement::from_json(text).unwrap();
        let test = measurement.test_name.or_empty();
        if measurement.test_keys.is_none() || test == "web_connectivity" {
            continue;
        }
        let full = format!("{name}.json");
        let Some(row) = EXPECTED.iter().find(|row| full.starts_with(row.0)) else {
            wrong.push(format!("{name}: not in the table"));
            continue;
        };
        *seen.entry(row.0).or_default() += 1;
        let verdict = judge(&measurement, &Context::new(shared::fingerprints())).verdict;
        let mechanism = verdict.mechanism.map_or("-", |mechanism| mechanism.word());
        let found = (verdict.status.word(), mechanism, verdict.rule.id);
        if found != (row.1, row.2, row.3) {
            wrong.push(format!("{name}: {found:?}, but {}: {:?}", row.4, (row.1, row.2, row.3)));
        }
        assert!(verdict.evidence.len() <= 12, "{name}");
        assert!(
            !verdict.evidence.is_empty() || ["unsupported", "record.bare"].contains(&found.2),
            "{name}"
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(files.is_empty() || seen.len() == EXPECTED.len(), "{} rows used", seen.len());
}

/// Conclusions that probes write beside their observations.
const CONCLUSIONS: &[&str] = &[
    "telegram_http_blocking",
    "telegram_tcp_blocking",
    "telegram_web_failure",
    "telegram_web_status",
    "whatsapp_endpoints_status",
    "whatsapp_endpoints_blocked",
    "whatsapp_web_status",
    "registration_server_status",
    "signal_backend_status",
    "signal_backend_failure",
    "facebook_dns_blocking",
    "facebook_tcp_blocking",
    "tampering",
    "tampering_list",
    "or_port_dirauth_accessible",
    "dir_port_accessible",
    "obfs4_accessible",
    "api_status",
    "inconsistent",
    "body_length_match",
    "headers_match",
];

#[test]
fn no_verdict_moves_with_what_the_probe_concluded() {
    for (name, text) in shared::files("ooni/real", "json") {
        let whole: serde_json::Value = serde_json::from_str(&text).unwrap();
        let mut stripped = whole.clone();
        let Some(keys) = stripped["test_keys"].as_object_mut() else { continue };
        if whole["test_name"] == "web_connectivity" {
            continue;
        }
        keys.retain(|key, _| !CONCLUSIONS.contains(&key.as_str()));
        let (whole, stripped) = (whole.to_string(), stripped.to_string());
        let judged = |text: &str| {
            judge(&Measurement::from_json(text).unwrap(), &Context::new(shared::fingerprints()))
                .verdict
        };
        assert_eq!(judged(&whole), judged(&stripped), "{name}");
    }
}

#[test]
fn an_outage_of_any_real_file_is_never_a_block() {
    for (name, text) in shared::files("ooni/real", "json") {
        let mut whole: serde_json::Value = serde_json::from_str(&text).unwrap();
        if whole["test_name"] == "web_connectivity" {
            continue;
        }
        fail(&mut whole["test_keys"]);
        let text = whole.to_string();
        let measurement = Measurement::from_json(&text).unwrap();
        let verdict = judge(&measurement, &Context::new(shared::fingerprints())).verdict;
        assert_ne!(verdict.status.word(), "blocked", "{name}: {verdict:#?}");
    }
}

/// Makes every step a timeout: no answer, no certificate, no response.
fn fail(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(map) => {
            if map.contains_key("failure") {
                map.insert("failure".to_owned(), "generic_timeout_error".into());
            }
            if map.contains_key("success") {
                map.insert("success".to_owned(), false.into());
            }
            for gone in ["answers", "peer_certificates", "response", "received", "tor_logs"] {
                map.remove(gone);
            }
            map.values_mut().for_each(fail);
        }
        serde_json::Value::Array(list) => list.iter_mut().for_each(fail),
        _ => {}
    }
}

#[test]
fn data_centres_that_fail_beside_a_web_client_that_works_are_a_block() {
    for (name, text) in shared::files("ooni/real", "json") {
        let mut whole: serde_json::Value = serde_json::from_str(&text).unwrap();
        if whole["test_name"] != "telegram" {
            continue;
        }
        for connect in whole["test_keys"]["tcp_connect"].as_array_mut().unwrap() {
            if connect["ip"] != "149.154.167.99" {
                fail(connect);
            }
        }
        for trip in whole["test_keys"]["requests"].as_array_mut().unwrap() {
            if trip["request"]["method"] == "POST" {
                fail(trip);
            }
        }
        let text = whole.to_string();
        let measurement = Measurement::from_json(&text).unwrap();
        let verdict = judge(&measurement, &Context::new(shared::fingerprints())).verdict;
        let found = (verdict.status.word(), verdict.rule.id);
        assert_eq!(found, ("blocked", "telegram.endpoints"), "{name}: {verdict:#?}");
    }
}

#[test]
fn keys_of_any_shape_are_judged() {
    let odd = ["null", "7", "\"x\"", "[]", "{}", "[[[]]]", "[null,7,{}]", r#"{"a":{"b":[null]}}"#];
    for (name, text) in shared::files("ooni/real", "json") {
        let whole: serde_json::Value = serde_json::from_str(&text).unwrap();
        let Some(keys) = whole["test_keys"].as_object() else { continue };
        for key in keys.keys() {
            for shape in odd {
                let mut changed = whole.clone();
                changed["test_keys"][key] = serde_json::from_str(shape).unwrap();
                let changed = changed.to_string();
                let measurement = Measurement::from_json(&changed).unwrap();
                let verdict = judge(&measurement, &Context::new(shared::fingerprints())).verdict;
                assert!(!verdict.rule.id.is_empty(), "{name}");
            }
        }
    }
}

#[test]
fn long_lists_are_judged_in_linear_time() {
    const MANY: usize = 20_000;
    let connect = |n: usize| {
        format!(r#"{{"ip":"9.{}.{}.9","port":{n},"status":{{"failure":"x"}}}}"#, n / 200, n % 200)
    };
    let lookup = |n: usize| {
        format!(
            r#"{{"hostname":"h{n}.signal.org","query_type":"PTR","answers":[{{"hostname":"h{n}"}}]}}"#
        )
    };
    let list = |one: &dyn Fn(usize) -> String| (0..MANY).map(one).collect::<Vec<_>>().join(",");
    let (connects, queries) = (list(&connect), list(&lookup));
    let targets = list(&|n| format!(r#""{n}":{{"target_protocol":"or_port"}}"#));
    let lines = list(&|n| format!("\"{n}\""));
    let keys = format!(
        r#"{{"tcp_connect":[{connects}],"queries":[{queries}],"targets":{{{targets}}},"lookups":{{{targets}}},
            "sent":[{lines}],"received":[{lines}],"tor_logs":[{lines}],"openvpn_handshake":[{lines}]}}"#
    );
    let tests = "telegram whatsapp signal facebook_messenger tor vanilla_tor openvpn riseupvpn dnscheck \
                 http_invalid_request_line stunreachability echcheck dns_consistency http_requests";
    for test in tests.split_whitespace() {
        let text = format!(r#"{{"test_name":"{test}","test_keys":{keys}}}"#);
        let measurement = Measurement::from_json(&text).unwrap();
        let verdict = judge(&measurement, &Context::new(shared::fingerprints())).verdict;
        assert!(verdict.evidence.len() <= 12, "{test}");
    }
}
