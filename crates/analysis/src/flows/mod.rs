//! Packets in, connections out.
//!
//! - [`key`], [`table`]: which connection a packet is of, and how many are held.
//! - [`header`], [`side`], [`connection`]: what is kept of a packet, of an end, of a connection.
//! - [`fragments`]: IP fragments, joined.
//! - [`heads`]: the beginnings of both ways of a TCP connection, joined, with copies that differ kept.

pub mod connection;
pub mod fragments;
pub mod header;
pub mod heads;
pub mod key;
pub mod quick;
pub mod side;
pub mod table;

use std::net::SocketAddr;

use wirewitness_wire::file::Way;

/// What is told of a packet beside its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Its number in the capture, from 1.
    pub packet: u64,
    /// Time, ns since 1970.
    pub at_ns: i64,
    /// Source, with port; port 0 where there is none.
    pub source: SocketAddr,
    /// Destination, with port.
    pub destination: SocketAddr,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// IPv4's identification.
    pub identification: Option<u16>,
    /// IPv4's flag.
    pub dont_fragment: bool,
    /// Which way, where the file says so.
    pub way: Way,
}
