//! What web connectivity 0.5 writes: every step tagged with its redirect, every connection numbered.

use serde_json::{Value, json};

use super::{Answer, Hop, Reply, World, control, endpoint, network};

/// Measures.
pub(super) fn measure(world: &World) -> Value {
    let mut recorder = Recorder::default();
    let mut asked = Vec::new();
    for (depth, hop) in world.hops.iter().enumerate() {
        let addresses = recorder.look_up(world, depth);
        if depth == 0 {
            asked.clone_from(&addresses);
        }
        if world.stops_after_names || !recorder.visit(hop, depth, &addresses) {
            break;
        }
    }
    if let (Some((bytes, seconds)), false) = (world.beside, recorder.tcp.is_empty()) {
        recorder.other_transfer(bytes, seconds);
    }
    if !world.stops_after_names && world.control.absent.is_none() {
        recorder.visit_what_only_the_control_found(world, &asked);
    }
    recorder.requests.reverse();
    let first = &world.hops[0];
    let control = control::answer(world, &asked);
    let endpoints: Vec<_> =
        asked.iter().flat_map(|a| [endpoint(a, 443), endpoint(a, 80)]).collect();
    let control_request = json!({
        "http_request": first.url(), "http_request_headers": {}, "tcp_connect": endpoints,
        "x_quic_enabled": false,
    });
    envelope(
        world,
        "0.5.28",
        json!({
            "agent": "redirect",
            "client_resolver": world.client_resolver.unwrap_or_default(),
            "retries": null,
            "socksproxy": null,
            "network_events": recorder.events,
            "queries": recorder.queries,
            "requests": recorder.requests,
            "tcp_connect": recorder.tcp,
            "tls_handshakes": recorder.tls,
            "x_control_request": if asked.is_empty() { Value::Null } else { control_request },
            "control": control,
            "control_failure": world.control.absent,
        }),
    )
}

/// The envelope (df-000).
pub(super) fn envelope(world: &World, version: &str, test_keys: Value) -> Value {
    let mut measurement = json!({
        "annotations": {},
        "data_format_version": "0.2.0",
        "input": world.hops[0].url(),
        "measurement_start_time": "2026-12-15 12:00:00",
        "probe_asn": "AS64500",
        "probe_cc": "XA",
        "probe_ip": "127.0.0.1",
        "probe_network_name": "Example Telecom",
        "report_id": "",
        "resolver_asn": if world.client_resolver.is_some() { "AS64500" } else { "AS0" },
        "resolver_ip": world.client_resolver.unwrap_or_default(),
        "resolver_network_name": if world.client_resolver.is_some() { "Example Telecom" } else { "" },
        "software_name": "wirewitness-example",
        "software_version": "0.1.0",
        "test_name": "web_connectivity",
        "test_runtime": 30.0,
        "test_start_time": "2026-12-15 12:00:00",
        "test_version": version,
    });
    measurement["test_keys"] = test_keys;
    measurement
}

/// Answers as the probe writes them.
pub(super) fn answers(addresses: &[&str], v6: bool) -> Vec<Value> {
    let of_family = addresses.iter().filter(|address| address.contains(':') == v6);
    of_family
        .map(|address| {
            let (kind, key) = if v6 { ("AAAA", "ipv6") } else { ("A", "ipv4") };
            let mut answer = json!({"answer_type": kind, key: address, "ttl": null});
            if let Some((asn, name)) = network(address) {
                answer["asn"] = json!(asn);
                answer["as_org_name"] = json!(name);
            }
            answer
        })
        .collect()
}

/// Steps already taken, and the clock in milliseconds.
#[derive(Default)]
struct Recorder {
    now: u64,
    lookups: u64,
    plain: u64,
    secure: u64,
    hosts: Vec<&'static str>,
    queries: Vec<Value>,
    tcp: Vec<Value>,
    tls: Vec<Value>,
    requests: Vec<Value>,
    events: Vec<Value>,
}

/// One connection.
struct Connection<'w> {
    hop: &'w Hop,
    address: &'static str,
    port: u16,
    id: u64,
    tags: Vec<String>,
}

impl Connection<'_> {
    fn endpoint(&self) -> String {
        endpoint(self.address, self.port)
    }
}

/// Milliseconds as seconds.
#[allow(clippy::cast_precision_loss, reason = "minutes at most")]
fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1000.0
}

/// How long a step takes that ends in this way, in milliseconds.
fn duration(failure: Option<&str>) -> u64 {
    if failure == Some("generic_timeout_error") { 10_000 } else { 30 }
}

