//! What the detector of events finds of months of a made-up country, and what OONI's published rule finds on the same series.
//! `cargo bench -p wirewitness-lab --bench national`; with `WW_SEEDS=4-6` over others than 1 to 3, with `WW_SHOW=1` all that was missed
//! and all that was wrong.
//!
//! Two things are checked for the detector, one by one: what was planted on all networks is exactly one statement, and what it states
//! wrongly does not come of what was planted as no event.
//!
//! OONI's rule (oonipipeline, `analysis/detector.py`): of each pair of network and target, hourly medians of how much is
//! blocked by DNS (the own resolver's, others'), TCP and TLS; a two-sided cumulative sum between means 0 and 0.7, threshold
//! 3.5, halved every 48 hours of silence beyond 24. It runs on OONI's scores, so verdicts get those that its rules give for such
//! failures. It has no score for HTTP, nor for throttling, shutdowns and changes of mechanism.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark: it prints, and stops at the first surprise"
)]

#[path = "national/checks.rs"]
mod checks;
#[path = "../../analysis/tests/test_events/published.rs"]
mod published;
#[path = "../tests/statements.rs"]
mod statements;

use std::collections::BTreeMap;
use std::time::Instant;

use checks::{Touch, Wide, touches, wide};
use statements::{of_event, statements};
use wirewitness_analysis::events::{self, Report, find};
use wirewitness_lab::population::score::{Found, Rule, Score, score};
use wirewitness_lab::population::truth::{Kind, NonEventKind, Truth, Variety};
use wirewitness_lab::population::{Population, Settings, TargetSet};
use wirewitness_model::point::Point;
use wirewitness_model::verdict::{Mechanism, Status};

/// One finder's result on one seed.
struct Run {
    seed: u64,
    finder: &'static str,
    secs: f64,
    points: usize,
    found: usize,
    score: Score,
    /// Of the detector alone.
    checks: Option<(Vec<Wide>, Vec<Touch>)>,
}

fn main() {
    // Cargo says so; `cargo test --all-targets` runs benchmarks too, and has no use for figures of a debug build.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let runs: Vec<Run> = seeds().flat_map(run).collect();
    print_table(&runs);
    print_varieties(&runs);
    print_wrong(&runs);
    print_wide(&runs);
    print_touches(&runs);
}

fn seeds() -> std::ops::RangeInclusive<u64> {
    let wanted = std::env::var("WW_SEEDS").unwrap_or_else(|_| "1-3".to_owned());
    let (first, last) = wanted.split_once('-').unwrap();
    first.parse().unwrap()..=last.parse().unwrap()
}

fn run(seed: u64) -> [Run; 2] {
    let population = Population::new(&Settings { seed, ..Settings::default() }).unwrap();
    let truth = population.truth();
    let mut points: Vec<Point> = population.rows().map(|row| row.point).collect();
    let start = Instant::now();
    let report = find(&mut points, &events::Settings::default());
    let secs = start.elapsed().as_secs_f64();
    let ours = statements(&report);
    let of = |finder, secs, found: &[Found]| {
        let score = score(found, truth, &Rule::default());
        Run { seed, finder, secs, points: points.len(), found: found.len(), score, checks: None }
    };
    let mut detector = of("detector", secs, &ours);
    let touches = touches(truth, (&ours, &detector.score), &points);
    detector.checks = Some((wide(truth, &ours), touches));
    if std::env::var("WW_SHOW").is_ok() {
        print_missed(truth, &detector.score, (&ours, &report));
        print_wrong_ones(truth, &detector.score, &ours);
        print_wide_ones(truth, detector.checks.iter().flat_map(|(wide, _)| wide), &ours);
    }
    let start = Instant::now();
    let theirs = their_rule(&points);
    let secs = start.elapsed().as_secs_f64();
    [detector, of("OONI's rule", secs, &theirs)]
}

