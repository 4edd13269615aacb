//! Capture files made here: the same packets in every shape, cut, changed and in pieces.
#![allow(clippy::indexing_slicing, reason = "the bytes are of the tests")]

use wirewitness_wire::file::app::{App, app_of};
use wirewitness_wire::file::{Damage, Format, LinkType, Record, Step, Walk, Way};
use wirewitness_wire::ip::IpPacket;

/// A record without what differs from file to file: place, and what only pcapng says.
type Told = (u64, i64, u16, Vec<u8>, u32);

/// What a walk came to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    packets: Vec<Told>,
    damage: Vec<Damage>,
    end: Option<Damage>,
}

fn walk_with(bytes: &[u8], piece: usize, mut each: impl FnMut(&Record<'_>)) -> Found {
    let (mut walk, mut found) = (Walk::default(), Found::default());
    let (mut at, mut end) = (0, 0);
    loop {
        let buffer = bytes.get(at..end).unwrap_or_default();
        let (used, step) = walk.step(buffer);
        at += used;
        match step {
            Step::Packet(record) => {
                let (number, at_ns, link) = (record.number, record.at_ns, record.link.0);
                found.packets.push((number, at_ns, link, record.bytes.into(), record.original_len));
                each(&record);
            }
            Step::Passed => assert!(used > 0),
            Step::Damage(damage) => {
                assert!(used > 0);
                found.damage.push(damage);
            }
            Step::More(need) => {
                assert!(need > buffer.len() && need <= Walk::MAX_BLOCK && used == 0);
                if end == bytes.len() {
                    found.end = found.end.or(walk.finish(buffer));
                    // Behind a record that leads beyond the end there may be others.
                    at += walk.search_on(buffer);
                    if at == end {
                        return found;
                    }
                    continue;
                }
                end = (end + piece).min(bytes.len());
            }
        }
    }
}

fn walk(bytes: &[u8]) -> Found {
    walk_with(bytes, bytes.len().max(1), |_| {})
}

/// Packets of several lengths, with all remainders of four; one is empty, one was cut.
fn packets() -> Vec<Told> {
    let one = |(number, len): (u64, usize)| {
        let bytes: Vec<u8> = (0..len).map(|at| (at * 7 + len) as u8).collect();
        let at_ns = 1_700_000_000_123_456_000 + number as i64 * 1_000_000;
        let original = if number == 3 { 1500 } else { len.max(1) as u32 };
        (number, at_ns, 1, bytes, original)
    };
    (1..).zip([60, 61, 62, 63, 0, 1, 200]).map(one).collect()
}

#[derive(Clone, Copy, Debug)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn u16(self, number: u16) -> [u8; 2] {
        match self {
            Self::Little => number.to_le_bytes(),
            Self::Big => number.to_be_bytes(),
        }
    }

    fn u32(self, number: u32) -> [u8; 4] {
        match self {
            Self::Little => number.to_le_bytes(),
            Self::Big => number.to_be_bytes(),
        }
    }

    fn words(self, numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| self.u32(*number)).collect()
    }
}

fn pcap_head(order: Order, magic: u32, link: u32) -> Vec<u8> {
    let version = [order.u16(2), order.u16(4)].concat();
    [&order.u32(magic)[..], &version, &order.words(&[0, 0, 65_535, link])].concat()
}

fn pcap_record(order: Order, unit_ns: i64, packet: &Told) -> Vec<u8> {
    let (_, at_ns, _, bytes, original) = packet;
    let fraction = (at_ns % 1_000_000_000 / unit_ns) as u32;
    let seconds = (at_ns / 1_000_000_000) as u32;
    let head = order.words(&[seconds, fraction, bytes.len() as u32, *original]);
    [&head[..], bytes].concat()
}

