//! What a battery is to try.

use std::time::Duration;

use wirewitness_model::battery::rows::{LENGTH_ROWS, row_of};

use super::caps::Caps;
use super::hello::Hello;
use super::protocol::LONGEST_SESSION;
use super::token::ConsentToken;

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
    /// Which way connections are opened that are acted upon.
    Direction,
}

impl Test {
    /// All, in the order in which they are run.
    pub const ALL: [Self; 11] = [
        Self::Residual,
        Self::Tls,
        Self::Substring,
        Self::Pieces,
        Self::Http,
        Self::Resets,
        Self::Fragments,
        Self::Location,
        Self::Direction,
        // Last: where no datagram passes at all, their controls end the run.
        Self::Dns,
        Self::Quic,
    ];

    /// Whether it has probes that a second run tries again.
    pub fn has_probes(self) -> bool {
        !matches!(
            self,
            Self::Residual | Self::Substring | Self::Resets | Self::Location | Self::Direction
        )
    }

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
            Self::Direction => "direction",
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
    /// Numbers of fragments that are tried.
    pub fragments: Vec<u16>,
    /// The seed of the order.
    pub seed: u64,
    /// Trials of each probe; more where the positive control is unreliable.
    pub trials: u32,
    /// Runs of each probe that are to agree: 1 or 2. The second comes after the first of all tests, as far as connections last.
    pub runs: u32,
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
            fragments: super::fragments::NUMBERS.to_vec(),
            seed,
            trials: 20,
            runs: 1,
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
        if !(1..=2).contains(&self.runs) {
            return Err(PlanError::Runs { asked: self.runs });
        }
        if let Some(vector) = self.tls_vectors.iter().find(|it| row_of("tls", it).is_none()) {
            return Err(PlanError::Vector { vector: vector.clone() });
        }
        if let Some(asked) = self.fragments.iter().find(|it| !(1..=MOST_FRAGMENTS).contains(*it)) {
            return Err(PlanError::Fragments { asked: *asked });
        }
        Ok(())
    }

    /// Whether it ends within a session of a far end with the ports of this token, however long blocks outlive their triggers.
    ///
    /// # Errors
    /// How long it may take, and how many ports it would need.
    pub fn fits(&self, token: &ConsentToken) -> Result<(), PlanError> {
        let of = |triggers: fn(&Self, Test) -> u32| {
            // Where a control is unreliable, each probe is tried three times as often.
            let all: u32 = self.tests.iter().map(|test| triggers(self, *test)).sum();
            all.saturating_mul(3 * self.runs).min(self.caps.connections())
        };
        let tcp_wait = if self.tests.contains(&Test::Residual) {
            self.residual_wait.max(super::residual::LONGEST_WAIT)
        } else {
            self.residual_wait
        };
        let turns = self.caps.interval() * self.caps.connections();
        for (kind, ports, triggers, wait) in [
            ("TCP", token.tcp.len(), of(Self::tcp_triggers), tcp_wait),
            ("UDP", token.udp.len(), of(Self::udp_triggers), self.residual_wait),
        ] {
            let rests = wait.saturating_mul(triggers);
            let room = LONGEST_SESSION.saturating_sub(turns + wait).as_secs().max(1);
            let need = rests.as_secs().div_ceil(room);
            // Without ports the test is not run, which is said elsewhere.
            if ports > 0 && need > ports as u64 {
                let longest = rests / u32::try_from(ports).unwrap_or(u32::MAX) + turns;
                let hours = longest.as_secs().div_ceil(3600);
                return Err(PlanError::Outlasts { kind, ports, wait, hours, need });
            }
        }
        Ok(())
    }

    /// Triggers after which a TCP port rests.
    fn tcp_triggers(&self, test: Test) -> u32 {
        let of = |vectors: usize| self.trials * (1 + vectors as u32) + vectors as u32 / 2;
        match test {
            Test::Residual => 3,
            Test::Tls => of(self.tls_vectors.len()),
            Test::Pieces => of(super::pieces::COUNT),
            Test::Http => of(super::web::COUNT),
            Test::Substring => self.trials * super::pieces::SUBSTRINGS,
            Test::Resets | Test::Direction => self.trials,
            Test::Location => 123,
            Test::Fragments => of(self.fragments.len()),
            Test::Dns | Test::Quic => 0,
        }
    }

    /// Triggers after which a UDP port rests.
    fn udp_triggers(&self, test: Test) -> u32 {
        let vectors = super::quic::COUNT as u32;
        if test == Test::Quic { self.trials * (1 + vectors) + vectors / 4 } else { 0 }
    }

    /// Connections that it takes where nothing has to be repeated, and the least time for them.
    pub fn cost(&self) -> (u32, Duration) {
        let of = |test: &Test| match test {
            Test::Residual => 130,
            Test::Tls => vectors_cost(self.tls_vectors.len(), self.trials),
            Test::Pieces => vectors_cost(super::pieces::COUNT, self.trials),
            Test::Substring => (self.trials + 1) * super::pieces::SUBSTRINGS,
            Test::Dns => 20 * self.trials + 28,
            Test::Http => vectors_cost(super::web::COUNT, self.trials),
            Test::Resets => 2 * self.trials + 2,
            Test::Quic => 2 * self.trials * (1 + super::quic::COUNT as u32) + 68,
            Test::Location => 246,
            Test::Direction => 6 * self.trials + 16,
            Test::Fragments => vectors_cost(self.fragments.len(), self.trials) + 6,
        };
        let again = self.tests.iter().map(|it| self.cost_again(*it)).sum::<u32>();
        let all = self.tests.iter().map(of).sum::<u32>() + 8 + (self.runs - 1) * again;
        let connections = all.min(self.caps.connections());
        (connections, self.caps.interval() * connections)
    }

    /// Connections of a further run, in which probes have no harmless control of their own.
    fn cost_again(&self, test: Test) -> u32 {
        let of = |vectors: usize| vectors as u32 * (self.trials + 1) + 2;
        match test {
            Test::Tls => of(self.tls_vectors.len()),
            Test::Pieces => of(super::pieces::COUNT),
            Test::Http => of(super::web::COUNT),
            Test::Dns => 10 * (self.trials + 2),
            Test::Quic => super::quic::COUNT as u32 * (self.trials + 2),
            Test::Fragments => of(self.fragments.len()),
            _ => 0,
        }
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
    /// Too few or too many runs.
    #[error("{asked} runs: one is made, or two that are to agree")]
    Runs {
        /// What was asked for.
        asked: u32,
    },
    /// No number of fragments.
    #[error("{asked} fragments: 1 to {MOST_FRAGMENTS} are sent")]
    Fragments {
        /// What was asked for.
        asked: u16,
    },
    /// An unknown probe.
    #[error("unknown probe {vector:?}")]
    Vector {
        /// What was asked for.
        vector: String,
    },
    /// A session of the far end would end first.
    #[error(
        "this plan may take {hours} hours ({kind} ports: {ports}, each at rest for up to {} s after a trigger), and a session of the far \
         end ends after {}: it takes {need} ports, or fewer tests",
        .wait.as_secs(), LONGEST_SESSION.as_secs() / 3600
    )]
    Outlasts {
        /// TCP or UDP.
        kind: &'static str,
        /// How many there are.
        ports: usize,
        /// How long one may rest.
        wait: Duration,
        /// How long it may take.
        hours: u64,
        /// How many it would need.
        need: u64,
    },
}

