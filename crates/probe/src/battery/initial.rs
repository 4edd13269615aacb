//! Initial packets of QUIC, sealed (RFC 9000 §17.2.2, RFC 9001 §5, RFC 9369, drafts 22 to 29, Chromium's T050 and T051).
//! Their keys are public: anyone on the path can open them, which is what is tested.

use wirewitness_wire::app::quic::{Keys, Sender, Version};

/// How a version seals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sealing {
    /// The version's number.
    pub(super) number: u32,
    salt: Salt,
    /// The first byte of an Initial whose number has one byte.
    first: u8,
}

impl Sealing {
    /// How the version of this name seals.
    pub(super) fn of(name: &str) -> Option<Self> {
        let drafts = name.strip_prefix("draft").and_then(|it| it.parse::<u32>().ok());
        let known = |number| Some((number, Salt::Of(Version::of(number)?)));
        let (number, salt) = match (name, drafts) {
            ("v1", _) => known(1)?,
            ("v2", _) => known(0x6b33_43cf)?,
            ("T050", _) => (0x5430_3530, Salt::Own(&SALT_T050)),
            ("T051", _) => (0x5430_3531, Salt::Own(&SALT_T051)),
            ("forced_negotiation", _) => (0x1a2a_3a4a, Salt::Of(Version::V1)),
            (_, Some(draft @ 22..=29)) => known(0xff00_0000 | draft)?,
            _ => return None,
        };
        let first = if name == "v2" { 0xd0 } else { 0xc0 };
        Some(Self { number, salt, first })
    }

    fn keys(self, id: &[u8]) -> Option<Keys> {
        match self.salt {
            Salt::Of(version) => Keys::new(version, id, Sender::Client),
            Salt::Own(salt) => Keys::salted(salt, id),
        }
    }
}

/// Whose salt keys are made with: that of a version, or of one that readers do not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Salt {
    Of(Version),
    Own(&'static [u8; 20]),
}

/// One Initial with these frames, padded to so many bytes in all. `id` is the first destination connection id, `number` the packet's.
pub(super) fn seal(
    sealing: Sealing,
    id: &[u8],
    number: u8,
    frames: &[u8],
    whole: usize,
) -> Option<Vec<u8>> {
    let keys = sealing.keys(id)?;
    let mut header = vec![sealing.first];
    header.extend(sealing.number.to_be_bytes());
    header.push(u8::try_from(id.len()).ok()?);
    header.extend(id);
    // No source connection id, no token.
    header.extend([0, 0]);
    let head_len = header.len() + 2 + 1;
    let mut payload = frames.to_vec();
    // The sample for the header is taken four bytes behind the number's place.
    payload.resize(frames.len().max(whole.saturating_sub(head_len + TAG)).max(4), 0);
    let len = u16::try_from(1 + payload.len() + TAG).ok().filter(|len| *len < 0x4000)?;
    header.extend((0x4000 | len).to_be_bytes());
    header.push(number);
    keys.seal(&header, number.into(), &payload)
}

/// A CRYPTO frame (RFC 9000 §19.6).
pub(super) fn crypto(offset: usize, data: &[u8]) -> Vec<u8> {
    let two = |value: usize| (0x4000 | (value as u16 & 0x3fff)).to_be_bytes();
    [&[6], two(offset).as_slice(), &two(data.len()), data].concat()
}

const TAG: usize = 16;
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
    use wirewitness_wire::app::quic::packets;

    #[test]
    fn what_is_sealed_is_opened_by_a_reader_that_is_not_ours_to_please() {
        for name in ["v1", "v2", "draft22", "draft23", "draft27", "draft28", "draft29"] {
            let sealing = Sealing::of(name).unwrap();
            let frames = crypto(0, b"hello");
            let bytes = seal(sealing, &[1, 2, 3, 4, 5, 6, 7, 8], 1, &frames, 1200).unwrap();
            assert_eq!(bytes.len(), 1200, "{name}");
            let packet = packets(&bytes).next().unwrap().unwrap();
            let version = Version::of(packet.version).unwrap();
            let keys = Keys::new(version, packet.destination_id, Sender::Client).unwrap();
            let opened = keys.open(&packet, 0).unwrap();
            assert_eq!(opened.number, 1);
            assert!(opened.payload.starts_with(&frames), "{name}");
        }
        assert_eq!(Sealing::of("draft21"), None);
        let short = seal(Sealing::of("v1").unwrap(), &[1; 8], 0, &crypto(0, b"x"), 0).unwrap();
        assert!(short.len() < 100);
    }
}
