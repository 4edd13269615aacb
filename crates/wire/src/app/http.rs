//! HTTP/1: the head of a request (RFC 9112), as far as it has come.

use crate::read::Malformed;

/// The head of a request, in a stream that may go on or not have come to its end yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestHead<'a> {
    /// The method: upper-case letters.
    pub method: &'a [u8],
    /// What is between the method and the version, or the end of the line where that has none.
    pub target: &'a [u8],
    /// The version, as in `HTTP/1.1`; empty where the line has none, or has not ended.
    pub version: &'a [u8],
    fields: &'a [u8],
    /// Where the head ends in the stream, if it does.
    pub end: Option<usize>,
}

impl<'a> RequestHead<'a> {
    /// Reads the head at the start of a stream.
    ///
    /// # Errors
    /// [`Malformed::Short`] before the method has ended, [`Malformed::Value`] for what is no method.
    pub fn parse(stream: &'a [u8]) -> Result<Self, Malformed> {
        let len = stream.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
        match stream.get(len) {
            Some(b' ') if (1..=MAX_METHOD).contains(&len) => {}
            None if len <= MAX_METHOD => {
                let (what, offset) = ("method", 0);
                return Err(Malformed::Short { what, offset, need: len + 1, have: len });
            }
            odd => {
                let value = odd.copied().map_or(0, u64::from);
                return Err(Malformed::Value { what: "method", offset: len, value });
            }
        }
        let (method, rest) = stream.split_at_checked(len).unwrap_or((stream, &[]));
        let (line, fields, is_whole) = match rest.iter().position(|byte| *byte == b'\n') {
            Some(at) => {
                let (line, fields) = rest.split_at_checked(at + 1).unwrap_or((rest, &[]));
                (line, fields, true)
            }
            None => (rest, &[][..], false),
        };
        let line = line.trim_ascii();
        let (target, version) = match line.iter().rposition(|byte| *byte == b' ') {
            Some(at) if is_whole => line.split_at_checked(at).unwrap_or((line, &[])),
            _ => (line, &[][..]),
        };
        let fields_at = stream.len() - fields.len();
        let blank = if is_whole { blank_line(fields) } else { None };
        Ok(Self {
            method,
            target: target.trim_ascii(),
            version: version.trim_ascii(),
            fields: fields.get(..blank.map_or(fields.len(), |(at, _)| at)).unwrap_or_default(),
            end: blank.map(|(_, end)| fields_at + end),
        })
    }

    /// Header fields whose lines have ended, in order: name, and value without white space around it. A line without a
    /// colon is left out.
    pub fn fields(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + 'a {
        let lines = self.fields.split_inclusive(|byte| *byte == b'\n');
        lines.filter(|line| line.ends_with(b"\n")).filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let (name, value) = line.split_at_checked(colon)?;
            Some((name, value.get(1..)?.trim_ascii()))
        })
    }

    /// The first field of a name, whatever its case.
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        let right = |(it, _): &(&[u8], &[u8])| it.eq_ignore_ascii_case(name.as_bytes());
        self.fields().find(right).map(|(_, value)| value)
    }

    /// The Host (RFC 9112 §3.2), without its port.
    pub fn host(&self) -> Option<&'a [u8]> {
        let value = self.field("host")?;
        // A port, unless the colon belongs to an IPv6 address.
        let colon = value.iter().rposition(|byte| *byte == b':');
        let port = colon.filter(|at| !value.get(*at..).unwrap_or_default().contains(&b']'));
        value.get(..port.unwrap_or(value.len()))
    }
}

/// Where the empty line that ends a head begins, and where it ends.
fn blank_line(fields: &[u8]) -> Option<(usize, usize)> {
    let mut at = 0;
    for line in fields.split_inclusive(|byte| *byte == b'\n') {
        if matches!(line, b"\r\n" | b"\n") {
            return Some((at, at + line.len()));
        }
        at += line.len();
    }
    None
}

/// Longer than any method there is.
const MAX_METHOD: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_in_parts() {
        let stream = b"GET /a b HTTP/1.1\r\nHost: A.example:80\r\nX:y\r\nodd\r\n\r\nbody: no\r\n";
        let head = RequestHead::parse(stream).unwrap();
        assert_eq!((head.method, head.target), (&b"GET"[..], &b"/a b"[..]));
        assert_eq!((head.version, head.end), (&b"HTTP/1.1"[..], Some(stream.len() - 10)));
        let fields: Vec<_> = head.fields().collect();
        assert_eq!(fields, [(&b"Host"[..], &b"A.example:80"[..]), (b"X", b"y")]);
        assert_eq!(head.host(), Some(&b"A.example"[..]));
        // A field counts when its line has ended, the head when its empty line has.
        for len in 0..stream.len() {
            match RequestHead::parse(&stream[..len]) {
                Err(error) => assert!(len <= 3 && error.is_short()),
                Ok(head) => {
                    assert_eq!(head.host().is_some(), len >= 39, "{len}");
                    assert_eq!(head.end.is_some(), len >= stream.len() - 10, "{len}");
                }
            }
        }
    }

    #[test]
    fn hosts() {
        for (fields, host) in [
            ("hOsT:a:80\r\n", Some("a")),
            ("Host: [::1]\r\n", Some("[::1]")),
            ("Host: [::1]:8080\r\n", Some("[::1]")),
            ("Host:\r\n", Some("")),
            ("X: host: no\r\n\r\nHost: no\r\n", None),
            ("Host: a.exam", None),
        ] {
            let request = format!("GET / HTTP/1.1\r\n{fields}");
            let head = RequestHead::parse(request.as_bytes()).unwrap();
            assert_eq!(head.host(), host.map(str::as_bytes), "{fields:?}");
        }
    }

    #[test]
    fn what_is_no_request() {
        for stream in [&b"\x16\x03"[..], b" GET / HTTP/1.1", b"get / HTTP/1.1", &[b'A'; 100]] {
            assert!(RequestHead::parse(stream).is_err_and(|error| !error.is_short()));
        }
        for stream in [&b""[..], b"GE", b"POST"] {
            assert!(RequestHead::parse(stream).is_err_and(|error| error.is_short()));
        }
    }
}
