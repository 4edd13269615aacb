//! A report on paper: a PDF with its fonts in it, tagged for who listens to it, in English or Urdu.
//!
//! Text is shaped by its font's own rules (rustybuzz), put in the order of the eye by Unicode's algorithm, and laid out here, because
//! all that a report needs is paragraphs, tables and one chart. No time, locale or order of a hash map is in the file: the same report gives the
//! same bytes. In reading order: `fonts`: letters. `text`: lines. `sheet`: pages. `table`: tables. `file`: objects.

mod file;
mod fonts;
mod sheet;
mod table;
mod text;

use pdf_writer::types::StructRole;

use crate::case::blocks::{Block, Chart, Mark, Span};
use crate::case::{Told, blocks};
use crate::words::Words;
use file::About;
use fonts::Fonts;
use sheet::{INK, LINE, Look, Place, RED, SIDE, SOFT, Sheets, WIDTH};
use text::{Paragraph, Weight};

/// Why there is no PDF.
#[derive(Debug, PartialEq, Eq)]
pub struct NoFonts;

impl std::fmt::Display for NoFonts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the fonts that come with the program cannot be read: it was built wrongly")
    }
}

impl std::error::Error for NoFonts {}

/// The report as PDF.
///
/// # Errors
/// The fonts that were compiled in cannot be read.
pub fn pdf(told: &Told<'_>) -> Result<Vec<u8>, NoFonts> {
    let fonts = Fonts::read().ok_or(NoFonts)?;
    let language = told.words.language();
    let mut sheets = Sheets::new(&fonts, language.direction() == "rtl");
    for block in blocks(told) {
        put(&mut sheets, &block);
    }
    number(&mut sheets, told.words);
    let about = About {
        title: &told.words.say("report-title"),
        language: language.code(),
        producer: &format!("Wirewitness {}", told.version),
    };
    Ok(file::written(sheets, &about))
}

const PLAIN: Look = Look { size: 10.0, weight: Weight::Regular, colour: INK };

fn put(sheets: &mut Sheets<'_>, block: &Block) {
    match block {
        Block::Title(title) => {
            let node = sheets.node(0, StructRole::H1);
            let look = Look { size: 19.0, weight: Weight::Bold, ..PLAIN };
            sheets.paragraph((node, 0.0), &[Span::Words(title.clone())], look);
            sheets.y += 4.0;
        }
        Block::Heading(_, heading) => {
            // With the first rows of what it is the heading of.
            sheets.room(150.0);
            sheets.y += 10.0;
            let at = (heading.clone(), sheets.pages.len() - 1, sheets.y);
            sheets.headings.push(at);
            let node = sheets.node(0, StructRole::H2);
            let look = Look { size: 13.5, weight: Weight::Bold, ..PLAIN };
            sheets.paragraph((node, 0.0), &[Span::Words(heading.clone())], look);
            sheets.y += 3.0;
        }
        Block::Text(spans) => {
            let node = sheets.node(0, StructRole::P);
            sheets.paragraph((node, 0.0), spans, PLAIN);
            sheets.y += 4.0;
        }
        Block::Note(spans) => {
            let node = sheets.node(0, StructRole::P);
            let look = Look { size: 11.0, weight: Weight::Bold, colour: RED };
            sheets.paragraph((node, 0.0), spans, look);
            sheets.y += 4.0;
        }
        Block::List(lines) => list(sheets, lines),
        Block::Pairs(pairs) => {
            for (name, value) in pairs {
                let node = sheets.node(0, StructRole::P);
                let mut spans = vec![Span::Words(format!("{name}: "))];
                spans.extend(value.iter().cloned());
                sheets.paragraph((node, 0.0), &spans, PLAIN);
            }
        }
        Block::Table(one) => table::table(sheets, one),
        Block::Chart(one) => chart(sheets, one),
        Block::NewPage => sheets.new_page(),
    }
}

fn list(sheets: &mut Sheets<'_>, lines: &[Vec<Span>]) {
    let list = sheets.node(0, StructRole::L);
    for spans in lines {
        let item = sheets.node(list, StructRole::LI);
        let leading = sheets.leading(PLAIN.size);
        sheets.room(leading);
        let y = sheets.y + leading;
        let label = sheets.node(item, StructRole::Lbl);
        let dot = Paragraph::of(
            sheets.fonts,
            &[Span::Words("•".to_owned())],
            (Weight::Regular, sheets.is_rtl),
        );
        let place = Place { start: SIDE, width: 10.0, ends: false };
        for line in dot.lines(sheets.fonts, 1_000_000.0) {
            sheets.marked(label, |sheets| sheets.line(&line, (place, y), PLAIN));
        }
        let body = sheets.node(item, StructRole::LBody);
        sheets.paragraph((body, 11.0), spans, PLAIN);
    }
    sheets.y += 4.0;
}

