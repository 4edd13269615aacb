//! A part of the town with everything that a measurement asks: resolvers, DNS over HTTPS, and our own test helper.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use serde_json::Value;
use tokio_rustls::TlsAcceptor;
use wirewitness_analysis::fingerprints::Fingerprints;
use wirewitness_analysis::judge::{Context, judge};
use wirewitness_model::ooni::Measurement;
use wirewitness_net::{Accept, Listen};
use wirewitness_probe::helper::{Access, Helper, Limits, PublicOnly, Standing, serve};
use wirewitness_probe::{FollowUp, Helpers, Session, TestHelper, Trust, Vantage, web};

use crate::servers::{self, Authority, Page};
use crate::town::{LOOPBACK, Names, Town, answer_of, resolver};

/// A town with its services up.
pub(crate) struct Quarter {
    pub(crate) authority: Authority,
    /// As the world sees it.
    pub(crate) town: Town,
    /// What is true.
    pub(crate) names: Names,
    /// What the line's own resolver says.
    pub(crate) told: Names,
    asked: Helpers,
}

impl Quarter {
    pub(crate) async fn new(limits: Limits) -> Self {
        let town = Town::new(PUBLIC_RESOLVER.parse().unwrap());
        let (names, told) = (Names::default(), Names::default());
        for (public, names) in [(PUBLIC_RESOLVER, &names), (OWN_RESOLVER, &told)] {
            let (public, real) = (public.parse().unwrap(), resolver(names).await);
            town.tcp(public, real);
            town.udp(public, real);
        }
        let authority = Authority::new("Town Hall");
        let tls = authority.tls(&["dns.test"], &["h2", "http/1.1"]);
        town.tcp((DOH, 443).to_address(), servers::web(Some(tls), doh(&names)).await);
        let tls = authority.tls(&["helper.test"], &["h2", "http/1.1"]);
        town.tcp((HELPER, 443).to_address(), helper(&town, &authority, tls, limits).await);
        let test_helper = TestHelper { url: "https://helper.test/".parse().unwrap(), token: None };
        let known = [("dns.test", DOH), ("helper.test", HELPER)];
        let known = known.map(|(name, it)| (name.to_owned(), vec![it.parse::<IpAddr>().unwrap()]));
        let asked = Helpers {
            resolvers: vec![PUBLIC_RESOLVER.parse().unwrap()],
            doh: vec!["https://dns.test/dns-query".parse().unwrap()],
            test_helpers: vec![test_helper],
            known: BTreeMap::from(known),
            ..Helpers::default()
        };
        Self { authority, town, names, told, asked }
    }

    /// A name with its address, and servers behind ports of it.
    pub(crate) fn site(&self, name: &str, address: &str, ports: &[(u16, SocketAddr)]) {
        let address: IpAddr = address.parse().unwrap();
        for names in [&self.names, &self.told] {
            names.write().unwrap().insert(name.to_owned(), vec![address]);
        }
        for (port, real) in ports {
            self.town.tcp(SocketAddr::new(address, *port), *real);
        }
    }

    /// A site over HTTPS with a good certificate.
    pub(crate) async fn https(&self, name: &str, address: &str, (alpn, page): (&[&str], Page)) {
        let tls = self.authority.tls(&[name], alpn);
        self.site(name, address, &[(443, servers::web(Some(tls), page).await)]);
    }

    /// Somebody's line: their resolver, and servers that only they meet behind some addresses.
    pub(crate) fn session(
        &self,
        own: &[(SocketAddr, SocketAddr)],
        follow_up: FollowUp,
    ) -> Session<Town> {
        self.session_asking(own, self.asked.clone()).with_follow_up(follow_up)
    }

    pub(crate) fn session_asking(
        &self,
        own: &[(SocketAddr, SocketAddr)],
        asked: Helpers,
    ) -> Session<Town> {
        let line = self.town.line(OWN_RESOLVER.parse().unwrap(), own);
        let vantage = Vantage { country: "ZZ".to_owned(), ..Vantage::default() };
        Session::new(line, self.authority.roots(), vantage, asked).unwrap()
    }

    pub(crate) fn asked(&self) -> Helpers {
        self.asked.clone()
    }

    pub(crate) async fn measure(&self, url: &str) -> Value {
        let session = self.session(&[], FollowUp::Never);
        web::measure(&session, url).await.unwrap()
    }
}

/// DNS over HTTPS that tells what is true.
pub(crate) fn doh(names: &Names) -> Page {
    let names = Arc::clone(names);
    Arc::new(move |asked| {
        let answer = answer_of(&names, &asked.body).and_then(|it| it.to_bytes());
        let response = Response::builder().header("content-type", "application/dns-message");
        response.body(Full::new(Bytes::from(answer.unwrap_or_default()))).unwrap()
    })
}

/// Our own test helper, with the rule that it has in the wild.
pub(crate) async fn helper(
    town: &Town,
    authority: &Authority,
    tls: Arc<rustls::ServerConfig>,
    limits: Limits,
) -> SocketAddr {
    let standing = Standing {
        trust: Trust::new(authority.roots(), town).unwrap(),
        rule: Arc::new(PublicOnly::default()),
        asns: Arc::new(|_: IpAddr| Some(64_500)),
    };
    let helper = Helper::new(town.clone(), standing, Access::Public, limits);
    let listener = town.listen(LOOPBACK).await.unwrap();
    let address = listener.local_addr();
    tokio::spawn(serve::<Town>(listener, Some(TlsAcceptor::from(tls)), Arc::new(helper)));
    address
}

/// Limits of a helper that serves one machine only.
pub(crate) fn generous() -> Limits {
    Limits {
        in_flight: 4_096,
        in_flight_per_client: 4_096,
        connections: 4_096,
        connections_per_client: 4_096,
        requests_per_minute: u32::MAX,
        outgoing: 8_192,
        ..Limits::default()
    }
}

/// `blocked tls.reset.sni`, as the judge says of any file's measurement.
pub(crate) fn verdict(measurement: &Value) -> String {
    let text = measurement.to_string();
    let measurement = Measurement::from_json(&text).unwrap();
    let fingerprints = Fingerprints::shipped();
    let verdict = judge(&measurement, &Context::new(&fingerprints)).verdict;
    let mechanism = verdict.mechanism.map_or("-", |it| it.word());
    format!("{} {mechanism}", verdict.status.word())
}

/// `"45.77.0.1"` with a port.
pub(crate) trait ToAddress {
    fn to_address(self) -> SocketAddr;
}

impl ToAddress for (&str, u16) {
    fn to_address(self) -> SocketAddr {
        SocketAddr::new(self.0.parse().unwrap(), self.1)
    }
}

const PUBLIC_RESOLVER: &str = "45.77.0.53:53";
const OWN_RESOLVER: &str = "45.77.0.54:53";
const DOH: &str = "45.77.0.80";
const HELPER: &str = "45.77.0.90";
