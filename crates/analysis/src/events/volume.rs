//! Measurements that stop coming: shutdowns.
//!
//! What is watched is how much is measured in a network (and in a country) in three hours, against what is usual at that time of
//! the day: the lower quartile of the two weeks before, or the median of three days where that is less. A cumulative sum of Poisson log likelihood
//! ratios (Page 1954) asks whether no more than [`Settings::shutdown_rest`] of that is left rather than [`LULL`] of it; the same sum the
//! other way round finds the end. Counts that vary more than Poisson's are divided by how much more (quasi-likelihood,
//! Wedderburn 1974). The sum is shared among vantages (networks, of a country) as they usually measure at that time, and none of them
//! brings more than a cap of it: one volunteer who stops is not a shutdown. Nor does one bucket decide, and fewer than
//! three vantages in the three days before say nothing.
//!
//! Cannot tell apart: a shutdown of the only country that is measured, from a collection that stopped; a power cut, from a
//! shutdown; a network that is cut off while only one vantage of it measures, from that vantage's absence.

use std::collections::BTreeMap;

use wirewitness_model::point::Network;

use super::report::{Country, Fault, FaultKind, Turn};
use super::settings::Settings;
use super::survey::{Activity, BUCKET_S, Climate};

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
    let mut countries: BTreeMap<Country, Vec<&BTreeMap<i64, Activity>>> = BTreeMap::new();
    for (network, activity) in &climate.activity {
        let country = Country(network.country);
        let line = Line::of_network(activity, range, climate);
        silences.extend(silent((country, Some(network.asn)), &line, settings));
        countries.entry(country).or_default().push(activity);
    }
    let national: Vec<Silence> = countries
        .iter()
        .flat_map(|(country, activity)| {
            silent((*country, None), &Line::of_country(activity, range, climate), settings)
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
    for (bucket, activity) in climate.activity.values().flatten() {
        *totals.entry(*bucket).or_default() += activity.vantages.count_ones();
    }
    let mut sorted: Vec<u32> = totals.values().copied().collect();
    sorted.sort_unstable();
    let usual = *sorted.get(sorted.len() / 2)?;
    let mut busy = totals.iter().filter(|(_, n)| 10 * **n >= usual).map(|(bucket, _)| *bucket);
    let first = busy.next()?;
    let last = busy.next_back().unwrap_or(first);
    Some((first.max(last - MOST_BUCKETS), last))
}

/// What each voice measured, bucket by bucket.
struct Line {
    first: i64,
    /// The share of a threshold that one voice brings.
    voice: fn(&Settings) -> f64,
    /// By voice; none in a control outage.
    counts: Vec<Option<Vec<f64>>>,
    totals: Vec<f64>,
    sketches: Vec<Vec<u64>>,
}

impl Line {
    /// Of one network: its vantages are the voices.
    fn of_network(
        activity: &BTreeMap<i64, Activity>,
        range: (i64, i64),
        climate: &Climate,
    ) -> Self {
        let of = |bucket: i64| {
            let Activity { vantages, counts } = activity.get(&bucket).copied().unwrap_or_default();
            (counts.map(f64::from).to_vec(), vec![vantages])
        };
        Self::new(of, range, climate, |settings| settings.one_vantage)
    }

    /// Of a country: its networks are the voices.
    fn of_country(
        networks: &[&BTreeMap<i64, Activity>],
        range: (i64, i64),
        climate: &Climate,
    ) -> Self {
        let of = |bucket: i64| {
            let all = networks.iter().map(|own| own.get(&bucket).copied().unwrap_or_default());
            all.map(|activity| (activity.all(), activity.vantages)).unzip()
        };
        Self::new(of, range, climate, |settings| settings.one_network)
    }

    fn new(
        of: impl Fn(i64) -> (Vec<f64>, Vec<u64>),
        (first, last): (i64, i64),
        climate: &Climate,
        voice: fn(&Settings) -> f64,
    ) -> Self {
        let (counts, totals, sketches) = Default::default();
        let mut line = Self { first, voice, counts, totals, sketches };
        for bucket in first..=last {
            let (counts, sketches) = of(bucket);
            line.totals.push(counts.iter().sum());
            line.counts.push((!climate.is_dark(bucket)).then_some(counts));
            line.sketches.push(sketches);
        }
        line
    }

    /// Buckets of the same hours in two weeks before, without silences; the last first.
    fn same(&self, index: usize, silent: &[bool]) -> Vec<usize> {
        let before = (1..=14).filter_map(|day| index.checked_sub(8 * day));
        before
            .filter(|at| !silent.get(*at).copied().unwrap_or(false))
            .filter(|at| self.counts.get(*at).is_some_and(Option::is_some))
            .collect()
    }

    fn total(&self, index: usize) -> f64 {
        self.totals.get(index).copied().unwrap_or(0.0)
    }

    /// How far a bucket is from those of the same hours before, and what is usual by those.
    fn before(&self, index: usize, silent: &[bool]) -> (Option<f64>, Option<Usual>) {
        let same = self.same(index, silent);
        (self.off(index, &same), self.usual(&same))
    }

    /// How far a bucket is from those of the same hours before, in units of Poisson's variance.
    fn off(&self, index: usize, same: &[usize]) -> Option<f64> {
        let mut totals: Vec<f64> = same.iter().map(|at| self.total(*at)).collect();
        totals.sort_by(f64::total_cmp);
        let (n, middle) = (totals.len() as f64, totals.get(totals.len() / 2).copied()?);
        let (usual, more) = match totals.len() < LEAST_DAYS {
            true => (totals.iter().sum::<f64>() / n, 1.0 + 1.0 / n),
            false => (middle, 1.0),
        };
        Some((self.total(index) - usual).powi(2) / (more * usual.max(1.0)))
    }

    /// What is usual in a bucket, as those of the same hours before were.
    fn usual(&self, same: &[usize]) -> Option<Usual> {
        let recent = same.get(..LEAST_DAYS)?;
        let sorted = |of: &[usize]| {
            let mut totals: Vec<f64> = of.iter().map(|at| self.total(*at)).collect();
            totals.sort_by(f64::total_cmp);
            totals
        };
        let (weeks, days) = (sorted(same), sorted(recent));
        let quantile = |of: &[f64], part: usize| of.get(of.len() * part / 4).copied();
        let all = quantile(&weeks, 1)?.min(quantile(&days, 2)?);
        let mut shares: Vec<f64> = Vec::new();
        for at in recent.iter().flat_map(|at| at.saturating_sub(1)..at + 2) {
            for (voice, count) in self.counts.get(at).into_iter().flatten().flatten().enumerate() {
                if shares.len() <= voice {
                    shares.resize(voice + 1, 0.0);
                }
                *shares.get_mut(voice)? += count;
            }
        }
        let sum = shares.iter().sum::<f64>();
        shares.iter_mut().for_each(|share| *share /= sum.max(1.0));
        (sum > 0.0).then_some(Usual { all, shares })
    }

    /// Different vantages of the three days before.
    fn recent(&self, index: usize) -> u32 {
        let recent = self.sketches.get(index.saturating_sub(24)..index).unwrap_or_default();
        let places = recent.iter().map(Vec::len).max().unwrap_or(0);
        let union =
            |place: usize| recent.iter().filter_map(|all| all.get(place)).fold(0, |a, b| a | b);
        (0..places).map(|place| distinct(union(place))).sum::<f64>().round() as u32
    }
}

/// What is usual at a time of the day.
struct Usual {
    /// Measurements.
    all: f64,
    /// Each voice's part of them.
    shares: Vec<f64>,
}

impl Usual {
    /// What each voice says for a silence in a bucket, all together no more than `most`. `spread` is how many times Poisson's the variance of what
    /// is usual is.
    fn steps(&self, counts: &[f64], spread: f64, (rest, most): (f64, f64)) -> Vec<f64> {
        let step = |(voice, share): (usize, &f64)| {
            let count = counts.get(voice).copied().unwrap_or(0.0);
            (count * (rest / LULL).ln() + (LULL - rest) * self.all * share) / spread
        };
        let mut steps: Vec<f64> = self.shares.iter().enumerate().map(step).collect();
        let sum = steps.iter().sum::<f64>().abs();
        if sum > most {
            steps.iter_mut().for_each(|step| *step *= most / sum);
        }
        steps
    }
}

fn silent(of: (Country, Option<u32>), line: &Line, settings: &Settings) -> Vec<Silence> {
    let rest = settings.shutdown_rest.clamp(0.01, 0.5 * LULL);
    let threshold = (BUCKETS_A_YEAR / settings.false_changes.max(f64::MIN_POSITIVE)).ln().max(4.0);
    let cap = (line.voice)(settings) * threshold;
    let mut silences: Vec<Silence> = Vec::new();
    let (mut dead, mut offs) = (vec![false; line.counts.len()], Vec::new());
    let (mut own, mut since, mut open): (Vec<f64>, usize, bool) = (Vec::new(), 0, false);
    for (index, counts) in line.counts.iter().enumerate() {
        let Some(counts) = counts else { continue };
        let (off, usual) = line.before(index, &dead);
        let Some(usual) = usual else {
            offs.extend(off);
            continue;
        };
        let spread = spread(&offs);
        if own.is_empty() {
            (since, own) = (index, vec![0.0; usual.shares.len()]);
        }
        for (own, step) in own.iter_mut().zip(usual.steps(counts, spread, (rest, 0.9 * threshold)))
        {
            *own = (*own + if open { -step } else { step }).min(4.0 * cap);
        }
        let sum = own.iter().map(|own| own.min(cap)).sum::<f64>();
        if let Some(dead) = dead.get_mut(index) {
            *dead = open || sum > 0.0 && line.total(index) < LULL / 2.0 * usual.all;
            offs.extend(off.filter(|_| !*dead));
        }
        if sum <= 0.0 {
            own.clear();
        }
        if sum < threshold {
            continue;
        }
        own.clear();
        let turn = line.turn(since, index);
        match silences.last_mut() {
            Some(silence) if open => silence.end = Some(turn),
            _ if line.recent(since) < 3 => continue,
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
            activity.range(from..to).map(|(_, activity)| activity.all()).sum::<f64>()
                / (to - from) as f64
        };
        let before = mean(start - 56, start);
        if before > 0.0 {
            if mean(start, end) <= 0.5 * before { quiet.push(*asn) } else { loud.push(*asn) }
        }
    }
    (quiet, loud)
}

/// How many times Poisson's the variance of a lull would be, as that of two weeks is: half of the squares of a normal variable lie below
/// 0.455, and what people do varies with how much they do, so that what is above Poisson's shrinks with it.
fn spread(offs: &[f64]) -> f64 {
    let mut last: Vec<f64> = offs.iter().rev().take(8 * 14).copied().collect();
    last.sort_by(f64::total_cmp);
    let usual = (last.get(last.len() / 2).copied().unwrap_or(UNKNOWN_SPREAD) / 0.455).max(1.0);
    1.0 + LULL * (usual - 1.0)
}

impl Activity {
    /// Measurements of all vantages.
    fn all(&self) -> f64 {
        self.counts.into_iter().map(f64::from).sum()
    }
}

/// How many different vantages a sketch has seen (linear counting).
fn distinct(sketch: u64) -> f64 {
    let empty = f64::from(sketch.count_zeros()).max(0.5);
    -64.0 * (empty / 64.0).ln()
}

/// Share of the usual that is left where less is measured and nothing is cut off.
const LULL: f64 = 0.4;
/// Days from which what is usual is known.
const LEAST_DAYS: usize = 3;
/// Before it is known.
const UNKNOWN_SPREAD: f64 = 10.0;
/// Of three hours each.
const BUCKETS_A_YEAR: f64 = 2_922.0;
/// Twenty years.
const MOST_BUCKETS: i64 = 58_440;
