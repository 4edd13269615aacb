//! Repeated steps (key `x_follow_ups` of this project's own prober; no format of OONI's).

use super::record::record;
use crate::lenient::{Failure, Int, List, Real, Text};

record! {
    /// I am one repeated step.
    pub struct FollowUp {
        /// Which repetition, from 1.
        round: Int = "round",
        /// `dns`, `tcp`, `tls`, `http`, `quic`.
        layer: Text<'a> = "layer",
        /// `nothing`, `name`, `resolver`, `no_resolver`, `helper`: the one thing that is not as it was.
        changed: Text<'a> = "changed",
        /// `address:port`; empty for the system's resolver.
        endpoint: Text<'a> = "endpoint",
        /// The name asked for.
        name: Text<'a> = "name",
        /// What happened instead.
        failure: Failure<'a> = "failure",
        /// Addresses, from DNS.
        answers: List<Text<'a>> = "answers",
        /// Status, from HTTP.
        status: Int = "status",
        /// Bytes of the body, from HTTP: of the answer, or of what was sent to a test helper.
        body_bytes: Int = "body_bytes",
        /// Start, seconds since the measurement began.
        t0: Real = "t0",
        /// End, seconds since the measurement began.
        t: Real = "t",
    }
}
