//! Time stamps by an authority (RFC 3161): that a text was there at a time, by somebody else's clock.
//!
//! Read is the token of CMS (RFC 5652) with one signer. Certificates are checked by rustls' webpki: the way to an authority that the reader
//! trusts, at the time of the stamp, with the usage for time stamps. Whether a certificate was revoked is not asked.

use aws_lc_rs::digest::{Algorithm, SHA256, SHA384, SHA512, digest};
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use webpki::aws_lc_rs as algorithms;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use wirewitness_model::civil::micros;
use wirewitness_model::hex::hex;

use crate::der::{
    CONTEXT_0, Element, Elements, GENERALIZED_TIME, INTEGER, OCTETS, OID, SEQUENCE, SET,
};
use crate::merkle::sha256;

/// A time stamp that is of the right text and signed by the certificate in it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stamp {
    /// When, as the authority has it: `YYYY-MM-DDTHH:MM:SSZ`, fractions cut.
    pub at: String,
    /// The common name in the certificate that signed; what it says, not who it is.
    pub by: String,
    /// SHA-256 of that certificate, hexadecimal.
    pub certificate: String,
    /// Whether the reader trusts that certificate, or who certified it. If not, anybody may have made it.
    pub is_trusted: bool,
}

/// What is wrong with a time stamp.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StampError {
    /// It is none that this program reads.
    #[error("no time stamp that can be read: {0}")]
    Malformed(&'static str),
    /// The authority refused.
    #[error("the authority gave no time stamp")]
    Refused,
    /// It is of something else.
    #[error("the time stamp is of something else")]
    Other,
    /// It is not signed by a certificate in it.
    #[error(
        "the time stamp's signature does not fit: it was changed, or its certificate is missing"
    )]
    Wrong,
}

/// The request for a time stamp of these bytes (RFC 3161 §2.4.1), with the certificate wanted in the answer.
pub fn request(bytes: &[u8], nonce: u64) -> Vec<u8> {
    let mut imprint = vec![SEQUENCE, 0x31, SEQUENCE, 0x0d, OID, 0x09];
    imprint.extend_from_slice(OID_SHA256);
    imprint.extend_from_slice(&[0x05, 0x00, OCTETS, 0x20]);
    imprint.extend_from_slice(&sha256(&[bytes]));
    // A leading zero keeps the number positive.
    let mut body = vec![INTEGER, 1, 1];
    body.extend_from_slice(&imprint);
    body.extend_from_slice(&[INTEGER, 9, 0]);
    body.extend_from_slice(&(nonce | 1 << 63).to_be_bytes());
    body.extend_from_slice(&[0x01, 0x01, 0xff]);
    let mut request = vec![SEQUENCE, u8::try_from(body.len()).unwrap_or(0)];
    request.append(&mut body);
    request
}

/// The token in an authority's answer (RFC 3161 §2.4.2); a token is given back as it is.
///
/// # Errors
/// Where the answer is none, or a refusal.
pub fn token(answer: &[u8]) -> Result<Vec<u8>, StampError> {
    let bad = StampError::Malformed;
    let outer = only(answer, SEQUENCE).ok_or(bad("no sequence"))?;
    let mut inner = Elements(outer.content);
    if inner.one(OID).is_some() {
        return Ok(answer.to_vec());
    }
    let status = inner.one(SEQUENCE).ok_or(bad("no status"))?;
    let status = Elements(status.content).one(INTEGER).ok_or(bad("no status"))?;
    if !matches!(status.content, [0 | 1]) {
        return Err(StampError::Refused);
    }
    Ok(inner.one(SEQUENCE).ok_or(StampError::Refused)?.whole.to_vec())
}

