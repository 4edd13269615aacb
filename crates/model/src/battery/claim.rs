//! What documents say beside the packets, and how good a source is.

use serde::{Deserialize, Serialize};

/// How good a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Grade {
    /// Reviewed by peers, a court's record, or primary data.
    A,
    /// Press or NGO of repute that quotes primary documents.
    B,
    /// An aggregator, or a single secondary source.
    C,
    /// A forum.
    D,
}

/// What a document says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// What it says.
    pub claim: String,
    /// How good it is.
    pub grade: Grade,
    /// Who says it.
    pub src: String,
    /// When.
    pub date: String,
}
