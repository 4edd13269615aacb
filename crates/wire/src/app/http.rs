//! HTTP/1: the heads of requests and responses (RFC 9112), as far as they have come.

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
        let (line, fields, is_whole) = first_line(rest);
        let (target, version) = match line.iter().rposition(|byte| *byte == b' ') {
            Some(at) if is_whole => line.split_at_checked(at).unwrap_or((line, &[])),
            _ => (line, &[][..]),
        };
        let (fields, end) = until_blank(stream, fields);
        let (target, version) = (target.trim_ascii(), version.trim_ascii());
        Ok(Self { method, target, version, fields, end })
    }

    /// Header fields whose lines have ended, in order: name, and value without white space around it. A line without a
    /// colon is left out.
    pub fn fields(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + 'a {
        lines(self.fields)
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

/// The head of a response, in a stream that may go on or not have come to its end yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseHead<'a> {
    /// The version, as in `HTTP/1.1`.
    pub version: &'a [u8],
    /// The status: 100 to 999.
    pub status: u16,
    /// The reason, which may be empty, or not have come to its end.
    pub reason: &'a [u8],
    fields: &'a [u8],
    /// Where the head ends in the stream, if it does.
    pub end: Option<usize>,
}

impl<'a> ResponseHead<'a> {
    /// Reads the head at the start of a stream.
    ///
    /// # Errors
    /// [`Malformed::Short`] before the status has ended, [`Malformed::Value`] for what is no response.
    pub fn parse(stream: &'a [u8]) -> Result<Self, Malformed> {
        for (offset, (byte, right)) in stream.iter().zip(b"HTTP/1.").enumerate() {
            if byte != right {
                return Err(Malformed::Value { what: "version", offset, value: (*byte).into() });
            }
        }
        let Some((&[.., minor, space, a, b, c], rest)) = stream.split_first_chunk::<STATUS_END>()
        else {
            let (what, have) = ("status", stream.len());
            return Err(Malformed::Short { what, offset: 0, need: STATUS_END, have });
        };
        let digits = [a, b, c];
        let odd = |offset: usize, value: u8| Malformed::Value {
            what: "status",
            offset,
            value: value.into(),
        };
        if !minor.is_ascii_digit() || space != b' ' {
            return Err(odd(STATUS_END - 5, minor));
        }
        if !digits.iter().all(u8::is_ascii_digit)
            || a == b'0'
            || rest.first().is_some_and(u8::is_ascii_digit)
        {
            return Err(odd(STATUS_END - 3, a));
        }
        let status = digits.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
        let (reason, fields, _) = first_line(rest);
        let (fields, end) = until_blank(stream, fields);
        let version = stream.get(..STATUS_END - 4).unwrap_or_default();
        Ok(Self { version, status, reason, fields, end })
    }

    /// Header fields whose lines have ended, as [`RequestHead::fields`].
    pub fn fields(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + 'a {
        lines(self.fields)
    }

    /// The first field of a name, whatever its case.
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        let right = |(it, _): &(&[u8], &[u8])| it.eq_ignore_ascii_case(name.as_bytes());
        self.fields().find(right).map(|(_, value)| value)
    }
}

/// The first line without white space around it, what follows it, and whether it has ended.
fn first_line(rest: &[u8]) -> (&[u8], &[u8], bool) {
    match rest.iter().position(|byte| *byte == b'\n') {
        Some(at) => {
            let (line, fields) = rest.split_at_checked(at + 1).unwrap_or((rest, &[]));
            (line.trim_ascii(), fields, true)
        }
        None => (rest.trim_ascii(), &[], false),
    }
}

/// The fields before the empty line, and where that ends in the stream; `fields` is the stream's last part.
fn until_blank<'a>(stream: &[u8], fields: &'a [u8]) -> (&'a [u8], Option<usize>) {
    match blank_line(fields) {
        Some((at, end)) => {
            let fields_at = stream.len() - fields.len();
            (fields.get(..at).unwrap_or_default(), Some(fields_at + end))
        }
        None => (fields, None),
    }
}

/// Names and values of the lines that have ended.
fn lines(fields: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let lines = fields.split_inclusive(|byte| *byte == b'\n');
    lines.filter(|line| line.ends_with(b"\n")).filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at_checked(colon)?;
        Some((name, value.get(1..)?.trim_ascii()))
    })
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
/// `HTTP/1.1 200`.
const STATUS_END: usize = 12;

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

    #[test]
    fn a_response_is_read_in_parts() {
        let stream = b"HTTP/1.1 302 Found\r\nLocation: http://a.example/\r\n\r\n<html>";
        let head = ResponseHead::parse(stream).unwrap();
        assert_eq!((head.version, head.status), (&b"HTTP/1.1"[..], 302));
        assert_eq!((head.reason, head.end), (&b"Found"[..], Some(stream.len() - 6)));
        assert_eq!(head.field("location"), Some(&b"http://a.example/"[..]));
        for len in 0..stream.len() {
            match ResponseHead::parse(&stream[..len]) {
                Err(error) => assert!(len < 12 && error.is_short(), "{len}"),
                Ok(head) => {
                    assert_eq!(head.fields().count(), usize::from(len >= 49), "{len}");
                    assert_eq!(head.end.is_some(), len >= stream.len() - 6, "{len}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_response() {
        for stream in [
            &b"HTTP/2 200"[..],
            b"SSH-2.0-x",
            b"HTTP/1.1 2000 x",
            b"HTTP/1.1 020 x",
            b"HTTP/1.1  200",
            b"HTTP/1.x 200 OK",
        ] {
            let read = ResponseHead::parse(stream);
            assert!(read.is_err_and(|error| !error.is_short()), "{stream:?}");
        }
        assert_eq!(ResponseHead::parse(b"HTTP/1.0 404\n\n").unwrap().end, Some(14));
    }
}
