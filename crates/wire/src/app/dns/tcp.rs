//! DNS over TCP: two bytes of length before each message (RFC 1035 §4.2.2).

/// The whole messages at the start of a stream, in order; what comes of another is [`Messages::rest`].
pub fn messages(stream: &[u8]) -> Messages<'_> {
    Messages { rest: stream }
}

/// The messages of a stream.
#[derive(Debug, Clone, Copy)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    /// What was not given: after the last message, what there is of the next.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (len, rest) = self.rest.split_first_chunk()?;
        let (message, rest) = rest.split_at_checked(u16::from_be_bytes(*len).into())?;
        self.rest = rest;
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_one_behind_the_other() {
        let stream = b"\0\x03abc\0\0\0\x02de\0\x05fg";
        let mut read = messages(stream);
        let found: Vec<&[u8]> = read.by_ref().collect();
        assert_eq!(found, [&b"abc"[..], b"", b"de"]);
        assert_eq!(read.rest(), b"\0\x05fg");
        for len in 0..stream.len() {
            let whole = [5, 7, 11].iter().filter(|end| **end <= len).count();
            assert_eq!(messages(&stream[..len]).count(), whole, "{len}");
        }
    }
}
