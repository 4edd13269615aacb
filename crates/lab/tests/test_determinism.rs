//! A run is a function of scenario and seed: the same measurements, and the same packets in order, time, size and flags.

use std::sync::Arc;

use wirewitness_lab::Scenario;
use wirewitness_probe::{FollowUp, web};

use crate::field::{self, Field, Manner, measure, scenario, verdict};

/// Of every kind of interference one, and harmless ones, over a lossy line.
const URLS: &[&str] = &[
    "https://opposition.example/",
    "http://plain-news.example/",
    "https://residual.example/",
    "https://quic.example/",
    "https://private-answer.example/",
    "https://bank.example/",
    "https://fine.example/",
    "http://chain.example/",
    "https://dual.example/",
];

fn lossy() -> Scenario {
    let path = field::folder().join("pakistan-2025.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let lossy = text
        .replace("queue_bytes = 262_144 }", "queue_bytes = 262_144, loss_per_million = 10_000 }");
    assert_ne!(text, lossy);
    Scenario::parse("lossy", &lossy).unwrap()
}

/// Every measurement as it is written, and a line for every packet of the client's access link.
fn run(seed: u64) -> (Vec<String>, Vec<String>) {
    let run = lossy().run(Some(seed), |running| async move {
        let running = Arc::new(running);
        running.tap("mobile-b");
        let field = Field::new(Arc::clone(&running), FollowUp::Failures).await;
        let session = field.session("mobile-b");
        let mut measured = Vec::new();
        for url in URLS {
            measured.push(web::measure(&session, url).await.unwrap().to_string());
        }
        (measured, running.records("mobile-b").iter().map(ToString::to_string).collect())
    });
    run.unwrap()
}

/// FNV-1a over lines; so that builds of two kinds can be compared by what they print.
fn digest(lines: &[String]) -> u64 {
    let step = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    lines.iter().flat_map(|line| line.bytes()).fold(0xcbf2_9ce4_8422_2325, step)
}

#[test]
fn the_same_seed_gives_the_same_files_and_packets() {
    let (measured, packets) = run(7);
    assert!(packets.len() > 1_000, "{}", packets.len());
    let (again, packets_again) = run(7);
    assert_eq!(measured, again);
    let first = packets.iter().zip(&packets_again).position(|(a, b)| a != b);
    assert_eq!(
        first,
        None,
        "{:?} and {:?}",
        packets[first.unwrap_or(0)],
        packets_again[first.unwrap_or(0)]
    );
    assert_eq!(packets.len(), packets_again.len());
    assert_ne!(measured, run(8).0);
    // `.ci/run` compares this line of a debug build and of a release build.
    println!("digest of seed 7: {:016x} {:016x}", digest(&measured), digest(&packets));
}

#[test]
fn so_many_at_once_changes_no_verdict() {
    // Targets that share no state on the path: residual blocking by address is left out.
    let scenario = scenario("pakistan-2025", "");
    let targets: Vec<_> = scenario
        .targets()
        .into_iter()
        .filter(|url| !url.contains("residual") && scenario.truth("fixed", url).is_some())
        .map(|url| ("fixed".to_owned(), url.to_owned()))
        .collect();
    let verdicts = |at_once| {
        let measured = measure(&scenario, &targets, Manner { at_once, ..Manner::default() });
        measured.iter().map(verdict).collect::<Vec<_>>()
    };
    let one = verdicts(1);
    for at_once in [4, 64] {
        for ((target, alone), together) in targets.iter().zip(&one).zip(verdicts(at_once)) {
            assert_eq!(*alone, together, "{} with {at_once} at once", target.1);
        }
    }
}
