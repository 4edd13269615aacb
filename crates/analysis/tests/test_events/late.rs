//! Data that come late change what was said, and what was said is kept.

use wirewitness_analysis::events::{Event, Events, Kind, Report, Settings, Statement, find};
use wirewitness_model::point::Point;
use wirewitness_model::verdict::Mechanism;

use super::world::{World, at, block, lines};

fn points() -> Vec<Point> {
    World { networks: 4, ..World::default() }.points(|point, random| {
        if point.target == 3 && (at(10, 0)..at(20, 0)).contains(&point.at_s) {
            block(point, Mechanism::HttpBlockpage, 0.97, random);
        }
        true
    })
}

fn blocks(events: &Events) -> Vec<&Event> {
    events.report().events.iter().filter(|event| event.kind == Kind::Block).collect()
}

fn until(points: &[Point], end_s: i64) -> Report {
    let mut early: Vec<Point> = points.iter().filter(|point| point.at_s < end_s).copied().collect();
    find(&mut early, &Settings::default())
}

/// Its name does not depend on when one looks.
#[test]
fn an_event_keeps_its_name() {
    let points = points();
    let names: Vec<String> =
        (12..30).map(|day| until(&points, at(day, 0)).events[0].id.clone()).collect();
    assert!(names.iter().all(|name| *name == names[0]), "{names:?}");
}

#[test]
fn old_statements_are_superseded_and_kept() {
    let points = points();
    // Network 102's volunteers send what they have two weeks later.
    let (late, prompt): (Vec<Point>, Vec<Point>) =
        points.iter().partition(|point| point.network.asn == 102 && point.at_s > at(8, 0));
    let mut events = Events::new(Settings::default());
    events.add(&prompt);
    assert_eq!(blocks(&events)[0].networks, [100, 101, 103]);
    events.add(&late);
    // That a network fell silent was said too, and is withdrawn.
    let (blocks, silences): (Vec<&Statement>, Vec<&Statement>) =
        events.statements().iter().partition(|statement| statement.event.kind == Kind::Block);
    assert!(silences.iter().all(|statement| statement.withdrawn));
    let said: Vec<Statement> = blocks.into_iter().cloned().collect();
    assert_eq!(said.len(), 2, "{:#?}", lines(&events.report().events));
    assert_eq!(said[0].superseded_by.as_ref(), Some(&said[1].name));
    assert_eq!(said[0].event.networks, [100, 101, 103], "what was said is not lost");
    assert!(said[1].holds() && said[1].event.networks == [100, 101, 102, 103]);
    assert_eq!(said[0].event.id, said[1].event.id);
    // All of it again says nothing new, and in the end it does not matter what came when.
    let before = events.statements().len();
    events.add(&points[..points.len() / 2]);
    assert_eq!(events.statements().len(), before);
    assert_eq!(events.report().events, find(&mut points.clone(), &Settings::default()).events);
}

/// Proof that others could use it all along: the event is withdrawn.
#[test]
fn a_refuted_statement_is_withdrawn() {
    let world =
        World { networks: 1, targets: 1, rate: 4.0, vantages: 2, noise: 0.0, ..World::default() };
    let wrong = world.points(|point, random| {
        if point.at_s > at(20, 0) {
            block(point, Mechanism::HttpBlockpage, 1.0, random);
        }
        true
    });
    let right = World { seed: 9, rate: 40.0, vantages: 9, ..world }.points(|_, _| true);
    let mut events = Events::new(Settings::default());
    events.add(&wrong);
    assert_eq!(events.statements().len(), 1);
    let right: Vec<Point> =
        right.into_iter().map(|point| Point { vantage: point.vantage + 50, ..point }).collect();
    events.add(&right);
    assert!(events.report().events.is_empty(), "{:#?}", lines(&events.report().events));
    assert!(events.statements()[0].withdrawn);
}