fn pcap(order: Order, unit_ns: i64) -> Vec<u8> {
    let magic = if unit_ns == 1 { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
    let records = packets().iter().flat_map(|it| pcap_record(order, unit_ns, it)).collect();
    [pcap_head(order, magic, 1), records].concat()
}

fn block(order: Order, kind: u32, body: &[u8]) -> Vec<u8> {
    let len = body.len().next_multiple_of(4);
    let mut bytes = order.words(&[kind, len as u32 + 12]);
    bytes.extend(body);
    bytes.resize(8 + len, 0);
    bytes.extend(order.u32(len as u32 + 12));
    bytes
}

fn option(order: Order, code: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = [order.u16(code), order.u16(value.len() as u16)].concat();
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn section(order: Order) -> Vec<u8> {
    let version = [order.u16(1), order.u16(0)].concat();
    let body = [&order.u32(0x1a2b_3c4d)[..], &version, &[0xff; 8]].concat();
    block(order, 0x0a0d_0d0a, &body)
}

fn interface(order: Order, link: u16, options: &[u8]) -> Vec<u8> {
    let head = [order.u16(link), order.u16(0)].concat();
    block(order, 1, &[&head, &order.u32(65_535)[..], options].concat())
}

/// An enhanced packet block of an interface, at a number of its units of time.
fn enhanced(order: Order, interface: u32, ticks: u64, packet: &Told, options: &[u8]) -> Vec<u8> {
    let (_, _, _, bytes, original) = packet;
    let (high, low) = ((ticks >> 32) as u32, ticks as u32);
    let mut body = order.words(&[interface, high, low, bytes.len() as u32, *original]);
    body.extend(bytes);
    body.resize(20 + bytes.len().next_multiple_of(4), 0);
    body.extend(options);
    block(order, 6, &body)
}

/// Microseconds and nanoseconds by turns, options on some, and blocks that are to be passed over between them.
fn pcapng(order: Order) -> Vec<u8> {
    let nanoseconds = option(order, 9, &[9]);
    let mut bytes = section(order);
    bytes.extend(interface(order, 1, &[]));
    bytes.extend(interface(order, 1, &nanoseconds));
    for packet in packets() {
        let (number, at_ns, ..) = packet;
        let is_even = number % 2 == 0;
        let ticks = if is_even { at_ns } else { at_ns / 1000 } as u64;
        let options = if number == 2 {
            [option(order, 2, &order.u32(2)), option(order, 1, b"seen"), vec![0; 4]].concat()
        } else {
            Vec::new()
        };
        bytes.extend(enhanced(order, is_even.into(), ticks, &packet, &options));
        for kind in [5, 0xbad, 0x8000_0001] {
            bytes.extend(block(order, kind, &order.u32(number as u32)));
        }
    }
    bytes
}

fn every_kind() -> Vec<(String, Vec<u8>)> {
    let mut made = Vec::new();
    for order in [Order::Little, Order::Big] {
        for unit_ns in [1, 1000] {
            made.push((format!("pcap {order:?} {unit_ns} ns"), pcap(order, unit_ns)));
        }
        made.push((format!("pcapng {order:?}"), pcapng(order)));
    }
    made
}

#[test]
fn the_same_packets_in_every_shape_and_in_pieces() {
    let wanted = Found { packets: packets(), ..Found::default() };
    for (name, bytes) in every_kind() {
        for piece in [1, 2, 3, 5, 16, 100, bytes.len()] {
            assert_eq!(walk_with(&bytes, piece, |_| {}), wanted, "{name} in pieces of {piece}");
        }
    }
}

#[test]
fn what_pcapng_says_besides() {
    let mut seen = Vec::new();
    let bytes = pcapng(Order::Big);
    walk_with(&bytes, 64, |record| {
        let comment = record.comment.map(<[u8]>::to_vec);
        seen.push((record.interface, record.way, comment, record.offset as usize));
    });
    assert_eq!((seen[0].0, seen[1].0), (0, 1));
    assert_eq!((seen[1].1, seen[1].2.as_deref()), (Way::Out, Some(&b"seen"[..])));
    assert_eq!((seen[0].1, &seen[0].2), (Way::Unknown, &None));
    for (_, _, _, offset) in seen {
        assert_eq!(bytes[offset..offset + 4], [0, 0, 0, 6], "{offset}");
    }
}

/// A file that is cut tells so, and gives the packets before the cut; between records it is whole.
#[test]
fn cut_at_every_byte() {
    for (name, bytes) in every_kind() {
        for len in 0..bytes.len() {
            let found = walk(&bytes[..len]);
            assert!(packets().starts_with(&found.packets), "{name} {len}");
            assert_eq!(found.damage, [], "{name} {len}");
            match found.end {
                Some(end) => assert!(end.source.is_short() && end.offset <= len as u64),
                None => assert!(len >= 24),
            }
        }
        let whole = (0..bytes.len()).filter(|len| walk(&bytes[..*len]).end.is_none()).count();
        // The head, and all packets but the last; in pcapng three heads, and three blocks after each packet.
        let ends = if name.starts_with("pcapng") { 3 + 7 * 4 - 1 } else { 1 + 6 };
        assert_eq!(whole, ends, "{name}");
    }
}

/// Whatever byte is changed, the walk ends, and is the same in pieces.
#[test]
fn every_byte_changed() {
    for (name, bytes) in every_kind() {
        for at in 4..bytes.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut odd = bytes.clone();
                odd[at] = value;
                let found = walk(&odd);
                if odd == bytes {
                    continue;
                }
                // A byte in a block of pcapng costs its packet and no other's.
                if name.starts_with("pcapng") && at >= 28 + 20 + 28 {
                    assert!((6..=7).contains(&found.packets.len()), "{name} {at} {value}");
                }
                assert_eq!(walk_with(&odd, 7, |_| {}), found, "{name} {at} {value}");
            }
        }
    }
}

