//! What was read, and where there is nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wirewitness_store::query::Session;
use wirewitness_store::rollup::Rollup;

use super::{Facts, FactsError};

/// A file that was read (table `source`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[expect(missing_docs, reason = "docs/schema.md says what each column is")]
pub struct SourceRow {
    pub sha256: String,
    pub name: Option<String>,
    pub bytes: u64,
    pub format: String,
    pub records: u64,
    pub refused: u64,
    pub judged_with: String,
}

/// What the archive stands on.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    /// The files, by name where names are shown and by hash where not; the first 1,000.
    pub sources: Vec<SourceRow>,
    /// Files, their bytes, records and what was refused, by format.
    pub formats: BTreeMap<String, [u64; 4]>,
    /// What was judged with what: JSON, and how many files.
    pub judged_with: BTreeMap<String, u64>,
    /// Verdicts by day, days since 1970.
    pub days: BTreeMap<i32, u64>,
}

impl Coverage {
    /// Spans of days without any verdict between the first and the last: first and last day of each.
    pub fn gaps(&self) -> Vec<(i32, i32)> {
        let days: Vec<i32> = self.days.keys().copied().collect();
        let pairs = days.windows(2).filter_map(|pair| Some((*pair.first()?, *pair.last()?)));
        pairs.filter(|(a, b)| b - a > 1).map(|(a, b)| (a + 1, b - 1)).collect()
    }
}

impl Facts {
    /// What the archive stands on.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }
}

pub(super) async fn gather(
    session: &Session,
    rollup: &Rollup,
    shows_names: bool,
) -> Result<Coverage, FactsError> {
    #[derive(Deserialize)]
    struct Sum {
        format: String,
        judged_with: String,
        files: u64,
        bytes: u64,
        records: u64,
        refused: u64,
    }
    let name = if shows_names { "name" } else { "CAST(NULL AS VARCHAR) AS name" };
    let sql = format!(
        "SELECT sha256, {name}, bytes, format, records, refused, judged_with FROM source ORDER BY 2, sha256 LIMIT 1000"
    );
    let sources = session.structs(&sql).await?;
    let sums: Vec<Sum> = session.structs("SELECT format, judged_with, count(*) AS files, CAST(sum(bytes) AS BIGINT) AS bytes, CAST(sum(records) AS BIGINT) AS records, CAST(sum(refused) AS BIGINT) AS refused FROM source GROUP BY format, judged_with ORDER BY format, judged_with LIMIT 10000").await?;
    let mut coverage = Coverage { sources, ..Coverage::default() };
    for sum in sums {
        let all = coverage.formats.entry(sum.format).or_default();
        for (all, one) in all.iter_mut().zip([sum.files, sum.bytes, sum.records, sum.refused]) {
            *all += one;
        }
        *coverage.judged_with.entry(sum.judged_with).or_default() += sum.files;
    }
    coverage.days = rollup.days.iter().map(|(day, counted)| (*day, counted.rows)).collect();
    Ok(coverage)
}
