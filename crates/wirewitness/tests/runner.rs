//! One binary for all integration tests of the program: the real binary, real files, real pipes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::too_many_lines,
    reason = "a test that fails should fail loudly, and tables are long"
)]

#[cfg(feature = "archive")]
#[allow(dead_code, reason = "shared with the tests of the archive")]
#[path = "../../store/tests/bucket_server.rs"]
mod bucket_server;
mod captures;
mod invariants;
#[allow(dead_code, reason = "shared with the tests of other crates")]
#[path = "../../analysis/tests/life/mod.rs"]
mod life;
mod program;
mod test_apps;
mod test_attribute;
#[cfg(feature = "archive")]
mod test_cluster;
mod test_completions_man;
mod test_damage;
mod test_exposure;
mod test_helper;
#[cfg(feature = "archive")]
mod test_ingest;
mod test_inspect;
mod test_judge;
mod test_lab;
#[cfg(not(feature = "archive"))]
mod test_not_built;
mod test_probe;
#[cfg(feature = "archive")]
mod test_refresh;
#[cfg(feature = "archive")]
mod test_report;
mod test_rules;
mod test_seal;
#[cfg(feature = "archive")]
mod test_serve;
#[cfg(feature = "archive")]
mod test_sources;
mod test_submit;
#[cfg(feature = "archive")]
mod test_submit_served;
#[cfg(feature = "archive")]
mod zips;
