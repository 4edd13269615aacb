//! One file: unpacked, cut into records, handed over.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::sync::Arc;

use wirewitness_store::StoreError;
use wirewitness_store::ingest::{FileEnd, Ingest, Piece, Refused};

use super::finding::Found;
use super::meter::Meter;
use super::raw::{Held, Raw, Tally};
use crate::environment;
use crate::input::frame::Records;
use crate::input::packed;

/// Reads files and hands over what they hold.
pub(crate) struct Reading {
    ingest: Ingest,
    meter: Meter,
    piece: Piece,
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
    /// Files in a file.
    Tar,
    Zip,
    Capture,
}

impl Format {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Ooni => "ooni",
            Self::Tar => "tar",
            Self::Zip => "zip",
            Self::Capture => "capture",
        }
    }

    /// By the first bytes.
    fn of(head: &[u8]) -> Self {
        match head {
            [b'P', b'K', 3, 4, ..] => Self::Zip,
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
const PIECE: usize = 1 << 20;
const PIECE_RECORDS: usize = 4096;

impl Reading {
    pub(crate) fn new(ingest: Ingest, meter: Meter) -> Self {
        Self { ingest, meter, piece: Piece::default(), bytes: 0 }
    }

    /// Ends: everything that was handed over is with the other end.
    pub(crate) fn into_ingest(self) -> Ingest {
        self.ingest
    }

    /// Reads one file. The inner error is that of opening it.
    pub(crate) fn file(&mut self, found: &Found) -> Result<io::Result<()>, StoreError> {
        let opened = match open(found) {
            Ok(opened) => opened,
            Err(error) => return Ok(Err(error)),
        };
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
        self.piece.end = Some(FileEnd { sha256, bytes, format: format.word() });
        self.piece.is_cut = ended.failure.is_some();
        self.push()?;
        Ok(Ok(()))
    }

    /// Reads what a file holds.
    pub(super) fn contents(
        &mut self,
        place: &Place,
        packed: &mut dyn Read,
    ) -> Result<Format, StoreError> {
        let opened = packed::unpacked(packed).and_then(|unpacked| {
            let mut held = Held::new(unpacked, Arc::clone(&place.tally));
            let head = packed::head(&mut held, HEAD)?;
            Ok((head, held))
        });
        let (head, held) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.refuse(place, 0, format!("byte 0: cannot be read: {error}"))?;
                return Ok(Format::Ooni);
            }
        };
        let format = Format::of(&head);
        let mut whole = Cursor::new(head).chain(held);
        match format {
            Format::Ooni => self.records(place, &mut whole)?,
            Format::Tar => self.members(place, &mut whole)?,
            Format::Zip => {
                self.refuse(place, 0, "zip archives are not read: unpack it first".to_owned())?;
            }
            Format::Capture => {
                let reason = "captures are not taken into the archive: `wirewitness inspect`";
                self.refuse(place, 0, reason.to_owned())?;
            }
        }
        Ok(format)
    }

    fn records(&mut self, place: &Place, whole: &mut dyn Read) -> Result<(), StoreError> {
        let mut records = Records::new(whole);
        while let Some(next) = records.next() {
            match next {
                Ok(record) => {
                    if self.piece.text.len() + record.text.len() > PIECE {
                        self.push()?;
                    }
                    self.at(place)?;
                    self.piece.text.push_str(record.text);
                    self.piece.ends.push((self.piece.text.len(), record.line));
                    if self.piece.ends.len() >= PIECE_RECORDS {
                        self.push()?;
                    }
                }
                Err(problem) => {
                    let reason = format!("byte {}: {}", problem.offset, problem.reason);
                    self.refuse(place, problem.line, reason)?;
                }
            }
        }
        Ok(())
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
        if piece.ends.is_empty() && piece.refused.is_empty() && piece.end.is_none() {
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
