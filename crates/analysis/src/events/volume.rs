//! Measurements that stop coming: shutdowns.
//!
//! What is watched is how many vantages of a network (and of a country) answered in three hours, against the lower quartile of
//! the same hours of the two weeks before. A cumulative sum of Poisson log likelihood ratios (Page 1954) asks whether no more than
//! [`Settings::shutdown_rest`] of that is left; the same sum the other way round finds the end. No single bucket decides, and
//! fewer than four vantages in the three days before say nothing: one volunteer who leaves is not a shutdown.
//!
//! Cannot tell apart: a shutdown of the only country that is measured, from a collection that stopped; a power cut, from a
//! shutdown.

use std::collections::BTreeMap;

use wirewitness_model::point::Network;

use super::report::{Country, Fault, FaultKind, Turn};
use super::settings::Settings;
use super::survey::{BUCKET_S, Climate};

/// A network, or a whole country, of which nothing came.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Silence {
    pub(super) country: Country,
    /// The network; none where it is the country.
    pub(super) asn: Option<u32>,
    pub(super) start: Turn,
    pub(super) end: Option<Turn>,
    /// Vantages of the three days before.
    pub(super) vantages: u32,
}

/// Silences of networks and countries, and of everything.
pub(super) fn silences(climate: &Climate, settings: &Settings) -> (Vec<Silence>, Vec<Fault>) {
    let Some(range) = range(climate) else { return Default::default() };
    let mut silences = Vec::new();
    let mut countries: BTreeMap<Country, BTreeMap<i64, Vec<u64>>> = BTreeMap::new();
    for (network, activity) in &climate.activity {
        let country = Country(network.country);
        let single = activity.iter().map(|(bucket, sketch)| (*bucket, vec![*sketch])).collect();
        silences.extend(silent(
            (country, Some(network.asn)),
            &Line::new(&single, range, climate),
            settings,
        ));
        let all = countries.entry(country).or_default();
        for (bucket, sketch) in activity {
            all.entry(*bucket).or_default().push(*sketch);
        }
    }
    let national: Vec<Silence> = countries
        .iter()
        .flat_map(|(country, activity)| {
            silent((*country, None), &Line::new(activity, range, climate), settings)
        })
        .collect();
    let faults = collection(&national, countries.len());
    silences.extend(national);
    let ours = |silence: &Silence| {
        faults.iter().any(|fault| {
            let end = silence.end.map_or(i64::MAX, |end| end.at_s);
            silence.start.at_s < fault.end_s && fault.start_s < end
        })
    };
    silences.retain(|silence| !ours(silence));
    (silences, faults)
}

/// Times at which most countries were silent at once.
fn collection(national: &[Silence], countries: usize) -> Vec<Fault> {
    let mut faults: Vec<Fault> = Vec::new();
    if countries < 2 {
        return faults;
    }
    for silence in national {
        let near: Vec<&Silence> = national
            .iter()
            .filter(|other| (other.start.at_s - silence.start.at_s).abs() <= 2 * BUCKET_S)
            .collect();
        let start_s = near.iter().map(|other| other.start.at_s).min().unwrap_or(silence.start.at_s);
        if 5 * near.len() >= 4 * countries && faults.iter().all(|fault| fault.start_s != start_s) {
            let end_s = near.iter().map(|other| other.end.map_or(i64::MAX, |end| end.at_s)).max();
            faults.push(Fault {
                kind: FaultKind::Collection,
                start_s,
                end_s: end_s.unwrap_or(i64::MAX),
                targets: Vec::new(),
                country: None,
                asn: None,
                resolver_asn: None,
            });
        }
    }
    faults
}

/// First and last bucket: the last that has a tenth of what is usual, so that one clock in the future is not the present.
fn range(climate: &Climate) -> Option<(i64, i64)> {
    let mut totals: BTreeMap<i64, u32> = BTreeMap::new();
    for (bucket, sketch) in climate.activity.values().flatten() {
        *totals.entry(*bucket).or_default() += sketch.count_ones();
    }
    let mut sorted: Vec<u32> = totals.values().copied().collect();
    sorted.sort_unstable();
    let usual = *sorted.get(sorted.len() / 2)?;
    let mut busy = totals.iter().filter(|(_, n)| 10 * **n >= usual).map(|(bucket, _)| *bucket);
    let first = busy.next()?;
    let last = busy.next_back().unwrap_or(first);
    Some((first.max(last - MOST_BUCKETS), last))
}

/// Vantages bucket by bucket: how many, and as sketches.
struct Line {
    first: i64,
    /// None in a control outage.
    counts: Vec<Option<f64>>,
    sketches: Vec<Vec<u64>>,
}

