//! What both ways of measuring are told on the command line.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use wirewitness_probe::FollowUp;
use wirewitness_probe::run::Plan;

use crate::commands::judge::FailOn;

/// How to tell what came of it.
#[derive(Debug, Clone, Args)]
pub(crate) struct TellArgs {
    /// Write the measurements into this file: OONI's format, one JSON object a line
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Say in words what was seen, what was expected and what cannot be told apart
    #[arg(long, conflicts_with = "json")]
    pub(crate) explain: bool,
    /// One JSON object a line: client, round, input, verdict .. (docs/json.md)
    #[arg(long)]
    pub(crate) json: bool,
    /// Fingerprints of block pages, as for `judge`
    #[arg(long, value_name = "PATH")]
    pub(crate) fingerprints: Vec<PathBuf>,
    /// Exit with code 3 where any measurement has this status
    #[arg(long, value_name = "STATUS")]
    pub(crate) fail_on: Option<FailOn>,
}

/// How much at once, and how often.
#[derive(Debug, Clone, Args)]
pub(crate) struct PlanArgs {
    /// Targets measured at the same time; 1 in the lab and 16 elsewhere if not said
    #[arg(long, value_name = "N", value_parser = at_once)]
    pub(crate) concurrency: Option<NonZeroUsize>,
    /// Measure everything so many times
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) times: NonZeroU32,
    /// Seconds from the beginning of one time to that of the next
    #[arg(long, value_name = "SECS", default_value = "0", requires = "times")]
    pub(crate) every: u32,
    /// Take the measurements alone, without looking into what failed
    #[arg(long)]
    pub(crate) no_follow_up: bool,
}

impl PlanArgs {
    /// The plan, with a concurrency where none was said.
    pub(crate) fn plan(&self, concurrency: NonZeroUsize) -> Plan {
        Plan {
            concurrency: self.concurrency.unwrap_or(concurrency),
            times: self.times,
            every: Duration::from_secs(u64::from(self.every)),
        }
    }

    /// Whether failures are looked into.
    pub(crate) fn follow_up(&self) -> FollowUp {
        if self.no_follow_up { FollowUp::Never } else { FollowUp::Failures }
    }
}

/// A measurement holds a few sockets and, at worst, some megabytes.
const MOST_AT_ONCE: usize = 1_000;

fn at_once(text: &str) -> Result<NonZeroUsize, String> {
    let number: Option<NonZeroUsize> = text.parse().ok();
    let number = number.filter(|number| number.get() <= MOST_AT_ONCE);
    number.ok_or_else(|| format!("expected 1 to {MOST_AT_ONCE}"))
}
