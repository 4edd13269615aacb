//! IP fragments, joined (RFC 791 §3.2, RFC 8200 §4.5): bounded in packets, bytes and time. Fragments that overlap with other
//! bytes are kept as they first came, and counted.
//!
//! Ends differ in whose bytes they take where fragments overlap (Shankar and Paxson 2003): an overlap with other bytes means
//! that somebody may have tried to be read differently by a device between the ends.

use std::collections::BTreeMap;
use std::net::IpAddr;

use wirewitness_wire::ip::{Fragment, IpPacket};

/// Joins fragments.
#[derive(Debug, Default)]
pub struct Fragments {
    /// Packets of which some is there.
    packets: BTreeMap<Key, Partial>,
    /// Their keys, in the order in which they began.
    order: BTreeMap<u64, Key>,
    /// How many have begun.
    begun: u64,
    /// What all of them hold, bytes.
    held: usize,
    counts: Counts,
}

/// What came of the fragments so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets joined.
    pub joined: u64,
    /// Packets given up: too old, or too many at once.
    pub given_up: u64,
    /// Fragments that came again, wholly or in part, with the same bytes.
    pub duplicates: u64,
    /// Fragments that overlap others with other bytes, or say another end of the packet.
    pub overlaps: u64,
    /// Fragments passed over: cut by the capture, or such as cannot be.
    pub odd: u64,
}

/// What the fragments of a packet have in common. In IPv6 the protocol is that of the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    source: IpAddr,
    destination: IpAddr,
    identification: u32,
    protocol: Option<u8>,
}

/// A packet of which some is there.
#[derive(Debug, Default)]
struct Partial {
    began_ns: i64,
    /// Its place in the order.
    number: u64,
    /// What is there, by its place; no part overlaps another.
    parts: BTreeMap<usize, Vec<u8>>,
    bytes: usize,
    /// Where the packet ends, once that is known.
    end: Option<usize>,
}

/// How a fragment meets what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meeting {
    Apart,
    Same,
    Differs,
}

impl Fragments {
    /// The most packets that are kept at once.
    pub const MAX_PACKETS: usize = 1024;
    /// The most bytes that are kept at once, with what keeping them takes.
    pub const MAX_BYTES: usize = 4 << 20;
    /// How long a packet is waited for, seconds. Linux waits as long.
    pub const MAX_AGE_SECS: i64 = 30;

    /// Takes in a fragment. The joined payload, once all of it is there; the packet's other fields are those of its first fragment.
    pub fn put(&mut self, packet: &IpPacket<'_>, at_ns: i64) -> Option<Vec<u8>> {
        let fragment = packet.fragment?;
        self.expire(at_ns);
        if !is_possible(packet, fragment) {
            self.counts.odd += 1;
            return None;
        }
        let key = Key {
            source: packet.source,
            destination: packet.destination,
            identification: fragment.identification,
            protocol: packet.source.is_ipv4().then_some(packet.protocol),
        };
        let partial = self.packets.entry(key).or_insert_with(|| {
            self.begun += 1;
            self.order.insert(self.begun, key);
            Partial { began_ns: at_ns, number: self.begun, ..Partial::default() }
        });
        let before = partial.held();
        match partial.put(fragment, packet.payload) {
            Meeting::Apart => {}
            Meeting::Same => self.counts.duplicates += 1,
            Meeting::Differs => self.counts.overlaps += 1,
        }
        self.held += partial.held() - before;
        let is_whole = partial.end == Some(partial.bytes);
        if !is_whole {
            self.keep_bounds();
            return None;
        }
        let joined = self.remove(key)?;
        self.counts.joined += 1;
        Some(joined.parts.into_values().flatten().collect())
    }

    /// What came of the fragments so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Gives up what is older than is waited for.
    fn expire(&mut self, at_ns: i64) {
        while let Some((_, key)) = self.order.first_key_value() {
            let began_ns = self.packets.get(key).map_or(i64::MIN, |partial| partial.began_ns);
            if at_ns.saturating_sub(began_ns) <= Self::MAX_AGE_SECS * 1_000_000_000 {
                return;
            }
            self.give_up_oldest();
        }
    }

    /// Gives up the oldest while there is too much.
    fn keep_bounds(&mut self) {
        while self.packets.len() > Self::MAX_PACKETS || self.held > Self::MAX_BYTES {
            self.give_up_oldest();
        }
    }

    fn give_up_oldest(&mut self) {
        if let Some((_, key)) = self.order.pop_first() {
            self.remove(key);
            self.counts.given_up += 1;
        }
    }

    fn remove(&mut self, key: Key) -> Option<Partial> {
        let partial = self.packets.remove(&key)?;
        self.order.remove(&partial.number);
        self.held -= partial.held();
        Some(partial)
    }
}

impl Partial {
    /// Bytes that it takes, about.
    fn held(&self) -> usize {
        self.bytes + self.parts.len() * PART_OVERHEAD
    }

