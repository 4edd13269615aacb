//! Cells with a little evidence each: how many of them at one moment are more than chance.

use std::collections::BTreeMap;

use wirewitness_model::verdict::Mechanism;

use super::features::{Features, start};
use super::report::{Country, Span, Spell};
use super::settings::Settings;
use super::target::Bout;

/// How many hints can have begun at any one moment, on average, by network and mechanism.
pub(super) struct Density {
    covered: BTreeMap<(Country, u32, Option<Mechanism>), f64>,
    days: f64,
}

impl Density {
    pub(super) fn new(hints: &[Bout]) -> Self {
        let hints: Vec<&Spell> = hints.iter().flat_map(|bout| &bout.spells).collect();
        let mut covered: BTreeMap<_, f64> = BTreeMap::new();
        for hint in &hints {
            *covered.entry((hint.country, hint.asn, hint.mechanism)).or_default() +=
                hint.began.days();
        }
        let first = hints.iter().map(|hint| hint.began.to).min().unwrap_or(0);
        let last = hints.iter().map(|hint| hint.began.to).max().unwrap_or(0);
        Self { covered, days: (last.saturating_sub(first) as f64 / DAY_S as f64).max(14.0) }
    }

    /// Without those that cover so many days themselves.
    pub(super) fn at_once(&self, features: &Features, own: f64) -> f64 {
        let of = |asn: &u32| self.covered.get(&(features.country, *asn, features.mechanism));
        let all = features.networks.iter().filter_map(of).sum::<f64>();
        ((all - own) / self.days).max(0.5)
    }
}

/// Hints of one network and mechanism of which so many can have begun at one moment that chance does not explain it.
pub(super) fn lists(hints: Vec<Bout>, settings: &Settings) -> Vec<Vec<Bout>> {
    let mut series: BTreeMap<(Country, u32, Option<Mechanism>), Vec<Bout>> = BTreeMap::new();
    for bout in hints {
        if let Some(spell) = bout.spells.first() {
            series.entry((spell.country, spell.asn, spell.mechanism)).or_default().push(bout);
        }
    }
    let mut lists = Vec::new();
    for (_, mut bouts) in series {
        bouts.sort_by_key(|bout| (start(bout), bout.spells.first().map(|spell| spell.target)));
        let days = days(&bouts);
        while let Some((span, n)) = fullest(&bouts) {
            // Hints of chance are spread over all the time; each covers some of it.
            let covered: f64 = bouts.iter().map(|bout| start(bout).days()).sum();
            let expected = (covered / days).max(1.0);
            if !is_beyond_chance(n, expected, days / settings.false_changes.max(f64::MIN_POSITIVE))
            {
                break;
            }
            let (list, rest) = bouts.into_iter().partition(|bout| start(bout).holds(span.from));
            let list: Vec<Bout> = list;
            lists.push(list);
            bouts = rest;
        }
    }
    lists
}

/// Days from the first to the last.
fn days(bouts: &[Bout]) -> f64 {
    let first = bouts.iter().map(|bout| start(bout).to).min().unwrap_or(0);
    let last = bouts.iter().map(|bout| start(bout).to).max().unwrap_or(0);
    ((last - first) as f64 / DAY_S as f64).max(14.0)
}

/// When most of them can have begun, and how many.
pub(super) fn fullest(bouts: &[Bout]) -> Option<(Span, usize)> {
    let mut edges: Vec<(i64, i64)> = Vec::new();
    for bout in bouts {
        let span = start(bout);
        edges.extend([(span.from, 1), (span.to.max(span.from + 1), -1)]);
    }
    // At one moment ends come first.
    edges.sort_unstable();
    let (mut open, mut most, mut best) = (0_i64, 0, None);
    for (index, (from, step)) in edges.iter().enumerate() {
        open += step;
        if open > most {
            let to = edges.get(index + 1).map_or(*from, |(to, _)| *to);
            (most, best) = (open, Some(Span { from: *from, to }));
        }
    }
    best.map(|span| (span, most as usize))
}

/// Whether a Poisson variable of this mean is so large less than once in so many times (Chernoff's bound).
pub(super) fn is_beyond_chance(n: usize, mean: f64, times: f64) -> bool {
    let n = n as f64;
    n >= 4.0 && n > mean && n * (n / mean).ln() - (n - mean) > times.ln()
}

const DAY_S: i64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_explains_few_and_not_many() {
        assert!(!is_beyond_chance(3, 0.1, 1e3));
        assert!(!is_beyond_chance(12, 8.0, 1e5));
        assert!(is_beyond_chance(60, 8.0, 1e5));
    }
}
