//! Tables: as wide as the sheet, with their head on each sheet.

use pdf_writer::types::StructRole;

use super::sheet::{INK, LINE, Look, Place, SIDE, SOFT, Sheets, WIDTH};
use super::text::{Line, Paragraph, Weight};
use crate::case::blocks::{Cell, Span, Table};

/// A cell, broken into lines.
struct Set<'c> {
    cell: &'c Cell,
    lines: Vec<Line>,
}

struct Grid {
    columns: Vec<Place>,
    size: f32,
}

pub(super) fn table(sheets: &mut Sheets<'_>, table: &Table) {
    let node = sheets.node(0, StructRole::Table);
    let caption = sheets.node(node, StructRole::Caption);
    let soft = Look { size: 9.0, weight: Weight::Regular, colour: SOFT };
    sheets.room(70.0);
    sheets.paragraph((caption, 0.0), &[Span::Words(table.caption.clone())], soft);
    sheets.y += 3.0;
    // Urdu is written smaller at the same size.
    let size = if table.head.len() > 6 { 7.2 } else { 8.2 } + if sheets.is_rtl { 0.6 } else { 0.0 };
    let head: Vec<Cell> = table.head.iter().map(|it| Cell::words(&it.title)).collect();
    let grid = grid(sheets, table, (&head, size));
    let head_look = Look { size, weight: Weight::Bold, colour: INK };
    let body_look = Look { weight: Weight::Regular, ..head_look };
    let head = set(sheets, &grid, &head, Weight::Bold);
    let group = sheets.node(node, StructRole::THead);
    row(sheets, (group, StructRole::TH), (&grid, &head), head_look);
    let group = sheets.node(node, StructRole::TBody);
    for cells in &table.rows {
        let cells = set(sheets, &grid, cells, Weight::Regular);
        if sheets.room(height(sheets, &cells, size)) {
            // Again, for the eye only.
            sheets.artifact(|sheets| draw(sheets, (&grid, &head), head_look));
        }
        row(sheets, (group, StructRole::TD), (&grid, &cells), body_look);
    }
    if let Some(after) = &table.after {
        let node = sheets.node(0, StructRole::P);
        sheets.paragraph((node, 0.0), &[Span::Words(after.clone())], soft);
    }
    sheets.y += 10.0;
}

fn set<'c>(sheets: &Sheets<'_>, grid: &Grid, cells: &'c [Cell], weight: Weight) -> Vec<Set<'c>> {
    let lines = |(cell, place): (&'c Cell, &Place)| {
        let sign = if cell.mark.is_some() { grid.size } else { 0.0 };
        let most = (place.width - sign).max(8.0) * 1000.0 / grid.size;
        let paragraph = Paragraph::of(sheets.fonts, &cell.spans, (weight, sheets.is_rtl));
        Set { cell, lines: paragraph.lines(sheets.fonts, most) }
    };
    cells.iter().zip(&grid.columns).map(lines).collect()
}

#[expect(clippy::cast_precision_loss, reason = "lines of a cell are few")]
fn height(sheets: &Sheets<'_>, cells: &[Set<'_>], size: f32) -> f32 {
    let most = cells.iter().map(|it| it.lines.len()).max().unwrap_or_default().max(1);
    most as f32 * sheets.leading(size) + 4.0
}

/// A row with its nodes.
fn row(
    sheets: &mut Sheets<'_>,
    (parent, role): (usize, StructRole),
    (grid, cells): (&Grid, &[Set<'_>]),
    look: Look,
) {
    let node = sheets.node(parent, StructRole::TR);
    let top = sheets.y;
    for (cell, place) in cells.iter().zip(&grid.columns) {
        let node = sheets.node(node, role);
        sheets.marked(node, |sheets| self::cell(sheets, cell, (*place, top), look));
    }
    below(sheets, cells, look);
}

/// A row without nodes.
fn draw(sheets: &mut Sheets<'_>, (grid, cells): (&Grid, &[Set<'_>]), look: Look) {
    let top = sheets.y;
    for (cell, place) in cells.iter().zip(&grid.columns) {
        self::cell(sheets, cell, (*place, top), look);
    }
    sheets.y = top + height(sheets, cells, look.size);
    let y = sheets.y - 1.0;
    sheets.rule(y, LINE);
}

