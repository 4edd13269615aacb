//! Which addresses and ports a rule is about.

use std::net::{IpAddr, SocketAddr};

use crate::frame::{Body, Packet};

/// A transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A set of far endpoints. What is not said matches all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// Prefixes: address and length.
    pub prefixes: Vec<(IpAddr, u8)>,
    /// Ports.
    pub ports: Vec<u16>,
    /// Protocol.
    pub transport: Option<Transport>,
}

impl Endpoints {
    /// One address, whatever the port.
    pub fn address(address: IpAddr) -> Self {
        let len = if address.is_ipv4() { 32 } else { 128 };
        Self { prefixes: vec![(address, len)], ..Self::default() }
    }

    /// One endpoint.
    pub fn endpoint(endpoint: SocketAddr) -> Self {
        Self { ports: vec![endpoint.port()], ..Self::address(endpoint.ip()) }
    }

    /// True if a packet whose far end is `far` is meant.
    pub fn matches(&self, packet: &Packet<'_>, far: SocketAddr) -> bool {
        let prefix = |(prefix, len): &(IpAddr, u8)| contains(*prefix, *len, far.ip());
        let transport = match self.transport {
            None => true,
            Some(Transport::Tcp) => matches!(packet.body, Body::Tcp(_)),
            Some(Transport::Udp) => matches!(packet.body, Body::Udp(_)),
        };
        transport
            && (self.prefixes.is_empty() || self.prefixes.iter().any(prefix))
            && (self.ports.is_empty() || self.ports.contains(&far.port()))
    }
}

/// True if `address` begins as `prefix` does.
pub(crate) fn contains(prefix: IpAddr, len: u8, address: IpAddr) -> bool {
    match (prefix, address) {
        (IpAddr::V4(prefix), IpAddr::V4(address)) => {
            let shift = 32 - u32::from(len.min(32));
            prefix.to_bits().checked_shr(shift) == address.to_bits().checked_shr(shift)
        }
        (IpAddr::V6(prefix), IpAddr::V6(address)) => {
            let shift = 128 - u32::from(len.min(128));
            prefix.to_bits().checked_shr(shift) == address.to_bits().checked_shr(shift)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes() {
        for (prefix, len, address, inside) in [
            ("192.0.2.0", 24, "192.0.2.255", true),
            ("192.0.2.0", 24, "192.0.3.0", false),
            ("0.0.0.0", 0, "203.0.113.9", true),
            ("0.0.0.0", 0, "::1", false),
            ("2001:db8::", 32, "2001:db8:ffff::1", true),
            ("2001:db8::", 128, "2001:db8::1", false),
            ("::", 0, "::1", true),
        ] {
            let (prefix, address) = (prefix.parse().unwrap(), address.parse().unwrap());
            assert_eq!(contains(prefix, len, address), inside, "{prefix}/{len} {address}");
        }
    }
}
