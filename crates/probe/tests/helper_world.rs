//! A world for a helper: real sockets on loopback, real TLS, and a resolver that says what a test wants.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use wirewitness_net::{Accept, Clock, Failure, Listen, Lookup, LookupFailure, Moment, Net};
use wirewitness_probe::helper::{Access, AddressRule, Helper, Limits, Standing, serve};
use wirewitness_probe::kernel::{KernelDatagrams, KernelListener, KernelNet, KernelStream};
use wirewitness_probe::tls::Trust;

/// The kernel's network with names of our own, and with public addresses that lead to loopback.
#[derive(Clone)]
pub(crate) struct World {
    kernel: KernelNet,
    names: Arc<BTreeMap<String, Result<Vec<IpAddr>, LookupFailure>>>,
    /// Public addresses that are played by one port of loopback; every other port of theirs refuses.
    stand_ins: Arc<BTreeMap<IpAddr, u16>>,
    flips: Arc<AtomicUsize>,
    /// Every address that was connected to, as it was asked for.
    pub(crate) connected: Arc<Mutex<Vec<SocketAddr>>>,
}

impl World {
    pub(crate) fn new(names: &[(&str, &[&str])], stand_ins: &[(&str, u16)]) -> Self {
        let address = |it: &&str| it.parse::<IpAddr>().unwrap();
        let answer = |addresses: &[&str]| match addresses {
            [] => Err(LookupFailure::NoAnswer),
            some => Ok(some.iter().map(address).collect()),
        };
        let names = names.iter().map(|(name, it)| ((*name).to_owned(), answer(it)));
        let stand_ins = stand_ins.iter().map(|(it, port)| (address(it), *port));
        Self {
            kernel: KernelNet::new(),
            names: Arc::new(names.collect()),
            stand_ins: Arc::new(stand_ins.collect()),
            flips: Arc::default(),
            connected: Arc::default(),
        }
    }
}

impl Clock for World {
    fn now(&self) -> Moment {
        self.kernel.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.kernel.sleep(duration).await;
    }
}

impl Net for World {
    type Stream = KernelStream;
    type Datagrams = KernelDatagrams;

    async fn connect(&self, remote: SocketAddr) -> Result<KernelStream, Failure> {
        self.connected.lock().unwrap().push(remote);
        let really = match self.stand_ins.get(&remote.ip()) {
            Some(port) if *port != remote.port() => return Err(Failure::Refused),
            Some(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            None => remote.ip(),
        };
        // Nothing of a test may leave this machine.
        assert!(really.to_canonical().is_loopback(), "a test connects to {really}");
        self.kernel.connect(SocketAddr::new(really, remote.port())).await
    }

    async fn bind_udp(&self, towards: SocketAddr) -> Result<KernelDatagrams, Failure> {
        self.kernel.bind_udp(towards).await
    }

    async fn lookup(&self, name: &str) -> Result<Lookup, LookupFailure> {
        if name == "localhost" {
            return self.kernel.lookup(name).await;
        }
        // A name that is public for one question and private for the next.
        let flipped = name == "flip.example" && self.flips.fetch_add(1, Ordering::SeqCst) % 2 == 1;
        let name = if flipped { "rebind.example" } else { name };
        let addresses = self.names.get(name).cloned().unwrap_or(Err(LookupFailure::NxDomain))?;
        Ok(Lookup { addresses, canonical_name: None })
    }
}

impl Listen for World {
    type Listener = KernelListener;

    async fn listen(&self, local: SocketAddr) -> Result<KernelListener, Failure> {
        self.kernel.listen(local).await
    }
}

/// The rule lifted: there is no other way to do this than to write it.
pub(crate) struct Everything;

impl AddressRule for Everything {
    fn allows(&self, _address: IpAddr) -> bool {
        true
    }
}

/// What a site answers to the head of a request.
pub(crate) type Page = fn(&str) -> String;

/// A site on a free port of loopback, and how many connections it has taken.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) accepted: Arc<AtomicUsize>,
}

impl Site {
    pub(crate) async fn start(page: Page, tls: Option<TlsAcceptor>) -> Self {
        let listener = KernelNet::new().listen(LOOPBACK).await.unwrap();
        let address = listener.local_addr();
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        tokio::spawn(async move {
            while let Ok(stream) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let tls = tls.clone();
                tokio::spawn(async move {
                    match tls {
                        None => answer(stream, page).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => answer(stream, page).await,
                            Err(_) => None,
                        },
                    }
                });
            }
        });
        Self { address, accepted }
    }

    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, page: Page) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let answer = page(&String::from_utf8_lossy(&head));
    stream.write_all(answer.as_bytes()).await.ok()?;
    stream.shutdown().await.ok()
}

pub(crate) fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nX-Site: ours\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

pub(crate) fn redirect(location: &str, more: &str) -> String {
    format!(
        "HTTP/1.1 302 Found\r\nLocation: {location}\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n"
    )
}

/// A certificate authority, and a server's TLS for `names` by it.
pub(crate) fn authority(names: &[&str]) -> (Arc<RootCertStore>, TlsAcceptor) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // Two authorities of one name are told apart only by a signature that fails.
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::SeqCst).to_string();
    params.distinguished_name.push(DnType::CommonName, number);
    let root: CertificateDer<'static> = params.self_signed(&key).unwrap().der().clone();
    let issuer = Issuer::new(params, key);
    let mut roots = RootCertStore::empty();
    roots.add(root).unwrap();

    let key = KeyPair::generate().unwrap();
    let names: Vec<_> = names.iter().map(|it| (*it).to_owned()).collect();
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    (Arc::new(roots), TlsAcceptor::from(Arc::new(config)))
}

/// Starts a helper on a free port of loopback.
pub(crate) async fn start(
    world: &World,
    rule: Arc<dyn AddressRule>,
    roots: Arc<RootCertStore>,
    (access, limits): (Access, Limits),
) -> (SocketAddr, Arc<Helper<World>>) {
    let trust = Trust::new(roots, world).unwrap();
    let asns = Arc::new(|address: IpAddr| address.is_loopback().then_some(64_500));
    let standing = Standing { trust, rule, asns };
    let helper = Arc::new(Helper::new(world.clone(), standing, access, limits));
    let listener = world.listen(LOOPBACK).await.unwrap();
    let address = listener.local_addr();
    tokio::spawn(serve::<World>(listener, None, Arc::clone(&helper)));
    (address, helper)
}

/// Sends a request as it stands; gives the status and the body back.
pub(crate) async fn send(helper: SocketAddr, request: &[u8]) -> (u16, String) {
    let mut stream = KernelNet::new().connect(helper).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, body.to_owned())
}

/// A POST with this body.
pub(crate) fn post(body: &str, more: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nHost: helper\r\n{more}Content-Length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

/// Asks a helper about a URL.
pub(crate) async fn ask(helper: SocketAddr, url: &str, endpoints: &[String]) -> serde_json::Value {
    let request = serde_json::json!({ "http_request": url, "tcp_connect": endpoints });
    let (status, body) = send(helper, &post(&request.to_string(), "")).await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

pub(crate) const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
