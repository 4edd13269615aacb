//! What outlives a trigger: whoever asked for a name is kept from the server for a while.

use std::net::IpAddr;
use std::time::Duration;

use super::cells::DeviceCells;
use crate::middlebox::watch::{Flow, FlowTable};

/// Connections that a device remembers.
#[derive(Debug)]
pub(super) struct Residual {
    /// None where the device forgets, or that is not known.
    tuple: Option<Tuple>,
    held: FlowTable<Key, ()>,
}

#[derive(Debug, Clone, Copy)]
enum Tuple {
    /// Both addresses and the server's port.
    Three,
    /// And the client's port.
    Four,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    client: (IpAddr, u16),
    server: (IpAddr, u16),
}

impl Residual {
    pub(super) fn new(cells: &DeviceCells<'_>) -> Self {
        let seconds = cells.ranges("residual", "seconds").first();
        let tuple = match cells.words("residual", "tuple").first().map(String::as_str) {
            Some("3-tuple") => Some(Tuple::Three),
            Some("4-tuple") => Some(Tuple::Four),
            _ => None,
        };
        let hold = Duration::from_secs(seconds.unwrap_or(0));
        Self { tuple: tuple.filter(|_| seconds.is_some()), held: FlowTable::new(HELD, hold) }
    }

    /// Remembers who asked.
    pub(super) fn hold(&mut self, flow: Flow, now: Duration) {
        if let Some(tuple) = self.tuple {
            self.held.insert(key(tuple, flow), (), now);
        }
    }

    /// True if whoever opens this flow is remembered.
    pub(super) fn holds(&mut self, flow: Flow, now: Duration) -> bool {
        self.tuple.is_some_and(|tuple| self.held.peek(&key(tuple, flow), now).is_some())
    }
}

fn key(tuple: Tuple, flow: Flow) -> Key {
    let port = match tuple {
        Tuple::Three => 0,
        Tuple::Four => flow.client.port(),
    };
    Key { client: (flow.client.ip(), port), server: (flow.server.ip(), flow.server.port()) }
}

const HELD: usize = 65_536;
