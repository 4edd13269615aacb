//! Tor (ts-023): directory authorities (OR port and directory port), relays and obfs4 bridges.

use std::borrow::Cow;

use wirewitness_model::lenient::{Failure, List, Map, Text};
use wirewitness_model::ooni::TestKeys;
use wirewitness_model::outcome::{Layer, Outcome};
use wirewitness_model::verdict::{Confidence, Evidence, Locus, Mechanism, Status, Verdict};

use super::evidence::capped;
use super::line::{SILENT, UNCLEAR, bare};
use super::step::{Step, connects, handshakes, short, trips};
use crate::judge::rule::Rule;

/// Judges a Tor measurement.
pub(super) fn judge(keys: &TestKeys<'_>) -> Verdict {
    let raw = targets(keys);
    let targets: Vec<Target> = raw.iter().map(|(name, keys)| Target::of(name, keys)).collect();
    if targets.is_empty() {
        return bare("target");
    }
    let core = || targets.iter().filter(|target| target.class.is_core());
    let (tried, up) = (core().count(), core().filter(|target| target.works).count());
    if tried == 0 {
        return bridges_only(&targets);
    }
    if up * 2 >= tried {
        return ok(&targets);
    }
    let line_works = targets.iter().any(|target| target.connected);
    if !line_works {
        return unclear(&SILENT, &targets);
    }
    if tried >= MANY && up * 10 <= tried * 3 {
        blocked(&targets)
    } else {
        unclear(&UNCLEAR, &targets)
    }
}

/// The targets by name, from a map or from the list that the first probes wrote.
fn targets<'m>(keys: &'m TestKeys<'_>) -> Vec<(Cow<'m, str>, TestKeys<'m>)> {
    let map: Map<'m, TestKeys<'m>> = keys.read("targets");
    if !map.entries().is_empty() {
        return map.into_entries().into_iter().take(MAX_TARGETS).collect();
    }
    let list: List<TestKeys<'m>> = keys.read("targets");
    let numbered = list.0.into_iter().enumerate();
    numbered.take(MAX_TARGETS).map(|(n, target)| (Cow::Owned(n.to_string()), target)).collect()
}

/// What kind of entry to Tor a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Relay,
    Directory,
    Bridge,
}

impl Class {
    fn of(protocol: &str) -> Self {
        match protocol {
            "or_port" | "or_port_dirauth" => Self::Relay,
            "dir_port" => Self::Directory,
            _ => Self::Bridge,
        }
    }

    /// True for the public entries, which many hands keep running. A single bridge stands for itself alone.
    fn is_core(self) -> bool {
        self != Self::Bridge
    }
}

/// One target, summed up.
struct Target {
    class: Class,
    /// Its own protocol worked.
    works: bool,
    /// It accepted a connection.
    connected: bool,
    evidence: Evidence,
}

impl Target {
    fn of(name: &str, keys: &TestKeys<'_>) -> Self {
        let protocol: Text<'_> = keys.read("target_protocol");
        let class = Class::of(protocol.or_empty());
        let at = format!("test_keys.targets[{:?}]", short(name));
        let steps = steps(keys, &at);
        let layer = |layer: Layer| steps.iter().filter(move |step| step.layer == layer);
        let did = |l: Layer| layer(l).any(Step::works);
        let connected = did(Layer::Tcp);
        let failure: Failure<'_> = keys.read("failure");
        let works = match class {
            Class::Relay => did(Layer::Tls),
            Class::Directory => did(Layer::Http),
            Class::Bridge => connected && keys.has("failure") && failure.is_none(),
        };
        let evidence =
            Self::evidence(&steps, keys, &at, protocol.or_empty(), (works, failure.as_str()));
        Self { class, works, connected, evidence }
    }

    fn evidence(
        steps: &[Step<'_>],
        keys: &TestKeys<'_>,
        at: &str,
        protocol: &str,
        (works, failure): (bool, Option<&str>),
    ) -> Evidence {
        let telling = steps.iter().rev().find(|step| step.works() == works).or(steps.last());
        let mut evidence = telling.map_or_else(
            || Evidence {
                at: at.to_owned(),
                outcome: Outcome::AppFailed,
                seen: String::new(),
                expected: None,
            },
            Step::evidence,
        );
        let address: Text<'_> = keys.read("target_address");
        let found = match (works, failure) {
            (true, _) => "works".to_owned(),
            (false, None) => "was reached no further".to_owned(),
            (false, Some(failure)) => short(failure).into_owned(),
        };
        evidence.seen = format!("{} at {}: {found}", short(protocol), short(address.or_empty()));
        evidence
    }
}

/// The steps to one target.
fn steps<'m>(keys: &'m TestKeys<'_>, at: &str) -> Vec<Step<'m>> {
    connects(keys, at).chain(handshakes(keys, at)).chain(trips(keys, at)).collect()
}

fn ok(targets: &[Target]) -> Verdict {
    let up = targets.iter().filter(|target| target.works).count();
    let confidence = if up >= MANY { Confidence::High } else { Confidence::Medium };
    let draft = OK.verdict(Status::Ok, confidence).with(evidence(targets, Order::WorkingFirst));
    match targets.iter().filter(|target| target.class == Class::Bridge && !target.works).count() {
        0 => draft.done(),
        n => {
            draft.cannot_tell(format!("why bridges failed ({n} of them): each may be gone")).done()
        }
    }
}

fn bridges_only(targets: &[Target]) -> Verdict {
    if targets.iter().any(|target| target.works) {
        return ok(targets);
    }
    let line_works = targets.iter().any(|target| target.connected);
    unclear(if line_works { &UNCLEAR } else { &SILENT }, targets)
}

fn blocked(targets: &[Target]) -> Verdict {
    BLOCKED
        .verdict(Status::Blocked, Confidence::Medium)
        .by(Mechanism::TunnelBlocked, Locus::Path)
        .with(evidence(targets, Order::WorkingFirst))
        .done()
}

fn unclear(rule: &Rule, targets: &[Target]) -> Verdict {
    let evidence = evidence(targets, Order::FailingFirst);
    rule.verdict(Status::Insufficient, Confidence::Low).with(evidence).done()
}

/// Which targets to show first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    WorkingFirst,
    FailingFirst,
}

