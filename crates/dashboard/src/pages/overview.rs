//! The first page: the world, and what changed lately.

use maud::{Markup, html};

use super::Page;
use super::ask::{Ask, theirs};
use super::draw::{self, badge, bars, cells, columns, over_time};
use super::events::items;
use super::table::{Cell, Table};
use crate::facts::{EventFilter, Tally};

/// The page.
pub(super) fn page(ask: &Ask) -> Page {
    let facts = &ask.facts;
    let filter = ask.filter();
    let countries = facts.countries(&filter);
    let mut all = Tally::default();
    countries.iter().for_each(|(_, tally)| all.add(tally));
    let mut table = Table::new(
        ask,
        "countries",
        ask.say("dash-countries"),
        &columns(&[("country", "dash-country")]),
    );
    let mut order: Vec<_> = countries.iter().collect();
    order.sort_by_key(|(_, tally)| std::cmp::Reverse((tally.blocked, tally.all())));
    for (code, tally) in order {
        let mut row = vec![Cell::new(&**code, ask.country_link(code))];
        row.extend(cells(ask, tally));
        table.push(row);
    }
    let tallies: Vec<(String, Tally)> =
        countries.iter().map(|(code, tally)| (code.to_string(), *tally)).collect();
    let (axis, bins) = over_time(facts, &filter);
    let (chart, time) = bars(ask, (axis, &bins), &ask.say("dash-verdicts-over-time"));
    let body = html! {
        p.lead { (draw::summary(ask, &all)) }
        @if let Some((first, last)) = facts.days() {
            p { (ask.say_with("dash-holds", &[("count", all.all().into()), ("first", ask.day(first).into()), ("last", ask.day(last).into()), ("countries", (countries.len() as u64).into())])) }
        }
        (ask.filter_form(&[]))
        section aria-labelledby="lately" {
            h2 #lately { (ask.say("dash-lately")) }
            (items(ask, facts.events(&EventFilter::default()).take(10)))
            p { a href=(ask.link("/events", &[])) { (ask.say("dash-all-events")) } }
        }
        section aria-labelledby="world" {
            h2 #world { (ask.say("dash-where")) }
            (draw::legend(ask))
            (draw::map(ask, &tallies))
            (table.shown(ask))
        }
        section aria-labelledby="names" {
            h2 #names { (ask.say("dash-names-blocked")) }
            (most_blocked(ask, &filter))
        }
        section aria-labelledby="when" { h2 #when { (ask.say("dash-when")) } (chart) }
    };
    Page::new(ask.say("dash-overview-title"), body, vec![table, time])
}

fn most_blocked(ask: &Ask, filter: &crate::facts::Filter) -> Markup {
    let names = ask.facts.names(filter);
    let blocked: Vec<_> = names.iter().filter(|row| row.tally.blocked > 0).take(10).collect();
    html! {
        @if blocked.is_empty() { p { (ask.say("dash-nothing-blocked")) } }
        ol.names {
            @for row in blocked {
                li { a href=(ask.link("/target", &[("name", &row.domain)])) { (theirs(&row.domain)) } " " (badge(ask, row.tally.state())) " "
                    span.soft { (ask.say_with("dash-blocked-of", &[("blocked", row.tally.blocked.into()), ("all", row.tally.telling().into())])) (ask.say("dash-and")) (ask.vantages(row.tally.vantages())) } }
            }
        }
    }
}
