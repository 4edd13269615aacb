//! All tests of the archive, in one binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests stop at the first surprise, and say what they leave out"
)]

mod made;
mod test_events;
mod test_keep;
mod test_kill;
