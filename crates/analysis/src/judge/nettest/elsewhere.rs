//! What failed here, as a test helper saw it: what tells a block from an outage and from a name that was retired.
//!
//! OONI's tests of applications ask no helper; ours do, for the hosts that failed (`x_elsewhere`). Without an answer nothing is
//! said either way.

use wirewitness_model::ooni::TestKeys;
use wirewitness_model::ooni::control::Control;
use wirewitness_model::outcome::Layer;
use wirewitness_model::verdict::{Confidence, Locus, Mechanism, Status, Verdict};

use super::evidence::capped;
use super::step::{Step, Way};
use crate::judge::rule::Rule;

/// True where the step at which a way was denied fails from elsewhere too.
pub(super) fn fails_elsewhere(keys: &TestKeys<'_>, way: &Way<'_>) -> bool {
    seen(keys, way) == Some(false)
}

/// True where the step at which a way was denied works from elsewhere.
pub(super) fn works_elsewhere(keys: &TestKeys<'_>, way: &Way<'_>) -> bool {
    seen(keys, way) == Some(true)
}

/// Whether the step at which a way was denied works from elsewhere; none where nobody looked.
fn seen(keys: &TestKeys<'_>, way: &Way<'_>) -> Option<bool> {
    let denial = way.denial()?;
    // The way of an address is named by its endpoint.
    let is_it = |host: &str| {
        !host.is_empty()
            && (way.name == host || way.name.rsplit_once(':').is_some_and(|(it, _)| it == host))
    };
    let entry = keys.x_elsewhere.iter().find(|it| is_it(it.host.or_empty()))?;
    let control = entry.control.as_ref().filter(|control| control.is_present())?;
    match denial.layer {
        Layer::Dns => resolves(control),
        Layer::Tcp => connects(control, way),
        Layer::Tls => shakes_hands(control),
        Layer::Http => answers(control),
        _ => None,
    }
}

fn resolves(control: &Control<'_>) -> Option<bool> {
    if !control.dns.addrs.is_empty() {
        return Some(true);
    }
    match control.dns.failure.as_str() {
        // OONI's helpers write nothing for a name without an address, and this for no such name.
        None | Some("dns_name_error" | "dns_nxdomain_error" | "dns_no_answer") => Some(false),
        Some(_) => None,
    }
}

/// What a helper says of the endpoints that were tried; of those of the way's own port where it names one.
fn connects(control: &Control<'_>, way: &Way<'_>) -> Option<bool> {
    let own = way.name.contains(':').then_some(way.name.as_str());
    let entries = control.tcp_connect.entries().iter();
    let entries = entries.filter(|(endpoint, _)| own.is_none_or(|own| endpoint == own));
    entries.filter_map(|(_, it)| it.status.0).max()
}

fn shakes_hands(control: &Control<'_>) -> Option<bool> {
    control.tls_handshake.entries().iter().filter_map(|(_, it)| it.status.0).max()
}

fn answers(control: &Control<'_>) -> Option<bool> {
    Some(control.http_request.failure.is_none())
}

/// The verdict where everything fails from elsewhere too.
pub(super) fn down(ways: &[Way<'_>]) -> Verdict {
    let steps = ways.iter().filter_map(Way::denial).map(Step::evidence);
    DOWN.verdict(Status::Down, Confidence::High)
        .by(Mechanism::ServerDown, Locus::Endpoint)
        .with(capped(steps))
        .done()
}

/// The rules of this file.
pub(super) const RULES: [&Rule; 1] = [&DOWN];

const DOWN: Rule = Rule {
    id: "app.down",
    version: 1,
    says: "What the application goes to fails here and, as a test helper sees it, from elsewhere at the same step.",
    stands_on: "The failed steps, and the helper's lookups, connects, handshakes and requests for the same hosts.",
    cannot_tell: &["an outage from a block at the helper's own network, at the same layer"],
    false_positives: &["a service that turns away the helper's network"],
};
