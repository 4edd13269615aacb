//! Layers of mechanisms.

use serde::{Deserialize, Serialize};
use wirewitness_model::verdict::Mechanism;

/// Where in the course of a connection a mechanism works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// Names into addresses.
    Dns,
    /// Reaching the address at all.
    Ip,
    /// Connecting.
    Tcp,
    /// The handshake and what follows under its name.
    Tls,
    /// Requests and answers.
    Http,
    /// HTTP/3's transport.
    Quic,
    /// Applications, tunnels and encrypted DNS.
    App,
    /// Not said, or not of one name: `shutdown`, `server.*`, `vantage.*`.
    Other,
}

impl Layer {
    /// The layer of a mechanism: the first part of its word.
    pub fn of(mechanism: Option<Mechanism>) -> Self {
        let Some(mechanism) = mechanism else { return Self::Other };
        match mechanism.word().split('.').next().unwrap_or_default() {
            "dns" => Self::Dns,
            "ip" => Self::Ip,
            "tcp" => Self::Tcp,
            "tls" => Self::Tls,
            "http" => Self::Http,
            "quic" => Self::Quic,
            "app" | "tunnel" | "dot" | "doh" => Self::App,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_the_first_part_of_the_word() {
        for (mechanism, layer) in [
            (Some(Mechanism::DnsInjectionBogon), Layer::Dns),
            (Some(Mechanism::TlsThrottleSni), Layer::Tls),
            (Some(Mechanism::HttpResetHost), Layer::Http),
            (Some(Mechanism::DohBlocked), Layer::App),
            (Some(Mechanism::Shutdown), Layer::Other),
            (None, Layer::Other),
        ] {
            assert_eq!(Layer::of(mechanism), layer, "{mechanism:?}");
        }
    }
}
