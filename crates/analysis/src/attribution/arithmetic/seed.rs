//! The key that ties identification, window and time to live of forged resets together (P26, listing 1; section 6.3).
//!
//! With a counter `v`: `window = v + destination mod k` (1 where that is 0), `identification = M - k v + source mod window`, both
//! modulo 65,536, and `time to live = v mod 200 + 48` where it begins. `k` is 13 and `M` 65,535 unless set otherwise. The relation between
//! two packets holds whatever the counter was, so threads with counters of their own do not matter.
//!
//! Two estimators: one knows the addresses that the device sees and looks for `k`; the other knows none and asks whether any
//! address fits. Behind address translation the first fails silently; then only the second can tell.
//!
//! What the second finds is the address of a person, up to `k` candidates. It stays in memory: no type here that holds one can be
//! printed or serialised.

use std::fmt;
use std::net::Ipv4Addr;

mod congruence;
mod single;

use congruence::{Class, inverse};
use single::few;
pub use single::{Alone, alone};

/// The key as delivered.
pub const K: u16 = 13;
/// Largest key that is looked for.
pub const MAX_K: u16 = 4096;
/// Packets from which a key is called stable.
pub const ENOUGH: usize = 6;
/// Packets from which the blind estimator says anything.
pub const ENOUGH_BLIND: usize = 4;
/// Different packets that are looked at; more add nothing.
const MAX_PACKETS: usize = 64;
const M: i64 = 65_535;

/// What is compared of a forged packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fields {
    /// TCP window.
    pub window: u16,
    /// Identification of IPv4.
    pub identification: u16,
    /// Time to live, as observed.
    pub ttl: u8,
}

/// How the device reads an address as a number, and which it takes for the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The order of bytes.
    pub order: Order,
    /// Which end is which.
    pub ends: Ends,
}

/// The order in which the bytes of an address make a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// First byte highest.
    Network,
    /// First byte lowest, as a little-endian machine reads the header.
    Host,
}

/// Which address is the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// As the packet has them.
    AsSent,
    /// The other way round.
    Swapped,
}

impl Reading {
    /// All four.
    pub const ALL: [Self; 4] = [
        Self { order: Order::Network, ends: Ends::AsSent },
        Self { order: Order::Host, ends: Ends::AsSent },
        Self { order: Order::Network, ends: Ends::Swapped },
        Self { order: Order::Host, ends: Ends::Swapped },
    ];

    /// Source and destination as numbers.
    fn numbers(self, source: Ipv4Addr, destination: Ipv4Addr) -> (u32, u32) {
        let number = |address: Ipv4Addr| match self.order {
            Order::Network => u32::from(address),
            Order::Host => u32::from(address).swap_bytes(),
        };
        match self.ends {
            Ends::AsSent => (number(source), number(destination)),
            Ends::Swapped => (number(destination), number(source)),
        }
    }
}

/// What the fields of forged packets say.
#[derive(Debug, Clone, PartialEq)]
pub enum SeedKey {
    /// Fewer packets than it takes.
    TooFew,
    /// The window never changes, so there is nothing to compare.
    Undefined,
    /// No key fits.
    Inconsistent,
    /// One does.
    Stable(Stable),
}

/// A key that fits.
#[derive(Debug, Clone, PartialEq)]
pub struct Stable {
    /// The key.
    pub k: u16,
    /// How it was found.
    pub by: By,
    /// Different packets that it was found from.
    pub packets: usize,
    /// Pairs of them that it explains, and all pairs; for the blind estimator, and where packets were asked one by one, packets.
    pub fits: (usize, usize),
    /// Hops from the device to the capture: the fewest and the most that are consistent.
    pub hops: Option<(u8, u8)>,
}

/// How a key was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// From the addresses of the packets.
    Addresses(Reading),
    /// Without any address.
    Blind,
}

