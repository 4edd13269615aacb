//! Packets made here, in every link and tunnel: the same innermost packet, whatever is around it.
#![allow(clippy::indexing_slicing, clippy::panic, reason = "the bytes are of the tests")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use wirewitness_wire::file::{LinkType, Way};
use wirewitness_wire::ip::{Fragment, IpPacket, Tunnels};
use wirewitness_wire::link::{Carried, innermost};
use wirewitness_wire::transport::{Transport, flag, transport};

const PAYLOAD: &[u8] = b"hello";
const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const DESTINATION: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 2));

/// A segment with timestamps and [`PAYLOAD`].
fn tcp() -> Vec<u8> {
    let head = [0x9c, 0x40, 1, 0xbb, 0, 0, 0, 1, 0, 0, 0, 2, 0x81, 0x18, 0xfa, 0xf0, 0, 0, 0, 0];
    [&head[..], &[1, 1, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9], PAYLOAD].concat()
}

fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let len = (payload.len() as u16 + 8).to_be_bytes();
    [&[0x9c, 0x40], &port.to_be_bytes()[..], &len, &[0, 0], payload].concat()
}

fn ip4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let [t, l] = (payload.len() as u16 + 20).to_be_bytes();
    let head = [0x45, 0x28, t, l, 0xab, 0xcd, 0x40, 0, 57, protocol, 0, 0];
    [&head[..], &[192, 0, 2, 1, 198, 51, 100, 2], payload].concat()
}

fn ip6(next: u8, payload: &[u8]) -> Vec<u8> {
    let [p, l] = (payload.len() as u16).to_be_bytes();
    let addresses = [Ipv6Addr::LOCALHOST, Ipv6Addr::UNSPECIFIED].map(|it| it.octets()).concat();
    [&[0x62, 0x80, 0, 0, p, l, next, 57][..], &addresses, payload].concat()
}

fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    [&[2; 12][..], &kind.to_be_bytes(), payload].concat()
}

fn carried(link: u16, bytes: &[u8]) -> IpPacket<'_> {
    match innermost(LinkType(link), bytes) {
        Ok(Carried::Ip(packet)) => packet,
        other => panic!("{link}: {other:?}"),
    }
}

#[test]
fn every_field_of_a_plain_packet() {
    let frame = [ethernet(0x0800, &ip4(6, &tcp())), b"trail".to_vec()].concat();
    let packet = carried(1, &frame);
    assert_eq!((packet.source, packet.destination), (SOURCE, DESTINATION));
    assert_eq!((packet.ttl, packet.identification, packet.dont_fragment), (57, Some(0xabcd), true));
    assert_eq!((packet.traffic_class, packet.fragment, packet.protocol), (0x28, None, 6));
    assert_eq!((packet.payload, packet.payload_len), (&tcp()[..], tcp().len()));
    assert_eq!((packet.trailer, packet.way), (&b"trail"[..], Way::Unknown));
    assert_eq!(packet.tunnels, Tunnels::default());
    let Ok(Transport::Tcp(tcp)) = transport(&packet) else { panic!() };
    assert_eq!((tcp.source_port, tcp.destination_port, tcp.seq, tcp.ack), (40_000, 443, 1, 2));
    assert_eq!(tcp.flags, flag::AE | flag::PSH | flag::ACK);
    assert_eq!((tcp.window, tcp.timestamps()), (64_240, Some((7, 9))));
    assert_eq!((tcp.payload, tcp.payload_len), (PAYLOAD, PAYLOAD.len()));
}

