//! DNS over TLS and over HTTPS, asked by a small client of its own.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Method, Request};
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wirewitness_lab::HostId;
use wirewitness_lab::host::socket::TcpStream;
use wirewitness_lab::server::authority::{Authority, CertificateKind};
use wirewitness_lab::server::dns::{Entry, Zone};
use wirewitness_lab::server::doh::serve_doh;
use wirewitness_lab::server::dot::serve_dot;
use wirewitness_lab::server::web::{Certificates, time_provider};
use wirewitness_net::hyper_io::HyperIo;
use wirewitness_wire::app::dns::{Message, Service, kind, parameter, rcode};

use crate::world::{Client, PATIENCE, RESOLVER, SITE, World, at, ips};

const RESOLVER_NAME: &str = "dns.example";

fn serve(client: &Client, resolver: HostId) {
    let mut zone = Zone::default();
    zone.set("a.example", Entry::Addresses(ips(&[SITE])));
    let service = Service { priority: 1, ..Service::default() };
    zone.set_service("a.example", service.with(parameter::ECH, b"configs".to_vec()));
    zone.set("quiet.example", Entry::Silence);
    let names = [RESOLVER_NAME.to_owned()];
    let key = Authority::new().unwrap().certify(&names, CertificateKind::Good).unwrap();
    let certificates = || {
        let mut certificates = Certificates::default();
        certificates.add(&names, &key);
        certificates
    };
    let net = client.lab.net(resolver);
    serve_dot(&net, zone.clone(), certificates()).unwrap();
    serve_doh(&net, 443, zone, certificates()).unwrap();
}

async fn tls(client: &Client, port: u16, alpn: &str) -> TlsStream<TcpStream> {
    let stream = client.connect(at(RESOLVER, port)).await.unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_details(provider, time_provider(&client.net))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(Authority::new().unwrap().roots().unwrap())
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.into()];
    let name = ServerName::try_from(RESOLVER_NAME).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

async fn ask(stream: &mut TlsStream<TcpStream>, question: &Message) -> Option<Message> {
    let bytes = question.to_bytes().unwrap();
    stream.write_u16(bytes.len() as u16).await.ok()?;
    stream.write_all(&bytes).await.ok()?;
    let mut answer = vec![0; stream.read_u16().await.ok()?.into()];
    stream.read_exact(&mut answer).await.ok()?;
    Message::parse(&answer)
}

fn run<F: Future<Output = ()>>(program: impl FnOnce(Client) -> F) {
    let world = World::new(1);
    let resolver = world.resolver;
    world.run(|client| {
        serve(&client, resolver);
        program(client)
    });
}

#[test]
fn dns_over_tls() {
    run(|client| async move {
        let mut stream = tls(&client, 853, "dot").await;
        let answer = ask(&mut stream, &Message::question(1, "a.example", kind::A)).await.unwrap();
        assert_eq!((answer.id, answer.addresses().collect::<Vec<_>>()), (1, ips(&[SITE])));
        // The same connection again.
        let https = Message::question(2, "a.example", kind::HTTPS);
        let services: Vec<_> = ask(&mut stream, &https).await.unwrap().services().collect();
        assert_eq!(services[0].ech(), Some(&b"configs"[..]));
        let none = ask(&mut stream, &Message::question(3, "no.example", kind::A)).await.unwrap();
        assert_eq!(none.rcode, rcode::NXDOMAIN);
    });
}

type Sender = hyper::client::conn::http1::SendRequest<Full<Bytes>>;
type Sender2 = hyper::client::conn::http2::SendRequest<Full<Bytes>>;

enum Http {
    One(Sender),
    Two(Sender2),
}

#[derive(Clone)]
struct Spawn;

impl<F: Future<Output: Send> + Send + 'static> hyper::rt::Executor<F> for Spawn {
    fn execute(&self, future: F) {
        tokio::spawn(future);
    }
}

async fn http(client: &Client, alpn: &str) -> Http {
    let io = HyperIo(tls(client, 443, alpn).await);
    if alpn == "h2" {
        let (sender, connection) = hyper::client::conn::http2::handshake(Spawn, io).await.unwrap();
        tokio::spawn(connection);
        Http::Two(sender)
    } else {
        let (sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        Http::One(sender)
    }
}

impl Http {
    async fn send(&mut self, mut request: Request<Full<Bytes>>) -> (u16, Option<String>, Vec<u8>) {
        let response = match self {
            Self::One(sender) => {
                request.headers_mut().insert("host", RESOLVER_NAME.parse().unwrap());
                sender.send_request(request).await.unwrap()
            }
            Self::Two(sender) => sender.send_request(request).await.unwrap(),
        };
        let kind = response.headers().get("content-type");
        let kind = kind.map(|it| it.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        (status, kind, response.into_body().collect().await.unwrap().to_bytes().to_vec())
    }
}

fn get(target: &str) -> Request<Full<Bytes>> {
    let uri = format!("https://{RESOLVER_NAME}{target}");
    Request::get(uri).body(Full::default()).unwrap()
}

fn with_body(method: Method, media_type: &str, body: Vec<u8>) -> Request<Full<Bytes>> {
    let uri = format!("https://{RESOLVER_NAME}/dns-query");
    let request = Request::builder().method(method).uri(uri).header("content-type", media_type);
    request.body(Full::from(body)).unwrap()
}

#[test]
fn dns_over_https() {
    run(|client| async move {
        let question = Message::question(0, "a.example", kind::A).to_bytes().unwrap();
        let text = URL_SAFE_NO_PAD.encode(&question);
        for alpn in ["http/1.1", "h2"] {
            let mut http = http(&client, alpn).await;
            for request in [
                get(&format!("/dns-query?dns={text}")),
                get(&format!("/dns-query?ct=x&dns={text}")),
                with_body(Method::POST, "application/dns-message", question.clone()),
            ] {
                let (status, kind, body) = http.send(request).await;
                assert_eq!((status, kind.as_deref()), (200, Some("application/dns-message")));
                let answer = Message::parse(&body).unwrap();
                assert_eq!(answer.addresses().collect::<Vec<_>>(), ips(&[SITE]));
            }
        }
    });
}

#[test]
fn what_is_no_question_is_refused_by_its_kind() {
    run(|client| async move {
        let question = Message::question(0, "a.example", kind::A).to_bytes().unwrap();
        for (request, expected) in [
            (get("/other"), 404),
            (get("/dns-query"), 400),
            (get("/dns-query?dns=***"), 400),
            (get("/dns-query?dns=AAAA"), 400),
            (with_body(Method::POST, "text/plain", question.clone()), 415),
            (with_body(Method::PUT, "application/dns-message", question), 405),
            (with_body(Method::POST, "application/dns-message", vec![0; 70_000]), 413),
        ] {
            let (status, ..) = http(&client, "h2").await.send(request).await;
            assert_eq!(status, expected);
        }
    });
}

#[test]
fn silence_is_silent_over_both() {
    run(|client| async move {
        let question = Message::question(0, "quiet.example", kind::A);
        let text = URL_SAFE_NO_PAD.encode(question.to_bytes().unwrap());
        let mut http = http(&client, "h2").await;
        let answer = http.send(get(&format!("/dns-query?dns={text}")));
        assert!(timeout(PATIENCE, answer).await.is_err());
        let mut stream = tls(&client, 853, "dot").await;
        assert!(timeout(PATIENCE, ask(&mut stream, &question)).await.is_err());
    });
}
