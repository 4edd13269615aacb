//! What must hold of every data set, checked one by one: what was planted on all networks is one event, and nothing is stated of what is
//! no event.

use wirewitness_analysis::events::{self, find};
use wirewitness_lab::population::score::{Found, Rule, Score, score};
use wirewitness_lab::population::truth::{Kind, NonEvent, NonEventKind, Planted, Truth, Variety};
use wirewitness_model::point::Point;

use super::statements::statements;

/// How many statements are of each event that was planted on all networks.
pub(crate) struct Wide {
    pub(crate) variety: Variety,
    pub(crate) id: String,
    pub(crate) statements: Vec<usize>,
}

/// Everything that was planted on all networks, with the statements that are of it.
pub(crate) fn wide(truth: &Truth, stated: &[Found]) -> Vec<Wide> {
    let is_wide =
        |event: &&Planted| event.is_to_be_found() && event.networks.len() == truth.networks.len();
    let of: Vec<Option<String>> = stated.iter().map(|found| planted(truth, found)).collect();
    let wide = truth.events.iter().filter(is_wide).map(|event| {
        let is_its = |at: &usize| of[*at].as_ref() == Some(&event.id);
        let statements = (0..stated.len()).filter(is_its).collect();
        Wide { variety: event.variety, id: event.id.clone(), statements }
    });
    wide.collect()
}

/// The planted event that a statement is of, by itself.
fn planted(truth: &Truth, found: &Found) -> Option<String> {
    let alone = score(std::slice::from_ref(found), truth, &Rule::default());
    let is_found = |event: &&Planted| event.is_to_be_found() && !alone.missed.contains(&event.id);
    (alone.right == 1).then(|| truth.events.iter().find(is_found).map(|it| it.id.clone()))?
}

/// A wrong statement that touches what is no event: the same names, networks and time.
pub(crate) struct Touch {
    /// Position of the statement.
    pub(crate) at: usize,
    pub(crate) kind: NonEventKind,
    pub(crate) id: String,
    /// Whether it is no longer stated where the points are taken away that the non-event can have spoiled.
    pub(crate) is_from_it: bool,
    /// Whether nothing was planted on its names and networks at that time.
    pub(crate) is_of_nothing: bool,
}

/// All wrong statements that touch a non-event, each with each.
pub(crate) fn touches(
    truth: &Truth,
    (stated, score): (&[Found], &Score),
    points: &[Point],
) -> Vec<Touch> {
    let mut touches = Vec::new();
    for at in &score.wrong_at {
        let found = &stated[*at];
        for other in truth.non_events.iter().filter(|it| touches_it(found, it)) {
            touches.push(Touch {
                at: *at,
                kind: other.kind,
                id: other.id.clone(),
                is_from_it: !is_stated_without(found, other, points),
                is_of_nothing: !truth.events.iter().any(|it| is_about(found, it)),
            });
        }
    }
    touches
}

fn touches_it(found: &Found, other: &NonEvent) -> bool {
    let names = found.kind == Kind::Shutdown || found.targets.in_both(&other.targets) > 0;
    names
        && found.networks.iter().any(|asn| other.networks.contains(asn))
        && (other.start_s - NEAR_S..=other.end_s + NEAR_S).contains(&found.start_s)
}

/// Whether something was planted on some of its names and networks, in force or changing within three days of it.
fn is_about(found: &Found, event: &Planted) -> bool {
    let names = found.targets.in_both(&event.targets) > 0;
    let silence = (found.kind == Kind::Shutdown) == (event.kind == Kind::Shutdown);
    let is_near = |asn: &u32| {
        let times = [-3 * DAY_S, 0, 3 * DAY_S].map(|off_s| found.start_s + off_s);
        let forces = times.map(|at_s| event.in_force(*asn, at_s));
        forces.iter().any(Option::is_some)
    };
    silence && (names || found.kind == Kind::Shutdown) && found.networks.iter().any(is_near)
}

/// Whether it is still stated, near the same time, where the points that a non-event can have spoiled are taken away.
fn is_stated_without(found: &Found, other: &NonEvent, points: &[Point]) -> bool {
    let spoiled = |point: &&Point| {
        (other.start_s..other.end_s).contains(&point.at_s)
            && other.vantage.is_none_or(|vantage| vantage == point.vantage)
            && other.networks.contains(&point.network.asn)
            && other.targets.contains(point.target)
    };
    let mut rest: Vec<Point> = points.iter().filter(|point| !spoiled(point)).copied().collect();
    let report = find(&mut rest, &events::Settings::default());
    statements(&report).iter().any(|it| {
        it.kind == found.kind
            && (it.start_s - found.start_s).abs() <= DAY_S
            && (found.kind == Kind::Shutdown || it.targets.in_both(&found.targets) > 0)
            && it.networks.iter().any(|asn| found.networks.contains(asn))
    })
}

const DAY_S: i64 = 86_400;
/// Before and after a non-event, what its edges do: an hour.
const NEAR_S: i64 = 3_600;
