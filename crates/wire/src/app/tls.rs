//! TLS: the `ClientHello`, which goes in the clear (RFC 8446 §4.1.2).
//!
//! [`handshake_message`] joins the records at the start of a stream, [`ClientHello`] reads the message. In QUIC the message
//! comes without records ([`super::quic`]).

use std::borrow::Cow;

use crate::read::{Malformed, Reader};

/// The first handshake message of a stream of TLS records, with its four bytes of type and length, also one that is spread
/// over records; copies only then. None: more bytes are needed.
///
/// # Errors
/// This is no handshake; or a message of which `limit` bytes do not see the end.
pub fn handshake_message(stream: &[u8], limit: usize) -> Result<Option<Cow<'_, [u8]>>, Malformed> {
    let mut reader = Reader::new(stream.get(..stream.len().min(limit)).unwrap_or_default());
    let mut message: Cow<'_, [u8]> = Cow::Borrowed(&[]);
    loop {
        let Some(body) = record(&mut reader)? else { return unfinished(stream.len(), limit) };
        if message.is_empty() {
            message = Cow::Borrowed(body);
        } else {
            message.to_mut().extend_from_slice(body);
        }
        if let Some(whole) = whole_len(&message)? {
            return Ok(Some(match message {
                Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(..whole).unwrap_or_default()),
                Cow::Owned(mut bytes) => {
                    bytes.truncate(whole);
                    Cow::Owned(bytes)
                }
            }));
        }
        if reader.is_empty() {
            return unfinished(stream.len(), limit);
        }
    }
}

fn unfinished<T>(have: usize, limit: usize) -> Result<Option<T>, Malformed> {
    if have < limit {
        return Ok(None);
    }
    Err(Malformed::Short { what: "handshake message", offset: 0, need: limit + 1, have: limit })
}

/// What is there of the next record's body; none where not even its head is.
fn record<'a>(reader: &mut Reader<'a>) -> Result<Option<&'a [u8]>, Malformed> {
    let offset = reader.offset();
    let head = reader.rest();
    for (at, what, right) in [(0, "record type", HANDSHAKE), (1, "record version", 3)] {
        match head.get(at) {
            Some(value) if *value != right => {
                return Err(Malformed::Value { what, offset: offset + at, value: (*value).into() });
            }
            _ => {}
        }
    }
    if head.len() < RECORD_HEAD {
        return Ok(None);
    }
    reader.take(3, "record head")?;
    let len = usize::from(reader.u16("record length")?);
    if len == 0 {
        // RFC 8446 §5.1.
        return Err(Malformed::Value { what: "record length", offset: offset + 3, value: 0 });
    }
    reader.take(len.min(reader.rest().len()), "record").map(Some)
}

/// The length of the handshake message at the start of `bytes`, as far as all of it is there.
fn whole_len(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    let mut reader = Reader::new(bytes);
    let Ok(kind) = reader.u8("handshake type") else { return Ok(None) };
    if kind != CLIENT_HELLO {
        return Err(Malformed::Value { what: "handshake type", offset: 0, value: kind.into() });
    }
    let Ok(len) = reader.u24("handshake length") else { return Ok(None) };
    let whole = HANDSHAKE_HEAD + len as usize;
    Ok((bytes.len() >= whole).then_some(whole))
}

/// A `ClientHello`. Lists are as they came; nothing is checked but that they end where they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientHello<'a> {
    /// Version field; 0x0303 since TLS 1.2.
    pub legacy_version: u16,
    /// 32 bytes.
    pub random: &'a [u8],
    /// Up to 32 bytes.
    pub session_id: &'a [u8],
    cipher_suites: &'a [u8],
    /// Compression methods.
    pub compression_methods: &'a [u8],
    extensions: Reader<'a>,
}

/// An extension of a hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extension<'a> {
    /// Its type (IANA; some in [`extension`]).
    pub kind: u16,
    /// Its body.
    pub body: &'a [u8],
}

/// Types of extensions (IANA).
pub mod extension {
    /// Server name (RFC 6066 §3).
    pub const SERVER_NAME: u16 = 0;
    /// Application-layer protocols (RFC 7301).
    pub const ALPN: u16 = 16;
    /// Supported versions (RFC 8446 §4.2.1).
    pub const SUPPORTED_VERSIONS: u16 = 43;
    /// Encrypted `ClientHello` (RFC 9849), true or GREASE.
    pub const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
}

