//! The classic half: `blocking`, `accessible` and what goes with them, as version 0.4 meant them.
//!
//! The observations are walked from the last redirect back to the first lookup, within a hop from HTTP down to DNS,
//! successes before failures. The first one that allows a conclusion decides.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::net::IpAddr;

use super::super::address::is_loopback;
use super::analyze::Analysis;
use super::observe::{Kind, Observation, View};
use super::{Blocking, OoniKeys};

/// `consistent`, `inconsistent`, or none where nothing can be compared.
pub(super) fn dns_consistency(analysis: &Analysis<'_>, all: &View<'_, '_>) -> Option<&'static str> {
    let is_bad = analysis.dns_unexpected_failure || analysis.dns_invalid_classic;
    let is_good = analysis.dns_valid_classic || analysis.dns_expected_failure;
    let is_ghost =
        analysis.dns_success && all.control.is_some_and(|control| control.addresses.is_empty());
    match (is_bad, is_good, is_ghost) {
        (false, true, _) => Some("consistent"),
        (true, ..) | (_, _, true) => Some("inconsistent"),
        _ => None,
    }
}

/// What one observation leads to, and the failure that says so.
enum Conclusion<'m> {
    Accessible(Option<&'m str>),
    Unknown(Option<&'m str>),
    Down(Option<&'m str>),
    Blocked(&'static str, Option<&'m str>),
}

/// Fills in `blocking`, `accessible` and `http_experiment_failure`.
pub(super) fn decide<'m>(all: &View<'_, 'm>, keys: &mut OoniKeys<'m>) {
    let Some(conclusion) =
        linear(all).into_iter().find_map(|observation| conclude(observation, all, keys))
    else {
        return;
    };
    let (blocking, accessible, failure) = match conclusion {
        Conclusion::Unknown(failure) => (Blocking::Unknown, None, failure),
        Conclusion::Accessible(failure) => (Blocking::No, Some(true), failure),
        Conclusion::Down(failure) => (Blocking::No, Some(false), failure),
        Conclusion::Blocked(how, failure) => (Blocking::By(how), Some(false), failure),
    };
    keys.http_experiment_failure = failure.map(Cow::Borrowed);
    // Inconsistent DNS overrides every conclusion but "accessible".
    let is_overridden = keys.dns_consistency == Some("inconsistent") && accessible != Some(true);
    (keys.blocking, keys.accessible) =
        if is_overridden { (Blocking::By("dns"), Some(false)) } else { (blocking, accessible) };
}

fn linear<'a, 'm>(all: &View<'a, 'm>) -> Vec<&'a Observation<'m>> {
    let mut list: Vec<_> = all
        .failed_lookups
        .iter()
        .chain(&all.successful_lookups)
        .chain(&all.endpoints)
        .copied()
        .collect();
    list.sort_by_key(|o| {
        (
            Reverse(o.depth.unwrap_or(-1)),
            Reverse(o.kind),
            o.failure.unwrap_or("unknown_failure"),
            Reverse(o.transaction),
        )
    });
    list
}

fn conclude<'m>(
    o: &Observation<'m>,
    all: &View<'_, 'm>,
    keys: &OoniKeys<'_>,
) -> Option<Conclusion<'m>> {
    let control_http = all.control.and_then(|control| control.final_failure);
    if o.page.as_ref().is_some_and(super::page::Page::is_final) {
        return Some(conclude_page(o, control_http, keys));
    }
    let failure = o.failure?;
    if o.kind == Kind::Dns {
        return conclude_dns(o, failure, control_http);
    }
    if failure.is_empty() {
        return None;
    }
    let (own_control, blocked_as) = match o.kind {
        Kind::Http => (control_http, "http-failure"),
        Kind::Tls => (o.control_tls, "http-failure"),
        Kind::Tcp | Kind::Dns => (o.control_tcp, "tcp_ip"),
    };
    Some(match (own_control, control_http) {
        (None, None) => Conclusion::Unknown(Some(failure)),
        (None, Some(_)) => Conclusion::Blocked("http-failure", Some(failure)),
        (Some(""), _) => Conclusion::Blocked(blocked_as, Some(failure)),
        (Some(_), _) => Conclusion::Down(Some(failure)),
    })
}

fn conclude_page<'m>(
    o: &Observation<'m>,
    control_http: Option<&str>,
    keys: &OoniKeys<'_>,
) -> Conclusion<'m> {
    if o.tls == Some("") {
        return Conclusion::Accessible(None);
    }
    if control_http.is_none() {
        return Conclusion::Unknown(None);
    }
    let matches = keys.status_code_match == Some(true)
        && [keys.body_length_match, keys.headers_match, keys.title_match].contains(&Some(true));
    if matches { Conclusion::Accessible(None) } else { Conclusion::Blocked("http-diff", None) }
}

fn conclude_dns<'m>(
    o: &Observation<'m>,
    failure: &'m str,
    control_http: Option<&str>,
) -> Option<Conclusion<'m>> {
    if failure.is_empty() {
        return conclude_loopback(o);
    }
    let control_found_nothing =
        o.control_addresses.as_ref().is_some_and(|addresses| addresses.is_empty());
    Some(match (o.control_dns, control_http) {
        (None, None) => Conclusion::Accessible(Some(failure)),
        (None, Some(_)) => Conclusion::Blocked("dns", Some(failure)),
        (Some(""), _) if control_found_nothing => Conclusion::Down(None),
        (Some(""), _) => Conclusion::Blocked("dns", Some(failure)),
        (Some(_), _) => Conclusion::Down(Some(failure)),
    })
}

/// A name that leads to loopback is never connected to, so the lookup itself must say what that means.
fn conclude_loopback<'m>(o: &Observation<'m>) -> Option<Conclusion<'m>> {
    let control = o.control_addresses.as_ref()?;
    if !only_loopback(&o.dns_addresses) {
        return None;
    }
    Some(if only_loopback(control) {
        Conclusion::Down(None)
    } else {
        Conclusion::Blocked("dns", None)
    })
}

fn only_loopback(addresses: &BTreeSet<&str>) -> bool {
    let mut real = addresses.iter().filter(|address| address.parse::<IpAddr>().is_ok()).peekable();
    real.peek().is_some() && real.all(|address| is_loopback(address))
}