/// What can be said of forged packets in one direction, of one device: by their addresses where these fit, otherwise blindly for the
/// key as delivered.
pub fn seed_key(packets: &[Fields], ends: Option<(Ipv4Addr, Ipv4Addr)>) -> SeedKey {
    let known = ends.map(|(source, destination)| by_addresses(packets, source, destination));
    if let Some(SeedKey::Stable(stable)) = known {
        return SeedKey::Stable(stable);
    }
    let distinct = distinct(packets);
    match blind(packets, K) {
        Some(found) => SeedKey::Stable(Stable {
            k: K,
            by: By::Blind,
            packets: found.packets,
            fits: (found.packets, found.packets),
            hops: found.hops,
        }),
        None if distinct.len() < ENOUGH && !is_constant(&distinct) => SeedKey::TooFew,
        None if distinct.len() < ENOUGH_BLIND => match distinct.as_slice() {
            [first, rest @ ..]
                if packets.len() >= ENOUGH && rest.iter().all(|it| it.window == first.window) =>
            {
                SeedKey::Undefined
            }
            _ => SeedKey::TooFew,
        },
        None if is_constant(&distinct) => SeedKey::Undefined,
        None => SeedKey::Inconsistent,
    }
}

fn is_constant(distinct: &[Fields]) -> bool {
    distinct.first().is_some_and(|first| distinct.iter().all(|it| it.window == first.window))
}

/// Packets without exact duplicates (some devices send three alike).
fn distinct(packets: &[Fields]) -> Vec<Fields> {
    let mut distinct: Vec<Fields> = Vec::new();
    for packet in packets {
        let is_known = distinct
            .iter()
            .any(|it| (it.window, it.identification) == (packet.window, packet.identification));
        if !is_known && distinct.len() < MAX_PACKETS {
            distinct.push(*packet);
        }
    }
    distinct
}

/// Looks for one key that explains 95 % of all pairs, in each reading of the addresses. A window of 1 may be a clamped 0
/// and is left out.
pub fn by_addresses(packets: &[Fields], source: Ipv4Addr, destination: Ipv4Addr) -> SeedKey {
    let distinct: Vec<Fields> = distinct(packets).into_iter().filter(|it| it.window > 1).collect();
    if is_constant(&distinct) && packets.len() >= ENOUGH {
        return SeedKey::Undefined;
    }
    if distinct.len() < ENOUGH {
        return few(&distinct, source, destination).unwrap_or(SeedKey::TooFew);
    }
    for reading in Reading::ALL {
        let (source, destination) = reading.numbers(source, destination);
        let Some((k, fits)) = best_key(&distinct, source) else { continue };
        if fits.0 * 100 >= fits.1 * 95 {
            return SeedKey::Stable(Stable {
                k,
                by: By::Addresses(reading),
                packets: distinct.len(),
                fits,
                hops: hops(&distinct, destination % u32::from(k)),
            });
        }
    }
    // Some of its threads may take the ends the other way round: then packets fit alone, and pairs of two kinds do not.
    few(&distinct, source, destination).unwrap_or(SeedKey::Inconsistent)
}

/// The key that most pairs allow, with how many of how many. Pairs of one window say nothing of the key, but identifications
/// that differ there are not of this arithmetic.
fn best_key(packets: &[Fields], source: u32) -> Option<(u16, (usize, usize))> {
    let mut votes = vec![0_usize; usize::from(MAX_K) + 1];
    let mut pairs = 0;
    for (number, one) in packets.iter().enumerate() {
        for other in packets.iter().skip(number + 1) {
            pairs += 1;
            for k in keys_of_pair(one, other, source) {
                if let Some(votes) = votes.get_mut(usize::from(k)) {
                    *votes += 1;
                }
            }
        }
    }
    // The smallest of equals.
    let best =
        votes.iter().enumerate().max_by_key(|(k, votes)| (**votes, std::cmp::Reverse(*k)))?;
    (*best.1 > 0).then_some((best.0 as u16, (*best.1, pairs)))
}

/// Every key up to [`MAX_K`] with which two packets agree: `k dw = num` modulo 65,536.
pub fn keys_of_pair(one: &Fields, other: &Fields, source: u32) -> impl Iterator<Item = u16> {
    let of = |it: &Fields| i64::from(source) % i64::from(it.window.max(1));
    let dw = (i64::from(other.window) - i64::from(one.window)).rem_euclid(65_536);
    let num = i64::from(one.identification) - i64::from(other.identification) + of(other) - of(one);
    let num = num.rem_euclid(65_536);
    // dw = 0 has no solution that tells anything.
    let g = if dw == 0 { 65_536 } else { 1_i64 << dw.trailing_zeros() };
    let step = 65_536 / g;
    let first = (dw != 0 && num % g == 0)
        .then(|| inverse(dw / g, step).map(|it| num / g * it % step))
        .flatten();
    let first = first.map(|first| if first == 0 { step } else { first });
    first
        .into_iter()
        .flat_map(move |first| (0..g).map(move |turn| first + turn * step))
        .take_while(|k| *k <= i64::from(MAX_K))
        .map(|k| k as u16)
}

