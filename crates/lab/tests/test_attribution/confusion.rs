//! The figures of docs/attribution.md: whole batteries over the wire, many times. Minutes, even of a release build:
//!
//! ```sh
//! cargo test --release -p wirewitness-lab --test runner -- --ignored --nocapture confusion
//! ```

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::*;

const WHOLE: [Test; 3] = [Test::Residual, Test::Tls, Test::Dns];

/// One packet in a hundred.
const LOSSY: Flaws = Flaws { loss: 10_000, idle: 0 };
/// Devices of which the reading of TLS is known.
const READERS: [&str; 9] =
    ["tsg", "gfw_i", "gfw_ii", "gfw_iii", "henan", "kazakhstan", "myanmar", "pk_drop", "pk_rst"];

/// One battery to be run.
struct Case {
    row: String,
    scenario: Arc<Scenario>,
    seed: u64,
    tests: Vec<Test>,
}

/// What came of all cases of a row.
#[derive(Default)]
struct Row {
    families: BTreeMap<(Family, Option<Behaviour>), BTreeMap<String, u32>>,
    verdicts: BTreeMap<String, u32>,
    ended: u32,
}

/// Runs all cases on two threads, and tells how long one took.
fn run_all(title: &str, cases: &[Case]) {
    let catalogue = catalogue();
    let next = AtomicUsize::new(0);
    let rows: Mutex<BTreeMap<String, Row>> = Mutex::default();
    let spent: Mutex<Vec<Duration>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let begun = Instant::now();
                    let battery = run(&case.scenario, case.seed, &case.tests);
                    spent.lock().unwrap().push(begun.elapsed());
                    let named = Named::of(&battery, &catalogue);
                    let mut rows = rows.lock().unwrap();
                    let row = rows.entry(case.row.clone()).or_default();
                    row.ended += u32::from(battery.run.unwrap().ended.is_some());
                    *row.verdicts.entry(named.verdict).or_default() += 1;
                    for (family, who) in named.families {
                        let counts = row.families.entry(family).or_default();
                        *counts.entry(who.join(" or ")).or_default() += 1;
                    }
                }
            });
        }
    });
    tell(title, &rows.into_inner().unwrap(), spent.into_inner().unwrap());
}

fn tell(title: &str, rows: &BTreeMap<String, Row>, mut spent: Vec<Duration>) {
    spent.sort();
    println!("\n## {title}");
    println!("wall time of one: median {:?}, most {:?}", spent[spent.len() / 2], spent.last());
    for (name, row) in rows {
        println!("{name} (ended early: {})", row.ended);
        for ((family, behaviour), counts) in &row.families {
            let kind = behaviour.map_or("", Behaviour::kind);
            println!("    {family} {kind}: {counts:?}");
        }
        println!("    verdict: {:?}", row.verdicts);
    }
}

fn many(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|it| it.parse().ok()).unwrap_or(usual)
}

fn cases(rows: Vec<(String, Scenario, Vec<Test>)>, seeds: u64) -> Vec<Case> {
    let rows: Vec<_> =
        rows.into_iter().map(|(row, it, tests)| (row, Arc::new(it), tests)).collect();
    let case = |seed: u64| {
        rows.iter().map(move |(row, scenario, tests)| Case {
            row: row.clone(),
            scenario: Arc::clone(scenario),
            seed,
            tests: tests.clone(),
        })
    };
    (1..=seeds).flat_map(case).collect()
}

#[test]
#[ignore = "minutes: prints figures"]
fn confusion_of_devices_with_one_per_cent_loss() {
    let rows = shipped::SHIPPED.iter().map(|(name, _)| {
        let profile = shipped::profile(name).unwrap().unwrap();
        let has = |section: &str| profile.cells.keys().any(|(of, _)| *of == section);
        let tests = if has("http") { vec![Test::Http] } else { WHOLE.to_vec() };
        ((*name).to_owned(), path(&[name], LOSSY), tests)
    });
    run_all("Devices, 1 % loss", &cases(rows.collect(), many("SEEDS", 50)));
}

#[test]
#[ignore = "minutes: prints figures"]
fn confusion_of_clean_paths() {
    let rows = vec![("clean".to_owned(), path(&[], Flaws::default()), WHOLE.to_vec())];
    run_all("Clean paths", &cases(rows, many("CLEAN", 1_000)));
    let rows = vec![("lossy".to_owned(), path(&[], LOSSY), WHOLE.to_vec())];
    run_all("Clean paths with 1 % loss", &cases(rows, many("LOSSY", 200)));
}

#[test]
#[ignore = "minutes: prints figures"]
fn confusion_of_pairs() {
    let mut rows = Vec::new();
    for (number, one) in READERS.iter().enumerate() {
        for other in &READERS[number + 1..] {
            rows.push((
                format!("{one} + {other}"),
                path(&[one, other], Flaws::default()),
                vec![Test::Tls],
            ));
        }
    }
    run_all("Pairs of devices", &cases(rows, many("PAIRS", 3)));
}

#[test]
#[ignore = "minutes: prints figures"]
fn confusion_of_devices_that_act_three_times_in_four() {
    let idle = Flaws { idle: 250_000, loss: 0 };
    let rows =
        READERS.iter().map(|name| ((*name).to_owned(), path(&[name], idle), vec![Test::Tls]));
    run_all("Devices that act in 75 % of the trials", &cases(rows.collect(), many("IDLE", 10)));
}

#[test]
#[ignore = "a minute: prints figures"]
fn confusion_of_fragments_with_and_without_loss() {
    for (title, flaws, usual) in
        [("Fragments", Flaws::default(), 3), ("Fragments, 1 % loss", LOSSY, 10)]
    {
        let rows = READERS
            .iter()
            .map(|name| ((*name).to_owned(), path(&[name], flaws), vec![Test::Fragments]));
        run_all(title, &cases(rows.collect(), many("FRAGMENTS", usual)));
    }
}

#[test]
#[ignore = "a minute: prints how long batteries of all tests take"]
fn confusion_of_nothing_all_tests() {
    let rows = [None, Some("tsg"), Some("pk_drop")].map(|name| {
        let devices: Vec<&str> = name.into_iter().collect();
        (name.unwrap_or("clean").to_owned(), path(&devices, LOSSY), Test::ALL.to_vec())
    });
    run_all("All tests in one battery", &cases(rows.into(), many("ALL", 10)));
}
