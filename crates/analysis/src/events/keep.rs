//! Statements about events, kept while data come late: what is replaced is not lost.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use wirewitness_model::point::Point;

use super::alike::Alike;
use super::report::{Event, Report};
use super::settings::Settings;
use super::{find, sort};

/// What was said of an event at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// The event's name and how often it was restated: `ZZ-20260118-0a1b2c3d.2`.
    pub name: String,
    /// Which restatement of that event's name it is, from 1.
    pub revision: u32,
    /// What was said.
    pub event: Event,
    /// Name of the statement that replaced it. Null while it holds.
    pub superseded_by: Option<String>,
    /// Whether later data took it back and put nothing in its place.
    pub withdrawn: bool,
}

/// Events of points that come at any time, in any order.
///
/// Holds all points, 48 bytes each: for what fits in memory. A store that holds the points itself finds the events of what changed and
/// calls [`revise`] on the statements it has.
#[derive(Debug, Default)]
pub struct Events {
    settings: Settings,
    points: Vec<Point>,
    statements: Vec<Statement>,
    report: Report,
}

impl Events {
    /// No points yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// Adds points, old or new; looks at everything again and restates what changed. The same point twice is one point.
    pub fn add(&mut self, points: &[Point]) -> &Report {
        self.points.extend_from_slice(points);
        sort(&mut self.points);
        self.points.dedup();
        self.report = find(&mut self.points, &self.settings);
        revise(&mut self.statements, &self.report.events);
        &self.report
    }

    /// All that was ever said, in the order in which it was first said.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// What holds now.
    pub fn report(&self) -> &Report {
        &self.report
    }
}

/// Replaces statements that no longer hold by what is said of the same event now, and adds events that are new.
///
/// An event is the same if its name is, or else if it is of the same kind and country, shares a network, and a target or a start within a day. One
/// that is said as before stays as it is. The work grows with the number of statements and of events, and with the pairs that share a target and a
/// time; not with all pairs.
pub fn revise(statements: &mut Vec<Statement>, events: &[Event]) {
    revise_counted(statements, events);
}

/// The same; gives the number of pairs that were compared.
fn revise_counted(statements: &mut Vec<Statement>, events: &[Event]) -> u64 {
    let mut as_before: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut revisions: BTreeMap<&str, u32> = BTreeMap::new();
    let mut open = BTreeSet::new();
    for (at, statement) in statements.iter().enumerate() {
        *revisions.entry(&statement.event.id).or_default() += 1;
        if statement.holds() {
            open.insert(at);
            as_before.entry(said(&statement.event)).or_default().push(at);
        }
    }
    // Events that are new, and what each is called; of those with one name, the first.
    let mut added = BTreeMap::new();
    let mut of_name: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, event) in events.iter().enumerate() {
        if let Some(same) = as_before.remove(&said(event)) {
            same.iter().for_each(|at| _ = open.remove(at));
            continue;
        }
        let revision = revisions.entry(&event.id).or_default();
        *revision += 1;
        added.insert(place, Statement::of(event, *revision));
        of_name.entry(&event.id).or_insert(place);
    }
    let alike = Alike::of(events, added.keys().copied());
    let mut looked = 0;
    let mut next = Vec::new();
    for at in open {
        let Some(statement) = statements.get(at) else { continue };
        // Its own name before another's.
        let own = of_name.get(statement.event.id.as_str()).copied();
        let place = own.or_else(|| alike.first(&statement.event, &mut looked));
        let name = place.and_then(|place| added.get(&place)).map(|new| new.name.clone());
        next.push((at, name));
    }
    for (at, name) in next {
        let Some(statement) = statements.get_mut(at) else { continue };
        statement.withdrawn = name.is_none();
        statement.superseded_by = name;
    }
    statements.extend(added.into_values());
    looked
}

impl Statement {
    fn of(event: &Event, revision: u32) -> Self {
        let name = format!("{}.{revision}", event.id);
        Self { name, revision, event: event.clone(), superseded_by: None, withdrawn: false }
    }

    /// Whether it still stands.
    pub fn holds(&self) -> bool {
        self.superseded_by.is_none() && !self.withdrawn
    }
}

