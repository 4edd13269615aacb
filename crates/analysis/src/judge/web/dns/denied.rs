//! Names that are denied, refused or not answered, here only or for everybody.

use std::collections::BTreeSet;

use wirewitness_model::ooni::failure::What;
use wirewitness_model::outcome::{Layer, Outcome};
use wirewitness_model::verdict::{Confidence, Locus, Mechanism, Status, Verdict};

use super::{Witnesses, rest_without_control, system_saw};
use crate::judge::address::{is_bogon, is_v6};
use crate::judge::rule::{Draft, Rule};
use crate::judge::web::facts::{Connection, Facts};
use crate::judge::web::names::Resolver;

pub(in crate::judge::web) const FAILURE: Rule = Rule {
    id: "web.dns.failure",
    version: 1,
    says: "The system resolver denies, refuses or does not answer a name that exists.",
    stands_on: "The system resolver's failure, an address from the control, and for a missing answer a sign that this \
                resolver answers other names.",
    cannot_tell: &["a filter that the person or their employer subscribed to"],
    false_positives: &[
        "a name whose records changed between the two lookups",
        "a resolver that fails for a whole zone",
    ],
};

/// A false "no such name", a refusal, a silence.
pub(in crate::judge::web) fn failure(facts: &Facts<'_>) -> Option<Verdict> {
    let names = &facts.names;
    let what = names.system.what()?;
    let mechanism = mechanism_of(what)?;
    let witnesses = Witnesses::of(facts, &BTreeSet::new());
    // A private address is nothing that a resolver owes anybody: many filter such answers (DNS rebinding).
    let control_resolves = names.control_addresses.iter().any(|address| !is_bogon(address));
    if is_missing_v6(facts, what) {
        return None;
    }
    if !control_resolves && (names.has_control || witnesses.against.is_empty()) {
        return None;
    }
    let encrypted_denies_too = names.encrypted.what() == Some(What::NxDomain);
    let is_silence = matches!(mechanism, Mechanism::DnsTimeout | Mechanism::DnsRefused);
    if encrypted_denies_too
        || (is_silence && (witnesses.against.is_empty() || !names.system_answers_other_names))
    {
        return None;
    }
    let public_fails_alike = names.public.what() == Some(what);
    let locus = if public_fails_alike { Locus::Path } else { witnesses.locus() };
    let is_double = control_resolves && !witnesses.against.is_empty();
    let confidence = if is_double { Confidence::High } else { Confidence::Medium };
    let draft = FAILURE.verdict(Status::Blocked, confidence).by(mechanism, locus);
    let outcome = Outcome::of(Layer::Dns, names.system.failure.map(|(_, failure)| failure));
    let draft = rest_without_control(facts, system_saw(facts, draft, outcome))
        .with(witnesses.evidence(facts));
    Some(name_what_the_word_hides(draft, what).done())
}

/// True for "no address" of a name that has IPv6 alone, on a line that has none: resolvers then do not ask for it.
fn is_missing_v6(facts: &Facts<'_>, what: What) -> bool {
    let says_none = matches!(what, What::NxDomain | What::DnsNoAnswer | What::DnsAndroidNoData);
    let mut tried = facts.connections.iter().filter(|c| c.depth == 0).peekable();
    says_none
        && tried.peek().is_some()
        && tried.all(Connection::is_broken_v6)
        && facts.names.control_addresses.iter().all(|address| is_v6(address))
}

fn mechanism_of(what: What) -> Option<Mechanism> {
    match what {
        What::NxDomain | What::DnsNoAnswer | What::DnsAndroidNoData => Some(Mechanism::DnsNxdomain),
        What::DnsRefused => Some(Mechanism::DnsRefused),
        What::Timeout => Some(Mechanism::DnsTimeout),
        What::DnsBogon => Some(Mechanism::DnsInjectionBogon),
        _ => None,
    }
}

fn name_what_the_word_hides(draft: Draft, what: What) -> Draft {
    match what {
        What::DnsAndroidNoData => draft.cannot_tell(
            "no such name, refused, failed and unanswered: Android reports one error (EAI_NODATA) for all of them",
        ),
        What::DnsNoAnswer => draft.cannot_tell("no such name from a name without addresses: the answer was empty"),
        What::Timeout => draft.cannot_tell("queries dropped on the path from answers withheld by the resolver"),
        _ => draft,
    }
}

pub(in crate::judge::web) const RESOLVER_FAILS: Rule = Rule {
    id: "web.dns.resolver_fails",
    version: 1,
    says: "The system resolver failed in a way that does not say whether this name is meant.",
    stands_on: "SERVFAIL, a timeout or another failure of the system resolver. A page from an address that only another \
                resolver gave is none that programs here would have had.",
    cannot_tell: &[
        "a resolver that is broken or overloaded from one that is told to fail",
        "a line whose path to this resolver is down",
    ],
    false_positives: &[],
};