#[test]
fn wrong_lengths_are_damage_and_the_rest_is_found() {
    let last = packets().pop().unwrap();
    for order in [Order::Little, Order::Big] {
        // The second record's captured length.
        let bytes = pcap(order, 1000);
        let at = 24 + 16 + 60 + 8;
        for wrong in [Walk::MAX_PACKET as u32 + 1, 0x7fff_ffff, u32::MAX] {
            let mut odd = bytes.clone();
            odd[at..at + 4].copy_from_slice(&order.u32(wrong));
            let found = walk(&odd);
            assert_eq!((found.damage.len(), found.damage[0].offset), (1, 24 + 76), "{wrong}");
            assert_eq!(found.packets.len(), 6);
            assert_eq!(found.packets.last().unwrap().3, last.3);
        }
        // Every block's length, at its head and at its end.
        let bytes = pcapng(order);
        let mut start = 0;
        while start < bytes.len() {
            let four = <[u8; 4]>::try_from(&bytes[start + 4..start + 8]).unwrap();
            let len = match order {
                Order::Little => u32::from_le_bytes(four),
                Order::Big => u32::from_be_bytes(four),
            } as usize;
            for at in [start + 4, start + len - 4] {
                for wrong in [0, 4, 11, len as u32 + 1, 0x7fff_fffc, u32::MAX] {
                    let mut odd = bytes.clone();
                    odd[at..at + 4].copy_from_slice(&order.u32(wrong));
                    let found = walk(&odd);
                    // Without a section or its interfaces there are no packets to be had.
                    if start >= 28 + 20 + 28 {
                        assert_eq!(found.damage[0].offset, start as u64, "{at} {wrong}");
                        assert!(
                            found.packets.len() >= 6,
                            "{start} {at} {wrong} {:?} {:?}",
                            found.damage,
                            found.end
                        );
                    } else {
                        assert!(!found.damage.is_empty(), "{at} {wrong}");
                    }
                }
            }
            start += len;
        }
    }
}

