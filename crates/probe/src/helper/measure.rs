//! The algorithm: what a URL looks like from here (as OONI's helper does it, ooni/spec th-007).
//!
//! Every address is put before the rule at the moment of connecting, wherever it came from: the probe, a resolver, or
//! a resolver asked about a redirect. Nothing is connected to by name.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::join_all;
use url::{Host, Url};
use wirewitness_net::{Failure, LookupFailure, Net};

use super::address::{AddressRule, is_public};
use super::limits::{Limits, Room};
use super::page;
use super::protocol::{
    ControlRequest, ControlResponse, Dns, HttpRequest, IpInfo, MOST_ADDRESSES, TcpConnect,
    TlsHandshake, flag,
};
use crate::clock::within;
use crate::failure;
use crate::http::{self, Asking, Came, Version};
use crate::tls::{self, Seen, Trust};
use crate::web::cookies::Cookies;

/// Number of the network of an address, where it is known.
pub type Asns = dyn Fn(IpAddr) -> Option<u32> + Send + Sync;

/// Measures for others.
pub struct Measurer<N> {
    net: N,
    trust: Trust,
    rule: Arc<dyn AddressRule>,
    asns: Arc<Asns>,
    limits: Limits,
    outgoing: Room,
}

/// What a measurer stands on, besides the network.
pub struct Standing {
    /// Whom to trust.
    pub trust: Trust,
    /// Which addresses may be contacted.
    pub rule: Arc<dyn AddressRule>,
    /// Whose network an address belongs to.
    pub asns: Arc<Asns>,
}

/// A port that is not contacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("port {0} is not contacted")]
pub struct PortRefused(pub u16);

impl<N: Net> Measurer<N> {
    /// Measures over `net` within `limits`.
    pub fn new(net: N, standing: Standing, limits: Limits) -> Self {
        let Standing { trust, rule, asns } = standing;
        let outgoing = Room::new(limits.outgoing);
        Self { net, trust, rule, asns, limits, outgoing }
    }

    /// Measures what a probe asks for. Takes at most the time of a lookup and of a step.
    ///
    /// # Errors
    /// A URL with a port that is not contacted.
    pub async fn measure(&self, request: &ControlRequest) -> Result<ControlResponse, PortRefused> {
        let ports = self.ports(&request.url)?;
        let found = self.addresses(&request.url).await;
        let dns = dns_of(&request.url, &found);
        let mut ip_info = self.ip_info(&request.addresses, &dns.addrs);
        let endpoints: Vec<_> = ip_info
            .keys()
            .filter(|address| self.rule.allows(**address))
            .flat_map(|address| ports.iter().map(|port| SocketAddr::new(*address, *port)))
            .collect();
        let connects = endpoints.iter().map(|it| self.connect(&request.url, *it));
        let page = async {
            let page = within(&self.net, self.limits.step, self.page(request, found)).await;
            page.unwrap_or_else(|| HttpRequest::failed(failure::TIMEOUT))
        };
        let (connects, http_request) = tokio::join!(biased; join_all(connects), page);

        let (mut tcp_connect, mut tls_handshake) = (BTreeMap::new(), BTreeMap::new());
        for (endpoint, (tcp, tls)) in endpoints.iter().zip(connects) {
            tcp_connect.insert(endpoint.to_string(), tcp);
            let Some(tls) = tls else { continue };
            if let Some(info) = ip_info.get_mut(&endpoint.ip()).filter(|_| tls.status) {
                info.flags |= flag::VALID_FOR_DOMAIN;
            }
            tls_handshake.insert(endpoint.to_string(), tls);
        }
        Ok(ControlResponse {
            tcp_connect,
            tls_handshake,
            quic_handshake: BTreeMap::new(),
            http_request,
            http3_request: None,
            dns,
            ip_info,
        })
    }

    /// The URL's own port, or those of its scheme; the secure one also tells whether an address is the name's.
    fn ports(&self, url: &Url) -> Result<Vec<u16>, PortRefused> {
        let ports = match (url.port(), url.scheme()) {
            (Some(port), _) => vec![port],
            (None, "https") => vec![443],
            (None, _) => vec![80, 443],
        };
        match ports.iter().find(|it| !self.limits.ports.contains(it)) {
            Some(port) => Err(PortRefused(*port)),
            None => Ok(ports),
        }
    }

