//! Whole captures, as an adversary would make them: no panic, the same findings twice, and nothing said of packets that are not there.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use wirewitness_analysis::fingerprints::Fingerprints;
use wirewitness_analysis::tamper::finding::{Finding, Injection};
use wirewitness_analysis::tamper::{Inspector, Limits};
use wirewitness_wire::file::{Step, Walk};
use wirewitness_wire::link::{Carried, innermost};

static FINGERPRINTS: LazyLock<Fingerprints> = LazyLock::new(Fingerprints::shipped);

/// Few at once, so that inputs of some kilobytes reach what is forgotten first.
const LIMITS: Limits = Limits { flows: 16, idle_secs: 60, memory: 1 << 16, seed: 1 };

fn inspect(file: &[u8]) -> (Vec<Finding>, u64) {
    let (mut walk, mut at, mut last) = (Walk::default(), 0, 0);
    let mut inspector = Inspector::new(LIMITS, &FINGERPRINTS);
    let mut found = Vec::new();
    loop {
        let (used, step) = walk.step(&file[at..]);
        match step {
            Step::Packet(record) => {
                last = record.number;
                if let Ok(Carried::Ip(packet)) = innermost(record.link, record.bytes) {
                    inspector.packet(&record, &packet, &mut |finding| found.push(finding));
                }
            }
            Step::Passed | Step::Damage(_) => {}
            Step::More(_) => break,
        }
        assert!(used > 0);
        at += used;
    }
    inspector.finish(&mut |finding| found.push(finding));
    (found, last)
}

fuzz_target!(|file: &[u8]| {
    let (found, last) = inspect(file);
    for finding in &found {
        if let Finding::Injection(injection) = finding {
            let Injection { packets, .. } = &**injection;
            assert!(
                !packets.is_empty() && packets.iter().all(|packet| (1..=last).contains(packet))
            );
        }
        serde_json::to_string(finding).unwrap();
    }
    assert_eq!(found, inspect(file).0);
});
