//! Packets that had no answer, beside others of the same ends that had.
//!
//! Every connection that ended is remembered by client, server and port, and within those by the name asked for. At the
//! capture's end each name that had silence is judged beside the others (`judge`):
//!
//! - A request is silent if the handshake went well, nothing but bare acknowledgements came after it, and it was repeated
//!   `MIN_REPEATS` times: a line that loses one packet in five loses four in a row once in 600 times.
//! - Requests that were not repeated count if `MIN_ALONE` connections were silent for `MIN_SILENCE_NS`, with no sign of life of the
//!   server after them.
//! - `dropped` needs a control: another name of the same client, server and port that was answered not long before or after.
//!   Without one it is `likely`; where the same name was answered as well, or no name was, it is at most `undecided`.
//! - Packets that ICMP says did not arrive, and connections seen from the server, are no evidence.

mod judge;
mod names;

use std::collections::HashSet;
use std::hash::BuildHasher;
use std::net::{IpAddr, SocketAddr};

use hashbrown::HashTable;
use names::Names;

use super::finding::{Connection, Finding, Protocol, SeenFrom, Trigger};
use crate::flows::quick::Quick;

/// How a connection ended, as far as it matters for drops. Of TCP and of QUIC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its ends.
    pub connection: Connection,
    /// Where the capture was taken.
    pub seen_from: SeenFrom,
    /// First packet, and its time in ns since 1970.
    pub first: (u64, i64),
    /// Time of the last packet of either end.
    pub last_ns: i64,
    /// What the client asked for.
    pub trigger: Option<Trigger>,
    /// True if both ends were heard before the request (TCP: the handshake).
    pub handshake: bool,
    /// Time from SYN to SYN-ACK, ns; none where they are not there.
    pub round_trip_ns: Option<i64>,
    /// Packets in which the client asked, first and repeated, which nothing from the server followed but bare acknowledgements.
    pub unanswered: Vec<u64>,
    /// Time of the first of them, ns since 1970; 0 where there is none.
    pub unanswered_since_ns: i64,
    /// How many of them repeat what was sent before, and was not acknowledged until the connection's end.
    pub repeated: u32,
    /// Bytes of payload (QUIC: datagrams) from the server.
    pub server_payload: u64,
    /// True if a reset was seen from either side, and true if a FIN from the server was seen.
    pub reset: bool,
    /// See above.
    pub server_fin: bool,
    /// True if a reset in it was graded as injected or likely.
    pub injected_reset: bool,
    /// App of the person's device, where the capture says so.
    pub app: Option<String>,
}

/// Remembers how connections ended, by client, server and port.
#[derive(Debug, Default)]
pub struct Drops {
    groups: Vec<Group>,
    /// Places in `groups`.
    index: HashTable<u32>,
    quick: Quick,
    /// Connections of which ICMP says that a packet did not arrive.
    unreachable: HashSet<Connection, Quick>,
    /// Connections that were not remembered, for want of room.
    forgotten: u64,
}

/// A client, and a server with its port.
type Ends = (Protocol, IpAddr, SocketAddr);

/// What is remembered of one client, server and port.
#[derive(Debug)]
struct Group {
    ends: Ends,
    names: Names,
}

impl Drops {
    /// Takes in a connection that has ended, or that the capture's end cuts.
    pub fn ended(&mut self, ended: Ended) {
        if !ended.matters() {
            return;
        }
        let connection = ended.connection;
        let was_told = !self.unreachable.is_empty() && self.unreachable.remove(&connection);
        if was_told && ended.server_payload == 0 {
            return;
        }
        let ends = (connection.protocol, connection.client.ip(), connection.server);
        let Some(at) = self.place(ends) else {
            self.forgotten += 1;
            return;
        };
        if let Some(group) = self.groups.get_mut(at as usize) {
            group.names.put(ended);
        }
    }

