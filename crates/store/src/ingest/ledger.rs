//! The table `source`: which files the archive has had.

use std::collections::HashSet;

use arrow::array::AsArray as _;

use super::FileEnd;
use super::columns::Rows;
use crate::archive::Writer;
use crate::error::StoreError;
use crate::schema::SOURCE;
use crate::table::{DataFile, Partition};

/// What the archive has had, and rows to come.
pub(crate) struct Ledger {
    known: HashSet<String>,
    rows: Rows,
}

/// A file that was read to its end.
pub(crate) struct Entry<'e> {
    /// Its name, without folders.
    pub(crate) name: &'e str,
    pub(crate) end: &'e FileEnd,
    /// Records taken, and refused.
    pub(crate) taken: u64,
    pub(crate) refused: u64,
    /// What judged them.
    pub(crate) judging: &'e str,
}

impl Ledger {
    pub(crate) fn empty() -> Self {
        Self { known: HashSet::new(), rows: Rows::of(&SOURCE) }
    }

    /// As the archive has it.
    pub(crate) async fn read(writer: &Writer) -> Result<Self, StoreError> {
        let mut ledger = Self::empty();
        let table = writer.table(&SOURCE)?;
        for file in table.files()? {
            for batch in table.read_columns(&file, &["sha256"]).await? {
                let column =
                    batch.columns().first().and_then(|column| column.as_string_opt::<i32>());
                let texts = column.into_iter().flatten().flatten();
                ledger.known.extend(texts.map(str::to_owned));
            }
        }
        Ok(ledger)
    }

    /// Whether a file of this hash is there.
    pub(crate) fn knows(&self, sha256: &str) -> bool {
        self.known.contains(sha256)
    }

    /// A row for a file; none where it is there already.
    pub(crate) fn enter(&mut self, entry: &Entry<'_>) {
        let Entry { name, end, taken, refused, judging } = entry;
        if !self.known.insert(end.sha256.clone()) {
            return;
        }
        self.rows
            .text(Some(&end.sha256))
            .text(Some(name))
            .long(i64::try_from(end.bytes).ok())
            .text(Some(end.format))
            .long(i64::try_from(*taken).ok())
            .long(i64::try_from(*refused).ok())
            .text(Some(judging));
        let captured = end.captured.as_ref();
        self.rows.text(captured.and_then(|it| it.capture.as_deref()));
        for count in [
            captured.map(|it| it.packets),
            captured.map(|it| it.tcp_connections),
            captured.map(|it| it.quic_connections),
            captured.map(|it| it.dns_questions),
        ] {
            self.rows.long(count.and_then(|count| i64::try_from(count).ok()));
        }
        self.rows.end();
    }

    /// Writes the rows to come as a file that no version has yet. None for no rows.
    pub(crate) async fn write(&mut self, writer: &Writer) -> Result<Option<DataFile>, StoreError> {
        if self.rows.len() == 0 {
            return Ok(None);
        }
        let rows = self.rows.finish()?;
        Ok(Some(writer.table(&SOURCE)?.write(&Partition::default(), &rows).await?))
    }
}
