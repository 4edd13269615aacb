//! A measurement without the pages in it, judged to the same result.
//!
//! The archive keeps what the judge needs of a measurement and what shows how it came about, and can judge it again at any
//! time. It does not keep the bodies of pages (most of a measurement's size, and other people's words), nor what would
//! tell who measured. [`condense`] writes that form; it is read as any measurement is, by
//! [`Measurement::from_json`]. What is replaced:
//!
//! - A response's body becomes a digest (`wirewitness_model::ooni::body`). The echo and the greeting that two tests judge by
//!   stay, up to [`MAX_WHOLE_BODY_BYTES`]: they are answers of OONI's own servers.
//! - Bodies of requests, and raw packets, become null.
//! - Values of headers that carry cookies and credentials become empty. What the fingerprints find in them goes into the digest.
//! - Certificates but the first of a chain become digests.
//! - The probe's own address, where the file has it, becomes `[scrubbed]`, everywhere. The resolver's address becomes its network.
//! - Values of headers longer than [`MAX_HEADER_BYTES`], and other texts longer than [`MAX_TEXT_BYTES`], are cut, and end in
//!   `[cut]`.
//!
//! All else is copied letter by letter, less the white space between tokens. The same text and the same fingerprints
//! always give the same bytes, and what is condensed already is left as it is.
//!
//! The condensed form is judged as the original is, in every word, except where the probe's address was in it: then as the
//! original with that address scrubbed. So whoever keeps verdicts judges the condensed form, which is also faster: the
//! fingerprints are not looked for twice.
//!
//! In reading order: `writer` (the pass over the text), `parts` (what becomes of bodies, headers, certificates), `copier` and
//! `scan` (copying spans; where values begin and end), `person` (the probe's own address).

mod copier;
mod parts;
mod person;
mod scan;
mod writer;

use wirewitness_model::ooni::Measurement;

use crate::judge::Context;
use person::Own;
use writer::Writer;

/// The longest body that stays whole, in bytes, in the tests where one does.
pub const MAX_WHOLE_BODY_BYTES: usize = 64 * 1024;
/// The longest value of a header, in bytes.
pub const MAX_HEADER_BYTES: usize = 8 * 1024;
/// The longest text anywhere else, in bytes.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;

/// I say why a text could not be condensed.
#[derive(Debug, thiserror::Error)]
pub enum CondenseError {
    /// The text is no JSON. Cannot happen to one that was read as a measurement.
    #[error("byte {offset}: need {need}")]
    NotJson {
        /// Offset in the text.
        offset: usize,
        /// What had to come.
        need: &'static str,
    },
    /// A part of the text could not be read.
    #[error("byte {offset}: {error}")]
    Part {
        /// Offset of the part in the text.
        offset: usize,
        /// What was wrong with it.
        error: serde_json::Error,
    },
}

/// Writes `text` in its condensed form: compact JSON. `measurement` is what was read from this very text.
///
/// # Errors
/// Text that is not the measurement's, and is no JSON.
pub fn condense(
    text: &str,
    measurement: &Measurement<'_>,
    context: &Context<'_>,
) -> Result<String, CondenseError> {
    let Some(scrubbed) = scrub(text, measurement) else {
        return Writer::new(text, measurement, context).write();
    };
    let measurement = Measurement::from_json(&scrubbed)
        .map_err(|error| CondenseError::Part { offset: 0, error })?;
    Writer::new(&scrubbed, &measurement, context).write()
}

/// A text in its condensed form that was not read before.
#[derive(Debug)]
pub struct Unread {
    document: String,
}

impl Unread {
    /// Writes `text` in its condensed form without reading it as a measurement first: of the two readings that [`condense`] needs,
    /// one is saved. None where something is odd about the text: [`condense`] says what, or condenses it all the same.
    pub fn condense(text: &str, context: &Context<'_>) -> Option<Self> {
        if Measurement::is_too_much(text) {
            return None;
        }
        Some(Self { document: Writer::unread(text, context).write().ok()? })
    }

    /// The measurement that the condensed form holds, and that form. None where only [`condense`] gives it: the text has the probe's own
    /// address in it, is of a test whose bodies stay, or is no measurement.
    pub fn read(&self) -> Option<(&str, Measurement<'_>)> {
        let measurement = Measurement::from_json(&self.document).ok()?;
        let is_same = Own::of(&measurement).is_none() && !writer::keeps_bodies(&measurement);
        is_same.then_some((self.document.as_str(), measurement))
    }
}

/// The text with the probe's own address replaced by `[scrubbed]`; none where the file does not tell it.
///
/// The address is the envelope's `probe_ip`, unless that is one of the device itself (127.0.0.1), as OONI's probes write.
pub fn scrub(text: &str, measurement: &Measurement<'_>) -> Option<String> {
    let own = Own::of(measurement)?;
    Some(own.scrub(text))
}
