//! HTTP/3 in two steps over any [`Net`]: the QUIC handshake, then one GET.
//!
//! [`handshake`] opens a connection to an address under a name of the caller's choice, [`get`] asks for one page on it.
//! Neither has a timeout: the caller bounds both. What came instead is a [`QuicFailure`], typed so that nobody has to read
//! messages. What a server sends is bounded: its head, its body, and what it takes to get there.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use h3::client::{RequestStream, SendRequest};
use h3::error::{Code, StreamError};
use h3_quinn::{BidiStream, OpenStreams};
use quinn::{ConnectionError, TransportErrorCode};
use rustls::pki_types::CertificateDer;
use rustls::{AlertDescription, CertificateError};
use wirewitness_net::quic::{client_config, client_endpoint};
use wirewitness_net::{Datagrams, Failure, Net};

/// Whom to connect to, and how.
#[derive(Debug, Clone)]
pub struct Dial<'a> {
    /// Address and port.
    pub remote: SocketAddr,
    /// The name in the `ClientHello`, which the certificate must be for: what [`Self::tls`] checks.
    pub server_name: &'a str,
    /// TLS; its ALPN should be `h3`. Whoever wants the certificates of a handshake that failed keeps them in its verifier.
    pub tls: Arc<rustls::ClientConfig>,
    /// What connection ids and paddings are made of, together with the local port.
    pub seed: [u8; 32],
}

/// Opens a connection.
///
/// # Errors
/// What the network or the server did instead.
pub async fn handshake(net: &impl Net, dial: &Dial<'_>) -> Result<Connection, QuicFailure> {
    let datagrams = net.bind_udp(dial.remote).await.map_err(QuicFailure::Network)?;
    let seed = own_seed(dial.seed, datagrams.local_addr().port());
    let config = client_config(Arc::clone(&dial.tls), seed)
        .map_err(|error| QuicFailure::Unusable(error.to_string()))?;
    let (endpoint, errors) = client_endpoint(datagrams, seed)
        .map_err(|error| QuicFailure::Unusable(error.to_string()))?;
    let connecting = endpoint
        .connect_with(config, dial.remote, dial.server_name)
        .map_err(|error| QuicFailure::Unusable(error.to_string()))?;
    // An answer that is there counts more than an ICMP error, which anybody can forge.
    tokio::select! {
        biased;
        connected = connecting => {
            let quic = connected.map_err(|error| QuicFailure::of_connection(&error))?;
            Ok(Connection { quic, requests: None })
        }
        failure = errors.wait() => Err(QuicFailure::Network(failure)),
    }
}

/// Two connections must not share their ids, or a server takes one for the other: the port tells them apart.
fn own_seed(mut seed: [u8; 32], local_port: u16) -> [u8; 32] {
    for (byte, port) in seed.iter_mut().zip(local_port.to_be_bytes()) {
        *byte ^= port;
    }
    seed
}

/// An open connection. Dropping it closes.
pub struct Connection {
    quic: quinn::Connection,
    requests: Option<SendRequest<OpenStreams, Bytes>>,
}

impl Connection {
    /// The server's certificates, its own first; empty where a session was resumed.
    pub fn peer_certificates(&self) -> Vec<CertificateDer<'static>> {
        let identity = self.quic.peer_identity().and_then(|it| it.downcast().ok());
        identity.map(|chain: Box<Vec<CertificateDer<'static>>>| *chain).unwrap_or_default()
    }

    /// The protocol that the server chose (ALPN).
    pub fn protocol(&self) -> Option<Vec<u8>> {
        let data = self.quic.handshake_data()?;
        let data = data.downcast::<quinn::crypto::rustls::HandshakeData>().ok()?;
        data.protocol
    }

    /// The server's address.
    pub fn remote_addr(&self) -> SocketAddr {
        self.quic.remote_address()
    }

    /// Bytes that came in datagrams so far, headers of UDP and IP not counted.
    pub fn received_bytes(&self) -> u64 {
        self.quic.stats().udp_rx.bytes
    }

    /// The sender of requests; made at the first one, for a connection has one control stream.
    async fn requests(
        &mut self,
        max_head_bytes: u64,
    ) -> Result<SendRequest<OpenStreams, Bytes>, QuicFailure> {
        if let Some(requests) = &self.requests {
            return Ok(requests.clone());
        }
        let mut builder = h3::client::builder();
        // Grease comes from a generator that no seed reaches.
        builder.send_grease(false).max_field_section_size(max_head_bytes);
        let built = builder.build(h3_quinn::Connection::new(self.quic.clone())).await;
        let (mut driver, requests) = built.map_err(|error| {
            self.closed().unwrap_or_else(|| QuicFailure::Http(error.to_string()))
        })?;
        tokio::spawn(async move { poll_fn(|context| driver.poll_close(context)).await });
        self.requests = Some(requests.clone());
        Ok(requests)
    }

