//! The walk along one series of units: blocked from when, until when, by what else from when.
//!
//! A series is in one of two states. Where it is not known to be blocked, two sums ([`Sum`]) ask whether `blocked` has become
//! more likely than noise: one for a block of everybody ([`Settings::full`]), one for a block of some
//! ([`Settings::partial`]). Where it is blocked, one sum asks whether it has gone back to noise, another whether the mechanism is
//! a new one. A crossed threshold is a change; it is placed where the sum began, which is the likeliest place.
//!
//! `down` speaks against a block (the control fails too) and not for its end.
//!
//! Cannot tell apart: a block of fewer than about one measurement in eight, from noise; a block that began during a gap, from
//! one that began with the first measurement after it.

use super::errors::Named;
use super::noise::Noise;
use super::reach::Reach;
use super::settings::Settings;
use super::sum::{Said, Sum};
use super::unit::Unit;

/// Whose word is capped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    /// One cell: its vantages.
    Vantage,
    /// Networks pooled: each of them.
    Network,
}

/// How well a spell is founded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Footing {
    /// Twice `blocked`: nothing by itself.
    Hint,
    /// As much evidence as is asked for, but of too few voices.
    Lone,
    /// The threshold is crossed.
    Firm,
}

/// A time during which a series was blocked, as indices of its units.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stretch {
    /// The first unit of the block.
    pub(super) since: usize,
    /// The unit at which it could be stated.
    pub(super) alarm: usize,
    /// The first unit after it, and the one at which that could be stated.
    pub(super) end: Option<(usize, usize)>,
    /// The same of each later mechanism.
    pub(super) turns: Vec<(usize, usize)>,
    pub(super) footing: Footing,
    /// Whether the series was known not to be blocked before.
    pub(super) settled: bool,
    /// Share of units that say `blocked` where nothing is.
    pub(super) noise: f64,
}

impl Stretch {
    /// The first unit that cannot be a part of it, where it was surely there.
    pub(super) fn over(&self) -> Option<usize> {
        let over = self.end.map_or(self.alarm, |(since, _)| since);
        (self.footing == Footing::Firm).then_some(over)
    }
}

/// Walks along units in order of time.
pub(super) fn walk<'u>(
    units: impl Iterator<Item = &'u Unit>,
    voice: Voice,
    errors: Named<'_>,
    settings: &Settings,
) -> Vec<Stretch> {
    let mut walk = Walk::new(voice, errors, settings);
    let mut last = 0;
    for (index, unit) in units.enumerate() {
        walk.step(index, unit);
        last = index;
    }
    walk.finish(last + 1)
}

struct Walk<'s> {
    settings: &'s Settings,
    voice: Voice,
    /// Seconds at which the first unit and the last so far were.
    first_s: i64,
    last_s: i64,
    /// Units so far, and those in a row of states that were not blocked.
    units: f64,
    calm: u32,
    noise: Noise<'s>,
    full: Sum,
    partial: Sum,
    /// The excursion of `full` at hand: its first unit, the most it came to uncapped, the unit of its last `blocked`.
    excursion: Option<usize>,
    peak: f64,
    last_blocked: usize,
    /// What speaks for a block so far, and whom that can meet.
    reach: Reach,
    blocked: Option<Blocked>,
    out: Vec<Stretch>,
}

/// What is known while a series is blocked.
struct Blocked {
    stretch: Stretch,
    /// Blocked units, all units, while nothing spoke of an end.
    tally: (f64, f64),
    /// By the mechanism at hand, and by what may be the next.
    reach: Reach,
    fresh: Reach,
    lifted: Sum,
    other: Sum,
}

impl<'s> Walk<'s> {
    fn new(voice: Voice, errors: Named<'s>, settings: &'s Settings) -> Self {
        Self {
            settings,
            voice,
            first_s: i64::MAX,
            last_s: i64::MAX,
            units: 0.0,
            calm: 0,
            noise: Noise::new(settings, errors),
            full: Sum::default(),
            partial: Sum::default(),
            excursion: None,
            peak: 0.0,
            last_blocked: 0,
            reach: Reach::default(),
            blocked: None,
            out: Vec::new(),
        }
    }

