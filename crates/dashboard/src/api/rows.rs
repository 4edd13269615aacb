//! Tables that answers are: the same columns for JSON, CSV, Parquet, Arrow and their description.

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::Response;
use hyper::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use serde_json::{Map, Value, json};
use wirewitness_store::query::Session;
use wirewitness_store::query::output::{Format, Formulas, Look, write};

use super::limits::Bounded;
use super::problem_of;
use crate::server::problem::Problem;

/// One column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: Holds,
    pub(crate) says: &'static str,
}

/// What a cell holds; any may be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    Text,
    Int,
    Flag,
    Texts,
    Ints,
}

/// A table.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// Cells in the order of the columns, as JSON has them.
    pub(crate) rows: Vec<Vec<Value>>,
    /// Where the next ones are.
    pub(crate) next: Option<String>,
    /// What is true of all of it.
    pub(crate) commit: u64,
}

/// Parameter `format`.
pub(crate) const FORMATS: [&str; 4] = ["json", "csv", "parquet", "arrow"];

impl Rows {
    /// As it is sent.
    pub(crate) async fn answer(
        self,
        (name, columns): (&str, &[Column]),
        format: &str,
        session: &Session,
    ) -> Result<Response<Body>, Problem> {
        let (kind, body, ending) = match format {
            "csv" => ("text/csv; charset=utf-8", self.csv(columns).into_bytes(), "csv"),
            "parquet" => {
                let body = self.engine(columns, (Format::Parquet, session)).await?;
                ("application/vnd.apache.parquet", body, "parquet")
            }
            "arrow" => {
                let body = self.engine(columns, (Format::Arrow, session)).await?;
                ("application/vnd.apache.arrow.file", body, "arrow")
            }
            _ => ("application/json", self.json(columns), ""),
        };
        let mut response = Response::new(Body::from(body));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        let file = format!("attachment; filename=\"wirewitness-{name}.{ending}\"");
        if let (false, Ok(file)) = (ending.is_empty(), HeaderValue::from_str(&file)) {
            headers.insert(CONTENT_DISPOSITION, file);
        }
        if let Some(next) = self.next.as_deref().and_then(|it| HeaderValue::from_str(it).ok()) {
            headers.insert("x-next-cursor", next);
        }
        Ok(response)
    }

    fn json(&self, columns: &[Column]) -> Vec<u8> {
        let row = |cells: &Vec<Value>| {
            let named = columns.iter().zip(cells);
            named
                .map(|(column, cell)| (column.name.to_owned(), cell.clone()))
                .collect::<Map<_, _>>()
        };
        let rows: Vec<Map<String, Value>> = self.rows.iter().map(row).collect();
        let whole = json!({ "commit": self.commit, "rows": rows, "next": self.next });
        serde_json::to_vec(&whole).unwrap_or_default()
    }

    /// RFC 4180; what a spreadsheet would run has an apostrophe in front.
    pub(crate) fn csv(&self, columns: &[Column]) -> String {
        let head: Vec<&str> = columns.iter().map(|column| column.name).collect();
        let mut text = head.join(",") + "\r\n";
        for row in &self.rows {
            let cells: Vec<String> = row.iter().map(csv_cell).collect();
            text.push_str(&cells.join(","));
            text.push_str("\r\n");
        }
        text
    }

    /// The store writes these: the rows as a question that has them as its answer.
    async fn engine(
        &self,
        columns: &[Column],
        (format, session): (Format, &Session),
    ) -> Result<Vec<u8>, Problem> {
        let typed = |row: Option<&Vec<Value>>| {
            let cell = |(at, column): (usize, &Column)| {
                let cell = row.and_then(|row| row.get(at)).unwrap_or(&Value::Null);
                format!("{} AS {}", column.kind.sql(cell), column.name)
            };
            columns.iter().enumerate().map(cell).collect::<Vec<_>>().join(", ")
        };
        let literal = |row: &Vec<Value>| {
            let cells = columns.iter().zip(row);
            let cells: Vec<String> = cells.map(|(column, cell)| column.kind.sql(cell)).collect();
            format!("({})", cells.join(", "))
        };
        let sql = match self.rows.is_empty() {
            true => format!("SELECT {} WHERE false", typed(None)),
            false => {
                let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
                let values: Vec<String> = self.rows.iter().map(literal).collect();
                format!("SELECT * FROM (VALUES {}) AS t({})", values.join(", "), names.join(", "))
            }
        };
        written(session, &sql, format).await
    }
}

