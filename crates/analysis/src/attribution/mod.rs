//! Attribution: which device did this, and how sure that is.
//!
//! Answers of a battery of tests are compared with profiles of devices. Nothing here sends a packet, and neither the country nor the
//! network that a battery was run in is part of any score. docs/attribution.md has the rules and their sources. In reading order:
//!
//! - [`profile`]: what is known of devices, cell by cell, each with its source.
//! - [`arithmetic`]: what decides a test, as numbers.
//! - [`battery`]: what the tests saw, as a file.
//! - [`evidence`]: the same, cell by cell.
//! - [`captured`], [`archived`]: what a capture and rows of the archive tell of the same.
//! - [`likelihood`]: how well a prediction explains a cell.
//! - [`score`]: one family of evidence against every device.
//! - [`ladder`]: all families together, and what may be said.
//! - [`report`]: the same as it is told, without what betrays an address.

pub mod archived;
pub mod arithmetic;
pub mod captured;
pub mod evidence;
pub mod ladder;
pub mod likelihood;
pub mod profile;
pub mod report;
pub mod score;

pub use wirewitness_model::battery;
