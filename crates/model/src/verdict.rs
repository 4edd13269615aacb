//! What a judge says of a measurement.
//!
//! A verdict names the rule that gave it (id and version), the observations it stands on and what it cannot tell
//! apart. There is no `anomaly`: either the evidence carries a word, or the verdict is `insufficient`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::outcome::Outcome;

/// Whether the target could be used from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It could. Interference that does not deny access is `ok` with its mechanism.
    Ok,
    /// It could not, and the reason is the target's own. Mechanisms are `server.*`.
    Down,
    /// It could not, or not usably, and something between here and there is why.
    Blocked,
    /// The measurement does not carry an answer.
    Insufficient,
}

impl Status {
    /// The word, as in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Down => "down",
            Self::Blocked => "blocked",
            Self::Insufficient => "insufficient",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Who did it, as far as known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Locus {
    /// The resolver that was asked.
    Resolver,
    /// Something between the vantage and the far end.
    Path,
    /// The far end itself.
    Endpoint,
    /// The vantage's own line or device.
    Vantage,
    /// Not known.
    Unknown,
}

impl Locus {
    /// The word, as in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Resolver => "resolver",
            Self::Path => "path",
            Self::Endpoint => "endpoint",
            Self::Vantage => "vantage",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Locus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// How sure a verdict is. Ordinal: these are grades of evidence, not probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// One observation, with nothing to compare it with. Never given to `blocked`.
    Low,
    /// One observation that the control contradicts or confirms.
    Medium,
    /// Two independent lines of evidence, or a proof (a certificate that verifies for the name).
    High,
}

impl Confidence {
    /// The word, as in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

macro_rules! mechanisms {
    ($($(#[doc = $doc:literal])+ $name:ident = $word:literal,)*) => {
        /// What was done, as specifically as the evidence allows.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Mechanism {
            $($(#[doc = $doc])+ $name,)*
        }

        impl Mechanism {
            /// Every mechanism, its word and what it says.
            pub const ALL: &'static [(Self, &'static str, &'static str)] =
                &[$((Self::$name, $word, concat!($($doc),+)),)*];

            /// The word, as in JSON.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

mechanisms! {
    /// A false answer that leads to a block page.
    DnsInjectionBlockpage = "dns.injection.blockpage",
    /// A false answer with an address of a private or reserved range.
    DnsInjectionBogon = "dns.injection.bogon",
    /// A false answer of another kind.
    DnsInjectionOther = "dns.injection.other",
    /// A false "no such name".
    DnsNxdomain = "dns.nxdomain",
    /// A resolver that refuses this name.
    DnsRefused = "dns.refused",
    /// Queries for this name get no answer.
    DnsTimeout = "dns.timeout",
    /// Connections are reset before anything is sent on them.
    TcpReset = "tcp.reset",
    /// Connects get no answer.
    TcpTimeout = "tcp.timeout",
    /// Connects are refused.
    TcpRefused = "tcp.refused",
    /// Reset on the ClientHello, because of the name in it.
    TlsResetSni = "tls.reset.sni",
    /// Reset during or after the handshake, not known to be because of the name.
    TlsResetOther = "tls.reset.other",
    /// Silence after the ClientHello.
    TlsTimeout = "tls.timeout",
    /// Closed (FIN) after the ClientHello.
    TlsClose = "tls.close",
    /// Somebody else's certificate, signed by itself.
    TlsMitmSelfSigned = "tls.mitm.self_signed",
    /// Somebody else's certificate, signed by an authority.
    TlsMitmCaSigned = "tls.mitm.ca_signed",
    /// Transfers under this TLS name are slowed.
    TlsThrottleSni = "tls.throttle.sni",
    /// A block page in place of the page.
    HttpBlockpage = "http.blockpage",
    /// A redirect that the site did not send.
    HttpRedirect = "http.redirect",
    /// An HTTP error that the site did not send.
    HttpError = "http.error",
    /// Closed (FIN) after the request.
    HttpClose = "http.close",
    /// Silence after the request.
    HttpTimeout = "http.timeout",
    /// Reset on a plain request, because of the host in it.
    HttpResetHost = "http.reset.host",
    /// Transfers under this host name are slowed.
    HttpThrottleHost = "http.throttle.host",
    /// Silence after the QUIC Initial, because of the name in it.
    QuicTimeoutSni = "quic.timeout.sni",
    /// QUIC connections are closed.
    QuicClose = "quic.close",
    /// The address cannot be reached.
    IpUnreachable = "ip.unreachable",
    /// Transfers with this endpoint are slowed.
    IpThrottleEndpoint = "ip.throttle.endpoint",
    /// DNS over TLS cannot be used.
    DotBlocked = "dot.blocked",
    /// DNS over HTTPS cannot be used.
    DohBlocked = "doh.blocked",
    /// An application cannot be used.
    AppBlocked = "app.blocked",
    /// A tunnel (the rule names the protocol) cannot be used.
    TunnelBlocked = "tunnel.blocked",
    /// Nothing passes.
    Shutdown = "shutdown",
    /// The target does not work for anybody.
    ServerDown = "server.down",
    /// The target turns this country or network away.
    ServerGeoblock = "server.geoblock",
    /// The target asks for a proof of humanity.
    ServerCaptcha = "server.captcha",
    /// The target's certificate is bad for everybody.
    ServerBadCertificate = "server.bad_certificate",
    /// The target redirects without end.
    ServerRedirectLoop = "server.redirect_loop",
    /// The vantage's IPv6 does not work.
    VantageIpv6Broken = "vantage.ipv6_broken",
    /// The vantage sits behind a login page.
    VantageCaptivePortal = "vantage.captive_portal",
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl Serialize for Mechanism {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl<'de> Deserialize<'de> for Mechanism {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Self::ALL
            .iter()
            .find(|(_, w, _)| *w == word)
            .map(|(mechanism, _, _)| *mechanism)
            .ok_or_else(|| serde::de::Error::custom(format!("no mechanism is called {word:?}")))
    }
}

/// One observation that a verdict stands on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Where it stands in the file: `test_keys.tls_handshakes[0]`, `test_keys.control.dns`, ..
    pub at: String,
    /// What the step came to.
    pub outcome: Outcome,
    /// What was seen, in words.
    pub seen: String,
    /// What was expected, by the control or by what needs none, in words. Absent where nothing was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expected: Option<String>,
}

/// Identity of a rule. Rule ids are a public contract; the version grows when what a rule says can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct RuleId {
    /// Dotted name, `web.tls.reset` say.
    pub id: &'static str,
    /// Starts at 1.
    pub version: u16,
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.id, self.version)
    }
}

/// What a judge says of one measurement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether the target could be used from here.
    pub status: Status,
    /// What was done; none where nothing was, or nothing known.
    pub mechanism: Option<Mechanism>,
    /// Other mechanisms seen in the same measurement, behind the first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Mechanism>,
    /// Who did it; none where there is no mechanism.
    pub locus: Option<Locus>,
    /// The rule that said so.
    pub rule: RuleId,
    /// How sure.
    pub confidence: Confidence,
    /// The fingerprint that matched, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The observations it stands on, in the order of the connection's steps.
    pub evidence: Vec<Evidence>,
    /// What the measurement cannot tell apart from this.
    pub cannot_tell: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mechanism_words_are_unique_and_come_back() {
        for (at, (mechanism, word, says)) in Mechanism::ALL.iter().enumerate() {
            assert!(!says.trim().is_empty());
            assert_eq!(Mechanism::ALL.iter().position(|(_, w, _)| w == word), Some(at));
            let json = serde_json::to_string(mechanism).unwrap();
            assert_eq!(serde_json::from_str::<Mechanism>(&json).unwrap(), *mechanism);
        }
        assert!(serde_json::from_str::<Mechanism>("\"anomaly\"").is_err());
    }

    #[test]
    fn status_words_are_those_of_the_json() {
        for status in [Status::Ok, Status::Down, Status::Blocked, Status::Insufficient] {
            assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{}\"", status.word()));
        }
        for locus in [Locus::Resolver, Locus::Path, Locus::Endpoint, Locus::Vantage, Locus::Unknown]
        {
            assert_eq!(serde_json::to_string(&locus).unwrap(), format!("\"{}\"", locus.word()));
        }
        for confidence in [Confidence::Low, Confidence::Medium, Confidence::High] {
            assert_eq!(
                serde_json::to_string(&confidence).unwrap(),
                format!("\"{}\"", confidence.word())
            );
        }
    }
}
