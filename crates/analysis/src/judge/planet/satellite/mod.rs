//! Satellite: a name asked of an open resolver, and of control resolvers.
//!
//! A name that leads elsewhere than a control saw is no finding by itself: CDNs and geo-DNS do it all day. So `blocked`
//! wants a second witness beside the difference: an address that is no public one, a block page at it, a network that
//! serves nobody else's names, a certificate for other names where the control's is right; or that the resolver denies
//! a name that exists, while it answers others.

mod facts;
mod rules;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use wirewitness_model::outcome::{Layer, Outcome};
use wirewitness_model::planet::satellite::Satellite;
use wirewitness_model::verdict::{Confidence, Evidence, Locus, Mechanism, Status, Verdict};

use super::remote::{MAX_STEPS, Remote, Step};
use super::{Scene, bare, letters_text};
use crate::judge::address::is_bogon;
use crate::judge::rule::{Draft, Rule};
use facts::{Compared, Denial, Facts};
pub(super) use rules::RULES;
use rules::{
    BLOCKPAGE, BOGON, CERTIFICATE, DENIED, OK, OWN_ADDRESS, PROVEN, REFERENCE, RESOLVER, STRANGER,
    UNCLEAR,
};

/// Reads and judges one row of an ordinary resolver.
pub(super) fn remote(row: &Satellite<'_>, scene: &Scene<'_>) -> Remote {
    let mut remote = scene.begin(row.vantage(), row.target(), &row.location);
    let facts = Facts::of(row, scene);
    let compared = facts.compared();
    let country = letters_text(remote.country);
    remote.verdict = if remote.is_control {
        itself(&facts)
    } else {
        judge(&facts, &compared, country.as_deref())
    };
    finish(remote, &facts, &compared)
}

/// Reads one row of a control resolver: a reference, never a finding.
pub(super) fn reference(row: &Satellite<'_>, scene: &Scene<'_>) -> Remote {
    let mut remote = scene.begin(row.vantage(), row.target(), &row.location);
    let facts = Facts::of(row, scene);
    remote.is_control = true;
    remote.verdict = itself(&facts);
    finish(remote, &facts, &Compared::NoControl)
}

fn finish(mut remote: Remote, facts: &Facts<'_>, compared: &Compared) -> Remote {
    let row = facts.row;
    remote.test = "satellite";
    remote.started_us = row.started_us().or(facts.scene.source.started_us);
    remote.steps = facts.steps(compared);
    if remote.steps.is_empty() && row.is_alive() == Some(false) {
        remote.steps.push(unreached());
    }
    let response = row.response();
    let mut left_out = response.lookups.left_out + response.flat.items.left_out;
    left_out += response.lookups.iter().map(|one| one.response.items.left_out).sum::<u64>();
    let beyond = remote.steps.len().saturating_sub(MAX_STEPS);
    remote.steps.truncate(MAX_STEPS);
    remote.steps_left_out = left_out + beyond as u64;
    if let ([step], None) = (remote.steps.as_mut_slice(), row.response().lookups.first()) {
        step.took_ms = step.took_ms.or(row.took_ms());
    }
    remote
}

/// The check that the resolver is alive, where the row says only that it failed.
fn unreached() -> Step {
    let mut step = Step::new(Layer::Dns, Outcome::DnsFailed, "");
    step.is_control = true;
    step.failure = Some("unknown_failure: the resolver could not be reached".to_owned());
    step
}

fn itself(facts: &Facts<'_>) -> Verdict {
    let draft = REFERENCE.verdict(Status::Insufficient, Confidence::Low);
    draft.with(facts.evidence(Outcome::DnsAnswer)).done()
}

