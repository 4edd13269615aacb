//! Who it may have been, and how probable each is.

use super::super::arithmetic::trials::{Counts, PASSES};
use super::super::evidence::{Evidence, Seen, What};
use super::super::likelihood::{Ratios, ln_ratio, ln_sum, union};
use super::super::profile::{Prediction, Profile};
use super::{CAP, PRIOR, Row};

/// Who it may have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A device of the catalogue.
    One(String),
    /// Two of them on one path.
    Two(String, String),
    /// A device of which nothing is known.
    Unknown,
    /// Nothing.
    None,
}

impl Who {
    /// As in output.
    pub fn word(&self) -> String {
        match self {
            Self::One(id) => id.clone(),
            Self::Two(one, other) => format!("{one}+{other}"),
            Self::Unknown => "UNKNOWN".to_owned(),
            Self::None => "NONE".to_owned(),
        }
    }

    /// The device, where it is one.
    pub fn device(&self) -> Option<&str> {
        match self {
            Self::One(id) => Some(id),
            _ => None,
        }
    }

    /// True if this device is in it.
    pub fn holds(&self, id: &str) -> bool {
        match self {
            Self::One(one) => one == id,
            Self::Two(one, other) => one == id || other == id,
            _ => false,
        }
    }
}

/// A hypothesis, and what a family says of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Hypothesis {
    /// Who.
    pub who: Who,
    /// Its probability among all hypotheses of this family.
    pub post: f64,
    /// Logarithm of the ratio over UNKNOWN, within [`CAP`] of the best.
    pub ln_lr: f64,
    /// The same in the configuration that explains it best, not capped.
    pub ln_lr_best: f64,
    /// That configuration, where there are several.
    pub configuration: Option<String>,
}

/// A pair that looks exactly like one of its two: the one that shows, and the one that does not.
type Absorbed = (String, String);

