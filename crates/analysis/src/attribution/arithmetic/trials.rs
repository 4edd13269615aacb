//! The probabilities of counts, of which scores are made; the counts themselves are the battery's.

pub use wirewitness_model::battery::trials::*;

/// Chance of so many hits or more in so many trials, at a chance of `p` each.
pub fn at_least(counts: Counts, p: f64) -> f64 {
    let (p, trials) = (p.clamp(0.0, 1.0), counts.trials.min(MAX_TRIALS));
    let term = |hits: u32| {
        let ways = ln_factorial(trials) - ln_factorial(hits) - ln_factorial(trials - hits);
        ways.exp_with(p, hits) * (1.0 - p).powi(i32::try_from(trials - hits).unwrap_or(i32::MAX))
    };
    (counts.hits..=trials).map(term).sum::<f64>().min(1.0)
}

/// Two parameters of a beta distribution, whole numbers from 1: the chances that a device gives a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beta(u32, u32);

/// A probe that the device censors: nine of ten, roughly.
pub const CENSORS: Beta = Beta(9, 1);
/// A probe that the device lets through: one of twenty is lost otherwise, roughly.
pub const PASSES: Beta = Beta(1, 19);

impl Beta {
    /// Logarithm of the chance of these counts (beta-binomial distribution).
    pub fn ln_chance(self, counts: Counts) -> f64 {
        let trials = counts.trials.min(MAX_TRIALS);
        let hits = counts.hits.min(trials);
        let ln_beta =
            |a: u32, b: u32| ln_factorial(a - 1) + ln_factorial(b - 1) - ln_factorial(a + b - 1);
        let ways = ln_factorial(trials) - ln_factorial(hits) - ln_factorial(trials - hits);
        ways + ln_beta(hits + self.0, trials - hits + self.1) - ln_beta(self.0, self.1)
    }
}

/// Logarithm of a factorial.
fn ln_factorial(number: u32) -> f64 {
    (2..=number).map(|factor| f64::from(factor).ln()).sum()
}

/// `e^self p^times`, kept from overflow by adding logarithms.
trait ExpWith {
    fn exp_with(self, p: f64, times: u32) -> f64;
}

impl ExpWith for f64 {
    fn exp_with(self, p: f64, times: u32) -> f64 {
        match times {
            0 => self.exp(),
            _ if p == 0.0 => 0.0,
            _ => (self + p.ln() * Self::from(times)).exp(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_of_two_thirds_has_the_published_operating_characteristic() {
        for (p, chance, digits) in [
            (0.5, 0.058, 0.0005),
            (2.0 / 3.0, 0.48, 0.005),
            (0.75, 0.79, 0.005),
            (0.8, 0.91, 0.005),
            (0.9, 0.998, 0.0005),
        ] {
            let found = at_least(Counts::new(14, 20), p);
            assert!((found - chance).abs() <= digits, "p = {p}: {found}");
        }
        // Where a device fires in three of four trials, two runs agree on that in 62 % of the cases.
        let both = at_least(Counts::new(14, 20), 0.75).powi(2);
        assert!((both - 0.62).abs() < 0.005, "{both}");
        assert!((at_least(Counts::new(0, 20), 0.3) - 1.0).abs() < 1e-9);
        assert_eq!(at_least(Counts::new(1, 20), 0.0), 0.0);
        assert!((at_least(Counts::new(20, 20), 1.0) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn the_chances_of_all_counts_make_one() {
        for beta in [CENSORS, PASSES] {
            let sum: f64 = (0..=20).map(|it| beta.ln_chance(Counts::new(it, 20)).exp()).sum();
            assert!((sum - 1.0).abs() < 1e-9, "{sum}");
        }
        // Of nine of ten, all twenty: the product of (9 + i) / (10 + i) is 9 / 29.
        let all = CENSORS.ln_chance(Counts::new(20, 20)).exp();
        assert!((all - 9.0 / 29.0).abs() < 1e-9, "{all}");
        let none = PASSES.ln_chance(Counts::new(0, 20)).exp();
        assert!((none - 19.0 / 39.0).abs() < 1e-9, "{none}");
    }
}
