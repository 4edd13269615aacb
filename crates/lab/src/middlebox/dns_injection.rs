//! Forged DNS answers over UDP: beside the path they race the true one, in the path they replace it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::names::Names;
use super::{Direction, Fate, Hop, Middlebox};
use crate::frame::{Frame, Packet, UdpSpec};
use wirewitness_wire::app::dns::{Answer, Message, kind, rcode};

/// Answers questions for names on a list, to whatever server they go.
///
/// Knows only datagrams to port 53: DNS over TCP, TLS and HTTPS pass.
#[derive(Debug)]
pub struct DnsInjection {
    names: Names,
    lie: Lie,
    shape: AnswerShape,
}

/// What a forged answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lie {
    /// Addresses; a family without any gets an empty answer.
    Addresses(Vec<IpAddr>),
    /// An address drawn anew for every answer, of the kind that belongs to nobody: 10.0.0.0/8 and fd00::/8.
    Bogon,
    /// No such name.
    NxDomain,
    /// The server refuses.
    Refused,
    /// No answer at all; works only in the path.
    Silence,
}

/// What a device's forged answers look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerShape {
    /// How long after the question it leaves. Default 0.
    pub after: Duration,
    /// How many are sent. Default 1.
    pub count: u8,
    /// TTL of the packet as it leaves. Default 64.
    pub ttl: u8,
    /// IPv4 identification. Default 0.
    pub identification: u16,
    /// TTL of the records, in seconds. Default 300.
    pub record_ttl_secs: u32,
}

impl Default for AnswerShape {
    fn default() -> Self {
        Self { after: Duration::ZERO, count: 1, ttl: 64, identification: 0, record_ttl_secs: 300 }
    }
}

impl DnsInjection {
    /// Lies about `names`.
    pub fn new(names: Names, lie: Lie, shape: AnswerShape) -> Self {
        Self { names, lie, shape }
    }

    /// The question, if it is one that is to be lied about.
    fn question(&self, packet: &Packet<'_>) -> Option<Message> {
        let udp = packet.udp().filter(|udp| udp.destination_port == 53)?;
        let message = Message::parse(udp.payload)?;
        (!message.response && self.names.matches(&message.name)).then_some(message)
    }

    fn lie(&self, question: &Message, hop: &mut Hop<'_>) -> Option<Message> {
        let addresses = match &self.lie {
            Lie::Silence => return None,
            Lie::NxDomain => return Some(question.answer(rcode::NXDOMAIN, Vec::new())),
            Lie::Refused => return Some(question.answer(rcode::REFUSED, Vec::new())),
            Lie::Addresses(addresses) => addresses.clone(),
            Lie::Bogon => bogons(hop.rng().next_u32()),
        };
        let of_kind = |address: &&IpAddr| match question.kind {
            kind::A => address.is_ipv4(),
            kind::AAAA => address.is_ipv6(),
            _ => false,
        };
        let answers = addresses.iter().filter(of_kind).map(|address| Answer {
            ttl_secs: self.shape.record_ttl_secs,
            ..Answer::address(&question.name, *address)
        });
        Some(question.answer(rcode::NO_ERROR, answers.collect()))
    }
}

impl Middlebox for DnsInjection {
    fn see(&mut self, frame: &Frame, hop: &mut Hop<'_>) -> Fate {
        if hop.direction() == Direction::Inbound {
            return Fate::Forward;
        }
        let Some(packet) = frame.packet() else { return Fate::Forward };
        let Some(question) = self.question(&packet) else { return Fate::Forward };
        let Some((client, server)) = packet.endpoints() else { return Fate::Forward };
        let Some(payload) = self.lie(&question, hop).and_then(|lie| lie.to_bytes()) else {
            return Fate::Drop;
        };
        let spec = UdpSpec {
            source: server,
            destination: client,
            ttl: self.shape.ttl,
            identification: self.shape.identification,
            payload,
        };
        for _ in 0..self.shape.count {
            hop.inject_udp(&spec, self.shape.after);
        }
        Fate::Drop
    }
}

fn bogons(random: u32) -> Vec<IpAddr> {
    let [_, b, c, d] = random.to_be_bytes();
    let v6 = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, (random >> 16) as u16, random as u16);
    vec![Ipv4Addr::new(10, b, c, d).into(), v6.into()]
}