    /// Why the connection is over, if it is and not by us.
    fn closed(&self) -> Option<QuicFailure> {
        let reason = self.quic.close_reason()?;
        (reason != ConnectionError::LocallyClosed).then(|| QuicFailure::of_connection(&reason))
    }
}

/// A GET.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Host, with its port where that is not 443.
    pub authority: String,
    /// Path and query.
    pub path: String,
    /// Header fields, in order.
    pub headers: Vec<(String, String)>,
    /// Bytes of the body that are read; the rest is refused.
    pub max_body_bytes: usize,
    /// Bytes of the head, as HTTP/3 counts them (RFC 9114 §4.2.2); a longer one is a failure.
    pub max_head_bytes: u64,
}

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Status.
    pub status: u16,
    /// Header fields, in order; a value need not be text.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, or as much of it as was asked for.
    pub body: Vec<u8>,
    /// Whether there was more.
    pub body_is_truncated: bool,
}

/// Asks for one page.
///
/// # Errors
/// What the network or the server did instead of a whole answer.
pub async fn get(connection: &mut Connection, request: &Request) -> Result<Response, QuicFailure> {
    let head = hyper::Request::get(format!("https://{}{}", request.authority, request.path));
    let head = request.headers.iter().fold(head, |head, (name, value)| head.header(name, value));
    let head = head.body(()).map_err(|error| QuicFailure::Unusable(error.to_string()))?;
    let quic = connection.quic.clone();
    let limit = quic.stats().udp_rx.bytes.saturating_add(request.budget_bytes());
    let exchange = async {
        let mut requests = connection.requests(request.max_head_bytes).await?;
        let exchanged = async {
            let mut stream = requests.send_request(head).await?;
            stream.finish().await?;
            read(&mut stream, request.max_body_bytes).await
        };
        exchanged
            .await
            .map_err(|error| connection.closed().unwrap_or_else(|| QuicFailure::of_stream(&error)))
    };
    bounded(exchange, || quic.stats().udp_rx.bytes > limit).await
}

impl Request {
    /// What an answer may cost: retransmissions, frames and packets included.
    fn budget_bytes(&self) -> u64 {
        let answer = self.max_head_bytes.saturating_add(self.max_body_bytes as u64);
        answer.saturating_mul(2).saturating_add(SLACK_BYTES)
    }
}

async fn read(
    stream: &mut RequestStream<BidiStream<Bytes>, Bytes>,
    max_body_bytes: usize,
) -> Result<Response, StreamError> {
    let mut head = stream.recv_response().await?;
    for _ in 0..MAX_INFORMATIONAL {
        if !head.status().is_informational() {
            break;
        }
        head = stream.recv_response().await?;
    }
    let mut response = Response {
        status: head.status().as_u16(),
        headers: head.headers().iter().map(field).collect(),
        body: Vec::new(),
        body_is_truncated: false,
    };
    while let Some(mut chunk) = stream.recv_data().await? {
        while chunk.has_remaining() {
            let part = chunk.chunk();
            let space = max_body_bytes - response.body.len();
            response.body_is_truncated |= part.len() > space;
            response.body.extend(part.iter().take(space));
            let len = part.len();
            chunk.advance(len);
        }
        if response.body_is_truncated {
            stream.stop_sending(Code::H3_REQUEST_CANCELLED);
            break;
        }
    }
    Ok(response)
}

fn field(
    (name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue),
) -> (String, Vec<u8>) {
    (name.as_str().to_owned(), value.as_bytes().to_vec())
}

/// Runs `step` until it is done, or more came than was bargained for: h3 keeps a frame until all of it is there.
async fn bounded<R>(
    step: impl Future<Output = Result<R, QuicFailure>>,
    is_too_much: impl Fn() -> bool,
) -> Result<R, QuicFailure> {
    let mut step = pin!(step);
    poll_fn(|context| {
        let polled = step.as_mut().poll(context);
        if polled.is_pending() && is_too_much() {
            return std::task::Poll::Ready(Err(QuicFailure::TooLarge));
        }
        polled
    })
    .await
}

