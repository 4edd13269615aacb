//! IPv4 fragments (RFC 791 §3.2): a packet cut to fit, and put together again.
//!
//! IPv6 packets are never cut: no host of the lab writes extension headers.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use wirewitness_wire::read::be16;

use super::Frame;
use super::build::{put16, refresh_v4_checksum};

/// Cuts a packet into fragments of no more than `mtu` bytes. One that fits, or is not IPv4, stays whole.
pub(crate) fn split(frame: Frame, mtu: usize) -> Vec<Frame> {
    if frame.len() <= mtu {
        return vec![frame];
    }
    let pieces = cut(frame.bytes(), mtu);
    pieces.unwrap_or_else(|| vec![frame])
}

fn cut(bytes: &[u8], mtu: usize) -> Option<Vec<Frame>> {
    let (header, payload) = ipv4_parts(bytes)?;
    // Offsets count in units of eight bytes.
    let size = mtu.checked_sub(header.len())? / UNIT * UNIT;
    if size == 0 {
        return None;
    }
    let mut frames = Vec::new();
    for (number, piece) in payload.chunks(size).enumerate() {
        let offset = number * size;
        let more = if offset + piece.len() < payload.len() { MORE } else { 0 };
        frames.push(join(header, piece, more | (offset / UNIT) as u16)?);
    }
    Some(frames)
}

/// Cuts an IPv4 packet into fragments of these many bytes of payload each; all but the last are multiples of eight.
pub(crate) fn cut_at(frame: &Frame, sizes: &[usize]) -> Option<Vec<Frame>> {
    if sizes.len() < 2 {
        return Some(vec![frame.clone()]);
    }
    let (header, mut payload) = ipv4_parts(frame.bytes())?;
    let (mut frames, mut offset) = (Vec::new(), 0);
    for size in sizes {
        let (piece, rest) = payload.split_at_checked(*size)?;
        let more = if rest.is_empty() { 0 } else { MORE };
        frames.push(join(header, piece, more | u16::try_from(offset / UNIT).ok()?)?);
        (payload, offset) = (rest, offset + size);
    }
    payload.is_empty().then_some(frames)
}

/// Header and payload of an IPv4 packet.
fn ipv4_parts(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let first = bytes.first().filter(|first| **first >> 4 == 4)?;
    let header_len = usize::from(first & 0x0f) * 4;
    let total_len = usize::from(be16(bytes, 2)?);
    bytes.get(..total_len)?.split_at_checked(header_len)
}

/// A packet with this header, but for its length and fragmentation fields.
fn join(header: &[u8], payload: &[u8], fragmentation: u16) -> Option<Frame> {
    let mut bytes = [header, payload].concat();
    let total = u16::try_from(bytes.len()).ok()?;
    put16(&mut bytes, 2, total)?;
    put16(&mut bytes, 6, fragmentation)?;
    refresh_v4_checksum(&mut bytes);
    Some(Frame::from_bytes(bytes))
}

/// Fragments on their way to being whole. Bounded in packets, pieces and time.
#[derive(Debug)]
pub(crate) struct Fragments {
    packets: BTreeMap<Key, Pieces>,
    max_pieces: usize,
}

impl Default for Fragments {
    fn default() -> Self {
        Self::of_at_most(MAX_PIECES)
    }
}

/// What fragments of one packet have in common.
type Key = (IpAddr, IpAddr, u8, u16);

#[derive(Debug)]
struct Pieces {
    since: Duration,
    pieces: BTreeMap<usize, Vec<u8>>,
    /// The header of the first piece.
    header: Vec<u8>,
    /// Known with the last piece.
    len: Option<usize>,
}

impl Fragments {
    /// Joins packets of no more than so many pieces.
    pub(crate) fn of_at_most(max_pieces: usize) -> Self {
        Self { packets: BTreeMap::new(), max_pieces }
    }

    /// Joins what a host joins: Linux counts no pieces.
    pub(crate) fn of_a_host() -> Self {
        Self::of_at_most(usize::from(wirewitness_net::raw::MOST_PIECES))
    }

    /// Takes a fragment in; gives the packet when it is whole. Pieces that overlap spoil all, as in Linux since 2018; a copy
    /// does not.
    pub(crate) fn put(&mut self, now: Duration, frame: &Frame) -> Option<Frame> {
        self.packets.retain(|_, pieces| now < pieces.since + PATIENCE);
        let packet = frame.packet()?;
        let fragment = packet.fragment?;
        let key = (packet.source, packet.destination, fragment.protocol, packet.identification);
        if !self.packets.contains_key(&key) && self.packets.len() >= MAX_PACKETS {
            let oldest = self.packets.iter().min_by_key(|(_, pieces)| pieces.since);
            let oldest = oldest.map(|(key, _)| *key)?;
            self.packets.remove(&oldest);
        }
        let (header, payload) = ipv4_parts(frame.bytes())?;
        let pieces = self.packets.entry(key).or_insert_with(|| Pieces {
            since: now,
            pieces: BTreeMap::new(),
            header: Vec::new(),
            len: None,
        });
        let offset = usize::from(fragment.offset);
        let fits = pieces.add(offset, payload, self.max_pieces);
        if offset == 0 {
            pieces.header = header.to_vec();
        }
        if !fragment.more {
            pieces.len = Some(offset + payload.len());
        }
        let whole = pieces.whole();
        if !fits || whole.is_some() {
            self.packets.remove(&key);
        }
        whole.filter(|_| fits)
    }
}

