//! Charts as SVG without text: what is said stands beside them, and the numbers in a table behind.

use maud::{Markup, PreEscaped, html};
use wirewitness_model::verdict::Confidence;

use super::ask::Ask;
use super::table::{Cell, Table};
use super::world;
use crate::facts::{Axis, Facts, Filter, State, Tally};

/// The word of a state, as classes and messages have it.
pub(super) fn word(state: State) -> &'static str {
    match state {
        State::Blocked => "blocked",
        State::Partly => "partly",
        State::Down => "down",
        State::Ok => "ok",
        State::Insufficient => "insufficient",
    }
}

/// A state with its mark: shape and word, not only colour.
pub(super) fn badge(ask: &Ask, state: State) -> Markup {
    let word = word(state);
    html! { span class=(format!("state is-{word}")) { span.mark aria-hidden="true" { (mark(state)) } " " (ask.say(&format!("dash-state-{word}"))) } }
}

fn mark(state: State) -> &'static str {
    match state {
        State::Blocked => "■",
        State::Partly => "◪",
        State::Down => "▽",
        State::Ok => "○",
        State::Insufficient => "▒",
    }
}

/// The status of a single verdict.
pub(super) fn status(ask: &Ask, status: &str) -> Markup {
    let state = match status {
        "blocked" => State::Blocked,
        "down" => State::Down,
        "ok" => State::Ok,
        _ => State::Insufficient,
    };
    let word = word(state);
    html! { span class=(format!("state is-{word}")) { span.mark aria-hidden="true" { (mark(state)) } " " (ask.say(&format!("status-{word}"))) } }
}

/// State, counts, vantages and confidence in one line.
pub(super) fn summary(ask: &Ask, tally: &Tally) -> Markup {
    html! {
        (badge(ask, tally.state())) " "
        (ask.say_with("dash-blocked-of", &[("blocked", tally.blocked.into()), ("all", tally.telling().into())]))
        @if tally.insufficient > 0 { (ask.say("dash-and")) (ask.say_with("dash-besides-insufficient", &[("count", tally.insufficient.into())])) }
        (ask.say("dash-and")) (ask.vantages(tally.vantages()))
        @if let Some(confidence) = tally.surest() { (ask.say("dash-and")) (confidence_words(ask, confidence)) }
    }
}

/// `confidence: high`.
pub(super) fn confidence_words(ask: &Ask, confidence: Confidence) -> String {
    let word = ask.say(&format!("confidence-{}", confidence.word()));
    ask.say_with("dash-confidence-is", &[("confidence", word.into())])
}

/// Cells of a tally, for tables: state, blocked, ok, down, insufficient, vantages, confidence. Their columns are [`TALLY`].
pub(super) fn cells(ask: &Ask, tally: &Tally) -> Vec<Cell> {
    let confidence = tally.surest();
    vec![
        Cell::new(word(tally.state()), badge(ask, tally.state())),
        Cell::count(ask, tally.blocked),
        Cell::count(ask, tally.ok),
        Cell::count(ask, tally.down),
        Cell::count(ask, tally.insufficient),
        Cell::new(tally.vantages(), html! { (ask.vantages(tally.vantages())) }),
        Cell::new(
            confidence.map(Confidence::word),
            html! { @if let Some(it) = confidence { (ask.say(&format!("confidence-{}", it.word()))) } @else { "–" } },
        ),
    ]
}

/// Columns of [`cells`].
pub(super) const TALLY: [(&str, &str); 7] = [
    ("state", "dash-state"),
    ("blocked", "status-blocked"),
    ("ok", "status-ok"),
    ("down", "status-down"),
    ("insufficient", "status-insufficient"),
    ("vantages_about", "dash-vantages"),
    ("confidence", "dash-confidence"),
];

/// Columns with others before them.
pub(super) fn columns<'m>(first: &[(&'static str, &'m str)]) -> Vec<(&'static str, &'m str)> {
    first.iter().copied().chain(TALLY).collect()
}

