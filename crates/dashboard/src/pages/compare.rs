//! Two networks or countries side by side, or one at two times: what differs.

use std::collections::BTreeMap;
use std::sync::Arc;

use maud::{Markup, html};

use super::Page;
use super::ask::Ask;
use super::draw::{self, badge};
use super::table::{Cell, Table};
use crate::facts::{Axis, Filter, State, Tally, Value};

/// `/compare?a=PK/64500&b=PK/64501`, each with days of its own (`a_since`, `a_until`, `b_since`, `b_until`).
pub(super) fn page(ask: &Ask) -> Page {
    let sides = side(ask, ["a", "a_since", "a_until"]).zip(side(ask, ["b", "b_since", "b_until"]));
    let mut table = Table::new(
        ask,
        "differences",
        ask.say("dash-differences"),
        &[
            ("name", "dash-name-of"),
            ("a_state", "dash-side-a"),
            ("a_blocked", "dash-blocked-a"),
            ("a_all", "dash-all-a"),
            ("b_state", "dash-side-b"),
            ("b_blocked", "dash-blocked-b"),
            ("b_all", "dash-all-b"),
        ],
    );
    let mut counts = [0_u64; 3];
    if let Some((a, b)) = &sides {
        let [a, b] = [names(ask, a), names(ask, b)];
        for (name, a_tally) in &a {
            let Some(b_tally) = b.get(name) else { continue };
            let is_blocked = [a_tally, b_tally].map(|it| it.state() == State::Blocked);
            match is_blocked {
                [true, true] => counts[0] += 1,
                [true, false] => counts[1] += 1,
                [false, true] => counts[2] += 1,
                [false, false] => {}
            }
            if a_tally.state() != b_tally.state() {
                table.push(row(ask, name, [a_tally, b_tally]));
            }
        }
    }
    let [both, only_a, only_b] = counts;
    let body = html! {
        p { (ask.say("dash-compare-lead")) }
        (form(ask))
        @if let Some((a, b)) = &sides {
            p.lead { (ask.say_with("dash-compare-counts", &[("both", both.into()), ("a", only_a.into()), ("b", only_b.into())])) }
            @for (message, filter) in [("dash-side-a", a), ("dash-side-b", b)] { p { strong { (ask.say(message)) } ": " (draw::summary(ask, &ask.facts.tally(filter))) } }
            @if table.is_empty() { p { (ask.say("dash-no-differences")) } } @else { (table.shown(ask)) }
        }
    };
    Page::new(ask.say("dash-nav-compare"), body, vec![table])
}

fn row(ask: &Ask, name: &str, sides: [&Tally; 2]) -> Vec<Cell> {
    let mut cells = vec![Cell::new(name, ask.name_link(name))];
    for tally in sides {
        cells.push(Cell::new(draw::word(tally.state()), html! { (badge(ask, tally.state())) " " span.soft { (ask.vantages(tally.vantages())) } }));
        cells.push(Cell::count(ask, tally.blocked));
        cells.push(Cell::count(ask, tally.telling()));
    }
    cells
}

/// `PK` or `PK/64500`, with days.
fn side(ask: &Ask, [what, since, until]: [&str; 3]) -> Option<Filter> {
    let text = ask.one(what)?;
    let (country, asn) = text.split_once('/').unwrap_or((text, ""));
    let asns = asn.trim_start_matches("AS").parse().ok();
    Some(Filter {
        countries: vec![country.to_ascii_uppercase()],
        asns: asns.into_iter().collect(),
        since: ask.day_of(since),
        until: ask.day_of(until).map(|day| day + 1),
        ..Filter::default()
    })
}

fn names(ask: &Ask, filter: &Filter) -> BTreeMap<Arc<str>, Tally> {
    let groups = ask.facts.aggregate(filter, &[Axis::Domain]);
    groups
        .into_iter()
        .map(|group| (group.key.first().map_or("", Value::text).into(), group.tally))
        .collect()
}

fn form(ask: &Ask) -> Markup {
    let networks = ask.facts.networks(&Filter::default());
    let choice = |name: &str, message: &str| {
        html! {
            p { label for=(name) { (ask.say(message)) }
                select id=(name) name=(name) {
                    @for (code, _) in ask.facts.countries(&Filter::default()) {
                        option value=(code) selected[ask.one(name) == Some(&*code)] { (ask.country(&code)) }
                    }
                    @for row in networks.iter().take(300) {
                        @let value = format!("{}/{}", row.country, row.asn);
                        option value=(value) selected[ask.one(name) == Some(value.as_str())] { (row.country) " " (ask.network(row.asn)) }
                    }
                } }
        }
    };
    let span = |name: &str, message: &str| {
        html! {
            p { label for=(name) { (ask.say(message)) }
                input id=(name) type="date" name=(name) value=(ask.shown(name)); }
        }
    };
    html! {
        form.filter method="get" action="/compare" {
            @if ask.one("lang").is_some() { input type="hidden" name="lang" value=(ask.language.code()); }
            fieldset { legend { (ask.say("dash-side-a")) } (choice("a", "dash-country-or-network")) (span("a_since", "dash-since")) (span("a_until", "dash-until")) }
            fieldset { legend { (ask.say("dash-side-b")) } (choice("b", "dash-country-or-network")) (span("b_since", "dash-since")) (span("b_until", "dash-until")) }
            p { button type="submit" { (ask.say("dash-compare-do")) } }
        }
    }
}
