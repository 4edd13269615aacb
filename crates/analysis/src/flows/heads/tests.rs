//! Segments in any order, and what is read of them.

use std::net::SocketAddr;

use wirewitness_wire::file::Way;

use super::*;
use crate::tamper::finding::TriggerKind;

fn seen(packet: u64, at_ms: i64) -> Seen {
    let address: SocketAddr = ([192, 0, 2, 1], 1).into();
    Seen {
        packet,
        at_ns: at_ms * 1_000_000,
        source: address,
        destination: address,
        ttl: 64,
        identification: None,
        dont_fragment: true,
        way: Way::Unknown,
    }
}

fn segment(from: End, packet: u64, offset: u64, payload: &[u8]) -> Segment<'_> {
    let seen = seen(packet, packet as i64);
    Segment { seen, window: 100, from, offset, payload, payload_len: payload.len() }
}

/// A hello with a name, and with padding so that it is as long as those of today.
fn hello(name: &str, padding: usize) -> Vec<u8> {
    let len16 = |len: usize| (len as u16).to_be_bytes();
    let sni = [&[0][..], &len16(name.len()), name.as_bytes()].concat();
    let sni = [&len16(sni.len())[..], &sni].concat();
    let mut extensions = [&[0, 21][..], &len16(padding), &vec![0; padding]].concat();
    extensions.extend([&[0xfe, 0x0d, 0, 1, 1][..], &[0, 0], &len16(sni.len()), &sni].concat());
    let mut body = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 1, 1, 0]].concat();
    body.extend([&len16(extensions.len())[..], &extensions].concat());
    [&[1, 0][..], &len16(body.len()), &body].concat()
}

fn records(message: &[u8], size: usize) -> Vec<u8> {
    let record = |part: &[u8]| [&[22, 3, 1][..], &(part.len() as u16).to_be_bytes(), part].concat();
    message.chunks(size).flat_map(record).collect()
}

fn sni(heads: &Heads) -> Option<(&str, u64)> {
    let trigger = heads.trigger()?;
    assert_eq!(trigger.kind, TriggerKind::Sni);
    Some((&trigger.value, trigger.packet))
}

#[test]
fn a_hello_in_one_segment() {
    let stream = records(&hello("Blocked.example", 10), 4000);
    let mut heads = Heads::default();
    assert!(heads.segment(&segment(End::Client, 4, 0, &stream)));
    assert_eq!(sni(&heads), Some(("blocked.example", 4)));
    assert!(heads.has_encrypted_hello());
    assert_eq!(heads.protocol(), Protocol::Tls);
    assert_eq!(heads.bytes(End::Client), stream);
}

#[test]
fn a_hello_over_records_and_segments_in_any_order() {
    for size in [4000, 100, 1] {
        let stream = records(&hello("blocked.example", 1500), size);
        for cut in [1, 5, 700, 1400] {
            let parts: Vec<_> = stream.chunks(cut).take(65).enumerate().collect();
            let whole = parts.len() * cut >= stream.len() && parts.len() <= 64;
            for order in 0..3 {
                let mut heads = Heads::default();
                let mut parts = parts.clone();
                match order {
                    0 => {}
                    1 => parts.reverse(),
                    _ => parts.sort_by_key(|(at, _)| (at % 2, *at)),
                }
                for (at, part) in parts {
                    heads.segment(&segment(End::Client, at as u64 + 1, (at * cut) as u64, part));
                }
                let expected = whole.then_some(("blocked.example", 1));
                assert_eq!(sni(&heads), expected, "{size} {cut} {order}");
                assert_eq!(heads.overlaps(), []);
            }
        }
    }
}

#[test]
fn segments_of_every_kind_are_read() {
    for (request, kind, value) in [
        ("GET /a HTTP/1.1\r\nhOsT: A.example:8080\r\n\r\n", TriggerKind::Host, "a.example"),
        ("GET http://b.example/x HTTP/1.1\r\nHost: c\r\n\r\n", TriggerKind::Host, "b.example"),
        ("CONNECT d.example:443 HTTP/1.1\r\n\r\n", TriggerKind::Host, "d.example"),
        ("GET /path HTTP/1.0\r\n\r\n", TriggerKind::Path, "/path"),
        ("GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n", TriggerKind::Host, "[2001:db8::1]"),
    ] {
        for cut in [1000, 3] {
            let mut heads = Heads::default();
            for (at, part) in request.as_bytes().chunks(cut).enumerate() {
                heads.segment(&segment(End::Client, 1 + at as u64, (at * cut) as u64, part));
            }
            let trigger = heads.trigger().expect(request);
            assert_eq!((trigger.kind, &*trigger.value), (kind, value));
            assert_eq!(trigger.packet, 1);
            assert_eq!(heads.protocol(), Protocol::Http);
        }
    }
    for other in ["EHLO mail.example\r\n", "NICK a\r\nUSER b\r\n", "\x00\x01\x02", "SSH-2.0-x\r\n"]
    {
        let mut heads = Heads::default();
        heads.segment(&segment(End::Client, 1, 0, other.as_bytes()));
        assert_eq!(heads.trigger(), None);
    }
}

