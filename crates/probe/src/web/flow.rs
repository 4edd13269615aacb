//! One connection of a measurement: TCP, TLS where the scheme has it, and the page where it gets to fetch it.

use std::net::SocketAddr;
use std::time::Duration;

use wirewitness_net::Net;

use super::hop::{Hop, Scheme};
use super::select::Origin;
use crate::clock::within;
use crate::failure;
use crate::http::{self, Asking, Came, HttpFailure, Version};
use crate::observed::{Observed, Tap};
use crate::record::{
    self, Exchange, Mark, NetworkEvent, Recorder, Request, Response, TcpConnect, Text, TlsHandshake,
};
use crate::session::Session;
use crate::tls::{self, Agreed, Seen};

/// One connection of a measurement.
pub(super) struct Flow<'s, N> {
    pub(super) session: &'s Session<N>,
    pub(super) recorder: &'s Recorder<N>,
    pub(super) hop: Hop,
    pub(super) remote: SocketAddr,
    pub(super) scheme: Scheme,
    pub(super) origin: Origin,
    pub(super) mark: Mark,
}

impl<N: Net + Unpin> Flow<'_, N> {
    /// Goes as far as it gets, and writes it down. Gives where the page leads, if it does.
    pub(super) async fn run(self) -> Option<Hop> {
        let stream = self.connect().await?;
        let stream = Observed::new(stream, self.remote, self.recorder, &self.mark);
        let tap = stream.tap();
        match self.scheme {
            Scheme::Http => {
                if !self.may_fetch().await {
                    return None;
                }
                self.fetch(stream, &tap, None).await
            }
            Scheme::Https => {
                let (stream, agreed) = self.handshake(stream).await?;
                if !self.may_fetch().await {
                    return None;
                }
                self.fetch(stream, &tap, Some(agreed.protocol)).await
            }
        }
    }

    async fn may_fetch(&self) -> bool {
        self.hop.fetches(self.scheme)
            && self
                .hop
                .selector
                .may_fetch(self.recorder.clock(), self.origin, self.mark.transaction_id)
                .await
    }

    async fn connect(&self) -> Option<N::Stream> {
        self.session.pace.address(self.remote.ip()).await;
        let t0 = self.recorder.t();
        let connecting = self.session.net.connect(self.remote);
        let connected = within(&self.session.net, CONNECT, connecting).await;
        let (stream, failure) = match connected {
            Some(Ok(stream)) => (Some(stream), None),
            Some(Err(error)) => (None, Some(failure::of_network(&error))),
            None => (None, Some(failure::TIMEOUT.to_owned())),
        };
        self.event("connect", t0, failure.clone());
        self.recorder.records().tcp_connect.push(TcpConnect {
            ip: self.remote.ip(),
            port: self.remote.port(),
            status: failure.into(),
            t0,
            t: self.recorder.t(),
            mark: self.mark.clone(),
        });
        stream
    }

    async fn handshake(
        &self,
        stream: Observed<N::Stream, N>,
    ) -> Option<(impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static, Agreed)>
    {
        let (t0, seen) = (self.recorder.t(), Seen::default());
        self.event("tls_handshake_start", t0, None);
        let config = self.session.trust.config(&["h2", "http/1.1"], &seen);
        let shaking = tls::handshake(config, self.hop.host(), stream);
        let shaken = within(&self.session.net, HANDSHAKE, shaking).await;
        let (done, failure) = match shaken {
            Some(Ok(done)) => (Some(done), None),
            Some(Err(failure)) => (None, Some(failure)),
            None => (None, Some(failure::TIMEOUT.to_owned())),
        };
        let agreed = done.as_ref().map(|(_, agreed)| agreed.clone()).unwrap_or_default();
        self.event("tls_handshake_done", t0, failure.clone());
        self.recorder.records().tls_handshakes.push(TlsHandshake {
            network: "tcp",
            address: self.remote,
            cipher_suite: agreed.cipher_suite,
            failure,
            negotiated_protocol: agreed.protocol,
            no_tls_verify: false,
            peer_certificates: seen.chain().into_iter().map(record::Bytes).collect(),
            server_name: self.hop.host().to_owned(),
            tls_version: agreed.version,
            echconfig: None,
            t0,
            t: self.recorder.t(),
            mark: self.mark.clone(),
        });
        done
    }

    async fn fetch<S>(&self, stream: S, tap: &Tap<N>, alpn: Option<String>) -> Option<Hop>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let (t0, mut came) = (self.recorder.t(), Came::default());
        let asking = self.asking();
        let version = Version::of_alpn(alpn.as_deref().unwrap_or_default());
        self.event("http_transaction_start", t0, None);
        let asked = http::ask(stream, version, &asking, &mut came);
        let asked = within(&self.session.net, FETCH, asked).await;
        let failure = match asked {
            Some(Ok(())) => None,
            Some(Err(failure)) => Some(word(&failure, tap)),
            None => Some(failure::TIMEOUT.to_owned()),
        };
        self.event("http_transaction_done", t0, failure.clone());
        let (next, failure) = match failure {
            Some(failure) => (None, Some(failure)),
            None => match self.hop.next(&came) {
                Ok(Some(_)) if self.recorder.t() > LONGEST_CHAIN_SECS => {
                    (None, Some(failure::SLOW_REDIRECTS.to_owned()))
                }
                Ok(next) => (next, None),
                Err(failure) => (None, Some(failure)),
            },
        };
        let exchange = Exchange {
            network: "tcp",
            address: self.remote,
            alpn,
            failure,
            request: request_record(&asking),
            response: response_record(came),
            t0,
            t: self.recorder.t(),
            mark: self.mark.clone(),
        };
        self.recorder.records().requests.push(exchange);
        next
    }

    fn asking(&self) -> Asking {
        let mut headers = page_headers();
        headers.push(("Referer".to_owned(), self.hop.referer.clone()));
        headers.retain(|(_, value)| !value.is_empty());
        headers.extend(self.hop.cookies.field(&self.hop.url).map(|it| ("Cookie".to_owned(), it)));
        Asking::get(self.hop.url.clone(), headers, BODY_CAP)
    }

    fn event(&self, operation: &'static str, t0: f64, failure: Option<String>) {
        let is_connect = operation == "connect";
        self.recorder.records().network_events.push(NetworkEvent {
            address: is_connect.then_some(self.remote),
            failure,
            num_bytes: None,
            operation,
            proto: is_connect.then_some("tcp"),
            t0,
            t: self.recorder.t(),
            mark: self.mark.clone(),
        });
    }
}

