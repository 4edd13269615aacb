//! TLS with everything on record: the chain is kept also where it does not verify.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{EchConfig, EchMode, Resumption, VerifierBuilderError, WebPkiServerVerifier};
use rustls::crypto::aws_lc_rs::hpke::ALL_SUPPORTED_SUITES;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wirewitness_net::Clock;

use crate::failure;

/// Whom to trust, and what to say in a `ClientHello`.
#[derive(Debug, Clone)]
pub struct Trust {
    base: ClientConfig,
    verifier: Arc<WebPkiServerVerifier>,
}

/// Why there is nobody to trust.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The list of authorities is empty or unusable.
    #[error("no usable list of certificate authorities: {0}")]
    Roots(#[from] VerifierBuilderError),
    /// The cryptography library refuses.
    #[error("cannot set TLS up: {0}")]
    Tls(#[from] rustls::Error),
}

impl Trust {
    /// Trusts `roots`, at the time that `clock` tells.
    ///
    /// # Errors
    /// An empty list, or a library that refuses.
    pub fn new<C: Clock>(roots: Arc<RootCertStore>, clock: &C) -> Result<Self, TrustError> {
        let provider: Arc<CryptoProvider> = Arc::new(aws_lc_rs::default_provider());
        let builder = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider));
        let verifier = builder.build()?;
        let mut base = ClientConfig::builder_with_details(provider, time_of(clock.clone()))
            .with_safe_default_protocol_versions()?
            .with_webpki_verifier(Arc::clone(&verifier))
            .with_no_client_auth();
        // A resumed session would show no certificates.
        base.resumption = Resumption::disabled();
        Ok(Self { base, verifier })
    }

    /// The authorities that Mozilla trusts.
    pub fn mozilla() -> Arc<RootCertStore> {
        Arc::new(RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()))
    }

    /// A configuration for one handshake; the chain that it meets goes to `seen`.
    pub fn config(&self, alpn: &[&str], seen: &Seen) -> Arc<ClientConfig> {
        self.configure(alpn, seen, Demand::Valid)
    }

    /// The same, satisfied with any certificate: for asking a server for a name that is not its own, where what counts is
    /// whether it answers. Nothing that comes over such a connection is taken for the name's.
    pub fn config_without_verifying(&self, alpn: &[&str], seen: &Seen) -> Arc<ClientConfig> {
        self.configure(alpn, seen, Demand::Any)
    }

    /// The same with the name encrypted, as `configs` (an `ECHConfigList`) has it. TLS 1.3 only.
    ///
    /// # Errors
    /// Configurations that cannot be read, or that need what this library has not.
    pub fn config_with_ech(
        &self,
        alpn: &[&str],
        seen: &Seen,
        configs: &[u8],
    ) -> Result<Arc<ClientConfig>, rustls::Error> {
        let ech = EchConfig::new(configs.into(), ALL_SUPPORTED_SUITES)?;
        let (provider, time) = (self.base.crypto_provider(), &self.base.time_provider);
        let builder = ClientConfig::builder_with_details(Arc::clone(provider), Arc::clone(time));
        let mut config = builder
            .with_ech(EchMode::Enable(ech))?
            .with_webpki_verifier(Arc::clone(&self.verifier))
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        Ok(self.finish(config, alpn, seen, Demand::Valid))
    }

    fn configure(&self, alpn: &[&str], seen: &Seen, demand: Demand) -> Arc<ClientConfig> {
        self.finish(self.base.clone(), alpn, seen, demand)
    }

    fn finish(
        &self,
        mut config: ClientConfig,
        alpn: &[&str],
        seen: &Seen,
        demand: Demand,
    ) -> Arc<ClientConfig> {
        config.alpn_protocols = alpn.iter().map(|it| it.as_bytes().to_vec()).collect();
        let verifier = Recording { inner: Arc::clone(&self.verifier), seen: seen.clone(), demand };
        config.dangerous().set_certificate_verifier(Arc::new(verifier));
        Arc::new(config)
    }
}

/// The certificates that a handshake has met.
#[derive(Debug, Clone, Default)]
pub struct Seen(Arc<Mutex<Vec<Vec<u8>>>>);

impl Seen {
    /// The chain as it came, the server's own first.
    pub fn chain(&self) -> Vec<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What a handshake came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agreed {
    /// `TLSv1.3`, ..
    pub version: String,
    /// `TLS_AES_128_GCM_SHA256`, ..
    pub cipher_suite: String,
    /// ALPN; empty without.
    pub protocol: String,
}

/// Shakes hands as a client. The chain is in `seen` of the configuration whatever happens.
///
/// # Errors
/// OONI's word for what happened instead. Takes as long as it takes: bound it.
pub async fn handshake<S>(
    config: Arc<ClientConfig>,
    name: &str,
    stream: S,
) -> Result<(TlsStream<S>, Agreed), String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let server = ServerName::try_from(name.to_owned())
        .map_err(|_| failure::unknown("the name cannot be asked for in TLS"))?;
    let stream = TlsConnector::from(config).connect(server, stream).await;
    let stream = stream.map_err(|error| failure::of_io(&error))?;
    let (_, session) = stream.get_ref();
    let agreed = Agreed {
        version: session.protocol_version().map_or_else(String::new, version_word),
        cipher_suite: session
            .negotiated_cipher_suite()
            .map_or_else(String::new, |suite| cipher_word(suite.suite())),
        protocol: String::from_utf8_lossy(session.alpn_protocol().unwrap_or_default()).into_owned(),
    };
    Ok((stream, agreed))
}

/// `TLSv1_3` as OONI writes it.
pub fn version_word(version: rustls::ProtocolVersion) -> String {
    format!("{version:?}").replace('_', ".")
}

/// `TLS13_AES_128_GCM_SHA256` as IANA writes it.
pub fn cipher_word(suite: rustls::CipherSuite) -> String {
    format!("{suite:?}").replace("TLS13_", "TLS_")
}

/// The time of day for whoever checks certificates.
fn time_of<C: Clock>(clock: C) -> Arc<dyn TimeProvider> {
    Arc::new(WallTime(clock))
}

struct WallTime<C>(C);

impl<C> fmt::Debug for WallTime<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WallTime")
    }
}

impl<C: Clock> TimeProvider for WallTime<C> {
    fn current_time(&self) -> Option<UnixTime> {
        let wall = self.0.now().wall;
        wall.duration_since(std::time::SystemTime::UNIX_EPOCH).ok().map(UnixTime::since_unix_epoch)
    }
}

/// Verifies as always, and keeps what it was shown.
#[derive(Debug)]
struct Recording {
    inner: Arc<WebPkiServerVerifier>,
    seen: Seen,
    demand: Demand,
}

/// What a certificate must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Demand {
    /// Valid for the name.
    Valid,
    /// Whatever it is.
    Any,
}

impl ServerCertVerifier for Recording {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = std::iter::once(end_entity).chain(intermediates);
        let chain = chain.take(MAX_CHAIN).map(|certificate| certificate.to_vec()).collect();
        *self.seen.0.lock().unwrap_or_else(PoisonError::into_inner) = chain;
        if self.demand == Demand::Any {
            return Ok(ServerCertVerified::assertion());
        }
        self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Certificates of one chain that are kept.
const MAX_CHAIN: usize = 16;
