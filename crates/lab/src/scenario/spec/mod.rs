//! The keys of a scenario file, as TOML has them. `docs/lab.md` explains each.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

pub(super) mod bound;
pub(super) mod device;
pub(super) mod site;
pub(super) mod truth;

use crate::fabric::link::LinkSpec;
use crate::host::System;
use bound::{Bytes, Millis, PerMillion};
pub(super) use device::Device;
pub(super) use site::Site;
pub(super) use truth::TruthSpec;

/// A whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) about: String,
    #[serde(default)]
    pub(crate) seed: u64,
    pub(crate) client: Vec<Client>,
    pub(crate) gateway: Vec<Gateway>,
    #[serde(default)]
    pub(crate) resolver: Vec<Resolver>,
    #[serde(default)]
    pub(crate) record: Vec<Record>,
    #[serde(default)]
    pub(crate) helper: Vec<Helper>,
    #[serde(default)]
    pub(crate) proxy: Vec<Proxy>,
    #[serde(default)]
    pub(crate) site: Vec<Site>,
    #[serde(default)]
    pub(crate) middlebox: Vec<Device>,
    #[serde(default)]
    pub(crate) autonomous_system: Vec<AutonomousSystem>,
    /// Systems of clients, over what their own tables say: what a case that is appended to a file can change.
    #[serde(default)]
    pub(crate) system: BTreeMap<Spanned<String>, System>,
    #[serde(default)]
    pub(crate) truth: Vec<TruthSpec>,
    pub(crate) battery: Option<BatteryNames>,
}

/// Names for the attribution battery on this path.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatteryNames {
    /// One that is censored here.
    pub trigger: String,
    /// One that is not.
    pub neutral: String,
}

/// Who measures, and its access link.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Client {
    pub(crate) name: Spanned<String>,
    pub(crate) addresses: Vec<Spanned<IpAddr>>,
    pub(crate) gateway: Spanned<String>,
    #[serde(default)]
    pub(crate) resolvers: Vec<Spanned<IpAddr>>,
    #[serde(default)]
    pub(crate) access: Link,
    #[serde(default)]
    pub(crate) system: System,
    pub(crate) asn: Option<u32>,
    #[serde(default)]
    pub(crate) as_org: String,
    pub(crate) cc: Option<String>,
    pub(crate) network: Option<String>,
    pub(crate) public_address: Option<IpAddr>,
}

/// A router that clients hang on, and its link to the backbone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Gateway {
    pub(crate) name: Spanned<String>,
    pub(crate) addresses: Vec<Spanned<IpAddr>>,
    #[serde(default)]
    pub(crate) uplink: Link,
    #[serde(default)]
    pub(crate) ipv6: Ipv6,
    pub(crate) captive_portal: Option<Portal>,
    pub(crate) asn: Option<u32>,
    #[serde(default)]
    pub(crate) as_org: String,
}

/// What becomes of IPv6 at a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ipv6 {
    /// It passes.
    #[default]
    Works,
    /// It does not, and nobody says so.
    Silent,
    /// It does not, and the gateway says so.
    Unreachable,
}

/// A login page that everything leads to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Portal {
    pub(crate) addresses: Vec<Spanned<IpAddr>>,
    #[serde(default)]
    pub(crate) html: String,
    pub(crate) redirect: Option<String>,
}

/// A resolver: the truth of all sites, and the lies that it tells.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resolver {
    pub(crate) name: Spanned<String>,
    pub(crate) addresses: Vec<Spanned<IpAddr>>,
    pub(crate) gateway: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) link: Link,
    #[serde(default)]
    pub(crate) delay_ms: Millis,
    /// Its own names, for certificates.
    #[serde(default)]
    pub(crate) names: Vec<Spanned<String>>,
    #[serde(default = "yes")]
    pub(crate) udp: bool,
    #[serde(default)]
    pub(crate) dot: bool,
    #[serde(default)]
    pub(crate) doh: bool,
    #[serde(default)]
    pub(crate) lies: BTreeMap<String, ResolverLie>,
    /// Where the lies are documented, or `invented`; needed where there are any.
    pub(crate) source: Option<String>,
    pub(crate) asn: Option<u32>,
    #[serde(default)]
    pub(crate) as_org: String,
}

/// What a resolver says of a name: addresses (none: the name exists without), or a word.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum ResolverLie {
    Addresses(Vec<IpAddr>),
    Word(LieWord),
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LieWord {
    Nxdomain,
    Servfail,
    Refused,
    Silence,
}

/// What some resolvers say of a name, over what the sites say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    pub(crate) name: Spanned<String>,
    pub(crate) resolvers: Whose,
    pub(crate) answer: Option<ResolverLie>,
    pub(crate) alias: Option<String>,
    pub(crate) source: Spanned<String>,
}

/// Which resolvers a record is changed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Whose {
    /// Those inside a gateway.
    Isp,
    /// Those on the backbone.
    Other,
    /// All.
    All,
}

/// A host on the backbone on which the caller starts a test helper.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Helper {
    pub(crate) name: Spanned<String>,
    pub(crate) names: Vec<Spanned<String>>,
    pub(crate) addresses: Vec<Spanned<IpAddr>>,
    #[serde(default)]
    pub(crate) resolvers: Vec<Spanned<IpAddr>>,
    #[serde(default)]
    pub(crate) link: Link,
    pub(crate) asn: Option<u32>,
    #[serde(default)]
    pub(crate) as_org: String,
}

/// A transparent proxy: passes HTTP on by Host and TLS by SNI.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Proxy {
    pub(crate) name: Spanned<String>,
    pub(crate) addresses: Vec<Spanned<IpAddr>>,
    pub(crate) gateway: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) resolvers: Vec<Spanned<IpAddr>>,
    #[serde(default)]
    pub(crate) link: Link,
    pub(crate) asn: Option<u32>,
    #[serde(default)]
    pub(crate) as_org: String,
}

/// Whose addresses are whose, beyond what hosts say of themselves.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AutonomousSystem {
    pub(crate) asn: u32,
    #[serde(default)]
    pub(crate) as_org: String,
    pub(crate) prefixes: Vec<Spanned<String>>,
}

/// What a link is like.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Link {
    pub(crate) delay_ms: Millis,
    pub(crate) kbit_per_second: Option<u64>,
    pub(crate) queue_bytes: Bytes,
    pub(crate) loss_per_million: PerMillion,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            delay_ms: Millis::new(5),
            kbit_per_second: None,
            queue_bytes: Bytes::new(65_536),
            loss_per_million: PerMillion::new(0),
        }
    }
}

impl From<Link> for LinkSpec {
    fn from(link: Link) -> Self {
        Self {
            delay: Duration::from_millis(link.delay_ms.get()),
            bits_per_second: link.kbit_per_second.map(|rate| rate.saturating_mul(1000)),
            queue_bytes: link.queue_bytes.get(),
            loss_per_million: u32::try_from(link.loss_per_million.get()).unwrap_or(0),
        }
    }
}

fn yes() -> bool {
    true
}
