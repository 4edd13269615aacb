//! What the rules look at: the lists of the file, joined and compared once.
//!
//! Version 0.5 of the probe numbers its connections and tags every step with the redirect it belongs to; older
//! versions do neither. Here both become the same: lookups by kind of resolver, connections with their handshakes,
//! and exchanges from the last redirect back to the first request.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use wirewitness_model::ooni::control::Control;
use wirewitness_model::ooni::failure::What;
use wirewitness_model::ooni::http::{Response, Transaction};
use wirewitness_model::ooni::{Measurement, TestKeys};
use wirewitness_model::outcome::Layer;

use crate::fingerprints::Fingerprints;

use super::super::address::{Asns, is_bogon, is_v6};
use super::super::ooni::depth;
use super::super::url::{hostname, scheme};
use super::names::Names;
use super::page::Look;

/// Everything the rules look at.
pub(super) struct Facts<'m> {
    pub(super) keys: &'m TestKeys<'m>,
    pub(super) asns: &'m Asns<'m>,
    pub(super) fingerprints: &'m Fingerprints,
    pub(super) country: Option<&'m str>,
    pub(super) probe_asn: Option<u32>,
    /// Host of the URL measured, as the control was asked for it.
    pub(super) host: &'m str,
    /// The control's answer, where one came.
    pub(super) control: Option<&'m Control<'m>>,
    pub(super) names: Names<'m>,
    pub(super) connections: Vec<Connection<'m>>,
    /// From the last redirect back to the first request.
    pub(super) exchanges: Vec<Exchange<'m>>,
    look: OnceCell<Option<Look<'m>>>,
}

/// A step: where it stands in its list, and how it failed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step<'m> {
    pub(super) at: usize,
    pub(super) failure: Option<&'m str>,
}

impl Step<'_> {
    pub(super) fn is_ok(&self) -> bool {
        self.failure.is_none()
    }

    pub(super) fn what(&self) -> Option<What> {
        self.failure.map(What::of)
    }
}

/// One connection: a connect, and the handshake on it.
#[derive(Debug, Clone)]
pub(super) struct Connection<'m> {
    pub(super) depth: i64,
    pub(super) transaction: i64,
    pub(super) ip: &'m str,
    pub(super) port: i64,
    /// False for connections that were never meant to fetch.
    pub(super) is_fetch: bool,
    pub(super) tcp: Step<'m>,
    pub(super) tls: Option<(Step<'m>, &'m str)>,
}

impl Connection<'_> {
    /// `address:port`, IPv6 in brackets.
    pub(super) fn endpoint(&self) -> String {
        super::super::ooni::join_host_port(self.ip, self.port)
    }

    /// True for the failures of an IPv6 that this line does not have.
    pub(super) fn is_broken_v6(&self) -> bool {
        let unreachable =
            matches!(self.tcp.what(), Some(What::NetworkUnreachable | What::HostUnreachable));
        unreachable && is_v6(self.ip)
    }

    /// True where connect and handshake, as far as tried, went well.
    pub(super) fn is_ok(&self) -> bool {
        self.tcp.is_ok() && self.tls.as_ref().is_none_or(|(step, _)| step.is_ok())
    }

    /// True where the handshake proved the name that it was for.
    pub(super) fn proves_name(&self) -> bool {
        self.tls.as_ref().is_some_and(|(step, _)| step.is_ok())
    }

    /// True where the handshake was for this name and proved it.
    pub(super) fn proves(&self, host: &str) -> bool {
        self.tls.as_ref().is_some_and(|(step, name)| step.is_ok() && *name == host)
    }

    /// How the connect, or the handshake where that is the layer, failed.
    pub(super) fn what(&self, layer: Layer) -> Option<What> {
        match layer {
            Layer::Tls => self.tls.as_ref().and_then(|(step, _)| step.what()),
            _ => self.tcp.what(),
        }
    }
}

/// One request and what came of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exchange<'m> {
    pub(super) at: usize,
    pub(super) depth: i64,
    pub(super) transaction: i64,
    pub(super) url: &'m str,
    pub(super) failure: Option<&'m str>,
    pub(super) response: &'m Response<'m>,
}

