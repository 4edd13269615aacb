//! Captures for tests: packets in memory, and every kind of file they can stand in.

use wirewitness_wire::file::write::{self, Written};
use wirewitness_wire::file::{LinkType, Step, Walk, Way};

/// A packet from its IP header on.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    pub(crate) at_ns: i64,
    pub(crate) way: Way,
    pub(crate) bytes: Vec<u8>,
}

/// The packets of a file of raw IP packets.
pub(crate) fn read(file: &[u8]) -> Vec<Packet> {
    let (mut walk, mut at, mut packets) = (Walk::default(), 0, Vec::new());
    loop {
        let (used, step) = walk.step(&file[at..]);
        match step {
            Step::Packet(record) => {
                assert_eq!(record.link, RAW);
                packets.push(Packet {
                    at_ns: record.at_ns,
                    way: record.way,
                    bytes: record.bytes.to_vec(),
                });
            }
            Step::Passed => {}
            Step::More(_) => break,
            Step::Damage(damage) => panic!("{damage}"),
        }
        at += used;
    }
    assert_eq!(at, file.len());
    packets
}

/// As pcapng.
pub(crate) fn pcapng(packets: &[Packet]) -> Vec<u8> {
    let mut file = Vec::new();
    write::section(&mut file, "test");
    write::interface(&mut file, RAW, "test");
    for packet in packets {
        let (bytes, original_len) = (&packet.bytes[..], packet.bytes.len() as u32);
        let written = Written {
            interface: 0,
            at_ns: packet.at_ns,
            bytes,
            original_len,
            way: packet.way,
            comment: "",
        };
        write::packet(&mut file, &written);
    }
    file
}

/// Byte order of a pcap file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Order {
    Big,
    Little,
}

impl Order {
    fn u32(self, number: u32) -> [u8; 4] {
        match self {
            Self::Big => number.to_be_bytes(),
            Self::Little => number.to_le_bytes(),
        }
    }

    fn u16(self, number: u16) -> [u8; 2] {
        match self {
            Self::Big => number.to_be_bytes(),
            Self::Little => number.to_le_bytes(),
        }
    }
}

/// As pcap with nanoseconds: of raw packets, or of frames with `link_head` before each.
pub(crate) fn pcap(
    packets: &[Packet],
    order: Order,
    (link, link_head): (LinkType, &[u8]),
) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(order.u32(0xa1b2_3c4d));
    file.extend(order.u16(2));
    file.extend(order.u16(4));
    file.extend([0; 8]);
    file.extend(order.u32(262_144));
    file.extend(order.u32(link.0.into()));
    for packet in packets {
        let len = (link_head.len() + packet.bytes.len()) as u32;
        file.extend(order.u32((packet.at_ns / 1_000_000_000) as u32));
        file.extend(order.u32((packet.at_ns % 1_000_000_000) as u32));
        file.extend(order.u32(len));
        file.extend(order.u32(len));
        file.extend(link_head);
        file.extend(&packet.bytes);
    }
    file
}

/// Ethernet with an 802.1Q tag (VLAN 7), IPv4 behind it.
pub(crate) const VLAN: (LinkType, &[u8]) =
    (LinkType(1), &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0x00, 0x00, 0x07, 0x08, 0x00]);
/// Nothing but IP.
pub(crate) const RAW_IP: (LinkType, &[u8]) = (RAW, &[]);
const RAW: LinkType = LinkType(101);

/// The same TCP and UDP packets over IPv6: addresses `2001:db8::a.b.c.d`, hop limit for time to live, no identification. What is
/// already IPv6 stays; ICMP and fragments are left out.
pub(crate) fn as_ipv6(packets: &[Packet]) -> Vec<Packet> {
    let turned = |packet: &Packet| {
        let bytes = &packet.bytes;
        if bytes[0] >> 4 == 6 {
            return Some(packet.clone());
        }
        let header_len = usize::from(bytes[0] & 15) * 4;
        let is_fragment = u16::from_be_bytes([bytes[6], bytes[7]]) & 0x3fff != 0;
        if is_fragment || !matches!(bytes[9], 6 | 17) {
            return None;
        }
        let payload = &bytes[header_len..];
        let address = |octets: &[u8]| {
            [&[0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0][..], octets].concat()
        };
        let mut six = vec![0x60, 0, 0, 0];
        six.extend((payload.len() as u16).to_be_bytes());
        six.extend([bytes[9], bytes[8]]);
        six.extend(address(&bytes[12..16]));
        six.extend(address(&bytes[16..20]));
        six.extend(payload);
        Some(Packet { bytes: six, ..packet.clone() })
    };
    packets.iter().filter_map(turned).collect()
}
