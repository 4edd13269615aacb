//! What is documented about the systems, each sentence with its source and grade. None of it is measured here.

use std::sync::OnceLock;

use super::Told;
use super::blocks::{Block, Cell, Span, Table};
use super::tables::text;

/// A documented sentence; its words are in the catalogue, `system-<id>`.
#[derive(Debug, Clone, Default)]
struct Documented {
    id: String,
    system: String,
    grade: String,
    dated: String,
    source: String,
}

pub(super) fn systems(told: &Told<'_>) -> Vec<Block> {
    let words = told.words;
    let say = |id: &str| Span::Words(words.say(id));
    let mut blocks = vec![
        Block::NewPage,
        Block::Heading("systems", words.say("report-systems")),
        Block::Note(vec![say("report-systems-lims")]),
        Block::Text(vec![say("report-systems-why")]),
        Block::Text(vec![say("report-systems-intro")]),
        Block::Text(vec![say("report-systems-amnesty")]),
        Block::List(GRADES.map(|it| vec![say(&format!("report-grade-{it}"))]).into()),
    ];
    for system in SYSTEMS {
        let rows = rows().iter().filter(|row| row.system == system).map(|row| {
            let source = format!("{} ({})", row.source, row.dated);
            vec![
                Cell::words(words.say(&format!("system-{}", row.id))),
                Cell { mark: None, spans: vec![Span::English(source)] },
                Cell { mark: None, spans: vec![Span::English(row.grade.clone())] },
            ]
        });
        blocks.push(Block::Table(Table {
            caption: words.say(&format!("report-system-{system}")),
            head: vec![
                text(words, "report-col-documented"),
                text(words, "report-col-source"),
                text(words, "report-grade"),
            ],
            rows: rows.collect(),
            after: None,
        }));
    }
    blocks.push(Block::Text(vec![say("report-colophon")]));
    blocks
}

/// The rows of the data file; a test holds that none is missing.
fn rows() -> &'static [Documented] {
    static ROWS: OnceLock<Vec<Documented>> = OnceLock::new();
    ROWS.get_or_init(|| {
        let table: toml::Table = toml::from_str(TEXT).unwrap_or_default();
        let rows = table.get("row").and_then(|it| it.as_array());
        rows.into_iter().flatten().map(documented).collect()
    })
}

fn documented(row: &toml::Value) -> Documented {
    let text = |key: &str| row.get(key).and_then(|it| it.as_str()).unwrap_or_default().to_owned();
    Documented {
        id: text("id"),
        system: text("system"),
        grade: text("grade"),
        dated: text("dated"),
        source: text("source"),
    }
}

const TEXT: &str = include_str!("../../data/systems.toml");
const SYSTEMS: [&str; 3] = ["lims", "wms1", "wms2"];
const GRADES: [&str; 4] = ["A", "B", "C", "D"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Language;

    #[test]
    fn every_row_has_its_sentence_source_and_grade() {
        assert_eq!(rows().len(), TEXT.matches("[[row]]").count());
        for row in rows() {
            assert!(SYSTEMS.contains(&row.system.as_str()), "{row:?}");
            assert!(GRADES.contains(&row.grade.as_str()), "{row:?}");
            assert!(row.dated.starts_with("20") && row.source.len() > 8, "{row:?}");
            for language in Language::ALL {
                assert!(language.words().has(&format!("system-{}", row.id)), "{row:?}");
            }
        }
        for system in SYSTEMS {
            assert!(rows().iter().filter(|row| row.system == system).count() >= 8, "{system}");
        }
    }

    #[test]
    fn each_grade_of_evidence_is_there_and_the_passive_system_is_graded_from_documents_only() {
        for grade in GRADES {
            assert!(rows().iter().any(|row| row.grade == grade), "{grade}");
        }
        let says = Language::English.words().say("report-systems-lims");
        assert_eq!(says, "LIMS cannot be detected from outside.");
    }
}
