//! TCP connections: what is held of each while it lasts, and what is told of it at its end. In reading order:
//!
//! - [`suspicion`]: what is kept from the first odd packet on.
//! - [`scene`]: a packet that may be injected, and what is around it.
//! - [`headers`], [`course`], [`patterns`], [`arithmetic`], [`overlap`], `farewell`: the evidence.
//! - [`judge`]: evidence to injections, by the rule of [`super::grade`].
//! - [`injector`]: known senders.
//! - [`signature`]: how a connection ended.
//! - [`icmp`]: errors that quote segments.
//! - [`talk`], [`transfers`]: the beginnings of the streams, and those that carry much.

pub mod arithmetic;
pub mod course;
mod farewell;
pub mod headers;
pub mod icmp;
pub mod injector;
pub mod judge;
pub mod overlap;
pub mod patterns;
pub mod scene;
pub mod signature;
pub mod suspicion;
pub mod talk;
mod tell;
pub mod transfers;

use wirewitness_wire::file::Way;
use wirewitness_wire::transport::{Icmp, Tcp, flag};

use self::suspicion::Suspicion;
use self::talk::{Repeats, Room, Talk};
use super::drop::Drops;
use super::finding::{self, End, Finding, Protocol};
use super::throttle::Throttling;
use super::{Limits, Wants};
use crate::fingerprints::Fingerprints;
use crate::flows::Seen;
use crate::flows::connection::Connection;
use crate::flows::header::{Header, ahead};
use crate::flows::heads::Segment;
use crate::flows::key::Key;
use crate::flows::side::{Habit, Side};
use crate::flows::table::{Sought, Stage, Table};

/// Watches the TCP connections of a capture.
#[derive(Debug)]
pub struct TcpWatch<'f> {
    fingerprints: &'f Fingerprints,
    table: Table<Held>,
    idle_ns: i64,
    memory: isize,
    memory_limit: isize,
    now_ns: i64,
    counts: Counts,
    wants: Wants,
}

/// What is counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections.
    pub flows: u64,
    /// Resets.
    pub resets: u64,
    /// Connections told early, for want of room.
    pub evicted: u64,
    /// Connections of whose data nothing was read, for want of room.
    pub unread: u64,
}

/// What a connection's end is told to, beside the caller.
#[derive(Debug, Default)]
pub struct Ledgers {
    /// Who had no answer.
    pub drops: Drops,
    /// Who was slowed.
    pub throttling: Throttling,
}

/// A segment, and the connection that it is of.
#[derive(Debug, Clone, Copy)]
pub struct Arrived<'a> {
    /// The connection.
    pub of: &'a Sought,
    /// Its headers.
    pub header: Header,
    /// Which way it passed.
    pub way: Way,
    /// As it was read.
    pub tcp: Tcp<'a>,
}

/// What is held of a connection.
#[derive(Debug)]
pub(crate) struct Held {
    connection: Connection,
    suspicion: Option<Box<Suspicion>>,
    talk: Option<Box<Talk>>,
}

/// How long a connection that is over is kept for what comes late: a genuine answer after a forged reset.
const LINGER_NS: i64 = 10_000_000_000;
/// How long the beginnings of its streams, and the headers of their packets, are kept of one in which nothing was odd: for a
/// second copy that differs. As long as what comes after a FIN is looked at.
const SETTLE_NS: i64 = 5_000_000_000;

impl<'f> TcpWatch<'f> {
    /// Begins.
    pub fn new(limits: Limits, fingerprints: &'f Fingerprints) -> Self {
        Self {
            fingerprints,
            table: Table::new(limits.flows, limits.seed),
            idle_ns: i64::from(limits.idle_secs) * 1_000_000_000,
            memory: 0,
            memory_limit: isize::try_from(limits.memory).unwrap_or(isize::MAX),
            now_ns: i64::MIN,
            counts: Counts::default(),
            wants: Wants::default(),
        }
    }

    /// Says what is to be told.
    pub fn set_wants(&mut self, wants: Wants) {
        self.wants = wants;
    }

    /// What was counted.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How many connections are held.
    pub fn held(&self) -> usize {
        self.table.len()
    }

    /// The connections.
    #[inline]
    pub(super) fn table(&self) -> &Table<Held> {
        &self.table
    }

    /// Reads something of each cache line that [`Self::segment`] will read of a connection that was found, so that these are near
    /// by then. The number that comes of it means nothing.
    #[inline]
    pub(super) fn fetch(&self, of: &Sought) -> u64 {
        self.table.glance(of).map_or(0, |held| held.connection.fetch())
    }

    /// [`Self::fetch`], of what lies behind the connection.
    #[inline]
    pub(super) fn fetch_talk(&self, of: &Sought) -> u64 {
        let talk = self.table.glance(of).and_then(|held| held.talk.as_ref());
        talk.map_or(0, |talk| talk.fetch())
    }

