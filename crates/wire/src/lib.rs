//! The bytes: what packets and messages say, read without trust.
//!
//! Everything here is total and bounded: whatever comes from a network, the answer is a value or word of what is missing,
//! never a panic. Nothing here reads a clock, a file, the environment or randomness. In reading order:
//!
//! - [`read`]: numbers out of bytes.
//! - [`app`]: the messages of applications: DNS, TLS, QUIC, HTTP.

pub mod app;
pub mod read;
