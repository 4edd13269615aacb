//! Statements about events, kept while data come late: what is replaced is not lost.

use serde::{Deserialize, Serialize};
use wirewitness_model::point::Point;

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
/// that is said as before stays as it is.
pub fn revise(statements: &mut Vec<Statement>, events: &[Event]) {
    let mut held: Vec<usize> = (0..statements.len()).collect();
    held.retain(|at| statements.get(*at).is_some_and(Statement::holds));
    let mut successor: Vec<(usize, String)> = Vec::new();
    let mut added: Vec<Statement> = Vec::new();
    for event in events {
        let old = |at: &usize| statements.get(*at);
        if held.iter().filter_map(old).any(|statement| said(&statement.event) == said(event)) {
            held.retain(|at| statements.get(*at).is_none_or(|old| said(&old.event) != said(event)));
            continue;
        }
        let of_name =
            statements.iter().chain(&added).filter(|old| old.event.id == event.id).count();
        let revision = of_name as u32 + 1;
        let name = format!("{}.{revision}", event.id);
        for at in &held {
            if statements.get(*at).is_some_and(|old| is_same(&old.event, event)) {
                successor.push((*at, name.clone()));
            }
        }
        added.push(Statement {
            name,
            revision,
            event: event.clone(),
            superseded_by: None,
            withdrawn: false,
        });
    }
    for at in held {
        let Some(statement) = statements.get_mut(at) else { continue };
        // Its own name before another's.
        let own = successor
            .iter()
            .find(|(old, name)| *old == at && name.starts_with(&statement.event.id));
        let next = own.or_else(|| successor.iter().find(|(old, _)| *old == at));
        statement.superseded_by = next.map(|(_, name)| name.clone());
        statement.withdrawn = statement.superseded_by.is_none();
    }
    statements.append(&mut added);
}

impl Statement {
    /// Whether it still stands.
    pub fn holds(&self) -> bool {
        self.superseded_by.is_none() && !self.withdrawn
    }
}

/// What of an event is said aloud: not the memory of vantages, which is not kept.
fn said(event: &Event) -> String {
    serde_json::to_string(event).unwrap_or_default()
}

fn is_same(old: &Event, new: &Event) -> bool {
    if old.id == new.id {
        return true;
    }
    let shares = |a: &[u32], b: &[u32]| a.iter().any(|number| b.binary_search(number).is_ok());
    let near = (old.start.at_s - new.start.at_s).abs() <= 86_400;
    let over = |event: &Event| event.end.map_or(i64::MAX, |end| end.at_s);
    let overlap = old.start.at_s <= over(new) && new.start.at_s <= over(old);
    old.kind == new.kind
        && old.country == new.country
        && shares(&old.networks, &new.networks)
        && (shares(&old.targets, &new.targets) || old.targets.is_empty())
        && (near || overlap)
}
