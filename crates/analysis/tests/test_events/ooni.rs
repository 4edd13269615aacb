//! OONI's example of a detector: twitter.com in AS20294 (Uganda), December 2025 to February 2026.
//!
//! The importer reads the rows of the INSERT statement, by the names of its columns. A row becomes a point:
//!
//! - Layers are looked at in order: DNS, TCP, TLS. The first whose `blocked` is above one half and above its `ok` makes the
//!   measurement `blocked`, and its failure (`top_*_failure`) the mechanism; the first whose `down` is, `down`. With
//!   neither, `tls_ok` or (where TLS says nothing) `tcp_ok` above one half make it `ok`; anything else is `insufficient`.
//! - The dump has no number of a volunteer. A vantage is a resolver's network with a kind of network: people behind the same
//!   two are taken for one, so independence is understated, never overstated.
//!
//! Beside it runs OONI's own rule ([`published`]) on each layer's `blocked`.

use std::collections::BTreeMap;
use std::path::Path;

use wirewitness_analysis::events::{ChangeKind, Settings, find};
use wirewitness_model::civil;
use wirewitness_model::point::{Network, Point};
use wirewitness_model::verdict::{Mechanism, Status};

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
    let rows = rows(&text);
    assert_eq!(rows.len(), 470);
    let theirs = their_rule(&rows);
    let named: Vec<(String, bool)> = theirs.iter().map(|(at, up)| (time(*at), *up)).collect();
    assert_eq!(named, [("2026-01-18T19".into(), true), ("2026-01-25T01".into(), false)]);

    let mut points: Vec<Point> = rows.iter().map(point).collect();
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

/// Column to value.
type Row = BTreeMap<String, String>;

/// Rows of `INSERT INTO t (`a`, ..) VALUES ('x', 1, NULL), ..`. NULL is the empty text.
fn rows(text: &str) -> Vec<Row> {
    let (head, body) = text.split_once("VALUES").expect("an INSERT");
    let columns: Vec<&str> = head.split('`').skip(1).step_by(2).collect();
    tuples(body)
        .into_iter()
        .map(|values| columns.iter().map(ToString::to_string).zip(values).collect())
        .collect()
}

fn tuples(body: &str) -> Vec<Vec<String>> {
    let (mut tuples, mut values, mut value) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut inside) = (false, false);
    let mut letters = body.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if quoted => value.extend(letters.next()),
            '\'' => quoted = !quoted,
            _ if quoted => value.push(letter),
            '(' => inside = true,
            ',' | ')' if inside => {
                let value = std::mem::take(&mut value);
                values.push(if value == "NULL" { String::new() } else { value });
                if letter == ')' {
                    tuples.push(std::mem::take(&mut values));
                    inside = false;
                }
            }
            ' ' | '\n' => {}
            _ if inside => value.push(letter),
            _ => {}
        }
    }
    tuples
}

fn number(row: &Row, column: &str) -> f64 {
    row[column].parse().expect("a number")
}

fn point(row: &Row) -> Point {
    let (status, mechanism) = verdict(row);
    let resolver_asn = number(row, "resolver_asn") as u32;
    let kind = ["unknown", "wifi", "mobile"].iter().position(|kind| *kind == row["network_type"]);
    Point {
        at_s: seconds(&row["measurement_start_time"]),
        network: Network { country: *b"UG", asn: number(row, "probe_asn") as u32 },
        target: 0,
        vantage: u64::from(resolver_asn) * 4 + kind.map_or(3, |kind| kind as u64),
        resolver_asn,
        status,
        mechanism,
    }
}

fn verdict(row: &Row) -> (Status, Option<Mechanism>) {
    for layer in ["dns", "tcp", "tls"] {
        let of = |what: &str| number(row, &format!("{layer}_{what}"));
        if of("blocked") > 0.5 && of("blocked") > of("ok") {
            return (Status::Blocked, mechanism(layer, &row[&format!("top_{layer}_failure")]));
        }
        if of("down") > 0.5 && of("down") > of("ok") {
            return (Status::Down, Some(Mechanism::ServerDown));
        }
    }
    let silent =
        ["blocked", "down", "ok"].iter().all(|what| number(row, &format!("tls_{what}")) == 0.0);
    let last = if silent { "tcp_ok" } else { "tls_ok" };
    (if number(row, last) > 0.5 { Status::Ok } else { Status::Insufficient }, None)
}

fn mechanism(layer: &str, failure: &str) -> Option<Mechanism> {
    match (layer, failure) {
        ("dns", "dns_nxdomain_error") => Some(Mechanism::DnsNxdomain),
        ("dns", "dns_refused_error") => Some(Mechanism::DnsRefused),
        ("dns", "generic_timeout_error") => Some(Mechanism::DnsTimeout),
        ("tcp", "connection_refused") => Some(Mechanism::TcpRefused),
        ("tcp", "connection_reset") => Some(Mechanism::TcpReset),
        ("tcp", "generic_timeout_error") => Some(Mechanism::TcpTimeout),
        ("tls", "connection_reset") => Some(Mechanism::TlsResetOther),
        ("tls", "generic_timeout_error") => Some(Mechanism::TlsTimeout),
        _ => None,
    }
}

/// `2026-01-18 19:00:05.000` in seconds since 1970, UTC.
fn seconds(text: &str) -> i64 {
    let numbers: Vec<i64> =
        text[..19].split(['-', ' ', ':']).map(|part| part.parse().expect("a number")).collect();
    let [year, month, day, hour, minute, second] = numbers[..] else { panic!("{text}") };
    days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second
}

fn days(year: i64, month: i64, day: i64) -> i64 {
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths =
        |year: i64| [31, 28 + i64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let years: i64 = (1970..year).map(|year| lengths(year).iter().sum::<i64>()).sum();
    years + lengths(year)[..month as usize - 1].iter().sum::<i64>() + day - 1
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
            let own = row["resolver_asn"] == row["probe_asn"];
            let value = match signal {
                0 if own => number(row, "dns_blocked"),
                1 if !own => number(row, "dns_blocked"),
                2 => number(row, "tcp_blocked"),
                3 => number(row, "tls_blocked"),
                _ => continue,
            };
            hours.entry(seconds(&row["measurement_start_time"]) / 3_600).or_default().push(value);
        }
        let changed = published::changes(&hours, |values| values.as_slice());
        changes.extend(changed.into_iter().map(|(hour, now)| (hour * 3_600, now)));
    }
    changes.sort_unstable();
    changes
}
