//! What TOML cannot check: that names exist, addresses are had by one, and techniques are what their place allows.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::Range;

use toml::Spanned;

use super::spec::{
    Device, DnsAnswer, EndpointWord, File, HostWord, ResidualWord, Resolver, SniWord,
};
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
    unique_names(file)?;
    unique_addresses(file)?;
    let gateways: BTreeSet<&str> =
        file.gateway.iter().map(|it| it.name.get_ref().as_str()).collect();
    let wanted = file.client.iter().map(|it| &it.gateway);
    let wanted = wanted.chain(file.resolver.iter().filter_map(|it| it.gateway.as_ref()));
    for name in wanted.chain(file.middlebox.iter().map(|it| &it.gateway)) {
        if !gateways.contains(name.get_ref().as_str()) {
            return Err(Flaw::at(name, format!("the name of a gateway ({})", list(&gateways))));
        }
    }
    known_clients(file)?;
    known_resolvers(file)?;
    sourced_lies(file)?;
    file.middlebox.iter().try_for_each(device)
}

fn list(names: &BTreeSet<&str>) -> String {
    names.iter().copied().collect::<Vec<_>>().join(", ")
}

fn unique_names(file: &File) -> Result<(), Flaw> {
    let clients = file.client.iter().map(|it| &it.name);
    let gateways = file.gateway.iter().map(|it| &it.name);
    let resolvers = file.resolver.iter().map(|it| &it.name);
    let sites = file.site.iter().flat_map(|it| &it.names);
    let mut names: Vec<_> = clients.chain(gateways).chain(resolvers).chain(sites).collect();
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
    let all = clients.chain(gateways).chain(resolvers).chain(sites).flatten();
    let mut addresses: Vec<_> = all.collect();
    addresses.sort_by_key(|address| address.span().start);
    let mut seen = BTreeSet::new();
    for address in addresses {
        if address.get_ref().is_loopback() {
            return Err(Flaw::at(address, "an address that is not the host's own loopback"));
        }
        if !seen.insert(*address.get_ref()) {
            return Err(Flaw::at(address, "an address that nothing else has"));
        }
    }
    Ok(())
}

fn known_clients(file: &File) -> Result<(), Flaw> {
    let known: BTreeSet<&str> = file.client.iter().map(|it| it.name.get_ref().as_str()).collect();
    let mut named = file.site.iter().flat_map(|it| &it.captcha_for);
    match named.find(|name| !known.contains(name.get_ref().as_str())) {
        Some(name) => Err(Flaw::at(name, format!("the name of a client ({})", list(&known)))),
        None => Ok(()),
    }
}

fn known_resolvers(file: &File) -> Result<(), Flaw> {
    let resolvers = file.resolver.iter().flat_map(|it| &it.addresses);
    let known: BTreeSet<IpAddr> = resolvers.map(|address| *address.get_ref()).collect();
    let asked = file.client.iter().flat_map(|it| &it.resolvers);
    match asked.into_iter().find(|address| !known.contains(address.get_ref())) {
        Some(address) => Err(Flaw::at(address, "the address of a resolver of this file")),
        None => Ok(()),
    }
}

fn sourced_lies(file: &File) -> Result<(), Flaw> {
    let sourced = |it: &&Resolver| it.source.as_ref().is_some_and(|it| !it.trim().is_empty());
    let liars = file.resolver.iter().filter(|it| !it.lies.is_empty());
    match liars.into_iter().find(|it| !sourced(it)) {
        Some(liar) => {
            Err(Flaw::at(&liar.name, "a source beside it: where its lies are documented"))
        }
        None => Ok(()),
    }
}

fn device(device: &Device) -> Result<(), Flaw> {
    let techniques = [
        device.dns_injection.is_some(),
        device.endpoint.is_some(),
        device.tls_sni.is_some(),
        device.http_host.is_some(),
        device.throttle.is_some(),
        device.residual.is_some(),
    ];
    if techniques.iter().filter(|it| **it).count() != 1 {
        let expected = "exactly one technique beside it: dns_injection, endpoint, tls_sni, \
                        http_host, throttle or residual";
        return Err(Flaw::at(&device.gateway, expected));
    }
    if device.source.get_ref().trim().is_empty() {
        return Err(Flaw::at(&device.source, "where this is documented, or `invented`"));
    }
    if *device.placement.get_ref() == Placement::OnPath && needs_the_path(device) {
        let expected = "in-path: what this does cannot be done with copies";
        return Err(Flaw::at(&device.placement, expected));
    }
    details(device)
}

/// True where holding packets back is the point.
fn needs_the_path(device: &Device) -> bool {
    device.throttle.is_some()
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
    if let Some(throttle) = &device.throttle {
        let selectors =
            [throttle.sni.is_some(), throttle.host.is_some(), throttle.addresses.is_some()];
        if selectors.iter().filter(|it| **it).count() != 1 {
            return Err(Flaw::at(
                &throttle.how,
                "exactly one of sni, host and addresses beside it",
            ));
        }
        let impair = *throttle.how.get_ref() == super::spec::BrakeWord::Impair;
        if !impair && throttle.kbit_per_second == 0 {
            return Err(Flaw::at(&throttle.how, "kbit_per_second above 0 beside it"));
        }
    }
    Ok(())
}
