//! CoAP (RFC 7252): a request's method and where it goes.

use crate::read::{Malformed, Reader};

/// A CoAP message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// Class (3 bits) and detail (5 bits): 1 to 31 for a request.
    pub code: u8,
    options: Reader<'a>,
}

/// Option numbers (IANA).
pub mod option {
    /// `Uri-Host`.
    pub const HOST: u32 = 3;
    /// `Uri-Path`, one segment each.
    pub const PATH: u32 = 11;
    /// `Uri-Query`.
    pub const QUERY: u32 = 15;
}

impl<'a> Message<'a> {
    /// Reads a datagram.
    ///
    /// # Errors
    /// Another version, a token longer than eight bytes, or it is cut.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let first = reader.u8("first byte")?;
        if first >> 6 != 1 || first & 0xf > 8 {
            return Err(Malformed::Value { what: "first byte", offset: 0, value: first.into() });
        }
        let code = reader.u8("code")?;
        reader.u16("message id")?;
        reader.take((first & 0xf).into(), "token")?;
        Ok(Self { code, options: reader })
    }

    /// Options, in order: number and value. What leads outside ends them, as does the payload.
    pub fn options(&self) -> impl Iterator<Item = (u32, &'a [u8])> + 'a {
        let (mut reader, mut number) = (self.options, 0_u32);
        std::iter::from_fn(move || {
            let first = reader.u8("option").ok().filter(|first| *first != 0xff)?;
            number = number.checked_add(extended(&mut reader, first >> 4)?)?;
            let len = extended(&mut reader, first & 0xf)?;
            Some((number, reader.take(usize::try_from(len).ok()?, "option").ok()?))
        })
    }
}

/// RFC 7252 §3.1.
fn extended(reader: &mut Reader<'_>, nibble: u8) -> Option<u32> {
    match nibble {
        13 => Some(u32::from(reader.u8("extended").ok()?) + 13),
        14 => Some(u32::from(reader.u16("extended").ok()?) + 269),
        15 => None,
        small => Some(small.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read() {
        let bytes =
            [&[0x41, 1, 0, 7, 0xaa][..], &[0x39], b"sensor.ex", &[0x84], b"temp", &[0xff, 1]]
                .concat();
        let message = Message::parse(&bytes).unwrap();
        let options: Vec<_> = message.options().collect();
        assert_eq!(message.code, 1);
        assert_eq!(options, [(option::HOST, &b"sensor.ex"[..]), (option::PATH, &b"temp"[..])]);
        for len in 0..bytes.len() {
            if let Ok(message) = Message::parse(&bytes[..len]) {
                assert!(len >= 5 && message.options().count() <= 2);
            }
        }
        for first in [0x00, 0xc1, 0x49] {
            assert!(Message::parse(&[first, 1, 0, 0]).is_err());
        }
        // Lengths that are extended, and one that is reserved.
        assert_eq!(
            Message::parse(&[0x40, 1, 0, 0, 0xd0, 2]).unwrap().options().next(),
            Some((15, &[][..]))
        );
        assert_eq!(Message::parse(&[0x40, 1, 0, 0, 0xf0]).unwrap().options().count(), 0);
    }
}
