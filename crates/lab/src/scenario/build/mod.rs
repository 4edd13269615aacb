//! From a checked file to a network and its servers.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use toml::Spanned;

mod device;
mod gateway;
mod site;

use super::spec::{Client, File, Record, Resolver, ResolverLie, Whose, site::SiteState};
use super::{ClientFacts, Helper, PublicResolver, StartError};
use crate::fabric::topology::{HostId, LinkId, RouterId, Topology};
use crate::host::Mood;
use crate::host::socket::HostNet;
use crate::lab::Lab;
use crate::server::authority::{Authority, CertificateKind};
use crate::server::dns::{self, Entry, Zone};
use crate::server::interceptor::{self, Interception};
use crate::server::proxy;
use crate::server::web::{self, Certificates};
use crate::server::{doh, dot};

/// What of the network has a name.
#[derive(Default)]
pub(super) struct Named {
    pub(super) clients: BTreeMap<String, HostId>,
    pub(super) access: BTreeMap<String, LinkId>,
    resolvers: Vec<HostId>,
    sites: Vec<Option<HostId>>,
    helpers: Vec<HostId>,
    proxies: Vec<HostId>,
    portals: Vec<(usize, HostId)>,
    interceptors: Vec<(HostId, Vec<u16>, Interception)>,
}

/// Builds the network: clients on gateways, gateways and servers on one backbone.
pub(super) fn topology(file: &File, seed: u64) -> (Topology, Named) {
    let mut topology = Topology::new(seed);
    let backbone = topology.router("backbone", &BACKBONE);
    let mut named = Named::default();
    let gateways = gateway::gateways(file, &mut topology, backbone, &mut named);
    for client in &file.client {
        add_client(client, &mut topology, &gateways, &mut named);
    }
    for (client, system) in &file.system {
        if let Some(&host) = named.clients.get(client.get_ref()) {
            topology.system(host, *system);
        }
    }
    for resolver in &file.resolver {
        let host = topology.host(resolver.name.get_ref(), &plain(&resolver.addresses));
        let gateway = resolver.gateway.as_ref().and_then(|name| gateways.get(name.get_ref()));
        topology.link(host, gateway.copied().unwrap_or(backbone), resolver.link.into());
        named.resolvers.push(host);
    }
    for helper in &file.helper {
        let host = topology.host(helper.name.get_ref(), &plain(&helper.addresses));
        topology.resolvers(host, &plain(&helper.resolvers));
        topology.link(host, backbone, helper.link.into());
        named.helpers.push(host);
    }
    for proxy in &file.proxy {
        let host = topology.host(proxy.name.get_ref(), &plain(&proxy.addresses));
        topology.resolvers(host, &plain(&proxy.resolvers));
        let gateway = proxy.gateway.as_ref().and_then(|name| gateways.get(name.get_ref()));
        topology.link(host, gateway.copied().unwrap_or(backbone), proxy.link.into());
        named.proxies.push(host);
    }
    for site in &file.site {
        let host = add_site(site, &mut topology, (backbone, &mut named.access));
        named.sites.push(host);
    }
    (topology, named)
}

fn add_client(
    client: &Client,
    topology: &mut Topology,
    gateways: &BTreeMap<String, RouterId>,
    named: &mut Named,
) {
    let host = topology.host(client.name.get_ref(), &plain(&client.addresses));
    topology.resolvers(host, &plain(&client.resolvers));
    topology.system(host, client.system);
    // Checked: the gateway is one of the file's.
    if let Some(&gateway) = gateways.get(client.gateway.get_ref()) {
        let link = topology.link(host, gateway, client.access.into());
        topology.inside(gateway, &[link]);
        named.access.insert(client.name.get_ref().clone(), link);
    }
    named.clients.insert(client.name.get_ref().clone(), host);
}

fn add_site(
    site: &super::spec::Site,
    topology: &mut Topology,
    (backbone, access): (RouterId, &mut BTreeMap<String, LinkId>),
) -> Option<HostId> {
    let addresses = site::all_addresses(site);
    if addresses.is_empty() {
        return None;
    }
    let name = site.names.first().map_or("site", |name| name.get_ref());
    let host = topology.host(name, &addresses);
    let link = topology.link(host, backbone, site.link.into());
    // A client of the same name keeps its own.
    access.entry(name.to_owned()).or_insert(link);
    if site.state == SiteState::Silent {
        topology.mood(host, Mood::Silent);
    }
    Some(host)
}

fn plain(addresses: &[Spanned<IpAddr>]) -> Vec<IpAddr> {
    addresses.iter().map(|address| *address.get_ref()).collect()
}

fn texts(names: &[Spanned<String>]) -> Vec<String> {
    names.iter().map(|name| name.get_ref().clone()).collect()
}

