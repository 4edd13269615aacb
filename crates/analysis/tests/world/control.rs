//! What the control sees, and what the test helper answers.

use serde_json::{Map, Value, json};

use super::{Page, Reply, World, endpoint, network};

impl World {
    /// No test helper answered.
    pub(crate) fn no_control(mut self, failure: &'static str) -> Self {
        self.control.absent = Some(failure);
        self
    }

    /// The control resolves the name to these addresses.
    pub(crate) fn control_finds(mut self, addresses: &[&'static str]) -> Self {
        self.control.answer = Some(Ok(addresses.to_vec()));
        self
    }

    /// The control cannot resolve the name (in the test helper's words).
    pub(crate) fn control_cannot_find(mut self, failure: &'static str) -> Self {
        self.control.answer = Some(Err(failure));
        self
    }

    /// The control's connect fails (in the test helper's words).
    pub(crate) fn control_connect(
        mut self,
        address: &str,
        port: u16,
        failure: &'static str,
    ) -> Self {
        self.control.connects.insert(endpoint(address, port), failure);
        self
    }

    /// The control's handshake fails.
    pub(crate) fn control_handshake(
        mut self,
        address: &'static str,
        failure: &'static str,
    ) -> Self {
        self.control.handshakes.insert(address, failure);
        self
    }

    /// The control gets this page instead of the site's.
    pub(crate) fn control_gets(mut self, page: Page) -> Self {
        self.control.page = Some(Reply { page, failure: None });
        self
    }

    /// The control gets no page (in the test helper's words).
    pub(crate) fn control_request_fails(mut self, failure: &'static str) -> Self {
        self.control.page = Some(Reply { page: Page::nothing(), failure: Some(failure) });
        self
    }
}

/// The helper's answer, or null where none came. `asked` are the addresses that the probe sent along.
pub(super) fn answer(world: &World, asked: &[&'static str]) -> Value {
    let control = &world.control;
    if control.absent.is_some() {
        return Value::Null;
    }
    let hop = &world.hops[0];
    let found = hop.answer(&control.answer);
    let own = found.clone().unwrap_or_default();
    let mut all = asked.to_vec();
    all.extend(own.iter().filter(|address| !asked.contains(address)));
    // The helper does not connect to addresses of private networks.
    let public: Vec<_> = all.iter().copied().filter(|a| network(a).is_some()).collect();
    let ports: &[u16] = if hop.is_https() { &[443] } else { &[80, 443] };
    let mut connects = Map::new();
    let mut handshakes = Map::new();
    for address in &public {
        for &port in ports {
            let at = endpoint(address, port);
            let strange = hop.is_strange(address, port).then_some("connection_refused_error");
            let failure = control.connects.get(&at).copied().or(strange);
            connects.insert(at.clone(), json!({"status": failure.is_none(), "failure": failure}));
            if port == 443 && failure.is_none() {
                let failure = control.handshakes.get(address).copied();
                let step = json!({
                    "server_name": hop.host, "status": failure.is_none(), "failure": failure,
                });
                handshakes.insert(at, step);
            }
        }
    }
    let networks: Map<_, _> = all
        .iter()
        .map(|address| {
            let flags = flags(asked.contains(address), own.contains(address), address, &handshakes);
            let asn = network(address).map_or(0, |(asn, _)| asn);
            ((*address).to_owned(), json!({"asn": asn, "flags": flags}))
        })
        .collect();
    json!({
        "tcp_connect": connects,
        "tls_handshake": handshakes,
        "quic_handshake": {},
        "http_request": page(&reply(world, &own)),
        "http3_request": null,
        "dns": {"failure": found.err(), "addrs": own},
        "ip_info": networks,
    })
}

/// 1 resolved by the probe, 2 by the helper, 4 private, 8 valid for the name.
fn flags(by_probe: bool, by_helper: bool, address: &str, handshakes: &Map<String, Value>) -> u8 {
    let is_valid = handshakes.get(&endpoint(address, 443)).is_some_and(|tls| tls["status"] == true);
    u8::from(by_probe)
        | u8::from(by_helper) << 1
        | u8::from(network(address).is_none()) << 2
        | u8::from(is_valid) << 3
}

/// What the helper's own fetch came to. It uses the addresses that the helper found itself.
fn reply(world: &World, own: &[&'static str]) -> Reply {
    if let Some(reply) = &world.control.page {
        return reply.clone();
    }
    let failed = |failure| Reply { page: Page::nothing(), failure: Some(failure) };
    let hop = &world.hops[0];
    let mut failures = own.iter().map(|address| {
        let at = endpoint(address, hop.port());
        let handshake = world.control.handshakes.get(address).filter(|_| hop.is_https());
        world.control.connects.get(&at).or(handshake).copied()
    });
    match (own.is_empty(), failures.all(|failure| failure.is_some())) {
        (true, _) => failed("dns_lookup_error"),
        (_, true) => failed("unknown_error"),
        _ => {
            let page = world.hops[world.hops.len() - 1].page.clone();
            Reply { page, failure: None }
        }
    }
}

fn page(reply: &Reply) -> Value {
    if reply.failure.is_some() {
        return json!({
            "body_length": -1, "discovered_h3_endpoint": "", "failure": reply.failure, "title": "",
            "headers": {}, "status_code": -1,
        });
    }
    json!({
        "body_length": reply.page.body().len(),
        "discovered_h3_endpoint": "",
        "failure": null,
        "title": reply.page.title(),
        "headers": reply.page.headers(),
        "status_code": reply.page.status,
    })
}
