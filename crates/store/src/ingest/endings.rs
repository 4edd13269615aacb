//! For tests: a connection of a capture, and that it did not end well.

use wirewitness_analysis::tamper::Finding;
use wirewitness_analysis::tamper::finding::{
    Connection, Flow, Protocol, SeenFrom, Trigger, TriggerKind,
};

pub(super) fn ends() -> Connection {
    Connection {
        protocol: Protocol::Tcp,
        client: "192.0.2.7:50123".parse().unwrap(),
        server: "198.51.100.7:443".parse().unwrap(),
    }
}

/// A connection to a name that did not end well.
pub(super) fn ending() -> Finding {
    let value = "news.example".to_owned();
    Finding::Flow(Box::new(Flow {
        connection: ends(),
        packet: 1,
        first_ns: 1,
        last_ns: 2,
        packets: [1, 1],
        bytes: [0, 0],
        seen_from: SeenFrom::Client,
        trigger: Some(Trigger { kind: TriggerKind::Sni, value, packet: 4 }),
        signature: None,
        gaps: Vec::new(),
        app: None,
    }))
}
