//! Events out of an archive are those that the detector finds in the same points.

use std::collections::BTreeMap;
use std::path::Path;

use wirewitness_analysis::events::{self, Report, find};
use wirewitness_model::civil;
use wirewitness_model::point::{Network, Point};
use wirewitness_model::verdict::{Mechanism, Status};
use wirewitness_store::archive::Writer;
use wirewitness_store::events::{
    Found, PointSource, Settings, find_events, insert_points, population as made_up, said,
    state_events,
};
use wirewitness_store::{StoreError, detector_example};

use crate::made::{address, commit, ingest, wait};

/// To the hour.
fn hour(at_s: i64) -> String {
    let (year, month, day) = civil::date(at_s.div_euclid(86_400));
    format!("{year}-{month:02}-{day:02}T{:02}", at_s.rem_euclid(86_400) / 3_600)
}

#[test]
fn the_example_of_ooni_is_one_event_and_is_stated_once() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/ooni/detector/ug-analysis.sql");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("SKIPPED: no ooni/detector in the shared data");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let stated = wait(async {
        let mut writer = Writer::open(&address(folder.path())).await?;
        assert!(detector_example::is_such(text.as_bytes()));
        let (first, refused) = detector_example::ingest(&mut writer, "ug.sql", &text).await?;
        assert_eq!((first.rows, refused), (470, 0));
        let (again, _) = detector_example::ingest(&mut writer, "ug.sql", &text).await?;
        assert_eq!((again.rows, again.is_known), (0, true));
        state_events(&mut writer, &Settings::default()).await
    })
    .unwrap();
    assert_eq!((stated.added, stated.ended), (1, 0));
    let event = &stated.statements[0].event;
    assert_eq!(stated.found.names.of(&event.targets), ["https://twitter.com/"]);
    let end = event.end.unwrap();
    assert!(hour(event.start.at_s).starts_with("2026-01-18"), "{}", hour(event.start.at_s));
    // OONI's rule states the block in hour 19 and the unblocking in hour 1 of the 25th; an hour is over an hour after it begins.
    assert!(hour(event.start.seen_s).as_str() <= "2026-01-18T19", "{}", hour(event.start.seen_s));
    assert!(hour(end.seen_s).as_str() <= "2026-01-25T01", "{}", hour(end.seen_s));

    let before = commit(folder.path());
    let again = wait(async {
        let mut writer = Writer::open(&address(folder.path())).await?;
        let again = state_events(&mut writer, &Settings::default()).await?;
        Ok::<_, StoreError>((again, said(writer.archive()).await?.0))
    })
    .unwrap();
    assert_eq!((again.0.added, again.0.ended, commit(folder.path())), (0, 0, before));
    assert_eq!(again.1, stated.statements, "what is kept is read back");
}

/// Targets by name, not by number: what two searches with other numbers have in common.
fn in_words(report: &Report, name: impl Fn(u32) -> String) -> Vec<String> {
    let lists = [&report.events, &report.unconfirmed, &report.standing];
    let mut lines: Vec<String> = lists
        .into_iter()
        .enumerate()
        .flat_map(|(list, events)| events.iter().map(move |event| (list, event)))
        .map(|(list, event)| {
            let mut targets: Vec<String> = event.targets.iter().map(|n| name(*n)).collect();
            targets.sort();
            format!(
                "{list} {:?} {} {:?} {:?} {:?} {:?} {:?} {} {targets:?}",
                event.kind,
                event.country,
                event.start,
                event.end,
                event.networks,
                event.mechanisms,
                event.counts,
                event.vantages
            )
        })
        .collect();
    lines.sort();
    lines
}

fn names_of(found: &Found) -> impl Fn(u32) -> String {
    |number| found.names.name(number).unwrap_or("?").to_owned()
}

