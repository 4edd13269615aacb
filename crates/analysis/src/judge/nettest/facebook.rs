//! Facebook Messenger (ts-019): seven names of the service, looked up and connected to.
//!
//! The probe calls an answer false when its address is outside AS32934. Facebook keeps caches inside other networks,
//! and old probes had no table of networks, so here an address is judged by what it does: private, or reachable.

use wirewitness_model::ooni::{Measurement, TestKeys};
use wirewitness_model::verdict::Verdict;

use super::app::{App, AppRules, Operators};
use super::step::Way;
use crate::judge::rule::Rule;

/// Judges a Facebook Messenger measurement.
pub(super) fn judge<'m>(measurement: &Measurement<'_>, keys: &'m TestKeys<'m>) -> Verdict {
    let rules = AppRules { ok: &OK, endpoints: &ENDPOINTS, part: &PART };
    let main = MESSAGING.map(|name| Way::to_host(keys, name, 443)).into();
    let side = CONTENT.map(|name| Way::to_host(keys, name, 443)).into();
    App { keys, rules, main, side, operators: Operators::One }.judge(measurement)
}

const MESSAGING: [&str; 4] = [
    "b-api.facebook.com",
    "b-graph.facebook.com",
    "edge-mqtt.facebook.com",
    "star.c10r.facebook.com",
];
/// `stun.fbsbx.com` is looked up and never connected to.
const CONTENT: [&str; 3] = ["external.xx.fbcdn.net", "scontent.xx.fbcdn.net", "stun.fbsbx.com"];

/// The rules of this file.
pub(super) const RULES: [&Rule; 3] = [&OK, &ENDPOINTS, &PART];

const OK: Rule = Rule {
    id: "facebook_messenger.ok",
    version: 1,
    says: "Facebook Messenger's endpoints can be reached from here.",
    stands_on: "A messaging endpoint that accepts connections on port 443.",
    cannot_tell: &["a handshake or messages that are denied: the test stops at the connect"],
    false_positives: &["a middlebox that accepts every connection"],
};

const ENDPOINTS: Rule = Rule {
    id: "facebook_messenger.endpoints",
    version: 1,
    says: "Every messaging endpoint of Facebook is denied while the line works.",
    stands_on: "Lookups of and connects to the messaging endpoints, against the content servers and the report \
                opened before.",
    cannot_tell: &["a filter of the network from one of the local network"],
    false_positives: &[
        "an outage of Facebook everywhere at the time, as on 4 October 2021",
        "a line that breaks after the report was opened",
    ],
};

const PART: Rule = Rule {
    id: "facebook_messenger.part",
    version: 1,
    says: "Names of Facebook's content servers get false answers while messaging works.",
    stands_on: "An answer with a private address, or that there is no such name.",
    cannot_tell: &["whether pictures and calls fail over to other names"],
    false_positives: &[
        "a filter of advertisements in the resolver",
        "names that Facebook has since retired",
    ],
};

#[cfg(test)]
mod tests {
    use super::super::testing::{check, lookup, report, tcp, verdict};
    use super::*;
    use wirewitness_model::verdict::Mechanism;

    const TIMEOUT: &str = "\"generic_timeout_error\"";

    fn found(name: &str, messaging: &str, content: &str, envelope: &str) -> Verdict {
        let queries = MESSAGING.map(|host| lookup(host, name)).join(",");
        let connect =
            if name.starts_with('"') { String::new() } else { tcp(name, 443, messaging) + "," };
        let keys = format!(
            r#""queries":[{queries},{}],"tcp_connect":[{connect}{}]"#,
            lookup(CONTENT[0], content),
            tcp(
                if messaging == TIMEOUT || content == TIMEOUT { "10.0.0.1" } else { content },
                443,
                "null"
            ),
        );
        verdict("facebook_messenger", &keys, envelope)
    }

    #[test]
    fn positive_facebook_messenger_ok() {
        check(&found("31.13.86.2", "null", "31.13.86.4", ""), "ok", "facebook_messenger.ok", None);
    }

    #[test]
    fn negative_facebook_messenger_ok() {
        let refused = found("31.13.86.2", "\"connection_refused\"", "31.13.86.4", "");
        assert_ne!(refused.rule.id, "facebook_messenger.ok");
    }

    #[test]
    fn outage_facebook_messenger_ok() {
        let silent = found("31.13.86.2", TIMEOUT, TIMEOUT, "");
        check(&silent, "insufficient", "line.silent", None);
    }

    #[test]
    fn positive_facebook_messenger_endpoints() {
        let app = Some(Mechanism::AppBlocked);
        let rule = "facebook_messenger.endpoints";
        let refused = found("31.13.86.2", "\"connection_refused\"", "31.13.86.4", "");
        check(&refused, "blocked", rule, app);
        check(&found("31.13.86.2", TIMEOUT, "31.13.86.4", report()), "blocked", rule, app);
        check(&found("10.10.34.35", "null", "31.13.86.4", ""), "blocked", rule, app);
        check(&found("\"dns_nxdomain_error\"", "", "31.13.86.4", ""), "blocked", rule, app);
    }

    #[test]
    fn negative_facebook_messenger_endpoints() {
        check(&found("31.13.86.2", "null", TIMEOUT, ""), "ok", "facebook_messenger.ok", None);
    }

    #[test]
    fn outage_facebook_messenger_endpoints() {
        for name in ["31.13.86.2", TIMEOUT, "\"dns_servfail_error\""] {
            let found = found(name, TIMEOUT, TIMEOUT, "");
            check(&found, "insufficient", "line.silent", None);
        }
    }

    #[test]
    fn positive_facebook_messenger_part() {
        let found = found("31.13.86.2", "null", "10.10.34.35", "");
        check(&found, "blocked", "facebook_messenger.part", Some(Mechanism::DnsInjectionBogon));
    }

    #[test]
    fn negative_facebook_messenger_part() {
        check(&found("31.13.86.2", "null", "31.13.86.4", ""), "ok", "facebook_messenger.ok", None);
    }

    #[test]
    fn outage_facebook_messenger_part() {
        let found = found("31.13.86.2", "null", TIMEOUT, "");
        check(&found, "ok", "facebook_messenger.ok", None);
    }

    #[test]
    fn names_that_were_only_looked_up_reach_nothing() {
        let queries = MESSAGING.map(|host| lookup(host, "157.240.194.35")).join(",");
        let found = verdict("facebook_messenger", &format!(r#""queries":[{queries}]"#), report());
        check(&found, "insufficient", "line.unclear", None);
    }
}
