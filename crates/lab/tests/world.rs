//! The small world that the tests share: a client, a gateway where middleboxes stand, a resolver, two sites and a
//! host that is down; and a client that fetches pages as a prober does.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wirewitness_lab::host::socket::{HostNet, TcpStream};
use wirewitness_lab::server::authority::{Authority, CertificateKind};
use wirewitness_lab::server::dns::{self, Entry, Zone};
use wirewitness_lab::server::web::{self, Certificates, Handler, Reply};
use wirewitness_lab::{
    HostId, Lab, LinkId, LinkSpec, Middlebox, Mood, Placement, RouterId, Topology,
};
use wirewitness_net::hyper_io::HyperIo;
use wirewitness_net::{Failure, Net};

pub(crate) const CLIENT: &str = "10.0.0.2";
pub(crate) const RESOLVER: &str = "192.0.2.53";
pub(crate) const SITE: &str = "192.0.2.80";
pub(crate) const SITE6: &str = "2001:db8:2::80";
pub(crate) const GONE: &str = "192.0.2.99";
pub(crate) const BLOCKED: &str = "blocked.example";
pub(crate) const FINE: &str = "fine.example";
pub(crate) const BIG: &str = "big.example";
/// Every wait of a test's client ends after this.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of the page of [`BIG`].
pub(crate) const BIG_LEN: usize = 200_000;

pub(crate) struct World {
    pub(crate) topology: Topology,
    pub(crate) client: HostId,
    pub(crate) resolver: HostId,
    pub(crate) site: HostId,
    pub(crate) gateway: RouterId,
    pub(crate) access: LinkId,
}

impl World {
    /// client - 20 ms - gateway - 30 ms - border - resolver, site, gone.
    pub(crate) fn new(seed: u64) -> Self {
        Self::with_access(seed, LinkSpec::delay(Duration::from_millis(20)))
    }

    pub(crate) fn with_access(seed: u64, access: LinkSpec) -> Self {
        let mut topology = Topology::new(seed);
        let client = topology.host("client", &ips(&[CLIENT, "2001:db8:1::2"]));
        let resolver = topology.host("resolver", &ips(&[RESOLVER]));
        let site = topology.host("site", &ips(&[SITE, SITE6]));
        let gone = topology.host("gone", &ips(&[GONE]));
        let gateway = topology.router("gateway", &ips(&["10.0.0.1", "2001:db8:1::1"]));
        let border = topology.router("border", &ips(&["192.0.2.1", "2001:db8:2::1"]));
        let access = topology.link(client, gateway, access);
        topology.link(gateway, border, LinkSpec::delay(Duration::from_millis(30)));
        for host in [resolver, site, gone] {
            topology.link(border, host, LinkSpec::delay(Duration::from_millis(1)));
        }
        topology.inside(gateway, &[access]);
        topology.resolvers(client, &ips(&[RESOLVER]));
        topology.mood(gone, Mood::Silent);
        Self { topology, client, resolver, site, gateway, access }
    }

    pub(crate) fn with(
        mut self,
        placement: Placement,
        middlebox: impl Middlebox + 'static,
    ) -> Self {
        self.topology.middlebox(self.gateway, placement, middlebox);
        self
    }

    /// The plain outage: the site takes everything in and says nothing.
    pub(crate) fn site_down(mut self) -> Self {
        self.topology.mood(self.site, Mood::Silent);
        self
    }

    /// Runs `program` as the client, with all servers up.
    pub(crate) fn run<F, R>(self, program: impl FnOnce(Client) -> F) -> R
    where
        F: Future<Output = R>,
    {
        self.run_with(CertificateKind::Good, program)
    }

    pub(crate) fn run_with<F, R>(
        self,
        kind: CertificateKind,
        program: impl FnOnce(Client) -> F,
    ) -> R
    where
        F: Future<Output = R>,
    {
        let (client, resolver, site) = (self.client, self.resolver, self.site);
        Lab::run(self.topology, |lab| {
            serve(&lab, resolver, site, kind);
            program(Client { net: lab.net(client), lab })
        })
        .unwrap()
    }
}

