//! Gateways: what stands on their hops, what becomes of IPv6 there, and login pages.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Named, device, plain};
use crate::fabric::link::LinkSpec;
use crate::fabric::topology::{RouterId, Topology};
use crate::frame::IcmpKind;
use crate::lab::Lab;
use crate::middlebox::Placement;
use crate::middlebox::divert::Origins;
use crate::middlebox::drop::{EndpointAction, EndpointBlock};
use crate::middlebox::endpoint::Endpoints;
use crate::middlebox::names::Names;
use crate::scenario::StartError;
use crate::scenario::spec::{File, Gateway, Ipv6, Portal};
use crate::server::interceptor::Interception;
use crate::server::web::{self, Handler, Reply};

/// Adds the gateways, and on each the devices of the file in their order.
pub(super) fn gateways(
    file: &File,
    topology: &mut Topology,
    backbone: RouterId,
    named: &mut Named,
) -> BTreeMap<String, RouterId> {
    let mut gateways = BTreeMap::new();
    for (index, gateway) in file.gateway.iter().enumerate() {
        let router = topology.router(gateway.name.get_ref(), &plain(&gateway.addresses));
        topology.link(router, backbone, LinkSpec::from(gateway.uplink));
        ipv6(gateway, topology, router);
        if let Some(portal) = &gateway.captive_portal {
            let name = format!("{}-portal", gateway.name.get_ref());
            let host = topology.host(&name, &plain(&portal.addresses));
            topology.link(host, router, LinkSpec::default());
            device::captive_portal(&plain(&portal.addresses), topology, router);
            named.portals.push((index, host));
        }
        gateways.insert(gateway.name.get_ref().clone(), router);
    }
    for device in &file.middlebox {
        let origins = Origins::default();
        if let Some(&router) = gateways.get(device.gateway.get_ref()) {
            device::place(device, topology, router, &origins);
        }
        if let Some(mitm) = &device.mitm {
            let name = format!("{}-interceptor", device.gateway.get_ref());
            let host = topology.host(&name, &plain(&mitm.interceptor));
            topology.link(host, backbone, LinkSpec::default());
            let what = Interception {
                names: Names::new(&mitm.names),
                certificate: mitm.certificate,
                origins,
            };
            named.interceptors.push((host, mitm.ports.clone(), what));
        }
    }
    gateways
}

/// IPv6 that has addresses and no way out.
fn ipv6(gateway: &Gateway, topology: &mut Topology, router: RouterId) {
    let action = match gateway.ipv6 {
        Ipv6::Works => return,
        Ipv6::Silent => EndpointAction::Drop,
        Ipv6::Unreachable => EndpointAction::Icmp(IcmpKind::NetworkUnreachable),
    };
    let every = IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED);
    let endpoints = Endpoints { prefixes: vec![(every, 0)], ..Endpoints::default() };
    topology.middlebox(router, Placement::InPath, EndpointBlock::new(endpoints, action));
}

/// Starts the login pages.
pub(super) fn serve_portals(file: &File, named: &Named, lab: &Lab) -> Result<(), StartError> {
    for (index, host) in &named.portals {
        let portal = file.gateway.get(*index).and_then(|it| it.captive_portal.as_ref());
        if let Some(portal) = portal {
            web::serve_http(&lab.net(*host), 80, login(portal))?;
        }
    }
    Ok(())
}

/// The login page, or the way to it for whoever wanted another.
fn login(portal: &Portal) -> Handler {
    let own: Vec<String> = portal.addresses.iter().map(|it| it.get_ref().to_string()).collect();
    let (html, redirect) = (portal.html.clone(), portal.redirect.clone());
    Arc::new(move |asked| match &redirect {
        Some(location) if !own.contains(&asked.host) => Reply::redirect(location),
        _ => Reply::page(html.clone()),
    })
}
