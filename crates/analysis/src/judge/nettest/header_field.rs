//! HTTP header field manipulation (ts-006): a server that answers with the request as it came in.
//!
//! Header names have random capitals, which proxies tend to straighten. A change proves a middlebox and denies nobody
//! access, so the status stays `ok`.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use wirewitness_model::lenient::{Headers, Map, MaybeBinary};
use wirewitness_model::ooni::TestKeys;
use wirewitness_model::ooni::http::Transaction;
use wirewitness_model::outcome::{Layer, Outcome};
use wirewitness_model::verdict::{Confidence, Evidence, Locus, Status, Verdict};

use super::evidence::capped;
use super::line::bare;
use super::step::short;
use crate::judge::rule::Rule;

/// Judges the echo.
pub(super) fn judge(keys: &TestKeys<'_>) -> Verdict {
    if keys.requests.is_empty() {
        return bare("request");
    }
    let mut pieces = Vec::new();
    for (n, trip) in keys.requests.iter().enumerate() {
        let body = trip.response.body.bytes().unwrap_or_default();
        let Some(echo) = echo(trip, &body) else {
            pieces.push(no_echo(n, trip));
            continue;
        };
        let changes = changes(trip, &echo);
        return if changes.is_empty() { same(n) } else { altered(n, &changes) };
    }
    let answered = keys.requests.iter().any(|trip| matches!(trip.response.code.0, Some(100..=499)));
    let draft = if answered {
        REPLACED.verdict(Status::Ok, Confidence::Low)
    } else {
        SILENT.verdict(Status::Insufficient, Confidence::Low)
    };
    draft.with(capped(pieces)).done()
}

/// The request as it came in.
struct Echo<'m> {
    /// By name as written, joined where a name came more than once.
    headers: BTreeMap<String, String>,
    method: Option<&'m str>,
}

fn echo<'m>(trip: &Transaction<'_>, body: &'m [u8]) -> Option<Echo<'m>> {
    if trip.failure.as_str().is_some() {
        return None;
    }
    let map: BTreeMap<String, &'m RawValue> = serde_json::from_slice(body).ok()?;
    let read = |key: &str| map.get(key).map(|raw| raw.get());
    let method = read("request_line").and_then(|text| serde_json::from_str::<&str>(text).ok());
    let dict: Map<'m, MaybeBinary<'m>> =
        serde_json::from_str(read("headers_dict").unwrap_or("null")).ok()?;
    let list: Headers<'m> = serde_json::from_str(read("request_headers").unwrap_or("null")).ok()?;
    let mut headers = BTreeMap::new();
    for (name, value) in if list.0.is_empty() { dict.entries() } else { &list.0 } {
        join(&mut headers, name, value);
    }
    let method = method.and_then(|line| line.split(' ').next());
    (!headers.is_empty()).then_some(Echo { headers, method })
}

fn sent(trip: &Transaction<'_>) -> BTreeMap<String, String> {
    let request = &trip.request;
    let in_order = request.headers_list.read();
    let list = if in_order.0.is_empty() { request.headers.read() } else { in_order };
    let mut headers = BTreeMap::new();
    for (name, value) in &list.0 {
        join(&mut headers, name, value);
    }
    headers
}

fn join(headers: &mut BTreeMap<String, String>, name: &str, value: &MaybeBinary<'_>) {
    let value = String::from_utf8_lossy(&value.bytes()).into_owned();
    let entry: &mut String = headers.entry(name.to_owned()).or_default();
    if !entry.is_empty() {
        entry.push_str(", ");
    }
    entry.push_str(&value);
}