fn serve(lab: &Lab, resolver: HostId, site: HostId, kind: CertificateKind) {
    let mut zone = Zone::default();
    for name in [BLOCKED, FINE, BIG] {
        zone.set(name, Entry::Addresses(ips(&[SITE, SITE6])));
    }
    dns::serve(&lab.net(resolver), zone).unwrap();
    let names: Vec<String> = [BLOCKED, FINE, BIG].map(str::to_owned).into();
    let certificate = Authority::new().unwrap().certify(&names, kind).unwrap();
    let mut certificates = Certificates::default();
    certificates.add(&names, &certificate);
    let handler: Handler = Arc::new(|asked| match asked.host.as_str() {
        BIG => Reply::page(vec![b'x'; BIG_LEN]),
        host => Reply::page(format!("<title>{host}</title>")),
    });
    web::serve_http(&lab.net(site), 80, handler.clone()).unwrap();
    web::serve_https(&lab.net(site), 443, certificates, handler).unwrap();
}

pub(crate) fn ips(addresses: &[&str]) -> Vec<IpAddr> {
    addresses.iter().map(|address| address.parse().unwrap()).collect()
}

pub(crate) fn at(address: &str, port: u16) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), port)
}

/// A page, or the word for what happened.
pub(crate) type Fetched = Result<(u16, String), String>;

#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) net: HostNet,
    pub(crate) lab: Lab,
}

impl Client {
    /// Looks a name up, and fetches its page over HTTPS from the first address.
    pub(crate) async fn https(&self, name: &str) -> Fetched {
        let lookup = self.net.lookup(name).await.map_err(|failure| format!("dns: {failure}"))?;
        self.https_from(name, lookup.addresses[0], "http/1.1").await
    }

    /// Visits a URL as a browser does, over HTTP/1.1, with up to ten redirects.
    pub(crate) async fn visit(&self, url: &str) -> Fetched {
        let mut url = url.to_owned();
        for _ in 0..=10 {
            let said = self.step(&url).await?;
            let Some(location) = said.location else { return Ok(said.page()) };
            let (scheme, rest) = url.split_once("://").unwrap();
            let host = rest.split('/').next().unwrap();
            url = match location.strip_prefix('/') {
                Some(path) => format!("{scheme}://{host}/{path}"),
                None => location,
            };
        }
        Err("http: too many redirects".to_owned())
    }

