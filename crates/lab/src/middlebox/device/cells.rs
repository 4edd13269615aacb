//! A profile in the configurations that were chosen: cells by section and key, and what is done without one.

use std::collections::BTreeMap;

use super::{Act, DeviceSettings, Unknown};
use crate::middlebox::names::Names;
use crate::rng::Rng;
use wirewitness_model::device::schema::{LENGTH_ROWS, QUIC_ROWS, SECTIONS};
use wirewitness_model::device::{Prediction, Profile};

/// Why a device cannot be set up so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// No configuration of this name.
    #[error("{device} has no configuration {name:?}; it has {known}")]
    Configuration {
        /// The device.
        device: String,
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// Two configurations of one section.
    #[error("{device}: two configurations of section {section}")]
    Twice {
        /// The device.
        device: String,
        /// The section.
        section: &'static str,
    },
}

/// A profile as a device is set up.
pub(super) struct DeviceCells<'a> {
    profile: &'a Profile,
    pub(super) settings: &'a DeviceSettings,
    /// Number of the configuration of a section, where it is not the usual one.
    chosen: BTreeMap<&'static str, usize>,
}

impl<'a> DeviceCells<'a> {
    pub(super) fn new(
        profile: &'a Profile,
        settings: &'a DeviceSettings,
    ) -> Result<Self, DeviceError> {
        let mut chosen = BTreeMap::new();
        for name in &settings.configurations {
            let found = SECTIONS.into_iter().find_map(|section| {
                let names = profile.configurations_of(section);
                let number = names.iter().skip(1).position(|it| it == name)?;
                Some((section, number + 1))
            });
            let device = profile.id.clone();
            let Some((section, number)) = found else {
                let known: Vec<&str> =
                    profile.configurations.iter().map(|it| it.name.as_str()).collect();
                let known = if known.is_empty() { "none".into() } else { known.join(", ") };
                return Err(DeviceError::Configuration { device, name: name.clone(), known });
            };
            if chosen.insert(section, number).is_some() {
                return Err(DeviceError::Twice { device, section });
            }
        }
        Ok(Self { profile, settings, chosen })
    }

    /// A cell, where it is known.
    pub(super) fn cell(&self, section: &'static str, key: &'static str) -> Option<&'a Prediction> {
        let number = self.chosen.get(section).copied().unwrap_or(0);
        self.profile.cell(section, key, number).map(|cell| &cell.is)
    }

    /// True if anything of a section is told, be it that it is not known.
    pub(super) fn has(&self, section: &str) -> bool {
        self.profile.cells.keys().chain(&self.profile.unknown).any(|(of, _)| *of == section)
    }

    /// True if anything of a section is known.
    pub(super) fn knows(&self, section: &str) -> bool {
        self.profile.cells.keys().any(|(of, _)| *of == section)
    }

    /// Words or texts of a cell; none where it is not known.
    pub(super) fn words(&self, section: &'static str, key: &'static str) -> &'a [String] {
        match self.cell(section, key) {
            Some(Prediction::Words(words) | Prediction::Texts(words)) => words,
            _ => &[],
        }
    }

    /// Ranges of a cell; none where it is not known.
    pub(super) fn ranges(&self, section: &'static str, key: &'static str) -> Ranges {
        match self.cell(section, key) {
            Some(Prediction::Ranges(ranges)) => Ranges(ranges.clone()),
            _ => Ranges::default(),
        }
    }

    /// A yes or no.
    pub(super) fn flag(&self, section: &'static str, key: &'static str) -> Option<bool> {
        match self.cell(section, key)? {
            Prediction::Flag(set) | Prediction::Vector(set) => Some(*set),
            _ => None,
        }
    }

    /// What the device does to a connection.
    pub(super) fn act(&self) -> Act {
        let word = |word: &&String| match word.as_str() {
            "rst" | "fin" => Some(Act::Reset),
            "drop" => Some(Act::Drop),
            _ => None,
        };
        let said = self.words("position", "behaviours").iter().find_map(|it| word(&it));
        self.settings.tcp.or(said).unwrap_or(Act::Reset)
    }

    pub(super) fn censor(&self, section: &'static str) -> Censor {
        let rows = LENGTH_ROWS.iter().chain(&QUIC_ROWS);
        let known = rows.filter_map(|row| Some((*row, self.flag(section, row)?))).collect();
        Censor {
            names: self.settings.names.clone(),
            rows: known,
            unknown: self.settings.unknown,
            idle_per_million: self.settings.idle_per_million,
        }
    }
}

/// What decides: the names, and the rows of a table.
#[derive(Debug)]
pub(super) struct Censor {
    names: Names,
    rows: BTreeMap<&'static str, bool>,
    unknown: Unknown,
    idle_per_million: u32,
}

impl Censor {
    /// True if a message for `name` is censored that departs from the usual in these rows; `None` is a departure that no row has.
    pub(super) fn acts(&self, name: &str, rows: &[Option<&'static str>], rng: &mut Rng) -> bool {
        self.names.matches(name)
            && rows.iter().all(|row| self.censors(*row))
            && !rng.chance(self.idle_per_million)
    }

    fn censors(&self, row: Option<&'static str>) -> bool {
        let known = row.and_then(|row| self.rows.get(row)).copied();
        known.unwrap_or(self.unknown == Unknown::Censored)
    }
}

/// Numbers that a cell allows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    pub(super) fn is_known(&self) -> bool {
        !self.0.is_empty()
    }

    pub(super) fn has(&self, number: u64) -> bool {
        self.0.iter().any(|(low, high)| (*low..=*high).contains(&number))
    }

    /// The smallest number of the first range.
    pub(super) fn first(&self) -> Option<u64> {
        self.0.first().map(|(low, _)| *low)
    }

    /// Any of the numbers; none where none is known.
    pub(super) fn any(&self, rng: &mut Rng) -> Option<u64> {
        let (low, high) = match self.0.as_slice() {
            [] => return None,
            [only] => *only,
            several => {
                let at = usize::try_from(rng.next_u64() % several.len() as u64).unwrap_or(0);
                several.get(at).copied()?
            }
        };
        Some(low + rng.next_u64() % (high - low + 1))
    }
}