/// What happened instead of a connection or an answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum QuicFailure {
    /// The server's idle time ran out. A caller's own timeout is the caller's to name.
    #[error("timed out")]
    TimedOut,
    /// A stateless reset (RFC 9000 §10.3).
    #[error("stateless reset")]
    Reset,
    /// `CONNECTION_CLOSE` by the server's QUIC (RFC 9000 §20.1), TLS alerts aside.
    #[error("closed by the server's QUIC with code {code:#x}: {reason}")]
    Closed {
        /// The error code.
        code: u64,
        /// The server's words.
        reason: String,
    },
    /// `CONNECTION_CLOSE` by the server's application (RFC 9114 §8.1).
    #[error("closed by the server's HTTP/3 with code {code:#x}: {reason}")]
    ClosedByApplication {
        /// The error code.
        code: u64,
        /// The server's words.
        reason: String,
    },
    /// TLS failed: an alert of the server's ([`rustls::Error::AlertReceived`]), or our refusal of what it sent. Of a refused
    /// certificate the kind is known and not the times and names; what has no kind here is [`rustls::Error::General`].
    #[error("TLS: {0}")]
    Tls(rustls::Error),
    /// The server speaks no version of QUIC that we do (RFC 9000 §6).
    #[error("no common version of QUIC")]
    Version,
    /// ICMP, or this host: there is no way.
    #[error("{0}")]
    Network(Failure),
    /// The server broke a rule of QUIC.
    #[error("QUIC broken with code {code:#x}: {reason}")]
    Protocol {
        /// The error code that the rule has (RFC 9000 §20.1).
        code: u64,
        /// quinn's words.
        reason: String,
    },
    /// The server gave up the request's stream (`RESET_STREAM` or `STOP_SENDING`).
    #[error("request given up by the server with code {code:#x}")]
    StreamReset {
        /// The error code (RFC 9114 §8.1).
        code: u64,
    },
    /// The server broke a rule of HTTP/3, or wants no more requests.
    #[error("HTTP/3: {0}")]
    Http(String),
    /// The answer, or what it came in, is larger than the caller allows.
    #[error("answer too large")]
    TooLarge,
    /// Ours: a name, header or configuration that QUIC or HTTP/3 cannot use.
    #[error("cannot be asked: {0}")]
    Unusable(String),
}

impl QuicFailure {
    fn of_connection(error: &ConnectionError) -> Self {
        match error {
            ConnectionError::TimedOut => Self::TimedOut,
            ConnectionError::Reset => Self::Reset,
            ConnectionError::VersionMismatch => Self::Version,
            ConnectionError::ConnectionClosed(close) => {
                let reason = String::from_utf8_lossy(&close.reason).into_owned();
                match alert(close.error_code) {
                    Some(alert) => Self::Tls(rustls::Error::AlertReceived(alert)),
                    None => Self::Closed { code: close.error_code.into(), reason },
                }
            }
            ConnectionError::ApplicationClosed(close) => Self::ClosedByApplication {
                code: close.error_code.into_inner(),
                reason: String::from_utf8_lossy(&close.reason).into_owned(),
            },
            ConnectionError::TransportError(error) => match alert(error.code) {
                Some(_) => Self::Tls(tls_error(&error.reason)),
                None => Self::Protocol { code: error.code.into(), reason: error.reason.clone() },
            },
            ConnectionError::LocallyClosed | ConnectionError::CidsExhausted => {
                Self::Unusable(error.to_string())
            }
        }
    }

    fn of_stream(error: &StreamError) -> Self {
        match error {
            StreamError::RemoteTerminate { code, .. } => Self::StreamReset { code: code.value() },
            StreamError::HeaderTooBig { .. } => Self::TooLarge,
            _ => Self::Http(error.to_string()),
        }
    }
}

/// The TLS alert that an error code carries (RFC 9001 §4.8).
fn alert(code: TransportErrorCode) -> Option<AlertDescription> {
    let number = u64::from(code).checked_sub(0x100)?;
    u8::try_from(number).ok().map(AlertDescription::from)
}

/// quinn passes on the words of rustls only. Tests hold that each kind of bad certificate is found in them.
fn tls_error(reason: &str) -> rustls::Error {
    let general = || rustls::Error::General(reason.to_owned());
    let Some(words) = reason.strip_prefix("invalid peer certificate: ") else { return general() };
    let kinds = [
        ("certificate expired", CertificateError::Expired),
        ("certificate not valid yet", CertificateError::NotValidYet),
        ("certificate not valid for name", CertificateError::NotValidForName),
        ("UnknownIssuer", CertificateError::UnknownIssuer),
        ("BadSignature", CertificateError::BadSignature),
        ("BadEncoding", CertificateError::BadEncoding),
        ("Revoked", CertificateError::Revoked),
        ("UnhandledCriticalExtension", CertificateError::UnhandledCriticalExtension),
        ("ApplicationVerificationFailure", CertificateError::ApplicationVerificationFailure),
    ];
    let found = kinds.into_iter().find(|(start, _)| words.starts_with(start));
    found.map_or_else(general, |(_, kind)| rustls::Error::InvalidCertificate(kind))
}

/// Handshake remains, control streams and acknowledgements.
const SLACK_BYTES: u64 = 256 * 1024;
/// More than any server sends before its answer.
const MAX_INFORMATIONAL: usize = 8;
