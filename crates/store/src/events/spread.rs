//! The search by a cluster: executors read, survey and search parts of the targets; this machine numbers the targets, joins the
//! surveys and groups what is found.
//!
//! Three queries. The first asks for the targets. The second and the third deal the points out to parts by target, as a search
//! on one machine does: the second surveys each part, the third searches it under the climate that all surveys
//! come to. How many points each has is known from the first, so that an answer that lacks some is seen.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type};
use datafusion::common::ScalarValue;
use datafusion::dataframe::DataFrame;
use datafusion::functions_aggregate::expr_fn::{array_agg, count};
use datafusion::prelude::{Expr, col, lit};
use serde::de::DeserializeOwned;
use wirewitness_analysis::events::{Part, Survey, finish};

use super::names::{self, Met, Names};
use super::packed::BYTES;
use super::search::{Means, parts_of};
use super::{Found, Settings, Stated, functions, refuse_mixed, said, state};
use crate::archive::{Archive, Writer};
use crate::cluster::Cluster;
use crate::error::StoreError;
use crate::query::{Options, QueryError, Session};
use crate::schema::VERDICT;

/// Points of one task: 112 MB.
const TASK_POINTS: u64 = 4 << 20;
/// Tasks of one query, at least and at most.
const TASKS: (u64, u64) = (16, 512);

/// Searches the verdicts of an archive on a cluster, with the same outcome as [`find_events`](super::find_events).
///
/// # Errors
/// Those of the cluster; those of a search on one machine; more targets than a search takes.
pub async fn find_events_on(
    cluster: &Cluster,
    archive: &Archive,
    settings: &Settings,
) -> Result<Found, QueryError> {
    let (_, names) = said(archive).await?;
    find(cluster, archive, (settings, &names)).await
}

/// Searches the verdicts on a cluster and revises what was said, as [`state_events`](super::state_events) does.
///
/// # Errors
/// As of [`find_events_on`]; the archive cannot be written.
pub async fn state_events_on(
    cluster: &Cluster,
    writer: &mut Writer,
    settings: &Settings,
) -> Result<Stated, QueryError> {
    let before = said(writer.archive()).await?;
    let found = find(cluster, writer.archive(), (settings, &before.1)).await?;
    Ok(state(writer, before, found).await?)
}

/// One search.
struct Search<'s> {
    session: Session,
    settings: &'s Settings,
    parts: usize,
}

async fn find(
    cluster: &Cluster,
    archive: &Archive,
    (settings, earlier): (&Settings, &Names),
) -> Result<Found, QueryError> {
    let files = archive.table(&VERDICT)?.files()?;
    let rows: u64 = files.iter().map(|file| file.rows).sum();
    let tasks = (rows / TASK_POINTS).clamp(TASKS.0, TASKS.1) as usize;
    let options = Options { partitions: Some(tasks), ..cluster.options.clone() };
    let cluster = Cluster { options, ..cluster.clone() };
    let bytes = usize::try_from(rows).unwrap_or(usize::MAX).saturating_mul(BYTES);
    let parts = parts_of(bytes, &Means::of(settings)).max(tasks);
    let search = Search { session: cluster.session(archive, None).await?, settings, parts };
    // Files that others wrote may not say how many rows they have.
    let is_counted = settings.origins.is_empty() && files.iter().all(|file| file.rows > 0);
    let (met, points) = search.targets(is_counted.then_some(rows)).await?;
    let (numbers, names) = met.numbers(earlier);
    let moved = serde_json::to_string(&moved(&numbers, &met)).map_err(|error| worker(&error))?;
    search.run((moved, points), names).await
}

/// The numbers of those targets that have not the usual one.
fn moved<'m>(numbers: &[u32], met: &'m Met) -> BTreeMap<&'m str, u32> {
    let of = |(name, number): (&'m str, &u32)| {
        (*number != names::usual(name)).then_some((name, *number))
    };
    met.names().zip(numbers).filter_map(of).collect()
}

