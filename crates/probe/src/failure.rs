//! OONI's words for what happened instead (ooni/spec df-007-errors).

use std::error::Error;
use std::io;

use rustls::{CertificateError, PeerIncompatible};
use wirewitness_net::{Failure, LookupFailure};

use crate::quic::QuicFailure;

/// Silence for longer than a step may take.
pub const TIMEOUT: &str = "generic_timeout_error";
/// The other side closed in the middle.
pub const EOF: &str = "eof_error";
/// The certificate is for another name.
pub const INVALID_HOSTNAME: &str = "ssl_invalid_hostname";
/// Nobody known signed the certificate.
pub const UNKNOWN_AUTHORITY: &str = "ssl_unknown_authority";
/// The certificate is expired, not yet valid, or broken.
pub const INVALID_CERTIFICATE: &str = "ssl_invalid_certificate";
/// A redirect that names no host.
pub const INVALID_REDIRECT: &str = "http_invalid_redirect_location_host";
/// More redirects than are followed.
pub const TOO_MANY_REDIRECTS: &str = "unknown_failure: stopped after too many redirects";
/// Redirects that took too long to be followed further.
pub const SLOW_REDIRECTS: &str = "unknown_failure: stopped after redirects that took too long";
/// The server does not know the configuration that the hello was encrypted with.
pub const ECH_REJECTED: &str = "ssl_ech_rejected";
/// A lookup that gave no address, and no error.
pub const NO_ANSWER: &str = "dns_no_answer";

/// The word for what the network did.
pub fn of_network(failure: &Failure) -> String {
    let word = match failure {
        Failure::Reset => "connection_reset",
        Failure::Refused => "connection_refused",
        Failure::Eof => EOF,
        Failure::Timeout => TIMEOUT,
        Failure::HostUnreachable | Failure::TtlExceeded { .. } => "host_unreachable",
        Failure::NetworkUnreachable => "network_unreachable",
        Failure::Aborted => "connection_aborted",
        Failure::NetworkDown => "network_down",
        Failure::AddressUnavailable => "address_not_available",
        Failure::PermissionDenied => "permission_denied",
        Failure::MessageSize => "message_size",
        Failure::Other(text) => return unknown(text),
    };
    word.to_owned()
}

/// The word for why the system's resolver gave no address.
pub fn of_lookup(failure: &LookupFailure) -> String {
    let word = match failure {
        LookupFailure::NxDomain => "dns_nxdomain_error",
        LookupFailure::NoAnswer => NO_ANSWER,
        LookupFailure::AndroidNoData => "android_dns_cache_no_data",
        LookupFailure::ServFail => "dns_servfail_error",
        LookupFailure::Refused => "dns_refused_error",
        LookupFailure::Timeout => TIMEOUT,
        LookupFailure::NonRecoverable => "dns_non_recoverable_failure",
        LookupFailure::Other(text) => return unknown(text),
    };
    word.to_owned()
}

/// The word for a DNS response code; none for success.
pub fn of_rcode(rcode: u8) -> Option<&'static str> {
    match rcode {
        0 => None,
        2 => Some("dns_servfail_error"),
        3 => Some("dns_nxdomain_error"),
        5 => Some("dns_refused_error"),
        _ => Some("dns_server_misbehaving"),
    }
}

/// The word for why TLS failed.
pub fn of_tls(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(certificate) => of_certificate(certificate).to_owned(),
        rustls::Error::PeerIncompatible(PeerIncompatible::ServerRejectedEncryptedClientHello(
            _,
        )) => ECH_REJECTED.to_owned(),
        rustls::Error::AlertReceived(_) => "ssl_failed_handshake".to_owned(),
        other => unknown(&other.to_string()),
    }
}

fn of_certificate(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            INVALID_HOSTNAME
        }
        CertificateError::UnknownIssuer => UNKNOWN_AUTHORITY,
        _ => INVALID_CERTIFICATE,
    }
}

/// The word for an I/O error, of whatever it carries: TLS, the network, or the system.
pub fn of_io(error: &io::Error) -> String {
    match source::<rustls::Error>(error) {
        Some(tls) => of_tls(tls),
        None => of_network(&Failure::of_io(error)),
    }
}

/// The word for what happened to a QUIC connection.
pub fn of_quic(failure: &QuicFailure) -> String {
    match failure {
        QuicFailure::TimedOut => TIMEOUT.to_owned(),
        QuicFailure::Reset => "connection_reset".to_owned(),
        QuicFailure::Closed { .. }
        | QuicFailure::ClosedByApplication { .. }
        | QuicFailure::StreamReset { .. } => EOF.to_owned(),
        QuicFailure::Tls(error) => of_tls(error),
        QuicFailure::Version => "quic_incompatible_version".to_owned(),
        QuicFailure::Network(failure) => of_network(failure),
        QuicFailure::Protocol { .. }
        | QuicFailure::Http(_)
        | QuicFailure::TooLarge
        | QuicFailure::Unusable(_) => unknown(&failure.to_string()),
    }
}

/// The first error of a kind in a chain of causes.
pub fn source<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An I/O error's source is not itself what it carries, but that one's source.
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(carried) => Some(carried),
            None => error.source(),
        };
    }
    None
}

/// A failure without a word.
pub fn unknown(text: &str) -> String {
    format!("unknown_failure: {text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_io_carries_is_found() {
        let tls = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let carried = io::Error::new(io::ErrorKind::InvalidData, tls);
        assert_eq!(of_io(&carried), UNKNOWN_AUTHORITY);
        assert_eq!(of_io(&io::Error::other(carried)), UNKNOWN_AUTHORITY);
        assert_eq!(of_io(&io::Error::from(Failure::Reset)), "connection_reset");
        assert_eq!(of_io(&io::Error::from(io::ErrorKind::UnexpectedEof)), EOF);
    }
}
