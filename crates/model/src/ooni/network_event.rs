//! Network events (df-008-netevents).

use super::record::record;
use crate::lenient::{Failure, Int, List, Real, Text};

record! {
    /// I am one event on a socket.
    pub struct NetworkEvent {
        /// Remote `address:port`.
        address: Text<'a> = "address",
        /// Why it failed.
        failure: Failure<'a> = "failure",
        /// Bytes read or written; for `bytes_received_cumulative`, bytes since the connection began.
        num_bytes: Int = "num_bytes",
        /// `connect`, `read`, `write`, `read_from`, `write_to`, `bytes_received_cumulative`, `tls_handshake_start`, ..
        operation: Text<'a> = "operation",
        /// `tcp` or `udp`.
        proto: Text<'a> = "proto",
        /// Start, seconds since the measurement began.
        t0: Real = "t0",
        /// End, seconds since the measurement began.
        t: Real = "t",
        /// `classic`, `depth=N`, ..
        tags: List<Text<'a>> = "tags",
        /// Which connection it belongs to.
        transaction_id: Int = "transaction_id",
    }
}
