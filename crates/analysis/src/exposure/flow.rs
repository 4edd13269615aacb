//! Connections, with the beginnings of both ways: bounded in number and bytes.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use wirewitness_wire::app::quic::ClientFlight;
use wirewitness_wire::app::tunnel::Tunnel;

use super::calls::Run;
use super::head::Head;

/// The ends and the protocol of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// IP's number of the protocol.
    pub(super) protocol: u8,
    pub(super) client: SocketAddr,
    pub(super) server: SocketAddr,
}

impl Key {
    /// Seen from the other side.
    pub(super) fn turned(self) -> Self {
        Self { client: self.server, server: self.client, ..self }
    }
}

/// A connection.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) first_ns: i64,
    pub(super) last_ns: i64,
    pub(super) packets: u64,
    /// From the client, from the server.
    pub(super) bytes: [u64; 2],
    pub(super) app: Option<String>,
    /// Whose ledger it goes to.
    pub(super) side: IpAddr,
    pub(super) body: Body,
}

/// What is kept of it.
#[derive(Debug)]
pub(super) enum Body {
    /// TCP: the beginnings.
    Tcp(Box<[Head; 2]>),
    /// UDP.
    Udp(Box<Datagrams>),
    /// Another protocol of IP.
    Other,
}

/// What is kept of datagrams.
#[derive(Debug, Default)]
pub(super) struct Datagrams {
    pub(super) quic: Option<ClientFlight>,
    /// Datagrams that may still hold the hello.
    pub(super) tried: u8,
    pub(super) tunnel: Option<Tunnel>,
    pub(super) named: bool,
    pub(super) known: bool,
    /// Encrypted or not, a stream of sound: one each way.
    pub(super) runs: [Run; 2],
    pub(super) streams: bool,
}

/// All connections that are held.
#[derive(Debug, Default)]
pub(super) struct Flows {
    flows: BTreeMap<Key, Flow>,
    /// Bytes of beginnings.
    pub(super) memory: usize,
}

impl Flows {
    /// The connection of a packet, and whether the packet is the server's.
    pub(super) fn key_of(&self, key: Key) -> Option<(Key, bool)> {
        if self.flows.contains_key(&key) {
            return Some((key, false));
        }
        let turned = key.turned();
        self.flows.contains_key(&turned).then_some((turned, true))
    }

    pub(super) fn get_mut(&mut self, key: &Key) -> Option<&mut Flow> {
        self.flows.get_mut(key)
    }

    pub(super) fn insert(&mut self, key: Key, flow: Flow) {
        self.flows.insert(key, flow);
    }

    pub(super) fn remove(&mut self, key: &Key) -> Option<Flow> {
        let flow = self.flows.remove(key)?;
        if let Body::Tcp(heads) = &flow.body {
            self.memory = self.memory.saturating_sub(heads.iter().map(Head::memory).sum());
        }
        Some(flow)
    }

    /// True if some must go before another comes.
    pub(super) fn are_too_many(&self) -> bool {
        self.flows.len() >= MOST_FLOWS || self.memory >= MOST_MEMORY
    }

    /// The half that was quiet longest.
    pub(super) fn quiet(&self) -> Vec<Key> {
        let mut keys: Vec<_> = self.flows.iter().map(|(key, flow)| (flow.last_ns, *key)).collect();
        keys.sort_unstable();
        keys.truncate(keys.len().div_ceil(2));
        keys.into_iter().map(|(_, key)| key).collect()
    }

    /// All, in the order of their ends.
    pub(super) fn keys(&self) -> Vec<Key> {
        self.flows.keys().copied().collect()
    }
}

const MOST_FLOWS: usize = 20_000;
const MOST_MEMORY: usize = 64 << 20;
