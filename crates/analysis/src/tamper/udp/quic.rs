//! QUIC connection attempts: the name in a client's Initials, and whether anything answers.
//!
//! At most [`MAX_ATTEMPTS`] are held at once, and [`MAX_FLIGHTS`] of those whose name is still being read; the oldest goes first.
//! A datagram that is the very same as the one before is no client's: QUIC never sends the same packet twice (RFC 9000 §13.3).

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher};

use wirewitness_wire::app::quic::{ClientFlight, Kind, Version, google, packets};
use wirewitness_wire::transport::Udp;

use super::residual::Residuals;
use super::seen_from;
use crate::flows::Seen;
use crate::flows::quick::Quick;
use crate::flows::table::{Sought, Table};
use crate::tamper::Wants;
use crate::tamper::drop::{Drops, Ended};
use crate::tamper::finding::{Connection, Finding, Protocol, Quic, SeenFrom, Trigger, TriggerKind};

/// An attempt.
#[derive(Debug)]
pub(super) struct Attempt {
    connection: Connection,
    packet: u64,
    version: u32,
    trigger: Option<Trigger>,
    flight: Option<Box<ClientFlight>>,
    packets: [u64; 2],
    first_ns: i64,
    last_ns: i64,
    /// The client's packets before anything came from the server.
    unanswered: Vec<u64>,
    repeated: u32,
    last_hash: u64,
    quick: Quick,
    seen_from: SeenFrom,
    /// True if an error came back.
    refused: bool,
}

/// The attempts that are going on.
pub(super) struct Attempts {
    /// In the order in which they began: none is ever touched.
    open: Table<Attempt>,
    /// When to look at each again.
    order: VecDeque<(i64, Sought)>,
    flights: usize,
    residuals: Residuals,
    told: u64,
    wants: Wants,
    quick: Quick,
}

impl Default for Attempts {
    fn default() -> Self {
        let quick = Quick::default();
        Self {
            open: Table::new(MAX_ATTEMPTS, quick.hash_one(0)),
            order: VecDeque::new(),
            flights: 0,
            residuals: Residuals::default(),
            told: 0,
            wants: Wants::default(),
            quick,
        }
    }
}

impl Attempts {
    /// The attempts.
    #[inline]
    pub(super) fn table(&self) -> &Table<Attempt> {
        &self.open
    }

    #[inline]
    fn get_mut(&mut self, of: &Sought) -> Option<&mut Attempt> {
        let at = self.open.find(of)?;
        self.open.value(at)
    }

