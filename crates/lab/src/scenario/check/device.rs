//! Devices: one technique each, that its place allows.

use std::collections::BTreeSet;

use super::{Flaw, sourced};
use crate::middlebox::Placement;
use crate::middlebox::device::{self as known, shipped};
use crate::scenario::spec::device::{
    BrakeWord, Device, DnsAnswer, EndpointWord, HostWord, KnownSpec, ResidualWord, SniWord,
};

/// Checks one device.
pub(super) fn device(device: &Device) -> Result<(), Flaw> {
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
        device.device.is_some(),
    ];
    if techniques.iter().filter(|it| **it).count() != 1 {
        let expected = "exactly one technique beside it: dns_injection, endpoint, tls_sni, quic_sni, \
                        http_host, throttle, residual, payload, mitm or device";
        return Err(Flaw::at(&device.gateway, expected));
    }
    sourced(&device.source)?;
    if let Some(spec) = &device.device {
        known(device, spec)?;
    }
    if *device.placement.get_ref() == Placement::OnPath && needs_the_path(device) {
        let expected = "in-path: what this does cannot be done with copies";
        return Err(Flaw::at(&device.placement, expected));
    }
    details(device)
}

/// A profile that there is, set up as it can be, where it can do what it does.
fn known(device: &Device, spec: &KnownSpec) -> Result<(), Flaw> {
    let Some(Ok(profile)) = shipped::profile(spec.profile.get_ref()) else {
        let names: Vec<&str> = shipped::SHIPPED.iter().map(|(name, _)| *name).collect();
        return Err(Flaw::at(&spec.profile, format!("a profile ({})", names.join(", "))));
    };
    let needs = known::Device::needs_the_path(&profile, &spec.settings());
    let needs = needs.map_err(|error| Flaw::at(&spec.profile, format!("a set-up: {error}")))?;
    if needs && *device.placement.get_ref() == Placement::OnPath {
        return Err(Flaw::at(&device.placement, "in-path: this device drops"));
    }
    Ok(())
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
