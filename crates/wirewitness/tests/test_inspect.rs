//! `wirewitness inspect`, run as a person would.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::captures::{self, Order, Packet, RAW_IP, VLAN, as_ipv6, pcap, pcapng, read};
use crate::program::{Outcome, run, run_with_input};

/// A line on which names are blocked in several ways, recorded while it visits the scenario's sites.
fn recorded(folder: &Path) -> PathBuf {
    let path = folder.join("line.pcapng");
    let out = path.to_str().unwrap();
    let outcome = run(&[
        "lab",
        "capture",
        "pakistan-2025",
        "--client",
        "fixed",
        "--no-follow-up",
        "--out",
        out,
    ]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    path
}

fn inspect(path: &Path, more: &[&str]) -> Outcome {
    let mut arguments = vec!["inspect", path.to_str().unwrap()];
    arguments.extend(more);
    run(&arguments)
}

/// The lines of `--json` but for the file's name and the summary.
fn findings(path: &Path) -> Vec<Value> {
    let outcome = inspect(path, &["--json"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    without_file(outcome.lines())
}

fn without_file(mut lines: Vec<Value>) -> Vec<Value> {
    lines.retain(|line| line["type"] != "summary");
    for line in &mut lines {
        line.as_object_mut().unwrap().remove("file");
    }
    lines
}

fn of<'a>(findings: &'a [Value], kind: &str) -> Vec<&'a Value> {
    findings.iter().filter(|it| it["type"] == kind).collect()
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Without the ways that only pcapng tells.
fn wayless(packets: &[Packet]) -> Vec<Packet> {
    let way = wirewitness_wire::file::Way::Unknown;
    packets.iter().map(|it| Packet { way, ..it.clone() }).collect()
}

#[test]
fn the_same_packets_give_the_same_findings_in_every_kind_of_file() {
    let folder = tempfile::tempdir().unwrap();
    let packets = wayless(&read(&std::fs::read(recorded(folder.path())).unwrap()));
    // Behind an Ethernet head of one kind, packets are of one version.
    let packets: Vec<_> = packets.into_iter().filter(|it| it.bytes[0] >> 4 == 4).collect();
    let plain = pcapng(&packets);
    let expected = findings(&write(folder.path(), "a.pcapng", &plain));
    assert!(!of(&expected, "injection").is_empty() && !of(&expected, "drop").is_empty());
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).unwrap();
    let mut xz =
        lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).unwrap();
    xz.write_all(&plain).unwrap();
    for (name, bytes) in [
        ("little.pcap", pcap(&packets, Order::Little, RAW_IP)),
        ("big.pcap", pcap(&packets, Order::Big, RAW_IP)),
        ("vlan.pcap", pcap(&packets, Order::Little, VLAN)),
        ("a.pcapng.gz", gzip.finish().unwrap()),
        ("a.pcapng.xz", xz.finish().unwrap()),
        ("a.pcapng.zst", zstd::encode_all(&plain[..], 1).unwrap()),
    ] {
        assert_eq!(findings(&write(folder.path(), name, &bytes)), expected, "{name}");
    }
    let piped = run_with_input(&["inspect", "-", "--json"], &plain);
    assert_eq!(without_file(piped.lines()), expected);
}

/// What was found where, and how sure: by kind of finding and ports.
fn grades(findings: &[Value]) -> BTreeMap<String, u32> {
    let rank = |grade: &Value| match grade.as_str().unwrap() {
        "injected" | "dropped" | "known" => 3,
        "likely" => 2,
        _ => 1,
    };
    let said = findings.iter().filter(|it| it["grade"].is_string());
    said.map(|it| {
        let connection = &it["connection"];
        let key = format!(
            "{} {} {} {}",
            it["type"],
            connection["client_port"],
            connection["server_port"],
            it["trigger"]["value"]
        );
        (key, rank(&it["grade"]))
    })
    .collect()
}

#[test]
fn over_ipv6_the_same_is_found_and_never_with_more_certainty() {
    let folder = tempfile::tempdir().unwrap();
    let packets = read(&std::fs::read(recorded(folder.path())).unwrap());
    let four = grades(&findings(&write(folder.path(), "four.pcapng", &pcapng(&packets))));
    let six = grades(&findings(&write(folder.path(), "six.pcapng", &pcapng(&as_ipv6(&packets)))));
    assert!(four.values().any(|it| *it == 3), "{four:?}");
    for (key, grade) in &four {
        let other = six.get(key).copied().unwrap_or(0);
        assert!(other <= *grade, "{key}: {other} over {grade}");
        assert!(other > 0 || *grade < 3, "{key} is not found");
    }
    assert!(six.keys().all(|key| four.contains_key(key)), "{six:?}");
}

