//! What the resolvers said of the measured name, resolver by resolver.

use std::collections::BTreeSet;
use std::net::IpAddr;

use wirewitness_model::ooni::TestKeys;
use wirewitness_model::ooni::control::Control;
use wirewitness_model::ooni::dns::Query;
use wirewitness_model::ooni::failure::What;

use super::super::address::Asns;
use super::super::ooni::{depth, share_address, share_network};

/// Who was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resolver {
    /// The system's resolver: what programs on this device use.
    System,
    /// A public resolver, unencrypted.
    Public,
    /// A resolver over TLS, HTTPS or QUIC: nobody on the path can answer in its place.
    Encrypted,
}

impl Resolver {
    fn of(query: &Query<'_>) -> Self {
        match query.engine.or_empty() {
            "udp" | "tcp" => Self::Public,
            "doh" | "dot" | "doq" | "doh3" => Self::Encrypted,
            _ => Self::System,
        }
    }

    /// In words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::System => "the system resolver",
            Self::Public => "a public resolver, unencrypted",
            Self::Encrypted => "an encrypted resolver",
        }
    }
}

/// What one kind of resolver said of the measured name.
#[derive(Debug, Clone, Default)]
pub(super) struct Answers<'m> {
    /// Places in `queries`.
    pub(super) at: Vec<usize>,
    pub(super) addresses: BTreeSet<&'m str>,
    /// First failure that is not just a missing AAAA; only where there is no address.
    pub(super) failure: Option<(usize, &'m str)>,
}

impl Answers<'_> {
    pub(super) fn what(&self) -> Option<What> {
        self.failure.map(|(_, failure)| What::of(failure))
    }

    /// The place to point at.
    pub(super) fn place(&self) -> String {
        let at = self.failure.map(|(at, _)| at).or_else(|| self.at.first().copied()).unwrap_or(0);
        format!("test_keys.queries[{at}]")
    }

    /// Addresses, or the failure, in words.
    pub(super) fn words(&self) -> String {
        match self.failure {
            Some((_, failure)) => failure.to_owned(),
            None => list(&self.addresses),
        }
    }
}

/// How an answer compares with the control's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Agreement {
    /// A common address or a common network.
    Match,
    /// No common address, and networks known on both sides without one in common.
    Differ,
    /// Nothing to compare: no control, or networks not known.
    Unknown,
}

/// What all resolvers said, at the first hop.
#[derive(Debug, Clone, Default)]
pub(super) struct Names<'m> {
    pub(super) system: Answers<'m>,
    pub(super) public: Answers<'m>,
    pub(super) encrypted: Answers<'m>,
    /// Addresses that the control resolved. Helpers of old also listed aliases here; those are left out.
    pub(super) control_addresses: BTreeSet<&'m str>,
    /// Why the control could not resolve the name.
    pub(super) control_failure: Option<&'m str>,
    pub(super) has_control: bool,
    /// Lookups that failed after a redirect: place, depth, resolver, failure.
    pub(super) later_failures: Vec<(usize, i64, Resolver, &'m str)>,
    /// True where the system resolver is seen to answer something.
    pub(super) system_answers_other_names: bool,
}

impl<'m> Names<'m> {
    /// Sorts the lookups.
    pub(super) fn of(keys: &'m TestKeys<'m>, control: Option<&'m Control<'m>>) -> Self {
        let mut names = Self::default();
        for (at, query) in keys.queries.iter().enumerate() {
            names.add(at, query);
        }
        for answers in [&mut names.system, &mut names.public, &mut names.encrypted] {
            if !answers.addresses.is_empty() {
                answers.failure = None;
            }
        }
        // Old and new probes learn the resolver's address by asking it for a name that tells.
        names.system_answers_other_names |= is_told(keys.client_resolver.or_empty());
        if let Some(control) = control {
            names.has_control = true;
            names.control_failure = control.dns.failure.as_str();
            let real = control.dns.addrs.iter().filter_map(|addr| addr.as_str());
            names.control_addresses = real.filter(|addr| addr.parse::<IpAddr>().is_ok()).collect();
        }
        names
    }

    fn add(&mut self, at: usize, query: &'m Query<'m>) {
        let resolver = Resolver::of(query);
        let failure = query.failure.as_str();
        let depth = depth(&query.tags).unwrap_or(0);
        if depth > 0 {
            self.add_later(at, depth, resolver, query);
            return;
        }
        let answers = match resolver {
            Resolver::System => &mut self.system,
            Resolver::Public => &mut self.public,
            Resolver::Encrypted => &mut self.encrypted,
        };
        answers.at.push(at);
        answers.addresses.extend(query.answers.iter().filter_map(|answer| answer.address()));
        let missing_v6 =
            query.query_type.as_str() == Some("AAAA") && failure == Some("dns_no_answer");
        if let (Some(failure), None, false) = (failure, answers.failure, missing_v6) {
            answers.failure = Some((at, failure));
        }
    }

    fn add_later(&mut self, at: usize, depth: i64, resolver: Resolver, query: &'m Query<'m>) {
        let missing_v6 = query.query_type.as_str() == Some("AAAA")
            && query.failure.as_str() == Some("dns_no_answer");
        match query.failure.as_str() {
            Some(failure) if !missing_v6 => {
                self.later_failures.push((at, depth, resolver, failure))
            }
            Some(_) => {}
            None => self.system_answers_other_names |= resolver == Resolver::System,
        }
    }

    /// The answers of one kind of resolver.
    pub(super) fn by(&self, resolver: Resolver) -> &Answers<'m> {
        match resolver {
            Resolver::System => &self.system,
            Resolver::Public => &self.public,
            Resolver::Encrypted => &self.encrypted,
        }
    }

    /// Compares answers with the control's.
    pub(super) fn agreement(&self, answers: &Answers<'m>, asns: &Asns<'m>) -> Agreement {
        let (ours, theirs) = (&answers.addresses, &self.control_addresses);
        if ours.is_empty() || theirs.is_empty() {
            return Agreement::Unknown;
        }
        if share_address(ours, theirs) || share_network(ours, theirs, asns) {
            return Agreement::Match;
        }
        let known = |addresses: &BTreeSet<&str>| {
            addresses.iter().any(|address| asns.find(address).is_some())
        };
        if known(ours) && known(theirs) { Agreement::Differ } else { Agreement::Unknown }
    }
}

/// True for the address of a resolver that is not this device, and for the network that a condensed measurement has
/// in its place.
fn is_told(client_resolver: &str) -> bool {
    match client_resolver.strip_prefix("AS") {
        Some(number) => number.parse::<u32>().is_ok(),
        None => client_resolver.parse::<IpAddr>().is_ok_and(|ip| !ip.is_loopback()),
    }
}

/// `a, b, c`, at most four, the rest counted.
pub(super) fn list(addresses: &BTreeSet<&str>) -> String {
    let mut words: Vec<&str> = addresses.iter().copied().take(4).collect();
    let rest = addresses.len().saturating_sub(4);
    let more = format!("{rest} more");
    if rest > 0 {
        words.push(&more);
    }
    if words.is_empty() { "no address".to_owned() } else { words.join(", ") }
}