    async fn step(&self, url: &str) -> Result<Said, String> {
        let (scheme, rest) = url.split_once("://").ok_or("http: no scheme")?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        if host.is_empty() {
            return Err("http: no host".to_owned());
        }
        let (host, port_of_url) =
            host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port)));
        let lookup = self.net.lookup(host).await.map_err(|failure| format!("dns: {failure}"))?;
        let port = if scheme == "https" { 443 } else { 80 };
        let port = port_of_url.map_or(port, |port| port.parse().unwrap());
        let remote = SocketAddr::new(lookup.addresses[0], port);
        let path = format!("/{path}");
        if scheme == "https" {
            return get(host, &path, self.tls(host, remote, ("http/1.1", None)).await?).await;
        }
        get(host, &path, self.connect(remote).await?).await
    }

    pub(crate) async fn https_from(&self, name: &str, address: IpAddr, alpn: &str) -> Fetched {
        self.https_with(name, address, (alpn, None)).await
    }

    /// The same from the site, with TLS records of no more than `size` bytes.
    pub(crate) async fn https_in_records(&self, name: &str, size: usize) -> Fetched {
        self.https_with(name, ips(&[SITE])[0], ("http/1.1", Some(size))).await
    }

    async fn https_with(
        &self,
        name: &str,
        address: IpAddr,
        (alpn, max_fragment_size): (&str, Option<usize>),
    ) -> Fetched {
        let remote = SocketAddr::new(address, 443);
        let tls = self.tls(name, remote, (alpn, max_fragment_size)).await?;
        if alpn == "h2" {
            return get2(name, tls).await;
        }
        Ok(get(name, "/", tls).await?.page())
    }

    async fn tls(
        &self,
        name: &str,
        remote: SocketAddr,
        (alpn, max_fragment_size): (&str, Option<usize>),
    ) -> Result<TlsStream<TcpStream>, String> {
        let stream = self.connect(remote).await?;
        let mut config = ClientConfig::builder_with_details(
            Arc::new(aws_lc_rs::default_provider()),
            web::time_provider(&self.net),
        )
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(Authority::new().unwrap().roots().unwrap())
        .with_no_client_auth();
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        config.max_fragment_size = max_fragment_size;
        let connector = TlsConnector::from(Arc::new(config));
        let server = ServerName::try_from(name.to_owned()).unwrap();
        bounded("tls", connector.connect(server, stream)).await
    }

    /// Fetches a page in the clear.
    pub(crate) async fn http(&self, name: &str) -> Fetched {
        let lookup = self.net.lookup(name).await.map_err(|failure| format!("dns: {failure}"))?;
        let stream = self.connect(SocketAddr::new(lookup.addresses[0], 80)).await?;
        Ok(get(name, "/", stream).await?.page())
    }

    pub(crate) async fn connect(&self, remote: SocketAddr) -> Result<TcpStream, String> {
        let connected = timeout(PATIENCE, self.net.connect(remote)).await;
        let connected = connected.unwrap_or(Err(Failure::Timeout));
        connected.map_err(|failure| format!("tcp: {failure}"))
    }
}

/// The same as a prober does: the failure in the error's chain, or silence.
async fn bounded<R, E: std::error::Error + 'static>(
    layer: &str,
    step: impl Future<Output = Result<R, E>>,
) -> Result<R, String> {
    match timeout(PATIENCE, step).await {
        Err(_) => Err(format!("{layer}: timed out")),
        Ok(Err(error)) => Err(format!("{layer}: {}", innermost(&error))),
        Ok(Ok(result)) => Ok(result),
    }
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    if let Some(io) = error.downcast_ref::<std::io::Error>() {
        return Failure::of_io(io).to_string();
    }
    error.source().map_or_else(|| error.to_string(), innermost)
}

/// What a server said.
pub(crate) struct Said {
    status: u16,
    location: Option<String>,
    body: String,
}

impl Said {
    fn page(self) -> (u16, String) {
        (self.status, self.body)
    }
}

async fn get<S>(name: &str, path: &str, stream: S) -> Result<Said, String>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let handshake = hyper::client::conn::http1::handshake(HyperIo(stream)).await;
    let (mut sender, connection) = handshake.unwrap();
    tokio::spawn(connection);
    let request = Request::get(path).header("host", name).body(Empty::<Bytes>::new()).unwrap();
    read(bounded("http", sender.send_request(request)).await?).await
}

async fn get2<S>(name: &str, stream: S) -> Fetched
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let handshake = hyper::client::conn::http2::handshake(Spawn, HyperIo(stream)).await;
    let (mut sender, connection) = handshake.unwrap();
    tokio::spawn(connection);
    let url = format!("https://{name}/");
    let request = Request::get(url).body(Empty::<Bytes>::new()).unwrap();
    Ok(read(bounded("http", sender.send_request(request)).await?).await?.page())
}

async fn read(response: hyper::Response<hyper::body::Incoming>) -> Result<Said, String> {
    let status = response.status().as_u16();
    let location = response.headers().get("location");
    let location = location.map(|it| it.to_str().unwrap().to_owned());
    let body = bounded("body", response.into_body().collect()).await?.to_bytes();
    Ok(Said { status, location, body: String::from_utf8_lossy(&body).into_owned() })
}

#[derive(Clone)]
struct Spawn;

impl<F: Future<Output: Send> + Send + 'static> hyper::rt::Executor<F> for Spawn {
    fn execute(&self, future: F) {
        tokio::spawn(future);
    }
}
