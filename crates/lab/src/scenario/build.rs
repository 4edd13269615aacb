//! From a checked file to a network and its servers.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use toml::Spanned;

use super::StartError;
use super::spec::{
    BrakeWord, Device, DnsAnswer, DnsInjectionSpec, EndpointSpec, EndpointWord, File, HostWord,
    HttpHostSpec, LieWord, ResetSpec, ResidualSpec, ResidualWord, Resolver, ResolverLie, Site,
    SiteState, SniWord, ThrottleSpec, TlsSniSpec,
};
use crate::fabric::link::LinkSpec;
use crate::fabric::topology::{HostId, LinkId, RouterId, Topology};
use crate::frame::{IcmpKind, flags};
use crate::host::Mood;
use crate::lab::Lab;
use crate::middlebox::dns_injection::{AnswerShape, DnsInjection, Lie};
use crate::middlebox::drop::{EndpointAction, EndpointBlock};
use crate::middlebox::endpoint::Endpoints;
use crate::middlebox::forge::ResetShape;
use crate::middlebox::http_host::{HostAction, HttpHost};
use crate::middlebox::names::Names;
use crate::middlebox::residual::{Refresh, Residual, ResidualAction, ResidualRule, Tuple};
use crate::middlebox::throttle::{Brake, Throttle, Throttled};
use crate::middlebox::tls_sni::{SniAction, TlsSni};
use crate::middlebox::watch::{Layer, Reassembly, Watch};
use crate::server::authority::Authority;
use crate::server::dns::{self, Entry, Zone};
use crate::server::web::{self, Certificates, Handler, Reply};

/// What of the network has a name.
pub(super) struct Named {
    pub(super) clients: BTreeMap<String, HostId>,
    pub(super) access: BTreeMap<String, LinkId>,
    resolvers: Vec<HostId>,
    sites: Vec<HostId>,
}

/// Builds the network: clients on gateways, gateways and servers on one backbone.
pub(super) fn topology(file: &File, seed: u64) -> (Topology, Named) {
    let mut topology = Topology::new(seed);
    let backbone = topology.router("backbone", &BACKBONE);
    let gateways = gateways(file, &mut topology, backbone);
    let mut named = Named {
        clients: BTreeMap::new(),
        access: BTreeMap::new(),
        resolvers: Vec::new(),
        sites: Vec::new(),
    };
    for client in &file.client {
        let host = topology.host(client.name.get_ref(), &plain(&client.addresses));
        topology.resolvers(host, &plain(&client.resolvers));
        let gateway = gateways.get(client.gateway.get_ref()).copied().unwrap_or(backbone);
        let link = topology.link(host, gateway, client.access.into());
        topology.inside(gateway, &[link]);
        named.clients.insert(client.name.get_ref().clone(), host);
        named.access.insert(client.name.get_ref().clone(), link);
    }
    for resolver in &file.resolver {
        let host = topology.host(resolver.name.get_ref(), &plain(&resolver.addresses));
        let gateway = resolver.gateway.as_ref().and_then(|name| gateways.get(name.get_ref()));
        topology.link(host, gateway.copied().unwrap_or(backbone), resolver.link.into());
        named.resolvers.push(host);
    }
    for site in &file.site {
        let name = site.names.first().map_or("site", |name| name.get_ref());
        let host = topology.host(name, &plain(&site.addresses));
        topology.link(host, backbone, site.link.into());
        if site.state == SiteState::Silent {
            topology.mood(host, Mood::Silent);
        }
        named.sites.push(host);
    }
    (topology, named)
}

fn gateways(
    file: &File,
    topology: &mut Topology,
    backbone: RouterId,
) -> BTreeMap<String, RouterId> {
    let mut gateways = BTreeMap::new();
    for gateway in &file.gateway {
        let router = topology.router(gateway.name.get_ref(), &plain(&gateway.addresses));
        topology.link(router, backbone, LinkSpec::from(gateway.uplink));
        gateways.insert(gateway.name.get_ref().clone(), router);
    }
    for device in &file.middlebox {
        if let Some(&router) = gateways.get(device.gateway.get_ref()) {
            place(device, topology, router);
        }
    }
    gateways
}

fn plain(addresses: &[Spanned<IpAddr>]) -> Vec<IpAddr> {
    addresses.iter().map(|address| *address.get_ref()).collect()
}

