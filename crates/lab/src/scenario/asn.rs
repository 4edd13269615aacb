//! Whose addresses are whose.

use std::net::IpAddr;

use toml::Spanned;

use super::spec::File;
use crate::middlebox::endpoint::contains;

/// Autonomous systems by prefix; the longest one counts.
pub(super) struct AsnTable(Vec<Row>);

struct Row {
    prefix: (IpAddr, u8),
    asn: u32,
    organisation: String,
}

impl AsnTable {
    pub(super) fn new(file: &File) -> Self {
        let mut table = Self(Vec::new());
        for it in &file.client {
            let public = it.public_address.iter().copied();
            let own = it.addresses.iter().map(|address| *address.get_ref());
            table.hosts(own.chain(public), it.asn, &it.as_org);
        }
        for it in &file.gateway {
            table.hosts(plain(&it.addresses), it.asn, &it.as_org);
        }
        for it in &file.resolver {
            table.hosts(plain(&it.addresses), it.asn, &it.as_org);
        }
        for it in &file.helper {
            table.hosts(plain(&it.addresses), it.asn, &it.as_org);
        }
        for it in &file.proxy {
            table.hosts(plain(&it.addresses), it.asn, &it.as_org);
        }
        for it in &file.site {
            let told = it.addresses_for.values().flat_map(|addresses| plain(addresses));
            table.hosts(plain(&it.addresses).chain(told), it.asn, &it.as_org);
        }
        for it in &file.autonomous_system {
            let prefixes = it.prefixes.iter().filter_map(|prefix| parse(prefix.get_ref()));
            table.0.extend(prefixes.map(|prefix| Row {
                prefix,
                asn: it.asn,
                organisation: it.as_org.clone(),
            }));
        }
        table
    }

    fn hosts(&mut self, addresses: impl Iterator<Item = IpAddr>, asn: Option<u32>, org: &str) {
        let Some(asn) = asn else { return };
        let whole = |address: IpAddr| (address, if address.is_ipv4() { 32 } else { 128 });
        self.0.extend(addresses.map(|address| Row {
            prefix: whole(address),
            asn,
            organisation: org.to_owned(),
        }));
    }

    /// The number and name of the system that an address belongs to.
    pub(super) fn of(&self, address: IpAddr) -> Option<(u32, &str)> {
        let rows = self.0.iter().filter(|row| contains(row.prefix.0, row.prefix.1, address));
        // Of equally long ones the first in the file: a host's own word before a prefix of that length.
        let longest =
            rows.reduce(|best, row| if row.prefix.1 > best.prefix.1 { row } else { best });
        longest.map(|row| (row.asn, row.organisation.as_str()))
    }
}

fn plain(addresses: &[Spanned<IpAddr>]) -> impl Iterator<Item = IpAddr> {
    addresses.iter().map(|address| *address.get_ref())
}

/// Reads `192.0.2.0/24`, or an address alone.
pub(super) fn parse(prefix: &str) -> Option<(IpAddr, u8)> {
    let (address, len) = prefix.split_once('/').map_or((prefix, None), |(a, len)| (a, Some(len)));
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let len = len.map_or(Some(most), |len| len.parse().ok())?;
    (len <= most).then_some((address, len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_read_and_the_longest_counts() {
        for (text, len) in [("192.0.2.0/24", Some(24)), ("192.0.2.1", Some(32)), ("::/0", Some(0))]
        {
            assert_eq!(parse(text).map(|(_, len)| len), len, "{text}");
        }
        for text in ["192.0.2.0/33", "192.0.2/24", "/", "", "::/129", "192.0.2.0/"] {
            assert_eq!(parse(text), None, "{text}");
        }
        let row = |prefix: &str, asn| Row {
            prefix: parse(prefix).unwrap(),
            asn,
            organisation: String::new(),
        };
        let table = AsnTable(vec![row("192.0.2.0/24", 1), row("192.0.2.7", 2), row("::/0", 3)]);
        for (address, asn) in
            [("192.0.2.7", Some(2)), ("192.0.2.8", Some(1)), ("10.0.0.1", None), ("::1", Some(3))]
        {
            assert_eq!(table.of(address.parse().unwrap()).map(|it| it.0), asn, "{address}");
        }
    }
}
