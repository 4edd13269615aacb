//! Records that say how to reach a service (RFC 9460).

use std::net::IpAddr;

use super::{parse_name, write_name};
use crate::read::{Malformed, Reader};

/// How to reach a service (RFC 9460): what a record of [`super::kind::SVCB`] or [`super::kind::HTTPS`] says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Service {
    /// 0: the service is another's alias; otherwise the smallest comes first.
    pub priority: u16,
    /// Who offers it; empty is the record's own name.
    pub target: String,
    /// Parameters, by key ([`parameter`]), as they came.
    pub parameters: Vec<(u16, Vec<u8>)>,
}

/// Keys of a [`Service`]'s parameters (IANA).
pub mod parameter {
    /// Protocols (RFC 9460 §7.1).
    pub const ALPN: u16 = 1;
    /// Port, where it is another (RFC 9460 §7.2).
    pub const PORT: u16 = 3;
    /// IPv4 addresses (RFC 9460 §7.3).
    pub const IPV4_HINT: u16 = 4;
    /// Configurations for encrypted hellos (RFC 9848).
    pub const ECH: u16 = 5;
    /// IPv6 addresses (RFC 9460 §7.3).
    pub const IPV6_HINT: u16 = 6;
}

impl Service {
    /// Reads a record's data.
    ///
    /// # Errors
    /// A length that leads outside, or a target with a pointer, which is not allowed here.
    pub fn read(data: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(data);
        let priority = reader.u16("priority")?;
        let (target, at) = parse_name(data, reader.offset())?;
        let mut reader = Reader::at(data, at);
        let mut parameters = Vec::new();
        while !reader.is_empty() {
            let key = reader.u16("parameter key")?;
            let len = reader.u16("parameter length")?;
            parameters.push((key, reader.take(len.into(), "parameter")?.to_vec()));
        }
        Ok(Self { priority, target, parameters })
    }

    /// The record's data, parameters in the order of their keys. None for what DNS cannot carry.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let mut bytes = self.priority.to_be_bytes().to_vec();
        write_name(&mut bytes, &self.target)?;
        let mut parameters: Vec<_> = self.parameters.iter().collect();
        parameters.sort_by_key(|(key, _)| *key);
        for (key, value) in parameters {
            bytes.extend(key.to_be_bytes());
            bytes.extend(u16::try_from(value.len()).ok()?.to_be_bytes());
            bytes.extend(value);
        }
        Some(bytes)
    }

    /// Sets a parameter.
    #[must_use]
    pub fn with(mut self, key: u16, value: Vec<u8>) -> Self {
        self.parameters.retain(|(other, _)| *other != key);
        self.parameters.push((key, value));
        self
    }

    /// Sets the protocols. One that is longer than 255 bytes is left out.
    #[must_use]
    pub fn with_alpn(self, protocols: &[&[u8]]) -> Self {
        let mut value = Vec::new();
        for protocol in protocols {
            if let Ok(len) = u8::try_from(protocol.len()) {
                value.push(len);
                value.extend(*protocol);
            }
        }
        self.with(parameter::ALPN, value)
    }

    /// Sets the addresses of both families.
    #[must_use]
    pub fn with_hints(mut self, addresses: &[IpAddr]) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for address in addresses {
            match address {
                IpAddr::V4(address) => v4.extend(address.octets()),
                IpAddr::V6(address) => v6.extend(address.octets()),
            }
        }
        for (key, value) in [(parameter::IPV4_HINT, v4), (parameter::IPV6_HINT, v6)] {
            if !value.is_empty() {
                self = self.with(key, value);
            }
        }
        self
    }

    /// A parameter's value.
    pub fn parameter(&self, key: u16) -> Option<&[u8]> {
        self.parameters.iter().find(|(other, _)| *other == key).map(|(_, value)| &value[..])
    }

    /// The protocols, in order, as far as the list can be read.
    pub fn alpn(&self) -> impl Iterator<Item = &[u8]> {
        let mut reader = Reader::new(self.parameter(parameter::ALPN).unwrap_or_default());
        std::iter::from_fn(move || {
            let len = reader.u8("protocol length").ok()?;
            reader.take(len.into(), "protocol").ok()
        })
    }

    /// Configurations for encrypted hellos: an `ECHConfigList`.
    pub fn ech(&self) -> Option<&[u8]> {
        self.parameter(parameter::ECH)
    }

    /// The port, where it is another than the usual.
    pub fn port(&self) -> Option<u16> {
        Some(u16::from_be_bytes(self.parameter(parameter::PORT)?.try_into().ok()?))
    }

    /// Addresses, IPv4 first.
    pub fn hints(&self) -> impl Iterator<Item = IpAddr> {
        let v4 = self.parameter(parameter::IPV4_HINT).unwrap_or_default();
        let v6 = self.parameter(parameter::IPV6_HINT).unwrap_or_default();
        let v4 = v4.chunks_exact(4).filter_map(|it| <[u8; 4]>::try_from(it).ok());
        let v6 = v6.chunks_exact(16).filter_map(|it| <[u8; 16]>::try_from(it).ok());
        v4.map(IpAddr::from).chain(v6.map(IpAddr::from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9460 §D.2: two IPv6 hints; and an unknown parameter with an escaped byte.
    #[test]
    fn published_services_are_read_and_written() {
        let hint: std::net::Ipv6Addr = "2001:db8::1".parse().unwrap();
        let mut data = vec![0, 1, 3, b'f', b'o', b'o', 7];
        data.extend(b"example\x03com\0");
        let plain = Service { priority: 1, target: "foo.example.com".into(), parameters: vec![] };
        assert_eq!(Service::read(&data), Ok(plain.clone()));
        let two = [hint, "2001:db8::53:1".parse().unwrap()].map(IpAddr::from);
        let hinted = plain.clone().with_hints(&two);
        let mut bytes = data.clone();
        bytes.extend([0, 6, 0, 32]);
        bytes.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        bytes.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53, 0, 1]);
        assert_eq!(hinted.to_bytes(), Some(bytes));
        assert_eq!(hinted.hints().collect::<Vec<_>>(), two);
        let odd = plain.with(667, b"hello\xd2qoo".to_vec()).to_bytes().unwrap();
        assert_eq!(odd[data.len()..], *b"\x02\x9b\x00\x09hello\xd2qoo");
    }
}
