//! What can go wrong with an archive.

use std::path::PathBuf;

/// Why an archive could not be read or written. What was in it is as it was.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no archive at this place.
    #[error("{place}: there is no archive here (`wirewitness ingest` makes one)")]
    NoArchive {
        /// Folder or address.
        place: String,
    },
    /// The place holds something else.
    #[error("{place}: this is not an archive of Wirewitness, and the folder is not empty")]
    NotAnArchive {
        /// Folder or address.
        place: String,
    },
    /// Somebody else is writing to it.
    #[error(
        "{place}: another process (id {holder}) is writing to this archive; wait until it is done"
    )]
    Locked {
        /// Folder.
        place: String,
        /// What the other wrote into the lock.
        holder: String,
    },
    /// It was made by a later version of the program.
    #[error("{place}: made by a later version (schema {found}, this program knows up to {known})")]
    TooNew {
        /// Folder or address.
        place: String,
        /// Version of the schema found.
        found: u32,
        /// Newest version known here.
        known: u32,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not as it was written.
    #[error("{path}: damaged: {reason}")]
    Damaged {
        /// The file, within the archive.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// What must not be kept, or is not done.
    #[error("refused: {reason}")]
    Refused {
        /// Why.
        reason: String,
    },
    /// The transaction log of a table.
    #[error("table {table}: {source}")]
    Log {
        /// Name of the table.
        table: String,
        /// Why.
        source: Box<deltalake_core::DeltaTableError>,
    },
    /// Columns in memory.
    #[error("columns: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// A Parquet file.
    #[error("{path}: {source}")]
    Parquet {
        /// The file, within the archive.
        path: String,
        /// Why.
        source: parquet::errors::ParquetError,
    },
    /// The engine.
    #[error("query: {0}")]
    Query(#[from] datafusion::error::DataFusionError),
    /// Storage: a disk that is full, a folder that may not be written.
    #[error("storage: {0}")]
    Storage(#[from] object_store::Error),
    /// Work in another thread ended early.
    #[error("a worker stopped: {0}")]
    Worker(String),
}

impl StoreError {
    /// Whether what was asked for is no table, or is not there.
    pub(crate) fn is_no_table(&self) -> bool {
        use deltalake_core::DeltaTableError::{InvalidVersion, NotATable};
        matches!(self, Self::Log { source, .. } if matches!(**source, NotATable(_) | InvalidVersion(_)))
    }

    /// With the file's name.
    pub(crate) fn file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }

    /// With the table's name.
    pub(crate) fn log(table: &str) -> impl FnOnce(deltalake_core::DeltaTableError) -> Self {
        let table = table.to_owned();
        move |source| Self::Log { table, source: Box::new(source) }
    }

    /// With the file's name.
    pub(crate) fn parquet(path: &str) -> impl FnOnce(parquet::errors::ParquetError) -> Self {
        let path = path.to_owned();
        move |source| Self::Parquet { path, source }
    }
}
