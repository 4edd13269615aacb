//! Who signed the certificate that came.

use x509_parser::prelude::{FromDer, X509Certificate};

use super::facts::Facts;

/// The issuer of a leaf certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Issuer {
    /// Issuer and subject are the same name.
    Itself,
    /// Another name.
    Other,
    /// No certificate in the file, or one that cannot be read.
    Unknown,
}

/// The largest certificate looked at, in bytes.
const MAX_DER: usize = 65_536;

/// The issuer of the first certificate of a handshake.
pub(super) fn leaf_issuer(facts: &Facts<'_>, handshake: usize) -> Issuer {
    let chain =
        facts.keys.tls_handshakes.get(handshake).map(|handshake| &handshake.peer_certificates);
    let Some(der) = chain.and_then(|chain| chain.first()).map(|leaf| leaf.bytes()) else {
        return Issuer::Unknown;
    };
    match X509Certificate::from_der(der.get(..MAX_DER.min(der.len())).unwrap_or_default()) {
        Ok((_, leaf)) if leaf.issuer().as_raw() == leaf.subject().as_raw() => Issuer::Itself,
        Ok(_) => Issuer::Other,
        Err(_) => Issuer::Unknown,
    }
}
