//! One binary for all integration tests of the crate.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::too_many_lines,
    reason = "a test that fails should fail loudly, and tables are long"
)]

mod captures;
mod certificates;
mod life;
mod numbers;
mod packets;
mod shared;
mod test_attribution;
mod test_captures;
mod test_condense;
mod test_content;
mod test_course;
mod test_events;
mod test_examples;
mod test_exposure;
mod test_made_capture;
mod test_nettests;
mod test_planet;
mod test_qa;
mod test_tcp;
mod test_throttle_captures;
mod test_web_rules;
mod world;
