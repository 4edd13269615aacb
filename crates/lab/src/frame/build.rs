//! Fields to bytes: every packet that no simulated host's TCP wrote itself.

use std::net::{IpAddr, SocketAddr};

use wirewitness_wire::read::be16;

use super::read::protocol;
use super::{Frame, IcmpKind};

/// A TCP segment to be made. Addresses of both ends must be of one family; otherwise nothing is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcpSpec {
    /// Whom it claims to be from.
    pub source: SocketAddr,
    /// Whom it is for.
    pub destination: SocketAddr,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgement number.
    pub acknowledgement: u32,
    /// Flags ([`super::flags`]).
    pub flags: u8,
    /// The three reserved bits and accurate ECN's (RFC 9768), as the low four bits.
    pub reserved: u8,
    /// Window.
    pub window: u16,
    /// TTL or hop limit as it leaves.
    pub ttl: u8,
    /// IPv4 identification.
    pub identification: u16,
    /// Whether IPv4 routers may not cut it.
    pub dont_fragment: bool,
    /// The data.
    pub payload: Vec<u8>,
}

/// A UDP datagram to be made. Addresses of both ends must be of one family; otherwise nothing is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UdpSpec {
    /// Whom it claims to be from.
    pub source: SocketAddr,
    /// Whom it is for.
    pub destination: SocketAddr,
    /// TTL or hop limit as it leaves.
    pub ttl: u8,
    /// IPv4 identification.
    pub identification: u16,
    /// The data.
    pub payload: Vec<u8>,
}

/// Makes the segment.
pub(crate) fn tcp(spec: &TcpSpec) -> Option<Frame> {
    let mut segment = Vec::with_capacity(20 + spec.payload.len());
    segment.extend(spec.source.port().to_be_bytes());
    segment.extend(spec.destination.port().to_be_bytes());
    segment.extend(spec.sequence.to_be_bytes());
    segment.extend(spec.acknowledgement.to_be_bytes());
    // Header of five words, no options.
    segment.extend([0x50 | (spec.reserved & 0x0f), spec.flags]);
    segment.extend(spec.window.to_be_bytes());
    segment.extend([0; 4]);
    segment.extend(&spec.payload);
    let envelope = Envelope {
        source: spec.source.ip(),
        destination: spec.destination.ip(),
        protocol: protocol::TCP,
        ttl: spec.ttl,
        identification: spec.identification,
        dont_fragment: spec.dont_fragment,
    };
    envelope.seal(segment, Some(16))
}

/// Makes the datagram.
pub(crate) fn udp(spec: &UdpSpec) -> Option<Frame> {
    let len = u16::try_from(8 + spec.payload.len()).ok()?;
    let mut datagram = Vec::with_capacity(usize::from(len));
    datagram.extend(spec.source.port().to_be_bytes());
    datagram.extend(spec.destination.port().to_be_bytes());
    datagram.extend(len.to_be_bytes());
    datagram.extend([0; 2]);
    datagram.extend(&spec.payload);
    let envelope = Envelope {
        source: spec.source.ip(),
        destination: spec.destination.ip(),
        protocol: protocol::UDP,
        ttl: spec.ttl,
        identification: spec.identification,
        dont_fragment: true,
    };
    envelope.seal(datagram, Some(6))
}

/// The same TCP segment, options and all, with other ends.
pub(super) fn readdressed(
    frame: &Frame,
    source: SocketAddr,
    destination: SocketAddr,
) -> Option<Frame> {
    let packet = frame.packet()?;
    let tcp = packet.tcp()?;
    let end = frame.bytes().len();
    // The reader has found the payload behind the header: what is between is the segment's header.
    let header_len = if is_v4(frame.bytes()) {
        usize::from(frame.bytes().first()? & 0x0f) * 4
    } else {
        end.checked_sub(usize::from(be16(frame.bytes(), 4)?))?
    };
    let end = if is_v4(frame.bytes()) { usize::from(be16(frame.bytes(), 2)?) } else { end };
    let mut segment = frame.bytes().get(header_len..end)?.to_vec();
    debug_assert!(segment.ends_with(tcp.payload), "the reader knows where a payload ends");
    put16(&mut segment, 0, source.port())?;
    put16(&mut segment, 2, destination.port())?;
    put16(&mut segment, 16, 0)?;
    let envelope = Envelope {
        source: source.ip(),
        destination: destination.ip(),
        protocol: protocol::TCP,
        ttl: packet.ttl,
        identification: packet.identification,
        dont_fragment: packet.dont_fragment,
    };
    envelope.seal(segment, Some(16))
}