#[test]
fn a_question_over_tcp() {
    let question = wirewitness_wire::app::dns::Message::question(7, "blocked.example", 1);
    let bytes = question.to_bytes().unwrap();
    let stream = [&(bytes.len() as u16).to_be_bytes()[..], &bytes].concat();
    for cut in [100, 2] {
        let mut heads = Heads::default();
        for (at, part) in stream.chunks(cut).enumerate() {
            heads.segment(&segment(End::Client, 1, (at * cut) as u64, part));
        }
        let trigger = heads.trigger().unwrap();
        assert_eq!((trigger.kind, &*trigger.value), (TriggerKind::Qname, "blocked.example"));
    }
}

#[test]
fn copies_that_differ_and_copies_that_do_not() {
    let first = b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\nabc";
    let forged = b"HTTP/1.1 403 No";
    let mut heads = Heads::default();
    heads.segment(&segment(End::Client, 1, 0, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    heads.segment(&segment(End::Server, 2, 0, first));
    // The same bytes, cut in another way.
    heads.segment(&segment(End::Server, 3, 5, &first[5..20]));
    heads.segment(&segment(End::Server, 4, 20, &first[20..]));
    // A keep-alive probe with a byte of its own.
    heads.segment(&segment(End::Server, 5, first.len() as u64 - 1, b"\0"));
    assert_eq!(heads.overlaps(), []);
    heads.segment(&segment(End::Server, 6, 0, forged));
    let copies = [first[9..].to_vec(), forged[9..].to_vec()];
    let overlap = Overlap { from: End::Server, offset: 9, packets: [2, 6], copies };
    assert_eq!(heads.overlaps(), [overlap]);
    assert_eq!(heads.other_beginning().unwrap().bytes, forged);
    assert_eq!(heads.bytes(End::Server), first);
}

#[test]
fn bytes_that_were_not_captured_are_not_compared() {
    let mut heads = Heads::default();
    let mut cut = segment(End::Server, 1, 0, b"abc");
    cut.payload_len = 10;
    heads.segment(&cut);
    heads.segment(&segment(End::Server, 2, 0, b"abcdefghij"));
    heads.segment(&segment(End::Server, 3, 0, b"abcdefXhij"));
    assert_eq!(heads.overlaps().len(), 1);
    assert_eq!((heads.overlaps()[0].offset, heads.overlaps()[0].packets), (6, [2, 3]));
    assert_eq!(heads.bytes(End::Server), b"abcdefghij");
}

#[test]
fn an_overlap_on_holes_keeps_the_first_copy() {
    let mut heads = Heads::default();
    heads.segment(&segment(End::Server, 1, 4, b"eeff"));
    heads.segment(&segment(End::Server, 2, 10, b"kk"));
    heads.segment(&segment(End::Server, 3, 0, b"abcdEEFFijkkmm"));
    assert_eq!(heads.bytes(End::Server), b"abcdeeffijkkmm");
    assert_eq!(heads.overlaps().len(), 1);
    assert_eq!(heads.overlaps()[0].copies[0], b"eeffijkkmm"[..4].to_vec());
}

#[test]
fn a_bulk_transfer_is_over_after_the_hold() {
    let mut heads = Heads::default();
    heads.segment(&segment(End::Client, 1, 0, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    let bulk = vec![b'x'; 65_000];
    let mut packet = 2;
    let open = loop {
        let mut next = segment(End::Server, packet, (packet - 2) * 65_000, &bulk);
        next.seen.at_ns = packet as i64 * 1_000_000_000;
        if !heads.segment(&next) {
            break packet;
        }
        packet += 1;
    };
    assert_eq!(open, 12);
    assert!(heads.memory() < 2 * SERVER_LIMIT, "{}", heads.memory());
    assert_eq!(heads.bytes(End::Server).len(), SERVER_LIMIT);
}

#[test]
fn memory_is_bounded_whatever_comes() {
    let mut heads = Heads::default();
    let mut number = 12345_u64;
    for packet in 0..20_000 {
        number = number.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let payload = vec![(number >> 40) as u8; (number >> 50) as usize % 100];
        let from = if number >> 63 == 0 { End::Client } else { End::Server };
        heads.segment(&segment(from, packet, (number >> 20) % 20_000, &payload));
    }
    assert!(heads.memory() < 3 * (CLIENT_LIMIT + SERVER_LIMIT), "{}", heads.memory());
    assert!(heads.overlaps().len() <= MAX_OVERLAPS);
}
