//! What happened, step by step, in OONI's archival formats (ooni/spec df-001 to df-008). What it means is no matter here.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use wirewitness_net::Clock;

/// Writes down the steps of one measurement, with times since it began. Clones write to the same place.
#[derive(Debug, Clone)]
pub struct Recorder<C> {
    clock: C,
    zero: Duration,
    records: Arc<Mutex<Records>>,
}

impl<C: Clock> Recorder<C> {
    /// Begins a measurement now.
    pub fn new(clock: C) -> Self {
        let zero = clock.now().elapsed;
        Self { clock, zero, records: Arc::default() }
    }

    /// Seconds since the measurement began.
    pub fn t(&self) -> f64 {
        self.clock.now().elapsed.saturating_sub(self.zero).as_secs_f64()
    }

    /// Whose time it is.
    pub fn clock(&self) -> &C {
        &self.clock
    }

    /// Adds to the records. One who panicked while adding has left them whole: a push is one step.
    pub fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes everything that was written down.
    pub fn take(&self) -> Records {
        std::mem::take(&mut *self.records())
    }
}

/// Everything that was written down.
#[derive(Debug, Default)]
pub struct Records {
    /// Lookups (df-002).
    pub queries: Vec<Query>,
    /// TCP connects (df-005).
    pub tcp_connect: Vec<TcpConnect>,
    /// TLS handshakes (df-006).
    pub tls_handshakes: Vec<TlsHandshake>,
    /// TLS handshakes with the name encrypted.
    pub ech_handshakes: Vec<TlsHandshake>,
    /// QUIC handshakes (df-006, with network `udp`).
    pub quic_handshakes: Vec<TlsHandshake>,
    /// HTTP exchanges (df-001).
    pub requests: Vec<Exchange>,
    /// HTTP/3 exchanges (df-001, with network `udp`).
    pub h3_requests: Vec<Exchange>,
    /// Events of connections (df-008).
    pub network_events: Vec<NetworkEvent>,
    /// DNS answers that came after the first.
    pub duplicate_answers: Vec<Query>,
    /// Bytes sent on watched connections.
    pub bytes_sent: u64,
    /// Bytes received on watched connections.
    pub bytes_received: u64,
}

impl Records {
    /// Puts everything in OONI's order: by transaction, then by time; exchanges the other way, the last one first.
    pub fn sort(&mut self) {
        fn by<T>(list: &mut [T], key: impl Fn(&T) -> (i64, f64)) {
            list.sort_by(|a, b| {
                let (a, b) = (key(a), key(b));
                a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
            });
        }
        by(&mut self.queries, |it| (it.mark.transaction_id, it.t));
        by(&mut self.duplicate_answers, |it| (it.mark.transaction_id, it.t));
        by(&mut self.tcp_connect, |it| (it.mark.transaction_id, it.t));
        by(&mut self.tls_handshakes, |it| (it.mark.transaction_id, it.t));
        by(&mut self.quic_handshakes, |it| (it.mark.transaction_id, it.t));
        by(&mut self.network_events, |it| (it.mark.transaction_id, it.t));
        self.requests.sort_by(|a, b| b.t.total_cmp(&a.t));
    }
}

/// Which connection or lookup a record belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// Number of the lookup or connection.
    pub transaction_id: i64,
    /// What kind of step it is part of.
    pub tags: Vec<String>,
}

/// One lookup of one record type.
#[derive(Debug, Clone, Serialize)]
pub struct Query {
    /// The answers; null where there are none.
    pub answers: Option<Vec<Answer>>,
    /// `getaddrinfo`, `udp` or `doh`.
    pub engine: &'static str,
    /// What happened instead.
    pub failure: Option<String>,
    /// The name asked for.
    pub hostname: String,
    /// `A`, `AAAA`, `HTTPS`; `ANY` for the system's resolver.
    pub query_type: &'static str,
    /// Response code, where an answer came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rcode: Option<u8>,
    /// The whole answer as it came: base64 alone, as OONI's prober writes it (df-002), and not as [`Bytes`] elsewhere.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "base64_alone")]
    pub raw_response: Option<Bytes>,
    /// Always null; kept for OONI's readers.
    pub resolver_hostname: Option<String>,
    /// Always null; kept for OONI's readers.
    pub resolver_port: Option<String>,
    /// `address:port`, or the URL; empty for the system's resolver.
    pub resolver_address: String,
    /// Start, in seconds.
    pub t0: f64,
    /// End, in seconds.
    pub t: f64,
    /// Which lookup.
    #[serde(flatten)]
    pub mark: Mark,
}

/// One record of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The network that the address belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asn: Option<u32>,
    /// Whose network that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_org_name: Option<String>,
    /// `A`, `AAAA`, `CNAME`.
    pub answer_type: &'static str,
    /// The alias.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// The address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv4: Option<String>,
    /// The address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv6: Option<String>,
    /// How long it may be kept, in seconds; null from the system's resolver.
    pub ttl: Option<u32>,
}

