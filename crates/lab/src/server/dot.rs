//! DNS over TLS (RFC 7858) from a zone.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use tokio_rustls::TlsAcceptor;

use super::dns::{Zone, converse};
use super::web::{Certificates, ServeError, time_provider};
use crate::host::socket::HostNet;

/// Starts a resolver on TCP port 853. It runs as long as the lab does.
///
/// # Errors
/// The port is taken, or the cryptography library refuses.
pub fn serve_dot(net: &HostNet, zone: Zone, certificates: Certificates) -> Result<(), ServeError> {
    let acceptor = acceptor(net, certificates, &[b"dot"])?;
    let listener = net.listen(PORT)?;
    let (net, zone) = (net.clone(), Arc::new(zone));
    tokio::spawn(async move {
        while let Ok(stream) = listener.accept().await {
            let (net, zone, acceptor) = (net.clone(), Arc::clone(&zone), acceptor.clone());
            tokio::spawn(async move {
                // A client that goes away needs no answer.
                if let Ok(stream) = acceptor.accept(stream).await {
                    let _ = converse(net, stream, zone).await;
                }
            });
        }
    });
    Ok(())
}

/// TLS for a resolver. A client that offers no protocol is served too (RFC 7858 asks for none).
pub(super) fn acceptor(
    net: &HostNet,
    certificates: Certificates,
    protocols: &[&[u8]],
) -> Result<TlsAcceptor, ServeError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut tls = ServerConfig::builder_with_details(provider, time_provider(net))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(certificates));
    tls.alpn_protocols = protocols.iter().map(|it| it.to_vec()).collect();
    Ok(TlsAcceptor::from(Arc::new(tls)))
}

const PORT: u16 = 853;
