//! DNS over HTTPS (RFC 8484): an answer that nobody on the path can read or forge.

use std::net::IpAddr;

use url::Url;
use wirewitness_net::Net;
use wirewitness_wire::app::dns::{Message, kind};

use super::{Networks, answers, failure_of};
use crate::clock::within;
use crate::failure;
use crate::http::{Asking, Came};
use crate::record::{Bytes, Mark, Query, Recorder};
use crate::service::Services;

/// Asks the service at `url` for both kinds of address, and writes the lookups down.
pub async fn lookup<N: Net>(
    services: &Services<N>,
    (url, name): (&Url, &str),
    mark: Mark,
    (recorder, networks): (&Recorder<N>, &Networks),
) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    for (kind, query_type) in [(kind::A, "A"), (kind::AAAA, "AAAA")] {
        let t0 = recorder.t();
        let asked =
            within(recorder.clock(), super::system::PATIENCE, ask(services, url, name, kind));
        let result = asked.await.unwrap_or_else(|| Err(failure::TIMEOUT.to_owned()));
        let (message, failure) = match result {
            Ok((message, raw)) => (Some((message, raw)), None),
            Err(failure) => (None, Some(failure)),
        };
        let read = message.as_ref().map(|(message, _)| message);
        addresses.extend(read.into_iter().flat_map(Message::addresses));
        let failure = failure.or_else(|| read.and_then(failure_of));
        // Whoever keeps us from the service keeps us from both questions.
        let unreachable = read.is_none();
        recorder.records().queries.push(Query {
            answers: read.and_then(|it| answers(it, networks)),
            engine: "doh",
            failure,
            hostname: name.to_owned(),
            query_type,
            rcode: read.map(|it| it.rcode),
            resolver_hostname: None,
            resolver_port: None,
            resolver_address: url.to_string(),
            t0,
            t: recorder.t(),
            mark: mark.clone(),
            raw_response: message.map(|(_, raw)| Bytes(raw)),
        });
        if unreachable {
            break;
        }
    }
    addresses
}

/// One question.
///
/// # Errors
/// OONI's word for what happened instead of an answer.
pub(crate) async fn ask<N: Net>(
    services: &Services<N>,
    url: &Url,
    name: &str,
    kind: u16,
) -> Result<(Message, Vec<u8>), String> {
    // RFC 8484 §4.1: zero, so that answers can be cached.
    let question = Message::question(0, name, kind).to_bytes();
    let body = question.ok_or_else(|| "dns_invalid_name".to_owned())?;
    let media = "application/dns-message".to_owned();
    let headers = vec![("Accept".to_owned(), media.clone()), ("Content-Type".to_owned(), media)];
    let asking = Asking { method: "POST", url: url.clone(), headers, body, body_cap: MAX_ANSWER };
    let Came { status, body, .. } = services.ask(&asking).await?;
    if status != 200 {
        return Err("http_request_failed".to_owned());
    }
    let message = Message::parse(&body).filter(|it| it.response && it.kind == kind);
    let message = message.filter(|it| it.name.eq_ignore_ascii_case(name));
    message.map(|it| (it, body)).ok_or_else(|| "dns_server_misbehaving".to_owned())
}

/// Bytes of the longest answer that is read.
const MAX_ANSWER: usize = 65_535;