#[test]
fn every_link_carries_the_same() {
    let packet = ip4(6, &tcp());
    let cooked =
        |kind: u8| [&[0, kind, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 0][..], &packet].concat();
    let cooked_2 = |kind: u8| {
        let head = [8, 0, 0, 0, 0, 0, 0, 2, 0, 1, kind, 6, 1, 2, 3, 4, 5, 6, 0, 0];
        [&head[..], &packet].concat()
    };
    let with = |head: &[u8]| [head, &packet].concat();
    let pppoe = [0x11, 0, 0, 7, 0, packet.len() as u8 + 2, 0, 0x21];
    for (link, bytes, way) in [
        (1, ethernet(0x0800, &packet), Way::Unknown),
        (
            1,
            ethernet(8 + packet.len() as u16, &with(&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0])),
            Way::Unknown,
        ),
        (12, packet.clone(), Way::Unknown),
        (14, packet.clone(), Way::Unknown),
        (101, packet.clone(), Way::Unknown),
        (228, packet.clone(), Way::Unknown),
        (113, cooked(0), Way::In),
        (113, cooked(3), Way::Unknown),
        (113, cooked(4), Way::Out),
        (276, cooked_2(0), Way::In),
        (276, cooked_2(4), Way::Out),
        (0, with(&[2, 0, 0, 0]), Way::Unknown),
        (0, with(&[0, 0, 0, 2]), Way::Unknown),
        (108, with(&[0, 0, 0, 2]), Way::Unknown),
        (9, with(&[0, 0x21]), Way::Unknown),
        (9, with(&[0x21]), Way::Unknown),
        (9, with(&[0xff, 3, 0, 0x21]), Way::Unknown),
        (50, with(&[0xff, 3, 0, 0x21]), Way::Unknown),
        (50, with(&[0x0f, 0, 8, 0]), Way::Unknown),
        (104, with(&[0x0f, 0, 8, 0]), Way::Unknown),
        (51, with(&pppoe), Way::Unknown),
    ] {
        let read = carried(link, &bytes);
        assert_eq!((read.source, read.way, read.payload), (SOURCE, way, &tcp()[..]), "{link}");
        // Cut within the headers, an error with its place; cut later, a shorter payload.
        for len in 0..bytes.len() {
            match innermost(LinkType(link), &bytes[..len]) {
                Ok(Carried::Ip(cut)) => {
                    assert_eq!(cut.payload_len, tcp().len());
                    assert!(tcp().starts_with(cut.payload) && cut.payload.len() < cut.payload_len);
                }
                // Half a head may be another one.
                Ok(other) => assert!([1, 9, 50].contains(&link), "{link} {len} {other:?}"),
                Err(error) => assert!(error.is_short() && error.offset() <= len, "{link} {error}"),
            }
        }
    }
    for (link, family) in [(0, 10), (0, 24), (0, 28), (0, 30), (0, 23)] {
        let bytes = [&[family, 0, 0, 0][..], &ip6(6, &tcp())].concat();
        assert_eq!(carried(link, &bytes).source, IpAddr::V6(Ipv6Addr::LOCALHOST));
    }
}

#[test]
fn tags_labels_and_tunnels() {
    let packet = ip4(6, &tcp());
    let frame = ethernet(0x0800, &packet);
    let none = Tunnels::default();
    let outer = |outer_ip| Tunnels { outer_ip, ..none };
    let label = |head: &[u8], rest: &[u8]| ethernet(0x8847, &[head, rest].concat());
    let gre = |head: &[u8], rest: &[u8]| ethernet(0x0800, &ip4(47, &[head, rest].concat()));
    let over_udp = |port, head: &[u8], rest: &[u8]| {
        ethernet(0x86dd, &ip6(17, &udp(port, &[head, rest].concat())))
    };
    let vlan = |kind, rest: &[u8]| [&[0, 1], &u16::to_be_bytes(kind)[..], rest].concat();
    let two_tags = ethernet(0x88a8, &vlan(0x8100, &vlan(0x0800, &packet)));
    let session = [&[0x11, 0, 0, 1, 0, packet.len() as u8 + 2, 0, 0x21][..], &packet].concat();
    let tagged_session = ethernet(0x8100, &vlan(0x8864, &session));
    for (name, bytes, tunnels) in [
        ("QinQ", two_tags, Tunnels { vlan: 2, ..none }),
        ("PPPoE", tagged_session, Tunnels { vlan: 1, pppoe: true, ..none }),
        ("MPLS", label(&[0, 0, 0x10, 64, 0, 0, 0x11, 64], &packet), Tunnels { mpls: 2, ..none }),
        ("pseudowire", label(&[0, 0, 0x11, 64, 0, 0, 0, 0], &frame), Tunnels { mpls: 1, ..none }),
        ("bare wire", label(&[0, 0, 0x11, 64], &frame), Tunnels { mpls: 1, ..none }),
        ("IP in IP", ethernet(0x0800, &ip4(4, &packet)), outer(1)),
        ("IP in IPv6 in IP", ethernet(0x0800, &ip4(41, &ip6(4, &packet))), outer(2)),
        ("GRE", gre(&[0, 0, 8, 0], &packet), outer(1)),
        ("GRE, key and number", gre(&[0x30, 0, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8], &packet), outer(1)),
        ("GRE, checksum", gre(&[0x80, 0, 8, 0, 1, 2, 0, 0], &packet), outer(1)),
        ("GRE, bridged", gre(&[0, 0, 0x65, 0x58], &frame), outer(1)),
        ("ERSPAN I", gre(&[0, 0, 0x88, 0xbe], &frame), outer(1)),
        (
            "ERSPAN II",
            gre(&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 0, 0, 0, 0, 0], &frame),
            outer(1),
        ),
        ("VXLAN", over_udp(4789, &[8, 0, 0, 0, 0, 0, 1, 0], &frame), outer(1)),
        ("Geneve", over_udp(6081, &[1, 0, 0x65, 0x58, 0, 0, 1, 0, 0, 0, 0, 0], &frame), outer(1)),
        ("Geneve, IP", over_udp(6081, &[0, 0, 8, 0, 0, 0, 1, 0], &packet), outer(1)),
    ] {
        let read = carried(1, &bytes);
        assert_eq!((read.source, read.payload), (SOURCE, &tcp()[..]), "{name}");
        assert_eq!(read.tunnels, tunnels, "{name}");
        // What a capturing program put behind the frame stays so.
        let trailed = [&bytes[..], b"trail"].concat();
        assert_eq!(carried(1, &trailed).trailer, b"trail", "{name}");
    }
}