/// A line of text at a place, as part of a drawing.
fn said(sheets: &mut Sheets<'_>, text: &str, (place, y): (Place, f32)) -> f32 {
    let look = Look { size: 8.0, weight: Weight::Regular, colour: SOFT };
    let spans = [Span::Words(text.to_owned())];
    let paragraph = Paragraph::of(sheets.fonts, &spans, (look.weight, sheets.is_rtl));
    let lines = paragraph.lines(sheets.fonts, 1_000_000.0);
    let Some(line) = lines.first() else { return 0.0 };
    sheets.line(line, (place, y), look);
    line.width * look.size / 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "a drawing is exact to a point")]
fn chart(sheets: &mut Sheets<'_>, chart: &Chart) {
    const TALL: f32 = 110.0;
    sheets.room(TALL + 50.0);
    let node = sheets.node(0, StructRole::Figure);
    if let Some(node) = sheets.nodes.get_mut(node) {
        node.alt = Some(chart.says.clone());
    }
    let (top, inner) = (sheets.y + 16.0, WIDTH - 2.0 * SIDE);
    let whole = Place { start: SIDE, width: inner, ends: false };
    let floor = top + 14.0 + TALL;
    sheets.marked(node, |sheets| {
        let mut start = SIDE;
        for (mark, says) in &chart.legend {
            let x = if sheets.is_rtl { WIDTH - start - 7.0 } else { start };
            sheets.sign(*mark, [x, top - 9.0, 6.0, 6.0]);
            let place = Place { start: start + 10.0, ..whole };
            let place = Place { width: WIDTH - SIDE - place.start, ..place };
            start += said(sheets, says, (place, top)) + 26.0;
        }
        said(sheets, &chart.most.1, (whole, top + 12.0));
        let step = inner / chart.bars.len().max(1) as f32;
        for (at, bar) in chart.bars.iter().enumerate() {
            let from = SIDE + step * at as f32;
            let wide = (step * 0.8).min(40.0);
            let x = if sheets.is_rtl { WIDTH - from - wide } else { from };
            let mut y = floor;
            for (mark, value) in Mark::ALL.into_iter().zip(bar) {
                if *value > 0 {
                    let tall = (TALL * *value as f32 / chart.most.0.max(1) as f32).max(1.0);
                    y -= tall;
                    sheets.sign(mark, [x, y, wide, tall]);
                }
            }
        }
        let [first, last] = &chart.ends;
        said(sheets, first, (whole, floor + 13.0));
        if last != first {
            said(sheets, last, (Place { ends: true, ..whole }, floor + 13.0));
        }
    });
    sheets.artifact(|sheets| sheets.rule(floor, LINE));
    sheets.y = floor + 18.0;
}

/// Numbers at the foot of each sheet.
fn number(sheets: &mut Sheets<'_>, words: &Words) {
    let mut pages = std::mem::take(&mut sheets.pages);
    let all = pages.len() as u64;
    for (at, page) in (1_u64..).zip(&mut pages) {
        sheets.pages = vec![std::mem::take(page)];
        let says = words.say_with("report-page", &[("page", at.into()), ("pages", all.into())]);
        let place = Place { start: SIDE, width: WIDTH - 2.0 * SIDE, ends: true };
        sheets.artifact(|sheets| {
            said(sheets, &says, (place, sheet::HEIGHT - 26.0));
        });
        if let Some(done) = sheets.pages.pop() {
            *page = done;
        }
    }
    sheets.pages = pages;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fonts_that_come_with_the_program_can_be_read_and_join_urdu() {
        let fonts = Fonts::read().unwrap();
        // One shape each where letters stand alone, other ones where they are joined.
        let alone: Vec<u16> = "بند"
            .chars()
            .flat_map(|it| fonts.shape(&it.to_string(), fonts::Font::Arabic, true))
            .map(|it| it.id)
            .collect();
        let mut joined: Vec<u16> =
            fonts.shape("بند", fonts::Font::Arabic, true).iter().map(|it| it.id).collect();
        joined.reverse();
        assert_ne!(alone, joined);
        assert!(joined.iter().all(|id| *id != 0), "{joined:?}");
        // The digit seven is another one in Urdu than in Persian, which has the same number for it.
        let seven = fonts.shape("۷", fonts::Font::Arabic, false);
        let plain = fonts.face(fonts::Font::Arabic).unwrap().glyph_index('۷').unwrap();
        assert_ne!(seven[0].id, plain.0);
    }
}
