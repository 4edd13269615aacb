//! DHCP (RFC 2131): what a device says of itself when it joins a network.

use crate::read::{Malformed, Reader};

/// A client's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// True for a request of a client.
    pub from_client: bool,
    options: Reader<'a>,
}

/// Options (IANA).
pub mod option {
    /// Host name.
    pub const HOST_NAME: u8 = 12;
    /// Vendor class: the system's DHCP client.
    pub const VENDOR_CLASS: u8 = 60;
    /// Full name (RFC 4702).
    pub const FULL_NAME: u8 = 81;
}

impl<'a> Message<'a> {
    /// Reads a datagram.
    ///
    /// # Errors
    /// No BOOTP, no magic cookie, or it is cut before the options.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let operation = reader.u8("operation")?;
        if !(1..=2).contains(&operation) {
            return Err(Malformed::Value { what: "operation", offset: 0, value: operation.into() });
        }
        reader.take(235, "head")?;
        let cookie = reader.u32("magic cookie")?;
        if cookie != 0x6382_5363 {
            return Err(Malformed::Value {
                what: "magic cookie",
                offset: 236,
                value: cookie.into(),
            });
        }
        Ok(Self { from_client: operation == 1, options: reader })
    }

    /// Options, in order: number and value. What leads outside ends them.
    pub fn options(&self) -> impl Iterator<Item = (u8, &'a [u8])> + 'a {
        let mut reader = self.options;
        std::iter::from_fn(move || {
            loop {
                match reader.u8("option").ok()? {
                    0 => {}
                    255 => return None,
                    kind => {
                        let len = reader.u8("option length").ok()?;
                        return Some((kind, reader.take(len.into(), "option").ok()?));
                    }
                }
            }
        })
    }

    /// The first option of a number.
    pub fn option(&self, kind: u8) -> Option<&'a [u8]> {
        self.options().find(|(it, _)| *it == kind).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told() {
        let mut bytes = vec![0_u8; 236];
        bytes[0] = 1;
        bytes.extend([0x63, 0x82, 0x53, 0x63, 53, 1, 3, 0, 12, 5]);
        bytes.extend(b"phone");
        bytes.extend([60, 3, b'a', b'-', b'1', 255, 12, 1, b'x']);
        let message = Message::parse(&bytes).unwrap();
        assert!(message.from_client);
        assert_eq!(message.option(option::HOST_NAME), Some(&b"phone"[..]));
        assert_eq!(message.option(option::VENDOR_CLASS), Some(&b"a-1"[..]));
        assert_eq!((message.option(81), message.options().count()), (None, 3));
        for len in 0..bytes.len() {
            match Message::parse(&bytes[..len]) {
                Err(error) => assert!(error.is_short() && len < 240),
                Ok(message) => assert!(message.options().count() <= 3),
            }
        }
        assert!(Message::parse(&[9]).is_err());
    }
}
