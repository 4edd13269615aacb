//! What `attribute` needs beside the scoring.
//!
//! - [`live`]: a battery that is run from here.
//! - [`captures`]: captures, and what their packets allow.
//! - [`archived`]: rows of the archive, and what they allow.
//! - [`far_end`]: the helper as its far end.
//! - [`profiles`]: the profiles of devices. [`sources`]: where their cells come from.
//! - [`words`]: an attribution as a person reads it.

#[cfg(feature = "archive")]
pub(crate) mod archived;
pub(crate) mod captures;
pub(crate) mod far_end;
pub(crate) mod live;
pub(crate) mod profiles;
pub(crate) mod sources;
pub(crate) mod words;
