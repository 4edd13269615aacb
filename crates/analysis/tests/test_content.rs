//! Content-level findings over real captures, interfered with and benign.

use std::path::PathBuf;

use wirewitness_analysis::fingerprints::Fingerprints;
use wirewitness_analysis::tamper::Finding;
use wirewitness_analysis::tamper::finding::{DropGrade, Grade};

use crate::replay::{Found, all_fingerprints, captures, replay};

fn files(folder: &str) -> Vec<PathBuf> {
    let Some(root) = captures() else { return Vec::new() };
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(root.join(folder)).unwrap().map(|it| it.unwrap().path()).collect();
    files.retain(|it| it.extension().is_some_and(|it| it == "pcap" || it == "pcapng"));
    files.sort();
    files
}

fn file(name: &str) -> Option<Found> {
    let root = captures()?;
    Some(replay(&root.join("interference").join(name), &Fingerprints::shipped()))
}

fn line(finding: &Finding) -> Option<String> {
    match finding {
        Finding::Blockpage(it) => Some(format!(
            "blockpage {} {:?} {:?} {:?} {:?}",
            it.grade, it.fingerprint, it.says, it.packets, it.evidence
        )),
        Finding::Injection(it) => Some(format!("injection {:?} {:?}", it.grade, it.evidence)),
        Finding::Drop(it) => Some(format!(
            "drop {:?} {} {:?} control {:?} {:?} {:?} cannot {:?}",
            it.grade, it.what, it.trigger, it.control, it.packets, it.evidence, it.cannot_tell
        )),
        _ => None,
    }
}

/// Prints all there is, for people: `cargo test .. look_at -- --ignored --nocapture`.
#[test]
#[ignore = "prints, and checks nothing"]
fn look_at_all() {
    let fingerprints = all_fingerprints();
    for folder in ["interference", "benign"] {
        for path in files(folder) {
            let found = replay(&path, &fingerprints);
            let name = path.file_name().unwrap().to_string_lossy();
            for line in found.findings.iter().filter_map(line) {
                eprintln!("{folder}/{name}: {line}");
            }
            for (connection, evidence) in &found.evidence {
                eprintln!("{folder}/{name}: EVIDENCE {connection:?} {evidence:?}");
            }
        }
    }
    let _ = (DropGrade::Likely, Grade::Likely, file("x").is_some());
}
