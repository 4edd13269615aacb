//! OONI's example of a detector: twitter.com in AS20294 (Uganda), December 2025 to February 2026.
//!
//! `wirewitness_model::ooni::analysis_web` reads the rows and says what becomes of them.
//!
//! Beside it runs OONI's own rule ([`published`]) on each layer's `blocked`.

use std::collections::BTreeMap;
use std::path::Path;

use wirewitness_analysis::events::{ChangeKind, Settings, find};
use wirewitness_model::civil;
use wirewitness_model::ooni::analysis_web::{Row, rows};
use wirewitness_model::point::Point;

use super::published;
use super::world::lines;

#[test]
fn the_same_two_changes_as_one_event_and_no_later() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/ooni/detector/ug-analysis.sql");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("SKIPPED: no ooni/detector in the shared data");
        return;
    };
    let rows = rows(&text).expect("an INSERT");
    assert_eq!(rows.len(), 470);
    let theirs = their_rule(&rows);
    let named: Vec<(String, bool)> = theirs.iter().map(|(at, up)| (time(*at), *up)).collect();
    assert_eq!(named, [("2026-01-18T19".into(), true), ("2026-01-25T01".into(), false)]);

    let mut points: Vec<Point> = rows.iter().map(|row| row.point(0).expect("a point")).collect();
    let report = find(&mut points, &Settings::default());
    assert_eq!(report.events.len(), 1, "{:#?}", lines(&report.events));
    let event = &report.events[0];
    let changes = event.changes();
    let kinds: Vec<ChangeKind> = changes.iter().map(|change| change.kind).collect();
    let end = event.end.expect("it ends");
    println!("{:#?}", lines(&report.events));
    for (change, their) in changes.iter().zip(&theirs) {
        println!(
            "{:?}: placed at {} (after {}), stated at {}; OONI's rule: {}; {:.1} h sooner",
            change.kind,
            time(change.turn.at_s),
            change.turn.after_s.map_or("-".into(), time),
            time(change.turn.seen_s),
            time(their.0),
            (their.0 + 3_600 - change.turn.seen_s) as f64 / 3_600.0,
        );
    }
    assert_eq!(kinds, [ChangeKind::Block, ChangeKind::Unblock]);
    assert!(time(event.start.at_s).starts_with("2026-01-18"), "{}", time(event.start.at_s));
    // Their hour is over an hour after it begins.
    assert!(event.start.seen_s < theirs[0].0 + 3_600);
    assert!(end.seen_s < theirs[1].0 + 3_600);
    assert!(event.start.at_s < end.at_s && end.at_s <= theirs[1].0);
}

/// To the hour.
fn time(at_s: i64) -> String {
    let (year, month, day) = civil::date(at_s.div_euclid(86_400));
    format!("{year}-{month:02}-{day:02}T{:02}", at_s.rem_euclid(86_400) / 3_600)
}

/// Hours in which OONI's rule states a change, and whether upwards, over its four signals.
fn their_rule(rows: &[Row]) -> Vec<(i64, bool)> {
    let mut changes = Vec::new();
    for signal in 0..4 {
        let mut hours: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
        for row in rows {
            let own = row.text("resolver_asn") == row.text("probe_asn");
            let value = match signal {
                0 if own => row.number("dns_blocked"),
                1 if !own => row.number("dns_blocked"),
                2 => row.number("tcp_blocked"),
                3 => row.number("tls_blocked"),
                _ => continue,
            };
            hours.entry(row.at_s().expect("a time") / 3_600).or_default().push(value);
        }
        let changed = published::changes(&hours, |values| values.as_slice());
        changes.extend(changed.into_iter().map(|(hour, now)| (hour * 3_600, now)));
    }
    changes.sort_unstable();
    changes
}
