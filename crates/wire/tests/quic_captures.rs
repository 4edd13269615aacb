//! Real captures of older QUIC: their Initial packets open, which only the right keys do.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::PathBuf;

use wirewitness_wire::app::quic::{ClientFlight, google};
use wirewitness_wire::file::{Step, Walk};
use wirewitness_wire::link::{Carried, innermost};
use wirewitness_wire::transport::{Transport, transport};

/// The payloads of the datagrams to port 443 of a capture.
fn datagrams(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (mut walk, mut rest, mut found) = (Walk::default(), bytes, Vec::new());
    loop {
        let (used, step) = walk.step(rest);
        rest = rest.get(used..).unwrap_or_default();
        match step {
            Step::Packet(record) => {
                let Ok(Carried::Ip(packet)) = innermost(record.link, record.bytes) else {
                    continue;
                };
                let Ok(Transport::Udp(udp)) = transport(&packet) else { continue };
                if [443, 4433].contains(&udp.destination_port) {
                    found.push(udp.payload.to_vec());
                }
            }
            Step::More(_) => return found,
            _ => {}
        }
    }
}

/// Names as tshark 4.0.17 reads them.
#[test]
fn names_in_older_versions() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/captures/benign");
    for (file, name) in [
        ("ndpi_quic-23.pcap", "quic.aiortc.org"),
        ("ndpi_quic-24.pcap", "localhost"),
        ("ndpi_quic-27.pcap", "play.google.com"),
        ("ndpi_gquic.pcap", "www.gstatic.com"),
        ("ndpi_quic_q43.pcap", "dns.google.com"),
    ] {
        let Ok(bytes) = std::fs::read(PathBuf::from(root).join(file)) else {
            eprintln!("SKIPPED: {file} is not here");
            continue;
        };
        let names: BTreeSet<Vec<u8>> = datagrams(&bytes).iter().filter_map(|it| of(it)).collect();
        assert_eq!(names, BTreeSet::from([name.as_bytes().to_vec()]), "{file}");
    }
}

fn of(datagram: &[u8]) -> Option<Vec<u8>> {
    let mut flight = ClientFlight::default();
    flight.take_in(datagram);
    let hello = flight.client_hello().ok();
    let of_tls = hello.and_then(|hello| hello.server_name().map(<[u8]>::to_vec));
    of_tls.or_else(|| google::server_name(datagram).map(Cow::into_owned))
}
