//! The keys of a scenario file, as TOML has them. `docs/lab.md` explains each.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use crate::fabric::link::LinkSpec;
use crate::middlebox::Placement;
use crate::middlebox::forge::Towards;
use crate::middlebox::watch::{Layer, Reassembly};
use crate::server::authority::CertificateKind;

/// A whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) about: String,
    #[serde(default)]
    pub(super) seed: u64,
    pub(super) client: Vec<Client>,
    pub(super) gateway: Vec<Gateway>,
    #[serde(default)]
    pub(super) resolver: Vec<Resolver>,
    #[serde(default)]
    pub(super) site: Vec<Site>,
    #[serde(default)]
    pub(super) middlebox: Vec<Device>,
}

/// Who measures, and its access link.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Client {
    pub(super) name: Spanned<String>,
    pub(super) addresses: Vec<Spanned<IpAddr>>,
    pub(super) gateway: Spanned<String>,
    #[serde(default)]
    pub(super) resolvers: Vec<Spanned<IpAddr>>,
    #[serde(default)]
    pub(super) access: Link,
}

/// A router that clients hang on, and its link to the backbone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Gateway {
    pub(super) name: Spanned<String>,
    pub(super) addresses: Vec<Spanned<IpAddr>>,
    #[serde(default)]
    pub(super) uplink: Link,
}

/// A resolver: the truth of all sites, and the lies that it tells.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Resolver {
    pub(super) name: Spanned<String>,
    pub(super) addresses: Vec<Spanned<IpAddr>>,
    pub(super) gateway: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) link: Link,
    #[serde(default)]
    pub(super) delay_ms: u64,
    #[serde(default)]
    pub(super) lies: BTreeMap<String, ResolverLie>,
    /// Where the lies are documented, or `invented`; needed where there are any.
    pub(super) source: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum ResolverLie {
    Addresses(Vec<IpAddr>),
    Word(LieWord),
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum LieWord {
    Nxdomain,
    Servfail,
    Refused,
    Silence,
}

/// A host that serves pages.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Site {
    pub(super) names: Vec<Spanned<String>>,
    pub(super) addresses: Vec<Spanned<IpAddr>>,
    #[serde(default)]
    pub(super) link: Link,
    #[serde(default)]
    pub(super) certificate: CertificateKind,
    #[serde(default)]
    pub(super) state: SiteState,
    #[serde(default = "status_ok")]
    pub(super) status: u16,
    pub(super) html: Option<String>,
    pub(super) bytes: Option<usize>,
    pub(super) redirect: Option<String>,
    #[serde(default)]
    pub(super) captcha_for: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) delay_ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SiteState {
    /// Serves ports 80 and 443.
    #[default]
    Up,
    /// Serves none: connections are refused.
    Closed,
    /// Says nothing.
    Silent,
}

