//! Headers of TCP and fragments of IPv4, where a host may look at them, and segments of an own connection that go out as fragments.
//! Typed: a segment comes as its fields, and what is sent belongs to a connection that this host has opened: its addresses and ports
//! are no arguments.
//!
//! All of it takes privilege (`CAP_NET_RAW` on Linux). Whoever has none does without, and says so.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::{Failure, Net};

mod fragment;

pub use fragment::{Cut, Cutter, MOST_PIECES, Piece, Pieces, What, sizes};

/// A host that may look at headers.
pub trait Raw: Net {
    /// What comes.
    type Segments: Segments;
    /// What comes in pieces.
    type Pieces: Pieces;
    /// What sends in pieces.
    type Cutter: Cutter;

    /// Looks at what comes to these ports of this host over TCP and IPv4, from now on.
    ///
    /// # Errors
    /// [`Failure::PermissionDenied`] without the privilege.
    fn segments(&self, ports: &[u16]) -> Result<Self::Segments, Failure>;

    /// Looks at what comes to this host from these ports of one address over TCP and IPv4, from now on.
    ///
    /// # Errors
    /// [`Failure::PermissionDenied`] without the privilege.
    fn segments_from(&self, sender: IpAddr, ports: &[u16]) -> Result<Self::Segments, Failure>;

    /// Looks at fragments of TCP over IPv4 that come to this host, before anybody joins them, from now on.
    ///
    /// # Errors
    /// [`Failure::PermissionDenied`] without the privilege.
    fn pieces(&self) -> Result<Self::Pieces, Failure>;

    /// A way to send segments of an open connection over IPv4 in fragments.
    ///
    /// # Errors
    /// [`Failure::PermissionDenied`] without the privilege, [`Failure::AddressUnavailable`] for a connection that is not over IPv4.
    fn cutter(&self, connection: &Self::Stream) -> Result<Self::Cutter, Failure>;
}

/// Which segments are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Whom they claim to be from; anybody if not said.
    sender: Option<IpAddr>,
    /// Ports of the sender where there is one, otherwise of this host.
    ports: Vec<u16>,
}

impl Filter {
    /// What comes to these ports of this host.
    pub fn to(ports: &[u16]) -> Self {
        Self { sender: None, ports: ports.to_vec() }
    }

    /// What comes from these ports of one address.
    pub fn from(sender: IpAddr, ports: &[u16]) -> Self {
        Self { sender: Some(sender.to_canonical()), ports: ports.to_vec() }
    }

    /// Whether a segment is looked at.
    pub fn takes(&self, segment: &Segment) -> bool {
        match self.sender {
            None => self.ports.contains(&segment.destination.port()),
            Some(sender) => {
                segment.source.ip() == sender && self.ports.contains(&segment.source.port())
            }
        }
    }
}

/// Segments that come to a host. Dropping it stops looking.
pub trait Segments: Send + Sync + 'static {
    /// Waits for the next one. Under a flood some are missed.
    ///
    /// # Errors
    /// Where the system does not go on.
    fn next(&self) -> impl Future<Output = Result<Segment, Failure>> + Send;
}

/// A TCP segment over IPv4, as it came (RFC 791 §3.1, RFC 9293 §3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Who sent it, or whom it claims to be from.
    pub source: SocketAddr,
    /// Whom it was sent to.
    pub destination: SocketAddr,
    /// Time to live, as observed.
    pub ttl: u8,
    /// Flag against fragments.
    pub df: bool,
    /// Identification.
    pub identification: u16,
    /// Flags of TCP with AE (0x100) and what is reserved, twelve bits.
    pub flags: u16,
    /// Sequence number.
    pub sequence: u32,
    /// What is acknowledged.
    pub acknowledgement: u32,
    /// Window, as it stands there.
    pub window: u16,
    /// The first bytes of the payload, [`Segment::PAYLOAD`] at most.
    pub payload: Vec<u8>,
}

impl Segment {
    /// Bytes of a payload that are kept.
    pub const PAYLOAD: usize = 64;

