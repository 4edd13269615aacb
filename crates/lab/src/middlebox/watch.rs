//! Watching flows: a bounded table of them, and what a flow's first message asks for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use super::names::Names;
use super::parse::{Found, LIMIT, http_host, server_name, server_name_of_record};
use super::{Direction, Fate, Hop};
use crate::frame::{Frame, Packet, Tcp, flags};

/// The two ends of a flow; the client is the subscriber's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flow {
    /// The end inside.
    pub client: SocketAddr,
    /// The end outside.
    pub server: SocketAddr,
}

impl Flow {
    /// The flow that a packet belongs to; none without ports.
    pub fn of(packet: &Packet<'_>, direction: Direction) -> Option<Self> {
        let (source, destination) = packet.endpoints()?;
        Some(match direction {
            Direction::Outbound => Self { client: source, server: destination },
            Direction::Inbound => Self { client: destination, server: source },
        })
    }
}

/// A table with a bound: the entry that was not asked for longest makes room, and idle ones expire.
#[derive(Debug)]
pub struct FlowTable<K, V> {
    entries: BTreeMap<K, (Duration, V)>,
    ages: BTreeSet<(Duration, K)>,
    capacity: usize,
    idle: Duration,
}

impl<K: Ord + Clone, V> FlowTable<K, V> {
    /// A table of at most `capacity` entries, each kept while it is asked for within `idle`.
    pub fn new(capacity: usize, idle: Duration) -> Self {
        Self { entries: BTreeMap::new(), ages: BTreeSet::new(), capacity, idle }
    }

    /// The entry of `key`, as long as it has not expired. Asking keeps it.
    pub fn touch(&mut self, key: &K, now: Duration) -> Option<&mut V> {
        self.expire(now);
        let (age, value) = self.entries.get_mut(key)?;
        self.ages.remove(&(*age, key.clone()));
        *age = now;
        self.ages.insert((now, key.clone()));
        Some(value)
    }

    /// The entry of `key` without keeping it any longer.
    pub fn peek(&mut self, key: &K, now: Duration) -> Option<&V> {
        self.expire(now);
        self.entries.get(key).map(|(_, value)| value)
    }

    /// Sets the entry of `key`.
    pub fn insert(&mut self, key: K, value: V, now: Duration) {
        self.remove(&key);
        if self.entries.len() >= self.capacity
            && let Some((_, oldest)) = self.ages.pop_first()
        {
            self.entries.remove(&oldest);
        }
        self.ages.insert((now, key.clone()));
        self.entries.insert(key, (now, value));
    }

    /// Forgets `key`.
    pub fn remove(&mut self, key: &K) {
        if let Some((age, _)) = self.entries.remove(key) {
            self.ages.remove(&(age, key.clone()));
        }
    }

    fn expire(&mut self, now: Duration) {
        while let Some((age, key)) = self.ages.first()
            && *age + self.idle < now
        {
            let key = key.clone();
            self.remove(&key);
        }
    }
}

/// Which message a [`Watch`] reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// The SNI of a TLS `ClientHello`.
    Tls,
    /// The Host of each HTTP/1 request.
    Http,
}

/// How a [`Watch`] reads a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reassembly {
    /// Puts segments in order, first copy of a byte wins: a name cannot be hidden by cutting it.
    #[default]
    Stream,
    /// As [`Self::Stream`], but a hello is looked for in the first TLS record only: one that is spread over records is not
    /// seen.
    StreamOneRecord,
    /// Each segment by itself: a name cut in two is not seen. TLS records within a segment are joined.
    Segment,
    /// Each segment by itself, and in it the first TLS record only.
    SegmentOneRecord,
}

impl Reassembly {
    /// True if segments (in QUIC: datagrams) are put together.
    pub(super) fn joins_segments(self) -> bool {
        matches!(self, Self::Stream | Self::StreamOneRecord)
    }

    fn joins_records(self) -> bool {
        matches!(self, Self::Stream | Self::Segment)
    }
}

/// What a [`Watch`] says of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// Nothing to see.
    Clear,
    /// This packet completes a message that asks for a name on the list.
    Hit,
    /// An earlier packet of the flow did.
    Caught,
}

