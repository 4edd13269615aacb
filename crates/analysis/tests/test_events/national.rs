//! A country for a month: planted events of every kind among noise, bad volunteers and what is not blocking.

use wirewitness_analysis::events::{Event, Kind, Report, Settings, find};
use wirewitness_model::point::Point;
use wirewitness_model::verdict::{Mechanism, Status};

use super::world::{Random, START_S, World, at, block, lines};

/// A planted event.
#[derive(Debug, Clone)]
struct Planted {
    targets: Vec<u32>,
    networks: Vec<u32>,
    start_s: i64,
    end_s: i64,
    mechanism: Mechanism,
    /// Later mechanism, from half of it on.
    then: Option<Mechanism>,
    share: f64,
    /// Seconds between networks.
    step_s: i64,
}

impl Planted {
    fn start_in(&self, asn: u32) -> Option<i64> {
        let place = self.networks.iter().position(|network| *network == asn)?;
        Some(self.start_s + self.step_s * place as i64)
    }

    fn apply(&self, point: &mut Point, random: &mut Random) {
        let Some(start_s) = self.start_in(point.network.asn) else { return };
        if (start_s..self.end_s).contains(&point.at_s) && self.targets.contains(&point.target) {
            let late = point.at_s > i64::midpoint(self.start_s, self.end_s);
            let mechanism = if late { self.then.unwrap_or(self.mechanism) } else { self.mechanism };
            block(point, mechanism, self.share, random);
        }
    }

    fn is(&self, event: &Event) -> bool {
        let share = |ours: &[u32], theirs: &[u32]| {
            let both = ours.iter().filter(|number| theirs.contains(number)).count();
            2 * both >= ours.len() && 2 * both >= theirs.len()
        };
        event.kind == Kind::Block
            && share(&self.targets, &event.targets)
            && share(&self.networks, &event.networks)
            && (event.start.at_s - self.start_s).abs() <= 86_400
    }
}

const NETWORKS: u32 = 20;
const OFTEN: u32 = 50;
const TARGETS: u32 = 1_500;

fn plan(random: &mut Random) -> Vec<Planted> {
    let mechanisms = [
        Mechanism::TlsResetSni,
        Mechanism::HttpBlockpage,
        Mechanism::DnsInjectionBogon,
        Mechanism::TlsTimeout,
        Mechanism::TcpTimeout,
        Mechanism::TlsThrottleSni,
    ];
    let all: Vec<u32> = (100..100 + NETWORKS).collect();
    let mut sparse = OFTEN;
    let mut plan: Vec<Planted> = Vec::new();
    for number in 0..100 {
        let start_s = at(6, 0) + random.below(14 * 86_400) as i64;
        let end_s = start_s + 86_400 * (3 + random.below(8) as i64);
        let mechanism = mechanisms[random.below(6) as usize];
        let one = vec![100 + random.below(u64::from(NETWORKS)) as u32];
        let base = Planted {
            targets: vec![number % OFTEN],
            networks: one,
            start_s,
            end_s,
            mechanism,
            then: None,
            share: 0.95,
            step_s: 0,
        };
        plan.push(match number % 10 {
            // Of one name everywhere, those that are seldom measured too.
            0 => Planted { networks: all.clone(), ..base },
            1 => {
                sparse += 1;
                Planted {
                    targets: vec![sparse - 1],
                    networks: all.clone(),
                    end_s: end_s + 5 * 86_400,
                    ..base
                }
            }
            2 => Planted { networks: all[..12].to_vec(), step_s: 2_400, ..base },
            // Lists of names that are seldom measured, in one network and everywhere.
            3 => {
                sparse += 40;
                let targets = (sparse - 40..sparse).collect();
                Planted { targets, end_s: end_s + 6 * 86_400, ..base }
            }
            4 => {
                sparse += 10;
                let targets = (sparse - 10..sparse).collect();
                Planted { targets, networks: all.clone(), ..base }
            }
            5 => Planted { share: 0.35, end_s: end_s + 6 * 86_400, ..base },
            6 => Planted { then: Some(Mechanism::HttpError), ..base },
            _ => base,
        });
    }
    // Two blocks of one name at a time are one block, to whoever looks from outside.
    let mut kept: Vec<Planted> = Vec::new();
    for planted in plan {
        let clash = kept.iter().any(|other| {
            other.targets.iter().any(|target| planted.targets.contains(target))
                && other.start_s - 3 * 86_400 < planted.end_s
                && planted.start_s < other.end_s + 3 * 86_400
        });
        // The faults below have these.
        let is_faulty = |target: &u32| *target == 48 || target % 100 == 99;
        if !clash && !planted.targets.iter().any(is_faulty) {
            kept.push(planted);
        }
    }
    kept
}

