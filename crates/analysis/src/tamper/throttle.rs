//! Transfers that were slowed: policers, shapers, plateaus, and flows that differ from a control.

use super::finding::{Connection, Finding, Trigger};

/// A segment of a transfer, or the acknowledgement of some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A segment with payload.
    Data {
        /// Its number in the capture.
        packet: u64,
        /// Time, ns since the connection began.
        at_ns: u64,
        /// Place of its first byte in the stream.
        offset: u64,
        /// Length of the payload on the wire.
        len: u32,
    },
    /// An acknowledgement from the other side.
    Ack {
        /// Time, ns since the connection began.
        at_ns: u64,
        /// Place in the stream up to which all has arrived.
        offset: u64,
    },
}

/// One way of a connection that carries much, as long as it is worth keeping: bounded.
#[derive(Debug, Default)]
pub struct Transfer {}

impl Transfer {
    /// Takes in an event, in the order of the capture.
    pub fn put(&mut self, event: Event) {
        let _ = event;
    }

    /// Bytes of memory held beside its own size.
    pub fn memory(&self) -> usize {
        0
    }
}

/// Whose transfer it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Whose {
    /// The connection.
    pub connection: Connection,
    /// Who sent the bytes.
    pub from: super::finding::End,
    /// Time at which the connection began, ns since 1970.
    pub began_ns: i64,
    /// Time from SYN to SYN-ACK, ns, where they are there.
    pub round_trip_ns: Option<i64>,
    /// What the client asked for.
    pub trigger: Option<Trigger>,
    /// Bytes of headers a segment, link excluded (for rates on the wire).
    pub header_bytes: u32,
}

/// Judges transfers, each alone and, once the capture has ended, beside one another.
#[derive(Debug, Default)]
pub struct Throttling {}

impl Throttling {
    /// A transfer has ended.
    pub fn ended(&mut self, whose: Whose, transfer: Transfer, out: &mut dyn FnMut(Finding)) {
        let _ = (whose, transfer, out);
    }

    /// The capture has ended: flows are compared with others of the same server's network.
    pub fn finish(&mut self, out: &mut dyn FnMut(Finding)) {
        let _ = out;
    }
}
