//! SIP (RFC 3261): the first line and the header fields of a message, and the session description (RFC 8866) it carries.

use crate::read::Malformed;

/// A SIP message, as far as it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// The method of a request; empty in a response.
    pub method: &'a [u8],
    /// The request's URI; empty in a response.
    pub uri: &'a [u8],
    fields: &'a [u8],
    /// What follows the empty line.
    pub body: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads a message from its first byte on.
    ///
    /// # Errors
    /// [`Malformed::Short`] before the first line has ended, [`Malformed::Value`] where that is not SIP's.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let have = bytes.len();
        let window = bytes.get(..have.min(MAX_LINE)).unwrap_or(bytes);
        let Some(end) = window.iter().position(|byte| *byte == b'\n') else {
            let could_be = bytes.iter().all(|byte| (0x20..0x7f).contains(byte) || *byte == b'\r');
            return Err(if could_be && have < MAX_LINE {
                Malformed::Short { what: "first line", offset: 0, need: have + 1, have }
            } else {
                Malformed::Value { what: "first line", offset: 0, value: have as u64 }
            });
        };
        let (line, rest) = bytes.split_at_checked(end + 1).unwrap_or((bytes, &[]));
        let line = line.trim_ascii_end();
        let (method, uri) = if line.starts_with(b"SIP/2.0 ") {
            (&[][..], &[][..])
        } else {
            request_line(line).ok_or(Malformed::Value {
                what: "first line",
                offset: 0,
                value: 0,
            })?
        };
        let head = head_len(rest);
        let (fields, body) = rest.split_at_checked(head).unwrap_or((rest, &[]));
        Ok(Self { method, uri, fields, body })
    }

    /// Header fields, in order, in their long names where a short form is known (RFC 3261 §7.3.3).
    pub fn fields(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + 'a {
        self.fields.split(|byte| *byte == b'\n').filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let (name, value) = line.split_at_checked(colon)?;
            Some((long_name(name.trim_ascii()), value.get(1..)?.trim_ascii()))
        })
    }

    /// The first field of a name, whatever its case.
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        let right = |(it, _): &(&[u8], &[u8])| it.eq_ignore_ascii_case(name.as_bytes());
        self.fields().find(right).map(|(_, value)| value)
    }

    /// The session description, where the body is one.
    pub fn session(&self) -> Option<Session<'a>> {
        Session::parse(self.body)
    }
}

/// The user part of a SIP, SIPS or tel URI, in a field or alone: a number or a name.
pub fn user(value: &[u8]) -> Option<&[u8]> {
    let scheme = value.iter().position(|byte| *byte == b':')?;
    let head = value.get(..scheme)?;
    let known = [&b"sip"[..], b"sips", b"tel"];
    if !known.iter().any(|it| head.to_ascii_lowercase().ends_with(it)) {
        return None;
    }
    let rest = value.get(scheme + 1..)?;
    let end = rest.iter().position(|byte| b"@;>? \t\"".contains(byte)).unwrap_or(rest.len());
    rest.get(..end).filter(|user| !user.is_empty())
}

fn request_line(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.strip_suffix(b" SIP/2.0")?;
    let space = line.iter().position(|byte| *byte == b' ')?;
    let (method, uri) = line.split_at_checked(space)?;
    let is_method = !method.is_empty() && method.iter().all(u8::is_ascii_uppercase);
    is_method.then_some((method, uri.trim_ascii()))
}

/// Up to and with the empty line.
fn head_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        if matches!(line, b"\r\n" | b"\n") {
            break;
        }
    }
    at
}

fn long_name(name: &[u8]) -> &[u8] {
    match name {
        b"f" => b"from",
        b"t" => b"to",
        b"m" => b"contact",
        b"i" => b"call-id",
        b"s" => b"subject",
        other => other,
    }
}

/// A session description: lines of one letter, `=` and a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session<'a> {
    bytes: &'a [u8],
}

/// One medium of a session (RFC 8866 §5.14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Media<'a> {
    /// `audio`, `video` and others.
    pub kind: &'a [u8],
    /// Port; 0 for a medium that is refused.
    pub port: u16,
    /// `RTP/AVP` in the clear, `RTP/SAVP` and `UDP/TLS/RTP/SAVPF` encrypted.
    pub protocol: &'a [u8],
}

