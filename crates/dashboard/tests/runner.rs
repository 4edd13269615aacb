//! The dashboard against real archives, over real sockets on loopback.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::needless_pass_by_value,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::too_many_lines,
    reason = "a test that fails should fail loudly, and asks real sockets"
)]

mod loopback;
#[allow(dead_code, reason = "shared with the tests of the archive")]
#[path = "../../store/tests/made.rs"]
mod made;
mod served;
mod test_api;
mod test_facts;
mod test_feed;
mod test_pages;
mod test_schemathesis;
mod test_server;
mod test_submit;
