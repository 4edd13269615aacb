//! What the greetings of TLS tell: names, versions, certificates.

use wirewitness_wire::app::tls::ClientHello;
use wirewitness_wire::app::tls_server::{Item, ServerHello, certificates, kind, messages};
use wirewitness_wire::app::x509::Certificate;

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
    let mut named = None;
    for item in messages(stream) {
        match item {
            Ok(Item::Message { kind: kind::SERVER_HELLO, bytes }) => {
                let hello = ServerHello::parse(&bytes).ok();
                if let Some(word) = hello.and_then(|it| old(it.version())) {
                    scribe.read(Reading::TlsOld, Value::Word(word));
                }
            }
            Ok(Item::Message { kind: kind::CERTIFICATE, bytes }) => {
                named = Some(certificate(scribe, &bytes));
            }
            // A warning may come before the hello.
            Ok(Item::Message { .. } | Item::Alert(_)) => {}
            Ok(Item::Encrypted { .. }) | Err(_) => break,
        }
    }
    named
}

/// The name of a version that is old.
fn old(version: u16) -> Option<&'static str> {
    match version {
        0x0300 => Some("SSL 3.0"),
        0x0301 => Some("TLS 1.0"),
        0x0302 => Some("TLS 1.1"),
        _ => None,
    }
}

/// Names of the first certificate of a message.
fn certificate(scribe: &mut Scribe<'_>, message: &[u8]) -> bool {
    let first = certificates(message).next().and_then(Result::ok).and_then(Certificate::read);
    let mut any = false;
    for name in first.iter().flat_map(Certificate::dns_names).take(3) {
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

const SESSION_TICKET: u16 = 35;
/// Outer names that a true ECH has (general public knowledge); GREASE has the true name outside.
const PUBLIC_NAMES: [&str; 1] = ["cloudflare-ech.com"];

#[cfg(test)]
mod tests {
    use super::super::ledger::{Ledger, Note, Pen};
    use super::super::mask::{Mask, Values};
    use super::super::tables::Tables;
    use super::*;

    /// A record of handshake messages, each of a type.
    fn record(messages: &[(u8, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (kind, message) in messages {
            body.extend([*kind, 0, 0, message.len() as u8]);
            body.extend(*message);
        }
        [&[22, 3, 3, 0, body.len() as u8][..], &body].concat()
    }

    /// A hello of a version, or with that of the extension.
    fn hello(version: u16, chosen: Option<u16>) -> Vec<u8> {
        let mut body = version.to_be_bytes().to_vec();
        body.extend([0; 32 + 1 + 2 + 1]);
        if let Some(chosen) = chosen {
            body.extend([0, 6, 0, 43, 0, 2]);
            body.extend(chosen.to_be_bytes());
        }
        body
    }

    /// How often an old version and a certificate were told, and whether that named the server.
    fn told(stream: &[u8]) -> (u64, u64, Option<bool>) {
        let pen = Pen { mask: Mask::new(&[7; 32], Values::Shown), tables: Tables::shipped() };
        let mut ledger = Ledger::default();
        let note = Note { at_ns: 5, app: None };
        let named = server(&mut Scribe { pen: &pen, ledger: &mut ledger, note }, stream);
        let count = |reading| ledger.entries.get(&reading).map_or(0, |it| it.span.count);
        (count(Reading::TlsOld), count(Reading::Certificate), named)
    }

    #[test]
    fn versions_and_certificates_and_their_truncations() {
        let nameless = [0, 0, 7, 0, 0, 4, 9, 9, 9, 9];
        let warning = [21, 3, 1, 0, 2, 1, 112];
        let (old, new) = (hello(0x0301, None), hello(0x0303, Some(0x0304)));
        let stream = [&warning[..], &record(&[(2, &old), (11, &nameless)])].concat();
        assert_eq!(told(&stream), (1, 1, Some(false)));
        assert_eq!(told(&record(&[(2, &new)])), (0, 0, None));
        assert_eq!(told(&record(&[(2, &hello(0x0303, Some(0x0302)))])), (1, 0, None));
        for len in 0..stream.len() {
            let (old, certificates, named) = told(&stream[..len]);
            assert_eq!(old, u64::from(len >= warning.len() + 5 + 42), "{len}");
            assert_eq!((certificates, named), (0, None), "{len}");
        }
    }
}