    /// Where a URL's host is: what it says itself, or what its name resolves to.
    async fn addresses(&self, url: &Url) -> Result<Vec<IpAddr>, LookupFailure> {
        match url.host() {
            Some(Host::Domain(name)) => self.look_up(name).await,
            Some(Host::Ipv4(address)) => Ok(vec![IpAddr::V4(address)]),
            Some(Host::Ipv6(address)) => Ok(vec![IpAddr::V6(address)]),
            None => Ok(Vec::new()),
        }
    }

    async fn look_up(&self, name: &str) -> Result<Vec<IpAddr>, LookupFailure> {
        let found = within(&self.net, self.limits.lookup, self.net.lookup(name)).await;
        let mut addresses = found.unwrap_or(Err(LookupFailure::Timeout))?.addresses;
        addresses.truncate(MOST_ADDRESSES);
        Ok(addresses)
    }

    fn ip_info(&self, probes: &[IpAddr], own: &[IpAddr]) -> BTreeMap<IpAddr, IpInfo> {
        let mut known: BTreeMap<IpAddr, IpInfo> = BTreeMap::new();
        let probes = probes.iter().map(|it| (*it, flag::RESOLVED_BY_PROBE));
        for (address, flags) in probes.chain(own.iter().map(|it| (*it, flag::RESOLVED_BY_HELPER))) {
            known.entry(address).or_default().flags |= flags;
        }
        for (address, info) in &mut known {
            info.flags |= if is_public(*address) { 0 } else { flag::BOGON };
            info.asn = (self.asns)(*address).unwrap_or(0);
        }
        known
    }

    /// One endpoint: TCP, and TLS where the port or the URL says so.
    async fn connect(&self, url: &Url, endpoint: SocketAddr) -> (TcpConnect, Option<TlsHandshake>) {
        let mut reached = None;
        let done = within(&self.net, self.limits.step, async {
            let _place = self.outgoing.wait().await;
            let stream = match self.open(endpoint).await {
                Ok(stream) => stream,
                Err(failure) => return (Some(failure), None),
            };
            let secure = endpoint.port() == 443 || url.scheme() == "https";
            if !secure {
                return (None, None);
            }
            reached = Some(());
            let config = self.trust.config(&["h2", "http/1.1"], &Seen::default());
            (None, Some(tls::handshake(config, host_of(url), stream).await.map(|_| ())))
        })
        .await;
        let (tcp, tls) = match (done, reached) {
            (Some(done), _) => done,
            (None, Some(())) => (None, Some(Err(failure::TIMEOUT.to_owned()))),
            (None, None) => (Some(Failure::Timeout), None),
        };
        let tls = tls.map(|result| TlsHandshake {
            server_name: host_of(url).to_owned(),
            status: result.is_ok(),
            failure: result.err(),
        });
        (TcpConnect { status: tcp.is_none(), failure: tcp.map(|it| tcp_word(&it)) }, tls)
    }

    /// The one place where a connection is opened.
    async fn open(&self, endpoint: SocketAddr) -> Result<N::Stream, Failure> {
        let allowed =
            self.rule.allows(endpoint.ip()) && self.limits.ports.contains(&endpoint.port());
        match allowed {
            true => self.net.connect(endpoint).await,
            false => Err(Failure::PermissionDenied),
        }
    }

    /// The page, after redirects. Where the first host is has been `found` before.
    async fn page(
        &self,
        request: &ControlRequest,
        found: Result<Vec<IpAddr>, LookupFailure>,
    ) -> HttpRequest {
        let _place = self.outgoing.wait().await;
        let mut url = request.url.clone();
        let mut cookies = Cookies::default();
        let mut h3_endpoint = None;
        let mut found = Some(found);
        for _ in 0..=self.limits.redirects {
            let mut headers = request.headers.clone();
            headers.extend(cookies.field(&url).map(|it| ("Cookie".to_owned(), it)));
            let mut came = Came::default();
            let addresses = match found.take() {
                Some(found) => found,
                None => self.addresses(&url).await,
            };
            let Ok(addresses) = addresses else { return HttpRequest::failed(DNS_LOOKUP) };
            let asking = Asking::get(url.clone(), headers, self.limits.page_bytes);
            let fetched = self.fetch(&asking, &addresses, &mut came).await;
            if came.status == 0 {
                return HttpRequest::failed(fetched.err().unwrap_or(UNKNOWN));
            }
            let h3_endpoint = h3_endpoint.get_or_insert_with(|| page::h3_endpoint(&url, &came));
            match page::next(&url, &came) {
                page::Next::None => return page::summary(came, fetched.err(), h3_endpoint.clone()),
                page::Next::Nowhere => return HttpRequest::failed(UNKNOWN),
                page::Next::Url(next) => {
                    let set = came.headers.iter().filter(|(name, _)| name == "Set-Cookie");
                    set.for_each(|(_, field)| cookies.set(&url, field));
                    url = next;
                }
            }
        }
        HttpRequest::failed(UNKNOWN)
    }

