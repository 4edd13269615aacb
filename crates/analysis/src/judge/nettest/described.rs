//! Applications that anybody describes (`app_reachability`, no test of OONI's), and each function of every application.
//!
//! A function works where as many of its endpoints are reached as it needs. Where it does not, its endpoints that fail from
//! elsewhere too are set aside, and what is left is judged as that of an application is ([`super::app`]): denied where the line
//! works and a step is specific, contradicts what a helper saw, or is one of many.

use wirewitness_model::ooni::app::{Endpoint, Function};
use wirewitness_model::ooni::{Measurement, TestKeys};
use wirewitness_model::outcome::Layer;
use wirewitness_model::verdict::{Confidence, Locus, Mechanism, Status, Verdict};

use super::elsewhere::{down, fails_elsewhere, works_elsewhere};
use super::evidence::capped;
use super::line::{Line, SILENT, UNCLEAR, bare};
use super::step::{Step, Way, endpoint as asked_of, tcp_endpoint};
use crate::judge::rule::Rule;

/// Judges the application by its weightiest finding: the first function that is blocked, then down, then unclear.
pub(super) fn judge(measurement: &Measurement<'_>, keys: &TestKeys<'_>) -> Verdict {
    let verdicts = functions(measurement, keys);
    let weight = |status: Status| match status {
        Status::Blocked => 0,
        Status::Down => 1,
        Status::Insufficient => 2,
        Status::Ok => 3,
    };
    let worst = verdicts.iter().min_by_key(|(_, verdict)| weight(verdict.status));
    let Some((name, verdict)) = worst else { return bare("function of an application") };
    let mut verdict = verdict.clone();
    if verdict.status != Status::Ok {
        verdict.cannot_tell.push(format!("other functions by this verdict: it is that of {name}"));
    }
    verdict
}

/// What is said of each function of an application, in the order of its description.
pub(in crate::judge) fn functions(
    measurement: &Measurement<'_>,
    keys: &TestKeys<'_>,
) -> Vec<(String, Verdict)> {
    let Some(app) = &keys.x_app else { return Vec::new() };
    let line = Line::of(measurement, keys);
    let all = app.functions.iter().take(MAX_FUNCTIONS);
    all.map(|it| (it.name.or_empty().to_owned(), of_function(keys, it, &line))).collect()
}

fn of_function(keys: &TestKeys<'_>, function: &Function<'_>, line: &Line) -> Verdict {
    let endpoints = function.endpoints.iter().take(MAX_ENDPOINTS);
    let (ways, tried): (Vec<Way<'_>>, Vec<bool>) =
        endpoints.map(|it| (way(keys, it), !it.ports.is_empty())).unzip();
    if ways.iter().all(|way| way.steps.is_empty()) {
        return bare("step towards the function");
    }
    let needs_all = function.needs.or_empty() == "all";
    // A name that is only looked up is reached where its lookup works.
    let reached = |(way, tried): (&Way<'_>, &bool)| {
        way.is_reached() || (!tried && way.denial().is_none() && !way.steps.is_empty())
    };
    let mut reached = ways.iter().zip(&tried).map(reached);
    if if needs_all { reached.all(|it| it) } else { reached.any(|it| it) } {
        let shown = ways.iter().filter_map(Way::telling).map(Step::evidence);
        return OK.verdict(Status::Ok, Confidence::Medium).with(capped(shown)).done();
    }
    let failed: Vec<Way<'_>> = ways.into_iter().filter(|way| way.denial().is_some()).collect();
    let (gone, rest): (Vec<_>, Vec<_>) =
        failed.into_iter().partition(|way| fails_elsewhere(keys, way));
    if rest.is_empty() {
        return if gone.is_empty() { unclear(&rest, line) } else { down(&gone) };
    }
    denied(keys, &rest, line)
}

fn denied(keys: &TestKeys<'_>, ways: &[Way<'_>], line: &Line) -> Verdict {
    let denials: Vec<&Step<'_>> = ways.iter().filter_map(Way::denial).collect();
    let specific = denials.iter().find(|step| step.is_specific());
    let contradicted = ways.iter().find(|way| works_elsewhere(keys, way)).and_then(Way::denial);
    let many = denials.first().filter(|_| denials.len() >= MANY);
    let Line::Works(_) = line else { return unclear(ways, line) };
    let Some(step) = specific.copied().or(contradicted).or(many.copied()) else {
        return unclear(ways, line);
    };
    let Some(mechanism) = mechanism(keys, step) else { return unclear(ways, line) };
    let locus = if step.layer == Layer::Dns { Locus::Resolver } else { Locus::Path };
    let sure = contradicted.is_some() && specific.is_some();
    let confidence = if sure { Confidence::High } else { Confidence::Medium };
    let mut draft = DENIED.verdict(Status::Blocked, confidence).by(mechanism, locus);
    for other in denials.iter().filter_map(|step| self::mechanism(keys, step)) {
        draft = draft.also(other);
    }
    let pieces = line.evidence().into_iter().chain(denials.iter().map(|step| step.evidence()));
    draft.with(capped(pieces)).done()
}