impl Pieces {
    /// False if the piece overlaps another, or is one too many.
    fn add(&mut self, offset: usize, payload: &[u8], max_pieces: usize) -> bool {
        if let Some(same) = self.pieces.get(&offset) {
            return same == payload;
        }
        let before = self.pieces.range(..offset).next_back();
        let after = self.pieces.range(offset..).next();
        let overlaps = before.is_some_and(|(at, piece)| at + piece.len() > offset)
            || after.is_some_and(|(at, _)| offset + payload.len() > *at);
        if overlaps || self.pieces.len() >= max_pieces {
            return false;
        }
        self.pieces.insert(offset, payload.to_vec());
        true
    }

    fn whole(&self) -> Option<Frame> {
        // Most pieces are not the last, and complete nothing.
        let len = self.len?;
        let mut payload = Vec::with_capacity(len);
        for (offset, piece) in &self.pieces {
            if *offset != payload.len() {
                return None;
            }
            payload.extend(piece);
        }
        (len == payload.len()).then(|| join(&self.header, &payload, 0)).flatten()
    }
}

const UNIT: usize = 8;
/// More fragments follow.
const MORE: u16 = 0x2000;
/// Linux's.
const PATIENCE: Duration = Duration::from_secs(30);
const MAX_PACKETS: usize = 64;
const MAX_PIECES: usize = 256;

#[cfg(test)]
mod tests {
    use super::super::{Body, UdpSpec, build};
    use super::*;

    const SEC: Duration = Duration::from_secs(1);

    fn datagram(identification: u16, len: usize) -> Frame {
        let spec = UdpSpec {
            source: "192.0.2.1:53".parse().unwrap(),
            destination: "198.51.100.2:999".parse().unwrap(),
            ttl: 64,
            identification,
            payload: (0..len).map(|at| at as u8).collect(),
        };
        build::udp(&spec).unwrap()
    }

    fn payload(frame: &Frame) -> Vec<u8> {
        frame.packet().unwrap().udp().unwrap().payload.to_vec()
    }

    #[test]
    fn what_is_cut_is_whole_again_in_any_order() {
        let whole = datagram(7, 3000);
        let pieces = split(whole.clone(), 1000);
        assert_eq!(pieces.len(), 4);
        let fragments: Vec<_> = pieces.iter().map(|it| it.packet().unwrap()).collect();
        assert!(pieces.iter().all(|it| it.len() <= 1000));
        // 3008 bytes of UDP in pieces of 976.
        let offsets: Vec<u16> = fragments.iter().map(|it| it.fragment.unwrap().offset).collect();
        assert_eq!(offsets, [0, 976, 1952, 2928]);
        assert_eq!(fragments[0].udp().map(|it| it.payload.len()), Some(968));
        assert_eq!(fragments[1].body, Body::Other(17));
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
            let mut table = Fragments::default();
            for at in &order[..3] {
                assert_eq!(table.put(SEC, &pieces[*at]), None);
                assert_eq!(table.put(SEC, &pieces[*at]), None, "a copy");
            }
            let joined = table.put(SEC, &pieces[order[3]]).unwrap();
            assert_eq!(payload(&joined), payload(&whole));
            assert!(table.packets.is_empty());
        }
        assert_eq!(split(whole.clone(), 3028), [whole]);
    }

    #[test]
    fn packets_do_not_mix_and_are_not_kept_for_ever() {
        let (a, b) = (split(datagram(1, 1500), 1000), split(datagram(2, 1500), 1000));
        let mut table = Fragments::default();
        assert_eq!(table.put(SEC, &a[0]), None);
        assert_eq!(table.put(SEC, &b[1]), None);
        assert!(table.put(SEC, &a[1]).is_some());
        assert_eq!(table.put(SEC + PATIENCE, &b[0]), None, "too late");
        for number in 0..1000 {
            table.put(2 * PATIENCE, &split(datagram(number, 1500), 1000)[0]);
            assert!(table.packets.len() <= MAX_PACKETS);
        }
    }

    #[test]
    fn an_overlap_spoils_the_packet() {
        let small = split(datagram(1, 1500), 500);
        let large = split(datagram(1, 1500), 1000);
        let mut table = Fragments::default();
        assert_eq!(table.put(SEC, &small[0]), None);
        assert_eq!(table.put(SEC, &large[0]), None);
        assert!(table.packets.is_empty());
    }
}
