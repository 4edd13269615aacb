//! The dashboard against real archives, over real sockets on loopback.

mod loopback;
#[allow(dead_code, reason = "shared with the tests of the archive")]
#[path = "../../store/tests/made.rs"]
mod made;
mod test_facts;
mod test_pages;
