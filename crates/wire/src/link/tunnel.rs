//! Tunnels in IP packets: IP in IP (RFC 2003, RFC 2473), GRE (RFC 2784, RFC 2890), VXLAN (RFC 7348) and Geneve (RFC 8926).

use super::frame::{IPV4, IPV6, MPLS, MPLS_MULTICAST, frame};
use super::{Carried, Next};
use crate::ip::{IpPacket, protocol};
use crate::read::Reader;

/// True for a packet that may have another in it.
#[inline]
pub(super) fn may_be(packet: &IpPacket<'_>) -> bool {
    match packet.protocol {
        protocol::TCP => false,
        protocol::UDP => match packet.payload {
            [_, _, high, low, ..] => matches!([*high, *low], VXLAN | GENEVE),
            _ => false,
        },
        protocol => matches!(protocol, protocol::IPV4 | protocol::IPV6 | protocol::GRE),
    }
}

/// The innermost packet in a packet, which is itself where there is none that can be read. Looks no deeper than [`MAX_DEPTH`].
#[cold]
pub(super) fn inner(packet: IpPacket<'_>) -> IpPacket<'_> {
    let mut innermost = packet;
    while may_be(&innermost) && innermost.tunnels.outer_ip < MAX_DEPTH {
        let Some(next) = step(&innermost) else { break };
        innermost = next;
    }
    innermost
}

/// The packet in a packet.
fn step<'a>(packet: &IpPacket<'a>) -> Option<IpPacket<'a>> {
    if packet.fragment.is_some() {
        return None;
    }
    let mut reader = Reader::new(packet.payload);
    let next = match packet.protocol {
        protocol::IPV4 | protocol::IPV6 => Next::Ip,
        protocol::GRE => gre(&mut reader)?,
        _ => udp(&mut reader)?,
    };
    let mut frame = frame(next, reader);
    frame.tunnels = packet.tunnels;
    frame.way = packet.way;
    let Ok(Carried::Ip(mut inner)) = frame.outermost() else { return None };
    // What a capturing program put behind the frame is behind the outermost packet.
    inner.trailer = packet.trailer;
    inner.tunnels.outer_ip += 1;
    Some(inner)
}

/// A header of version 0, with the options of RFC 2890 and, of RFC 1701, no routes. Version 1 is PPTP's.
fn gre(reader: &mut Reader<'_>) -> Option<Next> {
    let flags = reader.u16("GRE flags").ok()?;
    let kind = reader.u16("GRE protocol").ok()?;
    if flags & 7 != 0 || flags & GRE_ROUTES != 0 {
        return None;
    }
    let words =
        [GRE_CHECKSUM, GRE_KEY, GRE_SEQUENCE].iter().filter(|flag| flags & **flag != 0).count();
    reader.take(4 * words, "GRE options").ok()?;
    match kind {
        BRIDGED => Some(Next::Ethernet),
        // Version I has no header where there is no sequence number; version II has one of eight bytes.
        ERSPAN if flags & GRE_SEQUENCE == 0 => Some(Next::Ethernet),
        ERSPAN => {
            reader.take(8, "ERSPAN header").ok()?;
            Some(Next::Ethernet)
        }
        ERSPAN_3 => {
            let head = reader.take(12, "ERSPAN header").ok()?;
            // A part for a platform may follow.
            if head.last().is_some_and(|last| last & 1 != 0) {
                reader.take(8, "ERSPAN subheader").ok()?;
            }
            Some(Next::Ethernet)
        }
        _ => ether_type(kind),
    }
}

fn udp(reader: &mut Reader<'_>) -> Option<Next> {
    let head: &[u8; 8] = reader.take(8, "UDP header").ok()?.first_chunk()?;
    let [_, _, port @ .., _, _, _, _] = head;
    if *port == VXLAN {
        let head = reader.take(8, "VXLAN header").ok()?;
        // The flag that it says the network.
        return head.first().is_some_and(|flags| flags & 0x08 != 0).then_some(Next::Ethernet);
    }
    let head: &[u8; 8] = reader.take(8, "Geneve header").ok()?.first_chunk()?;
    let &[version_and_len, _, k, d, ..] = head;
    if version_and_len >> 6 != 0 {
        return None;
    }
    reader.take(usize::from(version_and_len & 0x3f) * 4, "Geneve options").ok()?;
    match u16::from_be_bytes([k, d]) {
        BRIDGED => Some(Next::Ethernet),
        kind => ether_type(kind),
    }
}

fn ether_type(kind: u16) -> Option<Next> {
    matches!(kind, IPV4 | IPV6 | MPLS | MPLS_MULTICAST).then_some(Next::EtherType(kind))
}

/// Port 4789.
const VXLAN: [u8; 2] = [0x12, 0xb5];
/// Port 6081.
const GENEVE: [u8; 2] = [0x17, 0xc1];
const GRE_CHECKSUM: u16 = 0x8000;
const GRE_ROUTES: u16 = 0x4000;
const GRE_KEY: u16 = 0x2000;
const GRE_SEQUENCE: u16 = 0x1000;
/// Transparent Ethernet bridging.
const BRIDGED: u16 = 0x6558;
const ERSPAN: u16 = 0x88be;
const ERSPAN_3: u16 = 0x22eb;
const MAX_DEPTH: u8 = 8;
