//! False answers that lead nowhere.

use std::collections::BTreeSet;

use wirewitness_model::ooni::failure::What;
use wirewitness_model::outcome::{Layer, Outcome};
use wirewitness_model::verdict::{Confidence, Evidence, Mechanism, Status, Verdict};

use super::{Witnesses, is_genuine, system_saw};
use crate::judge::rule::Rule;
use crate::judge::web::facts::Facts;
use crate::judge::web::names::Agreement;
use crate::judge::web::page::Look;

pub(in crate::judge::web) const FORGED: Rule = Rule {
    id: "web.dns.forged",
    version: 2,
    says: "The system resolver gave a false answer: the addresses are not the site's, and the page cannot be had there.",
    stands_on: "Answers with no network in common with the control's, that no encrypted resolver on the same line gives \
                and at which the control did not see the name proven; no page from them; and a second witness: another \
                resolver on the same line, a certificate that does not fit the name, or a control that cannot connect \
                to these addresses either. Where nobody knows the addresses' networks: a certificate at them that \
                does not fit the name, an encrypted resolver that gives others, and a certificate elsewhere that does.",
    cannot_tell: &["an outdated or broken answer of the resolver from an intended one"],
    false_positives: &[
        "geo-DNS that leads this network to servers which are themselves down or unreachable from here",
        "caches of a CDN in the operator's network, known to this line's resolvers and not to the encrypted one, where \
         something else denies the connection",
    ],
};

/// A false answer that leads nowhere.
pub(in crate::judge::web) fn forged(facts: &Facts<'_>) -> Option<Verdict> {
    let names = &facts.names;
    let system = &names.system.addresses;
    let has_page = facts.look().is_some_and(|look| system_served(facts, look));
    if has_page || is_genuine(facts, system) {
        return None;
    }
    let witnesses = Witnesses::of(facts, system);
    let bad_certificate = bad_certificate(facts, system);
    let is_false = match names.agreement(&names.system, facts.asns) {
        Agreement::Differ => true,
        Agreement::Match => false,
        // Nobody knows whose networks these are; but one address cannot prove the name, and another's has.
        Agreement::Unknown => {
            bad_certificate.is_some()
                && !witnesses.against.is_empty()
                && !names.control_addresses.is_empty()
                && !facts.proven().is_empty()
        }
    };
    if !is_false {
        return None;
    }
    let dead_for_all = dead_for_control(facts, system);
    if witnesses.against.is_empty() && bad_certificate.is_none() && dead_for_all.is_none() {
        return None;
    }
    let lines = usize::from(!witnesses.against.is_empty())
        + usize::from(bad_certificate.is_some())
        + usize::from(dead_for_all.is_some());
    let confidence =
        if lines > 1 || witnesses.public_agrees { Confidence::High } else { Confidence::Medium };
    let mut draft = FORGED
        .verdict(Status::Blocked, confidence)
        .by(Mechanism::DnsInjectionOther, witnesses.locus());
    draft = system_saw(facts, draft, Outcome::DnsDiffer).with(witnesses.evidence(facts));
    draft = draft.with(bad_certificate).with(dead_for_all);
    for mechanism in crate::judge::web::connect::seen_elsewhere(facts) {
        draft = draft.also(mechanism);
    }
    Some(draft.done())
}

/// True where the final page came from an address that the system resolver gave, or it cannot be known from which.
fn system_served(facts: &Facts<'_>, look: &Look<'_>) -> bool {
    facts.carrier(&look.exchange).is_none_or(|connection| {
        connection.depth > 0 || facts.names.system.addresses.contains(connection.ip)
    })
}

fn bad_certificate(facts: &Facts<'_>, addresses: &BTreeSet<&str>) -> Option<Evidence> {
    facts.connections.iter().filter(|c| c.depth == 0 && addresses.contains(c.ip)).find_map(
        |connection| {
            let (step, name) = connection.tls.as_ref()?;
            let failure = step.failure.filter(|failure| What::of(failure).is_certificate())?;
            Some(Evidence {
                at: format!("test_keys.tls_handshakes[{}]", step.at),
                outcome: Outcome::TlsBadCertificate,
                seen: format!("{} cannot prove to be {name}: {failure}", connection.endpoint()),
                expected: None,
            })
        },
    )
}

fn dead_for_control(facts: &Facts<'_>, addresses: &BTreeSet<&str>) -> Option<Evidence> {
    facts.connections.iter().filter(|c| c.depth == 0 && addresses.contains(c.ip)).find_map(
        |connection| {
            let ours = connection.tcp.failure?;
            let theirs = facts.control_tcp(connection)??;
            Some(Evidence {
                at: format!("test_keys.tcp_connect[{}]", connection.tcp.at),
                outcome: Outcome::of(Layer::Tcp, Some(ours)),
                seen: format!("{}: {ours}; the control: {theirs}", connection.endpoint()),
                expected: Some("an address of the site would answer the control".to_owned()),
            })
        },
    )
}
