//! Encrypted DNS services (ts-028): each address of a DoT or DoH server, asked for a harmless name.

use std::borrow::Cow;

use wirewitness_model::lenient::{Failure, Map};
use wirewitness_model::ooni::{Measurement, TestKeys};
use wirewitness_model::outcome::{Layer, Outcome};
use wirewitness_model::verdict::{Confidence, Evidence, Locus, Mechanism, Status, Verdict};

use super::evidence::capped;
use super::line::bare;
use super::step::{self, Step, short};
use crate::judge::rule::Rule;
use crate::judge::url::scheme;

/// Judges a `dnscheck` measurement.
pub(super) fn judge(measurement: &Measurement<'_>, keys: &TestKeys<'_>) -> Verdict {
    let bootstrap: TestKeys<'_> = keys.read("bootstrap");
    let lookups: Map<'_, TestKeys<'_>> = keys.read("lookups");
    let names: Vec<Step<'_>> = step::lookups(&bootstrap, "test_keys.bootstrap").collect();
    if names.is_empty() && lookups.entries().is_empty() {
        return bare("lookup");
    }
    let mut asked: Vec<Server> = lookups
        .entries()
        .iter()
        .take(MAX_SERVERS)
        .map(|(name, keys)| Server::of(name, keys))
        .collect();
    asked.sort_by_key(|server| !server.answered);
    let answered = asked.iter().any(|server| server.answered);
    let false_name =
        !names.is_empty() && names.iter().all(|step| step.outcome() == Outcome::DnsBogon);
    let denied = !asked.is_empty() && asked.iter().all(|server| server.is_denied);
    let evidence = capped(
        asked.into_iter().map(|server| server.evidence).chain(names.iter().map(Step::evidence)),
    );
    if answered {
        return OK.verdict(Status::Ok, Confidence::High).with(evidence).done();
    }
    let input = measurement.input().unwrap_or(Cow::Borrowed(""));
    match mechanism(&input, lookups.entries().first().map_or("", |(name, _)| name)) {
        Some(mechanism) if false_name || denied => {
            let locus = if false_name { Locus::Resolver } else { Locus::Path };
            let draft = BLOCKED.verdict(Status::Blocked, Confidence::Medium).by(mechanism, locus);
            let draft = if false_name { draft.also(Mechanism::DnsInjectionBogon) } else { draft };
            draft.with(evidence).done()
        }
        _ => UNCLEAR.verdict(Status::Insufficient, Confidence::Low).with(evidence).done(),
    }
}

/// One address of the server.
struct Server {
    answered: bool,
    /// It accepted the connection, and the handshake then met what no server in trouble does.
    is_denied: bool,
    evidence: Evidence,
}

impl Server {
    fn of(name: &str, keys: &TestKeys<'_>) -> Self {
        let at = format!("test_keys.lookups[{:?}]", short(name));
        let failure: Failure<'_> = keys.read("failure");
        let resolved =
            keys.queries.iter().any(|query| query.failure.is_none() && !query.answers.is_empty());
        let answered = resolved && failure.is_none();
        let connected = keys.tcp_connect.iter().any(|connect| connect.status.failure().is_none());
        let shakes: Vec<Step<'_>> = keys
            .tls_handshakes
            .iter()
            .chain(keys.quic_handshakes.iter())
            .enumerate()
            .map(|(n, shake)| Step::handshake(format!("{at}.tls_handshakes[{n}]"), shake))
            .collect();
        let bad = shakes.iter().find(|step| step.is_specific());
        let is_denied = connected && bad.is_some() && !shakes.iter().any(Step::works);
        let seen = failure.as_str().map_or("answered", |failure| failure);
        let outcome = match (bad, answered) {
            (_, true) => Outcome::DnsAnswer,
            (Some(step), false) => step.outcome(),
            (None, false) => Outcome::of(Layer::Dns, failure.as_str().or(Some("unknown_failure"))),
        };
        let at = bad.filter(|_| !answered).map_or(at, |step| step.at.clone());
        let evidence = Evidence {
            at,
            outcome,
            seen: format!("{}: {}", short(name), short(seen)),
            expected: None,
        };
        Self { answered, is_denied, evidence }
    }
}

/// What it means that this kind of server is denied; none for plain DNS.
fn mechanism(input: &str, first: &str) -> Option<Mechanism> {
    let kind = if input.contains("://") { scheme(input) } else { scheme(first) };
    match kind {
        "dot" => Some(Mechanism::DotBlocked),
        "https" | "h3" | "http3" | "doh" => Some(Mechanism::DohBlocked),
        _ => None,
    }
}

const MAX_SERVERS: usize = 256;

/// The rules of this file.
pub(super) const RULES: [&Rule; 3] = [&OK, &BLOCKED, &UNCLEAR];

