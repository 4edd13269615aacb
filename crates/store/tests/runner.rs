//! One binary for all integration tests of the crate.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::needless_pass_by_value,
    clippy::disallowed_methods,
    dead_code,
    reason = "a test that fails should fail loudly"
)]

mod bucket_server;
mod filled;
mod generated;
mod made;
mod test_afar;
mod test_archive;
mod test_bucket;
mod test_cluster;
mod test_events;
mod test_examples;
mod test_ingest;
mod test_keep;
mod test_kill;
mod test_older;
mod test_python;
mod test_query;
mod test_schema;