/// Starts every server of the file on its host.
pub(super) fn serve(
    file: &File,
    named: &Named,
    lab: &Lab,
    authority: &Arc<Authority>,
) -> Result<(), StartError> {
    for (resolver, host) in file.resolver.iter().zip(&named.resolvers) {
        serve_resolver(file, (resolver, &lab.net(*host)), authority)?;
    }
    for (site, host) in file.site.iter().zip(&named.sites) {
        if let (Some(host), SiteState::Up) = (host, site.state) {
            site::serve(file, site, &lab.net(*host), authority)?;
        }
    }
    for host in &named.proxies {
        proxy::serve(&lab.net(*host))?;
    }
    for (host, ports, what) in &named.interceptors {
        for port in ports {
            interceptor::serve(&lab.net(*host), *port, what.clone(), authority)?;
        }
    }
    gateway::serve_portals(file, named, lab)
}

fn serve_resolver(
    file: &File,
    (resolver, net): (&Resolver, &HostNet),
    authority: &Authority,
) -> Result<(), StartError> {
    let zone = zone(file, resolver);
    if resolver.udp {
        dns::serve(net, zone.clone())?;
    }
    if !resolver.dot && !resolver.doh {
        return Ok(());
    }
    let names = texts(&resolver.names);
    let certificate = authority.certify(&names, CertificateKind::Good)?;
    let certificates = || {
        let mut certificates = Certificates::default();
        certificates.add(&names, &certificate);
        certificates
    };
    if resolver.dot {
        dot::serve_dot(net, zone.clone(), certificates())?;
    }
    if resolver.doh {
        doh::serve_doh(net, 443, zone, certificates())?;
    }
    Ok(())
}

/// The hosts of the test helpers, each with a certificate for its names.
pub(super) fn helpers(
    file: &File,
    named: &Named,
    lab: &Lab,
    authority: &Authority,
) -> Result<Vec<Helper>, StartError> {
    let hosts = file.helper.iter().zip(&named.helpers);
    let helper = |(helper, host): (&super::spec::Helper, &HostId)| {
        let (names, net) = (texts(&helper.names), lab.net(*host));
        let mut certificates = Certificates::default();
        certificates.add(&names, &authority.certify(&names, CertificateKind::Good)?);
        let tls = web::server_config(&net, certificates).map_err(web::ServeError::Tls)?;
        Ok(Helper { names, addresses: plain(&helper.addresses), net, tls })
    };
    hosts.map(helper).collect()
}

/// What the caller may know of a client.
pub(super) fn facts(client: &Client) -> ClientFacts {
    let first = client.addresses.first().map(|address| *address.get_ref());
    ClientFacts {
        asn: client.asn,
        country: client.cc.clone(),
        network: client.network.clone(),
        public_address: client.public_address.or(first),
        resolvers: plain(&client.resolvers),
    }
}

/// The resolvers on the backbone.
pub(super) fn public_resolvers(file: &File) -> Vec<PublicResolver> {
    let public = file.resolver.iter().filter(|it| it.gateway.is_none());
    let described = public.map(|it| {
        let name = it.names.first().map(|name| name.get_ref().clone());
        PublicResolver {
            addresses: plain(&it.addresses),
            udp: it.udp,
            dot: name.clone().filter(|_| it.dot),
            doh: name.filter(|_| it.doh).map(|name| format!("https://{name}/dns-query")),
        }
    });
    described.collect()
}

/// The truth of all sites, over it the records that are changed here, and over those the resolver's lies.
fn zone(file: &File, resolver: &Resolver) -> Zone {
    let mut zone = Zone::default();
    zone.delay = Duration::from_millis(resolver.delay_ms.get());
    for site in &file.site {
        site::describe(site, resolver.name.get_ref(), &mut zone);
    }
    let helpers = file.helper.iter().map(|it| (&it.names, &it.addresses));
    let resolvers = file.resolver.iter().map(|it| (&it.names, &it.addresses));
    for (names, addresses) in helpers.chain(resolvers) {
        for name in names {
            zone.set(name.get_ref(), Entry::Addresses(plain(addresses)));
        }
    }
    for record in file.record.iter().filter(|it| is_meant(it, resolver)) {
        let entry = match (&record.alias, &record.answer) {
            (Some(target), _) => Entry::Alias(target.to_ascii_lowercase()),
            (None, Some(answer)) => entry(answer),
            (None, None) => Entry::NxDomain,
        };
        zone.set(record.name.get_ref(), entry);
    }
    for (name, lie) in &resolver.lies {
        zone.set(name, entry(lie));
    }
    zone
}

fn is_meant(record: &Record, resolver: &Resolver) -> bool {
    match record.resolvers {
        Whose::All => true,
        Whose::Isp => resolver.gateway.is_some(),
        Whose::Other => resolver.gateway.is_none(),
    }
}

fn entry(answer: &ResolverLie) -> Entry {
    use super::spec::LieWord::{Nxdomain, Refused, Servfail, Silence};
    match answer {
        ResolverLie::Addresses(addresses) => Entry::Addresses(addresses.clone()),
        ResolverLie::Word(Nxdomain) => Entry::NxDomain,
        ResolverLie::Word(Servfail) => Entry::ServFail,
        ResolverLie::Word(Refused) => Entry::Refused,
        ResolverLie::Word(Silence) => Entry::Silence,
    }
}

/// RFC 5737 and RFC 3849: for documentation only.
const BACKBONE: [IpAddr; 2] = [
    IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 1)),
    IpAddr::V6(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
];
