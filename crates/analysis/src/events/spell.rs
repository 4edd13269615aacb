//! Stretches of a walk into spells: what the units within them say.

use wirewitness_model::point::Network;
use wirewitness_model::verdict::Mechanism;

use super::reach::Reach;
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
    /// The spell that a stretch of this cell's own walk is. Units before `floor` are of another.
    pub(super) fn spell(&self, stretch: &Stretch, floor: usize, settings: &Settings) -> Spell {
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
        let unseen = spell.unseen();
        if let (Some(end), Some((since, alarm))) = (&mut spell.end, stretch.end) {
            end.at_s = self.at((since + unseen).min(alarm));
        }
        self.exactness(&mut spell, (stretch, floor), settings);
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
    fn exactness(
        &self,
        spell: &mut Spell,
        (stretch, floor): (&Stretch, usize),
        settings: &Settings,
    ) {
        let (hit, miss) = steps(spell, stretch.noise, settings);
        let mut reach = Reach::default();
        let until = stretch.end.map_or(self.units.len(), |(since, _)| since);
        let within = self.units.get(stretch.since..until).unwrap_or_default();
        within.iter().filter(|unit| unit.is_blocked()).for_each(|unit| reach.hear(unit));
        let named = if stretch.turns.is_empty() { spell.mechanism } else { None };
        let step = |unit: &Unit| match unit.is_blocked() {
            true if named.is_some() && unit.mechanism != named => 0.0,
            true => hit,
            false if !reach.meets(unit) => 0.0,
            false => miss,
        };
        let place = self.place((floor, stretch.alarm), PLAUSIBLE, step);
        let span = |place: &Place| {
            let from = self.before(place.first, Unit::is_blocked).filter(|_| stretch.settled);
            let to = self.at(place.last);
            Span { from: from.unwrap_or(to - UNKNOWN_S).max(to - UNKNOWN_S), to }
        };
        spell.start.at_s = self.at(place.best);
        spell.start.after_s = self.before(place.best, Unit::is_blocked).filter(|_| stretch.settled);
        spell.began = span(&place);
        let place = self.place((floor, stretch.alarm), THINKABLE, step);
        let from = self.before(place.first, Unit::is_blocked).unwrap_or(0);
        spell.could = Span { from, to: self.at(place.last) };
        spell.over = stretch.end.map(|(since, alarm)| {
            let place =
                self.place((stretch.since.min(since), alarm), PLAUSIBLE, |unit| -step(unit));
            let from =
                self.before(place.first, |unit| !unit.is_blocked()).unwrap_or(self.at(place.first));
            Span { from: from.min(self.at(place.last)), to: self.at(place.last) }
        });
    }

    /// Where a change that was stated at a unit can have been, no earlier than another: where what follows says most for it. `step` is what a unit
    /// says for it, `plausible` the logarithm of how much less likely than the likeliest it may be.
    fn place(
        &self,
        (floor, alarm): (usize, usize),
        plausible: f64,
        step: impl Fn(&Unit) -> f64,
    ) -> Place {
        let (mut said, mut most, mut best) = (0.0_f64, f64::MIN, alarm);
        let mut sums = Vec::new();
        for (index, unit) in self.units.iter().enumerate().take(alarm + 1).skip(floor).rev() {
            let own = step(unit);
            said += own;
            sums.push((index, said));
            if own > 0.0 && said >= most {
                (most, best) = (said, index);
            }
            // What lies so far back has no part in it.
            if said < most - 4.0 * THINKABLE {
                break;
            }
        }
        let near = || sums.iter().filter(|(_, said)| most - said <= plausible);
        let first = near().map(|(index, _)| *index).min().unwrap_or(best);
        let last = near().map(|(index, _)| *index).max().unwrap_or(best);
        Place { first, best, last }
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
        let (mut floor, mut known) = (stretch.since, spell.mechanism);
        for (place, (since, alarm)) in stretch.turns.iter().enumerate() {
            let until = stretch.turns.get(place + 1).map_or(self.units.len(), |(next, _)| *next);
            let mechanism = most(&self.summary(*since, until).named);
            let Some(mechanism) = mechanism.filter(|named| Some(*named) != known) else {
                continue;
            };
            // Neighbours of either say nothing: a judge takes one for the other.
            let step = |unit: &Unit| match unit.mechanism {
                Some(named) if named == mechanism => 1.0,
                Some(named) if Some(named) == known => -1.0,
                _ => 0.0,
            };
            let best = self.place((floor, *alarm), 0.0, step).last;
            let after_s = self.before(best, |unit| !unit.is_blocked());
            let turn = Turn { after_s, at_s: self.at(best), seen_s: self.said_at(*alarm) };
            spell.turns.push((mechanism, turn));
            (floor, known) = (*since, Some(mechanism));
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
            could: Span { from: start.at_s, to: start.at_s },
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
pub(super) fn steps(spell: &Spell, noise: f64, settings: &Settings) -> (f64, f64) {
    let all = f64::from(spell.counts.ok + spell.counts.blocked + spell.counts.down).max(1.0);
    let least = (2.0 * noise).max(0.5 * settings.partial).min(settings.full);
    let share = (f64::from(spell.counts.blocked) / all).clamp(least, settings.full);
    ((share / noise).ln(), ((1.0 - share) / (1.0 - noise)).ln())
}

impl Spell {
    /// Units that a block may have gone on for, unseen, after its last sight: as many as not. None of a block of everybody.
    fn unseen(&self) -> usize {
        let all = f64::from(self.counts.blocked + self.counts.ok).max(1.0);
        let share = (f64::from(self.counts.blocked) / all).clamp(0.05, 0.95);
        (0.5_f64.ln() / (1.0 - share).ln()) as usize
    }

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
/// ln 2 000.
const THINKABLE: f64 = 7.600_902_459_542_082;
/// Times kept of what followed a block.
pub(super) const TAIL: usize = 10;
/// How long before its first sight a block may have begun that was there at the first measurement: a week, in seconds.
pub(super) const UNKNOWN_S: i64 = 604_800;
