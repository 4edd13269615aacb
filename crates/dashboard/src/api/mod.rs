//! Answers for programs, under `/api/` and `/feeds/`.
//!
//! One table has all routes with their parameters and columns; handlers read by it, and the description is made of it. In reading order:
//!
//! - `routes`: the table. `asked`: parameters, checked. `rows`: tables as they are sent.
//! - `own`: our own tables. `ooni`: OONI's questions in OONI's shape. `feed`: events as Atom. `openapi`: the description.
//! - `limits`: what one question may cost.

pub(crate) mod asked;
mod feed;
mod limits;
mod ooni;
mod openapi;
mod own;
mod routes;
mod rows;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::RequestExt as _;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request};
use axum::routing::any;
use hyper::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Response, StatusCode};
use serde_json::Value;
use wirewitness_store::query::QueryError;
use wirewitness_store::query::output::Format;

use crate::facts::{Facts, FactsError};
use crate::server::metrics::Metrics;
use crate::server::problem::Problem;
use crate::server::token::Token;
use crate::state::Shared;
use crate::submit::Submit;
use asked::Asked;
use limits::{Places, TOO_LONG};
use routes::{Gives, ROUTES, Route, What};
use rows::{Rows, written};

/// What answers are made with.
#[derive(Debug)]
pub struct Api {
    state: Shared,
    metrics: Arc<Metrics>,
    places: Places,
    admin: Option<Token>,
    submit: Option<Arc<Submit>>,
}

impl Api {
    /// Who says `admin` may ask in SQL; with `submit`, measurements can be posted. At most `reading` questions read files at once.
    pub fn new(
        state: Shared,
        metrics: Arc<Metrics>,
        (admin, submit): (Option<Token>, Option<Arc<Submit>>),
        reading: usize,
    ) -> Self {
        Self { state, places: Places::new(reading, Arc::clone(&metrics)), metrics, admin, submit }
    }

    /// All routes.
    pub fn router(self) -> Router {
        let api = Arc::new(self);
        let mut router = Router::new();
        for route in ROUTES {
            let api = Arc::clone(&api);
            let handle = move |request: Request| {
                let api = Arc::clone(&api);
                async move { api.handle(route, request).await.unwrap_or_else(|it| it.json()) }
            };
            router = router.route(route.path, any(handle));
        }
        let none = || async {
            Problem::not_found("there is nothing here; /api/openapi.json says what there is").json()
        };
        router.route("/api/{*rest}", any(none)).route("/feeds/{*rest}", any(none))
    }

