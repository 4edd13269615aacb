//! Answers as files: for people, for other programs.

mod cells;
mod csv;
mod table;

use std::io::Write;

use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::FileWriter;
use arrow::json::WriterBuilder;
use arrow::json::writer::LineDelimited;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::{Answer, QueryError};
use csv::Csv;
use table::TextTable;

pub use cells::parquet;
pub use csv::Formulas;

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Columns of text for people; long cells are cut.
    Table,
    /// RFC 4180, with a head; lists as JSON.
    Csv,
    /// One object a line.
    Json,
    /// Parquet, with zstd.
    Parquet,
    /// Arrow's IPC file, which Feather V2 is too.
    Arrow,
}

/// Makes text harmless and cuts it after so many characters.
pub type Clean = fn(&str, usize) -> String;

/// How cells are shown.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Characters of a line of [`Format::Table`].
    pub width: usize,
    /// Makes text from measurements harmless for a terminal.
    pub clean: Clean,
    /// What [`Format::Csv`] does with cells that a spreadsheet would run.
    pub formulas: Formulas,
}

/// Writes all of an answer. Returns the number of its rows.
pub async fn write<W: Write + Send>(
    mut answer: Answer,
    (format, look): (Format, &Look),
    out: W,
) -> Result<u64, QueryError> {
    let mut sink = Sink::new(answer.schema(), (format, look), out)?;
    let mut rows = 0;
    while let Some(batch) = answer.next().await? {
        rows += batch.num_rows() as u64;
        sink.push(&batch)?;
    }
    sink.finish()?;
    Ok(rows)
}

enum Sink<W: Write + Send> {
    Table(TextTable<W>),
    Csv(Csv<W>),
    Json(arrow::json::Writer<W, LineDelimited>),
    Parquet(Box<ArrowWriter<W>>),
    Arrow(Box<FileWriter<W>>),
}

impl<W: Write + Send> Sink<W> {
    fn new(
        schema: &SchemaRef,
        (format, look): (Format, &Look),
        out: W,
    ) -> Result<Self, QueryError> {
        Ok(match format {
            Format::Table => Self::Table(TextTable::new(schema, look, out)),
            Format::Csv => Self::Csv(Csv::new(schema, look.formulas, out)?),
            Format::Json => Self::Json(WriterBuilder::new().with_explicit_nulls(true).build(out)),
            Format::Parquet => {
                let level = ZstdLevel::try_new(3).map_err(|error| parquet_error(&error))?;
                let properties =
                    WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
                let writer = ArrowWriter::try_new(out, schema.clone(), Some(properties));
                Self::Parquet(Box::new(writer.map_err(|error| parquet_error(&error))?))
            }
            Format::Arrow => Self::Arrow(Box::new(FileWriter::try_new(out, schema)?)),
        })
    }

    fn push(&mut self, batch: &arrow::array::RecordBatch) -> Result<(), QueryError> {
        match self {
            Self::Table(table) => table.push(batch),
            Self::Csv(csv) => csv.push(batch),
            Self::Json(json) => Ok(json.write(batch)?),
            Self::Parquet(parquet) => parquet.write(batch).map_err(|error| parquet_error(&error)),
            Self::Arrow(arrow) => Ok(arrow.write(batch)?),
        }
    }

    fn finish(self) -> Result<(), QueryError> {
        match self {
            Self::Table(table) => table.finish(),
            Self::Csv(csv) => csv.finish(),
            Self::Json(mut json) => {
                json.finish()?;
                Ok(json.into_inner().flush()?)
            }
            Self::Parquet(parquet) => {
                let mut out = parquet.into_inner().map_err(|error| parquet_error(&error))?;
                Ok(out.flush()?)
            }
            Self::Arrow(mut arrow) => {
                arrow.finish()?;
                Ok(arrow.into_inner()?.flush()?)
            }
        }
    }
}

fn parquet_error(error: &parquet::errors::ParquetError) -> QueryError {
    QueryError::Output(std::io::Error::other(error.to_string()))
}
