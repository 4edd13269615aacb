//! Content-level findings over real captures, interfered with and benign.

use std::path::{Path, PathBuf};

use wirewitness_analysis::fingerprints::{Fingerprints, parse};
use wirewitness_analysis::tamper::Finding;
use wirewitness_analysis::tamper::finding::{Blockpage, Drop, DropGrade, Grade, Injection};

use crate::captures::{self, inspect_with};

/// The folder of captures, if it is there.
fn folder() -> Option<PathBuf> {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/captures"));
    if root.join("index.tsv").exists() {
        return Some(root);
    }
    eprintln!("SKIPPED: no captures at {}", root.display());
    None
}

/// The public lists of fingerprints, if they are there, beside the short one.
fn all_fingerprints() -> Fingerprints {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/fingerprints");
    let mut rows = Fingerprints::shipped_rows();
    for file in ["fingerprints_http.csv", "censoredplanet-blockpage_signatures.json"] {
        if let Ok(bytes) = std::fs::read(Path::new(root).join(file)) {
            rows.extend(parse(file, &bytes).rows);
        }
    }
    Fingerprints::compile(rows).0
}

fn inspect(path: &Path, fingerprints: &Fingerprints) -> Vec<Finding> {
    let mut found = Vec::new();
    inspect_with(fingerprints, &captures::file(path), &mut |it| found.push(it));
    found
}

fn files(part: &str) -> Vec<PathBuf> {
    let Some(root) = folder() else { return Vec::new() };
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(root.join(part)).unwrap().map(|it| it.unwrap().path()).collect();
    files.retain(|it| it.extension().is_some_and(|it| it == "pcap" || it == "pcapng"));
    files.sort();
    files
}

fn file(name: &str) -> Option<Vec<Finding>> {
    Some(inspect(&folder()?.join("interference").join(name), &Fingerprints::shipped()))
}

fn drops(found: &[Finding]) -> Vec<&Drop> {
    let mut found_ones = Vec::new();
    for finding in found {
        if let Finding::Drop(it) = finding {
            found_ones.push(&**it);
        }
    }
    found_ones
}

fn pages(found: &[Finding]) -> Vec<&Blockpage> {
    let mut found_ones = Vec::new();
    for finding in found {
        if let Finding::Blockpage(it) = finding {
            found_ones.push(&**it);
        }
    }
    found_ones
}

fn injections(found: &[Finding]) -> Vec<&Injection> {
    let mut found_ones = Vec::new();
    for finding in found {
        if let Finding::Injection(it) = finding {
            found_ones.push(&**it);
        }
    }
    found_ones
}

/// The labels of the captures say which packets are pages of filters.
#[test]
fn labelled_block_pages_are_found_with_the_short_list() {
    for (name, grade, packets) in [
        ("centrace_103.93.208.20_bisexual.org_bisexual.org.pcap", "known", &[166, 178][..]),
        ("centrace_91.199.201.114_www.bitcomet.com_www.bitcomet.com.pcap", "likely", &[131]),
        ("upb_detailed_iran_encrypted_dns.pcapng", "likely", &[10]),
        ("foxit_id1.cn-inject.pcap", "likely", &[8]),
    ] {
        let Some(found) = file(name) else { return };
        let pages = pages(&found);
        for packet in packets {
            let page = pages.iter().find(|page| page.packets.contains(packet)).expect(name);
            assert_eq!(page.grade, grade, "{name}: {page:?}");
        }
    }
}

/// Five captures of the same source; the fifth is not in the folder.
#[test]
fn answers_that_differ_are_found() {
    for (name, packets) in [
        ("foxit_bro.org-harlemshake-inject.pcap", [21, 53]),
        ("foxit_id1.cn-inject.pcap", [5, 8]),
        ("foxit_qi_local_GET_slashdot_redirect.pcap", [6, 12]),
        ("foxit_qi_local_SYNACK_curl_jsonip.pcap", [5, 9]),
    ] {
        let Some(found) = file(name) else { return };
        let injections = injections(&found);
        let evidence = injections.iter().flat_map(|it| &it.evidence);
        let kinds = ["another_answer", "overlap_differs"];
        let told: Vec<_> =
            evidence.filter(|it| kinds.contains(&it.kind)).map(|it| &*it.packets).collect();
        assert_eq!(told, [packets], "{name}");
    }
}

#[test]
fn both_forged_dns_answers_of_the_capture_are_injected() {
    let Some(found) = file("upb_detailed_iran_encrypted_dns.pcapng") else { return };
    let mut injections = injections(&found);
    injections.retain(|it| it.what == ["dns_answer"]);
    let told: Vec<_> = injections.iter().map(|it| (it.grade, it.packets.clone())).collect();
    assert_eq!(told, [(Grade::Injected, vec![40]), (Grade::Injected, vec![44])]);
    assert_eq!(injections[0].trigger.as_ref().unwrap().value, "mozilla.cloudflare-dns.com");
}

