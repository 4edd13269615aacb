//! IP, version 4 and 6, with fragments and extension headers (RFC 791, RFC 8200).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::file::Way;
use crate::read::{Malformed, Reader};

/// An IP packet, as the innermost that a record carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpPacket<'a> {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// IPv4's identification; none in IPv6.
    pub identification: Option<u16>,
    /// IPv4's flag; true in IPv6, where no router fragments.
    pub dont_fragment: bool,
    /// Type of service, or traffic class.
    pub traffic_class: u8,
    /// Where it stands in a packet of several.
    pub fragment: Option<Fragment>,
    /// Protocol of the payload, after extension headers.
    pub protocol: u8,
    /// The header and its extensions, as captured; empty for a packet that was joined from fragments.
    pub header: &'a [u8],
    /// The payload: no longer than IP says, and no longer than what was captured.
    pub payload: &'a [u8],
    /// Length of the payload as IP says (or, where IP says 0 because of offloading, as was captured).
    pub payload_len: usize,
    /// What follows the packet in its frame: padding, or what a capturing program put there.
    pub trailer: &'a [u8],
    /// The headers and tunnels that were taken off.
    pub tunnels: Tunnels,
    /// Which way, where the link says so (Linux cooked).
    pub way: Way,
}

/// A fragment's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// Which packet it is of.
    pub identification: u32,
    /// Its first byte's place in the packet's payload, bytes.
    pub offset: u16,
    /// True if more follow.
    pub more: bool,
}

/// What was around the innermost IP packet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tunnels {
    /// 802.1Q and 802.1ad tags.
    pub vlan: u8,
    /// MPLS labels.
    pub mpls: u8,
    /// True for PPPoE.
    pub pppoe: bool,
    /// Number of IP packets around it (GRE, VXLAN, IP-in-IP).
    pub outer_ip: u8,
}

/// Numbers of protocols (IANA).
pub mod protocol {
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// IPv4 in IP (RFC 2003).
    pub const IPV4: u8 = 4;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// IPv6 in IP (RFC 2473).
    pub const IPV6: u8 = 41;
    /// Generic routing encapsulation (RFC 2784).
    pub const GRE: u8 = 47;
    /// `ICMPv6`.
    pub const ICMPV6: u8 = 58;
}

impl<'a> IpPacket<'a> {
    /// Reads a packet that begins with its IP header, of either version. What it carries is not looked at.
    ///
    /// # Errors
    /// A header is cut, or has a length that cannot be.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        Self::at(Reader::new(bytes))
    }

    /// Reads the packet that is all of what `reader` has left.
    #[inline]
    pub(crate) fn at(reader: Reader<'a>) -> Result<Self, Malformed> {
        match reader.rest().first().map(|first| first >> 4) {
            Some(4) => Self::v4(reader),
            Some(6) => Self::v6(reader),
            Some(version) => {
                let (offset, value) = (reader.offset(), version.into());
                Err(Malformed::Value { what: "IP version", offset, value })
            }
            None => Err(short(reader, "IP header", 20)),
        }
    }

    /// The packet whose fragments this is one of, with all of its payload.
    #[must_use]
    pub fn joined<'b>(&self, payload: &'b [u8]) -> IpPacket<'b> {
        let Self { source, destination, ttl, identification, .. } = *self;
        let Self { dont_fragment, traffic_class, tunnels, way, .. } = *self;
        // In IPv6, extension headers may be in the payload.
        let chain = match source {
            IpAddr::V4(_) => None,
            IpAddr::V6(_) => Chain::read(self.protocol, Reader::new(payload)).ok(),
        };
        let (protocol, payload) = match chain {
            Some(Chain { protocol, rest, fragment: None }) => (protocol, rest.rest()),
            _ => (self.protocol, payload),
        };
        IpPacket {
            source,
            destination,
            ttl,
            identification,
            dont_fragment,
            traffic_class,
            fragment: None,
            protocol,
            header: &[],
            payload,
            payload_len: payload.len(),
            trailer: &[],
            tunnels,
            way,
        }
    }

    #[inline(always)]
    pub(crate) fn v4(reader: Reader<'a>) -> Result<Self, Malformed> {
        let bytes = reader.rest();
        let Some(head) = bytes.first_chunk::<20>() else {
            return Err(short(reader, "IPv4 header", 20));
        };
        let &[first, traffic_class, t, l, i, d, f, o, ttl, protocol, _, _, ref addresses @ ..] =
            head;
        let header_len = usize::from(first & 0x0f) * 4;
        let total = usize::from(u16::from_be_bytes([t, l]));
        let captured = bytes.len();
        // 0 where a card cuts the packet up only later.
        let total = if total == 0 { captured } else { total };
        if header_len < 20 || total < header_len {
            return Err(impossible_v4(reader, header_len, total));
        }
        let (packet, trailer) = bytes.split_at_checked(total).unwrap_or((bytes, &[]));
        let Some((header, payload)) = packet.split_at_checked(header_len) else {
            return Err(short(reader, "IPv4 header", header_len));
        };
        let identification = u16::from_be_bytes([i, d]);
        let place = u16::from_be_bytes([f, o]);
        let [a, b, c, d, e, f, g, h] = *addresses;
        Ok(Self {
            source: IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
            destination: IpAddr::V4(Ipv4Addr::new(e, f, g, h)),
            ttl,
            identification: Some(identification),
            dont_fragment: place & 0x4000 != 0,
            traffic_class,
            fragment: (place & 0x3fff != 0).then_some(Fragment {
                identification: identification.into(),
                offset: (place & 0x1fff) << 3,
                more: place & 0x2000 != 0,
            }),
            protocol,
            header,
            payload,
            payload_len: total - header_len,
            trailer,
            tunnels: Tunnels::default(),
            way: Way::Unknown,
        })
    }

    #[inline(always)]
    pub(crate) fn v6(reader: Reader<'a>) -> Result<Self, Malformed> {
        let bytes = reader.rest();
        let Some((head, rest)) = bytes.split_first_chunk::<40>() else {
            return Err(short(reader, "IPv6 header", 40));
        };
        let [a, b, _, _, p, l, next, hops, addresses @ ..] = head;
        let said = usize::from(u16::from_be_bytes([*p, *l]));
        // 0 for a jumbo payload, or where a card cuts the packet up only later.
        let total = if said == 0 { rest.len() } else { said };
        let (content, trailer) = rest.split_at_checked(total).unwrap_or((rest, &[]));
        let mut content_at = reader;
        content_at.take(40, "IPv6 header")?;
        let content = content_at.part(content.len(), "IPv6 payload")?;
        let chain = if is_extension(*next) {
            Chain::read(*next, content)?
        } else {
            Chain { protocol: *next, rest: content, fragment: None }
        };
        let payload = chain.rest.rest();
        let (source, destination) = addresses.split_at(16);
        Ok(Self {
            source: v6_address(source),
            destination: v6_address(destination),
            ttl: *hops,
            identification: None,
            dont_fragment: true,
            traffic_class: a << 4 | b >> 4,
            fragment: chain.fragment,
            protocol: chain.protocol,
            header: bytes.get(..40 + content.rest().len() - payload.len()).unwrap_or_default(),
            payload,
            // What was cut off comes after the extension headers.
            payload_len: total - (content.rest().len() - payload.len()),
            trailer,
            tunnels: Tunnels::default(),
            way: Way::Unknown,
        })
    }
}

