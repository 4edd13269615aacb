//! The test helper: the same target seen from where the censor is not, in OONI's protocol.

pub mod address;