    fn step(&mut self, index: usize, unit: &Unit) {
        self.first_s = self.first_s.min(unit.first_s);
        if unit.first_s.saturating_sub(self.last_s) > self.settings.stale_h * 3_600 {
            self.forget(index);
        }
        self.last_s = unit.last_s;
        self.units += 1.0;
        match self.blocked.take() {
            None => self.watch(index, unit),
            Some(mut blocked) => {
                self.turn(index, unit, &mut blocked);
                if self.lift(index, unit, &mut blocked) {
                    self.out.push(blocked.stretch);
                } else {
                    self.blocked = Some(blocked);
                }
            }
        }
    }

    /// Not blocked, so far.
    fn watch(&mut self, index: usize, unit: &Unit) {
        let (hit, down) = unit.shares();
        // Networks that are pooled ask a resolver each.
        if hit < 0.5 && self.voice == Voice::Vantage && !self.reach.meets(unit) {
            return;
        }
        let settled = self.calm >= 2;
        if hit < 0.5 && self.full.since().is_none() {
            self.calm = self.calm.saturating_add(1);
        }
        if hit <= 0.0 && self.full.since().is_none() && self.partial.since().is_none() {
            self.noise.add(0.0);
            return;
        }
        let steps = self.noise.steps;
        let against = down * steps.full.1;
        let miss = 1.0 - hit - down;
        let (threshold, cap) = self.threshold();
        let voice = self.voice.of(unit);
        let full = hit * steps.full.0 + miss * steps.full.1 + against;
        let agreement = if hit >= 0.5 { self.noise.agreement(unit.mechanism) } else { 0.0 };
        let partial = hit * (steps.partial.0 + agreement) + miss * steps.partial.1 + against;
        let full = self.full.add(index, Said { voice, step: full, hit }, cap);
        // What is usual must be known before a little more than it means something.
        let calm = self.noise.units() >= CALIBRATION_UNITS;
        let partial = if calm {
            self.partial.add(index, Said { voice, step: partial, hit }, cap)
        } else {
            0.0
        };
        if hit >= 0.5 {
            self.last_blocked = index;
            self.reach.hear(unit);
        }
        self.excursion = self.full.since().or(self.excursion);
        self.peak = self.peak.max(self.full.uncapped());
        self.noise.pending(hit, unit.mechanism);
        if full >= threshold {
            self.block(index, &self.full.clone(), settled);
        } else if partial >= threshold {
            self.block(index, &self.partial.clone(), settled);
        } else if self.full.since().is_none() && self.excursion.is_some() {
            self.excursion_over(Some(index));
        }
        if self.full.since().is_none() && self.partial.since().is_none() {
            self.noise.settle();
            self.reach.clear();
        }
    }

    /// Evidence that a change needs, and what one voice can bring of it.
    fn threshold(&self) -> (f64, f64) {
        let seconds = self.last_s.saturating_sub(self.first_s).max(3 * 86_400);
        let rate = (self.units * YEAR_S / seconds as f64).max(LEAST_A_YEAR);
        let threshold = self.settings.threshold(rate);
        let share = match self.voice {
            Voice::Vantage => self.settings.one_vantage,
            Voice::Network => self.settings.one_network,
        };
        (threshold, share * threshold)
    }

    fn block(&mut self, index: usize, sum: &Sum, settled: bool) {
        let since = sum.since().unwrap_or(index);
        self.full.clear();
        self.partial.clear();
        self.noise.drop_pending();
        (self.excursion, self.peak) = (None, 0.0);
        self.blocked = Some(Blocked {
            stretch: Stretch {
                since,
                alarm: index,
                end: None,
                turns: Vec::new(),
                footing: Footing::Firm,
                settled,
                noise: self.noise.share,
            },
            tally: sum.tally(),
            reach: std::mem::take(&mut self.reach),
            fresh: Reach::default(),
            lifted: Sum::default(),
            other: Sum::default(),
        });
    }

    /// What spoke for a block was refuted (at a unit), or is over with the data.
    fn excursion_over(&mut self, at: Option<usize>) {
        let (threshold, _) = self.threshold();
        let steps = self.noise.steps;
        let footing = if self.peak >= threshold {
            Some(Footing::Lone)
        } else {
            (self.peak >= 1.8 * steps.full.0).then_some(Footing::Hint)
        };
        let since = self.excursion.take();
        if let (Some(footing), Some(since)) = (footing, since) {
            let end = self.last_blocked + 1;
            self.out.push(Stretch {
                since,
                alarm: self.last_blocked,
                end: at.map(|at| (end, at)),
                turns: Vec::new(),
                footing,
                settled: self.calm >= 2,
                noise: self.noise.share,
            });
        }
        self.peak = 0.0;
        self.full.clear();
    }

