//! One HTTP request on an open connection, HTTP/1.1 or HTTP/2, bounded in bytes. The caller bounds the time.

use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncRead, AsyncWrite};
use url::Url;
use wirewitness_net::hyper_io::HyperIo;

use crate::failure;

/// What to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Where.
    pub url: Url,
    /// Header fields in order, Host aside. One that HTTP cannot carry is left out.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Bytes of the answer's body that are read.
    pub body_cap: usize,
}

impl Asking {
    /// A plain GET.
    pub fn get(url: Url, headers: Vec<(String, String)>, body_cap: usize) -> Self {
        Self { method: "GET", url, headers, body: Vec::new(), body_cap }
    }

    /// `name` or `name:port`, as it stands in Host.
    pub fn authority(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// Path and query.
    pub fn path(&self) -> &str {
        &self.url[url::Position::BeforePath..url::Position::AfterQuery]
    }

    fn request(&self, version: Version) -> Result<hyper::Request<Full<Bytes>>, String> {
        let path = self.path();
        let target = match version {
            Version::Http1 => path.to_owned(),
            Version::Http2 => format!("{}://{}{path}", self.url.scheme(), self.authority()),
        };
        let mut builder = hyper::Request::builder().method(self.method).uri(target);
        if version == Version::Http1 {
            builder = builder.header(hyper::header::HOST, self.authority());
        }
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) =
                (HeaderName::try_from(name), HeaderValue::try_from(value))
            {
                builder = builder.header(name, value);
            }
        }
        let body = Full::new(Bytes::from(self.body.clone()));
        builder.body(body).map_err(|error| failure::unknown(&error.to_string()))
    }
}

/// Which HTTP a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.1 (RFC 9112).
    Http1,
    /// HTTP/2 (RFC 9113).
    Http2,
}

impl Version {
    /// What ALPN has agreed on.
    pub fn of_alpn(protocol: &str) -> Self {
        if protocol == "h2" { Self::Http2 } else { Self::Http1 }
    }
}

/// What came back, as far as it came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Came {
    /// Status; 0 where none came.
    pub status: u16,
    /// Header fields in order, names as in `Content-Type`.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, up to the cap.
    pub body: Vec<u8>,
    /// Whether the body went on beyond what was read.
    pub truncated: bool,
}

impl Came {
    /// The first header field of a name.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let found = self.headers.iter().find(|(it, _)| it.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_slice())
    }

    pub(crate) fn head(&mut self, status: u16, headers: &HeaderMap) {
        self.status = status;
        let fields = headers.iter().take(MAX_FIELDS);
        let field = |(name, value): (&HeaderName, &HeaderValue)| {
            (canonical(name.as_str()), value.as_bytes().to_vec())
        };
        self.headers = fields.map(field).collect();
        self.truncated = true;
    }

    /// Takes a piece of the body in. False when the cap is reached.
    pub(crate) fn body_piece(&mut self, piece: &[u8], cap: usize) -> bool {
        let space = cap.saturating_sub(self.body.len());
        self.body.extend_from_slice(piece.get(..piece.len().min(space)).unwrap_or_default());
        piece.len() <= space
    }
}

/// Asks on an open connection, which is used up. What came is in `came` also where the exchange fails or is dropped.
///
/// # Errors
/// What the library above the connection says; the connection's own end says more, where there is one.
pub async fn ask<S>(
    stream: S,
    version: Version,
    asking: &Asking,
    came: &mut Came,
) -> Result<(), HttpFailure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let request = asking.request(version).map_err(HttpFailure::Unsaid)?;
    match version {
        Version::Http1 => {
            let mut builder = hyper::client::conn::http1::Builder::new();
            builder.max_buf_size(MAX_HEAD_BYTES).max_headers(MAX_FIELDS).title_case_headers(true);
            let (mut sender, connection) = builder.handshake(HyperIo(stream)).await?;
            let exchange = async {
                let response = sender.send_request(request).await?;
                receive(response, asking.body_cap, came).await
            };
            beside(connection, exchange).await
        }
        Version::Http2 => {
            let (mut sender, connection) = http2().handshake(HyperIo(stream)).await?;
            let exchange = async {
                let response = sender.send_request(request).await?;
                receive(response, asking.body_cap, came).await
            };
            beside(connection, exchange).await
        }
    }
}

/// An HTTP/2 connection that takes several requests.
pub(crate) type Kept = hyper::client::conn::http2::SendRequest<Full<Bytes>>;

