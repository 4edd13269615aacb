//! The arithmetic between the fields of forged resets, as published (Ablove et al., USENIX Security 2026, listing 1).
//!
//! With a counter `v`, `k` 13 and `M` 65,535 as delivered: window `v + destination mod k` (1 where that is 0), identification
//! `M - k v + source mod window`, both modulo 65,536; time to live `v mod 200 + 48`. The counter goes on by one, and begins
//! again at 128 once `k v` is over `M`. Addresses are numbers as a little-endian machine reads them from the header, which is what captures
//! of 2020 and 2022 showed.

use std::net::IpAddr;

/// The counter of one device.
#[derive(Debug, Clone)]
pub struct Counter {
    k: u32,
    value: u32,
}

/// What the counter puts into a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// TCP window.
    pub window: u16,
    /// Identification of IPv4.
    pub identification: u16,
    /// Time to live as the packet leaves.
    pub ttl: u8,
}

impl Counter {
    /// A counter of key `k`, from its first value on.
    pub fn new(k: u16) -> Self {
        Self { k: u32::from(k.max(1)), value: FIRST }
    }

    /// The stamp of the next packet between these addresses.
    pub fn stamp(&mut self, source: IpAddr, destination: IpAddr) -> Stamp {
        let (k, value) = (self.k, self.value);
        self.value = if value * k > MODULUS { FIRST } else { value + 1 };
        let sum = (value + number(destination) % k) & 0xffff;
        let window = sum.max(1);
        let product = value.wrapping_mul(k);
        let rest = number(source) % window;
        let identification = MODULUS.wrapping_sub(product).wrapping_add(rest) & 0xffff;
        Stamp {
            window: window as u16,
            identification: identification as u16,
            ttl: (value % 200 + 48) as u8,
        }
    }

    /// How many values there are before they begin again.
    pub fn round(&self) -> u32 {
        (MODULUS / self.k).saturating_sub(FIRST) + 2
    }
}

/// An address as a number; of IPv6 the last four bytes, which nobody has published.
fn number(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(address) => u32::from_le_bytes(address.octets()),
        IpAddr::V6(address) => {
            u32::from_le_bytes(*address.octets().last_chunk().unwrap_or(&[0; 4]))
        }
    }
}

const FIRST: u32 = 128;
const MODULUS: u32 = 65_535;

#[cfg(test)]
mod tests {
    use super::*;

    /// The published vectors of 192.0.2.10 and 198.51.100.20, little-endian.
    #[test]
    fn stamps_are_those_published() {
        let source: IpAddr = "192.0.2.10".parse().unwrap();
        let destination: IpAddr = "198.51.100.20".parse().unwrap();
        let mut counter = Counter::new(13);
        let stamps: Vec<Stamp> =
            (0..counter.round() + 1).map(|_| counter.stamp(source, destination)).collect();
        for (value, window, identification, ttl) in [
            (128, 130, 63_975, 176),
            (129, 131, 63_927, 177),
            (130, 132, 63_929, 178),
            (5042, 5044, 3785, 90),
        ] {
            let stamp = stamps[value - 128];
            assert_eq!(stamp, Stamp { window, identification, ttl }, "{value}");
        }
        assert_eq!(stamps.last(), stamps.first(), "it begins again");
    }
}
