//! Tunnels that either come up or do not: Tor itself (ts-016), Snowflake (ts-030), Psiphon (ts-015), OpenVPN (ts-040).
//!
//! Success proves that the tunnel works. One failure proves little: there is no control, and servers, credentials and
//! brokers fail too. So nothing here is called blocked.

use wirewitness_model::lenient::{Failure, Flag, List, Real, Text};
use wirewitness_model::ooni::TestKeys;
use wirewitness_model::outcome::Outcome;
use wirewitness_model::verdict::{Confidence, Evidence, Status, Verdict};

use super::evidence::capped;
use super::line::bare;
use super::step::{connects, short, trips};
use crate::judge::rule::Rule;

/// Judges vanilla Tor, or Tor over Snowflake, by the bootstrap that its log tells.
pub(super) fn tor(keys: &TestKeys<'_>) -> Verdict {
    let logs: List<Text<'_>> = keys.read("tor_logs");
    let last = logs.iter().rev().find_map(|line| Some((line, percent(line.as_str()?)?)));
    let protocol = match keys.read::<Text<'_>>("transport_name").or_empty() {
        "snowflake" => "tor over snowflake",
        _ => "tor",
    };
    let came_up = last.as_ref().map(|(_, percent)| *percent == 100);
    let mut run = Run::of(keys, protocol, came_up);
    if let Some((line, _)) = last {
        run.evidence.push(piece(
            "test_keys.tor_logs",
            run.came_up(),
            short(line.or_empty()).as_ref(),
        ));
    }
    run.judge()
}

/// The percentage in a line of Tor's log, `Bootstrapped 100% (done): Done`.
fn percent(line: &str) -> Option<u8> {
    line.split_once("Bootstrapped ")?.1.split_once('%')?.0.parse().ok()
}

/// Judges Psiphon, by the page that was fetched through it.
pub(super) fn psiphon(keys: &TestKeys<'_>) -> Verdict {
    let fetched =
        keys.requests.iter().find(|trip| trip.failure.is_none() && trip.response.code.0.is_some());
    let mut run = Run::of(keys, "psiphon", fetched.map(|_| true));
    run.evidence.extend(trips(keys, "test_keys").map(|step| step.evidence()));
    run.judge()
}

/// Judges OpenVPN, by its handshakes.
pub(super) fn openvpn(keys: &TestKeys<'_>) -> Verdict {
    let shakes: List<TestKeys<'_>> = keys.read("openvpn_handshake");
    let failures: Vec<Failure<'_>> = shakes.iter().map(|shake| shake.read("failure")).collect();
    let worked = (!failures.is_empty()).then(|| failures.iter().any(Failure::is_none));
    let mut run = Run::of(keys, "openvpn", worked);
    for (n, failure) in failures.iter().enumerate() {
        let seen = failure.as_str().unwrap_or("handshake completed");
        let at = format!("test_keys.openvpn_handshake[{n}]");
        run.evidence.push(piece(&at, failure.is_none(), short(seen).as_ref()));
    }
    run.evidence.extend(connects(keys, "test_keys").map(|step| step.evidence()));
    run.judge()
}

/// One attempt to bring a tunnel up.
struct Run {
    protocol: &'static str,
    /// What the observations say, where there are any.
    observed: Option<bool>,
    /// What the probe concluded.
    concluded: Option<bool>,
    evidence: Vec<Evidence>,
}

impl Run {
    fn of(keys: &TestKeys<'_>, protocol: &'static str, observed: Option<bool>) -> Self {
        let time: Real = keys.read("bootstrap_time");
        let failure: Failure<'_> = keys.read("failure");
        let took_time = time.0.is_some_and(|seconds| seconds > 0.0);
        let success: Flag = keys.read("success");
        let said = keys.has("failure") || keys.has("success");
        let concluded = said.then(|| success.0 != Some(false) && failure.is_none() && took_time);
        let seen = match (failure.as_str(), time.0) {
            (Some(failure), _) => format!("{protocol}: {}", short(failure)),
            (None, Some(seconds)) => format!("{protocol}: up after {seconds:.1} s"),
            (None, None) => format!("{protocol}: no bootstrap time"),
        };
        let evidence = concluded.map(|up| {
            piece(if up { "test_keys.bootstrap_time" } else { "test_keys.failure" }, up, &seen)
        });
        Self { protocol, observed, concluded, evidence: evidence.into_iter().collect() }
    }

    fn came_up(&self) -> bool {
        self.observed.or(self.concluded) == Some(true)
    }

