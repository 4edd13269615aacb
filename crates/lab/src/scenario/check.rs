//! What TOML cannot check: that names exist, addresses are had by one, and techniques are what their place allows.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::Range;

use toml::Spanned;

use wirewitness_model::verdict::Status;

use super::spec::device::{
    BrakeWord, Device, DnsAnswer, EndpointWord, HostWord, ResidualWord, SniWord,
};
use super::spec::{File, Resolver, Site, TruthSpec};
use super::{asn, truth};
use crate::middlebox::Placement;

/// Something wrong, and where in the text.
pub(super) struct Flaw {
    pub(super) span: Range<usize>,
    pub(super) expected: String,
}

impl Flaw {
    fn at<T>(value: &Spanned<T>, expected: impl Into<String>) -> Self {
        Self { span: value.span(), expected: expected.into() }
    }
}

/// Checks a file.
pub(super) fn check(file: &File) -> Result<(), Flaw> {
    few(file)?;
    unique_names(file)?;
    unique_addresses(file)?;
    let gateways: BTreeSet<&str> =
        file.gateway.iter().map(|it| it.name.get_ref().as_str()).collect();
    let wanted = file.client.iter().map(|it| &it.gateway);
    let wanted = wanted.chain(file.resolver.iter().filter_map(|it| it.gateway.as_ref()));
    let wanted = wanted.chain(file.proxy.iter().filter_map(|it| it.gateway.as_ref()));
    for name in wanted.chain(file.middlebox.iter().map(|it| &it.gateway)) {
        if !gateways.contains(name.get_ref().as_str()) {
            return Err(Flaw::at(name, format!("the name of a gateway ({})", list(&gateways))));
        }
    }
    known_clients(file)?;
    known_resolvers(file)?;
    sourced_lies(file)?;
    encrypted_resolvers(file)?;
    records(file)?;
    prefixes(file)?;
    file.site.iter().try_for_each(|it| site(file, it))?;
    sizes(file)?;
    truths(file)?;
    file.middlebox.iter().try_for_each(device)
}

/// Ways are worked out from every host to every router, so that a file with very many would take very long.
fn few(file: &File) -> Result<(), Flaw> {
    let last = |names: &mut dyn Iterator<Item = &Spanned<String>>| match names.nth(MAX_TABLES) {
        Some(name) => Err(Flaw::at(name, format!("at most {MAX_TABLES} tables of a kind"))),
        None => Ok(()),
    };
    last(&mut file.client.iter().map(|it| &it.name))?;
    last(&mut file.gateway.iter().map(|it| &it.name))?;
    last(&mut file.resolver.iter().map(|it| &it.name))?;
    last(&mut file.helper.iter().map(|it| &it.name))?;
    last(&mut file.proxy.iter().map(|it| &it.name))?;
    last(&mut file.record.iter().map(|it| &it.name))?;
    last(&mut file.site.iter().filter_map(|it| it.names.first()))?;
    last(&mut file.middlebox.iter().map(|it| &it.gateway))?;
    last(&mut file.truth.iter().map(|it| &it.url))
}

fn list(names: &BTreeSet<&str>) -> String {
    names.iter().copied().collect::<Vec<_>>().join(", ")
}

fn unique_names(file: &File) -> Result<(), Flaw> {
    let clients = file.client.iter().map(|it| &it.name);
    let gateways = file.gateway.iter().map(|it| &it.name);
    let resolvers = file.resolver.iter().map(|it| &it.name);
    let sites = file.site.iter().flat_map(|it| &it.names);
    let own = file.resolver.iter().flat_map(|it| &it.names);
    let helpers = file.helper.iter().flat_map(|it| it.names.iter().chain([&it.name]));
    let proxies = file.proxy.iter().map(|it| &it.name);
    let aliased = file.site.iter().filter_map(|it| it.alias.as_ref());
    let hosts = resolvers.chain(own).chain(helpers).chain(proxies);
    let mut names: Vec<_> =
        clients.chain(gateways).chain(hosts).chain(sites).chain(aliased).collect();
    // The later of two is the mistake.
    names.sort_by_key(|name| name.span().start);
    let mut seen = BTreeSet::new();
    for name in names {
        if name.get_ref().is_empty() {
            return Err(Flaw::at(name, "a name"));
        }
        if !seen.insert(name.get_ref()) {
            return Err(Flaw::at(name, "a name that nothing else has"));
        }
    }
    Ok(())
}

