//! Real captures, read to their ends: as many packets as the labels say, whatever the pieces.

use std::path::PathBuf;

use wirewitness_wire::file::{Record, Step, Walk};
use wirewitness_wire::link::{Carried, innermost};
use wirewitness_wire::transport::{Transport, transport};

/// What was found in a file.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    packets: u64,
    damage: Vec<String>,
    ip: u64,
    other: u64,
    errors: Vec<String>,
}

fn walk(bytes: &[u8]) -> Found {
    let (mut walk, mut found, mut rest) = (Walk::default(), Found::default(), bytes);
    loop {
        let (used, step) = walk.step(rest);
        rest = rest.get(used..).unwrap();
        match step {
            Step::Packet(record) => {
                found.packets += 1;
                assert_eq!(record.number, found.packets);
                look(&record, &mut found);
            }
            Step::Passed => {}
            Step::Damage(damage) => found.damage.push(damage.to_string()),
            Step::More(_) => break,
        }
    }
    found.damage.extend(walk.finish(rest).map(|damage| damage.to_string()));
    found
}

fn look(record: &Record<'_>, found: &mut Found) {
    match innermost(record.link, record.bytes) {
        Ok(Carried::Ip(packet)) => {
            found.ip += 1;
            match transport(&packet) {
                Ok(Transport::Tcp(tcp)) => assert!(tcp.payload.len() <= tcp.payload_len),
                Ok(_) => {}
                Err(error) => found.errors.push(format!("{}: {error}", record.number)),
            }
        }
        Ok(_) => found.other += 1,
        Err(error) => found.errors.push(format!("{}: {error}", record.number)),
    }
}

#[test]
fn captures_have_as_many_packets_as_they_say() {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/captures"));
    let Ok(index) = std::fs::read_to_string(root.join("index.tsv")) else {
        eprintln!("SKIPPED: the captures are not here");
        return;
    };
    let mut files = 0;
    for line in index.lines().skip(1) {
        let mut columns = line.split('\t');
        let (file, packets) = (columns.next().unwrap(), columns.nth(1).unwrap());
        // What git kept of a link has no packets.
        if file.ends_with(".xz") || file.ends_with(".gz") || packets.is_empty() {
            continue;
        }
        let Ok(bytes) = std::fs::read(root.join(file)) else { continue };
        let found = walk(&bytes);
        assert_eq!(found.packets.to_string(), packets, "{file}");
        assert!(found.damage.is_empty(), "{file}: {:?}", found.damage);
        files += 1;
    }
    assert!(files > 100, "{files}");
}
