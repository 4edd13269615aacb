//! Sheets of paper, written on from the top: text, lines and boxes, each tagged with what it is (PDF 32000-1:2008, 14.7 and 14.8).

use std::collections::BTreeMap;

use pdf_writer::types::StructRole;
use pdf_writer::{Content, Name, Str};

use super::fonts::{Font, Fonts, Glyph};
use super::text::{Line, Paragraph, Weight};
use crate::case::blocks::{Mark, Span};

/// A4, points.
pub(super) const WIDTH: f32 = 595.0;
pub(super) const HEIGHT: f32 = 842.0;
/// Room at each side.
pub(super) const SIDE: f32 = 46.0;
const TOP: f32 = 50.0;
const FOOT: f32 = 54.0;
/// Where text ends.
const BOTTOM: f32 = HEIGHT - FOOT;

/// Sheets being written.
pub(super) struct Sheets<'f> {
    pub(super) fonts: &'f Fonts,
    pub(super) is_rtl: bool,
    pub(super) pages: Vec<Page>,
    pub(super) nodes: Vec<Node>,
    /// Heading, its page and how far down.
    pub(super) headings: Vec<(String, usize, f32)>,
    /// Shapes that were used, and letters that they stand for.
    pub(super) used: BTreeMap<(Font, u16), String>,
    /// How far down the sheet is written on.
    pub(super) y: f32,
}

/// A sheet.
pub(super) struct Page {
    pub(super) content: Content,
    /// For each marked piece, the node that it belongs to.
    pub(super) marked: Vec<usize>,
}

impl Default for Page {
    fn default() -> Self {
        Self { content: Content::new(), marked: Vec::new() }
    }
}

/// A part of the document, for who listens to it.
pub(super) struct Node {
    pub(super) role: StructRole,
    pub(super) parent: usize,
    pub(super) kids: Vec<Kid>,
    /// What is said in place of a drawing.
    pub(super) alt: Option<String>,
}

/// What is in a node.
pub(super) enum Kid {
    Node(usize),
    /// Page and number of the marked piece.
    Marked(usize, i32),
}

/// How text looks.
#[derive(Clone, Copy)]
pub(super) struct Look {
    /// Points.
    pub(super) size: f32,
    pub(super) weight: Weight,
    pub(super) colour: [f32; 3],
}

/// Where a column is: from its side of the sheet in the direction of writing, and how wide.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) start: f32,
    pub(super) width: f32,
    pub(super) ends: bool,
}

pub(super) const INK: [f32; 3] = [0.1, 0.12, 0.14];
pub(super) const SOFT: [f32; 3] = [0.3, 0.33, 0.38];
pub(super) const LINE: [f32; 3] = [0.75, 0.78, 0.82];
pub(super) const RED: [f32; 3] = [0.62, 0.06, 0.13];
const OCHRE: [f32; 3] = [0.54, 0.43, 0.0];
const PALE: [f32; 3] = [0.74, 0.85, 0.95];
const BLUE: [f32; 3] = [0.14, 0.31, 0.55];

impl<'f> Sheets<'f> {
    pub(super) fn new(fonts: &'f Fonts, is_rtl: bool) -> Self {
        let root = Node { role: StructRole::Document, parent: 0, kids: Vec::new(), alt: None };
        Self {
            fonts,
            is_rtl,
            pages: vec![Page::default()],
            nodes: vec![root],
            headings: Vec::new(),
            used: BTreeMap::new(),
            y: TOP,
        }
    }

    /// A node under another one; 0 is the document.
    pub(super) fn node(&mut self, parent: usize, role: StructRole) -> usize {
        let at = self.nodes.len();
        self.nodes.push(Node { role, parent, kids: Vec::new(), alt: None });
        if let Some(parent) = self.nodes.get_mut(parent) {
            parent.kids.push(Kid::Node(at));
        }
        at
    }

    /// A new sheet, unless nothing is on this one.
    pub(super) fn new_page(&mut self) {
        if self.y > TOP {
            self.pages.push(Page::default());
            self.y = TOP;
        }
    }

    /// Sees to it that so much fits; true where that took a new sheet.
    pub(super) fn room(&mut self, height: f32) -> bool {
        let is_full = self.y + height > BOTTOM && self.y > TOP;
        if is_full {
            self.new_page();
        }
        is_full
    }

    /// From line to line, points.
    pub(super) fn leading(&self, size: f32) -> f32 {
        size * if self.is_rtl { 1.75 } else { 1.38 }
    }

    /// A paragraph, on as many sheets as it needs.
    pub(super) fn paragraph(&mut self, (node, indent): (usize, f32), spans: &[Span], look: Look) {
        let paragraph = Paragraph::of(self.fonts, spans, (look.weight, self.is_rtl));
        let place = Place { start: SIDE + indent, width: WIDTH - 2.0 * SIDE - indent, ends: false };
        let leading = self.leading(look.size);
        for line in paragraph.lines(self.fonts, place.width * 1000.0 / look.size) {
            self.room(leading);
            self.y += leading;
            let y = self.y;
            self.marked(node, |sheets| sheets.line(&line, (place, y), look));
        }
    }

