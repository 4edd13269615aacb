//! A TCP connection as far as it was seen: both ends' packets, in constant space.

use std::net::SocketAddr;

use wirewitness_wire::file::Way;
use wirewitness_wire::transport::flag;

use super::header::{Header, ahead};
use super::key::{Key, Place};
use super::side::{Habit, Side};
use crate::tamper::finding::{End, SeenFrom};

/// A TCP connection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Connection {
    /// Its first packet.
    pub packet: u64,
    /// Time of its first packet, ns since 1970.
    pub first_ns: i64,
    /// Latest time of a packet of it, ns since 1970.
    pub last_ns: i64,
    sides: [Side; 2],
    client: Place,
    opened: bool,
    cut: bool,
    /// True once an ICMP error that quotes what was never sent has been told.
    pub(crate) quoted: bool,
    /// Which way the client's packets pass, where the file says so.
    way: Way,
}

impl Connection {
    /// Begins with its first packet, which is still to be taken in.
    pub fn new(header: &Header, key: &Key) -> Self {
        Self {
            packet: header.packet,
            first_ns: header.at_ns,
            last_ns: header.at_ns,
            sides: [Side::default(); 2],
            client: first_guess(header, key),
            opened: header.has(flag::SYN),
            cut: false,
            quoted: false,
            way: Way::Unknown,
        }
    }

    /// Takes in a packet.
    #[inline(always)]
    pub fn take(&mut self, header: &Header) {
        self.last_ns = self.last_ns.max(header.at_ns);
        let [low, high] = &mut self.sides;
        let (own, other) = if header.from() == Place::Low { (low, high) } else { (high, low) };
        if header.flags & (flag::ACK | flag::RST) == flag::ACK {
            own.answered(header, other);
        }
        own.take(header);
    }

    /// Takes in which way a packet of an end passed, and that it was not captured whole.
    #[inline]
    pub fn passed(&mut self, from: Place, way: Way) {
        if way != Way::Unknown {
            let in_and_out =
                matches!((way, from == self.client), (Way::Out, true) | (Way::In, false));
            self.way = if in_and_out { Way::Out } else { Way::In };
        }
    }

    /// A packet of it was not captured whole.
    #[inline]
    pub fn cut(&mut self) {
        self.cut = true;
    }

    /// A number of each cache line, as one that means nothing: reading it brings them all near.
    #[inline]
    pub(crate) fn fetch(&self) -> u64 {
        let [low, high] = &self.sides;
        low.fetch() ^ high.fetch() ^ self.packet ^ self.last_ns as u64
    }

    /// What one end sent.
    #[inline]
    pub fn side(&self, place: Place) -> &Side {
        let [low, high] = &self.sides;
        if place == Place::Low { low } else { high }
    }

    /// What the client sent.
    pub fn client(&self) -> &Side {
        self.side(self.client)
    }

    /// What the server sent.
    pub fn server(&self) -> &Side {
        self.side(self.client.other())
    }

    /// Which end it is.
    #[inline]
    pub fn end(&self, place: Place) -> End {
        if place == self.client { End::Client } else { End::Server }
    }

    /// Where an end is in the key.
    #[inline]
    pub fn place(&self, end: End) -> Place {
        if end == End::Client { self.client } else { self.client.other() }
    }

    /// Both ends' addresses, the client's first.
    pub fn addresses(&self, key: &Key) -> (SocketAddr, SocketAddr) {
        (key.end(self.client), key.end(self.client.other()))
    }

    /// True if its beginning was seen, so that it is known who opened it.
    #[inline]
    pub fn is_opened(&self) -> bool {
        self.opened
    }

    /// True if both ends were heard in the handshake.
    pub fn is_established(&self) -> bool {
        self.client().has(Habit::Syn) && self.server().has(Habit::Syn)
    }

    /// True if both ends said that they end.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.sides.iter().all(|side| side.has(Habit::Fin))
    }

    /// True if a reset was seen.
    #[inline]
    pub fn is_reset(&self) -> bool {
        self.sides.iter().any(|side| side.resets > 0)
    }

    /// True if a SYN is not of this connection but of the next one between the same ends (RFC 9293 §3.5).
    #[inline]
    pub fn is_another(&self, header: &Header) -> bool {
        if header.flags & (flag::SYN | flag::ACK | flag::RST) != flag::SYN {
            return false;
        }
        let own = self.side(header.from());
        own.packets > 0 && (header.seq != own.begin || !own.has(Habit::Syn))
            || own.packets == 0 && self.is_closed()
    }

    /// Time from SYN to SYN-ACK, or the shortest from a packet of the client to an answer of the server.
    pub fn round_trip_ns(&self) -> Option<i64> {
        Some(i64::from(self.server().answer_ns)).filter(|ns| *ns > 0)
    }

    /// Where the capture was taken.
    pub fn seen_from(&self) -> SeenFrom {
        match self.way {
            Way::Out => return SeenFrom::Client,
            Way::In => return SeenFrom::Server,
            Way::Unknown => {}
        }
        let fresh = |side: &Side| side.first_ttl().map(|ttl| matches!(ttl, 64 | 128 | 255));
        match (fresh(self.client()), fresh(self.server())) {
            (Some(true), Some(false)) => SeenFrom::Client,
            (Some(false), Some(true)) => SeenFrom::Server,
            (Some(false), Some(false)) => self.by_time(SeenFrom::Middle),
            _ => self.by_time(SeenFrom::Unknown),
        }
    }

    /// Who answers at once is near; `otherwise` where both or neither do.
    fn by_time(&self, otherwise: SeenFrom) -> SeenFrom {
        let (client, server) = (self.client().answer_ns, self.server().answer_ns);
        if client == 0 || server == 0 {
            return otherwise;
        }
        let near = |one: u32, other: u32| one < 2_000_000 && other / 10 > one;
        if otherwise == SeenFrom::Middle {
            // Hops were counted off on both ways: neither end is here.
            return otherwise;
        }
        if near(client, server) {
            SeenFrom::Client
        } else if near(server, client) {
            SeenFrom::Server
        } else {
            otherwise
        }
    }

    /// What the capture does not show of it.
    pub fn gaps(&self) -> Vec<&'static str> {
        let mut gaps = Vec::new();
        if !self.opened {
            gaps.push("began before the capture");
        }
        if self.sides.iter().any(|side| side.packets == 0) {
            gaps.push("only one way was captured");
        }
        if self.cut {
            gaps.push("packets were not captured whole");
        }
        if self.sides.iter().any(|side| side.has(Habit::Gap)) {
            gaps.push("packets are missing, or came out of order");
        }
        if self.sides.iter().any(|side| side.copies > 0) {
            gaps.push("packets were captured more than once");
        }
        gaps
    }
}

/// Who opened it, by the first packet: a SYN says; else the lower port is the server's.
fn first_guess(header: &Header, key: &Key) -> Place {
    let from = header.from();
    match header.flags & (flag::SYN | flag::ACK) {
        flag::SYN => from,
        both if both == flag::SYN | flag::ACK => from.other(),
        _ if key.end(Place::Low).port() > key.end(Place::High).port() => Place::Low,
        _ => Place::High,
    }
}

/// True if `number` lies between what an end began with and what it has sent.
pub fn was_sent(side: &Side, number: u32) -> bool {
    ahead(number, side.begin) >= 0 && ahead(number, side.next) <= 0
}