    /// Takes in a segment.
    ///
    /// Inlined, with all that most segments need: the header is then never written to memory and read again at once, which a core
    /// does slowly where the sizes differ (it waits for all writes before).
    #[inline(always)]
    pub fn segment(
        &mut self,
        arrived: &Arrived<'_>,
        ledgers: &mut Ledgers,
        out: &mut dyn FnMut(Finding),
    ) {
        let Arrived { of, header, .. } = arrived;
        self.now_ns = self.now_ns.max(header.at_ns);
        self.counts.resets += u64::from(header.is_reset());
        let mut at = self.table.find(of);
        if let Some(old) = at
            && self.table.peek(old).is_some_and(|held| held.connection.is_another(header))
        {
            if let Some((key, held)) = self.table.remove(old) {
                self.tell((key, held), ledgers, out);
            }
            at = None;
        }
        let at = match at {
            Some(at) => at,
            None => self.begin(of, &{ *header }, (ledgers, out)),
        };
        let stage = self.take(at, arrived, out);
        self.table.touch(at, stage, self.now_ns);
    }

    /// Takes in an ICMP error: whoever quotes a segment that was never sent has made it up, or saw one that was.
    pub fn quoted(&mut self, seen: &Seen, icmp: &Icmp<'_>, out: &mut dyn FnMut(Finding)) {
        let Some(quoted) = icmp::quoted(icmp) else { return };
        let sought = self.table.sought(quoted.source, quoted.destination);
        let Sought { key, from: place, .. } = sought;
        let at = self.table.find(&sought);
        let Some(held) = at.and_then(|at| self.table.value(at)) else { return };
        if !held.connection.quoted
            && let Some(injection) = icmp::told(held, (&key, place), seen, quoted.seq)
        {
            held.connection.quoted = true;
            out(Finding::Injection(Box::new(injection)));
        }
    }

    /// What is over is told and forgotten. Called now and then.
    pub fn pass_time(&mut self, ledgers: &mut Ledgers, out: &mut dyn FnMut(Finding)) {
        let (linger, settle) =
            (self.now_ns.saturating_sub(LINGER_NS), self.now_ns.saturating_sub(SETTLE_NS));
        while let Some((key, held)) = self.table.pass_on(Stage::Over, settle, Stage::Settled) {
            self.memory -= held.settle(key, self.fingerprints, out);
        }
        while let Some(gone) = self.table.pop(Stage::Settled, linger) {
            self.tell(gone, ledgers, out);
        }
        while let Some(gone) = self.table.pop(Stage::Open, self.now_ns.saturating_sub(self.idle_ns))
        {
            self.tell(gone, ledgers, out);
        }
    }

    /// The capture has ended.
    pub fn finish(&mut self, ledgers: &mut Ledgers, out: &mut dyn FnMut(Finding)) {
        while let Some(gone) = self.table.evict() {
            self.tell(gone, ledgers, out);
        }
    }

    /// A place for a new connection.
    fn begin(
        &mut self,
        of: &Sought,
        header: &Header,
        (ledgers, out): (&mut Ledgers, &mut dyn FnMut(Finding)),
    ) -> u32 {
        self.counts.flows += 1;
        if self.table.is_full()
            && let Some(gone) = self.table.evict()
        {
            self.counts.evicted += 1;
            self.tell(gone, ledgers, out);
        }
        let connection = Connection::new(header, &of.key);
        let held = Held { connection, suspicion: None, talk: None };
        self.table.insert(of, held, self.now_ns)
    }

    /// Takes a packet into its connection. Where that stands then.
    #[inline(always)]
    fn take(&mut self, at: u32, arrived: &Arrived<'_>, out: &mut dyn FnMut(Finding)) -> Stage {
        let room = if self.memory < self.memory_limit { Room::Enough } else { Room::None };
        let Arrived { of, header, way, tcp } = arrived;
        let Some(held) = self.table.value(at) else { return Stage::Open };
        held.suspect(header);
        let mut grown = 0;
        if header.len > 0 && !header.is_reset() {
            grown += held.data(arrived, room);
            if held.talk.as_ref().is_some_and(|talk| talk.is_full()) {
                grown -= held.read(&of.key, self.fingerprints, out);
            }
        }
        if let Some(talk) = &mut held.talk {
            let from = header.from();
            grown += talk.note(header, held.connection.end(from), held.connection.side(from));
            if let Some(transfers) = &mut talk.transfers {
                grown += transfers.put(&{ *header }, held.connection.first_ns);
            }
        }
        held.connection.take(header);
        held.connection.passed(header.from(), *way);
        if tcp.payload.len() < tcp.payload_len {
            held.connection.cut();
        }
        self.memory += grown;
        let over = held.connection.is_reset() || held.connection.is_closed();
        if over { Stage::Over } else { Stage::Open }
    }
}