    fn judge(self) -> Verdict {
        if self.observed.or(self.concluded).is_none() {
            return bare("attempt to bring the tunnel up");
        }
        let what = format!("{} is denied or its far end failed", self.protocol);
        let (rule, status, confidence) = match (self.came_up(), self.observed) {
            (true, Some(_)) => (&OK, Status::Ok, Confidence::High),
            (true, None) => (&OK, Status::Ok, Confidence::Medium),
            (false, _) => (&UNCLEAR, Status::Insufficient, Confidence::Low),
        };
        let up = self.came_up();
        let draft = rule.verdict(status, confidence).with(capped(self.evidence));
        if up { draft.done() } else { draft.cannot_tell(format!("whether {what}")).done() }
    }
}

fn piece(at: &str, worked: bool, seen: &str) -> Evidence {
    let outcome = if worked { Outcome::AppOk } else { Outcome::AppFailed };
    Evidence { at: at.to_owned(), outcome, seen: seen.to_owned(), expected: None }
}

/// The rules of this file.
pub(super) const RULES: [&Rule; 2] = [&OK, &UNCLEAR];

const OK: Rule = Rule {
    id: "tunnel.ok",
    version: 1,
    says: "The tunnel named in the evidence came up.",
    stands_on: "Tor's log to 100 %, a page fetched through Psiphon, a completed OpenVPN handshake; in files that lack \
                these, the probe's bootstrap time without a failure (medium confidence).",
    cannot_tell: &["a tunnel that is slowed or cut once it carries traffic"],
    false_positives: &[],
};

const UNCLEAR: Rule = Rule {
    id: "tunnel.unclear",
    version: 1,
    says: "The tunnel named in the evidence did not come up, with nothing to compare it with.",
    stands_on: "The failure of the only attempt.",
    cannot_tell: &["a block from a line, a far end or credentials that failed"],
    false_positives: &[],
};

#[cfg(test)]
mod tests {
    use super::super::testing::{check, http, tcp, verdict};

    const UP: [(&str, &str); 6] = [
        (
            "vanilla_tor",
            r#""success":true,"failure":null,"bootstrap_time":87.5,"tor_logs":["x Bootstrapped 5% (conn)","x Bootstrapped 100% (done): Done"]"#,
        ),
        ("torsf", r#""failure":null,"bootstrap_time":78.9"#),
        ("psiphon", r#""failure":null,"bootstrap_time":5.8"#),
        (
            "openvpn",
            r#""success":false,"openvpn_handshake":[{"failure":"generic_timeout_error"},{"failure":null}]"#,
        ),
        (
            "openvpn",
            r#""success":true,"failure":null,"bootstrap_time":1.5,"tcp_connect":{"ip":"9.9.9.9"}"#,
        ),
        ("openvpn", r#""success":true,"failure":null,"bootstrap_time":1.5"#),
    ];

    #[test]
    fn positive_tunnel_ok() {
        for (name, keys) in UP {
            check(&verdict(name, keys, ""), "ok", "tunnel.ok", None);
        }
        let fetched = http("https://www.google.com/humans.txt", "null", 200);
        let keys = format!(r#""requests":[{fetched}],"failure":null"#);
        check(&verdict("psiphon", &keys, ""), "ok", "tunnel.ok", None);
    }

    #[test]
    fn negative_tunnel_ok() {
        let stuck = r#""success":true,"failure":null,"bootstrap_time":9,"tor_logs":["Bootstrapped 14% (handshake)"]"#;
        check(&verdict("vanilla_tor", stuck, ""), "insufficient", "tunnel.unclear", None);
    }

    #[test]
    fn outage_tunnel_ok() {
        for name in ["vanilla_tor", "torsf", "psiphon", "openvpn"] {
            check(&verdict(name, "", ""), "insufficient", "record.bare", None);
        }
    }

    #[test]
    fn positive_tunnel_unclear() {
        let open = tcp("9.9.9.9", 1194, "null");
        let reset = format!(
            r#""openvpn_handshake":[{{"failure":"connection_reset"}}],"tcp_connect":[{open}]"#
        );
        let found = verdict("openvpn", &reset, "");
        check(&found, "insufficient", "tunnel.unclear", None);
        assert!(found.cannot_tell.iter().any(|text| text.contains("openvpn")));
    }

    #[test]
    fn negative_tunnel_unclear() {
        for (name, keys) in UP {
            assert_eq!(verdict(name, keys, "").rule.id, "tunnel.ok", "{name}");
        }
    }

    #[test]
    fn outage_tunnel_unclear() {
        let keys = r#""bootstrap_time":0,"failure":"generic_timeout_error","success":false"#;
        for name in ["vanilla_tor", "torsf", "psiphon", "openvpn"] {
            check(&verdict(name, keys, ""), "insufficient", "tunnel.unclear", None);
        }
    }
}
