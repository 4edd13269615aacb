//! STUN (RFC 8489): the head, and the attributes that say whose addresses meet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::read::{Malformed, Reader};

/// A STUN message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// Method and class (RFC 8489 §5), 14 bits.
    pub kind: u16,
    /// Transaction id, 12 bytes.
    pub transaction: &'a [u8],
    attributes: Reader<'a>,
}

/// Attribute types (IANA).
pub mod attribute {
    /// `USERNAME`: present in connectivity checks of ICE (RFC 8445 §7.2.2).
    pub const USERNAME: u16 = 0x0006;
    /// `XOR-PEER-ADDRESS` (RFC 8656 §18.3).
    pub const XOR_PEER_ADDRESS: u16 = 0x0012;
    /// `XOR-RELAYED-ADDRESS` (RFC 8656 §18.5).
    pub const XOR_RELAYED_ADDRESS: u16 = 0x0016;
    /// `XOR-MAPPED-ADDRESS` (RFC 8489 §14.2).
    pub const XOR_MAPPED_ADDRESS: u16 = 0x0020;
}

/// Methods with class "request".
pub mod method {
    /// Binding request.
    pub const BINDING: u16 = 0x0001;
    /// Allocate request (RFC 8656): a relay is asked for.
    pub const ALLOCATE: u16 = 0x0003;
    /// Binding success.
    pub const BINDING_SUCCESS: u16 = 0x0101;
}

impl<'a> Message<'a> {
    /// Reads a datagram that is one message.
    ///
    /// # Errors
    /// The magic cookie is another, the length does not fit, or it is cut.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let kind = reader.u16("message type")?;
        if kind & 0xc000 != 0 {
            return Err(Malformed::Value { what: "message type", offset: 0, value: kind.into() });
        }
        let len = reader.u16("message length")?;
        let cookie = reader.u32("magic cookie")?;
        if cookie != MAGIC {
            return Err(Malformed::Value { what: "magic cookie", offset: 4, value: cookie.into() });
        }
        if len % 4 != 0 {
            return Err(Malformed::Value { what: "message length", offset: 2, value: len.into() });
        }
        let transaction = reader.take(12, "transaction id")?;
        let attributes = reader.part(len.into(), "attributes")?;
        Ok(Self { kind, transaction, attributes })
    }

    /// Attributes, in order: type and value. What leads outside ends them.
    pub fn attributes(&self) -> impl Iterator<Item = (u16, &'a [u8])> + 'a {
        let mut reader = self.attributes;
        std::iter::from_fn(move || {
            let kind = reader.u16("attribute type").ok()?;
            let len = usize::from(reader.u16("attribute length").ok()?);
            let value = reader.take(len, "attribute").ok()?;
            // Padded to four bytes; the last one may lack it.
            let _ = reader.take((4 - len % 4) % 4, "padding");
            Some((kind, value))
        })
    }

    /// True if it has an attribute of this type.
    pub fn has(&self, kind: u16) -> bool {
        self.attributes().any(|(it, _)| it == kind)
    }

    /// The address in the first attribute of a type that holds one.
    pub fn address(&self, kind: u16) -> Option<SocketAddr> {
        let (_, value) = self.attributes().find(|(it, _)| *it == kind)?;
        let mut reader = Reader::new(value);
        let family = reader.u16("family").ok()? & 0xff;
        let port = reader.u16("port").ok()? ^ (MAGIC >> 16) as u16;
        let address: IpAddr = match family {
            1 => Ipv4Addr::from(reader.u32("address").ok()? ^ MAGIC).into(),
            2 => {
                let bytes: [u8; 16] = reader.take(16, "address").ok()?.try_into().ok()?;
                let id: [u8; 12] = self.transaction.try_into().ok()?;
                let key = u128::from(MAGIC) << 96
                    | id.iter().fold(0, |sum, byte| sum << 8 | u128::from(*byte));
                Ipv6Addr::from(u128::from_be_bytes(bytes) ^ key).into()
            }
            _ => return None,
        };
        Some(SocketAddr::new(address, port))
    }
}

const MAGIC: u32 = 0x2112_a442;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::quic::tests::hex;

    /// RFC 5769 §2.2 and §2.3: responses with 192.0.2.1:32853 and [2001:db8:1234:5678:11:2233:4455:6677]:32853.
    const V4: &str = "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220\
        002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96";
    const V6: &str = "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220\
        002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275\
        bfe3ed4180280004c8fb0b4c";

    #[test]
    fn published_messages_are_read() {
        for (text, address) in
            [(V4, "192.0.2.1:32853"), (V6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853")]
        {
            let bytes = hex(text);
            let message = Message::parse(&bytes).unwrap();
            assert_eq!(message.kind, method::BINDING_SUCCESS);
            let read = message.address(attribute::XOR_MAPPED_ADDRESS);
            assert_eq!(read, Some(address.parse().unwrap()));
            assert_eq!(message.attributes().count(), 4);
            assert!(!message.has(attribute::USERNAME));
        }
    }

    #[test]
    fn cut_or_odd_is_an_error_and_never_a_panic() {
        let bytes = hex(V6);
        for len in 0..bytes.len() {
            assert!(Message::parse(&bytes[..len]).unwrap_err().is_short());
        }
        for at in 0..bytes.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut odd = bytes.clone();
                odd[at] = value;
                if let Ok(message) = Message::parse(&odd) {
                    let _ = (message.attributes().count(), message.address(0x20));
                }
            }
        }
        assert!(Message::parse(&[0; 40]).is_err_and(|error| !error.is_short()));
    }
}
