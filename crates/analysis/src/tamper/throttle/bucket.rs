//! Fits a token bucket to what passed and what was lost.
//!
//! For a rate, the bytes that have used up tokens (the level) follow from what passed. If a policer of that rate did it, losses
//! happen where the level is at the bucket's size, and nothing passes above it. The rate is the one with the fewest
//! contradictions, where the level need not be corrected either way over time. After Flach et al., "An Internet-Wide
//! Analysis of Traffic Policing" (SIGCOMM 2016), whose detector simulates the tokens from the first loss on; here the bucket is
//! followed from its beginning and through pauses, so that its size is known too.

/// A segment on its way to the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arrival {
    /// Microseconds, from any beginning.
    pub(super) at_us: u64,
    /// Bytes with headers.
    pub(super) bytes: u32,
    /// True if it did not get through.
    pub(super) lost: bool,
}

/// The bucket that fits best.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fit {
    /// Bits a second.
    pub(super) rate_bps: f64,
    /// Rates that fit nearly as well, from and to.
    pub(super) range_bps: [f64; 2],
    /// Bytes that pass at once after a rest.
    pub(super) burst_bytes: f64,
    /// Share of passes above the bucket's size, and of losses below.
    pub(super) contradictions: [f64; 2],
    /// Corrections that did not cancel out, as a share of the bytes that passed.
    pub(super) drift: f64,
    /// Share of the passes at which the bucket was all but empty.
    pub(super) tight: f64,
}

impl Fit {
    /// How badly it fits: 0 is perfect; random losses give 0.4 and more.
    pub(super) fn badness(&self) -> f64 {
        self.contradictions.iter().sum::<f64>() + self.drift
    }

    /// True if the losses say what the rate is: rates that fit as well lie within a quarter of it.
    pub(super) fn is_sharp(&self) -> bool {
        let [low, high] = self.range_bps;
        high - low < 0.25 * self.rate_bps
    }
}

/// Fits a bucket; none where too little was lost or passed, or the losses lie too close together.
pub(super) fn fit(arrivals: &[Arrival], slice_us: u64) -> Option<Fit> {
    if !enough(arrivals, slice_us) {
        return None;
    }
    let mean = mean_rate(arrivals)?;
    let mut tried = Vec::new();
    scan(arrivals, &mut tried, [mean * 0.4, mean * 40.0], 1.05);
    scan(arrivals, &mut tried, [mean * 0.95, mean * 1.05], 1.01);
    let [coarse, _] = lowest_range(&mut tried)?;
    scan(arrivals, &mut tried, [coarse / 1.08, coarse * 1.08], 1.004);
    let range_bps = lowest_range(&mut tried)?;
    let [low, high] = range_bps;
    let within = tried.iter().filter(|fit| (low..=high).contains(&fit.rate_bps));
    let best = best(within)?;
    let middle = simulate_twice(arrivals, f64::midpoint(low, high));
    let chosen = middle.filter(|m| m.badness() <= best.badness() + NEARLY).unwrap_or(best);
    Some(Fit { range_bps, ..chosen })
}

/// The lowest rates of those that fit nearly best, from and to. Above the true rate, a bucket so small that it is full again
/// before each burst may fit as well.
fn lowest_range(tried: &mut [Fit]) -> Option<[f64; 2]> {
    let limit = best(tried.iter())?.badness() + NEARLY;
    tried.sort_by(|a, b| a.rate_bps.total_cmp(&b.rate_bps));
    let mut run = tried
        .iter()
        .skip_while(|fit| fit.badness() > limit)
        .take_while(|fit| fit.badness() <= limit)
        .map(|fit| fit.rate_bps);
    let low = run.next()?;
    Some([low, run.last().unwrap_or(low)])
}

/// Fits a bucket of about the rate that passed between the first loss and the last, as a sender gives that sends all the time.
/// For captures behind the losses, where these are known less exactly.
pub(super) fn fit_steady(arrivals: &[Arrival], slice_us: u64) -> Option<Fit> {
    if !enough(arrivals, slice_us) {
        return None;
    }
    let mean = mean_rate(arrivals)?;
    let range_bps = [mean * 0.95, mean * 1.05];
    let mut tried = Vec::new();
    scan(arrivals, &mut tried, range_bps, 1.01);
    best(tried.iter()).map(|best| Fit { range_bps, ..best })
}

/// The level before each arrival, bytes, under a bucket.
pub(super) fn levels(arrivals: &[Arrival], fit: &Fit) -> Vec<f64> {
    let mut bucket = Bucket::new(fit.rate_bps, Some(fit.burst_bytes));
    arrivals.iter().map(|arrival| bucket.see(arrival)).collect()
}