impl<'m> Exchange<'m> {
    /// Where it stands in the file.
    pub(super) fn place(&self) -> String {
        format!("test_keys.requests[{}]", self.at)
    }
    pub(super) fn host(&self) -> &'m str {
        hostname(self.url)
    }

    pub(super) fn is_https(&self) -> bool {
        scheme(self.url).eq_ignore_ascii_case("https")
    }

    pub(super) fn code(&self) -> i64 {
        self.response.code.0.unwrap_or(0)
    }

    /// A response that is not followed further.
    pub(super) fn is_final(&self) -> bool {
        self.failure.is_none() && matches!(self.code() / 100, 2 | 4 | 5)
    }

    pub(super) fn is_redirect(&self) -> bool {
        self.code() / 100 == 3
    }

    pub(super) fn location(&self) -> Option<String> {
        let value = self.response.header("location")?;
        Some(String::from_utf8_lossy(&value).into_owned())
    }
}

impl<'m> Facts<'m> {
    /// Joins the lists of a measurement.
    pub(super) fn of(
        measurement: &'m Measurement<'m>,
        keys: &'m TestKeys<'m>,
        asns: &'m Asns<'m>,
        fingerprints: &'m Fingerprints,
    ) -> Self {
        let control = keys.control.as_ref().filter(|control| control.is_present());
        let exchanges = exchanges(&keys.requests);
        let asked =
            keys.x_control_request.as_ref().and_then(|request| request.http_request.as_str());
        let first_url =
            asked.or_else(|| exchanges.last().map(|exchange| exchange.url)).unwrap_or("");
        Self {
            keys,
            asns,
            fingerprints,
            country: measurement.probe_cc.as_str(),
            probe_asn: measurement.probe_asn_number(),
            host: hostname(first_url),
            control,
            names: Names::of(keys, control),
            connections: connections(keys),
            exchanges,
            look: OnceCell::new(),
        }
    }

