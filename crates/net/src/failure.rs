//! What happened instead: typed, so that a prober can choose the right word and nobody parses messages.

use std::io::{Error, ErrorKind};

/// What the network, or this host, did instead of what was asked.
///
/// In reading order of blame: the far end or somebody on the path, the path, this host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Failure {
    /// RST on an open connection (OONI `connection_reset`).
    #[error("connection reset")]
    Reset,
    /// RST to a SYN, or ICMP port unreachable (OONI `connection_refused`).
    #[error("connection refused")]
    Refused,
    /// The other side closed in the middle (OONI `eof_error`).
    #[error("closed by the other side")]
    Eof,
    /// Silence for longer than the system waits (OONI `generic_timeout_error`).
    #[error("timed out")]
    Timeout,
    /// ICMP or local routing says that the host cannot be reached (OONI `host_unreachable`).
    #[error("host unreachable")]
    HostUnreachable,
    /// ICMP or local routing says that the network cannot be reached (OONI `network_unreachable`).
    #[error("network unreachable")]
    NetworkUnreachable,
    /// The TTL ran out on the way (ICMP time exceeded): what a trace looks for.
    #[error("time to live exceeded at {router}")]
    TtlExceeded {
        /// The router that said so.
        router: std::net::IpAddr,
    },
    /// This host gave the connection up (OONI `connection_aborted`).
    #[error("connection aborted")]
    Aborted,
    /// The local network is down (OONI `network_down`).
    #[error("network down")]
    NetworkDown,
    /// No local address or port is left (OONI `address_not_available`).
    #[error("no local address or port available")]
    AddressUnavailable,
    /// The system does not allow it (OONI `permission_denied`).
    #[error("permission denied")]
    PermissionDenied,
    /// The datagram is too large (OONI `message_size`).
    #[error("message too large")]
    MessageSize,
    /// None of the above; the text is the system's own.
    #[error("{0}")]
    Other(String),
}

impl Failure {
    /// Names an I/O error. One that was made [`From`] a failure gives that failure back.
    pub fn of_io(error: &Error) -> Self {
        let carried = error.get_ref().and_then(|inner| inner.downcast_ref::<Self>());
        carried.cloned().unwrap_or_else(|| Self::of_kind(error.kind(), error))
    }

    fn of_kind(kind: ErrorKind, error: &Error) -> Self {
        match kind {
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Self::Reset,
            ErrorKind::ConnectionRefused => Self::Refused,
            ErrorKind::UnexpectedEof => Self::Eof,
            ErrorKind::TimedOut => Self::Timeout,
            ErrorKind::HostUnreachable => Self::HostUnreachable,
            ErrorKind::NetworkUnreachable => Self::NetworkUnreachable,
            ErrorKind::ConnectionAborted => Self::Aborted,
            ErrorKind::NetworkDown => Self::NetworkDown,
            ErrorKind::AddrNotAvailable | ErrorKind::AddrInUse => Self::AddressUnavailable,
            ErrorKind::PermissionDenied => Self::PermissionDenied,
            _ => Self::Other(error.to_string()),
        }
    }

    fn io_kind(&self) -> ErrorKind {
        match self {
            Self::Reset => ErrorKind::ConnectionReset,
            Self::Refused => ErrorKind::ConnectionRefused,
            Self::Eof => ErrorKind::UnexpectedEof,
            Self::Timeout => ErrorKind::TimedOut,
            Self::HostUnreachable | Self::TtlExceeded { .. } => ErrorKind::HostUnreachable,
            Self::NetworkUnreachable => ErrorKind::NetworkUnreachable,
            Self::Aborted => ErrorKind::ConnectionAborted,
            Self::NetworkDown => ErrorKind::NetworkDown,
            Self::AddressUnavailable => ErrorKind::AddrNotAvailable,
            Self::PermissionDenied => ErrorKind::PermissionDenied,
            Self::MessageSize | Self::Other(_) => ErrorKind::Other,
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::new(failure.io_kind(), failure)
    }
}

/// Why the system's resolver gave no address. The words are those of `getaddrinfo`, as far as systems tell them apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum LookupFailure {
    /// No such name (`EAI_NONAME`; OONI `dns_nxdomain_error`).
    #[error("no such name")]
    NxDomain,
    /// The name exists, without an address (`EAI_NODATA`; OONI `dns_no_answer`).
    #[error("the name has no address")]
    NoAnswer,
    /// Android's one word for every failed lookup (OONI `android_dns_cache_no_data`).
    #[error("no data in the cache")]
    AndroidNoData,
    /// The resolver failed: SERVFAIL (`EAI_AGAIN` on many systems; OONI `dns_servfail_error`).
    #[error("the resolver failed")]
    ServFail,
    /// The resolver refuses (OONI `dns_refused_error`).
    #[error("the resolver refuses")]
    Refused,
    /// No resolver answered in time (OONI `generic_timeout_error`).
    #[error("no answer in time")]
    Timeout,
    /// An answer that cannot be read, or none can be sent (`EAI_FAIL`; OONI `dns_non_recoverable_failure`).
    #[error("non-recoverable failure")]
    NonRecoverable,
    /// None of the above; the text is the system's own.
    #[error("{0}")]
    Other(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_survives_the_trip_through_io() {
        let router = std::net::IpAddr::from([192, 0, 2, 1]);
        for failure in [
            Failure::Reset,
            Failure::Refused,
            Failure::Eof,
            Failure::Timeout,
            Failure::HostUnreachable,
            Failure::NetworkUnreachable,
            Failure::TtlExceeded { router },
            Failure::Aborted,
            Failure::NetworkDown,
            Failure::AddressUnavailable,
            Failure::PermissionDenied,
            Failure::MessageSize,
            Failure::Other("odd".to_owned()),
        ] {
            assert_eq!(Failure::of_io(&Error::from(failure.clone())), failure);
        }
    }

    #[test]
    fn kinds_of_the_kernel_are_named() {
        for (kind, failure) in [
            (ErrorKind::ConnectionReset, Failure::Reset),
            (ErrorKind::BrokenPipe, Failure::Reset),
            (ErrorKind::ConnectionRefused, Failure::Refused),
            (ErrorKind::UnexpectedEof, Failure::Eof),
            (ErrorKind::TimedOut, Failure::Timeout),
            (ErrorKind::AddrInUse, Failure::AddressUnavailable),
        ] {
            assert_eq!(Failure::of_io(&Error::from(kind)), failure);
        }
        let odd = Error::other("odd");
        assert_eq!(Failure::of_io(&odd), Failure::Other("odd".to_owned()));
    }
}