/// What differs between the request as sent and as it came in, in words.
fn changes(trip: &Transaction<'_>, echo: &Echo<'_>) -> Vec<String> {
    let sent = sent(trip);
    let lower = |map: &BTreeMap<String, String>| -> BTreeMap<String, String> {
        map.keys().map(|name| (name.to_ascii_lowercase(), name.clone())).collect()
    };
    let (ours, theirs) = (lower(&sent), lower(&echo.headers));
    let mut changes = Vec::new();
    for (name, value) in &sent {
        match theirs.get(&name.to_ascii_lowercase()) {
            None if is_of_the_connection(name) => {}
            None => changes.push(format!("{} is gone", short(name))),
            Some(other) if other != name => {
                changes.push(format!("{} became {}", short(name), short(other)));
            }
            Some(other) if echo.headers.get(other) != Some(value) => {
                changes.push(format!("the value of {} changed", short(name)));
            }
            Some(_) => {}
        }
    }
    let added =
        theirs.iter().filter(|(name, _)| !ours.contains_key(*name) && !is_of_the_connection(name));
    changes.extend(added.map(|(_, name)| format!("{} was added", short(name))));
    let method = trip.request.method.or_empty();
    if let Some(seen) = echo.method.filter(|seen| !method.is_empty() && *seen != method) {
        changes.push(format!("the method {} became {}", short(method), short(seen)));
    }
    changes
}

/// True for what HTTP libraries write of themselves, below what the file records.
fn is_of_the_connection(name: &str) -> bool {
    ["connection", "content-length"].iter().any(|own| name.eq_ignore_ascii_case(own))
}

fn same(n: usize) -> Verdict {
    SAME.verdict(Status::Ok, Confidence::High)
        .saw(at(n), Outcome::HttpMatch, "the server saw the request as it was sent")
        .done()
}

fn altered(n: usize, changes: &[String]) -> Verdict {
    let piece = |change: &String| Evidence {
        at: at(n),
        outcome: Outcome::HttpDiffer,
        seen: change.clone(),
        expected: Some("the request as sent".to_owned()),
    };
    ALTERED
        .verdict(Status::Ok, Confidence::High)
        .located(Locus::Path)
        .with(capped(changes.iter().map(piece)))
        .done()
}

fn no_echo(n: usize, trip: &Transaction<'_>) -> Evidence {
    let seen = match (trip.failure.as_str(), trip.response.code.0) {
        (Some(failure), _) => short(failure).into_owned(),
        (None, Some(code)) => {
            let length = trip.response.body.length();
            let names: Vec<&str> =
                trip.response.headers.0.iter().take(5).map(|(name, _)| name.as_ref()).collect();
            let names = names.join(", ");
            format!(
                "status {code} with {length} bytes that are no echo, and headers {}",
                short(&names)
            )
        }
        (None, None) => "no response".to_owned(),
    };
    let outcome = match trip.failure.as_str() {
        None => Outcome::HttpDiffer,
        failure => Outcome::of(Layer::Http, failure),
    };
    Evidence { at: at(n), outcome, seen, expected: Some("an echo of the request".to_owned()) }
}

fn at(n: usize) -> String {
    format!("test_keys.requests[{n}]")
}

/// The rules of this file.
pub(super) const RULES: [&Rule; 4] = [&SAME, &ALTERED, &REPLACED, &SILENT];

const SAME: Rule = Rule {
    id: "header_field.same",
    version: 1,
    says: "The request reached the echo server as it was sent.",
    stands_on: "The request's method and headers, and the echo of them.",
    cannot_tell: &["a proxy that changes responses alone, or knows the echo server"],
    false_positives: &[],
};

const ALTERED: Rule = Rule {
    id: "header_field.altered",
    version: 1,
    says: "Something on the path rewrites requests on port 80. Nothing was denied by that.",
    stands_on: "The request's method and headers, and the echo of them: names, capitals, values, added and missing.",
    cannot_tell: &[
        "a proxy of the network from one of the local network",
        "what the middlebox is there for",
    ],
    false_positives: &[
        "a security program on the device that reads port 80",
        "an echo server behind a front that straightens header names",
    ],
};

const REPLACED: Rule = Rule {
    id: "header_field.replaced",
    version: 1,
    says: "Something answered in place of the echo. What was denied is at most the echo server.",
    stands_on: "A response without a server error whose body is no echo of a request.",
    cannot_tell: &["a middlebox from an echo server that was replaced by another server"],
    false_positives: &["a login page of the local network"],
};