fn judge(facts: &Facts<'_>, compared: &Compared, country: Option<&str>) -> Verdict {
    let is_dead = facts.row.is_alive() == Some(false);
    let has_answer = facts.of_name().any(|one| !one.answers.is_empty());
    if facts.of_name().next().is_none() && !is_dead {
        return bare("lookup");
    }
    if has_answer && matches!(compared, Compared::Address) {
        return ok(facts, compared).done();
    }
    let found = proven(facts)
        .or_else(|| blockpage(facts, compared, country))
        .or_else(|| matches!(compared, Compared::Shared(_)).then(|| ok(facts, compared)))
        .or_else(|| resolver(facts))
        .or_else(|| bogon(facts))
        .or_else(|| own_address(facts, compared))
        .or_else(|| stranger(facts, compared))
        .or_else(|| certificate(facts, compared))
        .or_else(|| denied(facts));
    found.unwrap_or_else(|| unclear(facts, compared)).done()
}

fn ok(facts: &Facts<'_>, compared: &Compared) -> Draft {
    let draft = OK.verdict(Status::Ok, Confidence::Medium);
    let draft = draft.with(facts.evidence(Outcome::DnsMatch));
    match compared {
        Compared::Shared(what) => draft
            .cannot_tell(format!("more than that answer and control have this in common: {what}")),
        _ => draft,
    }
}

/// A trusted certificate for the name at an answered address.
fn proven(facts: &Facts<'_>) -> Option<Draft> {
    let page = |address: &IpAddr| facts.scene.companions.page(*address, &facts.domain);
    let proves = |address: &&IpAddr| page(address).is_some_and(|page| page.proves == Some(true));
    let address = facts.addresses.iter().find(proves)?;
    let seen = format!("a trusted certificate for {} at {address}", facts.domain);
    Some(PROVEN.verdict(Status::Ok, Confidence::High).with(facts.evidence(Outcome::DnsAnswer)).saw(
        "blockpages.json",
        Outcome::TlsOk,
        seen,
    ))
}

/// A block page at an answered address, or an address known to serve one.
fn blockpage(facts: &Facts<'_>, compared: &Compared, country: Option<&str>) -> Option<Draft> {
    let found = facts.addresses.iter().find_map(|address| {
        let page = facts.scene.companions.page(*address, &facts.domain);
        let name = page?.confirmed(country)?.name.clone();
        let seen = format!("the mark of a block page at {address}: {name}");
        Some((name, "blockpages.json", Outcome::HttpDiffer, seen))
    });
    let known = || {
        facts.addresses.iter().find_map(|address| {
            let list = facts.scene.context.fingerprints;
            let found = list.match_dns(&address.to_string(), country)?;
            let name = (found.strength == crate::fingerprints::Strength::Confirms)
                .then(|| found.fingerprint.name.clone())?;
            let seen = format!("{address} is known to serve a block page: {name}");
            Some((name, "response", Outcome::DnsDiffer, seen))
        })
    };
    let (name, at, outcome, seen) = found.or_else(known)?;
    let differs = *compared == Compared::Differ;
    let confidence = if differs { Confidence::High } else { Confidence::Medium };
    Some(
        BLOCKPAGE
            .verdict(Status::Blocked, confidence)
            .by(Mechanism::DnsInjectionBlockpage, Locus::Unknown)
            .with(facts.evidence(Outcome::DnsDiffer))
            .saw(at, outcome, seen)
            .fingerprint(&name),
    )
}

/// A resolver that says nothing of this name in particular.
fn resolver(facts: &Facts<'_>) -> Option<Draft> {
    let why = out_of_order(facts)?;
    Some(
        RESOLVER
            .verdict(Status::Insufficient, Confidence::Low)
            .located(Locus::Vantage)
            .with(facts.evidence(Outcome::DnsAnswer))
            .saw("row", Outcome::DnsFailed, why),
    )
}

