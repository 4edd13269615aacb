//! The archive: measurements in, verdicts and events out, in a folder that other programs can read too.
//!
//! The only crate that knows Arrow, Parquet or SQL. In reading order:
//!
//! - [`schema`]: the tables and their columns.
//! - [`table`]: one table, a Delta table of Parquet files. `older`: what an older version of the schema wrote.
//! - [`archive`]: all tables of one archive, written together or not at all.
//! - [`bucket`]: archives that are in no folder.
//! - [`ingest`]: measurements in. [`remote`]: files on the network.
//! - [`query`]: SQL over one commit. [`cluster`]: the same on several machines.
//! - [`case`]: what the archive answers to a question, counted, for reports.
//! - [`detector_example`]: OONI's example of a detector in.
//! - [`events`]: events out of verdicts, and what is said of them.
//! - [`forged`]: forged pages and answers, by network.
//! - [`rollup`]: verdicts counted by target, network and day, held in memory.
//! - [`keep`]: an archive kept: compacted, checked, made again.
//! - [`error`]: what can go wrong, and with which file.

pub mod archive;
pub mod bucket;
pub mod case;
pub mod cluster;
pub mod detector_example;
pub mod error;
pub mod events;
pub mod forged;
pub mod ingest;
pub mod keep;
mod older;
pub mod query;
pub mod remote;
pub mod rollup;
pub mod schema;
pub mod table;

pub use archive::{Archive, Writer};
pub use error::StoreError;
