//! A point in 28 bytes that compare as points are sorted.
//!
//! From the highest bit: target 32, country 16, network 32, time 34, vantage 64, resolver 32, status 2, mechanism 6, and 6 that are 0.

use wirewitness_model::point::{Network, Point};
use wirewitness_model::verdict::{Mechanism, Status};

/// The words, the highest first.
pub(super) type Packed = [u32; 7];

/// Bytes of a point in a file.
pub(super) const BYTES: usize = 28;

/// All statuses, by their number in a point.
pub(super) const STATUSES: [Status; 4] =
    [Status::Ok, Status::Down, Status::Blocked, Status::Insufficient];

/// What a point says beside its target.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said {
    pub(super) country: [u8; 2],
    pub(super) asn: u32,
    pub(super) at_s: i64,
    pub(super) vantage: u64,
    pub(super) resolver: u32,
    /// Place in [`STATUSES`].
    pub(super) status: u32,
    /// Place in [`Mechanism::ALL`], from 1; 0 for none.
    pub(super) mechanism: u32,
}

/// Packs a point. A time that does not fit is one that no search believes: it becomes the last that fits.
pub(super) fn pack(target: u32, said: &Said) -> Packed {
    let country = u32::from(u16::from_be_bytes(said.country));
    let at = u64::try_from(said.at_s).unwrap_or(AT_MAX).min(AT_MAX);
    let vantage = said.vantage;
    [
        target,
        country << 16 | said.asn >> 16,
        said.asn << 16 | low(at >> 18),
        low(at) << 14 | low(vantage >> 50),
        low(vantage >> 18),
        low(vantage) << 14 | said.resolver >> 18,
        said.resolver << 14 | (said.status & 3) << 12 | (said.mechanism & 63) << 6,
    ]
}

/// The point.
pub(super) fn unpack(words: &Packed) -> Point {
    let [target, w1, w2, w3, w4, w5, w6] = words.map(u64::from);
    let at = (w2 & 0xffff) << 18 | w3 >> 14;
    let [.., first, second] = (w1 >> 16).to_be_bytes();
    let status = STATUSES.get((w6 >> 12 & 3) as usize).copied();
    let mechanism = (w6 >> 6 & 63).checked_sub(1).and_then(|at| Mechanism::ALL.get(at as usize));
    Point {
        at_s: at as i64,
        network: Network { country: [first, second], asn: low((w1 & 0xffff) << 16 | w2 >> 16) },
        target: low(target),
        vantage: (w3 & 0x3fff) << 50 | w4 << 18 | w5 >> 14,
        resolver_asn: low((w5 & 0x3fff) << 18 | w6 >> 14),
        status: status.unwrap_or(Status::Insufficient),
        mechanism: mechanism.map(|(mechanism, _, _)| *mechanism),
    }
}

/// Appends it to bytes.
pub(super) fn put(words: &Packed, bytes: &mut Vec<u8>) {
    let mut raw = [0; BYTES];
    for (to, word) in raw.chunks_exact_mut(4).zip(words) {
        to.copy_from_slice(&word.to_le_bytes());
    }
    bytes.extend_from_slice(&raw);
}

/// Reads all that bytes hold.
pub(super) fn all(bytes: &[u8]) -> impl Iterator<Item = Packed> + '_ {
    let (points, _) = bytes.as_chunks::<BYTES>();
    points.iter().map(|raw| {
        let mut words = [0; 7];
        let (parts, _) = raw.as_chunks::<4>();
        words.iter_mut().zip(parts).for_each(|(word, part)| *word = u32::from_le_bytes(*part));
        words
    })
}

fn low(wide: u64) -> u32 {
    (wide & 0xffff_ffff) as u32
}

/// The year 2514: beyond what a search believes.
const AT_MAX: u64 = (1 << 34) - 1;

// Six bits hold every mechanism and none.
const _: () = assert!(Mechanism::ALL.len() < 64);

#[cfg(test)]
mod tests {
    use super::*;

    fn said(n: u64) -> Said {
        // Numbers that reach every bit.
        let mix = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Said {
            country: [b'A' + (n % 26) as u8, b'Z' - (n % 7) as u8],
            asn: (mix >> 7) as u32,
            at_s: (mix >> 31) as i64 % 7_258_118_400,
            vantage: mix.rotate_left(17),
            resolver: (mix >> 29) as u32,
            status: (mix % 4) as u32,
            mechanism: (mix % (Mechanism::ALL.len() as u64 + 1)) as u32,
        }
    }

    #[test]
    fn points_come_back() {
        for n in 0..5_000 {
            let said = said(n);
            let target = (n * 77_777) as u32;
            let mut bytes = Vec::new();
            put(&pack(target, &said), &mut bytes);
            let words = all(&bytes).next().unwrap();
            let mechanism = said.mechanism.checked_sub(1).map(|at| Mechanism::ALL[at as usize].0);
            let network = Network { country: said.country, asn: said.asn };
            assert_eq!(
                unpack(&words),
                Point {
                    at_s: said.at_s,
                    network,
                    target,
                    vantage: said.vantage,
                    resolver_asn: said.resolver,
                    status: STATUSES[said.status as usize],
                    mechanism,
                }
            );
        }
    }

    #[test]
    fn they_sort_as_points_do() {
        let mut packed: Vec<Packed> =
            (0..5_000).map(|n| pack((n % 9) as u32, &said(n % 600))).collect();
        let mut points: Vec<Point> = packed.iter().map(unpack).collect();
        packed.sort_unstable();
        wirewitness_analysis::events::sort(&mut points);
        assert_eq!(packed.iter().map(unpack).collect::<Vec<_>>(), points);
    }

    #[test]
    fn a_time_of_no_time_stays_one() {
        for at_s in [-1, i64::MIN, i64::MAX] {
            let far = unpack(&pack(1, &Said { at_s, ..said(1) })).at_s;
            assert!(far >= 7_258_118_400, "{far}");
        }
    }
}
