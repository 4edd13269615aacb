//! TCP connects (df-005-tcpconnect; df-004-tcpt is the older form of the same).

use super::record::record;
use crate::lenient::{Failure, Flag, Int, List, Real, Text};

record! {
    /// I am one attempt to open a TCP connection.
    pub struct TcpConnect {
        /// The address.
        ip: Text<'a> = "ip",
        /// The port.
        port: Int = "port",
        /// How it ended.
        status: Status<'a> = "status",
        /// Start, seconds since the measurement began.
        t0: Real = "t0",
        /// End, seconds since the measurement began.
        t: Real = "t",
        /// `classic`, `depth=N`, `fetch_body=BOOL`, ..
        tags: List<Text<'a>> = "tags",
        /// Which operations belong to this connection.
        transaction_id: Int = "transaction_id",
    }
}

record! {
    /// I say how a connect ended.
    pub struct Status {
        /// Why it failed.
        failure: Failure<'a> = "failure",
        /// Whether it succeeded. Where this says no and `failure` is absent, the failure is unknown.
        success: Flag = "success",
    }
}

impl Status<'_> {
    /// The failure, or none on success. An unsuccessful connect without a reason gives `unknown_failure`.
    pub fn failure(&self) -> Option<&str> {
        match (self.failure.as_str(), self.success.0) {
            (Some(failure), _) => Some(failure),
            (None, Some(false)) => Some("unknown_failure"),
            (None, _) => None,
        }
    }
}