/// The answer to a question as a file, bounded.
pub(crate) async fn written(
    session: &Session,
    sql: &str,
    format: Format,
) -> Result<Vec<u8>, Problem> {
    let look = Look { width: 200, clean: |text, _| text.to_owned(), formulas: Formulas::Disarmed };
    let mut out = Bounded::default();
    let answer = session.query(sql).await.map_err(|error| problem_of(&error))?;
    write(answer, (format, &look), &mut out).await.map_err(|error| problem_of(&error))?;
    Ok(out.into_bytes())
}

impl Holds {
    pub(crate) fn schema(self) -> Value {
        match self {
            Self::Text => json!({ "type": ["string", "null"] }),
            Self::Int => json!({ "type": ["integer", "null"] }),
            Self::Flag => json!({ "type": ["boolean", "null"] }),
            Self::Texts => json!({ "type": ["array", "null"], "items": { "type": "string" } }),
            Self::Ints => json!({ "type": ["array", "null"], "items": { "type": "integer" } }),
        }
    }

    fn sql(self, cell: &Value) -> String {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let list = |kind: &str| {
            let cells = cell.as_array().map(Vec::as_slice).unwrap_or_default();
            let cells: Vec<String> =
                cells.iter().map(|it| it.as_str().map_or_else(|| it.to_string(), quoted)).collect();
            format!("arrow_cast(make_array({}), '{kind}')", cells.join(", "))
        };
        match self {
            Self::Text => {
                let text = cell.as_str().map_or_else(|| "NULL".to_owned(), quoted);
                format!("CAST({text} AS VARCHAR)")
            }
            Self::Int => format!("CAST({} AS BIGINT)", null_or(cell)),
            Self::Flag => format!("CAST({} AS BOOLEAN)", null_or(cell)),
            Self::Texts => list("List(Utf8)"),
            Self::Ints => list("List(Int64)"),
        }
    }
}

fn null_or(cell: &Value) -> String {
    if cell.is_null() { "NULL".to_owned() } else { cell.to_string() }
}

fn csv_cell(cell: &Value) -> String {
    let text = match cell {
        Value::Null => return String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let is_formula = cell.is_string() && text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula { format!("'{text}") } else { text };
    match text.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

/// A place in a table that is in memory: of this commit only, since another one may have it in another order.
pub(crate) fn offset_cursor(from: usize, commit: u64) -> String {
    URL_SAFE_NO_PAD.encode(format!("{commit}.{from}"))
}

/// What [`offset_cursor`] gave.
pub(crate) fn offset_of(cursor: &str, commit: u64) -> Result<usize, Problem> {
    let wrong = || Problem::parameter("cursor", "cursor is none that was given here");
    let text = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| wrong())?;
    let text = String::from_utf8(text).map_err(|_| wrong())?;
    let (of, from) = text.split_once('.').ok_or_else(wrong)?;
    let (of, from) = (of.parse::<u64>(), from.parse::<u32>());
    match (of, from) {
        (Ok(of), Ok(from)) if of == commit => Ok(from as usize),
        (Ok(_), Ok(_)) => Err(Problem::new(
            hyper::StatusCode::GONE,
            "the archive has changed since this cursor was given; begin again without it",
        )),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_harmless_in_a_spreadsheet_and_in_sql() {
        assert_eq!(csv_cell(&json!("=1+1,\"x\"")), "\"'=1+1,\"\"x\"\"\"");
        assert_eq!(csv_cell(&json!(-5)), "-5");
        assert_eq!(Holds::Text.sql(&json!("a' OR 'b")), "CAST('a'' OR ''b' AS VARCHAR)");
        assert_eq!(Holds::Int.sql(&Value::Null), "CAST(NULL AS BIGINT)");
    }

    #[test]
    fn a_cursor_is_of_its_commit() {
        let cursor = offset_cursor(1_000, 7);
        assert_eq!(offset_of(&cursor, 7).unwrap(), 1_000);
        assert_eq!(offset_of(&cursor, 8).unwrap_err().status, 410);
        for odd in ["", "x", "????", "MQ", "LS0uLS0"] {
            assert_eq!(offset_of(odd, 7).unwrap_err().status, 400, "{odd}");
        }
    }
}
