//! Tests of the prober as its users see it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "clippy's own exception for tests does not reach the helpers between them"
)]

mod helper_flood;
mod helper_world;
mod quarter;
mod servers;
mod test_apps;
mod test_battery;
mod test_battery_kernel;
mod test_bounds;
mod test_helper;
mod test_helper_in_lab;
mod test_hostile;
mod test_kernel;
mod test_loopback;
mod test_namespaces;
mod test_oonidata;
mod test_policy;
mod test_service;
mod town;