/// A reset is because of the name where a handshake under another name worked.
fn mechanism(keys: &TestKeys<'_>, step: &Step<'_>) -> Option<Mechanism> {
    let mechanism = step.mechanism()?;
    let mut shakes = keys.tls_handshakes.iter();
    let other = |to: &str, name: &str| !name.is_empty() && name != to;
    if mechanism == Mechanism::TlsResetOther
        && shakes.any(|it| it.failure.is_none() && other(&step.to, it.server_name.or_empty()))
    {
        return Some(Mechanism::TlsResetSni);
    }
    Some(mechanism)
}

fn unclear(ways: &[Way<'_>], line: &Line) -> Verdict {
    let rule = if matches!(line, Line::Works(_)) { &UNCLEAR } else { &SILENT };
    let pieces = ways.iter().filter_map(Way::telling).map(Step::evidence);
    rule.verdict(Status::Insufficient, Confidence::Low).with(capped(pieces)).done()
}

/// The way to an endpoint on its ports: by name, or by address.
fn way<'m>(keys: &'m TestKeys<'m>, endpoint: &Endpoint<'_>) -> Way<'m> {
    let host = endpoint.host.or_empty();
    let ports: Vec<i64> = endpoint.ports.iter().filter_map(|port| port.0).take(MAX_PORTS).collect();
    if host.parse::<std::net::IpAddr>().is_err() {
        let mut way = Way::to_host(keys, host, ports.first().copied().unwrap_or(443));
        for port in ports.iter().skip(1) {
            way.steps.extend(super::step::connects_to(keys, host, *port));
        }
        return way;
    }
    let own: Vec<String> = ports.iter().map(|port| format!("{host}:{port}")).collect();
    let mut steps = Vec::new();
    for (n, connect) in keys.tcp_connect.iter().enumerate() {
        if own.contains(&tcp_endpoint(connect)) {
            steps.push(Step::connect(format!("test_keys.tcp_connect[{n}]"), connect));
        }
    }
    for (n, trip) in keys.requests.iter().enumerate() {
        if own.contains(&asked_of(trip)) {
            steps.push(Step::round_trip(format!("test_keys.requests[{n}]"), trip));
        }
    }
    Way { name: host.to_owned(), steps }
}

/// So many endpoints do not fail together by chance.
const MANY: usize = 3;
const MAX_FUNCTIONS: usize = 8;
const MAX_ENDPOINTS: usize = 64;
const MAX_PORTS: usize = 4;

/// The rules of this file.
pub(super) const RULES: [&Rule; 2] = [&OK, &DENIED];

const OK: Rule = Rule {
    id: "app.function.ok",
    version: 1,
    says: "As many endpoints as the function of the application needs can be reached from here.",
    stands_on: "Lookups, connects, handshakes and requests of the function's endpoints, as far as its description asks.",
    cannot_tell: &["what is slowed, and what needs an account: the test has none"],
    false_positives: &["a description that names too few of what the function needs"],
};

