//! Bytes to fields. Total: whatever a stack wrote, the answer is a packet or none, never a panic.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use wirewitness_wire::read::{be16, be32};

use super::{Body, Fragment, Icmp, IcmpKind, Packet, Tcp, Udp};

/// IANA protocol numbers.
pub(crate) mod protocol {
    pub(crate) const ICMP: u8 = 1;
    pub(crate) const TCP: u8 = 6;
    pub(crate) const UDP: u8 = 17;
    pub(crate) const ICMPV6: u8 = 58;
}

pub(super) fn packet(bytes: &[u8]) -> Option<Packet<'_>> {
    match bytes.first()? >> 4 {
        4 => ipv4(bytes),
        6 => ipv6(bytes),
        _ => None,
    }
}

fn ipv4(bytes: &[u8]) -> Option<Packet<'_>> {
    let header_len = usize::from(bytes.first()? & 0x0f) * 4;
    let total_len = usize::from(be16(bytes, 2)?);
    let payload = bytes.get(header_len..total_len)?;
    let source: [u8; 4] = bytes.get(12..16)?.try_into().ok()?;
    let destination: [u8; 4] = bytes.get(16..20)?.try_into().ok()?;
    let protocol = *bytes.get(9)?;
    let fragment = fragment(be16(bytes, 6)?, protocol);
    Some(Packet {
        source: IpAddr::from(Ipv4Addr::from(source)),
        destination: IpAddr::from(Ipv4Addr::from(destination)),
        ttl: *bytes.get(8)?,
        identification: be16(bytes, 4)?,
        dont_fragment: be16(bytes, 6)? & 0x4000 != 0,
        fragment,
        body: match fragment {
            None => body(protocol, payload)?,
            Some(fragment) => body_of_fragment(fragment, payload),
        },
    })
}

fn fragment(fields: u16, protocol: u8) -> Option<Fragment> {
    let (more, offset) = (fields & 0x2000 != 0, (fields & 0x1fff).saturating_mul(8));
    (more || offset != 0).then_some(Fragment { offset, more, protocol })
}

fn body_of_fragment(fragment: Fragment, payload: &[u8]) -> Body<'_> {
    let other = Body::Other(fragment.protocol);
    match fragment.protocol {
        _ if fragment.offset != 0 => other,
        protocol::TCP => tcp(payload).map_or(other, Body::Tcp),
        protocol::UDP => udp_start(payload).map_or(other, Body::Udp),
        _ => other,
    }
}

/// No extension headers: no host of the lab writes any.
fn ipv6(bytes: &[u8]) -> Option<Packet<'_>> {
    let payload_len = usize::from(be16(bytes, 4)?);
    let payload = bytes.get(40..40 + payload_len)?;
    let source: [u8; 16] = bytes.get(8..24)?.try_into().ok()?;
    let destination: [u8; 16] = bytes.get(24..40)?.try_into().ok()?;
    Some(Packet {
        source: IpAddr::from(Ipv6Addr::from(source)),
        destination: IpAddr::from(Ipv6Addr::from(destination)),
        ttl: *bytes.get(7)?,
        identification: 0,
        dont_fragment: true,
        fragment: None,
        body: body(*bytes.get(6)?, payload)?,
    })
}

fn body(number: u8, payload: &[u8]) -> Option<Body<'_>> {
    Some(match number {
        protocol::TCP => Body::Tcp(tcp(payload)?),
        protocol::UDP => Body::Udp(udp(payload)?),
        protocol::ICMP => Body::Icmp(icmp(payload, icmp_v4_kind)?),
        protocol::ICMPV6 => Body::Icmp(icmp(payload, icmp_v6_kind)?),
        other => Body::Other(other),
    })
}

