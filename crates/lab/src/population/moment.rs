//! One moment of a country as a scenario: a sample that real probes measure, packet by packet.
//!
//! Clients are networks, sites are targets, and what is in force then is done by the lab's middleboxes and resolvers. What
//! is left out: blocks that do not meet every measurement, sites in trouble, networks that are cut off, and mechanisms
//! that it has no device for ([`Device::of`]).

use std::fmt::Write as _;

use wirewitness_model::verdict::Mechanism;

use super::Population;
use super::forces::Forces;
use super::settings::{DAY_S, HOUR_S};

/// How much of the country.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Seconds since 1970.
    pub at_s: i64,
    /// Networks, the largest first: at most 50.
    pub networks: usize,
    /// Targets: at most 100. Half of them or more are blocked somewhere, where so many are.
    pub targets: usize,
}

/// One target, and what is done to it on each network of the sample.
struct Site {
    number: u32,
    scheme: &'static str,
    devices: Vec<Option<Device>>,
}

/// What a block is done with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Device {
    /// TOML of a middlebox, without names; none where the resolver lies.
    technique: Option<(&'static str, &'static str)>,
    /// TOML of a resolver's lie.
    lie: Option<&'static str>,
    scheme: &'static str,
    /// What a judge can say of it: https shows that a name was forged, not that a page is behind it.
    mechanism: Mechanism,
}

impl Device {
    fn of(mechanism: Mechanism) -> Option<Self> {
        let https = ("https", mechanism);
        let (technique, lie, (scheme, mechanism)) = match mechanism {
            Mechanism::DnsNxdomain => (None, Some("\"nxdomain\""), https),
            Mechanism::DnsRefused => (None, Some("\"refused\""), https),
            Mechanism::DnsTimeout => (None, Some("\"silence\""), https),
            Mechanism::DnsInjectionBlockpage => {
                (None, Some("[\"192.175.48.7\"]"), ("http", mechanism))
            }
            Mechanism::DnsInjectionBogon => {
                (Some(("dns_injection", "answer = \"bogon\"")), None, https)
            }
            Mechanism::DnsInjectionOther => {
                let answer = "answer = \"addresses\", addresses = [\"192.175.48.7\"]";
                (Some(("dns_injection", answer)), None, https)
            }
            Mechanism::TcpTimeout => (Some(("endpoint", "action = \"drop\"")), None, https),
            Mechanism::TlsResetSni => (Some(("tls_sni", "action = \"reset\"")), None, https),
            Mechanism::TlsTimeout => (Some(("tls_sni", "action = \"drop\"")), None, https),
            Mechanism::HttpResetHost => {
                (Some(("http_host", "action = \"reset\"")), None, ("http", mechanism))
            }
            Mechanism::HttpBlockpage => {
                let page = "action = \"blockpage\", status = 200, \
                            html = \"<title>Blocked</title><p>This website has been blocked.</p>\"";
                (Some(("http_host", page)), None, ("http", mechanism))
            }
            _ => return None,
        };
        Some(Self { technique, lie, scheme, mechanism })
    }
}

impl Population {
    /// Noon (UTC) of the middle day, or the first hour after it in which half of the networks are not cut off.
    pub fn noon(&self) -> i64 {
        let forces = Forces::new(&self.truth);
        let (begin_s, end_s) = (self.truth.begin_s, self.truth.end_s);
        let noon_s = begin_s + i64::from(self.settings.days) / 2 * DAY_S + 12 * HOUR_S;
        let is_open = |at_s: &i64| {
            let networks = &self.truth.networks;
            let cut = networks.iter().filter(|it| forces.cut_percent(**it, *at_s).is_some());
            cut.count() * 2 <= networks.len()
        };
        (0..)
            .map(|hour| noon_s + hour * HOUR_S)
            .take_while(|at_s| *at_s < end_s)
            .find(is_open)
            .unwrap_or(noon_s)
    }

    /// A scenario (TOML, `docs/lab.md`) of a sample of the country, with its truths.
    pub fn scenario(&self, sample: &Sample) -> String {
        let forces = Forces::new(&self.truth);
        let asns: Vec<u32> = self
            .truth
            .networks
            .iter()
            .copied()
            .filter(|asn| forces.cut_percent(*asn, sample.at_s).is_none())
            .take(sample.networks.min(50))
            .collect();
        let sites = self.sites(&forces, &asns, sample);
        let mut text = String::new();
        let _ = writeln!(
            text,
            "name = \"population-{}\"\nabout = \"{} at {}, made up: the {} largest networks that are not cut off, \
             {} targets. Invented.\"\nseed = {}\n{BACKBONE}",
            self.settings.seed,
            self.settings.country,
            super::table::Date::of(sample.at_s),
            asns.len(),
            sites.len(),
            self.settings.seed >> 1,
        );
        for (at, site) in sites.iter().enumerate() {
            let name = Self::target_name(site.number);
            let address = 100 + at;
            let _ = writeln!(
                text,
                "[[site]]\nnames = [\"{name}\"]\naddresses = [\"192.88.99.{address}\"]\n"
            );
        }
        for (at, asn) in asns.iter().enumerate() {
            self.network_text(&mut text, (at, *asn), &sites);
        }
        text
    }