/// Why a resolver says nothing of this name in particular, in words.
fn out_of_order(facts: &Facts<'_>) -> Option<&'static str> {
    let most = |share: Option<f64>| share.is_some_and(|share| share > MOST);
    let has_address = !facts.addresses.is_empty();
    let denials = || facts.of_name().map(|one| one.denial());
    let is_closed = denials().any(|denial| denial == Some(Denial::Closed))
        && denials().all(|denial| matches!(denial, Some(Denial::Closed | Denial::Timeout)));
    if facts.row.is_alive() == Some(false) {
        Some("the resolver did not answer for a name that always resolves")
    } else if is_closed {
        Some("nobody listens where the resolver was")
    } else if is_own(facts) && facts.shares.own.is_none_or(|share| share > MOST) {
        Some(
            "the resolver answers with its own address, as a device behind a login page does for all names",
        )
    } else if !has_address && most(facts.shares.errors) {
        Some("the resolver answers most names with an error")
    } else if has_address && all_bogons(facts) && most(facts.shares.bogons) {
        Some("the resolver answers most names with such an address")
    } else {
        None
    }
}

/// True where the answer is the resolver's own address.
fn is_own(facts: &Facts<'_>) -> bool {
    let own: Option<IpAddr> = facts.row.vantage().parse().ok();
    !facts.addresses.is_empty() && facts.addresses.iter().all(|address| Some(*address) == own)
}

fn all_bogons(facts: &Facts<'_>) -> bool {
    facts.addresses.iter().all(|address| is_bogon(&address.to_string()))
}

/// The resolver's own address for this name, and seldom for others.
fn own_address(facts: &Facts<'_>, compared: &Compared) -> Option<Draft> {
    if !is_own(facts) || *compared != Compared::Differ || is_left_out(facts) {
        return None;
    }
    Some(blocked(&OWN_ADDRESS, Mechanism::DnsInjectionOther, facts, Outcome::DnsDiffer))
}

/// More than this share of a resolver's answers: then one more says nothing of a name.
const MOST: f64 = 0.5;

fn bogon(facts: &Facts<'_>) -> Option<Draft> {
    if facts.addresses.is_empty() || !all_bogons(facts) || !facts.control_has_it() {
        return None;
    }
    Some(blocked(&BOGON, Mechanism::DnsInjectionBogon, facts, Outcome::DnsBogon))
}

fn blocked(rule: &Rule, mechanism: Mechanism, facts: &Facts<'_>, outcome: Outcome) -> Draft {
    rule.verdict(Status::Blocked, Confidence::Medium)
        .by(mechanism, Locus::Unknown)
        .with(facts.evidence(outcome))
}

/// An address of a company that serves no names but its own.
fn stranger(facts: &Facts<'_>, compared: &Compared) -> Option<Draft> {
    if *compared != Compared::Differ || is_left_out(facts) {
        return None;
    }
    let answers = || facts.of_name().flat_map(|one| &one.answers);
    let owner = |asn: Option<u32>| OWN_NAMES_ONLY.iter().find(|(known, _)| Some(*known) == asn);
    let all = answers().map(|answer| owner(facts.tags(answer).asn)).collect::<Option<Vec<_>>>()?;
    let (asn, name) = all.first()?;
    let address = answers().next()?.address.as_ref();
    let seen = format!("{} is in AS{asn} ({name})", super::cut(address));
    let piece = Evidence {
        at: "response".to_owned(),
        outcome: Outcome::DnsDiffer,
        seen,
        expected: Some("a network that could serve the name".to_owned()),
    };
    Some(blocked(&STRANGER, Mechanism::DnsInjectionOther, facts, Outcome::DnsDiffer).with([piece]))
}

/// Networks that serve the names of one company only, and whose addresses injectors are known to answer with:
/// N. P. Hoang et al., "How Great is the Great Firewall? Measuring China's DNS Censorship", USENIX Security 2021.
const OWN_NAMES_ONLY: &[(u32, &str)] =
    &[(13_414, "Twitter"), (19_679, "Dropbox"), (32_934, "Facebook")];

/// A certificate for other names, where the control's address proves this one.
fn certificate(facts: &Facts<'_>, compared: &Compared) -> Option<Draft> {
    let control = facts.control.filter(|control| control.is_proven)?;
    if *compared != Compared::Differ || control.addresses.is_empty() || is_left_out(facts) {
        return None;
    }
    let page = |address: &IpAddr| facts.scene.companions.page(*address, &facts.domain);
    let disproved = |address: &IpAddr| page(address).and_then(|page| page.proves) == Some(false);
    if facts.addresses.is_empty() || !facts.addresses.iter().all(disproved) {
        return None;
    }
    let piece = Evidence {
        at: "blockpages.json".to_owned(),
        outcome: Outcome::TlsBadCertificate,
        seen: "the certificate there is for other names".to_owned(),
        expected: Some("the certificate at the control's address is for this one".to_owned()),
    };
    Some(
        blocked(&CERTIFICATE, Mechanism::DnsInjectionOther, facts, Outcome::DnsDiffer)
            .with([piece]),
    )
}

/// True where the scan's own rules leave the row out.
fn is_left_out(facts: &Facts<'_>) -> bool {
    facts.row.excluded.0 == Some(true)
}

/// No such name, a refusal or silence, for a name that others resolve, from a resolver that answers others.
fn denied(facts: &Facts<'_>) -> Option<Draft> {
    let is_alive = facts.row.is_alive() == Some(true);
    if !facts.addresses.is_empty() || !facts.control_has_it() || !is_alive || is_left_out(facts) {
        return None;
    }
    let denials: Vec<Denial> = facts.of_name().filter_map(|one| one.denial()).collect();
    // An answer outweighs the silence before it.
    let told = denials.iter().copied().filter(|denial| *denial != Denial::Timeout);
    let told: Vec<Denial> = told.collect();
    let all = |denial: Denial| !told.is_empty() && told.iter().all(|one| *one == denial);
    let answers_most = facts.shares.errors.is_some_and(|share| share <= MOST);
    let is_silent = told.is_empty() && denials.len() >= MIN_TRIES && is_alive_around(facts);
    let mechanism = if all(Denial::NxDomain) {
        Mechanism::DnsNxdomain
    } else if all(Denial::Refused) && answers_most {
        Mechanism::DnsRefused
    } else if is_silent {
        Mechanism::DnsTimeout
    } else {
        return None;
    };
    Some(blocked(&DENIED, mechanism, facts, Outcome::DnsFailed))
}

const MIN_TRIES: usize = 2;

/// True where the row itself holds an answer for a name that always resolves both before and after the name.
fn is_alive_around(facts: &Facts<'_>) -> bool {
    let works = |one: Option<&facts::Asked<'_>>| {
        one.is_some_and(|one| one.is_liveness && !one.answers.is_empty())
    };
    works(facts.asked.first()) && works(facts.asked.last())
}

fn unclear(facts: &Facts<'_>, compared: &Compared) -> Draft {
    let outcome = match compared {
        Compared::Differ => Outcome::DnsDiffer,
        _ => Outcome::DnsAnswer,
    };
    let fails = facts.of_name().any(|one| one.denial() == Some(Denial::Servfail));
    let draft =
        UNCLEAR.verdict(Status::Insufficient, Confidence::Low).with(facts.evidence(outcome));
    let draft = if fails { draft.located(Locus::Resolver) } else { draft };
    let reasons: Vec<&str> =
        facts.row.exclude_reason.iter().map(|word| word.or_empty()).take(4).collect();
    match (is_left_out(facts), compared) {
        (true, _) => draft.cannot_tell(super::cut(&format!(
            "what the scan itself leaves out of its results ({})",
            reasons.join(", ")
        ))),
        (_, Compared::NoControl) => draft.cannot_tell("what a control would have been told"),
        (_, Compared::Untagged) => {
            draft.cannot_tell("whose addresses these are: they have no tags")
        }
        _ => draft,
    }
}
