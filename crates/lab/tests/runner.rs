//! Tests of the lab as its users see it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "clippy's own exception for tests does not reach the helpers between them"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "a developer asks for one case, or for what was measured, by the environment"
)]

mod field;
mod matrix;
#[path = "../../analysis/tests/numbers.rs"]
mod numbers;
mod statements;
mod test_apps;
mod test_attribution;
mod test_determinism;
mod test_device;
mod test_encrypted_dns;
mod test_field;
mod test_inspect;
mod test_invariants;
mod test_matrix;
mod test_middlebox;
mod test_national;
mod test_population;
mod test_probe;
mod test_qa;
mod test_quic;
mod test_scenario;
mod test_sites;
mod test_transport;
mod test_truths;
mod test_web;
mod world;
