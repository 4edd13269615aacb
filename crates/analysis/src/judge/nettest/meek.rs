//! Domain-fronted meek requests (ts-014), made until 2021.

use memchr::memmem::find;
use wirewitness_model::ooni::TestKeys;
use wirewitness_model::ooni::http::Transaction;
use wirewitness_model::outcome::Outcome;
use wirewitness_model::verdict::{Confidence, Evidence, Locus, Mechanism, Status, Verdict};

use super::evidence::capped;
use super::line::bare;
use super::step::{host, short};
use crate::judge::rule::Rule;

/// Judges a meek measurement.
pub(super) fn judge(keys: &TestKeys<'_>) -> Verdict {
    let trips = || keys.requests.iter();
    let evidence = capped(trips().enumerate().map(|(n, trip)| piece(n, trip)));
    if trips().len() == 0 {
        return bare("request");
    }
    if trips().any(is_meek) {
        return OK.verdict(Status::Ok, Confidence::High).with(evidence).done();
    }
    if trips().any(is_refused) {
        return REFUSED
            .verdict(Status::Down, Confidence::Low)
            .by(Mechanism::ServerDown, Locus::Endpoint)
            .with(evidence)
            .done();
    }
    UNCLEAR.verdict(Status::Insufficient, Confidence::Low).with(evidence).done()
}

/// True for the page that a meek server shows to a visitor without a session.
fn is_meek(trip: &Transaction<'_>) -> bool {
    trip.failure.is_none()
        && trip.response.code.0 == Some(200)
        && trip.response.body.bytes().is_some_and(|body| find(&body, GREETING).is_some())
}

/// True where the front itself says that it will not pass the request on.
fn is_refused(trip: &Transaction<'_>) -> bool {
    let has = |name: &str, mark: &[u8]| {
        trip.response.header(name).is_some_and(|value| find(&value, mark).is_some())
    };
    trip.failure.is_none()
        && matches!(trip.response.code.0, Some(403 | 421))
        && FRONTS.iter().any(|front| has("server", front) || has("via", front))
}

fn piece(n: usize, trip: &Transaction<'_>) -> Evidence {
    let seen = match (trip.failure.as_str(), trip.response.code.0) {
        (Some(failure), _) => short(failure).into_owned(),
        (None, Some(code)) if is_meek(trip) => {
            format!("status {code} with the greeting of a meek server")
        }
        (None, Some(code)) => format!("status {code}"),
        (None, None) => "no status".to_owned(),
    };
    let outcome = match trip.failure.as_str() {
        None if is_meek(trip) => Outcome::HttpMatch,
        None => Outcome::HttpDiffer,
        failure => Outcome::of(wirewitness_model::outcome::Layer::Http, failure),
    };
    let seen = format!("{}: {seen}", short(&host(trip)));
    Evidence { at: format!("test_keys.requests[{n}]"), outcome, seen, expected: None }
}

/// In ASCII, since the apostrophe before it is written in several ways.
const GREETING: &[u8] = b"just a happy little web server";
const FRONTS: [&[u8]; 3] = [b"CloudFront", b"cloudfront", b"ECAcc"];

/// The rules of this file.
pub(super) const RULES: [&Rule; 3] = [&OK, &REFUSED, &UNCLEAR];

const OK: Rule = Rule {
    id: "meek.ok",
    version: 1,
    says: "The meek server behind the front answered (meek).",
    stands_on: "A response with status 200 that holds the greeting of a meek server.",
    cannot_tell: &["a tunnel that is slowed or cut once it carries traffic"],
    false_positives: &[],
};

const REFUSED: Rule = Rule {
    id: "meek.refused",
    version: 1,
    says: "The content network that should have fronted for the meek server refuses to.",
    stands_on: "Status 403 or 421 under the content network's own headers.",
    cannot_tell: &["a middlebox that writes the same headers", "a meek server that was moved"],
    false_positives: &[],
};

const UNCLEAR: Rule = Rule {
    id: "meek.unclear",
    version: 1,
    says: "The meek server was not reached, with nothing to compare it with.",
    stands_on: "The failure or odd answer of the only request.",
    cannot_tell: &["a block from a front, a server or a line that failed"],
    false_positives: &[],
};

#[cfg(test)]
mod tests {
    use super::super::testing::{check, verdict};
    use super::*;

    fn found(failure: &str, code: u16, server: &str, body: &str) -> Verdict {
        let trip = format!(
            r#"{{"failure":{failure},"request":{{"url":"https://front.example"}},"response":{{"code":{code},"body":"{body}","headers":[["Server",["{server}"]],[]]}}}}"#
        );
        verdict("meek_fronted_requests_test", &format!(r#""requests":[{trip}]"#), "")
    }

    const HAPPY: &str = "I\u{2019}m just a happy little web server.\\n";

    #[test]
    fn positive_meek_ok() {
        check(&found("null", 200, "x", HAPPY), "ok", "meek.ok", None);
    }

    #[test]
    fn negative_meek_ok() {
        check(&found("null", 200, "x", "Access denied"), "insufficient", "meek.unclear", None);
    }

    #[test]
    fn outage_meek_ok() {
        check(&found("\"timeout\"", 0, "", ""), "insufficient", "meek.unclear", None);
    }

    #[test]
    fn positive_meek_refused() {
        let down = Some(Mechanism::ServerDown);
        check(&found("null", 403, "CloudFront", ""), "down", "meek.refused", down);
    }

    #[test]
    fn negative_meek_refused() {
        check(&found("null", 403, "Filter", ""), "insufficient", "meek.unclear", None);
    }

    #[test]
    fn outage_meek_refused() {
        check(&found("\"timeout\"", 403, "CloudFront", ""), "insufficient", "meek.unclear", None);
    }

    #[test]
    fn positive_meek_unclear() {
        let reset = found("\"connection_reset\"", 0, "", "");
        check(&reset, "insufficient", "meek.unclear", None);
    }

    #[test]
    fn negative_meek_unclear() {
        check(&found("null", 200, "x", HAPPY), "ok", "meek.ok", None);
    }

    #[test]
    fn outage_meek_unclear() {
        let found = found("\"response_never_received\"", 0, "", "");
        check(&found, "insufficient", "meek.unclear", None);
    }
}