/// One attempt to open a TCP connection.
#[derive(Debug, Clone, Serialize)]
pub struct TcpConnect {
    /// The address.
    pub ip: IpAddr,
    /// The port.
    pub port: u16,
    /// How it ended.
    pub status: Status,
    /// Start, in seconds.
    pub t0: f64,
    /// End, in seconds.
    pub t: f64,
    /// Which connection.
    #[serde(flatten)]
    pub mark: Mark,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// What happened instead.
    pub failure: Option<String>,
    /// True without a failure.
    pub success: bool,
}

impl From<Option<String>> for Status {
    fn from(failure: Option<String>) -> Self {
        Self { success: failure.is_none(), failure }
    }
}

/// One TLS or QUIC handshake.
#[derive(Debug, Clone, Serialize)]
pub struct TlsHandshake {
    /// `tcp` or `udp`.
    pub network: &'static str,
    /// `address:port`.
    pub address: SocketAddr,
    /// Empty where the handshake failed.
    pub cipher_suite: String,
    /// What happened instead.
    pub failure: Option<String>,
    /// ALPN; empty without.
    pub negotiated_protocol: String,
    /// Always false: the chain is recorded and verified.
    pub no_tls_verify: bool,
    /// The chain as the server sent it, whether or not it verifies.
    pub peer_certificates: Vec<Bytes>,
    /// The name asked for.
    pub server_name: String,
    /// Empty where the handshake failed.
    pub tls_version: String,
    /// What encrypted `ClientHello` did: `GREASE`, `accepted`, `rejected`; absent where it was not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub echconfig: Option<&'static str>,
    /// Start, in seconds.
    pub t0: f64,
    /// End, in seconds.
    pub t: f64,
    /// Which connection.
    #[serde(flatten)]
    pub mark: Mark,
}

/// One HTTP request and what came back.
#[derive(Debug, Clone, Serialize)]
pub struct Exchange {
    /// `tcp` or `udp`.
    pub network: &'static str,
    /// `address:port`.
    pub address: SocketAddr,
    /// ALPN; absent without TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpn: Option<String>,
    /// What happened instead, or on top.
    pub failure: Option<String>,
    /// The request.
    pub request: Request,
    /// The response, as far as it came.
    pub response: Response,
    /// Start, in seconds.
    pub t0: f64,
    /// End, in seconds.
    pub t: f64,
    /// Which connection.
    #[serde(flatten)]
    pub mark: Mark,
}

/// A request as it was sent.
#[derive(Debug, Clone, Serialize)]
pub struct Request {
    /// Always empty.
    pub body: &'static str,
    /// Always false.
    pub body_is_truncated: bool,
    /// Header fields in order.
    pub headers_list: Vec<(String, Text)>,
    /// The same, the last of a name.
    pub headers: BTreeMap<String, Text>,
    /// `GET`.
    pub method: &'static str,
    /// Always the same: nothing goes through Tor.
    pub tor: Tor,
    /// `tcp` or `udp`.
    pub x_transport: &'static str,
    /// The URL.
    pub url: String,
}

/// OONI's mark of exchanges over Tor.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Tor {
    /// Null.
    pub exit_ip: Option<String>,
    /// Null.
    pub exit_name: Option<String>,
    /// False.
    pub is_tor: bool,
}

/// A response, as far as it came.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Response {
    /// What came of the body, up to the cap.
    pub body: Text,
    /// Whether there was more.
    pub body_is_truncated: bool,
    /// Status; 0 where none came.
    pub code: u16,
    /// Header fields in order.
    pub headers_list: Vec<(String, Text)>,
    /// The same, the last of a name.
    pub headers: BTreeMap<String, Text>,
}

/// Something that happened on a connection.
#[derive(Debug, Clone, Serialize)]
pub struct NetworkEvent {
    /// `address:port`; empty where it is the connection's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
    /// What happened instead.
    pub failure: Option<String>,
    /// How many bytes, where bytes moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_bytes: Option<u64>,
    /// `connect`, `read`, `write`, `tls_handshake_start`, `bytes_received_cumulative`, ..
    pub operation: &'static str,
    /// `tcp` or `udp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proto: Option<&'static str>,
    /// Start, in seconds.
    pub t0: f64,
    /// End, in seconds.
    pub t: f64,
    /// Which connection.
    #[serde(flatten)]
    pub mark: Mark,
}

/// Bytes, written as `{"format":"base64","data":".."}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("format", "base64")?;
        map.serialize_entry("data", &STANDARD.encode(&self.0))?;
        map.end()
    }
}

fn base64_alone<S: Serializer>(bytes: &Option<Bytes>, serializer: S) -> Result<S::Ok, S::Error> {
    match bytes {
        Some(bytes) => serializer.serialize_str(&STANDARD.encode(&bytes.0)),
        None => serializer.serialize_none(),
    }
}

/// What is text most of the time: a string where it is UTF-8, [`Bytes`] where it is not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text(pub Vec<u8>);

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => Bytes(self.0.clone()).serialize(serializer),
        }
    }
}

/// Whose network an address belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Network {
    /// Its number.
    pub asn: u32,
    /// Whose it is.
    pub org: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_text_where_it_can_be() {
        assert_eq!(serde_json::to_string(&Text::from("a\"b")).unwrap(), r#""a\"b""#);
        assert_eq!(
            serde_json::to_string(&Text(vec![0xff, 0xfe])).unwrap(),
            r#"{"format":"base64","data":"//4="}"#
        );
    }
}
