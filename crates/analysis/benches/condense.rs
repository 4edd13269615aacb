//! How fast measurements are condensed and judged, on one core, and how small they become.
//!
//! `cargo bench -p wirewitness-analysis --bench condense`. Measurements come from the shared data beside the repository,
//! the examples where there is none. Each figure is the least of several runs. MB are 10^6 bytes.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![allow(clippy::unwrap_used, reason = "no input but our own")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use wirewitness_analysis::condense::{Unread, condense};
use wirewitness_analysis::fingerprints::{Fingerprints, parse};
use wirewitness_analysis::judge::{Context, judge};
use wirewitness_model::ooni::Measurement;

fn main() {
    // Cargo says so; `cargo test --all-targets` runs benchmarks too, and has no use for figures of a debug build.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = root.join("../shared/data");
    let fingerprints = fingerprints(&shared);
    let context = Context::new(&fingerprints);
    for (name, folder) in [
        ("examples", root.join("examples/measurements")),
        ("OONI QA", shared.join("ooni/qa")),
        ("OONI real", shared.join("ooni/real")),
    ] {
        let texts = texts(&folder);
        if texts.is_empty() {
            continue;
        }
        sizes(name, &texts, &context);
        speeds(name, &texts, &context);
        if name != "OONI real" {
            continue;
        }
        let of_web = |text: &&String| {
            let measurement = Measurement::from_json(text).unwrap();
            measurement.test_name.as_str() == Some("web_connectivity")
        };
        let web: Vec<String> = texts.iter().filter(of_web).cloned().collect();
        sizes("  web connectivity", &web, &context);
        speeds("  web connectivity", &web, &context);
        let long: Vec<String> = texts.into_iter().filter(|text| text.len() > 100_000).collect();
        sizes("  those over 100 kB", &long, &context);
        speeds("  those over 100 kB", &long, &context);
    }
}

fn fingerprints(shared: &Path) -> Fingerprints {
    let mut rows = Fingerprints::shipped_rows();
    for file in ["fingerprints_http.csv", "fingerprints_dns.csv"] {
        let bytes = std::fs::read(shared.join("fingerprints").join(file)).unwrap_or_default();
        rows.extend(parse(file, &bytes).rows);
    }
    Fingerprints::compile(rows).0
}

fn texts(folder: &PathBuf) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let texts = paths.iter().filter_map(|path| std::fs::read_to_string(path).ok());
    texts.filter(|text| Measurement::from_json(text).is_ok()).collect()
}

fn condensed(text: &str, context: &Context<'_>) -> String {
    condense(text, &Measurement::from_json(text).unwrap(), context).unwrap()
}

fn sizes(name: &str, texts: &[String], context: &Context<'_>) {
    let mut lengths: Vec<_> =
        texts.iter().map(|text| (text.len(), condensed(text, context).len())).collect();
    let sum = |of: fn(&(usize, usize)) -> usize| lengths.iter().map(of).sum::<usize>();
    let (before, after) = (sum(|it| it.0), sum(|it| it.1));
    let middle = lengths.len() / 2;
    lengths.sort_unstable_by_key(|it| it.0);
    let before_median = lengths.get(middle).map_or(0, |it| it.0);
    lengths.sort_unstable_by_key(|it| it.1);
    let after_median = lengths.get(middle).map_or(0, |it| it.1);
    println!(
        "{name}: {} measurements, {before} bytes (median {before_median}) become {after} (median {after_median})",
        texts.len()
    );
}

fn speeds(name: &str, texts: &[String], context: &Context<'_>) {
    report(&format!("{name}: parse"), texts, |text| {
        black_box(Measurement::from_json(text).unwrap());
    });
    report(&format!("{name}: parse, judge"), texts, |text| {
        black_box(judge(&Measurement::from_json(text).unwrap(), context));
    });
    report(&format!("{name}: parse, condense"), texts, |text| {
        black_box(condensed(text, context));
    });
    report(&format!("{name}: parse, condense, parse that, judge"), texts, |text| {
        let short = condensed(text, context);
        black_box(judge(&Measurement::from_json(&short).unwrap(), context));
    });
    // As the archive takes measurements in; some few are left to the way above.
    report(&format!("{name}: condense unread, parse that, judge"), texts, |text| {
        let unread = Unread::condense(text, context);
        let read = unread.as_ref().and_then(Unread::read);
        black_box(read.is_some_and(|(_, measurement)| {
            black_box(judge(&measurement, context));
            true
        }));
    });
}

/// Prints measurements and bytes a second.
fn report(name: &str, texts: &[String], mut work: impl FnMut(&str)) {
    let bytes: usize = texts.iter().map(String::len).sum();
    // Small corpora are gone over several times, or the clock is what is measured.
    let rounds = (8 << 20) / bytes.max(1) + 1;
    let mut least = f64::MAX;
    for _ in 0..RUNS {
        let start = now();
        for _ in 0..rounds {
            texts.iter().for_each(|text| work(text));
        }
        least = least.min(start.elapsed().as_secs_f64() / rounds as f64);
    }
    println!(
        "{name:<62} {:>9.0} a second {:>7.0} MB/s",
        texts.len() as f64 / least,
        bytes as f64 / least / 1e6
    );
}

#[allow(clippy::disallowed_methods, reason = "a benchmark is about time")]
fn now() -> Instant {
    Instant::now()
}

const RUNS: usize = 15;
