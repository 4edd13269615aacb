//! The `ClientHello` of the probes (RFC 8446 §4.1.2, RFC 6066 §3), with the place of each of its lengths, so that one can lie.

use wirewitness_model::battery::lengths::Field;

/// A `ClientHello` in a TLS record, and where its lengths stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    bytes: Vec<u8>,
    /// Field, its place, its bytes.
    lengths: Vec<(Field, usize, usize)>,
    last_extension: u32,
    name_at: usize,
}

/// One lie: what it is called, and the field's value.
pub type Lie = (String, u32);

impl Hello {
    /// A hello for `name` (at most 255 bytes) that carries the 32 bytes of `mark` as its random.
    pub fn new(name: &str, mark: [u8; 32]) -> Self {
        Self::with(name, mark, &[])
    }

    /// The same with one more extension, before the last.
    pub fn with(name: &str, mark: [u8; 32], more: &[(u16, &[u8])]) -> Self {
        Self::built(mark, |writer| {
            writer.server_name(name);
            writer.others(BEFORE_LAST.iter().chain(more).chain([&LAST]).copied());
        })
    }

    /// A hello with these extensions.
    fn built(mark: [u8; 32], extensions: impl FnOnce(&mut Writer)) -> Self {
        let mut writer = Writer::default();
        writer.bytes.extend([0x16, 0x03, 0x01]);
        writer.part(Field::Record, 2, |writer| {
            writer.bytes.push(1);
            writer.part(Field::Message, 3, |writer| {
                writer.bytes.extend([3, 3]);
                writer.bytes.extend(mark);
                writer.part(Field::SessionId, 1, |_| {});
                writer.part(Field::CipherSuites, 2, |writer| writer.bytes.extend(CIPHERS));
                writer.part(Field::Compression, 1, |writer| writer.bytes.push(0));
                writer.part(Field::Extensions, 2, extensions);
            });
        });
        let Writer { bytes, lengths, name_at } = writer;
        Self { bytes, lengths, last_extension: 4 + LAST.1.len() as u32, name_at }
    }

    /// A hello of at least so many bytes whose name is the last of it, behind padding (RFC 7685): who wants it has to have all of it.
    pub fn ending_in_name(name: &str, mark: [u8; 32], len: usize) -> Self {
        let build = |padding: Option<usize>| {
            let zeros = vec![0; padding.unwrap_or(0)];
            let mut extensions: Vec<(u16, &[u8])> = Vec::from(BEFORE_LAST);
            extensions.push(LAST);
            extensions.extend(padding.map(|_| (PADDING, zeros.as_slice())));
            Self::built(mark, |writer| {
                writer.others(extensions);
                writer.server_name(name);
            })
        };
        let short = build(None);
        match len.checked_sub(short.bytes.len()) {
            None | Some(0) => short,
            Some(missing) => build(Some(missing.saturating_sub(4))),
        }
    }

    /// A hello as QUIC has it: with transport parameters (RFC 9001 §8.2), and HTTP/3 behind them.
    pub fn quic(name: &str, mark: [u8; 32]) -> Self {
        // Largest idle time 30 s, largest datagram 1472, a source connection id of no bytes.
        let parameters = [1, 4, 0x80, 0, 0x75, 0x30, 3, 2, 0x45, 0xc0, 0x0f, 0];
        Self::with(name, mark, &[(0x0039, &parameters)])
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The handshake message alone, as QUIC carries it.
    pub fn message(&self) -> &[u8] {
        self.bytes.get(5..).unwrap_or_default()
    }

    /// Where the name stands.
    pub fn name_at(&self) -> usize {
        self.name_at
    }

    /// All lies about this hello, each with its name.
    pub fn lies(&self) -> impl Iterator<Item = (Field, Lie)> {
        Field::ALL.into_iter().flat_map(|field| {
            let lies = field.lies(self.value(field), self.last_extension);
            lies.into_iter().map(move |lie| (field, lie))
        })
    }

    /// This hello with one field that lies; nothing else is changed.
    pub fn lying(&self, vector: &str) -> Option<Self> {
        let (field, (_, value)) = self.lies().find(|(_, (name, _))| name == vector)?;
        let &(_, at, width) = self.lengths.iter().find(|(it, ..)| *it == field)?;
        let mut lying = self.clone();
        lying.put(at, width, value);
        Some(lying)
    }

    fn value(&self, field: Field) -> u32 {
        let place = self.lengths.iter().find(|(it, ..)| *it == field);
        let bytes = place.and_then(|(_, at, width)| self.bytes.get(*at..at + width));
        bytes.unwrap_or_default().iter().fold(0, |value, byte| value << 8 | u32::from(*byte))
    }

    fn put(&mut self, at: usize, width: usize, value: u32) {
        put(&mut self.bytes, at, width, value);
    }
}

#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    lengths: Vec<(Field, usize, usize)>,
    name_at: usize,
}

impl Writer {
    /// A length of so many bytes, and what it is the length of.
    fn part(&mut self, field: Field, width: usize, write: impl FnOnce(&mut Self)) {
        let at = self.bytes.len();
        self.lengths.push((field, at, width));
        self.bytes.extend(std::iter::repeat_n(0, width));
        write(self);
        let len = (self.bytes.len() - at - width) as u32;
        put(&mut self.bytes, at, width, len);
    }

    fn server_name(&mut self, name: &str) {
        self.bytes.extend([0, 0]);
        self.part(Field::SniExtension, 2, |writer| {
            writer.part(Field::SniList, 2, |writer| {
                writer.bytes.push(0);
                writer.part(Field::SniName, 2, |writer| {
                    writer.name_at = writer.bytes.len();
                    writer.bytes.extend(name.as_bytes());
                });
            });
        });
    }

