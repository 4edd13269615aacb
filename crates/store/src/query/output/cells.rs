//! Tables that are in memory, as Parquet.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use serde_json::Value;

use super::{Format, Formulas, Look, Sink};
use crate::query::QueryError;

/// Columns by name and rows of as many cells, as Parquet with zstd. A column holds 64-bit integers, floats or truth values where all
/// of its cells do, and text otherwise (lists and objects as JSON); any cell may be null.
///
/// # Errors
/// A row has another number of cells, or two columns have one name.
pub fn parquet(names: &[&str], rows: &[Vec<Value>]) -> Result<Vec<u8>, QueryError> {
    let bad = |words: String| QueryError::Output(std::io::Error::other(words));
    if let Some(row) = rows.iter().position(|row| row.len() != names.len()) {
        return Err(bad(format!("row {row} has not one cell for each column")));
    }
    let column = |(at, name): (usize, &&str)| {
        let cells: Vec<&Value> = rows.iter().filter_map(|row| row.get(at)).collect();
        let (kind, array) = column(&cells);
        (Field::new(*name, kind, true), array)
    };
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) =
        names.iter().enumerate().map(column).unzip();
    let schema = Arc::new(Schema::new(fields));
    let look = Look { width: 0, clean: |text, _| text.to_owned(), formulas: Formulas::Kept };
    let mut bytes = Vec::new();
    let mut sink = Sink::new(&schema, (Format::Parquet, &look), &mut bytes)?;
    sink.push(&RecordBatch::try_new(schema, arrays)?)?;
    sink.finish()?;
    Ok(bytes)
}

fn column(cells: &[&Value]) -> (DataType, ArrayRef) {
    let all = |holds: fn(&Value) -> bool| {
        let mut known = cells.iter().filter(|it| !it.is_null()).peekable();
        known.peek().is_some() && known.all(|it| holds(it))
    };
    if all(Value::is_i64) {
        let cells = cells.iter().map(|it| it.as_i64());
        return (DataType::Int64, Arc::new(Int64Array::from_iter(cells)));
    }
    if all(Value::is_number) {
        let cells = cells.iter().map(|it| it.as_f64());
        return (DataType::Float64, Arc::new(Float64Array::from_iter(cells)));
    }
    if all(Value::is_boolean) {
        let cells = cells.iter().map(|it| it.as_bool());
        return (DataType::Boolean, Arc::new(BooleanArray::from_iter(cells)));
    }
    let text = |cell: &&Value| match cell {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    (DataType::Utf8, Arc::new(StringArray::from_iter(cells.iter().map(text))))
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray as _;
    use arrow::datatypes::Int64Type;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
    use serde_json::json;

    use super::*;

    #[test]
    fn cells_keep_their_kinds_and_what_is_not_known() {
        let rows = [vec![json!(1), json!("=a"), json!(0.5)], vec![json!(null), json!(7), json!(2)]];
        let bytes = parquet(&["a", "b", "c"], &rows).unwrap();
        let mut read = ParquetRecordBatchReader::try_new(bytes::Bytes::from(bytes), 10).unwrap();
        let batch = read.next().unwrap().unwrap();
        let whole = batch.column(0).as_primitive::<Int64Type>();
        assert_eq!(whole.iter().collect::<Vec<_>>(), [Some(1), None]);
        let text = batch.column(1).as_string::<i32>();
        assert_eq!(text.iter().collect::<Vec<_>>(), [Some("=a"), Some("7")]);
        assert_eq!(batch.schema().field(2).data_type(), &DataType::Float64);
        assert!(parquet(&["a"], &rows).is_err());
        let empty = parquet(&["a"], &[]).unwrap();
        assert_eq!(
            ParquetRecordBatchReader::try_new(bytes::Bytes::from(empty), 10).unwrap().count(),
            0
        );
    }
}