/// What of an event is said aloud: not the memory of vantages, which is not kept.
fn said(event: &Event) -> String {
    serde_json::to_string(event).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::alike::is_same;
    use super::super::report::{Country, Counts, Kind, Turn};
    use super::*;

    /// Each with each: what the rule says, word for word.
    fn each_with_each(statements: &mut Vec<Statement>, events: &[Event]) {
        let mut held: Vec<usize> = (0..statements.len()).collect();
        held.retain(|at| statements[*at].holds());
        let mut successor: Vec<(usize, String)> = Vec::new();
        let mut added: Vec<Statement> = Vec::new();
        for event in events {
            if held.iter().any(|at| said(&statements[*at].event) == said(event)) {
                held.retain(|at| said(&statements[*at].event) != said(event));
                continue;
            }
            let of_name = statements.iter().chain(&added).filter(|old| old.event.id == event.id);
            let revision = of_name.count() as u32 + 1;
            let name = format!("{}.{revision}", event.id);
            for at in &held {
                let old = &statements[*at].event;
                if old.id == event.id || is_same(old, event) {
                    successor.push((*at, name.clone()));
                }
            }
            let event = event.clone();
            added.push(Statement { name, revision, event, superseded_by: None, withdrawn: false });
        }
        for at in held {
            let statement = &mut statements[at];
            let own = successor.iter().find(|(old, name)| {
                *old == at && name.rsplit_once('.').is_some_and(|(id, _)| id == statement.event.id)
            });
            let next = own.or_else(|| successor.iter().find(|(old, _)| *old == at));
            statement.superseded_by = next.map(|(_, name)| name.clone());
            statement.withdrawn = statement.superseded_by.is_none();
        }
        statements.append(&mut added);
    }

    /// Numbers that follow from a seed (Steele and others, "Fast splittable pseudorandom number generators", 2014).
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, end: u64) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (mixed ^ (mixed >> 31)) % end
        }

        fn some(&mut self, most: u64, of: u64) -> Vec<u32> {
            let count = self.below(most + 1);
            let numbers: BTreeSet<u32> = (0..count).map(|_| self.below(of) as u32).collect();
            numbers.into_iter().collect()
        }
    }

    fn event(id: String, country: [u8; 2], start_s: i64, end_s: Option<i64>) -> Event {
        let turn = |at_s| Turn { after_s: None, at_s, seen_s: at_s };
        Event {
            id,
            kind: Kind::Block,
            country: Country(country),
            start: turn(start_s),
            end: end_s.map(turn),
            targets: vec![1],
            networks: vec![1],
            networks_against: Vec::new(),
            country_wide: false,
            mechanisms: Vec::new(),
            counts: Counts::default(),
            vantages: 1,
            confidence: wirewitness_model::verdict::Confidence::Low,
            spells: Vec::new(),
        }
    }

    fn any_event(numbers: &mut Numbers) -> Event {
        let country = [b'A', b'A' + numbers.below(2) as u8];
        let start_s = numbers.below(20) as i64 * 43_200;
        let end_s = (numbers.below(3) > 0).then(|| start_s + numbers.below(8) as i64 * 43_200);
        let mut event = event(format!("E{}", numbers.below(12)), country, start_s, end_s);
        if numbers.below(4) == 0 {
            (event.kind, event.targets) = (Kind::Shutdown, Vec::new());
        } else {
            event.targets = numbers.some(3, 5);
        }
        event.networks = numbers.some(3, 4);
        event
    }

    #[test]
    fn it_says_what_each_with_each_says() {
        let mut numbers = Numbers(1);
        for round in 0..400 {
            let (mut quick, mut slow) = (Vec::new(), Vec::new());
            let mut events: Vec<Event> = Vec::new();
            for _ in 0..4 {
                // Some stay as they are, some go, some come, some come twice.
                events.retain(|_| numbers.below(3) > 0);
                for _ in 0..numbers.below(8) {
                    events.push(any_event(&mut numbers));
                }
                if numbers.below(3) == 0
                    && let Some(first) = events.first().cloned()
                {
                    events.push(first);
                }
                revise(&mut quick, &events);
                each_with_each(&mut slow, &events);
                assert_eq!(quick, slow, "round {round}");
            }
        }
    }

    #[test]
    fn pairs_that_share_nothing_are_not_compared() {
        // Twenty thousand events of a country and one target, each on another day, and none as it was said.
        let many = |shift: i64| -> Vec<Event> {
            let days = (0..20_000).map(|day| day * 5 * 86_400 + shift);
            days.map(|at| event(format!("E{at}"), *b"AA", at, Some(at + 3_600))).collect()
        };
        let mut statements = Vec::new();
        revise(&mut statements, &many(0));
        let looked = revise_counted(&mut statements, &many(60));
        assert_eq!(looked, 20_000, "each old one and the one that replaces it");
        assert!(statements.iter().take(20_000).all(|old| old.superseded_by.is_some()));
    }
}
