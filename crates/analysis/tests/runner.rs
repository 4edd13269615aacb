//! One binary for all integration tests of the crate.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::too_many_lines,
    reason = "a test that fails should fail loudly, and tables are long"
)]

mod certificates;
mod life;
mod replay;
mod shared;
mod test_content;
mod test_examples;
mod test_exposure;
mod test_nettests;
mod test_qa;
mod test_web_rules;
mod world;
