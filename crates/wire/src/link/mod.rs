//! Links and tunnels: what is around an IP packet.

mod frame;
mod tunnel;

use crate::file::{LinkType, Way};
use crate::ip::{IpPacket, Tunnels};
use crate::read::{Malformed, Reader};

/// What a record carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried<'a> {
    /// An IP packet: the innermost one.
    Ip(IpPacket<'a>),
    /// No IP packet: ARP and others, by their `EtherType`; 0 where there is none.
    Other(u16),
    /// A link type that is not read.
    UnknownLink(LinkType),
}

/// Takes off link headers, tags and tunnels, down to the innermost IP packet.
///
/// # Errors
/// A header is cut, or has a length that cannot be. Damage within a tunnel is not one: then the packet around it is what is carried.
#[inline(always)]
pub fn innermost(link: LinkType, bytes: &[u8]) -> Result<Carried<'_>, Malformed> {
    if link == LinkType::ETHERNET
        && let Some(&[.., high, low]) = bytes.first_chunk::<ETHERNET_HEADER>()
    {
        let reader = Reader::at(bytes, ETHERNET_HEADER);
        let packet = match (u16::from_be_bytes([high, low]), reader.rest().first()) {
            (frame::IPV4, Some(0x40..=0x4f)) => IpPacket::v4(reader)?,
            (frame::IPV6, Some(0x60..=0x6f)) => IpPacket::v6(reader)?,
            _ => return any(link, bytes),
        };
        return Ok(Carried::Ip(if tunnel::may_be(&packet) {
            tunnel::inner(packet)
        } else {
            packet
        }));
    }
    any(link, bytes)
}

/// [`innermost`], of any link.
#[inline(never)]
fn any(link: LinkType, bytes: &[u8]) -> Result<Carried<'_>, Malformed> {
    let reader = Reader::new(bytes);
    let mut frame =
        Frame { next: Next::Ethernet, reader, tunnels: Tunnels::default(), way: Way::Unknown };
    match link {
        LinkType::ETHERNET => {}
        LinkType::RAW | LinkType(12 | 14) | LinkType::IPV4 | LinkType::IPV6 => {
            frame.next = Next::Ip
        }
        LinkType::NULL | LinkType::LOOP => frame.null(link)?,
        LinkType::LINUX_COOKED => frame.cooked()?,
        LinkType::LINUX_COOKED_2 => frame.cooked_2()?,
        LinkType::PPP | LinkType::PPP_HDLC => frame.next = Next::Ppp,
        LinkType::PPPOE => frame.next = Next::Pppoe,
        LinkType::CISCO_HDLC => frame.cisco()?,
        _ => return Ok(Carried::UnknownLink(link)),
    }
    frame.descend()
}

impl LinkType {
    /// BSD loopback, family in the order of the machine.
    pub const NULL: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// PPP, with or without HDLC's address and control.
    pub const PPP: Self = Self(9);
    /// PPP in HDLC framing (RFC 1662), or Cisco's.
    pub const PPP_HDLC: Self = Self(50);
    /// `PPPoE` (RFC 2516) without Ethernet.
    pub const PPPOE: Self = Self(51);
    /// IP, of the version that its first bits say.
    pub const RAW: Self = Self(101);
    /// Cisco's HDLC.
    pub const CISCO_HDLC: Self = Self(104);
    /// BSD loopback, family in network order.
    pub const LOOP: Self = Self(108);
    /// Linux "cooked", version 1.
    pub const LINUX_COOKED: Self = Self(113);
    /// IPv4.
    pub const IPV4: Self = Self(228);
    /// IPv6.
    pub const IPV6: Self = Self(229);
    /// Linux "cooked", version 2.
    pub const LINUX_COOKED_2: Self = Self(276);
}

/// A frame of which some headers were taken off.
#[derive(Debug, Clone, Copy)]
struct Frame<'a> {
    /// What comes next.
    next: Next,
    reader: Reader<'a>,
    tunnels: Tunnels,
    way: Way,
}

/// What a header comes before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Ethernet,
    EtherType(u16),
    Ip,
    Ppp,
    Pppoe,
    /// Nothing that is read, of an `EtherType`, or 0.
    Other(u16),
}

const ETHERNET_HEADER: usize = 14;