    pub(super) fn datagram(
        &mut self,
        of: &Sought,
        (seen, udp): (&Seen, &Udp<'_>),
        drops: &mut Drops,
        out: &mut dyn FnMut(Finding),
    ) {
        let begins = begins_attempt(udp);
        match self.get_mut(of) {
            None if begins.is_none() => return,
            Some(attempt) if seen.at_ns.saturating_sub(attempt.last_ns) > IDLE_NS => {
                self.close(of, drops, out);
            }
            // Most datagrams: the name is read, and the connection goes on.
            Some(attempt) if begins.is_none() && attempt.flight.is_none() => {
                return attempt.passed(seen, udp.payload);
            }
            _ => {}
        }
        if let Some(version) = begins
            && self.open.find(of).is_none()
        {
            self.make_room(drops, out);
            self.begin(seen, udp, (of, version));
        }
        let Some(at) = self.open.find(of) else { return };
        let Some(attempt) = self.open.value(at) else { return };
        let had_flight = attempt.flight.is_some();
        attempt.passed(seen, udp.payload);
        self.flights -= usize::from(had_flight && attempt.flight.is_none());
        if begins.is_some() && seen.source == attempt.connection.client {
            let whose = (attempt.connection, attempt.trigger.as_ref());
            self.residuals.arrived(seen, whose, out);
        }
    }

    /// An error came back for a packet of this connection.
    pub(super) fn refused(&mut self, connection: Connection) {
        let of = self.open.sought(connection.client, connection.server);
        if let Some(attempt) = self.get_mut(&of) {
            attempt.refused = true;
        }
    }

    pub(super) fn pass_time(
        &mut self,
        now_ns: i64,
        drops: &mut Drops,
        out: &mut dyn FnMut(Finding),
    ) {
        while let Some((due_ns, of)) = self.order.front().copied()
            && now_ns >= due_ns
        {
            self.order.pop_front();
            let Some(attempt) = self.get_mut(&of) else { continue };
            let due_ns = attempt.last_ns.saturating_add(IDLE_NS);
            if due_ns > now_ns {
                self.order.push_back((due_ns, of));
            } else {
                self.close(&of, drops, out);
            }
        }
    }

    pub(super) fn finish(&mut self, drops: &mut Drops, out: &mut dyn FnMut(Finding)) {
        while let Some((_, attempt)) = self.open.evict() {
            self.closed(attempt, drops, out);
        }
        self.order.clear();
    }

    pub(super) fn set_wants(&mut self, wants: Wants) {
        self.wants = wants;
    }

    pub(super) fn told(&self) -> u64 {
        self.told
    }

    pub(super) fn memory(&self) -> usize {
        self.open.len() * (Table::<Attempt>::NODE_BYTES + 200)
            + self.order.capacity() * size_of::<(i64, Sought)>()
            + self.flights * FLIGHT_BYTES
            + self.residuals.memory()
    }

    fn make_room(&mut self, drops: &mut Drops, out: &mut dyn FnMut(Finding)) {
        while self.open.len() >= MAX_ATTEMPTS || self.order.len() >= 2 * MAX_ATTEMPTS {
            let Some((_, oldest)) = self.order.pop_front() else { break };
            self.close(&oldest, drops, out);
        }
    }

    fn begin(&mut self, seen: &Seen, udp: &Udp<'_>, (of, version): (&Sought, u32)) {
        // An attempt of which only the server's part is there.
        let is_servers = udp.source_port == HTTPS && udp.destination_port != HTTPS;
        let (client, server) = match is_servers {
            true => (seen.destination, seen.source),
            false => (seen.source, seen.destination),
        };
        let reads = self.flights < MAX_FLIGHTS && !is_servers;
        self.flights += usize::from(reads);
        self.order.push_back((seen.at_ns.saturating_add(IDLE_NS), *of));
        let attempt = Attempt {
            connection: Connection { protocol: Protocol::Udp, client, server },
            packet: seen.packet,
            version,
            trigger: None,
            flight: reads.then(Box::default),
            packets: [0; 2],
            first_ns: seen.at_ns,
            last_ns: seen.at_ns,
            unanswered: Vec::new(),
            repeated: 0,
            last_hash: 0,
            quick: self.quick,
            seen_from: if is_servers { SeenFrom::Unknown } else { seen_from(seen) },
            refused: false,
        };
        self.open.insert(of, attempt, seen.at_ns);
    }

    fn close(&mut self, of: &Sought, drops: &mut Drops, out: &mut dyn FnMut(Finding)) {
        let Some(at) = self.open.find(of) else { return };
        let Some((_, attempt)) = self.open.remove(at) else { return };
        self.closed(attempt, drops, out);
    }

    fn closed(&mut self, attempt: Attempt, drops: &mut Drops, out: &mut dyn FnMut(Finding)) {
        self.flights -= usize::from(attempt.flight.is_some());
        self.told += 1;
        drops.ended(attempt.ended());
        if self.wants == Wants::Done {
            return;
        }
        out(Finding::Quic(Box::new(Quic {
            connection: attempt.connection,
            packet: attempt.packet,
            version: attempt.version,
            trigger: attempt.trigger,
            packets: attempt.packets,
            app: None,
        })));
    }
}

impl Attempt {
    /// A number of each cache line that a datagram changes, as one that means nothing.
    #[inline]
    pub(super) fn fetch(&self) -> u64 {
        let [client, server] = self.packets;
        client ^ server ^ self.last_ns as u64 ^ u64::from(self.connection.client.port())
    }

    fn passed(&mut self, seen: &Seen, payload: &[u8]) {
        self.last_ns = seen.at_ns;
        if seen.source == self.connection.client {
            self.clients(seen, payload);
        } else {
            self.packets[1] += 1;
        }
    }

