//! What names a TCP connection: its two ends in one order for both ways, and a number to find it by.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};

/// Both ends, the lower one first. IPv4 addresses are kept as mapped ones, marked as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    low: Number,
    high: Number,
    ports: [u16; 2],
    version_4: bool,
}

/// An address as two halves, the high one first: a number of 128 bits would make the key larger.
type Number = [u64; 2];

/// One of a connection's ends, by the order of the [`Key`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Place {
    /// The lower end.
    Low,
    /// The higher end.
    High,
}

impl Place {
    /// The other end.
    #[inline]
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Low => Self::High,
            Self::High => Self::Low,
        }
    }
}

impl Key {
    /// The key of a packet, and which end its source is.
    #[inline(always)]
    pub fn of(source: SocketAddr, destination: SocketAddr) -> (Self, Place) {
        if let (SocketAddr::V4(from), SocketAddr::V4(to)) = (source, destination) {
            return Self::of_4(from, to);
        }
        let version_4 = source.is_ipv4();
        let from = (number(source.ip()), source.port());
        let to = (number(destination.ip()), destination.port());
        let (place, low, high) =
            if from <= to { (Place::Low, from, to) } else { (Place::High, to, from) };
        (Self { low: low.0, high: high.0, ports: [low.1, high.1], version_4 }, place)
    }

    /// [`Self::of`], of most packets.
    #[inline(always)]
    fn of_4(source: SocketAddrV4, destination: SocketAddrV4) -> (Self, Place) {
        let number =
            |end: SocketAddrV4| u64::from(u32::from(*end.ip())) << 16 | u64::from(end.port());
        let (from, to) = (number(source), number(destination));
        let place = if from <= to { Place::Low } else { Place::High };
        let (low, high) = (from.min(to), from.max(to));
        let mapped = |end: u64| [0, end >> 16 | MAPPED];
        let ports = [low as u16, high as u16];
        (Self { low: mapped(low), high: mapped(high), ports, version_4: true }, place)
    }

    /// An end, as an address.
    pub fn end(&self, place: Place) -> SocketAddr {
        let [low, high] = self.ports;
        let (number, port) = match place {
            Place::Low => (self.low, low),
            Place::High => (self.high, high),
        };
        let address = if self.version_4 {
            IpAddr::V4(Ipv4Addr::from(number[1] as u32))
        } else {
            IpAddr::V6(Ipv6Addr::from(u128::from(number[0]) << 64 | u128::from(number[1])))
        };
        SocketAddr::new(address, port)
    }

    /// A number that differs for most keys, and that nobody can steer who does not know the seed.
    #[inline]
    pub fn hash(&self, seed: u64) -> u64 {
        let [low, high] = self.ports;
        let ports = u64::from(low) << 16 | u64::from(high) | u64::from(self.version_4) << 32;
        let ([low_begin, low_end], [high_begin, high_end]) = (self.low, self.high);
        let mixed = fold(low_end ^ seed, high_end ^ MIX_1);
        let mixed = fold(mixed ^ ports, seed.rotate_left(32) ^ MIX_2);
        if self.version_4 {
            return mixed;
        }
        fold(mixed ^ low_begin, high_begin ^ MIX_1 ^ seed)
    }
}

/// A number for a pair of addresses that is the same both ways.
#[inline]
pub fn pair(one: IpAddr, other: IpAddr) -> u64 {
    if let (IpAddr::V4(one), IpAddr::V4(other)) = (one, other) {
        let (one, other) = (u32::from(one), u32::from(other));
        let (low, high) = (u64::from(one.min(other)), u64::from(one.max(other)));
        return fold(fold((low | MAPPED) ^ MIX_1, (high | MAPPED) ^ MIX_2), MIX_1);
    }
    let (one, other) = (number(one), number(other));
    let ([low_begin, low_end], [high_begin, high_end]) = (one.min(other), one.max(other));
    fold(fold(low_end ^ MIX_1, high_end ^ MIX_2) ^ low_begin, high_begin ^ MIX_1)
}

fn number(address: IpAddr) -> Number {
    match address {
        IpAddr::V4(address) => [0, u64::from(u32::from(address)) | MAPPED],
        IpAddr::V6(address) => {
            let bits = u128::from(address);
            [(bits >> 64) as u64, bits as u64]
        }
    }
}

/// The two halves of a product, as one (wyhash's step; 128 bits so that no bit is lost).
#[inline]
pub(super) fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// What is before an IPv4 address that is written as one of IPv6 (RFC 4291 §2.5.5.2).
const MAPPED: u64 = 0xffff << 32;
const MIX_1: u64 = 0x9e37_79b9_7f4a_7c15;
const MIX_2: u64 = 0xd6e8_feb8_6659_fd93;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn both_ways_are_one_connection() {
        for (a, b) in [("192.0.2.1:80", "198.51.100.2:4000"), ("[2001:db8::1]:443", "[::1]:9")] {
            let (a, b) = (a.parse().unwrap(), b.parse().unwrap());
            let (key, from) = Key::of(a, b);
            let (same, back) = Key::of(b, a);
            assert_eq!((key, from.other()), (same, back));
            assert_eq!((key.end(from), key.end(back)), (a, b));
            assert_eq!(key.hash(7), same.hash(7));
            assert_ne!(key.hash(7), key.hash(8));
            assert_eq!(pair(a.ip(), b.ip()), pair(b.ip(), a.ip()));
        }
    }

    #[test]
    fn keys_that_differ_little_do_not_collide() {
        let server = "192.0.2.1:80".parse().unwrap();
        let hash = |n: u32| {
            let client =
                SocketAddr::new(Ipv4Addr::from(0x0a00_0000 + n / 64).into(), (n % 64) as u16);
            Key::of(client, server).0.hash(1) >> 32
        };
        let seen: HashSet<u64> = (0..20_000).map(hash).collect();
        // 20,000 of 2^32: about 0.05 collisions are due.
        assert!(seen.len() > 19_990, "{}", seen.len());
    }
}
