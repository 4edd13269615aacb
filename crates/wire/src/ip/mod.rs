//! IP, version 4 and 6, with fragments and extension headers.

use std::net::IpAddr;

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
    /// The payload: no longer than IP says, and no longer than what was captured.
    pub payload: &'a [u8],
    /// Length of the payload as IP says (or, where IP says 0 because of offloading, as was captured).
    pub payload_len: usize,
    /// What follows the packet in its frame: padding, or what a capturing program put there.
    pub trailer: &'a [u8],
    /// The headers and tunnels that were taken off.
    pub tunnels: Tunnels,
    /// Which way, where the link says so (Linux cooked).
    pub way: crate::file::Way,
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
