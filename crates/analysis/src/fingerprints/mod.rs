//! Known marks of block pages and injectors.
//!
//! A [`Fingerprint`] is a piece of text that a censor, or a product censors buy, is known to put into its answers:
//! in the page, in a header, in a DNS answer. Lists of them come in two formats, told apart by their first byte:
//! OONI's CSV and Censored Planet's JSON lines. [`parse`] reads either from bytes and keeps every good row whatever
//! the bad ones are; [`Fingerprints::compile`] turns rows into something that matches all of them in one pass.
//!
//! Lists also carry false positives: marks of pages that look blocked and are not (parked domains, default pages of
//! web servers). They are asked first, and where one is found nothing is confirmed.
//!
//! What a match cannot tell: that the page was put there by a censor *for this vantage*. A page may quote a block
//! page, a target may sit behind a filter of its own, and a tunnel shows the block page of the country it ends in.
//! That is what [`Strength::Supports`] and the control are for.
//!
//! In reading order: `load` (the two formats), `pattern` (what a row's text means), `compiled` (the public matcher
//! and what it says), `matcher` (all rows over one text), `literals` (many fixed texts in one fast pass), `stored` (matches
//! that are written down, and found again in another version of the lists).

mod censored_planet;
mod compiled;
mod country;
pub(crate) mod literals;
mod load;
mod matcher;
#[cfg(test)]
mod naive;
mod ooni_csv;
mod pattern;
mod stored;

use std::fmt;
use std::sync::Arc;

pub use compiled::{Fingerprints, Match, Matches, Strength};
pub use load::{Parsed, exercise, parse};

/// I am one row of a list: a known mark, where to look for it and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// The row's name in its list. Lists do not promise that it is unique.
    pub name: String,
    /// Whose mark it is.
    pub scope: Scope,
    /// Which part of an answer it is looked for in.
    pub location: Location,
    /// How `pattern` is compared.
    pub kind: PatternKind,
    /// The text or regular expression. Never empty, at most [`MAX_PATTERN_BYTES`].
    pub pattern: String,
    /// The list's own grade of "no false positive", 0 (none given) to 10.
    pub confidence: u8,
    /// ISO 3166 codes, upper case, of where it is known from. Empty where the list does not say.
    pub expected_countries: Vec<String>,
    /// Who reported it, in the list's words.
    pub source: String,
    /// A measurement or page that shows it, or empty.
    pub exp_url: String,
    /// The list's remarks, or empty.
    pub notes: String,
    /// Where the row stands.
    pub place: Place,
}

/// Whose mark a fingerprint is, by the words of OONI's `scope` column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// `nat`: a whole country.
    National,
    /// `isp`: one network operator.
    Isp,
    /// `prov`: a service that blocks for somebody else.
    Provider,
    /// `inst`: a company, school or office.
    Institution,
    /// `prod`: a filtering product, whoever runs it.
    Product,
    /// `injb`: an injector known by the shape of what it injects.
    InjectorBased,
    /// `vbw`: vague wording that block pages use, and other pages too. Never confirms.
    Vague,
    /// `fp`: a known false positive.
    FalsePositive,
    /// Any other word, or none.
    Unknown,
}

impl Scope {
    /// The word of OONI's `scope` column; `unk` for [`Scope::Unknown`].
    pub const fn word(self) -> &'static str {
        match self {
            Self::National => "nat",
            Self::Isp => "isp",
            Self::Provider => "prov",
            Self::Institution => "inst",
            Self::Product => "prod",
            Self::InjectorBased => "injb",
            Self::Vague => "vbw",
            Self::FalsePositive => "fp",
            Self::Unknown => "unk",
        }
    }

    /// Reads the word. An unknown one is [`Scope::Unknown`]: it says less, but the row is still a mark.
    fn from_word(word: &str) -> Self {
        match word {
            "nat" => Self::National,
            "isp" => Self::Isp,
            "prov" => Self::Provider,
            "inst" => Self::Institution,
            "prod" => Self::Product,
            "injb" => Self::InjectorBased,
            "vbw" => Self::Vague,
            "fp" => Self::FalsePositive,
            _ => Self::Unknown,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Which part of an answer a fingerprint is looked for in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Location {
    /// The response body.
    Body,
    /// The value of one header; the name is in lower case.
    Header(String),
    /// An address (or other text) in a DNS answer.
    Dns,
    /// The header block as text, and the body. Each is searched by itself: a pattern that begins in the headers and
    /// ends in the body is not found.
    HeadersAndBody,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => f.pad("body"),
            Self::Header(name) => write!(f, "header.{name}"),
            Self::Dns => f.pad("dns"),
            Self::HeadersAndBody => f.pad("headers+body"),
        }
    }
}

