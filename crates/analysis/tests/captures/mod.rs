//! Reads captures and inspects them: for the tests and for the example that prints the table.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;
use std::sync::LazyLock;

use wirewitness_analysis::fingerprints::Fingerprints;
use wirewitness_analysis::tamper::finding::Grade;
use wirewitness_analysis::tamper::{Counters, Finding, Inspector, Limits};
use wirewitness_wire::file::{Step, Walk};
use wirewitness_wire::link::{Carried, innermost};

mod expected;

pub(crate) use expected::{Expected, expected};

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
    let mut bytes = std::fs::read(path).expect("a capture can be read");
    if path.extension().is_some_and(|it| it == "xz") {
        let mut whole = Vec::new();
        lzma_rust2::XzReader::new(&bytes[..], true).read_to_end(&mut whole).expect("xz");
        bytes = whole;
    }
    inspect_bytes(&bytes)
}

/// Inspects the bytes of a capture.
pub(crate) fn inspect_bytes(bytes: &[u8]) -> Found {
    static FINGERPRINTS: LazyLock<Fingerprints> = LazyLock::new(Fingerprints::shipped);
    let mut found = Vec::new();
    let mut out = |finding| found.push(finding);
    let mut inspector = Inspector::new(Limits::default(), &FINGERPRINTS);
    let (mut walk, mut rest) = (Walk::default(), bytes);
    loop {
        let (used, step) = walk.step(rest);
        match step {
            Step::Packet(record) => {
                if let Ok(Carried::Ip(packet)) = innermost(record.link, record.bytes) {
                    inspector.packet(&record, &packet, &mut out);
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
    let counters = inspector.finish(&mut out);
    Found { findings: found, counters }
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

/// The table of all captures.
#[allow(dead_code, reason = "the example's")]
pub(crate) fn table(folder: &Path) -> String {
    let mut text = String::from(
        "| capture | flows | expected | injected | likely | undecided | |\n|---|---|---|---|---|---|---|\n",
    );
    let mut benign = Got::default();
    let mut flagged = String::new();
    for name in names(folder, "interference").into_iter().chain(names(folder, "benign")) {
        let got = inspect(&folder.join(&name)).got();
        let short = name.split_once('/').map_or(&*name, |it| it.1);
        if name.starts_with("benign/") {
            benign.flows += got.flows;
            benign.injected += got.injected;
            benign.likely += got.likely;
            benign.undecided += got.undecided;
            if got.injected + got.likely > 0 {
                let _ = writeln!(
                    flagged,
                    "| benign/{short} | {} | 0 | {} | {} | {} | MISS |",
                    got.flows, got.injected, got.likely, got.undecided
                );
            }
            continue;
        }
        let due = expected(short);
        let told = got.injected + got.likely;
        let verdict = match due {
            Expected::Flows(due) if told == due => "",
            Expected::Flows(_) => "MISS",
            Expected::NoClaim if told == 0 => "",
            Expected::NoClaim => "label ambiguous",
        };
        let due = match due {
            Expected::Flows(due) => due.to_string(),
            Expected::NoClaim => "-".to_owned(),
        };
        let _ = writeln!(
            text,
            "| {short} | {} | {due} | {} | {} | {} | {verdict} |",
            got.flows, got.injected, got.likely, got.undecided
        );
    }
    let Got { flows, injected, likely, undecided } = benign;
    let _ =
        writeln!(text, "| all of benign | {flows} | 0 | {injected} | {likely} | {undecided} | |");
    text + &flagged
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