#[test]
fn rubbish_between_records() {
    let rubbish: Vec<u8> =
        (0..5000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for (name, bytes) in every_kind() {
        let cut = if name.starts_with("pcapng") { 28 + 20 + 28 } else { 24 };
        for between in [&rubbish[..], &[0; 3000], &[0xff; 77]] {
            let odd = [&bytes[..cut], between, &bytes[cut..]].concat();
            let found = walk(&odd);
            let wanted: Vec<_> = packets().into_iter().map(|it| it.3).collect();
            let packets: Vec<_> = found.packets.iter().map(|it| it.3.clone()).collect();
            assert_eq!(packets, wanted, "{name}");
            assert_eq!(found.damage.first().map(|it| it.offset), Some(cut as u64), "{name}");
            assert_eq!(walk_with(&odd, 13, |_| {}), found, "{name}");
        }
    }
}

#[test]
fn sections_change_the_byte_order_and_count_interfaces_on() {
    let bytes = [pcapng(Order::Little), pcapng(Order::Big)].concat();
    let mut seen = Vec::new();
    let found = walk_with(&bytes, 50, |record| seen.push(record.interface));
    assert_eq!((found.packets.len(), found.damage.len(), found.end), (14, 0, None));
    assert_eq!(seen[..2], [0, 1]);
    assert_eq!(seen[7..9], [2, 3]);
    assert_eq!((found.packets[7].0, &found.packets[7].3), (8, &packets()[0].3));
}

#[test]
fn units_and_offsets_of_time() {
    let order = Order::Little;
    let packet = &packets()[0];
    for (resolution, offset_s, ticks, wanted) in [
        (6, 0, 1_000_001, 1_000_001_000),
        (0, 0, 3, 3_000_000_000),
        (9, 0, 7, 7),
        (12, 0, 7_999, 7),
        (40, 0, u64::MAX, 0),
        (0x80, 0, 3, 3_000_000_000),
        (0x80 | 10, 0, 1025, 1_000_976_562),
        (0x80 | 64, 0, 1 << 63, 500_000_000),
        (0x80 | 127, 0, u64::MAX, 0),
        (6, 1_700_000_000, 5, 1_700_000_000_000_005_000),
        (6, -1, 0, -1_000_000_000),
        (0, 0, u64::MAX, i64::MAX),
        (6, i64::MIN, 0, i64::MIN),
        (6, i64::MAX, u64::MAX, i64::MAX),
    ] {
        let options =
            [option(order, 9, &[resolution]), option(order, 14, &i64::to_le_bytes(offset_s))];
        let head = [section(order), interface(order, 1, &options.concat())].concat();
        let found = walk(&[head, enhanced(order, 0, ticks, packet, &[])].concat());
        assert_eq!(found.packets[0].1, wanted, "{resolution} {offset_s} {ticks}");
    }
}

#[test]
fn simple_and_old_packet_blocks() {
    for order in [Order::Little, Order::Big] {
        let (_, at_ns, _, bytes, _) = packets().remove(1);
        let simple = [&order.u32(bytes.len() as u32)[..], &bytes].concat();
        let (high, low) = (((at_ns / 1000) as u64 >> 32) as u32, (at_ns / 1000) as u32);
        let len = bytes.len() as u32;
        let numbers = order.words(&[high, low, len, len + 9]);
        // Interface 1, 7 packets lost.
        let mut old = [&order.u16(1)[..], &order.u16(7), &numbers, &bytes].concat();
        old.resize(old.len().next_multiple_of(4), 0);
        old.extend(option(order, 2, &order.u32(1)));
        let file = [
            section(order),
            interface(order, 101, &[]),
            interface(order, 1, &[]),
            block(order, 3, &simple),
            block(order, 2, &old),
            // An interface that there is not, and a packet that is longer than its block.
            enhanced(order, 2, 0, &packets()[0], &[]),
            block(order, 6, &order.words(&[0, 0, 0, 9, 9, 0, 0])),
            block(order, 3, &simple),
        ];
        let mut ways = Vec::new();
        let found = walk_with(&file.concat(), 9, |record| ways.push(record.way));
        assert_eq!(found.packets[0], (1, 0, 101, bytes.clone(), len));
        assert_eq!(found.packets[1], (2, at_ns, 1, bytes, len + 9));
        assert_eq!(ways[1], Way::In);
        assert_eq!((found.damage.len(), found.packets.len(), found.end), (2, 3, None));
    }
}

#[test]
fn odd_pcaps() {
    let order = Order::Little;
    let packet = &packets()[0];
    let record = pcap_record(order, 1000, packet);
    // A checksum's length in the link field.
    let file = [pcap_head(order, 0xa1b2_c3d4, 0x4400_0001), record.clone()].concat();
    assert_eq!(walk(&file).packets[0].2, 1);
    // Version 2.2 has the lengths the other way round.
    let mut file = [pcap_head(order, 0xa1b2_c3d4, 1), record.clone()].concat();
    file[6] = 2;
    let (captured, original) = (packet.3.len() as u32, 99_u32);
    file[32..36].copy_from_slice(&order.u32(original));
    file[36..40].copy_from_slice(&order.u32(captured));
    assert_eq!((walk(&file).packets[0].3.len(), walk(&file).packets[0].4), (60, 99));
    // Kuznetzov's records are longer.
    let mut long = record.clone();
    long.splice(16..16, [1, 0, 0, 0, 8, 0, 4, 0]);
    let file = [pcap_head(order, 0xa1b2_cd34, 1), long.clone(), long].concat();
    let mut ways = Vec::new();
    let found = walk_with(&file, 1000, |record| ways.push(record.way));
    assert_eq!((found.packets.len(), &found.packets[1].3), (2, &packet.3));
    assert_eq!(ways, [Way::Out; 2]);
    // Two files, one behind the other, the second of another order.
    let file = [pcap(Order::Little, 1000), pcap(Order::Big, 1)].concat();
    let found = walk_with(&file, 10, |_| {});
    assert_eq!((found.packets.len(), found.damage.len()), (14, 0));
    assert_eq!(found.packets[7].1, packets()[0].1);
}

#[test]
fn what_is_no_capture() {
    for bytes in [&b"PK\x03\x04 and so on"[..], &[0; 100], b"\x1f\x8b\x08\x00"] {
        let found = walk_with(bytes, 5, |_| {});
        assert_eq!((found.packets.len(), found.damage.len(), found.end), (0, 1, None));
        assert_eq!(found.damage[0].offset, 0);
    }
    let empty = walk(b"").end.unwrap();
    assert!(empty.source.is_short());
    let mut walk = Walk::default();
    assert_eq!(walk.format(), None);
    walk.step(&pcap(Order::Big, 1));
    assert_eq!(walk.format(), Some(Format::Pcap));
}

/// PCAPdroid's two ways of naming the app of a packet.
#[test]
fn apps_of_packets() {
    let order = Order::Little;
    let head = [0x45, 0, 0, 20, 0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2];
    let names =
        [&order.words(&[62_652])[..], &[1, 0, 1, 0], &order.u32(10_122), &[5, 6], b"a.b.cSignal"];
    let packet = (1, 0, 101, head.to_vec(), 20);
    let comment = option(order, 1, b"u-10122");
    let file = [
        section(order),
        interface(order, 101, &[]),
        block(order, 0xbad, &names.concat()),
        enhanced(order, 0, 0, &packet, &comment),
    ]
    .concat();
    let (mut walk, mut rest) = (Walk::default(), &file[..]);
    loop {
        let (used, step) = walk.step(rest);
        rest = &rest[used..];
        match step {
            Step::Packet(record) => {
                assert_eq!(record.link, LinkType::RAW);
                let packet = IpPacket::read(record.bytes).unwrap();
                assert_eq!(app_of(&record, &packet), Some(App { uid: 10_122, name: b"" }));
            }
            Step::More(_) => break,
            other => assert_eq!(other, Step::Passed),
        }
    }
    assert_eq!(walk.app_name(10_122), Some(&b"Signal"[..]));
    assert_eq!(walk.app_name(1), None);
}