/// What is wrong and not blocking.
fn faults(point: &mut Point, random: &mut Random) {
    // Volunteers behind filters of their own, in five networks.
    if point.vantage % 1_000 == 1
        && point.network.asn.is_multiple_of(4)
        && point.target.is_multiple_of(3)
    {
        block(point, Mechanism::HttpBlockpage, 1.0, random);
    }
    if point.resolver_asn == 107 && (at(9, 0)..at(10, 12)).contains(&point.at_s) {
        block(point, Mechanism::DnsTimeout, 0.8, random);
    }
    if (at(15, 2)..at(15, 9)).contains(&point.at_s) && random.chance(0.85) {
        (point.status, point.mechanism) = (Status::Insufficient, None);
    }
    // Servers that are down, and a name that moved.
    if point.target % 100 == 99 && (at(12, 0)..at(14, 0)).contains(&point.at_s) {
        (point.status, point.mechanism) = (Status::Down, Some(Mechanism::ServerDown));
        block(point, Mechanism::TcpTimeout, 0.3, random);
    }
    if point.target == 48 && (at(18, 0)..at(22, 0)).contains(&point.at_s) {
        block(point, Mechanism::DnsInjectionOther, 0.4, random);
    }
}

fn run(seed: u64) -> (Vec<Planted>, Report) {
    let world = World {
        seed,
        networks: NETWORKS,
        vantages: 6,
        targets: TARGETS,
        rate: 0.43,
        often: (OFTEN, 20.0),
        ..World::default()
    };
    let plan = plan(&mut Random::new(seed));
    let mut points = world.points(|point, random| {
        faults(point, random);
        plan.iter().for_each(|planted| planted.apply(point, random));
        !(point.network.asn == 111 && (at(24, 0)..at(26, 0)).contains(&point.at_s))
    });
    (plan, find(&mut points, &Settings::default()))
}

/// Over three months of three countries, 19 in 20 events are found, and 19 in 20 found are events.
#[test]
fn a_month_of_a_country() {
    let (mut planted_in_all, mut found_in_all, mut true_in_all, mut blocks_in_all) = (0, 0, 0, 0);
    let mut delays: Vec<i64> = Vec::new();
    for seed in [11, 12, 21] {
        let (plan, report) = run(seed);
        let (silences, blocks): (Vec<Event>, Vec<Event>) =
            report.events.iter().cloned().partition(|event| event.kind == Kind::Shutdown);
        assert_eq!(silences.len(), 1, "{:#?}", lines(&silences));
        let found = |planted: &&Planted| blocks.iter().find(|event| planted.is(event));
        let (hits, missed): (Vec<&Planted>, Vec<&Planted>) =
            plan.iter().partition(|planted| found(planted).is_some());
        delays.extend(hits.iter().filter_map(|hit| Some(found(hit)?.start.seen_s - hit.start_s)));
        let (right, wrong): (Vec<Event>, Vec<Event>) =
            blocks.iter().cloned().partition(|event| plan.iter().any(|planted| planted.is(event)));
        println!(
            "seed {seed}: {} of {} planted found; {} of {} found are planted",
            hits.len(),
            plan.len(),
            right.len(),
            blocks.len()
        );
        for planted in missed {
            let hours = |s: i64| (s - START_S) / 3_600;
            let (start, end) = (hours(planted.start_s), hours(planted.end_s));
            println!("missed: {start} h .. {end} h {planted:?}");
        }
        println!("not planted: {:#?}", lines(&wrong));
        planted_in_all += plan.len();
        found_in_all += hits.len();
        true_in_all += right.len();
        blocks_in_all += blocks.len();
    }
    delays.sort_unstable();
    let median = delays[delays.len() / 2] as f64 / 3_600.0;
    println!(
        "found {found_in_all} of {planted_in_all}, true {true_in_all} of {blocks_in_all}; median delay {median:.1} h"
    );
    assert!(20 * found_in_all >= 19 * planted_in_all && 20 * true_in_all >= 19 * blocks_in_all);
    assert!(median < 12.0);
}
