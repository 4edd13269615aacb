//! Measures: the same experiments over the kernel's sockets and over the lab's. Never judges.
//!
//! A probe asks the network through `wirewitness-net`'s `Net` and writes down what happened, in OONI's formats. What it
//! means is `wirewitness-analysis`'s to say, and it says the same of a measurement of ours and of OONI's. In reading
//! order:
//!
//! - [`session`]: the network, whom to trust, whom to ask ([`Session`]).
//! - [`web`]: the web connectivity experiment.
//! - [`control`]: the same target as a test helper sees it.
//! - [`dns`], [`tls`], [`http`]: the steps; [`clock`] bounds them, [`observed`] watches a connection.
//! - [`service`]: HTTPS to whoever helps to measure.
//! - [`record`], [`failure`]: what happened, in OONI's formats and words.
//! - [`run`]: many targets, so many at a time.

pub mod clock;
pub mod control;
pub mod dns;
pub mod failure;
pub mod http;
pub mod observed;
pub mod record;
pub mod run;
pub mod service;
pub mod session;
pub mod tls;
pub mod web;

// The public interface is:
pub use control::TestHelper;
pub use session::{FollowUp, Helpers, Session, Vantage};
pub use tls::Trust;

pub mod consent;
pub mod helper;
pub mod journal;
pub mod kernel;
pub mod pace;
pub mod scrub;
pub mod targets;