/// Makes an ICMP error from `reporter` about `about`, to whoever sent it. None for what must not be answered with one.
pub(crate) fn icmp_error(kind: IcmpKind, reporter: IpAddr, about: &Frame) -> Option<Frame> {
    let packet = about.packet()?;
    // RFC 1122 §3.2.2: nor about any fragment but the first.
    if packet.fragment.is_some_and(|fragment| fragment.offset != 0) {
        return None;
    }
    if matches!(packet.body, super::Body::Icmp(icmp) if is_error(icmp.kind)) {
        return None;
    }
    // Enough of the packet for its ports and sequence number (RFC 1812 §4.3.2.3 allows up to 576 bytes in all).
    let quoted = about.bytes().get(..about.len().min(528))?;
    icmp(kind, reporter, packet.source, &[&[0; 4], quoted].concat())
}

/// Makes an ICMP message: after the checksum comes `rest`.
pub(crate) fn icmp(
    kind: IcmpKind,
    source: IpAddr,
    destination: IpAddr,
    rest: &[u8],
) -> Option<Frame> {
    let (number, (kind, code)) = match source {
        IpAddr::V4(_) => (protocol::ICMP, v4_code(kind)),
        IpAddr::V6(_) => (protocol::ICMPV6, v6_code(kind)),
    };
    let mut message = vec![kind, code, 0, 0];
    message.extend(rest);
    let envelope = Envelope {
        source,
        destination,
        protocol: number,
        ttl: 64,
        identification: 0,
        dont_fragment: true,
    };
    envelope.seal(message, Some(2))
}

fn is_error(kind: IcmpKind) -> bool {
    !matches!(kind, IcmpKind::EchoRequest | IcmpKind::EchoReply)
}

fn v4_code(kind: IcmpKind) -> (u8, u8) {
    match kind {
        IcmpKind::EchoReply => (0, 0),
        IcmpKind::EchoRequest => (8, 0),
        IcmpKind::NetworkUnreachable => (3, 0),
        IcmpKind::HostUnreachable => (3, 1),
        IcmpKind::PortUnreachable => (3, 3),
        IcmpKind::Prohibited => (3, 13),
        IcmpKind::TimeExceeded => (11, 0),
        IcmpKind::Other(kind, code) => (kind, code),
    }
}

fn v6_code(kind: IcmpKind) -> (u8, u8) {
    match kind {
        IcmpKind::EchoReply => (129, 0),
        IcmpKind::EchoRequest => (128, 0),
        IcmpKind::NetworkUnreachable => (1, 0),
        IcmpKind::Prohibited => (1, 1),
        IcmpKind::HostUnreachable => (1, 3),
        IcmpKind::PortUnreachable => (1, 4),
        IcmpKind::TimeExceeded => (3, 0),
        IcmpKind::Other(kind, code) => (kind, code),
    }
}

/// The IP header to be.
struct Envelope {
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    ttl: u8,
    identification: u16,
    dont_fragment: bool,
}

impl Envelope {
    /// Writes the header before `payload`, and the payload's checksum at `checksum_at` in it.
    fn seal(&self, mut payload: Vec<u8>, checksum_at: Option<usize>) -> Option<Frame> {
        if let Some(at) = checksum_at {
            let sum = self.payload_checksum(&payload);
            // RFC 768: a UDP checksum that comes out as 0 is sent as all ones.
            let sum = if sum == 0 && self.protocol == protocol::UDP { 0xffff } else { sum };
            put16(&mut payload, at, sum)?;
        }
        let mut bytes = match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                self.v4_header(payload.len(), source.octets(), destination.octets())?
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                self.v6_header(payload.len(), source.octets(), destination.octets())?
            }
            _ => return None,
        };
        bytes.extend(payload);
        Some(Frame::from_bytes(bytes))
    }

    fn v4_header(&self, len: usize, source: [u8; 4], destination: [u8; 4]) -> Option<Vec<u8>> {
        let total = u16::try_from(20 + len).ok()?;
        let mut header = vec![0x45, 0];
        header.extend(total.to_be_bytes());
        header.extend(self.identification.to_be_bytes());
        // A host that cuts clears the flag.
        header.extend([
            if self.dont_fragment { 0x40 } else { 0 },
            0,
            self.ttl,
            self.protocol,
            0,
            0,
        ]);
        header.extend(source);
        header.extend(destination);
        let sum = checksum(&[&header]);
        put16(&mut header, 10, sum)?;
        Some(header)
    }

    fn v6_header(&self, len: usize, source: [u8; 16], destination: [u8; 16]) -> Option<Vec<u8>> {
        let mut header = vec![0x60, 0, 0, 0];
        header.extend(u16::try_from(len).ok()?.to_be_bytes());
        header.extend([self.protocol, self.ttl]);
        header.extend(source);
        header.extend(destination);
        Some(header)
    }

    /// The Internet checksum with the pseudo-header where the protocol wants one (`ICMPv4` does not).
    fn payload_checksum(&self, payload: &[u8]) -> u16 {
        let len = (payload.len() as u32).to_be_bytes();
        let number = [0, 0, 0, self.protocol];
        match (self.source, self.destination) {
            (IpAddr::V4(_), _) if self.protocol == protocol::ICMP => checksum(&[payload]),
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                checksum(&[&a.octets(), &b.octets(), &len, &number, payload])
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                checksum(&[&a.octets(), &b.octets(), &len, &number, payload])
            }
            _ => 0,
        }
    }
}