/// As many as were ever tried; a segment of so many is one read of the far end.
const MOST_FRAGMENTS: u16 = 500;

/// Whether this may be a host name.
pub(crate) fn is_name(name: &str) -> bool {
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
    fn a_plan_that_outlasts_a_session_is_refused() {
        let token = |tcp: u16, udp: u16| {
            let server = ([192, 0, 2, 1], 8080).into();
            let (tcp, udp) = ((1..=tcp).collect(), (1..=udp).collect());
            ConsentToken::issue(server, tcp, udp, [7; 32])
        };
        let usual = Plan::new("blocked.example", "fine.example", 1);
        assert_eq!(usual.fits(&token(64, 1)), Ok(()));
        let error = usual.fits(&token(1, 1)).unwrap_err();
        let PlanError::Outlasts { kind, ports, hours, need, .. } = error.clone() else {
            panic!("{error}")
        };
        // 1500 triggers at most, of which each may hold its port for 756 s.
        assert_eq!((kind, ports, hours, need), ("TCP", 1, 316, 28));
        assert!(error.to_string().contains("it takes 28 ports"), "{error}");
        assert!(usual.fits(&token(27, 1)).is_err() && usual.fits(&token(28, 1)).is_ok());
        // Without the test that may find a longer one, a port rests 225 s.
        let tls = Plan { tests: vec![Test::Tls], ..usual.clone() };
        assert!(tls.fits(&token(8, 0)).is_err() && tls.fits(&token(9, 0)).is_ok());
        let quic = Plan { tests: vec![Test::Quic], ..usual };
        let error = quic.fits(&token(64, 1)).unwrap_err().to_string();
        assert!(error.contains("UDP ports: 1"), "{error}");
        assert_eq!(quic.fits(&token(64, 0)), Ok(()), "it is skipped, and named");
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
        for fragments in [0, 501] {
            let plan = Plan { fragments: vec![2, fragments], ..plan.clone() };
            assert_eq!(plan.check(), Err(PlanError::Fragments { asked: fragments }));
        }
        for runs in [0, 3] {
            assert!(Plan { runs, ..plan.clone() }.check().is_err());
        }
        assert!(Plan { tls_vectors: vec!["x:y".into()], ..plan }.check().is_err());
    }
}
