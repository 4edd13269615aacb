//! Capture files: the same records whatever the pieces in which the file comes, and no more work than there are bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewitness_wire::file::{Damage, Step, Walk};

/// What a walk found: of each packet its number, time, place, link, length and bytes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    packets: Vec<(u64, i64, u64, u16, u32, Vec<u8>)>,
    damage: Vec<Damage>,
    end: Option<Damage>,
}

fuzz_target!(|bytes: &[u8]| {
    let whole = walk(bytes, bytes.len().max(1));
    for piece in [1, 7, 64] {
        assert_eq!(walk(bytes, piece), whole, "in pieces of {piece}");
    }
});

fn walk(bytes: &[u8], piece: usize) -> Found {
    let (mut walk, mut found) = (Walk::default(), Found::default());
    // What is used, and what has come.
    let (mut at, mut end) = (0, 0);
    let mut steps = 0;
    loop {
        let buffer = &bytes[at..end];
        let (used, step) = walk.step(buffer);
        assert!(used <= buffer.len());
        at += used;
        steps += 1;
        assert!(steps <= 4 * bytes.len() + 8, "more steps than bytes");
        match step {
            Step::Packet(record) => {
                assert!(used > 0 && record.bytes.len() <= Walk::MAX_PACKET);
                assert!(record.original_len as usize >= record.bytes.len());
                let (link, len) = (record.link.0, record.original_len);
                let copy = record.bytes.to_vec();
                found.packets.push((record.number, record.at_ns, record.offset, link, len, copy));
            }
            Step::Passed => assert!(used > 0),
            Step::Damage(damage) => {
                assert!(used > 0 && damage.offset < bytes.len() as u64);
                found.damage.push(damage);
            }
            Step::More(need) => {
                assert!(used == 0 && need > buffer.len() && need <= Walk::MAX_BLOCK);
                if end == bytes.len() {
                    found.end = walk.finish(buffer);
                    return found;
                }
                end = (end + piece).min(bytes.len());
            }
        }
    }
}
