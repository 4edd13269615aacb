//! The same by a cluster: executors read the documents and judge, this machine compares and writes.

use std::collections::{BTreeMap, HashSet};

use arrow::array::{ArrayRef, AsArray as _, RecordBatch, StringArray};
use arrow::compute::concat_batches;

use super::{Files, MADE, Made, Pending, Rebuilt, held, partitions, swap, write};
use crate::archive::{Changes, Writer};
use crate::cluster::Cluster;
use crate::cluster::judged::{judged, rows_of};
use crate::error::StoreError;
use crate::ingest::Judging;
use crate::keep::content::ContentHash;
use crate::query::{QueryError, Session, provider};
use crate::schema::MEASUREMENT;
use crate::table::{DataFile, Partition};

/// Bytes of files of measurements that are judged by one job.
const LOT_BYTES: u64 = 256 << 20;
/// Measurements at once.
const BATCH_ROWS: usize = 512;

/// A partition and its files.
type Place = (Partition, Files);

/// Judges all measurements again on a cluster, with the same outcome as [`rebuild`](super::rebuild). The executors must have
/// the judge that is given here: others refuse.
///
/// # Errors
/// Those of the cluster: an executor has another judge, or none; executors died again and again.
pub async fn rebuild_on(
    cluster: &Cluster,
    writer: &mut Writer,
    judging: &Judging,
    commit_bytes: u64,
) -> Result<Rebuilt, QueryError> {
    let session = cluster.session(writer.archive(), Some(BATCH_ROWS)).await?;
    let mut done = Rebuilt::default();
    let mut pending = Pending::new(commit_bytes);
    for lot in lots(partitions(writer)?) {
        let mut made = judge(&session, (writer, &lot), judging.name()).await?;
        for (partition, files) in lot {
            let made = made.remove(&partition).unwrap_or_else(Made::none);
            done.measurements += made.ids.len() as u64;
            done.unreadable += made.unreadable;
            let mut now = ContentHash::default();
            for (definition, rows) in MADE.into_iter().zip(&made.rows) {
                now.add(definition.name, &partition, rows)?;
            }
            if now == held(writer, (&partition, &files.made), &made.ids).await? {
                continue;
            }
            let bytes = replace(writer, (partition, files), made, &mut pending.changes).await?;
            done.changed += 1;
            pending.grown(writer, bytes).await?;
        }
    }
    done.commit = writer.commit(pending.changes).await?;
    Ok(done)
}

/// Partitions in lots: whole ones, whose files are not much more than [`LOT_BYTES`].
fn lots(partitions: BTreeMap<Partition, Files>) -> Vec<Vec<Place>> {
    let mut lots: Vec<Vec<Place>> = Vec::new();
    let mut room = 0;
    for place in partitions {
        let bytes: u64 = place.1.measurement.iter().map(|file| file.bytes).sum();
        match lots.last_mut() {
            Some(lot) if bytes <= room => {
                lot.push(place);
                room -= bytes;
            }
            _ => {
                lots.push(vec![place]);
                room = LOT_BYTES.saturating_sub(bytes);
            }
        }
    }
    lots
}

/// Has the measurements of some partitions judged.
async fn judge(
    session: &Session,
    (writer, lot): (&Writer, &[Place]),
    judge: &str,
) -> Result<BTreeMap<Partition, Made>, QueryError> {
    use datafusion::prelude::{cast, col, lit};

    let files: Vec<DataFile> =
        lot.iter().flat_map(|(_, files)| files.measurement.clone()).collect();
    // Files that others wrote may not say how many rows they have.
    let is_counted = files.iter().all(|file| file.rows > 0);
    let expected: u64 = files.iter().map(|file| file.rows).sum();
    let folder = writer.table(&MEASUREMENT)?.url().clone();
    let scanned = provider::Files::new(&MEASUREMENT, folder, files);
    let given = [col("measurement_id"), col("document"), col("source"), col("origin"), lit(judge)];
    let frame = session.scan(scanned)?.select(vec![
        col("country"),
        cast(col("day"), arrow::datatypes::DataType::Utf8).alias("day"),
        col("measurement_id"),
        judged(None).call(given.to_vec()).alias("judged"),
    ]);
    let frame = frame.map_err(|error| QueryError::planning(&error))?;
    let is_all = |rows: u64| !is_counted || rows == expected;
    let batches = session.whole(frame, &is_all).await?;
    let mut made: BTreeMap<Partition, Pieces> = BTreeMap::new();
    for batch in &batches {
        sort_out(batch, &mut made)?;
    }
    let joined = made.into_iter().map(|(partition, pieces)| Ok((partition, pieces.join()?)));
    joined.collect::<Result<_, StoreError>>().map_err(QueryError::from)
}

/// What is made of a partition, as it comes.
#[derive(Default)]
struct Pieces {
    rows: [Vec<RecordBatch>; 2],
    ids: HashSet<String>,
    unreadable: u64,
}

impl Pieces {
    fn join(self) -> Result<Made, StoreError> {
        let mut made = Made { ids: self.ids, unreadable: self.unreadable, ..Made::none() };
        for ((definition, rows), made) in MADE.into_iter().zip(&self.rows).zip(&mut made.rows) {
            *made = concat_batches(&definition.arrow(), rows)?;
        }
        Ok(made)
    }
}

/// Puts the rows of an answer to their partitions.
fn sort_out(batch: &RecordBatch, made: &mut BTreeMap<Partition, Pieces>) -> Result<(), StoreError> {
    let [country, day, ids, given] = batch.columns() else { return Err(other_columns()) };
    let [country, day, ids] = [texts(country)?, texts(day)?, texts(ids)?];
    let of = |row: usize| (country.value(row), day.value(row));
    let mut from = 0;
    while from < batch.num_rows() {
        let is_of_it = |row: &usize| of(*row) == of(from);
        let length = (from..batch.num_rows()).take_while(is_of_it).count();
        let (country, day) = of(from);
        let partition = Partition { country: country.to_owned(), day: day.to_owned() };
        let pieces = made.entry(partition).or_default();
        let (read, rows) = rows_of(&given.slice(from, length))?;
        for (pieces, rows) in pieces.rows.iter_mut().zip(rows) {
            pieces.push(rows);
        }
        for (row, read) in (from..).zip(&read) {
            match read {
                Some(true) if !pieces.ids.insert(ids.value(row).to_owned()) => {
                    return Err(StoreError::Damaged {
                        path: MEASUREMENT.name.to_owned(),
                        reason: format!("measurement {} came twice", ids.value(row)),
                    });
                }
                Some(false) => pieces.unreadable += 1,
                Some(true) | None => {}
            }
        }
        from += length;
    }
    Ok(())
}

fn texts(column: &ArrayRef) -> Result<&StringArray, StoreError> {
    column.as_string_opt().ok_or_else(other_columns)
}

fn other_columns() -> StoreError {
    StoreError::Damaged {
        path: MEASUREMENT.name.to_owned(),
        reason: "the cluster sent other columns".to_owned(),
    }
}

/// Files with the rows of now for those of a partition. Returns their bytes.
async fn replace(
    writer: &Writer,
    (partition, files): Place,
    made: Made,
    changes: &mut Changes,
) -> Result<u64, StoreError> {
    let mut added: [Vec<DataFile>; 2] = Default::default();
    for ((definition, rows), added) in MADE.into_iter().zip(made.rows).zip(&mut added) {
        added.extend(write(writer.table(definition)?, &partition, &[rows]).await?);
    }
    swap(writer, (&partition, files.made), (added, &made.ids), changes).await
}
