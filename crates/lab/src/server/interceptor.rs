//! The far side of a machine in the middle: a host that diverted TLS connections end at.
//!
//! It shows a forged certificate for the name that is asked for, and speaks with the true server in the client's place.
//! Names that it has no interest in it passes on untouched. Its certificates are the lab's, which nobody else trusts.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional, join, split};
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use wirewitness_net::{Clock, Net, Stream};

use super::authority::{Authority, CertificateKind};
use super::proxy::greeting;
use super::web::{ServeError, server_config, time_provider};
use crate::host::socket::{HostNet, TcpStream};
use crate::middlebox::divert::Origins;
use crate::middlebox::names::Names;
use crate::middlebox::parse::server_name;

/// What an interceptor does.
#[derive(Clone)]
pub struct Interception {
    /// The names that it is interested in.
    pub names: Names,
    /// What its certificates are. [`CertificateKind::Good`] is one that every client of the lab trusts.
    pub certificate: CertificateKind,
    /// Where the connections that come to it were for.
    pub origins: Origins,
}

/// Starts an interceptor on a port of a host. It runs as long as the lab does.
///
/// # Errors
/// The port is taken, or the cryptography library refuses.
pub fn serve(
    net: &HostNet,
    port: u16,
    what: Interception,
    authority: &Arc<Authority>,
) -> Result<(), ServeError> {
    let forged = Forged { authority: Arc::clone(authority), kind: what.certificate };
    let mut server = rustls::ServerConfig::clone(&*server_config(net, forged)?);
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    let visitor = Visitor {
        acceptor: TlsAcceptor::from(Arc::new(server)),
        connector: TlsConnector::from(Arc::new(client_config(net, authority)?)),
        net: net.clone(),
        what,
    };
    let listener = net.listen(port)?;
    tokio::spawn(async move {
        while let Ok(stream) = listener.accept().await {
            tokio::spawn(visitor.clone().visit(stream));
        }
    });
    Ok(())
}

fn client_config(net: &HostNet, authority: &Authority) -> Result<ClientConfig, ServeError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    // Whether the true server can prove itself is nothing that an interceptor passes on; it goes where it can.
    let roots = authority.roots().map_err(|error| rustls::Error::General(error.to_string()))?;
    let mut config = ClientConfig::builder_with_details(provider, time_provider(net))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[derive(Clone)]
struct Visitor {
    net: HostNet,
    what: Interception,
    acceptor: TlsAcceptor,
    connector: TlsConnector,
}

impl Visitor {
    /// One connection; none where it ended before anything could be passed on.
    async fn visit(self, mut near: TcpStream) -> Option<()> {
        let origin = self.what.origins.of(near.remote_addr(), self.net.now().elapsed)?;
        let greeting = greeting(&mut near, server_name);
        let (name, first) = timeout(PATIENCE, greeting).await.ok()??;
        if !self.what.names.matches(&name) {
            let mut far = self.net.connect(origin).await.ok()?;
            far.write_all(&first).await.ok()?;
            copy_bidirectional(&mut near, &mut far).await.ok()?;
            return Some(());
        }
        let (read, write) = split(near);
        let replayed = join(std::io::Cursor::new(first).chain(read), write);
        let mut near = self.acceptor.accept(replayed).await.ok()?;
        let far = self.net.connect(origin).await.ok()?;
        let mut far = self.connector.connect(ServerName::try_from(name).ok()?, far).await.ok()?;
        copy_bidirectional(&mut near, &mut far).await.ok()?;
        Some(())
    }
}

/// A certificate for whatever name is asked for, made when it is.
struct Forged {
    authority: Arc<Authority>,
    kind: CertificateKind,
}

impl std::fmt::Debug for Forged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Forged({:?})", self.kind)
    }
}

impl ResolvesServerCert for Forged {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.authority.forge(hello.server_name()?, self.kind).ok()
    }
}

/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(30);
