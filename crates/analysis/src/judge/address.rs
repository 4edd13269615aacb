//! Addresses: which are no public ones, and which network they belong to.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use wirewitness_model::ooni::TestKeys;

/// A table of networks by address, outside the measurement.
pub trait AsnTable: Sync {
    /// Number of the network that this address belongs to, where known.
    fn asn(&self, address: IpAddr) -> Option<u32>;
}

/// I am the table that knows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTable;

impl AsnTable for NoTable {
    fn asn(&self, _: IpAddr) -> Option<u32> {
        None
    }
}

/// Networks of the addresses of one measurement: an outside table first, then what the file itself says.
///
/// OONI's probe looks answers up in its own table and writes the number beside each answer; the test helper does so in
/// `ip_info`. Both are what the probe compared with, so without an outside table its keys come out the same.
pub struct Asns<'m> {
    table: &'m dyn AsnTable,
    own: BTreeMap<&'m str, u32>,
}

impl<'m> Asns<'m> {
    /// Collects what the file says.
    pub fn of(keys: &'m TestKeys<'_>, table: &'m dyn AsnTable) -> Self {
        let mut own = BTreeMap::new();
        for (address, info) in keys.control.iter().flat_map(|control| control.ip_info.entries()) {
            if let Some(asn) = number(info.asn.0) {
                own.insert(address.as_ref(), asn);
            }
        }
        for answer in keys.queries.iter().flat_map(|query| query.answers.iter()) {
            if let (Some(address), Some(asn)) = (answer.address(), number(answer.asn.0)) {
                own.insert(address, asn);
            }
        }
        Self { table, own }
    }

    /// Number of the network of this address.
    pub fn find(&self, address: &str) -> Option<u32> {
        let outside = address.parse().ok().and_then(|ip| self.table.asn(ip));
        outside.or_else(|| self.own.get(address).copied())
    }
}

fn number(asn: Option<i64>) -> Option<u32> {
    asn.and_then(|asn| u32::try_from(asn).ok()).filter(|&asn| asn != 0)
}

/// True for an address that no public name should lead to, and for text that is no address.
///
/// The ranges are those of OONI's probe, since its flags depend on them (they in turn follow the IANA special-purpose
/// registries, RFC 6890); like it, an IPv4-mapped IPv6 address is reserved as such.
pub fn is_bogon(address: &str) -> bool {
    match address.parse() {
        Ok(IpAddr::V4(v4)) => is_bogon_v4(v4),
        Ok(IpAddr::V6(v6)) => is_bogon_v6(v6),
        Err(_) => true,
    }
}

/// True for loopback addresses (127.0.0.0/8, `::1`), and for text that is no address.
pub fn is_loopback(address: &str) -> bool {
    address.parse::<IpAddr>().map_or(true, |ip| ip.is_loopback())
}

/// True for the text of an IPv6 address.
pub fn is_v6(address: &str) -> bool {
    address.parse::<Ipv6Addr>().is_ok()
}

fn is_bogon_v4(address: Ipv4Addr) -> bool {
    let bits = u32::from(address);
    BOGONS_V4
        .iter()
        .any(|(base, length)| bits >> (32 - length) == u32::from_be_bytes(*base) >> (32 - length))
}

fn is_bogon_v6(address: Ipv6Addr) -> bool {
    let bits = u128::from(address);
    BOGONS_V6.iter().any(|(base, length)| bits >> (128 - length) == base >> (128 - length))
        || embedded_v4(address).is_some_and(is_bogon_v4)
}

/// The IPv4 address inside a 6to4 (RFC 3056) or Teredo server (RFC 4380) address.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0x2002, high, low, ..] | [0x2001, 0, high, low, ..] => {
            Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
        }
        _ => None,
    }
}

/// Base and prefix length.
const BOGONS_V4: &[([u8; 4], u32)] = &[
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

/// Base and prefix length. 6to4 and Teredo of the ranges above are found by [`embedded_v4`].
const BOGONS_V6: &[(u128, u32)] = &[
    (0, 96),
    (0xffff << 32, 96),
    (0x0100 << 112, 64),
    (0x2001_0010 << 96, 28),
    (0x2001_0db8 << 96, 32),
    (0xfc00 << 112, 7),
    (0xfe80 << 112, 10),
    (0xfec0 << 112, 10),
    (0xff00 << 112, 8),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_of_reserved_ranges() {
        for (address, bogon) in [
            ("9.255.255.255", false),
            ("10.0.0.0", true),
            ("10.10.34.35", true),
            ("11.0.0.0", false),
            ("100.63.255.255", false),
            ("100.64.0.0", true),
            ("100.128.0.0", false),
            ("127.0.53.53", true),
            ("172.15.255.255", false),
            ("172.31.255.255", true),
            ("223.255.255.255", false),
            ("255.255.255.255", true),
            ("::1", true),
            ("::ffff:8.8.8.8", true),
            ("2001:4860:4860::8888", false),
            ("2001:db7:ffff::", false),
            ("2001:db8::", true),
            ("2001:db9::", false),
            ("2002:a00::", true),
            ("2002:c0a8:101::", true),
            ("2002:808:808::", false),
            ("2001:0:a00::", true),
            ("2001:0:808:808::", false),
            ("fdff::1", true),
            ("fe00::", false),
            ("febf::", true),
            ("", true),
            ("not an address", true),
        ] {
            assert_eq!(is_bogon(address), bogon, "{address}");
        }
    }

    #[test]
    fn loopback_and_family() {
        assert!(is_loopback("127.9.9.9") && is_loopback("::1") && is_loopback("x"));
        assert!(!is_loopback("10.0.0.1"));
        assert!(is_v6("::1") && !is_v6("1.2.3.4") && !is_v6("[::1]"));
    }
}
