//! What Go's library says when a connection fails, read into our words.
//!
//! The texts carry the scanner's own address and port; only the words behind them count.

use wirewitness_model::ooni::failure::What;

/// How a try failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    /// True where it failed before anything could be sent.
    pub(super) is_unsent: bool,
    pub(super) what: What,
}

impl Fault {
    /// Reads an error. None for the scanner's own words for a response that does not fit the template.
    pub(super) fn of(error: &str) -> Option<Self> {
        let lower = super::remote::cut(error).to_ascii_lowercase();
        if MISMATCHES.iter().any(|word| lower.starts_with(word)) {
            return None;
        }
        let is_unsent = lower.contains("dial tcp")
            || lower.contains("dial udp")
            || lower.contains(": connect: ")
            || lower.contains(": socket: ");
        let known = WORDS.iter().find(|(word, _)| lower.contains(word));
        Some(Self { is_unsent, what: known.map_or(What::Other, |(_, what)| *what) })
    }

    /// The failure string of OONI (df-007) that says the same.
    pub(super) fn words(self, error: &str) -> String {
        let word = match self.what {
            What::Reset => "connection_reset",
            What::Timeout => "generic_timeout_error",
            What::Refused => "connection_refused",
            What::Close => "eof_error",
            What::HostUnreachable => "host_unreachable",
            What::NetworkUnreachable => "network_unreachable",
            What::Handshake => "ssl_failed_handshake",
            What::CertificateInvalid => "ssl_invalid_certificate",
            _ => return super::remote::cut(&format!("unknown_failure: {}", bare(error))),
        };
        word.to_owned()
    }
}

/// The error without the addresses in front: what follows the last `: ` but one. A scanner's address says nothing.
fn bare(error: &str) -> &str {
    error
        .find("->")
        .and_then(|at| error.get(at..)?.split_once(": "))
        .map_or(error, |(_, rest)| rest)
}

/// The first that is found holds.
const WORDS: &[(&str, What)] = &[
    ("connection reset", What::Reset),
    // Writing to a connection that was reset or closed in the meantime.
    ("broken pipe", What::Reset),
    ("connection refused", What::Refused),
    ("no route to host", What::HostUnreachable),
    ("network is unreachable", What::NetworkUnreachable),
    ("timeout", What::Timeout),
    ("timed out", What::Timeout),
    ("deadline exceeded", What::Timeout),
    ("x509", What::CertificateInvalid),
    ("remote error", What::Handshake),
    ("tls:", What::Handshake),
    ("eof", What::Close),
];

/// Lower case beginnings of what the scanner says of a response that came.
const MISMATCHES: [&str; 4] = [
    "incorrect echo response",
    "incorrect web response",
    "received response",
    "incorrect response",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_the_library() {
        for (error, is_unsent, what, words) in [
            (
                "read tcp 192.0.2.9:1->192.0.2.1:9: read: connection reset by peer",
                false,
                What::Reset,
                "connection_reset",
            ),
            (
                "write tcp 192.0.2.9:1->192.0.2.1:9: write: broken pipe",
                false,
                What::Reset,
                "connection_reset",
            ),
            (
                "read tcp 192.0.2.9:1->192.0.2.1:7: i/o timeout",
                false,
                What::Timeout,
                "generic_timeout_error",
            ),
            (
                "dial tcp 0.0.0.0:0->192.0.2.1:7: connect: connection timed out",
                true,
                What::Timeout,
                "generic_timeout_error",
            ),
            ("dial tcp 192.0.2.1:7: i/o timeout", true, What::Timeout, "generic_timeout_error"),
            (
                "dial tcp 192.0.2.1:80: connect: connection refused",
                true,
                What::Refused,
                "connection_refused",
            ),
            (
                "dial tcp 192.0.2.1:80: connect: no route to host",
                true,
                What::HostUnreachable,
                "host_unreachable",
            ),
            (
                "read udp 192.0.2.9:1->192.0.2.1:53: read: connection refused",
                false,
                What::Refused,
                "connection_refused",
            ),
            ("EOF", false, What::Close, "eof_error"),
            ("unexpected EOF", false, What::Close, "eof_error"),
            ("net/http: TLS handshake timeout", false, What::Timeout, "generic_timeout_error"),
            (
                "net/http: request canceled (Client.Timeout exceeded while awaiting headers)",
                false,
                What::Timeout,
                "generic_timeout_error",
            ),
            (
                "remote error: tls: handshake failure",
                false,
                What::Handshake,
                "ssl_failed_handshake",
            ),
            (
                "read tcp 192.0.2.9:1->192.0.2.1:7: gone astray",
                false,
                What::Other,
                "unknown_failure: gone astray",
            ),
        ] {
            let fault = Fault::of(error).unwrap();
            assert_eq!((fault.is_unsent, fault.what), (is_unsent, what), "{error}");
            assert_eq!(fault.words(error), words);
        }
        for error in [
            "Incorrect echo response",
            "Received response",
            "Incorrect web response: bodies don't match",
        ] {
            assert_eq!(Fault::of(error), None, "{error}");
        }
    }
}
