//! Measures: the same experiments over the kernel's sockets and over the lab's. Never judges.
//!
//! - [`quic`]: the QUIC handshake and one request over HTTP/3.

pub mod quic;
