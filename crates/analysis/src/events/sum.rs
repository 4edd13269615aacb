//! A cumulative sum of evidence in which no one voice decides.
//!
//! Page's sum (1954) adds the logarithm of a likelihood ratio a unit and starts again where it falls to nothing. Here each
//! voice (a vantage, or a network where networks are pooled) has a sum of its own since that start, and brings no more than
//! a cap of it. A capped sum is never above Page's, so it crosses a threshold no earlier: the bound on false alarms holds.
//!
//! Cannot tell apart: two volunteers behind one faulty line, from two who see the same block.

/// Evidence for a change since it was last refuted.
#[derive(Debug, Clone, Default)]
pub(super) struct Sum {
    voices: Vec<(u64, f64)>,
    /// Index of the unit it began with.
    since: usize,
    /// Blocked units since then, and all.
    tally: (f64, f64),
}

/// What one unit says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said {
    pub(super) voice: u64,
    /// Logarithm of a likelihood ratio: above 0 for the change.
    pub(super) step: f64,
    /// Share of it that is `blocked`.
    pub(super) hit: f64,
}

impl Sum {
    /// Adds what one unit says. `cap` is the most that one voice brings.
    pub(super) fn add(&mut self, index: usize, said: Said, cap: f64) -> f64 {
        if self.voices.is_empty() {
            if said.step <= 0.0 {
                return 0.0;
            }
            (self.since, self.tally) = (index, (0.0, 0.0));
        }
        self.tally.0 += said.hit;
        self.tally.1 += 1.0;
        self.credit(said.voice, said.step, 4.0 * cap);
        let value = self.voices.iter().map(|(_, own)| own.min(cap)).sum::<f64>();
        if value <= 0.0 {
            self.clear();
            return 0.0;
        }
        value
    }

    /// What lies far above the cap is forgotten, or a voice could not take back what it said.
    fn credit(&mut self, voice: u64, step: f64, most: f64) {
        if let Some((_, own)) = self.voices.iter_mut().find(|(known, _)| *known == voice) {
            *own = (*own + step).min(most);
        } else if self.voices.len() < MOST_VOICES {
            self.voices.push((voice, step));
        } else if let Some((_, own)) = self.voices.last_mut() {
            // One place for all who come late: as if they were one, which can only delay.
            *own = (*own + step).min(most);
        }
    }

    /// What it would be if no voice were capped (but for what is forgotten).
    pub(super) fn uncapped(&self) -> f64 {
        self.voices.iter().map(|(_, own)| own).sum()
    }

    /// Index of the unit that the change began with, if there is one: the most likely place of the change.
    pub(super) fn since(&self) -> Option<usize> {
        (!self.voices.is_empty()).then_some(self.since)
    }

    /// Blocked units since it began, and all.
    pub(super) fn tally(&self) -> (f64, f64) {
        self.tally
    }

    pub(super) fn clear(&mut self) {
        self.voices.clear();
    }
}

/// Voices kept apart in one sum.
const MOST_VOICES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn add(sum: &mut Sum, (index, voice): (usize, u64), (step, cap): (f64, f64)) -> f64 {
        sum.add(index, Said { voice, step, hit: 1.0 }, cap)
    }

    #[test]
    fn one_voice_brings_no_more_than_the_cap() {
        let mut sum = Sum::default();
        let mut value = 0.0;
        for index in 0..100 {
            value = add(&mut sum, (index, 1), (3.0, 10.0));
        }
        assert!((value - 10.0).abs() < 1e-9 && (sum.uncapped() - 40.0).abs() < 1e-9);
        assert!((add(&mut sum, (100, 2), (3.0, 10.0)) - 13.0).abs() < 1e-9);
        assert_eq!(sum.since(), Some(0));
    }

    #[test]
    fn others_refute_a_voice() {
        let mut sum = Sum::default();
        for index in 0..10 {
            add(&mut sum, (index, 1), (3.0, 10.0));
        }
        for index in 10..14 {
            add(&mut sum, (index, 2), (-3.0, 10.0));
        }
        assert_eq!(sum.since(), None, "12 against 10 capped, though 30 were said");
    }

    #[test]
    fn a_flood_of_voices_is_bounded() {
        let mut sum = Sum::default();
        for voice in 0..10_000 {
            add(&mut sum, (0, voice), (1.0, 5.0));
        }
        assert_eq!(sum.voices.len(), MOST_VOICES);
    }
}
