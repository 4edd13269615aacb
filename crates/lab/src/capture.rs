//! Recording what passes a link: as records for comparing runs, and as pcapng for Wireshark.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use crate::frame::{Body, Frame, flags};

/// What a tap has seen, in order.
#[derive(Debug, Default)]
pub(crate) struct Tap {
    records: Vec<Record>,
}

/// One packet that passed a tap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When, since the lab began.
    pub at: Duration,
    /// Which way, as seen from the link's first end.
    pub way: Way,
    /// The packet.
    pub frame: Frame,
}

/// Which way a packet passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the link's first end, whether or not it arrived at the other.
    Out,
    /// To the link's first end.
    In,
}

impl Tap {
    pub(crate) fn left(&mut self, at: Duration, frame: &Frame) {
        self.records.push(Record { at, way: Way::Out, frame: frame.clone() });
    }

    pub(crate) fn arrived(&mut self, at: Duration, frame: &Frame) {
        self.records.push(Record { at, way: Way::In, frame: frame.clone() });
    }

    pub(crate) fn records(&self) -> &[Record] {
        &self.records
    }
}

/// Time, way, ends, kind and size: all that two runs of one seed have in common. Payloads hold key material.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self.way {
            Way::Out => '>',
            Way::In => '<',
        };
        write!(f, "{:>14} {way} ", self.at.as_nanos())?;
        let Some(packet) = self.frame.packet() else { return write!(f, "?") };
        let (source, destination) = packet
            .endpoints()
            .unwrap_or((SocketAddr::new(packet.source, 0), SocketAddr::new(packet.destination, 0)));
        write!(f, "{source} {destination} ttl {} id {} ", packet.ttl, packet.identification)?;
        if let Some(fragment) = packet.fragment {
            let more = if fragment.more { "+" } else { "" };
            write!(f, "fragment {}{more} ", fragment.offset)?;
        }
        match packet.body {
            Body::Tcp(tcp) => write!(
                f,
                "tcp {} seq {} ack {} win {} len {}",
                flags::letters(tcp.flags),
                tcp.sequence,
                tcp.acknowledgement,
                tcp.window,
                tcp.payload.len()
            ),
            Body::Udp(udp) => write!(f, "udp len {}", udp.payload.len()),
            Body::Icmp(icmp) => write!(f, "icmp {:?} len {}", icmp.kind, icmp.quoted.len()),
            Body::Other(number) => write!(f, "proto {number}"),
        }
    }
}

/// Writes records as a pcapng file (draft-ietf-opsawg-pcapng): raw IP packets, nanoseconds, each with its way.
/// `epoch` is the time of day at which the lab began, since 1970.
pub fn pcapng(records: &[Record], epoch: Duration, link_name: &str) -> Vec<u8> {
    let mut file = Vec::new();
    block(&mut file, SECTION_HEADER, &section_header());
    block(&mut file, INTERFACE_DESCRIPTION, &interface_description(link_name));
    for record in records {
        block(&mut file, ENHANCED_PACKET, &enhanced_packet(record, epoch));
    }
    file
}

fn section_header() -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(0x1a2b_3c4d_u32.to_le_bytes());
    // Version 1.0, length of the section not said.
    body.extend(1_u16.to_le_bytes());
    body.extend(0_u16.to_le_bytes());
    body.extend(u64::MAX.to_le_bytes());
    option(&mut body, 4, b"wirewitness lab");
    option(&mut body, 0, b"");
    body
}

fn interface_description(link_name: &str) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(LINKTYPE_RAW.to_le_bytes());
    body.extend([0; 2]);
    // No limit on the length of what is recorded.
    body.extend(0_u32.to_le_bytes());
    option(&mut body, 2, link_name.as_bytes());
    // if_tsresol: 10^-9.
    option(&mut body, 9, &[9]);
    option(&mut body, 0, b"");
    body
}

fn enhanced_packet(record: &Record, epoch: Duration) -> Vec<u8> {
    let nanos = u64::try_from((epoch + record.at).as_nanos()).unwrap_or(u64::MAX);
    let len = record.frame.len() as u32;
    let mut body = Vec::new();
    body.extend(0_u32.to_le_bytes());
    body.extend(((nanos >> 32) as u32).to_le_bytes());
    body.extend((nanos as u32).to_le_bytes());
    body.extend(len.to_le_bytes());
    body.extend(len.to_le_bytes());
    body.extend(record.frame.bytes());
    pad(&mut body);
    // epb_flags: 1 inbound, 2 outbound.
    let way: u32 = match record.way {
        Way::In => 1,
        Way::Out => 2,
    };
    option(&mut body, 2, &way.to_le_bytes());
    option(&mut body, 0, b"");
    body
}

/// A block: type, total length, body, total length again.
fn block(file: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let len = (body.len() as u32 + 12).to_le_bytes();
    file.extend(kind.to_le_bytes());
    file.extend(len);
    file.extend(body);
    file.extend(len);
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = value.get(..value.len().min(1024)).unwrap_or_default();
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend(value);
    pad(body);
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const LINKTYPE_RAW: u16 = 101;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{UdpSpec, build};

    fn record() -> Record {
        let spec = UdpSpec {
            source: "192.0.2.1:53".parse().unwrap(),
            destination: "198.51.100.2:999".parse().unwrap(),
            ttl: 9,
            identification: 3,
            payload: b"odd".to_vec(),
        };
        let at = Duration::from_nanos(1_500_000_001);
        Record { at, way: Way::In, frame: build::udp(&spec).unwrap() }
    }

    #[test]
    fn a_line_says_it_all() {
        assert_eq!(
            record().to_string(),
            "    1500000001 < 192.0.2.1:53 198.51.100.2:999 ttl 9 id 3 udp len 3"
        );
    }

    /// Walks the blocks as the format says, both lengths and all.
    #[test]
    fn blocks_follow_one_another_to_the_end() {
        let file = pcapng(&[record(), record()], Duration::from_secs(1_735_689_600), "a-b");
        let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
        let (mut at, mut kinds) = (0, Vec::new());
        while at < file.len() {
            let len = word(at + 4) as usize;
            assert_eq!(len % 4, 0);
            assert_eq!(word(at + len - 4) as usize, len);
            kinds.push(word(at));
            at += len;
        }
        assert_eq!(
            kinds,
            [SECTION_HEADER, INTERFACE_DESCRIPTION, ENHANCED_PACKET, ENHANCED_PACKET]
        );
    }

    #[test]
    fn the_packet_is_there_with_its_time() {
        let body = enhanced_packet(&record(), Duration::from_secs(10));
        let word = |at: usize| u32::from_le_bytes(body[at..at + 4].try_into().unwrap());
        let nanos = (u64::from(word(4)) << 32) | u64::from(word(8));
        assert_eq!(nanos, 11_500_000_001);
        assert_eq!(word(12), 31);
        assert_eq!(&body[20..51], record().frame.bytes());
    }
}
