//! Rules about the answers to the name.
//!
//! A name that leads elsewhere than the control saw is no finding by itself: CDNs and geo-DNS do it all day. Each rule
//! that says "false" wants a second witness: another resolver on the same line, a certificate that does not fit, a
//! block page behind the address, or a control that cannot reach the address either.

use std::collections::BTreeSet;

use wirewitness_model::ooni::failure::What;
use wirewitness_model::outcome::{Layer, Outcome};
use wirewitness_model::verdict::{Confidence, Evidence, Locus, Mechanism, Status, Verdict};

use crate::fingerprints::Strength;

use super::super::address::{is_bogon, is_v6};
use super::super::rule::{Draft, Rule};
use super::facts::{Connection, Facts};
use super::names::{Agreement, Answers, Resolver, list};
use super::page::Look;

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

/// True where an answer is the site's own, whichever the control was given: an encrypted resolver gives it too, or the
/// control saw the name proven there.
fn is_genuine<'m>(facts: &Facts<'m>, addresses: &BTreeSet<&'m str>) -> bool {
    let proven_to_control = |connection: &Connection<'m>| {
        let handshake =
            facts.control.and_then(|control| control.tls_handshake.find(&connection.endpoint()));
        handshake
            .is_some_and(|tls| tls.failure.is_none() && tls.server_name.or_empty() == facts.host)
    };
    !facts.names.encrypted.addresses.is_disjoint(addresses)
        || facts
            .connections
            .iter()
            .filter(|c| c.depth == 0 && addresses.contains(c.ip))
            .any(proven_to_control)
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

pub(super) const BOGON: Rule = Rule {
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
pub(super) fn bogon(facts: &Facts<'_>) -> Option<Verdict> {
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

fn rest_without_control(facts: &Facts<'_>, draft: Draft) -> Draft {
    if facts.names.has_control {
        return draft;
    }
    draft.cannot_tell("what the control would have seen: there is none, so this rests on the other resolvers alone")
}

pub(super) const GHOST: Rule = Rule {
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
pub(super) fn ghost(facts: &Facts<'_>) -> Option<Verdict> {
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
    Some(with_page(facts, draft, confirmed.or(weak)).done())
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

fn with_page(_facts: &Facts<'_>, draft: Draft, mark: Option<Mark<'_>>) -> Draft {
    match mark {
        Some(mark) => {
            let seen = format!("the mark of a block page: {}", mark.name);
            draft.saw(mark.at, mark.outcome, seen).fingerprint(mark.name)
        }
        None => draft,
    }
}

pub(super) const BLOCKPAGE: Rule = Rule {
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
pub(super) fn blockpage_behind(facts: &Facts<'_>) -> Option<Verdict> {
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
    let is_own = !on_address && is_genuine(facts, &names.system.addresses);
    if !is_false || is_own || !facts.proven().is_disjoint(&names.system.addresses) {
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
    Some(with_page(facts, draft.with(witnesses.evidence(facts)), Some(mark)).done())
}

pub(super) const FORGED: Rule = Rule {
    id: "web.dns.forged",
    version: 1,
    says: "The system resolver gave a false answer: the addresses are not the site's, and the page cannot be had there.",
    stands_on: "Answers with no network in common with the control's, that no encrypted resolver on the same line gives \
                and at which the control did not see the name proven; no page from them; and a second witness: another \
                resolver on the same line, a certificate that does not fit the name, or a control that cannot connect \
                to these addresses either.",
    cannot_tell: &["an outdated or broken answer of the resolver from an intended one"],
    false_positives: &[
        "geo-DNS that leads this network to servers which are themselves down or unreachable from here",
    ],
};

/// A false answer that leads nowhere.
pub(super) fn forged(facts: &Facts<'_>) -> Option<Verdict> {
    let names = &facts.names;
    let system = &names.system.addresses;
    let has_page = facts.look().is_some_and(|look| system_served(facts, look));
    if names.agreement(&names.system, facts.asns) != Agreement::Differ
        || has_page
        || is_genuine(facts, system)
        || !facts.proven().is_disjoint(system)
    {
        return None;
    }
    let witnesses = Witnesses::of(facts, system);
    let bad_certificate = bad_certificate(facts, system);
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
    for mechanism in super::connect::seen_elsewhere(facts) {
        draft = draft.also(mechanism);
    }
    Some(draft.done())
}

/// True where the final page came from an address that the system resolver gave, or it cannot be known from which.
fn system_served(facts: &Facts<'_>, look: &Look<'_>) -> bool {
    let transaction = look.exchange.transaction;
    let own = facts.connections.iter().find(|c| transaction != 0 && c.transaction == transaction);
    own.is_none_or(|connection| {
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

pub(super) const OWN_NETWORK: Rule = Rule {
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
pub(super) fn own_network(facts: &Facts<'_>) -> Option<Verdict> {
    let names = &facts.names;
    let own = facts.probe_asn?;
    let inside: BTreeSet<&str> = names
        .system
        .addresses
        .iter()
        .copied()
        .filter(|a| facts.asns.find(a) == Some(own))
        .collect();
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
        .saw(
            format!("test_keys.requests[{}]", look.exchange.at),
            Outcome::HttpMatch,
            "the page came all the same",
        );
    Some(draft.done())
}

pub(super) const FAILURE: Rule = Rule {
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
pub(super) fn failure(facts: &Facts<'_>) -> Option<Verdict> {
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

pub(super) const RESOLVER_FAILS: Rule = Rule {
    id: "web.dns.resolver_fails",
    version: 1,
    says: "The system resolver failed in a way that does not say whether this name is meant.",
    stands_on: "SERVFAIL, a timeout or another failure of the system resolver. A page from an address that only another \
                resolver gave is none that programs here would have had.",
    cannot_tell: &[
        "a resolver that is broken or overloaded from one that is told to fail",
        "a line that is down",
    ],
    false_positives: &[],
};

/// A failure that carries no answer.
pub(super) fn resolver_fails(facts: &Facts<'_>) -> Option<Verdict> {
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

pub(super) const PATH_ONLY: Rule = Rule {
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
pub(super) fn path_only(facts: &Facts<'_>) -> Option<Verdict> {
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
    let inside =
        |address: &&str| facts.probe_asn.is_some() && facts.asns.find(address) == facts.probe_asn;
    addresses.iter().any(inside).then_some((Mechanism::DnsInjectionOther, Outcome::DnsDiffer))
}

pub(super) const LATER: Rule = Rule {
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
pub(super) fn redirect_target(facts: &Facts<'_>) -> Option<Verdict> {
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

pub(super) const DOWN: Rule = Rule {
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
pub(super) fn down(facts: &Facts<'_>) -> Option<Verdict> {
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
    if !control_leads_nowhere || !was_looked_up || is_proven || has_page {
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
