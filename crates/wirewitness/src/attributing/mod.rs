//! What `attribute` needs beside the scoring.
//!
//! - [`profiles`]: the profiles of devices.
//! - [`words`]: an attribution as a person reads it.

pub(crate) mod profiles;
pub(crate) mod words;
