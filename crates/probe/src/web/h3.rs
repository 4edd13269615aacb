//! HTTP/3 beside the page, where the site offers it: a device that reads QUIC is seen by nothing else.

use std::net::SocketAddr;

use url::Url;
use wirewitness_net::Net;

use super::flow::{BODY_CAP, FETCH, HANDSHAKE, page_headers, request_record, response_record};
use crate::clock::within;
use crate::control::Control;
use crate::failure;
use crate::http::{Asking, Came, canonical};
use crate::quic::{self, Connection, Dial};
use crate::record::{self, Exchange, Mark, Recorder, Records, TlsHandshake};
use crate::session::Session;
use crate::tls::Seen;

/// Where a site offers HTTP/3: as it said itself (RFC 7838), or as the control heard it say.
pub(super) fn offer(records: &Records, control: &Control, url: &Url) -> Option<SocketAddr> {
    let first = |tags: &[String]| tags.iter().any(|tag| tag == "depth=0");
    let said = records.requests.iter().find(|it| {
        let field = it.response.headers.get("Alt-Svc");
        first(&it.mark.tags) && field.is_some_and(|it| it.0.windows(3).any(|it| it == b"h3="))
    });
    if let Some(said) = said {
        return Some(SocketAddr::new(said.address.ip(), 443));
    }
    let heard = control.answer.as_ref()?.pointer("/http_request/discovered_h3_endpoint")?;
    let host = heard.as_str()?.strip_suffix(":443")?;
    let open = records.tcp_connect.iter().find(|it| first(&it.mark.tags) && it.status.success)?;
    (url.host_str() == Some(host)).then(|| SocketAddr::new(open.ip, 443))
}

/// Shakes hands over QUIC and fetches the page; writes both down.
pub(super) async fn fetch<N: Net + Unpin>(
    session: &Session<N>,
    recorder: &Recorder<N>,
    remote: SocketAddr,
    url: &Url,
) {
    let mark = Mark { transaction_id: TRANSACTION, tags: vec!["depth=0".to_owned()] };
    let name = url.host_str().unwrap_or_default();
    session.pace.address(remote.ip()).await;
    let (t0, seen) = (recorder.t(), Seen::default());
    let tls = session.trust.config(&["h3"], &seen);
    let dial = Dial { remote, server_name: name, tls, seed: seed(name) };
    let shaken = within(&session.net, HANDSHAKE, quic::handshake(&session.net, &dial)).await;
    let (connection, failure) = match shaken {
        Some(Ok(connection)) => (Some(connection), None),
        Some(Err(error)) => (None, Some(failure::of_quic(&error))),
        None => (None, Some(failure::TIMEOUT.to_owned())),
    };
    let is_open = connection.is_some();
    recorder.records().quic_handshakes.push(TlsHandshake {
        network: "udp",
        address: remote,
        // quinn does not tell which of TLS 1.3's suites was agreed on.
        cipher_suite: String::new(),
        failure,
        negotiated_protocol: if is_open { "h3".to_owned() } else { String::new() },
        no_tls_verify: false,
        peer_certificates: seen.chain().into_iter().map(record::Bytes).collect(),
        server_name: name.to_owned(),
        tls_version: if is_open { "TLSv1.3".to_owned() } else { String::new() },
        echconfig: None,
        t0,
        t: recorder.t(),
        mark: mark.clone(),
    });
    if let Some(connection) = connection {
        let exchange = ask(session, recorder, connection, url, mark).await;
        recorder.records().h3_requests.push(exchange);
    }
}

async fn ask<N: Net + Unpin>(
    session: &Session<N>,
    recorder: &Recorder<N>,
    mut connection: Connection,
    url: &Url,
    mark: Mark,
) -> Exchange {
    let (t0, address) = (recorder.t(), connection.remote_addr());
    let mut secure = url.clone();
    // What is fetched over QUIC is the page as HTTPS has it.
    let _ = secure.set_scheme("https");
    let asking = Asking::get(secure, page_headers(), BODY_CAP);
    let request = quic::Request {
        authority: asking.authority(),
        path: asking.path().to_owned(),
        headers: asking.headers.clone(),
        max_body_bytes: BODY_CAP,
        max_head_bytes: MAX_HEAD_BYTES,
    };
    let asked = within(&session.net, FETCH, quic::get(&mut connection, &request)).await;
    let (came, failure) = match asked {
        Some(Ok(response)) => (came(response), None),
        Some(Err(error)) => (Came::default(), Some(failure::of_quic(&error))),
        None => (Came::default(), Some(failure::TIMEOUT.to_owned())),
    };
    let request = record::Request { x_transport: "udp", ..request_record(&asking) };
    Exchange {
        network: "udp",
        address,
        alpn: Some("h3".to_owned()),
        failure,
        request,
        response: response_record(came),
        t0,
        t: recorder.t(),
        mark,
    }
}

fn came(response: quic::Response) -> Came {
    let headers = response.headers.into_iter();
    Came {
        status: response.status,
        headers: headers.map(|(name, value)| (canonical(&name), value)).collect(),
        body: response.body,
        truncated: response.body_is_truncated,
    }
}

/// What connection ids are made of: the name, so that a measurement is the same whatever runs beside it.
pub(super) fn seed(name: &str) -> [u8; 32] {
    let mut seed = [0_u8; 32];
    for (at, byte) in name.bytes().enumerate() {
        if let Some(place) = seed.get_mut(at % 32) {
            *place = place.wrapping_mul(31).wrapping_add(byte);
        }
    }
    seed
}

/// Beyond OONI's ranges.
const TRANSACTION: i64 = 60_001;
pub(super) const MAX_HEAD_BYTES: u64 = 128 * 1024;
