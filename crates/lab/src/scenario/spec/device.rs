//! The keys of `[[middlebox]]`.

use std::net::IpAddr;

use serde::Deserialize;
use toml::Spanned;

use super::bound::{Bytes, Micros, Millis, PerMillion, Secs};

use crate::middlebox::Placement;
use crate::middlebox::device::{Act, DeviceSettings, Unknown};
use crate::middlebox::endpoint::Transport;
use crate::middlebox::forge::Towards;
use crate::middlebox::names::Names;
use crate::middlebox::quic_sni::Dropped;
use crate::middlebox::watch::{Layer, Reassembly};
use crate::server::authority::CertificateKind;

/// A middlebox: where it stands, where it is documented, and one technique.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Device {
    pub(crate) gateway: Spanned<String>,
    pub(crate) placement: Spanned<Placement>,
    /// Where the behaviour is documented, or `invented`.
    pub(crate) source: Spanned<String>,
    /// Whether IP fragments are put together before the technique looks at them.
    #[serde(default)]
    pub(crate) defragments: bool,
    pub(crate) dns_injection: Option<DnsInjectionSpec>,
    pub(crate) endpoint: Option<EndpointSpec>,
    pub(crate) tls_sni: Option<TlsSniSpec>,
    pub(crate) quic_sni: Option<QuicSniSpec>,
    pub(crate) http_host: Option<HttpHostSpec>,
    pub(crate) throttle: Option<ThrottleSpec>,
    pub(crate) residual: Option<ResidualSpec>,
    pub(crate) payload: Option<PayloadSpec>,
    pub(crate) mitm: Option<MitmSpec>,
    pub(crate) device: Option<KnownSpec>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DnsInjectionSpec {
    pub(crate) names: Vec<String>,
    pub(crate) answer: DnsAnswer,
    #[serde(default)]
    pub(crate) addresses: Vec<IpAddr>,
    #[serde(default)]
    pub(crate) after_us: Micros,
    #[serde(default = "one")]
    pub(crate) count: u8,
    #[serde(default = "ttl")]
    pub(crate) ttl: u8,
    #[serde(default)]
    pub(crate) ip_id: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DnsAnswer {
    Addresses,
    Bogon,
    Nxdomain,
    Refused,
    Silence,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndpointSpec {
    pub(crate) addresses: Vec<IpAddr>,
    #[serde(default)]
    pub(crate) ports: Vec<u16>,
    pub(crate) transport: Option<Transport>,
    pub(crate) action: EndpointWord,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum EndpointWord {
    Drop,
    Reset,
    Prohibited,
    HostUnreachable,
    NetworkUnreachable,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsSniSpec {
    pub(crate) names: Vec<String>,
    pub(crate) action: SniWord,
    #[serde(default)]
    pub(crate) reset: ResetSpec,
    #[serde(default)]
    pub(crate) reassembly: Reassembly,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SniWord {
    Reset,
    Drop,
    Close,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuicSniSpec {
    pub(crate) names: Vec<String>,
    #[serde(default = "https_port")]
    pub(crate) ports: Vec<u16>,
    #[serde(default = "every_version")]
    pub(crate) versions: Vec<QuicVersion>,
    #[serde(default)]
    pub(crate) reassembly: Reassembly,
    #[serde(default)]
    pub(crate) drops: Dropped,
    #[serde(default = "three_minutes")]
    pub(crate) hold_secs: Secs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum QuicVersion {
    V1,
    V2,
    Draft29,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpHostSpec {
    pub(crate) names: Vec<String>,
    pub(crate) action: HostWord,
    #[serde(default)]
    pub(crate) reset: ResetSpec,
    #[serde(default)]
    pub(crate) reassembly: Reassembly,
    #[serde(default = "forbidden")]
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) html: String,
    #[serde(default)]
    pub(crate) location: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum HostWord {
    Reset,
    Drop,
    Close,
    Blockpage,
    Redirect,
}

/// What forged resets look like.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ResetSpec {
    pub(crate) towards: Towards,
    pub(crate) count: u8,
    pub(crate) ack: bool,
    pub(crate) ttl: u8,
    pub(crate) ip_id: u16,
    pub(crate) ip_id_step: u16,
    pub(crate) window: u16,
    pub(crate) sequence_step: u32,
    pub(crate) after_us: Micros,
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
            after_us: Micros::new(0),
        }
    }
}

/// Whom to slow, by exactly one of three keys, and how.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ThrottleSpec {
    pub(crate) sni: Option<Vec<String>>,
    pub(crate) host: Option<Vec<String>>,
    pub(crate) addresses: Option<Vec<IpAddr>>,
    #[serde(default)]
    pub(crate) ports: Vec<u16>,
    pub(crate) how: Spanned<BrakeWord>,
    #[serde(default)]
    pub(crate) kbit_per_second: u64,
    #[serde(default = "burst")]
    pub(crate) burst_bytes: Bytes,
    #[serde(default = "queue")]
    pub(crate) queue_bytes: Bytes,
    #[serde(default)]
    pub(crate) delay_ms: Millis,
    #[serde(default)]
    pub(crate) loss_per_million: PerMillion,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BrakeWord {
    Policer,
    Shaper,
    Impair,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResidualSpec {
    pub(crate) layer: Layer,
    pub(crate) names: Vec<String>,
    pub(crate) tuple: Spanned<u8>,
    pub(crate) hold_secs: Secs,
    #[serde(default)]
    pub(crate) refresh: bool,
    pub(crate) action: ResidualWord,
    #[serde(default)]
    pub(crate) reset: ResetSpec,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ResidualWord {
    Drop,
    Reset,
}

/// A text in a packet of the client's.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PayloadSpec {
    pub(crate) text: String,
    #[serde(default)]
    pub(crate) addresses: Vec<IpAddr>,
    #[serde(default)]
    pub(crate) ports: Vec<u16>,
    pub(crate) action: HostWord,
    #[serde(default)]
    pub(crate) reset: ResetSpec,
    #[serde(default = "forbidden")]
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) html: String,
    #[serde(default)]
    pub(crate) location: String,
}

/// A machine in the middle of TLS.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MitmSpec {
    pub(crate) names: Vec<String>,
    pub(crate) certificate: CertificateKind,
    /// The addresses of the host that the connections are led to.
    pub(crate) interceptor: Vec<Spanned<IpAddr>>,
    #[serde(default)]
    pub(crate) addresses: Vec<IpAddr>,
    #[serde(default = "https_port")]
    pub(crate) ports: Vec<u16>,
}

/// A known device, by the name of its profile.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KnownSpec {
    pub(crate) profile: Spanned<String>,
    pub(crate) names: Vec<String>,
    #[serde(default)]
    pub(crate) configurations: Vec<String>,
    #[serde(default)]
    pub(crate) unknown: Unknown,
    pub(crate) tcp: Option<Act>,
    #[serde(default)]
    pub(crate) idle_per_million: PerMillion,
}

impl KnownSpec {
    pub(crate) fn settings(&self) -> DeviceSettings {
        DeviceSettings {
            names: Names::new(&self.names),
            unknown: self.unknown,
            tcp: self.tcp,
            configurations: self.configurations.clone(),
            idle_per_million: u32::try_from(self.idle_per_million.get()).unwrap_or(0),
        }
    }
}

fn every_version() -> Vec<QuicVersion> {
    vec![QuicVersion::V1, QuicVersion::V2, QuicVersion::Draft29]
}

fn three_minutes() -> Secs {
    Secs::new(180)
}

fn https_port() -> Vec<u16> {
    vec![443]
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

fn burst() -> Bytes {
    Bytes::new(16_000)
}

fn queue() -> Bytes {
    Bytes::new(256_000)
}