/// As many samples as the published detector asks for, in at least three slices of time.
fn enough(arrivals: &[Arrival], slice_us: u64) -> bool {
    let losses = arrivals.iter().filter(|a| a.lost).count();
    let mut slices = 0;
    let mut last = None;
    for arrival in arrivals.iter().filter(|a| a.lost) {
        if last.is_none_or(|last| arrival.at_us >= last + slice_us) {
            slices += 1;
            last = Some(arrival.at_us);
        }
    }
    losses >= SAMPLES && arrivals.len() - losses >= SAMPLES && slices >= SLICES
}

/// Bits a second that passed between the first loss and the last.
fn mean_rate(arrivals: &[Arrival]) -> Option<f64> {
    let first = arrivals.iter().find(|a| a.lost)?.at_us;
    let last = arrivals.iter().rfind(|a| a.lost)?.at_us;
    let passed: u64 = arrivals
        .iter()
        .filter(|a| !a.lost && (first..=last).contains(&a.at_us))
        .map(|a| u64::from(a.bytes))
        .sum();
    let mean = passed as f64 * 8e6 / (last - first).max(1) as f64;
    (mean > 0.0).then_some(mean)
}

fn scan(arrivals: &[Arrival], tried: &mut Vec<Fit>, [from, to]: [f64; 2], step: f64) {
    let mut rate = from;
    while rate < to {
        tried.extend(simulate_twice(arrivals, rate));
        rate *= step;
    }
}

fn best<'f>(tried: impl Iterator<Item = &'f Fit>) -> Option<Fit> {
    tried.min_by(|a, b| a.badness().total_cmp(&b.badness())).copied()
}

/// First to learn the bucket's size, which shows where losses begin after it was full, then with it.
fn simulate_twice(arrivals: &[Arrival], rate_bps: f64) -> Option<Fit> {
    let mut learning = Bucket::new(rate_bps, None);
    for arrival in arrivals {
        learning.see(arrival);
    }
    let sizes = &mut learning.sizes;
    let (count, place) = (sizes.len(), sizes.len() / 2);
    if count == 0 {
        return None;
    }
    let size = *sizes.select_nth_unstable_by(place, f64::total_cmp).1;
    let segment = arrivals.iter().skip(1).map(|a| a.bytes).max().map_or(0.0, f64::from);
    if size < LEAST_SEGMENTS * segment {
        return None;
    }
    // One loss shows the size to half a segment only; the middle of several is better.
    let shifts: &[f64] = if count < FEW_SIZES { &[0.0, -0.4, 0.4] } else { &[0.0] };
    let fits = shifts.iter().map(|shift| {
        let mut bucket = Bucket::new(rate_bps, Some(size + shift * segment));
        for arrival in arrivals {
            bucket.see(arrival);
        }
        bucket.fit()
    });
    fits.min_by(|a, b| a.badness().total_cmp(&b.badness()))
}

/// A bucket as far as it can be followed from outside.
#[derive(Debug)]
struct Bucket {
    rate_bps: f64,
    /// Given, or as the first loss shows.
    size: Option<f64>,
    level: f64,
    at_us: u64,
    /// True since it was full, until the next loss.
    was_full: bool,
    /// Its size as the first loss after it was full shows it.
    sizes: Vec<f64>,
    corrected: f64,
    passed: f64,
    passes: f64,
    losses: f64,
    above: f64,
    below: f64,
    tight: f64,
}

impl Bucket {
    fn new(rate_bps: f64, size: Option<f64>) -> Self {
        Self {
            rate_bps,
            size,
            level: 0.0,
            at_us: 0,
            was_full: true,
            sizes: Vec::new(),
            corrected: 0.0,
            passed: 0.0,
            passes: 0.0,
            losses: 0.0,
            above: 0.0,
            below: 0.0,
            tight: 0.0,
        }
    }

    /// Takes in an arrival; the level before it.
    fn see(&mut self, arrival: &Arrival) -> f64 {
        let waited = arrival.at_us.saturating_sub(self.at_us) as f64;
        self.at_us = arrival.at_us;
        self.level -= self.rate_bps * waited / 8e6;
        if self.level <= 0.0 {
            self.level = 0.0;
            self.was_full = true;
        }
        let before = self.level;
        let bytes = f64::from(arrival.bytes);
        if arrival.lost {
            self.loss(bytes)
        } else {
            self.pass(bytes)
        }
        before
    }

