//! Tables: for people below a chart, and the same numbers as CSV, JSON and Parquet.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde_json::{Map, Value as Json};
use wirewitness_store::query::QueryError;
use wirewitness_store::query::output::parquet;

use super::ask::Ask;

/// A table of a page.
pub(crate) struct Table {
    /// For `?table=`.
    pub(crate) id: &'static str,
    caption: String,
    /// Name for programs, and heading for people.
    columns: Vec<(&'static str, String)>,
    rows: Vec<Vec<Cell>>,
}

/// A cell: for programs and for people.
pub(crate) struct Cell {
    value: Json,
    shown: Markup,
}

impl Cell {
    /// Something with words of its own.
    pub(crate) fn new(value: impl Into<Json>, shown: Markup) -> Self {
        Self { value: value.into(), shown }
    }

    /// A count.
    pub(crate) fn count(ask: &Ask, count: u64) -> Self {
        Self { value: count.into(), shown: html! { (ask.count(count)) } }
    }
}

impl Table {
    /// An empty one; columns by name for programs and message for people.
    pub(crate) fn new(
        ask: &Ask,
        id: &'static str,
        caption: impl Into<String>,
        columns: &[(&'static str, &str)],
    ) -> Self {
        let columns = columns.iter().map(|(name, message)| (*name, ask.say(message))).collect();
        Self { id, caption: caption.into(), columns, rows: Vec::new() }
    }

    /// One more row; its first cell is its heading.
    pub(crate) fn push(&mut self, cells: Vec<Cell>) {
        if self.rows.len() < MOST_ROWS {
            self.rows.push(cells);
        }
    }

    /// Whether it has no row.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// In a page, without files of it.
    pub(crate) fn alone(&self) -> Markup {
        html! {
            div.wide tabindex="0" role="group" aria-label=(self.caption) {
                table {
                    caption { (self.caption) }
                    thead { tr { @for (_, words) in &self.columns { th scope="col" { (words) } } } }
                    tbody {
                        @for row in self.rows.iter().take(SHOWN_ROWS) {
                            tr { @for (at, cell) in row.iter().enumerate() {
                                @if at == 0 { th scope="row" { (cell.shown) } } @else { td { (cell.shown) } }
                            } }
                        }
                    }
                }
            }
        }
    }

    /// In a page, its first rows.
    pub(crate) fn shown(&self, ask: &Ask) -> Markup {
        let rest = self.rows.len().saturating_sub(SHOWN_ROWS);
        html! {
            (self.alone())
            @if rest > 0 { p.soft { (ask.say_with("dash-more-rows", &[("count", (rest as u64).into())])) } }
            p.as { (ask.say("dash-the-same-as")) " "
                a href=(ask.again(&[("table", self.id), ("as", "csv")])) aria-label=(format!("CSV: {}", self.caption)) { "CSV" } " "
                a href=(ask.again(&[("table", self.id), ("as", "json")])) aria-label=(format!("JSON: {}", self.caption)) { "JSON" } " "
                a href=(ask.again(&[("table", self.id), ("as", "parquet")])) aria-label=(format!("Parquet: {}", self.caption)) { "Parquet" } }
        }
    }

    /// Behind a chart.
    pub(crate) fn behind(&self, ask: &Ask) -> Markup {
        html! { details { summary { (ask.say("dash-numbers")) ": " (self.caption) } (self.shown(ask)) } }
    }

    /// As a file.
    pub(crate) fn file(&self, ask: &Ask) -> Response {
        let (kind, ending, body) = match ask.one("as") {
            Some("json") => ("application/json", "json", self.json().into_bytes()),
            Some("parquet") => match self.parquet() {
                Ok(body) => ("application/vnd.apache.parquet", "parquet", body),
                Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            },
            _ => ("text/csv; charset=utf-8", "csv", self.csv().into_bytes()),
        };
        let name = format!("attachment; filename=\"{}.{ending}\"", self.id);
        ([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, name)], body)
            .into_response()
    }

    fn json(&self) -> String {
        let object = |row: &Vec<Cell>| {
            let pairs = self.columns.iter().zip(row);
            Json::Object(
                pairs
                    .map(|((name, _), cell)| ((*name).to_owned(), cell.value.clone()))
                    .collect::<Map<_, _>>(),
            )
        };
        Json::Array(self.rows.iter().map(object).collect()).to_string()
    }

    fn parquet(&self) -> Result<Vec<u8>, QueryError> {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        let rows: Vec<Vec<Json>> = self
            .rows
            .iter()
            .map(|row| row.iter().map(|cell| cell.value.clone()).collect())
            .collect();
        parquet(&names, &rows)
    }

    fn csv(&self) -> String {
        let mut text = String::new();
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        text.push_str(&names.join(","));
        text.push_str("\r\n");
        for row in &self.rows {
            let cells: Vec<String> = row.iter().map(|cell| csv_cell(&cell.value)).collect();
            text.push_str(&cells.join(","));
            text.push_str("\r\n");
        }
        text
    }
}

/// RFC 4180. What a spreadsheet would run gets an apostrophe before it.
fn csv_cell(value: &Json) -> String {
    let Json::String(text) = value else {
        return if value.is_null() { String::new() } else { value.to_string() };
    };
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula { format!("'{text}") } else { text.clone() };
    match text.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

/// Rows in a page.
const SHOWN_ROWS: usize = 100;
/// Rows in a file.
const MOST_ROWS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_of_csv() {
        assert_eq!(csv_cell(&"a,\"b\"".into()), "\"a,\"\"b\"\"\"");
        assert_eq!(csv_cell(&"=1+1".into()), "'=1+1");
        assert_eq!(csv_cell(&7.into()), "7");
        assert_eq!(csv_cell(&Json::Null), "");
    }
}