    /// The page at the end of the redirects, compared with the control's; none where no page came.
    pub(super) fn look(&self) -> Option<&Look<'m>> {
        self.look.get_or_init(|| Look::at(self)).as_ref()
    }

    /// The last exchange: the deepest redirect.
    pub(super) fn last(&self) -> Option<&Exchange<'m>> {
        self.exchanges.first()
    }

    /// The final page, where the probe got one.
    pub(super) fn page(&self) -> Option<&Exchange<'m>> {
        self.last().filter(|exchange| exchange.is_final())
    }

    /// True where the control got the final page.
    pub(super) fn control_got_page(&self) -> bool {
        self.control.is_some_and(|control| {
            control.http_request.failure.is_none()
                && control.http_request.status_code.0.is_some_and(|code| code > 0)
        })
    }

    /// The control's failure at the page, where it is a failure like this one. Its helper has words for timeouts, refusals
    /// and names, and one (`unknown_error`) for everything else. A control that resolved nothing and connected nowhere
    /// failed in its own way.
    pub(super) fn control_failed_like(&self, what: What) -> Option<&'m str> {
        let control = self.control?;
        let failure = control.http_request.failure.as_str()?;
        let has_tried = !control.dns.addrs.is_empty() || !control.tcp_connect.entries().is_empty();
        let has_own_word = what == What::Timeout || what == What::Refused || what.is_dns();
        let is_alike = match What::of(failure) {
            What::Other => !has_own_word,
            theirs => theirs == what || (theirs.is_dns() && what.is_dns()),
        };
        (is_alike && (has_tried || what.is_dns())).then_some(failure)
    }

    /// What the control's connect to this endpoint came to; none where it did not try.
    pub(super) fn control_tcp(&self, connection: &Connection<'_>) -> Option<Option<&'m str>> {
        let tcp = self.control?.tcp_connect.find(&connection.endpoint())?;
        Some(tcp.failure.as_str())
    }

    /// What the control's handshake with this endpoint and name came to; none where it did not try.
    pub(super) fn control_tls(&self, connection: &Connection<'_>) -> Option<Option<&'m str>> {
        let (_, name) = connection.tls.as_ref()?;
        let tls = self.control?.tls_handshake.find(&connection.endpoint())?;
        (tls.server_name.or_empty() == *name).then(|| tls.failure.as_str())
    }

    /// Addresses that a verified handshake for the measured name proved.
    pub(super) fn proven(&self) -> BTreeSet<&'m str> {
        self.connections.iter().filter(|c| c.proves(self.host)).map(|c| c.ip).collect()
    }

    /// The connection that carried this exchange; none for older probes, which do not join the two.
    pub(super) fn carrier(&self, exchange: &Exchange<'_>) -> Option<&Connection<'m>> {
        let transaction = exchange.transaction;
        self.connections.iter().find(|c| transaction != 0 && c.transaction == transaction)
    }

    /// True for an address in the probe's own network, where both are known.
    pub(super) fn is_in_own_network(&self, address: &str) -> bool {
        self.probe_asn.is_some() && self.asns.find(address) == self.probe_asn
    }

    /// True where the connection that carried this exchange proved the name by its certificate.
    pub(super) fn is_authenticated(&self, exchange: &Exchange<'m>) -> bool {
        if !exchange.is_https() || exchange.failure.is_some() {
            return false;
        }
        // Older probes verified all the same.
        self.carrier(exchange)
            .is_none_or(|connection| connection.tls.as_ref().is_none_or(|(step, _)| step.is_ok()))
    }

    /// Connections that a person's browser would have made at this depth: to addresses that the system resolver gave.
    pub(super) fn fetches(&self, depth: i64) -> Vec<&Connection<'m>> {
        let system = &self.names.system.addresses;
        let at_depth = |c: &&Connection<'m>| c.depth == depth && c.is_fetch;
        let from_system: Vec<_> = self
            .connections
            .iter()
            .filter(at_depth)
            .filter(|c| depth != 0 || system.is_empty() || system.contains(c.ip))
            .collect();
        if from_system.is_empty() {
            self.connections.iter().filter(at_depth).collect()
        } else {
            from_system
        }
    }

    /// Answers that no public name should have and the control did not see.
    pub(super) fn bogons(&self, addresses: &BTreeSet<&'m str>) -> Vec<&'m str> {
        addresses
            .iter()
            .copied()
            .filter(|a| is_bogon(a) && !self.names.control_addresses.contains(a))
            .collect()
    }
}

fn exchanges<'m>(requests: &'m [Transaction<'m>]) -> Vec<Exchange<'m>> {
    // Old probes fetched the page through Tor as well; that was their control.
    let own: Vec<_> =
        requests.iter().enumerate().filter(|(_, r)| r.request.tor.is_tor.0 != Some(true)).collect();
    let count = own.len();
    let mut list: Vec<_> = own
        .into_iter()
        .enumerate()
        .map(|(place, (at, request))| Exchange {
            at,
            depth: depth(&request.tags)
                .unwrap_or_else(|| i64::try_from(count - 1 - place).unwrap_or(0)),
            transaction: request.transaction_id.0.unwrap_or(0),
            url: request.request.url.or_empty(),
            failure: request.failure.as_str(),
            response: &request.response,
        })
        .collect();
    list.sort_by_key(|exchange| std::cmp::Reverse(exchange.depth));
    list
}

fn connections<'m>(keys: &'m TestKeys<'m>) -> Vec<Connection<'m>> {
    let mut list: Vec<_> = keys
        .tcp_connect
        .iter()
        .enumerate()
        .map(|(at, connect)| Connection {
            depth: depth(&connect.tags).unwrap_or(0),
            transaction: connect.transaction_id.0.unwrap_or(0),
            ip: connect.ip.or_empty(),
            port: connect.port.0.unwrap_or(0),
            is_fetch: !connect.tags.iter().any(|tag| tag.as_str() == Some("fetch_body=false")),
            tcp: Step { at, failure: connect.status.failure() },
            tls: None,
        })
        .collect();
    join_handshakes(&mut list, keys);
    list
}

/// By transaction where both have one, else by address, each handshake once.
fn join_handshakes<'m>(connections: &mut [Connection<'m>], keys: &'m TestKeys<'m>) {
    let mut by_transaction: BTreeMap<i64, usize> = BTreeMap::new();
    let mut by_address: BTreeMap<String, usize> = BTreeMap::new();
    let has_old =
        keys.tls_handshakes.iter().any(|handshake| handshake.transaction_id.0.unwrap_or(0) == 0);
    for (place, connection) in connections.iter().enumerate() {
        by_transaction.insert(connection.transaction, place);
        if has_old {
            by_address.entry(connection.endpoint()).or_insert(place);
        }
    }
    for (at, handshake) in keys.tls_handshakes.iter().enumerate() {
        let place = match handshake.transaction_id.0 {
            Some(transaction) if transaction != 0 => by_transaction.get(&transaction),
            _ => handshake.address.as_str().and_then(|address| by_address.get(address)),
        };
        if let Some(connection) = place.and_then(|&place| connections.get_mut(place)) {
            let step = Step { at, failure: handshake.failure.as_str() };
            connection.tls = Some((step, handshake.server_name.or_empty()));
        }
    }
}