fn evidence(targets: &[Target], order: Order) -> Vec<Evidence> {
    let mut shown: Vec<&Target> = targets.iter().collect();
    shown.sort_by_key(|target| {
        (target.works != (order == Order::WorkingFirst), !target.class.is_core())
    });
    capped(shown.into_iter().map(|target| target.evidence.clone()))
}

/// Five entries kept by different people on different networks do not fail together by themselves.
const MANY: usize = 5;
const MAX_TARGETS: usize = 1024;

/// The rules of this file.
pub(super) const RULES: [&Rule; 2] = [&OK, &BLOCKED];

const OK: Rule = Rule {
    id: "tor.ok",
    version: 1,
    says: "Tor's public entries can be used from here.",
    stands_on: "Half or more of the relays (by handshake) and directories (by answer) that were tried; where none was, \
                a bridge whose handshake succeeded.",
    cannot_tell: &["circuits that are slowed or cut later: no traffic was sent"],
    false_positives: &[],
};

const BLOCKED: Rule = Rule {
    id: "tor.blocked",
    version: 1,
    says: "Most of Tor's public entries are denied (tor) while others show that the line works.",
    stands_on: "Three in ten or fewer of at least five relays and directories work, and a target accepted a connection.",
    cannot_tell: &["a filter of the network from one of the local network"],
    false_positives: &["a line that loses most packets throughout the test"],
};

#[cfg(test)]
mod tests {
    use super::super::testing::{check, http, report, tcp, tls, verdict};
    use super::*;

    const TIMEOUT: &str = "\"generic_timeout_error\"";

    fn target(n: usize, protocol: &str, connect: &str, then: &str) -> String {
        let trip = http("http://9.9.9.9/tor/", then, 200);
        let (shake, trip) = match (connect, protocol) {
            ("null", "dir_port") => (String::new(), trip),
            ("null", "obfs4") => (String::new(), String::new()),
            ("null", _) => (tls("", then), String::new()),
            _ => (String::new(), String::new()),
        };
        let failure = if connect == "null" { then } else { connect };
        format!(
            r#""{n}":{{"target_protocol":"{protocol}","failure":{failure},"tcp_connect":[{}],"tls_handshakes":[{shake}],"requests":[{trip}]}}"#,
            tcp("9.9.9.9", 443, connect)
        )
    }

    /// Ten relays and five bridges; of the relays so many work, and the others fail so.
    fn found(up: usize, connect: &str, then: &str, bridges: &str, envelope: &str) -> Verdict {
        let relay = |n: usize| {
            if n < up {
                target(n, "or_port_dirauth", "null", "null")
            } else {
                target(n, "or_port_dirauth", connect, then)
            }
        };
        let all: Vec<String> = (0..10)
            .map(relay)
            .chain((10..15).map(|n| target(n, "obfs4", bridges, "null")))
            .collect();
        verdict("tor", &format!(r#""targets":{{{}}}"#, all.join(",")), envelope)
    }

    #[test]
    fn positive_tor_ok() {
        check(&found(10, "", "", "null", ""), "ok", "tor.ok", None);
        check(&found(5, TIMEOUT, "", TIMEOUT, ""), "ok", "tor.ok", None);
        let one = format!(r#""targets":{{{}}}"#, target(0, "or_port", "null", "null"));
        check(&verdict("tor", &one, ""), "ok", "tor.ok", None);
        let list = target(0, "dir_port", "null", "null").replacen("\"0\":", "", 1);
        check(&verdict("tor", &format!(r#""targets":[{list},null,3]"#), ""), "ok", "tor.ok", None);
    }

    #[test]
    fn negative_tor_ok() {
        check(&found(4, TIMEOUT, "", "null", ""), "insufficient", "line.unclear", None);
    }

    #[test]
    fn outage_tor_ok() {
        check(&found(0, TIMEOUT, "", TIMEOUT, report()), "insufficient", "line.silent", None);
    }

    #[test]
    fn positive_tor_blocked() {
        let tunnel = Some(Mechanism::TunnelBlocked);
        check(&found(1, TIMEOUT, "", TIMEOUT, ""), "blocked", "tor.blocked", tunnel);
        check(&found(0, TIMEOUT, "", "null", ""), "blocked", "tor.blocked", tunnel);
        check(
            &found(0, "null", "\"connection_reset\"", TIMEOUT, ""),
            "blocked",
            "tor.blocked",
            tunnel,
        );
    }

    #[test]
    fn negative_tor_blocked() {
        check(&found(9, TIMEOUT, "", TIMEOUT, ""), "ok", "tor.ok", None);
        let bridge = format!(r#""targets":{{{}}}"#, target(0, "obfs4", TIMEOUT, ""));
        check(&verdict("tor", &bridge, ""), "insufficient", "line.silent", None);
    }

    #[test]
    fn outage_tor_blocked() {
        for failure in [TIMEOUT, "\"network_unreachable\""] {
            check(&found(0, failure, "", failure, report()), "insufficient", "line.silent", None);
        }
        check(&verdict("tor", r#""targets":null"#, ""), "insufficient", "record.bare", None);
    }
}
