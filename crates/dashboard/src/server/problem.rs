//! Why there is no answer: for programs as RFC 9457 has it, for people as a page.

use axum::body::Body;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use hyper::{Response, StatusCode};
use maud::{DOCTYPE, html};
use serde::Serialize;

/// A refusal in words, with the place that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Status of the answer.
    pub status: StatusCode,
    /// What is wrong, which limit, and what would do.
    pub detail: String,
    /// The parameter that is wrong, where it is one.
    pub parameter: Option<String>,
    /// Seconds after which it may be asked again.
    pub retry_after: Option<u32>,
}

#[derive(Serialize)]
struct Written<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<&'a str>,
}

impl Problem {
    /// With these words.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), parameter: None, retry_after: None }
    }

    /// A parameter is not as it should be.
    pub fn parameter(name: &str, detail: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::BAD_REQUEST, detail);
        Self { parameter: Some(name.to_owned()), ..problem }
    }

    /// Nothing is there.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// Too much at once; to be asked again.
    pub fn busy(status: StatusCode, detail: impl Into<String>, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..Self::new(status, detail) }
    }

    /// For a program.
    pub fn json(&self) -> Response<Body> {
        let written = Written {
            kind: "about:blank",
            title: self.title(),
            status: self.status.as_u16(),
            detail: &self.detail,
            parameter: self.parameter.as_deref(),
        };
        let body = serde_json::to_vec(&written).unwrap_or_default();
        self.response(body, "application/problem+json")
    }

    /// For a person.
    pub fn page(&self) -> Response<Body> {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width";
                    title { (self.title()) }
                }
                body {
                    main {
                        h1 { (self.title()) }
                        p { (self.detail) }
                        p { a href="/" { "Overview" } }
                    }
                }
            }
        };
        self.response(page.into_string().into_bytes(), "text/html; charset=utf-8")
    }

    fn title(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or("No answer")
    }

    fn response(&self, body: Vec<u8>, kind: &'static str) -> Response<Body> {
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        match self.status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                let allowed = self.parameter.as_deref().unwrap_or("GET, HEAD");
                if let Ok(allowed) = HeaderValue::from_str(allowed) {
                    headers.insert(ALLOW, allowed);
                }
            }
            _ => {}
        }
        response
    }
}
