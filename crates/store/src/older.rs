//! Rows and logs of an older version of the schema as those of today.

use arrow::array::{RecordBatch, new_null_array};
use arrow::datatypes::Schema;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel as _;
use deltalake_core::kernel::{Action, Metadata, MetadataExt as _, StructType};

use crate::error::StoreError;
use crate::schema::{Table, VERSION};
use crate::table::SCHEMA_PROPERTY;

/// The columns of a table as its log has them, those of the partition last.
pub(crate) fn log_schema(definition: &Table) -> Result<StructType, StoreError> {
    let mut fields =
        definition.arrow().fields().iter().map(|f| f.as_ref().clone()).collect::<Vec<_>>();
    fields.extend(definition.partition());
    Ok((&Schema::new(fields)).try_into_kernel()?)
}

/// What the log is to say of a table, so that its columns are those of this version of the schema.
pub(crate) fn renewed(definition: &Table, metadata: Metadata) -> Result<Action, StoreError> {
    let renewed = metadata
        .with_schema(&log_schema(definition)?)
        .and_then(|it| it.add_config_key(SCHEMA_PROPERTY.to_owned(), VERSION.to_string()));
    let failed = StoreError::log(definition.name);
    Ok(Action::Metadata(renewed.map_err(|error| failed(error.into()))?))
}

/// Rows with all columns of this version of the schema: those that an older one did not have are null.
///
/// # Errors
/// A column that must not be null is not there, or one is of another kind.
pub(crate) fn of_today(
    definition: &Table,
    path: &str,
    batch: RecordBatch,
) -> Result<RecordBatch, StoreError> {
    let (schema, rows) = (definition.arrow(), batch.num_rows());
    if batch.schema().fields() == schema.fields() {
        return Ok(batch);
    }
    let damaged = |reason: String| StoreError::Damaged { path: path.to_owned(), reason };
    let columns =
        definition.columns.iter().map(|column| match batch.column_by_name(column.name).cloned() {
            Some(values) => Ok(values),
            None if column.is_nullable => Ok(new_null_array(&column.kind.arrow(), rows)),
            None => Err(damaged(format!("it has no column {}", column.name))),
        });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(schema, columns).map_err(|error| damaged(error.to_string()))
}
