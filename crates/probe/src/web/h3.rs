//! HTTP/3 beside the page, where the site offers it: a device that reads QUIC is seen by nothing else.

use std::net::SocketAddr;

use url::Url;
use wirewitness_net::Net;

use crate::clock::within;
use crate::connection::{
    BODY_CAP, FETCH, HANDSHAKE, page_headers, request_record, response_record,
};
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
    let host = url.host_str()?;
    let said = records.requests.iter().find_map(|it| {
        let field = it.response.headers.get("Alt-Svc").filter(|_| first(&it.mark.tags))?;
        Some(SocketAddr::new(it.address.ip(), port_offered(&field.0, host)?))
    });
    if said.is_some() {
        return said;
    }
    let heard = control.answer.as_ref()?.pointer("/http_request/discovered_h3_endpoint")?;
    let (name, port) = heard.as_str()?.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port > 0)?;
    let open = records.tcp_connect.iter().find(|it| first(&it.mark.tags) && it.status.success)?;
    (name == host).then(|| SocketAddr::new(open.ip, port))
}

/// The port of the first offer of HTTP/3 at the site itself, in an Alt-Svc field (RFC 7838 §3).
fn port_offered(field: &[u8], host: &str) -> Option<u16> {
    let field = std::str::from_utf8(field).ok()?;
    let mut offers =
        field.split(',').filter_map(|it| it.split(';').next()?.trim().strip_prefix("h3="));
    offers.find_map(|it| {
        let (name, port) = it.trim_matches('"').rsplit_once(':')?;
        let port = port.parse().ok().filter(|port| *port > 0)?;
        (name.is_empty() || name.eq_ignore_ascii_case(host)).then_some(port)
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_that_is_offered_is_taken() {
        let port = |field: &str| port_offered(field.as_bytes(), "site.example");
        assert_eq!(port("h3=\":443\"; ma=86400"), Some(443));
        assert_eq!(port("h3-29=\":1\", h3=\":8443\""), Some(8443));
        assert_eq!(port("h2=\":443\", h3=\"site.example:444\";ma=1"), Some(444));
        for nothing in
            ["clear", "h2=\":443\"", "h3=\"other.example:443\"", "h3=\":0\"", "h3=", "h3=:99999"]
        {
            assert_eq!(port(nothing), None, "{nothing}");
        }
        assert_eq!(port_offered(&[0xff, b'h', b'3', b'='], "site.example"), None);
    }
}
