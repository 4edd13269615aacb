//! Change points in series of verdicts, grouped into events.
//!
//! A series is one target in one network. Its verdicts come unevenly, from few people, some of whom are wrong; events are what is
//! left when no one of them, no resolver, no server and no outage of ours explains it. In reading order:
//!
//! - [`settings`]: what may be set, and what each number means; how thresholds follow from the rate of false alarms.
//! - [`survey`]: a first pass over all points. Broken resolvers, outages of the control side, how much is measured.
//! - `witness`, `errors`: vantages that are wrong on their own; what the errors of the others name.
//! - `unit`: points into units of evidence: what one vantage said in one hour.
//! - `sum`, `noise`, `reach`, `walk`: cumulative sums in which no voice decides, and the walk along a series that they make.
//! - `spell`, `target`: what was blocked from when until when; networks pooled; servers that fail, targets that move.
//! - `bout`: networks in which one target was blocked by one order.
//! - `volume`: measurements that stop coming.
//! - `features`, `lists`, `group`, `event`: spells into events over networks and targets.
//! - [`keep`]: statements that later data replace.
//! - `carry`: what passes between machines.
//! - [`series`]: counts by target, network, layer, mechanism and time, for tables and charts.
//!
//! [`find`] does all of it on points in memory. A store feeds [`Survey`] and [`Finder`] instead, each with points sorted by
//! target, network and time; both can be fed in parts, target by target, on several cores.

mod alike;
mod bout;
mod carry;
mod errors;
mod event;
mod features;
mod group;
mod handed;
pub mod keep;
pub mod layer;
mod lists;
mod noise;
mod reach;
pub mod report;
pub mod series;
pub mod settings;
mod spell;
mod sum;
pub mod survey;
mod target;
mod unit;
mod volume;
mod walk;
mod witness;

use serde::{Deserialize, Serialize};
use wirewitness_model::point::Point;
use wirewitness_model::verdict::Confidence;

pub use keep::{Events, Statement, revise};
pub use layer::Layer;
pub use report::{
    Basis, Change, ChangeKind, Country, Counts, Event, Fault, FaultKind, Kind, Report, Spell, Turn,
};
pub use settings::Settings;
pub use survey::{Climate, Survey};

use self::target::{Bout, Findings};
use self::unit::Units;
use self::volume::Silence;

/// Finds all events of some points. Sorts them; their order does not change what is found.
pub fn find(points: &mut [Point], settings: &Settings) -> Report {
    sort(points);
    let mut survey = Survey::default();
    points.iter().for_each(|point| survey.add(point));
    let climate = survey.finish(settings);
    let mut finder = Finder::new(&climate, settings);
    points.iter().for_each(|point| finder.add(point));
    finish(vec![finder.finish()], &climate, settings)
}

/// Sorts points as [`Survey`] and [`Finder`] take them: by target, network and time, then by all else.
pub fn sort(points: &mut [Point]) {
    points.sort_unstable_by_key(|point| {
        let rest = (point.vantage, point.resolver_asn, point.status, point.mechanism);
        (point.target, point.network, point.at_s, rest)
    });
}

/// The second pass: takes points sorted as by [`sort`] and keeps those of one target at a time.
#[derive(Debug)]
pub struct Finder<'a> {
    climate: &'a Climate,
    settings: &'a Settings,
    units: Units,
    last: Option<Point>,
    found: Part,
}

/// What one [`Finder`] found of its targets. Can be carried to another machine.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Part {
    findings: Findings,
    dropped: u64,
}

impl<'a> Finder<'a> {
    /// A finder that believes a survey of all points.
    pub fn new(climate: &'a Climate, settings: &'a Settings) -> Self {
        Self { climate, settings, units: Units::default(), last: None, found: Part::default() }
    }

    /// Adds the next point. One that is out of order is left out, and counted in [`Report::dropped`].
    pub fn add(&mut self, point: &Point) {
        if let Some(last) = self.last {
            if last.target != point.target {
                self.target(last.target);
            } else if last.network != point.network {
                self.units.next_cell();
            }
            if (last.target, last.network, last.at_s) > (point.target, point.network, point.at_s) {
                self.found.dropped += 1;
                return;
            }
        }
        self.last = Some(*point);
        if survey::is_of_this_time(point) && self.climate.believes(point) {
            self.units.add(point);
        }
    }

