//! What archived pages and answers allow to be said of devices, network by network.

use axum::response::Response;
use maud::html;

use super::ask::{Ask, theirs};
use super::table::{Cell, Table};
use super::{Made, Page, answer};

/// `/devices`.
pub(super) async fn handle(ask: Ask) -> Response {
    let made = page(&ask).await;
    answer(&ask, made)
}

async fn page(ask: &Ask) -> Made {
    let devices = ask.facts.devices().await?;
    let head = [
        ("country", "dash-country"),
        ("asn", "dash-network"),
        ("candidates", "dash-candidates"),
        ("verdict", "dash-what-may-be-said"),
    ];
    let mut table = Table::new(ask, "devices", ask.say("dash-nav-devices"), &head);
    for one in devices {
        let names: Vec<&str> = one.report.candidates.iter().map(|it| it.name.as_str()).collect();
        table.push(vec![
            Cell::new(&*one.country, html! { (ask.country_link(&one.country)) }),
            Cell::new(one.asn, ask.network_link(&one.country, one.asn)),
            Cell::new(names.join("; "), html! {
                ul lang="en" dir="ltr" { @for it in one.report.candidates.iter().take(8) { li { (theirs(&it.name)) ": " (theirs(&it.says)) } } }
                @if names.is_empty() { (ask.say("dash-none")) }
            }),
            Cell::new(&*one.report.verdict, html! { span lang="en" dir="ltr" { (theirs(&one.report.verdict)) } }),
        ]);
    }
    let body = html! {
        p { (ask.say("dash-devices-lead")) }
        p.note { (ask.say("dash-devices-limits")) }
        @if table.is_empty() { p { (ask.say("dash-no-devices")) } } @else { (table.shown(ask)) }
    };
    Ok(Page::new(ask.say("dash-nav-devices"), body, vec![table]))
}