    fn others<'a>(&mut self, extensions: impl IntoIterator<Item = (u16, &'a [u8])>) {
        for (kind, data) in extensions {
            self.bytes.extend(kind.to_be_bytes());
            self.bytes.extend((data.len() as u16).to_be_bytes());
            self.bytes.extend(data);
        }
    }
}

fn put(bytes: &mut [u8], at: usize, width: usize, value: u32) {
    let big = value.to_be_bytes();
    let low = big.iter().skip(4 - width);
    bytes.iter_mut().skip(at).take(width).zip(low).for_each(|(to, from)| *to = *from);
}

/// Suites that browsers offer.
const CIPHERS: [u8; 32] = [
    0x13, 0x01, 0x13, 0x02, 0x13, 0x03, 0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x2c, 0xc0, 0x30, 0xcc, 0xa9,
    0xcc, 0xa8, 0xc0, 0x13, 0xc0, 0x14, 0x00, 0x9c, 0x00, 0x9d, 0x00, 0x2f, 0x00, 0x35, 0x00, 0x0a,
];

/// Extensions after the name and before the last, as browsers have them.
const BEFORE_LAST: [(u16, &[u8]); 8] = [
    // Extended master secret, renegotiation info.
    (0x0017, &[]),
    (0xff01, &[0]),
    // Groups: x25519, secp256r1, secp384r1. Point formats.
    (0x000a, &[0, 6, 0, 0x1d, 0, 0x17, 0, 0x18]),
    (0x000b, &[1, 0]),
    // Session ticket; ALPN h2 and http/1.1.
    (0x0023, &[]),
    (0x0010, &[0, 12, 2, b'h', b'2', 8, b'h', b't', b't', b'p', b'/', b'1', b'.', b'1']),
    // Signature algorithms.
    (0x000d, &[0, 16, 4, 3, 8, 4, 4, 1, 5, 3, 8, 5, 5, 1, 8, 6, 6, 1]),
    // Modes of pre-shared keys.
    (0x002d, &[1, 1]),
];

const PADDING: u16 = 0x0015;

/// The last extension: versions 1.3 and 1.2.
const LAST: (u16, &[u8]) = (0x002b, &[4, 3, 4, 3, 3]);

#[cfg(test)]
mod tests {
    use super::*;
    use wirewitness_model::battery::rows::{LENGTH_ROWS, row_of};
    use wirewitness_wire::app::tls::ClientHello;

    fn hello() -> Hello {
        Hello::new("blocked.example", [9; 32])
    }

    #[test]
    fn a_parser_that_is_not_ours_to_please_reads_the_name() {
        let hello = hello();
        assert_eq!(&hello.bytes()[hello.name_at()..][..15], b"blocked.example");
        let read = ClientHello::parse(hello.message()).unwrap();
        assert_eq!(read.server_name(), Some(b"blocked.example".as_slice()));
    }

    #[test]
    fn a_long_hello_ends_in_its_name() {
        for len in [0, 200, 300, 309, 310, 311, 315, 4_000] {
            let hello = Hello::ending_in_name("blocked.example", [9; 32], len);
            assert!(hello.bytes().len() >= len && hello.bytes().len() <= len.max(300) + 4, "{len}");
            assert_eq!(&hello.bytes()[hello.name_at()..], b"blocked.example");
            let read = ClientHello::parse(hello.message()).unwrap();
            assert_eq!(read.server_name(), Some(b"blocked.example".as_slice()));
        }
    }

    #[test]
    fn every_row_has_a_lie_and_a_lie_changes_one_field() {
        let hello = hello();
        let mut rows = std::collections::BTreeSet::new();
        for (field, (vector, _)) in hello.lies().collect::<Vec<_>>() {
            rows.insert(row_of("tls", &vector).unwrap());
            let lying = hello.lying(&vector).unwrap();
            assert_eq!(lying.bytes().len(), hello.bytes().len());
            let differ = hello.bytes().iter().zip(lying.bytes()).positions();
            let width = if field == Field::Message { 3 } else { 2 };
            assert!(!differ.is_empty() && differ.len() <= width, "{vector}: {differ:?}");
        }
        assert_eq!(rows.len(), LENGTH_ROWS.len());
        assert_eq!(hello.lying("record_len:third"), None);
    }

    #[test]
    fn lies_have_the_values_of_the_rule() {
        // By hand: 1 (type) + 2 (list) ... the name is 15 bytes, its list 18, its extension 20.
        let at = |vector: &str, back: usize| {
            let lying = hello().lying(vector).unwrap();
            let at = lying.name_at() - back;
            u16::from_be_bytes([lying.bytes()[at], lying.bytes()[at + 1]])
        };
        assert_eq!(at("sni_name_len:half", 2), 7);
        assert_eq!(at("sni_name_len:double", 2), 30);
        assert_eq!(at("sni_list_len:zero", 5), 0);
        assert_eq!(at("sni_list_len:double", 5), 36);
        assert_eq!(at("sni_ext_len:ffff", 7), 0xffff);
        assert_eq!(at("sni_ext_len:half", 7), 10);
    }

    trait Positions {
        fn positions(self) -> Vec<usize>;
    }

    impl<'a, I: Iterator<Item = (&'a u8, &'a u8)>> Positions for I {
        fn positions(self) -> Vec<usize> {
            self.enumerate().filter(|(_, (a, b))| a != b).map(|(at, _)| at).collect()
        }
    }
}