impl<'a> Session<'a> {
    /// A description begins with its version.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        bytes.starts_with(b"v=0").then_some(Self { bytes })
    }

    /// Lines, in order: the letter, and the value.
    pub fn lines(&self) -> impl Iterator<Item = (u8, &'a [u8])> + 'a {
        self.bytes.split(|byte| *byte == b'\n').filter_map(|line| match line.trim_ascii_end() {
            [letter, b'=', value @ ..] => Some((*letter, value)),
            _ => None,
        })
    }

    /// The media.
    pub fn media(&self) -> impl Iterator<Item = Media<'a>> + 'a {
        self.lines().filter(|(letter, _)| *letter == b'm').filter_map(|(_, value)| {
            let mut words = value.split(|byte| *byte == b' ');
            let kind = words.next()?;
            let port = words.next()?.split(|byte| *byte == b'/').next()?;
            let port = std::str::from_utf8(port).ok()?.parse().ok()?;
            Some(Media { kind, port, protocol: words.next()? })
        })
    }

    /// True if it carries the key of its own media (`a=crypto`, RFC 4568): whoever reads it can decrypt them.
    pub fn has_key(&self) -> bool {
        self.lines().any(|(letter, value)| letter == b'a' && value.starts_with(b"crypto:"))
    }

    /// Number of ICE candidates (RFC 8839 §5.1): addresses at which the caller can be reached.
    pub fn candidates(&self) -> usize {
        let is_one =
            |(letter, value): &(u8, &[u8])| *letter == b'a' && value.starts_with(b"candidate:");
        self.lines().filter(is_one).count()
    }
}

const MAX_LINE: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    const INVITE: &[u8] = b"INVITE sip:bob@example.net SIP/2.0\r\nf: \"Alice\" <sip:+15550100@example.net>;tag=1\r\n\
        To: <tel:+15550101>\r\nCall-ID: 7\r\nContent-Type: application/sdp\r\n\r\n\
        v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA\r\n\
        a=candidate:1 1 UDP 1 192.0.2.1 4000 typ host\r\nm=video 0/2 RTP/SAVP 96\r\n";

    #[test]
    fn a_call_is_read() {
        let message = Message::parse(INVITE).unwrap();
        assert_eq!((message.method, message.uri), (&b"INVITE"[..], &b"sip:bob@example.net"[..]));
        assert_eq!(message.field("From").and_then(user), Some(&b"+15550100"[..]));
        assert_eq!(message.field("to").and_then(user), Some(&b"+15550101"[..]));
        assert_eq!(user(message.uri), Some(&b"bob"[..]));
        let session = message.session().unwrap();
        let media: Vec<Media<'_>> = session.media().collect();
        assert_eq!((media[0].port, media[0].protocol), (4000, &b"RTP/AVP"[..]));
        assert_eq!((media[1].port, media[1].kind), (0, &b"video"[..]));
        assert!(session.has_key());
        assert_eq!(session.candidates(), 1);
        let answer = Message::parse(b"SIP/2.0 200 OK\r\nFrom: <sip:a@b>\r\n\r\n").unwrap();
        assert_eq!(
            (answer.method, answer.field("from").and_then(user)),
            (&b""[..], Some(&b"a"[..]))
        );
    }

    #[test]
    fn cut_and_odd() {
        for len in 0..INVITE.len() {
            match Message::parse(&INVITE[..len]) {
                Err(error) => assert!(error.is_short() && len < 36, "{len}"),
                Ok(message) => {
                    let _ = message.session().map(|it| it.media().count());
                    assert!(message.fields().count() <= 4);
                }
            }
        }
        for other in [&b"GET / HTTP/1.1\r\n"[..], b"\x16\x03\x01\n", b"SIP/2.0\n", b"\xff"] {
            assert!(Message::parse(other).is_err_and(|error| !error.is_short()));
        }
        assert_eq!((user(b"http://x"), user(b"sip:"), user(b"")), (None, None, None));
    }
}