/// What the connection came to says more than what a library makes of it, unless what came was no HTTP.
pub(super) fn word<N: Net>(failure: &HttpFailure, tap: &Tap<N>) -> String {
    let ended = tap.ended().filter(|_| !failure.is_malformed());
    ended.map_or_else(|| failure.word(), |ended| failure::of_network(&ended))
}

/// What every page is asked for with; the control uses the same.
pub(super) fn page_headers() -> Vec<(String, String)> {
    [("Accept", ACCEPT), ("Accept-Language", "en-US,en;q=0.9"), ("User-Agent", USER_AGENT)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

pub(super) fn request_record(asking: &Asking) -> Request {
    let host = ("Host".to_owned(), asking.authority());
    let mut fields: Vec<_> = asking.headers.iter().cloned().chain([host]).collect();
    fields.sort();
    let fields = fields.into_iter().map(|(name, value)| (name, Text(value.into_bytes())));
    let headers_list: Vec<_> = fields.collect();
    Request {
        body: "",
        body_is_truncated: false,
        headers: headers_list.iter().cloned().collect(),
        headers_list,
        method: asking.method,
        tor: record::Tor::default(),
        x_transport: "tcp",
        url: asking.url.to_string(),
    }
}

pub(super) fn response_record(came: Came) -> Response {
    let fields = came.headers.into_iter().map(|(name, value)| (name, Text(value)));
    let headers_list: Vec<_> = fields.collect();
    Response {
        body: Text(came.body),
        body_is_truncated: came.truncated,
        code: came.status,
        headers: headers_list.iter().cloned().collect(),
        headers_list,
    }
}

/// Limits of one step, as in OONI's prober.
pub(super) const CONNECT: Duration = Duration::from_secs(10);
pub(super) const HANDSHAKE: Duration = Duration::from_secs(10);
pub(super) const FETCH: Duration = Duration::from_secs(10);
/// No redirect is followed later than this: with the steps of the last hop, a measurement is done in two minutes.
const LONGEST_CHAIN_SECS: f64 = 75.0;
/// Bytes of a page that are read, as in OONI's prober.
pub(super) const BODY_CAP: usize = 1 << 19;
const ACCEPT: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
/// A widespread browser: whoever answers by browser should answer as they answer people.
const USER_AGENT: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                          Chrome/122.0.0.0 Safari/537.3";
