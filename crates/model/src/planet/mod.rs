//! Censored Planet's published scans: hyperquack (Quack) and satellite, of every version, a line at a time.
//!
//! A scan is a folder of files with one JSON object a line. What a line is shows in its keys; where they leave it open
//! (the answers of a control resolver look like any other's), the file's name says it. In reading order:
//!
//! - [`source`]: what the path of a file tells.
//! - [`shape`]: which of the formats a line is in.
//! - [`hyperquack`]: rows of Quack's echo, discard, http and https, v1 and v2.
//! - [`satellite`]: rows of satellite, v1 and v2: what a resolver answered.
//! - [`side`]: the other files of a satellite scan: resolvers, tags of addresses, pages fetched from them, profiles.
//! - [`page`], [`capped`]: responses; lists that end.
//! - [`time`]: Go's two ways to write a time.
//!
//! Every key may be missing, null or of an odd type. Lists and maps are held to limits ([`capped`]), so that a line of
//! 64 MiB ([`MAX_LINE_BYTES`]) costs no more than a few times itself.
//!
//! Source: <https://docs.censoredplanet.org>, and the bytes of real files where they differ.

pub mod capped;
pub mod hyperquack;
pub mod page;
pub mod satellite;
pub mod shape;
pub mod side;
pub mod source;
pub mod time;

use std::borrow::Cow;

use serde::Deserialize;

use crate::document::has_lone_surrogate;
use crate::ooni::byte_offset;
use hyperquack::Hyperquack;
use satellite::Satellite;
use shape::Format;
use side::{Page, Profile, Resolver, TaggedAddress};
use source::Source;

/// The longest line read, in bytes.
pub const MAX_LINE_BYTES: usize = 64 << 20;

