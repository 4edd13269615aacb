//! How it was measured and judged, and what that cannot say. Rules come from the code.

use wirewitness_analysis::judge::rules;
use wirewitness_model::case::{Judge, Rule};

use super::Told;
use super::blocks::{Block, Cell, Span, Table, foreign, harmless};
use super::tables::{more, number, text};
use crate::words::Words;

pub(super) fn method(told: &Told<'_>) -> Vec<Block> {
    let (words, case) = (told.words, told.case);
    let mut blocks = vec![Block::Heading("method", words.say("report-method"))];
    for at in 1..=4 {
        blocks.push(Block::Text(vec![Span::Words(words.say(&format!("report-method-{at}")))]));
    }
    if case.total.all() == 0 {
        return blocks;
    }
    blocks.push(Block::Table(Table {
        caption: words.say("report-rules-says"),
        head: vec![
            text(words, "report-col-rule"),
            text(words, "report-col-rule-says"),
            number(words, "report-col-measurements"),
        ],
        rows: case.rules.iter().map(|it| rule(words, it)).collect(),
        after: None,
    }));
    blocks.push(Block::Table(Table {
        caption: words.say("report-data-says"),
        head: ["judge", "program", "files"]
            .map(|it| text(words, &format!("report-col-{it}")))
            .into(),
        rows: case.judges.iter().map(|it| judge(words, it)).collect(),
        after: None,
    }));
    let origins = case.origins.iter();
    blocks.push(Block::Table(Table {
        caption: words.say("report-origins-says"),
        head: vec![text(words, "report-col-origin"), number(words, "report-col-measurements")],
        rows: origins
            .map(|(origin, count)| vec![Cell::foreign(origin), Cell::words(words.count(*count))])
            .collect(),
        after: None,
    }));
    blocks.push(sources(told));
    blocks
}

fn rule(words: &Words, rule: &Rule) -> Vec<Cell> {
    let known = rules().find(|it| it.id == rule.id && u64::from(it.version) == rule.version);
    let says = match known {
        Some(known) => Span::English(known.says.to_owned()),
        None => Span::Words(words.say("report-rule-other")),
    };
    vec![
        Cell::foreign(&format!("{}@{}", rule.id, rule.version)),
        Cell { mark: None, spans: vec![says] },
        Cell::words(words.count(rule.count)),
    ]
}

fn judge(words: &Words, judge: &Judge) -> Vec<Cell> {
    let Some((program, rules)) = &judge.program else {
        let unknown = Cell::words(words.say("report-judge-unknown"));
        return vec![Cell::foreign(&judge.name), unknown, Cell::words("–")];
    };
    let mut files = Vec::new();
    for (name, sha256) in &judge.files {
        files.extend([foreign(name), Span::Words(" ".to_owned())]);
        files.extend([foreign(sha256), Span::Words(" ".to_owned())]);
    }
    if files.is_empty() {
        files.push(Span::Words(words.say("report-judge-builtin")));
    }
    vec![
        Cell::foreign(&judge.name),
        Cell::foreign(&format!("{program} {rules}")),
        Cell { mark: None, spans: files },
    ]
}

fn sources(told: &Told<'_>) -> Block {
    let (words, sources) = (told.words, &told.case.sources);
    let rows = sources.rows.iter().map(|source| {
        let count = |count: u64| Cell::words(words.count(count));
        vec![
            Cell::foreign(&source.sha256),
            Cell::foreign(&source.format),
            count(source.bytes),
            count(source.records),
            count(source.refused),
        ]
    });
    Block::Table(Table {
        caption: words.say("report-sources-says"),
        head: vec![
            text(words, "report-col-sha256"),
            text(words, "report-col-format"),
            number(words, "report-col-bytes"),
            number(words, "report-col-records"),
            number(words, "report-col-refused"),
        ],
        rows: rows.collect(),
        after: more(words, sources.more()),
    })
}

pub(super) fn limits(told: &Told<'_>) -> Vec<Block> {
    let words = told.words;
    let kinds = ["interception", "who", "vendor", "silence", "numbers", "place"];
    let limits = kinds.map(|it| vec![Span::Words(words.say(&format!("report-limit-{it}")))]);
    let mut blocks =
        vec![Block::Heading("limits", words.say("report-limits")), Block::List(limits.into())];
    if !told.case.cannot_tell.is_empty() {
        let rows = told.case.cannot_tell.iter().map(|(what, count)| {
            // Rules wrote it, and an archive may come from elsewhere.
            let what = vec![Span::English(harmless(what, 600))];
            vec![Cell { mark: None, spans: what }, Cell::words(words.count(*count))]
        });
        blocks.push(Block::Table(Table {
            caption: words.say("report-cannot-says"),
            head: vec![text(words, "report-col-cannot"), number(words, "report-col-measurements")],
            rows: rows.collect(),
            after: None,
        }));
    }
    blocks
}
