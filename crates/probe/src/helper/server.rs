//! HTTP towards the probes, over any network that can listen.
//!
//! A connection has a place among a bounded number, a bounded time to say what it wants, and a bounded age. HTTP/1.1
//! takes one request a connection; HTTP/2 several.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, SERVER};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use wirewitness_net::hyper_io::HyperIo;
use wirewitness_net::{Accept, Listen, Net, Stream};

use super::battery::call;
use super::battery::desk::{Declined, Desk};
use super::limits::{Access, Counts, Held, Limits, Rates, Room};
use super::measure::{Measurer, Standing};
use super::protocol::{ControlRequest, GREETING};
use crate::battery::protocol::CALL;
use crate::clock::within;
use crate::http::{Spawn, Version};

/// A test helper: what it answers to whom.
pub struct Helper<N> {
    net: N,
    measurer: Measurer<N>,
    access: Access,
    limits: Limits,
    counts: Counts,
    in_flight: Room,
    in_flight_of: Held,
    rates: Rates,
    desk: Option<Arc<Desk>>,
}

impl<N: Net> Helper<N> {
    /// A helper that measures over `net`.
    pub fn new(net: N, standing: Standing, access: Access, limits: Limits) -> Self {
        Self {
            measurer: Measurer::new(net.clone(), standing, limits.clone()),
            net,
            access,
            counts: Counts::default(),
            in_flight: Room::new(limits.in_flight),
            in_flight_of: Held::default(),
            rates: Rates::new(limits.requests_per_minute),
            desk: None,
            limits,
        }
    }

    /// The same helper, also the far end of batteries.
    #[must_use]
    pub fn with_battery(self, desk: Arc<Desk>) -> Self {
        Self { desk: Some(desk), ..self }
    }

    /// What became of requests so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    async fn answer(&self, client: IpAddr, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let answered = match *request.method() {
            Method::GET => Ok(GREETING.as_bytes().to_vec()),
            Method::POST if self.is_of_battery(&request) => self.of_battery(client, request).await,
            Method::POST => self.measured(client, request).await,
            _ => Err(Refusal::Malformed(StatusCode::BAD_REQUEST)),
        };
        let (status, body) = match answered {
            Ok(body) => (StatusCode::OK, body),
            Err(refusal) => {
                Counts::add(refusal.counter(&self.counts));
                (refusal.status(), Vec::new())
            }
        };
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(SERVER, HeaderValue::from_static(NAME));
        response
    }

    async fn measured(
        &self,
        client: IpAddr,
        request: Request<Incoming>,
    ) -> Result<Vec<u8>, Refusal> {
        let malformed = || Refusal::Malformed(StatusCode::BAD_REQUEST);
        let authorization = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes);
        if !self.access.admits(authorization) {
            return Err(Refusal::NotAdmitted);
        }
        if !self.rates.allow(client, self.net.now().elapsed) {
            return Err(Refusal::TooFast);
        }
        // A place is taken only now, and not while a slow client talks.
        let body = self.body(request.into_body()).await?;
        let request = ControlRequest::parse(&body).map_err(|_| malformed())?;
        let most = self.limits.in_flight_per_client;
        let _own = self.in_flight_of.take(client, most).ok_or(Refusal::TooFast)?;
        let _place = self.in_flight.take().ok_or(Refusal::Busy)?;
        let response = self.measurer.measure(&request).await.map_err(|_| malformed())?;
        let written = serde_json::to_vec(&response).map_err(|_| malformed())?;
        Counts::add(&self.counts.measured);
        Ok(written)
    }

    fn is_of_battery(&self, request: &Request<Incoming>) -> bool {
        self.desk.is_some() && request.uri().path().starts_with("/battery/")
    }

    /// A battery's far end is asked. Its token is what admits, not the helper's.
    async fn of_battery(
        &self,
        client: IpAddr,
        request: Request<Incoming>,
    ) -> Result<Vec<u8>, Refusal> {
        let malformed = Refusal::Malformed(StatusCode::BAD_REQUEST);
        let desk = self.desk.as_ref().ok_or(malformed)?;
        if !self.rates.allow(client, self.net.now().elapsed) {
            return Err(Refusal::TooFast);
        }
        let path = request.uri().path().to_owned();
        let body = self.body(request.into_body()).await?;
        let answer = match path.as_str() {
            CALL => call::answer(&self.net, desk, (client, &body)).await,
            _ => desk.answer((&path, client), &body, self.net.now().elapsed),
        };
        answer.map_err(|declined| match declined {
            Declined::Unknown => Refusal::Malformed(StatusCode::NOT_FOUND),
            Declined::Malformed => malformed,
            Declined::NotAdmitted => Refusal::NotAdmitted,
            Declined::Busy => Refusal::Busy,
        })
    }

    async fn body(&self, body: Incoming) -> Result<Bytes, Refusal> {
        let most = self.limits.request_bytes;
        if body.size_hint().lower() > most as u64 {
            return Err(Refusal::Malformed(StatusCode::PAYLOAD_TOO_LARGE));
        }
        let whole = Limited::new(body, most).collect();
        match within(&self.net, self.limits.patience, whole).await {
            Some(Ok(body)) => Ok(body.to_bytes()),
            Some(Err(error)) if error.is::<LengthLimitError>() => {
                Err(Refusal::Malformed(StatusCode::PAYLOAD_TOO_LARGE))
            }
            Some(Err(_)) => Err(Refusal::Malformed(StatusCode::BAD_REQUEST)),
            None => Err(Refusal::Malformed(StatusCode::REQUEST_TIMEOUT)),
        }
    }
}