fn tcp(bytes: &[u8]) -> Option<Tcp<'_>> {
    let header_len = usize::from(bytes.get(12)? >> 4) * 4;
    Some(Tcp {
        source_port: be16(bytes, 0)?,
        destination_port: be16(bytes, 2)?,
        sequence: be32(bytes, 4)?,
        acknowledgement: be32(bytes, 8)?,
        flags: *bytes.get(13)?,
        reserved: bytes.get(12)? & 0x0f,
        window: be16(bytes, 14)?,
        payload: bytes.get(header_len.max(20)..)?,
    })
}

fn udp(bytes: &[u8]) -> Option<Udp<'_>> {
    let len = usize::from(be16(bytes, 4)?);
    Some(Udp {
        source_port: be16(bytes, 0)?,
        destination_port: be16(bytes, 2)?,
        payload: bytes.get(8..len)?,
    })
}

/// A datagram of which the end may be missing.
fn udp_start(bytes: &[u8]) -> Option<Udp<'_>> {
    let len = usize::from(be16(bytes, 4)?).min(bytes.len());
    Some(Udp {
        source_port: be16(bytes, 0)?,
        destination_port: be16(bytes, 2)?,
        payload: bytes.get(8..len)?,
    })
}

fn icmp(bytes: &[u8], kind: fn(u8, u8) -> IcmpKind) -> Option<Icmp<'_>> {
    let kind = kind(*bytes.first()?, *bytes.get(1)?);
    // An echo keeps identifier and sequence number, which an error does not have.
    let start = match kind {
        IcmpKind::EchoRequest | IcmpKind::EchoReply => 4,
        _ => 8,
    };
    Some(Icmp { kind, quoted: bytes.get(start..)? })
}

fn icmp_v4_kind(kind: u8, code: u8) -> IcmpKind {
    match (kind, code) {
        (0, 0) => IcmpKind::EchoReply,
        (8, 0) => IcmpKind::EchoRequest,
        (3, 0) => IcmpKind::NetworkUnreachable,
        (3, 1) => IcmpKind::HostUnreachable,
        (3, 3) => IcmpKind::PortUnreachable,
        (3, 9 | 10 | 13) => IcmpKind::Prohibited,
        (11, 0) => IcmpKind::TimeExceeded,
        _ => IcmpKind::Other(kind, code),
    }
}

fn icmp_v6_kind(kind: u8, code: u8) -> IcmpKind {
    match (kind, code) {
        (129, 0) => IcmpKind::EchoReply,
        (128, 0) => IcmpKind::EchoRequest,
        (1, 0) => IcmpKind::NetworkUnreachable,
        (1, 1) => IcmpKind::Prohibited,
        (1, 3) => IcmpKind::HostUnreachable,
        (1, 4) => IcmpKind::PortUnreachable,
        (3, 0) => IcmpKind::TimeExceeded,
        _ => IcmpKind::Other(kind, code),
    }
}

/// The addresses, protocol and ports of a packet that an ICMP error quotes, which is cut short.
pub(crate) fn quoted_endpoints(
    bytes: &[u8],
) -> Option<(u8, std::net::SocketAddr, std::net::SocketAddr)> {
    let (number, source, destination, transport): (u8, IpAddr, IpAddr, &[u8]) =
        match bytes.first()? >> 4 {
            4 => {
                let header_len = usize::from(bytes.first()? & 0x0f) * 4;
                let source: [u8; 4] = bytes.get(12..16)?.try_into().ok()?;
                let destination: [u8; 4] = bytes.get(16..20)?.try_into().ok()?;
                (*bytes.get(9)?, source.into(), destination.into(), bytes.get(header_len..)?)
            }
            6 => {
                let source: [u8; 16] = bytes.get(8..24)?.try_into().ok()?;
                let destination: [u8; 16] = bytes.get(24..40)?.try_into().ok()?;
                (*bytes.get(6)?, source.into(), destination.into(), bytes.get(40..)?)
            }
            _ => return None,
        };
    let ports = (be16(transport, 0)?, be16(transport, 2)?);
    Some((number, (source, ports.0).into(), (destination, ports.1).into()))
}
