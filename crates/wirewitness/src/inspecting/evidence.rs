//! Just the packets that findings stand on, as a pcapng file with comments on them.
//!
//! The captures are read a second time. Without `--raw-headers` packets are written from their innermost IP header on, with the
//! client's address and the headers of forged packets hidden ([`super::redact`]).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use wirewitness_analysis::tamper::Finding;
use wirewitness_wire::file::write::{self, Written};
use wirewitness_wire::file::{LinkType, Record};
use wirewitness_wire::link::{Carried, innermost};

use super::redact::{Headers, Hide, redacted};
use super::words;
use crate::input::captures::{Capture, Go};
use crate::input::sources::Source;

/// The packets of one capture that findings stand on.
#[derive(Debug, Default)]
pub(crate) struct Packets {
    notes: BTreeMap<u64, Note>,
    /// Packets that found no place.
    pub(crate) left_out: u64,
}

#[derive(Debug)]
struct Note {
    comment: String,
    hide: Hide,
}

/// Whether what betrays addresses is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Raw {
    /// It is hidden.
    Hidden,
    /// The packets are written as they are.
    Shown,
}

impl Packets {
    /// Takes in a finding.
    pub(crate) fn put(&mut self, finding: &Finding) {
        let (Some(common), Some((_, grade))) = (words::common(finding), words::severity(finding))
        else {
            return;
        };
        let client = common.connection.client.ip();
        let what = format!("{grade}: {}", words::what(finding));
        for packet in common.packets {
            let forged = matches!(finding, Finding::Injection(_));
            self.note(
                *packet,
                &what,
                Hide { client, headers: if forged { Headers::Go } else { Headers::Stay } },
            );
        }
        for evidence in common.evidence {
            for packet in &evidence.packets {
                self.note(
                    *packet,
                    &format!("{}: {}", evidence.kind, evidence.says),
                    Hide { client, headers: Headers::Stay },
                );
            }
        }
        if let Some(trigger) = common.trigger {
            let says = format!("may have reacted to {}", words::trigger(trigger));
            self.note(trigger.packet, &says, Hide { client, headers: Headers::Stay });
        }
    }

    fn note(&mut self, packet: u64, says: &str, hide: Hide) {
        if self.notes.len() >= MOST_NOTES && !self.notes.contains_key(&packet) {
            self.left_out += 1;
            return;
        }
        let note =
            self.notes.entry(packet).or_insert_with(|| Note { comment: String::new(), hide });
        if hide.headers == Headers::Go {
            note.hide.headers = Headers::Go;
        }
        if !note.comment.contains(says) && note.comment.len() < 900 {
            let _ =
                write!(note.comment, "{}{says}", if note.comment.is_empty() { "" } else { "; " });
        }
    }
}

/// A file of evidence as it is written. There is none before its first packet: what stands on nothing is not written, and a file of
/// that name from before stays as it is.
pub(crate) struct EvidenceFile {
    path: PathBuf,
    out: Option<BufWriter<File>>,
    raw: Raw,
    interfaces: Vec<(usize, u32, LinkType)>,
}

impl EvidenceFile {
    /// Where it will be.
    pub(crate) fn new(path: &Path, raw: Raw) -> Self {
        Self { path: path.to_owned(), out: None, raw, interfaces: Vec::new() }
    }

    /// Reads a capture again and writes its packets. How many there were.
    pub(crate) fn write(
        &mut self,
        (number, source): (usize, &Source),
        packets: &Packets,
    ) -> std::io::Result<u64> {
        if packets.notes.is_empty() {
            return Ok(0);
        }
        let mut capture = Capture::open(source)?;
        let (mut failure, mut written) = (None, 0);
        let mut left = packets.notes.len();
        let told = capture.packets(|record| {
            let Some(note) = packets.notes.get(&record.number) else { return Go::On };
            match self.packet((number, source), record, note) {
                Ok(()) => written += 1,
                Err(error) => failure = Some(error),
            }
            left -= 1;
            if left == 0 || failure.is_some() { Go::Stop } else { Go::On }
        });
        match failure.or(told.failure) {
            Some(error) => Err(error),
            None => Ok(written),
        }
    }

    fn packet(
        &mut self,
        source: (usize, &Source),
        record: &Record<'_>,
        note: &Note,
    ) -> std::io::Result<()> {
        let mut bytes = record.bytes.to_vec();
        let (mut link, mut original_len) = (record.link, record.original_len);
        if self.raw == Raw::Hidden {
            let Ok(Carried::Ip(packet)) = innermost(record.link, record.bytes) else {
                return Ok(());
            };
            bytes = redacted(&packet, note.hide);
            link = LINKTYPE_RAW;
            original_len = (packet.header.len() + packet.payload_len) as u32;
        }
        let mut block = Vec::new();
        let interface = self.interface(&mut block, source, (record.interface, link));
        let original_len = original_len.max(bytes.len() as u32);
        let written = Written {
            interface,
            at_ns: record.at_ns,
            bytes: &bytes,
            original_len,
            way: record.way,
            comment: &note.comment,
        };
        write::packet(&mut block, &written);
        self.put(&block)
    }

    /// Writes a block; before the first, the file's head.
    fn put(&mut self, block: &[u8]) -> std::io::Result<()> {
        if let Some(out) = &mut self.out {
            return out.write_all(block);
        }
        let out = self.out.insert(BufWriter::new(File::create(&self.path)?));
        let mut head = Vec::new();
        write::section(&mut head, "wirewitness inspect");
        out.write_all(&head)?;
        out.write_all(block)
    }

    /// The number of an interface of a capture in the file; written, where it is new.
    fn interface(
        &mut self,
        block: &mut Vec<u8>,
        (number, source): (usize, &Source),
        (interface, link): (u32, LinkType),
    ) -> u32 {
        let key = (number, interface, link);
        let at = self.interfaces.iter().position(|it| *it == key).unwrap_or_else(|| {
            let name = source.name().rsplit(['/', '\\']).next().unwrap_or_default();
            write::interface(block, link, name);
            self.interfaces.push(key);
            self.interfaces.len() - 1
        });
        at as u32
    }

    /// Ends the file. False where there was nothing to write, and so there is none.
    pub(crate) fn finish(self) -> std::io::Result<bool> {
        let Some(mut out) = self.out else { return Ok(false) };
        out.flush()?;
        Ok(true)
    }
}

const LINKTYPE_RAW: LinkType = LinkType(101);
/// Of one capture.
const MOST_NOTES: usize = 1_000_000;