fn unique_addresses(file: &File) -> Result<(), Flaw> {
    let clients = file.client.iter().map(|it| &it.addresses);
    let gateways = file.gateway.iter().map(|it| &it.addresses);
    let resolvers = file.resolver.iter().map(|it| &it.addresses);
    let sites = file.site.iter().map(|it| &it.addresses);
    let portals = file.gateway.iter().filter_map(|it| it.captive_portal.as_ref());
    let portals = portals.map(|it| &it.addresses);
    let helpers = file.helper.iter().map(|it| &it.addresses);
    let proxies = file.proxy.iter().map(|it| &it.addresses);
    let interceptors = file.middlebox.iter().filter_map(|it| it.mitm.as_ref());
    let interceptors = interceptors.map(|it| &it.interceptor);
    let hosts = resolvers.chain(helpers).chain(proxies).chain(portals).chain(interceptors);
    let all = clients.chain(gateways).chain(hosts).chain(sites).flatten();
    let mut addresses: Vec<_> = all.collect();
    addresses.sort_by_key(|address| address.span().start);
    let mut seen = BTreeSet::new();
    for address in addresses {
        usable(address)?;
        if !seen.insert(*address.get_ref()) {
            return Err(Flaw::at(address, "an address that nothing else has"));
        }
    }
    for site in &file.site {
        // What some resolvers are told may be what the others are told too.
        let mut own: BTreeSet<IpAddr> = site.addresses.iter().map(|it| *it.get_ref()).collect();
        for address in site.addresses_for.values().flatten() {
            usable(address)?;
            if own.insert(*address.get_ref()) && !seen.insert(*address.get_ref()) {
                return Err(Flaw::at(address, "an address that nothing else has"));
            }
        }
    }
    Ok(())
}

/// An address that one host can have: the stack of a host takes no other.
fn usable(address: &Spanned<IpAddr>) -> Result<(), Flaw> {
    let own = *address.get_ref();
    if own.is_loopback() {
        return Err(Flaw::at(address, "an address that is not the host's own loopback"));
    }
    let everybodys = own == IpAddr::V4(std::net::Ipv4Addr::BROADCAST);
    if own.is_multicast() || own.is_unspecified() || everybodys {
        return Err(Flaw::at(address, "an address that one host can have"));
    }
    Ok(())
}

fn known_clients<'a>(file: &'a File) -> Result<(), Flaw> {
    let known: BTreeSet<&str> = file.client.iter().map(|it| it.name.get_ref().as_str()).collect();
    let barred = |it: &'a Site| it.captcha_for.iter().chain(&it.geoblock_for);
    let pages = |it: &'a Site| it.page.iter().flat_map(|page| &page.only_for);
    let sites = file.site.iter().flat_map(|it| barred(it).chain(pages(it)));
    let mut named = sites.chain(file.system.keys());
    match named.find(|name| !known.contains(name.get_ref().as_str())) {
        Some(name) => Err(Flaw::at(name, format!("the name of a client ({})", list(&known)))),
        None => Ok(()),
    }
}

fn known_resolvers(file: &File) -> Result<(), Flaw> {
    let resolvers = file.resolver.iter().flat_map(|it| &it.addresses);
    let known: BTreeSet<IpAddr> = resolvers.map(|address| *address.get_ref()).collect();
    let helpers = file.helper.iter().map(|it| &it.resolvers);
    let proxies = file.proxy.iter().map(|it| &it.resolvers);
    let asked = file.client.iter().map(|it| &it.resolvers).chain(helpers).chain(proxies).flatten();
    match asked.into_iter().find(|address: &&Spanned<IpAddr>| !known.contains(address.get_ref())) {
        Some(address) => Err(Flaw::at(address, "the address of a resolver of this file")),
        None => Ok(()),
    }
}

fn sourced_lies(file: &File) -> Result<(), Flaw> {
    let has_source = |it: &&Resolver| it.source.as_ref().is_some_and(|it| !it.trim().is_empty());
    let liars = file.resolver.iter().filter(|it| !it.lies.is_empty());
    match liars.into_iter().find(|it| !has_source(it)) {
        Some(liar) => {
            Err(Flaw::at(&liar.name, "a source beside it: where its lies are documented"))
        }
        None => Ok(()),
    }
}

