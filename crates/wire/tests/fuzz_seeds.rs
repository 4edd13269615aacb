//! The seeds of the fuzz targets are what they are called: each is read by its reader. One that is not would lead a fuzzer nowhere.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should fail loudly"
)]

use std::path::Path;

use wirewitness_wire::app::banner::Banner;
use wirewitness_wire::app::dns::shape::Shape;
use wirewitness_wire::app::dns::tcp::messages;
use wirewitness_wire::app::http::ResponseHead;
use wirewitness_wire::app::mail::{Protocol, Said, said};
use wirewitness_wire::app::mqtt::{Packet, has_amqp_plain, packets};
use wirewitness_wire::app::quic::google::server_name;
use wirewitness_wire::app::tunnel::Tunnel;
use wirewitness_wire::app::x509::Certificate;
use wirewitness_wire::app::{coap, dhcp, local_names, ntp, rtp, sip, stun};

fn seed(path: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    std::fs::read(folder.join(path)).unwrap()
}

#[test]
fn names_in_hellos_of_google() {
    for (name, says) in
        [("q043", "www.example.com"), ("q046", "a.example"), ("q050", "www.example.com")]
    {
        let datagram = seed(&format!("google_quic/{name}"));
        assert_eq!(server_name(&datagram).as_deref(), Some(says.as_bytes()), "{name}");
    }
}

#[test]
fn shapes_messages_and_heads() {
    for (name, answers, is_odd) in [
        ("pointed", 1, false),
        ("spelled", 2, false),
        ("odd_pointer", 1, true),
        ("authority", 0, false),
    ] {
        let shape = Shape::read(&seed(&format!("dns_shape/{name}"))).unwrap();
        assert_eq!((shape.read[1], shape.odd_pointers > 0), (answers, is_odd), "{name}");
        assert_eq!(shape.error, None, "{name}");
    }
    for (name, count) in [("question", 1), ("two", 2), ("empty_and_cut", 2)] {
        assert_eq!(messages(&seed(&format!("dns_tcp/{name}"))).count(), count, "{name}");
    }
    for (name, status) in
        [("page", 200), ("refused", 403), ("redirect", 302), ("cut", 404), ("no_reason", 204)]
    {
        let stream = seed(&format!("response_head/{name}"));
        let head = ResponseHead::parse(&stream).unwrap();
        assert_eq!((head.status, head.end.is_some()), (status, name != "cut"), "{name}");
    }
}

#[test]
fn datagrams_of_small_protocols() {
    let seed = |name: &str| seed(&format!("small_protocols/{name}"));
    let address = Some("192.0.2.1:32853".parse().unwrap());
    let stun_v4 = seed("stun_v4");
    let bound = stun::Message::parse(&stun_v4).unwrap();
    assert_eq!(bound.address(stun::attribute::XOR_MAPPED_ADDRESS), address);
    assert!(stun::Message::parse(&seed("stun_user")).unwrap().has(stun::attribute::USERNAME));
    assert_eq!(rtp::Packet::parse(&seed("rtp")).unwrap().payload, b"sound");
    assert_eq!(coap::Message::parse(&seed("coap")).unwrap().options().count(), 3);
    assert!(ntp::Packet::parse(&seed("ntp")).unwrap().tells_clock());
    assert_eq!(dhcp::Message::parse(&seed("dhcp")).unwrap().option(12), Some(&b"phone"[..]));
    let invite = seed("sip_invite");
    assert_eq!(sip::Message::parse(&invite).unwrap().session().unwrap().media().count(), 2);
    assert!(sip::Message::parse(&seed("sip_ok")).unwrap().method.is_empty());
    assert_eq!(local_names::names(&seed("mdns")).unwrap().len(), 2);
    let machine = local_names::names(&seed("netbios")).unwrap();
    assert_eq!(local_names::netbios(&machine[0]).as_deref(), Some("FRED"));
    assert!(local_names::ssdp_field(&seed("ssdp"), "user-agent").is_some());
    for (name, port, tunnel) in [
        ("wireguard", 51_820, Tunnel::WireGuard),
        ("openvpn", 1194, Tunnel::OpenVpn),
        ("ike", 500, Tunnel::Ike),
        ("l2tp", 1701, Tunnel::L2tp),
    ] {
        assert_eq!(Tunnel::of_datagram(&seed(name), port), Some(tunnel), "{name}");
    }
}

#[test]
fn streams_of_small_protocols() {
    let seed = |name: &str| seed(&format!("small_protocols/{name}"));
    for (name, protocol) in [
        ("smtp", Protocol::Smtp),
        ("imap", Protocol::Imap),
        ("pop", Protocol::Pop),
        ("ftp", Protocol::Ftp),
    ] {
        let stream = seed(name);
        let last = said(protocol, &stream).last();
        assert_eq!(last, Some(Said::StartTls), "{name}");
    }
    assert_eq!(Protocol::of_greeting(&seed("smtp_greeting"), 25), Some(Protocol::Smtp));
    assert_eq!(Protocol::of_greeting(&seed("imap_greeting"), 143), Some(Protocol::Imap));
    let stream = seed("mqtt");
    let kinds: Vec<Packet<'_>> = packets(&stream).collect();
    assert!(
        matches!(
            kinds[..],
            [Packet::Connect(_), Packet::Topic(_), Packet::Topic(_), Packet::Other]
        ),
        "{kinds:?}"
    );
    assert!(has_amqp_plain(&seed("amqp")));
    for (name, short) in
        [("ssh", "SSH"), ("vnc", "VNC"), ("rdp", "RDP"), ("smb1", "SMB"), ("smb2", "SMB")]
    {
        assert_eq!(Banner::of(&seed(name)).map(|it| it.name()), Some(short), "{name}");
    }
    assert_eq!(Banner::of(&seed("rdp")), Some(Banner::Rdp(Some(b"alice"))));
    assert_eq!(Tunnel::of_stream(&seed("openvpn_tcp")), Some(Tunnel::OpenVpn));
    assert_eq!(Tunnel::of_stream(&seed("pptp")), Some(Tunnel::Pptp));
    let der = seed("certificate");
    assert_eq!(Certificate::read(&der).unwrap().dns_names().count(), 2);
}
