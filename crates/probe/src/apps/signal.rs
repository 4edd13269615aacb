//! Signal (ts-029): HTTPS to each of its servers, trusting Signal's own authority beside the session's.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use wirewitness_net::Net;

use super::Test;
use super::description::App;
use crate::session::Session;
use crate::tls::{Trust, TrustError};

pub(super) const TEST: Test =
    Test { name: "signal", version: "0.2.5", is_its_own_target: true, keys };

fn keys() -> Value {
    json!({"signal_backend_failure": null, "signal_backend_status": null})
}

/// Whom to trust where the application has an authority of its own; none for all others.
///
/// # Errors
/// The authority cannot be used.
pub(super) fn trust<N: Net>(session: &Session<N>, app: &App) -> Result<Option<Trust>, TrustError> {
    if app.name != TEST.name {
        return Ok(None);
    }
    let mut roots = RootCertStore::clone(&session.roots);
    let own = CertificateDer::from_pem_slice(ROOT.as_bytes());
    let added = own.ok().and_then(|own| roots.add(own).ok());
    added.ok_or_else(|| rustls::Error::General("Signal's authority is unreadable".to_owned()))?;
    Trust::new(Arc::new(roots), &session.net).map(Some)
}

/// Its source and its fingerprint stand in the file.
const ROOT: &str = include_str!("data/signal-root.pem");

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::digest::{SHA256, digest};
    use wirewitness_model::hex::hex;

    #[test]
    fn the_authority_is_the_one_whose_fingerprint_the_file_names() {
        let own = CertificateDer::from_pem_slice(ROOT.as_bytes()).unwrap();
        let named = ROOT.lines().find_map(|line| line.strip_prefix("# SHA-256: ")).unwrap();
        assert_eq!(hex(digest(&SHA256, &own).as_ref()), named);
        RootCertStore::empty().add(own).unwrap();
    }
}
