//! The messages of applications, one file each.

pub mod dns;
pub mod http;
pub mod quic;
pub mod tls;
pub mod tls_server;
pub mod x509;
