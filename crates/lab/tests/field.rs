//! The whole way: our prober and our test helpers in a scenario, and the judge on what was measured.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use wirewitness_analysis::fingerprints::Fingerprints;
use wirewitness_analysis::judge::{Context, Judgement, judge};
use wirewitness_lab::host::socket::HostNet;
use wirewitness_lab::scenario::{ClientFacts, Helper, Running};
use wirewitness_lab::{Scenario, ScenarioError};
use wirewitness_model::ooni::Measurement;
use wirewitness_net::Listen;
use wirewitness_probe::helper::{self, Access, AddressRule, Limits, Standing};
use wirewitness_probe::record::Network;
use wirewitness_probe::{FollowUp, Helpers, Session, TestHelper, Trust, Vantage, web};

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios")
}

/// A scenario of the shipped ones, with more text behind it.
pub(crate) fn scenario(name: &str, more: &str) -> Scenario {
    let text = std::fs::read_to_string(folder().join(format!("{name}.toml"))).unwrap();
    let parsed: Result<_, ScenarioError> = Scenario::parse(name, &format!("{text}\n{more}"));
    parsed.unwrap_or_else(|error| panic!("{error}"))
}

/// A case of OONI's suite.
pub(crate) fn qa(case: &str) -> Scenario {
    let more = std::fs::read_to_string(folder().join(format!("qa/{case}.toml"))).unwrap();
    scenario("qa/base", &more)
}

/// How a field is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) seed: Option<u64>,
    pub(crate) at_once: usize,
    pub(crate) follow_up: FollowUp,
}

impl Default for Manner {
    fn default() -> Self {
        Self { seed: None, at_once: 8, follow_up: FollowUp::Failures }
    }
}

/// Measures each URL as its client, so many at once; in the order asked for.
pub(crate) fn measure(
    scenario: &Scenario,
    targets: &[(String, String)],
    manner: Manner,
) -> Vec<Value> {
    scenario.run(manner.seed, |running| field(running, targets, manner)).unwrap()
}

pub(crate) async fn field(
    running: Running,
    targets: &[(String, String)],
    manner: Manner,
) -> Vec<Value> {
    let running = Arc::new(running);
    let field = Field::new(Arc::clone(&running), manner.follow_up).await;
    let mut results = Vec::new();
    let mut waiting = targets.iter().enumerate();
    let mut flying = tokio::task::JoinSet::new();
    loop {
        while flying.len() < manner.at_once
            && let Some((index, (client, url))) = waiting.next()
        {
            let (session, url) = (field.session(client), url.clone());
            flying.spawn(async move { (index, web::measure(&session, &url).await.unwrap()) });
        }
        let Some(done) = flying.join_next().await else { break };
        results.push(done.unwrap());
    }
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, measurement)| measurement).collect()
}

/// A running scenario with its helpers up and a session for each client.
pub(crate) struct Field {
    sessions: BTreeMap<String, Arc<Session<HostNet>>>,
}

impl Field {
    pub(crate) async fn new(running: Arc<Running>, follow_up: FollowUp) -> Self {
        let mut test_helpers = Vec::new();
        for host in running.helpers() {
            serve(&running, host).await;
            test_helpers.extend(host.names.iter().map(|name| TestHelper {
                url: format!("https://{name}/").parse().unwrap(),
                token: None,
            }));
        }
        let mut sessions = BTreeMap::new();
        for name in running.client_names() {
            let net = running.client(&name).unwrap();
            if name == RUDE_SERVER {
                rude_server(&net).await;
                continue;
            }
            let vantage = vantage(&running, running.facts(&name).cloned().unwrap_or_default());
            let asked = whom_to_ask(&running, &test_helpers);
            let session = Session::new(net, running.roots(), vantage, asked).unwrap();
            let networks = networks(&running);
            let session = session.with_networks(networks).with_follow_up(follow_up);
            sessions.insert(name, Arc::new(session));
        }
        Self { sessions }
    }

    pub(crate) fn session(&self, client: &str) -> Arc<Session<HostNet>> {
        Arc::clone(&self.sessions[client])
    }
}

/// In the lab every address is the lab's.
struct AnyAddress;

