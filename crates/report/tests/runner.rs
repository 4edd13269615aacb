//! One binary for all integration tests of the crate.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    dead_code,
    reason = "a test that fails should fail loudly, and the days are shared with other crates"
)]

#[path = "../../analysis/tests/life/mod.rs"]
mod life;
mod test_exposure_page;
mod test_report;
