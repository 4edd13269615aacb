//! A server's certificate and key.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::command_error::CommandError;

/// TLS 1.2 and 1.3 for HTTP/2 and HTTP/1.1, with the certificate and its chain in one PEM file and the key in another.
///
/// # Errors
/// Which of the files cannot be used, and why.
pub(crate) fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, CommandError> {
    let bad = |path: &Path, error: &dyn std::fmt::Display| CommandError::BadFile {
        path: path.display().to_string(),
        message: error.to_string(),
        hint: "expected PEM, and the key of the first certificate".to_owned(),
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| bad(certificate, &error))?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| bad(key, &error))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| bad(certificate, &error))?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|error| bad(certificate, &error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
