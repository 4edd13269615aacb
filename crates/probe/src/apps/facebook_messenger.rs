//! Facebook Messenger (ts-019): seven names, looked up, and six of them connected to.
//!
//! What of OONI's keys is a probe's conclusion is null, as in [`super::telegram`]: whether an answer is consistent is judged
//! by what its address does.

use serde_json::{Map, Value};

use super::Test;

pub(super) const TEST: Test =
    Test { name: "facebook_messenger", version: "0.2.1", is_its_own_target: true, keys };

fn keys() -> Value {
    let names = ["b_api", "b_graph", "edge", "external_cdn", "scontent_cdn", "star", "stun"];
    let of = |name: &str| {
        ["dns_consistent", "reachable"].map(|what| (format!("facebook_{name}_{what}"), Value::Null))
    };
    let all = ["facebook_dns_blocking", "facebook_tcp_blocking", "socksproxy"];
    let all = all.map(|key| (key.to_owned(), Value::Null));
    Value::Object(names.into_iter().flat_map(of).chain(all).collect::<Map<_, _>>())
}
