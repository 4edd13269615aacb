//! Servers on simulated hosts: resolvers and web servers, and the authority that signs their certificates.
//!
//! - [`authority`]: the lab's certificate authority, and certificates good and bad.
//! - [`dns`]: a resolver, truthful or lying, over UDP and TCP.
//! - [`dot`], [`doh`]: the same resolver over TLS and over HTTPS.
//! - [`interceptor`]: the far side of a machine in the middle.
//! - [`proxy`]: a transparent proxy.
//! - [`web`]: HTTP/1.1, HTTP/2 and HTTPS.
//! - [`h3`]: HTTP/3 over QUIC.

pub mod authority;
pub mod dns;
pub mod doh;
pub mod dot;
pub mod h3;
pub mod interceptor;
pub mod proxy;
pub mod web;