const OK: Rule = Rule {
    id: "dnscheck.ok",
    version: 1,
    says: "The encrypted DNS server answers from here.",
    stands_on: "An answer with addresses from one of the server's addresses.",
    cannot_tell: &["other addresses of the server that failed: each may be gone"],
    false_positives: &[],
};

const BLOCKED: Rule = Rule {
    id: "dnscheck.blocked",
    version: 1,
    says: "The encrypted DNS server is denied.",
    stands_on: "Every address accepted the connection and the handshake was then reset or showed another's \
                certificate; or the server's name leads to private addresses.",
    cannot_tell: &["a filter of the network from one of the local network"],
    false_positives: &["a security program on the device that puts its own certificate in"],
};

const UNCLEAR: Rule = Rule {
    id: "dnscheck.unclear",
    version: 1,
    says: "The encrypted DNS server was not reached, in a way that a failing server also shows.",
    stands_on: "No address answered, and no handshake bears a mark of interference.",
    cannot_tell: &["a block from a server or a line that is down, or a server that was retired"],
    false_positives: &[],
};

#[cfg(test)]
mod tests {
    use super::super::testing::{check, lookup, tcp, tls, verdict};
    use super::*;

    fn server(connect: &str, shake: &str, failure: &str) -> String {
        let answer =
            if failure == "null" { lookup("example.org", "93.184.216.34") } else { String::new() };
        format!(
            r#"{{"failure":{failure},"queries":[{answer}],"tcp_connect":[{}],"tls_handshakes":[{}]}}"#,
            tcp("8.8.4.4", 853, connect),
            if connect == "null" { tls("dns.google", shake) } else { String::new() },
        )
    }

    fn found(input: &str, name: &str, servers: &[String]) -> Verdict {
        let servers: Vec<String> = servers
            .iter()
            .enumerate()
            .map(|(n, s)| format!(r#""dot://8.8.4.{n}:853":{s}"#))
            .collect();
        let keys = format!(
            r#""bootstrap":{{"queries":[{}]}},"lookups":{{{}}}"#,
            lookup("dns.google", name),
            servers.join(",")
        );
        verdict("dnscheck", &keys, &format!(r#""input":"{input}","#))
    }

    const RESET: &str = "\"connection_reset\"";
    const TIMEOUT: &str = "\"generic_timeout_error\"";

    #[test]
    fn positive_dnscheck_ok() {
        let servers = [server("null", RESET, RESET), server("null", "null", "null")];
        check(&found("dot://dns.google", "8.8.4.4", &servers), "ok", "dnscheck.ok", None);
    }

    #[test]
    fn negative_dnscheck_ok() {
        let servers = [server("null", RESET, RESET)];
        assert_ne!(found("dot://dns.google", "8.8.4.4", &servers).rule.id, "dnscheck.ok");
    }

    #[test]
    fn outage_dnscheck_ok() {
        check(&found("dot://dns.google", TIMEOUT, &[]), "insufficient", "dnscheck.unclear", None);
    }

    #[test]
    fn positive_dnscheck_blocked() {
        let servers = [server("null", RESET, RESET), server("null", RESET, RESET)];
        for (input, mechanism) in [
            ("dot://dns.google", Mechanism::DotBlocked),
            ("https://dns.google/", Mechanism::DohBlocked),
        ] {
            let reset = found(input, "8.8.4.4", &servers);
            check(&reset, "blocked", "dnscheck.blocked", Some(mechanism));
            let lied = found(input, "10.10.34.35", &[server(TIMEOUT, "", TIMEOUT)]);
            check(&lied, "blocked", "dnscheck.blocked", Some(mechanism));
            assert_eq!(lied.also, [Mechanism::DnsInjectionBogon]);
        }
    }

    #[test]
    fn negative_dnscheck_blocked() {
        let servers = [server("null", RESET, RESET), server("null", TIMEOUT, TIMEOUT)];
        let found = found("dot://dns.google", "8.8.4.4", &servers);
        check(&found, "insufficient", "dnscheck.unclear", None);
    }

    #[test]
    fn outage_dnscheck_blocked() {
        for connect in [TIMEOUT, "\"connection_refused\""] {
            let found = found("dot://dns.google", "8.8.4.4", &[server(connect, "", connect)]);
            check(&found, "insufficient", "dnscheck.unclear", None);
        }
    }

    #[test]
    fn positive_dnscheck_unclear() {
        let found = found("udp://8.8.8.8", "8.8.4.4", &[server("null", RESET, RESET)]);
        check(&found, "insufficient", "dnscheck.unclear", None);
    }

    #[test]
    fn negative_dnscheck_unclear() {
        check(&verdict("dnscheck", r#""lookups":null"#, ""), "insufficient", "record.bare", None);
    }

    #[test]
    fn outage_dnscheck_unclear() {
        let found = found("dot://dns.google", "\"dns_nxdomain_error\"", &[]);
        check(&found, "insufficient", "dnscheck.unclear", None);
    }
}