    async fn handle(&self, route: &Route, mut request: Request) -> Result<Response<Body>, Problem> {
        let wanted = if route.is_post { Method::POST } else { Method::GET };
        if request.method() != wanted {
            let allowed = if route.is_post { "POST" } else { "GET, HEAD" };
            let problem =
                Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("only {allowed} here"));
            return Err(Problem { parameter: Some(allowed.to_owned()), ..problem });
        }
        let path: Path<BTreeMap<String, String>> = request
            .extract_parts()
            .await
            .map_err(|_| Problem::not_found("the path is no UTF-8"))?;
        let query = request.uri().query().unwrap_or_default().to_owned();
        let parameters: Vec<asked::Parameter> =
            route.parameters.iter().flat_map(|some| some.iter()).copied().collect();
        let asked = Asked::check(&parameters, (&path.0, &query), route.strange)?;
        match route.what {
            What::Sql => self.sql(request, &asked).await,
            What::Submit => self.submitted(request).await,
            _ => self.read(route, asked, query).await,
        }
    }

    async fn read(
        &self,
        route: &Route,
        asked: Asked,
        query: String,
    ) -> Result<Response<Body>, Problem> {
        let facts = self.state.facts();
        match (route.what, route.gives) {
            (what, Gives::Table(columns)) => {
                let format = asked.text("format").unwrap_or("json").to_owned();
                let name = route.path.split('/').nth(4).unwrap_or("rows");
                let rows = self.rows(what, &facts, asked).await?;
                rows.answer((name, columns), &format, facts.session()).await
            }
            (What::Feed, _) => {
                let made =
                    self.counted(&facts, move |it| Ok(feed::atom(it, &asked, &query))).await?;
                Ok(typed(made.into_bytes(), "application/atom+xml; charset=utf-8"))
            }
            (What::Aggregation, _) => {
                let is_csv = asked.text("format").is_some_and(|it| it.eq_ignore_ascii_case("csv"));
                let is_saved = asked.flag("download") == Some(true);
                let work = move |it: &Facts| {
                    let found = ooni::aggregation(it, &asked)?;
                    if is_csv { Ok(found.csv().into_bytes()) } else { found.json() }
                };
                let body = self.counted(&facts, work).await?;
                let kind = if is_csv { "text/csv; charset=utf-8" } else { "application/json" };
                let mut response = typed(body, kind);
                if is_saved {
                    let name = if is_csv { SAVED_CSV } else { SAVED_JSON };
                    let name = HeaderValue::from_static(name);
                    response.headers_mut().insert(CONTENT_DISPOSITION, name);
                }
                Ok(response)
            }
            (what, _) => self.object(what, &facts, (asked, query)).await.map(|it| json_of(&it)),
        }
    }

    async fn object(
        &self,
        what: What,
        facts: &Arc<Facts>,
        (asked, query): (Asked, String),
    ) -> Result<Value, Problem> {
        match what {
            What::Overview => self.counted(facts, |it| Ok(own::overview(it))).await,
            What::Coverage => self.counted(facts, |it| Ok(own::coverage(it))).await,
            What::OoniMeasurements => {
                let _place = self.places.to_read().await?;
                self.cut(ooni::measurements(facts, &asked, &query)).await
            }
            What::RawMeasurement | What::MeasurementMeta => {
                let _place = self.places.to_read().await?;
                let whole = self.cut(ooni::whole(facts, &asked)).await?;
                if what == What::RawMeasurement {
                    ooni::raw(&whole)
                } else {
                    Ok(ooni::meta(&whole))
                }
            }
            What::Measurement => {
                let _place = self.places.to_read().await?;
                self.cut(own::measurement(facts, &asked)).await
            }
            What::Ready => Ok(serde_json::json!({ "ready": true, "commit": facts.commit() })),
            _ => Ok(openapi::description()),
        }
    }

    async fn rows(&self, what: What, facts: &Arc<Facts>, asked: Asked) -> Result<Rows, Problem> {
        let made: fn(&Facts, &Asked) -> Result<Rows, Problem> = match what {
            What::Event | What::Measurements => {
                let _place = self.places.to_read().await?;
                return match what {
                    What::Event => self.cut(own::event(facts, &asked)).await,
                    _ => self.cut(own::measurements(facts, &asked)).await,
                };
            }
            What::Events => own::events,
            What::Targets => own::targets,
            What::Networks => own::networks,
            What::Countries => own::countries,
            What::Counts => own::along,
            _ => own::all_rules,
        };
        self.counted(facts, move |it| made(it, &asked)).await
    }

    /// Work in memory, away from the threads that talk.
    async fn counted<T: Send + 'static>(
        &self,
        facts: &Arc<Facts>,
        work: impl FnOnce(&Facts) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let place = self.places.to_count().await?;
        let facts = Arc::clone(facts);
        let done = tokio::task::spawn_blocking(move || {
            let _place = place;
            work(&facts)
        });
        let broken = |_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the work ended early");
        done.await.map_err(broken)?
    }

    /// Counts what was cut off.
    async fn cut<T>(&self, work: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
        let done = work.await;
        if done.as_ref().is_err_and(|problem| problem.status == StatusCode::SERVICE_UNAVAILABLE) {
            self.metrics.query_cut();
        }
        done
    }

    async fn sql(&self, request: Request, asked: &Asked) -> Result<Response<Body>, Problem> {
        let is_admin = self.admin.as_ref().is_some_and(|it| it.is_said(request.headers()));
        if !is_admin {
            let words = "SQL is answered to who says the operator's token; `wirewitness query` asks an archive of one's own";
            return Err(Problem::new(StatusCode::UNAUTHORIZED, words));
        }
        let body = axum::body::to_bytes(request.into_body(), LONGEST_SQL_BYTES).await;
        let body = body.map_err(|_| {
            let detail = format!("a question has at most {LONGEST_SQL_BYTES} bytes");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
        })?;
        let sql = std::str::from_utf8(&body)
            .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "the question is no UTF-8"))?;
        let (format, kind) = match asked.text("format").unwrap_or("json") {
            "csv" => (Format::Csv, "text/csv; charset=utf-8"),
            "parquet" => (Format::Parquet, "application/vnd.apache.parquet"),
            "arrow" => (Format::Arrow, "application/vnd.apache.arrow.file"),
            _ => (Format::Json, "application/x-ndjson"),
        };
        let _place = self.places.to_read().await?;
        let facts = self.state.facts();
        let asking = tokio::time::timeout(LONGEST_QUESTION, written(facts.session(), sql, format));
        let late = |_| {
            let detail = format!("no answer within {} s", LONGEST_QUESTION.as_secs());
            Problem::busy(StatusCode::SERVICE_UNAVAILABLE, detail, 10)
        };
        let body = self.cut(async { asking.await.map_err(late)? }).await?;
        Ok(typed(body, kind))
    }

    async fn submitted(&self, request: Request) -> Result<Response<Body>, Problem> {
        let off = || Problem::not_found("measurements are not taken here");
        let submit = self.submit.as_ref().ok_or_else(off)?;
        submit.take(request, &self.metrics).await
    }
}

/// Why a question has no answer, for who asked it.
fn problem_of(error: &QueryError) -> Problem {
    let words = error.to_string();
    match error {
        QueryError::Output(_) if words.contains(TOO_LONG) => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, TOO_LONG)
        }
        QueryError::Sql { .. } | QueryError::NotReadOnly { .. } => {
            Problem::new(StatusCode::BAD_REQUEST, words)
        }
        QueryError::TimedOut { .. } | QueryError::Memory { .. } => {
            Problem::busy(StatusCode::SERVICE_UNAVAILABLE, words, 30)
        }
        // A cast that fails is the question's, and tells nothing of this machine.
        QueryError::Engine { .. } => Problem::new(StatusCode::BAD_REQUEST, words),
        _ => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the archive cannot be read"),
    }
}

fn problem_of_facts(error: &FactsError) -> Problem {
    match error {
        FactsError::Query(QueryError::Engine { .. } | QueryError::Sql { .. }) => {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the archive cannot be read")
        }
        FactsError::Query(error) => problem_of(error),
        _ => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the archive cannot be read"),
    }
}

fn json_of(value: &Value) -> Response<Body> {
    typed(serde_json::to_vec(value).unwrap_or_default(), "application/json")
}

fn typed(body: Vec<u8>, kind: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

const LONGEST_SQL_BYTES: usize = 64 * 1024;
const LONGEST_QUESTION: Duration = Duration::from_secs(20);
const SAVED_CSV: &str = "attachment; filename=\"aggregation.csv\"";
const SAVED_JSON: &str = "attachment; filename=\"aggregation.json\"";
