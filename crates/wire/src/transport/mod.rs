//! TCP, UDP and ICMP.

pub mod options;

use crate::ip::{IpPacket, protocol};
use crate::read::Malformed;

/// What an IP packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport<'a> {
    /// TCP.
    Tcp(Tcp<'a>),
    /// UDP.
    Udp(Udp<'a>),
    /// ICMP or `ICMPv6`.
    Icmp(Icmp<'a>),
    /// Another protocol, or a later fragment.
    Other,
}

/// A TCP segment (RFC 9293 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tcp<'a> {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number, also where the flag is not set.
    pub ack: u32,
    /// Twelve bits: three reserved, AE, CWR, ECE, URG, ACK, PSH, RST, SYN, FIN. [`flag`] names them.
    pub flags: u16,
    /// Window, not scaled.
    pub window: u16,
    /// Options, raw.
    pub options: &'a [u8],
    /// Payload, as far as captured.
    pub payload: &'a [u8],
    /// Length of the payload as IP says.
    pub payload_len: usize,
}

/// Flags of TCP.
pub mod flag {
    /// No more data from the sender.
    pub const FIN: u16 = 0x001;
    /// Synchronise sequence numbers.
    pub const SYN: u16 = 0x002;
    /// Reset.
    pub const RST: u16 = 0x004;
    /// Push.
    pub const PSH: u16 = 0x008;
    /// The acknowledgement number counts.
    pub const ACK: u16 = 0x010;
    /// Urgent.
    pub const URG: u16 = 0x020;
    /// ECN echo.
    pub const ECE: u16 = 0x040;
    /// Congestion window reduced.
    pub const CWR: u16 = 0x080;
    /// Accurate ECN (once NS).
    pub const AE: u16 = 0x100;
    /// Three reserved bits.
    pub const RESERVED: u16 = 0xe00;
}

/// A UDP datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Udp<'a> {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Payload, as far as captured.
    pub payload: &'a [u8],
    /// Length of the payload as UDP says, at most as IP says.
    pub payload_len: usize,
}

/// An ICMP or `ICMPv6` message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Icmp<'a> {
    /// True for `ICMPv6`.
    pub version_6: bool,
    /// Type.
    pub kind: u8,
    /// Code.
    pub code: u8,
    /// The packet that an error quotes, from its IP header on; empty where the message is no error.
    pub quoted: &'a [u8],
}

/// Reads what an IP packet carries. A fragment other than the first is [`Transport::Other`].
///
/// TCP options that the capture cut off are left out.
///
/// # Errors
/// The header is cut, or has a length that cannot be. Its place counts from the beginning of the packet's payload.
#[inline]
pub fn transport<'a>(packet: &IpPacket<'a>) -> Result<Transport<'a>, Malformed> {
    if packet.fragment.is_some_and(|fragment| fragment.offset != 0) {
        return Ok(Transport::Other);
    }
    match packet.protocol {
        protocol::TCP => Tcp::read(packet).map(Transport::Tcp),
        protocol::UDP => Udp::read(packet).map(Transport::Udp),
        protocol::ICMP => icmp(packet, Version::V4).map(Transport::Icmp),
        protocol::ICMPV6 => icmp(packet, Version::V6).map(Transport::Icmp),
        _ => Ok(Transport::Other),
    }
}

impl<'a> Tcp<'a> {
    /// Reads a packet of which it is known that it carries TCP, and is no later fragment.
    ///
    /// # Errors
    /// As of [`transport`].
    #[inline(always)]
    pub fn read(packet: &IpPacket<'a>) -> Result<Self, Malformed> {
        let Some((head, rest)) = packet.payload.split_first_chunk::<TCP_HEADER>() else {
            return Err(short(packet, "TCP header", TCP_HEADER));
        };
        let &[a, b, c, d, s, e, q, n, k, l, m, o, h, f, w, i, ..] = head;
        let header_len = usize::from(h >> 4) * 4;
        let options_len = header_len.wrapping_sub(TCP_HEADER);
        if header_len < TCP_HEADER || header_len > packet.payload_len {
            let (what, value) = ("TCP header length", header_len as u64);
            return Err(Malformed::Value { what, offset: 12, value });
        }
        let (options, payload) = rest.split_at_checked(options_len).unwrap_or((rest, &[]));
        Ok(Self {
            source_port: u16::from_be_bytes([a, b]),
            destination_port: u16::from_be_bytes([c, d]),
            seq: u32::from_be_bytes([s, e, q, n]),
            ack: u32::from_be_bytes([k, l, m, o]),
            flags: u16::from_be_bytes([h & 0x0f, f]),
            window: u16::from_be_bytes([w, i]),
            options,
            payload,
            payload_len: packet.payload_len - header_len,
        })
    }
}

impl<'a> Udp<'a> {
    /// Reads a packet of which it is known that it carries UDP, and is no later fragment.
    ///
    /// # Errors
    /// As of [`transport`].
    #[inline]
    pub fn read(packet: &IpPacket<'a>) -> Result<Self, Malformed> {
        let Some((head, rest)) = packet.payload.split_first_chunk::<UDP_HEADER>() else {
            return Err(short(packet, "UDP header", UDP_HEADER));
        };
        let &[a, b, c, d, l, e, _, _] = head;
        let said = usize::from(u16::from_be_bytes([l, e]));
        if said != 0 && said < UDP_HEADER {
            let (what, value) = ("UDP length", said as u64);
            return Err(Malformed::Value { what, offset: 4, value });
        }
        // 0 for a jumbo payload, or where a card cuts the packet up only later.
        let whole = if said == 0 { packet.payload_len } else { said.min(packet.payload_len) };
        let payload_len = whole.saturating_sub(UDP_HEADER);
        Ok(Self {
            source_port: u16::from_be_bytes([a, b]),
            destination_port: u16::from_be_bytes([c, d]),
            payload: rest.get(..payload_len).unwrap_or(rest),
            payload_len,
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    V4,
    V6,
}

fn icmp<'a>(packet: &IpPacket<'a>, version: Version) -> Result<Icmp<'a>, Malformed> {
    let &[kind, code, ..] = packet
        .payload
        .first_chunk::<ICMP_HEADER>()
        .ok_or_else(|| short(packet, "ICMP header", ICMP_HEADER))?;
    let is_error = match version {
        Version::V4 => matches!(kind, 3 | 4 | 5 | 11 | 12),
        Version::V6 => kind < 128,
    };
    let quoted = if is_error { packet.payload.get(8..).unwrap_or_default() } else { &[] };
    Ok(Icmp { version_6: version == Version::V6, kind, code, quoted })
}

#[cold]
fn short(packet: &IpPacket<'_>, what: &'static str, need: usize) -> Malformed {
    Malformed::Short { what, offset: 0, need, have: packet.payload.len() }
}

const TCP_HEADER: usize = 20;
const UDP_HEADER: usize = 8;
/// Up to the checksum.
const ICMP_HEADER: usize = 4;
