//! Sorts observations into what the control makes us expect and what it does not.

use std::collections::BTreeSet;

use super::super::address::{Asns, is_bogon, is_v6};
use super::observe::{Observation, View};
use super::page::{Comparison, compare};

/// The final page, by how it came and whether there is something to compare it with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FinalResponse {
    pub(super) is_tls: bool,
    pub(super) has_control: bool,
}

/// What the engine derives before it concludes.
#[derive(Debug, Default)]
pub(super) struct Analysis<'m> {
    pub(super) dns_success: bool,
    pub(super) dns_bogon: bool,
    pub(super) dns_invalid: BTreeSet<i64>,
    pub(super) dns_invalid_classic: bool,
    pub(super) dns_valid_classic: bool,
    pub(super) dns_expected_failure: bool,
    pub(super) dns_unexpected_failure: bool,
    pub(super) dns_unexplained_failure: bool,
    pub(super) dns_experiment_failure: Option<&'m str>,
    pub(super) tcp: Failures,
    pub(super) tls: Failures,
    pub(super) http_unexpected_failure: bool,
    pub(super) http_unexplained_failure: bool,
    pub(super) final_response: Option<FinalResponse>,
    pub(super) page: Comparison,
    pub(super) control_got_page: bool,
    /// None without control.
    pub(super) control_resolved: Option<bool>,
}

/// Failures of one layer.
#[derive(Debug, Default)]
pub(super) struct Failures {
    /// The control failed too.
    pub(super) expected: bool,
    /// The control did not.
    pub(super) unexpected: bool,
    /// After a redirect, where there is no control for the step.
    pub(super) unexplained: bool,
}

/// Runs the whole analysis.
pub(super) fn analyze<'m>(all: &View<'_, 'm>, asns: &Asns<'m>) -> Analysis<'m> {
    let mut analysis = Analysis {
        control_got_page: all.control.is_some_and(|c| c.final_failure == Some("")),
        control_resolved: all.control.map(|c| !c.addresses.is_empty()),
        ..Analysis::default()
    };
    dns_successes(&mut analysis, all, asns);
    dns_failures(&mut analysis, all);
    for endpoint in &all.endpoints {
        tcp(&mut analysis.tcp, endpoint);
        tls(&mut analysis.tls, endpoint);
        http(&mut analysis, endpoint, all.control.is_some());
    }
    final_response(&mut analysis, all);
    analysis
}

/// Only the first address of a transaction is looked at for bogons: A and AAAA share a transaction, and the engine
/// takes each transaction once.
fn dns_successes(analysis: &mut Analysis<'_>, all: &View<'_, '_>, asns: &Asns<'_>) {
    let mut seen = BTreeSet::new();
    for lookup in &all.successful_lookups {
        let transaction = lookup.dns_transaction.unwrap_or(0);
        if !seen.insert(transaction) || lookup.depth != Some(0) {
            continue;
        }
        analysis.dns_success = true;
        analysis.dns_bogon |= lookup.address.is_some_and(is_bogon);
        let Some(control) = &lookup.control_addresses else { continue };
        if share_address(&lookup.dns_addresses, control)
            || share_network(&lookup.dns_addresses, control, asns)
        {
            analysis.dns_valid_classic = true;
        } else {
            analysis.dns_invalid.insert(transaction);
            analysis.dns_invalid_classic = true;
        }
    }
    for endpoint in &all.endpoints {
        if let (Some(""), Some(transaction)) = (endpoint.tls, endpoint.dns_transaction) {
            // A certificate that verifies proves the address, whatever the control resolved.
            if transaction > 0 {
                analysis.dns_invalid.remove(&transaction);
            }
        }
    }
}

/// True where the two sets have an address in common.
pub(crate) fn share_address(ours: &BTreeSet<&str>, theirs: &BTreeSet<&str>) -> bool {
    ours.iter().any(|address| !address.is_empty() && theirs.contains(address))
}

/// True where the two sets have a network in common.
pub(crate) fn share_network(
    ours: &BTreeSet<&str>,
    theirs: &BTreeSet<&str>,
    asns: &Asns<'_>,
) -> bool {
    let networks: BTreeSet<u32> = theirs.iter().filter_map(|address| asns.find(address)).collect();
    !networks.is_empty()
        && ours.iter().any(|address| asns.find(address).is_some_and(|asn| networks.contains(&asn)))
}

fn dns_failures<'m>(analysis: &mut Analysis<'m>, all: &View<'_, 'm>) {
    let mut seen = BTreeSet::new();
    for lookup in &all.failed_lookups {
        if !seen.insert(lookup.dns_transaction.unwrap_or(0)) {
            continue;
        }
        let failure = lookup.dns_failure.unwrap_or("");
        // A DoH failure is about the DoH service; a name without IPv6 is no failure.
        if lookup.dns_engine == "doh" || (lookup.dns_type == "AAAA" && failure == "dns_no_answer") {
            continue;
        }
        if lookup.depth == Some(0) {
            analysis.dns_experiment_failure.get_or_insert(failure);
            dns_failure_with_control(analysis, lookup, failure);
        } else {
            analysis.dns_unexplained_failure = true;
        }
    }
}

fn dns_failure_with_control(analysis: &mut Analysis<'_>, lookup: &Observation<'_>, failure: &str) {
    let Some(control) = lookup.control_dns else { return };
    let control_found_nothing =
        lookup.control_addresses.as_ref().is_some_and(|addresses| addresses.is_empty());
    if !control.is_empty() || (failure == "dns_no_answer" && control_found_nothing) {
        analysis.dns_expected_failure = true;
    } else {
        analysis.dns_unexpected_failure = true;
    }
}

fn tcp(failures: &mut Failures, endpoint: &Observation<'_>) {
    let Some(failure) = endpoint.tcp else { return };
    let is_broken_v6 = matches!(failure, "network_unreachable" | "host_unreachable")
        && endpoint.address.is_some_and(is_v6);
    sort(failures, endpoint, failure, endpoint.control_tcp, is_broken_v6);
}

fn tls(failures: &mut Failures, endpoint: &Observation<'_>) {
    let Some(failure) = endpoint.tls else { return };
    sort(failures, endpoint, failure, endpoint.control_tls, false);
}

fn sort(
    failures: &mut Failures,
    endpoint: &Observation<'_>,
    failure: &str,
    control: Option<&str>,
    excused: bool,
) {
    if failure.is_empty() {
        return;
    }
    if endpoint.depth != Some(0) {
        failures.unexplained |= !excused;
        return;
    }
    match control {
        None => {}
        Some("") => failures.unexpected |= !excused,
        Some(_) => failures.expected = true,
    }
}

fn http(analysis: &mut Analysis<'_>, endpoint: &Observation<'_>, has_control: bool) {
    if endpoint.http.is_none_or(str::is_empty) {
        return;
    }
    if !has_control {
        analysis.http_unexplained_failure = true;
    } else if analysis.control_got_page {
        analysis.http_unexpected_failure = true;
    }
}

fn final_response(analysis: &mut Analysis<'_>, all: &View<'_, '_>) {
    let Some((endpoint, page)) = all.endpoints.iter().find_map(|endpoint| {
        endpoint.page.as_ref().filter(|page| page.is_final()).map(|page| (endpoint, page))
    }) else {
        return;
    };
    analysis.final_response =
        Some(FinalResponse { is_tls: endpoint.tls.is_some(), has_control: all.control.is_some() });
    if let Some(control) = all.control.and_then(|control| control.page.as_ref()) {
        analysis.page = compare(page, control);
    }
}