/// Why a request is not measured.
#[derive(Debug, Clone, Copy)]
enum Refusal {
    NotAdmitted,
    TooFast,
    Busy,
    Malformed(StatusCode),
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::NotAdmitted => StatusCode::UNAUTHORIZED,
            Self::TooFast => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Malformed(status) => status,
        }
    }

    fn counter(self, counts: &Counts) -> &AtomicU64 {
        match self {
            Self::NotAdmitted => &counts.not_admitted,
            Self::TooFast => &counts.too_fast,
            Self::Busy => &counts.busy,
            Self::Malformed(_) => &counts.malformed,
        }
    }
}

/// Serves whoever connects, until dropped; then every connection ends with it. With `tls`, over TLS only.
pub async fn serve<N: Listen>(
    listener: N::Listener,
    tls: Option<TlsAcceptor>,
    helper: Arc<Helper<N>>,
) {
    let places = Room::new(helper.limits.connections);
    let held = Held::default();
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok(stream) = listener.accept().await else {
            // Out of files, most likely. Some will be given back.
            helper.net.sleep(AFTER_A_FAILED_ACCEPT).await;
            continue;
        };
        let client = stream.remote_addr().ip();
        let held = held.take(client, helper.limits.connections_per_client);
        let (Some(place), Some(held)) = (places.take(), held) else {
            Counts::add(&helper.counts.shed);
            continue;
        };
        Counts::add(&helper.counts.connections);
        let (helper, tls) = (Arc::clone(&helper), tls.clone());
        connections.spawn(async move {
            let _given_back_at_the_end = (place, held);
            Visit { helper, client, begun: Arc::new(Notify::new()) }.take(stream, tls).await;
        });
    }
}

/// One connection of a client.
struct Visit<N> {
    helper: Arc<Helper<N>>,
    client: IpAddr,
    /// Told when a request's head has come.
    begun: Arc<Notify>,
}

impl<N: Net> Visit<N> {
    async fn take(self, stream: N::Stream, tls: Option<TlsAcceptor>) {
        let begun = Arc::clone(&self.begun);
        let helper = Arc::clone(&self.helper);
        let limits = &helper.limits;
        let silent = async {
            if within(&helper.net, limits.patience, begun.notified()).await.is_some() {
                pending::<()>().await;
            }
            Counts::add(&helper.counts.malformed);
        };
        let served = async {
            tokio::select! {
                biased;
                _ = self.greet(stream, tls) => {}
                () = silent => {}
            }
        };
        let _ = within(&helper.net, limits.connection_age, served).await;
    }

