//! Where a connection's first message says its name: the SNI of a TLS `ClientHello`, the Host of an HTTP request.
//!
//! Both readers take what has come so far, are total, and look at no more than [`LIMIT`] bytes.

use wirewitness_wire::read::be16;

/// What a reader found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The name.
    Name(String),
    /// The message is whole and has no name.
    Nameless,
    /// It may be such a message; more bytes are needed.
    More,
    /// It is no such message.
    Not,
}

/// Reads the SNI of a TLS `ClientHello` (RFC 8446 §4.1.2, RFC 6066 §3), also one that is spread over TLS records.
pub fn server_name(stream: &[u8]) -> Found {
    match handshake(stream) {
        Ok(message) => client_hello_name(&message).unwrap_or(Found::Not),
        Err(found) => found,
    }
}

/// The body of the first handshake message, out of its records.
fn handshake(stream: &[u8]) -> Result<Vec<u8>, Found> {
    let mut message = Vec::new();
    let mut rest = stream.get(..stream.len().min(LIMIT)).unwrap_or_default();
    loop {
        match rest {
            [HANDSHAKE, 3, _, high, low, after @ ..] => {
                let len = usize::from(u16::from_be_bytes([*high, *low]));
                let body = after.get(..after.len().min(len)).unwrap_or_default();
                message.extend_from_slice(body);
                if let Some(whole) = whole_message(&message)? {
                    return Ok(whole);
                }
                if body.len() < len || len == 0 {
                    return Err(if stream.len() < LIMIT { Found::More } else { Found::Not });
                }
                rest = after.get(len..).unwrap_or_default();
            }
            [] | [HANDSHAKE] | [HANDSHAKE, 3] | [HANDSHAKE, 3, _] | [HANDSHAKE, 3, _, _] => {
                return Err(Found::More);
            }
            _ => return Err(Found::Not),
        }
    }
}

fn whole_message(bytes: &[u8]) -> Result<Option<Vec<u8>>, Found> {
    match bytes {
        [CLIENT_HELLO, a, b, c, body @ ..] => {
            let len = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
            Ok(body.get(..len).map(<[u8]>::to_vec))
        }
        [CLIENT_HELLO, ..] | [] => Ok(None),
        _ => Err(Found::Not),
    }
}

/// None where a length leads outside.
fn client_hello_name(hello: &[u8]) -> Option<Found> {
    // Version and random come first; then three lists, each with its length.
    let mut rest = hello.get(34..)?;
    let session_id = usize::from(*rest.first()?);
    rest = rest.get(1 + session_id..)?;
    let cipher_suites = usize::from(be16(rest, 0)?);
    rest = rest.get(2 + cipher_suites..)?;
    let compression = usize::from(*rest.first()?);
    rest = rest.get(1 + compression..)?;
    if rest.is_empty() {
        return Some(Found::Nameless);
    }
    let mut extensions = rest.get(2..2 + usize::from(be16(rest, 0)?))?;
    while !extensions.is_empty() {
        let len = usize::from(be16(extensions, 2)?);
        let body = extensions.get(4..4 + len)?;
        if be16(extensions, 0)? == SERVER_NAME {
            return host_name(body);
        }
        extensions = extensions.get(4 + len..)?;
    }
    Some(Found::Nameless)
}

fn host_name(list: &[u8]) -> Option<Found> {
    let len = usize::from(be16(list, 3)?);
    if *list.get(2)? != 0 {
        return Some(Found::Nameless);
    }
    let name = list.get(5..5 + len)?;
    Some(Found::Name(String::from_utf8_lossy(name).to_ascii_lowercase()))
}

/// Reads the Host of an HTTP/1 request (RFC 9112 §3.2), without its port.
pub fn http_host(stream: &[u8]) -> Found {
    let head = stream.get(..stream.len().min(LIMIT)).unwrap_or_default();
    let method_len = head.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    match head.get(method_len) {
        Some(b' ') if method_len > 0 => {}
        None if method_len <= MAX_METHOD => return Found::More,
        _ => return Found::Not,
    }
    let mut lines = head.split_inclusive(|byte| *byte == b'\n').skip(1);
    loop {
        match lines.next() {
            Some(line) if !line.ends_with(b"\n") => break,
            Some(b"\r\n" | b"\n") => return Found::Nameless,
            Some(line) => {
                if let Some(name) = host_of_line(line) {
                    return Found::Name(name);
                }
            }
            None => break,
        }
    }
    if stream.len() < LIMIT { Found::More } else { Found::Not }
}

