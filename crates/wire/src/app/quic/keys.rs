//! Keys of Initial packets, opening and sealing them (RFC 9001 §5).

use std::sync::LazyLock;

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey, quic::HeaderProtectionKey};
use aws_lc_rs::hmac;

use super::{Packet, Version};
use crate::read::Malformed;

/// Who sends what a key opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sender {
    /// The client.
    Client,
    /// The server.
    Server,
}

/// The keys of one side's Initial packets.
pub struct Keys {
    packet: LessSafeKey,
    iv: [u8; aead::NONCE_LEN],
    header: HeaderProtectionKey,
}

impl Keys {
    /// The keys that follow from the destination connection id of the client's first packet. None only if the cryptography
    /// library refuses.
    pub fn new(version: Version, first_destination_id: &[u8], sender: Sender) -> Option<Self> {
        Self::of(&Material::new(version, first_destination_id, sender)?)
    }

    /// The keys of a client in a version that this crate does not know, but for its salt; its labels are those of version 1.
    pub fn salted(salt: &[u8; 20], first_destination_id: &[u8]) -> Option<Self> {
        let from = (&prk(salt), "quic");
        Self::of(&Material::derive(from, first_destination_id, Sender::Client)?)
    }

    fn of(material: &Material) -> Option<Self> {
        let packet = UnboundKey::new(&aead::AES_128_GCM, &material.key).ok()?;
        Some(Self {
            packet: LessSafeKey::new(packet),
            iv: material.iv,
            header: HeaderProtectionKey::new(&aead::quic::AES_128, &material.header).ok()?,
        })
    }

    /// Opens a packet. `expected` is the packet number after the highest seen so far, 0 at first.
    ///
    /// # Errors
    /// The packet is too short, or not of these keys.
    pub fn open(&self, packet: &Packet<'_>, expected: u64) -> Result<Opened, OpenError> {
        let (bytes, number_at) = (packet.bytes, packet.number_at);
        let sample_at = number_at + NUMBER_MAX;
        let sample = bytes.get(sample_at..sample_at + SAMPLE).ok_or(Malformed::Short {
            what: "sample for header protection",
            offset: sample_at,
            need: SAMPLE,
            have: bytes.len().saturating_sub(sample_at),
        })?;
        let mask = self.header.new_mask(sample).map_err(|_| OpenError::Key)?;
        let [first_mask, number_mask @ ..] = mask;
        let mut header = bytes.get(..sample_at).unwrap_or_default().to_vec();
        let first = header.first_mut().ok_or(OpenError::Key)?;
        *first ^= first_mask & 0x0f;
        let number_len = usize::from(*first & 3) + 1;
        let mut truncated = 0;
        let number = header.get_mut(number_at..).unwrap_or_default();
        for (byte, mask) in number.iter_mut().zip(number_mask).take(number_len) {
            *byte ^= mask;
            truncated = truncated << 8 | u64::from(*byte);
        }
        header.truncate(number_at + number_len);
        let mut payload = bytes.get(header.len()..).unwrap_or_default().to_vec();
        let number = full_number(truncated, number_len, expected);
        let nonce = Nonce::assume_unique_for_key(self.nonce(number));
        let opened = self.packet.open_in_place(nonce, Aad::from(&header), &mut payload);
        let len = opened.map_err(|_| OpenError::Key)?.len();
        payload.truncate(len);
        Ok(Opened { number, payload })
    }

    /// Seals a packet: `header` ends in the packet number, in as many bytes as its first byte says (1 to 4). None where the payload is so short
    /// that header protection has no sample (4 bytes less the number's), or the library refuses.
    pub fn seal(&self, header: &[u8], number: u64, payload: &[u8]) -> Option<Vec<u8>> {
        let number_at = header.len().checked_sub(usize::from(header.first()? & 3) + 1)?;
        let nonce = Nonce::assume_unique_for_key(self.nonce(number));
        let mut sealed = payload.to_vec();
        self.packet.seal_in_place_append_tag(nonce, Aad::from(header), &mut sealed).ok()?;
        let mut packet = [header, &sealed].concat();
        let sample_at = number_at + NUMBER_MAX;
        let mask = self.header.new_mask(packet.get(sample_at..sample_at + SAMPLE)?).ok()?;
        let [first_mask, number_mask @ ..] = mask;
        *packet.first_mut()? ^= first_mask & 0x0f;
        let in_header = packet.get_mut(number_at..header.len())?;
        in_header.iter_mut().zip(number_mask).for_each(|(byte, mask)| *byte ^= mask);
        Some(packet)
    }

    fn nonce(&self, number: u64) -> [u8; aead::NONCE_LEN] {
        let mut nonce = self.iv;
        for (byte, number) in nonce.iter_mut().skip(4).zip(number.to_be_bytes()) {
            *byte ^= number;
        }
        nonce
    }
}