/// Opens an HTTP/2 connection to be kept. Whoever calls has to drive the second part.
pub(crate) async fn keep<S>(
    stream: S,
) -> Result<(Kept, impl Future<Output = Result<(), hyper::Error>> + Send), HttpFailure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    Ok(http2().handshake(HyperIo(stream)).await?)
}

/// Asks on a kept connection.
pub(crate) async fn ask_kept(
    kept: &mut Kept,
    asking: &Asking,
    came: &mut Came,
) -> Result<(), HttpFailure> {
    let request = asking.request(Version::Http2).map_err(HttpFailure::Unsaid)?;
    let response = kept.send_request(request).await?;
    receive(response, asking.body_cap, came).await
}

fn http2() -> hyper::client::conn::http2::Builder<Spawn> {
    let mut builder = hyper::client::conn::http2::Builder::new(Spawn);
    builder
        .max_header_list_size(MAX_HEAD_BYTES as u32)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW);
    builder
}

async fn receive(
    response: hyper::Response<Incoming>,
    cap: usize,
    came: &mut Came,
) -> Result<(), HttpFailure> {
    let (head, mut body) = response.into_parts();
    came.head(head.status.as_u16(), &head.headers);
    while let Some(frame) = body.frame().await {
        let frame = frame?;
        if let Some(piece) = frame.data_ref()
            && !came.body_piece(piece, cap)
        {
            return Ok(());
        }
        // A body that ends right at the cap is whole.
        if came.body.len() == cap && body.is_end_stream() {
            break;
        }
    }
    came.truncated = false;
    Ok(())
}

/// Why an exchange failed.
#[derive(Debug, thiserror::Error)]
pub enum HttpFailure {
    /// The connection or what came over it.
    #[error("{0}")]
    Hyper(#[from] hyper::Error),
    /// The request cannot be put into words.
    #[error("{0}")]
    Unsaid(String),
}

impl HttpFailure {
    /// OONI's word, as far as the library knows.
    pub fn word(&self) -> String {
        match self {
            Self::Unsaid(word) => word.clone(),
            Self::Hyper(error) => match failure::source::<std::io::Error>(error) {
                Some(io) => failure::of_io(io),
                None if error.is_incomplete_message() || error.is_closed() => {
                    failure::EOF.to_owned()
                }
                None => failure::unknown(&innermost(error)),
            },
        }
    }

    /// True where what came is no HTTP, whatever became of the connection then.
    pub fn is_malformed(&self) -> bool {
        matches!(self, Self::Hyper(error) if error.is_parse() || error.is_parse_too_large())
    }
}

fn innermost(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}

/// Drives a connection while something is done on it; the end of the first does not end the second.
pub(crate) async fn beside<R>(connection: impl Future, exchange: impl Future<Output = R>) -> R {
    let (mut connection, mut exchange) = (pin!(connection), pin!(exchange));
    let mut driving = true;
    poll_fn(|context| {
        if let Poll::Ready(result) = exchange.as_mut().poll(context) {
            return Poll::Ready(result);
        }
        if driving && connection.as_mut().poll(context).is_ready() {
            driving = false;
        }
        // What the connection has just read may be what the exchange waits for.
        exchange.as_mut().poll(context)
    })
    .await
}

/// `content-type` as `Content-Type`: how Go, and with it OONI's prober, writes names.
pub fn canonical(name: &str) -> String {
    let mut upper = true;
    let letter = |it: char| {
        let letter = if upper { it.to_ascii_uppercase() } else { it.to_ascii_lowercase() };
        upper = it == '-';
        letter
    };
    name.chars().map(letter).collect()
}

/// Runs what HTTP/2 wants run beside.
#[derive(Clone)]
pub(crate) struct Spawn;

impl<F> hyper::rt::Executor<F> for Spawn
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, future: F) {
        tokio::spawn(future);
    }
}

/// Bytes of a response's head that are read, and of what HTTP/1.1 may have waiting.
const MAX_HEAD_BYTES: usize = 128 * 1024;
/// Header fields of one response.
const MAX_FIELDS: usize = 256;
/// What an HTTP/2 server may send ahead.
const WINDOW: u32 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_go_writes_them() {
        assert_eq!(canonical("content-type"), "Content-Type");
        assert_eq!(canonical("X-frame-OPTIONS"), "X-Frame-Options");
    }

    #[test]
    fn a_body_stops_at_the_cap() {
        let mut came = Came::default();
        assert!(came.body_piece(b"abc", 5));
        assert!(!came.body_piece(b"def", 5));
        assert_eq!(came.body, b"abcde");
    }
}