/// Thirty days, three networks, 60 targets of which every tenth is blocked from a day of its own, five vantages a network, some noise.
fn country() -> Vec<Point> {
    let mut points = Vec::new();
    let mut state = 1_u64;
    for hour in (0..720).step_by(6) {
        for (network, target) in
            (0..3).flat_map(|network| (0..60).map(move |target| (network, target)))
        {
            for vantage in 0..5 {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let is_listed = target % 10 == 0 && hour > 240 + i64::from(target);
                let is_blocked = is_listed != (state >> 33).is_multiple_of(60);
                points.push(Point {
                    at_s: 1_750_000_000 + hour * 3_600 + (state >> 40) as i64 % 21_600,
                    network: Network { country: *b"PK", asn: 64_500 + network },
                    target,
                    vantage: u64::from(network) * 100 + vantage,
                    resolver_asn: 64_500 + network,
                    status: if is_blocked { Status::Blocked } else { Status::Ok },
                    mechanism: is_blocked.then_some(Mechanism::TlsResetSni),
                });
            }
        }
    }
    points
}

#[test]
fn an_archive_says_what_its_points_say() {
    let points = country();
    let name = |number: u32| format!("https://site-{number}.example/");
    let expected = find(&mut points.clone(), &events::Settings::default());
    assert!(!expected.events.is_empty());

    let folder = tempfile::tempdir().unwrap();
    let source = made_up("seed 5".to_owned(), "5".repeat(64), points.len() as u64);
    let found = wait(async {
        let mut writer = Writer::open(&address(folder.path())).await?;
        let inserted = insert_points(&mut writer, points.iter().copied(), name, &source).await?;
        assert_eq!(inserted.rows, points.len() as u64);
        let again = insert_points(&mut writer, points.iter().copied(), name, &source).await?;
        assert!(again.is_known);
        let whole = find_events(writer.archive(), &Settings::default()).await?;
        // Little memory, and a file for the rest; one thread, or three.
        let narrow = Settings {
            memory_bytes: 64 << 10,
            scratch: Some(folder.path().join("verdict")),
            threads: 3,
            ..Settings::default()
        };
        let parts = find_events(writer.archive(), &narrow).await?;
        let one = find_events(writer.archive(), &Settings { threads: 1, ..narrow }).await?;
        Ok::<_, StoreError>([whole, parts, one])
    })
    .unwrap();
    for found in &found {
        assert_eq!(found.report.points, points.len() as u64);
        assert_eq!(in_words(&found.report, names_of(found)), in_words(&expected, name));
    }
    assert_eq!(found[0].report, found[1].report, "numbers do not depend on how it was searched");
    assert_eq!(found[1].report, found[2].report);
}

const SOURCE: &str = "https://blocked.example/";

/// Two targets measured by eight vantages of one network every six hours; one of them is blocked from day ten until `until`.
fn points(days: std::ops::Range<i64>, until: i64) -> Vec<Point> {
    let mut points = Vec::new();
    for slot in days.start * 4..days.end * 4 {
        for vantage in 0..8 {
            for target in [0, 1] {
                let is_blocked = target == 0 && (40..until * 4).contains(&slot);
                points.push(Point {
                    at_s: 1_750_000_000 + slot * 21_600 + vantage * 60,
                    network: Network { country: *b"PK", asn: 64_500 },
                    target,
                    vantage: vantage as u64 + 1,
                    resolver_asn: 64_500,
                    status: if is_blocked { Status::Blocked } else { Status::Ok },
                    mechanism: is_blocked.then_some(Mechanism::TlsResetSni),
                });
            }
        }
    }
    points
}

/// Verdicts of eight targets in three networks over forty days, three of the targets blocked for some time; with names, and as one source.
pub(crate) fn blocks() -> (Vec<Point>, fn(u32) -> String, PointSource) {
    let mut points = Vec::new();
    for (target, asn) in (0..8).flat_map(|target| (64_500..64_503).map(move |asn| (target, asn))) {
        // Two of them at once.
        let blocked = 14 + i64::from(target / 2) * 6..30;
        for point in self::points(0..40, 0).into_iter().filter(|point| point.target == 0) {
            let day = (point.at_s - 1_750_000_000) / 86_400;
            let is_blocked = target < 3 && blocked.contains(&day);
            points.push(Point {
                target,
                network: Network { asn, ..point.network },
                vantage: point.vantage * 10 + u64::from(asn % 10),
                status: if is_blocked { Status::Blocked } else { Status::Ok },
                mechanism: is_blocked.then_some(Mechanism::TlsResetSni),
                ..point
            });
        }
    }
    let name: fn(u32) -> String = |target| format!("https://site-{target}.example/");
    (points, name, source(7))
}

