//! Telegram (ts-020): ten data-centre endpoints by address, over TCP and plain HTTP, and the web client.

use std::collections::{BTreeMap, BTreeSet};

use wirewitness_model::ooni::{Measurement, TestKeys};
use wirewitness_model::verdict::Verdict;

use super::app::{App, AppRules, Operators};
use super::step::{Step, Way, endpoint, tcp_endpoint};
use crate::judge::rule::Rule;

/// Judges a Telegram measurement.
pub(super) fn judge<'m>(measurement: &Measurement<'_>, keys: &'m TestKeys<'m>) -> Verdict {
    let rules = AppRules { ok: &OK, endpoints: &ENDPOINTS, part: &WEB };
    let main = data_centres(keys);
    let side = vec![Way::to_host(keys, WEB_CLIENT, 443)];
    App { keys, rules, main, side, operators: Operators::One }.judge(measurement)
}

/// One way per endpoint: what was connected to that is not the web client.
fn data_centres<'m>(keys: &'m TestKeys<'m>) -> Vec<Way<'m>> {
    let web = web_addresses(keys);
    let mut ways: BTreeMap<String, Vec<Step<'m>>> = BTreeMap::new();
    for (n, connect) in keys.tcp_connect.iter().enumerate() {
        if !web.contains(connect.ip.or_empty()) {
            let step = Step::connect(format!("test_keys.tcp_connect[{n}]"), connect);
            ways.entry(tcp_endpoint(connect)).or_default().push(step);
        }
    }
    for (n, trip) in keys.requests.iter().enumerate() {
        let to = endpoint(trip);
        if let Some(steps) = ways.get_mut(&to) {
            let step = Step::round_trip(format!("test_keys.requests[{n}]"), trip);
            steps.push(Step { to, ..step });
        }
    }
    ways.into_iter().take(MAX_ENDPOINTS).map(|(name, steps)| Way { name, steps }).collect()
}

fn web_addresses<'m>(keys: &'m TestKeys<'_>) -> BTreeSet<&'m str> {
    let answers = keys.queries.iter().flat_map(|query| query.answers.iter());
    answers.filter_map(|answer| answer.address()).chain(WEB_ADDRESSES).collect()
}

const WEB_CLIENT: &str = "web.telegram.org";
/// Probes before 2020 wrote no lookups; this is where the name led then and in 2022.
const WEB_ADDRESSES: [&str; 2] = ["149.154.167.99", "2001:67c:4e8:f004::9"];

/// Probes try about a dozen.
const MAX_ENDPOINTS: usize = 64;

/// The rules of this file.
pub(super) const RULES: [&Rule; 3] = [&OK, &ENDPOINTS, &WEB];

const OK: Rule = Rule {
    id: "telegram.ok",
    version: 1,
    says: "Telegram's data centres can be used from here.",
    stands_on: "A data centre that accepts connections and, where the probe asked, answers over HTTP.",
    cannot_tell: &["messages that are slowed, and calls: the test makes neither"],
    false_positives: &[],
};

const ENDPOINTS: Rule = Rule {
    id: "telegram.endpoints",
    version: 1,
    says: "Every data centre of Telegram is denied while the line works.",
    stands_on: "Connects to and HTTP answers of all data centres, against the web client, the lookups and the \
                report opened before.",
    cannot_tell: &[
        "a filter of the network from one of the local network, a school's or an office's",
    ],
    false_positives: &[
        "an outage of Telegram everywhere at the time",
        "a line that breaks after the report was opened",
    ],
};

const WEB: Rule = Rule {
    id: "telegram.web",
    version: 1,
    says: "Telegram's web client is denied in a specific way while its data centres work.",
    stands_on: "A false answer for the web client's name, a reset in its handshake or another's certificate.",
    cannot_tell: &["whether the apps are slowed"],
    false_positives: &["a security program on the device that puts its own certificate in"],
};

#[cfg(test)]
mod tests {
    use super::super::testing::{check, http, lookup, report, tcp, tls, tls_shown, verdict};
    use super::*;
    use wirewitness_model::verdict::Mechanism;

    const CENTRES: [&str; 3] = ["149.154.175.50", "149.154.167.51", "149.154.171.5"];

