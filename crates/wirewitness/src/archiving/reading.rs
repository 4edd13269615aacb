//! One file: unpacked, cut into records, handed over.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wirewitness_model::planet::source::{Scan, Source};
use wirewitness_store::StoreError;
use wirewitness_store::ingest::{Captured, Counted, FileEnd, Ingest, Judging, Piece, Refused};

use super::finding::Found;
use super::members::ZIP_NOT_HERE;
use super::meter::Meter;
use super::planet::{Scans, Seen, is_row};
use super::raw::{Held, Raw, Tally};
use crate::environment;
use crate::input::Record;
use crate::input::frame::Records;
use crate::input::packed;

/// Reads files and hands over what they hold.
pub(crate) struct Reading<'j> {
    ingest: Ingest,
    meter: Meter,
    piece: Piece,
    scans: Scans<'j>,
    pub(super) judging: &'j Judging,
    /// Of the file at hand, where it has one.
    path: Option<PathBuf>,
    /// What the captures in it held.
    pub(super) counted: Option<Counted>,
    /// Bytes read of all files.
    pub(crate) bytes: u64,
}

/// Where records are from.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) file: Arc<str>,
    pub(super) member: Option<Arc<str>>,
    pub(super) tally: Arc<Tally>,
    /// In how many files that hold files it is.
    pub(super) depth: usize,
}

/// What a file turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// OONI's measurements, or nothing that is known.
    Ooni,
    /// Censored Planet's scans.
    Hyperquack,
    Satellite,
    /// Files in a file.
    Tar,
    Zip,
    Capture,
}

impl Format {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Ooni => "ooni",
            Self::Hyperquack => "hyperquack",
            Self::Satellite => "satellite",
            Self::Tar => "tar",
            Self::Zip => "zip",
            Self::Capture => "capture",
        }
    }

    /// By the first bytes.
    fn of(head: &[u8]) -> Self {
        match head {
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Self::Zip,
            [0xa1, 0xb2, 0xc3, 0xd4 | 0x34, ..]
            | [0xd4 | 0x34, 0xc3 | 0xcd, 0xb2, 0xa1, ..]
            | [0xa1, 0xb2, 0x3c | 0xcd, 0x4d | 0x34, ..]
            | [0x4d, 0x3c, 0xb2, 0xa1, ..]
            | [0x0a, 0x0d, 0x0d, 0x0a, ..] => Self::Capture,
            _ if head.get(257..262) == Some(b"ustar") => Self::Tar,
            _ => Self::Ooni,
        }
    }
}

/// Bytes that tell what a file is: the first block of a tar.
const HEAD: usize = 512;
/// Bytes of records handed over at once, and how many of them.
const PIECE: usize = 2 << 20;
const PIECE_RECORDS: usize = 4096;

impl<'j> Reading<'j> {
    /// `judging` is the one that `ingest` has, too.
    pub(crate) fn new(ingest: Ingest, judging: &'j Judging, meter: Meter) -> Self {
        let scans = Scans::new(judging);
        Self {
            ingest,
            meter,
            piece: Piece::default(),
            scans,
            judging,
            path: None,
            counted: None,
            bytes: 0,
        }
    }

    /// Ends: everything that was handed over is with the other end.
    pub(crate) fn into_ingest(self) -> Ingest {
        self.ingest
    }

    /// Reads one file. The inner error is that of opening it.
    pub(crate) fn file(&mut self, found: &Found) -> Result<io::Result<()>, StoreError> {
        match open(found) {
            Ok(opened) => self.opened(found, opened).map(Ok),
            Err(error) => Ok(Err(error)),
        }
    }

    /// Reads one file that is open.
    pub(crate) fn opened(
        &mut self,
        found: &Found,
        opened: Box<dyn Read + Send>,
    ) -> Result<(), StoreError> {
        self.path = if let Found::File(path) = found { Some(path.clone()) } else { None };
        let mut raw = Raw::new(opened, self.meter.clone());
        let place =
            Place { file: found.short_name().into(), member: None, tally: raw.tally(), depth: 0 };
        let format = self.contents(&place, &mut raw)?;
        let ended = raw.end();
        self.bytes += ended.bytes;
        if let Some(failure) = &ended.failure {
            self.refuse(&place, 0, format!("byte {}: cannot be read on: {failure}", ended.bytes))?;
        }
        let (sha256, bytes) = (ended.sha256, ended.bytes);
        self.at(&place)?;
        let captured = self.counted.take();
        self.piece.end = Some(FileEnd { sha256, bytes, format: format.word(), captured });
        self.piece.is_cut = ended.failure.is_some();
        self.push()
    }

