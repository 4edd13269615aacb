//! Which of a list is blocked where. A list that somebody sends is used for the answer and kept nowhere.

use std::collections::BTreeSet;

use axum::extract::Request;
use axum::response::Response;
use maud::{Markup, html};
use url::form_urlencoded::parse;

use super::ask::Ask;
use super::draw::{badge, cells, columns};
use super::table::{Cell, Table};
use super::{NoPage, Page, answer};
use crate::facts::{Axis, Filter, Tally, Value};

/// `/lists`: the form; with `?category=`, names of that category; or the names of a list that was sent.
pub(super) fn page(ask: &Ask, sent: Option<&str>) -> Page {
    let country = ask.one("country").map(|it| it.to_ascii_uppercase());
    let filter = Filter { countries: country.into_iter().collect(), ..ask.filter() };
    let categories = ask.facts.aggregate(&filter, &[Axis::Category]);
    let mut by_category = Table::new(
        ask,
        "categories",
        ask.say("dash-categories"),
        &columns(&[("category", "dash-category")]),
    );
    for group in
        categories.iter().filter(|group| !group.key.first().map_or("", Value::text).is_empty())
    {
        let code = group.key.first().map_or("", Value::text);
        let link = ask.link("/lists", &[("category", code)]);
        let mut row = vec![Cell::new(
            code,
            html! { a href=(link) { (ask.word("dash-category-", code)) " (" (code) ")" } },
        )];
        row.extend(cells(ask, &group.tally));
        by_category.push(row);
    }
    let (chosen, unknown) = chosen(ask, sent);
    let table = chosen.as_ref().map(|names| of_names(ask, &filter, names));
    let body = html! {
        p { (ask.say("dash-lists-lead")) }
        (form(ask))
        @if let Some(table) = &table {
            section aria-labelledby="found" { h2 #found { (ask.say("dash-list-result")) }
                @if unknown > 0 { p { (ask.say_with("dash-list-unknown", &[("count", unknown.into())])) } }
                @if table.is_empty() { p { (ask.say("dash-nothing")) } } @else { (shown(ask, table, sent.is_some())) } }
        }
        @if !by_category.is_empty() { section aria-labelledby="categories" { h2 #categories { (ask.say("dash-categories")) } (by_category.shown(ask)) } }
    };
    let mut tables = vec![by_category];
    tables.extend(table);
    Page::new(ask.say("dash-nav-lists"), body, tables)
}

/// A list that was sent has no address, so its table is not offered as a file.
fn shown(ask: &Ask, table: &Table, was_sent: bool) -> Markup {
    if was_sent { table.alone() } else { table.shown(ask) }
}

/// Names that are asked for and known, and how many are not known.
fn chosen(ask: &Ask, sent: Option<&str>) -> (Option<BTreeSet<String>>, u64) {
    if let Some(text) = sent {
        let (known, unknown): (BTreeSet<String>, BTreeSet<String>) =
            listed(text).into_iter().partition(|name| ask.facts.has_name(name));
        return (Some(known), unknown.len() as u64);
    }
    let Some(category) = ask.one("category") else { return (None, 0) };
    let filter = Filter { categories: vec![category.to_owned()], ..Filter::default() };
    let groups = ask.facts.aggregate(&filter, &[Axis::Domain]);
    let names = groups.iter().map(|group| group.key.first().map_or("", Value::text).to_owned());
    (Some(names.collect()), 0)
}

/// Host names of a list: one a line, an address or a name; of CSV the first column.
fn listed(text: &str) -> BTreeSet<String> {
    let name = |line: &str| {
        let first = line.split([',', '\t']).next().unwrap_or_default().trim().trim_matches('"');
        let host = url::Url::parse(first).ok().and_then(|it| it.host_str().map(str::to_owned));
        host.unwrap_or_else(|| first.to_lowercase())
    };
    let names = text.lines().take(MOST_LINES).map(name);
    names.filter(|it| !it.is_empty() && it != "url").collect()
}

/// A name, its counts, and the networks (country and number) that block it.
type Of = (String, Tally, Vec<(String, u32)>);

fn of_names(ask: &Ask, filter: &Filter, names: &BTreeSet<String>) -> Table {
    let mut table = Table::new(
        ask,
        "list",
        ask.say("dash-list-result"),
        &columns(&[("name", "dash-name-of"), ("blocked_in", "dash-blocked-in")]),
    );
    let known: Vec<String> = names.iter().filter(|it| !it.is_empty()).cloned().collect();
    if known.is_empty() {
        return table;
    }
    let filter = Filter { domains: known.clone(), targets: known, ..filter.clone() };
    let mut all: Vec<Of> = Vec::new();
    for group in ask.facts.aggregate(&filter, &[Axis::Domain, Axis::Country, Axis::Network]) {
        let [name, country, network] = group.key.as_slice() else { continue };
        if all.last().is_none_or(|(last, _, _)| last != name.text()) {
            all.push((name.text().to_owned(), Tally::default(), Vec::new()));
        }
        let Some((_, tally, blocked)) = all.last_mut() else { continue };
        tally.add(&group.tally);
        if group.tally.state() == crate::facts::State::Blocked {
            blocked.push((country.text().to_owned(), network.network()));
        }
    }
    all.sort_by_key(|(_, tally, blocked)| std::cmp::Reverse((blocked.len(), tally.blocked)));
    for (name, tally, blocked) in all {
        let words: Vec<String> =
            blocked.iter().map(|(country, asn)| format!("{country}/AS{asn}")).collect();
        let mut row = vec![
            Cell::new(&*name, ask.name_link(&name)),
            Cell::new(
                words.join(" "),
                html! { @if blocked.is_empty() { (badge(ask, tally.state())) }
                @for (at, (country, asn)) in blocked.iter().take(8).enumerate() { @if at > 0 { (ask.say("dash-comma")) } (ask.network_link(country, *asn)) }
                @if blocked.len() > 8 { " …" } },
            ),
        ];
        row.extend(cells(ask, &tally));
        table.push(row);
    }
    table
}

fn form(ask: &Ask) -> Markup {
    html! {
        form.sent method="post" action=(ask.link("/lists", &[])) {
            p { label for="list" { (ask.say("dash-list-label")) } textarea #list name="list" rows="6" maxlength="200000" {} }
            p.soft { (ask.say("dash-list-kept-nowhere")) }
            p { button type="submit" { (ask.say("dash-list-do")) } }
        }
    }
}

/// A list as a form posts it.
pub(super) async fn handle(ask: Ask, request: Request) -> Response {
    let body = axum::body::to_bytes(request.into_body(), MOST_BYTES).await;
    let list = body.ok().and_then(|body| {
        parse(&body).find(|(name, _)| name == "list").map(|(_, value)| value.into_owned())
    });
    match list {
        Some(list) => answer(&ask, Ok(page(&ask, Some(&list)))),
        None => answer(&ask, Err(NoPage::Wrong("list"))),
    }
}

/// Lines of a list that are read.
const MOST_LINES: usize = 5_000;
/// Bytes of a form: letters of other scripts take nine each in it.
const MOST_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_lists() {
        let list = "url,category_code\nhttps://A.example/x,NEWS\n\"b.example\"\n\nc.example\thidden\nhttps://a.example/\n";
        let names: Vec<String> = listed(list).into_iter().collect();
        assert_eq!(names, ["a.example", "b.example", "c.example"]);
    }
}