    fn loss(&mut self, bytes: f64) {
        let with = self.level + bytes;
        self.losses += 1.0;
        // The size lies between the level without and with the segment.
        let between = with - bytes / 2.0;
        if self.was_full {
            self.was_full = false;
            if self.sizes.len() < SIZES {
                self.sizes.push(between);
            }
        }
        let size = *self.size.get_or_insert(between);
        if with < size - bytes {
            self.below += 1.0;
        }
        // The tokens were fewer than the segment needed.
        if with < size {
            self.corrected -= size - with;
            self.level = size - bytes;
        }
    }

    fn pass(&mut self, bytes: f64) {
        self.level += bytes;
        self.passed += bytes;
        self.passes += 1.0;
        let Some(size) = self.size else { return };
        if self.level > size - bytes / 2.0 {
            self.tight += 1.0;
        }
        if self.level > size + bytes / 2.0 {
            self.above += 1.0;
        }
        if self.level > size {
            self.corrected += self.level - size;
            self.level = size;
        }
    }

    fn fit(&self) -> Fit {
        Fit {
            rate_bps: self.rate_bps,
            range_bps: [self.rate_bps; 2],
            burst_bytes: self.size.unwrap_or(0.0),
            contradictions: [self.above / self.passes.max(1.0), self.below / self.losses.max(1.0)],
            drift: self.corrected.abs() / self.passed.max(1.0),
            tight: self.tight / self.passes.max(1.0),
        }
    }
}

/// Fewest losses, and passes (`MIN_NUM_SAMPLES` of the published detector).
const SAMPLES: usize = 15;
/// Fewest slices of time with a loss (same).
const SLICES: usize = 3;
/// Smallest bucket, in segments: a smaller one is full again before the next segment comes, and explains any loss.
const LEAST_SEGMENTS: f64 = 4.0;
/// What badness may differ by chance.
const NEARLY: f64 = 0.005;
/// So many measurements of the size need no trying.
const FEW_SIZES: usize = 8;
/// Most measurements of the size that are kept.
const SIZES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    /// Bursts of 1500-byte packets at 100 Mbit/s through a bucket, or dropped by chance (one in `dice`, where it is not 0).
    fn bursts(rate_bps: f64, size: f64, dice: u32) -> Vec<Arrival> {
        let (mut tokens, mut at_us, mut state) = (size, 0_u64, 12345_u32);
        let mut out = Vec::new();
        for burst in 0..200_u64 {
            let start = burst * 100_000 + burst % 7 * 1_000;
            for n in 0..20 + burst % 30 {
                let now = start + n * 120;
                tokens = (tokens + (now - at_us) as f64 * rate_bps / 8e6).min(size);
                at_us = now;
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let lost = if dice == 0 { tokens < 1500.0 } else { (state >> 8) % dice == 0 };
                if !lost {
                    tokens -= 1500.0;
                }
                out.push(Arrival { at_us: now, bytes: 1500, lost });
            }
        }
        out
    }

    #[test]
    fn finds_rate_and_size() {
        for (rate, size) in [(1e6, 30_000.0), (0.8e6, 25_000.0), (2.5e6, 200_000.0)] {
            let fit = fit(&bursts(rate, size, 0), 100_000).unwrap();
            assert!(fit.badness() < 0.02, "{fit:?}");
            let [low, high] = fit.range_bps;
            assert!(low < rate * 1.05 && high > rate * 0.95, "{fit:?}");
            let far = (fit.rate_bps / rate - 1.0).abs() > 0.05;
            assert!(!far || !fit.is_sharp(), "{fit:?}");
            assert!(far || (fit.burst_bytes - size).abs() < 3_000.0, "{fit:?}");
        }
    }

    #[test]
    fn a_bucket_that_is_always_full_again_leaves_the_rate_open() {
        let fit = fit(&bursts(4e6, 15_000.0, 0), 100_000).unwrap();
        assert!(!fit.is_sharp(), "{fit:?}");
        assert!((fit.burst_bytes - 15_000.0).abs() < 1_500.0, "{fit:?}");
    }

    #[test]
    fn losses_by_chance_do_not_fit() {
        for dice in [20, 50, 100] {
            let fit = fit(&bursts(1.0, 1.0, dice), 100_000);
            assert!(fit.is_none_or(|fit| fit.badness() > 0.1), "one in {dice}: {fit:?}");
        }
    }

    #[test]
    fn too_few_losses_say_nothing() {
        let mut arrivals = bursts(2e6, 15_000.0, 0);
        arrivals.truncate(30);
        assert_eq!(fit(&arrivals, 100_000), None);
        assert_eq!(fit(&[], 100_000), None);
    }
}
