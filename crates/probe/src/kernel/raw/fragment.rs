//! Fragments by the kernel. What comes is seen by a packet socket, since a raw one sees only what the kernel has joined; what goes is
//! written by us, header and all, for a connection that the kernel has opened.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "beside `kernel`, the one place where a socket is meant"
)]

#[cfg(target_os = "linux")]
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use wirewitness_net::Failure;
#[cfg(target_os = "linux")]
use wirewitness_net::raw::sizes;
use wirewitness_net::raw::{Cut, Cutter, Piece, Pieces};

/// Fragments that come to this machine.
#[derive(Debug)]
pub struct KernelPieces {
    #[cfg(target_os = "linux")]
    socket: tokio::net::UdpSocket,
}

/// Sends segments of one connection in fragments.
#[derive(Debug)]
pub struct KernelCutter {
    #[cfg(target_os = "linux")]
    socket: tokio::net::UdpSocket,
    #[cfg(target_os = "linux")]
    ends: (SocketAddrV4, SocketAddrV4),
}

#[cfg(target_os = "linux")]
impl KernelPieces {
    pub(super) fn open() -> Result<Self, Failure> {
        use socket2::{Domain, Protocol, SockFilter, Socket, Type};
        let named = |error: std::io::Error| Failure::of_io(&error);
        // In the order of the network, as packet(7) has it.
        let protocol = Protocol::from(i32::from(ETHERTYPE_IPV4.to_be()));
        let socket = Socket::new(Domain::PACKET, Type::DGRAM, Some(protocol)).map_err(named)?;
        // The machine's other traffic never comes up to us: only fragments do, and only of TCP (in the words of BPF: load half a word, go
        // on if any of these bits, load a byte, go on if equal).
        let only_fragments_of_tcp = [
            SockFilter::new(0x28, 0, 0, 6),
            SockFilter::new(0x45, 0, 3, 0x3fff),
            SockFilter::new(0x30, 0, 0, 9),
            SockFilter::new(0x15, 0, 1, 6),
            SockFilter::new(0x06, 0, 0, 0xffff),
            SockFilter::new(0x06, 0, 0, 0),
        ];
        socket.attach_filter(&only_fragments_of_tcp).map_err(named)?;
        socket.set_nonblocking(true).map_err(named)?;
        let socket = tokio::net::UdpSocket::from_std(socket.into()).map_err(named)?;
        Ok(Self { socket })
    }
}

