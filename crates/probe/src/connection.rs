//! One connection of an experiment, step by step: TCP, TLS, one HTTP exchange. Each step is bounded and written down.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::client::TlsStream;
use wirewitness_net::Net;

use crate::clock::within;
use crate::failure;
use crate::http::{self, Asking, Came, HttpFailure, Version};
use crate::observed::{Observed, Tap};
use crate::record::{
    self, Exchange, Mark, NetworkEvent, Recorder, Request, Response, TcpConnect, Text, TlsHandshake,
};
use crate::session::Session;
use crate::tls::{self, Agreed, Seen, Trust};

/// One connection: where it goes, and where its steps are written down.
pub(crate) struct Connection<'s, N> {
    pub(crate) session: &'s Session<N>,
    pub(crate) recorder: &'s Recorder<N>,
    pub(crate) remote: SocketAddr,
    pub(crate) mark: &'s Mark,
}

/// A TLS stream over a watched connection, and what was agreed on.
pub(crate) type Shaken<N> = (TlsStream<Observed<<N as Net>::Stream, N>>, Agreed);

/// An exchange that is over.
pub(crate) struct Asked {
    /// What came, as far as it came.
    pub(crate) came: Came,
    /// What happened instead.
    pub(crate) failure: Option<String>,
    /// When it began, in seconds.
    t0: f64,
}

impl<N: Net + Unpin> Connection<'_, N> {
    /// Opens the connection, at the session's pace.
    pub(crate) async fn connect(&self) -> Option<Observed<N::Stream, N>> {
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
        Some(Observed::new(stream?, self.remote, self.recorder, self.mark))
    }

    /// Shakes hands for `name`, trusting whom `trust` does.
    pub(crate) async fn handshake(
        &self,
        stream: Observed<N::Stream, N>,
        (name, trust): (&str, &Trust),
    ) -> Option<Shaken<N>> {
        let (t0, seen) = (self.recorder.t(), Seen::default());
        self.event("tls_handshake_start", t0, None);
        let config = trust.config(&["h2", "http/1.1"], &seen);
        let shaking = tls::handshake(config, name, stream);
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
            server_name: name.to_owned(),
            tls_version: agreed.version,
            echconfig: None,
            t0,
            t: self.recorder.t(),
            mark: self.mark.clone(),
        });
        done
    }

    /// Asks on the open connection, which is used up. It is on record once [`Connection::write_down`] is called.
    pub(crate) async fn ask<S>(
        &self,
        stream: S,
        asking: &Asking,
        (alpn, tap): (Option<&str>, &Tap<N>),
    ) -> Asked
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (t0, mut came) = (self.recorder.t(), Came::default());
        let version = Version::of_alpn(alpn.unwrap_or_default());
        self.event("http_transaction_start", t0, None);
        let asked = http::ask(stream, version, asking, &mut came);
        let asked = within(&self.session.net, FETCH, asked).await;
        let failure = match asked {
            Some(Ok(())) => None,
            Some(Err(failure)) => Some(word(&failure, tap)),
            None => Some(failure::TIMEOUT.to_owned()),
        };
        self.event("http_transaction_done", t0, failure.clone());
        Asked { came, failure, t0 }
    }

    /// Writes an exchange down.
    pub(crate) fn write_down(&self, asking: &Asking, alpn: Option<String>, asked: Asked) {
        let exchange = Exchange {
            network: "tcp",
            address: self.remote,
            alpn,
            failure: asked.failure,
            request: request_record(asking),
            response: response_record(asked.came),
            t0: asked.t0,
            t: self.recorder.t(),
            mark: self.mark.clone(),
        };
        self.recorder.records().requests.push(exchange);
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
pub(crate) fn word<N: Net>(failure: &HttpFailure, tap: &Tap<N>) -> String {
    let ended = tap.ended().filter(|_| !failure.is_malformed());
    ended.map_or_else(|| failure.word(), |ended| failure::of_network(&ended))
}

/// What every page is asked for with; the control uses the same.
pub(crate) fn page_headers() -> Vec<(String, String)> {
    [("Accept", ACCEPT), ("Accept-Language", "en-US,en;q=0.9"), ("User-Agent", USER_AGENT)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

pub(crate) fn request_record(asking: &Asking) -> Request {
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

pub(crate) fn response_record(came: Came) -> Response {
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
pub(crate) const CONNECT: Duration = Duration::from_secs(10);
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(10);
pub(crate) const FETCH: Duration = Duration::from_secs(10);
/// Bytes of a page that are read, as in OONI's prober.
pub(crate) const BODY_CAP: usize = 1 << 19;
const ACCEPT: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
/// A widespread browser: whoever answers by browser should answer as they answer people.
const USER_AGENT: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                          Chrome/122.0.0.0 Safari/537.3";
