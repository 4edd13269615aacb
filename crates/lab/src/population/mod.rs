//! A country's measurements for months, made up, with the truth beside them: what finders of events are tested against.
//!
//! Nothing is probed here: rows are drawn from what is planted and from a judge's errors. In reading order:
//!
//! - [`settings`]: how much of everything ([`Settings`]); `preset`: the default, at any size.
//! - `country`, `volunteer`: networks, who measures on them and when, what is measured how often.
//! - `plan`: planting events and what only looks like them.
//! - [`truth`]: what was planted ([`Truth`]).
//! - `points`, `judged`: measurements in order of time ([`Population::rows`]), and what a judge says of each.
//! - [`table`]: rows as CSV.
//! - `moment`: one moment of a sample as a scenario, for real probes ([`Population::scenario`]).
//! - [`score`]: what somebody found, against the truth.
//!
//! A data set is a function of its settings: the same bytes on every machine. What is in memory is the plan and a quarter
//! of an hour of rows, however long it is.

mod country;
mod draw;
mod forces;
mod judged;
mod moment;
mod plan;
mod points;
mod preset;
pub mod score;
pub mod settings;
pub mod table;
mod target_set;
pub mod truth;
mod volunteer;

use country::Country;
pub use moment::Sample;
pub use points::{Row, Rows};
pub use settings::{Settings, SettingsError};
pub use target_set::TargetSet;
pub use truth::Truth;

/// A country and what happens in it.
#[derive(Debug)]
pub struct Population {
    settings: Settings,
    country: Country,
    truth: Truth,
}

impl Population {
    /// Plans a data set.
    ///
    /// # Errors
    /// A mistake in the settings, with the key: also where there is no room for all that is to be planted.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        let mut country = Country::new(settings);
        let truth = plan::plant(settings, &mut country)?;
        Ok(Self { settings: settings.clone(), country, truth })
    }

    /// What was planted.
    pub fn truth(&self) -> &Truth {
        &self.truth
    }

    /// All measurements, in the order in which they were made.
    pub fn rows(&self) -> Rows<'_> {
        Rows::new(self)
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Targets that are measured densely on a network, in order; none where there is no such network.
    pub fn dense(&self, asn: u32) -> &[u32] {
        let network = self.country.networks.iter().find(|network| network.asn == asn);
        network.map_or(&[], |network| &network.dense)
    }

    /// The name of a target: `site-00012.example`.
    pub fn target_name(number: u32) -> String {
        format!("site-{number:05}.example")
    }
}
