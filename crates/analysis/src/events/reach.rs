//! Whom a block can meet: one in resolvers meets those who ask them.

use wirewitness_model::verdict::Mechanism;

use super::layer::Layer;
use super::unit::Unit;

/// What blocked units named, and the resolvers of those who saw it.
#[derive(Debug, Clone, Default)]
pub(super) struct Reach {
    named: Vec<(Mechanism, f64)>,
    in_dns: f64,
    all: f64,
    resolvers: Vec<u32>,
}

impl Reach {
    /// Hears a blocked unit.
    pub(super) fn hear(&mut self, unit: &Unit) {
        if self.resolvers.len() < MOST_RESOLVERS && !self.resolvers.contains(&unit.resolver_asn) {
            self.resolvers.push(unit.resolver_asn);
        }
        self.all += 1.0;
        if Layer::of(unit.mechanism) == Layer::Dns {
            self.in_dns += 1.0;
        }
        let Some(mechanism) = unit.mechanism else { return };
        match self.named.iter_mut().find(|(known, _)| *known == mechanism) {
            Some((_, n)) => *n += 1.0,
            None => self.named.push((mechanism, 1.0)),
        }
    }

    /// Whether a unit can be met by it: who asks another resolver says nothing of a block in resolvers. One other layer in ten is an error.
    pub(super) fn meets(&self, unit: &Unit) -> bool {
        let is_dns = self.all > 0.0 && self.in_dns >= 0.9 * self.all;
        !is_dns || unit.resolver_asn == 0 || self.resolvers.contains(&unit.resolver_asn)
    }

    /// Blocked units heard, and those of them that named a mechanism.
    pub(super) fn share(&self, mechanism: Mechanism) -> (f64, f64) {
        let own = self.named.iter().find(|(known, _)| *known == mechanism);
        (own.map_or(0.0, |(_, n)| *n), self.named.iter().map(|(_, n)| n).sum())
    }

    pub(super) fn clear(&mut self) {
        self.named.clear();
        self.resolvers.clear();
        (self.in_dns, self.all) = (0.0, 0.0);
    }
}

/// Resolvers that are kept apart: of a country's pool, more than it has networks.
const MOST_RESOLVERS: usize = 256;

#[cfg(test)]
mod tests {
    use wirewitness_model::point::Point;
    use wirewitness_model::verdict::Status;

    use super::super::unit::Units;
    use super::super::unit::tests::point;
    use super::*;

    fn unit(resolver_asn: u32, mechanism: Option<Mechanism>) -> Unit {
        let status = if mechanism.is_some() { Status::Blocked } else { Status::Ok };
        let mut units = Units::default();
        units.add(&Point { resolver_asn, mechanism, ..point(0, 1, status) });
        units.done[0]
    }

    #[test]
    fn who_asks_another_resolver_says_nothing_of_a_block_in_resolvers() {
        for (mechanism, meets) in [(Mechanism::DnsNxdomain, false), (Mechanism::TlsTimeout, true)] {
            let mut reach = Reach::default();
            assert!(reach.meets(&unit(9, None)), "nothing is blocked");
            reach.hear(&unit(7, Some(mechanism)));
            assert_eq!(reach.meets(&unit(9, None)), meets, "{mechanism:?}");
            assert!(reach.meets(&unit(7, None)) && reach.meets(&unit(0, None)), "{mechanism:?}");
        }
    }

    #[test]
    fn one_error_of_another_layer_does_not_make_it_a_block_of_all() {
        let mut reach = Reach::default();
        (0..19).for_each(|_| reach.hear(&unit(7, Some(Mechanism::DnsTimeout))));
        reach.hear(&unit(9, Some(Mechanism::TcpTimeout)));
        assert!(!reach.meets(&unit(8, None)));
        (0..9).for_each(|_| reach.hear(&unit(7, Some(Mechanism::TcpTimeout))));
        assert!(reach.meets(&unit(8, None)), "a third is not an error");
    }
}
