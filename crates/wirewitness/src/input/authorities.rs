//! Whom to trust: Mozilla's list, or a person's own in PEM.

use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use wirewitness_probe::Trust;

use crate::command_error::CommandError;

/// Reads the authorities of a file, or takes Mozilla's.
///
/// # Errors
/// It cannot be read, or holds no certificate.
pub(crate) fn read(path: Option<&Path>) -> Result<Arc<RootCertStore>, CommandError> {
    let Some(path) = path else { return Ok(Trust::mozilla()) };
    let bad = |message: String| CommandError::BadFile {
        path: path.display().to_string(),
        message,
        hint: "expected certificates in PEM".to_owned(),
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|it| bad(it.to_string()))? {
        let certificate = certificate.map_err(|error| bad(error.to_string()))?;
        roots.add(certificate).map_err(|error| bad(error.to_string()))?;
    }
    if roots.is_empty() { Err(bad("holds no certificate".to_owned())) } else { Ok(Arc::new(roots)) }
}
