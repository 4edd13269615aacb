//! Findings for people: text for a terminal, lines of JSON, and pages that need nothing but themselves.
//!
//! Nothing here reads a clock, a file or the environment, and nothing prints. In reading order:
//!
//! - [`when`]: times in words.
//! - [`html`]: text made safe for a page.
//! - [`words`]: what is said, in the reader's language.
//! - [`case`]: what an archive answers to a question: a report as one page. `paper`: the same as PDF (feature `pdf`).
//! - [`exposure`]: what can be read of a person's device.

pub mod case;
pub mod exposure;
pub mod html;
#[cfg(feature = "pdf")]
pub mod paper;
pub mod when;
pub mod words;
