//! DNS consistency (ts-002), made until 2018: a name asked of the tested resolvers and of OONI's own. OONI's is the control.

use std::collections::{BTreeMap, BTreeSet};

use wirewitness_model::lenient::Text;
use wirewitness_model::ooni::TestKeys;
use wirewitness_model::ooni::dns::Query;
use wirewitness_model::outcome::Outcome;
use wirewitness_model::verdict::{Confidence, Evidence, Locus, Mechanism, Status, Verdict};

use super::evidence::capped;
use super::line::bare;
use super::step::{Step, named};
use crate::judge::Context;
use crate::judge::address::is_bogon;
use crate::judge::rule::Rule;
use crate::judge::url::{hostname, same_site};

/// Judges a `dns_consistency` measurement.
pub(super) fn judge(keys: &TestKeys<'_>, context: &Context<'_>) -> Verdict {
    let resolver: Text<'_> = keys.read("control_resolver");
    let control = hostname(resolver.or_empty());
    let is_control = |query: &Query<'_>| query.resolver_hostname.or_empty() == control;
    let expected = Answers::of(keys, is_control, context);
    let seen = Answers::of(keys, |query| !is_control(query), context);
    let steps = || {
        named(&keys.queries, |query| is_forward(query) && !is_control(query))
            .map(|(n, query)| Step::lookup(format!("test_keys.queries[{n}]"), query))
    };
    let evidence = capped(keys.queries.iter().enumerate().map(|(n, query)| piece(n, query)));
    if steps().next().is_none() {
        return bare("lookup");
    }
    if seen.agrees_with(&expected) {
        return OK.verdict(Status::Ok, Confidence::Medium).with(evidence).done();
    }
    let lie = steps().find(Step::is_specific).and_then(|step| step.mechanism());
    let control_knows = expected.addresses.iter().any(|address| !is_bogon(address));
    match lie.filter(|_| control_knows && !steps().any(|step| step.works())) {
        Some(mechanism) => denied(mechanism).with(evidence).done(),
        None => UNCLEAR.verdict(Status::Insufficient, Confidence::Low).with(evidence).done(),
    }
}

fn denied(mechanism: Mechanism) -> crate::judge::rule::Draft {
    DENIED.verdict(Status::Blocked, Confidence::Medium).by(mechanism, Locus::Resolver)
}

/// What a set of resolvers said.
#[derive(Default)]
struct Answers<'m> {
    addresses: BTreeSet<&'m str>,
    networks: BTreeSet<u32>,
    /// Names that the addresses lead back to.
    names: BTreeSet<&'m str>,
}

impl<'m> Answers<'m> {
    fn of(
        keys: &'m TestKeys<'_>,
        is_it: impl Fn(&Query<'_>) -> bool,
        context: &Context<'_>,
    ) -> Self {
        let mut all = Self::default();
        let mut back: BTreeMap<String, Vec<&'m str>> = BTreeMap::new();
        for query in keys.queries.iter() {
            let answers = || query.answers.iter();
            if query.query_type.or_empty() == "PTR" {
                let names = answers().filter_map(|answer| answer.hostname.as_str());
                back.entry(query.hostname.or_empty().to_owned()).or_default().extend(names);
            } else if is_it(query) {
                all.addresses.extend(answers().filter_map(|answer| answer.address()));
            }
        }
        for address in &all.addresses {
            all.names.extend(back.get(&reverse(address)).into_iter().flatten());
            all.networks.extend(address.parse().ok().and_then(|ip| context.asns.asn(ip)));
        }
        all
    }

    /// A common address, a common network, or names on the way back that belong to one site.
    fn agrees_with(&self, other: &Self) -> bool {
        let public = |address: &&str| !is_bogon(address);
        let site = |name: &str| other.names.iter().take(MAX_NAMES).any(|o| same_site(name, o));
        self.addresses.intersection(&other.addresses).any(public)
            || self.networks.intersection(&other.networks).next().is_some()
            || self.names.iter().take(MAX_NAMES).any(|name| site(name))
    }
}

/// Name under which an IPv4 address leads back (RFC 1035 §3.5).
fn reverse(address: &str) -> String {
    let octets: Vec<&str> = address.rsplit('.').collect();
    format!("{}.in-addr.arpa", octets.join("."))
}

fn is_forward(query: &Query<'_>) -> bool {
    query.query_type.or_empty() != "PTR"
}

fn piece(n: usize, query: &Query<'_>) -> Evidence {
    let mut evidence = Step::lookup(format!("test_keys.queries[{n}]"), query).evidence();
    if evidence.outcome == Outcome::DnsAnswer {
        let value = |answer: &wirewitness_model::ooni::dns::Answer<'_>| {
            answer
                .address()
                .or(answer.hostname.as_str())
                .map(|text| super::step::short(text).into_owned())
        };
        let values: Vec<String> = query.answers.iter().filter_map(value).take(3).collect();
        evidence.seen =
            format!("{}: {}", super::step::short(query.hostname.or_empty()), values.join(", "));
    }
    evidence
}

