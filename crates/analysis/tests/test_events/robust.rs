//! What is not blocking makes no event, and what is makes one.

use wirewitness_analysis::events::{FaultKind, Kind, Settings, find};
use wirewitness_model::verdict::{Mechanism, Status};

use super::world::{World, at, block, lines};

#[test]
fn noise_makes_no_event() {
    for (seed, noise) in [(1, 0.0), (2, 0.01), (3, 0.02), (4, 0.05), (5, 0.1)] {
        let report =
            World { seed, noise, targets: 40, days: 60, ..World::default() }.find(|_, _| true);
        assert!(report.events.is_empty(), "noise {noise}: {:#?}", lines(&report.events));
        assert!(report.standing.is_empty(), "noise {noise}: {:#?}", lines(&report.standing));
    }
}

#[test]
fn noise_of_sparse_cells_makes_no_event() {
    let world = World { targets: 3_000, networks: 10, rate: 0.4, noise: 0.03, ..World::default() };
    let report = world.find(|_, _| true);
    assert!(report.events.is_empty(), "{:#?}", lines(&report.events));
}

/// A volunteer behind a filter of their own, who makes a third of all measurements.
#[test]
fn one_bad_volunteer_makes_no_event() {
    for seed in 1..6 {
        let report = World { seed, ..World::default() }.find(|point, random| {
            if point.vantage == 101_000 && point.at_s > at(10, 0) {
                block(point, Mechanism::HttpBlockpage, 1.0, random);
            }
            true
        });
        assert!(report.events.is_empty(), "{:#?}", lines(&report.events));
    }
}

/// The same where nobody else measures: said, but not as an event.
#[test]
fn a_lone_volunteer_is_unconfirmed() {
    let world = World { vantages: 1, networks: 1, ..World::default() };
    let report = world.find(|point, random| {
        if point.target == 3 && point.at_s > at(10, 0) {
            block(point, Mechanism::HttpBlockpage, 1.0, random);
        }
        true
    });
    assert!(report.events.is_empty(), "{:#?}", lines(&report.events));
    assert_eq!(report.unconfirmed.len(), 1, "{:#?}", lines(&report.unconfirmed));
    assert_eq!(report.unconfirmed[0].targets, [3]);
}

#[test]
fn a_broken_resolver_makes_no_event() {
    for (share, mechanism) in
        [(1.0, Mechanism::DnsTimeout), (0.8, Mechanism::DnsRefused), (0.6, Mechanism::DnsNxdomain)]
    {
        let world = World { targets: 30, ..World::default() };
        let report = world.find(|point, random| {
            if point.resolver_asn == 101 && (at(10, 3)..at(12, 8)).contains(&point.at_s) {
                block(point, mechanism, share, random);
            }
            true
        });
        assert!(report.events.is_empty(), "{mechanism}: {:#?}", lines(&report.events));
        let fault = report.faults.iter().find(|fault| fault.kind == FaultKind::Resolver);
        assert_eq!(fault.and_then(|fault| fault.resolver_asn), Some(101), "{mechanism}");
    }
}

/// The other side of it: a resolver that refuses a list is a block.
#[test]
fn a_resolver_with_a_list_makes_an_event() {
    let world = World { targets: 60, ..World::default() };
    let report = world.find(|point, random| {
        if point.resolver_asn == 101 && point.target < 8 && point.at_s > at(10, 3) {
            block(point, Mechanism::DnsNxdomain, 0.98, random);
        }
        true
    });
    assert_eq!(report.events.len(), 1, "{:#?}", lines(&report.events));
    assert_eq!(report.events[0].targets, (0..8).collect::<Vec<_>>());
    assert_eq!(report.events[0].networks, [101]);
}

#[test]
fn a_control_outage_makes_no_event() {
    for status in [Status::Insufficient, Status::Down] {
        let world = World { targets: 40, ..World::default() };
        let report = world.find(|point, random| {
            if (at(10, 3)..at(10, 15)).contains(&point.at_s) && random.chance(0.9) {
                (point.status, point.mechanism) = (status, None);
                block(point, Mechanism::TcpTimeout, 0.2, random);
            }
            true
        });
        assert!(report.events.is_empty(), "{status}: {:#?}", lines(&report.events));
        assert!(report.faults.iter().any(|fault| fault.kind == FaultKind::Control), "{status}");
    }
}

