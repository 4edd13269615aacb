//! Leading connections to another host than the one they were for, unseen by both ends: what a login page and an
//! interceptor of TLS need.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::endpoint::Endpoints;
use super::watch::{Flow, FlowTable};
use super::{Direction, Fate, Hop, Middlebox};
use crate::frame::{Body, Frame, Packet, flags};

/// Leads TCP connections to hosts of its own: it puts their address in the place of the server's, and the server's back
/// into what they answer. Works only in the path, and only where it has an address of the connection's family.
#[derive(Debug)]
pub struct Divert {
    what: Endpoints,
    to: Vec<IpAddr>,
    origins: Origins,
}

/// Where diverted connections were for, by the client's end. The box writes it, the host that they are led to reads it.
#[derive(Debug, Clone)]
pub struct Origins(Arc<Mutex<FlowTable<SocketAddr, SocketAddr>>>);

impl Default for Origins {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(FlowTable::new(FLOWS, FLOW_IDLE))))
    }
}

impl Origins {
    /// The server that a client's connection was for.
    pub fn of(&self, client: SocketAddr, now: Duration) -> Option<SocketAddr> {
        self.table().touch(&client, now).copied()
    }

    fn set(&self, client: SocketAddr, server: SocketAddr, now: Duration) {
        self.table().insert(client, server, now);
    }

    /// Every change of the table is whole, so that a panic elsewhere has left nothing half-done.
    fn table(&self) -> std::sync::MutexGuard<'_, FlowTable<SocketAddr, SocketAddr>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Divert {
    /// Leads connections with `what` to the host that has the addresses `to`, on the same port.
    pub fn new(what: Endpoints, to: Vec<IpAddr>, origins: Origins) -> Self {
        Self { what, to, origins }
    }

    fn address(&self, server: SocketAddr) -> Option<IpAddr> {
        self.to.iter().copied().find(|to| to.is_ipv4() == server.is_ipv4())
    }

    /// The packet as the other host gets it.
    fn there(&self, frame: &Frame, flow: Flow, now: Duration) -> Option<Frame> {
        let packet = frame.packet()?;
        let to = self.address(flow.server).filter(|_| self.what.matches(&packet, flow.server))?;
        if packet.tcp()?.flags & (flags::SYN | flags::ACK) == flags::SYN {
            self.origins.set(flow.client, flow.server, now);
        }
        // A connection that was there before the box, or whose end another one has, is left alone.
        let origin = self.origins.of(flow.client, now)?;
        let to = SocketAddr::new(to, flow.server.port());
        (origin == flow.server).then(|| frame.readdressed(flow.client, to))?
    }

    /// The answer as the client gets it.
    fn back(&self, frame: &Frame, flow: Flow, now: Duration) -> Option<Frame> {
        let ours = self.to.contains(&flow.server.ip());
        let origin = self.origins.of(flow.client, now).filter(|_| ours)?;
        (origin.port() == flow.server.port()).then(|| frame.readdressed(origin, flow.client))?
    }
}

impl Middlebox for Divert {
    fn see(&mut self, frame: &Frame, hop: &mut Hop<'_>) -> Fate {
        // A fragment has no ports to go by: it passes, and is nobody's.
        let whole =
            |packet: &Packet<'_>| packet.fragment.is_none() && matches!(packet.body, Body::Tcp(_));
        let packet = frame.packet().filter(whole);
        let flow = packet.and_then(|packet| Flow::of(&packet, hop.direction()));
        let Some(flow) = flow else { return Fate::Forward };
        let led = match hop.direction() {
            Direction::Outbound => self.there(frame, flow, hop.now()),
            Direction::Inbound => self.back(frame, flow, hop.now()),
        };
        match led {
            Some(frame) => {
                hop.pass_on(frame);
                Fate::Drop
            }
            None => Fate::Forward,
        }
    }
}

const FLOWS: usize = 65_536;
const FLOW_IDLE: Duration = Duration::from_secs(300);
