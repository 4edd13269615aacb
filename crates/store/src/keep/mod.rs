//! An archive kept: small files merged, every byte checked, rows made again from measurements.
//!
//! All of it goes through [`crate::archive::Writer::commit`], so that a process that is killed leaves the archive as it was or as it
//! was to become. In reading order:
//!
//! - `seals`: hashes of the logs, so that damage to them is seen.
//! - `content`: one number for all rows of an archive, in whatever files they are.
//! - `check`: every file as it was written, `logs`: those of the tables, `privacy`: rows that must not be there.
//! - `compact`: few large files for many small ones. `vacuum`: files that no version needs, away.
//! - `rebuild`: verdicts and observations again, by the judge of today.

mod check;
mod compact;
mod content;
mod folder;
mod logs;
mod privacy;
mod rebuild;
pub(crate) mod seals;
mod vacuum;

pub use check::{Checked, Finding, FindingKind, check};
pub use compact::{Compacted, compact};
pub use content::{ContentHash, content_hash};
pub use rebuild::{Rebuilt, rebuild, rebuild_on};
pub use vacuum::{Vacuumed, vacuum};