    /// Reads what a file holds.
    pub(super) fn contents(
        &mut self,
        place: &Place,
        packed: &mut dyn Read,
    ) -> Result<Format, StoreError> {
        let opened = packed::unpacked(packed).and_then(|unpacked| {
            let is_packed = unpacked.is_packed();
            let mut held = Held::new(unpacked, Arc::clone(&place.tally));
            let head = packed::head(&mut held, HEAD)?;
            Ok((head, held, is_packed))
        });
        let (head, held, is_packed) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.refuse(place, 0, format!("byte 0: cannot be read: {error}"))?;
                return Ok(Format::Ooni);
            }
        };
        let format = Format::of(&head);
        let mut whole = Cursor::new(head).chain(held);
        match format {
            Format::Tar => self.members(place, &mut whole)?,
            Format::Zip => match self.path.clone().filter(|_| place.depth == 0 && !is_packed) {
                Some(path) => self.zip_members(place, &path, &mut whole)?,
                None => self.refuse(place, 0, ZIP_NOT_HERE.to_owned())?,
            },
            Format::Capture => self.capture(place, &mut whole)?,
            _ => return self.records(place, &mut whole),
        }
        Ok(format)
    }

    fn records(&mut self, place: &Place, whole: &mut dyn Read) -> Result<Format, StoreError> {
        let mut records = Records::new(whole);
        let mut source = None;
        while let Some(next) = records.next() {
            match next {
                Ok(record) => {
                    // The first record says what the others are.
                    let source = source.get_or_insert_with(|| {
                        let source = self.source(place);
                        is_row(&record, &source).then_some(source)
                    });
                    match source {
                        Some(source) => self.row(place, &record, source)?,
                        None => self.record(place, &record)?,
                    }
                }
                Err(problem) => {
                    let reason = format!("byte {}: {}", problem.offset, problem.reason);
                    self.refuse(place, problem.line, reason)?;
                }
            }
        }
        Ok(match source.flatten() {
            None => Format::Ooni,
            Some(Source { scan: Some(Scan::Satellite), .. }) => Format::Satellite,
            Some(_) => Format::Hyperquack,
        })
    }

    /// What the path tells of a scan.
    fn source(&self, place: &Place) -> Source {
        let path = self
            .path
            .as_ref()
            .map_or_else(|| place.file.to_string(), |path| path.to_string_lossy().into_owned());
        let member = place.member.as_deref().unwrap_or_default();
        Source::of(&if member.is_empty() { path } else { format!("{path}/{member}") })
    }

    fn record(&mut self, place: &Place, record: &Record<'_>) -> Result<(), StoreError> {
        if self.piece.text.len() + record.text.len() > PIECE {
            self.push()?;
        }
        self.at(place)?;
        self.piece.text.push_str(record.text);
        self.piece.ends.push((self.piece.text.len(), record.line));
        if self.piece.ends.len() >= PIECE_RECORDS { self.push() } else { Ok(()) }
    }

    fn row(
        &mut self,
        place: &Place,
        record: &Record<'_>,
        source: &Source,
    ) -> Result<(), StoreError> {
        let folder = self.path.clone().filter(|_| place.member.is_none());
        let seen = self.scans.row(record, source, folder.as_deref().and_then(Path::parent));
        match seen {
            Seen::Side => Ok(()),
            Seen::Refused(reason) => self.refuse(place, record.line, reason),
            Seen::Afar(afar) => {
                self.at(place)?;
                self.piece.afar.push(*afar);
                if self.piece.afar.len() >= PIECE_RECORDS { self.push() } else { Ok(()) }
            }
        }
    }

    /// Hands over a connection of a capture.
    pub(super) fn captured(&mut self, place: &Place, captured: Captured) -> Result<(), StoreError> {
        self.at(place)?;
        self.piece.captured.push(captured);
        if self.piece.captured.len() >= PIECE_RECORDS { self.push() } else { Ok(()) }
    }

    /// Tells of something that could not be used.
    pub(super) fn refuse(
        &mut self,
        place: &Place,
        line: u64,
        reason: String,
    ) -> Result<(), StoreError> {
        self.at(place)?;
        let file = match &place.member {
            Some(member) => format!("{}: {member}", place.file).into(),
            None => Arc::clone(&place.file),
        };
        self.piece.refused.push(Refused { file, line, reason, text: String::new() });
        if self.piece.refused.len() >= PIECE_RECORDS { self.push() } else { Ok(()) }
    }

    /// From here on, records are from this place.
    fn at(&mut self, place: &Place) -> Result<(), StoreError> {
        if self.piece.file != place.file || self.piece.member != place.member {
            self.push()?;
            self.piece.file = Arc::clone(&place.file);
            self.piece.member.clone_from(&place.member);
        }
        Ok(())
    }

    /// Hands over what there is.
    fn push(&mut self) -> Result<(), StoreError> {
        let piece = std::mem::take(&mut self.piece);
        (self.piece.file, self.piece.member) = (Arc::clone(&piece.file), piece.member.clone());
        self.piece.text = self.ingest.empty_text();
        let records = piece.ends.len() + piece.afar.len() + piece.captured.len();
        let holds_nothing = records == 0 && piece.refused.is_empty();
        if holds_nothing && piece.end.is_none() {
            return Ok(());
        }
        self.ingest.push(piece)?;
        self.meter.records(&self.ingest.progress());
        Ok(())
    }
}

fn open(found: &Found) -> io::Result<Box<dyn Read + Send>> {
    Ok(match found {
        Found::File(path) => Box::new(File::open(path)?),
        Found::Input => Box::new(io::stdin()),
        Found::Address(address) => {
            let opened = wirewitness_store::remote::open(address, environment::storage());
            Box::new(opened.map_err(io::Error::other)?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_of_all_kinds_are_known() {
        for magic in [0xa1b2_c3d4_u32, 0xa1b2_3c4d, 0xa1b2_cd34] {
            assert_eq!(Format::of(&magic.to_be_bytes()), Format::Capture, "{magic:x}");
            assert_eq!(Format::of(&magic.to_le_bytes()), Format::Capture, "{magic:x}");
        }
        assert_eq!(Format::of(b"\n\r\r\n\x1c\0\0\0"), Format::Capture);
        for text in [&b"{\"a\":1}"[..], b"", b"---\n", b"PK"] {
            assert_eq!(Format::of(text), Format::Ooni);
        }
    }
}
