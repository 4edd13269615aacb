//! Whole captures through the audit: no panic, the same report twice, and nothing of a report but what the audit knows.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewitness_analysis::exposure::mask::Values;
use wirewitness_analysis::exposure::{Audit, Refusal, Report, Settings, Whose};
use wirewitness_wire::file::{Step, Walk};
use wirewitness_wire::link::{Carried, innermost};

fn audit(file: &[u8]) -> Result<Report, Refusal> {
    let (mut walk, mut at) = (Walk::default(), 0);
    let (salt, values, devices, named) = ([1; 32], Values::Shown, Whose::AllMine, Vec::new());
    let mut audit = Audit::new(Settings { salt, values, devices, named });
    loop {
        let (used, step) = walk.step(&file[at..]);
        match step {
            Step::Packet(record) => {
                if let Ok(Carried::Ip(packet)) = innermost(record.link, record.bytes) {
                    audit.packet(&record, &packet);
                }
            }
            Step::Passed | Step::Damage(_) => {}
            Step::More(_) => return audit.finish(),
        }
        assert!(used > 0);
        at += used;
    }
}

fuzz_target!(|file: &[u8]| {
    let report = audit(file);
    assert_eq!(report, audit(file));
    let Ok(report) = report else { return };
    assert_eq!(report.channels.len(), 22);
    assert!((1..=4).contains(&report.devices));
    assert!(report.coverage.named <= report.coverage.connections);
    serde_json::to_string(&report).unwrap();
});
