//! TLS: what a server's stream has in the clear (RFC 5246, RFC 8446): the `ServerHello`, up to TLS 1.2 the certificates, alerts.
//!
//! [`messages`] walks over the records of either side's stream, joining messages that are spread over them; [`ServerHello`]
//! and [`certificates`] read the messages. In QUIC the `ServerHello` comes without records.

use std::borrow::Cow;

use super::tls::{Extension, Extensions, extension};
use crate::read::{Malformed, Reader};

/// What comes in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item<'a> {
    /// A handshake message.
    Message {
        /// Its type ([`kind`]; IANA).
        kind: u8,
        /// The whole message, with its four bytes of type and length.
        bytes: Cow<'a, [u8]>,
    },
    /// An alert.
    Alert(Alert),
    /// A record that nobody between the ends can read.
    Encrypted {
        /// The record's type as it is said; since TLS 1.3 always that of data (23).
        kind: u8,
        /// Its length, bytes.
        len: usize,
    },
}

/// An alert (RFC 8446 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Alert {
    /// True if the connection ends with it.
    pub is_fatal: bool,
    /// Its code (IANA): 0 for a close, 40 for a failed handshake, 112 for a name that is not known.
    pub description: u8,
}

/// Types of handshake messages (IANA).
pub mod kind {
    /// The client's first.
    pub const CLIENT_HELLO: u8 = 1;
    /// The server's first.
    pub const SERVER_HELLO: u8 = 2;
    /// Certificates.
    pub const CERTIFICATE: u8 = 11;
    /// A stapled OCSP answer (RFC 6066 §8).
    pub const CERTIFICATE_STATUS: u8 = 22;
}

/// The longest message that is taken for one, bytes: a chain of certificates is seldom over 10 000.
pub const MAX_MESSAGE: usize = 256 * 1024;

/// What comes in a stream of records. An error is the last item; where the stream ends within a record, so do the items, after
/// the messages that are whole.
pub fn messages(stream: &[u8]) -> Messages<'_> {
    let (records, message) = (Reader::new(stream), Cow::Borrowed(&[][..]));
    Messages { records, at: 0, message, is_open: true, is_at_end: false }
}

/// The items of a stream.
#[derive(Debug, Clone)]
pub struct Messages<'a> {
    records: Reader<'a>,
    /// Where the last record begins.
    at: usize,
    /// What came of handshake messages and was not given yet.
    message: Cow<'a, [u8]>,
    /// False after keys have changed.
    is_open: bool,
    /// True if no record is to be read any more.
    is_at_end: bool,
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Item<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let item = match self.whole() {
                Ok(Some(message)) => Ok(message),
                Ok(None) if self.is_at_end => return None,
                Ok(None) => match self.record() {
                    Ok(Some(item)) => Ok(item),
                    Ok(None) => continue,
                    Err(error) => Err(error),
                },
                Err(error) => Err(error),
            };
            if item.is_err() {
                self.is_at_end = true;
                self.message = Cow::Borrowed(&[]);
            }
            return Some(item);
        }
    }
}

impl<'a> Messages<'a> {
    /// Takes in the next record, or what is there of it. The item that it is, if it is one.
    fn record(&mut self) -> Result<Option<Item<'a>>, Malformed> {
        self.at = self.records.offset();
        let Some(Record { kind, body, is_whole }) = record(&mut self.records)? else {
            self.is_at_end = true;
            return Ok(None);
        };
        self.is_at_end = !is_whole;
        match kind {
            CHANGE_CIPHER_SPEC => self.is_open = false,
            // After a retry of TLS 1.3, the change is for show, and the next hello is in the clear.
            HANDSHAKE if self.is_open || (is_whole && is_hello(body)) => self.push(body),
            _ if !is_whole => {}
            ALERT if self.is_open && body.len() == 2 => {
                return Ok(Some(Item::Alert(alert(body))));
            }
            _ => return Ok(Some(Item::Encrypted { kind, len: body.len() })),
        }
        Ok(None)
    }

    fn push(&mut self, body: &'a [u8]) {
        if self.message.is_empty() {
            self.message = Cow::Borrowed(body);
        } else {
            self.message.to_mut().extend_from_slice(body);
        }
    }

    /// Takes out the first message, if all of it is there.
    fn whole(&mut self) -> Result<Option<Item<'a>>, Malformed> {
        let Some(&[kind, a, b, c]) = self.message.first_chunk() else { return Ok(None) };
        let len = HANDSHAKE_HEAD + u32::from_be_bytes([0, a, b, c]) as usize;
        if len > MAX_MESSAGE {
            let (what, offset, value) = ("handshake length", self.at, len as u64);
            return Err(Malformed::Value { what, offset, value });
        }
        if self.message.len() < len {
            return Ok(None);
        }
        let (bytes, rest) = match &self.message {
            Cow::Borrowed(all) => {
                let (bytes, rest) = all.split_at_checked(len).unwrap_or((all, &[]));
                (Cow::Borrowed(bytes), Cow::Borrowed(rest))
            }
            Cow::Owned(all) => {
                let (bytes, rest) = all.split_at_checked(len).unwrap_or((all, &[]));
                (Cow::Owned(bytes.to_vec()), Cow::Owned(rest.to_vec()))
            }
        };
        self.message = rest;
        Ok(Some(Item::Message { kind, bytes }))
    }
}

