//! HTTP requests (ts-003), made until 2017: each page fetched directly and through Tor. Tor is the control.

use wirewitness_model::ooni::TestKeys;
use wirewitness_model::ooni::http::Transaction;
use wirewitness_model::outcome::Outcome;
use wirewitness_model::verdict::{Confidence, Evidence, Locus, Status, Verdict};

use super::evidence::capped;
use super::line::bare;
use super::step::{Step, named};
use crate::judge::body::title;
use crate::judge::rule::Rule;

/// Judges an `http_requests` measurement.
pub(super) fn judge(keys: &TestKeys<'_>) -> Verdict {
    let through_tor = |trip: &Transaction<'_>| trip.request.tor.is_tor.0 == Some(true);
    let direct = named(&keys.requests, |trip| !through_tor(trip)).next();
    let control = named(&keys.requests, through_tor).find(|(_, trip)| answered(trip));
    let evidence = capped(keys.requests.iter().enumerate().map(|(n, trip)| piece(n, trip)));
    let Some((n, direct)) = direct else { return bare("direct request") };
    let Some((_, control)) = control else {
        return UNCLEAR.verdict(Status::Insufficient, Confidence::Low).with(evidence).done();
    };
    if answered(direct) && is_alike(direct, control) {
        return SAME.verdict(Status::Ok, Confidence::Medium).with(evidence).done();
    }
    let step = Step::round_trip(format!("test_keys.requests[{n}]"), direct);
    match step.mechanism().filter(|_| step.failure.is_some()) {
        Some(mechanism) => DENIED
            .verdict(Status::Blocked, Confidence::Medium)
            .by(mechanism, Locus::Unknown)
            .with(evidence)
            .done(),
        None => UNCLEAR.verdict(Status::Insufficient, Confidence::Low).with(evidence).done(),
    }
}

fn answered(trip: &Transaction<'_>) -> bool {
    trip.failure.is_none() && trip.response.code.0.is_some_and(|code| code > 0)
}

/// Same status, and a body of much the same length or a title that is the same.
fn is_alike(a: &Transaction<'_>, b: &Transaction<'_>) -> bool {
    let (first, second) = (&a.response.body, &b.response.body);
    let (short, long) = (first.length().min(second.length()), first.length().max(second.length()));
    let same_title = !title(first).is_empty() && title(first) == title(second);
    // Beyond 64 bits only where a digest claims it.
    let same_length = u128::from(short) * 10 >= u128::from(long) * 7;
    a.response.code == b.response.code && (same_length || same_title)
}

fn piece(n: usize, trip: &Transaction<'_>) -> Evidence {
    let mut evidence = Step::round_trip(format!("test_keys.requests[{n}]"), trip).evidence();
    if let Some(code) = trip.response.code.0.filter(|_| answered(trip)) {
        evidence.outcome = Outcome::HttpResponse;
        evidence.seen = format!("status {code}, {} bytes", trip.response.body.length());
    }
    if trip.request.tor.is_tor.0 == Some(true) {
        evidence.seen.push_str(", through Tor");
    }
    evidence
}

/// The rules of this file.
pub(super) const RULES: [&Rule; 3] = [&SAME, &DENIED, &UNCLEAR];

const SAME: Rule = Rule {
    id: "http_requests.same",
    version: 1,
    says: "The page is the same directly and through Tor.",
    stands_on: "Both responses: the status, and the body's length (within 30 %) or title.",
    cannot_tell: &["small changes to the page"],
    false_positives: &[],
};

const DENIED: Rule = Rule {
    id: "http_requests.denied",
    version: 1,
    says: "The page failed directly in a telling way, and came through Tor.",
    stands_on: "The failure of the direct request, against the response through Tor on the same line.",
    cannot_tell: &["a block from a server that failed once"],
    false_positives: &["a site that turns this country or network away"],
};

const UNCLEAR: Rule = Rule {
    id: "http_requests.unclear",
    version: 1,
    says: "There is no response through Tor to compare with, or the two differ.",
    stands_on: "The responses there are.",
    cannot_tell: &["a block from a site that shows Tor something else, or changed in between"],
    false_positives: &[],
};

#[cfg(test)]
mod tests {
    use super::super::testing::{check, verdict};
    use super::*;
    use wirewitness_model::verdict::Mechanism;

    fn trip(tor: bool, failure: &str, code: u16, body: &str) -> String {
        format!(
            r#"{{"failure":{failure},"request":{{"url":"http://a.example","tor":{{"is_tor":{tor}}}}},"response":{{"code":{code},"body":"{body}"}}}}"#
        )
    }

    fn found(trips: &[String]) -> Verdict {
        verdict("http_requests", &format!(r#""requests":[{}]"#, trips.join(",")), "")
    }

    const RESET: &str = "\"connection_reset\"";

    #[test]
    fn positive_http_requests_same() {
        let both =
            [trip(false, "null", 200, "hello there"), trip(true, "null", 200, "hello world")];
        check(&found(&both), "ok", "http_requests.same", None);
    }

    #[test]
    fn negative_http_requests_same() {
        let differ = [trip(false, "null", 403, "no"), trip(true, "null", 200, "hello world")];
        check(&found(&differ), "insufficient", "http_requests.unclear", None);
    }

    #[test]
    fn outage_http_requests_same() {
        let none = [trip(false, RESET, 0, ""), trip(true, RESET, 0, "")];
        check(&found(&none), "insufficient", "http_requests.unclear", None);
    }

    #[test]
    fn positive_http_requests_denied() {
        for (failure, mechanism) in [
            (RESET, Mechanism::HttpResetHost),
            ("\"response_never_received\"", Mechanism::HttpClose),
            ("\"generic_timeout_error\"", Mechanism::HttpTimeout),
        ] {
            let trips = [trip(false, failure, 0, ""), trip(true, "null", 200, "hello")];
            check(&found(&trips), "blocked", "http_requests.denied", Some(mechanism));
        }
    }

    #[test]
    fn negative_http_requests_denied() {
        let vague = [trip(false, "\"unknown_failure\"", 0, ""), trip(true, "null", 200, "hello")];
        check(&found(&vague), "insufficient", "http_requests.unclear", None);
    }

    #[test]
    fn outage_http_requests_denied() {
        let trips = [trip(false, RESET, 0, ""), trip(true, "\"socks_error\"", 0, "")];
        check(&found(&trips), "insufficient", "http_requests.unclear", None);
    }

    #[test]
    fn positive_http_requests_unclear() {
        let alone = [trip(false, "null", 301, "")];
        check(&found(&alone), "insufficient", "http_requests.unclear", None);
    }

    #[test]
    fn negative_http_requests_unclear() {
        check(&found(&[]), "insufficient", "record.bare", None);
    }

    #[test]
    fn outage_http_requests_unclear() {
        let failed = [trip(false, "\"generic_timeout_error\"", 0, "")];
        check(&found(&failed), "insufficient", "http_requests.unclear", None);
    }
}
