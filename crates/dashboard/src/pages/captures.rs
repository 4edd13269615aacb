//! What was found in captures of servers: findings only, for of what went well nothing is kept.

use axum::response::Response;
use maud::html;

use super::ask::Ask;
use super::country::mechanisms_table;
use super::measurement::rows;
use super::{Made, Page, answer};
use crate::facts::{CAPTURE, Filter};

/// `/captures`.
pub(super) async fn handle(ask: Ask) -> Response {
    let made = page(&ask).await;
    answer(&ask, made)
}

async fn page(ask: &Ask) -> Made {
    let filter = Filter { origins: vec![CAPTURE.to_owned()], ..ask.filter() };
    let found = ask.facts.measurements(&filter, None, 100).await?;
    let (mechanisms, table) = (mechanisms_table(ask, &filter), rows(ask, &found.rows));
    let body = html! {
        p { (ask.say("dash-captures-lead")) }
        @if table.is_empty() { p { (ask.say("dash-no-captures")) } } @else {
            section aria-labelledby="how" { h2 #how { (ask.say("dash-how")) } (mechanisms.shown(ask)) }
            section aria-labelledby="found" { h2 #found { (ask.say("dash-found")) } (table.shown(ask)) }
        }
    };
    Ok(Page::new(ask.say("dash-nav-captures"), body, vec![mechanisms, table]))
}
