//! Points that were judged elsewhere, or made up, as rows of `verdict`: there is no measurement behind them.

use std::collections::{BTreeMap, HashSet};

use arrow::array::RecordBatch;
use aws_lc_rs::digest;
use wirewitness_model::point::Point;
use wirewitness_model::verdict::Status;

use crate::archive::{Changes, Writer};
use crate::error::StoreError;
use crate::ingest::FileEnd;
use crate::ingest::columns::Rows;
use crate::ingest::record::{Id, day, domain};
use crate::schema::{SOURCE, VERDICT};
use crate::table::{Change, Partition, hex};

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

/// Settings of points that the lab makes up.
pub fn population(name: String, sha256: String, rows: u64) -> Source {
    Source {
        origin: "population",
        rule: "population.made",
        rule_version: 1,
        test: "population",
        name,
        end: FileEnd { sha256, bytes: rows, format: "population" },
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
    if knows(writer, &source.end.sha256).await? {
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
            changes.entry(SOURCE.name).or_default().added.push(enter(writer, source, taken).await?);
        }
        writer.commit(changes).await?;
    }
    Ok(done)
}

/// Whether the ledger has a file of this hash.
async fn knows(writer: &Writer, sha256: &str) -> Result<bool, StoreError> {
    use arrow::array::AsArray as _;
    let ledger = writer.table(&SOURCE)?;
    for file in ledger.files()? {
        for batch in ledger.read(&file).await? {
            let column = batch.columns().first().and_then(|column| column.as_string_opt::<i32>());
            if column.is_some_and(|column| column.iter().flatten().any(|known| known == sha256)) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The row of the ledger.
async fn enter(
    writer: &Writer,
    source: &Source,
    taken: i64,
) -> Result<crate::table::DataFile, StoreError> {
    let mut rows = Rows::of(&SOURCE);
    rows.text(Some(&source.end.sha256))
        .text(Some(&source.name))
        .long(i64::try_from(source.end.bytes).ok())
        .text(Some(source.end.format))
        .long(Some(taken))
        .long(Some(0))
        .text(Some(&format!("{{\"rule\":\"{}@{}\"}}", source.rule, source.rule_version)))
        .end();
    writer.table(&SOURCE)?.write(&Partition::default(), &rows.finish()?).await
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
        let country = String::from_utf8_lossy(&country).into_owned();
        let is_code = country.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let country = if is_code { country } else { "ZZ".to_owned() };
        let partition = Partition { country, day: day(at.saturating_mul(1_000_000)) };
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
    rows.text(Some(&hex(id)))
        .time(Some(point.at_s.saturating_mul(1_000_000)))
        .text(Some(source.origin))
        .text(Some(source.test))
        .text(Some(name))
        .text(domain)
        .long(known(point.network.asn))
        .long(known(point.resolver_asn))
        .long(Some(point.vantage.cast_signed()))
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
    let mut id = [0; 16];
    id.iter_mut().zip(hash.finish().as_ref()).for_each(|(to, from)| *to = *from);
    id
}

/// Points in memory before they are written.
const COMMIT_ROWS: usize = 1 << 20;
