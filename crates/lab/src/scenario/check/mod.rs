//! What TOML cannot check: that names exist, addresses are had by one, and techniques are what their place allows.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::Range;

use toml::Spanned;

mod device;
mod site;
mod truth;

use super::asn;
use super::spec::{File, Resolver, Site};

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
    file.site.iter().try_for_each(|it| site::site(file, it))?;
    site::sizes(file)?;
    truth::truths(file)?;
    file.middlebox.iter().try_for_each(device::device)
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
    if file.site.len() > MAX_TABLES {
        let expected = format!("at most {MAX_TABLES} tables of a kind");
        return Err(Flaw { span: 0..0, expected });
    }
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
    file.site.iter().try_for_each(|site| told_addresses(site, &mut seen))
}

/// What some resolvers are told may be what the others are told too.
fn told_addresses(site: &Site, seen: &mut BTreeSet<IpAddr>) -> Result<(), Flaw> {
    let mut own: BTreeSet<IpAddr> = site.addresses.iter().map(|it| *it.get_ref()).collect();
    for address in site.addresses_for.values().flatten() {
        usable(address)?;
        if own.insert(*address.get_ref()) && !seen.insert(*address.get_ref()) {
            return Err(Flaw::at(address, "an address that nothing else has"));
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

/// Tables of one kind in a file.
const MAX_TABLES: usize = 2_048;
