//! Names, networks and countries that somebody looks for.

use maud::html;

use super::Page;
use super::ask::Ask;
use super::draw::{badge, summary};

/// `/search?q=..`
pub(super) fn page(ask: &Ask) -> Page {
    let text = ask.one("q").unwrap_or_default();
    let hits = ask.facts.search(text, 50);
    let is_nothing = hits.names.is_empty() && hits.networks.is_empty() && hits.countries.is_empty();
    // What was looked for may be an address of a page.
    let host = url::Url::parse(text).ok().and_then(|url| url.host_str().map(str::to_owned));
    let host = host.filter(|host| ask.facts.has_name(host));
    let body = html! {
        p { (ask.say("dash-search-lead")) }
        @if let Some(host) = &host { p { (ask.name_link(host)) } }
        @if !text.is_empty() && is_nothing && host.is_none() { p role="status" { (ask.say("dash-nothing-found")) } }
        @if !hits.countries.is_empty() { h2 { (ask.say("dash-countries")) } ul.names { @for code in &hits.countries { li { (ask.country_link(code)) } } } }
        @if !hits.networks.is_empty() { h2 { (ask.say("dash-networks")) } ul.names { @for (country, asn, _) in &hits.networks { li { (ask.network_link(country, *asn)) " (" (ask.country(country)) ")" } } } }
        @if !hits.names.is_empty() {
            h2 { (ask.say("dash-names")) }
            ul.names { @for name in &hits.names {
                @let tally = ask.facts.tally(&ask.facts.named(name));
                li { (ask.name_link(name)) " " @if tally.all() > 0 { span.soft { (summary(ask, &tally)) } } @else { (badge(ask, tally.state())) } }
            } }
        }
        @if hits.has_more { p.soft { (ask.say("dash-more-hits")) } }
    };
    Page::new(ask.say("dash-nav-search"), body, Vec::new())
}