fn place(device: &Device, topology: &mut Topology, router: RouterId) {
    let placement = *device.placement.get_ref();
    if let Some(spec) = &device.dns_injection {
        topology.middlebox(router, placement, dns_injection(spec));
    }
    if let Some(spec) = &device.endpoint {
        topology.middlebox(router, placement, endpoint(spec));
    }
    if let Some(spec) = &device.tls_sni {
        topology.middlebox(router, placement, tls_sni(spec));
    }
    if let Some(spec) = &device.http_host {
        topology.middlebox(router, placement, http_host(spec));
    }
    if let Some(spec) = &device.throttle {
        topology.middlebox(router, placement, throttle(spec));
    }
    if let Some(spec) = &device.residual {
        topology.middlebox(router, placement, residual(spec));
    }
}

fn dns_injection(spec: &DnsInjectionSpec) -> DnsInjection {
    let lie = match spec.answer {
        DnsAnswer::Addresses => Lie::Addresses(spec.addresses.clone()),
        DnsAnswer::Bogon => Lie::Bogon,
        DnsAnswer::Nxdomain => Lie::NxDomain,
        DnsAnswer::Refused => Lie::Refused,
        DnsAnswer::Silence => Lie::Silence,
    };
    let shape = AnswerShape {
        after: Duration::from_micros(spec.after_us),
        count: spec.count,
        ttl: spec.ttl,
        identification: spec.ip_id,
        ..AnswerShape::default()
    };
    DnsInjection::new(Names::new(&spec.names), lie, shape)
}

fn endpoints(addresses: &[IpAddr], ports: &[u16]) -> Endpoints {
    let whole = |address: &IpAddr| (*address, if address.is_ipv4() { 32 } else { 128 });
    Endpoints {
        prefixes: addresses.iter().map(whole).collect(),
        ports: ports.to_vec(),
        transport: None,
    }
}

fn endpoint(spec: &EndpointSpec) -> EndpointBlock {
    let action = match spec.action {
        EndpointWord::Drop => EndpointAction::Drop,
        EndpointWord::Reset => EndpointAction::Reset(ResetShape::default()),
        EndpointWord::Prohibited => EndpointAction::Icmp(IcmpKind::Prohibited),
        EndpointWord::HostUnreachable => EndpointAction::Icmp(IcmpKind::HostUnreachable),
        EndpointWord::NetworkUnreachable => EndpointAction::Icmp(IcmpKind::NetworkUnreachable),
    };
    EndpointBlock::new(endpoints(&spec.addresses, &spec.ports), action)
}

fn tls_sni(spec: &TlsSniSpec) -> TlsSni {
    let action = match spec.action {
        SniWord::Reset => SniAction::Reset(reset(&spec.reset)),
        SniWord::Drop => SniAction::Drop,
        SniWord::Close => SniAction::Close,
    };
    TlsSni::new(Names::new(&spec.names), spec.reassembly, action)
}

fn http_host(spec: &HttpHostSpec) -> HttpHost {
    let action = match spec.action {
        HostWord::Reset => HostAction::Reset(reset(&spec.reset)),
        HostWord::Drop => HostAction::Drop,
        HostWord::Close => HostAction::Close,
        HostWord::Blockpage => {
            HostAction::Blockpage { status: spec.status, html: spec.html.clone() }
        }
        HostWord::Redirect => HostAction::Redirect { location: spec.location.clone() },
    };
    HttpHost::new(Names::new(&spec.names), spec.reassembly, action)
}

fn reset(spec: &ResetSpec) -> ResetShape {
    ResetShape {
        towards: spec.towards,
        count: spec.count,
        flags: if spec.ack { flags::RST | flags::ACK } else { flags::RST },
        ttl: spec.ttl,
        identification: spec.ip_id,
        identification_step: spec.ip_id_step,
        window: spec.window,
        sequence_step: spec.sequence_step,
        after: Duration::from_micros(spec.after_us),
    }
}

fn throttle(spec: &ThrottleSpec) -> Throttle {
    let watch = |layer, names: &[String]| {
        Throttled::Named(Watch::new(layer, Names::new(names), Reassembly::Stream))
    };
    let what = match (&spec.sni, &spec.host) {
        (Some(names), _) => watch(Layer::Tls, names),
        (None, Some(names)) => watch(Layer::Http, names),
        (None, None) => {
            Throttled::Endpoints(endpoints(spec.addresses.as_deref().unwrap_or_default(), &[]))
        }
    };
    let bits_per_second = spec.kbit_per_second.saturating_mul(1000);
    let (burst_bytes, queue_bytes) = (spec.burst_bytes, spec.queue_bytes);
    let how = match spec.how.get_ref() {
        BrakeWord::Policer => Brake::Policer { bits_per_second, burst_bytes },
        BrakeWord::Shaper => Brake::Shaper { bits_per_second, burst_bytes, queue_bytes },
        BrakeWord::Impair => Brake::Impair {
            delay: Duration::from_millis(spec.delay_ms),
            loss_per_million: spec.loss_per_million,
        },
    };
    Throttle::new(what, how)
}