fn source(n: u8) -> PointSource {
    PointSource {
        origin: "ooni-analysis",
        ..made_up(format!("part {n}"), n.to_string().repeat(64), 1)
    }
}

fn name(number: u32) -> String {
    if number == 0 { SOURCE.to_owned() } else { "https://other.example/".to_owned() }
}

#[test]
fn what_was_said_stays_and_is_marked_when_more_is_known() {
    let folder = tempfile::tempdir().unwrap();
    wait(async {
        let mut writer = Writer::open(&address(folder.path())).await.unwrap();
        let settings = Settings::default();
        insert_points(&mut writer, points(0..20, 40).into_iter(), name, &source(1)).await.unwrap();
        let first = state_events(&mut writer, &settings).await.unwrap();
        assert_eq!((first.statements.len(), first.added), (1, 1));
        assert!(first.statements[0].event.end.is_none());
        assert_eq!(first.found.names.of(&first.statements[0].event.targets), [SOURCE]);

        insert_points(&mut writer, points(20..60, 40).into_iter(), name, &source(2)).await.unwrap();
        let second = state_events(&mut writer, &settings).await.unwrap();
        assert_eq!((second.statements.len(), second.added, second.ended), (2, 1, 1));
        let [old, new] = [&second.statements[0], &second.statements[1]];
        assert_eq!(old.superseded_by.as_deref(), Some(new.name.as_str()));
        assert_eq!((&old.event, old.revision), (&first.statements[0].event, 1), "its text stays");
        assert_eq!((&new.event.id, new.revision), (&old.event.id, 2));
        assert!(new.holds() && new.event.end.is_some());

        let files = writer.table(&wirewitness_store::schema::EVENT).unwrap().files().unwrap();
        assert_eq!((files.len(), files[0].rows), (1, 2));
    });
}

#[test]
fn made_up_rows_are_not_searched_with_measured_ones() {
    let folder = tempfile::tempdir().unwrap();
    ingest(folder.path(), 0..1);
    wait(async {
        let mut writer = Writer::open(&address(folder.path())).await.unwrap();
        let source = made_up("made".to_owned(), "1".repeat(64), 1);
        insert_points(&mut writer, points(0..20, 40).into_iter(), name, &source).await.unwrap();
        let refused = find_events(writer.archive(), &Settings::default()).await;
        assert!(matches!(refused, Err(StoreError::Refused { .. })));
        let only = Settings { origins: vec!["population".to_owned()], ..Settings::default() };
        let found = find_events(writer.archive(), &only).await.unwrap();
        assert_eq!((found.report.points, found.report.events.len()), (1_280, 1));
    });
}

#[test]
fn an_insertion_that_was_cut_short_is_finished() {
    let whole = tempfile::tempdir().unwrap();
    let cut = tempfile::tempdir().unwrap();
    let all = points(0..20, 40);
    wait(async {
        let mut writer = Writer::open(&address(whole.path())).await.unwrap();
        insert_points(&mut writer, all.iter().copied(), name, &source(1)).await.unwrap();
        let mut writer = Writer::open(&address(cut.path())).await.unwrap();
        // The same rows, without the entry in the ledger: as after a kill before the last commit.
        let early = PointSource { end: source(3).end, ..source(1) };
        insert_points(&mut writer, all.iter().copied(), name, &early).await.unwrap();
        let rest = insert_points(&mut writer, all.iter().copied(), name, &source(1)).await.unwrap();
        assert_eq!((rest.rows, rest.is_known), (0, false));
    });
    let rows = |folder: &Path| {
        let archive = wait(wirewitness_store::Archive::open(&address(folder))).unwrap();
        let files = archive.table(&wirewitness_store::schema::VERDICT).unwrap().files().unwrap();
        files.into_iter().map(|file| (file.path, file.rows)).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(rows(whole.path()), rows(cut.path()));
}
