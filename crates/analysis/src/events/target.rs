//! One target everywhere: its cells, the networks of a country pooled, and what is not blocking.
//!
//! Cells that are measured a few times a week say too little each. Pooled over the networks of a country, with a cap on what
//! one network brings, they say when a national block began long before one of them could; each network then only has to
//! agree. A cell that is known to be blocked by its own evidence leaves the pool.
//!
//! Cannot tell apart: a server that fails for everybody, from a national block, where one country alone is measured and the
//! control never fails with it; a target that moved, from injection of unspecific false answers into part of the
//! connections of a whole country.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wirewitness_model::verdict::Mechanism;

use super::bout::in_bouts;
use super::errors::{Errors, Named};
use super::report::{Basis, Country, Counts, Fault, FaultKind, Span, Spell};
use super::settings::Settings;
use super::spell::{Cell, TAIL};
use super::unit::Unit;
use super::walk::{Footing, Voice, walk};

/// The same target blocked in networks of one country at about the same time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Bout {
    /// By start.
    #[serde(with = "super::carry::spells")]
    pub(super) spells: Vec<Spell>,
    /// Networks in which it was measured at that time and could be used.
    pub(super) against: Vec<u32>,
}

/// What one target comes to.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Findings {
    pub(super) bouts: Vec<Bout>,
    /// Spells that are nothing by themselves.
    pub(super) hints: Vec<Bout>,
    pub(super) faults: Vec<Fault>,
}

/// Looks at all units of one target, sorted by network, then time.
pub(super) fn target(
    (target, units): (u32, &[Unit]),
    errors: &Errors,
    settings: &Settings,
) -> Findings {
    let mut findings = Findings::default();
    if units.iter().all(|unit| unit.blocked == 0) {
        return findings;
    }
    for country in units.chunk_by(|a, b| a.network.country == b.network.country) {
        if country.iter().all(|unit| unit.blocked == 0) {
            continue;
        }
        let cells: Vec<Cell<'_>> = country
            .chunk_by(|a, b| a.network == b.network)
            .filter_map(|units| Some(Cell { target, network: units.first()?.network, units }))
            .collect();
        let mut spells = own(&cells, errors, settings);
        let pooled = pooled(&cells, &spells, settings);
        // What a cell says by itself goes before what the others make likely.
        spells.retain(|spell| {
            spell.basis == Basis::Own || !pooled.iter().any(|whole| whole.covers(spell))
        });
        spells.extend(pooled);
        let (hints, firm) = spells.into_iter().partition(|spell| spell.basis == Basis::Targets);
        let hints: Vec<Spell> = hints;
        findings.hints.extend(hints.into_iter().map(|hint| {
            let spells = vec![hint];
            Bout { against: against(&cells, &spells), spells }
        }));
        for spells in in_bouts(firm, cells.len(), settings) {
            let bout = Bout { against: against(&cells, &spells), spells };
            match fault(&bout, &cells, units) {
                Some(fault) => findings.faults.push(fault),
                None => findings.bouts.push(bout),
            }
        }
    }
    findings
}

