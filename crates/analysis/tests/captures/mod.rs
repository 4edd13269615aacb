//! Reads captures and inspects them: for the tests and for the example that prints the table.

use std::io::Read as _;
use std::path::Path;
use std::sync::LazyLock;

use wirewitness_analysis::fingerprints::Fingerprints;
use wirewitness_analysis::tamper::finding::Grade;
use wirewitness_analysis::tamper::{Counters, Finding, Inspector, Limits};
use wirewitness_wire::file::{Step, Walk};
use wirewitness_wire::link::{Carried, innermost};

mod expected;
mod sources;
mod tables;

pub(crate) use expected::{Expected, expected};
pub(crate) use tables::tables;

/// What was found in a capture.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) findings: Vec<Finding>,
    pub(crate) counters: Counters,
}

/// Numbers of a capture for the table.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Got {
    pub(crate) flows: usize,
    pub(crate) injected: usize,
    pub(crate) likely: usize,
    pub(crate) undecided: usize,
}

impl Got {
    fn add(&mut self, other: Self) {
        self.flows += other.flows;
        self.injected += other.injected;
        self.likely += other.likely;
        self.undecided += other.undecided;
    }
}

impl Found {
    /// How many flows have an injection, each counted by its best grade.
    pub(crate) fn got(&self) -> Got {
        let mut best: std::collections::BTreeMap<_, Grade> = std::collections::BTreeMap::new();
        // A connection that uses the ports of another is one of its own: the packet's time tells them apart.
        let mut flows = 0;
        for finding in &self.findings {
            match finding {
                Finding::Flow(_) => flows += 1,
                Finding::Injection(it) => {
                    let grade = best.entry((it.connection, flows)).or_insert(it.grade);
                    *grade = (*grade).max(it.grade);
                }
                _ => {}
            }
        }
        let count = |grade| best.values().filter(|it| **it == grade).count();
        Got {
            flows,
            injected: count(Grade::Injected),
            likely: count(Grade::Likely),
            undecided: count(Grade::Undecided),
        }
    }
}

/// Inspects a capture, which may be compressed with xz.
pub(crate) fn inspect(path: &Path) -> Found {
    inspect_bytes(&file(path))
}

/// The bytes of a capture, which may be compressed with xz.
pub(crate) fn file(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).expect("a capture can be read");
    if path.extension().is_none_or(|it| it != "xz") {
        return bytes;
    }
    let mut whole = Vec::new();
    let mut reader = lzma_rust2::XzReader::new_mem_limit(&bytes[..], true, 65_536);
    reader.read_to_end(&mut whole).expect("xz");
    whole
}

/// Inspects the bytes of a capture.
pub(crate) fn inspect_bytes(bytes: &[u8]) -> Found {
    static FINGERPRINTS: LazyLock<Fingerprints> = LazyLock::new(Fingerprints::shipped);
    let mut findings = Vec::new();
    let counters = inspect_with(&FINGERPRINTS, bytes, &mut |finding| findings.push(finding));
    Found { findings, counters }
}

/// Gives each finding about the bytes of a capture.
pub(crate) fn inspect_with(
    fingerprints: &Fingerprints,
    bytes: &[u8],
    out: &mut impl FnMut(Finding),
) -> Counters {
    let mut inspector = Inspector::new(Limits::default(), fingerprints);
    let (mut walk, mut rest) = (Walk::default(), bytes);
    loop {
        let (used, step) = walk.step(rest);
        match step {
            Step::Packet(record) => {
                if let Ok(Carried::Ip(packet)) = innermost(record.link, record.bytes) {
                    inspector.packet(&record, &packet, out);
                }
            }
            Step::More(_) => break,
            Step::Passed | Step::Damage(_) => {
                if used == 0 {
                    break;
                }
            }
        }
        rest = &rest[used..];
    }
    inspector.finish(out)
}

/// The names of the captures of a folder's part, sorted.
pub(crate) fn names(folder: &Path, part: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder.join(part)).expect("a folder of captures");
    let mut names: Vec<String> = entries
        .map(|it| format!("{part}/{}", it.expect("an entry").file_name().to_string_lossy()))
        .collect();
    names.sort();
    names
}

/// Prints what was found in the captures whose name has a part.
#[allow(dead_code, reason = "the example's")]
pub(crate) fn print_findings(folder: &Path, part: &str) {
    for name in names(folder, "interference").into_iter().chain(names(folder, "benign")) {
        if !name.contains(part) {
            continue;
        }
        let found = inspect(&folder.join(&name));
        println!("# {name}");
        for finding in &found.findings {
            println!("{}", serde_json::to_string(finding).expect("JSON"));
        }
        println!("{}", serde_json::to_string(&found.counters).expect("JSON"));
    }
}
