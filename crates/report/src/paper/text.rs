//! Text into lines: shaped, broken, and each line in the order of the eye (Unicode bidirectional algorithm, UAX #9).

use std::ops::Range;

use unicode_bidi::{Level, ParagraphBidiInfo};

use super::fonts::{Font, Fonts, Glyph};
use crate::case::blocks::Span;

/// A line, from left to right.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    pub(super) glyphs: Vec<Glyph>,
    /// Thousandths of the size.
    pub(super) width: f32,
}

/// Whether letters are bold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Bold,
}

/// A paragraph, measured.
pub(super) struct Paragraph {
    text: String,
    is_rtl: bool,
    weight: Weight,
    /// Pieces between which a line may end, and their widths without and with what is blank at the end.
    pieces: Vec<(Range<usize>, [f32; 2])>,
}

impl Paragraph {
    pub(super) fn of(fonts: &Fonts, spans: &[Span], (weight, is_rtl): (Weight, bool)) -> Self {
        let (text, loose) = joined(fonts, spans);
        let mut paragraph = Self { text, is_rtl, weight, pieces: Vec::new() };
        for range in pieces(&paragraph.text, &loose) {
            let piece = paragraph.text.get(range.clone()).unwrap_or_default();
            let widths = [piece.trim_end(), piece].map(|it| paragraph.measured(fonts, it));
            paragraph.pieces.push((range, widths));
        }
        paragraph
    }

    /// Width in one line, and that of the widest piece: thousandths of the size.
    pub(super) fn widths(&self) -> [f32; 2] {
        let all = self.pieces.iter().map(|(_, [_, full])| full).sum();
        [all, self.pieces.iter().map(|(_, [bare, _])| *bare).fold(0.0, f32::max)]
    }

    /// Lines of at most this width. What has no place to break is broken anywhere.
    pub(super) fn lines(&self, fonts: &Fonts, most: f32) -> Vec<Line> {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        let mut used = 0.0;
        for (range, [bare, full]) in &self.pieces {
            let fits = used + bare <= most;
            match ranges.last_mut() {
                Some(last) if fits => {
                    last.end = range.end;
                    used += full;
                }
                _ if *bare <= most => {
                    ranges.push(range.clone());
                    used = *full;
                }
                _ => {
                    let cut = self.cut(fonts, range, most);
                    used = cut.1;
                    ranges.extend(cut.0);
                }
            }
        }
        let info = ParagraphBidiInfo::new(&self.text, Some(self.level()));
        ranges.into_iter().map(|range| self.line(fonts, &info, range)).collect()
    }

    /// A piece that is wider than a line, cut between letters, and the width of the last part.
    fn cut(&self, fonts: &Fonts, range: &Range<usize>, most: f32) -> (Vec<Range<usize>>, f32) {
        let (mut parts, mut start, mut used) = (Vec::new(), range.start, 0.0);
        let piece = self.text.get(range.clone()).unwrap_or_default();
        for (at, letter) in piece.char_indices() {
            let width = self.measured(fonts, letter.encode_utf8(&mut [0; 4]));
            if used + width > most && range.start + at > start {
                parts.push(start..range.start + at);
                (start, used) = (range.start + at, 0.0);
            }
            used += width;
        }
        parts.push(start..range.end);
        (parts, used)
    }

    fn level(&self) -> Level {
        if self.is_rtl { Level::rtl() } else { Level::ltr() }
    }

    fn line(&self, fonts: &Fonts, info: &ParagraphBidiInfo<'_>, range: Range<usize>) -> Line {
        let text = self.text.get(range.clone()).unwrap_or_default();
        let range = range.start..range.start + text.trim_end().len();
        let mut line = Line::default();
        if range.is_empty() {
            return line;
        }
        let (levels, runs) = info.visual_runs(range);
        for run in runs {
            let is_rtl = levels.get(run.start).is_some_and(Level::is_rtl);
            line.glyphs.extend(self.run(fonts, self.text.get(run).unwrap_or_default(), is_rtl));
        }
        line.width = line.glyphs.iter().map(|it| it.advance).sum();
        line
    }

    fn run(&self, fonts: &Fonts, text: &str, is_rtl: bool) -> Vec<Glyph> {
        let parts = self.by_font(fonts, text);
        let mut shaped: Vec<Vec<Glyph>> =
            parts.iter().map(|(font, part)| fonts.shape(part, *font, is_rtl)).collect();
        if is_rtl {
            shaped.reverse();
        }
        shaped.into_iter().flatten().collect()
    }

    /// Parts of a text that one font each can write, in its order; what is not seen is left out.
    fn by_font(&self, fonts: &Fonts, text: &str) -> Vec<(Font, String)> {
        let mut parts: Vec<(Font, String)> = Vec::new();
        for letter in text.chars().filter(|it| !is_unseen(*it)) {
            let before = parts.last().map(|(font, _)| *font);
            let font = self.font(fonts, letter, before);
            match parts.last_mut() {
                Some((last, part)) if *last == font => part.push(letter),
                _ => parts.push((font, letter.to_string())),
            }
        }
        parts
    }

