//! One family of evidence against every device of the catalogue, sets of two, a device of which nothing is known, and none at all.
//!
//! The sum of a family is kept within a factor of [`CAP`] of its best hypothesis: its cells come from one part of a device and are not
//! independent. Families are never multiplied into one posterior: plug-ins have versions of their own.

mod hypothesis;

use std::collections::BTreeMap;

use super::arithmetic::trials::{Gate, State};
use super::battery::Behaviour;
use super::evidence::{Evidence, Seen, What};
use super::likelihood::{Ratios, contradicts, fits};
use super::profile::schema::Family;
use super::profile::{Catalogue, Prediction, Profile};
use hypothesis::hypotheses;
pub use hypothesis::{Hypothesis, Who};

/// The most that one family can bring for or against anything: 1000 to 1.
pub const CAP: f64 = 1000.0;
/// Prior of all single devices (with UNKNOWN and NONE), and of all sets of two.
pub const PRIOR: [f64; 2] = [0.8, 0.2];
/// Decided probes from which a parser that stops nearly all of them is called saturated.
const SATURABLE: usize = 4;
/// Id of the device that lineage is asked of.
pub const TSG: &str = "TSG";

/// A cell with all that was seen of it.
#[derive(Debug, Clone)]
pub struct Row<'e> {
    /// Section of the cell.
    pub section: &'static str,
    /// Key of the cell.
    pub key: &'static str,
    /// What was seen, one entry a probe.
    pub seen: Vec<&'e Seen>,
    /// Ratios of each probe; of a property there are none.
    ratios: Vec<Option<Ratios>>,
}

impl Row<'_> {
    /// The state of its probes, where they agree. A property of something forged is always decided.
    pub fn state(&self) -> Option<State> {
        let mut states = self.seen.iter().map(|it| match it.what {
            What::Trials { state, .. } => state,
            What::Value(_) => State::Censored,
        });
        let first = states.next()?;
        Some(if states.all(|it| it == first) { first } else { State::Inconclusive })
    }

    fn is_decided(&self) -> bool {
        self.state().is_some_and(|state| state != State::Inconclusive)
    }

    fn is_trials(&self) -> bool {
        self.seen.iter().all(|it| matches!(it.what, What::Trials { .. }))
    }
}

/// What one family says.
#[derive(Debug, Clone)]
pub struct FamilyScore<'e> {
    /// The evidence.
    pub evidence: &'e Evidence,
    /// Its cells.
    pub rows: Vec<Row<'e>>,
    /// Cells that are decided.
    pub decided: usize,
    /// Decided cells in which devices of the catalogue differ; 0 where the family is saturated or the like.
    pub informative: usize,
    /// Nearly everything is censored, so that the parser does not show.
    pub saturated: bool,
    /// Why nothing follows from the family, if so.
    pub void: Option<String>,
    /// Hypotheses, the most probable first.
    pub ranked: Vec<Hypothesis>,
    /// Devices whose behaviour excludes them.
    pub excluded: Vec<String>,
    /// Devices of which no cell of this family is known.
    pub unmeasured: Vec<String>,
    /// Devices that could stand beside the first without showing.
    pub hidden: Vec<String>,
    /// Cells that refute a device, by device.
    pub contradictions: BTreeMap<String, Vec<&'static str>>,
}

/// Scores one family.
pub fn score<'e>(evidence: &'e Evidence, catalogue: &Catalogue) -> FamilyScore<'e> {
    let rows = rows(evidence);
    let (mut devices, mut excluded, mut unmeasured) = (Vec::new(), Vec::new(), Vec::new());
    for profile in catalogue.profiles() {
        if is_excluded(profile, evidence) {
            excluded.push(profile.id.clone());
        } else if rows.iter().all(|row| profile.cell(row.section, row.key, 0).is_none()) {
            unmeasured.push(profile.id.clone());
        } else {
            devices.push(profile);
        }
    }
    let (ranked, absorbed) = hypotheses(evidence, &rows, &devices);
    let decided = rows.iter().filter(|row| row.is_decided()).count();
    let saturated = is_saturated(&rows, decided);
    let void = void(evidence);
    let tells = |row: &&Row<'_>| row.is_decided() && differ(row, &devices);
    let informative = if saturated || evidence.is_substring || void.is_some() {
        0
    } else {
        rows.iter().filter(tells).count()
    };
    let first = ranked.iter().find_map(|it| it.who.device().map(str::to_owned));
    let hidden = absorbed
        .into_iter()
        .filter(|(by, _)| first.as_ref() == Some(by))
        .map(|(_, hidden)| hidden)
        .collect();
    let contradictions = devices
        .iter()
        .map(|it| (it.id.clone(), contradictions(it, evidence.family, &rows)))
        .filter(|(_, cells)| !cells.is_empty())
        .collect();
    FamilyScore {
        evidence,
        decided,
        informative,
        saturated,
        void,
        ranked,
        excluded,
        unmeasured,
        hidden,
        contradictions,
        rows,
    }
}

