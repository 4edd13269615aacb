//! Measures: the same experiments over the kernel's sockets and over the lab's. Never judges.
//!
//! A probe asks the network through `wirewitness-net`'s `Net` and writes down what happened, in OONI's formats. What it
//! means is `wirewitness-analysis`'s to say, and it says the same of a measurement of ours and of OONI's. In reading
//! order:
//!
//! - [`session`]: the network, whom to trust, whom to ask ([`Session`]).
//! - [`web`]: the web connectivity experiment.
//! - [`apps`]: messengers and other applications, as their makers' endpoints are reached.
//! - [`control`]: the same target as a test helper sees it.
//! - [`dns`], [`tls`], [`http`], [`quic`]: the steps; [`clock`] bounds them, [`observed`] watches a connection.
//! - `connection`: these steps on one connection, written down; `envelope`: what stands around every measurement.
//! - [`service`]: HTTPS to whoever helps to measure.
//! - [`record`], [`failure`]: what happened, in OONI's formats and words.
//! - [`kernel`]: the network of this machine.
//! - [`consent`], [`targets`], [`pace`]: what may be measured, and how fast.
//! - [`scrub`], [`journal`]: what is taken out of a measurement, and how it is written.
//! - [`run`]: many targets, so many at a time.
//! - [`helper`]: the test helper itself.
//! - [`battery`]: the tests that devices are recognised by, against one's own far end.

pub mod apps;
pub mod battery;
pub mod clock;
mod connection;
pub mod consent;
pub mod control;
pub mod dns;
mod envelope;
pub mod failure;
pub mod helper;
pub mod http;
pub mod journal;
pub mod kernel;
pub mod observed;
pub mod pace;
pub mod quic;
pub mod record;
pub mod run;
pub mod scrub;
pub mod service;
pub mod session;
pub mod targets;
pub mod tls;
pub mod web;

// The public interface is:
pub use control::TestHelper;
pub use session::{FollowUp, HarmlessName, Helpers, Session, Vantage};
pub use tls::Trust;
