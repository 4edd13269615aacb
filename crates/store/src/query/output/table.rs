//! Columns of text for people.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::csv::Cells;
use super::{Clean, Look};
use crate::query::QueryError;

/// Rows that are looked at before the widths of columns are chosen.
const LOOK_AHEAD: usize = 500;
/// Characters of a column, where there is room for more.
const COLUMN_MAX: usize = 60;
/// Characters that a column keeps, however narrow the line.
const COLUMN_MIN: usize = 6;

pub(super) struct TextTable<W> {
    names: Vec<String>,
    is_number: Vec<bool>,
    /// Before the widths are chosen.
    waiting: Vec<Vec<String>>,
    widths: Option<Vec<usize>>,
    width: usize,
    clean: Clean,
    rows: u64,
    out: W,
}

impl<W: Write> TextTable<W> {
    pub(super) fn new(schema: &SchemaRef, look: &Look, out: W) -> Self {
        let fields = schema.fields();
        Self {
            names: fields.iter().map(|f| (look.clean)(f.name(), COLUMN_MAX)).collect(),
            is_number: fields.iter().map(|f| f.data_type().is_numeric()).collect(),
            waiting: Vec::new(),
            widths: None,
            width: look.width,
            clean: look.clean,
            rows: 0,
            out,
        }
    }

    pub(super) fn push(&mut self, batch: &RecordBatch) -> Result<(), QueryError> {
        let cells = Cells::of(batch)?;
        for row in 0..batch.num_rows() {
            let cell = |at| {
                let text = cells.text(at, row)?;
                Ok(text.map_or_else(|| "-".to_owned(), |text| (self.clean)(&text, COLUMN_MAX)))
            };
            let line = (0..self.names.len()).map(cell).collect::<Result<Vec<_>, QueryError>>()?;
            self.rows += 1;
            match self.widths.take() {
                Some(widths) => {
                    self.line(&widths, &line)?;
                    self.widths = Some(widths);
                }
                None => {
                    self.waiting.push(line);
                    if self.waiting.len() == LOOK_AHEAD {
                        self.begin()?;
                    }
                }
            }
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), QueryError> {
        if self.widths.is_none() {
            self.begin()?;
        }
        let rows = if self.rows == 1 { "row" } else { "rows" };
        writeln!(self.out, "({} {rows})", self.rows)?;
        Ok(self.out.flush()?)
    }

    /// Chooses widths and writes what waited.
    fn begin(&mut self) -> Result<(), QueryError> {
        let natural = |at: usize| {
            let cells = self.waiting.iter().filter_map(|line| line.get(at));
            let named = self.names.get(at);
            cells.chain(named).map(|text| text.chars().count()).max().unwrap_or(0)
        };
        let mut widths: Vec<usize> = (0..self.names.len()).map(natural).collect();
        fit(&mut widths, self.width);
        let names = std::mem::take(&mut self.names);
        self.line(&widths, &names)?;
        let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        self.line(&widths, &rule)?;
        for line in std::mem::take(&mut self.waiting) {
            self.line(&widths, &line)?;
        }
        self.names = names;
        self.widths = Some(widths);
        Ok(())
    }

    fn line(&mut self, widths: &[usize], cells: &[String]) -> Result<(), QueryError> {
        let mut line = String::new();
        for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
            if at > 0 {
                line.push_str("  ");
            }
            let cut = cut(cell, *width);
            let blanks = " ".repeat(width - cut.chars().count().min(*width));
            let is_number = self.is_number.get(at).copied().unwrap_or(false);
            let parts = if is_number { [&blanks, &cut] } else { [&cut, &blanks] };
            parts.into_iter().for_each(|part| line.push_str(part));
        }
        Ok(writeln!(self.out, "{}", line.trim_end())?)
    }
}

/// Cuts what is clean already.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let head: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{head}…")
}

/// Takes from the widest columns until a line fits.
fn fit(widths: &mut [usize], line: usize) {
    let gaps = widths.len().saturating_sub(1) * 2;
    loop {
        let over = (widths.iter().sum::<usize>() + gaps).saturating_sub(line);
        let Some(widest) = widths.iter_mut().max() else { return };
        if over == 0 || *widest <= COLUMN_MIN {
            return;
        }
        *widest -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_fits_where_it_can() {
        let mut widths = [10, 60, 5];
        fit(&mut widths, 50);
        assert_eq!(widths, [10, 31, 5]);
        let mut narrow = [60, 60];
        fit(&mut narrow, 4);
        assert_eq!(narrow, [COLUMN_MIN, COLUMN_MIN]);
        assert_eq!(cut("abcdef", 3), "ab…");
    }
}
