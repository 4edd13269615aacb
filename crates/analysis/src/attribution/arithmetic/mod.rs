//! What decides a test of the battery, as numbers: nothing here sends or receives.
//!
//! - [`trials`]: so many of so many, as a state and an interval.
//! - [`mod@pointer`]: DNS questions whose name is a chain of compression pointers.
//! - [`lengths`]: the lies about a length of a `ClientHello`.
//! - [`seed`]: the key that ties identification and window of forged resets together.
//! - [`trace`]: where a device stands, from probes with a short life.

pub mod seed;
pub mod trials;

pub use wirewitness_model::battery::{lengths, pointer, trace};
