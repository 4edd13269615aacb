//! The lab's certificate authority, and certificates good and bad.
//!
//! Keys are Ed25519 and come from a label: signatures then have one length and one value, and two runs of one seed
//! send the same bytes where no handshake secret is in them. It also means that everybody knows the authority's key:
//! nothing outside the lab may ever trust it, which is why there is no way to take its certificate out as a file.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PKCS_ED25519};
use rustls::RootCertStore;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

/// What is wrong with a certificate, or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateKind {
    /// Nothing.
    #[default]
    Good,
    /// It ended in 2020.
    Expired,
    /// It is for `wrong.example`.
    WrongName,
    /// Its authority is one that nobody trusts.
    UnknownAuthority,
    /// It signed itself.
    SelfSigned,
}

/// Why a certificate could not be made.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A name that a certificate cannot carry, or an encoding failed.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The key was not taken.
    #[error("cannot use a key: {0}")]
    Key(#[from] rustls::Error),
}

/// The lab's certificate authority.
pub struct Authority {
    trusted: Issuer<'static, KeyPair>,
    trusted_certificate: CertificateDer<'static>,
    unknown: Issuer<'static, KeyPair>,
}

impl Authority {
    /// The authority; every lab has the same.
    ///
    /// # Errors
    /// Only if the cryptography library refuses.
    pub fn new() -> Result<Self, AuthorityError> {
        let (trusted, trusted_certificate) = root("Wirewitness lab authority, trust it nowhere")?;
        let (unknown, _) = root("Wirewitness lab authority that nobody trusts")?;
        Ok(Self { trusted, trusted_certificate, unknown })
    }

    /// What clients inside the lab trust.
    ///
    /// # Errors
    /// Only if the library refuses its own certificate.
    pub fn roots(&self) -> Result<RootCertStore, AuthorityError> {
        let mut roots = RootCertStore::empty();
        roots.add(self.trusted_certificate.clone())?;
        Ok(roots)
    }

    /// A certificate and key for `names`.
    ///
    /// # Errors
    /// A name that a certificate cannot carry.
    pub fn certify(
        &self,
        names: &[String],
        kind: CertificateKind,
    ) -> Result<Arc<CertifiedKey>, AuthorityError> {
        let names = match kind {
            CertificateKind::WrongName => vec!["wrong.example".to_owned()],
            _ => names.to_vec(),
        };
        let label = names.first().cloned().unwrap_or_default();
        self.make(names, &label, kind)
    }

    /// A certificate for `name` that is not the one of its owner: another key, another number.
    ///
    /// # Errors
    /// A name that a certificate cannot carry.
    pub fn forge(
        &self,
        name: &str,
        kind: CertificateKind,
    ) -> Result<Arc<CertifiedKey>, AuthorityError> {
        self.make(vec![name.to_owned()], &format!("{name}, forged"), kind)
    }

    fn make(
        &self,
        names: Vec<String>,
        label: &str,
        kind: CertificateKind,
    ) -> Result<Arc<CertifiedKey>, AuthorityError> {
        let key = key_pair(label)?;
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, label);
        params.serial_number = Some(digest(label).to_be_bytes().to_vec().into());
        (params.not_before, params.not_after) = match kind {
            CertificateKind::Expired => {
                (rcgen::date_time_ymd(2019, 1, 1), rcgen::date_time_ymd(2020, 1, 1))
            }
            _ => (rcgen::date_time_ymd(2024, 1, 1), rcgen::date_time_ymd(2034, 1, 1)),
        };
        let certificate = match kind {
            CertificateKind::SelfSigned => params.self_signed(&key)?,
            CertificateKind::UnknownAuthority => params.signed_by(&key, &self.unknown)?,
            _ => params.signed_by(&key, &self.trusted)?,
        };
        let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider: CryptoProvider = aws_lc_rs::default_provider();
        let signer = provider.key_provider.load_private_key(private)?;
        Ok(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], signer)))
    }
}

fn root(name: &str) -> Result<(Issuer<'static, KeyPair>, CertificateDer<'static>), AuthorityError> {
    let key = key_pair(name)?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.serial_number = Some(digest(name).to_be_bytes().to_vec().into());
    params.not_before = rcgen::date_time_ymd(2024, 1, 1);
    params.not_after = rcgen::date_time_ymd(2034, 1, 1);
    let certificate = params.self_signed(&key)?.der().clone();
    Ok((Issuer::new(params, key), certificate))
}

/// An Ed25519 key that `label` determines, in the one form that PKCS #8 has for it (RFC 8410 §7).
fn key_pair(label: &str) -> Result<KeyPair, AuthorityError> {
    let mut rng = crate::rng::Rng::new(digest(label));
    let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    der.extend((0..4).flat_map(|_| rng.next_u64().to_be_bytes()));
    Ok(KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(der), &PKCS_ED25519)?)
}

/// FNV-1a; tells labels apart, and is no secret. The first bit is clear, as a serial number's must be.
fn digest(label: &str) -> u64 {
    let step = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    label.bytes().fold(0xcbf2_9ce4_8422_2325, step) >> 1
}
