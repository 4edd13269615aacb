//! Which addresses may be contacted at somebody else's word.
//!
//! A test helper connects where strangers tell it to. Without a rule it is a way into the network that it stands in:
//! its own loopback, its neighbours, the cloud's metadata service. The rule is given by construction, and no flag or
//! configuration of the program lifts it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Decides whether an address may be contacted.
pub trait AddressRule: Send + Sync + 'static {
    /// Whether a connection to `address` may be opened.
    fn allows(&self, address: IpAddr) -> bool;
}

/// Allows what is of the public internet, and nothing of this host's own.
#[derive(Debug, Clone, Default)]
pub struct PublicOnly {
    own: Vec<IpAddr>,
}

impl PublicOnly {
    /// The rule for a host that has the public addresses `own`: what listens there is refused as well.
    pub fn new(own: Vec<IpAddr>) -> Self {
        Self { own }
    }
}

impl AddressRule for PublicOnly {
    fn allows(&self, address: IpAddr) -> bool {
        is_public(address) && !self.own.contains(&address)
    }
}

/// Whether an address is of the public internet (IANA special-purpose registries, RFC 6890 and its successors).
///
/// An IPv4 address in an IPv6 one's clothes is not: mapped and compatible ones are no addresses of the wire, and of
/// NAT64 and 6to4 only what leads to a public one is taken. Teredo is refused altogether.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !RESERVED_V4.iter().any(|range| range.holds(v4.into())),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // NAT64 (RFC 6052 §2.1), well-known prefix.
        [0x0064, 0xff9b, 0, 0, 0, 0, high, low] => is_public(of_halves(high, low)),
        // 6to4 (RFC 3056 §2).
        [0x2002, high, low, ..] => is_public(of_halves(high, low)),
        // All that is not global unicast (RFC 4291 §2.4) as far as it was ever given out.
        [first, ..] if first & 0xe000 != 0x2000 => false,
        // IETF protocol assignments (RFC 2928), Teredo among them.
        [0x2001, second, ..] if second < 0x0200 => false,
        // Documentation (RFC 3849, RFC 9637).
        [0x2001, 0x0db8, ..] => false,
        [0x3fff, second, ..] if second < 0x1000 => false,
        _ => true,
    }
}

fn of_halves(high: u16, low: u16) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
}

/// A range of IPv4 addresses.
struct Range {
    base: [u8; 4],
    length: u32,
}

impl Range {
    const fn new(base: [u8; 4], length: u32) -> Self {
        Self { base, length }
    }

    fn holds(&self, address: u32) -> bool {
        (address ^ u32::from_be_bytes(self.base)) >> (32 - self.length) == 0
    }
}

const RESERVED_V4: &[Range] = &[
    // This network (RFC 791 §3.2); Linux takes 0.0.0.0 for itself.
    Range::new([0, 0, 0, 0], 8),
    // Private use (RFC 1918).
    Range::new([10, 0, 0, 0], 8),
    // Carrier-grade NAT (RFC 6598), and a cloud's metadata service at 100.100.100.200.
    Range::new([100, 64, 0, 0], 10),
    // Loopback (RFC 1122 §3.2.1.3).
    Range::new([127, 0, 0, 0], 8),
    // A cloud's host agent on a public address, reachable from inside only.
    Range::new([168, 63, 129, 16], 32),
    // Link-local (RFC 3927), and the usual metadata service at 169.254.169.254.
    Range::new([169, 254, 0, 0], 16),
    Range::new([172, 16, 0, 0], 12),
    // IETF protocol assignments (RFC 6890), and a cloud's metadata service at 192.0.0.192.
    Range::new([192, 0, 0, 0], 24),
    // Documentation (RFC 5737).
    Range::new([192, 0, 2, 0], 24),
    // The former 6to4 relays (RFC 7526).
    Range::new([192, 88, 99, 0], 24),
    Range::new([192, 168, 0, 0], 16),
    // Benchmarks (RFC 2544).
    Range::new([198, 18, 0, 0], 15),
    Range::new([198, 51, 100, 0], 24),
    Range::new([203, 0, 113, 0], 24),
    // Multicast (RFC 5771), reserved (RFC 1112 §4) and broadcast.
    Range::new([224, 0, 0, 0], 3),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(address: &str) -> bool {
        PublicOnly::default().allows(address.parse().unwrap())
    }

    #[test]
    fn ordinary_addresses_are_allowed() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450:4001:80b::200e",
            "2001:4860:4860::8888",
            "64:ff9b::1.1.1.1",
            "2002:101:101::1",
        ] {
            assert!(allows(address), "{address}");
        }
    }

    #[test]
    fn what_is_not_public_is_refused() {
        for address in [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "100::1",
            "2001:db8::1",
            "2001:10::1",
            "2001:20::1",
            "3fff::1",
            "3fff:fff::1",
            "5f00::1",
            "4000::1",
        ] {
            assert!(!allows(address), "{address}");
        }
    }

    #[test]
    fn an_embedded_address_is_judged_as_what_it_leads_to() {
        for address in [
            // Mapped and compatible, also of public addresses: nothing on the wire has them.
            "::ffff:127.0.0.1",
            "::ffff:1.1.1.1",
            "::127.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::a9fe:a9fe",
            // Local-use NAT64 (RFC 8215) leads wherever its owner says.
            "64:ff9b:1::1.1.1.1",
            "2002:7f00:1::1",
            "2002:a00:1::1",
            "2002:c0a8:101::1",
            "2001:0:7f00:1::1",
            "2001:0:101:101::1",
        ] {
            assert!(!allows(address), "{address}");
        }
    }

    #[test]
    fn what_listens_on_the_helper_itself_is_refused() {
        let own: IpAddr = "1.1.1.1".parse().unwrap();
        assert!(!PublicOnly::new(vec![own]).allows(own));
    }
}
