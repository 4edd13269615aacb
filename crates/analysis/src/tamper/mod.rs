//! Packets in, findings out: what was done to each connection of a capture, and on what evidence.

pub mod content;
pub mod drop;
pub mod finding;
pub mod throttle;
pub mod udp;

use wirewitness_wire::file::Record;
use wirewitness_wire::ip::IpPacket;

pub use finding::Finding;

use crate::fingerprints::Fingerprints;

/// Limits of an inspection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// TCP connections held at once; the one that was quiet longest goes first.
    pub flows: usize,
    /// Seconds without a packet after which a connection is over.
    pub idle_secs: u32,
    /// Bytes of the beginnings of streams, fragments and transfers held at once.
    pub memory: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { flows: 2_000_000, idle_secs: 600, memory: 256 << 20 }
    }
}

/// What an inspection has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counters {
    /// IP packets.
    pub packets: u64,
    /// TCP connections.
    pub tcp_flows: u64,
    /// Questions over DNS.
    pub dns_questions: u64,
    /// QUIC connection attempts.
    pub quic_flows: u64,
    /// Resets.
    pub resets: u64,
    /// Packets whose transport header could not be read.
    pub malformed: u64,
    /// Fragments.
    pub fragments: u64,
    /// Connections told before they were over, for want of room.
    pub evicted: u64,
    /// Packets whose time lies before that of the packet before them.
    pub backwards: u64,
    /// Packets that were not captured whole.
    pub cut: u64,
}

/// Inspects the packets of one capture, or of one lane of it.
pub struct Inspector<'f> {
    #[expect(dead_code, reason = "the parts that read it are being written")]
    fingerprints: &'f Fingerprints,
    counters: Counters,
}

impl<'f> Inspector<'f> {
    /// Begins.
    pub fn new(limits: Limits, fingerprints: &'f Fingerprints) -> Self {
        let _ = limits;
        Self { fingerprints, counters: Counters::default() }
    }

    /// Takes in a packet. Findings are told as soon as they are certain; those of a connection at its end.
    pub fn packet(
        &mut self,
        record: &Record<'_>,
        packet: &IpPacket<'_>,
        out: &mut dyn FnMut(Finding),
    ) {
        let _ = (record, packet, out);
        self.counters.packets += 1;
    }

    /// The capture has ended.
    pub fn finish(self, out: &mut dyn FnMut(Finding)) -> Counters {
        let _ = out;
        self.counters
    }
}

/// Which lane a packet belongs to: all that must be seen together (both ways of all connections between two addresses, their
/// fragments, and ICMP errors about them) has the same number.
pub fn lane(packet: &IpPacket<'_>) -> u64 {
    let _ = packet;
    0
}
