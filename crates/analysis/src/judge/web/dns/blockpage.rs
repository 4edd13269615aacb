//! False answers that lead to a block page, and answers for names that are gone.

use wirewitness_model::ooni::failure::What;
use wirewitness_model::outcome::Outcome;
use wirewitness_model::verdict::{Confidence, Locus, Mechanism, Status, Verdict};

use crate::fingerprints::Strength;

use super::{Witnesses, answered, is_genuine, rest_without_control, system_saw};
use crate::judge::rule::{Draft, Rule};
use crate::judge::web::facts::Facts;
use crate::judge::web::names::{Agreement, Resolver};
use crate::judge::web::page::Look;

pub(in crate::judge::web) const GHOST: Rule = Rule {
    id: "web.dns.ghost",
    version: 1,
    says: "Unencrypted answers give an address for a name that no longer exists: a filter outlives what it filtered.",
    stands_on: "The control finds no such name, or no address; the system resolver gives one, and so does a public \
                resolver asked unencrypted, or the address or its page carries the mark of a block page; no \
                encrypted resolver on the same line gives one.",
    cannot_tell: &["a network that sends every unknown name to its own search page"],
    false_positives: &["a name that was registered, or began to resolve, between the two lookups"],
};

/// An answer for a name that is gone.
pub(in crate::judge::web) fn ghost(facts: &Facts<'_>) -> Option<Verdict> {
    let names = &facts.names;
    let control_finds_nothing = names.has_control && names.control_addresses.is_empty();
    let control_is_sure =
        names.control_failure.is_none_or(|failure| What::of(failure) == What::NxDomain)
            && !facts.control_got_page();
    let has_proof = !facts.proven().is_disjoint(&names.system.addresses);
    if !control_finds_nothing
        || !control_is_sure
        || names.system.addresses.is_empty()
        || !names.encrypted.addresses.is_empty()
        || has_proof
    {
        return None;
    }
    let (confirmed, weak) = blockpage(facts);
    let public_agrees = !names.public.addresses.is_disjoint(&names.system.addresses);
    let mechanism = match (&confirmed, &weak) {
        (None, None) if public_agrees => Mechanism::DnsInjectionOther,
        // One resolver that answers unknown names sells advertisements more often than it blocks.
        (None, None) => return None,
        _ => Mechanism::DnsInjectionBlockpage,
    };
    let is_denied = names.encrypted.what() == Some(What::NxDomain);
    let locus = if public_agrees { Locus::Path } else { Locus::Unknown };
    let confidence = if is_denied && public_agrees { Confidence::High } else { Confidence::Medium };
    let mut draft = system_saw(
        facts,
        GHOST.verdict(Status::Blocked, confidence).by(mechanism, locus),
        Outcome::DnsDiffer,
    );
    if is_denied {
        draft = draft.saw(
            names.encrypted.place(),
            Outcome::DnsNxdomain,
            "an encrypted resolver finds no such name either",
        );
    }
    if public_agrees {
        draft = draft.with([answered(facts, Resolver::Public)]);
    }
    Some(with_page(draft, confirmed.or(weak)).done())
}

/// A fingerprint on the page or the address: one that confirms, and one that only supports.
fn blockpage<'m>(facts: &Facts<'m>) -> (Option<Mark<'m>>, Option<Mark<'m>>) {
    let on_page = facts.look().and_then(|look: &Look<'m>| {
        let (at, found) = look.mark()?;
        let is_other_page = !look.matches() && !look.is_proven;
        is_other_page.then(|| {
            (
                found.strength,
                Mark {
                    at: format!("test_keys.requests[{at}]"),
                    name: &found.fingerprint.name,
                    outcome: Outcome::HttpDiffer,
                },
            )
        })
    });
    let on_address = facts.names.system.addresses.iter().find_map(|address| {
        let found = facts.fingerprints.match_dns(address, facts.country)?;
        Some((
            found.strength,
            Mark {
                at: facts.names.system.place(),
                name: &found.fingerprint.name,
                outcome: Outcome::DnsDiffer,
            },
        ))
    });
    let mut confirmed = None;
    let mut weak = None;
    for (strength, mark) in on_page.into_iter().chain(on_address) {
        let slot = if strength == Strength::Confirms { &mut confirmed } else { &mut weak };
        slot.get_or_insert(mark);
    }
    (confirmed, weak)
}

/// Where a fingerprint matched.
struct Mark<'m> {
    at: String,
    name: &'m str,
    outcome: Outcome,
}

fn with_page(draft: Draft, mark: Option<Mark<'_>>) -> Draft {
    match mark {
        Some(mark) => {
            let seen = format!("the mark of a block page: {}", mark.name);
            draft.saw(mark.at, mark.outcome, seen).fingerprint(mark.name)
        }
        None => draft,
    }
}

pub(in crate::judge::web) const BLOCKPAGE: Rule = Rule {
    id: "web.dns.blockpage",
    version: 1,
    says: "The system resolver gave a false answer, and it leads to a block page.",
    stands_on: "Answers with no address and no network in common with the control's, and the mark of a block page: on the \
                address itself, or on the page that came from it.",
    cannot_tell: &[
        "a block page served by the false address from one put in by the path on the way there",
        "a filter that the person or their employer subscribed to",
    ],
    false_positives: &["a fingerprint that also marks a page of the site's own"],
};

/// A false answer with a block page behind it.
pub(in crate::judge::web) fn blockpage_behind(facts: &Facts<'_>) -> Option<Verdict> {
    let (confirmed, weak) = blockpage(facts);
    let is_confirmed = confirmed.is_some();
    let mark = confirmed.or(weak)?;
    let names = &facts.names;
    let agreement = names.agreement(&names.system, facts.asns);
    let on_address = mark.outcome == Outcome::DnsDiffer;
    let witnesses = Witnesses::of(facts, &names.system.addresses);
    let is_false = match agreement {
        Agreement::Match => false,
        Agreement::Differ => is_confirmed || !witnesses.against.is_empty(),
        Agreement::Unknown => is_confirmed && (on_address || !witnesses.against.is_empty()),
    };
    let system = &names.system.addresses;
    let is_own =
        if on_address { !facts.proven().is_disjoint(system) } else { is_genuine(facts, system) };
    if !is_false || is_own {
        return None;
    }
    let is_double = is_confirmed || !witnesses.against.is_empty();
    let confidence = if is_double && agreement == Agreement::Differ {
        Confidence::High
    } else {
        Confidence::Medium
    };
    let draft = BLOCKPAGE
        .verdict(Status::Blocked, confidence)
        .by(Mechanism::DnsInjectionBlockpage, witnesses.locus());
    let draft = rest_without_control(facts, system_saw(facts, draft, Outcome::DnsDiffer));
    Some(with_page(draft.with(witnesses.evidence(facts)), Some(mark)).done())
}
