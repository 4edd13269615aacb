//! False answers through which the page can be had all the same.

use std::collections::BTreeSet;

use wirewitness_model::ooni::failure::What;
use wirewitness_model::outcome::Outcome;
use wirewitness_model::verdict::{Confidence, Locus, Mechanism, Status, Verdict};

use super::{Witnesses, answered, control_words, system_saw};
use crate::judge::address::is_bogon;
use crate::judge::rule::Rule;
use crate::judge::web::facts::Facts;
use crate::judge::web::names::{Agreement, Answers, Resolver, list};

pub(in crate::judge::web) const OWN_NETWORK: Rule = Rule {
    id: "web.dns.own_network",
    version: 1,
    says: "The answer leads into the probe's own network instead of the site's, and the page loads through it: a \
           transparent proxy sees, or can see, this traffic.",
    stands_on: "System answers in the network of the probe, none in common with the control, and the page came; no encrypted \
                resolver on the same line gives the same address.",
    cannot_tell: &[
        "a cache of the site's CDN inside the operator's network, which is there by agreement",
    ],
    false_positives: &[
        "caches of large CDNs in the operator's network, where the system resolver alone is told of them",
        "a probe that runs in the network that also hosts the site",
    ],
};

/// A detour through the operator that still delivers.
pub(in crate::judge::web) fn own_network(facts: &Facts<'_>) -> Option<Verdict> {
    let names = &facts.names;
    let own = facts.probe_asn?;
    let inside: BTreeSet<&str> =
        names.system.addresses.iter().copied().filter(|a| facts.is_in_own_network(a)).collect();
    let look = facts.look()?;
    let is_delivered = look.is_proven || look.matches();
    if inside.is_empty()
        || !is_delivered
        || names.agreement(&names.system, facts.asns) == Agreement::Match
        || names.control_addresses.is_empty()
        || !names.encrypted.addresses.is_disjoint(&inside)
    {
        return None;
    }
    let witnesses = Witnesses::of(facts, &inside);
    let confidence = match (witnesses.public_agrees, witnesses.against.is_empty()) {
        (true, false) => Confidence::High,
        (false, false) => Confidence::Medium,
        (_, true) => Confidence::Low,
    };
    let draft = OWN_NETWORK
        .verdict(Status::Ok, confidence)
        .by(Mechanism::DnsInjectionOther, witnesses.locus());
    let draft = system_saw(facts, draft, Outcome::DnsDiffer)
        .saw(
            names.system.place(),
            Outcome::DnsDiffer,
            format!("{} belongs to AS{own}, the probe's own network", list(&inside)),
        )
        .with(witnesses.evidence(facts))
        .saw(look.exchange.place(), Outcome::HttpMatch, "the page came all the same");
    Some(draft.done())
}

pub(in crate::judge::web) const PATH_ONLY: Rule = Rule {
    id: "web.dns.path_only",
    version: 1,
    says: "Queries to a public resolver are answered falsely on the way; the system resolver tells the truth and the page \
           loads.",
    stands_on: "The system resolver's answers fit the control, the page came, and unencrypted answers of a public resolver are \
                bogons, are in the probe's own network, or deny the name.",
    cannot_tell: &["an operator that redirects all DNS to its own resolver for other reasons"],
    false_positives: &["a public resolver that filters by its own policy (malware, adult content)"],
};

/// Interference with public resolvers that does not deny access.
pub(in crate::judge::web) fn path_only(facts: &Facts<'_>) -> Option<Verdict> {
    let names = &facts.names;
    let look = facts.look()?;
    let is_true = names.agreement(&names.system, facts.asns) == Agreement::Match;
    if !is_true || !(look.is_proven || look.matches()) {
        return None;
    }
    let (mechanism, outcome) = falsified_on_path(facts, &names.public)?;
    let draft = PATH_ONLY
        .verdict(Status::Ok, Confidence::Medium)
        .by(mechanism, Locus::Path)
        .saw_instead(
            names.public.place(),
            outcome,
            format!("a public resolver, unencrypted, gives {}", names.public.words()),
            control_words(facts),
        )
        .with([answered(facts, Resolver::System)]);
    Some(draft.done())
}

fn falsified_on_path(facts: &Facts<'_>, public: &Answers<'_>) -> Option<(Mechanism, Outcome)> {
    let addresses = &public.addresses;
    if public.what() == Some(What::NxDomain) {
        return Some((Mechanism::DnsNxdomain, Outcome::DnsNxdomain));
    }
    if addresses.is_empty() || facts.names.agreement(public, facts.asns) == Agreement::Match {
        return None;
    }
    let is_new = |address: &&&str| !facts.names.control_addresses.contains(**address);
    if addresses.iter().filter(is_new).any(|address| is_bogon(address)) {
        return Some((Mechanism::DnsInjectionBogon, Outcome::DnsBogon));
    }
    let is_inside = addresses.iter().any(|address| facts.is_in_own_network(address));
    is_inside.then_some((Mechanism::DnsInjectionOther, Outcome::DnsDiffer))
}