    async fn greet(self, stream: N::Stream, tls: Option<TlsAcceptor>) -> Option<()> {
        let Some(tls) = tls else {
            let (version, stream) = Begun::of(stream).await?;
            return self.serve(version, stream).await;
        };
        let stream = tls.accept(stream).await.ok()?;
        let protocol = stream.get_ref().1.alpn_protocol().unwrap_or_default();
        let version = Version::of_alpn(&String::from_utf8_lossy(protocol));
        self.serve(version, stream).await
    }

    async fn serve<S>(self, version: Version, stream: S) -> Option<()>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // Who may have more requests at once may have them on one connection.
        let most = self.helper.limits.in_flight_per_client;
        let streams = most.clamp(FEWEST_STREAMS, MOST_STREAMS) as u32;
        let service = service_fn(move |request| {
            self.begun.notify_one();
            let (helper, client) = (Arc::clone(&self.helper), self.client);
            async move { Ok::<_, Infallible>(helper.answer(client, request).await) }
        });
        let stream = HyperIo(stream);
        let served = match version {
            Version::Http1 => {
                let mut builder = hyper::server::conn::http1::Builder::new();
                builder
                    .keep_alive(false)
                    .auto_date_header(false)
                    .header_read_timeout(None)
                    .max_headers(MOST_FIELDS)
                    .max_buf_size(LONGEST_HEAD_BYTES);
                builder.serve_connection(stream, service).await
            }
            Version::Http2 => {
                let mut builder = hyper::server::conn::http2::Builder::new(Spawn);
                builder
                    .auto_date_header(false)
                    .max_concurrent_streams(streams)
                    .initial_stream_window_size(WINDOW_BYTES)
                    .initial_connection_window_size(WINDOW_BYTES)
                    .max_header_list_size(LONGEST_HEAD_BYTES as u32)
                    .max_send_buf_size(WINDOW_BYTES as usize);
                builder.serve_connection(stream, service).await
            }
        };
        served.ok()
    }
}

/// A connection of which the beginning was read.
struct Begun<S> {
    beginning: io::Cursor<Vec<u8>>,
    stream: S,
}

impl<S: AsyncRead + Unpin> Begun<S> {
    /// Reads as far as it takes to tell HTTP/2 (RFC 9113 §3.4) from HTTP/1.1; no method begins like its preface.
    async fn of(mut stream: S) -> Option<(Version, Self)> {
        let mut beginning = Vec::with_capacity(PREFACE.len());
        while beginning.len() < PREFACE.len() && PREFACE.starts_with(&beginning) {
            beginning.push(stream.read_u8().await.ok()?);
        }
        let version = if beginning == PREFACE { Version::Http2 } else { Version::Http1 };
        Some((version, Self { beginning: io::Cursor::new(beginning), stream }))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Begun<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.beginning).poll_read(context, buffer) {
            Poll::Ready(Ok(())) if buffer.filled().len() == before => {
                Pin::new(&mut self.stream).poll_read(context, buffer)
            }
            done => done,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Begun<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// What an answer says of itself.
const NAME: &str = concat!("wirewitness-helper/", env!("CARGO_PKG_VERSION"));

/// Enough of HTTP/2's preface.
const PREFACE: &[u8] = b"PRI ";

const AFTER_A_FAILED_ACCEPT: Duration = Duration::from_millis(50);
const MOST_FIELDS: usize = 64;
const LONGEST_HEAD_BYTES: usize = 16 * 1024;

/// Requests at once on one HTTP/2 connection, at least and at most.
const FEWEST_STREAMS: usize = 16;
const MOST_STREAMS: usize = 1_024;
const WINDOW_BYTES: u32 = 64 * 1024;
