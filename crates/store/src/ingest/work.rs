//! Pieces of files into rows, on several threads.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use wirewitness_analysis::condense::{Unread, condense};
use wirewitness_model::ooni::Measurement;

use super::columns::Expected;
use super::gate::Gate;
use super::record::{Head, Tables, Taking, id_of};
use super::{FileEnd, Judging, Piece, Progress, Refused};
use crate::error::StoreError;

/// A piece of a file and its place among all pieces.
pub(super) struct Work {
    pub(super) number: u64,
    pub(super) piece: Piece,
}

/// What became of it.
pub(super) struct Done {
    pub(super) number: u64,
    pub(super) file: Arc<str>,
    pub(super) heads: Vec<Head>,
    /// Rows of `measurement`, `observation` and `verdict`.
    pub(super) rows: Result<[RecordBatch; 3], StoreError>,
    pub(super) refused: Vec<Refused>,
    pub(super) end: Option<FileEnd>,
    pub(super) is_cut: bool,
}

/// Takes work until there is no more.
pub(super) fn run(
    works: &Mutex<Receiver<Work>>,
    done: &SyncSender<Done>,
    judging: &Judging,
    (progress, gate): (&Progress, &Gate),
) {
    let next = || works.lock().ok()?.recv().ok();
    let mut expected = <[Expected; 3]>::default();
    while let Some(mut work) = next() {
        let records =
            (work.piece.ends.len() + work.piece.afar.len() + work.piece.captured.len()) as u64;
        let text = std::mem::take(&mut work.piece.text);
        let judged = judge(work, &text, (judging, &expected));
        if let (Ok(rows), false) = (&judged.rows, text.is_empty()) {
            expected = rows.each_ref().map(|rows| Expected::after(rows, text.len()));
        }
        gate.leave(text);
        if done.send(judged).is_err() {
            return;
        }
        progress.records.fetch_add(records, Ordering::Relaxed);
    }
}

fn judge(work: Work, records: &str, (judging, expected): (&Judging, &[Expected; 3])) -> Done {
    let Work { number, piece } = work;
    let context = judging.context();
    let taking = Taking { source: &piece.file, judged_with: judging.name(), context: &context };
    let mut tables = Tables::expecting(expected, records.len());
    let mut refused = piece.refused;
    let mut from = 0;
    let told_as = || member_name(&piece.file, piece.member.as_deref());
    for (end, line) in piece.ends {
        let text = records.get(from..end).unwrap_or_default();
        from = end;
        if let Err(reason) = take(&mut tables, text, &taking) {
            refused.push(Refused { file: told_as(), line, reason, text: head(text) });
        }
    }
    for afar in &piece.afar {
        if let Err(reason) = tables.take_afar(afar, (taking.source, taking.judged_with)) {
            let (file, line) = (told_as(), afar.line());
            refused.push(Refused { file, line, reason, text: String::new() });
        }
    }
    for captured in &piece.captured {
        if let Err(reason) = tables.take_captured(captured, &taking) {
            refused.push(Refused { file: told_as(), line: 0, reason, text: String::new() });
        }
    }
    refused.sort_by_key(|refused| refused.line);
    let Tables { mut measurement, mut observation, mut verdict, heads } = tables;
    let rows = measurement
        .finish()
        .and_then(|measurement| Ok([measurement, observation.finish()?, verdict.finish()?]));
    let (file, end, is_cut) = (piece.file, piece.end, piece.is_cut);
    Done { number, file, heads, rows, refused, end, is_cut }
}

fn take(tables: &mut Tables, text: &str, taking: &Taking<'_>) -> Result<(), String> {
    let unread = Unread::condense(text, taking.context);
    if let Some((document, measurement)) = unread.as_ref().and_then(Unread::read) {
        return tables.take(id_of(text), (document, &measurement), taking);
    }
    let read = |text| Measurement::from_json(text).map_err(|error| error.to_string());
    let measurement = read(text)?;
    let document = condense(text, &measurement, taking.context);
    let document = document.map_err(|error| error.to_string())?;
    // What is judged is what is kept, so that judging it again says the same.
    let condensed = Measurement::from_json(&document).map_err(|error| error.to_string())?;
    tables.take(id_of(text), (&document, &condensed), taking)
}

/// The file, and of a file that holds files its member.
pub(super) fn member_name(file: &Arc<str>, member: Option<&str>) -> Arc<str> {
    member.map_or_else(|| Arc::clone(file), |member| format!("{file}: {member}").into())
}

/// The beginning of a refused record.
fn head(text: &str) -> String {
    let mut end = text.len().min(Refused::TEXT_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}
