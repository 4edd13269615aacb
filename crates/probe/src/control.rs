//! The control: the same target as a test helper sees it (OONI's protocol, ooni/spec and probe-cli `model/th.go`).

use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use url::Url;
use wirewitness_net::Net;

use crate::clock::within;
use crate::failure;
use crate::http::Asking;
use crate::service::Services;

/// A test helper and how it wants to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestHelper {
    /// Where it is.
    pub url: Url,
    /// A bearer token, where it wants one.
    pub token: Option<String>,
}

/// What a test helper is asked.
#[derive(Debug, Clone, Serialize)]
pub struct ControlRequest {
    /// The URL to fetch.
    pub http_request: String,
    /// With these header fields.
    pub http_request_headers: serde_json::Map<String, Value>,
    /// Endpoints to connect to; null without any.
    pub tcp_connect: Option<Vec<SocketAddr>>,
    /// Always false.
    pub x_quic_enabled: bool,
}

impl ControlRequest {
    /// Asks for `url` with `headers`, and for connections to `endpoints`.
    pub fn new(url: &Url, headers: &[(String, String)], endpoints: Vec<SocketAddr>) -> Self {
        let headers =
            headers.iter().map(|(name, value)| (name.clone(), vec![value.clone()].into()));
        Self {
            http_request: url.to_string(),
            http_request_headers: headers.collect(),
            tcp_connect: (!endpoints.is_empty()).then_some(endpoints),
            x_quic_enabled: false,
        }
    }
}

/// What came of asking.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Control {
    /// The helper's answer as it gave it.
    pub answer: Option<Value>,
    /// What happened instead.
    pub failure: Option<String>,
    /// Which helper answered.
    pub helper: Option<Url>,
}

impl Control {
    /// The addresses that the helper's resolver gave for the name.
    pub fn addresses(&self) -> Vec<std::net::IpAddr> {
        let addresses = self.answer.as_ref().and_then(|it| it.pointer("/dns/addrs"));
        let addresses = addresses.and_then(Value::as_array).into_iter().flatten();
        let parse = |it: &Value| it.as_str().and_then(|it| it.parse().ok());
        addresses.take(MAX_ADDRESSES).filter_map(parse).collect()
    }
}

/// Asks one helper after the other until one answers.
pub async fn ask<N: Net>(
    services: &Services<N>,
    net: &N,
    helpers: &[TestHelper],
    request: &ControlRequest,
) -> Control {
    let mut control = Control::default();
    for helper in helpers {
        let asked = within(net, PATIENCE, ask_one(services, helper, request)).await;
        match asked.unwrap_or_else(|| Err(failure::TIMEOUT.to_owned())) {
            Ok(answer) => {
                control.answer = Some(answer);
                control.failure = None;
                control.helper = Some(helper.url.clone());
                return control;
            }
            Err(failure) => control.failure = Some(failure),
        }
    }
    control.failure.get_or_insert_with(|| "no_test_helper".to_owned());
    control
}

async fn ask_one<N: Net>(
    services: &Services<N>,
    helper: &TestHelper,
    request: &ControlRequest,
) -> Result<Value, String> {
    let body = serde_json::to_vec(request).map_err(|error| failure::unknown(&error.to_string()))?;
    let came = services.ask(&asking(helper, body)).await?;
    if came.status != 200 {
        return Err("http_request_failed".to_owned());
    }
    let answer: Value =
        serde_json::from_slice(&came.body).map_err(|_| "json_parse_error".to_owned())?;
    if answer.is_object() { Ok(answer) } else { Err("json_parse_error".to_owned()) }
}

/// What is sent to a helper, with what it asks for.
pub(crate) fn asking(helper: &TestHelper, body: Vec<u8>) -> Asking {
    let mut headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    if let Some(token) = &helper.token {
        headers.push(("Authorization".to_owned(), format!("Bearer {token}")));
    }
    headers.push(("User-Agent".to_owned(), USER_AGENT.to_owned()));
    let url = helper.url.clone();
    Asking { method: "POST", url, headers, body, body_cap: MAX_ANSWER }
}

/// A helper that does not answer must not hold a measurement up for longer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of the longest answer that is read: many times what a helper has to say. In memory its values take more, in
/// several copies.
const MAX_ANSWER: usize = 1 << 20;
const MAX_ADDRESSES: usize = 64;
/// Helpers keep room for probes by this name.
const USER_AGENT: &str = concat!("wirewitness/", env!("CARGO_PKG_VERSION"));