fn host_of_line(line: &[u8]) -> Option<String> {
    let (field, value) = line.split_at_checked(5)?;
    if !field.eq_ignore_ascii_case(b"host:") {
        return None;
    }
    let value = String::from_utf8_lossy(value);
    let value = value.trim().to_ascii_lowercase();
    // A port, unless the colon belongs to an IPv6 address.
    let port = value.rfind(':').filter(|at| !value.get(*at..).unwrap_or_default().contains(']'));
    Some(value.get(..port.unwrap_or(value.len())).unwrap_or_default().to_owned())
}

/// More than any browser sends.
pub const LIMIT: usize = 16 * 1024;
const MAX_METHOD: usize = 16;
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;

#[cfg(test)]
mod tests {
    use super::*;

    /// A hello with a session id, one extension before the name, and one after.
    fn hello(name: Option<&str>) -> Vec<u8> {
        let mut extensions = vec![0, 23, 0, 0];
        if let Some(name) = name {
            let len = name.len() as u16;
            extensions.extend([0, 0]);
            extensions.extend((len + 5).to_be_bytes());
            extensions.extend((len + 3).to_be_bytes());
            extensions.push(0);
            extensions.extend(len.to_be_bytes());
            extensions.extend(name.as_bytes());
        }
        extensions.extend([0, 43, 0, 1, 0]);
        let mut body = vec![3; 34];
        body.extend([2, 7, 7, 0, 4, 0x13, 1, 0x13, 2, 1, 0]);
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
        let mut message = vec![CLIENT_HELLO];
        message.extend(&(body.len() as u32).to_be_bytes()[1..]);
        message.extend(body);
        message
    }

    fn records(message: &[u8], size: usize) -> Vec<u8> {
        let record = |part: &[u8]| {
            let len = (part.len() as u16).to_be_bytes();
            [&[HANDSHAKE, 3, 1], &len[..], part].concat()
        };
        message.chunks(size).flat_map(record).collect()
    }

    #[test]
    fn the_name_is_found_in_one_record_and_in_many() {
        let message = hello(Some("Blocked.example"));
        for size in [1000, 64, 7, 1] {
            let stream = records(&message, size);
            assert_eq!(server_name(&stream), Found::Name("blocked.example".to_owned()));
            for len in 0..stream.len() {
                assert_eq!(server_name(&stream[..len]), Found::More, "{len}");
            }
        }
        assert_eq!(server_name(&records(&hello(None), 1000)), Found::Nameless);
    }

    #[test]
    fn what_is_not_tls() {
        for bytes in [&b"GET / HTTP/1.1\r\n"[..], &[22, 2, 0, 0, 1], &[22, 3, 1, 0, 1, 2]] {
            assert_eq!(server_name(bytes), Found::Not);
        }
    }

    #[test]
    fn flipping_any_byte_never_panics() {
        let stream = records(&hello(Some("a.example")), 40);
        for at in 0..stream.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut odd = stream.clone();
                odd[at] = value;
                let _ = server_name(&odd);
            }
        }
    }

    #[test]
    fn the_host_is_found_wherever_it_stands() {
        for (request, found) in [
            ("GET / HTTP/1.1\r\nHost: A.example\r\n\r\n", Found::Name("a.example".to_owned())),
            ("GET / HTTP/1.1\r\nX: y\r\nhOsT:a:80\r\n", Found::Name("a".to_owned())),
            ("GET / HTTP/1.1\r\nHost: [::1]\r\n", Found::Name("[::1]".to_owned())),
            ("GET / HTTP/1.1\r\nX: host: no\r\n\r\nHost: no\r\n", Found::Nameless),
            ("GET / HTTP/1.1\r\nHost: a.exam", Found::More),
            ("GE", Found::More),
            ("", Found::More),
            ("\u{16}\u{3}", Found::Not),
            ("get / HTTP/1.1\r\n", Found::Not),
        ] {
            assert_eq!(http_host(request.as_bytes()), found, "{request:?}");
        }
    }

    #[test]
    fn endless_messages_are_given_up() {
        let endless = [b"GET / HTTP/1.1\r\n".to_vec(), vec![b'x'; 2 * LIMIT]].concat();
        assert_eq!(http_host(&endless), Found::Not);
        let endless =
            records(&[vec![CLIENT_HELLO, 255, 255, 255], vec![0; 2 * LIMIT]].concat(), 99);
        assert_eq!(server_name(&endless), Found::Not);
    }
}