/// All hypotheses, the most probable first.
pub(super) fn hypotheses(
    evidence: &Evidence,
    rows: &[Row<'_>],
    devices: &[&Profile],
) -> (Vec<Hypothesis>, Vec<Absorbed>) {
    let mut found: Vec<Hypothesis> = devices.iter().map(|it| one(it, rows)).collect();
    found.push(plain(Who::Unknown, 0.0));
    found.push(plain(Who::None, none(evidence, rows)));
    let singles = found.len();
    let mut absorbed = Vec::new();
    if evidence.family.composes() {
        for (number, first) in devices.iter().enumerate() {
            for second in devices.iter().skip(number + 1) {
                match shown_alone(first, second, rows) {
                    Some((shows, hides)) => absorbed.push((shows.id.clone(), hides.id.clone())),
                    None => found.push(two(first, second, rows)),
                }
            }
        }
    }
    let pairs = found.len() - singles;
    weigh(&mut found, singles, pairs);
    (found, absorbed)
}

fn plain(who: Who, ln_lr: f64) -> Hypothesis {
    Hypothesis { who, post: 0.0, ln_lr, ln_lr_best: ln_lr, configuration: None }
}

/// Caps ratios, and turns them into probabilities.
fn weigh(found: &mut [Hypothesis], singles: usize, pairs: usize) {
    let best = found.iter().map(|it| it.ln_lr).fold(f64::NEG_INFINITY, f64::max);
    let [of_one, of_two] = [(PRIOR[0], singles), (PRIOR[1], pairs)]
        .map(|(prior, count)| (prior / count.max(1) as f64).ln());
    for it in found.iter_mut() {
        it.ln_lr = it.ln_lr.max(best - CAP.ln());
        it.post = it.ln_lr + if matches!(it.who, Who::Two(..)) { of_two } else { of_one };
    }
    let all: Vec<f64> = found.iter().map(|it| it.post).collect();
    let all = ln_sum(all.iter().copied());
    for it in found.iter_mut() {
        it.post = (it.post - all).exp();
    }
    found.sort_by(|one, other| other.post.total_cmp(&one.post));
}

fn one(profile: &Profile, rows: &[Row<'_>]) -> Hypothesis {
    let section = rows.first().map_or("", |row| row.section);
    let names = profile.configurations_of(section);
    let sums: Vec<f64> = (0..names.len())
        .map(|number| {
            sum(rows, |row| profile.cell(row.section, row.key, number).map(|it| it.is.clone()))
        })
        .collect();
    // The first of equals: the usual one.
    let best = sums.iter().enumerate().rev().max_by(|one, other| one.1.total_cmp(other.1));
    let configuration = best.filter(|_| names.len() > 1).and_then(|(at, _)| names.get(at));
    Hypothesis {
        who: Who::One(profile.id.clone()),
        post: 0.0,
        ln_lr: mean(&sums),
        ln_lr_best: best.map_or(0.0, |(_, sum)| *sum),
        configuration: configuration.map(|it| (*it).to_owned()),
    }
}

fn two(first: &Profile, second: &Profile, rows: &[Row<'_>]) -> Hypothesis {
    let section = rows.first().map_or("", |row| row.section);
    let counts = [first, second].map(|it| it.configurations_of(section).len());
    let mut sums = Vec::with_capacity(counts[0] * counts[1]);
    for one in 0..counts[0] {
        for other in 0..counts[1] {
            sums.push(sum(rows, |row| together((first, one), (second, other), row)));
        }
    }
    plain(Who::Two(first.id.clone(), second.id.clone()), mean(&sums))
}

fn together(
    (first, one): (&Profile, usize),
    (second, other): (&Profile, usize),
    row: &Row<'_>,
) -> Option<Prediction> {
    let of = |profile: &'_ Profile, number| {
        profile.cell(row.section, row.key, number).map(|it| it.is.clone())
    };
    union(of(first, one).as_ref(), of(second, other).as_ref())
}

/// Where two devices together look like one of them (a stricter neighbour hides the other): the one that shows, and the other.
fn shown_alone<'p>(
    first: &'p Profile,
    second: &'p Profile,
    rows: &[Row<'_>],
) -> Option<(&'p Profile, &'p Profile)> {
    let is_alone = |profile: &Profile| {
        rows.iter().all(|row| {
            let alone = profile.cell(row.section, row.key, 0).map(|it| it.is.clone());
            together((first, 0), (second, 0), row) == alone
        })
    };
    if is_alone(first) {
        Some((first, second))
    } else {
        is_alone(second).then_some((second, first))
    }
}

/// Sum over cells. Probes of one cell count together as one: they take one branch of one parser.
fn sum(rows: &[Row<'_>], prediction: impl Fn(&Row<'_>) -> Option<Prediction>) -> f64 {
    rows.iter()
        .map(|row| {
            let prediction = prediction(row);
            let prediction = prediction.as_ref();
            let of = |(seen, ratios): (&&Seen, &Option<Ratios>)| match (&seen.what, ratios) {
                (What::Value(value), _) => ln_ratio(prediction, value),
                (_, Some(ratios)) => ratios.under(prediction),
                _ => 0.0,
            };
            let all = row.seen.iter().zip(&row.ratios).map(of);
            all.sum::<f64>() / row.seen.len().max(1) as f64
        })
        .sum()
}

/// Logarithm of the mean of ratios: each configuration is as probable beforehand as the others.
fn mean(sums: &[f64]) -> f64 {
    ln_sum(sums.iter().copied()) - (sums.len().max(1) as f64).ln()
}

fn none(evidence: &Evidence, rows: &[Row<'_>]) -> f64 {
    let of_row = |row: &Row<'_>| {
        let ratios = row.ratios.iter().flatten().map(|it| it.none);
        ratios.sum::<f64>() / row.seen.len().max(1) as f64
    };
    // What was forged was forged by something.
    let forged = match evidence.forged.min(20) {
        0 => 0.0,
        seen => PASSES.ln_chance(Counts::new(seen, seen)),
    };
    rows.iter().map(of_row).sum::<f64>() + forged
}
