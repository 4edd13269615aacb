//! One order is one event.

use wirewitness_analysis::events::{ChangeKind, Settings, find};
use wirewitness_model::verdict::Mechanism;

use super::world::{World, at, block, lines};

/// Blocked in all networks within nine hours, lifted everywhere a week later.
#[test]
fn a_national_block_is_one_event() {
    let world = World { networks: 20, targets: 30, ..World::default() };
    let report = world.find(|point, random| {
        let hours = i64::from(point.network.asn % 10);
        let there = (10..15).contains(&point.target) && point.network.asn != 105;
        if there && (at(10, hours)..at(17, 0)).contains(&point.at_s) {
            block(point, Mechanism::HttpBlockpage, 0.95, random);
        }
        true
    });
    assert_eq!(report.events.len(), 1, "{:#?}", lines(&report.events));
    let event = &report.events[0];
    assert_eq!(event.targets, [10, 11, 12, 13, 14]);
    assert_eq!((event.networks.len(), &event.networks_against[..]), (19, &[105][..]));
    assert!(event.country_wide);
    assert!((event.start.at_s - at(10, 0)).abs() < 3 * 3_600, "{:#?}", lines(&report.events));
    assert!((event.end.unwrap().at_s - at(17, 0)).abs() < 6 * 3_600);
}

#[test]
fn two_orders_are_two_events() {
    let world = World { networks: 6, targets: 30, ..World::default() };
    let report = world.find(|point, random| {
        if point.target == 3 && point.at_s > at(10, 0) {
            block(point, Mechanism::HttpBlockpage, 0.95, random);
        }
        if point.target == 4 && point.at_s > at(11, 0) {
            block(point, Mechanism::HttpBlockpage, 0.95, random);
        }
        if point.target == 5 && point.at_s > at(10, 0) && point.network.asn == 103 {
            block(point, Mechanism::HttpBlockpage, 0.95, random);
        }
        if point.target == 6 && point.at_s > at(10, 0) {
            block(point, Mechanism::TlsResetSni, 0.95, random);
        }
        true
    });
    assert_eq!(report.events.len(), 4, "{:#?}", lines(&report.events));
}

/// One name, two networks, within hours, by different means: not one order.
#[test]
fn other_means_in_another_network_are_another_event() {
    let world = World { networks: 6, ..World::default() };
    let report = world.find(|point, random| {
        if point.target == 3 && point.network.asn == 102 && point.at_s > at(10, 0) {
            block(point, Mechanism::HttpBlockpage, 0.95, random);
        }
        if point.target == 3 && point.network.asn == 104 && point.at_s > at(10, 5) {
            block(point, Mechanism::TlsResetSni, 0.95, random);
        }
        true
    });
    let networks: Vec<&[u32]> = report.events.iter().map(|event| &event.networks[..]).collect();
    assert_eq!(networks, [[102], [104]], "{:#?}", lines(&report.events));
}

/// The same in most networks at once is one.
#[test]
fn one_order_by_several_means_is_one_event() {
    let world = World { networks: 6, ..World::default() };
    let report = world.find(|point, random| {
        let by_dns = point.network.asn % 2 == 0;
        if point.target == 3 && point.network.asn != 105 && point.at_s > at(10, 0) {
            let means = if by_dns { Mechanism::DnsInjectionOther } else { Mechanism::TlsResetSni };
            block(point, means, 0.95, random);
        }
        true
    });
    assert_eq!(report.events.len(), 1, "{:#?}", lines(&report.events));
    assert_eq!(report.events[0].networks, [100, 101, 102, 103, 104]);
}

/// Of what stood from the first measurement, each end is said.
#[test]
fn standing_blocks_end_one_by_one() {
    let world = World { networks: 4, ..World::default() };
    let report = world.find(|point, random| {
        let (means, over) = match point.network.asn {
            100 => (Mechanism::HttpBlockpage, at(12, 0)),
            101 => (Mechanism::HttpBlockpage, at(20, 0)),
            102 => (Mechanism::TlsResetSni, at(12, 4)),
            _ => return true,
        };
        if point.target == 3 && point.at_s < over {
            block(point, means, 0.96, random);
        }
        true
    });
    let ends: Vec<(u32, i64)> = report
        .events
        .iter()
        .map(|event| (event.networks[0], (event.end.expect("an end").at_s - at(0, 0)) / 86_400))
        .collect();
    assert_eq!(ends.len(), 3, "{:#?}", lines(&report.events));
    assert!([(100, 12), (101, 20), (102, 12)].iter().all(|it| ends.contains(it)), "{ends:?}");
}

