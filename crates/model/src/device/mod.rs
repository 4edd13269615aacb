//! Devices that interfere, as data: what each cell of a profile says, from where, of when. `scenarios/devices` holds those that are shipped.
//!
//! A cell that is not known is absent or `"unknown"`; it speaks neither for nor against a device. A device that can be set up or built
//! in several ways has configurations, each of one section: its cells stand in for those of the section.

mod check;
pub mod schema;

use std::collections::BTreeMap;

pub use crate::battery::{Claim, Grade};
pub use check::ProfileError;
use schema::Family;

/// A device.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Its name in tables and output, as `GFW_II`.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// One sentence: what it is, how it is known.
    pub about: String,
    /// What does not fit a cell.
    pub notes: Vec<String>,
    /// Where cells come from, by key.
    pub sources: BTreeMap<String, Source>,
    /// Known cells.
    pub cells: Cells,
    /// Cells that are said to be unknown.
    pub unknown: Vec<(&'static str, &'static str)>,
    /// Other ways it can be built or set up.
    pub configurations: Vec<Configuration>,
    /// What documents say of it: an axis of its own, never part of a score.
    pub documentary: Vec<Claim>,
}

/// Cells by section and key.
pub type Cells = BTreeMap<(&'static str, &'static str), Cell>;

/// Where cells come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Author, title, year.
    pub title: String,
    /// A day, month, year or a range of them (`2023-12`, `2025/2026`), or `unknown`.
    pub date: String,
    /// How good it is.
    pub grade: Grade,
}

/// A cell: what the device does, who says so, of when.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// What it predicts.
    pub is: Prediction,
    /// Key of its source.
    pub source: String,
    /// Place in the source.
    pub table: String,
    /// Its own date, or its source's.
    pub date: String,
}

/// What a cell predicts.
#[derive(Debug, Clone, PartialEq)]
pub enum Prediction {
    /// The probe is censored, or passes.
    Vector(bool),
    /// Set or clear.
    Flag(bool),
    /// A number in one of these ranges, ends included.
    Ranges(Vec<(u64, u64)>),
    /// One of these words.
    Words(Vec<String>),
    /// A text that holds one of these.
    Texts(Vec<String>),
    /// One of these 16-bit words.
    Hex(Vec<u16>),
    /// An address of one of these networks, as first address and bits.
    Networks(Vec<(u32, u8)>),
    /// Joins up to so many fragments, or that many and more; 0 is none at all.
    Boundary {
        /// The largest number that was still joined.
        at: u64,
        /// The largest number that was tried was joined too.
        or_more: bool,
    },
    /// Resets tied by this key; none where there is no such key.
    SeedKey(Option<u16>),
}

impl Prediction {
    /// In words, for tables.
    pub fn words(&self) -> String {
        match self {
            Self::Vector(true) => "censored".to_owned(),
            Self::Vector(false) => "bypass".to_owned(),
            Self::Flag(set) => if *set { "yes" } else { "no" }.to_owned(),
            Self::Ranges(ranges) => {
                joined(
                    ranges,
                    |(low, high)| {
                        if low == high { low.to_string() } else { format!("{low}-{high}") }
                    },
                )
            }
            Self::Words(words) | Self::Texts(words) => joined(words, Clone::clone),
            Self::Hex(words) => joined(words, |word| format!("{word:#06x}")),
            Self::Networks(networks) => joined(networks, |(address, bits)| {
                format!("{}/{bits}", std::net::Ipv4Addr::from(*address))
            }),
            Self::Boundary { at, or_more } => format!("{}{at}", if *or_more { ">=" } else { "" }),
            Self::SeedKey(key) => key.map_or("none".to_owned(), |key| format!("k={key}")),
        }
    }
}

fn joined<T>(items: &[T], word: impl Fn(&T) -> String) -> String {
    items.iter().map(word).collect::<Vec<_>>().join(" or ")
}

/// Another way a device can be built or set up, in one section.
#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    /// What it is.
    pub name: String,
    /// The section whose cells it changes.
    pub section: &'static str,
    /// The cells that it changes.
    pub cells: Cells,
}

impl Profile {
    /// Reads a profile. `file` is named in errors.
    ///
    /// # Errors
    /// Of the first thing that is wrong: where it is (line, or key) and what was expected.
    pub fn parse(file: &str, text: &str) -> Result<Self, ProfileError> {
        check::profile(file, text)
    }

    /// The ways this device can be set up, as far as a section goes: the usual one first.
    pub fn configurations_of(&self, section: &str) -> Vec<&str> {
        let others = self.configurations.iter().filter(|it| it.section == section);
        std::iter::once("usual").chain(others.map(|it| it.name.as_str())).collect()
    }

    /// A cell in the usual configuration (0) or another, in the order of [`Profile::configurations_of`].
    pub fn cell(
        &self,
        section: &'static str,
        key: &'static str,
        configuration: usize,
    ) -> Option<&Cell> {
        let place = (section, key);
        let mut others = self.configurations.iter().filter(|it| it.section == section);
        let other = configuration.checked_sub(1).and_then(|number| others.nth(number));
        other.and_then(|it| it.cells.get(&place)).or_else(|| self.cells.get(&place))
    }

    /// Known cells of a family, in the usual configuration.
    pub fn cells_of(&self, family: Family) -> impl Iterator<Item = (&'static str, &Cell)> {
        self.cells.iter().filter_map(move |((section, key), cell)| {
            let feature = schema::feature(section, key)?;
            (feature.family == Some(family)).then_some((*key, cell))
        })
    }

    /// What it is known to do to a connection; none where that is not known.
    pub fn behaviours(&self) -> Option<&[String]> {
        match &self.cells.get(&("position", "behaviours"))?.is {
            Prediction::Words(words) => Some(words),
            _ => None,
        }
    }
}
