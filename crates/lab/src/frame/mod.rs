//! One IP packet inside the lab, opaque: only the lab's hosts and fabric can make one.
//!
//! There is no way to make a [`Frame`] from bytes of elsewhere, nor to take its bytes out for sending: a middlebox
//! sees [`Packet`], a reading of the fields, and asks the hop it stands on to make new packets
//! ([`crate::middlebox::Hop`]). That is what keeps the middleboxes of this crate from being of use on a real network.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

pub(crate) mod build;
pub(crate) mod fragment;
pub(crate) mod read;

pub use build::{TcpSpec, UdpSpec};

/// An IP packet of the lab. Opaque; see the module.
///
/// ```compile_fail
/// // There is no public way from bytes to a frame.
/// let frame = wirewitness_lab::frame::Frame::from_bytes(vec![0x45, 0]);
/// ```
///
/// ```compile_fail
/// let frame = wirewitness_lab::frame::Frame { bytes: vec![0x45, 0] };
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    bytes: Vec<u8>,
}

impl Frame {
    /// Wraps what a simulated host's stack has written.
    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Length in bytes, IP header and all.
    #[allow(clippy::len_without_is_empty, reason = "a frame is never empty")]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Reads the fields; none where this is no whole IPv4 or IPv6 packet.
    pub fn packet(&self) -> Option<Packet<'_>> {
        read::packet(&self.bytes)
    }

    /// Takes one off the TTL (IPv4, with its checksum) or hop limit (IPv6). False when it has run out.
    pub(crate) fn decrement_ttl(&mut self) -> bool {
        build::decrement_ttl(&mut self.bytes)
    }

    /// A TCP segment's like with other ends; none where this is no TCP segment, or the families differ.
    pub(crate) fn readdressed(&self, source: SocketAddr, destination: SocketAddr) -> Option<Self> {
        build::readdressed(self, source, destination)
    }

    /// Sets the IPv4 identification field and the don't-fragment flag, as a host's stack would.
    pub(crate) fn set_identification(&mut self, identification: u16) {
        build::set_identification(&mut self.bytes, identification);
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.packet() {
            Some(packet) => packet.fmt(f),
            None => write!(f, "Frame({} bytes)", self.bytes.len()),
        }
    }
}

/// The fields of a [`Frame`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// Identification field; 0 in IPv6.
    pub identification: u16,
    /// Whether IPv4 routers may not cut it; always in IPv6.
    pub dont_fragment: bool,
    /// Which part of a packet this is, where it is not all of it.
    pub fragment: Option<Fragment>,
    /// What the packet carries. The first fragment's is read as far as it goes; of later ones there is but the protocol.
    pub body: Body<'a>,
}

/// A part of an IPv4 packet (RFC 791 §3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// Where in the packet's payload it belongs, in bytes.
    pub offset: u16,
    /// Whether there is more after it.
    pub more: bool,
    /// What the whole carries (IANA).
    pub protocol: u8,
}

impl Packet<'_> {
    /// Source and destination with ports, where the packet has them.
    pub fn endpoints(&self) -> Option<(SocketAddr, SocketAddr)> {
        let (source, destination) = match self.body {
            Body::Tcp(tcp) => (tcp.source_port, tcp.destination_port),
            Body::Udp(udp) => (udp.source_port, udp.destination_port),
            Body::Icmp(_) | Body::Other(_) => return None,
        };
        Some((SocketAddr::new(self.source, source), SocketAddr::new(self.destination, destination)))
    }

    /// The TCP segment, if it is one.
    pub fn tcp(&self) -> Option<Tcp<'_>> {
        match self.body {
            Body::Tcp(tcp) => Some(tcp),
            _ => None,
        }
    }

    /// The UDP datagram, if it is one.
    pub fn udp(&self) -> Option<Udp<'_>> {
        match self.body {
            Body::Udp(udp) => Some(udp),
            _ => None,
        }
    }
}

/// What an IP packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body<'a> {
    /// A TCP segment.
    Tcp(Tcp<'a>),
    /// A UDP datagram.
    Udp(Udp<'a>),
    /// `ICMPv4` or `ICMPv6`.
    Icmp(Icmp<'a>),
    /// Anything else; its protocol number (IANA).
    Other(u8),
}

/// A TCP segment (RFC 9293 §3.1).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tcp<'a> {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgement number.
    pub acknowledgement: u32,
    /// Flags, as [`flags`] names them.
    pub flags: u8,
    /// The three reserved bits and accurate ECN's, as the low four bits.
    pub reserved: u8,
    /// Window, not scaled.
    pub window: u16,
    /// The data.
    pub payload: &'a [u8],
}

impl Tcp<'_> {
    /// True if all of `mask` are set.
    pub fn has(&self, mask: u8) -> bool {
        self.flags & mask == mask
    }

    /// The sequence number after this segment.
    pub fn next_sequence(&self) -> u32 {
        let phantom = u32::from(self.has(flags::SYN)) + u32::from(self.has(flags::FIN));
        self.sequence.wrapping_add(self.payload.len() as u32).wrapping_add(phantom)
    }
}

impl fmt::Debug for Tcp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}>{} {} seq {} ack {} win {} len {}",
            self.source_port,
            self.destination_port,
            flags::letters(self.flags),
            self.sequence,
            self.acknowledgement,
            self.window,
            self.payload.len()
        )
    }
}

/// A UDP datagram (RFC 768).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Udp<'a> {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// The data.
    pub payload: &'a [u8],
}

/// An ICMP message, of either version, by meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Icmp<'a> {
    /// What it says.
    pub kind: IcmpKind,
    /// For an error: the start of the packet it is about. For an echo: identifier, sequence and data.
    pub quoted: &'a [u8],
}

/// What an ICMP message says (RFC 792, RFC 4443).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IcmpKind {
    /// Nobody listens on the port.
    PortUnreachable,
    /// The host cannot be reached.
    HostUnreachable,
    /// There is no route.
    NetworkUnreachable,
    /// A filter says no.
    Prohibited,
    /// The TTL ran out.
    TimeExceeded,
    /// Echo request.
    EchoRequest,
    /// Echo reply.
    EchoReply,
    /// Any other, by type and code.
    Other(u8, u8),
}

/// TCP flags (RFC 9293 §3.1).
pub mod flags {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// Push.
    pub const PSH: u8 = 0x08;
    /// The acknowledgement number counts.
    pub const ACK: u8 = 0x10;

    /// Letters as in `tcpdump`: `S`, `SA`, `PA`, `R`.
    pub fn letters(flags: u8) -> String {
        [(SYN, 'S'), (FIN, 'F'), (RST, 'R'), (PSH, 'P'), (ACK, 'A')]
            .into_iter()
            .filter_map(|(bit, letter)| (flags & bit != 0).then_some(letter))
            .collect()
    }
}
