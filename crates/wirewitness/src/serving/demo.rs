//! An archive to look at without any data: a made-up country of the lab, with its events.

use url::Url;
use wirewitness_lab::population::{Population, Settings};
use wirewitness_store::events::{self, insert_points, state_events};
use wirewitness_store::{StoreError, Writer};

use crate::command_error::CommandError;

/// What came of it.
#[derive(Debug)]
pub(crate) struct Filled {
    /// Verdicts.
    pub(crate) rows: u64,
    /// Events that are stated of them.
    pub(crate) events: usize,
}

/// Fills an archive with a month of a country that does not exist, and searches it for events. The same every time.
///
/// # Errors
/// The archive cannot be written.
pub(crate) async fn fill(archive: &Url) -> Result<Filled, CommandError> {
    let population = Population::new(&Settings::sized(DAYS, NETWORKS, TARGETS));
    let population = population.map_err(|error| CommandError::Usage {
        message: error.to_string(),
        hint: "this is a mistake of the program".to_owned(),
    })?;
    filled(archive, &population).await.map_err(CommandError::from)
}

async fn filled(archive: &Url, population: &Population) -> Result<Filled, StoreError> {
    let settings = serde_json::to_string(population.settings()).unwrap_or_default();
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, settings.as_bytes());
    let hash = wirewitness_model::hex::hex(hash.as_ref());
    let source = events::population("population, demo".to_owned(), hash, settings.len() as u64);
    let mut writer = Writer::open(archive).await?;
    let points = population.rows().map(|row| row.point);
    let name = Population::target_name;
    let inserted = insert_points(&mut writer, points, name, &source).await?;
    let stated = state_events(&mut writer, &events::Settings::default()).await?;
    let events = stated.statements.iter().filter(|one| one.holds()).count();
    Ok(Filled { rows: inserted.rows, events })
}

const DAYS: u32 = 30;
const NETWORKS: u32 = 12;
const TARGETS: u32 = 2_000;
