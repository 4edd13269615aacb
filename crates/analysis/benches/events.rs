//! How fast events are found, on one core and on two, and how much memory that takes beside the points.
//!
//! `cargo bench -p wirewitness-analysis --bench events [-- MILLIONS]`. Points are made up, sorted as a store gives them, and fed
//! twice: to the survey, then to the finder. Making and sorting them is not counted. 20 000 targets in 40 networks, 2 000
//! cells with 20 measurements a day and the rest with what is left; 1 % noise, 300 blocks.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::hint::black_box;
use std::time::Instant;

use wirewitness_analysis::events::{Finder, Report, Settings, Survey, find, finish};
use wirewitness_model::point::{Network, Point};
use wirewitness_model::verdict::{Mechanism, Status};

fn main() {
    // Cargo says so; `cargo test --all-targets` runs benchmarks too, and has no use for figures of a debug build.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let millions = std::env::args().filter_map(|arg| arg.parse::<u64>().ok()).next().unwrap_or(10);
    let mut points = made_up(millions * 1_000_000);
    let n = points.len() as f64;
    let settings = Settings::default();
    for parts in [1, 2] {
        let start = now();
        let report = black_box(in_parts(&points, parts, &settings));
        let secs = start.elapsed().as_secs_f64();
        println!(
            "{parts} part(s): {:>6.1} million points/s, {secs:>6.2} s for {:.0} million; {} events, {} unconfirmed, {} standing",
            n / secs / 1e6,
            n / 1e6,
            report.events.len(),
            report.unconfirmed.len(),
            report.standing.len(),
        );
    }
    let start = now();
    let report = black_box(find(&mut points, &settings));
    let secs = start.elapsed().as_secs_f64();
    println!(
        "find(), with sorting what is sorted: {:>6.2} s; {} events",
        secs,
        report.events.len()
    );
}

/// Both passes, targets split between threads.
fn in_parts(points: &[Point], parts: usize, settings: &Settings) -> Report {
    let slices = split(points, parts);
    let surveys: Vec<Survey> = std::thread::scope(|scope| {
        let threads: Vec<_> = slices
            .iter()
            .map(|slice| {
                scope.spawn(move || {
                    let mut survey = Survey::default();
                    slice.iter().for_each(|point| survey.add(point));
                    survey
                })
            })
            .collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    let mut surveys = surveys.into_iter();
    let mut survey = surveys.next().unwrap_or_default();
    surveys.for_each(|other| survey.join(other));
    let climate = survey.finish(settings);
    let found = std::thread::scope(|scope| {
        let climate = &climate;
        let threads: Vec<_> = slices
            .iter()
            .map(|slice| {
                scope.spawn(move || {
                    let mut finder = Finder::new(climate, settings);
                    slice.iter().for_each(|point| finder.add(point));
                    finder.finish()
                })
            })
            .collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    finish(found, &climate, settings)
}

/// Slices of whole targets.
fn split(points: &[Point], parts: usize) -> Vec<&[Point]> {
    let (mut slices, mut rest) = (Vec::new(), points);
    for left in (1..=parts).rev() {
        let near = rest.len() / left;
        let target = rest.get(near).map_or(u32::MAX, |point| point.target);
        let at = if left == 1 {
            rest.len()
        } else {
            rest.partition_point(|point| point.target < target)
        };
        let (slice, after) = rest.split_at(at);
        slices.push(slice);
        rest = after;
    }
    slices
}

/// Points of 30 days, or of as many as it takes at 100 a cell.
fn made_up(n: u64) -> Vec<Point> {
    let mut random = Random(0x5EED_0001);
    let cells = TARGETS * NETWORKS;
    let days = 30;
    let dense = 20 * days;
    // The first 50 targets are measured often.
    let sparse = n.saturating_sub(2_000 * dense) / (cells - 2_000);
    let mut points = Vec::with_capacity(n as usize);
    let mut times = Vec::new();
    for target in 0..TARGETS {
        let blocked = random.below(TARGETS) < 300;
        let (from, until) = (random.below(days * 86_400), random.below(days * 86_400));
        for network in 0..NETWORKS {
            let count = if target < 50 { dense } else { sparse + random.below(2) };
            times.clear();
            times.extend((0..count).map(|_| random.below(days * 86_400)));
            times.sort_unstable();
            for at in &times {
                let hit = blocked && *at > from && *at < from + until;
                let wrong = random.below(100) == 0;
                let asn = 100 + network as u32;
                points.push(Point {
                    at_s: 1_767_225_600 + *at as i64,
                    network: Network { country: *b"ZZ", asn },
                    target: target as u32,
                    vantage: u64::from(asn) << 8 | random.below(12),
                    resolver_asn: if random.below(3) == 0 { 15_169 } else { asn },
                    status: if hit || wrong { Status::Blocked } else { Status::Ok },
                    mechanism: (hit || wrong).then_some(if wrong {
                        Mechanism::TcpTimeout
                    } else {
                        Mechanism::TlsResetSni
                    }),
                });
            }
        }
    }
    points
}

#[allow(clippy::disallowed_methods, reason = "a benchmark is about time")]
fn now() -> Instant {
    Instant::now()
}

/// Xorshift (Marsaglia 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }
}

const TARGETS: u64 = 20_000;
const NETWORKS: u64 = 40;
