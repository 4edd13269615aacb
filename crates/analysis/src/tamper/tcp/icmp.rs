//! ICMP errors about TCP segments: one that quotes what was never sent is made up, or tells of a segment that somebody else sent.

use std::net::SocketAddr;

use wirewitness_wire::ip::IpPacket;
use wirewitness_wire::read::{be16, be32};
use wirewitness_wire::transport::Icmp;

use super::{Held, named};
use crate::flows::Seen;
use crate::flows::connection::was_sent;
use crate::flows::header::ahead;
use crate::flows::key::{Key, Place};
use crate::flows::side::Habit;
use crate::tamper::finding::{Evidence, Grade, Injection};

/// The segment that an error quotes: eight bytes of it at least (RFC 792).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quoted {
    /// Who sent it.
    pub source: SocketAddr,
    /// To whom.
    pub destination: SocketAddr,
    /// Its sequence number.
    pub seq: u32,
}

/// Reads what an error quotes; none where that is no TCP segment.
pub fn quoted(icmp: &Icmp<'_>) -> Option<Quoted> {
    let packet = IpPacket::read(icmp.quoted).ok()?;
    if packet.protocol != TCP || packet.fragment.is_some_and(|it| it.offset > 0) {
        return None;
    }
    let source = SocketAddr::new(packet.source, be16(packet.payload, 0)?);
    let destination = SocketAddr::new(packet.destination, be16(packet.payload, 2)?);
    Some(Quoted { source, destination, seq: be32(packet.payload, 4)? })
}

const TCP: u8 = 6;

/// What an error tells about a connection, if it quotes what was never sent there.
pub(super) fn told(
    held: &Held,
    (key, place): (&Key, Place),
    seen: &Seen,
    seq: u32,
) -> Option<Injection> {
    let connection = &held.connection;
    let side = connection.side(place);
    let whole = side.has(Habit::Syn) && !side.has(Habit::Gap) && connection.is_opened();
    // Resets are not counted into what was sent, and their numbers lie near.
    if !whole || side.resets > 0 || was_sent(side, seq) {
        return None;
    }
    let far = ahead(seq, side.next);
    let says = format!("an ICMP error quotes a segment whose number is {far} from what was sent");
    let evidence = Evidence { kind: "icmp_quotes_unsent", says, packets: vec![seen.packet] };
    Some(Injection {
        connection: named(connection, key),
        grade: Grade::Undecided,
        what: vec!["icmp"],
        claims: connection.end(place.other()),
        seen_from: connection.seen_from(),
        packets: vec![seen.packet],
        at_ns: seen.at_ns,
        evidence: vec![evidence],
        against: vec!["a router or NAT on the way may have rewritten the numbers"],
        trigger: None,
        injectors: Vec::new(),
        forged: Vec::new(),
        answers: Vec::new(),
        app: None,
    })
}
