//! Where a connection's first message says its name: the SNI of a TLS `ClientHello`, the Host of an HTTP request.
//!
//! Both readers take what has come so far, are total, and look at no more than [`LIMIT`] bytes. The messages themselves are
//! read by `wirewitness-wire`.

use wirewitness_wire::app::http::RequestHead;
use wirewitness_wire::app::tls::{ClientHello, handshake_message};
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

impl Found {
    /// The name in a hello, lower case.
    pub(super) fn of_hello(hello: &ClientHello<'_>) -> Self {
        hello.server_name().map_or(Self::Nameless, Self::name)
    }

    fn name(bytes: &[u8]) -> Self {
        Self::Name(String::from_utf8_lossy(bytes).to_ascii_lowercase())
    }
}

/// Reads the SNI of a TLS `ClientHello` (RFC 8446 §4.1.2, RFC 6066 §3), also one that is spread over TLS records.
pub fn server_name(stream: &[u8]) -> Found {
    match handshake_message(stream, LIMIT) {
        Ok(Some(message)) => {
            ClientHello::parse(&message).map_or(Found::Not, |hello| Found::of_hello(&hello))
        }
        Ok(None) => Found::More,
        Err(_) => Found::Not,
    }
}

/// As [`server_name`], of a hello that is in the first TLS record as a whole.
pub fn server_name_of_record(stream: &[u8]) -> Found {
    let record = be16(stream, 3).and_then(|len| stream.get(..RECORD_HEAD + usize::from(len)));
    match (server_name(record.unwrap_or(stream)), record) {
        // Nothing more can come to a record that is whole.
        (Found::More, Some(_)) => Found::Not,
        (found, _) => found,
    }
}

/// Reads the Host of an HTTP/1 request (RFC 9112 §3.2), without its port.
pub fn http_host(stream: &[u8]) -> Found {
    let start = stream.get(..stream.len().min(LIMIT)).unwrap_or_default();
    match RequestHead::parse(start) {
        Ok(head) => match (head.host(), head.end) {
            (Some(host), _) => Found::name(host),
            (None, Some(_)) => Found::Nameless,
            (None, None) if stream.len() < LIMIT => Found::More,
            (None, None) => Found::Not,
        },
        Err(error) if error.is_short() => Found::More,
        Err(_) => Found::Not,
    }
}

/// More than any browser sends.
pub const LIMIT: usize = 16 * 1024;
const RECORD_HEAD: usize = 5;

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const HANDSHAKE: u8 = 22;
    const CLIENT_HELLO: u8 = 1;

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

    /// A hello with a name, in records of `size` bytes.
    pub(in super::super) fn hello_in_records(size: usize) -> Vec<u8> {
        records(&hello(Some("a.example")), size)
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
    fn one_record_is_all_that_is_read() {
        let message = hello(Some("blocked.example"));
        let whole = records(&message, 1000);
        assert_eq!(server_name_of_record(&whole), Found::Name("blocked.example".to_owned()));
        for len in 0..whole.len() {
            assert_eq!(server_name_of_record(&whole[..len]), Found::More, "{len}");
        }
        let cut = records(&message, 64);
        assert_eq!(server_name_of_record(&cut[..30]), Found::More);
        assert_eq!(server_name_of_record(&cut), Found::Not);
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
