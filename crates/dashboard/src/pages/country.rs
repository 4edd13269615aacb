//! A country: its networks, what is blocked in it and how, over time.

use axum::extract::Path;
use axum::response::Response;
use maud::html;

use super::ask::{Ask, theirs};
use super::draw::{self, bars, cells, columns, over_time};
use super::events::items;
use super::table::{Cell, Table};
use super::{Made, NoPage, Page, answer};
use crate::facts::{Axis, EventFilter, Filter, Value};

/// `/country/PK`.
pub(super) async fn handle(Path(code): Path<String>, ask: Ask) -> Response {
    answer(&ask, page(&ask, &code))
}

fn page(ask: &Ask, code: &str) -> Made {
    let facts = &ask.facts;
    let code = code.to_ascii_uppercase();
    let whole = Filter { countries: vec![code.clone()], ..Filter::default() };
    let is_there = facts.rollup().words.networks().iter().any(|it| it.country() == code);
    if !is_there {
        return Err(NoPage::NotFound);
    }
    let filter = Filter { countries: whole.countries, ..ask.filter() };
    let tally = facts.tally(&filter);
    let mut networks =
        Table::new(ask, "networks", ask.say("dash-networks"), &columns(&[("asn", "dash-network")]));
    for row in facts.networks(&filter) {
        let mut cells_of = vec![Cell::new(row.asn, ask.network_link(&row.country, row.asn))];
        cells_of.extend(cells(ask, &row.tally));
        networks.push(cells_of);
    }
    let names = names_table(ask, &filter);
    let mechanisms = mechanisms_table(ask, &filter);
    let (axis, bins) = over_time(facts, &filter);
    let (chart, time) = bars(ask, (axis, &bins), &ask.say("dash-verdicts-over-time"));
    let events = EventFilter { country: Some(code.clone()), ..EventFilter::default() };
    let body = html! {
        p.lead { (draw::summary(ask, &tally)) }
        (ask.filter_form(&["origin"]))
        p { a href=(ask.link("/measurements", &[("country", &code)])) { (ask.say("dash-its-measurements")) } " · "
            a href=(ask.link("/events", &[("country", &code)])) { (ask.say("dash-its-events")) } }
        section aria-labelledby="lately" { h2 #lately { (ask.say("dash-lately")) } (items(ask, facts.events(&events).take(10))) }
        section aria-labelledby="when" { h2 #when { (ask.say("dash-when")) } (chart) }
        section aria-labelledby="networks" { h2 #networks { (ask.say("dash-networks")) } (networks.shown(ask)) }
        section aria-labelledby="names" { h2 #names { (ask.say("dash-names-blocked")) } (names.shown(ask)) }
        section aria-labelledby="how" { h2 #how { (ask.say("dash-how")) } (mechanisms.shown(ask)) }
    };
    Ok(Page::new(ask.country(&code), body, vec![time, networks, names, mechanisms]))
}

/// Names by how often they are blocked.
pub(super) fn names_table(ask: &Ask, filter: &Filter) -> Table {
    let mut table = Table::new(
        ask,
        "names",
        ask.say("dash-names-blocked"),
        &columns(&[("name", "dash-name-of")]),
    );
    for row in ask.facts.names(filter) {
        let mut cells_of = vec![Cell::new(&*row.domain, ask.name_link(&row.domain))];
        cells_of.extend(cells(ask, &row.tally));
        table.push(cells_of);
    }
    table
}

/// How it is blocked: mechanisms with their counts.
pub(super) fn mechanisms_table(ask: &Ask, filter: &Filter) -> Table {
    let head = [
        ("mechanism", "dash-mechanism"),
        ("blocked", "status-blocked"),
        ("vantages_about", "dash-vantages"),
        ("confidence", "dash-confidence"),
    ];
    let mut table = Table::new(ask, "mechanisms", ask.say("dash-how"), &head);
    let mut groups = ask.facts.aggregate(filter, &[Axis::Mechanism]);
    groups.retain(|group| group.tally.blocked > 0);
    groups.sort_by_key(|group| std::cmp::Reverse(group.tally.blocked));
    for group in groups {
        let name = group.key.first().map_or("", Value::text);
        let words = if name.is_empty() {
            ask.say("dash-no-mechanism")
        } else {
            ask.word("dash-mechanism-", name)
        };
        let tally = group.tally;
        let confidence = tally.surest();
        table.push(vec![
            Cell::new(name, html! { (words) @if !name.is_empty() { " " code { (theirs(name)) } } }),
            Cell::count(ask, tally.blocked),
            Cell::new(tally.blocked_vantages(), html! { (ask.vantages(tally.blocked_vantages())) }),
            Cell::new(
                confidence.map(|it| it.word()),
                html! { @if let Some(it) = confidence { (ask.say(&format!("confidence-{}", it.word()))) } },
            ),
        ]);
    }
    table
}
