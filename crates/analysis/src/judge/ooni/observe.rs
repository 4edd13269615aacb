//! Flat observations: what became of one lookup or one connection, joined with what the control saw of the same.

use std::collections::{BTreeMap, BTreeSet};

use wirewitness_model::lenient::Text;
use wirewitness_model::ooni::TestKeys;
use wirewitness_model::ooni::control::{Control, ControlRequest};
use wirewitness_model::ooni::dns::Query;
use wirewitness_model::ooni::http::Transaction;
use wirewitness_model::ooni::tcp::TcpConnect;
use wirewitness_model::ooni::tls::Handshake;

use super::super::url::hostname;
use super::page::{ControlPage, Page};

/// How far an observation got. Later kinds come later in a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Dns,
    Tcp,
    Tls,
    Http,
}

/// What a step came to: `None` not tried, `Some("")` success, `Some(failure)`.
pub(super) type Step<'m> = Option<&'m str>;

/// One lookup's address, one failed lookup, or one connection.
#[derive(Debug)]
pub(super) struct Observation<'m> {
    pub(super) kind: Kind,
    pub(super) failure: Step<'m>,
    pub(super) depth: Option<i64>,
    pub(super) transaction: i64,
    pub(super) fetch_body: Option<bool>,

    pub(super) dns_transaction: Option<i64>,
    pub(super) dns_domain: Option<&'m str>,
    pub(super) dns_failure: Step<'m>,
    pub(super) dns_type: &'m str,
    pub(super) dns_engine: &'m str,
    /// Addresses of the whole lookup, sorted.
    pub(super) dns_addresses: std::rc::Rc<BTreeSet<&'m str>>,
    pub(super) address: Option<&'m str>,

    pub(super) endpoint: String,
    pub(super) tcp: Step<'m>,
    pub(super) tls: Step<'m>,
    pub(super) tls_name: Option<&'m str>,
    pub(super) http: Step<'m>,
    pub(super) page: Option<Page<'m>>,

    pub(super) control_dns: Step<'m>,
    /// What the control resolved; none where it failed or was not asked for this name.
    pub(super) control_addresses: Option<std::rc::Rc<BTreeSet<&'m str>>>,
    pub(super) control_tcp: Step<'m>,
    pub(super) control_tls: Step<'m>,
}

/// All observations of a measurement.
pub(super) struct Observations<'m> {
    pub(super) failed_lookups: Vec<Observation<'m>>,
    pub(super) successful_lookups: Vec<Observation<'m>>,
    /// By transaction id, ascending; the last of equal ids wins.
    pub(super) endpoints: Vec<Observation<'m>>,
    pub(super) control: Option<Expectations<'m>>,
}

/// What the control as a whole makes us expect.
pub(super) struct Expectations<'m> {
    pub(super) addresses: std::rc::Rc<BTreeSet<&'m str>>,
    /// `Some("")` where the control got the final page.
    pub(super) final_failure: Step<'m>,
    pub(super) page: Option<ControlPage<'m>>,
}

/// The observations that one half of the engine looks at.
pub(super) struct View<'a, 'm> {
    pub(super) failed_lookups: Vec<&'a Observation<'m>>,
    pub(super) successful_lookups: Vec<&'a Observation<'m>>,
    pub(super) endpoints: Vec<&'a Observation<'m>>,
    pub(super) control: Option<&'a Expectations<'m>>,
}

impl<'m> Observations<'m> {
    /// Everything the probe saw.
    pub(super) fn everything(&self) -> View<'_, 'm> {
        View {
            failed_lookups: self.failed_lookups.iter().collect(),
            successful_lookups: self.successful_lookups.iter().collect(),
            endpoints: self.endpoints.iter().collect(),
            control: self.control.as_ref(),
        }
    }

