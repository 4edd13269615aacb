//! A network in a country: what it blocks, how, and since when.

use axum::extract::Path;
use axum::response::Response;
use maud::html;

use super::ask::Ask;
use super::country::{mechanisms_table, names_table};
use super::draw::{self, bars, over_time};
use super::events::items;
use super::{Made, NoPage, Page, answer};
use crate::facts::{EventFilter, Filter};

/// `/network/PK/64500`; 0 stands for a network that is not known.
pub(super) async fn handle(Path((code, asn)): Path<(String, String)>, ask: Ask) -> Response {
    answer(&ask, page(&ask, &code, &asn))
}

fn page(ask: &Ask, code: &str, asn: &str) -> Made {
    let facts = &ask.facts;
    let code = code.to_ascii_uppercase();
    let asn: u32 = asn.trim_start_matches("AS").parse().map_err(|_| NoPage::NotFound)?;
    let is_it = |it: &wirewitness_store::rollup::Network| it.country() == code && it.asn == asn;
    if !facts.rollup().words.networks().iter().any(is_it) {
        return Err(NoPage::NotFound);
    }
    let filter = Filter { countries: vec![code.clone()], asns: vec![asn], ..ask.filter() };
    let tally = facts.tally(&filter);
    let (names, mechanisms) = (names_table(ask, &filter), mechanisms_table(ask, &filter));
    let (axis, bins) = over_time(facts, &filter);
    let (chart, time) = bars(ask, (axis, &bins), &ask.say("dash-verdicts-over-time"));
    let events =
        EventFilter { country: Some(code.clone()), asn: Some(asn), ..EventFilter::default() };
    let number = asn.to_string();
    let title = match facts.network_name(asn) {
        Some(name) => {
            format!("AS{asn} {}", wirewitness_report::html::harmless(super::ask::cut(name, 100)))
        }
        None if asn == 0 => ask.say("dash-network-unknown"),
        None => format!("AS{asn}"),
    };
    let body = html! {
        p { (ask.say("dash-country")) ": " (ask.country_link(&code)) }
        p.lead { (draw::summary(ask, &tally)) }
        (ask.filter_form(&["origin"]))
        p { a href=(ask.link("/measurements", &[("country", &code), ("asn", &number)])) { (ask.say("dash-its-measurements")) } " · "
            a href=(ask.link("/compare", &[("a", &format!("{code}/{asn}"))])) { (ask.say("dash-compare-it")) } }
        section aria-labelledby="lately" { h2 #lately { (ask.say("dash-lately")) } (items(ask, facts.events(&events).take(10))) }
        section aria-labelledby="when" { h2 #when { (ask.say("dash-when")) } (chart) }
        section aria-labelledby="names" { h2 #names { (ask.say("dash-names-blocked")) } (names.shown(ask)) }
        section aria-labelledby="how" { h2 #how { (ask.say("dash-how")) } (mechanisms.shown(ask)) }
    };
    Ok(Page::new(title, body, vec![time, names, mechanisms]))
}
