//! How soon, and how often wrongly.

use wirewitness_analysis::events::{Settings, find};
use wirewitness_model::verdict::Mechanism;

use super::world::{World, at, block, lines};

/// At 20 measurements a day, blocks and their ends are stated within half a day, in the median.
#[test]
fn half_a_day_at_twenty_a_day() {
    let (mut begun, mut ended) = (Vec::new(), Vec::new());
    for seed in 1..25 {
        let world = World { seed, networks: 1, targets: 4, ..World::default() };
        let report = world.find(|point, random| {
            let there = point.target == 2;
            if there && (at(12, 5)..at(20, 17)).contains(&point.at_s) {
                block(point, Mechanism::TlsResetSni, 0.95, random);
            }
            true
        });
        assert_eq!(report.events.len(), 1, "seed {seed}: {:#?}", lines(&report.events));
        let event = &report.events[0];
        begun.push(event.start.seen_s - at(12, 5));
        ended.push(event.end.expect("an end").seen_s - at(20, 17));
    }
    for (name, delays) in [("block", &mut begun), ("unblock", &mut ended)] {
        delays.sort_unstable();
        let hours = |at: usize| delays[at] as f64 / 3_600.0;
        println!("{name}: median delay {:.1} h, 9 in 10 {:.1} h", hours(12), hours(21));
        assert!(delays[12] < 12 * 3_600, "{name}: {:.1} h", hours(12));
    }
}

/// A national block of a target that each network measures three times a week is stated within a day.
#[test]
fn sparse_cells_speak_together() {
    for seed in 1..6 {
        let world = World { seed, networks: 40, rate: 0.43, targets: 20, ..World::default() };
        let report = world.find(|point, random| {
            if point.target == 2 && point.at_s > at(12, 5) {
                block(point, Mechanism::TlsResetSni, 0.95, random);
            }
            true
        });
        assert_eq!(report.events.len(), 1, "seed {seed}: {:#?}", lines(&report.events));
        let event = &report.events[0];
        let delay = (event.start.seen_s - at(12, 5)) as f64 / 3_600.0;
        println!("seed {seed}: national, sparse: {delay:.1} h, {} networks", event.networks.len());
        assert!(delay < 24.0 && event.country_wide, "{:#?}", lines(&report.events));
        assert!(event.networks.len() >= 36 && event.networks_against.is_empty());
    }
}

/// The rate of false changes means what it says: far more are allowed here, on noise as loud as the settings hold possible.
#[test]
fn false_changes_stay_under_their_rate() {
    let settings = Settings { false_changes: 0.5, one_vantage: 1.0, ..Settings::default() };
    let world =
        World { networks: 10, targets: 100, days: 73, noise: settings.noise, ..World::default() };
    let report = find(&mut world.points(|_, _| true), &settings);
    let all = report.events.iter().chain(&report.unconfirmed);
    let changes: usize = all.map(|event| event.changes().len()).sum();
    let years = 1_000.0 * 73.0 / 365.25;
    println!("{changes} false changes in {years:.0} series-years; {} allowed", 0.5 * years);
    assert!((changes as f64) < 0.5 * years);
}