fn residual(spec: &ResidualSpec) -> Residual {
    let rule = ResidualRule {
        tuple: match spec.tuple.get_ref() {
            2 => Tuple::Two,
            3 => Tuple::Three,
            _ => Tuple::Four,
        },
        hold: Duration::from_secs(spec.hold_secs),
        refresh: if spec.refresh { Refresh::Yes } else { Refresh::No },
        action: match spec.action {
            ResidualWord::Drop => ResidualAction::Drop,
            ResidualWord::Reset => ResidualAction::Reset(reset(&spec.reset)),
        },
    };
    Residual::new(Watch::new(spec.layer, Names::new(&spec.names), Reassembly::Stream), rule)
}

/// Starts every server of the file on its host.
pub(super) fn serve(file: &File, named: &Named, lab: &Lab) -> Result<(), StartError> {
    let authority = Authority::new()?;
    for (resolver, host) in file.resolver.iter().zip(&named.resolvers) {
        dns::serve(&lab.net(*host), zone(file, resolver))?;
    }
    for (site, host) in file.site.iter().zip(&named.sites) {
        if site.state == SiteState::Up {
            serve_site(file, (site, *host), &authority, lab)?;
        }
    }
    Ok(())
}

/// The truth of all sites, and over it the resolver's lies.
fn zone(file: &File, resolver: &Resolver) -> Zone {
    let mut zone = Zone::default();
    zone.delay = Duration::from_millis(resolver.delay_ms);
    for site in &file.site {
        for name in &site.names {
            zone.set(name.get_ref(), Entry::Addresses(plain(&site.addresses)));
        }
    }
    for (name, lie) in &resolver.lies {
        let entry = match lie {
            ResolverLie::Addresses(addresses) => Entry::Addresses(addresses.clone()),
            ResolverLie::Word(LieWord::Nxdomain) => Entry::NxDomain,
            ResolverLie::Word(LieWord::Servfail) => Entry::ServFail,
            ResolverLie::Word(LieWord::Refused) => Entry::Refused,
            ResolverLie::Word(LieWord::Silence) => Entry::Silence,
        };
        zone.set(name, entry);
    }
    zone
}

fn serve_site(
    file: &File,
    (site, host): (&Site, HostId),
    authority: &Authority,
    lab: &Lab,
) -> Result<(), StartError> {
    let names: Vec<String> = site.names.iter().map(|name| name.get_ref().clone()).collect();
    let certificate = authority.certify(&names, site.certificate)?;
    let mut certificates = Certificates::default();
    certificates.add(&names, &certificate);
    let handler = handler(file, site);
    web::serve_http(&lab.net(host), 80, handler.clone())?;
    web::serve_https(&lab.net(host), 443, certificates, handler)?;
    Ok(())
}

/// One answer for every path.
fn handler(file: &File, site: &Site) -> Handler {
    let suspects = site.captcha_for.iter().map(Spanned::get_ref);
    let suspects = suspects.flat_map(|name| {
        file.client.iter().filter(move |it| it.name.get_ref() == name).flat_map(|it| &it.addresses)
    });
    let suspects: Vec<IpAddr> = suspects.map(|address| *address.get_ref()).collect();
    let filler = || site.bytes.map(|bytes| Bytes::from(vec![b'x'; bytes]));
    let page = site.html.clone().map(Bytes::from).or_else(filler);
    let (status, redirect) = (site.status, site.redirect.clone());
    let delay = Duration::from_millis(site.delay_ms);
    Arc::new(move |asked| {
        if suspects.contains(&asked.client) {
            return Reply { status: 503, delay, ..Reply::page(CAPTCHA) };
        }
        let reply = match (&redirect, &page) {
            (Some(location), _) => Reply::redirect(location),
            (None, Some(page)) => Reply { status, ..Reply::page(page.clone()) },
            (None, None) => {
                let page = format!("<title>{}</title>", asked.host);
                Reply { status, ..Reply::page(page) }
            }
        };
        Reply { delay, ..reply }
    })
}

const CAPTCHA: &str = "<title>Just a moment...</title><p>Prove that you are human.";
/// RFC 5737 and RFC 3849: for documentation only.
const BACKBONE: [IpAddr; 2] = [
    IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 1)),
    IpAddr::V6(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
];