impl Line {
    fn new(
        activity: &BTreeMap<i64, Vec<u64>>,
        (first, last): (i64, i64),
        climate: &Climate,
    ) -> Self {
        let none = Vec::new();
        let mut line = Self { first, counts: Vec::new(), sketches: Vec::new() };
        for bucket in first..=last {
            let sketches = activity.get(&bucket).unwrap_or(&none);
            let count = sketches.iter().map(|sketch| distinct(*sketch)).sum();
            line.counts.push((!climate.is_dark(bucket)).then_some(count));
            line.sketches.push(sketches.clone());
        }
        line
    }

    /// What is usual in this bucket: the lower quartile of the same hours of two weeks before, without silences.
    fn usual(&self, index: usize, silent: &[bool]) -> f64 {
        let mut same: Vec<f64> = (1..=14)
            .filter_map(|days| index.checked_sub(8 * days))
            .filter(|at| !silent.get(*at).copied().unwrap_or(false))
            .filter_map(|at| self.counts.get(at).copied().flatten())
            .collect();
        same.sort_by(f64::total_cmp);
        if same.len() < 5 { 0.0 } else { same.get(same.len() / 4).copied().unwrap_or(0.0) }
    }

    /// Different vantages of the three days before.
    fn recent(&self, index: usize) -> u32 {
        let recent = self.sketches.get(index.saturating_sub(24)..index).unwrap_or_default();
        let places = recent.iter().map(Vec::len).max().unwrap_or(0);
        let union =
            |place: usize| recent.iter().filter_map(|all| all.get(place)).fold(0, |a, b| a | b);
        (0..places).map(|place| distinct(union(place))).sum::<f64>() as u32
    }
}

fn silent(of: (Country, Option<u32>), line: &Line, settings: &Settings) -> Vec<Silence> {
    let rest = settings.shutdown_rest.clamp(0.01, 0.5);
    let threshold = (BUCKETS_A_YEAR / settings.false_changes.max(f64::MIN_POSITIVE)).ln().max(4.0);
    let mut silences: Vec<Silence> = Vec::new();
    let mut dead = vec![false; line.counts.len()];
    let (mut sum, mut since, mut open) = (0.0_f64, 0, false);
    for (index, count) in line.counts.iter().enumerate() {
        let Some(count) = count else { continue };
        let gone = count * rest.ln() + (1.0 - rest) * line.usual(index, &dead);
        let step = if open { -gone } else { gone };
        if sum <= 0.0 {
            since = index;
        }
        sum = (sum + step.clamp(-0.6 * threshold, 0.6 * threshold)).max(0.0);
        if let Some(dead) = dead.get_mut(index) {
            *dead = open || sum > 0.0 && *count <= 0.0;
        }
        if sum < threshold {
            continue;
        }
        sum = 0.0;
        let turn = line.turn(since, index);
        match silences.last_mut() {
            Some(silence) if open => silence.end = Some(turn),
            _ if line.recent(since) < 4 => continue,
            _ => silences.push(Silence {
                country: of.0,
                asn: of.1,
                start: turn,
                end: None,
                vantages: line.recent(since),
            }),
        }
        open = !open;
    }
    silences
}

impl Line {
    fn turn(&self, since: usize, seen: usize) -> Turn {
        let at_s = (self.first + since as i64) * BUCKET_S;
        Turn {
            after_s: Some(at_s - BUCKET_S),
            at_s,
            seen_s: (self.first + seen as i64 + 1) * BUCKET_S,
        }
    }
}

/// Networks of a country that were at most half as busy as usual in a silence of it.
pub(super) fn quiet(climate: &Climate, silence: &Silence) -> (Vec<u32>, Vec<u32>) {
    let start = silence.start.at_s.div_euclid(BUCKET_S);
    let end = silence.end.map_or(start + 8, |end| end.at_s.div_euclid(BUCKET_S)).max(start + 1);
    let (mut quiet, mut loud) = (Vec::new(), Vec::new());
    for (Network { country, asn }, activity) in &climate.activity {
        if Country(*country) != silence.country {
            continue;
        }
        let mean = |from: i64, to: i64| {
            activity.range(from..to).map(|(_, sketch)| distinct(*sketch)).sum::<f64>()
                / (to - from) as f64
        };
        let before = mean(start - 56, start);
        if before > 0.0 {
            if mean(start, end) <= 0.5 * before { quiet.push(*asn) } else { loud.push(*asn) }
        }
    }
    (quiet, loud)
}

/// How many different vantages a sketch has seen (linear counting).
fn distinct(sketch: u64) -> f64 {
    let empty = f64::from(sketch.count_zeros()).max(0.5);
    -64.0 * (empty / 64.0).ln()
}

/// Of three hours each.
const BUCKETS_A_YEAR: f64 = 2_922.0;
/// Twenty years.
const MOST_BUCKETS: i64 = 58_440;