    /// Reads a packet from its IPv4 header on. None where it is no whole TCP segment, or a later fragment of one.
    pub fn read(packet: &[u8]) -> Option<Self> {
        let [first, _, _, _, id0, id1, frag0, frag1, ttl, protocol, _, _, rest @ ..] = packet
        else {
            return None;
        };
        let fragment = u16::from_be_bytes([*frag0, *frag1]);
        if first >> 4 != 4 || *protocol != 6 || fragment & 0x1fff != 0 {
            return None;
        }
        let (source, rest) = rest.split_first_chunk::<4>()?;
        let (destination, _) = rest.split_first_chunk::<4>()?;
        let header = usize::from(first & 0x0f) * 4;
        let tcp = packet.get(header.max(20)..)?;
        let (head, _) = tcp.split_first_chunk::<20>()?;
        let two = |at: usize| Some(u16::from_be_bytes(*head.get(at..at + 2)?.first_chunk()?));
        let four = |at: usize| Some(u32::from_be_bytes(*head.get(at..at + 4)?.first_chunk()?));
        let offset_and_flags = two(12)?;
        let payload = tcp.get(usize::from(offset_and_flags >> 12) * 4..).unwrap_or_default();
        let end =
            |address: &[u8; 4], port| SocketAddr::new(IpAddr::V4(Ipv4Addr::from(*address)), port);
        Some(Self {
            source: end(source, two(0)?),
            destination: end(destination, two(2)?),
            ttl: *ttl,
            df: fragment & 0x4000 != 0,
            identification: u16::from_be_bytes([*id0, *id1]),
            flags: offset_and_flags & 0x0fff,
            sequence: four(4)?,
            acknowledgement: four(8)?,
            window: two(14)?,
            payload: payload.iter().copied().take(Self::PAYLOAD).collect(),
        })
    }

    /// Whether it is a reset.
    pub fn is_reset(&self) -> bool {
        self.flags & RST != 0
    }

    /// Whether it accepts a connection.
    pub fn is_accepting(&self) -> bool {
        self.flags & (SYN | ACK | RST) == SYN | ACK
    }

    /// Whether it opens a connection.
    pub fn is_opening(&self) -> bool {
        self.flags & (SYN | ACK | RST) == SYN
    }
}

const SYN: u16 = 0x02;
const RST: u16 = 0x04;
const ACK: u16 = 0x10;

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: version 4, id 0x3412, DF, TTL 57, TCP; 192.0.2.1:443 to 198.51.100.2:40000; offset 5, AE RST ACK.
    const PACKET: [u8; 43] = [
        0x45, 0, 0, 43, 0x34, 0x12, 0x40, 0, 57, 6, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2, 0x01,
        0xbb, 0x9c, 0x40, 0, 0, 0, 9, 0, 0, 0, 7, 0x51, 0x14, 0x12, 0x34, 0, 0, 0, 0, 1, 2, 3,
    ];

    #[test]
    fn fields_are_where_the_standards_have_them() {
        let segment = Segment::read(&PACKET).unwrap();
        assert_eq!(segment.source, "192.0.2.1:443".parse().unwrap());
        assert_eq!(segment.destination, "198.51.100.2:40000".parse().unwrap());
        assert_eq!((segment.ttl, segment.df, segment.identification), (57, true, 0x3412));
        assert_eq!((segment.flags, segment.window), (0x114, 0x1234));
        assert_eq!((segment.sequence, segment.acknowledgement), (9, 7));
        assert_eq!(segment.payload, [1, 2, 3]);
        assert!(segment.is_reset() && !segment.is_opening());
    }

    #[test]
    fn a_filter_takes_what_it_says() {
        let segment = Segment::read(&PACKET).unwrap();
        let sender = segment.source.ip();
        assert!(Filter::to(&[40_000]).takes(&segment));
        assert!(!Filter::to(&[443]).takes(&segment));
        assert!(Filter::from(sender, &[443]).takes(&segment));
        assert!(!Filter::from(sender, &[40_000]).takes(&segment));
        assert!(!Filter::from(segment.destination.ip(), &[443]).takes(&segment));
    }

    #[test]
    fn any_cut_and_any_byte_is_read_without_panic() {
        for end in 0..40 {
            assert_eq!(Segment::read(&PACKET[..end]), None, "{end}");
        }
        for at in 0..PACKET.len() {
            for byte in 0..=255 {
                let mut packet = PACKET;
                packet[at] = byte;
                let _ = Segment::read(&packet);
            }
        }
    }
}