/// Checks a token against the bytes that it should be of.
///
/// # Errors
/// Where it is none, of something else, or not signed by a certificate in it.
pub fn verify(token: &[u8], bytes: &[u8], authorities: &[Vec<u8>]) -> Result<Stamp, StampError> {
    let signed =
        Signed::read(token).ok_or(StampError::Malformed("no CMS token with one signer"))?;
    let info = Info::read(signed.content).ok_or(StampError::Malformed("no TSTInfo"))?;
    let imprint =
        hash_of(info.imprint_oid).ok_or(StampError::Malformed("its hash is not SHA-2"))?;
    if digest(imprint, bytes).as_ref() != info.imprint {
        return Err(StampError::Other);
    }
    let at = time(info.time).ok_or(StampError::Malformed("its time is none in UTC"))?;
    let message = signed.message().ok_or(StampError::Wrong)?;
    let of_it = |der: &&[u8]| signed.is_by(der, &message);
    let known = authorities.iter().map(Vec::as_slice);
    let signer = signed.certificates.iter().copied().chain(known).find(of_it);
    let signer = signer.ok_or(StampError::Wrong)?;
    let is_trusted = is_trusted(signer, (&signed.certificates, authorities), &at);
    Ok(Stamp { at, by: common_name(signer), certificate: hex(&sha256(&[signer])), is_trusted })
}

/// The parts of a SignedData (RFC 5652 §5.1) with one signer.
struct Signed<'a> {
    content: &'a [u8],
    certificates: Vec<&'a [u8]>,
    hash: &'static Algorithm,
    attributes: Element<'a>,
    signature: &'a [u8],
}

impl<'a> Signed<'a> {
    fn read(token: &'a [u8]) -> Option<Self> {
        let mut outer = Elements(only(token, SEQUENCE)?.content);
        outer.one(OID).filter(|it| it.content == OID_SIGNED_DATA)?;
        let data = only(outer.one(CONTEXT_0)?.content, SEQUENCE)?;
        let mut data = Elements(data.content);
        data.one(INTEGER)?;
        data.one(SET)?;
        let mut wrapped = Elements(data.one(SEQUENCE)?.content);
        wrapped.one(OID).filter(|it| it.content == OID_TST_INFO)?;
        let content = only(wrapped.one(CONTEXT_0)?.content, OCTETS)?.content;
        let certificates = data.one(CONTEXT_0).map(|it| it.content).unwrap_or_default();
        let certificates = Elements(certificates).filter(|it| it.tag == SEQUENCE);
        let certificates = certificates.map(|it| it.whole).take(MAX_CERTIFICATES).collect();
        data.one(CONTEXT_1);
        let mut signer = Elements(only(data.one(SET)?.content, SEQUENCE)?.content);
        signer.one(INTEGER)?;
        // By issuer and number, or by the key's id: found by its signature in any case.
        signer.one(SEQUENCE).or_else(|| signer.one(0x80))?;
        let hash = Elements(signer.one(SEQUENCE)?.content).one(OID)?;
        let hash = hash_of(hash.content)?;
        let attributes = signer.one(CONTEXT_0)?;
        signer.one(SEQUENCE)?;
        let signature = signer.one(OCTETS)?.content;
        Some(Self { content, certificates, hash, attributes, signature })
    }

    /// What is signed: the attributes, where they name the content (RFC 5652 §5.4, §11).
    fn message(&self) -> Option<Vec<u8>> {
        let value = |oid: &[u8]| {
            let mut found = Elements(self.attributes.content).filter_map(|it| {
                let mut attribute = Elements(it.content);
                attribute.one(OID).filter(|it| it.content == oid)?;
                Elements(attribute.one(SET)?.content).next()
            });
            found.next()
        };
        let digest_ = value(OID_MESSAGE_DIGEST)?;
        if value(OID_CONTENT_TYPE)?.content != OID_TST_INFO
            || digest_.content != digest(self.hash, self.content).as_ref()
        {
            return None;
        }
        let mut message = self.attributes.whole.to_vec();
        // Signed as the set that it is, not under its tag here.
        *message.first_mut()? = SET;
        Some(message)
    }

    fn is_by(&self, certificate: &[u8], message: &[u8]) -> bool {
        let der = CertificateDer::from(certificate);
        let Ok(certificate) = EndEntityCert::try_from(&der) else { return false };
        let fitting: &[&dyn SignatureVerificationAlgorithm] = if self.hash == &SHA256 {
            &[algorithms::RSA_PKCS1_2048_8192_SHA256, algorithms::ECDSA_P256_SHA256]
        } else if self.hash == &SHA384 {
            &[algorithms::RSA_PKCS1_2048_8192_SHA384, algorithms::ECDSA_P384_SHA384]
        } else {
            &[
                algorithms::RSA_PKCS1_2048_8192_SHA512,
                algorithms::ECDSA_P521_SHA512,
                algorithms::ED25519,
            ]
        };
        fitting.iter().any(|it| certificate.verify_signature(*it, message, self.signature).is_ok())
    }
}

