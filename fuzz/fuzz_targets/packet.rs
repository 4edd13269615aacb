//! Packets of every link type: a view never says more than there is, and an error is at a place of the packet.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewitness_wire::file::{LinkType, Record, Way, app};
use wirewitness_wire::ip::IpPacket;
use wirewitness_wire::link::{Carried, innermost};
use wirewitness_wire::transport::{Transport, transport};

const LINKS: [u16; 16] = [0, 1, 9, 12, 14, 50, 51, 101, 104, 108, 113, 147, 228, 229, 276, 65535];

fuzz_target!(|bytes: &[u8]| {
    for link in LINKS.map(LinkType) {
        match innermost(link, bytes) {
            Ok(Carried::Ip(packet)) => look(&packet, link, bytes),
            Ok(Carried::Other(_)) => {}
            Ok(Carried::UnknownLink(unknown)) => assert_eq!(unknown, link),
            Err(error) => assert!(error.offset() <= bytes.len(), "{error}"),
        }
    }
});

fn look(packet: &IpPacket<'_>, link: LinkType, bytes: &[u8]) {
    assert!(packet.payload.len() <= packet.payload_len);
    assert!(packet.payload.len() + packet.trailer.len() <= bytes.len());
    match transport(packet) {
        Ok(Transport::Tcp(tcp)) => {
            assert!(tcp.payload.len() <= tcp.payload_len && tcp.options.len() <= 40);
            let _ = (tcp.mss(), tcp.window_scale(), tcp.timestamps(), tcp.sack().count());
            assert!(tcp.options().count() <= 40);
        }
        Ok(Transport::Udp(udp)) => assert!(udp.payload.len() <= udp.payload_len),
        Ok(Transport::Icmp(icmp)) => {
            if let Ok(quoted) = IpPacket::read(icmp.quoted) {
                let _ = transport(&quoted);
            }
        }
        Ok(Transport::Other) => {}
        Err(error) => assert!(error.offset() <= packet.payload.len().max(20), "{error}"),
    }
    let joined = packet.joined(packet.payload);
    assert!(joined.fragment.is_none() && joined.payload.len() <= packet.payload.len());
    let record = Record {
        number: 1,
        at_ns: 0,
        link,
        bytes,
        original_len: bytes.len() as u32,
        interface: 0,
        way: Way::Unknown,
        offset: 0,
        comment: None,
    };
    if let Some(app) = app::app_of(&record, packet) {
        assert!(app.name.len() <= 20);
    }
}