    /// What version 0.4 would have seen: lookups by the system resolver, and fetches from the addresses it gave.
    pub(super) fn only_system_resolver(&self) -> View<'_, 'm> {
        let is_system =
            |o: &&Observation<'m>| matches!(o.dns_engine, "getaddrinfo" | "golang_net_resolver");
        let successful_lookups: Vec<_> = self.successful_lookups.iter().filter(is_system).collect();
        let known: BTreeSet<&str> = successful_lookups.iter().filter_map(|o| o.address).collect();
        let is_known =
            |o: &&Observation<'m>| o.address.is_some_and(|address| known.contains(address));
        View {
            failed_lookups: self.failed_lookups.iter().filter(is_system).collect(),
            endpoints: self
                .endpoints
                .iter()
                .filter(|o| o.fetch_body == Some(true))
                .filter(is_known)
                .collect(),
            successful_lookups,
            control: self.control.as_ref(),
        }
    }
}

/// Builds the observations of a measurement.
pub(super) fn observe<'m>(keys: &'m TestKeys<'_>) -> Observations<'m> {
    let failed = keys.queries.iter().filter(|q| !q.failure.is_none()).map(lookup).collect();
    let successful =
        keys.queries.iter().filter(|q| q.failure.is_none()).flat_map(successful_lookup).collect();
    let mut all = Observations {
        failed_lookups: failed,
        successful_lookups: successful,
        endpoints: Vec::new(),
        control: None,
    };
    all.endpoints = endpoints(keys, &all.successful_lookups);
    if let (Some(request), Some(control)) = (&keys.x_control_request, &keys.control) {
        join_control(&mut all, request, control);
    }
    all
}

fn blank<'m>(kind: Kind, transaction: i64) -> Observation<'m> {
    Observation {
        kind,
        failure: None,
        depth: None,
        transaction,
        fetch_body: None,
        dns_transaction: None,
        dns_domain: None,
        dns_failure: None,
        dns_type: "",
        dns_engine: "",
        dns_addresses: std::rc::Rc::default(),
        address: None,
        endpoint: String::new(),
        tcp: None,
        tls: None,
        tls_name: None,
        http: None,
        page: None,
        control_dns: None,
        control_addresses: None,
        control_tcp: None,
        control_tls: None,
    }
}

fn lookup<'m>(query: &'m Query<'_>) -> Observation<'m> {
    let transaction = query.transaction_id.0.unwrap_or(0);
    let step = Some(query.failure.as_str().unwrap_or(""));
    Observation {
        failure: step,
        depth: depth(&query.tags),
        dns_transaction: Some(transaction),
        dns_domain: Some(query.hostname.or_empty()),
        dns_failure: step,
        dns_type: query.query_type.or_empty(),
        dns_engine: query.engine.or_empty(),
        ..blank(Kind::Dns, transaction)
    }
}

/// One observation an address, in the order of the addresses' text.
fn successful_lookup<'m>(query: &'m Query<'_>) -> Vec<Observation<'m>> {
    let addresses: BTreeSet<&str> = query.answers.iter().filter_map(|a| a.address()).collect();
    let addresses = std::rc::Rc::new(addresses);
    addresses
        .iter()
        .map(|address| Observation {
            dns_addresses: std::rc::Rc::clone(&addresses),
            address: Some(address),
            ..lookup(query)
        })
        .collect()
}

fn endpoints<'m>(keys: &'m TestKeys<'_>, lookups: &[Observation<'m>]) -> Vec<Observation<'m>> {
    let mut first_lookup: BTreeMap<&str, &Observation<'m>> = BTreeMap::new();
    for lookup in lookups {
        if let Some(address) = lookup.address {
            first_lookup.entry(address).or_insert(lookup);
        }
    }
    let mut by_transaction: BTreeMap<i64, Observation<'m>> = BTreeMap::new();
    for connect in keys.tcp_connect.iter() {
        let endpoint = connected(connect, first_lookup.get(connect.ip.or_empty()).copied());
        by_transaction.insert(endpoint.transaction, endpoint);
    }
    for handshake in keys.tls_handshakes.iter() {
        if let Some(endpoint) = by_transaction.get_mut(&handshake.transaction_id.0.unwrap_or(0)) {
            shook_hands(endpoint, handshake);
        }
    }
    for transaction in keys.requests.iter() {
        if let Some(endpoint) = by_transaction.get_mut(&transaction.transaction_id.0.unwrap_or(0)) {
            asked(endpoint, transaction);
        }
    }
    by_transaction.into_values().collect()
}