impl Held {
    #[inline(always)]
    fn suspect(&mut self, header: &Header) {
        if self.suspicion.is_some() || suspicion::suspect(&self.connection, header).is_some() {
            self.note(&{ *header });
        }
    }

    #[cold]
    fn note(&mut self, header: &Header) {
        let begin = || Box::new(Suspicion::new(&self.connection));
        self.suspicion.get_or_insert_with(begin).note(header, &self.connection);
    }

    /// Takes in payload. Bytes of memory held more, or less.
    #[inline(always)]
    fn data(&mut self, arrived: &Arrived<'_>, room: Room) -> isize {
        let header = &arrived.header;
        let from = self.connection.end(header.from());
        let place = header.from();
        let own = self.connection.side(place);
        let repeats = own.is_known() && ahead(header.seq.wrapping_add(header.len), own.next) <= 0;
        let repeats = if repeats { Repeats::Known } else { Repeats::New };
        let mut grown = 0;
        if self.talk.is_none() && room == Room::None {
            return 0;
        }
        let talk = self.talk.get_or_insert_with(|| {
            let handshake = [own.asked, self.connection.side(place.other()).asked];
            let talk = Box::new(Talk::new(handshake));
            grown += talk.memory();
            talk
        });
        if own.bytes >= transfers::WORTH && room == Room::Enough {
            let way = (place, own.bytes, own.next);
            grown += talk.transfer(way, self.connection.first_ns);
        }
        talk.passed(header, from, repeats);
        if talk.is_reading()
            && let Some(offset) = offset(own, header)
            && !talk.is_settled(from, offset, header.at_ns)
        {
            grown += talk.segment(&arrived.segment(from, offset));
        }
        grown
    }

    /// Reads the beginnings, and lets go of the headers if nothing was odd. The bytes of memory that were held.
    fn settle(
        &mut self,
        key: &Key,
        fingerprints: &Fingerprints,
        out: &mut dyn FnMut(Finding),
    ) -> isize {
        let read = self.read(key, fingerprints, out);
        read + self.talk.as_mut().map_or(0, |talk| talk.settle())
    }

    /// Reads the beginnings. The bytes of memory that were held.
    fn read(
        &mut self,
        key: &Key,
        fingerprints: &Fingerprints,
        out: &mut dyn FnMut(Finding),
    ) -> isize {
        let connection = named(&self.connection, key);
        self.talk.as_mut().map_or(0, |talk| talk.read(connection, fingerprints, out))
    }
}

impl<'a> Arrived<'a> {
    /// As a piece of a stream.
    #[inline]
    fn segment(&self, from: End, offset: u64) -> Segment<'a> {
        let Self { of, header, way, tcp } = self;
        let seen = Seen {
            packet: header.packet,
            at_ns: header.at_ns,
            source: of.key.end(of.from),
            destination: of.key.end(of.from.other()),
            ttl: header.ttl,
            identification: header.version_4().then_some(header.identification),
            dont_fragment: header.dont_fragment(),
            way: *way,
        };
        let (payload, payload_len) = (tcp.payload, tcp.payload_len);
        Segment { seen, window: tcp.window, from, offset, payload, payload_len }
    }
}

/// Place in the stream of a segment's first byte; none for what is not of the stream.
#[inline]
fn offset(own: &Side, header: &Header) -> Option<u64> {
    // Data of the SYN itself (RFC 7413) begins the stream.
    if header.flags & flag::SYN != 0 {
        return Some(0);
    }
    // A keep-alive repeats the byte before, with whatever value (RFC 9293 §3.8.4); zeros of padding are no data.
    let keep_alive = header.len == 1 && own.is_known() && ahead(own.next, header.seq) == 1;
    if keep_alive || header.zeros() {
        return None;
    }
    let begin = match (own.is_known(), own.has(Habit::Syn)) {
        (false, _) => header.seq,
        (true, true) => own.begin.wrapping_add(1),
        (true, false) => own.begin,
    };
    u64::try_from(ahead(header.seq, begin)).ok()
}

fn named(connection: &Connection, key: &Key) -> finding::Connection {
    let (client, server) = connection.addresses(key);
    finding::Connection { protocol: Protocol::Tcp, client, server }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What millions of connections cost: no more than this for each, the boxes of those that talk or are odd aside. With its
    /// place in the index (at most ten bytes) it stays under 400 bytes.
    #[test]
    fn a_connection_is_small() {
        const { assert!(Table::<Held>::NODE_BYTES <= 376) };
    }
}
