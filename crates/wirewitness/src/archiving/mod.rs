//! Files into the archive: found, opened, unpacked, cut into records, and what of them could not be used.
//!
//! - [`place`]: which archive.
//! - [`finding`]: which files.
//! - [`raw`]: a file's bytes as they are read: counted, hashed, and what they may unpack to.
//! - [`reading`]: a file's records. [`members`]: files within a file, [`zipped`] those of a zip. [`planet`]: scans made from afar. [`captured`]: captures.
//! - [`refusals`]: what could not be used.
//! - [`meter`]: how far it is.

pub(crate) mod captured;
pub(crate) mod finding;
pub(crate) mod members;
pub(crate) mod meter;
pub(crate) mod place;
pub(crate) mod planet;
pub(crate) mod raw;
pub(crate) mod reading;
pub(crate) mod refusals;
pub(crate) mod zipped;