#[test]
fn output_tells_no_address_of_a_client_and_no_header_of_a_forged_packet() {
    let folder = tempfile::tempdir().unwrap();
    let path = recorded(folder.path());
    let packets = read(&std::fs::read(&path).unwrap());
    let client = client_of(&packets);
    for more in [&["--json"][..], &["--explain"], &[]] {
        let outcome = inspect(&path, more);
        assert!(!outcome.stdout.contains(&client), "{more:?}");
        assert!(!outcome.stdout.contains("identification"), "{more:?}");
    }
    let raw = inspect(&path, &["--json", "--raw-headers"]);
    assert!(raw.stdout.contains(&client) && raw.stdout.contains("identification"));
}

/// The address that opens connections.
fn client_of(packets: &[Packet]) -> String {
    let first = packets
        .iter()
        .find(|it| it.way == wirewitness_wire::file::Way::Out && it.bytes[0] >> 4 == 4)
        .unwrap();
    first.bytes[12..16].iter().map(u8::to_string).collect::<Vec<_>>().join(".")
}

#[test]
fn evidence_holds_just_the_packets_of_findings_and_no_address_of_the_client() {
    let folder = tempfile::tempdir().unwrap();
    let path = recorded(folder.path());
    let evidence = folder.path().join("evidence.pcapng");
    let outcome = inspect(&path, &["--json", "--write-evidence", evidence.to_str().unwrap()]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let all = read(&std::fs::read(&path).unwrap());
    let client: Vec<u8> = client_of(&all).split('.').map(|it| it.parse().unwrap()).collect();
    let kept = read(&std::fs::read(&evidence).unwrap());
    assert!(!kept.is_empty() && kept.len() < all.len() / 2, "{} of {}", kept.len(), all.len());
    let lines = outcome.lines();
    let forged: usize =
        of(&lines, "injection").iter().map(|it| it["packets"].as_array().unwrap().len()).sum();
    assert!(kept.len() >= forged);
    assert!(kept.iter().all(|it| it.bytes[0] >> 4 != 4
        || (it.bytes[12..16] != client[..] && it.bytes[16..20] != client[..])));
    let raw = inspect(&path, &["--raw-headers", "--write-evidence", evidence.to_str().unwrap()]);
    assert_eq!(raw.code, 0);
    let kept_raw = read(&std::fs::read(&evidence).unwrap());
    assert_eq!(kept_raw.len(), kept.len());
    assert!(kept_raw.iter().all(|it| all.iter().any(|other| other.bytes == it.bytes)));
}

/// The first packets of a connection: nothing is found, nothing is written, and what is there stays.
#[test]
fn evidence_of_nothing_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let packets = read(&std::fs::read(recorded(folder.path())).unwrap());
    let quiet = write(folder.path(), "quiet.pcap", &pcap(&packets[..1], Order::Little, RAW_IP));
    let evidence = folder.path().join("evidence.pcapng");
    let asked = ["--write-evidence", evidence.to_str().unwrap()];
    let outcome = inspect(&quiet, &asked);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("no evidence is written"), "{}", outcome.stderr);
    assert!(!evidence.exists());
    std::fs::write(&evidence, "from before").unwrap();
    inspect(&quiet, &asked);
    assert_eq!(std::fs::read_to_string(&evidence).unwrap(), "from before");
    let nowhere = folder.path().join("no such folder/evidence.pcapng");
    let outcome =
        inspect(&recorded(folder.path()), &["--write-evidence", nowhere.to_str().unwrap()]);
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
}

#[test]
fn a_damaged_capture_is_told_with_its_place_and_read_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let packets = read(&std::fs::read(recorded(folder.path())).unwrap());
    let whole = pcap(&packets, Order::Little, RAW_IP);
    let path = write(folder.path(), "cut.pcap", &whole[..whole.len() - 5]);
    let outcome = inspect(&path, &[]);
    assert_eq!(outcome.code, 0);
    assert!(
        outcome.stderr.contains("cut.pcap: byte ") && outcome.stderr.contains("needs"),
        "{}",
        outcome.stderr
    );
    let junk = write(
        folder.path(),
        "junk.pcap",
        b"this is no capture at all, but a sentence that goes on for a while",
    );
    let outcome = inspect(&junk, &[]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.contains("junk.pcap: byte 0"), "{}", outcome.stderr);
    let missing = run(&["inspect", "no-such-file.pcap"]);
    assert_eq!(missing.code, 1);
}

#[test]
fn findings_can_fail_a_script_and_evidence_needs_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = recorded(folder.path());
    assert_eq!(inspect(&path, &["--fail-on", "injected"]).code, 3);
    let quiet = captures::pcapng(&[]);
    let path = write(folder.path(), "none.pcapng", &quiet);
    assert_eq!(inspect(&path, &["--fail-on", "injected"]).code, 1, "no packet at all");
    let outcome = run_with_input(&["inspect", "-", "--write-evidence", "x.pcapng"], &quiet);
    assert_eq!(outcome.code, 2);
}
