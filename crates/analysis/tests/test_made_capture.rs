//! A capture made from a seed, through the inspector: what was put in is found, and nothing else is called injected.

#[path = "../examples/make_capture/conversations.rs"]
mod conversations;
#[path = "../examples/make_capture/generate.rs"]
mod generate;
#[path = "../examples/make_capture/messages.rs"]
mod messages;
#[path = "../examples/make_capture/packets.rs"]
mod packets;
#[path = "../examples/make_capture/talk.rs"]
mod talk;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use generate::{Plan, generate};
use wirewitness_analysis::tamper::Finding;
use wirewitness_analysis::tamper::finding::{DropGrade, Grade};

use crate::captures::inspect_with;
use crate::shared::fingerprints;

#[test]
fn what_was_put_in_is_found_and_nothing_else() {
    let plan = Plan { bytes: 20_000_000, seed: 7 };
    let mut file = Vec::new();
    let made = generate(plan, &mut file).unwrap();
    eprintln!("{}", made.json(plan));
    let found = inspect(&file);
    for (kind, clients) in &found {
        eprintln!("found {kind}: {} connections", clients.len());
    }
    let mut put_in: BTreeMap<&str, BTreeSet<SocketAddr>> = BTreeMap::new();
    for (kind, client) in &made.examples {
        put_in.entry(kind).or_default().insert(told_of(kind, *client));
    }
    assert_eq!(put_in.len(), 4);
    for (kind, clients) in put_in {
        let got = found.get(kind).cloned().unwrap_or_default();
        let share = clients.intersection(&got).count() * 100 / clients.len();
        eprintln!("{kind}: {share} % of {} found", clients.len());
        assert!(share >= 95, "{kind}: {share} %");
        let else_: Vec<_> = got.difference(&clients).take(5).collect();
        assert!(else_.is_empty(), "{kind}: {else_:?} were not interfered with");
    }
}

/// Whom a finding of a kind is about: a drop is told once for all connections of a client that asked for a name.
fn told_of(kind: &str, client: SocketAddr) -> SocketAddr {
    let port = if kind == "client_hello_drop" { 0 } else { client.port() };
    SocketAddr::new(client.ip(), port)
}

/// Clients of the connections in which something was found, by kind.
fn inspect(file: &[u8]) -> BTreeMap<&'static str, BTreeSet<SocketAddr>> {
    let mut found: BTreeMap<&'static str, BTreeSet<SocketAddr>> = BTreeMap::new();
    let mut out = |finding: Finding| {
        let told = match &finding {
            Finding::Injection(it) if it.grade == Grade::Injected => {
                let is_dns = it.what.contains(&"dns_answer");
                Some((if is_dns { "dns_injection" } else { "reset" }, it.connection.client))
            }
            Finding::Drop(it) if it.grade != DropGrade::Undecided => {
                Some(("client_hello_drop", it.connection.client))
            }
            Finding::Blockpage(it) => Some(("blockpage", it.connection.client)),
            Finding::Throttle(it) => Some(("throttle", it.connection.client)),
            _ => None,
        };
        if let Some((kind, client)) = told {
            found.entry(kind).or_default().insert(told_of(kind, client));
        }
    };
    inspect_with(fingerprints(), file, &mut out);
    assert!(!found.contains_key("throttle"), "{:?}", found.get("throttle"));
    found
}