    /// Puts a fragment's bytes where there are none yet.
    fn put(&mut self, fragment: Fragment, payload: &[u8]) -> Meeting {
        let start = usize::from(fragment.offset);
        let mut meeting = Meeting::Apart;
        let known_end = self.end.unwrap_or(MAX_PAYLOAD);
        let said_end = start + payload.len();
        if !fragment.more {
            let last = self.parts.last_key_value().map_or(0, |(at, part)| at + part.len());
            if self.end.is_none() && said_end >= last {
                self.end = Some(said_end);
            } else if self.end != Some(said_end) {
                meeting = Meeting::Differs;
            }
        }
        // Beyond the end that came first there is nothing.
        let payload = match known_end.checked_sub(start) {
            Some(room) if room < payload.len() => {
                meeting = Meeting::Differs;
                payload.get(..room).unwrap_or_default()
            }
            Some(_) => payload,
            None => return Meeting::Differs,
        };
        let (gaps, met) = self.gaps(start, payload);
        for (at, bytes) in gaps {
            self.bytes += bytes.len();
            self.parts.insert(at, bytes.to_vec());
        }
        if met == Meeting::Apart || meeting == Meeting::Differs { meeting } else { met }
    }

    /// The parts of a payload that are not there yet, with their places, and whether what is there is the same.
    fn gaps<'a>(&self, start: usize, payload: &'a [u8]) -> (Vec<(usize, &'a [u8])>, Meeting) {
        let (mut gaps, mut meeting) = (Vec::new(), Meeting::Apart);
        let end = start + payload.len();
        let mut at = start;
        let slice =
            |from: usize, to: usize| payload.get(from - start..to - start).unwrap_or_default();
        // The part before may reach into this one.
        let first = self.parts.range(..=start).next_back().map_or(start, |(at, _)| *at);
        for (part_at, part) in self.parts.range(first..end) {
            let part_end = part_at + part.len();
            if part_end <= start {
                continue;
            }
            if *part_at > at {
                gaps.push((at, slice(at, *part_at)));
            }
            let (from, to) = ((*part_at).max(start), part_end.min(end));
            let is_same = part.get(from - part_at..to - part_at) == Some(slice(from, to));
            if !is_same {
                meeting = Meeting::Differs;
            } else if meeting == Meeting::Apart {
                meeting = Meeting::Same;
            }
            at = part_end;
        }
        if at < end {
            gaps.push((at, slice(at, end)));
        }
        (gaps, meeting)
    }
}

/// True for a fragment that is all there, on whole units of eight bytes, and within the longest packet.
fn is_possible(packet: &IpPacket<'_>, fragment: Fragment) -> bool {
    let len = packet.payload.len();
    len == packet.payload_len
        && len > 0
        && (!fragment.more || len.is_multiple_of(8))
        && usize::from(fragment.offset) + len <= MAX_PAYLOAD
}