impl<'a> ClientHello<'a> {
    /// Reads a handshake message: four bytes of type and length, and the hello. What follows it is not looked at.
    ///
    /// # Errors
    /// Another message, or a length that leads outside.
    pub fn parse(message: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(message);
        let kind = reader.u8("handshake type")?;
        if kind != CLIENT_HELLO {
            return Err(Malformed::Value { what: "handshake type", offset: 0, value: kind.into() });
        }
        let len = reader.u24("handshake length")? as usize;
        let mut reader = reader.part(len, "ClientHello")?;
        let legacy_version = reader.u16("legacy version")?;
        let random = reader.take(32, "random")?;
        let len = reader.u8("session id length")?;
        let session_id = reader.take(len.into(), "session id")?;
        let len = reader.u16("cipher suites length")?;
        let cipher_suites = reader.take(len.into(), "cipher suites")?;
        let len = reader.u8("compression methods length")?;
        let compression_methods = reader.take(len.into(), "compression methods")?;
        // Hellos before TLS 1.2 may end here.
        let extensions = if reader.is_empty() {
            reader
        } else {
            let len = reader.u16("extensions length")?;
            reader.part(len.into(), "extensions")?
        };
        Ok(Self {
            legacy_version,
            random,
            session_id,
            cipher_suites,
            compression_methods,
            extensions,
        })
    }

    /// Cipher suites, in order; an odd byte at the end is left out.
    pub fn cipher_suites(&self) -> impl Iterator<Item = u16> + 'a {
        pairs(self.cipher_suites)
    }

    /// Extensions, in order. An error is the last item.
    pub fn extensions(&self) -> Extensions<'a> {
        Extensions::new(self.extensions)
    }

    /// The first extension of a type, as far as the list can be read.
    pub fn extension(&self, kind: u16) -> Option<Extension<'a>> {
        self.extensions().flatten().find(|extension| extension.kind == kind)
    }

    /// The server name, as it came. None without one, or where the list of names is not one.
    pub fn server_name(&self) -> Option<&'a [u8]> {
        let mut reader = Reader::new(self.extension(extension::SERVER_NAME)?.body);
        reader.u16("list length").ok()?;
        // The only kind of name there is: a host's.
        if reader.u8("name type").ok()? != 0 {
            return None;
        }
        let len = reader.u16("name length").ok()?;
        reader.take(len.into(), "name").ok()
    }

    /// Protocols offered for the application, in order.
    pub fn alpn(&self) -> impl Iterator<Item = &'a [u8]> + 'a {
        let mut reader = self.list(extension::ALPN, 2);
        std::iter::from_fn(move || {
            let len = reader.u8("protocol length").ok()?;
            reader.take(len.into(), "protocol").ok()
        })
    }

    /// Versions offered, in order; without the extension none, and [`Self::legacy_version`] is the highest.
    pub fn supported_versions(&self) -> impl Iterator<Item = u16> + 'a {
        pairs(self.list(extension::SUPPORTED_VERSIONS, 1).rest())
    }

    /// True if the hello has the extension of an encrypted one. It may be GREASE: nobody between can tell.
    pub fn has_encrypted_hello(&self) -> bool {
        self.extension(extension::ENCRYPTED_CLIENT_HELLO).is_some()
    }

    /// The list that is an extension's body, after its length.
    fn list(&self, kind: u16, length_len: usize) -> Reader<'a> {
        let body = self.extension(kind).map_or(&[][..], |extension| extension.body);
        Reader::new(body.get(length_len..).unwrap_or_default())
    }
}

/// The extensions of a hello.
#[derive(Debug, Clone)]
pub struct Extensions<'a> {
    reader: Option<Reader<'a>>,
}

impl<'a> Extensions<'a> {
    pub(super) fn new(list: Reader<'a>) -> Self {
        Self { reader: Some(list) }
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = Result<Extension<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut reader = self.reader.take().filter(|reader| !reader.is_empty())?;
        let read = read_extension(&mut reader);
        if read.is_ok() {
            self.reader = Some(reader);
        }
        Some(read)
    }
}

fn read_extension<'a>(reader: &mut Reader<'a>) -> Result<Extension<'a>, Malformed> {
    let kind = reader.u16("extension type")?;
    let len = reader.u16("extension length")?;
    Ok(Extension { kind, body: reader.take(len.into(), "extension")? })
}