#[test]
fn damage_in_a_tunnel_leaves_the_packet_around_it() {
    let inner = ip4(6, &tcp());
    for payload in [&inner[..10], &[0x45; 3], &[0x90; 60], &[]] {
        let bytes = ip4(4, payload);
        let packet = carried(101, &bytes);
        assert_eq!((packet.protocol, packet.tunnels.outer_ip), (4, 0));
    }
    // A tunnel's fragments are none of its business.
    let mut bytes = ip4(4, &inner);
    bytes[6] = 0x20;
    assert_eq!(carried(101, &bytes).tunnels.outer_ip, 0);
    // Deep, and no deeper.
    let mut bytes = inner;
    for _ in 0..30 {
        bytes = ip4(4, &bytes);
    }
    assert_eq!(carried(101, &bytes).tunnels.outer_ip, 8);
    let mut bytes = ip4(6, &tcp());
    for _ in 0..30 {
        bytes = [&[0, 1, 0x81, 0][..], &bytes].concat();
    }
    let deep = ethernet(0x8100, &bytes);
    assert_eq!(innermost(LinkType(1), &deep), Ok(Carried::Other(0x8100)));
}

#[test]
fn what_is_no_ip() {
    for (link, bytes, wanted) in [
        (1, ethernet(0x0806, &[0; 28]), Carried::Other(0x0806)),
        (1, ethernet(60, &[0x42; 60]), Carried::Other(0)),
        (1, ethernet(0x8863, &[0x11, 9, 0, 0, 0, 0]), Carried::Other(0x8863)),
        (9, vec![0xc0, 0x21, 1], Carried::Other(0)),
        (0, vec![7, 0, 0, 0], Carried::Other(0)),
        (147, vec![1], Carried::UnknownLink(LinkType(147))),
    ] {
        assert_eq!(innermost(LinkType(link), &bytes), Ok(wanted));
    }
    let odd = innermost(LinkType(101), &[0x50; 40]).unwrap_err();
    assert_eq!(odd.to_string(), "IP version at byte 0 cannot be 5");
    let odd = innermost(LinkType(1), &ethernet(0x0800, &[0x44; 40])).unwrap_err();
    assert_eq!(odd.to_string(), "IPv4 header length at byte 14 cannot be 16");
}

#[test]
fn lengths_of_ip() {
    let mut bytes = ip4(6, &tcp());
    // Cut up only later by the card.
    bytes[2..4].fill(0);
    assert_eq!(
        (carried(101, &bytes).payload_len, carried(101, &bytes).payload),
        (tcp().len(), &tcp()[..])
    );
    bytes[2..4].copy_from_slice(&[0, 19]);
    assert!(innermost(LinkType(101), &bytes).is_err_and(|error| error.offset() == 2));
    bytes[2..4].copy_from_slice(&[4, 0]);
    assert_eq!(
        (carried(101, &bytes).payload_len, carried(101, &bytes).payload),
        (1004, &tcp()[..])
    );
    let mut bytes = ip6(6, &tcp());
    bytes[4..6].fill(0);
    assert_eq!(carried(101, &bytes).payload, tcp());
}

