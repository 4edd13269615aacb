//! Initial packets of QUIC, sealed (RFC 9000 §17.2.2, RFC 9001 §5, RFC 9369, drafts 22 to 29, Chromium's T050 and T051).
//! Their keys are public: anyone on the path can open them, which is what is tested.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey, quic};
use aws_lc_rs::hmac;

/// How a version seals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sealing {
    /// The version's number.
    pub(super) number: u32,
    salt: &'static [u8; 20],
    label: &'static str,
    /// The first byte of an Initial whose number has one byte.
    first: u8,
}

impl Sealing {
    /// How the version of this name seals.
    pub(super) fn of(name: &str) -> Option<Self> {
        let drafts = name.strip_prefix("draft").and_then(|it| it.parse::<u32>().ok());
        let (number, salt) = match (name, drafts) {
            ("v1", _) => (1, &SALT_V1),
            ("v2", _) => (0x6b33_43cf, &SALT_V2),
            ("T050", _) => (0x5430_3530, &SALT_T050),
            ("T051", _) => (0x5430_3531, &SALT_T051),
            ("forced_negotiation", _) => (0x1a2a_3a4a, &SALT_V1),
            (_, Some(22)) => (0xff00_0016, &SALT_DRAFT_22),
            (_, Some(draft @ 23..=28)) => (0xff00_0000 | draft, &SALT_DRAFT_23),
            (_, Some(29)) => (0xff00_001d, &SALT_DRAFT_29),
            _ => return None,
        };
        let (label, first) = if name == "v2" { ("quicv2", 0xd0) } else { ("quic", 0xc0) };
        Some(Self { number, salt, label, first })
    }
}

/// One Initial with these frames, padded to so many bytes in all. `id` is the first destination connection id, `number` the packet's.
pub(super) fn seal(
    sealing: Sealing,
    id: &[u8],
    number: u8,
    frames: &[u8],
    whole: usize,
) -> Option<Vec<u8>> {
    let keys = Keys::new(sealing, id)?;
    let mut header = vec![sealing.first];
    header.extend(sealing.number.to_be_bytes());
    header.push(u8::try_from(id.len()).ok()?);
    header.extend(id);
    // No source connection id, no token.
    header.extend([0, 0]);
    let head_len = header.len() + 2 + 1;
    let mut sealed = frames.to_vec();
    // The sample for the header is taken four bytes behind the number's place.
    sealed.resize(frames.len().max(whole.saturating_sub(head_len + TAG)).max(4), 0);
    let len = u16::try_from(1 + sealed.len() + TAG).ok().filter(|len| *len < 0x4000)?;
    header.extend((0x4000 | len).to_be_bytes());
    header.push(number);
    let nonce = keys.nonce(number);
    keys.packet.seal_in_place_append_tag(nonce, Aad::from(&header), &mut sealed).ok()?;
    let mask = keys.header.new_mask(sealed.get(3..3 + SAMPLE)?).ok()?;
    let last = header.len() - 1;
    *header.first_mut()? ^= mask[0] & 0x0f;
    *header.get_mut(last)? ^= mask[1];
    header.extend(sealed);
    Some(header)
}

/// A CRYPTO frame (RFC 9000 §19.6).
pub(super) fn crypto(offset: usize, data: &[u8]) -> Vec<u8> {
    let two = |value: usize| (0x4000 | (value as u16 & 0x3fff)).to_be_bytes();
    [&[6], two(offset).as_slice(), &two(data.len()), data].concat()
}

struct Keys {
    packet: LessSafeKey,
    iv: [u8; 12],
    header: quic::HeaderProtectionKey,
}

impl Keys {
    fn new(sealing: Sealing, id: &[u8]) -> Option<Self> {
        let initial = hmac::sign(&key(sealing.salt), id);
        let secret: [u8; 32] = expand(&key(initial.as_ref()), "client in")?;
        let secret = key(&secret);
        let label = |end: &str| format!("{} {end}", sealing.label);
        let packet: [u8; 16] = expand(&secret, &label("key"))?;
        let header: [u8; 16] = expand(&secret, &label("hp"))?;
        Some(Self {
            packet: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &packet).ok()?),
            iv: expand(&secret, &label("iv"))?,
            header: quic::HeaderProtectionKey::new(&quic::AES_128, &header).ok()?,
        })
    }

    fn nonce(&self, number: u8) -> Nonce {
        let mut nonce = self.iv;
        nonce.iter_mut().rev().take(1).for_each(|byte| *byte ^= number);
        Nonce::assume_unique_for_key(nonce)
    }
}