/// Watches flows for names.
#[derive(Debug)]
pub struct Watch {
    layer: Layer,
    names: Names,
    reassembly: Reassembly,
    flows: FlowTable<Flow, State>,
}

#[derive(Debug)]
enum State {
    Reading(Stream),
    /// Nothing of interest will come.
    Passed,
    Caught,
}

/// The client's bytes, from `base` on, and what came before its time.
#[derive(Debug)]
pub(super) struct Stream {
    base: u32,
    pub(super) bytes: Vec<u8>,
    early: BTreeMap<usize, Vec<u8>>,
}

impl Watch {
    /// A watch for `names`.
    pub fn new(layer: Layer, names: Names, reassembly: Reassembly) -> Self {
        let flows = FlowTable::new(FLOWS, FLOW_IDLE);
        Self { layer, names, reassembly, flows }
    }

    /// Lets nothing of a flow through that asks for a name on the list, and answers each segment of the client's that
    /// carries data: one that comes again means that the forged answer was lost.
    pub(super) fn deny(
        &mut self,
        frame: &Frame,
        hop: &mut Hop<'_>,
        answer: impl FnOnce(&Packet<'_>, &mut Hop<'_>),
    ) -> Fate {
        let Some(packet) = frame.packet() else { return Fate::Forward };
        if self.see(&packet, hop) == Sight::Clear {
            return Fate::Forward;
        }
        let has_data = packet.tcp().is_some_and(|tcp| !tcp.payload.is_empty());
        if has_data && hop.direction() == Direction::Outbound {
            answer(&packet, hop);
        }
        Fate::Drop
    }

    /// Looks at a packet.
    pub fn see(&mut self, packet: &Packet<'_>, hop: &Hop<'_>) -> Sight {
        let (Some(tcp), Some(flow)) = (packet.tcp(), Flow::of(packet, hop.direction())) else {
            return Sight::Clear;
        };
        let outbound = hop.direction() == Direction::Outbound;
        if outbound && tcp.has(flags::SYN) {
            let stream = Stream::new(tcp.sequence.wrapping_add(1));
            self.flows.insert(flow, State::Reading(stream), hop.now());
            return Sight::Clear;
        }
        let (layer, reassembly) = (self.layer, self.reassembly);
        // A flow whose SYN was not seen, or was forgotten, is not followed: no device can do better.
        match self.flows.touch(&flow, hop.now()) {
            Some(State::Caught) => Sight::Caught,
            Some(State::Reading(stream)) if outbound && !tcp.payload.is_empty() => {
                let found = stream.take_in(&tcp, layer, reassembly);
                self.conclude(flow, found, hop.now())
            }
            _ => Sight::Clear,
        }
    }

    fn conclude(&mut self, flow: Flow, found: Found, now: Duration) -> Sight {
        match found {
            Found::Name(name) if self.names.matches(&name) => {
                self.flows.insert(flow, State::Caught, now);
                Sight::Hit
            }
            // A connection has one hello, and may have many requests.
            Found::Name(_) | Found::Nameless if self.layer == Layer::Tls => {
                self.flows.insert(flow, State::Passed, now);
                Sight::Clear
            }
            Found::Not if self.reassembly.joins_segments() => {
                self.flows.insert(flow, State::Passed, now);
                Sight::Clear
            }
            _ => Sight::Clear,
        }
    }
}

impl Stream {
    pub(super) fn new(base: u32) -> Self {
        Self { base, bytes: Vec::new(), early: BTreeMap::new() }
    }

    fn take_in(&mut self, tcp: &Tcp<'_>, layer: Layer, reassembly: Reassembly) -> Found {
        let read = match layer {
            Layer::Tls if reassembly.joins_records() => server_name,
            Layer::Tls => server_name_of_record,
            Layer::Http => http_host,
        };
        if !reassembly.joins_segments() {
            return read(tcp.payload);
        }
        self.put(tcp.sequence, tcp.payload);
        let found = read(&self.bytes);
        if layer == Layer::Http && matches!(found, Found::Name(_) | Found::Nameless) {
            self.start_after();
        }
        found
    }

