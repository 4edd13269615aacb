//! Measurements that are posted.
//!
//! What is posted is unpacked within bounds, cut into records, and each is checked by the parsers that the archive uses. A post becomes files in a
//! folder, named by the hash of their bytes and there whole or not at all: `kept` for what can be ingested, `quarantine` for what is in doubt.
//! Nothing here opens the archive: `wirewitness ingest DIR/kept` takes the files, each record once, and only ever adds rows. The sender's address
//! is never looked at. In reading order: [`Submit`]; `check`: one body; `rates`: how often; `spool`: files.

mod check;
mod rates;
mod spool;

use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Body as _;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::server::connection::Asker;
use crate::server::metrics::{Metrics, Posted};
use crate::server::problem::Problem;
use crate::server::token::Token;
pub use check::{Checked, Coding, Refusal, check};
use rates::Rates;
use spool::Spool;

/// What a post may cost. The defaults are for a machine with 1 GB of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a body as it is sent.
    pub body_bytes: usize,
    /// Bytes of it unpacked.
    pub unpacked_bytes: usize,
    /// Records in it.
    pub records: usize,
    /// Bytes of one record.
    pub record_bytes: usize,
    /// Posts of one token, or of one connection where none is asked for, in a minute.
    pub posts_per_minute: u32,
    /// Posts of all in a minute.
    pub all_per_minute: u32,
    /// Posts worked on at once.
    pub at_once: usize,
    /// Bytes of all files that wait to be ingested or looked at; beyond, posts are refused.
    pub spool_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 8 << 20,
            unpacked_bytes: 32 << 20,
            records: 1_000,
            record_bytes: 8 << 20,
            posts_per_minute: 60,
            all_per_minute: 600,
            at_once: 4,
            spool_bytes: 4 << 30,
        }
    }
}

/// Takes what is posted.
#[derive(Debug)]
pub struct Submit {
    tokens: Vec<Token>,
    limits: Limits,
    rates: Rates,
    at_once: Semaphore,
    spool: Arc<Spool>,
    now: fn() -> i64,
}

impl Submit {
    /// Into a folder, which is made. Without tokens anybody may post. `now` is seconds since 1970.
    ///
    /// # Errors
    /// The folder cannot be made or written.
    pub fn new(
        folder: PathBuf,
        tokens: Vec<Token>,
        limits: Limits,
        now: fn() -> i64,
    ) -> std::io::Result<Self> {
        Ok(Self {
            tokens,
            limits,
            rates: Rates::new(limits.posts_per_minute, limits.all_per_minute),
            at_once: Semaphore::new(limits.at_once.max(1)),
            spool: Arc::new(Spool::open(folder, limits.spool_bytes)?),
            now,
        })
    }

    pub(crate) async fn take(
        &self,
        request: Request,
        metrics: &Metrics,
    ) -> Result<Response<Body>, Problem> {
        let sender = self.sender(&request)?;
        if !self.rates.allow(sender) {
            let most = self.limits.posts_per_minute;
            let words = format!("too often: {most} posts in a minute are taken from one sender");
            return Err(Problem::busy(StatusCode::TOO_MANY_REQUESTS, words, 60));
        }
        let busy = |_| Problem::busy(StatusCode::SERVICE_UNAVAILABLE, "others are posting", 5);
        let coding = coding(&request)?;
        let body = self.body(request).await?;
        let _place = self.at_once.try_acquire().map_err(busy)?;
        let (limits, now, spool) = (self.limits, (self.now)(), Arc::clone(&self.spool));
        let work = move || {
            let checked = check(&body, coding, &limits, now)?;
            let full = || Refusal::Full;
            spool.put("kept", &checked.kept).map_err(|_| full())?;
            spool.put("quarantine", &checked.quarantined).map_err(|_| full())?;
            Ok::<_, Refusal>(checked)
        };
        let lost = |_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the work ended early");
        let checked = tokio::task::spawn_blocking(work).await.map_err(lost)?;
        let checked = checked.map_err(|refusal| {
            metrics.posted(Posted::Refused, 1);
            refusal.problem(&self.limits)
        })?;
        metrics.posted(Posted::Kept, checked.accepted);
        metrics.posted(Posted::Quarantined, checked.doubtful);
        metrics.posted(Posted::Refused, checked.refused);
        Ok(answer(&checked))
    }

    fn sender(&self, request: &Request) -> Result<u64, Problem> {
        if self.tokens.is_empty() {
            let asker = request.extensions().get::<Asker>();
            return Ok(asker.map_or(0, |asker| asker.connection));
        }
        // All are compared, whichever is said.
        let mut said = None;
        for token in &self.tokens {
            if token.is_said(request.headers()) {
                said = Some(token.number());
            }
        }
        said.ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "posting needs a token"))
    }

    async fn body(&self, request: Request) -> Result<bytes::Bytes, Problem> {
        let most = self.limits.body_bytes;
        let long = || {
            let words = format!(
                "a body has at most {most} bytes as it is sent; post fewer records at once"
            );
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, words)
        };
        let body = request.into_body();
        if body.size_hint().lower() > most as u64 {
            return Err(long());
        }
        match Limited::new(body, most).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(long()),
            Err(_) => Err(Problem::new(StatusCode::BAD_REQUEST, "the body broke off")),
        }
    }
}

fn coding(request: &Request) -> Result<Coding, Problem> {
    let named = request.headers().get(CONTENT_ENCODING).map(HeaderValue::as_bytes);
    match named.unwrap_or(b"identity") {
        b"identity" | b"" => Ok(Coding::Plain),
        b"gzip" | b"x-gzip" => Ok(Coding::Gzip),
        b"zstd" => Ok(Coding::Zstd),
        _ => {
            let words = "Content-Encoding has to be gzip, zstd or identity";
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, words))
        }
    }
}

fn answer(checked: &Checked) -> Response<Body> {
    let body = json!({
        "accepted": checked.accepted,
        "quarantined": checked.doubtful,
        "refused": checked.refused,
        "problems": checked.problems,
    });
    let mut response = Response::new(Body::from(body.to_string()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
