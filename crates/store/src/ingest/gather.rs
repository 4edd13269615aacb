//! Rows of one partition, out of many pieces, in the order of the files.
//!
//! All rows of a record have the same target, network, time and name: the first columns that every table is sorted by. So records
//! are sorted once, and the rows of `observation`, some fifteen a record, are copied in runs.

use std::ops::Range;

use arrow::array::{Array, ArrayData, MutableArrayData, RecordBatch, make_array};
use arrow::compute::{SortColumn, interleave, interleave_record_batch, lexsort_to_indices};
use arrow::error::ArrowError;

use crate::error::StoreError;
use crate::schema::{MEASUREMENT, OBSERVATION, Table, VERDICT};

/// The tables that measurements fill, in the order of [`super::work::Done::rows`].
pub(super) const FILLED: [&Table; 3] = [&MEASUREMENT, &OBSERVATION, &VERDICT];
/// Which of them has many rows a record.
const OF_STEPS: usize = 1;

/// Where the rows of a record are.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) piece: usize,
    /// Its row of `measurement` and of `verdict`.
    pub(super) at: usize,
    /// Its rows of `observation`.
    pub(super) steps: Range<usize>,
}

/// Pieces from which rows are taken.
pub(super) struct Pieces {
    rows: Vec<[RecordBatch; 3]>,
    /// Of `observation`: its columns, each of all pieces.
    steps: Vec<Vec<ArrayData>>,
}

impl Pieces {
    pub(super) fn new(rows: Vec<[RecordBatch; 3]>) -> Self {
        let columns = rows.first().map_or(0, |[_, steps, _]| steps.num_columns());
        let column = |at: usize| {
            rows.iter().filter_map(move |[_, steps, _]| steps.columns().get(at)).map(Array::to_data)
        };
        let steps = (0..columns).map(|at| column(at).collect()).collect();
        Self { rows, steps }
    }

    /// The rows that some records have in one of [`FILLED`], sorted as its files are.
    pub(super) fn gather(&self, table: usize, places: &[Place]) -> Result<RecordBatch, StoreError> {
        let rows: Vec<(usize, usize)> = places.iter().map(|it| (it.piece, it.at)).collect();
        let order = order(&MEASUREMENT, &self.batches(0), &rows)?;
        let sorted = order.iter().filter_map(|at| places.get(*at as usize));
        if table == OF_STEPS {
            return self.runs(&sorted.collect::<Vec<_>>());
        }
        let rows: Vec<(usize, usize)> = sorted.map(|place| (place.piece, place.at)).collect();
        Ok(interleave_record_batch(&self.batches(table), &rows)?)
    }

    fn batches(&self, table: usize) -> Vec<&RecordBatch> {
        self.rows.iter().filter_map(|rows| rows.get(table)).collect()
    }

    /// The steps of these records, one record after the other.
    fn runs(&self, places: &[&Place]) -> Result<RecordBatch, StoreError> {
        let count = places.iter().map(|place| place.steps.len()).sum();
        let column = |parts: &Vec<ArrayData>| {
            let mut column = MutableArrayData::new(parts.iter().collect(), false, count);
            for Place { piece, steps, .. } in places {
                column.try_extend(*piece, steps.start, steps.end)?;
            }
            Ok(make_array(column.freeze()))
        };
        let columns = self.steps.iter().map(column).collect::<Result<Vec<_>, ArrowError>>()?;
        Ok(RecordBatch::try_new(OBSERVATION.arrow(), columns)?)
    }
}

/// All rows as one, sorted as the table's files are. None for no rows.
pub(crate) fn sorted(
    table: &'static Table,
    pieces: &[RecordBatch],
) -> Result<Option<RecordBatch>, StoreError> {
    let of =
        |(piece, rows): (usize, &RecordBatch)| (0..rows.num_rows()).map(move |row| (piece, row));
    let rows: Vec<(usize, usize)> = pieces.iter().enumerate().flat_map(of).collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let pieces: Vec<&RecordBatch> = pieces.iter().collect();
    let order = order(table, &pieces, &rows)?;
    let sorted = order.iter().filter_map(|at| rows.get(*at as usize).copied());
    Ok(Some(interleave_record_batch(&pieces, &sorted.collect::<Vec<_>>())?))
}