/// A record, as far as it is there.
struct Record<'a> {
    kind: u8,
    body: &'a [u8],
    is_whole: bool,
}

/// The next record; none where its head is not there.
fn record<'a>(reader: &mut Reader<'a>) -> Result<Option<Record<'a>>, Malformed> {
    let offset = reader.offset();
    let head = reader.rest();
    let odd = |what, at, value| Malformed::Value { what, offset: offset + at, value };
    if let Some(kind) = head.first().filter(|it| !(CHANGE_CIPHER_SPEC..=HEARTBEAT).contains(it)) {
        return Err(odd("record type", 0, u64::from(*kind)));
    }
    if let Some(major) = head.get(1).filter(|major| **major != 3) {
        return Err(odd("record version", 1, u64::from(*major)));
    }
    let Some(&[kind, _, _, high, low]) = head.first_chunk() else { return Ok(None) };
    let len = usize::from(u16::from_be_bytes([high, low]));
    if len > MAX_RECORD {
        return Err(odd("record length", 3, len as u64));
    }
    reader.take(RECORD_HEAD, "record head")?;
    let body = reader.take(len.min(reader.rest().len()), "record")?;
    Ok(Some(Record { kind, body, is_whole: body.len() == len }))
}

fn alert(body: &[u8]) -> Alert {
    let &[level, description] = body.first_chunk().unwrap_or(&[0, 0]);
    Alert { is_fatal: level == 2, description }
}

/// True for one whole hello: what is encrypted is hardly ever.
fn is_hello(body: &[u8]) -> bool {
    matches!(body, [_, 0, high, low, 3, 3, ..] if body.len() == HANDSHAKE_HEAD + usize::from(u16::from_be_bytes([*high, *low])))
}

/// A `ServerHello` (RFC 8446 §4.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerHello<'a> {
    /// Version field; 0x0303 since TLS 1.2.
    pub legacy_version: u16,
    /// 32 bytes.
    pub random: &'a [u8],
    /// Up to 32 bytes.
    pub session_id: &'a [u8],
    /// The cipher suite that the server chose.
    pub cipher_suite: u16,
    extensions: Reader<'a>,
}

impl<'a> ServerHello<'a> {
    /// Reads a handshake message: four bytes of type and length, and the hello.
    ///
    /// # Errors
    /// Another message, or a length that leads outside.
    pub fn parse(message: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = body_of(message, kind::SERVER_HELLO)?;
        let legacy_version = reader.u16("legacy version")?;
        let random = reader.take(32, "random")?;
        let len = reader.u8("session id length")?;
        let session_id = reader.take(len.into(), "session id")?;
        let cipher_suite = reader.u16("cipher suite")?;
        reader.u8("compression method")?;
        let extensions = if reader.is_empty() {
            reader
        } else {
            let len = reader.u16("extensions length")?;
            reader.part(len.into(), "extensions")?
        };
        Ok(Self { legacy_version, random, session_id, cipher_suite, extensions })
    }

    /// The version that the server chose: 0x0304 for TLS 1.3.
    pub fn version(&self) -> u16 {
        let chosen = self.extension(extension::SUPPORTED_VERSIONS);
        chosen.and_then(|chosen| crate::read::be16(chosen.body, 0)).unwrap_or(self.legacy_version)
    }

