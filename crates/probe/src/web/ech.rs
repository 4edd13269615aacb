//! Encrypted `ClientHello` beside the plain one, where the name offers it: whether hiding the name gets through is a
//! part of the answer.

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;
use url::Url;
use wirewitness_net::Net;
use wirewitness_wire::app::dns::kind;

use crate::clock::within;
use crate::connection::{CONNECT, HANDSHAKE};
use crate::dns::{doh, system};
use crate::failure;
use crate::record::{self, Mark, Recorder, Records, TlsHandshake};
use crate::session::Session;
use crate::tls::{self, Agreed, Seen};

/// What the name's HTTPS record says of it (key `x_ech`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Offer {
    /// Bytes of the configurations on offer; 0 without an offer.
    pub(super) config_bytes: usize,
    /// What happened instead of an answer.
    pub(super) failure: Option<String>,
}

/// Asks for the offer over HTTPS (RFC 9460, draft-ietf-tls-esni), and shakes hands as it says. None where nobody can be
/// asked, or TLS is no part of the URL.
pub(super) async fn run<N: Net>(
    session: &Session<N>,
    recorder: &Recorder<N>,
    url: &Url,
) -> Option<Offer> {
    let name =
        url.host_str().filter(|it| url.scheme() == "https" && it.parse::<IpAddr>().is_err())?;
    let service = session.helpers.doh.first()?;
    let asking = doh::ask(&session.services, service, name, kind::HTTPS);
    let asked = within(&session.net, system::PATIENCE, asking).await;
    let configs = match asked.unwrap_or_else(|| Err(failure::TIMEOUT.to_owned())) {
        Ok((message, _)) => message.services().find_map(|it| it.ech().map(<[u8]>::to_vec)),
        Err(failure) => return Some(Offer { config_bytes: 0, failure: Some(failure) }),
    };
    let Some(configs) = configs else { return Some(Offer { config_bytes: 0, failure: None }) };
    let port = url.port_or_known_default().unwrap_or(443);
    let remote = remote(&recorder.records(), port);
    if let Some(remote) = remote {
        let handshake = handshake(session, recorder, (remote, name), &configs).await;
        recorder.records().ech_handshakes.push(handshake);
    }
    Some(Offer { config_bytes: configs.len(), failure: None })
}

/// The first address that accepted a connection.
fn remote(records: &Records, port: u16) -> Option<SocketAddr> {
    let open = records.tcp_connect.iter().find(|it| it.status.success && it.port == port)?;
    Some(SocketAddr::new(open.ip, open.port))
}

async fn handshake<N: Net>(
    session: &Session<N>,
    recorder: &Recorder<N>,
    (remote, name): (SocketAddr, &str),
    configs: &[u8],
) -> TlsHandshake {
    session.pace.address(remote.ip()).await;
    let (t0, seen) = (recorder.t(), Seen::default());
    let shaken = async {
        let config = session.trust.config_with_ech(&["h2", "http/1.1"], &seen, configs);
        let config = config.map_err(|error| failure::of_tls(&error))?;
        let connected = within(&session.net, CONNECT, session.net.connect(remote)).await;
        let connected = connected.ok_or_else(|| failure::TIMEOUT.to_owned())?;
        let stream = connected.map_err(|error| failure::of_network(&error))?;
        let shaken = within(&session.net, HANDSHAKE, tls::handshake(config, name, stream)).await;
        let (_, agreed) = shaken.unwrap_or_else(|| Err(failure::TIMEOUT.to_owned()))?;
        Ok::<Agreed, String>(agreed)
    };
    let (agreed, failure) = match shaken.await {
        Ok(agreed) => (agreed, None),
        Err(failure) => (Agreed::default(), Some(failure)),
    };
    let echconfig = match failure.as_deref() {
        None => "accepted",
        Some(failure::ECH_REJECTED) => "rejected",
        Some(_) => "offered",
    };
    TlsHandshake {
        network: "tcp",
        address: remote,
        cipher_suite: agreed.cipher_suite,
        failure,
        negotiated_protocol: agreed.protocol,
        no_tls_verify: false,
        peer_certificates: seen.chain().into_iter().map(record::Bytes).collect(),
        server_name: name.to_owned(),
        tls_version: agreed.version,
        echconfig: Some(echconfig),
        t0,
        t: recorder.t(),
        mark: Mark { transaction_id: TRANSACTION, tags: vec!["depth=0".to_owned()] },
    }
}

/// Beyond OONI's ranges.
const TRANSACTION: i64 = 70_001;