    /// Where a group is, or is put; none where there is no room.
    fn place(&mut self, ends: Ends) -> Option<u32> {
        let Self { groups, index, quick, .. } = self;
        let hash = quick.hash_one(ends);
        let held = |at: &u32| groups.get(*at as usize).map(|group| group.ends);
        if let Some(at) = index.find(hash, |at| held(at) == Some(ends)) {
            return Some(*at);
        }
        if groups.len() >= MAX_GROUPS {
            return None;
        }
        let at = groups.len() as u32;
        index.insert_unique(hash, at, |at| held(at).map_or(0, |ends| quick.hash_one(ends)));
        groups.push(Group { ends, names: Names::default() });
        Some(at)
    }

    /// ICMP says that a packet of this connection did not arrive: it was unreachable, or had too few hops left. To be told
    /// before the connection's end.
    pub fn unreachable(&mut self, connection: Connection, _at_ns: i64) {
        if self.unreachable.len() < MAX_UNREACHABLE {
            self.unreachable.insert(connection);
        }
    }

    /// The capture has ended.
    pub fn finish(&mut self, last_ns: i64, out: &mut dyn FnMut(Finding)) {
        judge::all(&self.groups, last_ns, out);
        *self = Self::default();
    }

    /// Connections that were not remembered, for want of room: nothing is said of them.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Bytes of memory held, roughly.
    pub fn memory(&self) -> usize {
        let names: usize = self.groups.iter().map(|group| group.names.memory()).sum();
        self.groups.capacity() * size_of::<Group>()
            + self.index.capacity() * size_of::<u32>()
            + self.unreachable.capacity() * size_of::<Connection>()
            + names
    }
}

impl Ended {
    /// True if it is silence, or can be a control.
    fn matters(&self) -> bool {
        let is_control = self.server_payload > 0;
        // What is said to arrive at a server that says nothing was not dropped on its way; over UDP nothing else shows where
        // the capture was taken.
        let is_clients = match self.connection.protocol {
            Protocol::Udp => self.seen_from == SeenFrom::Client,
            _ => self.seen_from != SeenFrom::Server,
        };
        is_control || (!self.unanswered.is_empty() && is_clients)
    }

    /// True if its request was sent again and again into silence.
    fn is_silent(&self) -> bool {
        self.is_unanswered() && self.repeated >= MIN_REPEATS
    }

    /// True if its request had no answer, and nobody came to say goodbye.
    fn is_silent_alone(&self, last_ns: i64) -> bool {
        self.is_unanswered()
            && !self.server_fin
            && last_ns.saturating_sub(self.unanswered_since_ns) >= MIN_SILENCE_NS
    }

    /// True if its answer ended after so much as some filters let pass, and what the client sent then had no answer.
    fn is_stalled(&self) -> bool {
        self.connection.protocol == Protocol::Tcp
            && STALL_BYTES.contains(&self.server_payload)
            && self.repeated >= MIN_REPEATS
            && !self.reset
            && !self.server_fin
    }

    fn is_unanswered(&self) -> bool {
        let opened = self.handshake || self.connection.protocol == Protocol::Udp;
        opened && !self.reset && self.server_payload == 0 && !self.unanswered.is_empty()
    }
}

/// Repeats of a request that make silence: TCP's fourth attempt leaves after some three seconds (RFC 6298 §5.5).
const MIN_REPEATS: u32 = 3;
/// Bytes after which connections were seen to freeze (reports from Russia since 2025: some 16 kB).
const STALL_BYTES: std::ops::RangeInclusive<u64> = 14_000..=24_000;
/// Connections that must freeze alike.
const MIN_STALLED: usize = 3;
/// Connections whose request was sent once, that make silence together.
const MIN_ALONE: usize = 4;
/// Longer than a server takes for an answer, mostly, ns.
const MIN_SILENCE_NS: i64 = 3_000_000_000;
const MAX_GROUPS: usize = 65_536;
const MAX_UNREACHABLE: usize = 65_536;

#[cfg(test)]
mod tests;
