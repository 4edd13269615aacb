//! The dashboard against real archives, over real sockets on loopback.

mod loopback;
#[allow(dead_code, reason = "shared with the tests of the archive")]
#[path = "../../store/tests/made.rs"]
mod made;
mod served;
mod test_api;
mod test_facts;
mod test_pages;
mod test_schemathesis;
mod test_server;
mod test_submit;