fn below(sheets: &mut Sheets<'_>, cells: &[Set<'_>], look: Look) {
    sheets.y += height(sheets, cells, look.size);
    let y = sheets.y - 1.0;
    sheets.artifact(|sheets| sheets.rule(y, LINE));
}

fn cell(sheets: &mut Sheets<'_>, set: &Set<'_>, (mut place, top): (Place, f32), look: Look) {
    let leading = sheets.leading(look.size);
    if let Some(mark) = set.cell.mark {
        let edge = look.size * 0.62;
        let x = if sheets.is_rtl { WIDTH - place.start - edge } else { place.start };
        sheets.sign(mark, [x, top + leading * 0.5 - edge * 0.45, edge, edge]);
        place.start += look.size;
        place.width -= look.size;
    }
    let mut y = top;
    for line in &set.lines {
        y += leading;
        sheets.line(line, (place, y), look);
    }
}

/// How wide each column is: as wide as its text where there is room for all, else at least as its widest piece.
#[expect(clippy::cast_precision_loss, reason = "columns are few")]
fn grid(sheets: &Sheets<'_>, table: &Table, (head, size): (&[Cell], f32)) -> Grid {
    let gap = 7.0;
    let room = WIDTH - 2.0 * SIDE - gap * (head.len().saturating_sub(1)) as f32;
    let mut needs: Vec<[f32; 2]> = vec![[0.0; 2]; head.len()];
    let rows = std::iter::once((head, Weight::Bold))
        .chain(table.rows.iter().map(|row| (row.as_slice(), Weight::Regular)));
    for (row, weight) in rows {
        for (cell, need) in row.iter().zip(&mut needs) {
            let paragraph = Paragraph::of(sheets.fonts, &cell.spans, (weight, sheets.is_rtl));
            let sign = if cell.mark.is_some() { size } else { 0.0 };
            let [all, widest] = paragraph.widths().map(|it| it * size / 1000.0 + sign + 0.5);
            *need = [need[0].max(all.min(room)), need[1].max(widest.min(room / 2.0))];
        }
    }
    let widths = shared(&needs, room);
    let mut start = SIDE;
    let columns = widths.iter().zip(&table.head).map(|(width, column)| {
        let place = Place { start, width: *width, ends: column.is_number };
        start += width + gap;
        place
    });
    Grid { columns: columns.collect(), size }
}

/// Room dealt out: each need is what is wished for and what must be.
fn shared(needs: &[[f32; 2]], room: f32) -> Vec<f32> {
    let wished: f32 = needs.iter().map(|[all, _]| all).sum();
    let least: f32 = needs.iter().map(|[_, least_one]| least_one).sum();
    if wished <= room {
        let each = (room - wished) / wished.max(1.0);
        return needs.iter().map(|[all, _]| all + all * each).collect();
    }
    if least >= room {
        return needs.iter().map(|[_, least_one]| least_one * room / least).collect();
    }
    let share = (room - least) / (wished - least);
    needs.iter().map(|[all, least_one]| least_one + (all - least_one) * share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_dealt_out_whole_and_nobody_gets_less_than_must_be() {
        for (needs, room) in [
            (vec![[10.0, 5.0], [20.0, 5.0]], 100.0),
            (vec![[300.0, 40.0], [50.0, 30.0]], 100.0),
            (vec![[300.0, 80.0], [50.0, 50.0]], 100.0),
        ] {
            let widths = shared(&needs, room);
            assert!((widths.iter().sum::<f32>() - room).abs() < 0.01, "{widths:?}");
            let least: f32 = needs.iter().map(|it| it[1]).sum();
            let is_enough = widths.iter().zip(&needs).all(|(width, need)| *width >= need[1] - 0.01);
            assert!(is_enough || least > room, "{widths:?}");
        }
    }
}
