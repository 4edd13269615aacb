//! Tables of the archive on their way to a cluster.
//!
//! A query travels as a logical plan. What a table is travels as its name, its folder and its files, so that all machines read the
//! same commit without looking at the log. All machines must see the folder at the same path.

use std::any::Any;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use ballista_core::serde::BallistaLogicalExtensionCodec;
use datafusion::catalog::TableProvider;
use datafusion::common::{Result, TableReference, plan_datafusion_err};
use datafusion::datasource::file_format::FileFormatFactory;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Extension, LogicalPlan};
use datafusion_proto::logical_plan::LogicalExtensionCodec;
use url::Url;

use super::provider::Files;
use crate::schema::table;
use crate::table::{DataFile, Partition};

/// Ballista's own codec, and our tables.
#[derive(Debug, Default)]
pub(crate) struct ArchiveCodec {
    ballista: BallistaLogicalExtensionCodec,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Sent {
    table: String,
    folder: Url,
    files: Vec<SentFile>,
}

/// Path, country, day, rows, bytes.
type SentFile = (String, String, String, u64, u64);

impl LogicalExtensionCodec for ArchiveCodec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[LogicalPlan],
        ctx: &TaskContext,
    ) -> Result<Extension> {
        self.ballista.try_decode(buf, inputs, ctx)
    }

    fn try_encode(&self, node: &Extension, buf: &mut Vec<u8>) -> Result<()> {
        self.ballista.try_encode(node, buf)
    }

    fn try_decode_table_provider(
        &self,
        buf: &[u8],
        _: &TableReference,
        _: SchemaRef,
        _: &TaskContext,
    ) -> Result<Arc<dyn TableProvider>> {
        decode(buf).map(|files| Arc::new(files) as Arc<dyn TableProvider>)
    }

    fn try_encode_table_provider(
        &self,
        name: &TableReference,
        node: Arc<dyn TableProvider>,
        buf: &mut Vec<u8>,
    ) -> Result<()> {
        let provider: &dyn Any = node.as_ref();
        let files = provider.downcast_ref::<Files>();
        let files = files.ok_or_else(|| plan_datafusion_err!("{name}: no table of the archive"))?;
        encode(files, buf)
    }

    fn try_decode_file_format(
        &self,
        buf: &[u8],
        ctx: &TaskContext,
    ) -> Result<Arc<dyn FileFormatFactory>> {
        self.ballista.try_decode_file_format(buf, ctx)
    }

    fn try_encode_file_format(
        &self,
        buf: &mut Vec<u8>,
        node: Arc<dyn FileFormatFactory>,
    ) -> Result<()> {
        self.ballista.try_encode_file_format(buf, node)
    }
}

fn encode(files: &Files, buf: &mut Vec<u8>) -> Result<()> {
    let file = |file: &DataFile| {
        let Partition { country, day } = file.partition.clone();
        (file.path.clone(), country, day, file.rows, file.bytes)
    };
    let sent = Sent {
        table: files.definition().name.to_owned(),
        folder: files.folder().clone(),
        files: files.files().iter().map(file).collect(),
    };
    serde_json::to_writer(buf, &sent).map_err(|error| plan_datafusion_err!("{error}"))
}

fn decode(buf: &[u8]) -> Result<Files> {
    let sent: Sent =
        serde_json::from_slice(buf).map_err(|error| plan_datafusion_err!("{error}"))?;
    let definition = table(&sent.table)
        .ok_or_else(|| plan_datafusion_err!("{}: no such table here", sent.table))?;
    let file = |(path, country, day, rows, bytes): SentFile| DataFile {
        path,
        partition: Partition { country, day },
        rows,
        bytes,
    };
    let files = sent.files.into_iter().map(file).collect();
    Ok(Files::new(definition, sent.folder, files))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::VERDICT;

    #[test]
    fn a_table_comes_back() {
        let partition = Partition { country: "PK".to_owned(), day: "2025-11-23".to_owned() };
        let path = "country=PK/day=2025-11-23/a.parquet".to_owned();
        let file = DataFile { path, partition, rows: 3, bytes: 400 };
        let folder = Url::parse("file:///srv/archive/verdict/").unwrap();
        let mut bytes = Vec::new();
        encode(&Files::new(&VERDICT, folder.clone(), vec![file.clone()]), &mut bytes).unwrap();
        let back = decode(&bytes).unwrap();
        assert_eq!((back.definition().name, back.folder()), ("verdict", &folder));
        assert_eq!(back.files(), [file]);
        assert!(decode(b"{}").is_err());
    }
}
