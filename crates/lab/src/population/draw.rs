//! Chance for the data set: what a seed determines, the same on every machine.
//!
//! Only sums and products of floats are used, which IEEE 754 fixes to the bit; no platform's `exp` or `ln` decides.

use crate::rng::Rng;

/// Numbers drawn from a seed.
#[derive(Debug, Clone)]
pub(super) struct Draw(Rng);

impl Draw {
    /// What the seed and these words determine: one stream a thing, so that no thing moves another's.
    pub(super) fn of(seed: u64, words: &[u64]) -> Self {
        Self(Rng::new(mixed(seed, words)))
    }

    /// 64 random bits.
    pub(super) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `end`; 0 where that is 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        scaled(self.bits(), end)
    }

    /// A number of `from..end`; `from` where that is empty.
    pub(super) fn between(&mut self, from: i64, end: i64) -> i64 {
        let width = u64::try_from(end.saturating_sub(from)).unwrap_or(0);
        from.saturating_add(i64::try_from(self.below(width)).unwrap_or(0))
    }

    /// A number of `from..end`; `from` where that is empty.
    pub(super) fn count(&mut self, from: u32, end: u32) -> u32 {
        let more = self.below(u64::from(end.saturating_sub(from)));
        from.saturating_add(u32::try_from(more).unwrap_or(0))
    }

    /// True `per_million` times in a million.
    pub(super) fn chance(&mut self, per_million: u32) -> bool {
        self.0.chance(per_million)
    }

    /// One of these, each as likely as another.
    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let at = self.below(from.len() as u64);
        usize::try_from(at).ok().and_then(|at| from.get(at))
    }

    /// Up to `count` different ones of these, in the order drawn.
    pub(super) fn some<T: Copy>(&mut self, from: &[T], count: usize) -> Vec<T> {
        let mut left = from.to_vec();
        let mut chosen = Vec::with_capacity(count.min(left.len()));
        while chosen.len() < count && !left.is_empty() {
            let at = usize::try_from(self.below(left.len() as u64)).unwrap_or(0);
            chosen.push(left.swap_remove(at));
        }
        chosen
    }

    /// One of these by weight; none where all weigh nothing.
    pub(super) fn weighted<'a, T>(&mut self, from: &'a [(T, u32)]) -> Option<&'a T> {
        let total: u64 = from.iter().map(|(_, weight)| u64::from(*weight)).sum();
        let mut at = self.below(total);
        for (one, weight) in from {
            match at.checked_sub(u64::from(*weight)) {
                Some(rest) => at = rest,
                None => return Some(one),
            }
        }
        None
    }

    /// A rank below `end` whose chance falls about as 1/(rank + `flat`): an octave, then one within it.
    pub(super) fn rank(&mut self, end: u32, flat: u32) -> u32 {
        let flat = flat.max(1);
        let top = u64::from(end) + u64::from(flat);
        let octaves = (top / u64::from(flat)).ilog2() + 1;
        loop {
            let low = u64::from(flat) << self.below(u64::from(octaves));
            let value = low + self.below(low);
            if let Ok(rank) = u32::try_from(value - u64::from(flat))
                && rank < end.max(1)
            {
                return rank;
            }
        }
    }

    /// How often something happens that happens `mean` times on average (Poisson).
    pub(super) fn poisson(&mut self, mean: f64) -> u32 {
        let mut left = mean.max(0.0);
        let mut count = 0u32;
        while left > CHUNK {
            count = count.saturating_add(self.small_poisson(CHUNK));
            left -= CHUNK;
        }
        count.saturating_add(self.small_poisson(left))
    }

    /// By inversion: the first count whose cumulative probability passes a uniform number.
    fn small_poisson(&mut self, mean: f64) -> u32 {
        let uniform = self.unit();
        let mut term = exp_of_minus(mean);
        let (mut sum, mut count) = (term, 0u32);
        while uniform >= sum && count < 200 {
            count += 1;
            term *= mean / f64::from(count);
            sum += term;
        }
        count
    }

    /// A number of [0, 1) with 32 bits.
    fn unit(&mut self) -> f64 {
        f64::from(self.0.next_u32()) / 4_294_967_296.0
    }
}

/// 64 bits that seed and words determine, whatever their number.
pub(super) fn mixed(seed: u64, words: &[u64]) -> u64 {
    let mut state = Rng::new(seed).next_u64();
    for word in words {
        state = Rng::new(state ^ word.wrapping_mul(0xd6e8_feb8_6659_fd93)).next_u64();
    }
    state
}

/// Below how many of a thousand seed and words fall: 0..1000.
pub(super) fn per_mille(seed: u64, words: &[u64]) -> u32 {
    u32::try_from(scaled(mixed(seed, words), 1000)).unwrap_or(0)
}

fn scaled(bits: u64, end: u64) -> u64 {
    u64::try_from((u128::from(bits) * u128::from(end)) >> 64).unwrap_or(0)
}

/// e to the power of -`x`, for 0..=[`CHUNK`]: the series at x/1024, squared ten times.
fn exp_of_minus(x: f64) -> f64 {
    let part = x / 1024.0;
    let series = 1.0
        - part * (1.0 - part / 2.0 * (1.0 - part / 3.0 * (1.0 - part / 4.0 * (1.0 - part / 5.0))));
    let mut value = series;
    for _ in 0..10 {
        value *= value;
    }
    value
}

/// Largest mean that inversion is used for; a larger one is a sum.
const CHUNK: f64 = 16.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_exp() {
        for x in [0.0, 0.1, 1.0, 5.0, 16.0_f64] {
            let (ours, exact) = (exp_of_minus(x), (-x).exp());
            assert!((ours - exact).abs() < 1e-6 * exact, "{x}: {ours} {exact}");
        }
    }

    #[test]
    fn poisson_has_its_mean_and_its_variance() {
        let mut draw = Draw::of(1, &[]);
        for mean in [0.05, 3.0, 40.0] {
            let drawn: Vec<f64> = (0..40_000).map(|_| f64::from(draw.poisson(mean))).collect();
            let average = drawn.iter().sum::<f64>() / 40_000.0;
            let variance =
                drawn.iter().map(|it| (it - average) * (it - average)).sum::<f64>() / 40_000.0;
            assert!((average / mean - 1.0).abs() < 0.08, "{mean}: {average}");
            assert!((variance / mean - 1.0).abs() < 0.08, "{mean}: {variance}");
        }
    }

    #[test]
    fn ranks_fall_and_stay_below_the_end() {
        let mut draw = Draw::of(2, &[]);
        let mut low = 0;
        for _ in 0..50_000 {
            let rank = draw.rank(19_000, 64);
            assert!(rank < 19_000);
            low += u32::from(rank < 64);
        }
        // One of nine octaves, and a little: the last is cut.
        assert!((5_000..7_500).contains(&low), "{low}");
        assert_eq!((draw.rank(1, 64), draw.rank(0, 1)), (0, 0));
    }

    #[test]
    fn weights_count() {
        let mut draw = Draw::of(3, &[]);
        let from = [('a', 1), ('b', 0), ('c', 3)];
        let drawn: Vec<char> = (0..8_000).filter_map(|_| draw.weighted(&from).copied()).collect();
        let a = drawn.iter().filter(|it| **it == 'a').count();
        assert!((1_800..2_200).contains(&a) && !drawn.contains(&'b'), "{a}");
        assert_eq!(draw.weighted(&[('a', 0)]), None);
    }
}