/// A span of time that is drawn as one bar.
pub(super) struct Bin {
    /// Its first day.
    pub(super) day: i32,
    pub(super) tally: Tally,
}

/// Verdicts over time: by day where they are few, else by week or month.
pub(super) fn over_time(facts: &Facts, filter: &Filter) -> (Axis, Vec<Bin>) {
    let axis = grain(facts, filter);
    let groups = facts.aggregate(filter, &[axis]);
    let bin = |group: crate::facts::Group| Bin {
        day: group.key.first().map_or(0, crate::facts::Value::day),
        tally: group.tally,
    };
    (axis, groups.into_iter().map(bin).collect())
}

/// How finely time is drawn.
pub(super) fn grain(facts: &Facts, filter: &Filter) -> Axis {
    let Some((first, last)) = facts.days() else { return Axis::Day };
    let first = filter.since.map_or(first, |day| day.max(first));
    let last = filter.until.map_or(last, |day| day.min(last));
    match last.saturating_sub(first) {
        ..=92 => Axis::Day,
        93..=730 => Axis::Week,
        _ => Axis::Month,
    }
}

/// Days between two bins, about.
pub(super) fn step(axis: Axis) -> i32 {
    match axis {
        Axis::Week => 7,
        Axis::Month => 30,
        _ => 1,
    }
}

/// Bars of counts over time, with the table behind them.
pub(super) fn bars(ask: &Ask, (axis, bins): (Axis, &[Bin]), caption: &str) -> (Markup, Table) {
    let mut table = Table::new(ask, "time", caption, &columns(&[("from_day", "dash-from-day")]));
    for bin in bins {
        let day = crate::facts::day_text(bin.day);
        let mut row = vec![Cell::new(day, html! { (ask.day(bin.day)) })];
        row.extend(cells(ask, &bin.tally));
        table.push(row);
    }
    let (Some(first), Some(last)) = (bins.first(), bins.last()) else {
        return (html! { p { (ask.say("dash-nothing")) } }, table);
    };
    let step = step(axis);
    let slots = (last.day - first.day) / step + 1;
    let most = bins.iter().map(|bin| bin.tally.all()).max().unwrap_or(1).max(1);
    let drawn = html! {
        figure {
            figcaption { (caption) }
            (legend(ask))
            svg.bars.time viewBox=(format!("0 0 {} 100", slots * 10)) preserveAspectRatio="none" role="img" aria-label=(caption) {
                (hatch("bars"))
                @for bin in bins { (bar((bin.day - first.day) / step * 10, &bin.tally, most)) }
            }
            p.axis { span { (ask.day(first.day)) } span { (ask.say_with("dash-at-most", &[("count", most.into())])) } span { (ask.day(last.day)) } }
        }
        (table.behind(ask))
    };
    (drawn, table)
}

fn bar(x: i32, tally: &Tally, most: u64) -> Markup {
    let parts = [
        ("blocked", tally.blocked),
        ("down", tally.down),
        ("ok", tally.ok),
        ("insufficient", tally.insufficient),
    ];
    let mut from = 100.0;
    html! {
        @for (word, count) in parts {
            @if count > 0 {
                @let height = count as f64 / most as f64 * 100.0;
                @let top = { from -= height; from };
                rect class=(format!("f-{word}")) x=(x + 1) y=(format!("{top:.2}")) width="8" height=(format!("{height:.2}")) {}
            }
        }
    }
}