    /// Nothing was measured for so long that nothing is known any more.
    fn forget(&mut self, index: usize) {
        if self.excursion.is_some() {
            self.excursion_over(Some(index));
        }
        self.full.clear();
        self.partial.clear();
        self.noise.drop_pending();
        self.reach.clear();
        self.calm = 0;
        if let Some(blocked) = &mut self.blocked {
            blocked.lifted.clear();
            blocked.other.clear();
        }
    }

    /// Blocked: whether it no longer is. Then the stretch has its end.
    fn lift(&mut self, index: usize, unit: &Unit, blocked: &mut Blocked) -> bool {
        let (hit, down) = unit.shares();
        if hit < 0.5 && !blocked.reach.meets(unit) {
            return false;
        }
        let miss = 1.0 - hit - down;
        let began = blocked.lifted.since().is_some();
        if hit >= 0.5 && !began {
            blocked.tally.0 += hit;
            blocked.tally.1 += 1.0;
            return false;
        }
        let noise = self.noise.share;
        let share = (blocked.tally.0 / blocked.tally.1)
            .clamp(0.15_f64.max(2.0 * noise), self.settings.full);
        let step = hit * (noise / share).ln() + miss * ((1.0 - noise) / (1.0 - share)).ln();
        let (threshold, cap) = self.threshold();
        let value = blocked.lifted.add(index, Said { voice: self.voice.of(unit), step, hit }, cap);
        if value < threshold && blocked.lifted.uncapped() < 2.0 * threshold {
            if blocked.lifted.since().is_none() {
                // All that spoke for an end, in vain, is part of the block.
                let (hits, all) = if began { blocked.lifted.tally() } else { (hit, 1.0 - down) };
                blocked.tally.0 += hits;
                blocked.tally.1 += all;
            }
            return false;
        }
        blocked.stretch.end = blocked.lifted.since().map(|since| (since, index));
        self.calm = 2;
        true
    }

    /// Blocked: whether by a new mechanism.
    fn turn(&mut self, index: usize, unit: &Unit, blocked: &mut Blocked) {
        let (Some(mechanism), true) = (unit.mechanism, unit.is_blocked()) else { return };
        let (own, all) = blocked.reach.share(mechanism);
        let is_new = all >= 3.0 && own < 0.1 * all;
        let step = if is_new { NEW_MECHANISM } else { KNOWN_MECHANISM };
        let (threshold, cap) = self.threshold();
        let value =
            blocked.other.add(index, Said { voice: self.voice.of(unit), step, hit: 1.0 }, cap);
        if blocked.other.since().is_none() {
            blocked.fresh.clear();
            blocked.reach.hear(unit);
            return;
        }
        blocked.fresh.hear(unit);
        if value >= threshold {
            blocked.stretch.turns.extend(blocked.other.since().map(|since| (since, index)));
            blocked.reach = std::mem::take(&mut blocked.fresh);
            blocked.other.clear();
        }
    }

    fn finish(mut self, units: usize) -> Vec<Stretch> {
        if self.excursion.is_some() {
            // What is not refuted goes on.
            self.excursion_over(None);
        }
        self.out.extend(self.blocked.take().map(|blocked| blocked.stretch));
        self.out.retain(|stretch| stretch.since < units);
        self.out
    }
}

impl Voice {
    fn of(self, unit: &Unit) -> u64 {
        match self {
            Self::Vantage => unit.vantage,
            Self::Network => u64::from(unit.network.asn),
        }
    }
}

/// Units of a series that make its own noise known.
const CALIBRATION_UNITS: f64 = 30.0;
/// Units a year that a series is taken to have at least: a rate known from little is not known to be low.
const LEAST_A_YEAR: f64 = 1_000.0;
/// 365.25 days.
const YEAR_S: f64 = 31_557_600.0;
/// ln(0.8 / 0.05): a mechanism outside those known is 4 in 5 units after a change, 1 in 20 before it.
const NEW_MECHANISM: f64 = 2.772_588_722_239_781;
/// ln(0.2 / 0.95).
const KNOWN_MECHANISM: f64 = -1.558_144_618_046_55;