    /// The font of a letter: the one before, if it has it, else the one of its script.
    fn font(&self, fonts: &Fonts, letter: char, before: Option<Font>) -> Font {
        let [latin, arabic] = match self.weight {
            Weight::Regular => [Font::Latin, Font::Arabic],
            Weight::Bold => [Font::LatinBold, Font::ArabicBold],
        };
        if letter.is_ascii_alphanumeric() {
            return latin;
        }
        let first = before.unwrap_or(if self.is_rtl { arabic } else { latin });
        let other = if first == latin { arabic } else { latin };
        if !fonts.has(first, letter) && fonts.has(other, letter) { other } else { first }
    }

    /// The width does not hang on the order, so directions by font do.
    fn measured(&self, fonts: &Fonts, text: &str) -> f32 {
        let parts = self.by_font(fonts, text);
        let is_arabic = |font: &Font| matches!(font, Font::Arabic | Font::ArabicBold);
        let glyphs =
            parts.iter().flat_map(|(font, part)| fonts.shape(part, *font, is_arabic(font)));
        glyphs.map(|it| it.advance).sum()
    }
}

/// All spans as one text, each that is not in the report's language set apart; and where lines may end within words.
fn joined(fonts: &Fonts, spans: &[Span]) -> (String, Vec<Range<usize>>) {
    let (mut text, mut loose) = (String::new(), Vec::new());
    for span in spans {
        let own = drawable(fonts, span.text());
        match span {
            Span::Words(_) => text.push_str(&own),
            Span::English(_) | Span::Foreign(_) => {
                text.push(if matches!(span, Span::English(_)) { LTR } else { FIRST });
                let start = text.len();
                text.push_str(&own);
                if matches!(span, Span::Foreign(_)) {
                    loose.push(start..text.len());
                }
                text.push(POP);
            }
        }
    }
    (text, loose)
}

/// Letters that no font here has are written as their numbers.
fn drawable(fonts: &Fonts, text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        let is_known = [Font::Latin, Font::Arabic].into_iter().any(|font| fonts.has(font, letter));
        match letter {
            '\n' | '\t' => out.push(' '),
            _ if is_known || matches!(letter, '\u{2068}' | '\u{2069}') => out.push(letter),
            _ => out.extend(letter.escape_unicode()),
        }
    }
    out
}

/// Pieces between which a line may end: after blanks, and in what is no prose also after marks, and within long rows of letters (hashes)
/// after every eighth.
fn pieces(text: &str, loose: &[Range<usize>]) -> Vec<Range<usize>> {
    let (mut found, mut start, mut run) = (Vec::new(), 0, [0; 2]);
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let end = at + letter.len_utf8();
        if !letter.is_alphanumeric() {
            run = [0; 2];
        } else if run[1] == 0 {
            let rest = text.get(at..).unwrap_or_default().chars();
            run = [1, rest.take(64).take_while(|it| it.is_alphanumeric()).count()];
        } else {
            run[0] += 1;
        }
        let is_loose = loose.iter().any(|range| range.contains(&at) && end < range.end);
        let is_mark =
            matches!(letter, '/' | '.' | '-' | '_' | '?' | '&' | '=' | '@' | ':' | ',' | '%');
        let is_within = run[1] > 16 && run[0] > 0 && run[0] % 8 == 0;
        let may_end = letter == ' ' || is_loose && (is_mark || is_within);
        if may_end && letters.peek().is_none_or(|(_, next)| *next != ' ') {
            found.push(start..end);
            start = end;
        }
    }
    if start < text.len() {
        found.push(start..text.len());
    }
    found
}

fn is_unseen(letter: char) -> bool {
    matches!(letter, '\u{2066}'..='\u{2069}')
}

/// Sets apart what is written from left to right.
const LTR: char = '\u{2066}';
/// Sets apart what is written as its first letter is.
const FIRST: char = '\u{2068}';
/// Ends what is set apart.
const POP: char = '\u{2069}';

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str, is_loose: bool) -> Vec<&str> {
        let all = 0..text.len();
        let loose = is_loose.then_some(all);
        pieces(text, loose.as_slice()).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn lines_end_where_it_hurts_least() {
        assert_eq!(cut("a  b c", false), ["a  ", "b ", "c"]);
        assert_eq!(cut("dns.injection.other", true), ["dns.", "injection.", "other"]);
        assert_eq!(cut("dns.injection.other", false), ["dns.injection.other"]);
        assert_eq!(cut("0123456789abcdef01", true), ["01234567", "89abcdef", "01"]);
        assert_eq!(cut("0123456789abcdef", true), ["0123456789abcdef"]);
        assert!(cut("", true).is_empty());
    }
}
