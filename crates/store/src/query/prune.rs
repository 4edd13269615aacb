//! Which files a query needs, from the names of their folders.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, BooleanArray, RecordBatch};
use arrow::datatypes::{DataType, Schema};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::utils::{conjunction, reassign_expr_columns};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;

use super::provider::day_value;
use super::texts::as_views;
use crate::schema::{PARTITION, Table};
use crate::table::{DataFile, Partition};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// Filters as DataFusion evaluates them.
type Filters = [Arc<dyn PhysicalExpr>];

/// The values of a file's folders, in the order of [`PARTITION`].
pub(super) fn partition_values(partition: &Partition) -> Result<Vec<ScalarValue>> {
    Ok(vec![ScalarValue::Utf8(Some(partition.country.clone())), day_value(&partition.day)?])
}

/// The files that may have rows of an answer: `exact` filters are decided here, `other` ones only rule files out.
pub(super) fn kept<'f>(
    table: &Table,
    files: &'f [DataFile],
    (exact, other): (&Filters, &Filters),
) -> Result<Vec<&'f DataFile>> {
    let all: Vec<&DataFile> = files.iter().collect();
    if !table.is_partitioned || all.is_empty() {
        return Ok(all);
    }
    let folders = Folders::of(files)?;
    let mut keep = vec![true; all.len()];
    let schema = Arc::new(Schema::new(table.partition()));
    let rows = RecordBatch::try_new(
        Arc::clone(&schema),
        vec![Arc::clone(&folders.countries), Arc::clone(&folders.days)],
    )?;
    for filter in exact {
        let filter = reassign_expr_columns(Arc::clone(filter), &schema)?;
        let values = filter.evaluate(&rows)?.into_array(rows.num_rows())?;
        // Null is no.
        let values = values.as_boolean();
        keep.iter_mut().zip(values).for_each(|(keep, value)| *keep &= value == Some(true));
    }
    if !other.is_empty() {
        let mut fields: Vec<_> = as_views(&table.arrow()).fields().iter().cloned().collect();
        fields.extend(table.partition().into_iter().map(Arc::new));
        let predicate = conjunction(other.iter().cloned());
        let pruning = PruningPredicateBuilder::new()
            .with_file_schema(Arc::new(Schema::new(fields)))
            .try_build(predicate)?;
        let may = pruning.prune(&folders)?;
        keep.iter_mut().zip(may).for_each(|(keep, may)| *keep &= may);
    }
    Ok(all.into_iter().zip(keep).filter(|(_, keep)| *keep).map(|(file, _)| file).collect())
}

/// What the folders say of each file.
struct Folders {
    countries: ArrayRef,
    days: ArrayRef,
    /// Beginning of the day, and its last microsecond.
    from: ArrayRef,
    to: ArrayRef,
}

impl Folders {
    fn of(files: &[DataFile]) -> Result<Self> {
        let mut columns: [Vec<ScalarValue>; 4] = Default::default();
        for file in files {
            let day = day_value(&file.partition.day)?;
            let start = match day.cast_to(&DataType::Int32)?.cast_to(&DataType::Int64)? {
                ScalarValue::Int64(day) => day.and_then(|day| day.checked_mul(DAY)),
                _ => None,
            };
            let time = |at| ScalarValue::TimestampMicrosecond(at, Some("UTC".into()));
            let country = ScalarValue::Utf8(Some(file.partition.country.clone()));
            let end = start.map(|start| start.saturating_add(DAY - 1));
            let row = [country, day, time(start), time(end)];
            columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
        }
        let [countries, days, from, to] = columns.map(ScalarValue::iter_to_array);
        Ok(Self { countries: countries?, days: days?, from: from?, to: to? })
    }
}

impl PruningStatistics for Folders {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        let [country, day] = PARTITION;
        match column.name.as_str() {
            name if name == country => Some(Arc::clone(&self.countries)),
            name if name == day => Some(Arc::clone(&self.days)),
            "measured_at" => Some(Arc::clone(&self.from)),
            _ => None,
        }
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        match column.name.as_str() {
            "measured_at" => Some(Arc::clone(&self.to)),
            _ => self.min_values(column),
        }
    }

    fn num_containers(&self) -> usize {
        self.days.len()
    }

    fn null_counts(&self, _: &Column) -> Option<ArrayRef> {
        None
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        None
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
