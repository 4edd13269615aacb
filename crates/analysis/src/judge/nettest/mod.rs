//! Rules for OONI's tests other than web connectivity.
//!
//! Each test has a file with its rules and a `judge` function. A test that has none is `unsupported`: never a guess.
//! Verdicts stand on the steps that the probe took and not on what it concluded. In reading order:
//!
//! - [`step`], `line`: the steps on the way to a host, and whether the line works.
//! - [`app`]: how an application is judged from them; [`telegram`], [`whatsapp`], [`signal`], [`facebook`]; `elsewhere`: what a
//!   test helper saw of it. `described`: applications that anybody describes, and each function of every one.
//! - [`tor`]; [`tunnel`] for what either comes up or does not; [`riseupvpn`], [`meek`].
//! - [`request_line`], [`header_field`]: what an echo says of the path.
//! - [`dnscheck`], [`stun`], [`ech`]: encrypted DNS, STUN, Encrypted Client Hello.
//! - [`dns_consistency`], [`http_requests`], [`browser_web`]: tests no longer made.

mod app;
mod browser_web;
mod described;
mod dns_consistency;
mod dnscheck;
mod ech;
mod elsewhere;
mod evidence;
mod facebook;
mod header_field;
mod http_requests;
mod line;
mod meek;
mod request_line;
mod riseupvpn;
mod signal;
mod step;
mod stun;
mod telegram;
#[cfg(test)]
mod testing;
mod tor;
mod tunnel;
mod whatsapp;

use wirewitness_model::ooni::{Measurement, TestKeys};
use wirewitness_model::verdict::{Confidence, Status, Verdict};

use super::Context;
use super::rule::Rule;

/// Judges a measurement of a test other than web connectivity.
pub(super) fn judge<'m>(
    measurement: &'m Measurement<'_>,
    keys: &'m TestKeys<'m>,
    context: &Context<'_>,
) -> Verdict {
    match measurement.test_name.or_empty() {
        "telegram" => telegram::judge(measurement, keys),
        "whatsapp" => whatsapp::judge(measurement, keys),
        "signal" => signal::judge(measurement, keys),
        "facebook_messenger" => facebook::judge(measurement, keys),
        "app_reachability" => described::judge(measurement, keys),
        "tor" => tor::judge(keys),
        "vanilla_tor" | "torsf" => tunnel::tor(keys),
        "psiphon" => tunnel::psiphon(keys),
        "openvpn" => tunnel::openvpn(keys),
        "riseupvpn" => riseupvpn::judge(measurement, keys),
        "meek_fronted_requests_test" => meek::judge(keys),
        "http_invalid_request_line" => request_line::judge(keys),
        "http_header_field_manipulation" => header_field::judge(keys),
        "dnscheck" => dnscheck::judge(measurement, keys),
        "stunreachability" | "stun_reachability" => stun::judge(keys),
        "echcheck" => ech::judge(keys),
        "dns_consistency" => dns_consistency::judge(keys, context),
        "http_requests" => http_requests::judge(keys),
        "browser_web" => browser_web::judge(keys),
        other => unsupported(other),
    }
}

pub(super) use described::functions;

/// Every rule of this floor.
pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    [&UNSUPPORTED]
        .into_iter()
        .chain(line::RULES)
        .chain(elsewhere::RULES)
        .chain(described::RULES)
        .chain(telegram::RULES)
        .chain(whatsapp::RULES)
        .chain(signal::RULES)
        .chain(facebook::RULES)
        .chain(tor::RULES)
        .chain(tunnel::RULES)
        .chain(riseupvpn::RULES)
        .chain(meek::RULES)
        .chain(request_line::RULES)
        .chain(header_field::RULES)
        .chain(dnscheck::RULES)
        .chain(stun::RULES)
        .chain(ech::RULES)
        .chain(dns_consistency::RULES)
        .chain(http_requests::RULES)
        .chain(browser_web::RULES)
}

const UNSUPPORTED: Rule = Rule {
    id: "unsupported",
    version: 1,
    says: "No rule exists for this test, so nothing is said of it.",
    stands_on: "The name of the test.",
    cannot_tell: &["blocked from working: nothing in the file was looked at"],
    false_positives: &[],
};

fn unsupported(test_name: &str) -> Verdict {
    let reason = match test_name {
        "" => "anything about a record without a test name".to_owned(),
        "ndt" | "dash" => format!(
            "whether {test_name}'s server is blocked: it measures the speed to a server chosen for the occasion, and a \
             failure has nothing to compare it with"
        ),
        other => format!("anything about {}: no rule reads it", step::short(other)),
    };
    UNSUPPORTED.verdict(Status::Insufficient, Confidence::Low).cannot_tell(reason).done()
}

#[cfg(test)]
mod tests {
    use super::testing::{check, verdict};

    #[test]
    fn positive_unsupported() {
        for name in ["ndt", "dash", "a_test_of_tomorrow", ""] {
            let found = verdict(name, r#""failure":null"#, "");
            check(&found, "insufficient", "unsupported", None);
            assert_eq!(found.cannot_tell.len(), 2);
        }
    }

    #[test]
    fn negative_unsupported() {
        assert_ne!(verdict("telegram", "", "").rule.id, "unsupported");
    }

    #[test]
    fn outage_unsupported() {
        let found = verdict("ndt", r#""failure":"generic_timeout_error""#, "");
        check(&found, "insufficient", "unsupported", None);
    }

    #[test]
    fn rule_ids_are_unique_and_every_rule_is_documented() {
        let mut ids = std::collections::BTreeSet::new();
        for rule in super::rules() {
            assert!(ids.insert(rule.id), "{} twice", rule.id);
            assert!(!rule.says.is_empty() && !rule.stands_on.is_empty(), "{}", rule.id);
            assert!(!rule.cannot_tell.is_empty(), "{}", rule.id);
        }
    }
}
