//! The test helper: the same target seen from where the censor is not, in OONI's protocol.
//!
//! It does what strangers tell it, and so it is built to be told anything. In reading order:
//!
//! - [`protocol`]: what is asked and answered.
//! - [`address`]: which addresses may be contacted at all.
//! - [`limits`]: what is spent on strangers, and on one of them; who may ask.
//! - [`measure`]: the algorithm; `page` is what is told of a page.
//! - [`server`]: HTTP towards the probes.
//! - [`battery`]: the far end of the attribution battery, if the operator wants one.

pub mod address;
pub mod battery;
pub mod limits;
pub mod measure;
mod page;
pub mod protocol;
pub mod server;

// The public interface is:
pub use address::{AddressRule, PublicOnly};
pub use limits::{Access, Counts, Limits, Token};
pub use measure::{Asns, Standing};
pub use server::{Helper, serve};