/// A strip of states over time: `bins` of one row, drawn from `first` day in so many slots.
pub(super) fn strip(
    ask: &Ask,
    bins: &[Bin],
    (first, slots, step): (i32, i32, i32),
    label: &str,
) -> Markup {
    let blocked = bins.iter().filter(|bin| bin.tally.state() == State::Blocked).count() as u64;
    let said = ask.say_with(
        "dash-strip",
        &[("what", label.into()), ("blocked", blocked.into()), ("all", (bins.len() as u64).into())],
    );
    html! {
        svg.strip.time viewBox=(format!("0 0 {} 10", slots * 10)) preserveAspectRatio="none" role="img" aria-label=(said) {
            @for bin in bins {
                @let x = (bin.day - first) / step * 10;
                @match bin.tally.state() {
                    State::Insufficient => path.l-insufficient d=(format!("M{} 8l7-6M{} 8l3-3M{} 4l3-3", x + 1, x + 5, x + 1)) {},
                    State::Ok => rect.f-ok x=(x) y="6" width="9" height="4" {},
                    State::Down => rect.f-down x=(x) y="4" width="9" height="6" {},
                    State::Partly => rect.f-partly x=(x) y="2" width="9" height="8" {},
                    State::Blocked => rect.f-blocked x=(x) y="0" width="9" height="10" {},
                }
            }
        }
    }
}

/// What marks and colours mean.
pub(super) fn legend(ask: &Ask) -> Markup {
    html! {
        ul.legend aria-label=(ask.say("dash-legend")) {
            @for state in [State::Blocked, State::Partly, State::Down, State::Ok, State::Insufficient] { li { (badge(ask, state)) } }
        }
    }
}

/// The world, each country by its state. `tallies` by code.
pub(super) fn map(ask: &Ask, tallies: &[(String, Tally)]) -> Markup {
    let (width, height) = (world::WIDTH, world::HEIGHT);
    let shape =
        |code: &str| world::all().get(code).map(|it| it.shape).filter(|shape| !shape.is_empty());
    let said = |(code, tally): &(String, Tally)| {
        let state = ask.say(&format!("dash-state-{}", word(tally.state())));
        let counts = [("blocked", tally.blocked.into()), ("all", tally.telling().into())];
        format!("{}: {state}, {}", ask.country(code), ask.say_with("dash-blocked-of", &counts))
    };
    let link = |code: &str| ask.link(&format!("/country/{code}"), &[]);
    let without = tallies.iter().filter(|(code, _)| shape(code).is_none()).take(MOST_SQUARES);
    html! {
        svg.map viewBox=(format!("0 0 {width} {height}")) role="group" aria-label=(ask.say("dash-map")) {
            (hatch("map"))
            path.land d=(PreEscaped(land(tallies))) {}
            @for at in tallies {
                @if let Some(shape) = shape(&at.0) {
                    a href=(link(&at.0)) aria-label=(ask.country(&at.0)) {
                        path class=(format!("f-{}", word(at.1.state()))) d=(shape) { title { (said(at)) } }
                    }
                }
            }
            // Those too small for a shape, and those that do not exist.
            @for (place, at) in without.enumerate() {
                @let (x, y) = (8 + 56 * (place % SQUARES_IN_A_ROW), height as usize - 28 - 26 * (place / SQUARES_IN_A_ROW));
                a href=(link(&at.0)) aria-label=(ask.country(&at.0)) {
                    path class=(format!("f-{}", word(at.1.state()))) d=(format!("M{x} {y}h20v20h-20z")) { title { (said(at)) } }
                    text x=(x + 24) y=(y + 16) aria-hidden="true" { (at.0) }
                }
            }
        }
    }
}

/// Countries without a shape that the map has room for, as squares in its lower left, where there is sea.
const MOST_SQUARES: usize = 12;
/// Of them, side by side.
const SQUARES_IN_A_ROW: usize = 3;

/// All countries without a count, as one path.
fn land(tallies: &[(String, Tally)]) -> String {
    let without =
        world::all().iter().filter(|(code, _)| !tallies.iter().any(|(it, _)| it == *code));
    without.map(|(_, country)| country.shape).collect()
}

/// Insufficient is hatched. Its name is fixed: the sheet refers to it.
fn hatch(name: &str) -> Markup {
    html! {
        defs { pattern id=(format!("hatch-{name}")) width="4" height="4" patternUnits="userSpaceOnUse" {
            rect.hatch-ground width="4" height="4" {} path.hatch-line d="M0 4L4 0M-1 1L1-1M3 5L5 3" {}
        } }
    }
}
