//! The way to one endpoint of an application, as far as its description asks: lookup, connect, handshake, exchange.

use std::net::{IpAddr, SocketAddr};

use url::Url;
use wirewitness_net::Net;

use super::description::{Ask, Endpoint};
use crate::connection::{Connection, page_headers};
use crate::dns::system;
use crate::http::Asking;
use crate::record::{Mark, Recorder};
use crate::session::Session;
use crate::tls::Trust;

/// What is shared by all endpoints of a measurement.
pub(super) struct Bench<'s, N> {
    pub(super) session: &'s Session<N>,
    pub(super) recorder: &'s Recorder<N>,
    pub(super) trust: &'s Trust,
}

/// What became of one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reached {
    /// Its host.
    pub(super) host: String,
    /// The URL that was asked for, or would be.
    pub(super) url: Option<Url>,
    /// Where the host led.
    pub(super) tried: Vec<SocketAddr>,
    /// Whether every port got as far as asked, at one address at least.
    pub(super) whole: bool,
}

impl<N: Net + Unpin> Bench<'_, N> {
    /// Tries one endpoint: number `number` of the measurement.
    pub(super) async fn reach(&self, endpoint: &Endpoint, number: usize) -> Reached {
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        let mark = |base: i64| Mark {
            transaction_id: number.saturating_add(base),
            tags: vec![format!("function={}", endpoint.function)],
        };
        let addresses = match endpoint.address() {
            Some(address) => vec![address],
            None => {
                let place = (self.recorder, self.session.networks.as_ref());
                system::lookup(&self.session.net, &endpoint.host, mark(LOOKUPS), place).await
            }
        };
        let mut reached = Reached {
            host: endpoint.host.clone(),
            url: url(endpoint, endpoint.ports.first().copied()),
            tried: Vec::new(),
            whole: !addresses.is_empty(),
        };
        for port in &endpoint.ports {
            let mark = mark(i64::from(*port).saturating_mul(PORTS));
            let mut one = false;
            for address in addresses.iter().take(MAX_ADDRESSES) {
                // Loopback is this machine: nothing there is the application's.
                if one || address.is_loopback() {
                    continue;
                }
                reached.tried.push(SocketAddr::new(*address, *port));
                one = self.attempt(endpoint, (*address, *port), &mark).await.is_some();
            }
            reached.whole &= one;
        }
        reached
    }

    /// One connection; none where it did not get as far as asked.
    async fn attempt(
        &self,
        endpoint: &Endpoint,
        (address, port): (IpAddr, u16),
        mark: &Mark,
    ) -> Option<()> {
        let remote = SocketAddr::new(address, port);
        let connection =
            Connection { session: self.session, recorder: self.recorder, remote, mark };
        let stream = connection.connect().await?;
        let tap = stream.tap();
        let whom = (endpoint.host.as_str(), self.trust);
        match endpoint.ask {
            Ask::Lookup | Ask::Connect => Some(()),
            Ask::Tls => connection.handshake(stream, whom).await.map(|_| ()),
            Ask::HttpPost => {
                let asking = asking(endpoint, port)?;
                let asked = connection.ask(stream, &asking, (None, &tap)).await;
                let worked = asked.failure.is_none();
                connection.write_down(&asking, None, asked);
                worked.then_some(())
            }
            Ask::HttpsGet => {
                let (stream, agreed) = connection.handshake(stream, whom).await?;
                let asking = asking(endpoint, port)?;
                let alpn = agreed.protocol;
                let asked = connection.ask(stream, &asking, (Some(&alpn), &tap)).await;
                let worked = asked.failure.is_none();
                connection.write_down(&asking, Some(alpn), asked);
                worked.then_some(())
            }
        }
    }
}

/// The URL of an endpoint; none for a description that makes none, which its check leaves out.
fn url(endpoint: &Endpoint, port: Option<u16>) -> Option<Url> {
    let scheme = if endpoint.ask == Ask::HttpPost { "http" } else { "https" };
    let host = match endpoint.address() {
        Some(IpAddr::V6(address)) => format!("[{address}]"),
        _ => endpoint.host.clone(),
    };
    let port = port.unwrap_or(443);
    Url::parse(&format!("{scheme}://{host}:{port}{}", endpoint.path)).ok()
}

fn asking(endpoint: &Endpoint, port: u16) -> Option<Asking> {
    let method = if endpoint.ask == Ask::HttpPost { "POST" } else { "GET" };
    let (url, headers) = (url(endpoint, Some(port))?, page_headers());
    Some(Asking { method, url, headers, body: Vec::new(), body_cap: BODY_CAP })
}

/// Addresses of one name that are tried until one works.
pub(super) const MAX_ADDRESSES: usize = 4;
/// Bytes of a page that are read: whether it comes is what counts.
pub(super) const BODY_CAP: usize = 16 << 10;
/// Numbers of lookups begin here.
const LOOKUPS: i64 = 10_000;
/// Numbers of connections begin at the port times this.
const PORTS: i64 = 1_000;