fn pairs(bytes: &[u8]) -> impl Iterator<Item = u16> + '_ {
    bytes.chunks_exact(2).filter_map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?)))
}

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const RECORD_HEAD: usize = 5;
const HANDSHAKE_HEAD: usize = 4;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const LIMIT: usize = 16 * 1024;

    /// The hello of RFC 9001 §A.2, for `example.com`, as a handshake message.
    pub(crate) fn published() -> Vec<u8> {
        crate::app::quic::tests::hex(PUBLISHED)
    }

    const PUBLISHED: &str = "010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69\
        484c00000413011302010000c000000010000e00000b6578616d706c652e636f6dff01000100000a0008000600\
        1d0017001800100007000504616c706e000500050100000000003300260024001d00209370b2c9caa47fbabaf4\
        559fedba753de171fa71f50f1ce15d43e994ec74d748002b0003020304000d0010000e04030503060302030804\
        08050806002d00020101001c00024001003900320408ffffffffffffffff05048000ffff07048000ffff080110\
        0104800075300901100f088394c8f03e51570806048000ffff";

    fn records(message: &[u8], size: usize) -> Vec<u8> {
        let record = |part: &[u8]| {
            let len = (part.len() as u16).to_be_bytes();
            [&[HANDSHAKE, 3, 1], &len[..], part].concat()
        };
        message.chunks(size).flat_map(record).collect()
    }

    #[test]
    fn the_published_hello_is_read() {
        let message = published();
        let hello = ClientHello::parse(&message).unwrap();
        assert_eq!(hello.legacy_version, 0x0303);
        assert_eq!(hello.random[..4], [0xeb, 0xf8, 0xfa, 0x56]);
        assert_eq!((hello.session_id, hello.compression_methods), (&[][..], &[0][..]));
        assert_eq!(hello.cipher_suites().collect::<Vec<_>>(), [0x1301, 0x1302]);
        assert_eq!(hello.server_name(), Some(&b"example.com"[..]));
        assert_eq!(hello.alpn().collect::<Vec<_>>(), [b"alpn"]);
        assert_eq!(hello.supported_versions().collect::<Vec<_>>(), [0x0304]);
        assert!(!hello.has_encrypted_hello());
        let kinds: Vec<u16> = hello.extensions().map(|it| it.unwrap().kind).collect();
        assert_eq!(kinds, [0, 0xff01, 10, 16, 5, 51, 43, 13, 45, 28, 57]);
    }

    #[test]
    fn cut_short_at_every_byte_is_an_error_with_its_place() {
        let message = published();
        for len in 0..message.len() {
            let error = ClientHello::parse(&message[..len]).unwrap_err();
            assert!(error.is_short() && error.offset() <= len, "{error}");
        }
        // A list of extensions that leads outside is read up to there.
        let mut odd = message.clone();
        let last = odd.len() - 50 - 1;
        odd[last] = 51;
        let hello = ClientHello::parse(&odd).unwrap();
        assert_eq!(hello.server_name(), Some(&b"example.com"[..]));
        let end = hello.extensions().last().unwrap();
        let (offset, need, have) = (last + 1, 51, 50);
        assert_eq!(end, Err(Malformed::Short { what: "extension", offset, need, have }));
    }

    #[test]
    fn records_are_joined_and_waited_for() {
        let message = published();
        for size in [1000, 64, 7, 1] {
            let stream = records(&message, size);
            let joined = handshake_message(&stream, LIMIT).unwrap().unwrap();
            assert_eq!(*joined, *message);
            assert_eq!(matches!(joined, Cow::Borrowed(_)), size == 1000);
            for len in 0..stream.len() {
                assert_eq!(handshake_message(&stream[..len], LIMIT), Ok(None), "{size} {len}");
            }
        }
    }

    #[test]
    fn what_is_not_a_handshake() {
        for (bytes, offset) in [
            (&b"GET / HTTP/1.1\r\n"[..], 0),
            (&[22, 2, 0, 0, 1], 1),
            (&[22, 3, 1, 0, 1, 2], 0),
            (&[22, 3, 1, 0, 0], 3),
        ] {
            assert_eq!(handshake_message(bytes, LIMIT).unwrap_err().offset(), offset);
        }
        let endless = records(&[vec![1, 255, 255, 255], vec![0; 2 * LIMIT]].concat(), 99);
        assert!(handshake_message(&endless, LIMIT).is_err());
    }

    #[test]
    fn flipping_any_byte_never_panics() {
        let message = published();
        for at in 0..message.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut odd = message.clone();
                odd[at] = value;
                if let Ok(hello) = ClientHello::parse(&odd) {
                    let _ = (hello.server_name(), hello.alpn().count(), hello.extensions().count());
                }
            }
        }
    }
}
