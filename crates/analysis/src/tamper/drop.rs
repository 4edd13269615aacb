//! Packets that had no answer, beside others of the same ends that had.

use super::finding::{Connection, Finding, SeenFrom, Trigger};

/// How a connection ended, as far as it matters for drops. Of TCP and of QUIC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its ends.
    pub connection: Connection,
    /// Where the capture was taken.
    pub seen_from: SeenFrom,
    /// First packet, and its time in ns since 1970.
    pub first: (u64, i64),
    /// Time of the last packet of either end.
    pub last_ns: i64,
    /// What the client asked for.
    pub trigger: Option<Trigger>,
    /// True if both ends were heard before the request (TCP: the handshake).
    pub handshake: bool,
    /// Time from SYN to SYN-ACK, ns; none where they are not there.
    pub round_trip_ns: Option<i64>,
    /// Packets in which the client asked, first and repeated, which nothing from the server followed but bare acknowledgements.
    pub unanswered: Vec<u64>,
    /// Time of the first of them, ns since 1970; 0 where there is none.
    pub unanswered_since_ns: i64,
    /// How many of them repeat what was sent before.
    pub repeated: u32,
    /// Bytes of payload (QUIC: datagrams) from the server.
    pub server_payload: u64,
    /// True if a reset was seen from either side, and true if a FIN from the server was seen.
    pub reset: bool,
    /// See above.
    pub server_fin: bool,
    /// True if a reset in it was graded as injected or likely.
    pub injected_reset: bool,
    /// App of the person's device, where the capture says so.
    pub app: Option<String>,
}

/// Remembers how connections ended, by client, server and port.
#[derive(Debug, Default)]
pub struct Drops {}

impl Drops {
    /// Takes in a connection that has ended, or that the capture's end cuts.
    pub fn ended(&mut self, ended: Ended) {
        let _ = ended;
    }

    /// The capture has ended.
    pub fn finish(&mut self, last_ns: i64, out: &mut dyn FnMut(Finding)) {
        let _ = (last_ns, out);
    }
}
