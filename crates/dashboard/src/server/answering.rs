//! One request: what is checked before it is answered, and what is done with the answer.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL,
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HOST, HeaderMap, HeaderName, HeaderValue,
    IF_NONE_MATCH, VARY,
};
use hyper::service::Service as _;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::service::TowerToHyperService;
use tokio::time::{Instant, timeout};

use super::cache::{Cache, Kept};
use super::connection::Asker;
use super::metrics::{Kind, Metrics};
use super::problem::Problem;
use super::token::Token;
use super::{Edition, Limits, Served, Settings, headers};

pub(super) struct Answering {
    router: TowerToHyperService<Router>,
    edition: Arc<dyn Fn() -> Edition + Send + Sync>,
    pub(super) metrics: Arc<Metrics>,
    cache: Cache,
    limits: Limits,
    admin: Option<Token>,
    now: fn() -> i64,
}

/// What of a request its answer depends on beside its path.
struct Wish {
    kind: Kind,
    key: String,
    etag: String,
    is_gzip: bool,
    is_head: bool,
    /// Whether the answer is of an edition, and so may be kept.
    may_be_kept: bool,
    is_page: bool,
}

impl Answering {
    pub(super) fn new(served: Served, settings: &Settings) -> Self {
        Self {
            router: TowerToHyperService::new(served.router),
            edition: served.edition,
            metrics: served.metrics,
            cache: Cache::new(settings.limits.cache_bytes),
            limits: settings.limits.clone(),
            admin: settings.admin.clone(),
            now: settings.now,
        }
    }

    pub(super) async fn answer(&self, request: Request<Incoming>, asker: Asker) -> Response<Body> {
        let begun = Instant::now();
        let wish = self.wish(&request);
        let made = match self.of_its_own(&request, asker) {
            Some(own) => own,
            None => self.conditional(request, asker, &wish).await,
        };
        let mut response = made
            .unwrap_or_else(|problem| if wish.is_page { problem.page() } else { problem.json() });
        if wish.is_head {
            response = without_body(response);
        }
        let given = response.headers_mut();
        headers::add(given);
        if wish.kind == Kind::Api || wish.kind == Kind::Feed {
            // Public, without cookies or credentials: a notebook in a browser may read it.
            given.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        }
        self.metrics.answered(wish.kind, response.status(), begun.elapsed());
        response
    }

    fn wish(&self, request: &Request<Incoming>) -> Wish {
        let path = request.uri().path();
        let kind = kind(path);
        let is_head = request.method() == Method::HEAD;
        let is_read = is_head || request.method() == Method::GET;
        let asked = request.headers();
        let is_gzip = asked.get_all(ACCEPT_ENCODING).iter().any(takes_gzip);
        let is_page = kind == Kind::Page && says(asked, &ACCEPT, "text/html");
        let language = match kind {
            Kind::Page | Kind::Feed => text(asked, &ACCEPT_LANGUAGE, 100),
            _ => "",
        };
        let query = request.uri().query().unwrap_or_default();
        Wish {
            kind,
            // The language comes last and cannot hold a line's end.
            key: format!("{path}?{query}\n{}\n{language}", u8::from(is_gzip)),
            etag: self.etag(),
            is_gzip,
            is_head,
            may_be_kept: is_read && matches!(kind, Kind::Page | Kind::Api | Kind::Feed),
            is_page,
        }
    }

    /// Pages may speak of today: the day is part of the edition.
    fn etag(&self) -> String {
        let edition = (self.edition)();
        let mut hash = DefaultHasher::new();
        (edition.salt, env!("CARGO_PKG_VERSION"), edition.newest).hash(&mut hash);
        let day = (self.now)().div_euclid(86_400);
        format!("W/\"{}-{day}-{:016x}\"", edition.commit, hash.finish())
    }