#[test]
fn fragments_and_extension_headers() {
    let mut bytes = ip4(17, &udp(53, b"abcdefgh"));
    bytes[6..8].copy_from_slice(&[0x20, 0]);
    let fragment = |offset, more| Some(Fragment { identification: 0xabcd, offset, more });
    let first = carried(101, &bytes);
    assert_eq!((first.fragment, first.dont_fragment), (fragment(0, true), false));
    assert!(matches!(transport(&first), Ok(Transport::Udp(_))));
    bytes[6..8].copy_from_slice(&[0, 3]);
    let last = carried(101, &bytes);
    assert_eq!((last.fragment, transport(&last)), (fragment(24, false), Ok(Transport::Other)));
    let whole = udp(53, b"joined");
    let joined = last.joined(&whole);
    assert!(matches!(transport(&joined), Ok(Transport::Udp(udp)) if udp.payload == b"joined"));

    let options = [43, 0, 1, 4, 0, 0, 0, 0];
    let routing = [44, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let alone = [51, 0, 0, 0, 0, 0, 0, 5];
    let authentication = [6, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let chain = [&options[..], &routing, &alone, &authentication, &tcp()].concat();
    let bytes = ip6(0, &chain);
    let packet = carried(101, &bytes);
    assert_eq!((packet.protocol, packet.fragment, packet.payload), (6, None, &tcp()[..]));
    assert_eq!((packet.ttl, packet.traffic_class, packet.identification), (57, 0x28, None));
    for len in 40..40 + chain.len() - tcp().len() {
        let error = innermost(LinkType(101), &bytes[..len]).unwrap_err();
        assert!(error.is_short() && error.offset() <= len, "{len}: {error}");
    }
    // Of a fragment nothing behind its header is read, before it is joined.
    let more = [60, 0, 0, 9, 0, 0, 0, 5];
    let destination = [6, 0, 1, 4, 0, 0, 0, 0];
    let part = ip6(44, &[&more[..], &destination].concat());
    let packet = carried(101, &part);
    let place = Some(Fragment { identification: 5, offset: 8, more: true });
    assert_eq!((packet.protocol, packet.fragment, packet.payload), (60, place, &destination[..]));
    let all = [&destination[..], &tcp()].concat();
    assert_eq!((packet.joined(&all).protocol, packet.joined(&all).payload), (6, &tcp()[..]));
}

#[test]
fn odd_segments_and_datagrams() {
    let read = |bytes: &[u8]| transport(&carried(101, bytes)).map(|read| format!("{read:?}"));
    let with = |at: usize, value: u8, mut bytes: Vec<u8>| {
        bytes[20 + at] = value;
        bytes
    };
    // A header of 16 bytes, and one that is longer than the packet.
    let error = read(&with(12, 0x40, ip4(6, &tcp()))).unwrap_err();
    assert_eq!(error.to_string(), "TCP header length at byte 12 cannot be 16");
    assert!(read(&with(12, 0xf0, ip4(6, &tcp()))).is_err());
    let error = read(&ip4(6, &tcp()[..19])).unwrap_err();
    assert_eq!(error.to_string(), "TCP header at byte 0 needs 20 bytes and has 19");
    // Cut by the capture within the options.
    let whole = ip4(6, &tcp());
    let Ok(Transport::Tcp(tcp)) = transport(&carried(101, &whole[..44])) else { panic!() };
    assert_eq!((tcp.options.len(), tcp.payload.len(), tcp.payload_len), (4, 0, PAYLOAD.len()));
    for (len, wanted) in [(0, 5), (8, 0), (9, 1), (13, 5), (200, 5)] {
        let bytes = with(5, len, ip4(17, &udp(53, PAYLOAD)));
        let Ok(Transport::Udp(udp)) = transport(&carried(101, &bytes)) else { panic!("{len}") };
        assert_eq!((udp.payload.len(), udp.payload_len), (wanted, wanted), "{len}");
    }
    assert!(read(&with(5, 7, ip4(17, &udp(53, PAYLOAD)))).is_err());
    let quoted = ip4(6, &tcp_head());
    let unreachable = [&[3, 1, 0, 0, 0, 0, 0, 0][..], &quoted].concat();
    let bytes = ip4(1, &unreachable);
    let Ok(Transport::Icmp(icmp)) = transport(&carried(101, &bytes)) else { panic!() };
    assert_eq!((icmp.version_6, icmp.kind, icmp.code, icmp.quoted), (false, 3, 1, &quoted[..]));
    let bytes = ip6(58, &[128, 0, 0, 0, 0, 1, 0, 1, 9]);
    let Ok(Transport::Icmp(icmp)) = transport(&carried(101, &bytes)) else { panic!() };
    assert_eq!((icmp.version_6, icmp.kind, icmp.quoted), (true, 128, &[][..]));
}

/// What an error quotes at least: eight bytes.
fn tcp_head() -> Vec<u8> {
    tcp()[..8].to_vec()
}