impl Search<'_> {
    /// All targets, and how many points there are.
    async fn targets(&self, expected: Option<u64>) -> Result<(Met, u64), QueryError> {
        let frame = self.rows().await?;
        let by = vec![col("target"), col("origin")];
        let frame = frame
            .aggregate(by, vec![count(lit(1)).alias("count")])
            .map_err(|error| planning(&error))?;
        let mut attempts = 0;
        loop {
            let batches = self.session.whole(frame.clone(), &|_| true).await?;
            let points = batches.iter().map(counted).sum::<u64>();
            if expected.is_some_and(|expected| expected != points) {
                attempts += 1;
                again(attempts)?;
                continue;
            }
            return Ok((met(&batches)?, points));
        }
    }

    /// Surveys all parts, and searches them.
    async fn run(&self, (moved, points): (String, u64), names: Names) -> Result<Found, QueryError> {
        let survey = functions::surveyed();
        let surveys = self.parts((&moved, points), &|points| survey.call(vec![points])).await?;
        let mut all = Survey::default();
        surveys.into_values().for_each(|survey: Survey| all.join(survey));
        let detector = &self.settings.detector;
        let climate = all.finish(detector);
        let carried = serde_json::to_vec(&climate).map_err(|error| worker(&error))?;
        let carried = lit(ScalarValue::LargeBinary(Some(carried)));
        let how = lit(serde_json::to_string(detector).map_err(|error| worker(&error))?);
        let search = functions::searched();
        let of = |points| search.call(vec![points, carried.clone(), how.clone()]);
        let found: BTreeMap<i32, Part> = self.parts((&moved, points), &of).await?;
        let report = finish(found.into_values().collect(), &climate, detector);
        Ok(Found { report, names })
    }

    /// Something of the points of each part, in the order of the parts.
    async fn parts<T: DeserializeOwned>(
        &self,
        (moved, expected): (&str, u64),
        of: &(dyn Fn(Expr) -> Expr + Sync),
    ) -> Result<BTreeMap<i32, T>, QueryError> {
        let part = functions::part().call(vec![col("target"), lit(self.parts as i64)]);
        let given = POINT.into_iter().map(col).chain([lit(moved)]);
        let point = functions::point().call(given.collect());
        let frame = self.rows().await?;
        let frame = frame
            .select(vec![part.alias("part"), point.alias("point")])
            .and_then(|frame| {
                let all =
                    vec![array_agg(col("point")).alias("points"), count(lit(1)).alias("count")];
                frame.aggregate(vec![col("part")], all)
            })
            .and_then(|frame| {
                frame.select(vec![col("part"), of(col("points")).alias("made"), col("count")])
            })
            .map_err(|error| planning(&error))?;
        let mut attempts = 0;
        loop {
            let batches = self.session.whole(frame.clone(), &|_| true).await?;
            if batches.iter().map(counted).sum::<u64>() == expected {
                return Ok(made(&batches)?);
            }
            attempts += 1;
            again(attempts)?;
        }
    }

    /// The rows that are searched.
    async fn rows(&self) -> Result<DataFrame, QueryError> {
        let frame =
            self.session.context().table(VERDICT.name).await.map_err(|error| planning(&error))?;
        if self.settings.origins.is_empty() {
            return Ok(frame);
        }
        let wanted = self.settings.origins.iter().map(|origin| lit(origin.as_str())).collect();
        frame.filter(col("origin").in_list(wanted, false)).map_err(|error| planning(&error))
    }
}

/// Points of an answer: its last column.
fn counted(batch: &RecordBatch) -> u64 {
    let counts = batch.columns().last().and_then(|column| column.as_primitive_opt::<Int64Type>());
    counts.map_or(0, |counts| counts.values().iter().map(|count| count.unsigned_abs()).sum())
}

/// The targets of an answer, where its origins may be searched together.
fn met(batches: &[RecordBatch]) -> Result<Met, StoreError> {
    let mut met = Met::default();
    let mut origins = BTreeSet::new();
    for batch in batches {
        let [targets, found, _] = batch.columns() else { return Err(other_columns()) };
        let targets = targets.as_string_opt::<i32>().ok_or_else(other_columns)?;
        let found = found.as_string_opt::<i32>().ok_or_else(other_columns)?;
        origins.extend(found.iter().flatten().map(str::to_owned));
        if !targets.iter().flatten().all(|target| met.place(target).is_some()) {
            let reason = "more targets than one search takes; name an origin".to_owned();
            return Err(StoreError::Refused { reason });
        }
    }
    refuse_mixed(&origins)?;
    Ok(met)
}

/// What was made of each part.
fn made<T: DeserializeOwned>(batches: &[RecordBatch]) -> Result<BTreeMap<i32, T>, StoreError> {
    let mut all = BTreeMap::new();
    for batch in batches {
        let [parts, made, _] = batch.columns() else { return Err(other_columns()) };
        let parts = parts.as_primitive_opt::<Int32Type>().ok_or_else(other_columns)?;
        let made = made.as_binary_opt::<i64>().ok_or_else(other_columns)?;
        for (part, made) in parts.iter().zip(made) {
            let (Some(part), Some(made)) = (part, made) else { return Err(other_columns()) };
            let read = serde_json::from_slice(made);
            let read = read.map_err(|error| StoreError::Worker(format!("part {part}: {error}")))?;
            if all.insert(part, read).is_some() {
                return Err(StoreError::Worker(format!("part {part} came twice")));
            }
        }
    }
    Ok(all)
}

/// Whether to ask again after so many answers that lack points.
fn again(attempts: usize) -> Result<(), QueryError> {
    if attempts < 3 {
        return Ok(());
    }
    let message = "its answers do not hold all points".to_owned();
    Err(QueryError::Cluster { message })
}

fn other_columns() -> StoreError {
    StoreError::Worker("the cluster sent other columns".to_owned())
}

fn worker(error: &serde_json::Error) -> StoreError {
    StoreError::Worker(error.to_string())
}

fn planning(error: &datafusion::error::DataFusionError) -> QueryError {
    QueryError::planning(error)
}

/// Columns that a point is made of.
const POINT: [&str; 8] = [
    "target",
    "country",
    "probe_asn",
    "resolver_asn",
    "measured_at",
    "vantage",
    "status",
    "mechanism",
];
