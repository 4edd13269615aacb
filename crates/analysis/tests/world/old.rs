//! What web connectivity wrote before 0.5: one resolver, no tags, no ids, and a request that holds whatever failed.

use serde_json::{Value, json};

use super::probe::{answers, envelope, exchange};
use super::{Hop, Page, Reply, World, control};

/// Measures.
pub(super) fn measure(world: &World) -> Value {
    let first = &world.hops[0];
    let system = first.answer(&first.system);
    let addresses = system.clone().unwrap_or_default();
    let connects: Vec<_> = addresses.iter().map(|address| connect(first, address)).collect();
    let mut requests = Vec::new();
    for hop in &world.hops {
        let reply = fetch(hop);
        let goes_on = reply.failure.is_none() && reply.page.status / 100 == 3;
        requests.push(exchange(hop, &reply));
        if !goes_on {
            break;
        }
    }
    requests.reverse();
    let mut control = control::answer(world, &addresses);
    if let Some(control) = control.as_object_mut() {
        for key in ["tls_handshake", "quic_handshake", "http3_request", "ip_info"] {
            control.remove(key);
        }
    }
    envelope(
        world,
        "0.4.1",
        json!({
            "agent": "redirect",
            "client_resolver": world.client_resolver.unwrap_or_default(),
            "retries": null,
            "socksproxy": null,
            "network_events": null,
            "tls_handshakes": null,
            "queries": queries(first),
            "tcp_connect": connects,
            "requests": requests,
            "control": if control.is_null() { json!({}) } else { control },
            "control_failure": world.control.absent,
        }),
    )
}

fn queries(hop: &Hop) -> Vec<Value> {
    let system = hop.answer(&hop.system);
    let addresses = system.as_deref().unwrap_or_default();
    let one = |kind: &str, v6: bool| {
        let answers = answers(addresses, v6);
        let none = answers.is_empty().then_some("dns_no_answer");
        json!({
            "answers": if answers.is_empty() { Value::Null } else { json!(answers) },
            "engine": "system", "failure": system.as_ref().err().copied().or(none),
            "hostname": hop.host, "query_type": kind, "resolver_hostname": null,
            "resolver_port": null, "resolver_address": "", "t": 0.1,
        })
    };
    vec![one("A", false), one("AAAA", true)]
}

fn connect(hop: &Hop, address: &str) -> Value {
    let failure = hop.connect_failure(address, hop.port());
    json!({
        "ip": address, "port": hop.port(),
        "status": {"blocked": null, "failure": failure, "success": failure.is_none()}, "t": 0.2,
    })
}

/// The first failure on the way to the page, or the page.
fn fetch(hop: &Hop) -> Reply {
    let failed = |failure| Reply { page: Page::nothing(), failure: Some(failure) };
    let addresses = match hop.answer(&hop.system) {
        Ok(addresses) => addresses,
        // The request looks the name up once more, which may go better.
        Err(failure) => return hop.reply.clone().unwrap_or_else(|| failed(failure)),
    };
    let mut first_failure = None;
    for address in addresses {
        let connect = hop.connect_failure(address, hop.port());
        let handshake = hop.handshakes.get(address).filter(|_| hop.is_https());
        match connect.or(handshake.map(|handshake| handshake.failure)) {
            None => return hop.reply_from(address),
            Some(failure) => first_failure = first_failure.or(Some(failure)),
        }
    }
    failed(first_failure.unwrap_or("dns_no_answer"))
}
