//! Encrypted Client Hello (ts-039): handshakes with the extension, real or GREASE, against one without.

use wirewitness_model::ooni::TestKeys;
use wirewitness_model::ooni::tls::Handshake;
use wirewitness_model::outcome::Outcome;
use wirewitness_model::verdict::{Confidence, Locus, Mechanism, Status, Verdict};

use super::evidence::capped;
use super::line::bare;
use super::step::Step;
use crate::judge::rule::Rule;

/// Judges an `echcheck` measurement.
pub(super) fn judge(keys: &TestKeys<'_>) -> Verdict {
    let mut with = Vec::new();
    let mut without = Vec::new();
    for (n, shake) in keys.tls_handshakes.iter().enumerate() {
        let list = if shake.echconfig.or_empty().is_empty() { &mut without } else { &mut with };
        list.push(Step::handshake(format!("test_keys.tls_handshakes[{n}]"), shake));
    }
    // The first probes wrote the handshake with the extension alone under this key. The one without stood under
    // `control`, which is the test helper's key and is read as such, so nothing is compared with.
    let target: Handshake<'_> = keys.read("target");
    if keys.tls_handshakes.is_empty() && target != Handshake::default() {
        with.push(Step::handshake("test_keys.target".to_owned(), &target));
    }
    if with.is_empty() {
        return bare("handshake with the extension");
    }
    compare(&with, &without)
}

fn compare(with: &[Step<'_>], without: &[Step<'_>]) -> Verdict {
    let evidence = capped(with.iter().chain(without).map(Step::evidence));
    let control_works = without.iter().any(Step::works);
    if with.iter().any(Step::works) {
        let confidence = if control_works { Confidence::High } else { Confidence::Medium };
        return OK.verdict(Status::Ok, confidence).with(evidence).done();
    }
    let cut = |step: &Step<'_>| {
        matches!(step.outcome(), Outcome::TlsReset | Outcome::TlsTimeout | Outcome::TlsClose)
    };
    let mechanism = with.iter().find_map(Step::mechanism);
    match mechanism
        .filter(|_| with.iter().all(cut) && without.iter().all(Step::works) && control_works)
    {
        Some(mechanism) => blocked(mechanism, with).with(evidence).done(),
        None => UNCLEAR.verdict(Status::Insufficient, Confidence::Low).with(evidence).done(),
    }
}

fn blocked(first: Mechanism, with: &[Step<'_>]) -> crate::judge::rule::Draft {
    let draft = BLOCKED.verdict(Status::Blocked, Confidence::Medium).by(first, Locus::Path);
    with.iter().filter_map(Step::mechanism).fold(draft, crate::judge::rule::Draft::also)
}

/// The rules of this file.
pub(super) const RULES: [&Rule; 3] = [&OK, &BLOCKED, &UNCLEAR];

const OK: Rule = Rule {
    id: "ech.ok",
    version: 1,
    says: "Handshakes with Encrypted Client Hello pass.",
    stands_on: "A handshake with the extension that ended well.",
    cannot_tell: &["a filter of the extension under other outer names"],
    false_positives: &[],
};

const BLOCKED: Rule = Rule {
    id: "ech.blocked",
    version: 1,
    says: "Handshakes with Encrypted Client Hello are cut where the same handshake without it passes.",
    stands_on: "Every handshake with the extension was reset, closed or met silence, and every one without ended well.",
    cannot_tell: &["a filter of the extension from one of the outer name that comes with it"],
    false_positives: &[
        "a server that drops unknown extensions",
        "a line that failed for these handshakes alone",
    ],
};

const UNCLEAR: Rule = Rule {
    id: "ech.unclear",
    version: 1,
    says: "Handshakes with Encrypted Client Hello failed, and those without do not say why.",
    stands_on: "The handshakes without the extension failed too, or are missing; or a server said no.",
    cannot_tell: &["a filter from a server or a line that is down"],
    false_positives: &[],
};

#[cfg(test)]
mod tests {
    use super::super::testing::{check, tls, verdict};
    use super::*;

    fn found(with: &[&str], without: &[&str]) -> Verdict {
        let ech = |failure: &&str| {
            tls("a.example", failure).replacen('{', r#"{"echconfig":"GREASE","#, 1)
        };
        let plain = |failure: &&str| tls("a.example", failure);
        let all: Vec<String> = with.iter().map(ech).chain(without.iter().map(plain)).collect();
        verdict("echcheck", &format!(r#""tls_handshakes":[{}]"#, all.join(",")), "")
    }

    const RESET: &str = "\"connection_reset\"";
    const TIMEOUT: &str = "\"generic_timeout_error\"";

    #[test]
    fn positive_ech_ok() {
        check(&found(&["null", RESET], &["null"]), "ok", "ech.ok", None);
        let old = format!(r#""control":{},"target":{}"#, tls("a", "null"), tls("a", "null"));
        check(&verdict("echcheck", &old, ""), "ok", "ech.ok", None);
    }

    #[test]
    fn negative_ech_ok() {
        assert_ne!(found(&[RESET], &["null"]).rule.id, "ech.ok");
    }

    #[test]
    fn outage_ech_ok() {
        check(&found(&[TIMEOUT], &[TIMEOUT]), "insufficient", "ech.unclear", None);
    }

    #[test]
    fn positive_ech_blocked() {
        for (failure, mechanism) in [
            (RESET, Mechanism::TlsResetOther),
            (TIMEOUT, Mechanism::TlsTimeout),
            ("\"eof_error\"", Mechanism::TlsClose),
        ] {
            let found = found(&[failure, failure], &["null"]);
            check(&found, "blocked", "ech.blocked", Some(mechanism));
        }
        let old = format!(r#""control":{},"target":{}"#, tls("a", "null"), tls("a", RESET));
        let found = verdict("echcheck", &old, "");
        check(&found, "insufficient", "ech.unclear", None);
    }

    #[test]
    fn negative_ech_blocked() {
        let refused = found(&["\"ssl_failed_handshake\""], &["null"]);
        check(&refused, "insufficient", "ech.unclear", None);
    }

    #[test]
    fn outage_ech_blocked() {
        for failure in [RESET, TIMEOUT] {
            check(&found(&[failure], &[failure]), "insufficient", "ech.unclear", None);
            check(&found(&[failure], &[]), "insufficient", "ech.unclear", None);
        }
    }

    #[test]
    fn positive_ech_unclear() {
        check(&found(&[RESET], &["null", RESET]), "insufficient", "ech.unclear", None);
    }

    #[test]
    fn negative_ech_unclear() {
        check(&found(&[], &["null"]), "insufficient", "record.bare", None);
    }

    #[test]
    fn outage_ech_unclear() {
        check(&found(&[TIMEOUT, TIMEOUT], &[TIMEOUT]), "insufficient", "ech.unclear", None);
    }
}