    /// One exchange, with the first of `addresses` that may be contacted and answers.
    async fn fetch(
        &self,
        asking: &Asking,
        addresses: &[IpAddr],
        came: &mut Came,
    ) -> Result<(), &'static str> {
        let url = &asking.url;
        let port = url.port_or_known_default().unwrap_or(80);
        // As OONI's helper: a name with one such address is not visited at all.
        if addresses.is_empty() || !addresses.iter().all(|it| self.rule.allows(*it)) {
            return Err(UNKNOWN);
        }
        let stream = self.reach(addresses, port).await.map_err(|it| http_word(&it))?;
        let word = |word: &str| if word == failure::TIMEOUT { failure::TIMEOUT } else { UNKNOWN };
        if url.scheme() == "http" {
            let asked = http::ask(stream, Version::Http1, asking, came).await;
            return asked.map_err(|it| word(&it.word()));
        }
        let config = self.trust.config(&["h2", "http/1.1"], &Seen::default());
        let shaken = tls::handshake(config, host_of(url), stream).await;
        let (stream, agreed) = shaken.map_err(|it| word(&it))?;
        let asked = http::ask(stream, Version::of_alpn(&agreed.protocol), asking, came).await;
        asked.map_err(|it| word(&it.word()))
    }

    async fn reach(&self, addresses: &[IpAddr], port: u16) -> Result<N::Stream, Failure> {
        let patience = self.limits.step / ATTEMPTS;
        let mut first = None;
        for address in addresses.iter().take(ATTEMPTS as usize) {
            let opening = self.open(SocketAddr::new(*address, port));
            match within(&self.net, patience, opening).await.unwrap_or(Err(Failure::Timeout)) {
                Ok(stream) => return Ok(stream),
                Err(failure) => first = first.or(Some(failure)),
            }
        }
        Err(first.unwrap_or(Failure::HostUnreachable))
    }
}

/// The host for TLS; brackets of IPv6 are the URL's and not the name's.
fn host_of(url: &Url) -> &str {
    url.host_str().unwrap_or_default().trim_matches(['[', ']'])
}

/// What is told of a lookup; nothing where the URL holds an address.
fn dns_of(url: &Url, found: &Result<Vec<IpAddr>, LookupFailure>) -> Dns {
    if !matches!(url.host(), Some(Host::Domain(_))) {
        return Dns::default();
    }
    match found {
        Ok(addrs) => Dns { failure: None, addrs: addrs.clone() },
        Err(failure) => Dns { failure: dns_word(failure), addrs: Vec::new() },
    }
}

/// The words of the first, Twisted helper: probes and judges know these.
fn dns_word(failure: &LookupFailure) -> Option<String> {
    let word = match failure {
        LookupFailure::NoAnswer => return None,
        LookupFailure::NxDomain => "dns_name_error",
        LookupFailure::ServFail | LookupFailure::Refused | LookupFailure::NonRecoverable => {
            "dns_server_failure"
        }
        LookupFailure::Timeout | LookupFailure::AndroidNoData | LookupFailure::Other(_) => UNKNOWN,
    };
    Some(word.to_owned())
}

fn tcp_word(failure: &Failure) -> String {
    let word = match failure {
        Failure::Refused => REFUSED,
        Failure::Timeout => failure::TIMEOUT,
        _ => "connect_error",
    };
    word.to_owned()
}

fn http_word(failure: &Failure) -> &'static str {
    match failure {
        Failure::Refused => REFUSED,
        Failure::Timeout => failure::TIMEOUT,
        _ => UNKNOWN,
    }
}

const UNKNOWN: &str = "unknown_error";
const REFUSED: &str = "connection_refused_error";
const DNS_LOOKUP: &str = "dns_lookup_error";

/// Addresses that the page is asked of, each with its part of the time.
const ATTEMPTS: u32 = 3;