    fn clients(&mut self, seen: &Seen, payload: &[u8]) {
        self.packets[0] += 1;
        if self.packets[1] == 0 {
            let mut hasher = self.quick.build_hasher();
            hasher.write(payload);
            let hash = hasher.finish();
            if self.unanswered.is_empty() || hash != self.last_hash {
                // Parts of one flight leave together; what comes later repeats it (RFC 9002 §6.2).
                let later = seen.at_ns.saturating_sub(self.first_ns) > SAME_FLIGHT_NS;
                self.repeated += u32::from(later && !self.unanswered.is_empty());
                if self.unanswered.len() < MAX_UNANSWERED {
                    self.unanswered.push(seen.packet);
                }
            }
            self.last_hash = hash;
        }
        if self.flight.is_none() {
            return;
        }
        if google::version(payload).is_some() {
            self.trigger = google::server_name(payload).map(|name| self.asks(&name));
            // Only the first datagram of a hello has its name.
            self.flight = None;
            return;
        }
        let Some(flight) = &mut self.flight else { return };
        flight.take_in(payload);
        match flight.client_hello() {
            Ok(hello) => {
                let name = hello.server_name().map(<[u8]>::to_vec);
                self.trigger = name.map(|name| self.asks(&name));
                self.flight = None;
            }
            Err(error) if error.is_short() && self.packets[0] < MAX_FLIGHT_DATAGRAMS => {}
            Err(_) => self.flight = None,
        }
    }

    fn asks(&self, name: &[u8]) -> Trigger {
        let value = String::from_utf8_lossy(&name.to_ascii_lowercase()).into_owned();
        Trigger { kind: TriggerKind::QuicSni, value, packet: self.packet }
    }

    fn ended(&self) -> Ended {
        let is_answered = self.packets[1] > 0 || self.refused;
        Ended {
            connection: self.connection,
            seen_from: self.seen_from,
            first: (self.packet, self.first_ns),
            last_ns: self.last_ns,
            trigger: self.trigger.clone(),
            handshake: self.packets[1] > 0,
            round_trip_ns: None,
            unanswered: if is_answered { Vec::new() } else { self.unanswered.clone() },
            unanswered_since_ns: if is_answered { 0 } else { self.first_ns },
            repeated: if is_answered { 0 } else { self.repeated },
            server_payload: self.packets[1],
            reset: self.refused,
            server_fin: false,
            injected_reset: false,
            app: None,
        }
    }
}

impl std::fmt::Debug for Attempts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Attempts({} open)", self.open.len())
    }
}

/// The version, if a datagram begins with an Initial of a version that is known.
fn begins_attempt(udp: &Udp<'_>) -> Option<u32> {
    let first = *udp.payload.first()?;
    // Google's versions before TLS; a hello of theirs is filled up as well.
    if udp.payload_len >= MIN_GOOGLE
        && let Some(version) = google::version(udp.payload)
    {
        return Some(version);
    }
    // A long header with the fixed bit (RFC 9000 §17.2), and as long as an Initial's datagram must be.
    if first & 0xc0 != 0xc0 || udp.payload_len < MIN_INITIAL {
        return None;
    }
    Version::of(wirewitness_wire::read::be32(udp.payload, 1)?)?;
    let packet = packets(udp.payload).next()?.ok()?;
    (packet.kind == Kind::Initial).then_some(packet.version)
}

const HTTPS: u16 = 443;
/// RFC 9000 §14.1.
const MIN_INITIAL: usize = 1200;
/// The least that clients of Google's versions fill a hello up to.
const MIN_GOOGLE: usize = 1000;
/// After so long without a packet an attempt is over, ns (the usual idle timeout of servers).
const IDLE_NS: i64 = 30_000_000_000;
/// Datagrams of one flight leave within this time, ns.
const SAME_FLIGHT_NS: i64 = 100_000_000;
const MAX_ATTEMPTS: usize = 65_536;
const MAX_FLIGHTS: usize = 2048;
/// What a flight can hold at most, bytes.
const FLIGHT_BYTES: usize = 20 * 1024;
/// A hello that is not whole after so many datagrams is given up.
const MAX_FLIGHT_DATAGRAMS: u64 = 16;
const MAX_UNANSWERED: usize = 16;
