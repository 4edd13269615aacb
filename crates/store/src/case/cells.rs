//! Rows of an answer as plain values. A null is an empty text, a zero, or none where that is asked for.

use arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};

use crate::query::QueryError;

/// A row.
pub(super) struct Row<'a> {
    columns: &'a [ArrayRef],
    at: usize,
}

/// Something of each row.
pub(super) fn rows<T>(
    batch: &RecordBatch,
    of: impl Fn(&Row<'_>) -> T,
) -> Result<Vec<T>, QueryError> {
    let columns: Vec<ArrayRef> = batch.columns().iter().map(plain).collect::<Result<_, _>>()?;
    Ok((0..batch.num_rows()).map(|at| of(&Row { columns: &columns, at })).collect())
}

impl Row<'_> {
    /// A whole number that is not negative.
    pub(super) fn number(&self, column: usize) -> u64 {
        self.optional(column).and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
    }

    /// A whole number; of a date, its days since 1970.
    pub(super) fn signed(&self, column: usize) -> i64 {
        self.optional(column).unwrap_or(0)
    }

    /// The same; none where it is null.
    pub(super) fn optional(&self, column: usize) -> Option<i64> {
        let column = self.columns.get(column)?.as_primitive_opt::<Int64Type>()?;
        column.is_valid(self.at).then(|| column.value(self.at))
    }

    /// A network's number.
    pub(super) fn asn(&self, column: usize) -> Option<u32> {
        self.optional(column).and_then(|number| u32::try_from(number).ok())
    }

    /// A text.
    pub(super) fn text(&self, column: usize) -> String {
        let column = self.columns.get(column).and_then(|it| it.as_string_opt::<i32>());
        let value = column.filter(|it| it.is_valid(self.at)).map(|it| it.value(self.at));
        value.unwrap_or_default().to_owned()
    }

    /// A list of texts.
    pub(super) fn texts(&self, column: usize) -> Vec<String> {
        let Some(list) = self.list(column) else { return Vec::new() };
        let Ok(list) = cast(&list, &DataType::Utf8) else { return Vec::new() };
        let texts = list.as_string_opt::<i32>().into_iter().flatten();
        texts.map(|text| text.unwrap_or_default().to_owned()).collect()
    }

    /// A list of networks.
    pub(super) fn asns(&self, column: usize) -> Vec<u32> {
        let Some(list) = self.list(column) else { return Vec::new() };
        let numbers = list.as_primitive_opt::<Int64Type>().into_iter().flatten();
        numbers.flatten().filter_map(|number| u32::try_from(number).ok()).collect()
    }

    fn list(&self, column: usize) -> Option<ArrayRef> {
        let column = self.columns.get(column)?.as_list_opt::<i32>()?;
        column.is_valid(self.at).then(|| column.value(self.at))
    }
}

/// The column as texts, as whole numbers, or as it is where it is a list.
fn plain(column: &ArrayRef) -> Result<ArrayRef, QueryError> {
    use DataType::{Date32, Dictionary, LargeUtf8, List, Utf8, Utf8View};
    Ok(match column.data_type() {
        List(_) => column.clone(),
        Utf8 | Utf8View | LargeUtf8 | Dictionary(..) => cast(column, &Utf8)?,
        Date32 => cast(&cast(column, &DataType::Int32)?, &DataType::Int64)?,
        _ => cast(column, &DataType::Int64)?,
    })
}
