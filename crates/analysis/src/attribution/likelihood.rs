//! How well a prediction explains what was seen, as the logarithm of a ratio: over what a device of which nothing is known would give.

use super::arithmetic::seed::SeedKey;
use super::arithmetic::trials::{CENSORS, Counts, PASSES, State};
use super::evidence::{Value, What};
use super::profile::Prediction;

/// Share of cells that differ in a device of the catalogue: another version, another configuration.
pub const DRIFT: f64 = 0.08;

/// The ratio of one property. 0 where nothing can be compared: an unknown cell speaks neither for nor against a device.
pub fn ln_ratio(prediction: Option<&Prediction>, value: &Value) -> f64 {
    match prediction.and_then(|prediction| fits(prediction, value)) {
        Some(true) => ((1.0 - DRIFT) / 0.5).ln(),
        Some(false) => (DRIFT / 0.5).ln(),
        None => 0.0,
    }
}

/// The ratios of one probe: where a device censors it, where it lets it through, and where there is no device at all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratios {
    /// It censors.
    pub censors: f64,
    /// It lets through.
    pub passes: f64,
    /// There is none, so nothing drifts either.
    pub none: f64,
}

impl Ratios {
    /// Of these counts.
    pub fn of(counts: Counts) -> Self {
        let (censored, passed) = (CENSORS.ln_chance(counts), PASSES.ln_chance(counts));
        let mix = |is: f64, is_not: f64, drift: f64| {
            ln_sum([is + (1.0 - drift).ln(), is_not + drift.ln()])
        };
        let unknown = mix(censored, passed, 0.5);
        Self {
            censors: mix(censored, passed, DRIFT) - unknown,
            passes: mix(passed, censored, DRIFT) - unknown,
            none: passed - unknown,
        }
    }

    /// For a prediction; 0 where there is none.
    pub fn under(self, prediction: Option<&Prediction>) -> f64 {
        match prediction {
            Some(Prediction::Vector(true)) => self.censors,
            Some(Prediction::Vector(false)) => self.passes,
            _ => 0.0,
        }
    }
}

/// Logarithm of a sum, of logarithms.
pub fn ln_sum(terms: impl IntoIterator<Item = f64> + Clone) -> f64 {
    let most = terms.clone().into_iter().fold(f64::NEG_INFINITY, f64::max);
    if most == f64::NEG_INFINITY {
        return most;
    }
    most + terms.into_iter().map(|it| (it - most).exp()).sum::<f64>().ln()
}

/// Whether a property is as predicted; none where that cannot be said.
pub fn fits(prediction: &Prediction, value: &Value) -> Option<bool> {
    Some(match (prediction, value) {
        (Prediction::Flag(is), Value::Flag(seen)) => is == seen,
        (Prediction::Ranges(ranges), Value::Span(low, high)) => {
            ranges.iter().any(|(from, to)| from <= high && low <= to)
        }
        (Prediction::Ranges(ranges), Value::Numbers(seen)) => {
            let within = |it: &u64| ranges.iter().any(|(low, high)| low <= it && it <= high);
            !seen.is_empty() && seen.iter().all(within)
        }
        (Prediction::Words(words), Value::Words(seen)) => seen.iter().all(|it| words.contains(it)),
        (Prediction::Texts(texts), Value::Texts(seen)) => {
            seen.iter().any(|it| texts.iter().any(|text| it.contains(text.as_str())))
        }
        (Prediction::Hex(words), Value::Hex(seen)) => seen.iter().all(|it| words.contains(it)),
        (Prediction::Networks(networks), Value::Addresses(seen)) => {
            let within = |it: &u32| networks.iter().any(|(of, bits)| is_in(*it, *of, *bits));
            seen.iter().all(within)
        }
        (Prediction::Boundary { at, or_more }, Value::Boundary { at: joined, next }) => {
            let not_fewer = *or_more || at >= joined;
            not_fewer && next.is_none_or(|next| *at < next)
        }
        (Prediction::SeedKey(key), Value::SeedKey(seen)) => match seen {
            SeedKey::Stable(found) => *key == Some(found.k),
            // The paper says "no" of both.
            SeedKey::Undefined | SeedKey::Inconsistent => key.is_none(),
            SeedKey::TooFew => return None,
        },
        _ => return None,
    })
}

fn is_in(address: u32, network: u32, bits: u8) -> bool {
    let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0);
    address & mask == network
}

/// True where what was seen refutes the prediction: it would have been blocked, and it was not. What it lets through and is
/// blocked all the same refutes nothing, since another device on the path may do that.
pub fn contradicts(prediction: &Prediction, what: &What) -> bool {
    match (prediction, what) {
        (Prediction::Vector(true), What::Trials { state, .. }) => *state == State::Bypass,
        (Prediction::Boundary { at, .. }, What::Value(Value::Boundary { next, .. })) => {
            next.is_some_and(|next| *at >= next)
        }
        (Prediction::Vector(_), _) | (Prediction::Boundary { .. }, _) => false,
        (prediction, What::Value(value)) => fits(prediction, value) == Some(false),
        _ => false,
    }
}

/// What two devices on one path give together: censored where either censors. None where that is not known.
pub fn union(one: Option<&Prediction>, other: Option<&Prediction>) -> Option<Prediction> {
    match (one, other) {
        (Some(Prediction::Vector(true)), _) | (_, Some(Prediction::Vector(true))) => {
            Some(Prediction::Vector(true))
        }
        (Some(Prediction::Vector(false)), Some(Prediction::Vector(false))) => {
            Some(Prediction::Vector(false))
        }
        (
            Some(Prediction::Boundary { at, or_more }),
            Some(Prediction::Boundary { at: second, or_more: more }),
        ) => {
            let (at, or_more) = (*at, *or_more).max((*second, *more));
            Some(Prediction::Boundary { at, or_more })
        }
        _ => None,
    }
}
