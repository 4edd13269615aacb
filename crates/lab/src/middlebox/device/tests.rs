//! What needs packets made to order: fragments, and packets in either direction.

use std::net::IpAddr;
use std::time::Duration;

use super::*;
use crate::frame::fragment::split;
use crate::frame::{TcpSpec, build, flags};
use crate::rng::Rng;

const NAME: &str = "censored.example";

fn device(name: &str) -> Device {
    let profile = shipped::profile(name).unwrap().unwrap();
    let settings = DeviceSettings { names: Names::new([NAME]), ..DeviceSettings::default() };
    Device::new(&profile, &settings).unwrap()
}

fn segment(sequence: u32, tcp_flags: u8, payload: &[u8]) -> Frame {
    let spec = TcpSpec {
        source: "198.51.100.20:50000".parse().unwrap(),
        destination: "192.0.2.10:443".parse().unwrap(),
        sequence,
        acknowledgement: 1,
        flags: tcp_flags,
        reserved: 0,
        window: 1000,
        ttl: 64,
        identification: 9,
        dont_fragment: false,
        payload: payload.to_vec(),
    };
    build::tcp(&spec).unwrap()
}

/// What a device makes of packets that pass one way: the fate of the last, and the packets that it made.
fn shown(device: &mut Device, direction: Direction, frames: &[Frame]) -> (Fate, Vec<Frame>) {
    let mut rng = Rng::new(1);
    let addresses: Vec<IpAddr> = Vec::new();
    let (mut fate, mut made) = (Fate::Forward, Vec::new());
    for frame in frames {
        let mut hop = Hop::new(Duration::from_secs(1), direction, &addresses, &mut rng);
        fate = device.see(frame, &mut hop);
        made.extend(hop.into_emitted().into_iter().map(|(_, frame)| frame));
    }
    (fate, made)
}

/// A hello for the censored name, of so many bytes.
fn hello(len: usize) -> Vec<u8> {
    let mut extensions = vec![0, 0, 0, NAME.len() as u8 + 5, 0, NAME.len() as u8 + 3, 0, 0];
    extensions.push(NAME.len() as u8);
    extensions.extend(NAME.as_bytes());
    let padding = len - 5 - 4 - 34 - 1 - 4 - 2 - 2 - extensions.len() - 4;
    extensions.extend([0, 21]);
    extensions.extend((padding as u16).to_be_bytes());
    extensions.resize(extensions.len() + padding, 0);
    let mut body = vec![3; 34];
    body.extend([0, 0, 2, 0x13, 1, 1, 0]);
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    let mut bytes = vec![22, 3, 1];
    bytes.extend((body.len() as u16 + 4).to_be_bytes());
    bytes.extend([1, 0]);
    bytes.extend((body.len() as u16).to_be_bytes());
    bytes.extend(body);
    assert_eq!(bytes.len(), len);
    bytes
}

/// The same in so many fragments of eight bytes, after a SYN.
fn in_fragments(count: usize) -> Vec<Frame> {
    // The first twenty bytes are TCP's.
    let whole = segment(101, flags::PSH | flags::ACK, &hello(8 * count - 20));
    let pieces = split(whole, 28);
    assert_eq!(pieces.len(), count);
    [vec![segment(100, flags::SYN, b"")], pieces].concat()
}

#[test]
fn fragments_are_joined_up_to_the_boundary() {
    for (name, at, beyond) in [
        ("tsg", Some(101), 102),
        ("gfw_ii", Some(102), 103),
        ("gfw_i", Some(500), 0),
        ("myanmar", Some(500), 0),
        ("gfw_iii", None, 20),
        ("henan", None, 20),
        ("pk_rst", None, 20),
    ] {
        let reacts = |count: usize| {
            let (_, made) = shown(&mut device(name), Direction::Outbound, &in_fragments(count));
            !made.is_empty()
        };
        assert!(at.is_none_or(reacts), "{name} {at:?}");
        assert!(beyond == 0 || !reacts(beyond), "{name} {beyond}");
    }
    let (fate, made) = shown(&mut device("pk_drop"), Direction::Outbound, &in_fragments(500));
    assert_eq!((fate, made.len()), (Fate::Drop, 0));
    let (fate, _) = shown(&mut device("kazakhstan"), Direction::Outbound, &in_fragments(20));
    assert_eq!(fate, Fate::Forward);
}

