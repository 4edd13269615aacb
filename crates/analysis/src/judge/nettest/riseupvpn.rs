//! RiseupVPN (ts-026): the provider's API over HTTPS, then connects to its gateways.

use wirewitness_model::ooni::failure::What;
use wirewitness_model::ooni::{Measurement, TestKeys};
use wirewitness_model::outcome::{Layer, Outcome};
use wirewitness_model::verdict::{Confidence, Locus, Mechanism, Status, Verdict};

use super::super::certificate::Signer;
use super::evidence::capped;
use super::line::{Line, SILENT, UNCLEAR, bare, digits};
use super::step::{Step, connects, handshakes, trips};
use crate::judge::rule::Rule;

/// Judges a RiseupVPN measurement.
pub(super) fn judge(measurement: &Measurement<'_>, keys: &TestKeys<'_>) -> Verdict {
    let steps = steps(keys);
    if steps.is_empty() {
        return bare("step towards the provider");
    }
    let start = digits(measurement.measurement_start_time.or_empty());
    let evidence = capped(steps.iter().map(Step::evidence));
    let answered = steps.iter().any(|step| step.layer == Layer::Http && step.works());
    let rule = if answered {
        return OK.verdict(Status::Ok, Confidence::Medium).with(evidence).done();
    } else if steps.iter().any(|step| is_expired(step, &start)) {
        return CERTIFICATE
            .verdict(Status::Down, Confidence::Medium)
            .by(Mechanism::ServerBadCertificate, Locus::Endpoint)
            .with(evidence)
            .done();
    } else if matches!(Line::of(measurement, keys), Line::Works(_)) {
        &UNCLEAR
    } else {
        &SILENT
    };
    rule.verdict(Status::Insufficient, Confidence::Low).with(evidence).done()
}

fn steps<'m>(keys: &'m TestKeys<'_>) -> Vec<Step<'m>> {
    let at = "test_keys";
    handshakes(keys, at).chain(trips(keys, at)).chain(connects(keys, at)).collect()
}

/// True for a certificate of an authority's making whose time was over when it was shown.
fn is_expired(step: &Step<'_>, start: &str) -> bool {
    let invalid = step.failure.map(What::of) == Some(What::CertificateInvalid);
    step.outcome() == Outcome::TlsBadCertificate
        && invalid
        && step.certificate.as_ref().is_some_and(|certificate| {
            certificate.signer == Signer::Another && certificate.not_after.as_str() < start
        })
}

/// The rules of this file.
pub(super) const RULES: [&Rule; 2] = [&OK, &CERTIFICATE];

const OK: Rule = Rule {
    id: "riseupvpn.ok",
    version: 1,
    says: "RiseupVPN's API can be used from here.",
    stands_on: "An HTTPS answer of the API; the connects to gateways stand beside it.",
    cannot_tell: &[
        "the tunnel itself, which this test does not bring up",
        "gateways that are full or gone",
    ],
    false_positives: &[],
};

const CERTIFICATE: Rule = Rule {
    id: "riseupvpn.certificate",
    version: 1,
    says: "The provider showed a certificate that had expired, so the test could not begin.",
    stands_on: "A handshake that failed on an invalid certificate, not signed by itself, that ended before the start.",
    cannot_tell: &["an interceptor who replays an old certificate of the provider"],
    false_positives: &["a device whose clock is ahead"],
};

#[cfg(test)]
mod tests {
    use super::super::super::certificate::made;
    use super::super::testing::{check, http, report, tcp, tls_shown, verdict};
    use super::*;

    const NAME: &str = "black.riseup.net";

    fn shown(failure: &str, not_after: &str, issuer: &str) -> Verdict {
        let shake = tls_shown(NAME, failure, &made(issuer, NAME, not_after));
        let open = tcp("198.252.153.107", 443, "null");
        let keys = format!(r#""tls_handshakes":[{shake}],"tcp_connect":[{open}]"#);
        verdict("riseupvpn", &keys, report())
    }

    #[test]
    fn positive_riseupvpn_ok() {
        let keys =
            format!(r#""requests":[{}]"#, http("https://black.riseup.net/ca.crt", "null", 200));
        check(&verdict("riseupvpn", &keys, ""), "ok", "riseupvpn.ok", None);
    }

    #[test]
    fn negative_riseupvpn_ok() {
        let found = shown("ssl_unknown_authority", "400101000000Z", "Filter");
        check(&found, "insufficient", "line.unclear", None);
    }

    #[test]
    fn outage_riseupvpn_ok() {
        let keys = format!(
            r#""tcp_connect":[{}]"#,
            tcp("198.252.153.107", 443, "\"generic_timeout_error\"")
        );
        check(&verdict("riseupvpn", &keys, report()), "insufficient", "line.silent", None);
    }

    #[test]
    fn positive_riseupvpn_certificate() {
        let found = shown("ssl_invalid_certificate", "220109154632Z", "R3");
        let mechanism = Some(Mechanism::ServerBadCertificate);
        check(&found, "down", "riseupvpn.certificate", mechanism);
    }

    #[test]
    fn negative_riseupvpn_certificate() {
        for (end, issuer) in [("400101000000Z", "R3"), ("220109154632Z", NAME)] {
            let found = shown("ssl_invalid_certificate", end, issuer);
            check(&found, "insufficient", "line.unclear", None);
        }
    }

    #[test]
    fn outage_riseupvpn_certificate() {
        let found = shown("generic_timeout_error", "220109154632Z", "R3");
        check(&found, "insufficient", "line.unclear", None);
    }
}
