//! QUIC Initials through devices: lies about lengths inside them, their versions and features.

use rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::quic::{Keys, Version};
use rustls::{Side, SupportedCipherSuite};
use wirewitness_net::Datagrams;

use super::*;

const ID: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 8];

/// An Initial packet with these CRYPTO frames, of so many bytes in all. Numbers have four bytes, lengths two.
fn initial(version: (Version, u32), number: u8, frames: &[(usize, &[u8])], len: usize) -> Vec<u8> {
    let SupportedCipherSuite::Tls13(suite) = TLS13_AES_128_GCM_SHA256 else {
        panic!("not TLS 1.3")
    };
    let quic = suite.quic.unwrap();
    let keys = Keys::initial(version.0, suite, quic, &ID, Side::Client);
    // Long header, fixed bit, Initial, number of four bytes.
    let kind = if matches!(version.0, Version::V2) { 0xd3 } else { 0xc3 };
    let mut header = vec![kind];
    header.extend(version.1.to_be_bytes());
    header.push(8);
    header.extend(ID);
    header.extend([0, 0]);
    let number_at = header.len() + 2;
    let rest = len - number_at;
    header.extend((0x4000 | rest as u16).to_be_bytes());
    header.extend([0, 0, 0, number]);
    let mut payload = Vec::new();
    for (offset, data) in frames {
        payload.push(6);
        payload.extend((0x4000 | *offset as u16).to_be_bytes());
        payload.extend((0x4000 | data.len() as u16).to_be_bytes());
        payload.extend(*data);
    }
    payload.resize(len - header.len() - 16, 0);
    let tag = keys.local.packet.encrypt_in_place(number.into(), &header, &mut payload);
    let tag = tag.unwrap();
    let mut packet = [header, payload, tag.as_ref().to_vec()].concat();
    let (head, sample) = packet.split_at_mut(number_at + 4);
    let (first, rest) = head.split_first_mut().unwrap();
    let number = &mut rest[number_at - 1..];
    keys.local.header.encrypt_in_place(&sample[..16], first, number).unwrap();
    packet
}

fn v1(message: &[u8]) -> Vec<u8> {
    initial((Version::V1, 1), 0, &[(0, message)], 1200)
}

/// A hello of Google's in a datagram of theirs.
fn google(version: &str, name: &str) -> Vec<u8> {
    let mut hello = b"CHLO".to_vec();
    hello.extend([1, 0, 0, 0]);
    hello.extend(b"SNI\0");
    hello.extend([name.len() as u8, 0, 0, 0]);
    hello.extend(name.as_bytes());
    let head: Vec<u8> = if version < "Q046" {
        [&[0x09, 1, 2, 3, 4, 5, 6, 7, 8][..], version.as_bytes(), &[1], &[0; 12]].concat()
    } else {
        [&[0xc3][..], version.as_bytes(), &[0x50], &[1; 8], &[0; 16]].concat()
    };
    let mut datagram = [head, vec![0xa0, 1, 0, 4], hello].concat();
    datagram.resize(1350, 0);
    datagram
}

/// Every probe that the lab can send, by name, for a server's name.
fn probes(name: &str) -> Vec<(String, Vec<Vec<u8>>)> {
    let message = Hello::new(name).bytes[5..].to_vec();
    let one = |vector: &str, datagram| (vector.to_owned(), vec![datagram]);
    let mut probes: Vec<_> = Hello::lies(name)
        .into_iter()
        .filter(|(vector, _)| !vector.starts_with("record_len"))
        .map(|(vector, bytes)| (vector, vec![v1(&bytes[5..])]))
        .collect();
    probes.push(one("quic_ver:v1", v1(&message)));
    let frames = [(0, &message[..])];
    probes.push(one("quic_ver:v2", initial((Version::V2, 0x6b33_43cf), 0, &frames, 1200)));
    let draft = (Version::V1Draft, 0xff00_001d);
    probes.push(one("quic_ver:draft29", initial(draft, 0, &frames, 1200)));
    for version in ["Q023", "Q039", "Q041", "Q043", "Q044", "Q045", "Q046", "Q049"] {
        probes.push(one(&format!("quic_ver:{version}"), google(version, name)));
    }
    let (first, second) = message.split_at(70);
    let parts = [(70, second), (0, first)];
    probes.push(one("quic_feat:fragmentation", initial((Version::V1, 1), 0, &parts, 1200)));
    probes.push(one("quic_feat:below_1200", initial((Version::V1, 1), 0, &frames, 700)));
    let forced = initial((Version::V1, 0x0a1a_2a3a), 0, &frames, 1200);
    probes.push(one("quic_feat:forced_negotiation", forced));
    let several = vec![
        initial((Version::V1, 1), 0, &[(0, first)], 1200),
        initial((Version::V1, 1), 1, &[(70, second)], 1200),
    ];
    probes.push(("quic_feat:multi_packet_initial".to_owned(), several));
    probes
}

/// Sends Initials and then as many datagrams; true if one of these does not arrive.
async fn is_blocked(client: &HostNet, server: &HostNet, port: u16, initials: &[Vec<u8>]) -> bool {
    const AFTER: usize = 10;
    let sink = server.bind(port).unwrap();
    let to = SocketAddr::new(SERVER.parse().unwrap(), port);
    let socket = client.bind_udp(to).await.unwrap();
    for datagram in initials {
        socket.send_to(datagram, to).unwrap();
    }
    for number in 0..AFTER {
        socket.send_to(&[0x40, number as u8], to).unwrap();
    }
    for _ in 0..initials.len() + AFTER {
        if timeout(Duration::from_secs(1), sink.receive()).await.is_err() {
            return true;
        }
    }
    false
}

fn seen(device: &str, probes: Vec<Vec<Vec<u8>>>) -> Vec<bool> {
    let (topology, [client, server]) = topology(device, &settings());
    Lab::run(topology, |lab| async move {
        let (client, server) = (lab.net(client), lab.net(server));
        let mut seen = Vec::new();
        for (number, probe) in probes.iter().enumerate() {
            seen.push(is_blocked(&client, &server, 2000 + number as u16, probe).await);
        }
        seen
    })
    .unwrap()
}

/// All rows but the two for which the lab has no keys: drafts 22 to 28, and T050 and T051.
#[test]
fn every_quic_cell_of_every_device_is_met_on_the_wire() {
    for name in ["tsg", "gfw_quic", "kazakhstan", "myanmar", "pk_quic"] {
        let profile = profile(name);
        let (censored, harmless) = (probes(CENSORED), probes(HARMLESS));
        let sent = censored.iter().chain(&harmless).map(|(_, probe)| probe.clone()).collect();
        let seen = seen(name, sent);
        let (of_censored, of_harmless) = seen.split_at(censored.len());
        let mut rows = std::collections::BTreeSet::new();
        for ((vector, _), seen) in censored.iter().zip(of_censored) {
            let row = row_of("quic", vector).unwrap();
            let cell = &profile.cell("quic", row, 0).unwrap().is;
            assert_eq!(Prediction::Vector(*seen), *cell, "{name} {vector}");
            rows.insert(row);
        }
        assert_eq!(rows.len(), 32, "{name}");
        assert!(of_harmless.iter().all(|blocked| !blocked), "{name}: a negative control");
    }
    assert!(seen("pk_drop", vec![probes(CENSORED).remove(0).1]).iter().all(|blocked| !blocked));
}