/// What keys are made of (RFC 9001 §5.1).
pub(super) struct Material {
    pub(super) key: [u8; 16],
    pub(super) iv: [u8; aead::NONCE_LEN],
    pub(super) header: [u8; 16],
}

impl Material {
    pub(super) fn new(version: Version, id: &[u8], sender: Sender) -> Option<Self> {
        Self::derive((version.extractor(), version.label()), id, sender)
    }

    /// `from` is what the salt makes of the connection id, and what labels begin with.
    fn derive((extractor, name): (&hmac::Key, &str), id: &[u8], sender: Sender) -> Option<Self> {
        let initial = prk(hmac::sign(extractor, id).as_ref());
        let secret: [u8; 32] = expand(&initial, "", sender.label())?;
        let secret = prk(&secret);
        Some(Self {
            key: expand(&secret, name, " key")?,
            iv: expand(&secret, name, " iv")?,
            header: expand(&secret, name, " hp")?,
        })
    }
}

impl Sender {
    fn label(self) -> &'static str {
        match self {
            Self::Client => "client in",
            Self::Server => "server in",
        }
    }
}

/// A pseudorandom key (RFC 5869 §2.3). Four numbers are made of one, and the library's own HKDF would begin each anew.
fn prk(bytes: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, bytes)
}

/// HKDF-Expand-Label (RFC 8446 §7.1) with an empty context, up to one output of the hash (RFC 5869 §2.3, T(1)); the label is in
/// two parts.
fn expand<const LEN: usize>(secret: &hmac::Key, name: &str, label: &str) -> Option<[u8; LEN]> {
    let len = u16::try_from(LEN).ok()?.to_be_bytes();
    let label_len = u8::try_from("tls13 ".len() + name.len() + label.len()).ok()?;
    let mut info = [0_u8; 32];
    let parts = [&len[..], &[label_len], b"tls13 ", name.as_bytes(), label.as_bytes(), &[0, 1]];
    let mut at = 0;
    for part in parts {
        info.get_mut(at..at + part.len())?.copy_from_slice(part);
        at += part.len();
    }
    hmac::sign(secret, info.get(..at)?).as_ref().first_chunk().copied()
}

/// The packet number that the last bytes of mean (RFC 9000 §A.3).
pub(super) fn full_number(truncated: u64, len: usize, expected: u64) -> u64 {
    let window = 1_u64 << (8 * len);
    let candidate = (expected & !(window - 1)) | truncated;
    if candidate + window / 2 <= expected && candidate < (1 << 62) - window {
        candidate + window
    } else if candidate > expected + window / 2 && candidate >= window {
        candidate - window
    } else {
        candidate
    }
}

/// An opened packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Its number.
    pub number: u64,
    /// Its frames ([`super::frames()`]).
    pub payload: Vec<u8>,
}

/// Why a packet could not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Something is missing.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The keys are of another connection, or the packet was changed on its way.
    #[error("the packet does not fit the keys")]
    Key,
}

impl Version {
    /// HKDF-Extract (RFC 5869 §2.2) with the version's salt.
    fn extractor(self) -> &'static hmac::Key {
        static V1: LazyLock<hmac::Key> = LazyLock::new(|| prk(&SALT_V1));
        static V2: LazyLock<hmac::Key> = LazyLock::new(|| prk(&SALT_V2));
        static DRAFT_29: LazyLock<hmac::Key> = LazyLock::new(|| prk(&SALT_DRAFT_29));
        static DRAFT_23: LazyLock<hmac::Key> = LazyLock::new(|| prk(&SALT_DRAFT_23));
        static DRAFT_22: LazyLock<hmac::Key> = LazyLock::new(|| prk(&SALT_DRAFT_22));
        static Q050: LazyLock<hmac::Key> = LazyLock::new(|| prk(&SALT_Q050));
        match self {
            Self::V1 => &V1,
            Self::V2 => &V2,
            Self::Draft29 => &DRAFT_29,
            Self::Draft23 => &DRAFT_23,
            Self::Draft22 => &DRAFT_22,
            Self::Q050 => &Q050,
        }
    }

    /// What the labels of keys begin with.
    fn label(self) -> &'static str {
        match self {
            Self::V2 => "quicv2",
            _ => "quic",
        }
    }
}

const SAMPLE: usize = 16;
/// The longest packet number, bytes.
const NUMBER_MAX: usize = 4;
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
/// `kQ050Salt` of quiche's `crypto_utils.cc`.
const SALT_Q050: [u8; 20] = [
    0x50, 0x45, 0x74, 0xef, 0xd0, 0x66, 0xfe, 0x2f, 0x9d, 0x94, 0x5c, 0xfc, 0xdb, 0xd3, 0xa7, 0xf0,
    0xd3, 0xb5, 0x6b, 0x45,
];
