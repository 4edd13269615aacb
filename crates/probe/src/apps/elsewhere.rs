//! What failed here, as a test helper sees it from elsewhere: what tells a block from an outage and from a name retired.
//!
//! OONI's tests of applications have no control. Ours ask a helper, in OONI's own protocol, for the hosts that failed and for
//! no others; the answers stand in `x_elsewhere`, beside OONI's keys.

use serde::Serialize;
use serde_json::Value;
use wirewitness_net::Net;

use super::reach::Reached;
use crate::connection::page_headers;
use crate::control::{self, ControlRequest};
use crate::session::Session;

/// One host as a helper sees it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Elsewhere {
    /// The host.
    host: String,
    /// What the helper was asked.
    request: ControlRequest,
    /// What it answered.
    control: Option<Value>,
    /// What happened instead.
    control_failure: Option<String>,
    /// Which helper.
    helper: Option<String>,
}

/// Asks for the hosts that failed, so many at most, one after the other; for none without a helper.
pub(super) async fn ask<N: Net>(session: &Session<N>, reached: &[Reached]) -> Vec<Elsewhere> {
    let helpers = &session.helpers.test_helpers;
    let mut answers: Vec<Elsewhere> = Vec::new();
    for failed in reached.iter().filter(|it| !it.whole) {
        let Some(url) = failed.url.as_ref().filter(|_| !helpers.is_empty()) else { continue };
        if answers.len() == MAX_HOSTS || answers.iter().any(|it| it.host == failed.host) {
            continue;
        }
        // A helper connects to the web's ports and to no others.
        let endpoints = failed.tried.iter().filter(|it| matches!(it.port(), 80 | 443));
        let request = ControlRequest::new(url, &page_headers(), endpoints.copied().collect());
        let asked = control::ask(&session.services, &session.net, helpers, &request).await;
        let silent = asked.answer.is_none();
        answers.push(Elsewhere {
            host: failed.host.clone(),
            request,
            control: asked.answer,
            control_failure: asked.failure,
            helper: asked.helper.map(String::from),
        });
        // A helper that does not answer once is not waited for again.
        if silent {
            break;
        }
    }
    answers
}

/// Hosts that a helper is asked for.
const MAX_HOSTS: usize = 24;