/// A middlebox: where it stands, where it is documented, and one technique.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Device {
    pub(super) gateway: Spanned<String>,
    pub(super) placement: Spanned<Placement>,
    /// Where the behaviour is documented, or `invented`.
    pub(super) source: Spanned<String>,
    pub(super) dns_injection: Option<DnsInjectionSpec>,
    pub(super) endpoint: Option<EndpointSpec>,
    pub(super) tls_sni: Option<TlsSniSpec>,
    pub(super) http_host: Option<HttpHostSpec>,
    pub(super) throttle: Option<ThrottleSpec>,
    pub(super) residual: Option<ResidualSpec>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DnsInjectionSpec {
    pub(super) names: Vec<String>,
    pub(super) answer: DnsAnswer,
    #[serde(default)]
    pub(super) addresses: Vec<IpAddr>,
    #[serde(default)]
    pub(super) after_us: u64,
    #[serde(default = "one")]
    pub(super) count: u8,
    #[serde(default = "ttl")]
    pub(super) ttl: u8,
    #[serde(default)]
    pub(super) ip_id: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum DnsAnswer {
    Addresses,
    Bogon,
    Nxdomain,
    Refused,
    Silence,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndpointSpec {
    pub(super) addresses: Vec<IpAddr>,
    #[serde(default)]
    pub(super) ports: Vec<u16>,
    pub(super) action: EndpointWord,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum EndpointWord {
    Drop,
    Reset,
    Prohibited,
    HostUnreachable,
    NetworkUnreachable,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsSniSpec {
    pub(super) names: Vec<String>,
    pub(super) action: SniWord,
    #[serde(default)]
    pub(super) reset: ResetSpec,
    #[serde(default)]
    pub(super) reassembly: Reassembly,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SniWord {
    Reset,
    Drop,
    Close,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpHostSpec {
    pub(super) names: Vec<String>,
    pub(super) action: HostWord,
    #[serde(default)]
    pub(super) reset: ResetSpec,
    #[serde(default)]
    pub(super) reassembly: Reassembly,
    #[serde(default = "forbidden")]
    pub(super) status: u16,
    #[serde(default)]
    pub(super) html: String,
    #[serde(default)]
    pub(super) location: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum HostWord {
    Reset,
    Drop,
    Close,
    Blockpage,
    Redirect,
}

/// What forged resets look like.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ResetSpec {
    pub(super) towards: Towards,
    pub(super) count: u8,
    pub(super) ack: bool,
    pub(super) ttl: u8,
    pub(super) ip_id: u16,
    pub(super) ip_id_step: u16,
    pub(super) window: u16,
    pub(super) sequence_step: u32,
    pub(super) after_us: u64,
}

impl Default for ResetSpec {
    fn default() -> Self {
        Self {
            towards: Towards::Client,
            count: 1,
            ack: true,
            ttl: 64,
            ip_id: 0,
            ip_id_step: 0,
            window: 0,
            sequence_step: 0,
            after_us: 0,
        }
    }
}

/// Whom to slow, by exactly one of three keys, and how.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ThrottleSpec {
    pub(super) sni: Option<Vec<String>>,
    pub(super) host: Option<Vec<String>>,
    pub(super) addresses: Option<Vec<IpAddr>>,
    pub(super) how: Spanned<BrakeWord>,
    #[serde(default)]
    pub(super) kbit_per_second: u64,
    #[serde(default = "burst")]
    pub(super) burst_bytes: u64,
    #[serde(default = "queue")]
    pub(super) queue_bytes: u64,
    #[serde(default)]
    pub(super) delay_ms: u64,
    #[serde(default)]
    pub(super) loss_per_million: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum BrakeWord {
    Policer,
    Shaper,
    Impair,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ResidualSpec {
    pub(super) layer: Layer,
    pub(super) names: Vec<String>,
    pub(super) tuple: Spanned<u8>,
    pub(super) hold_secs: u64,
    #[serde(default)]
    pub(super) refresh: bool,
    pub(super) action: ResidualWord,
    #[serde(default)]
    pub(super) reset: ResetSpec,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ResidualWord {
    Drop,
    Reset,
}

/// What a link is like.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Link {
    pub(super) delay_ms: u64,
    pub(super) kbit_per_second: Option<u64>,
    pub(super) queue_bytes: u64,
    pub(super) loss_per_million: u32,
}

impl Default for Link {
    fn default() -> Self {
        Self { delay_ms: 5, kbit_per_second: None, queue_bytes: 65_536, loss_per_million: 0 }
    }
}

impl From<Link> for LinkSpec {
    fn from(link: Link) -> Self {
        Self {
            delay: Duration::from_millis(link.delay_ms),
            bits_per_second: link.kbit_per_second.map(|rate| rate.saturating_mul(1000)),
            queue_bytes: link.queue_bytes,
            loss_per_million: link.loss_per_million,
        }
    }
}

fn status_ok() -> u16 {
    200
}

fn forbidden() -> u16 {
    403
}

fn one() -> u8 {
    1
}

fn ttl() -> u8 {
    64
}

fn burst() -> u64 {
    16_000
}

fn queue() -> u64 {
    256_000
}
