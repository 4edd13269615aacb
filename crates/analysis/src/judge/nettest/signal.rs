//! Signal (ts-029): HTTPS to each of its servers, trusting Signal's own authority alone.
//!
//! That authority changed. A probe older than the change refuses the genuine servers, which says how old the probe is
//! and nothing of the network. Names were retired, too.

use std::collections::BTreeSet;

use wirewitness_model::ooni::{Measurement, TestKeys};
use wirewitness_model::outcome::{Layer, Outcome};
use wirewitness_model::verdict::{Confidence, Status, Verdict};

use super::app::{App, AppRules, Operators};
use super::evidence::capped;
use super::line::{bare, digits};
use super::step::{Step, Way, host};
use crate::judge::rule::Rule;

/// Judges a Signal measurement.
pub(super) fn judge<'m>(measurement: &Measurement<'_>, keys: &'m TestKeys<'m>) -> Verdict {
    let ways: Vec<Way<'m>> =
        hosts(keys).into_iter().map(|name| Way::to_host(keys, &name, 443)).collect();
    if ways.iter().all(|way| way.steps.is_empty()) {
        return bare("step towards a server of Signal");
    }
    let (refused, ways): (Vec<_>, Vec<_>) =
        ways.into_iter().partition(|way| is_old_trust(way, measurement));
    let (retired, ways): (Vec<_>, Vec<_>) =
        ways.into_iter().partition(|way| is_retired(way, measurement));
    let (main, side): (Vec<_>, Vec<_>) =
        ways.into_iter().partition(|way| CHAT.contains(&way.name.as_str()));
    let rules = AppRules { ok: &OK, endpoints: &BACKEND, part: &PART };
    let mut verdict =
        App { keys, rules, main, side, operators: Operators::Several }.judge(measurement);
    let gone =
        |way: &Way<'_>| format!("anything from {}, a name that Signal has retired", way.name);
    verdict.cannot_tell.extend(retired.iter().map(gone));
    if refused.is_empty() || verdict.status == Status::Blocked {
        verdict
    } else {
        old_trust(&refused)
    }
}

/// The hosts that the file names, of Signal's domains.
fn hosts(keys: &TestKeys<'_>) -> BTreeSet<String> {
    let named = keys.queries.iter().map(|query| query.hostname.or_empty().to_owned());
    let asked = keys.requests.iter().map(|trip| host(trip).into_owned());
    let shaken = keys.tls_handshakes.iter().map(|shake| shake.server_name.or_empty().to_owned());
    let ours = |name: &String| {
        name != HEALTH && DOMAINS.iter().any(|domain| name.ends_with(domain)) && name.len() < 64
    };
    named
        .chain(asked)
        .chain(shaken)
        .filter(ours)
        .take(MAX_STEPS)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .take(MAX_HOSTS)
        .collect()
}

/// True for a server whose certificate this probe was too old to know.
fn is_old_trust(way: &Way<'_>, measurement: &Measurement<'_>) -> bool {
    let Some(step) = way.denial().filter(|s| s.outcome() == Outcome::TlsBadCertificate) else {
        return false;
    };
    let version = version(measurement.test_version.or_empty());
    let start = digits(measurement.measurement_start_time.or_empty());
    let signed = step.certificate.as_ref().is_some_and(|c| c.is_issued_by(AUTHORITY));
    signed || CHANGES.iter().any(|(fixed, since)| version < *fixed && start.as_str() >= *since)
}

/// True for a name that was retired and is gone as such names go.
fn is_retired(way: &Way<'_>, measurement: &Measurement<'_>) -> bool {
    let gone = way.denial().is_some_and(|step| {
        step.layer == Layer::Dns
            && matches!(
                step.outcome(),
                Outcome::DnsNxdomain | Outcome::DnsNoAnswer | Outcome::DnsFailed
            )
    });
    let start = digits(measurement.measurement_start_time.or_empty());
    gone && RETIRED.contains(&way.name.as_str()) && start.as_str() >= RETIRED_SINCE
}

