//! What errors name: which mechanisms are said of targets that others could use just before and just after.
//!
//! A line that loses packets looks like timeouts and resets, not like a block page. What is named by chance now and then says little
//! where it is named again; what chance hardly ever names says much. Counted by targets, which errors spread over and blocks do not, so
//! that a block of part of one network's measurements is no error of that network; and against the middle of all networks, so that a
//! network in which a resolver broke is itself alone.
//!
//! Cannot tell apart: errors of a kind that began after these were counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wirewitness_model::point::Network;
use wirewitness_model::verdict::Mechanism;

/// Shares of errors that name each mechanism, by network.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Errors {
    /// Of the network in the middle.
    #[serde(with = "super::carry::exact")]
    usual: BTreeMap<Mechanism, f64>,
    #[serde(with = "super::carry::exact_by_network")]
    networks: BTreeMap<Network, BTreeMap<Mechanism, f64>>,
}

/// Of one network, as a search takes it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Named<'a> {
    errors: Option<(&'a Errors, Option<&'a BTreeMap<Mechanism, f64>>)>,
}

impl Errors {
    /// Of the targets of each network that errors named a mechanism of.
    pub(super) fn new(networks: BTreeMap<Network, BTreeMap<Mechanism, f64>>) -> Self {
        let all = |named: &BTreeMap<Mechanism, f64>| named.values().sum::<f64>();
        let mut shares: BTreeMap<Mechanism, Vec<f64>> = BTreeMap::new();
        let telling = || networks.values().filter(|named| all(named) >= LEAST_ERRORS);
        for named in telling() {
            for (mechanism, n) in named {
                shares.entry(*mechanism).or_default().push(n / all(named));
            }
        }
        let count = telling().count();
        if count < LEAST_NETWORKS {
            return Self::default();
        }
        let middle = |mut shares: Vec<f64>| {
            shares.resize(count, 0.0);
            shares.sort_by(f64::total_cmp);
            shares.get(count / 2).copied().unwrap_or(0.0)
        };
        let usual = shares.into_iter().map(|(mechanism, of)| (mechanism, middle(of))).collect();
        Self { usual, networks }
    }

    /// What errors name in a network.
    pub(super) fn of(&self, network: Network) -> Named<'_> {
        let errors = (!self.usual.is_empty()).then(|| (self, self.networks.get(&network)));
        Named { errors }
    }
}

impl Named<'_> {
    /// The share of errors that name a mechanism. None where too little is known of errors at all.
    pub(super) fn share(self, mechanism: Mechanism) -> Option<f64> {
        let (errors, own) = self.errors?;
        let usual = errors.usual.get(&mechanism).copied().unwrap_or(0.0);
        let all: f64 = own.map_or(0.0, |own| own.values().sum());
        let own = own.and_then(|own| own.get(&mechanism)).copied().unwrap_or(0.0);
        Some((own + USUAL * usual) / (all + USUAL))
    }
}

/// Targets with errors from which a network says what errors are.
const LEAST_ERRORS: f64 = 10.0;
/// Networks from which one is in the middle.
const LEAST_NETWORKS: usize = 5;
/// Targets that the usual share is worth against a network's own.
const USUAL: f64 = 20.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn network(asn: u32) -> Network {
        Network { country: *b"ZZ", asn }
    }

    fn errors(networks: u32, broken: u32) -> Errors {
        let of = |asn: u32| {
            let mut named = BTreeMap::from([(Mechanism::TcpTimeout, 60.0)]);
            named.insert(Mechanism::DnsNxdomain, if asn < broken { 600.0 } else { 0.6 });
            (network(asn), named)
        };
        Errors::new((0..networks).map(of).collect())
    }

    #[test]
    fn a_network_with_a_broken_resolver_is_alone_with_it() {
        let errors = errors(9, 1);
        let share = |asn: u32| errors.of(network(asn)).share(Mechanism::DnsNxdomain).unwrap();
        assert!(share(0) > 0.8, "its own: {}", share(0));
        assert!(share(3) < 0.05, "not the others': {}", share(3));
        assert!(share(77) < 0.05, "one that is not known is as usual: {}", share(77));
    }

    #[test]
    fn few_networks_say_nothing() {
        assert_eq!(errors(4, 0).of(network(1)).share(Mechanism::TcpTimeout), None);
        assert_eq!(Named::default().share(Mechanism::TcpTimeout), None);
    }
}
