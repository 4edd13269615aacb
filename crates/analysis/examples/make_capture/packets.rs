//! Packets, and the records of a pcap file around them. Checksums are left at zero.

use std::net::IpAddr;
use std::rc::Rc;

/// One of the two ends of a conversation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Endpoint {
    pub(crate) ip: IpAddr,
    pub(crate) port: u16,
}

/// What a packet carries.
#[derive(Debug, Clone)]
pub(crate) enum Payload {
    Empty,
    Bytes(Rc<[u8]>),
    /// So many bytes of a record of encrypted data of TLS.
    Sealed(u16),
}

impl Payload {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::Bytes(bytes) => bytes.len(),
            Self::Sealed(len) => usize::from(*len),
        }
    }
}

/// A packet to be written.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    /// Microseconds since the conversation began.
    pub(crate) at_us: u64,
    pub(crate) from_client: Side,
    pub(crate) ttl: u8,
    pub(crate) id: u16,
    /// TCP: sequence number, acknowledgement, flags, window. None: UDP.
    pub(crate) tcp: Option<(u32, u32, u8, u16)>,
    pub(crate) payload: Payload,
}

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// Between whom, and how their frames look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) client: Endpoint,
    pub(crate) server: Endpoint,
    pub(crate) vlan: Option<u16>,
}

/// The file's head: microseconds, Ethernet.
pub(crate) fn file_head() -> Vec<u8> {
    let mut head = Vec::new();
    head.extend(0xa1b2_c3d4_u32.to_le_bytes());
    head.extend([2, 0, 4, 0]);
    head.extend([0; 8]);
    head.extend(262_144_u32.to_le_bytes());
    head.extend(1_u32.to_le_bytes());
    head
}

/// Appends a record; `at_us` is since 1970.
pub(crate) fn record(out: &mut Vec<u8>, at_us: u64, ends: &Ends, packet: &Packet, noise: &[u8]) {
    let (source, target) = match packet.from_client {
        Side::Client => (ends.client, ends.server),
        Side::Server => (ends.server, ends.client),
    };
    let options = packet.tcp.map_or(&[][..], |(_, _, flags, _)| options(flags));
    let transport_len = packet.tcp.map_or(8, |_| 20) + options.len() + packet.payload.len();
    let is_6 = source.ip.is_ipv6();
    let tag = if ends.vlan.is_some() { 4 } else { 0 };
    let len = 14 + tag + if is_6 { 40 } else { 20 } + transport_len;
    out.extend(((at_us / 1_000_000) as u32).to_le_bytes());
    out.extend(((at_us % 1_000_000) as u32).to_le_bytes());
    out.extend((len as u32).to_le_bytes());
    out.extend((len as u32).to_le_bytes());
    out.extend([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
    if let Some(vlan) = ends.vlan {
        out.extend([0x81, 0x00]);
        out.extend(vlan.to_be_bytes());
    }
    ip(out, [source.ip, target.ip], packet, transport_len);
    out.extend(source.port.to_be_bytes());
    out.extend(target.port.to_be_bytes());
    if let Some((seq, ack, flags, window)) = packet.tcp {
        out.extend(seq.to_be_bytes());
        out.extend(ack.to_be_bytes());
        out.extend([0x50 + (options.len() as u8) * 4, flags]);
        out.extend(window.to_be_bytes());
        out.extend([0; 4]);
        out.extend(options);
    } else {
        out.extend((transport_len as u16).to_be_bytes());
        out.extend([0; 2]);
    }
    match &packet.payload {
        Payload::Empty => {}
        Payload::Bytes(bytes) => out.extend_from_slice(bytes),
        Payload::Sealed(len) => {
            out.extend([0x17, 3, 3]);
            out.extend((len - 5).to_be_bytes());
            let from = usize::from(packet.id) % (noise.len() - usize::from(*len));
            out.extend_from_slice(&noise[from..from + usize::from(len - 5)]);
        }
    }
}

/// Options as Linux sends them: more in SYNs, time stamps in all, none in resets.
fn options(flags: u8) -> &'static [u8] {
    const SYN: [u8; 20] = [2, 4, 5, 0xa0, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7];
    const OTHERS: [u8; 12] = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1];
    match flags {
        _ if flags & 4 != 0 => &[],
        _ if flags & 2 != 0 => &SYN,
        _ => &OTHERS,
    }
}

fn ip(out: &mut Vec<u8>, [source, target]: [IpAddr; 2], packet: &Packet, len: usize) {
    let protocol = if packet.tcp.is_some() { 6 } else { 17 };
    match (source, target) {
        (IpAddr::V4(source), IpAddr::V4(target)) => {
            out.extend([0x08, 0x00, 0x45, 0]);
            out.extend((20 + len as u16).to_be_bytes());
            out.extend(packet.id.to_be_bytes());
            out.extend([0x40, 0, packet.ttl, protocol, 0, 0]);
            out.extend(source.octets());
            out.extend(target.octets());
        }
        (IpAddr::V6(source), IpAddr::V6(target)) => {
            out.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            out.extend((len as u16).to_be_bytes());
            out.extend([protocol, packet.ttl]);
            out.extend(source.octets());
            out.extend(target.octets());
        }
        _ => unreachable!("both ends have the same version"),
    }
}