/// True if one packet fits alone: stronger than pairs, by chance once in 65,536.
pub fn fits(packet: &Fields, k: u16, (source, destination): (u32, u32)) -> bool {
    let (window, k) = (i64::from(packet.window), i64::from(k));
    if window == 0 || k == 0 {
        return false;
    }
    let v = window - i64::from(destination) % k;
    let identification = (M - v * k + i64::from(source) % window).rem_euclid(65_536);
    identification == i64::from(packet.identification)
}

/// Hops from the device, if they are the same for every packet; `c` is what the destination adds to the window.
fn hops(packets: &[Fields], c: u32) -> Option<(u8, u8)> {
    let of = |it: &Fields| {
        let v = i64::from(it.window) - i64::from(c);
        v.rem_euclid(200) + 48 - i64::from(it.ttl)
    };
    let first = packets.first().map(of)?;
    let hops = u8::try_from(first).ok().filter(|hops| *hops <= 64)?;
    packets.iter().all(|it| of(it) == first).then_some((hops, hops))
}

/// What the blind estimator found. The addresses in it are nobody's to print.
#[derive(Clone, PartialEq, Eq)]
pub struct Blind {
    candidates: Vec<Class>,
    /// Different packets.
    pub packets: usize,
    /// Hops from the device: the fewest and the most that are consistent.
    pub hops: Option<(u8, u8)>,
}

impl fmt::Debug for Blind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let candidates = self.candidates.len();
        write!(f, "Blind {{ {candidates} candidates, packets: {} }}", self.packets)
    }
}

impl Blind {
    /// How many addresses fit, `k` at most; where the packets are few, an entry may stand for two.
    pub fn candidates(&self) -> usize {
        self.candidates.len()
    }

    /// True if this address, read in this order, is one that fits. For a person's own device: it tells whether the device stands inside
    /// or outside the operator's address translation.
    pub fn holds(&self, address: Ipv4Addr, order: Order) -> bool {
        let reading = Reading { order, ends: Ends::AsSent };
        let (address, _) = reading.numbers(address, address);
        self.candidates.iter().any(|it| it.holds(address))
    }
}

/// Asks whether any source address makes all packets fit this key, without knowing one. None where none does, or where the packets
/// are too few to pin an address down.
pub fn blind(packets: &[Fields], k: u16) -> Option<Blind> {
    let distinct: Vec<Fields> = distinct(packets).into_iter().filter(|it| it.window != 1).collect();
    // One window cannot pin anything down, and a window of 0 is never sent.
    if k == 0 || distinct.len() < 3 || distinct.iter().any(|it| it.window == 0) {
        return None;
    }
    let mut found = Blind { candidates: Vec::new(), packets: distinct.len(), hops: None };
    for c in 0..u32::from(k) {
        let class = class_for(&distinct, k, c);
        let Some(class) = class.filter(|it| it.narrow().is_some()) else { continue };
        found.candidates.push(class);
        if let Some((low, high)) = hops(&distinct, c) {
            let (least, most) = found.hops.unwrap_or((low, high));
            found.hops = Some((least.min(low), most.max(high)));
        }
    }
    (!found.candidates.is_empty()).then_some(found)
}

/// The source addresses with which all packets fit, if the destination adds `c` to the window.
fn class_for(packets: &[Fields], k: u16, c: u32) -> Option<Class> {
    let mut class = Class::ALL;
    for packet in packets {
        let window = i64::from(packet.window);
        let v = window - i64::from(c);
        let rest = (i64::from(packet.identification) - M + v * i64::from(k)).rem_euclid(65_536);
        if rest >= window {
            return None;
        }
        class = class.and(rest as u64, window as u64)?;
    }
    Some(class)
}

#[cfg(test)]
mod tests;
