//! What a series says while nothing is blocked.

use wirewitness_model::verdict::Mechanism;

use super::errors::Named;
use super::settings::Settings;

/// Share of a series' units that say `blocked` while it is not, and what a unit says at that share.
pub(super) struct Noise<'e> {
    settings: Settings,
    /// What errors of the network name.
    errors: Named<'e>,
    seen: (f64, f64),
    waiting: (f64, f64),
    /// What said `blocked` and was noise, by what it named; and what waits.
    named: Vec<(Mechanism, f64)>,
    named_waiting: Vec<(Mechanism, f64)>,
    pub(super) share: f64,
    pub(super) steps: Steps,
}

/// Logarithms of the likelihood ratio of a unit that says `blocked`, and of one that does not.
#[derive(Clone, Copy)]
pub(super) struct Steps {
    pub(super) full: (f64, f64),
    pub(super) partial: (f64, f64),
}

impl<'e> Noise<'e> {
    pub(super) fn new(settings: &Settings, errors: Named<'e>) -> Self {
        let share = settings.noise.clamp(0.001, 0.2);
        Self {
            settings: *settings,
            errors,
            seen: (0.0, 0.0),
            waiting: (0.0, 0.0),
            named: Vec::new(),
            named_waiting: Vec::new(),
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
    pub(super) fn pending(&mut self, hit: f64, mechanism: Option<Mechanism>) {
        if let Some(mechanism) = mechanism.filter(|_| hit > 0.0) {
            count(&mut self.named_waiting, (mechanism, hit));
        }
        self.waiting.0 += hit;
        self.waiting.1 += 1.0;
    }

    pub(super) fn drop_pending(&mut self) {
        self.waiting = (0.0, 0.0);
        self.named_waiting.clear();
    }

    /// What it says for a change beside being `blocked` that a unit names a mechanism: a block names one, errors now this, now that. The first of
    /// some units says at most nothing: a block names one of a dozen.
    pub(super) fn agreement(&self, mechanism: Option<Mechanism>) -> f64 {
        let lead = self.named_waiting.iter().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
        let Some(mechanism) = mechanism else { return 0.0 };
        match lead {
            None if self.errors.share(mechanism).is_none() => 0.0,
            None => (1.0 / (KINDS * self.by_error(mechanism))).ln().min(0.0),
            Some((lead, _)) if mechanism == *lead => (AGREEING / self.by_error(*lead)).ln(),
            Some((lead, _)) => ((1.0 - AGREEING) / (1.0 - self.by_error(*lead))).ln(),
        }
    }

    /// That an error names a mechanism: as errors of the network do, and as those of the series did.
    fn by_error(&self, mechanism: Mechanism) -> f64 {
        let all: f64 = self.named.iter().map(|(_, n)| n).sum();
        let own = self.named.iter().find(|(known, _)| *known == mechanism).map_or(0.0, |(_, n)| *n);
        match self.errors.share(mechanism) {
            Some(usual) => ((own + 3.0 * usual) / (all + 3.0)).clamp(LEAST_SAME, 0.9),
            None => ((own + 1.0) / (all + 3.0)).clamp(UNKNOWN_SAME, 0.9),
        }
    }

    /// There was no change: what waited was noise.
    pub(super) fn settle(&mut self) {
        self.seen.0 += self.waiting.0;
        self.seen.1 += self.waiting.1;
        for named in std::mem::take(&mut self.named_waiting) {
            count(&mut self.named, named);
        }
        self.drop_pending();
        let usual = self.settings.noise.clamp(0.001, 0.2);
        let share = (usual * PRIOR_UNITS + self.seen.0) / (PRIOR_UNITS + self.seen.1);
        let share = share.clamp(usual * QUIET, 0.3);
        if (share - self.share).abs() > 1e-3 {
            self.share = share;
            self.steps = Steps::new(share, &self.settings);
        }
    }
}

impl Steps {
    fn new(noise: f64, settings: &Settings) -> Self {
        let of =
            |noise: f64, share: f64| ((share / noise).ln(), ((1.0 - share) / (1.0 - noise)).ln());
        let full = settings.full.clamp(0.5, 0.99);
        let partial = of(noise, settings.partial.max(3.0 * noise).min(full));
        Self { full: of(noise.max(settings.noise.clamp(0.001, 0.2)), full), partial }
    }
}

fn count(named: &mut Vec<(Mechanism, f64)>, (mechanism, n): (Mechanism, f64)) {
    match named.iter_mut().find(|(known, _)| *known == mechanism) {
        Some((_, all)) => *all += n,
        None => named.push((mechanism, n)),
    }
}

/// Share of a block's units that name the mechanism that most of them do: a judge errs, or another is behind it.
const AGREEING: f64 = 0.8;
/// The least share of errors that is taken to name one mechanism.
const LEAST_SAME: f64 = 0.05;
/// The same where nothing is known of errors.
const UNKNOWN_SAME: f64 = 0.35;
/// Mechanisms that a block is likely to be of.
const KINDS: f64 = 12.0;
/// Part of the usual noise below which no series is believed to make less, however little it showed.
const QUIET: f64 = 0.25;
/// Units that the usual noise is worth against what a series shows.
const PRIOR_UNITS: f64 = 50.0;
