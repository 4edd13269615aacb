//! Fragments of IPv4 (RFC 791 §3.2): pieces of a TCP segment as they come, and segments of an own connection to be sent in pieces.

use std::future::Future;
use std::net::Ipv4Addr;

use crate::Failure;

/// Fragments that come to a host. Dropping it stops looking.
pub trait Pieces: Send + Sync + 'static {
    /// Waits for the next one. Under a flood some are missed.
    ///
    /// # Errors
    /// Where the system does not go on.
    fn next(&self) -> impl Future<Output = Result<Piece, Failure>> + Send;
}

/// A fragment of a TCP segment over IPv4, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Who sent it, or whom it claims to be from.
    pub source: Ipv4Addr,
    /// Whom it was sent to.
    pub destination: Ipv4Addr,
    /// What it has in common with the other pieces of its packet.
    pub identification: u16,
    /// Where it stands in the packet's payload, bytes; a multiple of eight.
    pub offset: u16,
    /// Bytes of payload.
    pub len: u16,
    /// Whether others follow.
    pub more: bool,
    /// Ports of source and destination, in the first piece.
    pub ports: Option<(u16, u16)>,
}

impl Piece {
    /// Reads a packet from its IPv4 header on. None where it is whole, or not of TCP.
    pub fn read(packet: &[u8]) -> Option<Self> {
        let (head, _) = packet.split_first_chunk::<20>()?;
        let two = |at: usize| Some(u16::from_be_bytes(*head.get(at..at + 2)?.first_chunk()?));
        let address = |at: usize| Some(Ipv4Addr::from(*head.get(at..at + 4)?.first_chunk::<4>()?));
        let (first, flags) = (head.first()?, two(6)?);
        let (offset, more) = ((flags & 0x1fff) * 8, flags & MORE != 0);
        if first >> 4 != 4 || head.get(9) != Some(&TCP) || (offset == 0 && !more) {
            return None;
        }
        let header = u16::from(first & 0x0f) * 4;
        let len = two(2)?.checked_sub(header)?;
        let payload = packet.get(usize::from(header)..).unwrap_or_default();
        let ports = match payload {
            [a, b, c, d, ..] if offset == 0 && len >= 4 => {
                Some((u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])))
            }
            _ => None,
        };
        Some(Self {
            source: address(12)?,
            destination: address(16)?,
            identification: two(4)?,
            offset,
            len,
            more,
            ports,
        })
    }
}

/// Sends segments of one connection, each in as many fragments as it is told.
pub trait Cutter: Send + Sync + 'static {
    /// Sends one segment. The host's own stack knows nothing of it.
    ///
    /// # Errors
    /// [`Failure::MessageSize`] where the segment cannot be cut so.
    fn send(&self, segment: &Cut) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// A segment of an open connection, in fragments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Sequence number.
    pub sequence: u32,
    /// What is acknowledged.
    pub acknowledgement: u32,
    /// What the fragments have in common; not 0.
    pub identification: u16,
    /// How many there are; 1 is a whole packet.
    pub pieces: u16,
    /// What it is for.
    pub what: What,
}

/// What a segment is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Bytes of the stream.
    Bytes(Vec<u8>),
    /// The end of the connection.
    Reset,
}

impl Cut {
    /// Flags of TCP.
    pub fn flags(&self) -> u8 {
        match self.what {
            What::Bytes(_) => PSH | ACK,
            What::Reset => RST | ACK,
        }
    }

    /// Its bytes of the stream.
    pub fn payload(&self) -> &[u8] {
        match &self.what {
            What::Bytes(bytes) => bytes,
            What::Reset => &[],
        }
    }
}

