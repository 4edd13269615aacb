//! Statements about events as rows, and back.

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::Int32Type;
use wirewitness_analysis::events::{Event, Kind, Spell, Statement, Turn};
use wirewitness_model::verdict::Confidence;

use super::names::Names;
use crate::error::StoreError;
use crate::ingest::columns::Rows;
use crate::schema::EVENT;

/// How certain an event is: `stated`, `unconfirmed` or `standing`.
pub fn certainty(event: &Event) -> &'static str {
    if event.confidence == Confidence::Low {
        "unconfirmed"
    } else if event.kind == Kind::Shutdown || event.spells.iter().any(Spell::is_seen) {
        "stated"
    } else {
        "standing"
    }
}

/// All statements, in the order in which they were made, as rows.
pub(super) fn rows(statements: &[Statement], names: &Names) -> Result<RecordBatch, StoreError> {
    let mut rows = Rows::of(&EVENT);
    for statement in statements {
        row(&mut rows, statement, names);
    }
    rows.finish()
}

fn row(rows: &mut Rows, statement: &Statement, names: &Names) {
    let event = &statement.event;
    let end = event.end.as_ref();
    let kind = match event.kind {
        Kind::Block => "block",
        Kind::Shutdown => "shutdown",
    };
    let targets = names.of(&event.targets);
    rows.text(Some(&statement.name))
        .text(Some(&event.id))
        .int(i32::try_from(statement.revision).ok())
        .flag(Some(statement.holds()))
        .text(statement.superseded_by.as_deref())
        .flag(Some(statement.withdrawn))
        .text(Some(kind))
        .text(Some(certainty(event)))
        .text(Some(&event.country.to_string()))
        .flag(Some(event.country_wide));
    times(rows, &event.start);
    rows.time(end.and_then(|turn| turn.after_s.map(micros)))
        .time(end.map(|turn| micros(turn.at_s)))
        .time(end.map(|turn| micros(turn.seen_s)))
        .texts(Some(targets.iter().map(String::as_str)))
        .longs(event.networks.iter().copied().map(i64::from))
        .longs(event.networks_against.iter().copied().map(i64::from))
        .texts(Some(event.mechanisms.iter().map(|(mechanism, _)| mechanism.word())))
        .long(Some(i64::from(event.counts.blocked)))
        .long(Some(i64::from(event.counts.ok)))
        .long(Some(i64::from(event.counts.down)))
        .long(Some(i64::from(event.vantages)))
        .text(Some(event.confidence.word()))
        .text(serde_json::to_string(event).ok().as_deref())
        .end();
}

fn times(rows: &mut Rows, start: &Turn) {
    rows.time(start.after_s.map(micros))
        .time(Some(micros(start.at_s)))
        .time(Some(micros(start.seen_s)));
}

fn micros(seconds: i64) -> i64 {
    seconds.saturating_mul(1_000_000)
}

/// Statements of some rows, and the names that they know their targets by. Sorted by name, so that they are in one order however they were kept.
pub(super) fn read(
    path: &str,
    batches: &[RecordBatch],
) -> Result<(Vec<Statement>, Names), StoreError> {
    let mut statements = Vec::new();
    let mut names = Names::default();
    for batch in batches {
        let some = Columns::of(batch).ok_or_else(|| damaged(path, "a column is missing"))?;
        for row in 0..batch.num_rows() {
            let (statement, targets) = some.row(path, row)?;
            let numbers = statement.event.targets.iter();
            numbers.zip(&targets).for_each(|(number, name)| names.insert(*number, name));
            statements.push(statement);
        }
    }
    statements.sort_by(|a, b| {
        (&a.event.id, a.revision, &a.name).cmp(&(&b.event.id, b.revision, &b.name))
    });
    Ok((statements, names))
}

struct Columns<'b> {
    name: &'b arrow::array::StringArray,
    revision: &'b arrow::array::Int32Array,
    superseded_by: &'b arrow::array::StringArray,
    withdrawn: &'b arrow::array::BooleanArray,
    targets: &'b arrow::array::ListArray,
    detail: &'b arrow::array::StringArray,
}

impl<'b> Columns<'b> {
    fn of(batch: &'b RecordBatch) -> Option<Self> {
        let text = |name| batch.column_by_name(name)?.as_string_opt::<i32>();
        Some(Self {
            name: text("statement")?,
            revision: batch.column_by_name("revision")?.as_primitive_opt::<Int32Type>()?,
            superseded_by: text("superseded_by")?,
            withdrawn: batch.column_by_name("withdrawn")?.as_boolean_opt()?,
            targets: batch.column_by_name("targets")?.as_list_opt()?,
            detail: text("detail")?,
        })
    }

    fn row(&self, path: &str, row: usize) -> Result<(Statement, Vec<String>), StoreError> {
        let wrong = |error: serde_json::Error| damaged(path, &format!("a statement: {error}"));
        let event: Event = serde_json::from_str(self.detail.value(row)).map_err(wrong)?;
        let targets = self.targets.value(row);
        let targets = targets.as_string_opt::<i32>().map(|texts| {
            texts.iter().map(|text| text.unwrap_or_default().to_owned()).collect::<Vec<_>>()
        });
        let next = &self.superseded_by;
        let statement = Statement {
            name: self.name.value(row).to_owned(),
            revision: u32::try_from(self.revision.value(row)).unwrap_or(0),
            event,
            superseded_by: (!next.is_null(row)).then(|| next.value(row).to_owned()),
            withdrawn: self.withdrawn.value(row),
        };
        Ok((statement, targets.unwrap_or_default()))
    }
}

fn damaged(path: &str, reason: &str) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), reason: reason.to_owned() }
}
