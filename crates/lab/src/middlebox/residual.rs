//! A block that outlives its trigger: for a while, whoever asked for a name reaches the server no more.

use std::net::IpAddr;
use std::time::Duration;

use super::forge::ResetShape;
use super::watch::{Flow, FlowTable, Sight, Watch};
use super::{Direction, Fate, Hop, Middlebox};
use crate::frame::{Frame, flags};

/// Remembers who asked for a name, and blocks what they do with the server for a hold time.
///
/// Does nothing to the flow that asked: that is for a [`super::tls_sni::TlsSni`] or [`super::http_host::HttpHost`] on
/// the same hop, placed after this one.
#[derive(Debug)]
pub struct Residual {
    watch: Watch,
    rule: ResidualRule,
    held: FlowTable<Key, Duration>,
}

/// How a [`Residual`] block works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResidualRule {
    /// What it remembers.
    pub tuple: Tuple,
    /// For how long.
    pub hold: Duration,
    /// Whether trying again begins the time anew.
    pub refresh: Refresh,
    /// What it does.
    pub action: ResidualAction,
}

/// What a residual block remembers of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tuple {
    /// Both addresses.
    Two,
    /// Both addresses and the server's port.
    Three,
    /// Both addresses and both ports.
    Four,
}

/// Whether trying again begins the hold time anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refresh {
    /// The time runs from the trigger.
    No,
    /// Each packet that is blocked begins it anew.
    Yes,
}

/// What a residual block does to the packets of those it remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResidualAction {
    /// Drops them.
    Drop,
    /// Answers outbound ones with resets, and drops them.
    Reset(ResetShape),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    client: (IpAddr, u16),
    server: (IpAddr, u16),
}

impl Residual {
    /// Remembers the flows that `watch` catches.
    pub fn new(watch: Watch, rule: ResidualRule) -> Self {
        let held = FlowTable::new(HELD, rule.hold);
        Self { watch, rule, held }
    }

    fn key(&self, flow: Flow) -> Key {
        let (client, server) = match self.rule.tuple {
            Tuple::Two => (0, 0),
            Tuple::Three => (0, flow.server.port()),
            Tuple::Four => (flow.client.port(), flow.server.port()),
        };
        Key { client: (flow.client.ip(), client), server: (flow.server.ip(), server) }
    }

    fn is_held(&mut self, key: &Key, now: Duration) -> bool {
        match self.rule.refresh {
            Refresh::No => self.held.peek(key, now).is_some(),
            Refresh::Yes => self.held.touch(key, now).is_some(),
        }
    }
}

impl Middlebox for Residual {
    fn see(&mut self, frame: &Frame, hop: &mut Hop<'_>) -> Fate {
        let Some(packet) = frame.packet() else { return Fate::Forward };
        let Some(flow) = Flow::of(&packet, hop.direction()) else { return Fate::Forward };
        let key = self.key(flow);
        match self.watch.see(&packet, hop) {
            Sight::Hit => {
                self.held.insert(key, hop.now(), hop.now());
                return Fate::Forward;
            }
            // The flow that asked is another's business.
            Sight::Caught => return Fate::Forward,
            Sight::Clear => {}
        }
        if !self.is_held(&key, hop.now()) {
            return Fate::Forward;
        }
        let reset = packet.tcp().is_some_and(|tcp| tcp.has(flags::RST));
        if let (ResidualAction::Reset(shape), Direction::Outbound, false) =
            (&self.rule.action, hop.direction(), reset)
        {
            shape.inject(&packet, hop);
        }
        Fate::Drop
    }
}

const HELD: usize = 65_536;
