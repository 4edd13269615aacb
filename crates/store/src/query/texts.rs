//! Texts while a query runs, and in its answer.
//!
//! Inside, texts are views (Arrow's `Utf8View`): short ones lie in the column itself, long ones stay where they were read, so
//! that grouping and comparing copies little. Answers have plain `Utf8`, which every program reads.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;

/// The same columns, with texts as views.
pub(super) fn as_views(schema: &SchemaRef) -> SchemaRef {
    retyped(schema, (&DataType::Utf8, DataType::Utf8View))
}

/// The same columns, with texts as everybody reads them.
pub(super) fn as_plain(schema: &SchemaRef) -> SchemaRef {
    retyped(schema, (&DataType::Utf8View, DataType::Utf8))
}

/// Rows in a schema of [`as_plain`].
pub(super) fn plain(rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = rows.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| cast(column, field.data_type()));
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    RecordBatch::try_new_with_options(
        Arc::clone(schema),
        columns.collect::<Result<_, _>>()?,
        &options,
    )
}

fn retyped(schema: &SchemaRef, (from, to): (&DataType, DataType)) -> SchemaRef {
    let field = |field: &FieldRef| match field.data_type() == from {
        true => Arc::new(Field::clone(field).with_data_type(to.clone())),
        false => Arc::clone(field),
    };
    let fields = schema.fields().iter().map(field).collect::<Vec<_>>();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}