impl FamilyScore<'_> {
    /// The hypothesis of this device alone.
    pub fn of(&self, id: &str) -> Option<&Hypothesis> {
        self.ranked.iter().find(|it| it.who.device() == Some(id))
    }

    /// Logarithm of the ratio of the best single device over the next best hypothesis that is without it.
    pub fn ln_lr_next(&self) -> Option<f64> {
        let best = self.ranked.iter().find(|it| it.who.device().is_some())?;
        let id = best.who.device()?;
        let without = self.ranked.iter().filter(|it| !it.who.holds(id));
        let next = without.map(|it| it.ln_lr).max_by(f64::total_cmp)?;
        Some(best.ln_lr - next)
    }

    /// True where it can tell devices apart.
    pub fn tells(&self) -> bool {
        self.informative > 0
    }

    /// True where a mark of this device fits: a cell whose value few packets have. Flags, their number and the absence of a key fit half of
    /// the resets of the world, and without controls name nobody.
    pub fn is_marked(&self, profile: &Profile) -> bool {
        match self.evidence.family {
            Family::RstStatic | Family::RstPrng => {}
            // Many forge addresses of 10.0.0.0/8 and 127.0.0.1: these alone are no mark.
            Family::DnsResponse => return self.rows.iter().any(|row| row.key == "flags"),
            _ => return true,
        }
        self.rows.iter().any(|row| {
            let all = 0..profile.configurations_of(row.section).len();
            let cells = all.filter_map(|number| profile.cell(row.section, row.key, number));
            cells.map(|cell| &cell.is).filter(|is| is_mark(row.key, is)).any(|is| {
                row.seen.iter().any(|it| match &it.what {
                    What::Value(value) => fits(is, value) == Some(true),
                    What::Trials { .. } => false,
                })
            })
        })
    }

    /// Devices that explain it, in one of their configurations, better than a device of which nothing is known, are not contradicted by
    /// it, and stand within a factor of 100 of the best.
    pub fn consistent(&self) -> Vec<&str> {
        let best = self.ranked.iter().map(|it| it.ln_lr).fold(f64::NEG_INFINITY, f64::max);
        let near = |it: &&Hypothesis| it.ln_lr_best > 0.0 && best - it.ln_lr < 100_f64.ln();
        let mut ids: Vec<&str> =
            self.ranked.iter().filter(near).filter_map(|it| it.who.device()).collect();
        ids.retain(|id| !self.contradictions.contains_key(*id));
        ids
    }
}

fn rows(evidence: &Evidence) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for seen in &evidence.seen {
        let ratios = match &seen.what {
            What::Trials { counts, .. } if counts.trials == 0 => continue,
            What::Trials { counts, .. } => Some(Ratios::of(*counts)),
            What::Value(_) => None,
        };
        let (section, key) = (seen.section, seen.key);
        match rows.iter_mut().find(|row| (row.section, row.key) == (section, key)) {
            Some(row) => {
                row.seen.push(seen);
                row.ratios.push(ratios);
            }
            None => rows.push(Row { section, key, seen: vec![seen], ratios: vec![ratios] }),
        }
    }
    rows
}

/// A device that is known to do other things than what was seen is not the one. One whose behaviour is not known may be.
fn is_excluded(profile: &Profile, evidence: &Evidence) -> bool {
    let Some(behaviour) = evidence.behaviour.map(Behaviour::kind) else { return false };
    evidence.family.is_of_tcp()
        && profile.behaviours().is_some_and(|known| known.iter().all(|it| it != behaviour))
}