fn print_table(runs: &[Run]) {
    println!(
        "| seed | finder | found of planted (recall) | precision | a fragment is wrong | median delay, h | stated: right, fragments of these, known, wrong | points | s |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for run in runs {
        let of = &run.score;
        let delay = of.median_delay_s.map_or("-".into(), |it| format!("{:.1}", it as f64 / 3600.0));
        println!(
            "| {} | {} | {} of {} ({:.3}) | {:.3} | {:.3} | {delay} | {}: {}, {}, {}, {} | {} | {:.1} |",
            run.seed,
            run.finder,
            of.found,
            of.planted,
            of.recall,
            of.precision,
            of.precision_whole,
            run.found,
            of.right,
            of.fragments,
            of.known,
            of.wrong,
            run.points,
            run.secs
        );
    }
}

fn print_varieties(runs: &[Run]) {
    let varieties: Vec<Variety> = runs[0].score.by_variety.keys().copied().collect();
    print_head(&varieties.iter().map(word).collect::<Vec<_>>());
    for run in runs {
        let of = |variety| {
            let (planted, found) = run.score.by_variety.get(variety).copied().unwrap_or_default();
            format!("{found} of {planted}")
        };
        let cells: Vec<String> = varieties.iter().map(of).collect();
        println!("| {} | {} | {} |", run.seed, run.finder, cells.join(" | "));
    }
}

fn print_wrong(runs: &[Run]) {
    let kinds: Vec<NonEventKind> = runs[0].score.by_non_event_kind.keys().copied().collect();
    let mut head: Vec<String> = kinds.iter().map(word).collect();
    head.push("of nothing".into());
    print_head(&head);
    for run in runs {
        let of = |kind| {
            let (planted, wrong) =
                run.score.by_non_event_kind.get(kind).copied().unwrap_or_default();
            format!("{wrong} ({planted})")
        };
        let mut cells: Vec<String> = kinds.iter().map(of).collect();
        cells.push(run.score.of_nothing.to_string());
        println!("| {} | {} | {} |", run.seed, run.finder, cells.join(" | "));
    }
}

/// What was planted on all networks, and how much of it is one statement; then what is not.
fn print_wide(runs: &[Run]) {
    let varieties = [
        Variety::National,
        Variety::List,
        Variety::Unblock,
        Variety::MechanismChange,
        Variety::Shutdown,
    ];
    println!("\nPlanted on all networks: how many are exactly one statement");
    print_head(&varieties.iter().map(word).collect::<Vec<_>>());
    let mut others = Vec::new();
    for run in runs {
        let Some((wide, _)) = &run.checks else { continue };
        let of = |variety: &Variety| {
            let all: Vec<&Wide> = wide.iter().filter(|it| it.variety == *variety).collect();
            let one = all.iter().filter(|it| it.statements.len() == 1).count();
            format!("{one} of {}", all.len())
        };
        let cells: Vec<String> = varieties.iter().map(of).collect();
        println!("| {} | {} | {} |", run.seed, run.finder, cells.join(" | "));
        others.extend(wide.iter().filter(|it| it.statements.len() != 1).map(|it| (run.seed, it)));
    }
    for (seed, it) in others {
        println!(
            "seed {seed}: {} {} is {} statements",
            it.id,
            word(&it.variety),
            it.statements.len()
        );
    }
}

/// Wrong statements that touch a non-event by name, network and time; of those, the ones that are gone without its points; of these, the
/// ones of names and networks on which nothing was planted near that time.
fn print_touches(runs: &[Run]) {
    let kinds: Vec<NonEventKind> = runs[0].score.by_non_event_kind.keys().copied().collect();
    println!("\nWrong statements: touching what is no event, gone without it, and of nothing else");
    print_head(&kinds.iter().map(word).collect::<Vec<_>>());
    let mut all = Vec::new();
    for run in runs {
        let Some((_, touches)) = &run.checks else { continue };
        let of = |kind: &NonEventKind| {
            let mut its: Vec<&Touch> = touches.iter().filter(|it| it.kind == *kind).collect();
            its.sort_by_key(|it| (it.at, !it.is_from_it));
            its.dedup_by_key(|it| it.at);
            let from = its.iter().filter(|it| it.is_from_it).count();
            let nothing = its.iter().filter(|it| it.is_from_it && it.is_of_nothing).count();
            format!("{}, {from}, {nothing}", its.len())
        };
        let cells: Vec<String> = kinds.iter().map(of).collect();
        println!("| {} | {} | {} |", run.seed, run.finder, cells.join(" | "));
        all.extend(touches.iter().filter(|it| it.is_from_it).map(|it| (run.seed, it)));
    }
    for (seed, it) in all {
        println!(
            "seed {seed}: statement {} is not made without {} {}",
            it.at,
            it.id,
            word(&it.kind)
        );
    }
}

