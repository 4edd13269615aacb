//! What the detector of events says, in the words of the score.
//!
//! Everything that it states is judged by itself:
//! - An event of its report that was seen to begin is a `block`; its end is an `unblock` of its own, and never a part of the
//!   block, so that no end is found before it was said.
//! - One that was there at the first measurement is an `unblock` where it ended, and a `block` where it did not.
//! - Turns of the cells of an event to another layer's mechanism, each within a day of the one before, are one
//!   `mechanism_change`. Events that stand from the first measurement to the last state nothing else.
//! - What is `unconfirmed` is not stated.
//!
//! The time at which it was said is the detector's `seen_s`: when the measurement was made that was enough. That of an event is
//! its first alarm's; how far it reaches was known later.

use std::collections::BTreeSet;

use wirewitness_analysis::events::{self, Change, ChangeKind, Event, Report, Turn};
use wirewitness_lab::population::TargetSet;
use wirewitness_lab::population::score::Found;
use wirewitness_lab::population::truth::Kind;

/// All that a report states.
pub(crate) fn statements(report: &Report) -> Vec<Found> {
    let seen = report.events.iter().flat_map(of_event);
    seen.chain(report.events.iter().chain(&report.standing).flat_map(turns)).collect()
}

/// A block's start and end, or a shutdown.
pub(crate) fn of_event(event: &Event) -> Vec<Found> {
    let found = |kind, turn: Turn| Found {
        kind,
        targets: event.targets.iter().copied().collect(),
        networks: event.networks.clone(),
        start_s: turn.at_s,
        end_s: None,
        said_s: turn.seen_s,
    };
    if event.kind == events::Kind::Shutdown {
        let end_s = event.end.map(|turn| turn.at_s);
        return vec![Found { end_s, ..found(Kind::Shutdown, event.start) }];
    }
    let begins = event.start.after_s.is_some() || event.end.is_none();
    let start = begins.then(|| found(Kind::Block, event.start));
    start.into_iter().chain(event.end.map(|turn| found(Kind::Unblock, turn))).collect()
}

/// Changes of mechanism within an event.
fn turns(event: &Event) -> Vec<Found> {
    let mut changes = event.changes();
    changes.retain(|change| change.kind == ChangeKind::Mechanism);
    changes.sort_by_key(|change| (change.layer, change.turn.at_s));
    changes.chunk_by(is_one).map(turn).collect()
}

fn is_one(one: &Change, next: &Change) -> bool {
    one.layer == next.layer && next.turn.at_s - one.turn.at_s <= 86_400
}

fn turn(changes: &[Change]) -> Found {
    let networks: BTreeSet<u32> = changes.iter().map(|change| change.asn).collect();
    Found {
        kind: Kind::MechanismChange,
        targets: changes.iter().map(|change| change.target).collect::<TargetSet>(),
        networks: networks.into_iter().collect(),
        start_s: changes.iter().map(|change| change.turn.at_s).min().unwrap_or_default(),
        end_s: None,
        said_s: changes.iter().map(|change| change.turn.seen_s).min().unwrap_or_default(),
    }
}
