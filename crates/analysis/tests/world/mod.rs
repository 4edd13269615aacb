//! Invented measurements: a situation described in words, and what OONI's web connectivity would have written of it.
//!
//! A [`World`] begins with a site that works for everybody. Each method takes one thing away, at the probe or at the
//! control, and [`World::measure`] writes the measurement the way the probe would: which names it looks up and where,
//! which addresses it connects to, on which connection it fetches, where it gives up. Nothing here knows the judge.
//!
//! Addresses are of ranges that are routed yet nobody's site (AS112, AMT, 6to4 relays), networks of RFC 5398, names of
//! RFC 2606, the country one that ISO 3166 leaves to users.

mod control;
mod old;
mod page;
mod probe;

use std::collections::BTreeMap;

use serde_json::Value;

pub(crate) use page::Page;

/// An address of the site.
pub(crate) const SITE: &str = "192.31.196.10";
/// Another address of the site, in the same network.
pub(crate) const SITE_TOO: &str = "192.31.196.11";
/// The site's IPv6 address.
pub(crate) const SITE_V6: &str = "2620:4f:8000::10";
/// An address of a CDN that also serves the site, in another network.
pub(crate) const CDN: &str = "192.52.193.20";
/// Another address of that CDN.
pub(crate) const CDN_TOO: &str = "192.52.193.21";
/// An address that has nothing to do with the site, in a third network. It answers plain requests and refuses TLS.
pub(crate) const ELSEWHERE: &str = "192.175.48.30";
/// An address inside the network of the probe.
pub(crate) const INSIDE: &str = "192.88.99.40";
/// The resolver of the probe's network.
const RESOLVER: &str = "192.88.99.53";
/// A private address, as censors and routers hand out.
pub(crate) const PRIVATE: &str = "10.10.34.36";

/// The network that an invented address belongs to; none for private ones.
pub(crate) fn network(address: &str) -> Option<(u32, &'static str)> {
    [
        ("192.31.196.", (64_496, "Example Hosting")),
        ("2620:4f:8000:", (64_496, "Example Hosting")),
        ("192.52.193.", (64_497, "Example Delivery")),
        ("192.175.48.", (64_510, "Elsewhere")),
        ("192.88.99.", (64_500, "Example Telecom")),
    ]
    .into_iter()
    .find(|(prefix, _)| address.starts_with(prefix))
    .map(|(_, network)| network)
}

/// `address:port`, IPv6 in brackets.
fn endpoint(address: &str, port: u16) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

/// Addresses, or an OONI failure.
pub(crate) type Answer = Result<Vec<&'static str>, &'static str>;

/// A situation: a site, what lies between, and a control.
#[derive(Debug, Clone)]
pub(crate) struct World {
    /// The measured URL, and after it the targets of its redirects.
    hops: Vec<Hop>,
    control: ControlSide,
    /// Address of the resolver behind the system's; none where no lookup at all was answered.
    client_resolver: Option<&'static str>,
    /// A transfer on another connection of the same measurement: bytes and seconds.
    beside: Option<(u64, u32)>,
    stops_after_names: bool,
    is_old: bool,
    /// Steps that the probe took again.
    again: Vec<Value>,
}

/// One URL: what its name leads to, how its endpoints behave from here, and what they say.
#[derive(Debug, Clone)]
struct Hop {
    scheme: &'static str,
    host: &'static str,
    path: &'static str,
    /// Where the site really is.
    addresses: Vec<&'static str>,
    system: Option<Answer>,
    public: Option<Answer>,
    encrypted: Option<Answer>,
    connects: BTreeMap<String, &'static str>,
    handshakes: BTreeMap<&'static str, Handshake>,
    /// What the site really serves.
    page: Page,
    /// What comes instead, from every address.
    reply: Option<Reply>,
    /// What comes instead from one address.
    replies: BTreeMap<&'static str, Reply>,
    /// How long the exchange takes: bytes and seconds.
    pace: Option<(u64, u32)>,
}

/// A handshake that does not go well.
#[derive(Debug, Clone, Copy)]
struct Handshake {
    failure: &'static str,
    /// The certificate that came, DER in base64.
    certificate: Option<&'static str>,
    /// Bytes that came before the failure.
    heard: u64,
}

/// What came of a request.
#[derive(Debug, Clone)]
struct Reply {
    page: Page,
    failure: Option<&'static str>,
}

/// What the control saw, where it is not simply the truth.
#[derive(Debug, Clone, Default)]
struct ControlSide {
    absent: Option<&'static str>,
    answer: Option<Answer>,
    connects: BTreeMap<String, &'static str>,
    handshakes: BTreeMap<&'static str, &'static str>,
    page: Option<Reply>,
}