impl AddressRule for AnyAddress {
    fn allows(&self, address: IpAddr) -> bool {
        !address.is_loopback() && !is_private(address)
    }
}

fn is_private(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(v4) if v4.is_private())
}

async fn serve(running: &Arc<Running>, host: &Helper) {
    let asns = Arc::clone(running);
    let standing = Standing {
        trust: Trust::new(running.roots(), &host.net).unwrap(),
        rule: Arc::new(AnyAddress),
        asns: Arc::new(move |address| asns.asn(address).map(|(asn, _)| asn)),
    };
    let limits = Limits {
        ports: vec![80, 443, 444],
        requests_per_minute: u32::MAX,
        in_flight: 4_096,
        in_flight_per_client: 4_096,
        outgoing: 16_384,
        page_bytes: 16 << 20,
        ..Limits::default()
    };
    let service = Arc::new(helper::Helper::new(host.net.clone(), standing, Access::Public, limits));
    let listener = Listen::listen(&host.net, "0.0.0.0:443".parse().unwrap()).await.unwrap();
    let tls = TlsAcceptor::from(Arc::clone(&host.tls));
    tokio::spawn(helper::serve::<HostNet>(listener, Some(tls), service));
}

/// A client of a scenario with this name is a server of the case's: it says something to whoever has asked anything.
const RUDE_SERVER: &str = "rude-server";

async fn rude_server(net: &HostNet) {
    for port in [80, 443] {
        let address = SocketAddr::new("0.0.0.0".parse().unwrap(), port);
        let listener = Listen::listen(net, address).await.unwrap();
        tokio::spawn(async move {
            while let Ok(mut stream) = listener.accept().await {
                tokio::spawn(async move {
                    let mut asked = [0; 4096];
                    let _ = stream.read(&mut asked).await;
                    let _ = stream.write_all(b"no").await;
                    let _ = stream.read(&mut asked).await;
                });
            }
        });
    }
}

fn vantage(running: &Running, facts: ClientFacts) -> Vantage {
    let resolver = facts.resolvers.first().copied();
    let network = resolver.and_then(|resolver| running.asn(resolver));
    Vantage {
        asn: facts.asn.unwrap_or(0),
        network: facts.network.unwrap_or_default(),
        country: facts.country.unwrap_or_default(),
        resolver,
        resolver_asn: network.map_or(0, |(asn, _)| asn),
        resolver_network: network.map_or_else(String::new, |(_, org)| org.to_owned()),
    }
}

fn networks(running: &Arc<Running>) -> Arc<wirewitness_probe::dns::Networks> {
    let running = Arc::clone(running);
    Arc::new(move |address| {
        running.asn(address).map(|(asn, org)| Network { asn, org: org.to_owned() })
    })
}

fn whom_to_ask(running: &Running, test_helpers: &[TestHelper]) -> Helpers {
    let mut asked = Helpers { test_helpers: test_helpers.to_vec(), ..Helpers::default() };
    for resolver in running.public_resolvers() {
        if resolver.udp {
            asked.resolvers.push(SocketAddr::new(resolver.addresses[0], 53));
        }
        if let Some(doh) = &resolver.doh {
            let url: url::Url = doh.parse().unwrap();
            asked.known.insert(url.host_str().unwrap().to_owned(), resolver.addresses.clone());
            asked.doh.push(url);
        }
    }
    for helper in running.helpers() {
        for name in &helper.names {
            asked.known.insert(name.clone(), helper.addresses.clone());
        }
    }
    asked
}

/// What the judge says of a measurement's text, as of any file's.
pub(crate) fn judged<R>(measurement: &Value, tell: impl FnOnce(&Judgement<'_>) -> R) -> R {
    let text = measurement.to_string();
    let measurement = Measurement::from_json(&text).unwrap();
    let fingerprints = Fingerprints::shipped();
    let context = Context::new(&fingerprints);
    tell(&judge(&measurement, &context))
}

/// `blocked tls.reset.sni`.
pub(crate) fn verdict(measurement: &Value) -> String {
    judged(measurement, |it| {
        words(it.verdict.status.word(), it.verdict.mechanism.map(|it| it.word()))
    })
}

pub(crate) fn words(status: &str, mechanism: Option<&str>) -> String {
    format!("{status} {}", mechanism.unwrap_or("-"))
}
