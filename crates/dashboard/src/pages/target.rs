//! A name: its state in each network over time.

use std::collections::BTreeMap;

use maud::html;

use super::ask::{Ask, SHOWN, cut};
use super::country::mechanisms_table;
use super::draw::{self, Bin, bars, cells, columns, grain, legend, over_time, step, strip};
use super::events::items;
use super::table::{Cell, Table};
use super::{Made, NoPage, Page};
use crate::facts::{Axis, EventFilter, Filter, Tally, Value, day_text};

/// `/target?name=..`: a host name, or a target without one.
pub(super) fn page(ask: &Ask) -> Made {
    let facts = &ask.facts;
    let name = ask.one("name").ok_or(NoPage::Wrong("name"))?;
    if !facts.has_name(name) {
        return Err(NoPage::NotFound);
    }
    let named = facts.named(name);
    let country = ask.one("country").map(|it| it.to_ascii_uppercase());
    let countries: Vec<String> = country.iter().cloned().collect();
    let filter =
        Filter { domains: named.domains, targets: named.targets, countries, ..ask.filter() };
    let tally = facts.tally(&filter);
    let axis = grain(facts, &filter);
    let step = step(axis);
    let mut networks: BTreeMap<(String, u32), Vec<Bin>> = BTreeMap::new();
    let mut table = Table::new(
        ask,
        "networks",
        ask.say("dash-by-network-time"),
        &columns(&[
            ("country", "dash-country"),
            ("asn", "dash-network"),
            ("from_day", "dash-from-day"),
        ]),
    );
    for group in facts.aggregate(&filter, &[Axis::Country, Axis::Network, axis]) {
        let [country, network, day] = group.key.as_slice() else { continue };
        let (code, asn, day) = (country.text().to_owned(), network.network(), day.day());
        let mut row = vec![
            Cell::new(&*code, html! { (ask.country(&code)) }),
            Cell::new(asn, ask.network(asn)),
            Cell::new(day_text(day), html! { (ask.day(day)) }),
        ];
        row.extend(cells(ask, &group.tally));
        table.push(row);
        networks.entry((code, asn)).or_default().push(Bin { day, tally: group.tally });
    }
    let days = networks.values().flatten().map(|bin| bin.day);
    let (first, last) = (days.clone().min().unwrap_or(0), days.max().unwrap_or(0));
    let slots = (last - first) / step + 1;
    let mut rows: Vec<(&(String, u32), &Vec<Bin>, Tally)> = networks
        .iter()
        .map(|(key, bins)| {
            let mut all = Tally::default();
            bins.iter().for_each(|bin| all.add(&bin.tally));
            (key, bins, all)
        })
        .collect();
    rows.sort_by_key(|(_, _, all)| std::cmp::Reverse((all.blocked, all.all())));
    let mechanisms = mechanisms_table(ask, &filter);
    let (_, bins) = over_time(facts, &filter);
    let (chart, time) = bars(ask, (axis, &bins), &ask.say("dash-verdicts-over-time"));
    let targets = targets_table(ask, &filter);
    let events = EventFilter { name: Some(name.to_owned()), country, ..EventFilter::default() };
    let body = html! {
        p.lead { (draw::summary(ask, &tally)) }
        (ask.filter_form(&["name", "country", "origin"]))
        p { a href=(ask.link("/measurements", &[("name", name)])) { (ask.say("dash-its-measurements")) } }
        section aria-labelledby="lately" { h2 #lately { (ask.say("dash-lately")) } (items(ask, facts.events(&events).take(10))) }
        section aria-labelledby="networks" {
            h2 #networks { (ask.say("dash-by-network")) }
            (legend(ask))
            p.axis { span { (ask.day(first)) } span { (ask.day(last)) } }
            ul.strips {
                @for ((code, asn), bins, all) in rows.iter().take(MOST_STRIPS) {
                    li {
                        p { (ask.network_link(code, *asn)) " (" (ask.country(code)) ")" }
                        (strip(ask, bins, (first, slots, step), &format!("AS{asn}")))
                        p.soft { (draw::summary(ask, all)) }
                    }
                }
            }
            @if rows.len() > MOST_STRIPS { p.soft { (ask.say_with("dash-more-rows", &[("count", ((rows.len() - MOST_STRIPS) as u64).into())])) } }
            (table.behind(ask))
        }
        section aria-labelledby="when" { h2 #when { (ask.say("dash-when")) } (chart) }
        section aria-labelledby="how" { h2 #how { (ask.say("dash-how")) } (mechanisms.shown(ask)) }
        section aria-labelledby="targets" { h2 #targets { (ask.say("dash-targets")) } (targets.shown(ask)) }
    };
    let title = wirewitness_report::html::harmless(cut(name, SHOWN));
    Ok(Page::new(title, body, vec![time, table, mechanisms, targets]))
}

fn targets_table(ask: &Ask, filter: &Filter) -> Table {
    let mut table =
        Table::new(ask, "targets", ask.say("dash-targets"), &columns(&[("target", "dash-target")]));
    for group in ask.facts.aggregate(filter, &[Axis::Target]) {
        let name = group.key.first().map_or("", Value::text);
        let mut row = vec![Cell::new(name, super::ask::theirs(name))];
        row.extend(cells(ask, &group.tally));
        table.push(row);
    }
    table
}

/// Networks that are drawn; the table has all.
const MOST_STRIPS: usize = 60;
