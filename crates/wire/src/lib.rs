//! The bytes: what packets and messages say, read without trust.
//!
//! Everything here is total and bounded: whatever comes from a network, the answer is a value or word of what is missing,
//! never a panic. Nothing here reads a clock, a file, the environment or randomness. In reading order:
//!
//! - [`read`]: numbers out of bytes.
//! - [`mod@file`]: capture files, block by block.
//! - [`link`]: links, tags and tunnels around IP.
//! - [`ip`]: IP packets.
//! - [`transport`]: TCP, UDP and ICMP.
//! - [`app`]: the messages of applications: DNS, TLS, QUIC, HTTP.

pub mod app;
pub mod file;
pub mod ip;
pub mod link;
pub mod read;
pub mod transport;