fn connected<'m>(connect: &'m TcpConnect<'_>, lookup: Option<&Observation<'m>>) -> Observation<'m> {
    let step = Some(connect.status.failure.as_str().unwrap_or(""));
    let mut endpoint = blank(Kind::Tcp, connect.transaction_id.0.unwrap_or(0));
    if let Some(lookup) = lookup {
        endpoint.dns_transaction = lookup.dns_transaction;
        endpoint.dns_domain = lookup.dns_domain;
    }
    endpoint.failure = step;
    endpoint.tcp = step;
    endpoint.depth = depth(&connect.tags);
    endpoint.fetch_body = fetch_body(&connect.tags);
    endpoint.address = Some(connect.ip.or_empty());
    endpoint.endpoint = join_host_port(connect.ip.or_empty(), connect.port.0.unwrap_or(0));
    endpoint
}

fn shook_hands<'m>(endpoint: &mut Observation<'m>, handshake: &'m Handshake<'_>) {
    let step = Some(handshake.failure.as_str().unwrap_or(""));
    endpoint.kind = Kind::Tls;
    endpoint.failure = step;
    endpoint.tls = step;
    endpoint.tls_name = Some(handshake.server_name.or_empty());
}

fn asked<'m>(endpoint: &mut Observation<'m>, transaction: &'m Transaction<'_>) {
    let step = Some(transaction.failure.as_str().unwrap_or(""));
    endpoint.kind = Kind::Http;
    endpoint.failure = step;
    endpoint.http = step;
    if transaction.failure.is_none() {
        endpoint.page = Some(Page { response: &transaction.response });
    }
}

fn join_control<'m>(
    all: &mut Observations<'m>,
    request: &'m ControlRequest<'_>,
    control: &'m Control<'_>,
) {
    let domain = hostname(request.http_request.or_empty());
    let addresses = std::rc::Rc::new(
        control.dns.addrs.iter().filter_map(|a| a.as_str()).collect::<BTreeSet<_>>(),
    );
    for lookup in all.failed_lookups.iter_mut().chain(&mut all.successful_lookups) {
        if lookup.dns_domain == Some(domain) {
            lookup.control_dns = Some(control.dns.failure.as_str().unwrap_or(""));
            lookup.control_addresses =
                control.dns.failure.is_none().then(|| std::rc::Rc::clone(&addresses));
        }
    }
    for endpoint in &mut all.endpoints {
        let tcp = control.tcp_connect.find(&endpoint.endpoint);
        endpoint.control_tcp = tcp.map(|tcp| tcp.failure.as_str().unwrap_or(""));
        let tls = endpoint.tls_name.and_then(|name| {
            control
                .tls_handshake
                .find(&endpoint.endpoint)
                .filter(|tls| tls.server_name.or_empty() == name)
        });
        endpoint.control_tls = tls.map(|tls| tls.failure.as_str().unwrap_or(""));
    }
    let http = &control.http_request;
    all.control = Some(Expectations {
        addresses,
        final_failure: Some(http.failure.as_str().unwrap_or("")),
        page: http.failure.is_none().then_some(ControlPage { http }),
    });
}

/// The number of the `depth=` tag.
pub(crate) fn depth(tags: &[Text<'_>]) -> Option<i64> {
    tags.iter().find_map(|tag| tag.as_str()?.strip_prefix("depth=")?.parse().ok())
}

/// The value of the `fetch_body=` tag.
fn fetch_body(tags: &[Text<'_>]) -> Option<bool> {
    tags.iter().find_map(|tag| Some(tag.as_str()?.strip_prefix("fetch_body=")? == "true"))
}

/// `1.2.3.4:80`, `[2001:db8::1]:443`.
pub(crate) fn join_host_port(host: &str, port: i64) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
