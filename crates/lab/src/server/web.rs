//! Web servers: HTTP/1.1 in the clear, HTTP/1.1 and HTTP/2 over TLS.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::service::service_fn;
use hyper::{Request, Response};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::UnixTime;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use wirewitness_net::{Clock, Failure, Stream};

use crate::host::socket::{HostNet, Listener};
use wirewitness_net::hyper_io::HyperIo;

/// What a web server is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Host without port, lower case.
    pub host: String,
    /// Path and query.
    pub path: String,
    /// Who asks.
    pub client: IpAddr,
    /// Whether over TLS.
    pub scheme: Scheme,
}

/// How a web server is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

/// What a web server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Status.
    pub status: u16,
    /// Header fields. One that HTTP cannot carry is left out.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// How long the server thinks. Default 0.
    pub delay: Duration,
}

impl Reply {
    /// A page.
    pub fn page(html: impl Into<Bytes>) -> Self {
        let headers = vec![("content-type".to_owned(), "text/html".to_owned())];
        Self { status: 200, headers, body: html.into(), delay: Duration::ZERO }
    }

    /// A redirect (302).
    pub fn redirect(location: &str) -> Self {
        let headers = vec![("location".to_owned(), location.to_owned())];
        Self { status: 302, headers, body: Bytes::new(), delay: Duration::ZERO }
    }

    pub(crate) fn into_response(self) -> Response<Full<Bytes>> {
        let mut builder = Response::builder().status(self.status);
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) = (
                hyper::header::HeaderName::try_from(name),
                hyper::header::HeaderValue::try_from(value),
            ) {
                builder = builder.header(name, value);
            }
        }
        let body = Full::new(self.body);
        // Only a status outside 100..=999 is left to go wrong, and an empty 200 says that as well as anything.
        builder.body(body).unwrap_or_default()
    }
}

/// What a web server says to whom.
pub type Handler = Arc<dyn Fn(&Asked) -> Reply + Send + Sync>;

/// Starts HTTP/1.1 in the clear. It runs as long as the lab does.
///
/// # Errors
/// The port is taken.
pub fn serve_http(net: &HostNet, port: u16, handler: Handler) -> Result<(), Failure> {
    let listener = net.listen(port)?;
    let net = net.clone();
    tokio::spawn(async move {
        while let Ok(stream) = listener.accept().await {
            let client = stream.remote_addr().ip();
            let visit = Visit { handler: handler.clone(), client, scheme: Scheme::Http };
            tokio::spawn(visit.http1(net.clone(), stream));
        }
    });
    Ok(())
}

/// Starts HTTPS, HTTP/1.1 and HTTP/2 as the client prefers. It runs as long as the lab does.
///
/// # Errors
/// The port is taken, or the cryptography library refuses.
pub fn serve_https(
    net: &HostNet,
    port: u16,
    certificates: Certificates,
    handler: Handler,
) -> Result<(), ServeError> {
    let acceptor = TlsAcceptor::from(server_config(net, certificates)?);
    let listener = net.listen(port)?;
    tokio::spawn(accept_tls(net.clone(), listener, acceptor, handler));
    Ok(())
}

/// TLS as the lab's servers speak it: both versions, HTTP/2 before HTTP/1.1, the lab's time of day.
///
/// # Errors
/// The cryptography library refuses.
pub fn server_config(
    net: &HostNet,
    certificates: impl ResolvesServerCert + 'static,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_details(provider, time_provider(net))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(certificates));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The port is taken.
    #[error("cannot listen: {0}")]
    Listen(#[from] Failure),
    /// The cryptography library refuses.
    #[error("cannot set TLS up: {0}")]
    Tls(#[from] rustls::Error),
}

/// The lab's time of day, for whoever checks or makes certificates and tickets in it.
pub fn time_provider(net: &HostNet) -> Arc<dyn TimeProvider> {
    Arc::new(LabTime(net.clone()))
}

/// Certificates of a server by the name that is asked for.
#[derive(Debug, Default)]
pub struct Certificates {
    by_name: BTreeMap<String, Arc<CertifiedKey>>,
    default: Option<Arc<CertifiedKey>>,
}

impl Certificates {
    /// Adds a certificate; the first one also answers whoever asks for another name or none.
    pub fn add(&mut self, names: &[String], certificate: &Arc<CertifiedKey>) {
        self.default.get_or_insert_with(|| Arc::clone(certificate));
        for name in names {
            self.by_name.insert(name.to_ascii_lowercase(), Arc::clone(certificate));
        }
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().and_then(|name| self.by_name.get(name));
        named.or(self.default.as_ref()).cloned()
    }
}

struct LabTime(HostNet);

impl fmt::Debug for LabTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LabTime")
    }
}

impl TimeProvider for LabTime {
    fn current_time(&self) -> Option<UnixTime> {
        let wall = self.0.now().wall;
        wall.duration_since(std::time::SystemTime::UNIX_EPOCH).ok().map(UnixTime::since_unix_epoch)
    }
}

async fn accept_tls(net: HostNet, listener: Listener, acceptor: TlsAcceptor, handler: Handler) {
    while let Ok(stream) = listener.accept().await {
        let client = stream.remote_addr().ip();
        let visit = Visit { handler: handler.clone(), client, scheme: Scheme::Https };
        let (net, acceptor) = (net.clone(), acceptor.clone());
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                visit.http2(net, stream).await;
            } else {
                visit.http1(net, stream).await;
            }
        });
    }
}

/// One connection to a server.
#[derive(Clone)]
struct Visit {
    handler: Handler,
    client: IpAddr,
    scheme: Scheme,
}

/// How a connection ended is the client's to tell: a server of the lab has nobody to report to.
impl Visit {
    async fn http1(self, net: HostNet, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let service = service_fn(|request| self.answer(&net, &request));
        let mut builder = hyper::server::conn::http1::Builder::new();
        // hyper would ask the real clock.
        builder.auto_date_header(false);
        let _ = builder.serve_connection(HyperIo(stream), service).await;
    }

    async fn http2(self, net: HostNet, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let service = service_fn(|request| self.answer(&net, &request));
        let mut builder = hyper::server::conn::http2::Builder::new(Spawn);
        builder.auto_date_header(false);
        let _ = builder.serve_connection(HyperIo(stream), service).await;
    }

    fn answer(
        &self,
        net: &HostNet,
        request: &Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Full<Bytes>>, Infallible>> + Send + use<> {
        let asked = Asked {
            host: host(request),
            path: request.uri().path_and_query().map_or("/", |it| it.as_str()).to_owned(),
            client: self.client,
            scheme: self.scheme,
        };
        let (reply, net) = ((self.handler)(&asked), net.clone());
        async move {
            if !reply.delay.is_zero() {
                net.sleep(reply.delay).await;
            }
            Ok(reply.into_response())
        }
    }
}

pub(crate) fn host<B>(request: &Request<B>) -> String {
    let field = request.headers().get(HOST).and_then(|value| value.to_str().ok());
    let name = request.uri().host().or(field).unwrap_or_default();
    let name = match name.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => name,
    };
    name.to_ascii_lowercase()
}

/// Runs what HTTP/2 wants run beside.
#[derive(Clone)]
pub(super) struct Spawn;

impl<F> hyper::rt::Executor<F> for Spawn
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, future: F) {
        tokio::spawn(future);
    }
}
