//! The letters that come with the program, and how they join.

use rustybuzz::{
    BufferClusterLevel, Direction, Face, GlyphBuffer, Language, Script, ShapePlan, UnicodeBuffer,
    script, shape_with_plan,
};

/// Which font.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Font {
    Latin,
    LatinBold,
    Arabic,
    ArabicBold,
}

impl Font {
    pub(super) const ALL: [Self; 4] =
        [Self::Latin, Self::LatinBold, Self::Arabic, Self::ArabicBold];

    /// Its name in the file. The six letters say that it is a part of the font.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Latin => "WWLATN+NotoSans",
            Self::LatinBold => "WWLATB+NotoSans-Bold",
            Self::Arabic => "WWARAB+NotoNaskhArabic",
            Self::ArabicBold => "WWARBB+NotoNaskhArabic-Bold",
        }
    }

    /// Its file.
    pub(super) fn bytes(self) -> &'static [u8] {
        match self {
            Self::Latin => include_bytes!("../../fonts/NotoSans-Regular.ttf"),
            Self::LatinBold => include_bytes!("../../fonts/NotoSans-Bold.ttf"),
            Self::Arabic => include_bytes!("../../fonts/NotoNaskhArabic-Regular.ttf"),
            Self::ArabicBold => include_bytes!("../../fonts/NotoNaskhArabic-Bold.ttf"),
        }
    }
}

/// All fonts, read.
pub(super) struct Fonts {
    faces: Vec<Face<'static>>,
    /// For each font: written from left to right, and from right to left.
    plans: Vec<[ShapePlan; 2]>,
}

/// A letter's shape at its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Glyph {
    pub(super) font: Font,
    pub(super) id: u16,
    /// In thousandths of the size: how far the pen moves, and the shape's place from the pen.
    pub(super) advance: f32,
    pub(super) offset: [f32; 2],
    /// The letters that it stands for; empty where another shape stands for them.
    pub(super) letters: String,
}

impl Fonts {
    /// None where a font that was compiled in cannot be read; a test holds that they can.
    pub(super) fn read() -> Option<Self> {
        let faces: Option<Vec<_>> =
            Font::ALL.iter().map(|font| Face::from_slice(font.bytes(), 0)).collect();
        let faces = faces?;
        let plan = |face: &Face<'_>, font: Font, direction| {
            let language = language_of(font);
            ShapePlan::new(face, direction, Some(script_of(font)), language.as_ref(), &[])
        };
        let both = |(face, font): (&Face<'_>, Font)| {
            [Direction::LeftToRight, Direction::RightToLeft].map(|it| plan(face, font, it))
        };
        let plans = faces.iter().zip(Font::ALL).map(both).collect();
        Some(Self { faces, plans })
    }

    pub(super) fn face(&self, font: Font) -> Option<&Face<'static>> {
        self.faces.get(font as usize)
    }

    /// Whether a font has this letter.
    pub(super) fn has(&self, font: Font, letter: char) -> bool {
        self.face(font).is_some_and(|face| face.glyph_index(letter).is_some())
    }

    /// The shapes of a piece of text in one font and direction, in the order in which they stand from left to right.
    pub(super) fn shape(&self, text: &str, font: Font, is_rtl: bool) -> Vec<Glyph> {
        let (Some(face), Some([ltr, rtl])) = (self.face(font), self.plans.get(font as usize))
        else {
            return Vec::new();
        };
        let (plan, direction) =
            if is_rtl { (rtl, Direction::RightToLeft) } else { (ltr, Direction::LeftToRight) };
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(text);
        buffer.set_cluster_level(BufferClusterLevel::Characters);
        buffer.set_direction(direction);
        buffer.set_script(script_of(font));
        if let Some(language) = language_of(font) {
            buffer.set_language(language);
        }
        glyphs(text, (font, face), &shape_with_plan(face, plan, buffer))
    }
}

fn script_of(font: Font) -> Script {
    match font {
        Font::Latin | Font::LatinBold => script::LATIN,
        Font::Arabic | Font::ArabicBold => script::ARABIC,
    }
}

/// Urdu has forms of its own for some letters and digits.
fn language_of(font: Font) -> Option<Language> {
    match font {
        Font::Latin | Font::LatinBold => None,
        Font::Arabic | Font::ArabicBold => "ur".parse().ok(),
    }
}

fn glyphs(text: &str, (font, face): (Font, &Face<'_>), shaped: &GlyphBuffer) -> Vec<Glyph> {
    let mut starts: Vec<usize> =
        shaped.glyph_infos().iter().map(|it| it.cluster as usize).collect();
    starts.sort_unstable();
    starts.dedup();
    let mut told = std::collections::BTreeSet::new();
    let mut letters = |start: usize| {
        if !told.insert(start) {
            return String::new();
        }
        let next = starts.partition_point(|it| *it <= start);
        let end = starts.get(next).copied().unwrap_or(text.len());
        text.get(start..end).unwrap_or_default().to_owned()
    };
    #[expect(clippy::cast_precision_loss, reason = "units of a font are small numbers")]
    let scaled = |units: i32| units as f32 * 1000.0 / face.units_per_em() as f32;
    let both = shaped.glyph_infos().iter().zip(shaped.glyph_positions());
    both.map(|(info, position)| Glyph {
        font,
        id: u16::try_from(info.glyph_id).unwrap_or_default(),
        advance: scaled(position.x_advance),
        offset: [scaled(position.x_offset), scaled(position.y_offset)],
        letters: letters(info.cluster as usize),
    })
    .collect()
}
