//! Pure analysis: observations and a control in, verdicts out.
//!
//! Nothing here reads a clock, a file, the environment or randomness: the same measurement gives the same verdict
//! wherever and whenever it is judged. In reading order:
//!
//! - [`fingerprints`]: known marks of block pages and injectors, compiled once, matched fast.

pub mod fingerprints;
pub mod judge;
