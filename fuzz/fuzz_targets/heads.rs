//! The beginnings of a connection: segments of any bytes, places, lengths and times. What was read stays, memory is bounded.
#![no_main]

use std::net::SocketAddr;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use wirewitness_analysis::fingerprints::Fingerprints;
use wirewitness_analysis::flows::Seen;
use wirewitness_analysis::flows::heads::{
    CLIENT_LIMIT, Heads, MAX_OVERLAPS, SERVER_LIMIT, Segment,
};
use wirewitness_analysis::tamper::content;
use wirewitness_analysis::tamper::finding::{Connection, End, Protocol};
use wirewitness_wire::file::Way;

static FINGERPRINTS: LazyLock<Fingerprints> = LazyLock::new(Fingerprints::shipped);

// Each segment: way, two bytes of place, one of length on the wire beyond what is captured, one of time, two of length.
fuzz_target!(|bytes: &[u8]| {
    let client: SocketAddr = ([192, 0, 2, 1], 40_000).into();
    let server: SocketAddr = ([198, 51, 100, 1], 80).into();
    let mut heads = Heads::default();
    let (mut rest, mut packet, mut at_ns, mut name) = (bytes, 0, 0_i64, None);
    while let Some(([way, o1, o0, more, time, l1, l0], after)) = rest.split_first_chunk::<7>() {
        let len = usize::from(u16::from_be_bytes([*l1, *l0])).min(after.len());
        let (payload, after) = after.split_at(len);
        rest = after;
        packet += 1;
        at_ns = at_ns.saturating_add(i64::from(*time) << 26);
        let from = if way & 1 == 0 { End::Client } else { End::Server };
        let (source, destination) = if way & 1 == 0 { (client, server) } else { (server, client) };
        let seen = Seen {
            packet,
            at_ns,
            source,
            destination,
            ttl: *way,
            identification: None,
            dont_fragment: true,
            way: Way::Unknown,
        };
        let shift = if way & 2 == 0 { 0 } else { 20 };
        let offset = u64::from(u16::from_be_bytes([*o1, *o0])) << shift;
        let payload_len = len + usize::from(*more);
        let open = heads.segment(&Segment { seen, window: 1, from, offset, payload, payload_len });
        if let Some(name) = &name {
            assert_eq!(heads.trigger(), Some(name), "what was read stays");
        }
        name = heads.trigger().cloned();
        assert!(heads.memory() < 4 * (CLIENT_LIMIT + SERVER_LIMIT));
        assert!(heads.overlaps().len() <= MAX_OVERLAPS);
        if !open {
            break;
        }
    }
    for overlap in heads.overlaps() {
        assert_ne!(overlap.copies[0].first(), overlap.copies[1].first());
    }
    let connection = Connection { protocol: Protocol::Tcp, client, server };
    let _ = content::read(connection, &heads, &FINGERPRINTS);
});