/// RFC 1071, over parts of which all but the last are of even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let mut sum: u32 = 0;
    for word in words {
        let high = u32::from(word.first().copied().unwrap_or(0)) << 8;
        let low = u32::from(word.get(1).copied().unwrap_or(0));
        sum += high + low;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

pub(super) fn decrement_ttl(bytes: &mut [u8]) -> bool {
    let v4 = is_v4(bytes);
    let Some(ttl) = bytes.get_mut(if v4 { 8 } else { 7 }) else { return false };
    *ttl = ttl.saturating_sub(1);
    let alive = *ttl > 0;
    if v4 {
        refresh_v4_checksum(bytes);
    }
    alive
}

pub(super) fn set_identification(bytes: &mut [u8], identification: u16) {
    if !is_v4(bytes) || put16(bytes, 4, identification).is_none() {
        return;
    }
    if let Some(fragmentation) = bytes.get_mut(6) {
        *fragmentation |= 0x40;
    }
    refresh_v4_checksum(bytes);
}

fn is_v4(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| first >> 4 == 4)
}

pub(super) fn refresh_v4_checksum(bytes: &mut [u8]) {
    put16(bytes, 10, 0);
    let header_len = bytes.first().map_or(0, |first| usize::from(first & 0x0f) * 4);
    let sum = checksum(&[bytes.get(..header_len).unwrap_or_default()]);
    put16(bytes, 10, sum);
}

pub(super) fn put16(bytes: &mut [u8], at: usize, value: u16) -> Option<()> {
    bytes.get_mut(at..at + 2)?.copy_from_slice(&value.to_be_bytes());
    be16(bytes, at).map(|_| ())
}

#[cfg(test)]
mod tests {
    use smoltcp::phy::ChecksumCapabilities;
    use smoltcp::wire;

    use super::super::{Body, flags};
    use super::*;

    fn segment(source: &str, destination: &str) -> TcpSpec {
        TcpSpec {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            sequence: 7,
            acknowledgement: 9,
            flags: flags::PSH | flags::ACK,
            window: 512,
            ttl: 3,
            identification: 0xbeef,
            reserved: 0,
            dont_fragment: true,
            payload: b"odd".to_vec(),
        }
    }

    /// Another implementation agrees on the checksums.
    fn verified_by_smoltcp(frame: &Frame) -> bool {
        let caps = ChecksumCapabilities::default();
        match frame.packet().unwrap().source {
            IpAddr::V4(_) => {
                let ip = wire::Ipv4Packet::new_checked(frame.bytes()).unwrap();
                let repr = wire::Ipv4Repr::parse(&ip, &caps).unwrap();
                let ends = (repr.src_addr.into(), repr.dst_addr.into());
                transport_verified(repr.next_header, ip.payload(), ends)
            }
            IpAddr::V6(_) => {
                let ip = wire::Ipv6Packet::new_checked(frame.bytes()).unwrap();
                let ends = (ip.src_addr().into(), ip.dst_addr().into());
                transport_verified(ip.next_header(), ip.payload(), ends)
            }
        }
    }

