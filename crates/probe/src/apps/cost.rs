//! What measuring an application costs the person whose line it is: bytes, seconds, and what can be seen of it.

use serde::Serialize;

use super::description::{App, Ask};
use super::reach::{BODY_CAP, MAX_ADDRESSES};
use crate::targets::Tier;

/// What a measurement may cost, known before it begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Estimate {
    /// Names that the system's resolver is asked for.
    pub lookups: u64,
    /// Connections where everything works.
    pub connections: u64,
    /// Connections at most: names with several addresses, of which the first do not answer.
    pub connections_at_most: u64,
    /// Bytes both ways where everything works, headers of packets included; measured in the lab, rounded up.
    pub bytes: u64,
    /// The same at most, with every answer as long as is read.
    pub bytes_at_most: u64,
    /// Seconds at most; where everything works a few round trips.
    pub seconds_at_most: u64,
    /// What being seen using the application may mean: `ordinary`, `high`, `highest`.
    pub risk: &'static str,
}

impl Estimate {
    /// What measuring `app` may cost.
    pub fn of(app: &App) -> Self {
        let (mut lookups, mut connections, mut bytes, mut most) = (0, 0, 0, 0);
        let mut connections_at_most = 0;
        for endpoint in &app.endpoints {
            let is_name = endpoint.address().is_none();
            let addresses = if is_name { MAX_ADDRESSES as u64 } else { 1 };
            let ports = endpoint.ports.len() as u64;
            let (usual, at_most) = connection_bytes(endpoint.ask);
            lookups += u64::from(is_name);
            connections += ports;
            connections_at_most += ports * addresses;
            bytes += ports * usual + u64::from(is_name) * LOOKUP_BYTES;
            most += ports * addresses * at_most + u64::from(is_name) * LOOKUP_BYTES * 4;
        }
        Self {
            lookups,
            connections,
            connections_at_most,
            bytes,
            bytes_at_most: most,
            seconds_at_most: super::PATIENCE.as_secs() + super::ELSEWHERE.as_secs(),
            risk: tier_word(app.risk()),
        }
    }
}

/// What a measurement has cost (key `x_cost`).
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Spent {
    /// Names looked up.
    pub lookups: u64,
    /// Connections tried.
    pub connections: u64,
    /// Bytes sent on connections, without headers of packets.
    pub bytes_sent: u64,
    /// Bytes received on connections, without headers of packets.
    pub bytes_received: u64,
    /// Hosts that a test helper was asked for.
    pub helper_requests: u64,
    /// How long it took.
    pub seconds: f64,
}

/// Bytes of one connection: usually, and at most.
fn connection_bytes(ask: Ask) -> (u64, u64) {
    let cap = BODY_CAP as u64;
    match ask {
        Ask::Lookup => (0, 0),
        Ask::Connect => (CONNECT_BYTES, CONNECT_BYTES * 4),
        Ask::Tls => (CONNECT_BYTES + HANDSHAKE_BYTES, CONNECT_BYTES * 4 + HANDSHAKE_BYTES * 4),
        Ask::HttpPost => (CONNECT_BYTES + REQUEST_BYTES, CONNECT_BYTES * 4 + REQUEST_BYTES + cap),
        Ask::HttpsGet => (
            CONNECT_BYTES + HANDSHAKE_BYTES + REQUEST_BYTES + PAGE_BYTES,
            CONNECT_BYTES * 4 + HANDSHAKE_BYTES * 4 + REQUEST_BYTES + 2 * cap,
        ),
    }
}

fn tier_word(tier: Tier) -> &'static str {
    match tier {
        Tier::Ordinary => "ordinary",
        Tier::High => "high",
        Tier::Highest => "highest",
    }
}

/// A question and its answer for each kind of address, with their headers.
const LOOKUP_BYTES: u64 = 400;
/// Seven segments without payload, 60 bytes each.
const CONNECT_BYTES: u64 = 420;
/// A hello of some 300 bytes, a chain of some 4 KiB, and their headers.
const HANDSHAKE_BYTES: u64 = 6_000;
/// A request of some 300 bytes, an answer's head, and their headers.
const REQUEST_BYTES: u64 = 1_200;
/// The first page of a web client, compressed or a redirect.
const PAGE_BYTES: u64 = 16_000;