fn old_trust(refused: &[Way<'_>]) -> Verdict {
    let evidence = refused.iter().filter_map(Way::denial).map(Step::evidence);
    OLD_TRUST.verdict(Status::Insufficient, Confidence::Medium).with(capped(evidence)).done()
}

/// The numbers of a version, `0.2.10` say.
fn version(text: &str) -> [u32; 3] {
    let mut parts = text.split('.').map(|part| part.parse().unwrap_or(0));
    [(); 3].map(|()| parts.next().unwrap_or(0))
}

/// Any of these is enough: the second is the service's older name.
const CHAT: [&str; 2] = ["chat.signal.org", "textsecure-service.whispersystems.org"];
const DOMAINS: [&str; 2] = [".signal.org", ".whispersystems.org"];
/// Answers 127.0.0.1 by design, to say that the service is up.
const HEALTH: &str = "uptime.signal.org";
/// Contact discovery moved to another name in 2023; the chat service left its older name after that.
const RETIRED: [&str; 2] = ["api.directory.signal.org", "textsecure-service.whispersystems.org"];
const RETIRED_SINCE: &str = "20230501";
/// The organisation that signs Signal's certificates since 2022.
const AUTHORITY: &str = "Signal Messenger";
/// Tests before this version do not know the certificates that Signal uses since this day.
/// 2022: ts-029, "Data analysis considerations". 2023: the older authority ended.
const CHANGES: [([u32; 3], &str); 2] = [([0, 2, 2], "20221019"), ([0, 2, 4], "20231107")];
const MAX_HOSTS: usize = 16;
const MAX_STEPS: usize = 4096;

/// The rules of this file.
pub(super) const RULES: [&Rule; 4] = [&OK, &BACKEND, &PART, &OLD_TRUST];

const OK: Rule = Rule {
    id: "signal.ok",
    version: 1,
    says: "Signal's chat service can be used from here.",
    stands_on: "An HTTP answer of the chat service under a certificate of Signal's own authority.",
    cannot_tell: &["messages that are slowed, and calls: the test makes neither"],
    false_positives: &[],
};

const BACKEND: Rule = Rule {
    id: "signal.backend",
    version: 1,
    says: "Signal's chat service is denied while the line works.",
    stands_on: "A false answer, a reset or another's certificate for the chat service; or every server of Signal, in \
                several clouds, failing above TCP.",
    cannot_tell: &["a filter of the network from one of the local network"],
    false_positives: &[
        "a probe whose trusted authority is older than Signal's servers, in a way not yet known here",
        "a security program on the device, or a login page of the local network, that shows its own certificate",
    ],
};

const PART: Rule = Rule {
    id: "signal.part",
    version: 1,
    says: "A server beside Signal's chat service is denied in a specific way while chats work.",
    stands_on: "A false answer for the server's name, a reset in its handshake or another's certificate.",
    cannot_tell: &["which function of the app fails with it: profiles, attachments or calls"],
    false_positives: &["a name that Signal has retired since"],
};

const OLD_TRUST: Rule = Rule {
    id: "signal.old_trust",
    version: 1,
    says: "The probe is older than the authority that signs Signal's certificates, so it refused the genuine ones.",
    stands_on: "Handshakes that failed on a certificate of Signal's own authority, or of a test version known to be \
                too old at the time of measurement.",
    cannot_tell: &["an interceptor who signs under Signal's name"],
    false_positives: &[],
};

#[cfg(test)]
mod tests {
    use super::super::super::certificate::made;
    use super::super::testing::{check, http, lookup, report, tcp, tls, tls_shown, verdict};
    use super::*;
    use wirewitness_model::verdict::Mechanism;

    const HOSTS: [&str; 4] =
        ["chat.signal.org", "cdn.signal.org", "cdn2.signal.org", "storage.signal.org"];
    const RESET: &str = "\"connection_reset\"";
    const TIMEOUT: &str = "\"generic_timeout_error\"";

    /// All servers resolve; connects and handshakes of the first and of the others end so.
    fn keys(connect: &str, first: &str, others: &str) -> String {
        let lookups: Vec<String> = HOSTS.iter().map(|host| lookup(host, "9.9.9.9")).collect();
        let shakes: Vec<String> = HOSTS
            .iter()
            .enumerate()
            .map(|(n, host)| tls(host, if n == 0 { first } else { others }))
            .collect();
        format!(
            r#""queries":[{}],"tcp_connect":[{}],"tls_handshakes":[{}]"#,
            lookups.join(","),
            tcp("9.9.9.9", 443, connect),
            if connect == "null" { shakes.join(",") } else { String::new() },
        )
    }

    #[test]
    fn positive_signal_ok() {
        check(&verdict("signal", &keys("null", "null", "null"), ""), "ok", "signal.ok", None);
    }

    #[test]
    fn negative_signal_ok() {
        assert_ne!(verdict("signal", &keys("null", RESET, "null"), "").rule.id, "signal.ok");
    }

    #[test]
    fn outage_signal_ok() {
        let found = verdict("signal", &keys(TIMEOUT, "", ""), report());
        check(&found, "insufficient", "line.silent", None);
    }

    #[test]
    fn positive_signal_backend() {
        let app = Some(Mechanism::AppBlocked);
        let by_name = verdict("signal", &keys("null", RESET, "null"), "");
        check(&by_name, "blocked", "signal.backend", app);
        assert_eq!(by_name.also, [Mechanism::TlsResetSni]);
        let all = verdict("signal", &keys("null", TIMEOUT, TIMEOUT), "");
        check(&all, "blocked", "signal.backend", app);
        assert_eq!(all.also, [Mechanism::TlsTimeout]);
        let mitm = tls_shown(HOSTS[0], "ssl_unknown_authority", &made("X", "X", "400101000000Z"));
        let keys = format!(r#""tls_handshakes":[{mitm},{}]"#, tls(HOSTS[1], "null"));
        let found = verdict("signal", &keys, "");
        check(&found, "blocked", "signal.backend", app);
        assert_eq!(found.also, [Mechanism::TlsMitmSelfSigned]);
    }

    #[test]
    fn negative_signal_backend() {
        check(
            &verdict("signal", &keys("null", "null", RESET), ""),
            "blocked",
            "signal.part",
            Some(Mechanism::TlsResetSni),
        );
    }

    #[test]
    fn outage_signal_backend() {
        for (connect, first, envelope) in [(TIMEOUT, "", ""), (TIMEOUT, "", report())] {
            let found = verdict("signal", &keys(connect, first, first), envelope);
            check(&found, "insufficient", "line.silent", None);
        }
        let one_server = verdict("signal", &keys("null", TIMEOUT, "null"), "");
        check(&one_server, "insufficient", "line.unclear", None);
    }

    #[test]
    fn positive_signal_part() {
        let name = lookup("cdn.signal.org", "10.10.34.35");
        let keys =
            format!(r#""queries":[{name}],"tls_handshakes":[{}]"#, tls("chat.signal.org", "null"));
        let found = verdict("signal", &keys, "");
        check(&found, "blocked", "signal.part", Some(Mechanism::DnsInjectionBogon));
    }

    #[test]
    fn negative_signal_part() {
        let gone = lookup("api.directory.signal.org", "\"dns_nxdomain_error\"");
        let keys =
            format!(r#""queries":[{gone}],"tls_handshakes":[{}]"#, tls("chat.signal.org", "null"));
        let late = r#""measurement_start_time":"2023-05-30 18:08:35","#;
        check(&verdict("signal", &keys, late), "ok", "signal.ok", None);
        let early = r#""measurement_start_time":"2021-05-30 18:08:35","#;
        check(
            &verdict("signal", &keys, early),
            "blocked",
            "signal.part",
            Some(Mechanism::DnsNxdomain),
        );
    }

    #[test]
    fn outage_signal_part() {
        let found = verdict("signal", &keys("null", "null", TIMEOUT), "");
        check(&found, "ok", "signal.ok", None);
    }

    fn refused(issuer: &str, version: &str, day: &str) -> Verdict {
        let der = made(issuer, "somebody", "400101000000Z");
        let shakes = HOSTS.map(|host| tls_shown(host, "ssl_unknown_authority", &der)).join(",");
        let envelope =
            format!(r#""test_version":"{version}","measurement_start_time":"{day} 00:00:00","#);
        let keys = format!(
            r#""tls_handshakes":[{shakes}],"tcp_connect":[{}]"#,
            tcp("9.9.9.9", 443, "null")
        );
        verdict("signal", &keys, &envelope)
    }

    #[test]
    fn positive_signal_old_trust() {
        for (issuer, version, day) in [
            ("Signal Messenger, LLC", "0.2.0", "2022-02-01"),
            ("Other", "0.2.0", "2022-10-27"),
            ("Other", "0.2.3", "2024-01-01"),
        ] {
            let found = refused(issuer, version, day);
            check(&found, "insufficient", "signal.old_trust", None);
        }
    }

    #[test]
    fn negative_signal_old_trust() {
        for (version, day) in [("0.2.0", "2022-02-01"), ("0.2.5", "2025-01-01")] {
            assert_eq!(refused("Other", version, day).rule.id, "signal.backend");
        }
    }

    #[test]
    fn outage_signal_old_trust() {
        let envelope = r#""test_version":"0.2.0","measurement_start_time":"2022-10-27 00:00:00","#;
        let found = verdict("signal", &keys(TIMEOUT, "", ""), envelope);
        check(&found, "insufficient", "line.silent", None);
    }

    #[test]
    fn a_late_answer_counts_over_tls_alone() {
        let trip = http("https://chat.signal.org/", "null", 404);
        let keys = format!(r#""requests":[{trip}]"#);
        check(&verdict("signal", &keys, ""), "ok", "signal.ok", None);
    }
}
