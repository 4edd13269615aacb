//! A verdict as one point of a series over time: what events are found in.

use serde::{Deserialize, Serialize};

use crate::verdict::{Mechanism, Status};

/// One verdict, in constant space. Names are the caller's: a point carries their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Point {
    /// When it was measured, seconds since 1970.
    pub at_s: i64,
    /// Where from.
    pub network: Network,
    /// Number of the target in the caller's list.
    pub target: u32,
    /// Who measured: a number that means nothing elsewhere. Vantages that are independent of one another differ in it.
    pub vantage: u64,
    /// Number of the resolver's network (AS); 0 where it is not known.
    pub resolver_asn: u32,
    /// What the judge said.
    pub status: Status,
    /// What was done, where it said that.
    pub mechanism: Option<Mechanism>,
}

/// A network in a country: one AS may be in several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Network {
    /// Two letters of ISO 3166-1.
    pub country: [u8; 2],
    /// Number of the network (AS).
    pub asn: u32,
}
