//! The far end of the attribution battery: takes what probes send, says that it came, and nothing else.
//!
//! It serves nothing for any name, completes no handshake, and answers only a client that has proved to know the token its operator
//! handed out. [`desk`] keeps sessions, [`sink`] has the ports, [`headers`] sees forged resets and [`fragments`] counts
//! fragments where it may, [`call`] opens connections back to a client that asks for them.

pub mod call;
pub mod desk;
pub mod fragments;
pub mod headers;
pub mod sink;

// The public interface is:
pub use desk::{Bounds, Desk};
pub use sink::{Ports, take_in};