    /// True if the server asks for another hello (RFC 8446 §4.1.3).
    pub fn is_retry(&self) -> bool {
        self.random == RETRY
    }

    /// The application's protocol, where the server says it in the clear: up to TLS 1.2.
    pub fn alpn(&self) -> Option<&'a [u8]> {
        let mut reader = Reader::new(self.extension(extension::ALPN)?.body);
        reader.u16("list length").ok()?;
        let len = reader.u8("protocol length").ok()?;
        reader.take(len.into(), "protocol").ok()
    }

    /// Extensions, in order. An error is the last item.
    pub fn extensions(&self) -> Extensions<'a> {
        Extensions::new(self.extensions)
    }

    /// The first extension of a type, as far as the list can be read.
    pub fn extension(&self, kind: u16) -> Option<Extension<'a>> {
        self.extensions().flatten().find(|extension| extension.kind == kind)
    }
}

/// The certificates of a message of [`kind::CERTIFICATE`] up to TLS 1.2 (RFC 5246 §7.4.2), DER, the server's own first. An
/// error is the last item.
pub fn certificates(message: &[u8]) -> Certificates<'_> {
    let list = body_of(message, kind::CERTIFICATE).and_then(|mut reader| {
        let len = reader.u24("certificates length")?;
        reader.part(len as usize, "certificates")
    });
    Certificates { list: Some(list) }
}

/// The certificates of a message.
#[derive(Debug, Clone)]
pub struct Certificates<'a> {
    list: Option<Result<Reader<'a>, Malformed>>,
}

impl<'a> Iterator for Certificates<'a> {
    type Item = Result<&'a [u8], Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut reader = match self.list.take()? {
            Ok(reader) if reader.is_empty() => return None,
            Ok(reader) => reader,
            Err(error) => return Some(Err(error)),
        };
        let len = reader.u24("certificate length");
        let read = len.and_then(|len| reader.take(len as usize, "certificate"));
        if read.is_ok() {
            self.list = Some(Ok(reader));
        }
        Some(read)
    }
}

