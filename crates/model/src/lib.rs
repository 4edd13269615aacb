//! The words of Wirewitness, and nothing that acts.
//!
//! Everything else in the workspace speaks in the types of this crate. It reads no file, opens no socket and asks
//! no clock; it only gives names to things and says how they are written down. In reading order:
//!
//! - [`outcome`]: what one step came to, as `layer/what` (`dns/nxdomain`, `tls/reset`).
//! - [`verdict`]: what a judge says of a whole measurement: status, mechanism, locus, rule, confidence, evidence.
//! - [`point`]: a verdict as one point of a series, for events.
//! - [`case`]: what an archive answers to a question, for reports.
//! - [`civil`]: days since 1970 as dates.
//! - [`device`]: profiles of devices that interfere, cell by cell, each with its source.
//! - [`hex`]: bytes as hexadecimal digits.
//! - [`battery`]: what a set of tests for a device saw on one path, as a file.
//! - [`vantage`]: from where, and at what, a measurement was taken.
//! - [`lenient`]: field types that take whatever a file of ten years ago put there.
//! - [`ooni`]: OONI's measurement envelope (df-000) and archival formats (df-001 to df-009), as borrowed views for
//!   judging: one pass, strings that point into the input, unknown keys set aside as raw text.
//! - [`document`]: the same files read without loss, for writing them back: order, unknown keys, duplicate keys and
//!   the text of every number and string survive.
//! - [`planet`]: Censored Planet's scans (hyperquack, satellite), a line at a time.
//! - [`yaml`]: records from the years when OONI wrote YAML, turned into a [`document::Value`].
//!
//! There are two readers because one would be either slow or lossy: judging wants typed fields and no copies,
//! rewriting wants every byte that meant something.

pub mod battery;
pub mod case;
pub mod civil;
pub mod device;
pub mod document;
pub mod hex;
pub mod lenient;
pub mod ooni;
pub mod outcome;
pub mod planet;
pub mod point;
pub mod vantage;
pub mod verdict;
pub mod yaml;