#[test]
fn a_server_outage_makes_no_event() {
    // One country: controls fail with it most of the time.
    let report = World::default().find(|point, random| {
        if point.target == 4 && (at(10, 3)..at(12, 15)).contains(&point.at_s) {
            (point.status, point.mechanism) = (Status::Down, Some(Mechanism::ServerDown));
            block(point, Mechanism::TcpTimeout, 0.4, random);
        }
        true
    });
    assert!(report.events.is_empty(), "{:#?}", lines(&report.events));
    // Three countries: everybody fails, and no control noticed.
    let world = World { countries: 3, ..World::default() };
    let report = world.find(|point, random| {
        if point.target == 4 && (at(10, 3)..at(12, 15)).contains(&point.at_s) {
            block(point, Mechanism::TcpTimeout, 1.0, random);
        }
        true
    });
    assert!(report.events.is_empty(), "{:#?}", lines(&report.events));
    assert!(report.faults.iter().any(|fault| fault.kind == FaultKind::Server));
}

/// The other side of it: one country of three is a block.
#[test]
fn a_block_in_one_country_of_three_is_an_event() {
    let world = World { countries: 3, ..World::default() };
    let report = world.find(|point, random| {
        let there = point.target == 4 && point.network.country == *b"AB";
        if there && (at(10, 3)..at(12, 15)).contains(&point.at_s) {
            block(point, Mechanism::TcpTimeout, 1.0, random);
        }
        true
    });
    assert_eq!(report.events.len(), 1, "{:#?}", lines(&report.events));
    assert!(report.events[0].country_wide && report.events[0].end.is_some());
}

#[test]
fn a_target_that_moves_makes_no_event() {
    for (seed, share) in [(1, 0.3), (2, 0.45), (3, 0.6)] {
        let report = World { seed, ..World::default() }.find(|point, random| {
            if point.target == 2 && (at(10, 3)..at(15, 3)).contains(&point.at_s) {
                block(point, Mechanism::DnsInjectionOther, share, random);
            }
            true
        });
        assert!(report.events.is_empty(), "{share}: {:#?}", lines(&report.events));
        assert!(report.faults.iter().any(|fault| fault.kind == FaultKind::Move), "{share}");
    }
}

#[test]
fn a_network_that_goes_silent_is_a_shutdown() {
    let report = World::default()
        .find(|point, _| point.network.asn != 101 || !(at(20, 6)..at(22, 6)).contains(&point.at_s));
    assert_eq!(report.events.len(), 1, "{:#?}", lines(&report.events));
    let event = &report.events[0];
    assert_eq!((event.kind, &event.networks[..]), (Kind::Shutdown, &[101][..]));
    assert!((event.start.at_s - at(20, 6)).abs() <= 3 * 3_600);
    assert!((event.end.unwrap().at_s - at(22, 6)).abs() <= 3 * 3_600);
}

#[test]
fn a_country_that_goes_silent_is_one_shutdown() {
    let world = World { networks: 12, ..World::default() };
    let report = world.find(|point, random| {
        let off = (at(20, 6)..at(22, 6)).contains(&point.at_s) && point.network.asn != 103;
        !off || random.chance(0.02)
    });
    assert_eq!(report.events.len(), 1, "{:#?}", lines(&report.events));
    assert!(report.events[0].country_wide);
    assert_eq!(report.events[0].networks_against, [103]);
}

#[test]
fn a_collection_that_stops_is_not_a_shutdown() {
    let world = World { countries: 3, ..World::default() };
    let report = world.find(|point, _| !(at(20, 6)..at(22, 6)).contains(&point.at_s));
    assert!(report.events.is_empty(), "{:#?}", lines(&report.events));
    assert!(report.faults.iter().any(|fault| fault.kind == FaultKind::Collection));
}

/// The one who makes five of six measurements of a network stops, for a day and for good.
#[test]
fn a_busy_volunteer_who_stops_is_not_a_shutdown() {
    for days in [1, 12] {
        let report = World::default().find(|point, random| {
            if point.network.asn != 101 {
                return true;
            }
            let busy = point.vantage == 101_000;
            let stopped = (at(18, 0)..at(18 + days, 0)).contains(&point.at_s);
            if busy { !stopped } else { random.chance(0.12) }
        });
        assert!(report.events.is_empty(), "{days}: {:#?}", lines(&report.events));
    }
}

#[test]
fn a_network_that_measures_less_is_not_shut_down() {
    for rest in [0.3, 0.4, 0.6] {
        let report = World::default().find(|point, random| {
            let less = point.network.asn == 101 && (at(16, 0)..at(22, 0)).contains(&point.at_s);
            !less || random.chance(rest)
        });
        assert!(report.events.is_empty(), "{rest}: {:#?}", lines(&report.events));
    }
}

