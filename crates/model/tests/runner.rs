//! Tests of the model that need files or generated input: one binary for all of them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test stops at what it does not expect, in its helpers too"
)]

mod shared_files;
mod test_document;
mod test_yaml;
