//! Events: the statements that hold.

use serde::{Deserialize, Serialize};
use wirewitness_store::query::Session;

use super::asked::quoted;
use super::{Facts, FactsError};

/// A statement about a block or a shutdown (table `event`). Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[expect(missing_docs, reason = "docs/schema.md says what each column is")]
pub struct EventRow {
    pub statement: String,
    pub event_id: String,
    pub revision: u32,
    pub holds: bool,
    pub superseded_by: Option<String>,
    pub withdrawn: bool,
    pub kind: String,
    pub certainty: String,
    pub country: String,
    pub country_wide: bool,
    pub started_after: Option<i64>,
    pub started_at: i64,
    pub seen_at: i64,
    pub ended_after: Option<i64>,
    pub ended_at: Option<i64>,
    pub end_seen_at: Option<i64>,
    pub targets: Vec<String>,
    pub networks: Vec<u32>,
    pub networks_against: Vec<u32>,
    pub mechanisms: Vec<String>,
    pub units_blocked: u64,
    pub units_ok: u64,
    pub units_down: u64,
    pub vantages: u64,
    pub confidence: String,
}

/// Which events. What is empty filters nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct EventFilter {
    /// Two letters.
    pub country: Option<String>,
    /// Number of a network.
    pub asn: Option<u32>,
    /// A target, or the host name of one.
    pub name: Option<String>,
    /// A category of the Citizen Lab's lists.
    pub category: Option<String>,
    /// `block`, `shutdown`.
    pub kind: Option<String>,
    /// `stated`, `unconfirmed`, `standing`.
    pub certainty: Option<String>,
    /// Only those that have not ended, or only those that have.
    pub is_over: Option<bool>,
    /// First day that they last to, days since 1970.
    pub since: Option<i32>,
    /// The day after the last day that they began on.
    pub until: Option<i32>,
}

impl EventRow {
    /// When it changed last: began or ended, seconds since 1970.
    pub fn changed_s(&self) -> i64 {
        self.ended_at.unwrap_or(self.started_at)
    }
}

impl Facts {
    /// The statements that hold, the newest change first.
    pub fn events<'f>(&'f self, filter: &'f EventFilter) -> impl Iterator<Item = &'f EventRow> {
        self.events.iter().filter(move |event| self.is_event(event, filter))
    }

    fn is_event(&self, event: &EventRow, filter: &EventFilter) -> bool {
        let is = |wanted: &Option<String>, text: &str| {
            wanted.as_ref().is_none_or(|it| it.eq_ignore_ascii_case(text))
        };
        let second = |day: i32| i64::from(day) * 86_400;
        let names = |name: &String| {
            let has = |target: &str| target == name || self.domain_by_name(target) == Some(name);
            event.targets.iter().any(|target| has(target))
        };
        let has_category = |category: &String| {
            let of = |target: &str| self.category(self.domain_by_name(target)?);
            event.targets.iter().any(|target| of(target) == Some(category))
        };
        is(&filter.country, &event.country)
            && is(&filter.kind, &event.kind)
            && is(&filter.certainty, &event.certainty)
            && filter.asn.is_none_or(|asn| event.networks.contains(&asn))
            && filter.is_over.is_none_or(|is| is == event.ended_at.is_some())
            && filter.since.is_none_or(|day| event.ended_at.is_none_or(|at| at >= second(day)))
            && filter.until.is_none_or(|day| event.started_at < second(day))
            && filter.name.as_ref().is_none_or(names)
            && filter.category.as_ref().is_none_or(has_category)
    }

    /// The host name of a target.
    pub fn domain_by_name(&self, target: &str) -> Option<&str> {
        self.rollup.words.target(target).and_then(|it| self.domain_of(it)).map(|it| &**it)
    }

    /// All statements that were ever made of an event, the newest first.
    ///
    /// # Errors
    /// The archive cannot be asked.
    pub async fn history(&self, event_id: &str) -> Result<Vec<EventRow>, FactsError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM event WHERE event_id = {} ORDER BY revision DESC LIMIT 100",
            quoted(event_id)
        );
        let _place = self.place_to_read().await;
        Ok(self.session.structs(&sql).await?)
    }

    /// The whole statement with each cell's part in it, as JSON.
    ///
    /// # Errors
    /// The archive cannot be asked.
    pub async fn detail(&self, statement: &str) -> Result<Option<String>, FactsError> {
        #[derive(Deserialize)]
        struct Row {
            detail: String,
        }
        let sql =
            format!("SELECT detail FROM event WHERE statement = {} LIMIT 1", quoted(statement));
        let _place = self.place_to_read().await;
        let rows: Vec<Row> = self.session.structs(&sql).await?;
        Ok(rows.into_iter().next().map(|row| row.detail))
    }
}

pub(super) async fn gather(session: &Session) -> Result<Vec<EventRow>, FactsError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM event WHERE holds \
         ORDER BY coalesce(ended_at, started_at) DESC, statement LIMIT {MOST_EVENTS}"
    );
    Ok(session.structs(&sql).await?)
}

const COLUMNS: &str = "statement, event_id, revision, holds, superseded_by, withdrawn, kind, certainty, country, country_wide, \
    CAST(extract(epoch FROM started_after) AS BIGINT) AS started_after, CAST(extract(epoch FROM started_at) AS BIGINT) AS started_at, \
    CAST(extract(epoch FROM seen_at) AS BIGINT) AS seen_at, CAST(extract(epoch FROM ended_after) AS BIGINT) AS ended_after, \
    CAST(extract(epoch FROM ended_at) AS BIGINT) AS ended_at, CAST(extract(epoch FROM end_seen_at) AS BIGINT) AS end_seen_at, \
    targets, networks, networks_against, mechanisms, units_blocked, units_ok, units_down, vantages, confidence";
/// Events that are held; the oldest are left out beyond.
const MOST_EVENTS: usize = 100_000;
