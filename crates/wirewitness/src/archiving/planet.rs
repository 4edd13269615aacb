//! Scans of Censored Planet: rows judged with what the other files of their scan say.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wirewitness_analysis::judge::planet::companions::Companions;
use wirewitness_analysis::judge::planet::{Scene, judge};
use wirewitness_model::planet::Row;
use wirewitness_model::planet::source::{Role, Source};
use wirewitness_store::ingest::{Afar, Judging};

use super::meter::Meter;
use super::raw::{Held, Raw};
use crate::input::Record;
use crate::input::frame::Records;
use crate::input::packed;

/// The scan at hand.
pub(super) struct Scans<'j> {
    judging: &'j Judging,
    /// What the files of a folder say, where a row of it needed them.
    held: Option<(PathBuf, Companions<'j>)>,
    nothing: Companions<'j>,
}

/// What a row came to.
pub(super) enum Seen {
    /// A measurement.
    Afar(Box<Afar>),
    /// It only helps to judge others.
    Side,
    /// It cannot be used.
    Refused(String),
}

impl<'j> Scans<'j> {
    pub(super) fn new(judging: &'j Judging) -> Self {
        let nothing = Companions::new(judging.context().fingerprints);
        Self { judging, held: None, nothing }
    }

    /// Reads and judges a row. `folder` is where the other files of the scan are.
    pub(super) fn row(
        &mut self,
        record: &Record<'_>,
        source: &Source,
        folder: Option<&Path>,
    ) -> Seen {
        let row = match Row::read(record.text, source) {
            Ok(row) => row,
            Err(refusal) => return Seen::Refused(refusal.to_string()),
        };
        let judging = self.judging;
        let context = judging.context();
        let needs_others = matches!(row, Row::Satellite(_) | Row::Control(_));
        let companions = match (needs_others, folder) {
            (false, _) => &self.nothing,
            (true, Some(folder)) => self.folder(folder),
            (true, None) => {
                let words =
                    "its resolvers and controls are in other files: unpack the scan into a folder";
                return Seen::Refused(words.to_owned());
            }
        };
        match judge(&row, &Scene { source, companions, context: &context }) {
            Some(remote) => Seen::Afar(Box::new(Afar::new(record.text, record.line, remote))),
            None => Seen::Side,
        }
    }

    fn folder(&mut self, folder: &Path) -> &Companions<'j> {
        let is_there = self.held.as_ref().is_some_and(|(held, _)| held == folder);
        if !is_there {
            self.held = None;
            let mut companions = Companions::new(self.judging.context().fingerprints);
            feed(&mut companions, folder);
            self.held = Some((folder.to_owned(), companions));
        }
        self.held.as_ref().map_or(&self.nothing, |(_, companions)| companions)
    }
}

/// Whether a record is a row of a scan.
pub(super) fn is_row(record: &Record<'_>, source: &Source) -> bool {
    Row::read(record.text, source).is_ok()
}

/// All files of a scan, in the order of their names. What cannot be read is told when it is its turn to be taken.
fn feed(companions: &mut Companions<'_>, folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.is_file());
    paths.sort_unstable();
    for path in paths {
        let source = Source::of(&path.to_string_lossy());
        if source.role.is_some_and(|role| role.is_side() || role == Role::Results) {
            feed_file(companions, &path, &source);
        }
    }
}

fn feed_file(companions: &mut Companions<'_>, path: &Path, source: &Source) {
    let Ok(file) = File::open(path) else { return };
    let raw = Raw::new(Box::new(file), Meter::hidden());
    let tally = raw.tally();
    let Ok(unpacked) = packed::unpacked(raw) else { return };
    let mut records = Records::new(Held::new(unpacked, Arc::clone(&tally)));
    while let Some(next) = records.next() {
        if let Ok(record) = next
            && let Ok(row) = Row::read(record.text, source)
        {
            companions.feed(&row);
        }
    }
}