/// The parts of a TSTInfo (RFC 3161 §2.4.2).
struct Info<'a> {
    imprint_oid: &'a [u8],
    imprint: &'a [u8],
    time: &'a [u8],
}

impl<'a> Info<'a> {
    fn read(content: &'a [u8]) -> Option<Self> {
        let mut info = Elements(only(content, SEQUENCE)?.content);
        info.one(INTEGER)?;
        info.one(OID)?;
        let mut imprint = Elements(info.one(SEQUENCE)?.content);
        let imprint_oid = Elements(imprint.one(SEQUENCE)?.content).one(OID)?.content;
        let imprint = imprint.one(OCTETS)?.content;
        info.one(INTEGER)?;
        Some(Self { imprint_oid, imprint, time: info.one(GENERALIZED_TIME)?.content })
    }
}

fn is_trusted(signer: &[u8], (others, authorities): (&[&[u8]], &[Vec<u8>]), at: &str) -> bool {
    if authorities.iter().any(|it| it == signer) {
        return true;
    }
    let ders: Vec<_> = authorities.iter().map(|it| CertificateDer::from(it.as_slice())).collect();
    let anchors: Vec<_> = ders.iter().filter_map(|it| anchor_from_trusted_cert(it).ok()).collect();
    let others: Vec<_> = others.iter().map(|it| CertificateDer::from(*it)).collect();
    let der = CertificateDer::from(signer);
    let (Ok(certificate), Some(at)) = (EndEntityCert::try_from(&der), micros(at)) else {
        return false;
    };
    let at = std::time::Duration::from_secs(u64::try_from(at / 1_000_000).unwrap_or(0));
    let at = UnixTime::since_unix_epoch(at);
    let usage = KeyUsage::required(OID_TIME_STAMPING);
    let all = webpki::ALL_VERIFICATION_ALGS;
    certificate.verify_for_usage(all, &anchors, &others, at, usage, None, None).is_ok()
}

/// The common name of a certificate's subject, control characters left out.
fn common_name(certificate: &[u8]) -> String {
    let der = CertificateDer::from(certificate);
    let Ok(certificate) = EndEntityCert::try_from(&der) else { return String::new() };
    let found = Elements(certificate.subject()).find_map(|set| {
        let mut pair = Elements(Elements(set.content).one(SEQUENCE)?.content);
        pair.one(OID).filter(|it| it.content == OID_COMMON_NAME)?;
        Some(String::from_utf8_lossy(pair.next()?.content).into_owned())
    });
    found.unwrap_or_default().chars().filter(|it| !it.is_control()).take(100).collect()
}

/// `YYYYMMDDHHMMSS[.f]Z` as `YYYY-MM-DDTHH:MM:SSZ`.
fn time(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    if whole.len() != 14 || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let part = |from: usize, to: usize| whole.get(from..to).unwrap_or_default();
    let (year, month, day) = (part(0, 4), part(4, 6), part(6, 8));
    let (hour, minute, second) = (part(8, 10), part(10, 12), part(12, 14));
    let time = format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z");
    micros(&time).map(|_| time)
}

/// The element that is all there is.
fn only(bytes: &[u8], tag: u8) -> Option<Element<'_>> {
    let element = Elements(bytes).one(tag)?;
    (element.whole.len() == bytes.len()).then_some(element)
}

fn hash_of(oid: &[u8]) -> Option<&'static Algorithm> {
    match oid {
        OID_SHA256 => Some(&SHA256),
        OID_SHA384 => Some(&SHA384),
        OID_SHA512 => Some(&SHA512),
        _ => None,
    }
}

const MAX_CERTIFICATES: usize = 16;
const CONTEXT_1: u8 = 0xa1;

const OID_SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const OID_SHA384: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02];
const OID_SHA512: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03];
/// 1.2.840.113549.1.7.2
const OID_SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// 1.2.840.113549.1.9.16.1.4
const OID_TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];
/// 1.2.840.113549.1.9.3
const OID_CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03];
/// 1.2.840.113549.1.9.4
const OID_MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
/// 2.5.4.3
const OID_COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// 1.3.6.1.5.5.7.3.8
const OID_TIME_STAMPING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];
