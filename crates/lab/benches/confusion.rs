//! What is said of what is true, on a line that loses packets: every row of the matrix and its twins, over many seeds.
//! `cargo bench -p wirewitness-lab --bench confusion`; with `WW_SEEDS=21-40` over others than 1 to 20, with `WW_ROW=sni` the
//! rows of such a name, with `WW_SHOW=folder` what was measured where a verdict is not the expected one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    dead_code,
    reason = "a benchmark: it prints, stops at the first surprise, and uses a part of the tests' modules"
)]

#[path = "../tests/field.rs"]
mod field;
#[path = "../tests/matrix/mod.rs"]
mod matrix;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use field::{Manner, measure, verdict};
use matrix::Row;

/// 150 ms there and back with the 20 ms that are not the line's, and 2 % lost each way.
const ACCESS: &str = "access = { delay_ms = 55, loss_per_million = 20_000 }";
const THREADS: usize = 2;

/// A row, and how its verdicts count.
struct Case {
    row: Row,
    group: Group,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Interference,
    Harmless,
    Twin,
}

fn main() {
    let began = std::time::Instant::now();
    let (cases, seeds) = (cases(), seeds());
    let measured = cases.len() * seeds.clone().count();
    let said = run(&cases, seeds);
    print_table(&cases, &said);
    print_missed(&cases, &said);
    print_summary(&cases, &said);
    println!("{measured} measurements in {:.0?}", began.elapsed());
}

fn seeds() -> std::ops::RangeInclusive<u64> {
    let wanted = std::env::var("WW_SEEDS").unwrap_or_else(|_| "1-20".to_owned());
    let (first, last) = wanted.split_once('-').unwrap();
    first.parse().unwrap()..=last.parse().unwrap()
}

fn cases() -> Vec<Case> {
    let interference = matrix::interference();
    let twins = matrix::twins(&interference);
    let grouped = [
        (interference, Group::Interference),
        (matrix::harmless(), Group::Harmless),
        (twins, Group::Twin),
    ];
    let wanted = std::env::var("WW_ROW").unwrap_or_default();
    let cases =
        |(rows, group): (Vec<Row>, Group)| rows.into_iter().map(move |row| Case { row, group });
    grouped.into_iter().flat_map(cases).filter(|case| case.row.name.contains(&wanted)).collect()
}

/// What was said of each case, and how often.
type Said = Vec<BTreeMap<String, usize>>;

fn run(cases: &[Case], seeds: std::ops::RangeInclusive<u64>) -> Said {
    let said = Mutex::new(vec![BTreeMap::new(); cases.len()]);
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let job = next.fetch_add(1, Ordering::Relaxed);
                    let Some(seed) = seeds.clone().nth(job / cases.len()) else { return };
                    let index = job % cases.len();
                    let word = one(&cases[index].row, seed);
                    *said.lock().unwrap()[index].entry(word).or_default() += 1;
                }
            });
        }
    });
    said.into_inner().unwrap()
}

fn one(row: &Row, seed: u64) -> String {
    let target = (row.client.to_owned(), row.url.to_owned());
    let manner = Manner { seed: Some(seed), ..Manner::default() };
    let measurement = measure(&row.scenario(ACCESS), &[target], manner).remove(0);
    let said = verdict(&measurement);
    if let Some(folder) = std::env::var_os("WW_SHOW")
        && said != row.said
    {
        let name = format!("{} {seed} {said}.json", row.name);
        std::fs::write(std::path::Path::new(&folder).join(name), measurement.to_string()).unwrap();
    }
    said
}

fn print_table(cases: &[Case], said: &Said) {
    let mut table: BTreeMap<(bool, &str), BTreeMap<&str, usize>> = BTreeMap::new();
    for (case, counts) in cases.iter().zip(said) {
        let row = table.entry((case.group != Group::Interference, case.row.verdict)).or_default();
        for (word, count) in counts {
            *row.entry(word).or_default() += count;
        }
    }
    println!("| | true | said, how often |\n|---|---|---|");
    for ((harmless, truth), counts) in table {
        let whose = if harmless { "harmless" } else { "interference" };
        let words: Vec<_> =
            counts.iter().map(|(word, count)| format!("`{word}` {count}")).collect();
        println!("| {whose} | `{truth}` | {} |", words.join(", "));
    }
}

fn print_missed(cases: &[Case], said: &Said) {
    println!("\n| case | true | said instead, how often |\n|---|---|---|");
    for (case, counts) in cases.iter().zip(said) {
        let missed = counts.iter().filter(|(word, _)| *word != case.row.verdict);
        let missed: Vec<_> = missed.map(|(word, count)| format!("`{word}` {count}")).collect();
        if !missed.is_empty() {
            let Row { name, url, verdict, .. } = &case.row;
            println!("| {name} ({url}) | `{verdict}` | {} |", missed.join(", "));
        }
    }
}

fn print_summary(cases: &[Case], said: &Said) {
    let mut tally: BTreeMap<&str, usize> = BTreeMap::new();
    let mut false_alarms = 0;
    let mut harmless = 0;
    for (case, counts) in cases.iter().zip(said) {
        for (word, &count) in counts {
            if case.group != Group::Interference {
                harmless += count;
                false_alarms += if word.starts_with("blocked") { count } else { 0 };
            } else if case.row.verdict.starts_with("blocked") {
                *tally.entry(kind(word, case.row.verdict)).or_default() += count;
            }
        }
    }
    let all: usize = tally.values().sum();
    println!("\nharmless: {harmless} measurements, {false_alarms} called blocked");
    println!("blocked: {all} measurements");
    for (kind, count) in tally {
        println!("- {kind}: {count} ({:.2} %)", count as f64 * 100.0 / all as f64);
    }
}

fn kind(said: &str, truth: &str) -> &'static str {
    match said.split(' ').next() {
        _ if said == truth => "right mechanism",
        Some("blocked") => "wrong mechanism",
        Some("insufficient") => "insufficient",
        Some("ok") => "ok",
        _ => "down",
    }
}