/// How a pattern is compared with a text. Letter case always counts, except in header names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PatternKind {
    /// The text is the pattern. Addresses in DNS answers are compared as addresses.
    Full,
    /// The text begins with the pattern.
    Prefix,
    /// The pattern occurs in the text.
    Contains,
    /// The pattern, a regular expression, matches somewhere in the first [`MAX_REGEXP_BYTES`] of the text. `.` stands
    /// for one character of UTF-8 and does not cross bytes that are none.
    Regexp,
}

impl PatternKind {
    /// The word of OONI's `pattern_type` column.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Prefix => "prefix",
            Self::Contains => "contains",
            Self::Regexp => "regexp",
        }
    }
}

impl fmt::Display for PatternKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Where a row stands in its file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file, as the caller named it.
    pub file: Arc<str>,
    /// The row's first line, from 1.
    pub line: u64,
    /// The row's first byte, from 0.
    pub offset: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} (byte {})", self.file, self.line, self.offset)
    }
}

/// A row that was left out, and why. The rows around it are not affected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct RowError {
    /// Which row.
    pub place: Place,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// A quoted field is not closed, or goes on after its closing quote; or the row has more than 64 columns, as one
    /// with a lost quote does.
    #[error("bad quoting at column {column}")]
    Quoting {
        /// The column, from 1.
        column: usize,
    },
    /// The row ends before this column.
    #[error("no column `{0}`")]
    MissingColumn(&'static str),
    /// A field is not UTF-8.
    #[error("column `{0}` is not UTF-8")]
    NotUtf8(&'static str),
    /// The line is no JSON object with `fingerprint` and `pattern`.
    #[error("not a signature: {0}")]
    Json(String),
    /// The list has a `pattern_type` that is none of ours.
    #[error("unknown pattern type {0:?} (full, prefix, contains, regexp)")]
    PatternType(String),
    /// The list has a `location_found` that is none of ours.
    #[error("unknown location {0:?} (body, dns, header.NAME)")]
    Location(String),
    /// The confidence is no whole number from 0 to 10.
    #[error("confidence {0:?} is not a number from 0 to 10")]
    Confidence(String),
    /// The pattern is empty: it would match everything.
    #[error("empty pattern")]
    EmptyPattern,
    /// The pattern is longer than [`MAX_PATTERN_BYTES`].
    #[error("pattern of {bytes} bytes, {MAX_PATTERN_BYTES} allowed")]
    LongPattern {
        /// Its length.
        bytes: usize,
    },
    /// The regular expression is not one.
    #[error("bad regular expression: {0}")]
    Regexp(String),
    /// The regular expression matches the empty text, so it would match everything.
    #[error("regular expression matches the empty text")]
    EmptyMatch,
    /// The regular expression needs more than [`MAX_REGEXP_PROGRAM_BYTES`].
    #[error("regular expression needs more than {MAX_REGEXP_PROGRAM_BYTES} bytes")]
    BigRegexp,
    /// The file has more than [`MAX_ROWS`] rows; this one and all after it are left out.
    #[error("more than {MAX_ROWS} rows, the rest is left out")]
    TooManyRows,
    /// The file has more than [`MAX_ERRORS`] bad rows; all after this one are left out.
    #[error("more than {MAX_ERRORS} bad rows, the rest is left out")]
    TooManyErrors,
}

/// The longest pattern taken, in bytes.
pub const MAX_PATTERN_BYTES: usize = 64 * 1024;
/// The most rows taken from one file.
pub const MAX_ROWS: usize = 100_000;
/// The most bad rows borne in one file: what has more is no list of fingerprints.
pub const MAX_ERRORS: usize = 1_000;
/// The largest compiled regular expression taken, in bytes.
pub const MAX_REGEXP_PROGRAM_BYTES: usize = 1 << 20;
/// How much of a text regular expressions are run over, in bytes. Fixed texts are looked for in all of it.
pub const MAX_REGEXP_BYTES: usize = 1 << 20;
