//! OONI's example of a detector, as rows of `verdict`: an INSERT statement into its table `analysis_web_measurement`.
//!
//! Origin `ooni-analysis`, rule `ooni.analysis_web@1`: what becomes of a row is said in
//! [`wirewitness_model::ooni::analysis_web`]. The same file twice is taken once.

use wirewitness_model::ooni::analysis_web;
use wirewitness_model::point::Point;

use crate::archive::Writer;
use crate::error::StoreError;
use crate::events::{Inserted, PointSource, insert_points};
use crate::ingest::FileEnd;
use crate::table::sha256;

/// Whether a file's first bytes are such a statement's.
pub fn is_such(head: &[u8]) -> bool {
    let head = head.get(..512).unwrap_or(head);
    analysis_web::is_such(&String::from_utf8_lossy(head))
}

/// Takes a file of this name. Rows whose time or country cannot be read are left out, and counted in the second number.
///
/// # Errors
/// It is no such statement, or is cut off; the archive cannot be written.
pub async fn ingest(
    writer: &mut Writer,
    name: &str,
    text: &str,
) -> Result<(Inserted, u64), StoreError> {
    let damaged = |error: analysis_web::RowsError| StoreError::Damaged {
        path: name.to_owned(),
        reason: error.to_string(),
    };
    let rows = analysis_web::rows(text).map_err(damaged)?;
    let mut targets: Vec<&str> = rows.iter().map(|row| row.text("input")).collect();
    targets.sort_unstable();
    targets.dedup();
    let number = |name: &str| targets.binary_search(&name).map_or(0, |at| at as u32);
    let points: Vec<Point> =
        rows.iter().filter_map(|row| row.point(number(row.text("input")))).collect();
    let refused = (rows.len() - points.len()) as u64;
    let source = PointSource {
        origin: "ooni-analysis",
        rule: "ooni.analysis_web",
        rule_version: 1,
        test: "web_connectivity",
        name: name.to_owned(),
        end: FileEnd {
            sha256: sha256(text.as_bytes()),
            bytes: text.len() as u64,
            format: "ooni-analysis",
            captured: None,
        },
    };
    let words = |number: u32| targets.get(number as usize).copied().unwrap_or_default().to_owned();
    let inserted = insert_points(writer, points.into_iter(), words, &source).await?;
    Ok((inserted, refused))
}