impl Recorder {
    /// Asks the resolvers for the name of a hop, once for each name, and gives the addresses in the order of trust.
    fn look_up(&mut self, world: &World, depth: usize) -> Vec<&'static str> {
        let hop = &world.hops[depth];
        let (system, public) = (hop.answer(&hop.system), hop.answer(&hop.public));
        let encrypted = if depth == 0 { hop.answer(&hop.encrypted) } else { Ok(Vec::new()) };
        if !self.hosts.contains(&hop.host) {
            self.hosts.push(hop.host);
            self.lookups += 1;
            if depth == 0 {
                let tags = [format!("depth={depth}")];
                let id = 30_000 + self.lookups;
                self.ask(hop, &encrypted, ("doh", "https://dns.example/dns-query", id), &tags);
            }
            let tags = ["classic".to_owned(), format!("depth={depth}")];
            self.ask(hop, &system, ("getaddrinfo", "", 10_000 + self.lookups), &tags);
            self.ask(hop, &public, ("udp", "192.52.193.53:53", 20_000 + self.lookups), &tags[1..]);
        }
        let mut all: Vec<&'static str> = Vec::new();
        for address in [system, public, encrypted].into_iter().flatten().flatten() {
            if !all.contains(&address) {
                all.push(address);
            }
        }
        all
    }

    fn ask(&mut self, hop: &Hop, answer: &Answer, how: (&str, &str, u64), tags: &[String]) {
        let (engine, resolver, id) = how;
        let addresses = answer.as_deref().unwrap_or_default();
        let t0 = self.now;
        self.now += duration(answer.as_ref().err().copied());
        let mut write = |kind: &str, answers: Vec<Value>| {
            let none = answers.is_empty().then_some("dns_no_answer");
            self.queries.push(json!({
                "answers": if answers.is_empty() { Value::Null } else { json!(answers) },
                "engine": engine, "failure": answer.as_ref().err().copied().or(none),
                "hostname": hop.host, "query_type": kind, "resolver_hostname": null,
                "resolver_port": null, "resolver_address": resolver,
                "t0": seconds(t0), "t": seconds(self.now), "tags": tags, "transaction_id": id,
            }));
        };
        let (v4, v6) = (answers(addresses, false), answers(addresses, true));
        if engine == "getaddrinfo" {
            write("ANY", [v4, v6].concat());
        } else {
            write("A", v4);
            write("AAAA", v6);
        }
    }

    /// Connects to every address and fetches from the first that serves. True where the chain goes on.
    fn visit(&mut self, hop: &Hop, depth: usize, addresses: &[&'static str]) -> bool {
        let system = hop.answer(&hop.system).unwrap_or_default();
        let mut serving = None;
        for address in addresses {
            let mut tags = vec![format!("depth={depth}")];
            if depth == 0 {
                tags.insert(0, "tcptls_experiment".to_owned());
            }
            if system.contains(address) {
                tags.insert(0, "classic".to_owned());
            }
            for port in [80, 443] {
                if let Some(connection) = self.open(hop, (address, port), &tags, true) {
                    serving.get_or_insert(connection);
                }
            }
        }
        let Some(connection) = serving else { return false };
        let reply = hop.reply_from(connection.address);
        self.fetch(&connection, &reply);
        reply.failure.is_none() && reply.page.status / 100 == 3
    }

    /// The helper may find addresses that the probe did not: they are tried, and not fetched from.
    fn visit_what_only_the_control_found(&mut self, world: &World, asked: &[&'static str]) {
        let hop = &world.hops[0];
        let found = hop.answer(&world.control.answer).unwrap_or_default();
        let tags = ["tcptls_experiment".to_owned(), "depth=0".to_owned()];
        for address in found.into_iter().filter(|address| !asked.contains(address)) {
            for port in [80, 443] {
                self.open(hop, (address, port), &tags, false);
            }
        }
    }

    /// Opens one connection; gives it where it may carry the request.
    fn open<'w>(
        &mut self,
        hop: &'w Hop,
        (address, port): (&'static str, u16),
        tags: &[String],
        may_fetch: bool,
    ) -> Option<Connection<'w>> {
        if port == 80 && hop.is_https() {
            return None;
        }
        let is_fetch = may_fetch && port == hop.port();
        let count = if port == 80 { &mut self.plain } else { &mut self.secure };
        *count += 1;
        let id = if port == 80 { 40_000 + *count } else { 50_000 + *count };
        let mut tags = tags.to_vec();
        tags.push(format!("fetch_body={is_fetch}"));
        let connection = Connection { hop, address, port, id, tags };
        let is_open = self.connect(&connection) && (port == 80 || self.shake_hands(&connection));
        (is_open && is_fetch).then_some(connection)
    }

    fn connect(&mut self, connection: &Connection<'_>) -> bool {
        let failure = connection.hop.connect_failure(connection.address, connection.port);
        let t0 = self.now;
        self.now += duration(failure);
        self.tcp.push(json!({
            "ip": connection.address, "port": connection.port,
            "status": {"failure": failure, "success": failure.is_none()},
            "t0": seconds(t0), "t": seconds(self.now), "tags": connection.tags,
            "transaction_id": connection.id,
        }));
        self.event(connection, "connect", failure, None);
        failure.is_none()
    }

    fn shake_hands(&mut self, connection: &Connection<'_>) -> bool {
        let bad = connection.hop.handshakes.get(connection.address);
        let failure = bad.map(|handshake| handshake.failure);
        let t0 = self.now;
        self.event(connection, "tls_handshake_start", None, None);
        self.event(connection, "write", None, Some(517));
        self.now += duration(failure);
        let heard = bad.map_or(3_100, |handshake| handshake.heard);
        if heard > 0 {
            self.event(connection, "read", None, Some(heard));
        }
        let certificate = bad.and_then(|handshake| handshake.certificate);
        if failure.is_some() && certificate.is_none() {
            self.event(connection, "read", failure, None);
        }
        self.event(connection, "tls_handshake_done", failure, None);
        let agreed = |word| if failure.is_none() { word } else { "" };
        let chain: Option<Vec<_>> =
            certificate.map(|der| vec![json!({"data": der, "format": "base64"})]);
        self.tls.push(json!({
            "network": "tcp", "address": connection.endpoint(),
            "cipher_suite": agreed("TLS_AES_128_GCM_SHA256"), "failure": failure,
            "negotiated_protocol": agreed("http/1.1"), "no_tls_verify": false,
            "peer_certificates": chain, "server_name": connection.hop.host,
            "t0": seconds(t0), "t": seconds(self.now), "tags": connection.tags,
            "tls_version": agreed("TLSv1.3"), "transaction_id": connection.id,
        }));
        failure.is_none()
    }

    fn fetch(&mut self, connection: &Connection<'_>, reply: &Reply) {
        let t0 = self.now;
        self.event(connection, "write", None, Some(300));
        match connection.hop.pace {
            Some((bytes, seconds)) => self.samples(connection, bytes, seconds),
            None => {
                self.now += duration(reply.failure);
                let length = reply.page.body().len() as u64;
                if reply.page.status > 0 {
                    self.event(connection, "read", None, Some(length + 200));
                }
            }
        }
        if reply.failure.is_some() {
            self.event(connection, "read", reply.failure, None);
        }
        let mut record = exchange(connection.hop, reply);
        record["network"] = json!("tcp");
        record["address"] = json!(connection.endpoint());
        record["alpn"] = json!(if connection.port == 443 { "http/1.1" } else { "" });
        record["t0"] = json!(seconds(t0));
        record["t"] = json!(seconds(self.now));
        record["tags"] = json!(connection.tags);
        record["transaction_id"] = json!(connection.id);
        self.requests.push(record);
    }

    /// Cumulative counts at 1, 2, 4, .. seconds and at the end.
    fn samples(&mut self, connection: &Connection<'_>, bytes: u64, total: u32) {
        let start = self.now;
        let mut at = 1;
        while at < total {
            self.now = start + u64::from(at) * 1000;
            let so_far = bytes * u64::from(at) / u64::from(total);
            self.event(connection, "bytes_received_cumulative", None, Some(so_far));
            at *= 2;
        }
        self.now = start + u64::from(total) * 1000;
        self.event(connection, "bytes_received_cumulative", None, Some(bytes));
    }

    /// A transfer from a place that has nothing to do with the site.
    fn other_transfer(&mut self, bytes: u64, seconds: u32) {
        let other = World::https("speed.example").at(&[super::CDN_TOO]).hops.remove(0);
        let tags = vec!["depth=0".to_owned(), "fetch_body=false".to_owned()];
        let connection =
            Connection { hop: &other, address: super::CDN_TOO, port: 443, id: 50_900, tags };
        if self.connect(&connection) && self.shake_hands(&connection) {
            self.samples(&connection, bytes, seconds);
        }
    }

    fn event(
        &mut self,
        connection: &Connection<'_>,
        operation: &str,
        failure: Option<&str>,
        bytes: Option<u64>,
    ) {
        let mut event = json!({
            "address": connection.endpoint(), "failure": failure, "operation": operation,
            "proto": "tcp", "t0": seconds(self.now), "t": seconds(self.now),
            "tags": connection.tags, "transaction_id": connection.id,
        });
        if let Some(bytes) = bytes {
            event["num_bytes"] = json!(bytes);
        }
        self.events.push(event);
    }
}

/// The record of a round trip, without what only newer probes say of it.
pub(super) fn exchange(hop: &Hop, reply: &Reply) -> Value {
    let headers = json!({"Accept": "*/*", "Host": hop.host, "User-Agent": "Mozilla/5.0"});
    json!({
        "failure": reply.failure,
        "request": {
            "body": "", "body_is_truncated": false, "headers": headers,
            "headers_list": [["Accept", "*/*"], ["Host", hop.host], ["User-Agent", "Mozilla/5.0"]],
            "method": "GET", "tor": {"exit_ip": null, "exit_name": null, "is_tor": false},
            "x_transport": "tcp", "url": hop.url(),
        },
        "response": {
            "body": reply.page.body(), "body_is_truncated": false, "code": reply.page.status,
            "headers": reply.page.headers(), "headers_list": reply.page.headers_list(),
        },
    })
}
