//! Points that were judged elsewhere, or made up, as rows of `verdict`: there is no measurement behind them.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use arrow::array::RecordBatch;
use aws_lc_rs::digest;
use wirewitness_model::hex::hex;
use wirewitness_model::point::Point;
use wirewitness_model::verdict::Status;

use crate::archive::{Changes, Writer};
use crate::error::StoreError;
use crate::ingest::FileEnd;
use crate::ingest::columns::Rows;
use crate::ingest::ledger::{Entry, Ledger};
use crate::ingest::record::{Id, first};
use crate::ingest::subject::{Subject, domain};
use crate::schema::{SOURCE, VERDICT};
use crate::table::{Change, Partition};

/// Where points come from.
#[derive(Debug, Clone)]
pub struct Source {
    /// Column `origin`: `population`, `ooni-analysis`.
    pub origin: &'static str,
    /// The rule that made their verdicts.
    pub rule: &'static str,
    /// Its version.
    pub rule_version: i32,
    /// Column `test_name`.
    pub test: &'static str,
    /// Name in the ledger.
    pub name: String,
    /// What makes the same set the same: what is there already is not taken twice.
    pub end: FileEnd,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Inserted {
    /// Rows that are new.
    pub rows: u64,
    /// Bytes of their files.
    pub bytes: u64,
    /// Whether the archive has had them all.
    pub is_known: bool,
}

/// Points that the lab makes up, by the name, hash and length of their settings.
pub fn population(name: String, sha256: String, bytes: u64) -> Source {
    Source {
        origin: "population",
        rule: "population.made",
        rule_version: 1,
        test: "population",
        name,
        end: FileEnd { sha256, bytes, format: "population", captured: None },
    }
}

/// Takes points as verdicts, with the names of their targets. Commits what it has whenever `COMMIT_ROWS` are together, so
/// that memory stays within some 300 MB. A run that was killed and is made again adds only what is missing.
pub async fn insert_points(
    writer: &mut Writer,
    points: impl Iterator<Item = Point>,
    names: impl Fn(u32) -> String,
    source: &Source,
) -> Result<Inserted, StoreError> {
    let mut done = Inserted::default();
    let mut ledger = Ledger::read(writer).await?;
    if ledger.knows(&source.end.sha256) {
        return Ok(Inserted { is_known: true, ..done });
    }
    let had = writer.table(&VERDICT)?.files()?.into_iter().map(|file| file.path);
    let mut had: HashSet<String> = had.collect();
    let (mut waiting, mut taken) = (Vec::new(), 0);
    let mut points = points.peekable();
    while let Some(point) = points.next() {
        waiting.push(point);
        taken += 1;
        let is_last = points.peek().is_none();
        if waiting.len() < COMMIT_ROWS && !is_last {
            continue;
        }
        let mut changes = Changes::new();
        write(writer, (&mut waiting, &mut changes), (&names, source), (&mut had, &mut done))
            .await?;
        if is_last {
            let judging = format!("{{\"rule\":\"{}@{}\"}}", source.rule, source.rule_version);
            let (name, end) = (&*source.name, &source.end);
            ledger.enter(&Entry { name, end, taken, refused: 0, judging: &judging });
            changes.entry(SOURCE.name).or_default().added.extend(ledger.write(writer).await?);
        }
        writer.commit(changes).await?;
    }
    Ok(done)
}

/// Writes what waits, a file for each country and day.
async fn write(
    writer: &Writer,
    (waiting, changes): (&mut Vec<Point>, &mut Changes),
    (names, source): (&impl Fn(u32) -> String, &Source),
    (had, done): (&mut HashSet<String>, &mut Inserted),
) -> Result<(), StoreError> {
    let mut partitions: BTreeMap<([u8; 2], i64), Vec<Point>> = BTreeMap::new();
    for point in waiting.drain(..) {
        let key = (point.network.country, point.at_s.div_euclid(86_400));
        partitions.entry(key).or_default().push(point);
    }
    for ((country, _), points) in partitions {
        let at = points.first().map_or(0, |point| point.at_s);
        let country = String::from_utf8_lossy(&country);
        let partition = Partition::of(&country, at.saturating_mul(1_000_000));
        let rows = rows(points, names, source)?;
        let file = writer.table(&VERDICT)?.write(&partition, &rows).await?;
        if had.insert(file.path.clone()) {
            done.rows += file.rows;
            done.bytes += file.bytes;
            changes.entry(VERDICT.name).or_insert_with(Change::default).added.push(file);
        }
    }
    Ok(())
}

/// Rows in the order of the table.
fn rows(
    points: Vec<Point>,
    names: &impl Fn(u32) -> String,
    source: &Source,
) -> Result<RecordBatch, StoreError> {
    let mut named: BTreeMap<u32, String> = BTreeMap::new();
    for point in &points {
        named.entry(point.target).or_insert_with(|| names(point.target));
    }
    let mut order: Vec<(&str, u32)> =
        named.iter().map(|(number, name)| (name.as_str(), *number)).collect();
    order.sort_unstable();
    let rank: BTreeMap<u32, (usize, &str, Option<String>)> = order
        .iter()
        .enumerate()
        .map(|(rank, (name, number))| (*number, (rank, *name, domain(name))))
        .collect();
    let mut sorted: Vec<(usize, i64, Id, Point)> = points
        .into_iter()
        .map(|point| {
            let (rank, name, _) =
                rank.get(&point.target).map_or((0, "", &None), |(r, n, d)| (*r, *n, d));
            (rank, i64::from(point.network.asn), id(&point, name, source), point)
        })
        .collect();
    // A network that is not known is null, and nulls are first.
    sorted.sort_unstable_by_key(|(rank, asn, id, point)| (*rank, *asn, point.at_s, *id));
    let mut rows = Rows::of(&VERDICT);
    let judged_with = format!("{}@{}", source.rule, source.rule_version);
    for (_, _, id, point) in &sorted {
        let Some((_, name, domain)) = rank.get(&point.target) else { continue };
        row(&mut rows, (point, id), (name, domain.as_deref()), (source, &judged_with));
    }
    rows.finish()
}

fn row(
    rows: &mut Rows,
    (point, id): (&Point, &Id),
    (name, domain): (&str, Option<&str>),
    (source, judged_with): (&Source, &str),
) {
    let known = |number: u32| (number > 0).then_some(i64::from(number));
    let mechanism = point.mechanism.map(|mechanism| mechanism.word());
    let subject = Subject {
        id: hex(id),
        at: point.at_s.saturating_mul(1_000_000),
        origin: source.origin,
        test: source.test,
        target: Cow::Borrowed(name),
        domain: domain.map(Cow::Borrowed),
        asn: known(point.network.asn),
        resolver: known(point.resolver_asn),
        vantage: point.vantage.cast_signed(),
    };
    subject
        .head(rows)
        .text(Some(point.status.word()))
        .text(mechanism)
        .texts(None::<[&str; 0]>)
        .text(mechanism.map(|_| "unknown"))
        .text(Some(if point.status == Status::Insufficient { "low" } else { "medium" }))
        .text(Some(source.rule))
        .int(Some(source.rule_version))
        .text(None)
        .text(None)
        .texts(None::<[&str; 0]>)
        .text(None)
        .flag(None)
        .text(Some(judged_with))
        .end();
}

/// Name of a row: the same point of the same source has the same.
fn id(point: &Point, name: &str, source: &Source) -> Id {
    let mut hash = digest::Context::new(&digest::SHA256);
    let mut add = |bytes: &[u8]| hash.update(bytes);
    add(source.origin.as_bytes());
    add(&[0]);
    add(name.as_bytes());
    add(&[0]);
    add(&point.at_s.to_le_bytes());
    add(&point.network.country);
    add(&point.network.asn.to_le_bytes());
    add(&point.vantage.to_le_bytes());
    add(&point.resolver_asn.to_le_bytes());
    add(point.status.word().as_bytes());
    add(point.mechanism.map_or("", |mechanism| mechanism.word()).as_bytes());
    first(&hash.finish())
}

/// Points in memory before they are written.
const COMMIT_ROWS: usize = 1 << 20;
