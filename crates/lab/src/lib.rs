//! A censored network in a box: real packets between simulated hosts, in virtual time, inside one process.
//!
//! The lab is the ground truth for everything that judges: a network whose censor is known. It opens no socket and no
//! device and cannot be attached to one: every packet in it is made by it and dies in it. In reading order:
//!
//! - [`frame`]: one packet, opaque; nobody outside can make one.
//! - [`fabric`]: nodes, links, routers, and the queue of events ([`Topology`] builds a network).
//! - [`host`]: a host's TCP/IP stack, and the sockets that implement `wirewitness-net`'s `Net` and `Clock`.
//! - [`middlebox`]: the techniques, one file each.
//! - [`server`]: resolvers, web servers, and the lab's certificate authority.
//! - [`scenario`]: networks described in TOML.
//! - [`capture`]: what passed a link, as lines and as pcapng.
//! - [`lab`]: running all of it ([`Lab::run`]).
//! - [`population`]: months of a country, as judged measurements with the truth beside them; drawn, not run.
//!
//! A run is a function of the topology and its seed: the same packets in the same order, at the same nanosecond, with
//! the same sizes and flags. Only key material in payloads differs.

pub mod capture;
pub mod fabric;
pub mod frame;
pub mod host;
pub mod lab;
pub mod middlebox;
pub mod population;
mod rng;
pub mod scenario;
pub mod server;

// The public interface is:
pub use fabric::link::LinkSpec;
pub use fabric::router::NoRoute;
pub use fabric::topology::{HostId, LinkId, NodeId, RouterId, Topology};
pub use host::{Mood, System};
pub use lab::{Lab, RunError};
pub use middlebox::{Middlebox, Placement};
pub use rng::Rng;
pub use scenario::{Running, Scenario, ScenarioError, Truth};