    /// Blocked ones first, then others; each with one scheme that shows all that is done to it.
    fn sites(&self, forces: &Forces<'_>, asns: &[u32], sample: &Sample) -> Vec<Site> {
        let most = sample.targets.min(100);
        let (mut blocked, mut free) = (Vec::new(), Vec::new());
        for rank in 0..self.country.dense_targets {
            let number = self.country.names.number(rank);
            if forces.trouble(number, sample.at_s).is_some() {
                continue;
            }
            let Some(devices) = devices(forces, (number, asns), sample.at_s) else { continue };
            let mut schemes = devices.iter().flatten().map(|device| device.scheme);
            let first = schemes.next();
            let scheme = first.unwrap_or("https");
            if schemes.any(|other| other != scheme) {
                continue;
            }
            let list = if first.is_some() { &mut blocked } else { &mut free };
            list.push(Site { number, scheme, devices });
        }
        let others = free.len().min(most / 2);
        blocked.truncate(most - others);
        free.truncate(most - blocked.len());
        blocked.append(&mut free);
        blocked
    }

    fn network_text(&self, text: &mut String, (at, asn): (usize, u32), sites: &[Site]) {
        let (ten, country) = (at + 1, &self.settings.country);
        let _ = write!(
            text,
            "[[gateway]]\nname = \"gateway-{asn}\"\naddresses = [\"10.{ten}.0.1\"]\nuplink = {{ delay_ms = 25 }}\n\n\
             [[client]]\nname = \"as{asn}\"\naddresses = [\"10.{ten}.0.2\"]\ngateway = \"gateway-{asn}\"\n\
             resolvers = [\"10.{ten}.0.53\"]\naccess = {{ delay_ms = 10 }}\nasn = {asn}\n\
             as_org = \"Network {asn}\"\ncc = \"{country}\"\nnetwork = \"Network {asn}\"\n\n\
             [[resolver]]\nname = \"resolver-{asn}\"\naddresses = [\"10.{ten}.0.53\"]\n\
             gateway = \"gateway-{asn}\"\nasn = {asn}\nas_org = \"Network {asn}\"\n"
        );
        let of = |site: &Site| site.devices.get(at).copied().flatten();
        let lies: Vec<String> = sites
            .iter()
            .filter_map(|site| {
                let lie = of(site)?.lie?;
                Some(format!("\"{}\" = {lie}\n", Self::target_name(site.number)))
            })
            .collect();
        if !lies.is_empty() {
            let _ = write!(text, "source = \"invented\"\n[resolver.lies]\n{}", lies.concat());
        }
        for (number, site) in sites.iter().enumerate() {
            site_text(text, (at, asn), (number, site));
        }
        text.push('\n');
    }
}

/// What a network does to a site, and what is true of it there.
fn site_text(text: &mut String, (at, asn): (usize, u32), (number, site): (usize, &Site)) {
    let device = site.devices.get(at).copied().flatten();
    let name = Population::target_name(site.number);
    if let Some((technique, how)) = device.and_then(|device| device.technique) {
        let whom = match technique {
            "endpoint" => format!("addresses = [\"192.88.99.{}\"]", 100 + number),
            _ => format!("names = [\"{name}\"]"),
        };
        let _ = write!(
            text,
            "\n[[middlebox]]\ngateway = \"gateway-{asn}\"\nplacement = \"in-path\"\n\
             source = \"invented\"\n{technique} = {{ {whom}, {how} }}\n"
        );
    }
    let said = device.map_or_else(
        || "status = \"ok\"\nwhy = \"nobody interferes\"".to_owned(),
        |it| {
            let word = it.mechanism.word();
            format!("status = \"blocked\"\nmechanism = \"{word}\"\nwhy = \"planted\"")
        },
    );
    let _ = write!(
        text,
        "\n[[truth]]\nclient = \"as{asn}\"\nurl = \"{}://{name}/\"\n{said}\nsource = \"invented\"\n",
        site.scheme
    );
}

/// What is done to a target on each network; none where a device of it is missing, or does not meet everything.
fn devices(
    forces: &Forces<'_>,
    (target, asns): (u32, &[u32]),
    at_s: i64,
) -> Option<Vec<Option<Device>>> {
    let one = |asn: &u32| match forces.block((*asn, target), at_s) {
        None => Some(None),
        Some((planted, _)) if planted.share_percent < FULL_PERCENT => None,
        Some((_, mechanism)) => Device::of(mechanism).map(Some),
    };
    asns.iter().map(one).collect()
}

/// Blocks that meet fewer are partial.
const FULL_PERCENT: u32 = 90;

/// What the world outside is: a helper, a public resolver, a block page, and whose addresses are whose.
const BACKBONE: &str = r#"
[[resolver]]
name = "public-resolver"
addresses = ["192.88.99.53"]
names = ["dns.example"]
dot = true
doh = true

[[autonomous_system]]
asn = 64510
as_org = "Sites"
prefixes = ["192.88.99.0/24"]

[[autonomous_system]]
asn = 64511
as_org = "Block pages"
prefixes = ["192.175.48.0/24"]

[[helper]]
name = "test-helper"
names = ["0.th.example"]
addresses = ["192.88.99.10"]
resolvers = ["192.88.99.53"]

[[site]]
names = ["warning.example"]
addresses = ["192.175.48.7"]
html = "<title>Blocked</title><p>This website has been blocked. Nobody says why, for how long, or whom to ask about it."
"#;
