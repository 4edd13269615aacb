//! Rules about the answers to the name.
//!
//! A name that leads elsewhere than the control saw is no finding by itself: CDNs and geo-DNS do it all day. Each rule
//! that says "false" wants a second witness: another resolver on the same line, a certificate that does not fit, a
//! block page behind the address, or a control that cannot reach the address either.

mod blockpage;
mod bogon;
mod denied;
mod detour;
mod forged;

use std::collections::BTreeSet;

use wirewitness_model::outcome::Outcome;
use wirewitness_model::verdict::{Evidence, Locus};

use super::super::address::is_bogon;
use super::super::rule::Draft;
use super::facts::{Connection, Facts};
use super::names::{Resolver, list};

pub(super) use blockpage::{BLOCKPAGE, GHOST, blockpage_behind, ghost};
pub(super) use bogon::{BOGON, bogon};
pub(super) use denied::{
    DOWN, FAILURE, LATER, RESOLVER_FAILS, down, failure, redirect_target, resolver_fails,
};
pub(super) use detour::{OWN_NETWORK, PATH_ONLY, own_network, path_only};
pub(super) use forged::{FORGED, forged};

/// Resolvers that contradict the system's, and those that say the same.
struct Witnesses {
    /// Resolvers on this line whose answers fit the control, or the encrypted answers, and not the system's.
    against: Vec<Resolver>,
    /// True where a public resolver, asked unencrypted, gave the false answer too.
    public_agrees: bool,
}

impl Witnesses {
    fn of<'m>(facts: &Facts<'m>, false_addresses: &BTreeSet<&'m str>) -> Self {
        let names = &facts.names;
        let contradicts = |resolver: Resolver| {
            let addresses = &names.by(resolver).addresses;
            let is_real = addresses.iter().any(|address| !is_bogon(address));
            is_real && addresses.is_disjoint(false_addresses)
        };
        Self {
            against: [Resolver::Public, Resolver::Encrypted]
                .into_iter()
                .filter(|&r| contradicts(r))
                .collect(),
            public_agrees: !names.public.addresses.is_disjoint(false_addresses),
        }
    }

    /// A lying resolver is caught by a public one on the same line; an injector answers for that one too.
    fn locus(&self) -> Locus {
        if self.public_agrees {
            Locus::Path
        } else if self.against.contains(&Resolver::Public) {
            Locus::Resolver
        } else {
            Locus::Unknown
        }
    }

    fn evidence(&self, facts: &Facts<'_>) -> Vec<Evidence> {
        self.against.iter().map(|&resolver| answered(facts, resolver)).collect()
    }
}

/// True where an answer is the site's own, whichever the control was given: an encrypted resolver gives it too, or a
/// certificate proved the name there, to the probe or to the control. A proxy of the operator's that passes connections
/// on looks the same, so such a proof does not count for an address in the probe's own network that only unencrypted
/// answers give.
fn is_genuine<'m>(facts: &Facts<'m>, addresses: &BTreeSet<&'m str>) -> bool {
    let names = &facts.names;
    if !names.encrypted.addresses.is_disjoint(addresses) {
        return true;
    }
    let is_rewritten =
        !names.encrypted.addresses.is_empty() && !names.public.addresses.is_disjoint(addresses);

    facts
        .connections
        .iter()
        .filter(|c| c.depth == 0 && addresses.contains(c.ip))
        .filter(|c| !(is_rewritten && facts.is_in_own_network(c.ip)))
        .any(|c| is_proven_to_control(facts, c) || c.proves(facts.host))
}

fn is_proven_to_control(facts: &Facts<'_>, connection: &Connection<'_>) -> bool {
    let handshake =
        facts.control.and_then(|control| control.tls_handshake.find(&connection.endpoint()));
    handshake.is_some_and(|tls| tls.failure.is_none() && tls.server_name.or_empty() == facts.host)
}

fn answered(facts: &Facts<'_>, resolver: Resolver) -> Evidence {
    let answers = facts.names.by(resolver);
    Evidence {
        at: answers.place(),
        outcome: Outcome::DnsAnswer,
        seen: format!("{} gives {}", resolver.words(), answers.words()),
        expected: None,
    }
}

/// What the control said of the name, in words.
fn control_words(facts: &Facts<'_>) -> String {
    match (facts.names.has_control, facts.names.control_failure) {
        (false, _) => "no control".to_owned(),
        (true, Some(failure)) => format!("the control finds {failure}"),
        (true, None) => format!("the control finds {}", list(&facts.names.control_addresses)),
    }
}

fn system_saw(facts: &Facts<'_>, draft: Draft, outcome: Outcome) -> Draft {
    let system = &facts.names.system;
    draft.saw_instead(
        system.place(),
        outcome,
        format!("the system resolver gives {}", system.words()),
        control_words(facts),
    )
}

fn rest_without_control(facts: &Facts<'_>, draft: Draft) -> Draft {
    if facts.names.has_control {
        return draft;
    }
    draft.cannot_tell("what the control would have seen: there is none, so this rests on the other resolvers alone")
}
