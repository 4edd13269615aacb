//! What a battery is to try.

use std::time::Duration;

use wirewitness_model::battery::rows::{LENGTH_ROWS, row_of};

use super::caps::Caps;
use super::hello::Hello;

/// A test of the battery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Test {
    /// Lies about lengths of a `ClientHello`.
    Tls,
    /// A `ClientHello` in pieces of TCP and records of TLS.
    Pieces,
    /// The name where no parser looks for it.
    Substring,
    /// DNS questions through pointers, and what the answers look like.
    Dns,
    /// Requests of HTTP, and the page that comes instead.
    Http,
    /// What outlives its trigger.
    Residual,
    /// Headers of forged resets.
    Resets,
    /// IPv4 fragments.
    Fragments,
    /// QUIC Initials.
    Quic,
    /// Where it happens.
    Location,
}

impl Test {
    /// All, in the order in which they are run.
    pub const ALL: [Self; 10] = [
        Self::Residual,
        Self::Tls,
        Self::Substring,
        Self::Pieces,
        Self::Http,
        Self::Dns,
        Self::Quic,
        Self::Resets,
        Self::Fragments,
        Self::Location,
    ];

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Pieces => "pieces",
            Self::Substring => "substring",
            Self::Dns => "dns",
            Self::Http => "http",
            Self::Residual => "residual",
            Self::Resets => "resets",
            Self::Fragments => "fragments",
            Self::Quic => "quic",
            Self::Location => "location",
        }
    }

    /// The test of this name.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.word() == word)
    }
}

/// What to try, with which names, how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What the battery is called.
    pub event: String,
    /// A name that is censored here. Nothing of it is visited.
    pub trigger: String,
    /// A name that is not.
    pub neutral: String,
    /// The tests.
    pub tests: Vec<Test>,
    /// Probes of TLS, by name: one of each row of the table unless told otherwise.
    pub tls_vectors: Vec<String>,
    /// The seed of the order.
    pub seed: u64,
    /// Trials of each probe; more where the positive control is unreliable.
    pub trials: u32,
    /// What may be spent.
    pub caps: Caps,
    /// How long a port is left alone after a trigger, until that is known better.
    pub residual_wait: Duration,
}

impl Plan {
    /// The usual plan: residual, TLS and DNS, twenty trials a probe.
    pub fn new(trigger: &str, neutral: &str, seed: u64) -> Self {
        Self {
            event: String::new(),
            trigger: trigger.to_owned(),
            neutral: neutral.to_owned(),
            tests: vec![Test::Residual, Test::Tls, Test::Dns],
            tls_vectors: one_of_each_row(),
            seed,
            trials: 20,
            caps: Caps::default(),
            residual_wait: DEFAULT_RESIDUAL_WAIT,
        }
    }

    /// Whether it makes sense.
    ///
    /// # Errors
    /// What does not.
    pub fn check(&self) -> Result<(), PlanError> {
        for name in [&self.trigger, &self.neutral] {
            if !is_name(name) {
                return Err(PlanError::Name { name: name.clone() });
            }
        }
        if self.trigger.eq_ignore_ascii_case(&self.neutral) {
            return Err(PlanError::Same { name: self.trigger.clone() });
        }
        if !(20..=60).contains(&self.trials) {
            return Err(PlanError::Trials { asked: self.trials });
        }
        if let Some(vector) = self.tls_vectors.iter().find(|it| row_of("tls", it).is_none()) {
            return Err(PlanError::Vector { vector: vector.clone() });
        }
        Ok(())
    }

    /// Connections that it takes where nothing has to be repeated, and the least time for them.
    pub fn cost(&self) -> (u32, Duration) {
        let of = |test: &Test| match test {
            Test::Residual => 130,
            Test::Tls => vectors_cost(self.tls_vectors.len(), self.trials),
            Test::Pieces => vectors_cost(super::pieces::COUNT, self.trials),
            Test::Substring => self.trials * super::pieces::SUBSTRINGS,
            Test::Dns => 20 * self.trials + 12,
            Test::Http => vectors_cost(super::web::COUNT, self.trials),
            Test::Resets => 2 * self.trials + 2,
            Test::Quic => 2 * self.trials * (1 + super::quic::COUNT as u32) + 60,
            Test::Location => 243,
            Test::Fragments => 0,
        };
        let all = self.tests.iter().map(of).sum::<u32>() + 8;
        let connections = all.min(self.caps.connections());
        (connections, self.caps.interval() * connections)
    }
}

fn vectors_cost(vectors: usize, trials: u32) -> u32 {
    u32::try_from(vectors).unwrap_or(u32::MAX).saturating_mul(2 * trials + 1) + 2 * trials
}

/// Why a plan is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Not a name.
    #[error("{name:?} is no host name")]
    Name {
        /// What was given.
        name: String,
    },
    /// One name for both.
    #[error("{name:?} cannot be both the censored and the harmless name")]
    Same {
        /// What was given.
        name: String,
    },
    /// Too few or too many trials.
    #[error("{asked} trials a probe: 20 to 60 are run")]
    Trials {
        /// What was asked for.
        asked: u32,
    },
    /// An unknown probe.
    #[error("unknown probe {vector:?}")]
    Vector {
        /// What was asked for.
        vector: String,
    },
}

fn is_name(name: &str) -> bool {
    let good = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-' || it == b'_')
    };
    name.len() <= 253 && name.contains('.') && name.split('.').all(good)
}

/// One lie of each row of the table.
fn one_of_each_row() -> Vec<String> {
    let hello = Hello::new("a.example", [0; 32]);
    let lies: Vec<String> = hello.lies().map(|(_, (vector, _))| vector).collect();
    let first = |row: &&str| lies.iter().find(|lie| row_of("tls", lie) == Some(row)).cloned();
    LENGTH_ROWS.iter().filter_map(first).collect()
}

/// 180 seconds and a quarter more: the longest residual block that is widely reported.
const DEFAULT_RESIDUAL_WAIT: Duration = Duration::from_secs(225);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_has_a_probe_of_every_row() {
        let plan = Plan::new("blocked.example", "fine.example", 1);
        let rows: Vec<_> = plan.tls_vectors.iter().map(|it| row_of("tls", it).unwrap()).collect();
        assert_eq!(rows, LENGTH_ROWS);
        assert_eq!(plan.check(), Ok(()));
        let (connections, time) = plan.cost();
        assert!((1_000..=1_500).contains(&connections), "{connections}");
        assert_eq!(time.as_secs(), u64::from(connections));
    }

    #[test]
    fn plans_that_make_no_sense_are_refused() {
        let plan = Plan::new("blocked.example", "fine.example", 1);
        for (trigger, neutral) in
            [("", "a.b"), ("a b.c", "a.b"), ("a..b", "a.b"), ("localhost", "a.b")]
        {
            let plan = Plan { trigger: trigger.into(), neutral: neutral.into(), ..plan.clone() };
            assert!(matches!(plan.check(), Err(PlanError::Name { .. })), "{trigger}");
        }
        let same = Plan { neutral: "BLOCKED.example".into(), ..plan.clone() };
        assert!(matches!(same.check(), Err(PlanError::Same { .. })));
        assert!(Plan { trials: 19, ..plan.clone() }.check().is_err());
        assert!(Plan { tls_vectors: vec!["x:y".into()], ..plan }.check().is_err());
    }
}