#[test]
fn reassembly_can_be_switched_off() {
    let profile = shipped::profile("tsg").unwrap().unwrap();
    let mut settings = DeviceSettings { names: Names::new([NAME]), ..DeviceSettings::default() };
    settings.configurations = vec!["reassembly off".to_owned()];
    let mut device = Device::new(&profile, &settings).unwrap();
    assert!(shown(&mut device, Direction::Outbound, &in_fragments(20)).1.is_empty());
    settings.configurations = vec!["no such".to_owned()];
    assert!(matches!(Device::new(&profile, &settings), Err(DeviceError::Configuration { .. })));
    settings.configurations = vec![
        "SSL plug-in before 2023-07-03".to_owned(),
        "SSL plug-in between 2023-07-03 and 2024-09-13".to_owned(),
    ];
    assert!(matches!(Device::new(&profile, &settings), Err(DeviceError::Twice { .. })));
}

/// A whole connection's beginning.
fn whole() -> Vec<Frame> {
    vec![segment(100, flags::SYN, b""), segment(101, flags::PSH | flags::ACK, &hello(200))]
}

#[test]
fn connections_from_outside_are_nothing_to_a_device_that_looks_inside_out() {
    for name in ["henan", "tsg"] {
        assert!(!shown(&mut device(name), Direction::Outbound, &whole()).1.is_empty());
        assert!(shown(&mut device(name), Direction::Inbound, &whole()).1.is_empty());
    }
}

#[test]
fn resets_have_the_anatomy_of_their_device() {
    // Flags, reserved bits, against fragments, how many to the client and to the server, time to live, payload.
    for (name, tcp_flags, reserved, dont_fragment, counts, ttl, payload) in [
        ("gfw_i", flags::RST, 0, false, (1, 1), 55..=118, ""),
        ("gfw_ii", flags::RST | flags::ACK, 0, true, (3, 3), 255..=255, ""),
        ("gfw_iii", flags::RST | flags::ACK, 0, true, (1, 1), 255..=255, ""),
        (
            "henan",
            flags::RST | flags::ACK,
            0,
            false,
            (1, 0),
            58..=58,
            "\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}\u{8}\t\0",
        ),
        ("pk_rst", flags::RST, 0x0f, false, (1, 1), 64..=64, ""),
        ("tsg", flags::RST | flags::ACK, 0, true, (1, 1), 48..=247, ""),
        (
            "uzbekistan",
            flags::FIN | flags::PSH | flags::ACK,
            0,
            true,
            (1, 1),
            64..=64,
            "Middlebox v 1.0",
        ),
        ("gfw_20250820", flags::RST | flags::ACK, 0, true, (3, 3), 64..=64, ""),
    ] {
        let (_, made) = shown(&mut device(name), Direction::Outbound, &whole());
        let packets: Vec<_> = made.iter().map(|it| it.packet().unwrap()).collect();
        let to_client = packets.iter().filter(|it| it.tcp().unwrap().destination_port == 50_000);
        let to_client = to_client.count();
        assert_eq!((to_client, packets.len() - to_client), counts, "{name}");
        for packet in packets {
            let tcp = packet.tcp().unwrap();
            assert_eq!((tcp.flags, tcp.reserved), (tcp_flags, reserved), "{name}");
            assert_eq!(packet.dont_fragment, dont_fragment, "{name}");
            assert!(ttl.contains(&packet.ttl), "{name} {}", packet.ttl);
            assert_eq!(tcp.payload, payload.as_bytes(), "{name}");
        }
    }
    let (_, made) = shown(&mut device("gfw_20250820"), Direction::Outbound, &whole());
    let windows: Vec<u16> =
        made[..3].iter().map(|it| it.packet().unwrap().tcp().unwrap().window).collect();
    assert!(windows.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)), "{windows:?}");
    let (_, made) = shown(&mut device("gfw_ii"), Direction::Outbound, &whole());
    assert_eq!(made[0], made[1], "copies of one");
    for (name, of) in [("henan", 1), ("gfw_i", 0), ("sandvine_packetlogic", 13_330)] {
        let (_, made) = shown(&mut device(name), Direction::Outbound, &whole());
        assert!(made.iter().all(|it| it.packet().unwrap().identification == of), "{name}");
    }
}