    /// What the server says of itself, and what it takes from nobody.
    fn of_its_own(
        &self,
        request: &Request<Incoming>,
        asker: Asker,
    ) -> Option<Result<Response<Body>, Problem>> {
        let length = request.uri().path_and_query().map_or(0, |it| it.as_str().len());
        if length > self.limits.uri_bytes {
            let most = self.limits.uri_bytes;
            let detail = format!("path and query have {length} bytes; at most {most} are read");
            return Some(Err(Problem::new(StatusCode::URI_TOO_LONG, detail)));
        }
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        let own = match request.uri().path() {
            "/health" | "/metrics" if !is_read => {
                Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this is only read"))
            }
            "/health" => Ok(plain("ok\n".to_owned())),
            "/metrics" if self.may_see_counters(request.headers(), asker) => {
                Ok(plain(self.metrics.text(&(self.edition)(), (self.now)())))
            }
            "/metrics" => Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "counters are told on this machine itself, and elsewhere to who says the admin token",
            )),
            _ if !is_read && request.method() != Method::POST => Err(Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "only GET, HEAD and POST are known",
            )),
            _ => return None,
        };
        Some(own)
    }

    /// A proxy in front makes everybody near: who comes through one has another host's name, or says so.
    fn may_see_counters(&self, asked: &HeaderMap, asker: Asker) -> bool {
        let host = text(asked, &HOST, 300);
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let is_forwarded = FORWARDED.iter().any(|name| asked.contains_key(*name));
        let is_here = matches!(name, "127.0.0.1" | "localhost" | "[::1]");
        let is_admin = self.admin.as_ref().is_some_and(|token| token.is_said(asked));
        is_admin || asker.is_near && is_here && !is_forwarded
    }

    async fn conditional(
        &self,
        request: Request<Incoming>,
        asker: Asker,
        wish: &Wish,
    ) -> Result<Response<Body>, Problem> {
        if !wish.may_be_kept {
            return self.made(request, asker).await.map(|mut response| {
                set(response.headers_mut(), CACHE_CONTROL, "no-store");
                response
            });
        }
        let is_known = matches_etag(request.headers(), &wish.etag);
        if let Some(kept) = self.cache.find(&wish.etag, &wish.key) {
            self.metrics.looked_up(Some(()));
            return Ok(if is_known { not_modified(&kept.headers) } else { kept.response() });
        }
        self.metrics.looked_up(None);
        let response = self.made(request, asker).await?;
        if response.status() != StatusCode::OK {
            return Ok(response);
        }
        let finished = self.finished(response, wish).await?;
        Ok(match is_known {
            true => not_modified(finished.headers()),
            false => finished,
        })
    }

    async fn made(
        &self,
        mut request: Request<Incoming>,
        asker: Asker,
    ) -> Result<Response<Body>, Problem> {
        request.extensions_mut().insert(asker);
        if request.method() == Method::HEAD {
            *request.method_mut() = Method::GET;
        }
        let is_post = request.method() == Method::POST;
        let most = if is_post { self.limits.body_patience } else { self.limits.request };
        let working = self.router.call(request.map(Body::new));
        match timeout(most, working).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(never)) => match never {},
            Err(_) => {
                self.metrics.query_cut();
                let detail = format!("no answer was made within {} s", most.as_secs());
                Err(Problem::busy(StatusCode::SERVICE_UNAVAILABLE, detail, 10))
            }
        }
    }

    /// Compresses, marks and keeps an answer.
    async fn finished(
        &self,
        response: Response<Body>,
        wish: &Wish,
    ) -> Result<Response<Body>, Problem> {
        let (mut parts, body) = response.into_parts();
        let given = &mut parts.headers;
        if !given.contains_key(CACHE_CONTROL) {
            set(given, CACHE_CONTROL, "public, max-age=60");
        }
        let vary = match wish.kind {
            Kind::Api => "accept-encoding",
            _ => "accept-encoding, accept-language",
        };
        set(given, VARY, vary);
        if let Ok(etag) = HeaderValue::from_str(&wish.etag) {
            given.insert(ETAG, etag);
        }
        let is_small = body.size_hint().upper().is_some_and(|most| most <= KEPT_BYTES as u64);
        if !is_small {
            return Ok(Response::from_parts(parts, body));
        }
        let body = Limited::new(body, KEPT_BYTES).collect().await.map_err(|error| {
            let is_long = error.is::<LengthLimitError>();
            let detail = if is_long { "the answer is too long" } else { "the answer broke off" };
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
        })?;
        let mut body = body.to_bytes();
        if wish.is_gzip && is_text(given) && body.len() >= WORTH_COMPRESSING_BYTES {
            body = compressed(body).await?;
            set(given, CONTENT_ENCODING, "gzip");
        }
        given.insert(CONTENT_LENGTH, body.len().into());
        if given.get(CACHE_CONTROL).is_none_or(|it| it.as_bytes() != b"no-store") {
            let kept = Kept { headers: given.clone(), body: body.clone() };
            self.cache.keep(&wish.etag, wish.key.clone(), kept);
        }
        Ok(Response::from_parts(parts, Body::from(body)))
    }
}

