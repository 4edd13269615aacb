//! Single measurements: lists of them, and all of one.

use serde::{Deserialize, Serialize};
use wirewitness_store::rollup::Cell;

use super::asked::{list, quoted};
use super::{Facts, FactsError, Filter};

/// A verdict (table `verdict`) of a list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[expect(missing_docs, reason = "docs/schema.md says what each column is")]
pub struct MeasurementRow {
    pub measurement_id: String,
    /// Seconds since 1970.
    pub at_s: i64,
    /// Microseconds since 1970, for the cursor.
    pub at_us: i64,
    /// `2025-11-23`: with the country, where the measurement is kept.
    pub day: String,
    pub country: String,
    pub origin: String,
    pub test_name: String,
    pub target: String,
    pub domain: Option<String>,
    pub probe_asn: Option<u32>,
    pub resolver_asn: Option<u32>,
    pub status: String,
    pub mechanism: Option<String>,
    pub also: Option<Vec<String>>,
    pub locus: Option<String>,
    pub confidence: String,
    pub rule: String,
    pub rule_version: u32,
    pub evidence: Option<String>,
    pub fingerprint: Option<String>,
    pub cannot_tell: Option<Vec<String>>,
    pub ooni_blocking: Option<String>,
    pub ooni_accessible: Option<bool>,
    pub judged_with: String,
}

/// Where a list goes on: after this measurement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Microseconds since 1970.
    pub at_us: i64,
    /// Its name.
    pub id: String,
}

/// Some measurements, the newest first.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Them.
    pub rows: Vec<MeasurementRow>,
    /// Where the next ones are; none at the end.
    pub next: Option<Cursor>,
}

/// A step of a measurement (table `observation`).
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[expect(missing_docs, reason = "docs/schema.md says what each column is")]
pub struct Step {
    pub step: i32,
    pub is_control: bool,
    pub layer: String,
    pub outcome: String,
    pub failure: Option<String>,
    pub name: Option<String>,
    pub address: Option<String>,
    pub port: Option<i32>,
    pub address_asn: Option<i64>,
    pub engine: Option<String>,
    pub query_type: Option<String>,
    pub answers: Option<Vec<Option<String>>>,
    pub rcode: Option<i32>,
    pub tls_version: Option<String>,
    pub certificate: Option<String>,
    pub url: Option<String>,
    pub status: Option<i32>,
    pub body_length: Option<i64>,
    pub body_sha256: Option<String>,
    pub title: Option<String>,
    pub server: Option<String>,
    pub t_ms: Option<f64>,
    pub transaction: Option<i64>,
    pub detail: Option<String>,
}

/// All that the archive has of a measurement.
#[derive(Debug, Clone)]
pub struct Whole {
    /// Its verdict.
    pub verdict: MeasurementRow,
    /// Its steps, in order.
    pub steps: Vec<Step>,
    /// The record as it is kept, condensed; empty where none is kept (scans from afar, captures, made-up rows).
    pub document: String,
    /// The file that it was first read from, where names of files are shown.
    pub source: Option<String>,
    /// OONI's identifier of the measurement.
    pub uid: Option<String>,
}

impl Cursor {
    /// `1764547200000000-<id>`.
    pub fn text(&self) -> String {
        format!("{}-{}", self.at_us, self.id)
    }

    /// What [`Cursor::text`] gave. None for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (at_us, id) = text.rsplit_once('-')?;
        Some(Self { at_us: at_us.parse().ok()?, id: is_id(id).then(|| id.to_owned())? })
    }
}

