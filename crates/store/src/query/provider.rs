//! One table of the archive for DataFusion: exactly the files of one version, with what the log knows of them.
//!
//! Which files a query needs is decided before any is opened: by `country` and `day`, and by `measured_at`, which lies on the
//! day of the file's folder.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNode as _;
use datafusion::common::{DFSchema, Result, ScalarValue, Statistics, plan_datafusion_err};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::listing::helpers::expr_applicable_for_cols;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfigBuilder, FileSource, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::expressions::Column;
use object_store::path::Path;
use url::Url;

use super::prune::{kept, partition_values};
use super::texts::as_views;
use crate::schema::{PARTITION, Table};
use crate::table::{DataFile, LogTable};

/// Long texts: where one is asked for, rows are filtered before it is read.
const LONG_COLUMNS: [&str; 3] = ["document", "evidence", "detail"];

/// The files of one table.
#[derive(Debug)]
pub(crate) struct Files {
    definition: &'static Table,
    folder: Url,
    schema: TableSchema,
    files: Vec<DataFile>,
}

impl Files {
    /// The files of a table at its version.
    pub(crate) fn of(table: &LogTable) -> Result<Self> {
        let files = table.files().map_err(|error| plan_datafusion_err!("{error}"))?;
        Ok(Self::new(table.definition(), table.url().clone(), files))
    }

    /// These files of a table.
    pub(crate) fn new(definition: &'static Table, folder: Url, files: Vec<DataFile>) -> Self {
        let partition: Vec<FieldRef> = definition.partition().into_iter().map(Arc::new).collect();
        let schema = TableSchema::builder(as_views(&definition.arrow()))
            .with_table_partition_cols(partition)
            .build();
        Self { definition, folder, schema, files }
    }

    /// Which table it is.
    pub(crate) fn definition(&self) -> &'static Table {
        self.definition
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Url {
        &self.folder
    }

    /// Its files.
    pub(crate) fn files(&self) -> &[DataFile] {
        &self.files
    }

    fn is_of_partition(&self, filter: &Expr) -> bool {
        self.definition.is_partitioned && is_decided_by_partition(filter)
    }

    fn groups(&self, files: &[&DataFile], partitions: usize) -> Result<Vec<FileGroup>> {
        let folder = Path::from_url_path(self.folder.path())
            .map_err(|error| plan_datafusion_err!("{}: {error}", self.folder))?;
        let each = files.iter().map(|file| self.partitioned(&folder, file));
        Ok(FileGroup::new(each.collect::<Result<Vec<_>>>()?).split_files(partitions))
    }

    fn partitioned(&self, folder: &Path, file: &DataFile) -> Result<PartitionedFile> {
        let within = Path::from(file.path.as_str());
        let path: Path = folder.parts().chain(within.parts()).collect();
        let mut entry = PartitionedFile::new(String::new(), file.bytes);
        entry.object_meta.location = path;
        if self.definition.is_partitioned {
            entry = entry.with_partition_values(partition_values(&file.partition)?);
        }
        let statistics = Statistics {
            num_rows: rows(file),
            ..Statistics::new_unknown(self.schema.file_schema())
        };
        Ok(entry.with_statistics(Arc::new(statistics)))
    }

    /// How the rows of each file are sorted, where each group is one file of our own making.
    fn ordering(&self, files: &[&DataFile], partitions: usize) -> Vec<LexOrdering> {
        if files.len() > partitions || !files.iter().all(|file| is_ours(file)) {
            return Vec::new();
        }
        let by = self.definition.sorted_by.iter().filter_map(|name| {
            let column = Column::new(name, self.definition.index(name)?);
            Some(PhysicalSortExpr::new_default(Arc::new(column)))
        });
        LexOrdering::new(by).into_iter().collect()
    }

    fn statistics_of(&self, files: &[&DataFile]) -> Statistics {
        let sum = |a: Precision<usize>, b: &&DataFile| a.add(&rows(b));
        Statistics {
            num_rows: files.iter().fold(Precision::Exact(0), sum),
            total_byte_size: Precision::Inexact(files.iter().map(|f| f.bytes as usize).sum()),
            ..Statistics::new_unknown(self.schema.table_schema())
        }
    }
}

