//! The judge as a function of SQL: `judged(measurement_id, document, source, origin, judge)`.
//!
//! Executors judge, each with files of its own; the last argument names the judge that is asked for, and an executor that has
//! another one refuses. Who plans only needs to know what the function gives: the rows of [`MADE`] for each measurement.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BooleanArray, ListArray, RecordBatch, StringArray,
    StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};
use wirewitness_model::ooni::Measurement;

use crate::error::StoreError;
use crate::ingest::Judging;
use crate::ingest::columns::Rows;
use crate::ingest::record::{Id, Tables, Taking};
use crate::schema::{MEASUREMENT, OBSERVATION, Table, VERDICT};

/// The tables whose rows a judge makes, in the order of their rows here.
pub(crate) const MADE: [&Table; 2] = [&OBSERVATION, &VERDICT];

/// Origins whose documents the judge reads; others bring their verdicts with them.
pub(crate) const JUDGED: [&str; 2] = ["ooni", "wirewitness"];

/// The function; it judges where there is a judge.
pub(crate) fn judged(judging: Option<Arc<Judging>>) -> ScalarUDF {
    let work = move |given: &[ColumnarValue]| {
        let arrays = ColumnarValue::values_to_arrays(given)?;
        let [ids, documents, sources, origins, judge] = arrays.as_slice() else {
            return exec_err!("judged takes five arguments");
        };
        let [ids, documents, sources, origins, judge] =
            [ids, documents, sources, origins, judge].map(|texts| texts.as_string::<i32>());
        let judging = the_same(judging.as_deref(), judge)?;
        let rows = (ids, documents, sources, origins);
        Ok(ColumnarValue::Array(
            make(rows, judging).map_err(|error| exec_datafusion_err!("{error}"))?,
        ))
    };
    create_udf("judged", vec![DataType::Utf8; 5], gives(), Volatility::Immutable, Arc::new(work))
}

/// The judge of this machine, where it is the one that is asked for.
fn the_same<'j>(judging: Option<&'j Judging>, asked: &StringArray) -> Result<&'j Judging> {
    let Some(judging) = judging else {
        return exec_err!("this machine has no judge: judging is the work of executors");
    };
    match asked.iter().flatten().find(|asked| *asked != judging.name()) {
        None => Ok(judging),
        Some(asked) => {
            let own = judging.name();
            exec_err!(
                "an executor judges with {own}, and {asked} was asked for: it needs the same --fingerprints, --asn and program"
            )
        }
    }
}

/// Whether a measurement was judged (null: it is of another origin), and its rows in each table.
fn gives() -> DataType {
    DataType::Struct(fields())
}

fn fields() -> Fields {
    let read = Field::new("read", DataType::Boolean, true);
    let lists = MADE.map(|table| Field::new(table.name, DataType::List(element(table)), false));
    std::iter::once(read).chain(lists).collect()
}

fn element(table: &Table) -> FieldRef {
    let row = DataType::Struct(table.arrow().fields().clone());
    Arc::new(Field::new("element", row, false))
}

type Given<'g> = (&'g StringArray, &'g StringArray, &'g StringArray, &'g StringArray);

fn make(
    (ids, documents, sources, origins): Given<'_>,
    judging: &Judging,
) -> Result<ArrayRef, StoreError> {
    let context = judging.context();
    let mut tables = Tables::new();
    let mut read: Vec<Option<bool>> = Vec::with_capacity(ids.len());
    let mut lengths: [Vec<usize>; 2] = Default::default();
    for row in 0..ids.len() {
        let before = [tables.observation.len(), tables.verdict.len()];
        read.push(JUDGED.contains(&origins.value(row)).then(|| {
            let taking = Taking {
                source: sources.value(row),
                judged_with: judging.name(),
                context: &context,
            };
            take(&mut tables, (ids.value(row), documents.value(row)), &taking)
        }));
        let after = [tables.observation.len(), tables.verdict.len()];
        for ((lengths, before), after) in lengths.iter_mut().zip(before).zip(after) {
            lengths.push(after - before);
        }
        // Not asked for, and as large as the documents.
        tables.measurement = Rows::of(&MEASUREMENT);
        tables.heads.clear();
    }
    let made = [tables.observation.finish()?, tables.verdict.finish()?];
    let mut columns: Vec<ArrayRef> = vec![Arc::new(BooleanArray::from(read))];
    for ((table, rows), lengths) in MADE.into_iter().zip(made).zip(lengths) {
        let rows: ArrayRef = Arc::new(StructArray::from(rows));
        let offsets = OffsetBuffer::from_lengths(lengths);
        columns.push(Arc::new(ListArray::try_new(element(table), offsets, rows, None)?));
    }
    Ok(Arc::new(StructArray::try_new(fields(), columns, None)?))
}

