//! The little of a certificate that judging needs: who signed it, for whom, and until when.
//!
//! A walk over the DER of RFC 5280 §4.1, not a parser of it. Nothing is verified here: the probe did that.

use wirewitness_model::lenient::MaybeBinary;
use wirewitness_model::verdict::Mechanism;
use wirewitness_wire::app::x509::element;

/// Who signed the first certificate of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::judge) enum Signer {
    /// Its issuer is its subject.
    Itself,
    /// Its issuer is another name.
    Another,
}

impl Signer {
    /// What it means that a certificate so signed came where it does not belong.
    pub(in crate::judge) fn mechanism(self) -> Mechanism {
        match self {
            Self::Itself => Mechanism::TlsMitmSelfSigned,
            Self::Another => Mechanism::TlsMitmCaSigned,
        }
    }
}

/// What a certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::judge) struct Certificate {
    pub(in crate::judge) signer: Signer,
    /// The end of its validity, `YYYYMMDDHHMMSS` in UTC.
    pub(in crate::judge) not_after: String,
    issuer: Vec<u8>,
}

impl Certificate {
    /// Reads the leaf of a chain; none where there is none, or it is no certificate.
    pub(in crate::judge) fn leaf(chain: &[MaybeBinary<'_>]) -> Option<Self> {
        Self::read(&chain.first()?.bytes())
    }

    fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate, _) = element(der)?;
        let (_, signed, _) = element(certificate)?;
        let rest = match element(signed)? {
            (EXPLICIT_VERSION, _, rest) => rest,
            _ => signed,
        };
        let (_, _, rest) = element(rest)?; // serial number
        let (_, _, rest) = element(rest)?; // algorithm of the signature
        let (_, issuer, rest) = element(rest)?;
        let (_, validity, rest) = element(rest)?;
        let (_, subject, _) = element(rest)?;
        let (_, _, end) = element(validity)?;
        let (kind, end, _) = element(end)?;
        let signer = if issuer == subject { Signer::Itself } else { Signer::Another };
        Some(Self { signer, not_after: time(kind, end)?, issuer: issuer.to_vec() })
    }

    /// True where the issuer's name holds these bytes.
    pub(in crate::judge) fn is_issued_by(&self, name: &str) -> bool {
        memchr::memmem::find(&self.issuer, name.as_bytes()).is_some()
    }
}

/// A time of RFC 5280 §4.1.2.5 as fourteen digits.
fn time(kind: u8, value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?.strip_suffix('Z')?;
    let text = match kind {
        UTC_TIME if text.as_bytes().first()? < &b'5' => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    (text.len() == 14 && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

const EXPLICIT_VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Makes what [`Certificate::read`] reads, for the tests of this floor: no key, no signature.
#[cfg(test)]
pub(in crate::judge) fn made(issuer: &str, subject: &str, not_after: &str) -> Vec<u8> {
    let der = |tag: u8, value: &[u8]| {
        let length = u8::try_from(value.len()).unwrap();
        [[tag, 0x81, length].as_slice(), value].concat()
    };
    let times = [der(UTC_TIME, b"200101000000Z"), der(UTC_TIME, not_after.as_bytes())].concat();
    let signed = [
        der(EXPLICIT_VERSION, &[2, 1, 2]),
        der(2, &[1]),
        der(0x30, &[]),
        der(0x30, issuer.as_bytes()),
        der(0x30, &times),
        der(0x30, subject.as_bytes()),
    ];
    der(0x30, &der(0x30, &signed.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_signed_for_whom_until_when() {
        let other = Certificate::read(&made("An Authority", "a name", "220109154632Z")).unwrap();
        assert_eq!((other.signer, other.not_after.as_str()), (Signer::Another, "20220109154632"));
        assert!(other.is_issued_by("Authority") && !other.is_issued_by("a name"));
        let own = Certificate::read(&made("box", "box", "491231235959Z")).unwrap();
        assert_eq!(own.signer, Signer::Itself);
        assert_eq!(time(UTC_TIME, b"500101000000Z").unwrap(), "19500101000000");
    }

    #[test]
    fn a_cut_certificate_is_none_at_every_length() {
        let whole = made("An Authority", "a name", "220109154632Z");
        for length in 0..whole.len() {
            assert!(Certificate::read(&whole[..length]).is_none(), "{length}");
        }
    }
}
