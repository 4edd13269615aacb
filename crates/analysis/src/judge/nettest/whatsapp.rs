//! WhatsApp (ts-018): the chat endpoints `e1` to `e16`, the registration service and the web client.
//!
//! Early probes compared the addresses with a list of Facebook's networks. WhatsApp left that list several times, so
//! the addresses are not judged here beyond being public: reaching them is.

use wirewitness_model::ooni::{Measurement, TestKeys};
use wirewitness_model::verdict::Verdict;

use super::app::{App, AppRules, Operators};
use super::step::{Way, connects_to};
use crate::judge::rule::Rule;

/// Judges a WhatsApp measurement.
pub(super) fn judge<'m>(measurement: &Measurement<'_>, keys: &'m TestKeys<'m>) -> Verdict {
    let rules = AppRules { ok: &OK, endpoints: &ENDPOINTS, part: &PART };
    let main = (1..=16).map(|n| chat(keys, &format!("e{n}.whatsapp.net"))).collect();
    let side = SERVICES.map(|name| Way::to_host(keys, name, 443)).into();
    App { keys, rules, main, side, operators: Operators::Several }.judge(measurement)
}

/// A chat endpoint listens on two ports; either is enough.
fn chat<'m>(keys: &'m TestKeys<'m>, name: &str) -> Way<'m> {
    let mut way = Way::to_host(keys, name, 443);
    way.steps.extend(connects_to(keys, name, CHAT_PORT));
    way
}

const CHAT_PORT: i64 = 5222;
const SERVICES: [&str; 2] = ["v.whatsapp.net", "web.whatsapp.com"];

/// The rules of this file.
pub(super) const RULES: [&Rule; 3] = [&OK, &ENDPOINTS, &PART];

const OK: Rule = Rule {
    id: "whatsapp.ok",
    version: 1,
    says: "WhatsApp's chat endpoints can be reached from here.",
    stands_on: "A chat endpoint that accepts connections on port 443 or 5222.",
    cannot_tell: &["chats that are slowed, and calls: the test makes neither"],
    false_positives: &[],
};

const ENDPOINTS: Rule = Rule {
    id: "whatsapp.endpoints",
    version: 1,
    says: "Every chat endpoint of WhatsApp is denied while the line works.",
    stands_on: "Lookups of and connects to the chat endpoints, against the registration service, the web client and \
                the report opened before.",
    cannot_tell: &[
        "a filter of the network from one of the local network, or a list of names on the device",
    ],
    false_positives: &[
        "an outage of WhatsApp's chat endpoints everywhere at the time",
        "names of chat endpoints that WhatsApp has since retired",
    ],
};

const PART: Rule = Rule {
    id: "whatsapp.part",
    version: 1,
    says: "WhatsApp's registration service or web client is denied in a specific way while chats work.",
    stands_on: "A false answer for the name, a reset in the handshake or another's certificate.",
    cannot_tell: &["whether new users can register by other means"],
    false_positives: &["a security program on the device that puts its own certificate in"],
};

#[cfg(test)]
mod tests {
    use super::super::testing::{check, lookup, report, tcp, tls, verdict};
    use wirewitness_model::verdict::{Mechanism, Verdict};

    const TIMEOUT: &str = "\"generic_timeout_error\"";
    const RESET: &str = "\"connection_reset\"";

    /// Lookups of all chat endpoints and one connect to each; a handshake with the registration service.
    fn found(chat: &str, connect: &str, service: &str, envelope: &str) -> Verdict {
        let queries: Vec<String> =
            (1..=16).map(|n| lookup(&format!("e{n}.whatsapp.net"), chat)).collect();
        let connects = if chat.starts_with('"') { String::new() } else { tcp(chat, 5222, connect) };
        let keys = format!(
            r#""queries":[{}],"tcp_connect":[{connects}],"tls_handshakes":[{}]"#,
            queries.join(","),
            [tls("v.whatsapp.net", service), tls("web.whatsapp.com", "null")].join(","),
        );
        let keys = if service == TIMEOUT { keys.replace("null", TIMEOUT) } else { keys };
        verdict("whatsapp", &keys, envelope)
    }

    const ADDRESS: &str = "3.33.252.61";

    #[test]
    fn positive_whatsapp_ok() {
        check(&found(ADDRESS, "null", "null", ""), "ok", "whatsapp.ok", None);
    }

    #[test]
    fn negative_whatsapp_ok() {
        assert_ne!(found(ADDRESS, TIMEOUT, "null", "").rule.id, "whatsapp.ok");
    }

    #[test]
    fn outage_whatsapp_ok() {
        check(&found(ADDRESS, TIMEOUT, TIMEOUT, report()), "insufficient", "line.silent", None);
    }

    #[test]
    fn positive_whatsapp_endpoints() {
        let app = Some(Mechanism::AppBlocked);
        check(&found(ADDRESS, TIMEOUT, "null", ""), "blocked", "whatsapp.endpoints", app);
        let nowhere = "\"dns_nxdomain_error\"";
        check(&found(nowhere, "", "null", ""), "blocked", "whatsapp.endpoints", app);
        let dns = found("10.10.34.35", TIMEOUT, TIMEOUT, report());
        check(&dns, "blocked", "whatsapp.endpoints", app);
        assert_eq!(dns.also, [Mechanism::DnsInjectionBogon]);
    }

    #[test]
    fn negative_whatsapp_endpoints() {
        check(&found(ADDRESS, "null", "null", ""), "ok", "whatsapp.ok", None);
    }

    #[test]
    fn outage_whatsapp_endpoints() {
        for chat in [ADDRESS, TIMEOUT, "\"dns_servfail_error\""] {
            check(&found(chat, TIMEOUT, TIMEOUT, report()), "insufficient", "line.silent", None);
        }
        check(&found("10.10.34.35", TIMEOUT, TIMEOUT, ""), "insufficient", "line.silent", None);
    }

    #[test]
    fn positive_whatsapp_part() {
        let found = found(ADDRESS, "null", RESET, "");
        check(&found, "blocked", "whatsapp.part", Some(Mechanism::TlsResetSni));
    }

    #[test]
    fn negative_whatsapp_part() {
        check(&found(ADDRESS, "null", "null", ""), "ok", "whatsapp.ok", None);
    }

    #[test]
    fn outage_whatsapp_part() {
        let found = found(ADDRESS, "null", "\"eof_error\"", "");
        check(&found, "ok", "whatsapp.ok", None);
        assert!(found.cannot_tell.iter().any(|text| text.contains("v.whatsapp.net")));
    }
}