/// In which order rows come in the table's files: each is named by its piece and its place there.
fn order(
    table: &'static Table,
    pieces: &[&RecordBatch],
    rows: &[(usize, usize)],
) -> Result<Vec<u32>, StoreError> {
    let column = |name: &&str| {
        let at = table.index(name)?;
        let parts = pieces.iter().map(|rows| rows.columns().get(at).map(AsRef::as_ref));
        let parts: Option<Vec<&dyn Array>> = parts.collect();
        let values = interleave(&parts?, rows);
        Some(values.map(|values| SortColumn { values, options: None }))
    };
    let by: Vec<SortColumn> =
        table.sorted_by.iter().filter_map(column).collect::<Result<_, _>>()?;
    Ok(lexsort_to_indices(&by, None)?.values().to_vec())
}

#[cfg(test)]
mod tests {
    use wirewitness_analysis::judge::Context;
    use wirewitness_model::ooni::Measurement;

    use super::*;
    use crate::ingest::record::{Tables, Taking, id_of};

    /// Some records, all of one day; each has as many steps as its number says.
    fn piece(numbers: Range<usize>) -> ([RecordBatch; 3], Vec<usize>) {
        let fingerprints = wirewitness_analysis::fingerprints::Fingerprints::shipped();
        let context = Context::new(&fingerprints);
        let taking = Taking { source: "a", judged_with: "b", context: &context };
        let mut tables = Tables::new();
        for number in numbers {
            let connect = |at: usize| {
                format!(
                    r#"{{"ip":"192.0.2.{at}","port":443,"status":{{"success":true,"failure":null}}}}"#
                )
            };
            let connects = (0..number % 7).map(connect).collect::<Vec<_>>().join(",");
            let text = format!(
                r#"{{"test_name":"web_connectivity","input":"http://{}.example/","probe_asn":"AS{}","probe_cc":"IT",
                "measurement_start_time":"2026-06-01 00:00:{:02}","report_id":"{number}","test_keys":{{"tcp_connect":[{connects}]}}}}"#,
                number * 31 % 5,
                number * 17 % 3 + 1,
                number * 7 % 4,
            );
            let measurement = Measurement::from_json(&text).unwrap();
            tables.take(id_of(&text), (&text, &measurement), &taking).unwrap();
        }
        let steps = tables.heads.iter().map(|head| head.steps as usize).collect();
        let Tables { mut measurement, mut observation, mut verdict, .. } = tables;
        let rows =
            [&mut measurement, &mut observation, &mut verdict].map(|it| it.finish().unwrap());
        (rows, steps)
    }

    #[test]
    fn records_sorted_once_are_all_rows_sorted() {
        let (mut rows, mut places) = (Vec::new(), Vec::new());
        for (number, numbers) in [0..40, 40..41, 41..97].into_iter().enumerate() {
            let (some, steps) = piece(numbers);
            let mut from = 0;
            for (at, count) in steps.into_iter().enumerate() {
                places.push(Place { piece: number, at, steps: from..from + count });
                from += count;
            }
            assert_eq!(from, some[OF_STEPS].num_rows());
            rows.push(some);
        }
        let pieces = Pieces::new(rows.clone());
        for (at, table) in FILLED.into_iter().enumerate() {
            let all: Vec<RecordBatch> = rows.iter().map(|rows| rows[at].clone()).collect();
            let expected = sorted(table, &all).unwrap().unwrap();
            assert!(expected.num_rows() >= 97, "{}", table.name);
            assert_eq!(pieces.gather(at, &places).unwrap(), expected, "{}", table.name);
        }
    }
}
