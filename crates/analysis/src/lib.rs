//! Pure analysis: observations and a control in, verdicts out.
//!
//! Nothing here reads a clock, a file, the environment or randomness: the same measurement gives the same verdict
//! wherever and whenever it is judged. In reading order:
//!
//! - [`fingerprints`]: known marks of block pages and injectors, compiled once, matched fast.
//! - [`judge`]: measurements in, verdicts out.
//! - [`condense`]: measurements in, the same without pages out, judged alike.
//! - [`flows`]: packets in, connections out.
//! - [`tamper`]: what was done to connections, and on what evidence.
//! - [`exposure`]: what can be read of a person's own device.
//! - [`events`]: change points in series of verdicts, grouped into events.
//! - [`attribution`]: which device did this, and how sure that is.

pub mod attribution;
pub mod condense;
pub mod events;
pub mod exposure;
pub mod fingerprints;
pub mod flows;
pub mod judge;
pub mod tamper;
