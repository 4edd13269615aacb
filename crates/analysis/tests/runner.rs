//! One binary for all integration tests of the crate.

mod shared;
mod test_nettests;
mod test_qa;
