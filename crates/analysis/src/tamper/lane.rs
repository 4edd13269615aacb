//! Which packets must be seen together.

use wirewitness_wire::ip::IpPacket;
use wirewitness_wire::transport::{Transport, transport};

use crate::flows::key::pair;

/// Which lane a packet belongs to: all that must be seen together (both ways of all connections between two addresses, their
/// fragments, and ICMP errors about them) has the same number.
///
/// Ports do not count, since later fragments have none. An ICMP error belongs to the packet that it quotes, whoever sent it.
pub fn lane(packet: &IpPacket<'_>) -> u64 {
    if matches!(packet.protocol, ICMP | ICMPV6)
        && let Ok(Transport::Icmp(icmp)) = transport(packet)
        && let Ok(quoted) = IpPacket::read(icmp.quoted)
    {
        return pair(quoted.source, quoted.destination);
    }
    pair(packet.source, packet.destination)
}

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