    /// Puts bytes where they belong. What was there first stays.
    pub(super) fn put(&mut self, sequence: u32, payload: &[u8]) {
        let offset = sequence.wrapping_sub(self.base) as usize;
        if offset > 2 * LIMIT {
            return;
        }
        if self.early.len() < EARLY_SEGMENTS {
            self.early.entry(offset).or_insert_with(|| payload.to_vec());
        }
        while let Some(entry) = self.early.first_entry() {
            let offset = *entry.key();
            if offset > self.bytes.len() {
                break;
            }
            let segment = entry.remove();
            self.bytes.extend(segment.iter().skip(self.bytes.len() - offset));
            self.bytes.truncate(LIMIT);
        }
    }

    /// The next message begins after what has come.
    pub(super) fn start_after(&mut self) {
        self.base = self.base.wrapping_add(self.bytes.len() as u32);
        self.bytes.clear();
        self.early.clear();
    }
}

/// Flows that one watch follows at a time.
const FLOWS: usize = 65_536;
const FLOW_IDLE: Duration = Duration::from_secs(300);
const EARLY_SEGMENTS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const SEC: Duration = Duration::from_secs(1);

    #[test]
    fn the_table_keeps_its_bound_and_forgets_the_idle() {
        let mut table = FlowTable::new(2, 10 * SEC);
        table.insert(1, 'a', SEC);
        table.insert(2, 'b', 2 * SEC);
        assert_eq!(table.touch(&1, 3 * SEC), Some(&mut 'a'));
        table.insert(3, 'c', 4 * SEC);
        assert_eq!(table.peek(&2, 4 * SEC), None, "the one not asked for longest made room");
        assert_eq!(table.peek(&1, 13 * SEC), Some(&'a'));
        assert_eq!(table.peek(&1, 14 * SEC), None, "idle");
        assert_eq!(table.peek(&3, 14 * SEC), Some(&'c'));
    }

    #[test]
    fn a_stream_is_put_together_in_any_order() {
        let request = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
        let base = u32::MAX - 4;
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1]] {
            let mut stream = Stream::new(base);
            for part in order {
                let (from, to) = (part * 12, request.len().min(part * 12 + 14));
                stream.put(base.wrapping_add(from as u32), &request[from..to]);
            }
            assert_eq!(stream.bytes, request);
        }
    }

    /// The same two records, in one segment and in two.
    #[test]
    fn segments_and_records_are_joined_each_by_its_own_switch() {
        let whole = super::super::parse::tests::hello_in_records(40);
        let cut = 60;
        for (reassembly, one, two) in [
            (Reassembly::Stream, true, true),
            (Reassembly::StreamOneRecord, false, false),
            (Reassembly::Segment, true, false),
            (Reassembly::SegmentOneRecord, false, false),
        ] {
            let sees = |segments: &[&[u8]]| {
                let mut stream = Stream::new(0);
                let mut sequence = 0;
                segments.iter().any(|payload| {
                    let tcp = Tcp {
                        source_port: 1,
                        destination_port: 443,
                        sequence,
                        acknowledgement: 0,
                        flags: flags::ACK,
                        reserved: 0,
                        window: 0,
                        payload,
                    };
                    sequence += payload.len() as u32;
                    matches!(stream.take_in(&tcp, Layer::Tls, reassembly), Found::Name(_))
                })
            };
            assert_eq!(sees(&[&whole]), one, "{reassembly:?}");
            assert_eq!(sees(&[&whole[..cut], &whole[cut..]]), two, "{reassembly:?}");
        }
    }

    #[test]
    fn the_first_copy_of_a_byte_wins_and_the_bound_holds() {
        let mut stream = Stream::new(0);
        stream.put(0, b"abc");
        stream.put(1, b"XYZ");
        assert_eq!(stream.bytes, b"abcZ");
        for at in 0..100 {
            stream.put(1_000 * at, &[0; 1_400]);
        }
        assert!(stream.bytes.len() <= LIMIT && stream.early.len() <= EARLY_SEGMENTS);
    }
}
