//! Rows of SQL as structs, and texts in SQL.

use serde::de::DeserializeOwned;
use wirewitness_store::query::Session;
use wirewitness_store::query::output::{Format, Formulas, Look, write};

use super::FactsError;

/// All rows of an answer.
pub(super) async fn rows<T: DeserializeOwned>(
    session: &Session,
    sql: &str,
) -> Result<Vec<T>, FactsError> {
    let look = Look { width: 100, clean: |text, _| text.to_owned(), formulas: Formulas::Kept };
    let mut text = Vec::new();
    write(session.query(sql).await?, (Format::Json, &look), &mut text).await?;
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).map_err(FactsError::from)).collect()
}

/// A text as SQL writes it.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Several, between commas.
pub(super) fn list(texts: impl Iterator<Item = String>) -> String {
    texts.collect::<Vec<_>>().join(", ")
}
