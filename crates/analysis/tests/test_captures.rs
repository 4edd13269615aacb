//! The captures beside the repository: what their labels say, and what was found.

use std::path::Path;

use wirewitness_analysis::tamper::Finding;
use wirewitness_analysis::tamper::finding::Grade;

use crate::captures::{Expected, expected, inspect, names};
use crate::shared::data;

fn folder() -> Option<std::path::PathBuf> {
    let folder = data()?.join("captures");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: no captures at ../shared/data/captures");
    None
}

/// At least 99 % of the connections with forged packets; and not one too many in any file.
#[test]
fn forged_packets_are_found() {
    let Some(folder) = folder() else { return };
    let (mut due, mut told) = (0, 0);
    for name in names(&folder, "interference") {
        let Expected::Flows(flows) = expected(name.trim_start_matches("interference/")) else {
            continue;
        };
        let got = inspect(&folder.join(&name)).got();
        let here = got.injected + got.likely;
        assert!(here <= flows, "{name}: {here} of {flows}");
        (due, told) = (due + flows, told + here);
    }
    eprintln!("{told} of {due} connections with forged packets");
    assert!(due > 150 && told * 100 >= due * 99, "{told} of {due}");
}

/// Nothing is called injected where nothing was, and at most one in 5,000 connections likely.
#[test]
fn nothing_is_found_where_nothing_is() {
    let Some(folder) = folder() else { return };
    let (mut flows, mut likely) = (0, 0);
    for name in names(&folder, "benign") {
        let got = inspect(&folder.join(&name)).got();
        assert_eq!(got.injected, 0, "{name}");
        (flows, likely) = (flows + got.flows, likely + got.likely);
    }
    eprintln!("{likely} of {flows} benign connections likely");
    assert!(flows > 3000 && likely * 5000 <= flows, "{likely} of {flows}");
}

/// Packets told as forged with a grade, by number, and those of each file's genuine resets that are not.
#[test]
fn genuine_resets_are_left_alone() {
    let Some(folder) = folder() else { return };
    // Twelve with the server's hop count (45) in the first; those with window 0 in the second.
    let name = "interference/centrace_222.138.4.221_archive.org_archive.org.pcap";
    let forged = forged(&folder, name);
    assert_eq!(forged.len(), 18, "{forged:?}");
    assert!(forged.iter().all(|it| it.ttl != 45 && it.window != 0));
    let forged = self::forged(&folder, "interference/tripwire_gfw_2020.pcap");
    assert_eq!(forged.len(), 146, "123 resets and 23 SYN-ACKs");
    assert!(forged.iter().all(|it| it.window != 0));
}

/// The page that tells these figures tells these figures.
#[test]
fn the_page_is_as_found() {
    let Some(folder) = folder() else { return };
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/captures.md");
    let page = std::fs::read_to_string(page).unwrap();
    let table = crate::captures::tables(&folder);
    assert!(page.ends_with(&table), "docs/captures.md differs from:\n{table}");
}

/// Each miss of the tables is explained above them: by the beginning of the row's first word, between backquotes.
#[test]
fn the_page_explains_each_miss() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/captures.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, page) = page.split_once("## Each miss\n").unwrap();
    let (words, tables) = page.split_once("## Connections with forged packets\n").unwrap();
    let explained: Vec<&str> = words.split('`').skip(1).step_by(2).collect();
    let rows: Vec<&str> = tables.lines().filter(|row| row.ends_with("| MISS |")).collect();
    // A drop that has its control is always found; and so is a page.
    assert!(rows.iter().all(|row| !row.contains("| yes | dropped |")), "{rows:?}");
    let (_, pages) = tables.split_once("## Block pages\n").unwrap();
    assert!(!pages.contains("MISS"), "{pages}");
    let missed: Vec<&str> = rows.iter().map(|row| row.split(' ').nth(1).unwrap()).collect();
    assert!(!missed.is_empty() && !tables.contains("FALSE"), "{missed:?}");
    for row in missed {
        assert!(explained.iter().any(|start| row.starts_with(start)), "{row}");
    }
}

fn forged(folder: &Path, name: &str) -> Vec<wirewitness_analysis::tamper::finding::Forged> {
    let findings = inspect(&folder.join(name)).findings.into_iter();
    let injections = findings.filter_map(|it| match it {
        Finding::Injection(it) if it.grade >= Grade::Likely => Some(it),
        _ => None,
    });
    injections.flat_map(|it| it.forged).collect()
}
