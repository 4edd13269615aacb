//! A private or reserved address for a public name.

use std::collections::BTreeSet;

use wirewitness_model::outcome::Outcome;
use wirewitness_model::verdict::{Confidence, Mechanism, Status, Verdict};

use super::{Witnesses, rest_without_control, system_saw};
use crate::judge::address::is_bogon;
use crate::judge::rule::Rule;
use crate::judge::web::facts::Facts;

pub(in crate::judge::web) const BOGON: Rule = Rule {
    id: "web.dns.bogon",
    version: 1,
    says: "The system resolver gave an address of a private or reserved range for a public name.",
    stands_on: "A bogon among the system resolver's answers that the control did not get; and either a public address \
                from the control, or one from another resolver on the same line.",
    cannot_tell: &["a filter that the person or their employer set up on this network"],
    false_positives: &[
        "split-horizon DNS: inside the organisation that owns the name, a private address is the right one",
        "a resolver that maps IPv4 into IPv6 (DNS64) with a reserved prefix",
    ],
};

/// A private address for a public name.
pub(in crate::judge::web) fn bogon(facts: &Facts<'_>) -> Option<Verdict> {
    let system = &facts.names.system;
    let bogons: BTreeSet<&str> = facts.bogons(&system.addresses).into_iter().collect();
    if bogons.is_empty() || bogons.len() != system.addresses.len() {
        return None;
    }
    let witnesses = Witnesses::of(facts, &bogons);
    let control_is_real = facts.names.control_addresses.iter().any(|address| !is_bogon(address));
    if !control_is_real && witnesses.against.is_empty() {
        return None;
    }
    let is_double = control_is_real && !witnesses.against.is_empty();
    let confidence = if is_double { Confidence::High } else { Confidence::Medium };
    let draft = BOGON
        .verdict(Status::Blocked, confidence)
        .by(Mechanism::DnsInjectionBogon, witnesses.locus());
    Some(
        rest_without_control(facts, system_saw(facts, draft, Outcome::DnsBogon))
            .with(witnesses.evidence(facts))
            .done(),
    )
}
