//! What `attribute` needs beside the scoring.
//!
//! - [`live`]: a battery that is run from here.
//! - [`far_end`]: the helper as its far end.
//! - [`profiles`]: the profiles of devices.
//! - [`words`]: an attribution as a person reads it.

pub(crate) mod far_end;
pub(crate) mod live;
pub(crate) mod profiles;
pub(crate) mod words;