impl Facts {
    /// Measurements, the newest first. Only days are read that the counts say hold some, until there are enough; `limit` is at most
    /// 1,000.
    ///
    /// # Errors
    /// The archive cannot be asked, or not in time.
    pub async fn measurements(
        &self,
        filter: &Filter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, FactsError> {
        let limit = limit.clamp(1, 1_000);
        let wanted = self.wanted(filter);
        let last = after.map_or(i32::MAX, |it| {
            i32::try_from(it.at_us.div_euclid(86_400_000_000)).unwrap_or(i32::MAX)
        });
        let mut page = Page::default();
        let _place = self.place_to_read().await;
        let days = self.rollup.days.range(wanted.days.clone()).rev();
        for (day, counted) in days.filter(|(day, _)| **day <= last) {
            let is_wanted = |cell: &Cell| wanted.has(cell.network, cell.kind);
            let has = match &wanted.targets {
                None => counted.cells.iter().any(|cell| is_wanted(&cell)),
                Some(targets) => targets
                    .iter()
                    .any(|target| counted.cells.of(*target).any(|cell| is_wanted(&cell))),
            };
            if !has {
                continue;
            }
            let missing = limit + 1 - page.rows.len();
            let sql = self.list_sql(filter, *day, after, missing);
            page.rows.extend(self.session.structs::<MeasurementRow>(&sql).await?);
            if page.rows.len() > limit {
                page.rows.truncate(limit);
                page.next = page
                    .rows
                    .last()
                    .map(|row| Cursor { at_us: row.at_us, id: row.measurement_id.clone() });
                break;
            }
        }
        Ok(page)
    }

    fn list_sql(&self, filter: &Filter, day: i32, after: Option<&Cursor>, limit: usize) -> String {
        let mut tests = vec![format!("day = DATE '{}'", day_text(day))];
        let mut one_of = |column: &str, texts: &[String]| {
            if !texts.is_empty() {
                let texts = list(texts.iter().map(|text| quoted(text)));
                tests.push(format!("{column} IN ({texts})"));
            }
        };
        let countries: Vec<String> =
            filter.countries.iter().map(|it| it.to_ascii_uppercase()).collect();
        one_of("country", &countries);
        one_of("test_name", &filter.tests);
        one_of("status", &filter.statuses);
        one_of("mechanism", &filter.mechanisms);
        one_of("origin", &filter.origins);
        if filter.origins.is_empty() {
            tests.push("origin <> 'capture'".to_owned());
            if !self.is_made_up() {
                tests.push("origin <> 'population'".to_owned());
            }
        }
        if !filter.asns.is_empty() {
            let known = filter.asns.iter().filter(|asn| **asn > 0).map(u32::to_string);
            let mut some =
                vec![format!("probe_asn IN (-1, {})", list(known.chain(["-1".to_owned()])))];
            if filter.asns.contains(&0) {
                some.push("probe_asn IS NULL".to_owned());
            }
            tests.push(format!("({})", some.join(" OR ")));
        }
        if let Some(targets) = self.wanted(filter).targets {
            let names = targets.iter().take(MOST_NAMES);
            let names = names.filter_map(|it| self.rollup.words.targets().get(*it as usize));
            let names = list(names.map(|name| quoted(name)));
            tests.push(format!("target IN ({})", if names.is_empty() { "''" } else { &names }));
        }
        if let Some(Cursor { at_us, id }) = after {
            let at = format!("arrow_cast({at_us}, 'Timestamp(Microsecond, Some(\"UTC\"))')");
            tests.push(format!(
                "(measured_at < {at} OR (measured_at = {at} AND measurement_id > {}))",
                quoted(id)
            ));
        }
        format!(
            "SELECT {COLUMNS} FROM verdict WHERE {} ORDER BY measured_at DESC, measurement_id LIMIT {limit}",
            tests.join(" AND ")
        )
    }

    /// All of one measurement. Only the files of its country and day are read. None where there is no such.
    ///
    /// # Errors
    /// The archive cannot be asked, or not in time.
    pub async fn measurement(
        &self,
        (country, day): (&str, i32),
        id: &str,
    ) -> Result<Option<Whole>, FactsError> {
        #[derive(Deserialize)]
        struct Record {
            document: String,
            source: String,
            measurement_uid: Option<String>,
        }
        if !is_id(id) {
            return Ok(None);
        }
        let place = format!(
            "day = DATE '{}' AND country = {} AND measurement_id = {}",
            day_text(day),
            quoted(&country.to_ascii_uppercase()),
            quoted(id)
        );
        let session = &self.session;
        let _place = self.place_to_read().await;
        let sql = format!("SELECT {COLUMNS} FROM verdict WHERE {place} LIMIT 1");
        let Some(verdict) = session.structs::<MeasurementRow>(&sql).await?.into_iter().next()
        else {
            return Ok(None);
        };
        let sql = format!(
            "SELECT step, is_control, layer, outcome, failure, name, address, port, address_asn, engine, query_type, answers, rcode, tls_version, certificate, url, status, body_length, body_sha256, title, server, t_ms, transaction, detail FROM observation WHERE {place} ORDER BY step LIMIT {MOST_STEPS}"
        );
        let steps = session.structs(&sql).await?;
        let sql = format!(
            "SELECT document, source, measurement_uid FROM measurement WHERE {place} LIMIT 1"
        );
        let record = session.structs::<Record>(&sql).await?.into_iter().next();
        let (document, source, uid) = match record {
            Some(record) => {
                let source = self.shows_file_names.then_some(record.source);
                (record.document, source, record.measurement_uid)
            }
            None => (String::new(), None, None),
        };
        Ok(Some(Whole { verdict, steps, document, source, uid }))
    }
}

/// `2025-11-23` of a day since 1970.
pub(crate) fn day_text(day: i32) -> String {
    let date = time::Date::from_julian_day(day.saturating_add(2_440_588));
    date.map_or_else(
        |_| "0001-01-01".to_owned(),
        |date| format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day()),
    )
}

/// Whether it may be the name of a measurement: hexadecimal digits.
fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

const COLUMNS: &str = "measurement_id, CAST(floor(extract(epoch FROM measured_at)) AS BIGINT) AS at_s, \
    CAST(arrow_cast(measured_at, 'Int64') AS BIGINT) AS at_us, CAST(day AS VARCHAR) AS day, country, origin, test_name, target, domain, probe_asn, \
    resolver_asn, status, mechanism, also, locus, confidence, rule, rule_version, evidence, fingerprint, cannot_tell, ooni_blocking, \
    ooni_accessible, judged_with";
/// Targets that one question names.
const MOST_NAMES: usize = 500;
/// Steps of one measurement that are shown.
const MOST_STEPS: usize = 2_000;