/// Spells of each cell by itself.
fn own(cells: &[Cell<'_>], errors: &Errors, settings: &Settings) -> Vec<Spell> {
    let mut spells: Vec<Spell> = Vec::new();
    for cell in cells {
        if cell.units.iter().any(|unit| unit.blocked > 0) {
            let stretches =
                walk(cell.units.iter(), Voice::Vantage, errors.of(cell.network), settings);
            let mut floor = 0;
            for stretch in &stretches {
                spells.push(cell.spell(stretch, floor, settings));
                floor = stretch.over().unwrap_or(floor);
            }
        }
    }
    spells.retain(is_coherent);
    spells
}

/// Whether it says one thing: noise of a weak block's size names whatever it likes.
fn is_coherent(spell: &Spell) -> bool {
    let named: u32 = spell.named.iter().map(|(_, n)| n).sum();
    let most = spell.named.iter().map(|(_, n)| *n).max().unwrap_or(0);
    let weak = spell.counts.blocked < spell.counts.ok + spell.counts.down;
    !weak || 2 * most >= named
}

/// Spells of cells that say too little each.
fn pooled(cells: &[Cell<'_>], own: &[Spell], settings: &Settings) -> Vec<Spell> {
    if cells.len() < 3 {
        return Vec::new();
    }
    let mut pool: Vec<Unit> = Vec::new();
    for cell in cells {
        let known: Vec<&Spell> = own
            .iter()
            .filter(|spell| spell.asn == cell.network.asn && spell.basis == Basis::Own)
            .collect();
        pool.extend(cell.units.iter().copied().filter(|unit| {
            !known.iter().any(|spell| {
                let over = spell.end.map_or(i64::MAX, |end| end.seen_s);
                unit.first_s > spell.start.seen_s && unit.first_s <= over
            })
        }));
    }
    pool.sort_by_key(|unit| (unit.first_s, unit.network, unit.vantage));
    let stretches = walk(pool.iter(), Voice::Network, Named::default(), settings);
    let Some(whole) = cells.first().map(|cell| Cell { units: &pool, ..*cell }) else {
        return Vec::new();
    };
    let (mut spells, mut floor) = (Vec::new(), 0);
    for stretch in &stretches {
        if stretch.footing == Footing::Firm {
            let period = Period::new(whole.spell(stretch, floor, settings), settings);
            spells.extend(members(cells, own, &period));
        }
        floor = stretch.over().unwrap_or(floor);
    }
    spells
}

impl Spell {
    /// Whether another of the same cell began within this one.
    fn covers(&self, other: &Self) -> bool {
        let over = self.end.map_or(i64::MAX, |end| end.at_s);
        self.asn == other.asn && self.start.at_s <= other.start.at_s && other.start.at_s < over
    }
}

/// When the pool was blocked.
struct Period {
    start_s: i64,
    pool: Spell,
    steps: (f64, f64),
    /// Seconds of a roll-out.
    window_s: i64,
}

impl Period {
    fn new(pool: Spell, settings: &Settings) -> Self {
        let steps = (
            (settings.full / settings.noise).ln(),
            ((1.0 - settings.full) / (1.0 - settings.noise)).ln(),
        );
        Self { start_s: pool.start.at_s, pool, steps, window_s: settings.roll_out_h * 3_600 }
    }

    fn over_s(&self) -> i64 {
        self.pool.end.map_or(i64::MAX, |end| end.at_s)
    }

    /// What a cell says of it.
    fn spell(&self, cell: &Cell<'_>, own: &[Spell]) -> Option<Spell> {
        let from = cell.units.partition_point(|unit| unit.first_s < self.start_s);
        // What began later by its own evidence is not of it.
        let later = own.iter().filter(|spell| {
            spell.asn == cell.network.asn
                && spell.basis == Basis::Own
                && spell.began.from > self.start_s.saturating_add(self.window_s)
        });
        let over_s = later.map(|spell| spell.began.from).fold(self.over_s(), i64::min);
        let until = cell.units.partition_point(|unit| unit.first_s < over_s);
        let first = from + cell.units.get(from..until)?.iter().position(Unit::is_blocked)?;
        let whole = cell.summary(from, until).counts;
        let said = f64::from(whole.blocked) * self.steps.0
            + f64::from(whole.ok + whole.down) * self.steps.1;
        if said < AGREES {
            return None;
        }
        let mut spell = cell.summary(first, until);
        let earlier = cell.units.get(..first).unwrap_or_default();
        spell.start.after_s =
            earlier.iter().rev().find(|unit| unit.is_ok()).map(|unit| unit.last_s);
        spell.start.seen_s = self.pool.start.seen_s.max(spell.start.at_s);
        // It began with the others, whatever one measurement in between says, unless it was late.
        let after_s = spell.start.after_s.unwrap_or(i64::MIN);
        let of_pool = after_s <= self.pool.began.to.saturating_add(self.window_s);
        let late = Span { from: self.start_s, to: spell.start.at_s };
        spell.began = if of_pool { self.pool.began } else { late };
        spell.could = if of_pool { self.pool.could } else { late };
        spell.end = self.pool.end;
        spell.over = self.pool.over;
        spell.basis = Basis::Networks;
        if self.pool.end.is_none() {
            let after = cell.units.iter().filter(|unit| unit.first_s > spell.last_blocked_s);
            spell.tail =
                after.filter(|unit| unit.is_ok()).take(TAIL).map(|unit| unit.last_s).collect();
        }
        Some(spell)
    }
}

/// The cells that agree with the pool, if they are enough.
fn members(cells: &[Cell<'_>], own: &[Spell], period: &Period) -> Vec<Spell> {
    let over = period.over_s();
    let told = |asn: u32| {
        own.iter().any(|spell| {
            spell.asn == asn
                && spell.basis == Basis::Own
                && spell.began.from <= period.start_s.saturating_add(period.window_s)
                && spell.start.at_s <= over
                && spell.end.is_none_or(|end| end.at_s >= period.start_s)
        })
    };
    let known = cells.iter().filter(|cell| told(cell.network.asn)).count();
    let unknown = cells.iter().filter(|cell| !told(cell.network.asn));
    let spells: Vec<Spell> = unknown.filter_map(|cell| period.spell(cell, own)).collect();
    if spells.len() + known < NETWORKS_NEEDED { Vec::new() } else { spells }
}

/// Networks of the country that say otherwise at the time of a bout.
fn against(cells: &[Cell<'_>], spells: &[Spell]) -> Vec<u32> {
    let (start, end) = span(spells);
    let mut against = Vec::new();
    for cell in cells {
        if spells.iter().any(|spell| spell.asn == cell.network.asn) {
            continue;
        }
        let counts = count(cell.units, (start, end));
        if counts.ok >= 2 && counts.ok > 2 * counts.blocked {
            against.push(cell.network.asn);
        }
    }
    against
}

/// From the first start to the last time that it was seen.
fn span(spells: &[Spell]) -> (i64, i64) {
    let start = spells.iter().map(|spell| spell.start.at_s).min().unwrap_or(0);
    let end = spells.iter().map(|spell| spell.last_blocked_s).max().unwrap_or(start);
    (start, end)
}

fn count(units: &[Unit], (from_s, to_s): (i64, i64)) -> Counts {
    let mut counts = Counts::default();
    for unit in units.iter().filter(|unit| unit.first_s >= from_s && unit.first_s <= to_s) {
        if unit.is_blocked() {
            counts.blocked += 1;
        } else if unit.is_ok() {
            counts.ok += 1;
        } else {
            counts.down += 1;
        }
    }
    counts
}

/// Whether a bout is the target's own doing.
fn fault(bout: &Bout, cells: &[Cell<'_>], everywhere: &[Unit]) -> Option<Fault> {
    let spell = bout.spells.first()?;
    let (start_s, end_s) = span(&bout.spells);
    let of = |kind| {
        let targets = vec![spell.target];
        Fault {
            kind,
            start_s,
            end_s,
            targets,
            country: Some(spell.country),
            asn: None,
            resolver_asn: None,
        }
    };
    if fails_elsewhere(spell.country, (start_s, end_s), everywhere)
        || fails_with_control(bout, cells)
    {
        return Some(Fault { country: None, ..of(FaultKind::Server) });
    }
    moved(bout, cells).then(|| of(FaultKind::Move))
}

/// Whether most other countries that measure it began to fail at that time.
fn fails_elsewhere(home: Country, (start_s, end_s): (i64, i64), everywhere: &[Unit]) -> bool {
    let (mut known, mut failing) = (0, 0);
    let until = end_s.min(start_s + 2 * DAY_S).max(start_s + DAY_S / 4);
    for country in everywhere.chunk_by(|a, b| a.network.country == b.network.country) {
        if country.first().is_none_or(|unit| Country(unit.network.country) == home) {
            continue;
        }
        let during = count(country, (start_s, until));
        let before = count(country, (start_s - 7 * DAY_S, start_s - DAY_S / 4));
        if during.ok + during.blocked + during.down < 3 {
            continue;
        }
        known += 1;
        let failed = during.blocked + during.down > during.ok;
        let was_fine = before.blocked + before.down <= before.ok;
        failing += u32::from(failed && was_fine);
    }
    known > 0 && 5 * failing >= 4 * known
}

/// Whether controls failed with it: half of it was seen in quarters of days with a share of `down` that no block of a country makes. Of
/// several networks, all that measured it in the first days are asked, or those in which chance said `blocked` would speak for the rest.
fn fails_with_control(bout: &Bout, cells: &[Cell<'_>]) -> bool {
    let (start_s, end_s) = span(&bout.spells);
    let is_wide = bout.spells.len() >= NETWORKS_NEEDED;
    let (from_s, to_s) = match is_wide {
        true => (start_s - DAY_S / 2, end_s.clamp(start_s + DAY_S, start_s + 3 * DAY_S)),
        false => (start_s, end_s),
    };
    let of_bout =
        |cell: &&Cell<'_>| is_wide || bout.spells.iter().any(|spell| spell.asn == cell.network.asn);
    let mut quarters: BTreeMap<i64, Counts> = BTreeMap::new();
    for unit in cells.iter().filter(of_bout).flat_map(|cell| cell.units) {
        if (from_s..=to_s).contains(&unit.first_s) && !unit.is_ok() {
            let quarter = quarters.entry(unit.first_s.div_euclid(DAY_S / 4)).or_default();
            if unit.is_blocked() { quarter.blocked += 1 } else { quarter.down += 1 }
        }
    }
    let (mut all, mut with_control) = (0, 0);
    for quarter in quarters.values() {
        all += quarter.blocked;
        with_control += if 3 * quarter.down > quarter.blocked { quarter.blocked } else { 0 };
    }
    2 * with_control >= all
}

/// Whether part of the answers of its names looked false, unspecifically, in several networks or all there are: in part of those of its own
/// networks too, and in others that were measured often enough to tell.
fn moved(bout: &Bout, cells: &[Cell<'_>]) -> bool {
    let (start_s, end_s) = span(&bout.spells);
    let within = |unit: &&Unit| unit.first_s >= start_s && unit.first_s <= end_s;
    let (mut ours, mut all, mut odd_in_ours, mut odd_in_all) =
        (Counts::default(), Counts::default(), 0, 0);
    let (mut networks, mut measured, mut others) = (0, 0, Vec::new());
    for cell in cells {
        let counts = count(cell.units, (start_s, end_s));
        let is_odd = |unit: &&Unit| unit.is_blocked() && is_unspecific(unit);
        let odd = cell.units.iter().filter(within).filter(is_odd).count();
        odd_in_all += odd;
        networks += usize::from(odd > 0);
        measured += usize::from(counts.ok + counts.blocked >= 2);
        all.add(counts);
        if bout.spells.iter().any(|spell| spell.asn == cell.network.asn) {
            ours.add(counts);
            odd_in_ours += odd;
        } else {
            others.push((f64::from(counts.ok + counts.blocked), odd));
        }
    }
    let share = odd_in_ours as f64 / f64::from(ours.ok + ours.blocked).max(1.0);
    others.retain(|(units, _)| units * share >= TELLING);
    let without = others.iter().filter(|(_, odd)| *odd == 0).count();
    let mostly_odd = 10 * odd_in_all >= 8 * all.blocked as usize;
    let in_part = 10 * ours.blocked < 7 * (ours.ok + ours.blocked);
    let elsewhere = others.is_empty() || 2 * without < others.len();
    mostly_odd && in_part && elsewhere && networks >= 3 && 2 * networks >= measured
}

fn is_unspecific(unit: &Unit) -> bool {
    unit.mechanism == Some(Mechanism::DnsInjectionOther)
}

/// ln 20: a cell is counted in where what it says is twenty times likelier under the block.
const AGREES: f64 = 2.995_732_273_553_991;
/// Odd answers that a network must be expected to have before none of them says that it has none.
const TELLING: f64 = 3.0;
/// Networks below which what is pooled is nothing.
pub(super) const NETWORKS_NEEDED: usize = 3;
const DAY_S: i64 = 86_400;