#[test]
fn a_change_of_mechanism_stays_in_its_event() {
    let world = World { networks: 3, ..World::default() };
    let report = world.find(|point, random| {
        let mechanism = if point.at_s < at(18, 0) {
            Mechanism::DnsInjectionBogon
        } else {
            Mechanism::TlsResetSni
        };
        if point.target == 3 && point.at_s > at(10, 0) {
            block(point, mechanism, 0.95, random);
        }
        true
    });
    assert_eq!(report.events.len(), 1, "{:#?}", lines(&report.events));
    let changes = report.events[0].changes();
    let turns: Vec<_> =
        changes.iter().filter(|change| change.kind == ChangeKind::Mechanism).collect();
    assert_eq!(turns.len(), 3, "{changes:#?}");
    for turn in turns {
        assert_eq!(turn.mechanism, Some(Mechanism::TlsResetSni));
        assert!((turn.turn.at_s - at(18, 0)).abs() < 86_400, "{turn:?}");
    }
}

/// A list of 300 names, each measured three times a week.
#[test]
fn a_list_of_sparse_names_is_one_event() {
    let world = World { networks: 5, targets: 1_500, rate: 0.43, noise: 0.02, ..World::default() };
    let report = world.find(|point, random| {
        let there = point.target < 300 && point.network.asn == 102;
        if there && (at(10, 0)..at(20, 0)).contains(&point.at_s) {
            block(point, Mechanism::DnsNxdomain, 0.97, random);
        }
        true
    });
    assert_eq!(report.events.len(), 1, "{:#?}", lines(&report.events));
    let event = &report.events[0];
    assert!(event.targets.len() > 200 && event.targets.iter().all(|target| *target < 300));
    assert_eq!(event.networks, [102]);
    assert!((event.start.at_s - at(10, 0)).abs() < 86_400, "{:#?}", lines(&report.events));
}

/// A seldom measured name is on a national order, and on a list that comes as that one is lifted: its own series shows one long block.
#[test]
fn a_name_that_a_list_takes_over_leaves_its_first_event_whole() {
    let often = (2, 20.0);
    let world = World { networks: 20, targets: 80, rate: 0.43, often, ..World::default() };
    let report = world.find(|point, random| {
        let is_in_first =
            [0, 1, 5].contains(&point.target) && (at(10, 0)..at(17, 0)).contains(&point.at_s);
        let is_in_list = (5..65).contains(&point.target) && point.at_s >= at(18, 0);
        if is_in_first || is_in_list {
            block(point, Mechanism::DnsInjectionBlockpage, 0.97, random);
        }
        true
    });
    let lines = lines(&report.events);
    let first: Vec<_> = report.events.iter().filter(|it| it.start.at_s < at(15, 0)).collect();
    assert_eq!(first.len(), 1, "{lines:#?}");
    assert_eq!(first[0].targets, [0, 1, 5], "{lines:#?}");
    assert!((first[0].end.unwrap().at_s - at(17, 0)).abs() < 6 * 3_600, "{lines:#?}");
    let list = report.events.iter().filter(|it| it.start.at_s >= at(15, 0));
    assert!(list.max_by_key(|it| it.targets.len()).unwrap().targets.contains(&5), "{lines:#?}");
}

#[test]
fn what_was_always_blocked_is_standing() {
    let world = World { networks: 3, ..World::default() };
    let report = world.find(|point, random| {
        if point.target == 3 {
            block(point, Mechanism::HttpBlockpage, 0.97, random);
        }
        if point.target == 4 && point.at_s < at(15, 0) {
            block(point, Mechanism::HttpBlockpage, 0.97, random);
        }
        true
    });
    assert_eq!(report.standing.len(), 1, "{:#?}", lines(&report.standing));
    assert_eq!(report.standing[0].targets, [3]);
    assert_eq!(report.events.len(), 1, "lifted in sight: {:#?}", lines(&report.events));
    assert!(report.events[0].start.after_s.is_none() && report.events[0].end.is_some());
}

#[test]
fn the_order_of_points_does_not_matter() {
    let world = World { networks: 6, ..World::default() };
    let mut points = world.points(|point, random| {
        if point.target == 3 && point.at_s > at(10, 0) {
            block(point, Mechanism::HttpBlockpage, 0.6, random);
        }
        true
    });
    let first = find(&mut points, &Settings::default());
    points.reverse();
    let third = points.len() / 3;
    points.rotate_left(third);
    assert_eq!(find(&mut points, &Settings::default()), first);
    assert_eq!(first.events.len(), 1, "{:#?}", lines(&first.events));
}
