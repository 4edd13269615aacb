//! Pages for people: made on the server, usable without a script, in English and Urdu.
//!
//! Each page is a function from what was asked (`ask::Ask`, which has the facts and the language) to a `Page`, and needs nothing else;
//! those that show single measurements ask the archive too. In reading order:
//!
//! - `ask`: the request. `frame`: what is around every page. `style`: the sheet.
//! - `table`: tables, which are CSV, JSON and Parquet too. `draw`: charts and the map. `world`: names and shapes of countries.
//! - one file a page.

mod ask;
mod captures;
mod compare;
mod country;
mod devices;
mod draw;
mod events;
mod frame;
mod lists;
mod measurement;
mod method;
mod network;
mod overview;
mod search;
mod status;
mod style;
mod table;
mod target;
mod world;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::{Markup, html};

use crate::facts::FactsError;
use crate::state::Shared;
use ask::Ask;
use table::Table;

/// A page before the frame is put around it.
pub(crate) struct Page {
    /// Its heading.
    pub(crate) title: String,
    /// What is below the heading.
    pub(crate) body: Markup,
    /// Tables that are in it, for `?table=..&as=csv`.
    pub(crate) tables: Vec<Table>,
}

impl Page {
    fn new(title: impl Into<String>, body: Markup, tables: Vec<Table>) -> Self {
        Self { title: title.into(), body, tables }
    }
}

/// Why there is no page.
pub(crate) enum NoPage {
    /// There is no such thing.
    NotFound,
    /// What was asked cannot be understood: the name of the parameter.
    Wrong(&'static str),
    /// The archive could not answer.
    Failed(FactsError),
}

impl From<FactsError> for NoPage {
    fn from(error: FactsError) -> Self {
        Self::Failed(error)
    }
}

type Made = Result<Page, NoPage>;

/// All pages.
pub fn router() -> Router<Shared> {
    Router::new()
        .route("/", get(async |ask: Ask| answer(&ask, Ok(overview::page(&ask)))))
        .route("/country/{code}", get(country::handle))
        .route("/network/{code}/{asn}", get(network::handle))
        .route("/target", get(async |ask: Ask| answer(&ask, target::page(&ask))))
        .route("/events", get(async |ask: Ask| answer(&ask, Ok(events::list(&ask)))))
        .route("/event/{id}", get(events::handle))
        .route("/measurements", get(measurement::handle_list))
        .route("/measurement/{code}/{day}/{id}", get(measurement::handle))
        .route("/captures", get(captures::handle))
        .route("/devices", get(devices::handle))
        .route("/compare", get(async |ask: Ask| answer(&ask, Ok(compare::page(&ask)))))
        .route("/search", get(async |ask: Ask| answer(&ask, Ok(search::page(&ask)))))
        .route("/lists", get(async |ask: Ask| answer(&ask, Ok(lists::page(&ask, None)))))
        .route("/lists", axum::routing::post(lists::handle))
        .route("/status", get(async |ask: Ask| answer(&ask, Ok(status::page(&ask)))))
        .route("/method", get(async |ask: Ask| answer(&ask, Ok(method::page(&ask)))))
        .route("/style.css", get(sheet))
        .route("/icon.svg", get(async || ([(header::CONTENT_TYPE, "image/svg+xml")], ICON)))
}

/// An eye over a line.
const ICON: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 16 16\"><path fill=\"#fff\" stroke=\"#1c4f91\" stroke-width=\"1.5\" d=\"M1 7q7-8 14 0q-7 8-14 0z\"/><circle cx=\"8\" cy=\"7\" r=\"2.5\" fill=\"#1c4f91\"/><path stroke=\"#1c4f91\" d=\"M1 14h14\"/></svg>";

async fn sheet() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=3600"),
    ];
    (headers, style::sheet()).into_response()
}

/// The page in its frame, one of its tables, or words on why there is none.
fn answer(ask: &Ask, made: Made) -> Response {
    match made {
        Ok(page) => match ask.one("table") {
            Some(id) => match page.tables.iter().find(|table| table.id == id) {
                Some(table) => table.file(ask),
                None => refuse(ask, StatusCode::NOT_FOUND, "dash-no-table"),
            },
            None => html_of(StatusCode::OK, &frame::frame(ask, &page)),
        },
        Err(NoPage::NotFound) => refuse(ask, StatusCode::NOT_FOUND, "dash-not-found"),
        Err(NoPage::Wrong(what)) => {
            let words = ask.say_with("dash-wrong", &[("what", what.into())]);
            refuse_in(ask, StatusCode::BAD_REQUEST, &words)
        }
        Err(NoPage::Failed(FactsError::Query(
            wirewitness_store::query::QueryError::TimedOut { .. },
        ))) => refuse(ask, StatusCode::SERVICE_UNAVAILABLE, "dash-too-slow"),
        // What exactly went wrong is the operator's to know, who has the archive at hand.
        Err(NoPage::Failed(_)) => refuse(ask, StatusCode::INTERNAL_SERVER_ERROR, "dash-failed"),
    }
}

fn refuse(ask: &Ask, status: StatusCode, message: &str) -> Response {
    refuse_in(ask, status, &ask.say(message))
}

fn refuse_in(ask: &Ask, status: StatusCode, words: &str) -> Response {
    let body = html! { p { (words) } p { a href=(ask.link("/", &[])) { (ask.say("dash-nav-overview")) } } };
    let page = Page::new(ask.say("dash-no-page"), body, Vec::new());
    html_of(status, &frame::frame(ask, &page))
}

fn html_of(status: StatusCode, page: &Markup) -> Response {
    let headers =
        [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::VARY, "Accept-Language")];
    (status, headers, page.0.clone()).into_response()
}