const DENIED: Rule = Rule {
    id: "app.function.denied",
    version: 1,
    says: "Endpoints that the function of the application needs are denied while the line works.",
    stands_on: "The failed steps, against steps of the same measurement that worked and, where one was asked, what a test \
                helper saw.",
    cannot_tell: &["a filter of the network from one of the local network"],
    false_positives: &["names that have been retired since, where no test helper was asked"],
};

#[cfg(test)]
mod tests {
    use super::super::testing::{check, lookup, tcp, tls, verdict};
    use wirewitness_model::verdict::Mechanism;

    const APP: &str = r#""x_app":{"name":"clips","functions":[{"name":"videos","needs":"all","endpoints":[{"host":"a.example.com","ports":[443]}]},{"name":"sign-up","needs":"any","endpoints":[{"host":"b.example.com","ports":[443]}]}]}"#;

    fn keys(first: &str, elsewhere: &str) -> String {
        format!(
            r#"{APP},"queries":[{},{}],"tcp_connect":[{},{}],"tls_handshakes":[{},{}],"x_elsewhere":[{elsewhere}]"#,
            lookup("a.example.com", "9.9.9.9"),
            lookup("b.example.com", "8.8.8.8"),
            tcp("9.9.9.9", 443, "null"),
            tcp("8.8.8.8", 443, "null"),
            tls("a.example.com", first),
            tls("b.example.com", "null"),
        )
    }

    fn saw(status: bool) -> String {
        format!(
            r#"{{"host":"a.example.com","control":{{"dns":{{"failure":null,"addrs":["9.9.9.9"]}},"tls_handshake":{{"9.9.9.9:443":{{"status":{status}}}}}}}}}"#
        )
    }

    const RESET: &str = "\"connection_reset\"";
    const TIMEOUT: &str = "\"generic_timeout_error\"";

    #[test]
    fn positive_app_function_ok() {
        check(&verdict("app_reachability", &keys("null", ""), ""), "ok", "app.function.ok", None);
    }

    #[test]
    fn negative_app_function_ok() {
        let found = verdict("app_reachability", &keys(RESET, ""), "");
        assert_ne!(found.rule.id, "app.function.ok");
    }

    #[test]
    fn outage_app_function_ok() {
        let found = verdict("app_reachability", &keys(TIMEOUT, &saw(false)), "");
        assert_ne!(found.status.word(), "blocked");
    }

    #[test]
    fn positive_app_function_denied() {
        let found = verdict("app_reachability", &keys(RESET, ""), "");
        check(&found, "blocked", "app.function.denied", Some(Mechanism::TlsResetSni));
        let found = verdict("app_reachability", &keys(TIMEOUT, &saw(true)), "");
        check(&found, "blocked", "app.function.denied", Some(Mechanism::TlsTimeout));
    }

    #[test]
    fn negative_app_function_denied() {
        let found = verdict("app_reachability", &keys(TIMEOUT, ""), "");
        check(&found, "insufficient", "line.unclear", None);
    }

    #[test]
    fn outage_app_function_denied() {
        let found = verdict("app_reachability", &keys(RESET, &saw(false)), "");
        check(&found, "down", "app.down", Some(Mechanism::ServerDown));
    }

    #[test]
    fn positive_app_down() {
        let found = verdict("app_reachability", &keys(TIMEOUT, &saw(false)), "");
        check(&found, "down", "app.down", Some(Mechanism::ServerDown));
    }

    #[test]
    fn negative_app_down() {
        let found = verdict("app_reachability", &keys(TIMEOUT, &saw(true)), "");
        assert_ne!(found.rule.id, "app.down");
    }

    #[test]
    fn outage_app_down() {
        let no_helper = r#"{"host":"a.example.com","control":null}"#;
        let found = verdict("app_reachability", &keys(TIMEOUT, no_helper), "");
        check(&found, "insufficient", "line.unclear", None);
    }
}