    /// Connects and round trips with the data centres, and what is said of the web client.
    fn keys(connect: &str, trip: &str, web: &str) -> String {
        let all = |one: &dyn Fn(&str) -> String| CENTRES.map(one).join(",");
        let connects = all(&|ip| tcp(ip, 80, connect));
        let trips = all(&|ip| http(&format!("http://{ip}/"), trip, 501));
        format!(r#""tcp_connect":[{connects}],"requests":[{trips}]{web}"#)
    }

    fn web(failure: &str) -> String {
        let (name, shake) = (lookup(WEB_CLIENT, "149.154.167.99"), tls(WEB_CLIENT, failure));
        format!(r#","queries":[{name}],"tls_handshakes":[{shake}]"#)
    }

    const TIMEOUT: &str = "\"generic_timeout_error\"";
    const RESET: &str = "\"connection_reset\"";

    #[test]
    fn positive_telegram_ok() {
        check(
            &verdict("telegram", &keys("null", "null", &web("null")), ""),
            "ok",
            "telegram.ok",
            None,
        );
    }

    #[test]
    fn negative_telegram_ok() {
        let found = verdict("telegram", &keys(TIMEOUT, TIMEOUT, &web("null")), "");
        assert_ne!(found.rule.id, "telegram.ok");
    }

    #[test]
    fn outage_telegram_ok() {
        let found = verdict("telegram", &keys(TIMEOUT, TIMEOUT, &web(TIMEOUT)), "");
        check(&found, "insufficient", "line.silent", None);
    }

    #[test]
    fn positive_telegram_endpoints() {
        let blocked = |connect: &str, trip: &str, envelope: &str, web: &str, also: Mechanism| {
            let found = verdict("telegram", &keys(connect, trip, web), envelope);
            check(&found, "blocked", "telegram.endpoints", Some(Mechanism::AppBlocked));
            assert!(found.also.contains(&also), "{found:#?}");
        };
        blocked(TIMEOUT, TIMEOUT, "", &web("null"), Mechanism::TcpTimeout);
        blocked("null", TIMEOUT, "", &web("null"), Mechanism::HttpTimeout);
        blocked("null", RESET, "", &web(RESET), Mechanism::HttpResetHost);
        blocked(TIMEOUT, TIMEOUT, report(), &web(TIMEOUT), Mechanism::TcpTimeout);
    }

    #[test]
    fn negative_telegram_endpoints() {
        let one_left = keys(TIMEOUT, TIMEOUT, &web("null")).replacen(TIMEOUT, "null", 1);
        let one_left = one_left.replacen(&http("http://149.154.175.50/", TIMEOUT, 501), "{}", 1);
        check(&verdict("telegram", &one_left, ""), "ok", "telegram.ok", None);
    }

    #[test]
    fn outage_telegram_endpoints() {
        let no_name = format!(r#","queries":[{}]"#, lookup(WEB_CLIENT, TIMEOUT));
        for (web, envelope) in [(web(TIMEOUT), ""), (no_name.clone(), ""), (no_name, report())] {
            let found = verdict("telegram", &keys(TIMEOUT, TIMEOUT, &web), envelope);
            check(&found, "insufficient", "line.silent", None);
        }
    }

    #[test]
    fn positive_telegram_web() {
        let other = super::super::super::certificate::made("Filter", "Filter", "400101000000Z");
        let shown = tls_shown(WEB_CLIENT, "ssl_unknown_authority", &other);
        let cases = [
            (web(RESET), Mechanism::TlsResetOther),
            (format!(r#","tls_handshakes":[{shown}]"#), Mechanism::TlsMitmSelfSigned),
            (
                format!(r#","queries":[{}]"#, lookup(WEB_CLIENT, "10.10.34.35")),
                Mechanism::DnsInjectionBogon,
            ),
            (
                format!(r#","queries":[{}]"#, lookup(WEB_CLIENT, "\"dns_nxdomain_error\"")),
                Mechanism::DnsNxdomain,
            ),
        ];
        for (web, mechanism) in cases {
            let found = verdict("telegram", &keys("null", "null", &web), "");
            check(&found, "blocked", "telegram.web", Some(mechanism));
        }
    }

    #[test]
    fn a_reset_is_because_of_the_name_where_plain_http_with_it_works() {
        let plain = http("http://web.telegram.org/", "null", 301);
        let keys = keys("null", "null", &web(RESET)).replacen(
            r#""requests":["#,
            &format!(r#""requests":[{plain},"#),
            1,
        );
        check(
            &verdict("telegram", &keys, ""),
            "blocked",
            "telegram.web",
            Some(Mechanism::TlsResetSni),
        );
    }

    #[test]
    fn negative_telegram_web() {
        check(&verdict("telegram", &keys("null", "null", ""), ""), "ok", "telegram.ok", None);
    }

    #[test]
    fn outage_telegram_web() {
        for failure in [TIMEOUT, "\"eof_error\""] {
            let found = verdict("telegram", &keys("null", "null", &web(failure)), "");
            check(&found, "ok", "telegram.ok", None);
            assert!(found.cannot_tell.iter().any(|text| text.contains(WEB_CLIENT)));
        }
    }

    #[test]
    fn a_login_page_is_no_block() {
        let trips = CENTRES.map(|ip| {
            format!(
                r#"{{"request":{{"url":"http://{ip}/"}},"response":{{"code":302,"headers":{{"Location":"http://login.example/"}}}}}}"#
            )
        });
        let connects = CENTRES.map(|ip| tcp(ip, 80, "null")).join(",");
        let keys = format!(r#""tcp_connect":[{connects}],"requests":[{}]"#, trips.join(","));
        assert_eq!(verdict("telegram", &keys, "").status.word(), "insufficient");
    }
}
