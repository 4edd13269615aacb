//! What failed here, as a test helper sees it from elsewhere: what tells a block from an outage and from a name retired.
//!
//! OONI's tests of applications have no control. Ours ask a helper, in OONI's own protocol, for the hosts that failed and for
//! no others; the answers stand in `x_elsewhere`, beside OONI's keys.

use std::future::Future;
use std::pin::Pin;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde::Serialize;
use serde_json::Value;
use url::Url;
use wirewitness_net::Net;

use super::reach::Reached;
use crate::connection::page_headers;
use crate::control::{self, ControlRequest};
use crate::session::Session;

/// One host as a helper sees it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Elsewhere {
    /// The host.
    pub(super) host: String,
    /// What the helper was asked.
    request: ControlRequest,
    /// What it answered.
    control: Option<Value>,
    /// What happened instead.
    control_failure: Option<String>,
    /// Which helper.
    helper: Option<String>,
}

/// Asks for the hosts that failed, so many at most and a few at a time; for none without a helper. Answers are in `answers` as they
/// come, also where the time is up before the last.
pub(super) async fn ask<N: Net>(
    session: &Session<N>,
    reached: &[Reached],
    answers: &mut Vec<Elsewhere>,
) {
    type One<'s> = Pin<Box<dyn Future<Output = Elsewhere> + Send + 's>>;
    if session.helpers.test_helpers.is_empty() {
        return;
    }
    let mut hosts: Vec<(&Reached, &Url)> = Vec::new();
    for failed in reached.iter().filter(|it| !it.whole) {
        let Some(url) = &failed.url else { continue };
        if hosts.len() < MAX_HOSTS && !hosts.iter().any(|(it, _)| it.host == failed.host) {
            hosts.push((failed, url));
        }
    }
    let mut waiting = hosts.into_iter();
    let mut under_way: FuturesUnordered<One<'_>> = FuturesUnordered::new();
    loop {
        // A helper that does not answer once is asked for nothing more.
        let silent = answers.iter().any(|it| it.control.is_none());
        while under_way.len() < AT_ONCE
            && !silent
            && let Some(failed) = waiting.next()
        {
            under_way.push(Box::pin(ask_one(session, failed)));
        }
        let Some(answer) = under_way.next().await else { break };
        answers.push(answer);
    }
}

async fn ask_one<N: Net>(session: &Session<N>, (failed, url): (&Reached, &Url)) -> Elsewhere {
    // A helper connects to the web's ports and to no others.
    let endpoints = failed.tried.iter().filter(|it| matches!(it.port(), 80 | 443));
    let request = ControlRequest::new(url, &page_headers(), endpoints.copied().collect());
    let helpers = &session.helpers.test_helpers;
    let asked = control::ask(&session.services, &session.net, helpers, &request).await;
    Elsewhere {
        host: failed.host.clone(),
        request,
        control: asked.answer,
        control_failure: asked.failure,
        helper: asked.helper.map(String::from),
    }
}

/// Hosts that a helper is asked for.
const MAX_HOSTS: usize = 24;
/// Hosts that a helper is asked for at the same time.
const AT_ONCE: usize = 6;