/// True for predictions that few packets have by chance.
fn is_mark(key: &str, prediction: &Prediction) -> bool {
    /// One in sixteen values of 16 bits, at most.
    const FEW: u64 = 4096;
    match (key, prediction) {
        ("stable_k", Prediction::SeedKey(key)) => key.is_some(),
        ("identical", Prediction::Flag(is)) => *is,
        ("flags", Prediction::Words(words)) => words.iter().all(|it| it == "rst_ae_reserved"),
        ("payload", Prediction::Words(words)) => words.iter().all(|it| it != "none"),
        ("ipid" | "window" | "window_step", Prediction::Ranges(ranges)) => {
            ranges.iter().map(|(low, high)| high.saturating_sub(*low) + 1).sum::<u64>() <= FEW
        }
        _ => false,
    }
}

/// From 22 of 24 on.
fn is_saturated(rows: &[Row<'_>], decided: usize) -> bool {
    let censored = rows.iter().filter(|row| row.state() == Some(State::Censored)).count();
    let of_a_parser = rows.iter().all(Row::is_trials) && rows.iter().all(|it| it.section != "dns");
    of_a_parser && decided >= SATURABLE && censored * 24 >= decided * 22
}

fn void(evidence: &Evidence) -> Option<String> {
    if evidence.void.is_some() {
        return evidence.void.clone();
    }
    let controls = evidence.controls?;
    let baseline = controls.baseline.state();
    if baseline == State::Censored {
        return Some("the harmless request is blocked too".to_owned());
    }
    if baseline == State::Inconclusive {
        return Some("the harmless request does not pass reliably, or was not tried".to_owned());
    }
    let (hits, trials) = (controls.positive.hits, controls.positive.trials);
    match controls.positive.gate() {
        Gate::Fires => None,
        Gate::TooFew => Some(format!("the censored request was tried {trials} times only")),
        Gate::Widen if controls.positive.state() == State::Bypass => {
            Some("the censored request is not blocked".to_owned())
        }
        Gate::Widen => Some(format!(
            "the censored request is blocked in {hits} of {trials} trials: 60 are needed"
        )),
        Gate::Partial => {
            let [low, high] = controls.positive.wilson();
            Some(format!(
                "the censored request is blocked in {hits} of {trials} trials only ({low:.2} to {high:.2})"
            ))
        }
    }
}

/// True where known predictions of devices, in any configuration, differ.
fn differ(row: &Row<'_>, devices: &[&Profile]) -> bool {
    let mut known = devices.iter().flat_map(|profile| predictions(profile, row));
    match known.next() {
        Some(first) => known.any(|it| it != first),
        None => false,
    }
}

fn predictions<'p>(profile: &'p Profile, row: &Row<'_>) -> Vec<&'p Prediction> {
    let configurations = 0..profile.configurations_of(row.section).len();
    configurations
        .filter_map(|number| profile.cell(row.section, row.key, number).map(|cell| &cell.is))
        .collect()
}

/// Cells that change with where the packets are seen, or that a network rewrites: they refute nothing.
const OF_PLACE: [&str; 2] = ["observed_ttl", "ttl_tied"];

/// Cells that refute a device, in the configuration that is refuted least. What is a matter of set-up or place refutes nothing.
fn contradictions(profile: &Profile, family: Family, rows: &[Row<'_>]) -> Vec<&'static str> {
    if matches!(family, Family::Residual | Family::Blockpage | Family::Location) {
        return Vec::new();
    }
    let Some(section) = rows.first().map(|row| row.section) else { return Vec::new() };
    let of = |number: usize| -> Vec<&'static str> {
        let refuted = rows.iter().filter(|row| !OF_PLACE.contains(&row.key)).filter(|row| {
            let cell = profile.cell(row.section, row.key, number);
            cell.is_some_and(|cell| row.seen.iter().any(|it| contradicts(&cell.is, &it.what)))
        });
        refuted.map(|row| row.key).collect()
    };
    let all = (0..profile.configurations_of(section).len()).map(of);
    all.min_by_key(Vec::len).unwrap_or_default()
}
