//! DNS over HTTPS (RFC 8484) from a zone: GET and POST on `/dns-query`, over HTTP/2 and HTTP/1.1.

use std::convert::Infallible;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite};
use wirewitness_net::Clock;
use wirewitness_net::hyper_io::HyperIo;
use wirewitness_wire::app::dns::Message;

use super::dns::Zone;
use super::dot::acceptor;
use super::web::{Certificates, ServeError, Spawn};
use crate::host::socket::HostNet;

/// Starts a resolver on a TCP port, mostly 443. It runs as long as the lab does.
///
/// # Errors
/// The port is taken, or the cryptography library refuses.
pub fn serve_doh(
    net: &HostNet,
    port: u16,
    zone: Zone,
    certificates: Certificates,
) -> Result<(), ServeError> {
    let acceptor = acceptor(net, certificates, &[b"h2", b"http/1.1"])?;
    let listener = net.listen(port)?;
    let resolver = Resolver { net: net.clone(), zone: Arc::new(zone) };
    tokio::spawn(async move {
        while let Ok(stream) = listener.accept().await {
            let (resolver, acceptor) = (resolver.clone(), acceptor.clone());
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                let version = if is_http2 { HttpVersion::Two } else { HttpVersion::One };
                resolver.converse(stream, version).await;
            });
        }
    });
    Ok(())
}

#[derive(Clone, Copy)]
enum HttpVersion {
    One,
    Two,
}

#[derive(Clone)]
struct Resolver {
    net: HostNet,
    zone: Arc<Zone>,
}

impl Resolver {
    /// How a connection ended is the client's to tell.
    async fn converse(self, stream: impl AsyncRead + AsyncWrite + Unpin, version: HttpVersion) {
        let service = service_fn(|request| {
            let resolver = self.clone();
            async move { Ok::<_, Infallible>(resolver.respond(request).await) }
        });
        let io = HyperIo(stream);
        // hyper would ask the real clock for a date.
        match version {
            HttpVersion::One => {
                let mut builder = hyper::server::conn::http1::Builder::new();
                let _ = builder.auto_date_header(false).serve_connection(io, service).await;
            }
            HttpVersion::Two => {
                let mut builder = hyper::server::conn::http2::Builder::new(Spawn);
                let _ = builder.auto_date_header(false).serve_connection(io, service).await;
            }
        }
    }

    async fn respond(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        match self.answer(request).await {
            Ok(answer) => {
                let response = Response::builder().header(CONTENT_TYPE, MEDIA_TYPE);
                response.body(Full::from(answer)).unwrap_or_default()
            }
            Err(status) => {
                let mut response = Response::default();
                *response.status_mut() = status;
                response
            }
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Vec<u8>, StatusCode> {
        let question = question(request).await?;
        let question = Message::parse(&question).ok_or(StatusCode::BAD_REQUEST)?;
        self.net.sleep(self.zone.delay).await;
        match self.zone.answer(&question) {
            Some(answer) => answer.to_bytes().ok_or(StatusCode::INTERNAL_SERVER_ERROR),
            // Silence.
            None => std::future::pending().await,
        }
    }
}

/// The DNS message in a request (RFC 8484 §4.1).
async fn question(request: Request<Incoming>) -> Result<Vec<u8>, StatusCode> {
    if request.uri().path() != "/dns-query" {
        return Err(StatusCode::NOT_FOUND);
    }
    if request.method() == Method::GET {
        let query = request.uri().query().unwrap_or_default();
        let text = query.split('&').find_map(|field| field.strip_prefix("dns="));
        let bytes = text.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        return bytes.ok_or(StatusCode::BAD_REQUEST);
    }
    if request.method() != Method::POST {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    if request.headers().get(CONTENT_TYPE).is_none_or(|it| it != MEDIA_TYPE) {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let body = Limited::new(request.into_body(), MAX_QUESTION).collect().await;
    Ok(body.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?.to_bytes().to_vec())
}

const MEDIA_TYPE: &str = "application/dns-message";
/// DNS's own limit.
const MAX_QUESTION: usize = 65_535;
