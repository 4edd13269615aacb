//! A carrier's address translation: what subscribers open goes out from one public address, each connection from a port of its own.
//!
//! TCP over IPv4 alone; anything else from inside is dropped, as is what nobody asked for. The public address has to lead to the
//! router that this stands on: that of a host that hangs there and does nothing.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use super::watch::Flow;
use super::{Direction, Fate, Hop, Middlebox};
use crate::frame::Frame;

/// Translates addresses. Works only in the path.
#[derive(Debug)]
pub struct Nat {
    public: IpAddr,
    next_port: u16,
    out: BTreeMap<Flow, u16>,
    back: BTreeMap<(u16, SocketAddr), SocketAddr>,
}

impl Nat {
    /// Translates to `public`.
    pub fn new(public: IpAddr) -> Self {
        Self { public, next_port: FIRST_PORT, out: BTreeMap::new(), back: BTreeMap::new() }
    }

    fn port_of(&mut self, flow: Flow) -> Option<u16> {
        if let Some(port) = self.out.get(&flow) {
            return Some(*port);
        }
        if self.out.len() >= MOST_FLOWS {
            return None;
        }
        let port = self.next_port;
        self.next_port = self.next_port.checked_add(1)?;
        self.out.insert(flow, port);
        self.back.insert((port, flow.server), flow.client);
        Some(port)
    }

    fn translated(&mut self, frame: &Frame, direction: Direction) -> Option<Frame> {
        let packet = frame.packet()?;
        packet.tcp()?;
        let (source, destination) = packet.endpoints()?;
        match direction {
            Direction::Outbound => {
                let port = self.port_of(Flow { client: source, server: destination })?;
                frame.readdressed(SocketAddr::new(self.public, port), destination)
            }
            Direction::Inbound => {
                let client = *self.back.get(&(destination.port(), source))?;
                frame.readdressed(source, client)
            }
        }
    }
}

impl Middlebox for Nat {
    fn see(&mut self, frame: &Frame, hop: &mut Hop<'_>) -> Fate {
        if let Some(translated) = self.translated(frame, hop.direction()) {
            hop.pass_on(translated);
        }
        Fate::Drop
    }
}

const FIRST_PORT: u16 = 10_000;
const MOST_FLOWS: usize = 50_000;
