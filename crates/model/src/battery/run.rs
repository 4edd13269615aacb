//! How a battery was run: what it cost, what was left out, and why it ended.

use serde::{Deserialize, Serialize};

/// How a battery was run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The seed that the order of trials follows from.
    pub seed: u64,
    /// Connections and UDP exchanges.
    pub connections: u32,
    /// Bytes of probes.
    pub bytes: u64,
    /// Seconds from the first to the last.
    pub seconds: u64,
    /// How long a port of the far end was left alone after a trigger, seconds.
    pub residual_wait_seconds: u64,
    /// Why it ended before its end, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// What was not run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Skipped>,
    /// What else is to be known of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A test that was not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skipped {
    /// Its name.
    pub test: String,
    /// Why.
    pub why: String,
}