fn key(bytes: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, bytes)
}

/// HKDF-Expand-Label (RFC 8446 §7.1), up to one output of the hash.
fn expand<const LEN: usize>(secret: &hmac::Key, label: &str) -> Option<[u8; LEN]> {
    let mut info = u16::try_from(LEN).ok()?.to_be_bytes().to_vec();
    info.push(u8::try_from("tls13 ".len() + label.len()).ok()?);
    info.extend(b"tls13 ");
    info.extend(label.as_bytes());
    info.extend([0, 1]);
    hmac::sign(secret, &info).as_ref().first_chunk().copied()
}

const TAG: usize = 16;
const SAMPLE: usize = 16;
/// RFC 9001 §5.2.
const SALT_V1: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad,
    0xcc, 0xbb, 0x7f, 0x0a,
];
/// RFC 9369 §3.3.1.
const SALT_V2: [u8; 20] = [
    0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb,
    0xf9, 0xbd, 0x2e, 0xd9,
];
/// draft-ietf-quic-tls-29 §5.2.
const SALT_DRAFT_29: [u8; 20] = [
    0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0,
    0x43, 0x90, 0xa8, 0x99,
];
/// draft-ietf-quic-tls-23 §5.2.
const SALT_DRAFT_23: [u8; 20] = [
    0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65,
    0xbe, 0xf9, 0xf5, 0x02,
];
/// draft-ietf-quic-tls-22 §5.2.
const SALT_DRAFT_22: [u8; 20] = [
    0x7f, 0xbc, 0xdb, 0x0e, 0x7c, 0x66, 0xbb, 0xe9, 0x19, 0x3a, 0x96, 0xcd, 0x21, 0x51, 0x9e, 0xbd,
    0x7a, 0x02, 0x64, 0x4a,
];
/// `kT050Salt` and `kT051Salt` of quiche's `crypto_utils.cc`.
const SALT_T050: [u8; 20] = [
    0x7f, 0xf5, 0x79, 0xe5, 0xac, 0xd0, 0x72, 0x91, 0x55, 0x80, 0x30, 0x4c, 0x43, 0xa2, 0x36, 0x7c,
    0x60, 0x48, 0x83, 0x10,
];
const SALT_T051: [u8; 20] = [
    0x7a, 0x4e, 0xde, 0xf4, 0xe7, 0xcc, 0xee, 0x5f, 0xa4, 0x50, 0x6c, 0x19, 0x12, 0x4f, 0xc8, 0xcc,
    0xda, 0x6e, 0x03, 0x3d,
];

#[cfg(test)]
mod tests {
    use super::*;
    use wirewitness_wire::app::quic::{Keys as Opening, Sender, Version, packets};

    #[test]
    fn what_is_sealed_is_opened_by_a_reader_that_is_not_ours_to_please() {
        for name in ["v1", "v2", "draft22", "draft23", "draft27", "draft28", "draft29"] {
            let sealing = Sealing::of(name).unwrap();
            let frames = crypto(0, b"hello");
            let bytes = seal(sealing, &[1, 2, 3, 4, 5, 6, 7, 8], 1, &frames, 1200).unwrap();
            assert_eq!(bytes.len(), 1200, "{name}");
            let packet = packets(&bytes).next().unwrap().unwrap();
            let version = Version::of(packet.version).unwrap();
            let keys = Opening::new(version, packet.destination_id, Sender::Client).unwrap();
            let opened = keys.open(&packet, 0).unwrap();
            assert_eq!(opened.number, 1);
            assert!(opened.payload.starts_with(&frames), "{name}");
        }
        assert_eq!(Sealing::of("draft21"), None);
        let short = seal(Sealing::of("v1").unwrap(), &[1; 8], 0, &crypto(0, b"x"), 0).unwrap();
        assert!(short.len() < 100);
    }
}