/// What a part takes beside its bytes.
const PART_OVERHEAD: usize = 64;
/// What the length fields of IP can say.
const MAX_PAYLOAD: usize = 65_535;

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use wirewitness_wire::file::Way;
    use wirewitness_wire::ip::Tunnels;

    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn packet(identification: u32, offset: u16, more: bool, payload: &[u8]) -> IpPacket<'_> {
        IpPacket {
            source: Ipv4Addr::new(192, 0, 2, 1).into(),
            destination: Ipv4Addr::new(192, 0, 2, 2).into(),
            ttl: 64,
            identification: Some(identification as u16),
            dont_fragment: false,
            traffic_class: 0,
            fragment: Some(Fragment { identification, offset, more }),
            protocol: 17,
            header: &[],
            payload,
            payload_len: payload.len(),
            trailer: &[],
            tunnels: Tunnels::default(),
            way: Way::Unknown,
        }
    }

    /// 40 bytes that all differ.
    fn whole() -> Vec<u8> {
        (0..40).collect()
    }

    /// Puts parts `(from, to)` of a payload; the last one is what reaches its end.
    fn put(
        fragments: &mut Fragments,
        payload: &[u8],
        parts: &[(usize, usize)],
    ) -> Vec<Option<Vec<u8>>> {
        let one = |(from, to): &(usize, usize)| {
            let bytes = &payload[*from..*to];
            fragments.put(&packet(7, *from as u16, *to < payload.len(), bytes), 0)
        };
        parts.iter().map(one).collect()
    }

    #[test]
    fn every_order_joins() {
        let parts = [(0, 8), (8, 24), (24, 32), (32, 40)];
        for seed in 0..24_usize {
            let (mut left, mut order, mut seed) = (parts.to_vec(), Vec::new(), seed);
            while !left.is_empty() {
                let len = left.len();
                order.push(left.remove(seed % len));
                seed /= len;
            }
            let mut fragments = Fragments::default();
            let found = put(&mut fragments, &whole(), &order);
            assert_eq!(found, [None, None, None, Some(whole())], "{order:?}");
            assert_eq!((fragments.packets.len(), fragments.order.len(), fragments.held), (0, 0, 0));
        }
    }

    #[test]
    fn duplicates_and_overlaps() {
        let same = [(0, 16), (0, 16), (8, 24), (0, 8), (16, 40)];
        let mut fragments = Fragments::default();
        let found = put(&mut fragments, &whole(), &same);
        assert_eq!(found.last(), Some(&Some(whole())));
        assert_eq!((fragments.counts.duplicates, fragments.counts.overlaps), (4, 0));
        // Other bytes: those that came first stay.
        let mut fragments = Fragments::default();
        fragments.put(&packet(7, 8, true, &whole()[8..16]), 0);
        fragments.put(&packet(7, 0, true, &[99; 24]), 0);
        let joined = fragments.put(&packet(7, 24, false, &whole()[24..]), 0).unwrap();
        let wanted = [&[99; 8][..], &whole()[8..16], &[99; 8], &whole()[24..]].concat();
        assert_eq!(joined, wanted);
        assert_eq!((fragments.counts.duplicates, fragments.counts.overlaps), (0, 1));
    }

    #[test]
    fn ends_that_differ_are_counted() {
        let mut fragments = Fragments::default();
        fragments.put(&packet(7, 16, false, &[1; 8]), 0);
        // Beyond the end, and another end.
        assert_eq!(fragments.put(&packet(7, 24, true, &[2; 8]), 0), None);
        assert_eq!(fragments.put(&packet(7, 32, false, &[2; 8]), 0), None);
        assert_eq!(fragments.counts.overlaps, 2);
        assert_eq!(fragments.put(&packet(7, 0, true, &[3; 16]), 0).unwrap().len(), 24);
        // An end before what is there is no end.
        fragments.put(&packet(8, 16, true, &[1; 8]), 0);
        fragments.put(&packet(8, 0, false, &[1; 8]), 0);
        assert_eq!(fragments.counts.overlaps, 3);
        assert_eq!(fragments.put(&packet(8, 8, true, &[1; 8]), 0), None);
        assert_eq!(fragments.put(&packet(8, 24, false, &[4]), 0).unwrap().len(), 25);
    }

    #[test]
    fn what_cannot_be_is_passed_over() {
        let mut fragments = Fragments::default();
        let mut cut = packet(7, 0, true, &[0; 8]);
        cut.payload_len = 16;
        for odd in [
            packet(7, 0, true, &[0; 9]),
            packet(7, 0, true, &[]),
            packet(7, 65_528, false, &[0; 8]),
            cut,
        ] {
            assert_eq!(fragments.put(&odd, 0), None);
        }
        assert_eq!((fragments.counts.odd, fragments.packets.len()), (4, 0));
        let mut plain = packet(7, 0, true, &[0; 8]);
        plain.fragment = None;
        assert_eq!(fragments.put(&plain, 0), None);
        assert_eq!(fragments.counts.odd, 4);
    }

    #[test]
    fn packets_are_told_apart() {
        let mut fragments = Fragments::default();
        let mut others = [packet(7, 8, false, &[2; 8]); 4];
        others[0].source = Ipv4Addr::new(192, 0, 2, 9).into();
        others[1].destination = Ipv4Addr::new(192, 0, 2, 9).into();
        others[2].protocol = 6;
        others[3].fragment = Some(Fragment { identification: 8, offset: 8, more: false });
        fragments.put(&packet(7, 0, true, &[1; 8]), 0);
        for other in others {
            assert_eq!(fragments.put(&other, 0), None);
        }
        assert!(fragments.put(&packet(7, 8, false, &[2; 8]), 0).is_some());
        // In IPv6 the protocol of later fragments does not count.
        let mut six = packet(7, 0, true, &[1; 8]);
        six.source = Ipv6Addr::LOCALHOST.into();
        fragments.put(&six, 0);
        (six.protocol, six.payload) = (60, &[2; 8]);
        six.fragment = Some(Fragment { identification: 7, offset: 8, more: false });
        assert!(fragments.put(&six, 0).is_some());
    }

    #[test]
    fn time_and_bounds() {
        let mut fragments = Fragments::default();
        fragments.put(&packet(1, 0, true, &[1; 8]), 0);
        let late = Fragments::MAX_AGE_SECS * SECOND;
        assert!(fragments.put(&packet(1, 8, false, &[1; 8]), late).is_some());
        fragments.put(&packet(1, 0, true, &[1; 8]), 0);
        assert!(fragments.put(&packet(1, 8, false, &[1; 8]), late + 1).is_none());
        assert_eq!(fragments.counts.given_up, 1);
        // Floods: of packets, and of bytes.
        let mut flooded = Fragments::default();
        for identification in 0..5000 {
            flooded.put(&packet(identification, 0, true, &[1; 8]), 0);
        }
        assert_eq!(flooded.packets.len(), Fragments::MAX_PACKETS);
        for identification in 0..200 {
            flooded.put(&packet(identification, 0, true, &[1; 64_000]), 0);
            assert!(flooded.held <= Fragments::MAX_BYTES);
            assert_eq!(flooded.packets.len(), flooded.order.len());
        }
        let sum: usize = flooded.packets.values().map(Partial::held).sum();
        assert_eq!(sum, flooded.held);
    }
}
