//! DNS, QUIC and ICMP of any bytes between a few ends: nothing panics, every question and attempt is told once.
#![no_main]

use std::net::{IpAddr, SocketAddr};

use libfuzzer_sys::fuzz_target;
use wirewitness_analysis::flows::Seen;
use wirewitness_analysis::tamper::Finding;
use wirewitness_analysis::tamper::drop::Drops;
use wirewitness_analysis::tamper::udp::UdpWatch;
use wirewitness_wire::file::Way;
use wirewitness_wire::transport::{Icmp, Udp};

// Each datagram: ends and kind, hop count, time, two bytes of length.
fuzz_target!(|bytes: &[u8]| {
    let (mut watch, mut drops) = (UdpWatch::default(), Drops::default());
    let (mut rest, mut packet, mut at_ns) = (bytes, 0, 0_i64);
    let mut told = (0, 0);
    let mut out = |finding: Finding| match finding {
        Finding::Dns(_) => told.0 += 1,
        Finding::Quic(_) => told.1 += 1,
        _ => {}
    };
    while let Some(([ends, ttl, time, l1, l0], after)) = rest.split_first_chunk::<5>() {
        let len = usize::from(u16::from_be_bytes([*l1, *l0])).min(after.len());
        let (payload, after) = after.split_at(len);
        rest = after;
        packet += 1;
        at_ns = at_ns.saturating_add(i64::from(*time) << 28);
        let client = SocketAddr::new(IpAddr::from([192, 0, 2, ends & 3]), 40_000);
        let port = if ends & 4 == 0 { 53 } else { 443 };
        let server = SocketAddr::new(IpAddr::from([8, 8, 8, 8 + (ends >> 3 & 1)]), port);
        let (source, destination) =
            if ends & 16 == 0 { (client, server) } else { (server, client) };
        let seen = Seen {
            packet,
            at_ns,
            source,
            destination,
            ttl: *ttl,
            identification: Some(1),
            dont_fragment: false,
            way: Way::Unknown,
        };
        watch.pass_time(at_ns, &mut drops, &mut out);
        if ends & 32 == 0 {
            let (source_port, destination_port) = (source.port(), destination.port());
            // Datagrams of Initials are long; what was not captured of them makes them so.
            let payload_len = if ends & 64 == 0 { len } else { len.max(1200) };
            let udp = Udp { source_port, destination_port, payload, payload_len };
            watch.datagram(&seen, &udp, &mut drops, &mut out);
        } else {
            let icmp = Icmp { version_6: ends & 64 != 0, kind: *ttl, code: *time, quoted: payload };
            watch.icmp(&seen, &icmp, &mut drops);
        }
        assert!(watch.memory() < 16 << 20);
    }
    watch.finish(at_ns, &mut drops, &mut out);
    let (questions, attempts) = watch.counts();
    drops.finish(at_ns, &mut out);
    assert_eq!(told, (questions, attempts));
});