/// I am one line of a scan.
#[derive(Debug, Clone, PartialEq)]
pub enum Row<'a> {
    /// A keyword tried on a server.
    Hyperquack(Box<Hyperquack<'a>>),
    /// A name asked of a resolver.
    Satellite(Box<Satellite<'a>>),
    /// A name asked of a control resolver.
    Control(Box<Satellite<'a>>),
    /// Who and where a resolver is.
    Resolver(Resolver<'a>),
    /// What is known of an address that was an answer.
    Tagged(TaggedAddress<'a>),
    /// What was served at an address that a resolver gave.
    Page(Box<Page<'a>>),
    /// What was served at an address that a control resolver gave.
    ControlPage(Box<Page<'a>>),
    /// How a resolver answers in general.
    Profile(Profile<'a>),
}

impl<'a> Row<'a> {
    /// Reads one line.
    ///
    /// # Errors
    /// Text that is no JSON object, nests deeper than 128 levels or is longer than [`MAX_LINE_BYTES`]; an object whose
    /// keys are of no known format.
    pub fn read(line: &'a str, source: &Source) -> Result<Self, Refusal> {
        if line.len() > MAX_LINE_BYTES {
            return Err(Refusal::TooLong { bytes: line.len() });
        }
        let format = Format::of(line, source)?;
        Ok(match format {
            Format::Hyperquack => Self::Hyperquack(Box::new(object(line)?)),
            Format::Satellite => Self::Satellite(Box::new(object(line)?)),
            Format::Control => Self::Control(Box::new(object(line)?)),
            Format::Resolver => Self::Resolver(object(line)?),
            Format::Tagged => Self::Tagged(object(line)?),
            Format::Page => Self::Page(Box::new(object(line)?)),
            Format::ControlPage => Self::ControlPage(Box::new(object(line)?)),
            Format::Profile => Self::Profile(object(line)?),
        })
    }

    /// True for a row that is a measurement of its own, not only a help in reading others.
    pub fn is_measurement(&self) -> bool {
        matches!(self, Self::Hyperquack(_) | Self::Satellite(_) | Self::Control(_))
    }
}

/// Reads one line from its bytes and hands the row on. Half a surrogate pair (`"\ud800"`) reads as U+FFFD.
pub fn read_line<T>(
    line: &[u8],
    source: &Source,
    each: impl FnOnce(Result<Row<'_>, Refusal>) -> T,
) -> T {
    if line.len() > MAX_LINE_BYTES {
        return each(Err(Refusal::TooLong { bytes: line.len() }));
    }
    match std::str::from_utf8(line) {
        Ok(text) => each(Row::read(&mended(text), source)),
        Err(error) => each(Err(Refusal::NotUtf8 { offset: error.valid_up_to() })),
    }
}

/// Reads every line of a file that is not blank, and hands each on with its number, from 1. A bad line stops nothing.
pub fn read_lines(
    file: &[u8],
    source: &Source,
    mut each: impl FnMut(u64, Result<Row<'_>, Refusal>),
) {
    for (number, line) in (1..).zip(file.split(|byte| *byte == b'\n')) {
        let line = line.trim_ascii();
        if !line.is_empty() {
            read_line(line, source, |row| each(number, row));
        }
    }
}

/// Why a line was left out. Offsets are in bytes from the start of the line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The line is longer than [`MAX_LINE_BYTES`].
    #[error("a line of {bytes} bytes, {MAX_LINE_BYTES} allowed")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The bytes are not UTF-8.
    #[error("byte {offset}: not UTF-8")]
    NotUtf8 {
        /// Offset of the first byte that is not.
        offset: usize,
    },
    /// The line is no JSON, or nests too deep.
    #[error("byte {offset}: {reason}")]
    NotJson {
        /// Where reading stopped.
        offset: usize,
        /// Why.
        reason: String,
    },
    /// The line is JSON, and no object.
    #[error("need a JSON object, have another value")]
    NotAnObject,
    /// The keys are those of none of the formats.
    #[error("an object of no known format: need the keys of a hyperquack or satellite row")]
    UnknownShape,
}

/// Reads an object; anything else is refused.
fn object<'a, T: Deserialize<'a>>(line: &'a str) -> Result<T, Refusal> {
    serde_json::from_str(line).map_err(|error| {
        let offset = byte_offset(line.as_bytes(), error.line(), error.column());
        let reason = error.to_string();
        let reason = reason.rsplit_once(" at line ").map_or(reason.as_str(), |(text, _)| text);
        Refusal::NotJson { offset, reason: reason.to_owned() }
    })
}

/// The text, with every half of a surrogate pair replaced where there is one. As long as before, so that offsets hold.
fn mended(text: &str) -> Cow<'_, str> {
    // Half a pair begins with `\ud` or `\uD`; lines without either, nearly all, are passed over.
    let may_have_one = text.contains("\\ud") || text.contains("\\uD");
    if !may_have_one || !has_lone_surrogate(text) {
        return Cow::Borrowed(text);
    }
    let mut mended = String::with_capacity(text.len());
    let mut rest = text;
    // Where a text is JSON, every backslash begins an escape.
    while let Some((before, escape)) = rest.find('\\').and_then(|at| rest.split_at_checked(at)) {
        mended.push_str(before);
        let (length, replacement) = match (surrogate(escape), escape.get(6..).and_then(surrogate)) {
            (Some(Half::High), Some(Half::Low)) => (12, None),
            (Some(_), _) => (6, Some("\\ufffd")),
            (None, _) => (2, None),
        };
        let length = if escape.is_char_boundary(length) { length } else { escape.len().min(1) };
        let (taken, after) = escape.split_at_checked(length).unwrap_or((escape, ""));
        mended.push_str(replacement.unwrap_or(taken));
        rest = after;
    }
    mended.push_str(rest);
    Cow::Owned(mended)
}

/// Which half of a surrogate pair.
#[derive(Clone, Copy)]
enum Half {
    High,
    Low,
}

/// The half that an escape at the beginning of a text stands for.
fn surrogate(text: &str) -> Option<Half> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    match u16::from_str_radix(digits, 16).ok()? {
        0xd800..=0xdbff => Some(Half::High),
        0xdc00..=0xdfff => Some(Half::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