/// What is behind the extension headers of IPv6.
struct Chain<'a> {
    protocol: u8,
    rest: Reader<'a>,
    fragment: Option<Fragment>,
}

impl<'a> Chain<'a> {
    /// Passes over extension headers (RFC 8200 §4), up to the header of a fragment that is not all of its packet.
    fn read(mut protocol: u8, mut reader: Reader<'a>) -> Result<Self, Malformed> {
        while is_extension(protocol) {
            let mut rest = reader;
            let next = rest.u8("extension header")?;
            let len = rest.u8("extension header length")?;
            if protocol == FRAGMENT {
                let place = rest.u16("fragment offset")?;
                let identification = rest.u32("fragment identification")?;
                let (offset, more) = (place & 0xfff8, place & 1 != 0);
                // Alone it is whole (RFC 6946).
                if offset != 0 || more {
                    let fragment = Some(Fragment { identification, offset, more });
                    return Ok(Self { protocol: next, rest, fragment });
                }
                reader = rest;
            } else {
                let unit = if protocol == AUTHENTICATION { 4 } else { 8 };
                let extra = if protocol == AUTHENTICATION { 2 } else { 1 };
                reader.take((usize::from(len) + extra) * unit, "extension header")?;
            }
            protocol = next;
        }
        Ok(Self { protocol, rest: reader, fragment: None })
    }
}

#[inline]
fn is_extension(protocol: u8) -> bool {
    matches!(protocol, 0 | 43 | FRAGMENT | AUTHENTICATION | 60 | 135 | 139 | 140)
}

#[inline]
fn v6_address(octets: &[u8]) -> IpAddr {
    IpAddr::V6(Ipv6Addr::from(octets.first_chunk::<16>().copied().unwrap_or_default()))
}

#[cold]
fn short(reader: Reader<'_>, what: &'static str, need: usize) -> Malformed {
    Malformed::Short { what, offset: reader.offset(), need, have: reader.rest().len() }
}

#[cold]
fn impossible_v4(reader: Reader<'_>, header_len: usize, total: usize) -> Malformed {
    let (what, at, value) = if header_len < 20 {
        ("IPv4 header length", 0, header_len)
    } else {
        ("IPv4 total length", 2, total)
    };
    Malformed::Value { what, offset: reader.offset() + at, value: value as u64 }
}

const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
