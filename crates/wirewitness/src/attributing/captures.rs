//! Captures among what is to be attributed: told by their first bytes, inspected, and read again for whether their addresses are true.

use std::io::{self, Read};

use wirewitness_analysis::attribution::captured::Captured;
use wirewitness_analysis::attribution::profile::Catalogue;
use wirewitness_analysis::attribution::report::Report;
use wirewitness_analysis::fingerprints::Fingerprints;
use wirewitness_analysis::tamper::{Finding, Wants};
use wirewitness_wire::ip::IpPacket;
use wirewitness_wire::link::{Carried, innermost};

use crate::input::captures::{Capture, Go};
use crate::input::sources::Source;
use crate::inspecting::lanes::{Inspected, Inspecting};
use crate::output::{clean, complain};

/// First bytes of pcap (four ways) and pcapng.
const MAGIC: [[u8; 4]; 6] = [
    [0xa1, 0xb2, 0xc3, 0xd4],
    [0xd4, 0xc3, 0xb2, 0xa1],
    [0xa1, 0xb2, 0x3c, 0x4d],
    [0x4d, 0x3c, 0xb2, 0xa1],
    [0xa1, 0xb2, 0xcd, 0x34],
    [0x0a, 0x0d, 0x0d, 0x0a],
];

/// True if it begins as a capture.
pub(crate) fn is_capture(first: &[u8]) -> bool {
    MAGIC.iter().any(|magic| first.starts_with(magic))
        || first.starts_with(&[0x34, 0xcd, 0xb2, 0xa1])
}

/// How captures are attributed.
pub(crate) struct Attributing<'a> {
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) fingerprints: &'a Fingerprints,
    /// The person says that addresses were replaced.
    pub(crate) rewritten: bool,
}

impl Attributing<'_> {
    /// What a capture comes to. `rest` is all of it, for what can be read only once.
    pub(crate) fn told(&self, source: &Source, rest: Box<dyn Read + '_>) -> Result<Report, String> {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let inspecting =
            Inspecting { fingerprints: self.fingerprints, threads, wants: Wants::Done };
        let mut captured = Captured::default();
        let mut put = |finding: Finding| captured.put(&finding);
        let inspected = if source.is_file() {
            drop(rest);
            inspecting
                .inspect(source, &mut put, &mut |_| {})
                .map_err(|error| unreadable(source, &error))?
        } else {
            inspecting.stream(Capture::over(rest), &mut put)
        };
        complain_of(source, &inspected);
        if inspected.packets == 0 {
            return Err(format!("{}: holds no packet that could be read", source.name()));
        }
        if self.rewritten || source.is_file() && are_rewritten(source, captured.packets()) {
            captured.rewritten();
        }
        Ok(captured.report("capture", self.catalogue))
    }
}

fn unreadable(source: &Source, error: &io::Error) -> String {
    format!("{}: cannot be read: {error}", source.name())
}

fn complain_of(source: &Source, inspected: &Inspected) {
    let name = clean(source.name(), 300);
    if inspected.told.damages > 0 {
        complain(&format!("{name}: {} places are damaged\n", inspected.told.damages));
    }
    if let Some(error) = &inspected.told.failure {
        complain(&format!("{name}: cannot be read on: {error}\n"));
    }
}

/// Whether the forged packets have IP checksums that do not hold, most of them: whoever replaces addresses and leaves the checksums shows
/// it so. A checksum of 0 was never filled in, and says nothing.
fn are_rewritten(source: &Source, forged: &[u64]) -> bool {
    if forged.is_empty() {
        return false;
    }
    let Ok(mut capture) = Capture::open(source) else { return false };
    let forged: std::collections::BTreeSet<u64> = forged.iter().copied().collect();
    let (mut wrong, mut seen) = (0, 0);
    capture.packets(|record| {
        if forged.contains(&record.number)
            && let Ok(Carried::Ip(packet)) = innermost(record.link, record.bytes)
        {
            let holds = checksum_holds(&packet);
            seen += usize::from(holds.is_some());
            wrong += usize::from(holds == Some(false));
            if seen == MOST_LOOKED_AT {
                return Go::Stop;
            }
        }
        Go::On
    });
    wrong * 2 > seen
}

/// Forged packets whose checksum is looked at.
const MOST_LOOKED_AT: usize = 64;

/// RFC 791 §3.1; none where there is none, or it was not filled in.
fn checksum_holds(packet: &IpPacket<'_>) -> Option<bool> {
    let header = packet.header;
    let is_filled = header.get(10..12)? != [0, 0];
    let sum: u32 = header
        .chunks(2)
        .map(|pair| {
            u32::from(pair.first().copied().unwrap_or(0)) << 8
                | u32::from(pair.get(1).copied().unwrap_or(0))
        })
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    (is_filled && packet.source.is_ipv4()).then_some((folded & 0xffff) + (folded >> 16) == 0xffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_are_told_by_their_first_bytes() {
        for first in MAGIC {
            assert!(is_capture(&first));
        }
        assert!(is_capture(&[0x34, 0xcd, 0xb2, 0xa1]));
        for other in [&b"{\"fo"[..], b"", b"\xa1\xb2", b"\n{", b"PK\x03\x04"] {
            assert!(!is_capture(other), "{other:?}");
        }
    }
}
