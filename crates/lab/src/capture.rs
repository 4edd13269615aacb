//! Recording what passes a link: as records for comparing runs, and as pcapng for Wireshark.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use wirewitness_wire::file::LinkType;
use wirewitness_wire::file::write::{self, Written};

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

/// Writes records as a pcapng file: raw IP packets, each with its way. `epoch` is the time of day at which the lab began,
/// since 1970.
pub fn pcapng(records: &[Record], epoch: Duration, link_name: &str) -> Vec<u8> {
    let mut file = Vec::new();
    write::section(&mut file, "wirewitness lab");
    write::interface(&mut file, LINKTYPE_RAW, link_name);
    for record in records {
        let bytes = record.frame.bytes();
        let written = Written {
            interface: 0,
            at_ns: i64::try_from((epoch + record.at).as_nanos()).unwrap_or(i64::MAX),
            bytes,
            original_len: bytes.len() as u32,
            way: match record.way {
                Way::In => wirewitness_wire::file::Way::In,
                Way::Out => wirewitness_wire::file::Way::Out,
            },
            comment: "",
        };
        write::packet(&mut file, &written);
    }
    file
}

const LINKTYPE_RAW: LinkType = LinkType(101);

#[cfg(test)]
mod tests {
    use wirewitness_wire::file::{Step, Walk};

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

    /// Read by the reader of captures.
    #[test]
    fn the_packets_are_there_with_their_times_and_ways() {
        let file = pcapng(&[record(), record()], Duration::from_secs(10), "a-b");
        let (mut walk, mut at, mut seen) = (Walk::default(), 0, 0);
        while at < file.len() {
            let (used, step) = walk.step(&file[at..]);
            at += used;
            match step {
                Step::Packet(read) => {
                    seen += 1;
                    assert_eq!((read.at_ns, read.link), (11_500_000_001, LINKTYPE_RAW));
                    assert_eq!(read.way, wirewitness_wire::file::Way::In);
                    assert_eq!(read.bytes, record().frame.bytes());
                }
                Step::Passed => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(seen, 2);
    }
}
