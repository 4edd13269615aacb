//! One binary for all tests of the crate.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that fails should fail loudly"
)]

mod made;
mod test_age;
mod test_bundle;
mod test_hostile;
mod test_merkle;
mod test_note;
mod test_timestamp;