/// A failure that carries no answer.
pub(in crate::judge::web) fn resolver_fails(facts: &Facts<'_>) -> Option<Verdict> {
    let system = &facts.names.system;
    let (_, failure) = system.failure?;
    let others = [Resolver::Public, Resolver::Encrypted];
    // Old probes knew no other resolver: their page came by a second lookup of the same one.
    if facts.look().is_some() && others.iter().all(|&r| facts.names.by(r).addresses.is_empty()) {
        return None;
    }
    // What the control cannot resolve either is another rule's.
    if facts.names.has_control && facts.names.control_addresses.is_empty() {
        return None;
    }
    let draft = RESOLVER_FAILS.verdict(Status::Insufficient, Confidence::Low);
    Some(system_saw(facts, draft, Outcome::of(Layer::Dns, Some(failure))).done())
}

pub(in crate::judge::web) const LATER: Rule = Rule {
    id: "web.dns.redirect_target",
    version: 1,
    says: "The site redirects to a name that this line's resolvers deny, while the control followed the redirect to a page.",
    stands_on: "A failed lookup after a redirect, no page, and the control's page.",
    cannot_tell: &[
        "a false denial from a site that sends this network to a name of its own that does not exist",
        "which name the control was sent to: its redirects are not in the file",
    ],
    false_positives: &["a target name that stopped existing between the two fetches"],
};

/// A denied name at the end of a redirect.
pub(in crate::judge::web) fn redirect_target(facts: &Facts<'_>) -> Option<Verdict> {
    let last = facts.last()?;
    if !last.is_redirect() || !facts.control_got_page() {
        return None;
    }
    let later: Vec<_> =
        facts.names.later_failures.iter().filter(|(_, depth, ..)| *depth > last.depth).collect();
    let (at, _, _, failure) =
        later.iter().find(|(_, _, resolver, _)| *resolver == Resolver::System)?;
    let mechanism = mechanism_of(What::of(failure)).filter(|m| *m != Mechanism::DnsTimeout)?;
    let public = later.iter().find(|(_, _, resolver, _)| *resolver == Resolver::Public);
    let encrypted_denies = later.iter().any(|(_, _, resolver, _)| *resolver == Resolver::Encrypted);
    let is_alike = public.is_some_and(|(.., other)| What::of(other) == What::of(failure));
    if encrypted_denies {
        return None;
    }
    let (locus, confidence) = if is_alike {
        (Locus::Path, Confidence::Medium)
    } else {
        (Locus::Resolver, Confidence::Medium)
    };
    let outcome = Outcome::of(Layer::Dns, Some(failure));
    let expected = "the control followed the redirects to a page";
    let mut draft = LATER.verdict(Status::Blocked, confidence).by(mechanism, locus).saw_instead(
        format!("test_keys.queries[{at}]"),
        outcome,
        format!("the system resolver, after the redirect: {failure}"),
        expected,
    );
    if let Some((at, _, _, other)) = public {
        let seen = format!("a public resolver, unencrypted: {other}");
        draft = draft.saw(
            format!("test_keys.queries[{at}]"),
            Outcome::of(Layer::Dns, Some(other)),
            seen,
        );
    }
    Some(draft.done())
}

pub(in crate::judge::web) const DOWN: Rule = Rule {
    id: "web.dns.down",
    version: 1,
    says: "The name does not lead anywhere, for the control either.",
    stands_on: "The control finds no such name, no address, or only loopback and private ones, or fails as the probe's \
                resolvers, an encrypted one among them, do; it got no page; nor did the probe.",
    cannot_tell: &[
        "a name that is gone for good from one that is misconfigured today",
        "where only this line's resolver gives an address: its page for unknown names from a filter left over",
    ],
    false_positives: &["a resolver failure of the control"],
};

/// A name that leads nowhere for anybody.
pub(in crate::judge::web) fn down(facts: &Facts<'_>) -> Option<Verdict> {
    let names = &facts.names;
    // One resolver that fails says little; where all fail, the zone is broken.
    let all_fail = [&names.system, &names.encrypted]
        .iter()
        .all(|answers| answers.what() == Some(What::DnsServfail));
    let control_is_sure = names.control_failure.is_none_or(|failure| match What::of(failure) {
        What::NxDomain => true,
        What::DnsServfail => all_fail,
        _ => false,
    });
    let control_leads_nowhere = names.has_control
        && control_is_sure
        && names.control_addresses.iter().all(|address| is_bogon(address))
        && !facts.control_got_page();
    let is_proven = !facts.proven().is_disjoint(&names.system.addresses);
    let was_looked_up = names.system.failure.is_some() || !names.system.addresses.is_empty();
    // A page from an address that the control does not know is no page of the site's, unless something proves it.
    let has_page = facts.look().is_some_and(|look| look.is_proven || look.matches());
    // An encrypted resolver that finds the site says that it is the control which failed.
    let found_encrypted = names.encrypted.addresses.iter().any(|address| !is_bogon(address));
    if !control_leads_nowhere || !was_looked_up || is_proven || has_page || found_encrypted {
        return None;
    }
    let all_bogons = names.system.addresses.iter().all(|address| is_bogon(address));
    let failure = names.system.failure.map(|(_, failure)| failure);
    let outcome = match (failure, all_bogons) {
        (Some(_), _) => Outcome::of(Layer::Dns, failure),
        (None, true) => Outcome::DnsBogon,
        (None, false) => Outcome::DnsDiffer,
    };
    let draft =
        DOWN.verdict(Status::Down, Confidence::Medium).by(Mechanism::ServerDown, Locus::Endpoint);
    Some(system_saw(facts, draft, outcome).done())
}
