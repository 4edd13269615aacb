//! Which packets must be seen together.

use wirewitness_wire::ip::IpPacket;
use wirewitness_wire::transport::{Transport, transport};

use crate::flows::key::pair;

/// Which lane a packet belongs to: all that must be seen together (both ways of all connections between two addresses, their
/// fragments, and ICMP errors about them) has the same number.
///
/// Ports do not count, since later fragments have none. An ICMP error belongs to the packet that it quotes, whoever sent it.
#[inline]
pub fn lane(packet: &IpPacket<'_>) -> u64 {
    if matches!(packet.protocol, ICMP | ICMPV6)
        && let Some(lane) = of_quoted(packet)
    {
        return lane;
    }
    pair(packet.source, packet.destination)
}

#[inline(never)]
fn of_quoted(packet: &IpPacket<'_>) -> Option<u64> {
    let Ok(Transport::Icmp(icmp)) = transport(packet) else { return None };
    let quoted = IpPacket::read(icmp.quoted).ok()?;
    Some(pair(quoted.source, quoted.destination))
}

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(from: [u8; 4], to: [u8; 4], protocol: u8, payload: &[u8]) -> Vec<u8> {
        let len = (20 + payload.len() as u16).to_be_bytes();
        let head = [0x45, 0, len[0], len[1], 0, 1, 0, 0, 64, protocol, 0, 0];
        [&head[..], &from, &to, payload].concat()
    }

    #[test]
    fn both_ways_fragments_and_errors_share_a_lane() {
        let (a, b, router) = ([192, 0, 2, 1], [198, 51, 100, 2], [203, 0, 113, 3]);
        let there = packet(a, b, 6, &[0; 20]);
        let back = packet(b, a, 17, &[0; 8]);
        let mut fragment = packet(a, b, 17, &[7; 16]);
        fragment[7] = 3;
        let error = packet(router, a, 1, &[&[11, 0, 0, 0, 0, 0, 0, 0], &there[..]].concat());
        let number = |bytes: &[u8]| lane(&IpPacket::read(bytes).unwrap());
        let all = [&there, &back, &fragment, &error].map(|it| number(it));
        assert!(all.iter().all(|it| *it == all[0]), "{all:?}");
        assert_ne!(number(&packet(a, router, 6, &[0; 20])), all[0]);
    }
}
