//! Raw packets of OONI's scapy-based tests (df-003-scapypackett), last written about 2014.

use super::record::record;
use crate::lenient::{MaybeBinary, Text};

record! {
    /// I am one packet, sent or received.
    pub struct Packet {
        /// The IP packet's bytes.
        raw_packet: MaybeBinary<'a> = "raw_packet",
        /// Scapy's one-line summary.
        summary: Text<'a> = "summary",
    }
}