/// How long each piece is where a segment of `len` bytes, its header included, is cut into so many. All but the last are multiples of eight, as
/// offsets are; of several the first has sixteen at least, since firewalls drop a second one that overlaps the flags of a first
/// (RFC 1858, RFC 3128). None where that cannot be, or a piece would be longer than an Ethernet frame takes.
pub fn sizes(len: usize, pieces: u16) -> Option<Vec<usize>> {
    let count = usize::from(pieces);
    if count <= 1 {
        return (count == 1 && len <= LONGEST_WHOLE).then(|| vec![len]);
    }
    let units = len.div_ceil(UNIT);
    // One unit of the first is set aside, and the rest dealt out evenly, the first pieces taking what is left over.
    let spare = units.checked_sub(1).filter(|spare| *spare >= count)?;
    if count > usize::from(MOST_PIECES) {
        return None;
    }
    let mut sizes: Vec<usize> = (0..count)
        .map(|at| spare / count + usize::from(at < spare % count) + usize::from(at == 0))
        .map(|units| units * UNIT)
        .collect();
    // The last is as long as what is left.
    let before: usize = sizes.iter().take(count - 1).sum();
    *sizes.last_mut()? = len.checked_sub(before)?;
    sizes.iter().all(|size| (1..=LONGEST_PIECE).contains(size)).then_some(sizes)
}

/// Pieces of a packet, at most: what IPv4 can number in units of eight bytes.
pub const MOST_PIECES: u16 = 8_190;
const UNIT: usize = 8;
const LONGEST_PIECE: usize = 1_480;
const LONGEST_WHOLE: usize = 1_480;
/// More fragments follow.
const MORE: u16 = 0x2000;
const TCP: u8 = 6;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: version 4, 44 bytes, id 0x3412, more to come, TTL 57, TCP; ports 443 and 40000.
    const FIRST: [u8; 44] = [
        0x45, 0, 0, 44, 0x34, 0x12, 0x20, 0, 57, 6, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2, 0x01,
        0xbb, 0x9c, 0x40, 0, 0, 0, 9, 0, 0, 0, 7, 0x50, 0x18, 0x12, 0x34, 0, 0, 0, 0, 1, 2, 3, 4,
    ];

    #[test]
    fn fields_are_where_the_standard_has_them() {
        let piece = Piece::read(&FIRST).unwrap();
        assert_eq!(
            (piece.source, piece.destination),
            ([192, 0, 2, 1].into(), [198, 51, 100, 2].into())
        );
        assert_eq!((piece.identification, piece.offset, piece.len), (0x3412, 0, 24));
        assert_eq!((piece.more, piece.ports), (true, Some((443, 40_000))));
        let mut later = FIRST;
        // The last, at 3 * 8: its first bytes are no ports.
        (later[6], later[7]) = (0, 3);
        let later = Piece::read(&later).unwrap();
        assert_eq!((later.offset, later.more, later.ports), (24, false, None));
        let mut whole = FIRST;
        whole[6] = 0x40;
        assert_eq!(Piece::read(&whole), None);
        let mut udp = FIRST;
        udp[9] = 17;
        assert_eq!(Piece::read(&udp), None);
    }

    #[test]
    fn any_cut_and_any_byte_is_read_without_panic() {
        for end in 0..20 {
            assert_eq!(Piece::read(&FIRST[..end]), None, "{end}");
        }
        for at in 0..FIRST.len() {
            for byte in 0..=255 {
                let mut packet = FIRST;
                packet[at] = byte;
                let _ = Piece::read(&packet);
            }
        }
    }

    #[test]
    fn a_segment_is_cut_into_as_many_as_are_asked_for() {
        for pieces in 2..=520_u16 {
            let shortest = 8 * (usize::from(pieces) + 1);
            // One byte of the last unit is enough; a unit less is too little.
            assert_eq!(sizes(shortest - 8, pieces), None, "{pieces}");
            for len in [shortest - 7, shortest, shortest + 1, shortest + 700] {
                let Some(sizes) = sizes(len, pieces) else { panic!("{len} in {pieces}") };
                assert_eq!((sizes.len(), sizes.iter().sum()), (usize::from(pieces), len));
                assert!(sizes[0] >= 16, "{sizes:?}");
                assert!(sizes[..sizes.len() - 1].iter().all(|it| it % 8 == 0), "{sizes:?}");
            }
        }
        assert_eq!(sizes(300, 1), Some(vec![300]));
        assert_eq!(sizes(1_481, 1), None);
        assert_eq!((sizes(300, 0), sizes(4_000, 2)), (None, None));
    }
}