impl World {
    /// A site over TLS that works for everybody.
    pub(crate) fn https(host: &'static str) -> Self {
        Self::new("https", host)
    }

    /// A site without TLS, for its port 443 works as well, that works for everybody.
    pub(crate) fn http(host: &'static str) -> Self {
        Self::new("http", host)
    }

    fn new(scheme: &'static str, host: &'static str) -> Self {
        let hop = Hop {
            scheme,
            host,
            path: "/",
            addresses: vec![SITE],
            system: None,
            public: None,
            encrypted: None,
            connects: BTreeMap::new(),
            handshakes: BTreeMap::new(),
            page: Page::of_the_site(),
            reply: None,
            replies: BTreeMap::new(),
            pace: None,
        };
        Self {
            hops: vec![hop],
            control: ControlSide::default(),
            client_resolver: Some(RESOLVER),
            beside: None,
            stops_after_names: false,
            is_old: false,
            again: Vec::new(),
        }
    }

    fn hop(&mut self) -> &mut Hop {
        &mut self.hops[0]
    }

    /// The path of the URL.
    pub(crate) fn path(mut self, path: &'static str) -> Self {
        self.hop().path = path;
        self
    }

    /// Where the site really is: what every resolver says that nothing else is said of.
    pub(crate) fn at(mut self, addresses: &[&'static str]) -> Self {
        self.hop().addresses = addresses.to_vec();
        self
    }

    /// The system resolver gives these addresses.
    pub(crate) fn system(mut self, addresses: &[&'static str]) -> Self {
        self.hop().system = Some(Ok(addresses.to_vec()));
        self
    }

    /// The system resolver fails.
    pub(crate) fn system_fails(mut self, failure: &'static str) -> Self {
        self.hop().system = Some(Err(failure));
        self
    }

    /// A public resolver, asked over UDP, gives these addresses.
    pub(crate) fn public(mut self, addresses: &[&'static str]) -> Self {
        self.hop().public = Some(Ok(addresses.to_vec()));
        self
    }

    /// A public resolver, asked over UDP, fails.
    pub(crate) fn public_fails(mut self, failure: &'static str) -> Self {
        self.hop().public = Some(Err(failure));
        self
    }

    /// A resolver over HTTPS gives these addresses.
    pub(crate) fn encrypted(mut self, addresses: &[&'static str]) -> Self {
        self.hop().encrypted = Some(Ok(addresses.to_vec()));
        self
    }

    /// A resolver over HTTPS fails.
    pub(crate) fn encrypted_fails(mut self, failure: &'static str) -> Self {
        self.hop().encrypted = Some(Err(failure));
        self
    }

    /// Every resolver of the probe fails alike.
    pub(crate) fn names_fail(self, failure: &'static str) -> Self {
        self.system_fails(failure).public_fails(failure).encrypted_fails(failure)
    }

    /// No lookup of this line is known to have been answered.
    pub(crate) fn without_client_resolver(mut self) -> Self {
        self.client_resolver = None;
        self
    }

    /// The probe's connect fails.
    pub(crate) fn connect(mut self, address: &str, port: u16, failure: &'static str) -> Self {
        self.hop().connects.insert(endpoint(address, port), failure);
        self
    }

    /// The probe's handshake fails.
    pub(crate) fn handshake(self, address: &'static str, failure: &'static str) -> Self {
        self.handshake_with(address, Handshake { failure, certificate: None, heard: 0 })
    }

    /// The probe is shown this certificate (DER in base64), which does not verify.
    pub(crate) fn certificate(
        self,
        address: &'static str,
        failure: &'static str,
        der: &'static str,
    ) -> Self {
        self.handshake_with(address, Handshake { failure, certificate: Some(der), heard: 1_100 })
    }

    /// The probe's handshake fails after the server was heard.
    pub(crate) fn handshake_after_hello(
        self,
        address: &'static str,
        failure: &'static str,
    ) -> Self {
        self.handshake_with(address, Handshake { failure, certificate: None, heard: 1_400 })
    }

    fn handshake_with(mut self, address: &'static str, handshake: Handshake) -> Self {
        self.hop().handshakes.insert(address, handshake);
        self
    }

    /// What the site really serves, to everybody.
    pub(crate) fn serves(mut self, page: Page) -> Self {
        self.hop().page = page;
        self
    }

    /// The probe gets this page instead of the site's.
    pub(crate) fn gets(mut self, page: Page) -> Self {
        self.hop().reply = Some(Reply { page, failure: None });
        self
    }

    /// The probe gets this page from this address.
    pub(crate) fn gets_from(mut self, address: &'static str, page: Page) -> Self {
        self.hop().replies.insert(address, Reply { page, failure: None });
        self
    }

    /// The probe's request fails before an answer.
    pub(crate) fn request_fails(self, failure: &'static str) -> Self {
        self.request_fails_after(Page::nothing(), failure)
    }

    /// The probe's request fails after this much of an answer.
    pub(crate) fn request_fails_after(mut self, page: Page, failure: &'static str) -> Self {
        self.hop().reply = Some(Reply { page, failure: Some(failure) });
        self
    }

    /// The answer of this many bytes takes this many seconds.
    pub(crate) fn pace(mut self, bytes: u64, seconds: u32) -> Self {
        self.hop().pace = Some((bytes, seconds));
        self
    }

    /// Another connection of the same measurement carries this many bytes in this many seconds.
    pub(crate) fn beside(mut self, bytes: u64, seconds: u32) -> Self {
        self.beside = Some((bytes, seconds));
        self
    }

    /// The site redirects to the other world's URL, whose probe side comes after this one's.
    pub(crate) fn redirects_to(mut self, target: Self) -> Self {
        let first = &target.hops[0];
        let location = first.url();
        // The control follows too, so what it gets is what the target really serves.
        self.hop().reply.get_or_insert(Reply { page: Page::redirect(&location), failure: None });
        self.hops.extend(target.hops);
        self
    }

    /// The site redirects here, and the probe does not follow.
    pub(crate) fn redirects_badly(self, location: &str) -> Self {
        self.request_fails_after(Page::redirect(location), "http_invalid_redirect_location_host")
    }

    /// The probe ends after the lookups.
    pub(crate) fn stops_after_names(mut self) -> Self {
        self.stops_after_names = true;
        self
    }

    /// Measured by a probe before 0.5: one resolver, no tags, no ids, no handshakes on their own.
    pub(crate) fn old(mut self) -> Self {
        self.is_old = true;
        self
    }

    /// Each round's steps taken again, three times: layer, what was changed, and how it failed.
    pub(crate) fn again(self, steps: &[(&str, &str, Option<&str>)]) -> Self {
        self.again_with(steps, &[(0, 1); 3])
    }

    /// The same, each time with so many bytes of the body in so many seconds.
    pub(crate) fn again_with(
        mut self,
        steps: &[(&str, &str, Option<&str>)],
        rounds: &[(u64, u32)],
    ) -> Self {
        for (round, (bytes, seconds)) in (1..).zip(rounds) {
            for (layer, changed, failure) in steps {
                self.again.push(serde_json::json!({
                    "round": round, "layer": layer, "changed": changed, "endpoint": "192.0.2.80:443",
                    "name": "news.example", "failure": failure, "body_bytes": bytes,
                    "status": (*bytes > 0).then_some(200),
                    "t0": 10.0, "t": 10.0 + f64::from(*seconds),
                }));
            }
        }
        self
    }

    /// Sends so many bytes in so many seconds to a test helper, in rounds; it answers with a status.
    pub(crate) fn sends_to_helper(mut self, rounds: &[(u64, u32)], status: u16) -> Self {
        let before = self.again.len();
        self = self.again_with(&[("http", "helper", None)], rounds);
        for step in &mut self.again[before..] {
            step["status"] = status.into();
        }
        self
    }

    /// The measurement.
    pub(crate) fn measure(self) -> Value {
        let mut json = if self.is_old { old::measure(&self) } else { probe::measure(&self) };
        if !self.again.is_empty() {
            json["test_keys"]["x_follow_ups"] = Value::from(self.again);
        }
        json
    }
}

impl Hop {
    fn url(&self) -> String {
        format!("{}://{}{}", self.scheme, self.host, self.path)
    }

    fn is_https(&self) -> bool {
        self.scheme == "https"
    }

    fn port(&self) -> u16 {
        if self.is_https() { 443 } else { 80 }
    }

    fn answer(&self, answer: &Option<Answer>) -> Answer {
        answer.clone().unwrap_or_else(|| Ok(self.addresses.clone()))
    }

    /// How the probe's connect fails; none where it does not.
    fn connect_failure(&self, address: &str, port: u16) -> Option<&'static str> {
        let said = self.connects.get(&endpoint(address, port)).copied();
        said.or(self.is_strange(address, port).then_some("connection_refused"))
    }

    /// True for TLS with an address that has nothing to do with the site: it cannot prove the name, so it refuses.
    fn is_strange(&self, address: &str, port: u16) -> bool {
        port == 443 && address == ELSEWHERE && !self.addresses.contains(&ELSEWHERE)
    }

    fn reply_from(&self, address: &str) -> Reply {
        let instead = self.replies.get(address).or(self.reply.as_ref());
        instead.cloned().unwrap_or(Reply { page: self.page.clone(), failure: None })
    }
}
