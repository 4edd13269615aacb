//! Comma-separated values (RFC 4180).

use std::io::Write;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::query::QueryError;

/// What is done with texts that a spreadsheet would run as a formula: those that begin with `=`, `+`, `-`, `@`, a tab or a carriage
/// return (OWASP, "CSV Injection"). Names of sites and pages are chosen by others, so such texts come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Formulas {
    /// An apostrophe is put in front: a spreadsheet shows the text, another program sees one character more.
    #[default]
    Disarmed,
    /// They stay as they are.
    Kept,
}

pub(super) struct Csv<W> {
    formulas: Formulas,
    is_text: Vec<bool>,
    out: W,
}

impl<W: Write> Csv<W> {
    pub(super) fn new(schema: &SchemaRef, formulas: Formulas, out: W) -> Result<Self, QueryError> {
        let is_text = schema.fields().iter().map(|field| is_text(field.data_type())).collect();
        let mut csv = Self { formulas, is_text, out };
        let mut line = String::new();
        for (at, field) in schema.fields().iter().enumerate() {
            // The name of a column is the query's own text: `SELECT '=1+1'` is one.
            csv.cell(&mut line, at, (field.name(), true));
        }
        csv.end(line)?;
        Ok(csv)
    }

    pub(super) fn push(&mut self, batch: &RecordBatch) -> Result<(), QueryError> {
        let cells = Cells::of(batch)?;
        for row in 0..batch.num_rows() {
            let mut line = String::new();
            for (at, is_text) in self.is_text.iter().enumerate() {
                let text = cells.text(at, row)?.unwrap_or_default();
                self.cell(&mut line, at, (&text, *is_text));
            }
            self.end(line)?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), QueryError> {
        Ok(self.out.flush()?)
    }

    fn cell(&self, line: &mut String, at: usize, (text, is_text): (&str, bool)) {
        if at > 0 {
            line.push(',');
        }
        let starts = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let mark = if is_text && starts && self.formulas == Formulas::Disarmed { "'" } else { "" };
        if text.contains(['"', ',', '\n', '\r']) {
            line.push('"');
            line.push_str(mark);
            line.push_str(&text.replace('"', "\"\""));
            line.push('"');
        } else {
            line.push_str(mark);
            line.push_str(text);
        }
    }

    fn end(&mut self, mut line: String) -> Result<(), QueryError> {
        line.push_str("\r\n");
        Ok(self.out.write_all(line.as_bytes())?)
    }
}

fn is_text(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..)
    )
}

/// The cells of some rows as text.
pub(super) struct Cells<'b> {
    columns: Vec<(&'b dyn Array, Column<'b>)>,
}

enum Column<'b> {
    Plain(ArrayFormatter<'b>),
    /// Lists and what is made of several: as JSON, one text a row.
    Json(Vec<String>),
}

impl<'b> Cells<'b> {
    pub(super) fn of(batch: &'b RecordBatch) -> Result<Self, QueryError> {
        let options = FORMAT;
        let column =
            |(column, field): (&'b arrow::array::ArrayRef, &arrow::datatypes::FieldRef)| {
                let shown = match column.data_type().is_nested() {
                    true => Column::Json(json(column, field)?),
                    false => Column::Plain(ArrayFormatter::try_new(column.as_ref(), &options)?),
                };
                Ok::<_, QueryError>((column.as_ref(), shown))
            };
        let fields = batch.schema_ref().fields();
        let columns = batch.columns().iter().zip(fields).map(column).collect::<Result<_, _>>()?;
        Ok(Self { columns })
    }

    /// The text of a cell; none for null.
    pub(super) fn text(&self, column: usize, row: usize) -> Result<Option<String>, QueryError> {
        let Some((array, shown)) = self.columns.get(column) else { return Ok(None) };
        if array.is_null(row) {
            return Ok(None);
        }
        Ok(match shown {
            Column::Plain(formatter) => Some(formatter.value(row).try_to_string()?),
            Column::Json(texts) => texts.get(row).cloned(),
        })
    }
}

const FORMAT: FormatOptions<'static> = FormatOptions::new().with_display_error(false);

fn json(
    column: &arrow::array::ArrayRef,
    field: &arrow::datatypes::FieldRef,
) -> Result<Vec<String>, QueryError> {
    let schema = arrow::datatypes::Schema::new(vec![field.as_ref().clone().with_name("v")]);
    let batch = RecordBatch::try_new(schema.into(), vec![column.clone()])?;
    let mut writer = arrow::json::WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, arrow::json::writer::LineDelimited>(Vec::new());
    writer.write(&batch)?;
    writer.finish()?;
    let text = String::from_utf8_lossy(&writer.into_inner()).into_owned();
    // Each line is `{"v":..}`.
    let inner = |line: &str| line.strip_prefix("{\"v\":")?.strip_suffix('}').map(str::to_owned);
    Ok(text.lines().map(|line| inner(line).unwrap_or_default()).collect())
}