#[async_trait::async_trait]
impl TableProvider for Files {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.schema.table_schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let how = |filter: &&Expr| match self.is_of_partition(filter) {
            true => TableProviderFilterPushDown::Exact,
            false => TableProviderFilterPushDown::Inexact,
        };
        Ok(filters.iter().map(how).collect())
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(self.statistics_of(&self.files.iter().collect::<Vec<_>>()))
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = DFSchema::try_from(self.schema())?;
        let (exact, other): (Vec<&Expr>, Vec<&Expr>) =
            filters.iter().partition(|filter| self.is_of_partition(filter));
        let physical = |filters: Vec<&Expr>| {
            let make = |filter: &&Expr| state.create_physical_expr((*filter).clone(), &schema);
            filters.iter().filter(|filter| is_plain(filter)).map(make).collect::<Result<Vec<_>>>()
        };
        let files = kept(self.definition, &self.files, (&physical(exact)?, &physical(other)?))?;
        if files.is_empty() {
            let schema = datafusion::physical_plan::project_schema(&self.schema(), projection)?;
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let partitions = state.config().target_partitions().max(1);
        let long =
            |at: &usize| LONG_COLUMNS.iter().any(|name| self.definition.index(name) == Some(*at));
        let is_long = projection.is_none_or(|projection| projection.iter().any(long));
        let source = ParquetSource::new(self.schema.clone())
            .with_table_parquet_options(state.table_options().parquet.clone())
            .with_pushdown_filters(is_long);
        let config = FileScanConfigBuilder::new(
            store_of(&self.folder)?,
            Arc::new(source) as Arc<dyn FileSource>,
        )
        .with_file_groups(self.groups(&files, partitions)?)
        .with_statistics(self.statistics_of(&files))
        .with_output_ordering(self.ordering(&files, partitions))
        .with_projection_indices(projection.cloned())?
        // A limit holds after the filters, and only what the folders decide is filtered here.
        .with_limit(limit.filter(|_| filters.iter().all(|f| self.is_of_partition(f))))
        .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

/// The store that serves a folder.
fn store_of(folder: &Url) -> Result<ObjectStoreUrl> {
    match folder.scheme() {
        "file" => Ok(ObjectStoreUrl::local_filesystem()),
        _ => ObjectStoreUrl::parse(&folder[..url::Position::BeforePath]),
    }
}

/// Whether the folders alone decide a filter.
fn is_decided_by_partition(filter: &Expr) -> bool {
    is_plain(filter) && expr_applicable_for_cols(&PARTITION, filter)
}

/// Whether a filter needs nothing but the row.
fn is_plain(filter: &Expr) -> bool {
    let needs_more = filter.exists(|part| {
        Ok(matches!(
            part,
            Expr::ScalarSubquery(_)
                | Expr::InSubquery(_)
                | Expr::Exists(_)
                | Expr::SetComparison(_)
                | Expr::OuterReferenceColumn(_, _)
                | Expr::Placeholder(_)
                | Expr::ScalarVariable(_, _)
        ))
    });
    !needs_more.unwrap_or(true)
}

/// Rows of a file. Some programs that rewrite Delta tables do not count them; ours never writes an empty file.
fn rows(file: &DataFile) -> Precision<usize> {
    match usize::try_from(file.rows) {
        Ok(0) | Err(_) => Precision::Absent,
        Ok(rows) => Precision::Exact(rows),
    }
}

/// Whether we wrote it: its name is the SHA-256 of its bytes. Only then its rows are surely sorted.
fn is_ours(file: &DataFile) -> bool {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    let stem = name.strip_suffix(".parquet").unwrap_or_default();
    stem.len() == 64 && stem.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The day of a folder.
pub(crate) fn day_value(day: &str) -> Result<ScalarValue> {
    ScalarValue::try_from_string(day.to_owned(), &DataType::Date32)
}
