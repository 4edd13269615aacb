//! Stretches of a walk into spells: what the units within them say.

use wirewitness_model::point::Network;
use wirewitness_model::verdict::Mechanism;

use super::report::{Basis, Country, Counts, Span, Spell, Turn};
use super::settings::Settings;
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
    pub(super) fn spell(&self, stretch: &Stretch, settings: &Settings) -> Spell {
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
        // What follows the last sight of a block that was not seen to end is not within it.
        let last = || self.units.iter().rposition(Unit::is_blocked).map_or(0, |last| last + 1);
        let until = stretch.end.map_or_else(last, |(since, _)| since);
        let mut spell = self.summary(stretch.since, until);
        (spell.start, spell.end) = (start, end);
        self.exactness(&mut spell, stretch, settings);
        if stretch.footing != Footing::Firm {
            self.of_one_mind(&mut spell, stretch, until);
        }
        if stretch.end.is_none() {
            let after = self.units.get(until..).unwrap_or_default().iter();
            spell.tail =
                after.filter(|unit| unit.is_ok()).take(TAIL).map(|unit| unit.last_s).collect();
        }
        spell.basis = match stretch.footing {
            Footing::Firm => Basis::Own,
            Footing::Lone => Basis::Vantage,
            Footing::Hint => Basis::Targets,
        };
        self.turns(&mut spell, stretch);
        spell
    }

    /// When it began and ended, and between which moments that can have been: where the likelihood is at least a twentieth of
    /// the highest. Units that name another mechanism than most say nothing here: noise does.
    fn exactness(&self, spell: &mut Spell, stretch: &Stretch, settings: &Settings) {
        let (hit, miss) = steps(spell, settings);
        let named = if stretch.turns.is_empty() { spell.mechanism } else { None };
        let step = |unit: &Unit| match unit.is_blocked() {
            true if named.is_some() && unit.mechanism != named => 0.0,
            true => hit,
            false => miss,
        };
        let place = self.place(stretch.since, stretch.alarm, step);
        let from = self.before(place.first, Unit::is_blocked).filter(|_| stretch.settled);
        let to = self.at(place.last);
        spell.start.at_s = self.at(place.best);
        spell.start.after_s = self.before(place.best, Unit::is_blocked).filter(|_| stretch.settled);
        spell.began = Span { from: from.unwrap_or(to - UNKNOWN_S).max(to - UNKNOWN_S), to };
        spell.over = stretch.end.map(|(since, alarm)| {
            let place = self.place(since, alarm, |unit| -step(unit));
            let from =
                self.before(place.first, |unit| !unit.is_blocked()).unwrap_or(self.at(place.first));
            Span { from: from.min(self.at(place.last)), to: self.at(place.last) }
        });
    }

    /// Where a change at `since`, stated at `alarm`, can have been.
    fn place(&self, since: usize, alarm: usize, step: impl Fn(&Unit) -> f64) -> Place {
        let units = self.units.get(since..alarm.min(self.units.len())).unwrap_or_default();
        let (mut lost, mut least, mut best) = (0.0, 0.0, since);
        let mut sums = Vec::with_capacity(units.len());
        for (index, unit) in units.iter().enumerate() {
            lost += step(unit);
            sums.push(lost);
            if lost < least {
                (least, best) = (lost, since + index + 1);
            }
        }
        let late =
            sums.iter().rposition(|sum| sum - least <= PLAUSIBLE).map_or(best, |at| since + at + 1);
        let (mut first, mut gone) = (best, 0.0);
        for (index, unit) in self.units.iter().enumerate().take(best).rev().take(FAR_UNITS) {
            gone += step(unit);
            if gone < -PLAUSIBLE {
                break;
            }
            first = index;
        }
        Place { first, best, last: late.max(best) }
    }

    /// Leaves the vantages that name the same mechanism; where one vantage brought the evidence, that one.
    fn of_one_mind(&self, spell: &mut Spell, stretch: &Stretch, until: usize) {
        let units = self.units.get(stretch.since..until.min(self.units.len())).unwrap_or_default();
        let said = |voice: u64| {
            let own = units.iter().filter(|unit| unit.vantage == voice && unit.is_blocked());
            own.filter(|unit| unit.mechanism == spell.mechanism).count()
        };
        let mut voices: Vec<(usize, u64)> = spell
            .voices
            .iter()
            .map(|voice| (said(*voice), *voice))
            .filter(|(n, _)| *n > 0)
            .collect();
        voices.sort_unstable_by(|a, b| b.cmp(a));
        if stretch.footing == Footing::Lone {
            voices.truncate(1);
        }
        spell.voices = voices.into_iter().map(|(_, voice)| voice).collect();
        spell.voices.sort_unstable();
        spell.vantages = spell.voices.len() as u32;
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
            began: Span { from: start.at_s, to: start.at_s },
            over: None,
            tail: Vec::new(),
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

/// Units that a change can have begun with: the first, the likeliest, the last.
struct Place {
    first: usize,
    best: usize,
    last: usize,
}

/// What a unit that says `blocked` says for a spell, and one that does not.
pub(super) fn steps(spell: &Spell, settings: &Settings) -> (f64, f64) {
    let all = f64::from(spell.counts.ok + spell.counts.blocked + spell.counts.down).max(1.0);
    let share = (f64::from(spell.counts.blocked) / all).clamp(settings.partial, settings.full);
    let noise = settings.noise.clamp(0.001, 0.2);
    ((share / noise).ln(), ((1.0 - share) / (1.0 - noise)).ln())
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

/// ln 20.
const PLAUSIBLE: f64 = 2.995_732_273_553_991;
/// Units looked back at.
const FAR_UNITS: usize = 12;
/// Times kept of what followed a block.
pub(super) const TAIL: usize = 10;
/// How long before its first sight a block may have begun that was there at the first measurement: a week, in seconds.
const UNKNOWN_S: i64 = 604_800;
