//! The keys of `[[site]]` and `[[site.page]]`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Deserialize;
use toml::Spanned;

use super::Link;
use super::bound::{Bytes, Millis};
use crate::server::authority::CertificateKind;
use crate::server::web::Scheme;

/// A host that serves pages; without addresses, only names.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Site {
    pub(crate) names: Vec<Spanned<String>>,
    pub(crate) addresses: Vec<Spanned<IpAddr>>,
    /// What some resolvers say instead: addresses of this host too.
    #[serde(default)]
    pub(crate) addresses_for: BTreeMap<Spanned<String>, Vec<Spanned<IpAddr>>>,
    /// The name that all its names are aliases of.
    pub(crate) alias: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) link: Link,
    #[serde(default)]
    pub(crate) certificate: CertificateKind,
    /// Other certificates, by name.
    #[serde(default)]
    pub(crate) certificates: BTreeMap<Spanned<String>, CertificateKind>,
    #[serde(default)]
    pub(crate) state: SiteState,
    #[serde(default = "http_ports")]
    pub(crate) http_ports: Vec<Spanned<u16>>,
    #[serde(default = "https_ports")]
    pub(crate) https_ports: Vec<Spanned<u16>>,
    /// HTTP/3 on the ports of HTTPS, and word of it in every answer.
    #[serde(default)]
    pub(crate) h3: bool,
    pub(crate) status: Option<u16>,
    pub(crate) html: Option<String>,
    pub(crate) bytes: Option<Spanned<Bytes>>,
    pub(crate) redirect: Option<String>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<Spanned<String>, String>,
    #[serde(default)]
    pub(crate) captcha_for: Vec<Spanned<String>>,
    #[serde(default)]
    pub(crate) geoblock_for: Vec<Spanned<String>>,
    #[serde(default)]
    pub(crate) delay_ms: Millis,
    #[serde(default)]
    pub(crate) page: Vec<Page>,
    pub(crate) asn: Option<u32>,
    #[serde(default)]
    pub(crate) as_org: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SiteState {
    /// Serves its ports.
    #[default]
    Up,
    /// Serves none: connections are refused.
    Closed,
    /// Says nothing.
    Silent,
}

/// One answer, for what is asked in one way. The first that fits is given.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    /// The path, with its query; all that begin so where it ends in `*`. Every path if not said.
    pub(crate) path: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) scheme: Option<Scheme>,
    /// Clients, by name; everybody if empty.
    #[serde(default)]
    pub(crate) only_for: Vec<Spanned<String>>,
    pub(crate) status: Option<u16>,
    pub(crate) html: Option<String>,
    pub(crate) bytes: Option<Spanned<Bytes>>,
    pub(crate) redirect: Option<String>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<Spanned<String>, String>,
    #[serde(default)]
    pub(crate) delay_ms: Millis,
}

fn http_ports() -> Vec<Spanned<u16>> {
    vec![Spanned::new(0..0, 80)]
}

fn https_ports() -> Vec<Spanned<u16>> {
    vec![Spanned::new(0..0, 443)]
}