fn encrypted_resolvers(file: &File) -> Result<(), Flaw> {
    let nameless = |it: &&Resolver| (it.dot || it.doh) && it.names.is_empty();
    match file.resolver.iter().find(nameless) {
        Some(it) => Err(Flaw::at(&it.name, "names beside it: its certificate is for them")),
        None => Ok(()),
    }
}

fn records(file: &File) -> Result<(), Flaw> {
    for record in &file.record {
        if record.answer.is_some() == record.alias.is_some() {
            return Err(Flaw::at(&record.name, "either an answer or an alias beside it"));
        }
        sourced(&record.source)?;
    }
    Ok(())
}

fn sourced(source: &Spanned<String>) -> Result<(), Flaw> {
    if source.get_ref().trim().is_empty() {
        return Err(Flaw::at(source, "where this is documented, or `invented`"));
    }
    Ok(())
}

fn prefixes(file: &File) -> Result<(), Flaw> {
    let mut all = file.autonomous_system.iter().flat_map(|it| &it.prefixes);
    match all.find(|prefix| asn::parse(prefix.get_ref()).is_none()) {
        Some(prefix) => Err(Flaw::at(prefix, "a prefix, like 192.0.2.0/24")),
        None => Ok(()),
    }
}

fn site(file: &File, site: &Site) -> Result<(), Flaw> {
    let resolvers: BTreeSet<&str> =
        file.resolver.iter().map(|it| it.name.get_ref().as_str()).collect();
    let told = site.addresses_for.keys().find(|name| !resolvers.contains(name.get_ref().as_str()));
    if let Some(name) = told {
        return Err(Flaw::at(name, format!("the name of a resolver ({})", list(&resolvers))));
    }
    let own = |name: &Spanned<String>| site.names.iter().any(|it| it.get_ref() == name.get_ref());
    if let Some(name) = site.certificates.keys().find(|name| !own(name)) {
        return Err(Flaw::at(name, "a name of this site"));
    }
    let mut ports = BTreeSet::new();
    for port in site.http_ports.iter().chain(&site.https_ports) {
        if *port.get_ref() == 0 || !ports.insert(port.get_ref()) {
            return Err(Flaw::at(port, "a port from 1 to 65535 that is named once"));
        }
    }
    Ok(())
}

/// All pages of a file together stay within a bound: each is held in memory.
fn sizes(file: &File) -> Result<(), Flaw> {
    let pages = file.site.iter().flat_map(|it| it.page.iter().filter_map(|it| it.bytes.as_ref()));
    let mut sum = 0;
    for bytes in file.site.iter().filter_map(|it| it.bytes.as_ref()).chain(pages) {
        sum += bytes.get_ref().get();
        if sum > MAX_PAGES {
            return Err(Flaw::at(bytes, format!("pages of at most {MAX_PAGES} bytes in all")));
        }
    }
    Ok(())
}

fn truths(file: &File) -> Result<(), Flaw> {
    let clients: BTreeSet<&str> = file.client.iter().map(|it| it.name.get_ref().as_str()).collect();
    let names: BTreeSet<String> = known_names(file).collect();
    let mut seen = BTreeSet::new();
    for it in &file.truth {
        let client = it.client.get_ref().as_str();
        if client != truth::EVERY && !clients.contains(client) {
            let expected = format!("`*` or the name of a client ({})", list(&clients));
            return Err(Flaw::at(&it.client, expected));
        }
        let known = truth::host_of(it.url.get_ref()).is_some_and(|host| names.contains(&host));
        if !known {
            let expected = "an http or https URL with the name or address of a site, or a record's";
            return Err(Flaw::at(&it.url, expected));
        }
        if !seen.insert((client, it.url.get_ref())) {
            return Err(Flaw::at(&it.url, "one truth for a client and a URL"));
        }
        if it.why.get_ref().trim().is_empty() {
            return Err(Flaw::at(&it.why, "why it is so"));
        }
        sourced(&it.source)?;
        status(it)?;
    }
    Ok(())
}

