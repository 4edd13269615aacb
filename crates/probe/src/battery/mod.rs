//! The battery of tests that a device is recognised by, run against one's own far end. Counts, and never judges.
//!
//! Nothing is sent to anybody who has not consented: a far end proves that it issued the token, for one address and its ports. Nothing
//! is fetched: the far end serves no name. In reading order:
//!
//! - [`token`], [`protocol`]: consent, and what the two sides say.
//! - [`caps`]: what a run may spend. Nothing lifts it.
//! - [`mod@line`]: the only way out.
//! - [`plan`], [`run`](mod@run): what is tried, in which order, and when to stop.
//! - [`hello`], [`exchange`], [`tally`], [`chance`]: a request, one trial of it, the counts, and the order.
//! - `tls`, `residual` and the others: the tests.

pub mod caps;
pub mod chance;
mod cutting;
mod direction;
mod dns;
pub mod exchange;
pub mod fragments;
mod google;
pub mod hello;
mod initial;
pub mod line;
mod location;
mod pieces;
pub mod plan;
pub mod protocol;
mod quic;
mod resets;
mod residual;
pub mod run;
pub mod tally;
mod tls;
pub mod token;
mod web;

// The public interface is:
pub use caps::Caps;
pub use line::{FarEnd, LineError};
pub use plan::{Plan, Test};
pub use run::{BatteryFailure, Step, run};
pub use token::ConsentToken;
