//! Which app a connection was of, where the capture says so: PCAPdroid's captures of Android do, for each packet.

use std::collections::HashMap;
use std::net::SocketAddr;

use wirewitness_wire::file::Record;
use wirewitness_wire::file::app::app_of;
use wirewitness_wire::ip::IpPacket;
use wirewitness_wire::transport::{Transport, transport};

use super::finding::{Connection, Finding, Protocol};

/// Apps by connection; empty for captures that say nothing of them.
#[derive(Debug, Default)]
pub(super) struct Apps {
    /// The connections that came last, and those before them.
    recent: HashMap<Ends, String>,
    older: HashMap<Ends, String>,
}

/// The protocol, and both ends, the lower one first.
type Ends = (Protocol, SocketAddr, SocketAddr);

/// Connections remembered in each of the two maps.
const MAX_RECENT: usize = 32_768;
/// The least that a trailer with an app's name is long.
const TRAILER: usize = 20;

impl Apps {
    /// False for a packet of which the capture cannot say an app: one without trailer and comment.
    #[inline]
    pub(super) fn may_name(record: &Record<'_>, packet: &IpPacket<'_>) -> bool {
        packet.trailer.len() >= TRAILER || record.comment.is_some()
    }

    /// The app of a packet.
    #[inline]
    pub(super) fn name(record: &Record<'_>, packet: &IpPacket<'_>) -> Option<String> {
        if Self::may_name(record, packet) { name(record, packet) } else { None }
    }

    /// Remembers the app of a connection; the last that was told counts.
    pub(super) fn put(&mut self, ends: Ends, name: String) {
        if self.recent.len() >= MAX_RECENT && !self.recent.contains_key(&ends) {
            self.older = std::mem::take(&mut self.recent);
        }
        self.recent.insert(ends, name);
    }

    /// True if the app of a connection is known.
    pub(super) fn knows(&self, ends: &Ends) -> bool {
        self.recent.contains_key(ends) || self.older.contains_key(ends)
    }

    /// Gives a finding the app of its connection.
    pub(super) fn give(&self, finding: &mut Finding) {
        if self.recent.is_empty() {
            return;
        }
        let (connection, app) = whose(finding);
        let ends = ends(connection.protocol, connection.client, connection.server);
        *app = self.recent.get(&ends).or_else(|| self.older.get(&ends)).cloned();
    }
}

/// The ends of a packet's connection; none where it has no ports.
pub(super) fn ends_of(packet: &IpPacket<'_>) -> Option<Ends> {
    let (protocol, source, destination) = match transport(packet) {
        Ok(Transport::Tcp(it)) => (Protocol::Tcp, it.source_port, it.destination_port),
        Ok(Transport::Udp(it)) => (Protocol::Udp, it.source_port, it.destination_port),
        _ => return None,
    };
    let source = SocketAddr::new(packet.source, source);
    Some(ends(protocol, source, SocketAddr::new(packet.destination, destination)))
}

fn ends(protocol: Protocol, one: SocketAddr, other: SocketAddr) -> Ends {
    (protocol, one.min(other), one.max(other))
}

#[cold]
fn name(record: &Record<'_>, packet: &IpPacket<'_>) -> Option<String> {
    let app = app_of(record, packet).filter(|app| app.uid >= 0)?;
    Some(match app.name {
        [] => format!("app {}", app.uid),
        name => String::from_utf8_lossy(name).chars().filter(|it| !it.is_control()).collect(),
    })
}

/// The connection that a finding is about, and the place of its app.
fn whose(finding: &mut Finding) -> (Connection, &mut Option<String>) {
    match finding {
        Finding::Flow(it) => (it.connection, &mut it.app),
        Finding::Dns(it) => (it.connection, &mut it.app),
        Finding::Quic(it) => (it.connection, &mut it.app),
        Finding::Injection(it) => (it.connection, &mut it.app),
        Finding::Drop(it) => (it.connection, &mut it.app),
        Finding::Throttle(it) => (it.connection, &mut it.app),
        Finding::Blockpage(it) => (it.connection, &mut it.app),
    }
}
