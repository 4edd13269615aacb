//! Measuring, in the lab and from this machine, and telling what came of it.
//!
//! - [`settings`]: what both ways of measuring are told on the command line.
//! - [`report`]: what is printed and written of each measurement; the judge at work.
//! - [`scenarios`]: networks for the lab, and where they come from.
//! - [`in_lab`]: a run inside a scenario.
//! - [`lab_battery`]: the attribution battery inside one.
//! - [`sent`]: sending what was measured, where the person said so.
//! - [`from_here`]: a run on this machine's line; [`consent`] and [`mod@line`] are what it must know before.

pub(crate) mod apps;
pub(crate) mod consent;
pub(crate) mod from_here;
pub(crate) mod in_lab;
pub(crate) mod lab_battery;
pub(crate) mod line;
pub(crate) mod report;
pub(crate) mod scenarios;
pub(crate) mod sent;
pub(crate) mod settings;
