//! What could not be used: told on stderr, and kept beside the archive.
//!
//! Of each file with refused pieces there is `quarantine/<sha256 of the file>.jsonl`: file, line, reason and the beginning of the text,
//! one JSON object a piece. It is written whole or not at all, and reading the same file again writes the same one.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use wirewitness_store::ingest::{FileEnd, Refused, Watch};

use super::meter::Meter;
use crate::output::{clean, complain};

/// More complaints about one file are counted, not printed.
const TOLD_OF_A_FILE: u64 = 20;
/// Bytes kept of one run; what is beyond is counted only.
const KEPT_OF_A_RUN: u64 = 64 << 20;
/// A file takes as much at least, bytes, so that a million of them are bounded too.
const KEPT_OF_A_FILE: u64 = 4 << 10;

/// Tells and keeps.
pub(crate) struct Refusals {
    /// None where the archive is in no folder.
    folder: Option<PathBuf>,
    meter: Meter,
    room: u64,
    /// Of the file at hand.
    count: u64,
    not_kept: u64,
    open: Option<BufWriter<File>>,
}

impl Refusals {
    /// For an archive in this folder.
    pub(crate) fn new(archive: Option<&Path>, meter: Meter) -> Self {
        let folder = archive.map(|folder| folder.join("quarantine"));
        Self { folder, meter, room: KEPT_OF_A_RUN, count: 0, not_kept: 0, open: None }
    }

    /// Keeps one piece, where there is room.
    fn keep(&mut self, refused: &Refused) {
        let Ok(mut line) = serde_json::to_vec(refused) else { return };
        line.push(b'\n');
        let opening = if self.open.is_none() { KEPT_OF_A_FILE } else { 0 };
        let needed = line.len() as u64 + opening;
        let kept =
            needed <= self.room && self.writing().is_some_and(|it| it.write_all(&line).is_ok());
        if kept {
            self.room -= needed;
        } else {
            self.not_kept += 1;
        }
    }

    fn writing(&mut self) -> Option<&mut BufWriter<File>> {
        if self.open.is_none() {
            let folder = self.folder.as_ref()?;
            std::fs::create_dir_all(folder).ok()?;
            self.open = Some(BufWriter::new(File::create(folder.join(WRITING)).ok()?));
        }
        self.open.as_mut()
    }

    /// Gives the file of what was kept its name.
    fn close(&mut self, file: &str, sha256: &str) -> std::io::Result<()> {
        let (Some(mut open), Some(folder)) = (self.open.take(), &self.folder) else {
            return Ok(());
        };
        if self.not_kept > 0 {
            let line = serde_json::json!({ "file": file, "not_kept": self.not_kept });
            writeln!(open, "{line}")?;
        }
        let written = open.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        written.sync_all()?;
        std::fs::rename(folder.join(WRITING), folder.join(format!("{sha256}.jsonl")))
    }
}

/// Name of the file that is being written.
const WRITING: &str = ".writing";

impl Watch for Refusals {
    fn refused(&mut self, refused: &Refused) {
        self.count += 1;
        if self.count <= TOLD_OF_A_FILE {
            let (file, reason) = (clean(&refused.file, 300), clean(&refused.reason, 300));
            let place = match refused.line {
                0 => file,
                line => format!("{file}: line {line}"),
            };
            self.meter.suspend(|| complain(&format!("{place}: {reason}\n")));
        }
        self.keep(refused);
    }

    fn ended(&mut self, file: &str, end: &FileEnd) {
        let name = clean(file, 300);
        if self.count > TOLD_OF_A_FILE {
            let more = self.count - TOLD_OF_A_FILE;
            self.meter.suspend(|| complain(&format!("{name}: {more} more refused\n")));
        }
        if let Err(error) = self.close(file, &end.sha256) {
            let words = format!("{name}: what was refused of it is not kept: {error}\n");
            self.meter.suspend(|| complain(&words));
        }
        (self.count, self.not_kept) = (0, 0);
    }
}