/// The body of a handshake message of a type.
fn body_of(message: &[u8], wanted: u8) -> Result<Reader<'_>, Malformed> {
    let mut reader = Reader::new(message);
    let kind = reader.u8("handshake type")?;
    if kind != wanted {
        return Err(Malformed::Value { what: "handshake type", offset: 0, value: kind.into() });
    }
    let len = reader.u24("handshake length")? as usize;
    reader.part(len, "handshake message")
}

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const HEARTBEAT: u8 = 24;
const RECORD_HEAD: usize = 5;
const HANDSHAKE_HEAD: usize = 4;
/// RFC 5246 §6.2.3.
const MAX_RECORD: usize = (1 << 14) + 2048;
/// SHA-256 of "HelloRetryRequest".
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::quic::tests::hex;

    /// The `ServerHello` of RFC 8448 §3, a handshake of TLS 1.3.
    const PUBLISHED: &str = "020000560303a6af06a4121860dc5e6e60249cd34c95930c8ac5cb1434dac155772ed3e269280\
        0130100002e00330024001d0020c9828876112095fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f\
        002b00020304";

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let [_, a, b, c] = (body.len() as u32).to_be_bytes();
        [&[kind, a, b, c], body].concat()
    }

    fn hello(extensions: &[u8]) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0, 0xc0, 0x2f, 0]);
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
        message(kind::SERVER_HELLO, &body)
    }

    fn record_of(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind, 3, 3], &(body.len() as u16).to_be_bytes()[..], body].concat()
    }

    fn chain() -> Vec<u8> {
        message(kind::CERTIFICATE, &[0, 0, 9, 0, 0, 2, b'a', b'b', 0, 0, 1, b'c'])
    }

    #[test]
    fn the_published_hello_is_read() {
        let message = hex(PUBLISHED);
        let hello = ServerHello::parse(&message).unwrap();
        assert_eq!((hello.legacy_version, hello.version()), (0x0303, 0x0304));
        assert_eq!((hello.cipher_suite, hello.session_id, hello.alpn()), (0x1301, &[][..], None));
        assert!(!hello.is_retry());
        let kinds: Vec<u16> = hello.extensions().map(|it| it.unwrap().kind).collect();
        assert_eq!(kinds, [51, 43]);
        for len in 0..message.len() {
            let error = ServerHello::parse(&message[..len]).unwrap_err();
            assert!(error.is_short() && error.offset() <= len, "{error}");
        }
    }

    #[test]
    fn a_flight_of_tls_1_2_whatever_its_records() {
        let flight =
            [hello(&[0, 16, 0, 5, 0, 3, 2, b'h', b'2']), chain(), message(14, &[])].concat();
        for size in [1000, 60, 5, 1] {
            let mut stream: Vec<u8> =
                flight.chunks(size).flat_map(|part| record_of(HANDSHAKE, part)).collect();
            let end = stream.len();
            stream.extend(record_of(CHANGE_CIPHER_SPEC, &[1]));
            stream.extend(record_of(HANDSHAKE, &[9; 40]));
            stream.extend(record_of(ALERT, &[9; 24]));
            let found: Vec<Item> = messages(&stream).map(Result::unwrap).collect();
            let [Item::Message { bytes: first, .. }, Item::Message { bytes: second, .. }, ..] =
                &found[..]
            else {
                panic!("{found:?}")
            };
            let hello = ServerHello::parse(first).unwrap();
            assert_eq!((hello.version(), hello.alpn()), (0x0303, Some(&b"h2"[..])));
            let chain: Vec<_> = certificates(second).map(Result::unwrap).collect();
            assert_eq!(chain, [&b"ab"[..], b"c"]);
            let rest = [
                Item::Message { kind: 14, bytes: Cow::Borrowed(&[14, 0, 0, 0]) },
                Item::Encrypted { kind: HANDSHAKE, len: 40 },
                Item::Encrypted { kind: ALERT, len: 24 },
            ];
            assert_eq!(found[2..], rest);
            // Cut in the last message: those before it are there.
            assert_eq!(messages(&stream[..end - 1]).count(), 2, "{size}");
        }
    }

    #[test]
    fn a_retry_of_tls_1_3() {
        let mut retry = hex(PUBLISHED);
        retry[6..38].copy_from_slice(&RETRY);
        let stream = [
            record_of(HANDSHAKE, &retry),
            record_of(CHANGE_CIPHER_SPEC, &[1]),
            record_of(HANDSHAKE, &hex(PUBLISHED)),
            record_of(23, &[5; 99]),
        ]
        .concat();
        let found: Vec<Item> = messages(&stream).map(Result::unwrap).collect();
        let retries: Vec<bool> = found
            .iter()
            .filter_map(|item| match item {
                Item::Message { bytes, .. } => Some(ServerHello::parse(bytes).unwrap().is_retry()),
                _ => None,
            })
            .collect();
        assert_eq!((found.len(), retries), (3, vec![true, false]));
    }

    #[test]
    fn alerts_and_what_is_no_record() {
        let stream = [record_of(ALERT, &[2, 112]), b"HTTP/1.1 400".to_vec()].concat();
        let found: Vec<_> = messages(&stream).collect();
        assert_eq!(found[0], Ok(Item::Alert(Alert { is_fatal: true, description: 112 })));
        assert_eq!(found[1].as_ref().map_err(Malformed::offset), Err(7));
        assert_eq!(found.len(), 2);
        let long = record_of(HANDSHAKE, &[11, 255, 255, 255]);
        assert!(messages(&long).last().unwrap().is_err());
        assert!(messages(&[22, 3, 3, 0xff, 0xff]).last().unwrap().is_err());
        assert_eq!(messages(&[]).count(), 0);
    }

    #[test]
    fn lists_of_certificates_cut_short() {
        let whole = chain();
        for len in 0..whole.len() {
            let found: Vec<_> = certificates(&whole[..len]).collect();
            assert!(found.last().unwrap().as_ref().is_err_and(|error| error.is_short()), "{len}");
        }
        // A certificate that is longer than the list.
        let odd = message(kind::CERTIFICATE, &[0, 0, 5, 0, 0, 3, 1, 2]);
        let found: Vec<_> = certificates(&odd).collect();
        assert_eq!((found.len(), found[0].is_err()), (1, true));
    }
}