/// Makes the rows of a measurement. False where it cannot be read any more: it has none then.
pub(crate) fn take(tables: &mut Tables, (id, document): (&str, &str), with: &Taking<'_>) -> bool {
    let number = u128::from_str_radix(id, 16).map(u128::to_be_bytes);
    let read: Option<(Id, Measurement<'_>)> =
        number.ok().zip(Measurement::from_json(document).ok());
    read.is_some_and(|(id, measurement)| tables.take(id, (document, &measurement), with).is_ok())
}

/// What the function gave for some measurements: whether each was judged, and the rows of each table.
pub(crate) fn rows_of(given: &ArrayRef) -> Result<(BooleanArray, [RecordBatch; 2]), StoreError> {
    let wrong = || StoreError::Damaged {
        path: "judged".to_owned(),
        reason: "an executor sent other columns".to_owned(),
    };
    let given = given.as_struct_opt().ok_or_else(wrong)?;
    let [read, observation, verdict] = given.columns() else { return Err(wrong()) };
    let rows = |list: &ArrayRef, table: &Table| {
        let list = list.as_list_opt::<i32>().ok_or_else(wrong)?;
        let ends = list.value_offsets();
        let (from, to) = (ends.first().copied(), ends.last().copied());
        let (Some(from), Some(to)) = (from, to) else { return Err(wrong()) };
        let rows = list.values().slice(from as usize, (to - from) as usize);
        let rows = rows.as_struct_opt().ok_or_else(wrong)?;
        Ok(RecordBatch::try_new(table.arrow(), rows.columns().to_vec())?)
    };
    let read = read.as_boolean_opt().ok_or_else(wrong)?.clone();
    Ok((read, [rows(observation, &OBSERVATION)?, rows(verdict, &VERDICT)?]))
}

#[cfg(test)]
mod tests {
    use wirewitness_analysis::fingerprints::Fingerprints;
    use wirewitness_analysis::judge::address::NoTable;

    use super::*;

    fn judging() -> Judging {
        let (fingerprints, _) = Fingerprints::compile(Fingerprints::shipped_rows());
        Judging::new((fingerprints, &[]), (Box::new(NoTable), &[]))
    }

    #[test]
    fn another_judge_is_refused_by_name() {
        let judging = judging();
        let own = StringArray::from(vec![judging.name(); 2]);
        assert!(the_same(Some(&judging), &own).is_ok());
        let other = StringArray::from(vec!["0123456789abcdef"]);
        let said = the_same(Some(&judging), &other).unwrap_err().to_string();
        assert!(said.contains(judging.name()) && said.contains("0123456789abcdef"), "{said}");
        assert!(the_same(None, &own).is_err());
    }

    #[test]
    fn rows_come_back_with_their_measurements() {
        let texts = |texts: [&str; 3]| StringArray::from(texts.to_vec());
        let document = r#"{"test_name":"web_connectivity","probe_cc":"PK","probe_asn":"AS64500","measurement_start_time":"2025-11-01 00:00:00","input":"https://one.example/","test_keys":{"queries":[{"engine":"getaddrinfo","failure":"dns_nxdomain_error","hostname":"one.example","query_type":"A","answers":null}]}}"#;
        let id = "0".repeat(31) + "7";
        let made = make(
            (
                &texts([&id, &id, &id]),
                &texts(["{}", document, "no JSON"]),
                &texts(["a", "a", "a"]),
                &texts(["afar", "ooni", "ooni"]),
            ),
            &judging(),
        )
        .unwrap();
        let (read, [observations, verdicts]) = rows_of(&made).unwrap();
        assert_eq!(read.iter().collect::<Vec<_>>(), [None, Some(true), Some(false)]);
        assert_eq!((observations.num_rows(), verdicts.num_rows()), (1, 1));
        let (_, [_, none]) = rows_of(&made.slice(2, 1)).unwrap();
        assert_eq!(none.num_rows(), 0);
        let (_, [_, one]) = rows_of(&made.slice(1, 2)).unwrap();
        assert_eq!(one, verdicts);
    }
}
