//! What a series says while nothing is blocked.

use super::settings::Settings;

/// Share of a series' units that say `blocked` while it is not, and what a unit says at that share.
pub(super) struct Noise {
    settings: Settings,
    seen: (f64, f64),
    waiting: (f64, f64),
    pub(super) share: f64,
    pub(super) steps: Steps,
}

/// Logarithms of the likelihood ratio of a unit that says `blocked`, and of one that does not.
#[derive(Clone, Copy)]
pub(super) struct Steps {
    pub(super) full: (f64, f64),
    pub(super) partial: (f64, f64),
}

impl Noise {
    pub(super) fn new(settings: &Settings) -> Self {
        let share = settings.noise.clamp(0.001, 0.2);
        Self {
            settings: *settings,
            seen: (0.0, 0.0),
            waiting: (0.0, 0.0),
            share,
            steps: Steps::new(share, settings),
        }
    }

    /// Units that made it known.
    pub(super) fn units(&self) -> f64 {
        self.seen.1
    }

    pub(super) fn add(&mut self, hit: f64) {
        self.seen.0 += hit;
        self.seen.1 += 1.0;
    }

    /// A unit that may belong to a change.
    pub(super) fn pending(&mut self, hit: f64) {
        self.waiting.0 += hit;
        self.waiting.1 += 1.0;
    }

    pub(super) fn drop_pending(&mut self) {
        self.waiting = (0.0, 0.0);
    }

    /// There was no change: what waited was noise.
    pub(super) fn settle(&mut self) {
        self.seen.0 += self.waiting.0;
        self.seen.1 += self.waiting.1;
        self.drop_pending();
        let usual = self.settings.noise.clamp(0.001, 0.2);
        let share = (usual * PRIOR_UNITS + self.seen.0) / (PRIOR_UNITS + self.seen.1);
        let share = share.clamp(usual, 0.3);
        if (share - self.share).abs() > 1e-3 {
            self.share = share;
            self.steps = Steps::new(share, &self.settings);
        }
    }
}

impl Steps {
    fn new(noise: f64, settings: &Settings) -> Self {
        let of = |share: f64| ((share / noise).ln(), ((1.0 - share) / (1.0 - noise)).ln());
        let full = settings.full.clamp(0.5, 0.99);
        Self { full: of(full), partial: of(settings.partial.max(3.0 * noise).min(full)) }
    }
}

/// Units that the usual noise is worth against what a series shows.
const PRIOR_UNITS: f64 = 50.0;