    fn transport_verified(
        number: wire::IpProtocol,
        payload: &[u8],
        (source, destination): (wire::IpAddress, wire::IpAddress),
    ) -> bool {
        match number {
            wire::IpProtocol::Tcp => wire::TcpPacket::new_checked(payload)
                .unwrap()
                .verify_checksum(&source, &destination),
            wire::IpProtocol::Udp => wire::UdpPacket::new_checked(payload)
                .unwrap()
                .verify_checksum(&source, &destination),
            wire::IpProtocol::Icmp => {
                wire::Icmpv4Packet::new_checked(payload).unwrap().verify_checksum()
            }
            wire::IpProtocol::Icmpv6 => {
                let (wire::IpAddress::Ipv6(a), wire::IpAddress::Ipv6(b)) = (source, destination)
                else {
                    return false;
                };
                wire::Icmpv6Packet::new_checked(payload).unwrap().verify_checksum(&a, &b)
            }
            _ => false,
        }
    }

    #[test]
    fn what_is_built_reads_back_and_sums_up() {
        for (source, destination) in
            [("192.0.2.1:80", "198.51.100.2:999"), ("[2001:db8::1]:80", "[2001:db8::2]:999")]
        {
            let spec = segment(source, destination);
            let frame = tcp(&spec).unwrap();
            assert!(verified_by_smoltcp(&frame));
            let packet = frame.packet().unwrap();
            let segment = packet.tcp().unwrap();
            assert_eq!(packet.endpoints().unwrap(), (spec.source, spec.destination));
            assert_eq!((segment.sequence, segment.acknowledgement), (7, 9));
            assert_eq!((segment.payload, segment.next_sequence()), (&b"odd"[..], 10));

            let error = icmp_error(IcmpKind::TimeExceeded, packet.destination, &frame).unwrap();
            assert!(verified_by_smoltcp(&error));
            let Body::Icmp(icmp) = error.packet().unwrap().body else { panic!("not ICMP") };
            assert_eq!(icmp.kind, IcmpKind::TimeExceeded);
            let quoted = super::super::read::quoted_endpoints(icmp.quoted).unwrap();
            assert_eq!(quoted, (protocol::TCP, spec.source, spec.destination));
            // An error about an error would go round for ever.
            assert!(icmp_error(IcmpKind::TimeExceeded, packet.source, &error).is_none());
        }
    }

    #[test]
    fn datagrams_and_the_time_to_live() {
        let spec = UdpSpec {
            source: "192.0.2.1:53".parse().unwrap(),
            destination: "198.51.100.2:999".parse().unwrap(),
            ttl: 2,
            identification: 1,
            payload: b"x".to_vec(),
        };
        let mut frame = udp(&spec).unwrap();
        assert!(verified_by_smoltcp(&frame));
        assert!(frame.decrement_ttl());
        assert!(verified_by_smoltcp(&frame));
        assert!(!frame.decrement_ttl());
        frame.set_identification(77);
        assert!(verified_by_smoltcp(&frame));
        assert_eq!(frame.packet().unwrap().identification, 77);
        let mixed = UdpSpec { destination: "[::1]:1".parse().unwrap(), ..spec };
        assert!(udp(&mixed).is_none());
    }

    #[test]
    fn a_segment_with_other_ends_keeps_all_else() {
        for (source, destination, to) in [
            ("192.0.2.1:80", "198.51.100.2:999", "203.0.113.3:443"),
            ("[2001:db8::1]:80", "[2001:db8::2]:999", "[2001:db8::3]:443"),
        ] {
            let frame = tcp(&segment(source, destination)).unwrap();
            let (source, to) = (source.parse().unwrap(), to.parse().unwrap());
            let led = frame.readdressed(source, to).unwrap();
            assert!(verified_by_smoltcp(&led));
            let (packet, before) = (led.packet().unwrap(), frame.packet().unwrap());
            assert_eq!(packet.endpoints().unwrap(), (source, to));
            assert_eq!((packet.ttl, packet.identification), (before.ttl, before.identification));
            let (now, then) = (packet.tcp().unwrap(), before.tcp().unwrap());
            assert_eq!(
                (now.sequence, now.flags, now.payload),
                (then.sequence, then.flags, then.payload)
            );
        }
        let frame = tcp(&segment("192.0.2.1:80", "198.51.100.2:999")).unwrap();
        let six = "[2001:db8::3]:443".parse().unwrap();
        assert!(frame.readdressed("192.0.2.1:80".parse().unwrap(), six).is_none());
    }

    #[test]
    fn cut_short_at_every_byte_is_no_packet_and_no_panic() {
        let frame = tcp(&segment("192.0.2.1:80", "198.51.100.2:999")).unwrap();
        for len in 0..frame.len() {
            assert!(Frame::from_bytes(frame.bytes()[..len].to_vec()).packet().is_none());
        }
    }
}