const MAX_NAMES: usize = 32;

/// The rules of this file.
pub(super) const RULES: [&Rule; 3] = [&OK, &DENIED, &UNCLEAR];

const OK: Rule = Rule {
    id: "dns_consistency.ok",
    version: 1,
    says: "The tested resolver and the control lead to the same service.",
    stands_on: "A common address or network, or addresses that lead back to names of one site.",
    cannot_tell: &["what the service then does: nothing connected to it"],
    false_positives: &["a false answer with an address of the same hoster"],
};

const DENIED: Rule = Rule {
    id: "dns_consistency.denied",
    version: 1,
    says: "The tested resolver gives a false answer.",
    stands_on: "A private address, a refusal or no such name from every tested resolver, and a public address from \
                the control.",
    cannot_tell: &["a resolver that lies from a path that answers in its place"],
    false_positives: &["names that have private addresses inside the network on purpose"],
};

const UNCLEAR: Rule = Rule {
    id: "dns_consistency.unclear",
    version: 1,
    says: "The tested resolver and the control differ as they do for large services everywhere, or one is missing.",
    stands_on: "The lookups.",
    cannot_tell: &["a false answer from the nearest server of a large service"],
    false_positives: &[],
};

#[cfg(test)]
mod tests {
    use super::super::testing::{check, verdict};
    use super::*;

    fn query(resolver: &str, answer: &str) -> String {
        let rest = if answer.starts_with('"') {
            format!(r#""failure":{answer}"#)
        } else {
            format!(r#""answers":[{{"answer_type":"A","ipv4":"{answer}"}}]"#)
        };
        format!(
            r#"{{"hostname":"a.example","query_type":"A","resolver_hostname":"{resolver}",{rest}}}"#
        )
    }

    fn back(address: &str, name: &str) -> String {
        format!(
            r#"{{"hostname":"{}","query_type":"PTR","answers":[{{"answer_type":"PTR","hostname":"{name}"}}]}}"#,
            reverse(address)
        )
    }

    fn found(tested: &str, control: &str, more: &[String]) -> Verdict {
        let mut all = vec![query("9.9.9.9", control), query("127.0.1.1", tested)];
        all.extend_from_slice(more);
        let keys = format!(r#""control_resolver":"9.9.9.9:57004","queries":[{}]"#, all.join(","));
        verdict("dns_consistency", &keys, "")
    }

    #[test]
    fn positive_dns_consistency_ok() {
        check(&found("1.2.3.4", "1.2.3.4", &[]), "ok", "dns_consistency.ok", None);
        let names = [back("1.2.3.4", "a.1e100.net"), back("5.6.7.8", "b.1e100.net")];
        check(&found("1.2.3.4", "5.6.7.8", &names), "ok", "dns_consistency.ok", None);
    }

    #[test]
    fn negative_dns_consistency_ok() {
        let names = [back("1.2.3.4", "a.example.net"), back("5.6.7.8", "b.1e100.net")];
        let differ = found("1.2.3.4", "5.6.7.8", &names);
        check(&differ, "insufficient", "dns_consistency.unclear", None);
    }

    #[test]
    fn outage_dns_consistency_ok() {
        let found = found("\"timeout\"", "\"timeout\"", &[]);
        check(&found, "insufficient", "dns_consistency.unclear", None);
    }

    #[test]
    fn positive_dns_consistency_denied() {
        for (tested, mechanism) in [
            ("10.10.34.35", Mechanism::DnsInjectionBogon),
            ("\"dns_name_error\"", Mechanism::DnsNxdomain),
            ("\"dns_refused_error\"", Mechanism::DnsRefused),
        ] {
            let found = found(tested, "5.6.7.8", &[]);
            check(&found, "blocked", "dns_consistency.denied", Some(mechanism));
        }
    }

    #[test]
    fn negative_dns_consistency_denied() {
        let nobody_knows = found("\"dns_name_error\"", "\"dns_name_error\"", &[]);
        check(&nobody_knows, "insufficient", "dns_consistency.unclear", None);
    }

    #[test]
    fn outage_dns_consistency_denied() {
        let found = found("\"timeout\"", "5.6.7.8", &[]);
        check(&found, "insufficient", "dns_consistency.unclear", None);
    }

    #[test]
    fn positive_dns_consistency_unclear() {
        let found = found("1.2.3.4", "5.6.7.8", &[]);
        check(&found, "insufficient", "dns_consistency.unclear", None);
    }

    #[test]
    fn negative_dns_consistency_unclear() {
        check(
            &verdict("dns_consistency", r#""queries":[]"#, ""),
            "insufficient",
            "record.bare",
            None,
        );
    }

    #[test]
    fn outage_dns_consistency_unclear() {
        let found = found("\"dns_server_failure\"", "5.6.7.8", &[]);
        check(&found, "insufficient", "dns_consistency.unclear", None);
    }
}
