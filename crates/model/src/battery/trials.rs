//! So many hits in so many trials: three states, a gate, and Wilson's interval.

use serde::{Deserialize, Serialize};

/// Trials of one probe in one run.
pub const TRIALS: u32 = 20;
/// Trials of one probe where the positive control does not fire reliably.
pub const WIDE_TRIALS: u32 = 60;
/// Most trials that are believed of one probe.
pub const MAX_TRIALS: u32 = 10_000;

/// Hits in trials.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Trials in which it happened.
    pub hits: u32,
    /// All trials.
    pub trials: u32,
}

/// What trials say of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Known blocking behaviour in two thirds of the trials or more.
    Censored,
    /// In a tenth of them or fewer.
    Bypass,
    /// Between these, too few trials, or runs that do not agree.
    Inconclusive,
}

impl State {
    /// The word, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Censored => "censored",
            Self::Bypass => "bypass",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// What the positive control (the unchanged, censored request) says of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// It fires in nine of ten trials or more: twenty trials a probe are enough.
    Fires,
    /// It does not: sixty trials a probe are needed.
    Widen,
    /// It does not, over sixty trials: what is stated is a probability with its interval.
    Partial,
    /// Fewer trials than a run has.
    TooFew,
}

impl Counts {
    /// `hits` of `trials`.
    pub const fn new(hits: u32, trials: u32) -> Self {
        Self { hits, trials }
    }

    /// The state: censored from two thirds (14 of 20), bypass up to a tenth (2 of 20).
    pub fn state(self) -> State {
        let (hits, trials) = (u64::from(self.hits), u64::from(self.trials));
        if self.trials < TRIALS {
            State::Inconclusive
        } else if hits * 3 >= trials * 2 {
            State::Censored
        } else if hits * 10 <= trials {
            State::Bypass
        } else {
            State::Inconclusive
        }
    }

    /// The gate, of the counts of a positive control: 18 of 20, or more trials.
    pub fn gate(self) -> Gate {
        match self.trials {
            trials if trials < TRIALS => Gate::TooFew,
            trials if u64::from(self.hits) * 10 >= u64::from(trials) * 9 => Gate::Fires,
            trials if trials < WIDE_TRIALS => Gate::Widen,
            _ => Gate::Partial,
        }
    }

    /// Wilson's interval of the share of hits, 95 % (z = 1.96; Wilson 1927); `[0, 1]` without trials.
    pub fn wilson(self) -> [f64; 2] {
        const Z: f64 = 1.96;
        if self.trials == 0 {
            return [0.0, 1.0];
        }
        let n = f64::from(self.trials);
        let share = f64::from(self.hits.min(self.trials)) / n;
        let middle = share + Z * Z / (2.0 * n);
        let reach = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        let scale = 1.0 + Z * Z / n;
        [((middle - reach) / scale).max(0.0), ((middle + reach) / scale).min(1.0)]
    }

    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        let (hits, trials) =
            (self.hits.saturating_add(other.hits), self.trials.saturating_add(other.trials));
        Self { hits, trials }
    }
}

/// The state of several runs: that of each, where they agree.
pub fn agreed(runs: &[Counts]) -> State {
    let mut states = runs.iter().map(|run| run.state());
    match states.next() {
        Some(first) if states.all(|state| state == first) => first,
        _ => State::Inconclusive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_states_with_a_dead_zone() {
        for (hits, trials, state) in [
            (20, 20, State::Censored),
            (14, 20, State::Censored),
            (13, 20, State::Inconclusive),
            (3, 20, State::Inconclusive),
            (2, 20, State::Bypass),
            (0, 20, State::Bypass),
            (40, 60, State::Censored),
            (39, 60, State::Inconclusive),
            (6, 60, State::Bypass),
            (7, 60, State::Inconclusive),
            (19, 19, State::Inconclusive),
            (0, 0, State::Inconclusive),
        ] {
            assert_eq!(Counts::new(hits, trials).state(), state, "{hits} of {trials}");
        }
    }

    #[test]
    fn runs_that_do_not_agree_say_nothing() {
        let run = |hits| Counts::new(hits, 20);
        assert_eq!(agreed(&[run(20), run(15)]), State::Censored);
        assert_eq!(agreed(&[run(20), run(10)]), State::Inconclusive);
        assert_eq!(agreed(&[run(20), run(0)]), State::Inconclusive);
        assert_eq!(agreed(&[]), State::Inconclusive);
    }

    #[test]
    fn an_unreliable_control_widens_the_trials() {
        for (hits, trials, gate) in [
            (20, 20, Gate::Fires),
            (18, 20, Gate::Fires),
            (17, 20, Gate::Widen),
            (15, 20, Gate::Widen),
            (45, 60, Gate::Partial),
            (54, 60, Gate::Fires),
            (10, 10, Gate::TooFew),
        ] {
            assert_eq!(Counts::new(hits, trials).gate(), gate, "{hits} of {trials}");
        }
    }

    #[test]
    fn wilsons_interval_has_the_published_ends() {
        for (hits, low, high) in [(14, 0.48, 0.855), (20, 0.84, 1.0), (0, 0.0, 0.16)] {
            let [from, to] = Counts::new(hits, 20).wilson();
            assert!((from - low).abs() < 0.005 && (to - high).abs() < 0.005, "{from} {to}");
        }
        // The reference has 0.86 for the upper end of 14 of 20. By hand it is (0.7 + 0.09604 + 1.96 * 0.11358) / 1.19208.
        assert!((Counts::new(14, 20).wilson()[1] - 0.8545).abs() < 0.0001);
        assert_eq!(Counts::new(0, 0).wilson(), [0.0, 1.0]);
    }
}
