//! Inspecting captures: what stands between the packets of a file and what a person reads.
//!
//! - [`lanes`]: the packets of one capture through inspectors, on all cores.
//! - [`groups`]: findings alike, put together, worst first.
//! - [`words`]: how findings are named for people.
//! - [`table`]: many captures as one table per name, network and signature.
//! - [`evidence`]: just the packets that findings stand on, as a file of their own.
//! - [`redact`]: packets without what betrays a person's address.

pub(crate) mod evidence;
pub(crate) mod groups;
pub(crate) mod lanes;
pub(crate) mod redact;
pub(crate) mod table;
pub(crate) mod words;
