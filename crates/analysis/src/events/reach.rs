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
