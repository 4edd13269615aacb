//! What many measurements have in common: the network, whom to trust, whom to ask.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rustls::RootCertStore;
use url::Url;
use wirewitness_net::Net;

use crate::control::TestHelper;
use crate::dns::Networks;
use crate::pace::Pace;
use crate::service::Services;
use crate::tls::{Trust, TrustError};

/// Where a measurement is taken from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vantage {
    /// Number of the network; 0 where it is not known.
    pub asn: u32,
    /// Whose network.
    pub network: String,
    /// Country, two letters; `ZZ` where it is not known.
    pub country: String,
    /// The system's resolver as the world sees it, where it is known.
    pub resolver: Option<IpAddr>,
    /// Number of the resolver's network; 0 where it is not known.
    pub resolver_asn: u32,
    /// Whose network the resolver is in.
    pub resolver_network: String,
}

/// Whom to ask beside the system's resolver.
#[derive(Debug, Clone, Default)]
pub struct Helpers {
    /// Public resolvers over UDP; a measurement asks one of them.
    pub resolvers: Vec<SocketAddr>,
    /// DNS over HTTPS services; a measurement asks one of them.
    pub doh: Vec<Url>,
    /// Test helpers, in the order in which they are asked.
    pub test_helpers: Vec<TestHelper>,
    /// Addresses of the two above that need no lookup.
    pub known: BTreeMap<String, Vec<IpAddr>>,
    /// A name that exists and that nobody has reason to block.
    pub harmless: HarmlessName,
}

/// A name that exists and that nobody has reason to block: what a failed step is repeated with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HarmlessName(pub String);

impl Default for HarmlessName {
    /// One of IANA's own (RFC 2606).
    fn default() -> Self {
        Self("www.example.org".to_owned())
    }
}

/// What many measurements have in common.
pub struct Session<N> {
    pub(crate) net: N,
    pub(crate) trust: Trust,
    /// The authorities that `trust` trusts.
    pub(crate) roots: Arc<RootCertStore>,
    pub(crate) vantage: Vantage,
    pub(crate) helpers: Helpers,
    pub(crate) services: Services<N>,
    pub(crate) networks: Arc<Networks>,
    pub(crate) follow_up: FollowUp,
    pub(crate) pace: Arc<Pace<N>>,
}

/// Whether failures are looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FollowUp {
    /// The measurement alone, as OONI's prober takes it.
    Never,
    /// Each failed step again, and with one thing changed, three times.
    #[default]
    Failures,
}

impl<N: Net> Session<N> {
    /// A session over `net` that trusts `roots`.
    ///
    /// # Errors
    /// No usable authority among the roots.
    pub fn new(
        net: N,
        roots: Arc<RootCertStore>,
        vantage: Vantage,
        helpers: Helpers,
    ) -> Result<Self, TrustError> {
        let trust = Trust::new(Arc::clone(&roots), &net)?;
        let services = Services::new(net.clone(), trust.clone(), helpers.known.clone());
        let networks: Arc<Networks> = Arc::new(|_| None);
        let follow_up = FollowUp::default();
        let pace = Arc::new(Pace::unlimited(net.clone()));
        Ok(Self { net, trust, roots, vantage, helpers, services, networks, follow_up, pace })
    }

    /// Tells whose network an address belongs to. Without it, nobody's.
    #[must_use]
    pub fn with_networks(mut self, networks: Arc<Networks>) -> Self {
        self.networks = networks;
        self
    }

    /// Sets how fast it may go. Without it, as fast as it can.
    #[must_use]
    pub fn with_pace(mut self, pace: Arc<Pace<N>>) -> Self {
        self.pace = pace;
        self
    }

    /// Sets whether failures are looked into.
    #[must_use]
    pub fn with_follow_up(mut self, follow_up: FollowUp) -> Self {
        self.follow_up = follow_up;
        self
    }
}
