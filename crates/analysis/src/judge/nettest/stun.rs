//! STUN reachability (ts-025): one binding request to one server.

use wirewitness_model::lenient::{Failure, Text};
use wirewitness_model::ooni::TestKeys;
use wirewitness_model::ooni::network_event::NetworkEvent;
use wirewitness_model::outcome::Outcome;
use wirewitness_model::verdict::{Confidence, Evidence, Status, Verdict};

use super::evidence::capped;
use super::line::bare;
use super::step::{lookups, short};
use crate::judge::rule::Rule;

/// Judges a STUN measurement.
pub(super) fn judge(keys: &TestKeys<'_>) -> Verdict {
    let read = keys.network_events.iter().position(is_answer);
    let failure: Failure<'_> = keys.read("failure");
    if keys.queries.is_empty() && keys.network_events.is_empty() && !keys.has("failure") {
        return bare("step");
    }
    let answered = failure.is_none() && (read.is_some() || keys.has("failure"));
    let lookups = lookups(keys, "test_keys").map(|step| step.evidence());
    let evidence = capped([piece(keys, read, failure.as_str())].into_iter().chain(lookups));
    let (rule, status, confidence) = match (answered, read) {
        (true, Some(_)) => (&OK, Status::Ok, Confidence::High),
        (true, None) => (&OK, Status::Ok, Confidence::Low),
        (false, _) => (&UNCLEAR, Status::Insufficient, Confidence::Low),
    };
    rule.verdict(status, confidence).with(evidence).done()
}

fn is_answer(event: &NetworkEvent<'_>) -> bool {
    matches!(event.operation.or_empty(), "read" | "read_from")
        && event.failure.is_none()
        && event.num_bytes.0.is_some_and(|bytes| bytes > 0)
}

fn piece(keys: &TestKeys<'_>, read: Option<usize>, failure: Option<&str>) -> Evidence {
    let endpoint: Text<'_> = keys.read("endpoint");
    let at = match read.filter(|_| failure.is_none()) {
        Some(n) => format!("test_keys.network_events[{n}]"),
        None => "test_keys.failure".to_owned(),
    };
    let outcome = if failure.is_none() { Outcome::AppOk } else { Outcome::AppFailed };
    let what = match (failure, read) {
        (Some(failure), _) => short(failure).into_owned(),
        (None, Some(_)) => "answered".to_owned(),
        (None, None) => "no failure, by the probe's word alone".to_owned(),
    };
    Evidence {
        at,
        outcome,
        seen: format!("{}: {what}", short(endpoint.or_empty())),
        expected: None,
    }
}

/// The rules of this file.
pub(super) const RULES: [&Rule; 2] = [&OK, &UNCLEAR];

const OK: Rule = Rule {
    id: "stun.ok",
    version: 1,
    says: "The STUN server answered.",
    stands_on: "Bytes read after the request; in files without events, the absence of a failure (low confidence).",
    cannot_tell: &["calls that are denied after STUN"],
    false_positives: &[],
};

const UNCLEAR: Rule = Rule {
    id: "stun.unclear",
    version: 1,
    says: "The STUN server did not answer, with nothing to compare it with.",
    stands_on: "The failure of the only request.",
    cannot_tell: &["a block of UDP or STUN from a server or a line that is down"],
    false_positives: &[],
};

#[cfg(test)]
mod tests {
    use super::super::testing::{check, lookup, verdict};

    const READ: &str = r#""network_events":[{"operation":"read","num_bytes":32,"failure":null}]"#;

    #[test]
    fn positive_stun_ok() {
        for name in ["stunreachability", "stun_reachability"] {
            let found = verdict(name, &format!(r#""failure":null,"endpoint":"a:1",{READ}"#), "");
            check(&found, "ok", "stun.ok", None);
        }
        check(&verdict("stunreachability", r#""failure":null"#, ""), "ok", "stun.ok", None);
    }

    #[test]
    fn negative_stun_ok() {
        let late = format!(r#""failure":"generic_timeout_error",{READ}"#);
        check(&verdict("stunreachability", &late, ""), "insufficient", "stun.unclear", None);
    }

    #[test]
    fn outage_stun_ok() {
        check(&verdict("stunreachability", "", ""), "insufficient", "record.bare", None);
    }

    #[test]
    fn positive_stun_unclear() {
        let keys = format!(
            r#""failure":"generic_timeout_error","queries":[{}]"#,
            lookup("stun.l.google.com", "74.125.1.1")
        );
        check(&verdict("stunreachability", &keys, ""), "insufficient", "stun.unclear", None);
    }

    #[test]
    fn negative_stun_unclear() {
        let found = verdict("stunreachability", &format!(r#""failure":null,{READ}"#), "");
        check(&found, "ok", "stun.ok", None);
    }

    #[test]
    fn outage_stun_unclear() {
        let keys = r#""failure":"dns_servfail_error""#;
        check(&verdict("stunreachability", keys, ""), "insufficient", "stun.unclear", None);
    }
}
