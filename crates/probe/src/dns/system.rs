//! The system's own resolver, as applications use it.

use std::net::IpAddr;
use std::time::Duration;

use wirewitness_net::Net;

use super::{Networks, address_answer, alias_answer};
use crate::clock::within;
use crate::failure;
use crate::record::{Mark, Query, Recorder};

/// Asks the system's resolver, and writes the lookup down.
pub async fn lookup<N: Net>(
    net: &N,
    name: &str,
    mark: Mark,
    (recorder, networks): (&Recorder<N>, &Networks),
) -> Vec<IpAddr> {
    let t0 = recorder.t();
    let result = within(net, PATIENCE, net.lookup(name)).await;
    let (lookup, failure) = match result {
        Some(Ok(lookup)) => (lookup, None),
        Some(Err(error)) => (Default::default(), Some(failure::of_lookup(&error))),
        None => (Default::default(), Some(failure::TIMEOUT.to_owned())),
    };
    let alias = lookup.canonical_name.as_deref().filter(|alias| *alias != name).map(alias_answer);
    let addresses = lookup.addresses.iter().map(|it| address_answer(*it, networks));
    let answers: Vec<_> = addresses.chain(alias).collect();
    recorder.records().queries.push(Query {
        answers: (!answers.is_empty()).then_some(answers),
        engine: "getaddrinfo",
        failure,
        hostname: name.to_owned(),
        query_type: "ANY",
        rcode: None,
        raw_response: None,
        resolver_hostname: None,
        resolver_port: None,
        resolver_address: String::new(),
        t0,
        t: recorder.t(),
        mark,
    });
    lookup.addresses
}

/// Twice what the usual resolver library waits for one answer, and a little: one lost packet is no verdict.
pub const PATIENCE: Duration = Duration::from_millis(10_500);
