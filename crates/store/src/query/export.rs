//! A table, or a part of it, as a question.

use wirewitness_model::civil;

use super::QueryError;
use crate::schema::{TABLES, table};

/// Which rows of a table.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Two letters of ISO 3166-1.
    pub country: Option<String>,
    /// The first day, `2025-11-23`.
    pub since: Option<String>,
    /// The first day that is not wanted any more.
    pub until: Option<String>,
}

/// SQL for the rows of a table.
///
/// # Errors
/// No such table; a country or day that is none; a table that has neither.
pub fn export_sql(name: &str, selection: &Selection) -> Result<String, QueryError> {
    let wrong = |message: String| QueryError::Sql { message, at: None };
    let Some(found) = table(name) else {
        let names: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
        return Err(wrong(format!("no table {name:?}; there are {}", names.join(", "))));
    };
    let has = |column: &str| found.is_partitioned || found.index(column).is_some();
    let mut wishes = Vec::new();
    if let Some(country) = &selection.country {
        let is_code = country.len() == 2 && country.bytes().all(|b| b.is_ascii_alphanumeric());
        if !is_code || !has("country") {
            return Err(wrong(format!("{country:?} is no country, or {name} has none")));
        }
        wishes.push(format!("country = '{}'", country.to_ascii_uppercase()));
    }
    let day = if found.is_partitioned { "day" } else { "CAST(started_at AS DATE)" };
    for (wish, sign) in [(&selection.since, ">="), (&selection.until, "<")] {
        let Some(date) = wish else { continue };
        let is_date = date.len() == 10 && civil::micros(&format!("{date} 00:00:00")).is_some();
        if !is_date || !(found.is_partitioned || has("started_at")) {
            return Err(wrong(format!("{date:?} is no day like 2025-11-23, or {name} has none")));
        }
        wishes.push(format!("{day} {sign} DATE '{date}'"));
    }
    let filter =
        if wishes.is_empty() { String::new() } else { format!(" WHERE {}", wishes.join(" AND ")) };
    Ok(format!("SELECT * FROM {name}{filter}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_become_filters_and_nothing_else() {
        let of = |country: &str, since: &str| Selection {
            country: Some(country.to_owned()),
            since: Some(since.to_owned()),
            until: None,
        };
        assert_eq!(
            export_sql("verdict", &of("pk", "2025-11-23")).unwrap(),
            "SELECT * FROM verdict WHERE country = 'PK' AND day >= DATE '2025-11-23'"
        );
        assert!(export_sql("verdict", &of("P'", "2025-11-23")).is_err());
        assert!(export_sql("verdict", &of("PK", "2025-11-2'")).is_err());
        assert!(export_sql("source", &of("PK", "2025-11-23")).is_err());
        assert!(export_sql("verdict; DROP", &Selection::default()).is_err());
    }
}
