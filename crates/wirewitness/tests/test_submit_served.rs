//! Submitting to the real server, which may be killed at any moment: each measurement is in the archive once, and none that was
//! acknowledged is lost.
#![allow(clippy::disallowed_methods, reason = "how long the program takes is what is tested")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{run, run_all};
use crate::test_probe::{PAGE, own_address, site};
use crate::test_serve::Serving;
use crate::test_submit::{record, written};

/// The records of all files in a folder of the spool.
fn spooled(spool: &Path, place: &str) -> Vec<String> {
    let files = std::fs::read_dir(spool.join(place)).unwrap();
    let texts = files.map(|it| std::fs::read_to_string(it.unwrap().path()).unwrap());
    texts.flat_map(|it| it.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Takes what was kept into the archive: how many were added, and how many the archive has of ours, distinct and in all.
fn ingested(folder: &Path) -> (u64, u64, u64) {
    let archive = folder.join("archive").display().to_string();
    let kept = folder.join("spool/kept").display().to_string();
    let taken = run(&["ingest", "--archive", &archive, "--json", &kept]);
    assert_eq!(taken.code, 0, "{}", taken.stderr);
    let asked = "select count(*) as n, count(distinct target) as d from measurement where regexp_like(domain, '^n[0-9]+[.]example$')";
    let asked = run(&["query", "--archive", &archive, "--format", "json", asked]);
    assert_eq!(asked.code, 0, "{}", asked.stderr);
    let row: Value = serde_json::from_str(asked.stdout.lines().next().unwrap()).unwrap();
    let row = row.get(0).unwrap_or(&row);
    let number = |name: &str| row[name].as_u64().unwrap();
    let added = taken.lines()[0]["added"].as_u64().unwrap();
    (added, number("n"), number("d"))
}

#[test]
fn what_is_sent_twice_is_there_once_and_only_who_knows_the_token_sends() {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    let token = folder.path().join("token");
    std::fs::write(&token, "sixteen-bytes-at-least\n").unwrap();
    let (token, place) = (token.display().to_string(), spool.display().to_string());
    let more = ["--submissions", &place, "--submit-token-file", &token];
    let serving = Serving::start(folder.path(), 0, &more);
    let text: String = (0..20).map(|it| record(it, "")).collect();
    // One in doubt, and one that is refused.
    let doubtful = record(20, "").replace("AS17557", "AS0");
    let refused = record(21, "").replace("\"PK\"", "\"pk\"");
    let file = folder.path().join("m.jsonl");
    std::fs::write(&file, text + &doubtful + &refused).unwrap();
    let file = file.display().to_string();
    let submit = ["submit", &file, "--to", &serving.url, "--batch", "8", "--json"];

    for wrong in [None, Some("another-token-of-enough-bytes")] {
        let environment = wrong.map(|it| ("WIREWITNESS_SUBMIT_TOKEN".to_owned(), it.to_owned()));
        let environment: Vec<_> = environment.into_iter().collect();
        let outcome = run_all(&submit, &environment, b"");
        assert_eq!((outcome.code, outcome.lines()[0]["unsent"].as_u64()), (1, Some(22)));
        assert!(outcome.stderr.contains("posting needs a token"), "{}", outcome.stderr);
        assert!(spooled(&spool, "kept").is_empty());
    }
    for _ in 0..2 {
        let outcome = run(&[&submit[..], &["--token-file", &token]].concat());
        // Something was refused, and nothing is to be sent again.
        assert_eq!(outcome.code, 1, "{}", outcome.stderr);
        let line = &outcome.lines()[0];
        let count = |name: &str| line[name].as_u64().unwrap();
        assert_eq!([count("accepted"), count("quarantined")], [20, 1], "{}", outcome.stderr);
        assert_eq!([count("refused"), count("unsent")], [1, 0]);
        assert!(outcome.stderr.contains("m.jsonl line 21: country or network not known"));
        assert!(outcome.stderr.contains("m.jsonl line 22: probe_cc"), "{}", outcome.stderr);
        assert!(!outcome.stderr.contains("nothing is lost"));
    }
    assert_eq!((spooled(&spool, "kept").len(), spooled(&spool, "quarantine").len()), (20, 1));
    assert_eq!(ingested(folder.path()).1, 20);
    assert_eq!(ingested(folder.path()), (0, 20, 20));
}

#[test]
fn what_was_measured_is_sent_once_it_is_in_its_file() {
    let Some(address) = own_address() else {
        eprintln!("SKIPPED: this machine has no address but loopback");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    let place = spool.display().to_string();
    let mut serving = Serving::start(folder.path(), 0, &["--submissions", &place]);
    let url = format!("http://{}/", site(address, Some(PAGE)));
    let measure = |output: &str, more: &[&str]| {
        let file = folder.path().join(output);
        let name = file.display().to_string();
        let common = ["probe", "--yes-i-consent", &url, "--no-helper", "--no-follow-up"];
        let where_to = ["--public-address", "none", "--output", &name];
        let outcome = run(&[&common[..], &where_to, more].concat());
        (outcome, std::fs::read_to_string(file).unwrap())
    };
    let (outcome, _) = measure("a.jsonl", &[]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("sent") && spooled(&spool, "quarantine").is_empty());

    let (outcome, text) = measure("b.jsonl", &["--submit", &serving.url]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("when all is measured, the file is sent to http://127"));
    assert!(outcome.stderr.contains("to be sent: 1 measurement, "), "{}", outcome.stderr);
    // Nobody knows the network of a made-up line.
    assert!(outcome.stderr.contains("0 accepted, 1 in quarantine"), "{}", outcome.stderr);
    assert_eq!(spooled(&spool, "quarantine"), [text.trim_end()]);

    let url_of_dead = serving.url.clone();
    serving.kill();
    let (outcome, text) = measure("c.jsonl", &["--submit", &url_of_dead]);
    assert_eq!((outcome.code, text.lines().count()), (1, 1), "the file stays");
    assert!(outcome.stderr.contains("wirewitness submit "), "{}", outcome.stderr);
}

/// Sends a file in the background.
fn sending(file: &str, url: &str, tries: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_wirewitness"))
        .args(["submit", file, "--to", url, "--batch", "2", "--json", "--tries", tries])
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// How many records were acknowledged, when it is done.
fn acknowledged(child: Child) -> (Option<i32>, usize) {
    let output = child.wait_with_output().unwrap();
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    let accepted = line["accepted"].as_u64().unwrap();
    (output.status.code(), usize::try_from(accepted).unwrap())
}

/// Waits until more files are kept than there were.
fn wait_for_more(spool: &Path, than: usize) {
    let begun = Instant::now();
    while spooled_files(spool) <= than {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing comes");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn spooled_files(spool: &Path) -> usize {
    std::fs::read_dir(spool.join("kept")).unwrap().count()
}

#[test]
fn a_server_that_is_killed_loses_nothing_that_it_has_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    let place = spool.display().to_string();
    let more = ["--submissions", place.as_str()];
    let mut serving = Serving::start(folder.path(), 0, &more);
    let port = serving.port();
    let seed = std::time::UNIX_EPOCH.elapsed().unwrap().subsec_nanos();
    let mut state = u64::from(seed);
    // PCG's multiplier; the upper bits are good enough to be late by chance.
    let mut below = |most: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) % most
    };
    let mut broken_off = 0;
    for round in 0..ROUNDS {
        let numbers = round * 100..(round + 1) * 100;
        let file = written(folder.path(), numbers.clone());
        let client = sending(&file, &serving.url, "1");
        // In the midst of sending on any machine: after so many of the fifty posts, and a bit of one.
        let after = usize::try_from(below(45)).unwrap();
        wait_for_more(&spool, spooled_files(&spool) + after);
        std::thread::sleep(Duration::from_micros(below(2_000)));
        serving.kill();
        let (code, count) = acknowledged(client);
        broken_off += usize::from(code == Some(1));
        serving = Serving::start(folder.path(), port, &more);
        // Posts go one after the other, so what was acknowledged is the first so many.
        let kept: BTreeSet<String> = spooled(&spool, "kept").into_iter().collect();
        for number in numbers.clone().take(count) {
            let line = record(number, "");
            assert!(kept.contains(line.trim_end()), "seed {seed}: {number} of {count} is lost");
        }
        let parts = std::fs::read_dir(spool.join("part")).unwrap().count();
        assert_eq!(parts, 0, "seed {seed}: halves are swept away");
        assert_eq!(acknowledged(sending(&file, &serving.url, "1")), (Some(0), 100));
    }
    // And one that goes on by itself, while the server is killed under it.
    let file = written(folder.path(), ROUNDS * 100..(ROUNDS + 1) * 100);
    let client = sending(&file, &serving.url, "10");
    for _ in 0..3 {
        let files = spooled_files(&spool);
        wait_for_more(&spool, files);
        std::thread::sleep(Duration::from_micros(below(20_000)));
        serving.kill();
        serving = Serving::start(folder.path(), port, &more);
    }
    assert_eq!(acknowledged(client), (Some(0), 100), "seed {seed}");
    assert!(broken_off > 0, "seed {seed}: no kill came while it was sending");

    let all = u64::from((ROUNDS + 1) * 100);
    let (_, rows, distinct) = ingested(folder.path());
    assert_eq!((rows, distinct), (all, all), "seed {seed}");
    assert_eq!(ingested(folder.path()), (0, all, all));
}

const ROUNDS: u32 = 5;
