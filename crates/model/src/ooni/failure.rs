//! Failure strings (df-007-errors), read into one vocabulary.
//!
//! Three generations of words are in the files: today's Go probe, the C++ probe's, and the Twisted names of the Python
//! probe and of the test helper's protocol. [`What::of`] reads all of them; what it does not know is [`What::Other`].

/// What went wrong, whichever probe said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// TCP reset (RST) received.
    Reset,
    /// No answer in time.
    Timeout,
    /// Connection refused (RST to a SYN, or ICMP port unreachable).
    Refused,
    /// The other side closed in the middle.
    Close,
    /// The host cannot be reached (ICMP or local routing).
    HostUnreachable,
    /// The network cannot be reached (ICMP or local routing).
    NetworkUnreachable,
    /// The local network is down or changed.
    LocalNetwork,
    /// No such name (RFC 1035 RCODE 3).
    NxDomain,
    /// The resolver refuses (RCODE 5).
    DnsRefused,
    /// The resolver failed (RCODE 2), or says so in other words.
    DnsServfail,
    /// The name exists without an address of the type asked for.
    DnsNoAnswer,
    /// Android's one word for every failed lookup (`EAI_NODATA`).
    DnsAndroidNoData,
    /// An answer of the private or reserved kind, refused by the probe.
    DnsBogon,
    /// Some other failure to resolve.
    DnsOther,
    /// The certificate's name does not match.
    CertificateName,
    /// The certificate's issuer is not known.
    CertificateAuthority,
    /// The certificate is not valid (expired, say).
    CertificateInvalid,
    /// The handshake failed with an alert or garbage.
    Handshake,
    /// Too many redirects.
    RedirectLoop,
    /// A redirect that leads nowhere.
    BadRedirect,
    /// None of the above, `unknown_failure ..` among them.
    Other,
}

impl What {
    /// Reads a failure string of any generation.
    pub fn of(failure: &str) -> Self {
        let word = failure.split(':').next().unwrap_or(failure);
        // The C++ probe adds the library's text behind a colon: `ssl_error: error:..:certificate verify failed`.
        let exact = Self::exact(failure)
            .or_else(|| Self::exact(word))
            .filter(|what| *what != Self::Handshake);
        exact.unwrap_or_else(|| Self::guess(failure))
    }

    fn exact(failure: &str) -> Option<Self> {
        Some(match failure {
            "connection_reset"
            | "connection_aborted"
            | "network_reset"
            | "connection_reset_error" => Self::Reset,
            "generic_timeout_error"
            | "timed_out"
            | "tcp_timed_out_error"
            | "task_timed_out"
            | "deferred_timeout_error"
            | "timeout" => Self::Timeout,
            "connection_refused" | "connection_refused_error" => Self::Refused,
            "eof_error"
            | "connection_already_closed"
            | "connection_lost_error"
            | "response_never_received"
            | "connection_done" => Self::Close,
            "host_unreachable" | "no_route_to_host_error" => Self::HostUnreachable,
            "network_unreachable" => Self::NetworkUnreachable,
            "network_down" | "address_not_available" | "interrupted" | "permission_denied" => {
                Self::LocalNetwork
            }
            "dns_nxdomain_error" | "dns_name_error" => Self::NxDomain,
            "dns_refused_error" => Self::DnsRefused,
            "dns_servfail_error"
            | "dns_server_failure"
            | "dns_server_misbehaving"
            | "dns_temporary_failure" => Self::DnsServfail,
            "dns_no_answer" => Self::DnsNoAnswer,
            "android_dns_cache_no_data" => Self::DnsAndroidNoData,
            "dns_bogon_error" => Self::DnsBogon,
            "dns_lookup_error"
            | "dns_non_recoverable_failure"
            | "dns_reply_with_wrong_query_id"
            | "dns_resolution_error" => Self::DnsOther,
            "ssl_invalid_hostname" => Self::CertificateName,
            "ssl_unknown_authority" => Self::CertificateAuthority,
            "ssl_invalid_certificate" => Self::CertificateInvalid,
            "ssl_failed_handshake" | "ssl_error" => Self::Handshake,
            "http_invalid_redirect_location_host" | "http_invalid_redirect_url" => {
                Self::BadRedirect
            }
            _ => return None,
        })
    }

    /// Reads the free text of `unknown_failure: ..` for the few phrases that say what happened.
    fn guess(failure: &str) -> Self {
        let has = |phrase: &str| failure.contains(phrase);
        if has("too many redirects") || has("stopped after 10 redirects") {
            Self::RedirectLoop
        } else if has("connection reset by peer") || has("ConnectionLost") {
            Self::Reset
        } else if has("i/o timeout") || has("deadline exceeded") {
            Self::Timeout
        } else if has("no such host") || has("DNSLookupError") {
            Self::DnsOther
        } else if has("connection refused") {
            Self::Refused
        } else if has("certificate verify failed") || has("x509: ") {
            Self::CertificateInvalid
        } else if has("tls: ") || has("SSL") || has("ssl_") {
            Self::Handshake
        } else {
            Self::Other
        }
    }

    /// True for the failures of a lookup.
    pub fn is_dns(self) -> bool {
        matches!(
            self,
            Self::NxDomain
                | Self::DnsRefused
                | Self::DnsServfail
                | Self::DnsNoAnswer
                | Self::DnsAndroidNoData
                | Self::DnsBogon
                | Self::DnsOther
        )
    }

    /// True for a certificate that was seen and not accepted.
    pub fn is_certificate(self) -> bool {
        matches!(
            self,
            Self::CertificateName | Self::CertificateAuthority | Self::CertificateInvalid
        )
    }
}

#[cfg(test)]
mod tests {
    use super::What;

    #[test]
    fn three_generations_of_words_are_one_vocabulary() {
        for (text, what) in [
            ("connection_refused", What::Refused),
            ("connection_refused_error", What::Refused),
            ("dns_name_error", What::NxDomain),
            ("dns_nxdomain_error", What::NxDomain),
            ("response_never_received", What::Close),
            ("unknown_failure: stopped after too many redirects", What::RedirectLoop),
            ("unknown_failure: read tcp [scrubbed]: connection reset by peer", What::Reset),
            (
                "ssl_error: error:14007086:SSL routines:CONNECT_CR_CERT:certificate verify failed",
                What::CertificateInvalid,
            ),
            ("ssl_failed_handshake", What::Handshake),
            ("connection_reset: whatever", What::Reset),
            ("unknown_failure", What::Other),
            ("", What::Other),
        ] {
            assert_eq!(What::of(text), what, "{text}");
        }
        assert!(What::of("dns_lookup_error").is_dns());
        assert!(What::of("ssl_invalid_hostname").is_certificate());
    }
}