fn print_head(columns: &[String]) {
    println!("\n| seed | finder | {} |", columns.join(" | "));
    println!("|---{}|", "|---".repeat(columns.len() + 1));
}

fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
}

/// What was missed, with what was said that touches it.
fn print_missed(truth: &Truth, score: &Score, (stated, report): (&[Found], &Report)) {
    let unconfirmed: Vec<Found> = report.unconfirmed.iter().flat_map(of_event).collect();
    let standing: Vec<Found> = report.standing.iter().flat_map(of_event).collect();
    for event in truth.events.iter().filter(|event| score.missed.contains(&event.id)) {
        let asns: Vec<u32> = event.asns().collect();
        let at = |at_s: i64| (at_s - truth.begin_s) as f64 / 86_400.0;
        println!(
            "missed {} {}: {} targets, {} networks {:?}, {} dense cells, {} % {} {:?}, day {:.1} to {:?}",
            event.id,
            word(&event.variety),
            event.targets.len(),
            asns.len(),
            &asns[..asns.len().min(3)],
            event.dense_cells,
            event.share_percent,
            event.mechanism.word(),
            event.reach,
            at(event.start_s),
            event.end_s.map(|end_s| (at(end_s) * 10.0).round() / 10.0),
        );
        for (what, list) in
            [("stated", stated), ("unconfirmed", &unconfirmed), ("standing", &standing)]
        {
            let touches = |it: &&Found| {
                it.networks.iter().any(|asn| asns.contains(asn))
                    && (it.kind == Kind::Shutdown) == (event.kind == Kind::Shutdown)
                    && (it.kind == Kind::Shutdown || it.targets.in_both(&event.targets) > 0)
            };
            for it in list.iter().filter(touches).take(6) {
                println!("    {what} {}", line(it, truth));
            }
        }
        let faults = report.faults.iter().filter(|fault| {
            fault.start_s < event.settled_s + 5 * 86_400
                && fault.end_s > event.start_s - 86_400
                && fault.asn.is_none_or(|asn| asns.contains(&asn))
                && (fault.targets.is_empty()
                    || fault.targets.iter().any(|it| event.targets.contains(*it)))
        });
        for it in faults.take(6) {
            println!(
                "    fault {:?} day {:.1} to {:.1}, {} targets, {:?}",
                it.kind,
                at(it.start_s),
                at(it.end_s),
                it.targets.len(),
                it.asn
            );
        }
    }
}

/// What was wrong, with what was planted that it touches.
fn print_wrong_ones(truth: &Truth, score: &Score, stated: &[Found]) {
    for it in score.wrong_at.iter().map(|at| &stated[*at]) {
        println!("wrong {}", line(it, truth));
        let touches = truth.events.iter().filter(|event| {
            event.asns().any(|asn| it.networks.contains(&asn))
                && (it.kind == Kind::Shutdown) == (event.kind == Kind::Shutdown)
                && (it.kind == Kind::Shutdown || it.targets.in_both(&event.targets) > 0)
        });
        for event in touches.take(5) {
            println!(
                "    {} {}: {} targets, {} networks, day {:.1} to {:?}, {} %, {}",
                event.id,
                word(&event.variety),
                event.targets.len(),
                event.networks.len(),
                (event.start_s - truth.begin_s) as f64 / 86_400.0,
                event.end_s.map(|end_s| (end_s - truth.begin_s) / 86_400),
                event.share_percent,
                event.mechanism.word()
            );
        }
    }
}