    /// Something that belongs to a node.
    pub(super) fn marked(&mut self, node: usize, draw: impl FnOnce(&mut Self)) {
        let at = self.pages.len() - 1;
        let Some(role) = self.nodes.get(node).map(|it| it.role) else { return };
        let Some(page) = self.pages.last_mut() else { return };
        let number = i32::try_from(page.marked.len()).unwrap_or(i32::MAX);
        page.marked.push(node);
        page.content
            .begin_marked_content_with_properties(role.to_name())
            .properties()
            .identify(number);
        draw(self);
        if let Some(page) = self.pages.last_mut() {
            page.content.end_marked_content();
        }
        if let Some(node) = self.nodes.get_mut(node) {
            node.kids.push(Kid::Marked(at, number));
        }
    }

    /// Something that says nothing: lines, numbers of pages.
    pub(super) fn artifact(&mut self, draw: impl FnOnce(&mut Self)) {
        if let Some(page) = self.pages.last_mut() {
            page.content.begin_marked_content(Name(b"Artifact"));
        }
        draw(self);
        if let Some(page) = self.pages.last_mut() {
            page.content.end_marked_content();
        }
    }

    /// A line of text whose base line is so far down.
    pub(super) fn line(&mut self, line: &Line, (place, y): (Place, f32), look: Look) {
        let width = line.width * look.size / 1000.0;
        // At the left: where the column begins and lines are read so, or where it ends and they are read the other way.
        let from_left = if self.is_rtl { WIDTH - place.start - place.width } else { place.start };
        let x = if place.ends == self.is_rtl { from_left } else { from_left + place.width - width };
        let descent = look.size * if self.is_rtl { 0.45 } else { 0.28 };
        for glyph in &line.glyphs {
            let letters = self.used.entry((glyph.font, glyph.id)).or_default();
            if letters.is_empty() {
                letters.clone_from(&glyph.letters);
            }
        }
        let Some(page) = self.pages.last_mut() else { return };
        let [red, green, blue] = look.colour;
        let content = &mut page.content;
        content.begin_text().set_fill_rgb(red, green, blue);
        content.set_text_matrix([1.0, 0.0, 0.0, 1.0, x, HEIGHT - y + descent]);
        for part in line.glyphs.chunk_by(|a, b| a.font == b.font && a.offset[1] == b.offset[1]) {
            show(content, part, (look.size, self.fonts));
        }
        content.end_text();
    }

    /// A thin line over the whole width.
    pub(super) fn rule(&mut self, y: f32, colour: [f32; 3]) {
        let Some(page) = self.pages.last_mut() else { return };
        let [red, green, blue] = colour;
        page.content.set_stroke_rgb(red, green, blue).set_line_width(0.5);
        page.content.move_to(SIDE, HEIGHT - y).line_to(WIDTH - SIDE, HEIGHT - y).stroke();
    }

    /// A sign: full, half full, empty, or with a broken edge.
    pub(super) fn sign(&mut self, mark: Mark, [x, y, width, height]: [f32; 4]) {
        let Some(page) = self.pages.last_mut() else { return };
        let content = &mut page.content;
        let [fill, edge] = match mark {
            Mark::Blocked => [RED, RED],
            Mark::Down => [OCHRE, OCHRE],
            Mark::Ok => [PALE, BLUE],
            Mark::Insufficient => [[1.0, 1.0, 1.0], SOFT],
        };
        content.save_state();
        content.set_fill_rgb(fill[0], fill[1], fill[2]);
        content.set_stroke_rgb(edge[0], edge[1], edge[2]).set_line_width(0.6);
        if mark == Mark::Insufficient {
            content.set_dash_pattern([1.5, 1.2], 0.0);
        }
        let floor = HEIGHT - y - height;
        if mark == Mark::Down && width == height {
            content.move_to(x, floor).line_to(x + width, floor).line_to(x, floor + height);
            content.close_path().fill_nonzero_and_stroke();
        } else {
            content.rect(x, floor, width, height).fill_nonzero_and_stroke();
        }
        content.restore_state();
    }
}

/// Shapes of one font at one height.
fn show(content: &mut Content, glyphs: &[Glyph], (size, fonts): (f32, &Fonts)) {
    let Some(first) = glyphs.first() else { return };
    content.set_font(Name(resource(first.font)), size).set_rise(first.offset[1] * size / 1000.0);
    let face = fonts.face(first.font);
    let mut shown = content.show_positioned();
    let mut items = shown.items();
    let mut pending = 0.0;
    for glyph in glyphs {
        pending -= glyph.offset[0];
        // What is less than a thousandth cannot be seen.
        if pending.abs() > 0.5 {
            items.adjust(pending);
            pending = 0.0;
        }
        items.show(Str(&glyph.id.to_be_bytes()));
        let own = face.map_or(0.0, |face| width(face, glyph.id));
        pending += own + glyph.offset[0] - glyph.advance;
    }
    if pending.abs() > 0.5 {
        items.adjust(pending);
    }
}

/// How far a shape moves the pen by itself: thousandths.
pub(super) fn width(face: &rustybuzz::Face<'_>, id: u16) -> f32 {
    let units = face.glyph_hor_advance(rustybuzz::ttf_parser::GlyphId(id)).unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "units of a font are small numbers")]
    let per_em = face.units_per_em() as f32;
    f32::from(units) * 1000.0 / per_em
}

/// Name of a font in the resources of a page.
pub(super) fn resource(font: Font) -> &'static [u8] {
    match font {
        Font::Latin => b"L",
        Font::LatinBold => b"LB",
        Font::Arabic => b"A",
        Font::ArabicBold => b"AB",
    }
}
