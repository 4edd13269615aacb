//! Packets that had no answer, beside others of the same ends that had.
//!
//! Every connection that ended is remembered by client, server and port, and within those by the name asked for. At the
//! capture's end each name that had silence is judged beside the others (`judge`):
//!
//! - A request is silent if the handshake went well, nothing but bare acknowledgements came after it, and it was repeated
//!   [`MIN_REPEATS`] times: a line that loses one packet in five loses four in a row once in 600 times.
//! - Requests that were not repeated count if [`MIN_ALONE`] connections were silent for [`MIN_SILENCE_NS`], with no sign of life of the
//!   server after them.
//! - `dropped` needs a control: another name of the same client, server and port that was answered not long before or after.
//!   Without one it is `likely`; where the same name was answered as well, or no name was, it is at most `undecided`.
//! - Packets that ICMP says did not arrive, and connections seen from the server, are no evidence.

mod judge;
mod names;

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use names::Names;

use super::finding::{Connection, Finding, Protocol, SeenFrom, Trigger};

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
    /// How many of them repeat what was sent before.
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
    index: HashMap<Ends, usize>,
    /// Connections of which ICMP says that a packet did not arrive.
    unreachable: HashSet<Connection>,
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
        let was_told = self.unreachable.remove(&connection);
        if was_told && ended.server_payload == 0 {
            return;
        }
        let ends = (connection.protocol, connection.client.ip(), connection.server);
        let at = match self.index.get(&ends) {
            Some(at) => *at,
            None if self.groups.len() < MAX_GROUPS => {
                self.groups.push(Group { ends, names: Names::default() });
                self.index.insert(ends, self.groups.len() - 1);
                self.groups.len() - 1
            }
            None => {
                self.forgotten += 1;
                return;
            }
        };
        if let Some(group) = self.groups.get_mut(at) {
            group.names.put(ended);
        }
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
            + self.index.capacity() * size_of::<(Ends, usize)>()
            + self.unreachable.capacity() * size_of::<Connection>()
            + names
    }
}

impl Ended {
    /// True if it is silence, or can be a control.
    fn matters(&self) -> bool {
        let is_control = self.server_payload > 0;
        is_control || (!self.unanswered.is_empty() && self.seen_from != SeenFrom::Server)
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

    fn is_unanswered(&self) -> bool {
        let opened = self.handshake || self.connection.protocol == Protocol::Udp;
        opened && !self.reset && self.server_payload == 0 && !self.unanswered.is_empty()
    }
}

/// Repeats of a request that make silence: TCP's fourth attempt leaves after some three seconds (RFC 6298 §5.5).
const MIN_REPEATS: u32 = 3;
/// Connections whose request was sent once, that make silence together.
const MIN_ALONE: usize = 4;
/// Longer than a server takes for an answer, mostly, ns.
const MIN_SILENCE_NS: i64 = 3_000_000_000;
const MAX_GROUPS: usize = 65_536;
const MAX_UNREACHABLE: usize = 65_536;

#[cfg(test)]
mod tests;