/// The words of a verdict go together as they do everywhere else.
fn status(truth: &TruthSpec) -> Result<(), Flaw> {
    let word = truth.mechanism.as_ref().map_or("", |it| it.get_ref().word());
    let server = word.starts_with("server.");
    let vantage = word.starts_with("vantage.");
    let (fits, expected) = match truth.status.get_ref() {
        Status::Ok => (!server, "no server.* mechanism beside ok"),
        Status::Down => (server, "a server.* mechanism beside down"),
        Status::Blocked => {
            (!word.is_empty() && !server && !vantage, "the mechanism of a block beside blocked")
        }
        Status::Insufficient => {
            (word.is_empty() || vantage, "a vantage.* mechanism or none beside insufficient")
        }
    };
    if fits { Ok(()) } else { Err(Flaw::at(&truth.status, expected)) }
}

/// Names and addresses that a URL may lead to.
fn known_names(file: &File) -> impl Iterator<Item = String> {
    let sites = file.site.iter().flat_map(|it| &it.names);
    let records = file.record.iter().map(|it| &it.name);
    let helpers = file.helper.iter().flat_map(|it| &it.names);
    let resolvers = file.resolver.iter().flat_map(|it| &it.names);
    let names = sites.chain(records).chain(helpers).chain(resolvers);
    let addresses = file.site.iter().flat_map(|it| &it.addresses);
    let names = names.map(|name| name.get_ref().to_ascii_lowercase());
    names.chain(addresses.map(|address| address.get_ref().to_string()))
}

fn device(device: &Device) -> Result<(), Flaw> {
    let techniques = [
        device.dns_injection.is_some(),
        device.endpoint.is_some(),
        device.tls_sni.is_some(),
        device.quic_sni.is_some(),
        device.http_host.is_some(),
        device.throttle.is_some(),
        device.residual.is_some(),
        device.payload.is_some(),
        device.mitm.is_some(),
    ];
    if techniques.iter().filter(|it| **it).count() != 1 {
        let expected = "exactly one technique beside it: dns_injection, endpoint, tls_sni, quic_sni, \
                        http_host, throttle, residual, payload or mitm";
        return Err(Flaw::at(&device.gateway, expected));
    }
    sourced(&device.source)?;
    if *device.placement.get_ref() == Placement::OnPath && needs_the_path(device) {
        let expected = "in-path: what this does cannot be done with copies";
        return Err(Flaw::at(&device.placement, expected));
    }
    details(device)
}

/// True where holding packets back is the point.
fn needs_the_path(device: &Device) -> bool {
    device.throttle.is_some()
        || device.mitm.is_some()
        || device.quic_sni.is_some()
        || device.payload.as_ref().is_some_and(|it| it.action == HostWord::Drop)
        || device.dns_injection.as_ref().is_some_and(|it| it.answer == DnsAnswer::Silence)
        || device.endpoint.as_ref().is_some_and(|it| it.action == EndpointWord::Drop)
        || device.tls_sni.as_ref().is_some_and(|it| it.action == SniWord::Drop)
        || device.http_host.as_ref().is_some_and(|it| it.action == HostWord::Drop)
        || device.residual.as_ref().is_some_and(|it| it.action == ResidualWord::Drop)
}

fn details(device: &Device) -> Result<(), Flaw> {
    if let Some(residual) = &device.residual
        && !(2..=4).contains(residual.tuple.get_ref())
    {
        return Err(Flaw::at(&residual.tuple, "2, 3 or 4"));
    }
    if let Some(mitm) = &device.mitm {
        let ports: BTreeSet<u16> = mitm.ports.iter().copied().collect();
        if mitm.interceptor.is_empty() || ports.len() != mitm.ports.len() || ports.contains(&0) {
            let expected = "a mitm with an interceptor's address, and ports named once beside it";
            return Err(Flaw::at(&device.gateway, expected));
        }
    }
    if let Some(throttle) = &device.throttle {
        let selectors =
            [throttle.sni.is_some(), throttle.host.is_some(), throttle.addresses.is_some()];
        if selectors.iter().filter(|it| **it).count() != 1 {
            return Err(Flaw::at(
                &throttle.how,
                "exactly one of sni, host and addresses beside it",
            ));
        }
        let impair = *throttle.how.get_ref() == BrakeWord::Impair;
        if !impair && throttle.kbit_per_second == 0 {
            return Err(Flaw::at(&throttle.how, "kbit_per_second above 0 beside it"));
        }
    }
    Ok(())
}

/// Bytes of all pages together: 64 MiB.
const MAX_PAGES: u64 = 67_108_864;
/// Tables of one kind in a file.
const MAX_TABLES: usize = 2_048;
