//! A report as blocks, without a look: what a page and a sheet of paper are both made of.

/// A part of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// The title of all.
    Title(String),
    /// A heading, and the name by which it can be linked to.
    Heading(&'static str, String),
    /// A paragraph.
    Text(Vec<Span>),
    /// A paragraph that must not be overlooked.
    Note(Vec<Span>),
    /// Sentences that belong together.
    List(Vec<Vec<Span>>),
    /// What is what.
    Pairs(Vec<(String, Vec<Span>)>),
    /// Rows.
    Table(Table),
    /// Measurements over time.
    Chart(Chart),
    /// What follows begins a page of its own.
    NewPage,
}

/// A piece of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// In the report's language.
    Words(String),
    /// In English whatever the report's language is: words of rules and of sources.
    English(String),
    /// From the archive: written by anybody. Made by [`foreign`] only.
    Foreign(String),
}

/// Rows with a head.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// Heads of the columns.
    pub head: Vec<Column>,
    /// The rows, each with as many cells as there are columns.
    pub rows: Vec<Vec<Cell>>,
    /// What is said below it: how many rows there are that are not shown.
    pub after: Option<String>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its head.
    pub title: String,
    /// Numbers stand at the end of their column.
    pub is_number: bool,
}

/// A cell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    /// A mark in front of the text.
    pub mark: Option<Mark>,
    /// The text.
    pub spans: Vec<Span>,
}

/// What measurements came to, as a sign that does without colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Full.
    Blocked,
    /// Half full.
    Down,
    /// Empty.
    Ok,
    /// Striped, with a broken edge: not an answer.
    Insufficient,
}

/// Bars over time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chart {
    /// What it shows, for who does not see it.
    pub says: String,
    /// Counts of each bar: blocked, down, ok, insufficient.
    pub bars: Vec<[u64; 4]>,
    /// What the marks stand for.
    pub legend: Vec<(Mark, String)>,
    /// Words below the first bar and the last one.
    pub ends: [String; 2],
    /// The highest bar, and that number in words.
    pub most: (u64, String),
}

impl Mark {
    /// In the order of [`Chart::bars`].
    pub const ALL: [Self; 4] = [Self::Blocked, Self::Down, Self::Ok, Self::Insufficient];

    /// A word for it in code.
    pub fn word(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Down => "down",
            Self::Ok => "ok",
            Self::Insufficient => "insufficient",
        }
    }
}

impl Span {
    /// Its text.
    pub fn text(&self) -> &str {
        match self {
            Self::Words(text) | Self::English(text) | Self::Foreign(text) => text,
        }
    }
}

impl Cell {
    /// Words of the report.
    pub fn words(text: impl Into<String>) -> Self {
        Self { mark: None, spans: vec![Span::Words(text.into())] }
    }

    /// Text of the archive.
    pub fn foreign(text: &str) -> Self {
        Self { mark: None, spans: vec![foreign(text)] }
    }

    /// With a mark.
    #[must_use]
    pub fn marked(self, mark: Mark) -> Self {
        Self { mark: Some(mark), ..self }
    }
}

/// Text that anybody may have written: bounded, and without letters that steer a terminal, a page or the direction of writing.
pub fn foreign(text: &str) -> Span {
    Span::Foreign(harmless(text, MOST_LETTERS))
}

/// The same, of so many letters at most. What is cut off is told by three dots.
pub fn harmless(text: &str, most: usize) -> String {
    let mut safe: String = text.chars().take(most).map(shown).collect();
    if text.chars().nth(most).is_some() {
        safe.push('…');
    }
    safe
}

fn shown(letter: char) -> char {
    if letter == '\n' || letter == '\t' {
        return ' ';
    }
    let is_unseen = matches!(letter, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    if letter.is_control() || is_unseen { '\u{fffd}' } else { letter }
}

/// Letters of a name, title or address.
const MOST_LETTERS: usize = 160;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_short_and_steers_nothing() {
        assert_eq!(
            harmless("a\u{1b}[31m\u{202e}b\u{2067}\u{200f}\u{85}", 9),
            "a\u{fffd}[31m\u{fffd}b\u{fffd}…"
        );
        assert_eq!(foreign(&"x".repeat(1 << 20)).text().chars().count(), MOST_LETTERS + 1);
        assert_eq!(foreign("https://a.example/ä?b=<i>").text(), "https://a.example/ä?b=<i>");
    }
}
