//! A report: what an archive answers to a question, for a court or an editor.
//!
//! The same [`Case`], language and version of the program give the same bytes: nothing here asks a clock, a locale or the order of a hash map,
//! and no time but those of the archive is in it. What comes from the archive was written by anybody, so it is bounded and made harmless in
//! one place ([`blocks::foreign`]). In reading order:
//!
//! - [`mod@blocks`]: a report without a look.
//! - `summary`, `timeline`, `tables`, `method`, `systems`: its parts.
//! - [`page()`]: as one HTML file; `style`: how that looks. On paper: `crate::paper`.

pub mod blocks;
mod method;
mod page;
mod style;
mod summary;
mod systems;
mod tables;
pub mod timeline;

use wirewitness_model::case::Case;
use wirewitness_model::civil;

use crate::words::Words;
use blocks::Block;

pub use page::page;

/// What a report is made of.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// The archive's answer.
    pub case: &'a Case,
    /// The catalogue of the report's language.
    pub words: &'a Words,
    /// Version of the program.
    pub version: &'a str,
}

/// The whole report.
pub fn blocks(told: &Told<'_>) -> Vec<Block> {
    let mut all = summary::head(told);
    all.extend(summary::question(told));
    all.extend(summary::summary(told));
    if told.case.total.all() > 0 {
        all.extend(timeline::blocks(told));
        all.extend(tables::networks(told));
        all.extend(tables::targets(told));
        all.extend(tables::mechanisms(told));
    }
    all.extend(tables::events(told));
    all.extend(method::method(told));
    all.extend(method::limits(told));
    if told.case.total.all() > 0 {
        all.extend(tables::measurements(told));
    }
    all.extend(systems::systems(told));
    all
}

/// A number of days since 1970 in words.
fn day(words: &Words, days: i64) -> String {
    let (year, month, day) = civil::date(days);
    let small = |number: i64| u8::try_from(number).unwrap_or_default();
    words.day(i32::try_from(year).unwrap_or_default(), small(month), small(day))
}

/// The same as `2025-11-23`, in the language's numerals: for tables.
fn short_day(words: &Words, days: i64) -> String {
    let (year, month, day) = civil::date(days);
    words.numerals(&format!("{year:04}-{month:02}-{day:02}"))
}

/// Name of a network: `AS17557`.
fn network(words: &Words, asn: Option<u32>) -> String {
    asn.map_or_else(|| words.say("report-unknown"), |asn| format!("AS{asn}"))
}
