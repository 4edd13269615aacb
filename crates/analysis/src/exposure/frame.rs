//! What a frame tells beside its packet: who sent it to whom, and who opened a connection.

use std::net::IpAddr;

use wirewitness_wire::file::{LinkType, Record};
use wirewitness_wire::transport::flag;

use super::device::Hardware;
use super::flow::Key;

/// Who opened a connection, by its first packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// Its sender, surely: a SYN.
    Surely,
    /// Its sender.
    AsSent,
    /// Its receiver.
    Turned,
}

impl Direction {
    pub(super) fn of(key: &Key, flags: u16) -> Self {
        let (source, destination) = (key.client.port(), key.server.port());
        match flags & (flag::SYN | flag::ACK) {
            flag::SYN => Self::Surely,
            both if both == flag::SYN | flag::ACK => Self::Turned,
            // Begun before the capture: the lower port is the server's.
            _ if source < 1024 && destination >= 1024 => Self::Turned,
            _ => Self::AsSent,
        }
    }
}

/// Who sent a frame, where the link says so.
pub(super) fn hardware(record: &Record<'_>) -> Option<Hardware> {
    let range = match record.link {
        LinkType::ETHERNET => 6..12,
        LinkType::LINUX_COOKED => 6..12,
        _ => return None,
    };
    let address: Hardware = record.bytes.get(range)?.try_into().ok()?;
    (address != [0; 6]).then_some(address)
}

/// To whom a frame went, where the link says so.
pub(super) fn towards(record: &Record<'_>) -> Option<Hardware> {
    let address = record.bytes.get(..6).filter(|_| record.link == LinkType::ETHERNET)?;
    address.try_into().ok()
}

/// True for addresses of the link alone.
pub(super) fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}