const SILENT: Rule = Rule {
    id: "header_field.silent",
    version: 1,
    says: "No echo came back.",
    stands_on: "Every request failed or met a server error.",
    cannot_tell: &["a middlebox from an echo server or a line that is down"],
    false_positives: &[],
};

#[cfg(test)]
mod tests {
    use super::super::testing::{check, verdict};
    use super::*;

    const SENT: &str = r#""method":"GeT","headers":{"hOsT":"x.com","aCCept":"a/b"}"#;

    fn answered(code: u16, body: &str) -> Verdict {
        let body = serde_json::Value::from(body);
        let trip = format!(
            r#"{{"failure":null,"request":{{{SENT}}},"response":{{"code":{code},"body":{body}}}}}"#
        );
        verdict("http_header_field_manipulation", &format!(r#""requests":[{trip}]"#), "")
    }

    fn failed(failure: &str) -> Verdict {
        let trip = format!(r#"{{"failure":"{failure}","request":{{{SENT}}},"response":null}}"#);
        verdict("http_header_field_manipulation", &format!(r#""requests":[{trip}]"#), "")
    }

    const DICT: &str = r#"{"headers_dict":{"hOsT":["x.com"],"aCCept":["a/b"],"Connection":["close"]},"request_line":"GeT / HTTP/1.1"}"#;

    #[test]
    fn positive_header_field_same() {
        check(&answered(200, DICT), "ok", "header_field.same", None);
        let list = r#"{"request_headers":[["aCCept","a/b"],["hOsT","x.com"]]}"#;
        check(&answered(200, list), "ok", "header_field.same", None);
    }

    #[test]
    fn negative_header_field_same() {
        assert_eq!(answered(200, &DICT.replace("hOsT", "Host")).rule.id, "header_field.altered");
    }

    #[test]
    fn outage_header_field_same() {
        check(&failed("connection_refused_error"), "insufficient", "header_field.silent", None);
    }

    #[test]
    fn positive_header_field_altered() {
        for (from, to, says) in [
            ("hOsT", "Host", "hOsT became Host"),
            ("a/b", "*/*", "the value of aCCept changed"),
            ("\"aCCept\":[\"a/b\"],", "", "aCCept is gone"),
            ("Connection", "Via", "Via was added"),
            ("GeT", "GET", "the method GeT became GET"),
        ] {
            let found = answered(200, &DICT.replace(from, to));
            check(&found, "ok", "header_field.altered", None);
            assert_eq!((found.evidence[0].seen.as_str(), found.locus), (says, Some(Locus::Path)));
        }
    }

    #[test]
    fn negative_header_field_altered() {
        check(&answered(200, DICT), "ok", "header_field.same", None);
    }

    #[test]
    fn outage_header_field_altered() {
        check(&failed("generic_timeout_error"), "insufficient", "header_field.silent", None);
    }

    #[test]
    fn positive_header_field_replaced() {
        for body in ["", "<html>login</html>", "{}", "[1]", "{\"headers_dict\":7}"] {
            check(&answered(200, body), "ok", "header_field.replaced", None);
        }
    }

    #[test]
    fn negative_header_field_replaced() {
        check(&answered(200, DICT), "ok", "header_field.same", None);
    }

    #[test]
    fn outage_header_field_replaced() {
        check(&answered(502, "Bad gateway"), "insufficient", "header_field.silent", None);
    }

    #[test]
    fn positive_header_field_silent() {
        check(&failed("connection_reset"), "insufficient", "header_field.silent", None);
    }

    #[test]
    fn negative_header_field_silent() {
        check(&answered(200, DICT), "ok", "header_field.same", None);
    }

    #[test]
    fn outage_header_field_silent() {
        check(&failed("generic_timeout_error"), "insufficient", "header_field.silent", None);
    }
}
