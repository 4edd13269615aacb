//! What one step came to: `layer/what`.
//!
//! An outcome says what happened, never what it means. All of them are in [`Outcome::ALL`]; `docs/outcomes.md` is
//! generated from it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ooni::failure::What;

/// The layer a step belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// Name resolution.
    Dns,
    /// TCP connect.
    Tcp,
    /// TLS handshake.
    Tls,
    /// QUIC handshake.
    Quic,
    /// HTTP round trip.
    Http,
    /// What an application's own test says.
    App,
}

impl Layer {
    /// The word before the slash.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Quic => "quic",
            Self::Http => "http",
            Self::App => "app",
        }
    }
}

macro_rules! outcomes {
    ($($(#[doc = $doc:literal])+ $name:ident = $word:literal,)*) => {
        /// What one step came to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Outcome {
            $($(#[doc = $doc])+ $name,)*
        }

        impl Outcome {
            /// Every outcome, its word and what it says, in the order of layers.
            pub const ALL: &'static [(Self, &'static str, &'static str)] =
                &[$((Self::$name, $word, concat!($($doc),+)),)*];

            /// The word: `layer/what`.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

outcomes! {
    /// An answer with addresses.
    DnsAnswer = "dns/answer",
    /// The same answer as the control's: a common address or a common network.
    DnsMatch = "dns/match",
    /// No address and no network in common with the control's answer.
    DnsDiffer = "dns/differ",
    /// An answer with an address of a private or reserved range.
    DnsBogon = "dns/bogon",
    /// No such name.
    DnsNxdomain = "dns/nxdomain",
    /// The resolver refuses.
    DnsRefused = "dns/refused",
    /// The resolver fails.
    DnsServfail = "dns/servfail",
    /// The name exists, without an address of the type asked for.
    DnsNoAnswer = "dns/no_answer",
    /// No answer in time.
    DnsTimeout = "dns/timeout",
    /// The lookup failed in another way.
    DnsFailed = "dns/failed",
    /// The connection was opened.
    TcpOk = "tcp/ok",
    /// The connection was refused.
    TcpRefused = "tcp/refused",
    /// The connection was reset.
    TcpReset = "tcp/reset",
    /// No answer in time.
    TcpTimeout = "tcp/timeout",
    /// Host or network cannot be reached.
    TcpUnreachable = "tcp/unreachable",
    /// The connect failed in another way.
    TcpFailed = "tcp/failed",
    /// The handshake ended well and, unless the observation says so, the certificate was verified for the name.
    TlsOk = "tls/ok",
    /// Reset during the handshake.
    TlsReset = "tls/reset",
    /// Silence during the handshake.
    TlsTimeout = "tls/timeout",
    /// Closed during the handshake.
    TlsClose = "tls/close",
    /// A certificate was sent that does not verify for the name.
    TlsBadCertificate = "tls/bad_certificate",
    /// The handshake failed in another way.
    TlsFailed = "tls/failed",
    /// The QUIC handshake ended well.
    QuicOk = "quic/ok",
    /// Silence during the QUIC handshake.
    QuicTimeout = "quic/timeout",
    /// The QUIC handshake failed in another way.
    QuicFailed = "quic/failed",
    /// A response came.
    HttpResponse = "http/response",
    /// A response came that is like the control's.
    HttpMatch = "http/match",
    /// A response came that is unlike the control's.
    HttpDiffer = "http/differ",
    /// Reset before the response was complete.
    HttpReset = "http/reset",
    /// The response was not complete in time.
    HttpTimeout = "http/timeout",
    /// Closed before the response was complete.
    HttpClose = "http/close",
    /// A redirect that leads nowhere, or in circles.
    HttpBadRedirect = "http/bad_redirect",
    /// The round trip failed in another way.
    HttpFailed = "http/failed",
    /// Bytes came, far slower than this line carries.
    HttpSlow = "http/slow",
    /// The application's function works.
    AppOk = "app/ok",
    /// The application's function does not work.
    AppFailed = "app/failed",
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Serialize for Outcome {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl<'de> Deserialize<'de> for Outcome {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Self::ALL
            .iter()
            .find(|(_, w, _)| *w == word)
            .map(|(outcome, _, _)| *outcome)
            .ok_or_else(|| serde::de::Error::custom(format!("no outcome is called {word:?}")))
    }
}

impl Outcome {
    /// The outcome of a step at `layer` that ended with this OONI failure, or well.
    pub fn of(layer: Layer, failure: Option<&str>) -> Self {
        let Some(failure) = failure else {
            return match layer {
                Layer::Dns => Self::DnsAnswer,
                Layer::Tcp => Self::TcpOk,
                Layer::Tls => Self::TlsOk,
                Layer::Quic => Self::QuicOk,
                Layer::Http => Self::HttpResponse,
                Layer::App => Self::AppOk,
            };
        };
        let what = What::of(failure);
        match layer {
            Layer::Dns => Self::of_dns(what),
            Layer::Tcp => match what {
                What::Refused => Self::TcpRefused,
                What::Reset => Self::TcpReset,
                What::Timeout => Self::TcpTimeout,
                What::HostUnreachable | What::NetworkUnreachable => Self::TcpUnreachable,
                _ => Self::TcpFailed,
            },
            Layer::Tls => match what {
                What::Reset => Self::TlsReset,
                What::Timeout => Self::TlsTimeout,
                What::Close => Self::TlsClose,
                _ if what.is_certificate() => Self::TlsBadCertificate,
                _ => Self::TlsFailed,
            },
            Layer::Quic => match what {
                What::Timeout => Self::QuicTimeout,
                _ => Self::QuicFailed,
            },
            Layer::Http => match what {
                What::Reset => Self::HttpReset,
                What::Timeout => Self::HttpTimeout,
                What::Close => Self::HttpClose,
                What::BadRedirect | What::RedirectLoop => Self::HttpBadRedirect,
                _ => Self::HttpFailed,
            },
            Layer::App => Self::AppFailed,
        }
    }

    fn of_dns(what: What) -> Self {
        match what {
            What::NxDomain => Self::DnsNxdomain,
            What::DnsRefused => Self::DnsRefused,
            What::DnsServfail => Self::DnsServfail,
            What::DnsNoAnswer | What::DnsAndroidNoData => Self::DnsNoAnswer,
            What::DnsBogon => Self::DnsBogon,
            What::Timeout => Self::DnsTimeout,
            _ => Self::DnsFailed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unique_and_come_back() {
        for (at, (outcome, word, says)) in Outcome::ALL.iter().enumerate() {
            assert!(
                word.split_once('/')
                    .is_some_and(|(layer, what)| !layer.is_empty() && !what.is_empty())
            );
            assert!(!says.trim().is_empty());
            assert_eq!(Outcome::ALL.iter().position(|(_, w, _)| w == word), Some(at));
            let json = serde_json::to_string(outcome).unwrap();
            assert_eq!(serde_json::from_str::<Outcome>(&json).unwrap(), *outcome);
        }
        assert!(serde_json::from_str::<Outcome>("\"tls/anomaly\"").is_err());
    }

    #[test]
    fn one_failure_means_another_outcome_at_each_layer() {
        assert_eq!(Outcome::of(Layer::Tcp, Some("connection_reset")), Outcome::TcpReset);
        assert_eq!(Outcome::of(Layer::Tls, Some("connection_reset")), Outcome::TlsReset);
        assert_eq!(Outcome::of(Layer::Http, None), Outcome::HttpResponse);
        assert_eq!(Outcome::of(Layer::Dns, Some("generic_timeout_error")), Outcome::DnsTimeout);
    }
}
