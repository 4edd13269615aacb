//! Packets one by one: each must fit the key as delivered by itself.

use std::net::Ipv4Addr;

use super::{By, ENOUGH_BLIND, Ends, Fields, K, Order, Reading, SeedKey, Stable, fits};

/// Asks packets one by one: 95 % of them must fit the key as delivered, in one order of bytes and either orientation. By chance one does
/// in 32,768, so four are enough.
pub(super) fn few(distinct: &[Fields], source: Ipv4Addr, destination: Ipv4Addr) -> Option<SeedKey> {
    let count = distinct.len();
    if count < ENOUGH_BLIND {
        return None;
    }
    [Order::Network, Order::Host].into_iter().find_map(|order| {
        let readings = [Ends::AsSent, Ends::Swapped].map(|ends| Reading { order, ends });
        let fitting: Vec<(Reading, i64)> = distinct
            .iter()
            .filter_map(|it| {
                readings.into_iter().find_map(|reading| {
                    Some((reading, hops_of(it, reading.numbers(source, destination))?))
                })
            })
            .collect();
        let (first, _) = *fitting.first()?;
        let usual = fitting.iter().filter(|(it, _)| *it == first).count() * 2 >= fitting.len();
        let [as_sent, swapped] = readings;
        let by = match (usual, first == as_sent) {
            (true, _) => first,
            (false, true) => swapped,
            (false, false) => as_sent,
        };
        let hops = fitting.iter().map(|(_, hops)| *hops);
        let (low, high) = (hops.clone().min()?, hops.max()?);
        let hops = u8::try_from(low).ok().filter(|it| low == high && i64::from(*it) <= MOST_HOPS);
        (fitting.len() * 100 >= count * 95).then(|| {
            SeedKey::Stable(Stable {
                k: K,
                by: By::Addresses(by),
                packets: count,
                fits: (fitting.len(), count),
                hops: hops.map(|it| (it, it)),
            })
        })
    })
}

/// Where a packet fits the key as delivered: how far its time to live is from what its counter gives.
fn hops_of(packet: &Fields, ends: (u32, u32)) -> Option<i64> {
    let v = i64::from(packet.window) - i64::from(ends.1 % u32::from(K));
    (v > 0 && fits(packet, K, ends)).then(|| v.rem_euclid(200) + 48 - i64::from(packet.ttl))
}

/// Packets that fit the key as delivered one by one, all at one distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alone {
    /// How many, copies among them.
    pub fits: usize,
    /// Hops from the device.
    pub hops: u8,
}

/// Most hops that a path has.
const MOST_HOPS: i64 = 40;

/// Asks each packet by itself, by the addresses of the packets: identification and time to live must both fit (by chance once in
/// some 300,000). The distance at which most do, if any does.
pub fn alone(packets: &[Fields], source: Ipv4Addr, destination: Ipv4Addr) -> Option<Alone> {
    let of = |order: Order| -> Option<Alone> {
        let readings = [Ends::AsSent, Ends::Swapped].map(|ends| Reading { order, ends });
        let mut at = [0_usize; MOST_HOPS as usize + 1];
        for packet in packets {
            let hops = readings.iter().find_map(|it| {
                let hops = hops_of(packet, it.numbers(source, destination))?;
                usize::try_from(hops).ok().filter(|hops| *hops < at.len())
            });
            if let Some(count) = hops.and_then(|it| at.get_mut(it)) {
                *count += 1;
            }
        }
        let most = at.iter().enumerate().max_by_key(|(_, count)| **count)?;
        (*most.1 > 0).then_some(Alone { fits: *most.1, hops: most.0 as u8 })
    };
    [Order::Network, Order::Host].into_iter().filter_map(of).max_by_key(|it| it.fits)
}
