//! What is kept of a connection from the first packet on that is odd: how things stood before, and the headers that followed.

use wirewitness_wire::transport::flag;

use crate::flows::connection::Connection;
use crate::flows::header::Header;
use crate::flows::side::{Habit, ODD_FLAGS};

/// From the first odd packet on.
#[derive(Debug, Clone, PartialEq)]
pub struct Suspicion {
    before: Connection,
    log: Vec<Header>,
    resets: bool,
}

/// Packets kept after the first odd one. Forged resets and what contradicts them come within a few round trips.
const LOG: usize = 64;
/// Hop counts that differ less than this are of paths that change.
const HOPS: u8 = 3;

impl Suspicion {
    /// Begins before the first odd packet.
    pub fn new(before: &Connection) -> Self {
        Self { before: *before, log: Vec::with_capacity(4), resets: false }
    }

    /// Takes in a packet; `now` is the connection before it.
    pub fn note(&mut self, header: &Header, now: &Connection) {
        if self.log.len() >= LOG {
            if self.resets || !header.is_reset() {
                return;
            }
            // What was odd came to nothing, and a reset may.
            *self = Self::new(now);
        }
        self.resets |= header.is_reset();
        self.log.push(*header);
    }

    /// How things stood before the first packet of the log.
    pub fn before(&self) -> &Connection {
        &self.before
    }

    /// The packets, in the order of the capture.
    pub fn log(&self) -> &[Header] {
        &self.log
    }
}

/// What a packet may be, if neither end sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspect {
    /// A reset.
    Reset,
    /// A SYN-ACK from the client, or a second one with another number.
    SynAck,
    /// Data or a FIN, whose headers differ from those of its end.
    Data,
}

/// True if a packet is to be looked at more closely; `now` is the connection before it.
#[inline(always)]
pub fn suspect(now: &Connection, header: &Header) -> Option<Suspect> {
    if header.is_reset() {
        return Some(Suspect::Reset);
    }
    let own = now.side(header.from());
    if header.has(flag::SYN | flag::ACK) {
        let from_client =
            now.is_opened() && now.place(crate::tamper::finding::End::Client) == header.from();
        let second = own.has(Habit::Syn) && header.seq != own.begin;
        return (from_client && own.has(Habit::Syn) || second).then_some(Suspect::SynAck);
    }
    if header.flags & flag::FIN == 0 && header.len == 0 || !own.is_known() {
        return None;
    }
    let hops = own.ttls().iter().map(|ttl| ttl.abs_diff(header.ttl)).min().unwrap_or(0);
    let other = now.side(header.from().other());
    let mirror = header.identification != 0
        && header.identification == other.last.identification
        && header.window == other.last.window
        && header.window != own.last.window;
    let odd_flags = header.flags & ODD_FLAGS != 0 && !own.has(Habit::OddFlags);
    (hops >= HOPS && !own.has(Habit::ManyTtls) || mirror || odd_flags).then_some(Suspect::Data)
}
