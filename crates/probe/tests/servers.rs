//! Real servers on loopback: HTTP/1.1, HTTP/2 and HTTP/3 by hyper and h3, TLS by rustls, certificates by rcgen.
#![allow(clippy::disallowed_types, reason = "the far end is a plain socket")]

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper::{Request, Response};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use wirewitness_net::hyper_io::HyperIo;
use wirewitness_net::quic::{AnySource, server_endpoint};
use wirewitness_net::{Accept, Datagrams, Listen, Net};
use wirewitness_probe::kernel::{KernelListener, KernelNet};

use crate::town::LOOPBACK;

/// A certificate authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let root = params.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), root }
    }

    pub(crate) fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        Arc::new(roots)
    }

    #[allow(dead_code, reason = "the benchmark's two processes share it")]
    pub(crate) fn root(&self) -> &[u8] {
        &self.root
    }

    /// A server's TLS with a good certificate.
    pub(crate) fn tls(&self, names: &[&str], alpn: &[&str]) -> Arc<ServerConfig> {
        self.tls_of(&params(names), alpn)
    }

    pub(crate) fn tls_of(&self, params: &CertificateParams, alpn: &[&str]) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        tls(vec![certificate.der().clone()], &key, alpn)
    }
}

pub(crate) fn params(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>()).unwrap()
}

pub(crate) fn tls(
    chain: Vec<CertificateDer<'static>>,
    key: &KeyPair,
    alpn: &[&str],
) -> Arc<ServerConfig> {
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let private = provider.key_provider.load_private_key(private).unwrap();
    // Not `with_single_cert`, which looks into the certificate: some are not to be looked into.
    let certified = CertifiedKey::new(chain, private);
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = alpn.iter().map(|it| it.as_bytes().to_vec()).collect();
    Arc::new(config)
}

/// A request, as far as a page cares.
pub(crate) struct Asked {
    pub(crate) body: Bytes,
}

/// What a site answers.
pub(crate) type Page = Arc<dyn Fn(&Asked) -> Response<Full<Bytes>> + Send + Sync>;

/// A page that is always the same.
pub(crate) fn page(title: &str, fields: &[(&'static str, String)]) -> Page {
    let words = "Nothing of note, said at some length. ".repeat(20);
    let body = format!("<html><head><title>{title}</title></head><body>{words}</body></html>");
    let fields = fields.to_vec();
    Arc::new(move |_| {
        let mut response = Response::builder().header("content-type", "text/html");
        for (name, value) in &fields {
            response = response.header(*name, value);
        }
        response.body(Full::new(Bytes::from(body.clone()))).unwrap()
    })
}

pub(crate) fn redirect(to: &str) -> Page {
    let to = to.to_owned();
    Arc::new(move |_| {
        let response = Response::builder().status(301).header("location", &to);
        response.body(Full::new(Bytes::new())).unwrap()
    })
}

pub(crate) async fn listen() -> (SocketAddr, KernelListener) {
    let listener = KernelNet::new().listen(LOOPBACK).await.unwrap();
    (listener.local_addr(), listener)
}

/// A web server; with `tls`, over TLS, and HTTP/2 where ALPN agrees on it.
pub(crate) async fn web(tls: Option<Arc<ServerConfig>>, page: Page) -> SocketAddr {
    let (address, listener) = listen().await;
    tokio::spawn(serve(listener, tls, page));
    address
}

pub(crate) async fn serve(listener: KernelListener, tls: Option<Arc<ServerConfig>>, page: Page) {
    loop {
        let Ok(stream) = listener.accept().await else { continue };
        let (tls, page) = (tls.clone(), Arc::clone(&page));
        tokio::spawn(async move {
            let Some(tls) = tls else { return converse(stream, Protocol::Http1, page).await };
            let Ok(stream) = TlsAcceptor::from(tls).accept(stream).await else { return };
            let protocol = match stream.get_ref().1.alpn_protocol() {
                Some(b"h2") => Protocol::Http2,
                _ => Protocol::Http1,
            };
            converse(stream, protocol, page).await;
        });
    }
}

/// What is spoken on a connection.
#[derive(Clone, Copy)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

pub(crate) async fn converse<S>(stream: S, protocol: Protocol, page: Page)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let page = Arc::clone(&page);
        async move {
            let body = request.into_body().collect().await?.to_bytes();
            Ok::<_, hyper::Error>(page(&Asked { body }))
        }
    });
    let io = HyperIo(stream);
    // How a client ends the connection is the client's to tell.
    let _ = match protocol {
        Protocol::Http1 => {
            hyper::server::conn::http1::Builder::new().serve_connection(io, service).await
        }
        Protocol::Http2 => {
            let mut builder = hyper::server::conn::http2::Builder::new(Spawn);
            builder.max_concurrent_streams(4_096).serve_connection(io, service).await
        }
    };
}

/// Runs what HTTP/2 wants run beside.
#[derive(Clone)]
pub(crate) struct Spawn;

impl<F: Future<Output: Send> + Send + 'static> hyper::rt::Executor<F> for Spawn {
    fn execute(&self, future: F) {
        tokio::spawn(future);
    }
}

/// An HTTP/3 server at a loopback port of UDP.
pub(crate) async fn h3(tls: Arc<ServerConfig>, page: Page) -> SocketAddr {
    let socket = KernelNet::new().bind_udp(LOOPBACK).await.unwrap();
    let address = SocketAddr::new(LOOPBACK.ip(), socket.local_addr().port());
    let endpoint = server_endpoint(AnySource(socket), tls, [7; 32]).unwrap();
    tokio::spawn(async move {
        while let Some(incoming) = endpoint.accept().await {
            let page = Arc::clone(&page);
            tokio::spawn(async move {
                let connection = incoming.await.ok()?;
                let quic = h3_quinn::Connection::new(connection);
                let mut connection = h3::server::builder().build::<_, Bytes>(quic).await.ok()?;
                while let Ok(Some(resolver)) = connection.accept().await {
                    let (_, mut stream) = resolver.resolve_request().await.ok()?;
                    let (head, body) = page(&Asked { body: Bytes::new() }).into_parts();
                    stream.send_response(Response::from_parts(head, ())).await.ok()?;
                    stream.send_data(body.collect().await.ok()?.to_bytes()).await.ok()?;
                    stream.finish().await.ok()?;
                }
                Some(())
            });
        }
    });
    address
}

/// A TCP server that does what `handler` does with each connection.
pub(crate) async fn raw<H, F>(handler: H) -> SocketAddr
where
    H: Fn(TcpStream) -> F + Send + Sync + 'static,
    F: Future<Output: Send> + Send + 'static,
{
    let listener = tokio::net::TcpListener::bind(LOOPBACK).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            tokio::spawn(handler(stream));
        }
    });
    address
}