#[test]
fn labelled_drops_are_found() {
    for (name, what, value, grade) in [
        (
            "centrace_123.30.89.9_youtube.com_youtube.com_0.pcap",
            "http_request",
            "youtube.com",
            DropGrade::Likely,
        ),
        (
            "centrace_185.236.34.4_store.steampowered.com_store.steampowered.com.pcap",
            "http_request",
            "store.steampowered.com",
            DropGrade::Likely,
        ),
        (
            "upb_comprehensive_russia_vps.pcapng",
            "client_hello",
            "usersporn.com",
            DropGrade::Dropped,
        ),
        (
            "upb_detailed_russia_ech_cloudflare.pcapng",
            "client_hello",
            "cloudflare-ech.com",
            DropGrade::Likely,
        ),
        (
            "upb_detailed_iran_encrypted_dns.pcapng",
            "http_request",
            "firefox.dns.nextdns.io",
            DropGrade::Dropped,
        ),
        (
            "gfwquic_quic_victim_client_anon.pcap",
            "quic_initial",
            "http3check.net",
            DropGrade::Likely,
        ),
    ] {
        let Some(found) = file(name) else { return };
        let of_name = |drop: &&&Drop| drop.trigger.as_ref().is_some_and(|it| it.value == value);
        let all = drops(&found);
        let drop = all.iter().find(of_name).unwrap_or_else(|| panic!("{name}: {all:?}"));
        assert_eq!((drop.what, drop.grade), (what, grade), "{name}: {drop:?}");
    }
}

#[test]
fn both_silences_of_three_minutes_are_found() {
    let Some(found) = file("gfwquic_quic_server_anon.pcap") else { return };
    let drops = drops(&found);
    let told: Vec<_> = drops.iter().map(|it| (it.what, it.packets.clone())).collect();
    assert_eq!(told, [("residual", vec![5, 6]), ("residual", vec![10, 11])]);
    assert!(drops.iter().all(|it| it.trigger.as_ref().unwrap().value == "google.com"));
}

#[test]
fn quic_beside_what_was_answered_is_likely() {
    let Some(found) = file("upb_comprehensive_russia_vps.pcapng") else { return };
    let mut drops = drops(&found);
    drops.retain(|it| it.what == "quic_initial");
    let told: Vec<_> = drops.iter().map(|it| (it.grade, it.packets.clone())).collect();
    assert_eq!(told, [(DropGrade::Likely, vec![225, 241])]);
}

/// The labels: nothing of what was done is in these files, or it cannot be told.
#[test]
fn nothing_is_claimed_of_what_does_not_show() {
    for name in [
        "gfwquic_quic_attacker_client_anon.pcap",
        "gfwquic_dns_attacker_client_anon.pcap",
        "gfwquic_flow-tracking-time.pcap",
        "centrace_116.223.148.197_www.ft.com_www.ft.com.pcap",
        "centrace_118.215.97.75_gawker.com_gawker.com.pcap",
        "centrace_221.120.163.243_quora.com_quora.com.pcap",
        "centrace_200.115.176.142_binance.com_binance.com.pcap",
    ] {
        let Some(found) = file(name) else { return };
        let claims = drops(&found).iter().filter(|it| it.grade > DropGrade::Undecided).count();
        assert_eq!((claims, pages(&found).len()), (0, 0), "{name}");
    }
}

#[test]
fn nothing_is_claimed_of_benign_captures() {
    let fingerprints = all_fingerprints();
    let mut likely = Vec::new();
    for path in files("benign") {
        let found = inspect(&path, &fingerprints);
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let contents = ["dns_answer", "data"];
        let forged = |it: &&&Injection| {
            it.grade > Grade::Undecided && it.what.iter().any(|what| contents.contains(what))
        };
        assert_eq!(injections(&found).iter().find(forged), None, "{name}");
        assert_eq!(pages(&found), Vec::<&Blockpage>::new(), "{name}");
        for drop in drops(&found) {
            assert_ne!(drop.grade, DropGrade::Dropped, "{name}: {drop:?}");
            if drop.grade == DropGrade::Likely {
                likely.push(format!("{name}: {drop:?}"));
            }
        }
    }
    assert!(likely.is_empty(), "{likely:#?}");
}

/// Prints all there is, for people: `cargo test .. look_at -- --ignored --nocapture`.
#[test]
#[ignore = "prints, and checks nothing"]
fn look_at_all() {
    let fingerprints = all_fingerprints();
    for folder in ["interference", "benign"] {
        for path in files(folder) {
            let found = inspect(&path, &fingerprints);
            let name = path.file_name().unwrap().to_string_lossy();
            let quiet =
                |it: &&Finding| matches!(it, Finding::Dns(_) | Finding::Quic(_) | Finding::Flow(_));
            for finding in found.iter().filter(|it| !quiet(it)) {
                eprintln!("{folder}/{name}: {}", serde_json::to_string(finding).unwrap());
            }
        }
    }
}