impl Pieces for KernelPieces {
    #[cfg(target_os = "linux")]
    async fn next(&self) -> Result<Piece, Failure> {
        // A header at its longest, and ports; the rest of a packet is cut off.
        let mut buffer = [0; 60 + 4];
        loop {
            let read =
                self.socket.recv(&mut buffer).await.map_err(|error| Failure::of_io(&error))?;
            if let Some(piece) = Piece::read(buffer.get(..read).unwrap_or_default()) {
                return Ok(piece);
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    async fn next(&self) -> Result<Piece, Failure> {
        Err(Failure::PermissionDenied)
    }
}

#[cfg(target_os = "linux")]
impl KernelCutter {
    pub(super) fn open(local: SocketAddrV4, remote: SocketAddrV4) -> Result<Self, Failure> {
        use socket2::{Domain, Protocol, Socket, Type};
        let named = |error: std::io::Error| Failure::of_io(&error);
        let raw = Some(Protocol::from(IPPROTO_RAW));
        let socket = Socket::new(Domain::IPV4, Type::RAW, raw).map_err(named)?;
        socket.set_nonblocking(true).map_err(named)?;
        let socket = tokio::net::UdpSocket::from_std(socket.into()).map_err(named)?;
        Ok(Self { socket, ends: (local, remote) })
    }
}

impl Cutter for KernelCutter {
    #[cfg(target_os = "linux")]
    async fn send(&self, segment: &Cut) -> Result<(), Failure> {
        let packets = packets(self.ends, segment).ok_or(Failure::MessageSize)?;
        // The address alone: a raw socket has no ports.
        let to = SocketAddr::V4(SocketAddrV4::new(*self.ends.1.ip(), 0));
        for (number, packet) in packets.iter().enumerate() {
            if number % BURST == BURST - 1 {
                tokio::time::sleep(BETWEEN_BURSTS).await;
            }
            self.socket.send_to(packet, to).await.map_err(|error| Failure::of_io(&error))?;
        }
        Ok(())
    }

    #[cfg(not(target_os = "linux"))]
    async fn send(&self, _: &Cut) -> Result<(), Failure> {
        Err(Failure::PermissionDenied)
    }
}

/// The packets of a segment, from their IPv4 headers on. The kernel fills in the checksums of these (raw(7)).
#[cfg(target_os = "linux")]
fn packets(ends: (SocketAddrV4, SocketAddrV4), segment: &Cut) -> Option<Vec<Vec<u8>>> {
    let tcp = tcp(ends, segment);
    let (mut packets, mut offset) = (Vec::new(), 0);
    for size in sizes(tcp.len(), segment.pieces)? {
        let piece = tcp.get(offset..offset + size)?;
        let more = if offset + size < tcp.len() { MORE } else { 0 };
        let total = u16::try_from(IP_HEADER + size).ok()?;
        let place = u16::try_from(offset / 8).ok()?;
        let mut packet = vec![0x45, 0];
        packet.extend(total.to_be_bytes());
        packet.extend(segment.identification.to_be_bytes());
        packet.extend((more | place).to_be_bytes());
        packet.extend([LIFE, TCP, 0, 0]);
        packet.extend(ends.0.ip().octets());
        packet.extend(ends.1.ip().octets());
        packet.extend(piece);
        packets.push(packet);
        offset += size;
    }
    Some(packets)
}

/// A TCP segment of twenty bytes of header (RFC 9293 §3.1).
#[cfg(target_os = "linux")]
fn tcp((local, remote): (SocketAddrV4, SocketAddrV4), segment: &Cut) -> Vec<u8> {
    let mut tcp = Vec::with_capacity(20 + segment.payload().len());
    tcp.extend(local.port().to_be_bytes());
    tcp.extend(remote.port().to_be_bytes());
    tcp.extend(segment.sequence.to_be_bytes());
    tcp.extend(segment.acknowledgement.to_be_bytes());
    tcp.extend([0x50, segment.flags()]);
    tcp.extend(WINDOW.to_be_bytes());
    tcp.extend([0; 4]);
    tcp.extend(segment.payload());
    let sum = checksum((*local.ip(), *remote.ip()), &tcp);
    tcp.iter_mut().skip(16).zip(sum.to_be_bytes()).for_each(|(to, from)| *to = from);
    tcp
}

/// The checksum over the pseudo header and the segment, whose own field is 0 (RFC 9293 §3.1).
#[cfg(target_os = "linux")]
fn checksum((source, destination): (Ipv4Addr, Ipv4Addr), tcp: &[u8]) -> u16 {
    let half = |pair: &[u8]| match pair {
        [high, low] => u64::from(u16::from_be_bytes([*high, *low])),
        [high] => u64::from(*high) << 8,
        _ => 0,
    };
    let addresses = [source.octets(), destination.octets()].concat();
    let parts = addresses.chunks(2).chain(tcp.chunks(2)).map(half);
    let mut sum = parts.sum::<u64>() + u64::from(TCP) + tcp.len() as u64;
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(target_os = "linux")]
const ETHERTYPE_IPV4: u16 = 0x0800;
/// Only sends, and takes headers as they are written.
#[cfg(target_os = "linux")]
const IPPROTO_RAW: i32 = 255;
#[cfg(target_os = "linux")]
const IP_HEADER: usize = 20;
#[cfg(target_os = "linux")]
const TCP: u8 = 6;
/// More fragments follow.
#[cfg(target_os = "linux")]
const MORE: u16 = 0x2000;
/// What most systems send with.
#[cfg(target_os = "linux")]
const LIFE: u8 = 64;
/// As a kernel's that has scaled it.
#[cfg(target_os = "linux")]
const WINDOW: u16 = 502;
/// So many small packets at once drown no queue.
#[cfg(target_os = "linux")]
const BURST: usize = 16;
#[cfg(target_os = "linux")]
const BETWEEN_BURSTS: std::time::Duration = std::time::Duration::from_millis(1);

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use wirewitness_net::raw::{Segment, What};

    fn cut(pieces: u16) -> (Vec<Vec<u8>>, Cut) {
        let ends = ("192.0.2.1:40000".parse().unwrap(), "198.51.100.2:443".parse().unwrap());
        let what = What::Bytes((0..=254).cycle().take(8 * 101).collect());
        let segment = Cut { sequence: 9, acknowledgement: 7, identification: 0x3412, pieces, what };
        (packets(ends, &segment).unwrap(), segment)
    }

    #[test]
    fn a_whole_one_is_what_a_reader_of_ours_and_of_others_expects() {
        let (packets, segment) = cut(1);
        let read = Segment::read(&packets[0]).unwrap();
        assert_eq!((read.source.port(), read.destination.port()), (40_000, 443));
        assert_eq!((read.sequence, read.acknowledgement, read.flags), (9, 7, 0x18));
        assert_eq!(read.payload, segment.payload()[..64]);
        // Sums of all words with their checksum are all ones.
        let tcp = &packets[0][20..];
        assert_eq!(checksum(([192, 0, 2, 1].into(), [198, 51, 100, 2].into()), tcp), 0);
    }

    #[test]
    fn pieces_join_to_what_was_cut() {
        let (whole, _) = cut(1);
        for count in [2, 8, 45, 100] {
            let (packets, _) = cut(count);
            let pieces: Vec<Piece> = packets.iter().map(|it| Piece::read(it).unwrap()).collect();
            assert_eq!(pieces.len(), usize::from(count));
            let mut joined: Vec<u8> = Vec::new();
            for (packet, piece) in packets.iter().zip(&pieces) {
                assert_eq!(usize::from(piece.offset), joined.len());
                assert_eq!(piece.more, joined.len() + packet.len() - 20 < whole[0].len() - 20);
                joined.extend(&packet[20..]);
            }
            assert_eq!(joined, whole[0][20..]);
            assert_eq!(pieces[0].ports, Some((40_000, 443)));
        }
    }
}
