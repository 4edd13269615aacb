//! Small measurements for the tests of this floor.

use std::sync::LazyLock;

use wirewitness_model::ooni::Measurement;
use wirewitness_model::verdict::{Mechanism, Verdict};

use crate::fingerprints::Fingerprints;
use crate::judge::{Context, judge};

static SHIPPED: LazyLock<Fingerprints> = LazyLock::new(Fingerprints::shipped);

/// The verdict on these test keys (without braces) under this envelope (ending in a comma, or empty).
pub(super) fn verdict(test_name: &str, keys: &str, envelope: &str) -> Verdict {
    let json = format!(r#"{{{envelope}"test_name":"{test_name}","test_keys":{{{keys}}}}}"#);
    let measurement = Measurement::from_json(&json).expect(&json);
    judge(&measurement, &Context::new(&SHIPPED)).verdict
}

/// Compares status, rule and mechanism, and what holds of every verdict.
pub(super) fn check(found: &Verdict, status: &str, rule: &str, mechanism: Option<Mechanism>) {
    let seen = (found.status.word(), found.rule.id, found.mechanism);
    assert_eq!(seen, (status, rule, mechanism), "{found:#?}");
    assert!(found.evidence.len() <= 12 && !found.cannot_tell.is_empty());
    assert!(found.evidence.iter().all(|e| !e.at.is_empty() && !e.seen.is_empty()));
}

/// An envelope with a report that was opened at the start.
pub(super) fn report() -> &'static str {
    r#""report_id":"20221110T102855Z_x_US_1_n1_x","measurement_start_time":"2022-11-10 10:28:56","#
}

/// A lookup of a name that gave this address, or the failure in quotes.
pub(super) fn lookup(name: &str, address: &str) -> String {
    if address.starts_with('"') {
        return format!(r#"{{"hostname":"{name}","query_type":"A","failure":{address}}}"#);
    }
    format!(
        r#"{{"hostname":"{name}","query_type":"A","answers":[{{"answer_type":"A","ipv4":"{address}"}}]}}"#
    )
}

/// A connect; the failure is JSON.
pub(super) fn tcp(address: &str, port: u16, failure: &str) -> String {
    format!(r#"{{"ip":"{address}","port":{port},"status":{{"failure":{failure}}}}}"#)
}

/// A handshake; the failure is JSON.
pub(super) fn tls(name: &str, failure: &str) -> String {
    format!(r#"{{"server_name":"{name}","failure":{failure}}}"#)
}

/// A handshake that failed on the certificate with this DER.
pub(super) fn tls_shown(name: &str, failure: &str, der: &[u8]) -> String {
    let data = base64(der);
    format!(
        r#"{{"server_name":"{name}","failure":"{failure}","peer_certificates":[{{"format":"base64","data":"{data}"}}]}}"#
    )
}

/// A round trip; the failure is JSON.
pub(super) fn http(url: &str, failure: &str, code: u16) -> String {
    format!(r#"{{"request":{{"url":"{url}"}},"failure":{failure},"response":{{"code":{code}}}}}"#)
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0_u32, |n, &b| n << 8 | u32::from(b)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= chunk.len() { letter as char } else { '=' });
        }
    }
    text
}
