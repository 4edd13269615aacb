//! Stretches of a walk into spells: what the units within them say.

use wirewitness_model::point::Network;
use wirewitness_model::verdict::Mechanism;

use super::report::{Basis, Country, Counts, Spell, Turn};
use super::unit::Unit;
use super::walk::{Footing, Stretch};

/// One target in one network: its units, in order of time.
#[derive(Clone, Copy)]
pub(super) struct Cell<'u> {
    pub(super) target: u32,
    pub(super) network: Network,
    pub(super) units: &'u [Unit],
}

impl Cell<'_> {
    /// The spell that a stretch of this cell's own walk is.
    pub(super) fn spell(&self, stretch: &Stretch) -> Spell {
        let start = Turn {
            after_s: self.before(stretch.since, Unit::is_blocked).filter(|_| stretch.settled),
            at_s: self.at(stretch.since),
            seen_s: self.said_at(stretch.alarm),
        };
        let end = stretch.end.map(|(since, alarm)| Turn {
            after_s: self.before(since, |unit| !unit.is_blocked()),
            at_s: self.at(since.min(alarm)),
            seen_s: self.said_at(alarm),
        });
        let until = stretch.end.map_or(self.units.len(), |(since, _)| since);
        let mut spell = self.summary(stretch.since, until);
        (spell.start, spell.end) = (start, end);
        spell.basis = match stretch.footing {
            Footing::Firm => Basis::Own,
            Footing::Lone => Basis::Vantage,
            Footing::Hint => Basis::Targets,
        };
        self.turns(&mut spell, stretch);
        spell
    }

    /// The mechanisms, one after another.
    fn turns(&self, spell: &mut Spell, stretch: &Stretch) {
        let Some((first, _)) = stretch.turns.first() else { return };
        spell.mechanism = most(&self.summary(stretch.since, *first).named);
        for (place, (since, alarm)) in stretch.turns.iter().enumerate() {
            let until = stretch.turns.get(place + 1).map_or(self.units.len(), |(next, _)| *next);
            let after_s = self.before(*since, |unit| !unit.is_blocked());
            let turn = Turn { after_s, at_s: self.at(*since), seen_s: self.said_at(*alarm) };
            if let Some(mechanism) = most(&self.summary(*since, until).named) {
                spell.turns.push((mechanism, turn));
            }
        }
    }

    /// What units of a range say, as a spell that began with the first and has not ended.
    pub(super) fn summary(&self, from: usize, until: usize) -> Spell {
        let start = Turn { after_s: None, at_s: self.at(from), seen_s: self.said_at(from) };
        let mut spell = Spell {
            target: self.target,
            country: Country(self.network.country),
            asn: self.network.asn,
            start,
            end: None,
            mechanism: None,
            turns: Vec::new(),
            counts: Counts::default(),
            vantages: 0,
            basis: Basis::Own,
            last_blocked_s: start.at_s,
            voices: Vec::new(),
            named: Vec::new(),
        };
        for unit in self.units.get(from..until.min(self.units.len())).unwrap_or_default() {
            spell.hear(unit);
        }
        spell.voices.sort_unstable();
        spell.vantages = spell.voices.len() as u32;
        spell.named.sort_by_key(|(mechanism, n)| (u32::MAX - n, *mechanism));
        spell.mechanism = most(&spell.named);
        spell
    }

    fn at(&self, index: usize) -> i64 {
        self.units.get(index).or(self.units.last()).map_or(0, |unit| unit.first_s)
    }

    fn said_at(&self, index: usize) -> i64 {
        self.units.get(index).or(self.units.last()).map_or(0, |unit| unit.last_s)
    }

    /// Time of the last unit before another that is not so.
    fn before(&self, index: usize, so: impl Fn(&Unit) -> bool) -> Option<i64> {
        let earlier = self.units.get(..index)?;
        earlier.iter().rev().find(|unit| !so(unit)).map(|unit| unit.last_s)
    }
}

impl Spell {
    fn hear(&mut self, unit: &Unit) {
        if unit.is_blocked() {
            self.counts.blocked += 1;
            self.last_blocked_s = self.last_blocked_s.max(unit.last_s);
            if self.voices.len() < Self::VOICES && !self.voices.contains(&unit.vantage) {
                self.voices.push(unit.vantage);
            }
            if let Some(mechanism) = unit.mechanism {
                match self.named.iter_mut().find(|(known, _)| *known == mechanism) {
                    Some((_, n)) => *n += 1,
                    None => self.named.push((mechanism, 1)),
                }
            }
        } else if unit.is_ok() {
            self.counts.ok += 1;
        } else {
            self.counts.down += 1;
        }
    }
}

/// The mechanism that most units named; the first in order among equals.
pub(super) fn most(named: &[(Mechanism, u32)]) -> Option<Mechanism> {
    named
        .iter()
        .max_by_key(|(mechanism, n)| (*n, std::cmp::Reverse(*mechanism)))
        .map(|(mechanism, _)| *mechanism)
}
