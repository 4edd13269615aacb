//! What the greetings of TLS tell: names, versions, certificates.

use wirewitness_wire::app::tls::{ClientHello, extension};
use wirewitness_wire::read::Reader;

use super::channel::Reading;
use super::ledger::{How, Value};
use super::scribe::Scribe;

/// Reads a client's hello. Says whether a name is readable.
pub(super) fn hello(scribe: &mut Scribe<'_>, hello: &ClientHello<'_>, how: How) -> bool {
    scribe.ledger.sums.hellos += 1;
    let name = hello.server_name().unwrap_or_default();
    let is_quic = how == How::Quic;
    if hello.has_encrypted_hello() {
        scribe.ledger.sums.hellos_hidden += 1;
        if PUBLIC_NAMES.iter().any(|it| name == it.as_bytes()) {
            scribe.ledger.sums.hellos_surely_hidden += 1;
        }
        let reading = if is_quic { Reading::QuicHidden } else { Reading::TlsHidden };
        scribe.read(reading, Value::Own(&String::from_utf8_lossy(name)));
    }
    // In QUIC and TLS 1.3 a ticket is sent once; older ones are readable and come again.
    let ticket = hello.extension(SESSION_TICKET).is_some_and(|it| !it.body.is_empty());
    if ticket {
        scribe.read(Reading::TlsResumed, Value::None);
    }
    if !scribe.name(name, how) {
        return false;
    }
    let reading = if is_quic { Reading::QuicName } else { Reading::TlsName };
    scribe.read(reading, Value::Own(&String::from_utf8_lossy(name)));
    true
}

/// True if the hello offers DNS itself as its application (RFC 7858, RFC 9250).
pub(super) fn offers_dns(hello: &ClientHello<'_>) -> bool {
    hello.alpn().any(|it| matches!(it, b"dot" | b"doq"))
}

/// Reads what the server says before encryption begins: version, and up to TLS 1.2 its certificate. Says whether that names it;
/// none without one.
pub(super) fn server(scribe: &mut Scribe<'_>, stream: &[u8]) -> Option<bool> {
    let messages = handshake(stream);
    let mut reader = Reader::new(&messages);
    let mut named = None;
    for _ in 0..8 {
        let (Ok(kind), Ok(len)) = (reader.u8("type"), reader.u24("length")) else { break };
        let Ok(body) = reader.take(len as usize, "message") else { break };
        match kind {
            SERVER_HELLO => {
                if let Some(old @ (0x0300..=0x0302)) = version(body) {
                    let words = ["SSL 3.0", "TLS 1.0", "TLS 1.1"];
                    let word = words.get(usize::from(old - 0x0300)).copied().unwrap_or_default();
                    scribe.read(Reading::TlsOld, Value::Word(word));
                }
            }
            CERTIFICATE => named = Some(certificate(scribe, body)),
            _ => {}
        }
    }
    named
}

/// Bodies of the handshake records at the beginning, joined.
fn handshake(stream: &[u8]) -> Vec<u8> {
    let (mut reader, mut joined) = (Reader::new(stream), Vec::new());
    while let (Ok(22), Ok(_), Ok(len)) =
        (reader.u8("type"), reader.u16("version"), reader.u16("length"))
    {
        let whole = reader.rest().len() >= usize::from(len);
        let Ok(body) = reader.take(usize::from(len).min(reader.rest().len()), "record") else {
            break;
        };
        joined.extend_from_slice(body);
        if !whole {
            break;
        }
    }
    joined
}

/// The version chosen: that of the extension where there is one.
fn version(body: &[u8]) -> Option<u16> {
    let mut reader = Reader::new(body);
    let legacy = reader.u16("version").ok()?;
    reader.take(32, "random").ok()?;
    let len = reader.u8("session id length").ok()?;
    reader.take(len.into(), "session id").ok()?;
    reader.take(3, "cipher suite and compression").ok()?;
    if reader.u16("extensions length").is_err() {
        return Some(legacy);
    }
    while let (Ok(kind), Ok(len)) = (reader.u16("extension"), reader.u16("length")) {
        let Ok(body) = reader.take(len.into(), "extension") else { break };
        if kind == extension::SUPPORTED_VERSIONS {
            return Reader::new(body).u16("version").ok();
        }
    }
    Some(legacy)
}

/// Names of the first certificate (subjectAltName, RFC 5280 §4.2.1.6), as far as it was seen.
fn certificate(scribe: &mut Scribe<'_>, body: &[u8]) -> bool {
    let mut reader = Reader::new(body);
    let read = reader.take(3, "list length").and_then(|_| reader.u24("length"));
    let Ok(first) = read.and_then(|len| reader.take(len as usize, "certificate")) else {
        return false;
    };
    let names = alternative_names(first);
    let mut any = false;
    for name in names.iter().take(3) {
        if scribe.name(name, How::Certificate) {
            any = true;
            scribe.read(Reading::Certificate, Value::Own(&String::from_utf8_lossy(name)));
        }
    }
    if !any {
        scribe.read(Reading::Certificate, Value::None);
    }
    any
}

/// The names in DER: after the extension's identifier, elements with tag 0x82.
fn alternative_names(der: &[u8]) -> Vec<Vec<u8>> {
    let Some(at) = der.windows(5).position(|part| part == [6, 3, 0x55, 0x1d, 0x11]) else {
        return Vec::new();
    };
    let mut reader = Reader::at(der, at + 5);
    if reader.rest().first() == Some(&1) {
        let _ = reader.take(3, "critical");
    }
    let mut names = Vec::new();
    for tag in [4, 0x30] {
        if reader.u8("tag") != Ok(tag) || length(&mut reader).is_none() {
            return names;
        }
    }
    while let Ok(tag @ 0x80..=0x88) = reader.u8("tag") {
        let Some(value) = length(&mut reader).and_then(|len| reader.take(len, "name").ok()) else {
            break;
        };
        if tag == 0x82 && names.len() < 100 {
            names.push(value.to_vec());
        }
    }
    names
}

fn length(reader: &mut Reader<'_>) -> Option<usize> {
    match reader.u8("length").ok()? {
        0x81 => reader.u8("length").ok().map(usize::from),
        0x82 => reader.u16("length").ok().map(usize::from),
        short @ 0..=0x7f => Some(short.into()),
        _ => None,
    }
}

const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
const SESSION_TICKET: u16 = 35;
/// Outer names that a true ECH has (general public knowledge); GREASE has the true name outside.
const PUBLIC_NAMES: [&str; 1] = ["cloudflare-ech.com"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_a_certificate_and_its_truncations() {
        let names =
            [&[0x82, 5][..], b"a.net", &[0x87, 4, 1, 2, 3, 4, 0x82, 7], b"*.b.net"].concat();
        let len = names.len() as u8;
        let der = [&[9, 9, 6, 3, 0x55, 0x1d, 0x11, 4, len + 2, 0x30, len][..], &names].concat();
        assert_eq!(alternative_names(&der), [b"a.net".to_vec(), b"*.b.net".to_vec()]);
        for cut in 0..der.len() {
            assert!(alternative_names(&der[..cut]).len() <= 1);
        }
    }

    #[test]
    fn versions() {
        let mut body = vec![3, 1];
        body.extend([0; 32]);
        body.extend([0, 0, 47, 0]);
        assert_eq!(version(&body), Some(0x0301));
        body[1] = 3;
        body.extend([0, 6, 0, 43, 0, 2, 3, 4]);
        assert_eq!(version(&body), Some(0x0304));
        for cut in 0..body.len() {
            let _ = version(&body[..cut]);
        }
    }
}