    fn target(&mut self, number: u32) {
        let found = target::target((number, &self.units.done), &self.climate.errors, self.settings);
        self.found.findings.bouts.extend(found.bouts);
        self.found.findings.hints.extend(found.hints);
        self.found.findings.faults.extend(found.faults);
        self.found.dropped += self.units.dropped;
        self.units.clear();
    }

    /// What was found of these targets.
    pub fn finish(mut self) -> Part {
        if let Some(last) = self.last {
            self.target(last.target);
        }
        self.found
    }
}

/// Groups what all parts found. Parts are of different targets; their order does not matter.
pub fn finish(parts: Vec<Part>, climate: &Climate, settings: &Settings) -> Report {
    let mut report =
        Report { points: climate.points, dropped: climate.dropped, ..Report::default() };
    let (mut bouts, mut hints): (Vec<Bout>, Vec<Bout>) = Default::default();
    for part in parts {
        report.dropped += part.dropped;
        bouts.extend(part.findings.bouts);
        hints.extend(part.findings.hints);
        report.faults.extend(part.findings.faults);
    }
    hints.sort_by_key(|hint| {
        hint.spells.first().map(|spell| (spell.target, spell.country, spell.asn, spell.start))
    });
    let (silences, faults) = volume::silences(climate, settings);
    report.faults.extend(faults);
    report.faults.extend(climate.faults.iter().cloned());
    report.faults.sort_by(|a, b| {
        let key = |fault: &Fault| {
            (fault.start_s, fault.kind, fault.targets.clone(), fault.country, fault.asn)
        };
        key(a).cmp(&key(b))
    });
    report.events.extend(shutdowns(&silences, climate));
    for event in group::group(bouts, hints, settings) {
        if event.confidence == Confidence::Low {
            report.unconfirmed.push(event);
        } else if event.spells.iter().any(Spell::is_seen) {
            report.events.push(event);
        } else {
            report.standing.push(event);
        }
    }
    report
        .events
        .sort_by(|a, b| (a.start.at_s, a.country, &a.id).cmp(&(b.start.at_s, b.country, &b.id)));
    report
}

/// Silences into events: a country's takes its networks' with it.
fn shutdowns(silences: &[Silence], climate: &Climate) -> Vec<Event> {
    let (national, local): (Vec<&Silence>, Vec<&Silence>) =
        silences.iter().partition(|silence| silence.asn.is_none());
    let mut events: Vec<Event> = Vec::new();
    for silence in &national {
        let (networks, against) = volume::quiet(climate, silence);
        events.push(shutdown(silence, networks, against));
    }
    for silence in local {
        let near = |event: &&mut Event| {
            let over = event.end.map_or(i64::MAX, |end| end.at_s);
            let start = silence.start.at_s;
            let ends = match (event.end, silence.end) {
                (Some(ours), Some(theirs)) => (ours.at_s - theirs.at_s).abs() <= SAME_END_S,
                _ => true,
            };
            let begins = ends && (start - event.start.at_s).abs() <= SAME_SHUTDOWN_S;
            let within = event.country_wide && start >= event.start.at_s && start < over;
            event.country == silence.country && (begins || within)
        };
        let Some(event) = events.iter_mut().find(near) else {
            events.push(shutdown(silence, silence.asn.into_iter().collect(), Vec::new()));
            continue;
        };
        let asn = silence.asn.unwrap_or(0);
        event.networks_against.retain(|other| *other != asn);
        if let Err(place) = event.networks.binary_search(&asn) {
            event.networks.insert(place, asn);
        }
    }
    events
}

fn shutdown(silence: &Silence, networks: Vec<u32>, against: Vec<u32>) -> Event {
    let seed = (silence.start.at_s, silence.asn.unwrap_or(0));
    Event {
        id: event::id(Kind::Shutdown, silence.country, seed),
        kind: Kind::Shutdown,
        country: silence.country,
        start: silence.start,
        end: silence.end,
        targets: Vec::new(),
        country_wide: networks.len() >= 3
            && 5 * networks.len() >= 4 * (networks.len() + against.len()),
        networks,
        networks_against: against,
        mechanisms: Vec::new(),
        counts: Counts::default(),
        vantages: silence.vantages,
        confidence: if silence.vantages >= 10 { Confidence::High } else { Confidence::Medium },
        spells: Vec::new(),
    }
}

/// Seconds between silences of two networks of a country that are one shutdown: 3 hours between their starts, 6
/// between their ends.
const SAME_SHUTDOWN_S: i64 = 10_800;
const SAME_END_S: i64 = 21_600;