/// What was planted on all networks and is not exactly one statement, with all statements that touch it.
fn print_wide_ones<'w>(truth: &Truth, wide: impl Iterator<Item = &'w Wide>, stated: &[Found]) {
    for it in wide.filter(|it| it.statements.len() != 1) {
        let event = truth.events.iter().find(|event| event.id == it.id).unwrap();
        let day = |at_s: i64| (at_s - truth.begin_s) as f64 / 86_400.0;
        println!(
            "{} {} is {} statements: {} targets {:?}, day {:.1} to {:?}, {} %, {}",
            it.id,
            word(&it.variety),
            it.statements.len(),
            event.targets.len(),
            event.targets.ranges(),
            day(event.start_s),
            event.end_s.map(day),
            event.share_percent,
            event.mechanism.word()
        );
        let touches = |at: &usize| {
            let found = &stated[*at];
            it.statements.contains(at) || found.targets.in_both(&event.targets) > 0
        };
        for at in (0..stated.len()).filter(touches) {
            let own = if it.statements.contains(&at) { "its" } else { "    " };
            println!("    {own} {}", line(&stated[at], truth));
        }
    }
}

fn line(found: &Found, truth: &Truth) -> String {
    let day = |at_s: i64| (at_s - truth.begin_s) as f64 / 86_400.0;
    format!(
        "{} day {:.1}, said {:.1}, {} targets {:?}, {} networks {:?}",
        word(&found.kind),
        day(found.start_s),
        day(found.said_s),
        found.targets.len(),
        found.targets.ranges().first(),
        found.networks.len(),
        &found.networks[..found.networks.len().min(3)]
    )
}

/// OONI's rule over points sorted by target and network. Each change of a signal is one statement.
fn their_rule(points: &[Point]) -> Vec<Found> {
    let cells = points.chunk_by(|a, b| (a.target, a.network) == (b.target, b.network));
    cells.flat_map(|cell| (0..4).flat_map(move |signal| their_sums(cell, signal))).collect()
}

/// An hour of a signal: its values, and when the last of them was measured.
type Hour = (Vec<f64>, i64);

fn their_sums(cell: &[Point], signal: usize) -> Vec<Found> {
    let mut hours: BTreeMap<i64, Hour> = BTreeMap::new();
    for point in cell.iter().filter(|point| point.status != Status::Insufficient) {
        let own = point.resolver_asn == point.network.asn;
        if (signal == 0 && !own) || (signal == 1 && own) {
            continue;
        }
        let (values, last_s) = hours.entry(point.at_s.div_euclid(3_600)).or_default();
        values.push(their_score(point, signal));
        *last_s = point.at_s.max(*last_s);
    }
    let said = |(hour, now): (i64, bool)| {
        Some(Found {
            kind: if now { Kind::Block } else { Kind::Unblock },
            targets: TargetSet::from_iter([cell[0].target]),
            networks: vec![cell[0].network.asn],
            start_s: hour * 3_600,
            end_s: None,
            said_s: hours.get(&hour)?.1,
        })
    };
    published::changes(&hours, |hour| &hour.0).into_iter().filter_map(said).collect()
}

/// What OONI's rules (`analysis/rules.py`) say of a failure where the control had none.
fn their_score(point: &Point, signal: usize) -> f64 {
    let Some(mechanism) = point.mechanism.filter(|_| point.status == Status::Blocked) else {
        return 0.0;
    };
    let layer = mechanism.word().split('.').next().unwrap_or_default();
    match (signal, layer) {
        (0 | 1, "dns") => match mechanism {
            Mechanism::DnsInjectionBlockpage => 1.0,
            Mechanism::DnsInjectionBogon => 0.95,
            Mechanism::DnsInjectionOther => 0.75,
            _ => 0.9,
        },
        (2, "tcp") => 0.75,
        (3, "tls") => match mechanism {
            Mechanism::TlsThrottleSni => 0.0,
            Mechanism::TlsMitmSelfSigned | Mechanism::TlsMitmCaSigned => 0.9,
            Mechanism::TlsResetSni | Mechanism::TlsResetOther => 0.8,
            _ => 0.7,
        },
        _ => 0.0,
    }
}
