//! One number for all rows of an archive: the same for the same rows, in whatever files and order they are.

use std::fmt;

use arrow::array::RecordBatch;
use arrow::row::{RowConverter, SortField};
use aws_lc_rs::digest;

use crate::archive::Archive;
use crate::error::StoreError;
use crate::table::{LogTable, Partition};

/// The sum of the rows' hashes: two numbers of 128 bits, each of its own half of the SHA-256.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct ContentHash {
    sums: [u128; 2],
    /// Rows that were added.
    pub rows: u64,
}

/// Of all rows of all tables at a commit. Files are read one by one.
pub async fn content_hash(archive: &Archive) -> Result<ContentHash, StoreError> {
    let mut hash = ContentHash::default();
    for table in archive.tables() {
        hash.add_table(table).await?;
    }
    Ok(hash)
}

impl ContentHash {
    async fn add_table(&mut self, table: &LogTable) -> Result<(), StoreError> {
        for file in table.files()? {
            for batch in table.read(&file).await? {
                self.add(table.definition().name, &file.partition, &batch)?;
            }
        }
        Ok(())
    }

    /// Adds rows of a table.
    pub(super) fn add(
        &mut self,
        table: &str,
        partition: &Partition,
        batch: &RecordBatch,
    ) -> Result<(), StoreError> {
        let schema = batch.schema();
        let fields = schema.fields().iter().map(|field| SortField::new(field.data_type().clone()));
        let converter = RowConverter::new(fields.collect())?;
        let rows = converter.convert_columns(batch.columns())?;
        let head = format!("{table}/{}", partition.folder());
        for row in &rows {
            let mut of = digest::Context::new(&digest::SHA256);
            of.update(head.as_bytes());
            of.update(row.as_ref());
            let of = of.finish();
            let (halves, _) = of.as_ref().as_chunks::<16>();
            for (sum, half) in self.sums.iter_mut().zip(halves) {
                *sum = sum.wrapping_add(u128::from_le_bytes(*half));
            }
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = self.sums;
        write!(f, "{first:032x}{second:032x}")
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} of {} rows", self.rows)
    }
}
