//! How an audit goes, why one is refused, and what it counts.

use std::net::IpAddr;

use super::mask::Values;

/// How an audit goes.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Random bytes, new in each run: hashes of values cannot be compared between runs.
    pub salt: [u8; 32],
    /// Whether the person's own values are shown.
    pub values: Values,
    /// Whose devices these are.
    pub devices: Whose,
    /// Addresses that are the device's, where that cannot be seen.
    pub named: Vec<IpAddr>,
}

/// What the person says of the devices in a capture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Whose {
    /// Nothing: there must be one only.
    #[default]
    One,
    /// All are theirs: up to four.
    AllMine,
}

/// Why a capture is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing in it opens a connection.
    #[error("no device is in this capture: nothing in it opens a connection")]
    NoDevice,
    /// More than one device.
    #[error("{0} devices are in this capture, and it may show other people")]
    Several(usize),
    /// More than four.
    #[error("more than four devices are in this capture: it shows other people, and is not read")]
    Many,
    /// A server's.
    #[error("this is the capture of a server: it shows the people who use it, and is not read")]
    Server,
}

/// What an audit has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counters {
    /// IP packets.
    pub packets: u64,
    /// Fragments after the first, which are not joined.
    pub fragments: u64,
    /// Packets whose transport header could not be read.
    pub malformed: u64,
    /// Packets that were not captured whole.
    pub cut: u64,
    /// Connections read before they were over, for want of room.
    pub evicted: u64,
    /// Neighbours that were heard; nothing of them is kept.
    pub neighbours: u64,
}
