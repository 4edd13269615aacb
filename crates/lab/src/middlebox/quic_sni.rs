//! Blocking QUIC by the name in the client's Initial packets.
//!
//! Sources: Zohaib et al. (USENIX Security 2025) for China: nothing is injected; the Initial passes, what the client sends
//! after it is dropped for 180 s, also from other ports of the client, which is not modelled here. Ablove et al. (USENIX
//! Security 2026, Table 12) for five devices: Pakistan's alone reads version 2, and a hello over several Initial packets
//! passes all of them, though the leaked code of one has means to join them. Hence both values of `reassembly`.

use std::time::Duration;

use wirewitness_wire::app::quic::{ClientFlight, Kind, Version, packets};

use super::names::Names;
use super::parse::Found;
use super::watch::{Flow, FlowTable, Reassembly};
use super::{Direction, Fate, Hop, Middlebox};
use crate::frame::Frame;

/// Drops QUIC flows that ask for names on a list. Works only in the path. A flow is both addresses and both ports.
#[derive(Debug)]
pub struct QuicSni {
    names: Names,
    shape: QuicShape,
    flows: FlowTable<Flow, State>,
}

/// What a [`QuicSni`] reads and drops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuicShape {
    /// Ports of servers that are looked at. Default 443.
    pub ports: Vec<u16>,
    /// Versions of QUIC that are read. Default all that the lab can read.
    pub versions: Vec<Version>,
    /// Whether a hello is put together from several datagrams. Default: it is. QUIC has no TLS records.
    pub reassembly: Reassembly,
    /// Which of the flow's packets are dropped. Default both ways.
    pub drops: Dropped,
    /// For how long after the name was seen. Default 180 s.
    pub hold: Duration,
}

/// Which packets of a caught flow are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dropped {
    /// All, the one that says the name too.
    #[default]
    BothWays,
    /// What the client sends after the one that says the name.
    ClientAfterTrigger,
}

impl Default for QuicShape {
    fn default() -> Self {
        Self {
            ports: vec![443],
            versions: vec![Version::V1, Version::V2, Version::Draft29],
            reassembly: Reassembly::default(),
            drops: Dropped::default(),
            hold: Duration::from_secs(180),
        }
    }
}

#[derive(Debug)]
enum State {
    Reading { flight: Box<ClientFlight>, datagrams: u8 },
    Caught { since: Duration },
}

impl QuicSni {
    /// Blocks `names`.
    pub fn new(names: Names, shape: QuicShape) -> Self {
        Self { names, shape, flows: FlowTable::new(FLOWS, FLOW_IDLE) }
    }

    /// True while a flow is caught.
    fn is_caught(&mut self, flow: &Flow, now: Duration) -> bool {
        let hold = self.shape.hold;
        matches!(self.flows.touch(flow, now), Some(State::Caught { since }) if now < *since + hold)
    }

    /// True if this datagram of the client's completes a hello with a name on the list.
    fn is_hit(&mut self, flow: Flow, payload: &[u8], now: Duration) -> bool {
        if !self.is_read(payload) {
            return false;
        }
        let Some(found) = self.take_in(flow, payload, now) else { return false };
        match found {
            Found::Name(name) if self.names.matches(&name) => {
                self.flows.insert(flow, State::Caught { since: now }, now);
                true
            }
            Found::More => false,
            // The port may be used for another connection.
            Found::Name(_) | Found::Nameless | Found::Not => {
                self.flows.remove(&flow);
                false
            }
        }
    }

    fn is_read(&self, payload: &[u8]) -> bool {
        packets(payload).flatten().any(|packet| {
            let version = Version::of(packet.version);
            packet.kind == Kind::Initial
                && version.is_some_and(|it| self.shape.versions.contains(&it))
        })
    }

    fn take_in(&mut self, flow: Flow, payload: &[u8], now: Duration) -> Option<Found> {
        if !self.shape.reassembly.joins_segments() {
            let mut flight = ClientFlight::default();
            return flight.take_in(payload).then(|| found(&flight));
        }
        if let Some(State::Reading { flight, datagrams }) = self.flows.touch(&flow, now) {
            flight.take_in(payload);
            *datagrams += 1;
            let found = found(flight);
            let patience = *datagrams < MAX_DATAGRAMS;
            return Some(if patience || found != Found::More { found } else { Found::Not });
        }
        let mut flight = ClientFlight::default();
        if !flight.take_in(payload) {
            return None;
        }
        let found = found(&flight);
        let flight = Box::new(flight);
        self.flows.insert(flow, State::Reading { flight, datagrams: 1 }, now);
        Some(found)
    }
}

fn found(flight: &ClientFlight) -> Found {
    match flight.client_hello() {
        Ok(hello) => Found::of_hello(&hello),
        Err(error) if error.is_short() => Found::More,
        Err(_) => Found::Not,
    }
}

impl Middlebox for QuicSni {
    fn see(&mut self, frame: &Frame, hop: &mut Hop<'_>) -> Fate {
        let Some(packet) = frame.packet() else { return Fate::Forward };
        let (Some(udp), Some(flow)) = (packet.udp(), Flow::of(&packet, hop.direction())) else {
            return Fate::Forward;
        };
        if !self.shape.ports.contains(&flow.server.port()) {
            return Fate::Forward;
        }
        let from_client = hop.direction() == Direction::Outbound;
        if self.is_caught(&flow, hop.now()) {
            let passes = !from_client && self.shape.drops == Dropped::ClientAfterTrigger;
            return if passes { Fate::Forward } else { Fate::Drop };
        }
        let hit = from_client && self.is_hit(flow, udp.payload, hop.now());
        match self.shape.drops {
            Dropped::BothWays if hit => Fate::Drop,
            _ => Fate::Forward,
        }
    }
}

/// Flows that one device follows at a time.
const FLOWS: usize = 65_536;
const FLOW_IDLE: Duration = Duration::from_secs(300);
/// A hello that has not come by then is given up.
const MAX_DATAGRAMS: u8 = 16;
