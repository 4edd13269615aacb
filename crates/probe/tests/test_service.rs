//! Services over real sockets and real TLS, on loopback.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use tokio_rustls::TlsAcceptor;
use url::Url;
use wirewitness_net::hyper_io::HyperIo;
use wirewitness_net::{Accept, Listen};
use wirewitness_probe::Trust;
use wirewitness_probe::clock::within;
use wirewitness_probe::http::Asking;
use wirewitness_probe::kernel::KernelNet;
use wirewitness_probe::service::Services;

use crate::helper_world::{LOOPBACK, authority};

/// Runs what HTTP/2 wants run beside.
#[derive(Clone)]
struct Beside;

impl<F> hyper::rt::Executor<F> for Beside
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, future: F) {
        tokio::spawn(future);
    }
}

/// Speaks HTTP/2. Of each connection it answers the first `answers` requests, and then never again.
async fn forgetful(tls: TlsAcceptor, answers: usize, connections: Arc<AtomicUsize>) -> SocketAddr {
    let mut config = tls.config().as_ref().clone();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let tls = TlsAcceptor::from(Arc::new(config));
    let listener = KernelNet::new().listen(LOOPBACK).await.unwrap();
    let local = listener.local_addr();
    tokio::spawn(async move {
        loop {
            let stream = listener.accept().await.unwrap();
            connections.fetch_add(1, Ordering::SeqCst);
            let stream = tls.accept(stream).await.unwrap();
            let asked = Arc::new(AtomicUsize::new(0));
            let service = service_fn(move |_| {
                let number = asked.fetch_add(1, Ordering::SeqCst);
                async move {
                    if number >= answers {
                        std::future::pending::<()>().await;
                    }
                    Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"here"))))
                }
            });
            let io = HyperIo(stream);
            tokio::spawn(http2::Builder::new(Beside).serve_connection(io, service));
        }
    });
    local
}

#[tokio::test]
async fn a_kept_connection_that_fell_silent_is_not_asked_for_ever() {
    let (roots, tls) = authority(&["service.example"]);
    let connections = Arc::new(AtomicUsize::new(0));
    let address = forgetful(tls, 2, Arc::clone(&connections)).await;
    let net = KernelNet::new();
    let known = BTreeMap::from([("service.example".to_owned(), vec![address.ip()])]);
    let services = Services::new(net.clone(), Trust::new(roots, &net).unwrap(), known);
    let url = Url::parse(&format!("https://service.example:{}/", address.port())).unwrap();
    let asking = Asking::get(url, Vec::new(), 100);
    let mut answered = Vec::new();
    for _ in 0..4 {
        let came = within(&net, Duration::from_secs(2), services.ask(&asking)).await;
        answered.push(came.map(|came| came.unwrap().body));
    }
    let here = || Some(b"here".to_vec());
    assert_eq!(answered, [here(), here(), None, here()]);
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}