impl Kept {
    fn response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        *response.headers_mut() = self.headers;
        response
    }
}

fn kind(path: &str) -> Kind {
    match path {
        "/health" | "/ready" | "/metrics" => Kind::Own,
        "/api/v1/submit" => Kind::Submit,
        path if path.starts_with("/api/") => Kind::Api,
        path if path.starts_with("/feeds/") => Kind::Feed,
        _ => Kind::Page,
    }
}

async fn compressed(body: Bytes) -> Result<Bytes, Problem> {
    let work = move || {
        let mut gzip = GzEncoder::new(Vec::with_capacity(body.len() / 3), Compression::new(5));
        gzip.write_all(&body).and_then(|()| gzip.finish())
    };
    let done = tokio::task::spawn_blocking(work).await;
    let failed = || Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer cannot be packed");
    done.map_err(|_| failed())?.map(Bytes::from).map_err(|_| failed())
}

fn not_modified(made: &HeaderMap) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    // RFC 9110 §15.4.5.
    for name in [CACHE_CONTROL, ETAG, VARY] {
        if let Some(value) = made.get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

fn without_body(response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    if let Some(length) = body.size_hint().exact()
        && !parts.headers.contains_key(CONTENT_LENGTH)
        && parts.status != StatusCode::NOT_MODIFIED
    {
        parts.headers.insert(CONTENT_LENGTH, length.into());
    }
    Response::from_parts(parts, Body::empty())
}

/// Weak comparison, RFC 9110 §13.1.2.
fn matches_etag(asked: &HeaderMap, etag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let ours = opaque(etag);
    let known = asked.get_all(IF_NONE_MATCH).iter().filter_map(|it| it.to_str().ok());
    known.flat_map(|it| it.split(',')).any(|tag| tag.trim() == "*" || opaque(tag) == ours)
}

/// Whether a coding is accepted: `gzip` without `q=0` (RFC 9110 §12.5.3).
fn takes_gzip(accepted: &HeaderValue) -> bool {
    accepted.to_str().unwrap_or_default().split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let refused = |it: &str| it.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0));
        is_gzip && !parts.any(refused)
    })
}

fn says(asked: &HeaderMap, name: &HeaderName, what: &str) -> bool {
    text(asked, name, 1_000).contains(what)
}

/// A header as text of bounded length; empty where it is something else.
fn text<'h>(asked: &'h HeaderMap, name: &HeaderName, most: usize) -> &'h str {
    let text = asked.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default();
    if text.len() > most { "" } else { text }
}

fn is_text(given: &HeaderMap) -> bool {
    let kind = text(given, &CONTENT_TYPE, 200);
    kind.starts_with("text/")
        || ["json", "xml", "svg", "javascript"].iter().any(|it| kind.contains(it))
}

fn set(given: &mut HeaderMap, name: HeaderName, value: &'static str) {
    given.insert(name, HeaderValue::from_static(value));
}

fn plain(text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    let given = response.headers_mut();
    set(given, CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
    set(given, CACHE_CONTROL, "no-store");
    response
}

/// Headers that a proxy sets.
const FORWARDED: [&str; 5] =
    ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];
/// Answers up to here are compressed and kept; longer ones are sent as they are.
const KEPT_BYTES: usize = 16 << 20;
/// Below, packing saves no packet.
const WORTH_COMPRESSING_BYTES: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codings_and_tags_are_read_as_the_standard_says() {
        for (accepted, takes) in [
            ("gzip", true),
            ("br, gzip;q=0.5", true),
            ("GZIP", true),
            ("gzip;q=0", false),
            ("gzip; q=0.0", false),
            ("br", false),
            ("identity", false),
        ] {
            assert_eq!(takes_gzip(&HeaderValue::from_static(accepted)), takes, "{accepted}");
        }
        let asked = |tag: &'static str| {
            [(IF_NONE_MATCH, HeaderValue::from_static(tag))].into_iter().collect::<HeaderMap>()
        };
        assert!(matches_etag(&asked("\"0\", W/\"1-2-a\""), "W/\"1-2-a\""));
        assert!(matches_etag(&asked("\"1-2-a\""), "W/\"1-2-a\""));
        assert!(matches_etag(&asked("*"), "W/\"1-2-a\""));
        assert!(!matches_etag(&asked("W/\"1-2-b\""), "W/\"1-2-a\""));
        assert!(!matches_etag(&HeaderMap::new(), "W/\"1-2-a\""));
    }
}