/// Nobody answers, but for one in thirty, and half of those cannot say: a control that fails is not the reason.
#[test]
fn a_shutdown_is_not_a_control_outage() {
    let world = World { networks: 8, ..World::default() };
    let report = world.find(|point, random| {
        if !(at(20, 6)..at(21, 6)).contains(&point.at_s) {
            return true;
        }
        if random.chance(0.8) {
            (point.status, point.mechanism) = (Status::Insufficient, None);
        }
        random.chance(0.033)
    });
    assert_eq!(report.events.len(), 1, "{:#?}", lines(&report.events));
    assert_eq!(report.events[0].kind, Kind::Shutdown);
    assert!((report.events[0].start.at_s - at(20, 6)).abs() <= 3 * 3_600);
}

/// Half of a network asks other resolvers than the one that lies; on some days, all do.
#[test]
fn who_asks_another_resolver_does_not_lift_a_block() {
    let world = World { networks: 1, rate: 30.0, ..World::default() };
    let report = world.find(|point, random| {
        let own = point.resolver_asn == point.network.asn;
        let there = point.target == 3 && point.at_s > at(8, 0);
        if there && own {
            block(point, Mechanism::DnsNxdomain, 0.97, random);
        }
        !(there && own && (at(15, 0)..at(19, 0)).contains(&point.at_s))
    });
    assert_eq!(report.events.len(), 1, "{:#?}", lines(&report.events));
    assert!(report.events[0].end.is_none(), "{:#?}", lines(&report.events));
}

/// Volunteers of a small network leave one by one.
#[test]
fn volunteers_who_leave_are_not_a_shutdown() {
    let world = World { days: 40, ..World::default() };
    let report = world.find(|point, _| {
        let place = (point.vantage % 1_000) as i64;
        point.network.asn != 101 || point.at_s < at(16 + 3 * place, 7)
    });
    assert!(report.events.is_empty(), "{:#?}", lines(&report.events));
}

#[test]
fn a_block_of_a_third_is_found() {
    for (seed, share) in [(1, 0.2), (2, 0.3), (3, 0.4)] {
        let world = World { seed, days: 40, vantages: 8, ..World::default() };
        let report = world.find(|point, random| {
            let there = point.target == 7 && point.network.asn == 102;
            if there && (at(12, 0)..at(27, 0)).contains(&point.at_s) {
                block(point, Mechanism::TlsResetSni, share, random);
            }
            true
        });
        assert_eq!(report.events.len(), 1, "{share}: {:#?}", lines(&report.events));
        let event = &report.events[0];
        assert!((event.start.at_s - at(12, 0)).abs() < 2 * 86_400, "{:#?}", lines(&report.events));
        assert!((event.end.unwrap().at_s - at(27, 0)).abs() < 3 * 86_400);
    }
}

/// Weeks without a measurement, then bursts; then nothing at all.
#[test]
fn gaps_and_bursts_are_no_evidence() {
    let world = World { days: 60, rate: 10.0, ..World::default() };
    let report = world.find(|point, random| {
        let day = (point.at_s - at(0, 0)) / 86_400;
        if point.target == 1 && (20..44).contains(&day) {
            return false;
        }
        if point.target == 2 && day > 30 {
            // All of a day's measurements in one minute, by one volunteer.
            point.at_s = at(day, 4) + random.below(60) as i64;
            point.vantage = 7;
            block(point, Mechanism::TlsTimeout, 0.5, random);
        }
        true
    });
    assert!(report.events.is_empty(), "{:#?}", lines(&report.events));
}

/// Clocks that are wrong by any amount, and points that are nothing but noise.
#[test]
fn any_points_are_taken() {
    let mut points = World::default().points(|point, random| {
        point.at_s = match random.below(6) {
            0 => i64::MIN,
            1 => i64::MAX,
            2 => -1,
            3 => at(400, 0),
            _ => point.at_s,
        };
        point.vantage = random.below(1 << 40);
        point.network.country = [random.below(256) as u8, 0xFF];
        block(point, Mechanism::Shutdown, 0.2, random);
        true
    });
    let report = find(&mut points, &Settings::default());
    assert!(report.dropped * 3 > report.points, "{} of {}", report.dropped, report.points);
    assert!(serde_json::to_string(&report).is_ok());
    assert_eq!(find(&mut [], &Settings::default()).events, []);
}
