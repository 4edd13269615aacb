//! Questions through compression pointers, and forged answers, from the cells of `dns`.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::Unknown;
use super::cells::{Censor, DeviceCells};
use crate::frame::{Packet, UdpSpec};
use crate::middlebox::Hop;
use crate::rng::Rng;
use wirewitness_model::device::Prediction;
use wirewitness_wire::read::{Reader, be16};

/// The DNS plug-in of a device. Knows only datagrams to port 53.
#[derive(Debug)]
pub(super) struct Dns {
    censor: Censor,
    /// The most pointers that it follows.
    reach: usize,
    flags: u16,
    compressed: bool,
    /// Networks of its answers: first address and bits.
    answers: Vec<(u32, u8)>,
}

impl Dns {
    /// None where nothing is told of a DNS plug-in.
    pub(super) fn new(cells: &DeviceCells<'_>) -> Option<Self> {
        if !cells.has("dns") {
            return None;
        }
        let flags = match cells.cell("dns", "flags") {
            Some(Prediction::Hex(words)) => words.first().copied(),
            _ => None,
        };
        let answers = match cells.cell("dns", "answers") {
            Some(Prediction::Networks(networks)) => networks.clone(),
            _ => vec![UNKNOWN_ANSWERS],
        };
        Some(Self {
            censor: cells.censor("dns"),
            reach: reach(cells),
            flags: flags.unwrap_or(UNKNOWN_FLAGS),
            compressed: cells.flag("dns", "answer_name_compressed").unwrap_or(true),
            answers,
        })
    }

    /// Looks at a datagram, and answers it where it has to be. True if it did.
    pub(super) fn see(&mut self, packet: &Packet<'_>, hop: &mut Hop<'_>) -> bool {
        let Some(udp) = packet.udp().filter(|udp| udp.destination_port == 53) else { return false };
        let Some(question) = Question::read(udp.payload) else { return false };
        let reached = question.pointers <= self.reach;
        if !reached || !self.censor.acts(&question.name, &[], hop.rng()) {
            return false;
        }
        let Some((client, server)) = packet.endpoints() else { return false };
        let spec = UdpSpec {
            source: server,
            destination: client,
            ttl: TTL,
            identification: hop.rng().next_u16(),
            payload: self.answer(&question, hop.rng()),
        };
        hop.inject_udp(&spec, Duration::ZERO);
        true
    }

    fn answer(&self, question: &Question, rng: &mut Rng) -> Vec<u8> {
        let is_v4 = question.kind == A;
        let mut bytes = question.id.to_be_bytes().to_vec();
        bytes.extend(self.flags.to_be_bytes());
        bytes.extend([0, 1, 0, u8::from(is_v4), 0, 0, 0, 0]);
        bytes.extend(&question.labels);
        bytes.extend(question.kind.to_be_bytes());
        bytes.extend([0, 1]);
        if is_v4 {
            match self.compressed {
                true => bytes.extend([0xc0, 12]),
                false => bytes.extend(&question.labels),
            }
            bytes.extend([0, 1, 0, 1]);
            bytes.extend(RECORD_TTL_SECS.to_be_bytes());
            bytes.extend([0, 4]);
            bytes.extend(self.address(rng).octets());
        }
        bytes
    }

    fn address(&self, rng: &mut Rng) -> Ipv4Addr {
        let (network, bits) = self.answers.first().copied().unwrap_or(UNKNOWN_ANSWERS);
        let free = u32::MAX.checked_shr(bits.into()).unwrap_or(0);
        Ipv4Addr::from(network | (rng.next_u32() & free))
    }
}

/// How many pointers are followed. Cells are known of 17 and 18 only: where 17 pass, nothing is known of fewer.
fn reach(cells: &DeviceCells<'_>) -> usize {
    let unknown = cells.settings.unknown == Unknown::Censored;
    match (cells.flag("dns", "pointer_17"), cells.flag("dns", "pointer_18")) {
        (_, Some(true)) => MOST_POINTERS,
        (Some(true), Some(false)) => 17,
        (Some(true) | None, None) if unknown => MOST_POINTERS,
        (Some(true), None) => 17,
        (Some(false), _) if unknown => 16,
        _ => 0,
    }
}

/// A question, as far as an injector wants to know it.
#[derive(Debug, PartialEq, Eq)]
struct Question {
    id: u16,
    name: String,
    labels: Vec<u8>,
    kind: u16,
    pointers: usize,
}

impl Question {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (id, flags, count) = (be16(bytes, 0)?, be16(bytes, 2)?, be16(bytes, 4)?);
        if flags & 0x8000 != 0 || count != 1 {
            return None;
        }
        let (mut labels, mut names) = (Vec::new(), Vec::new());
        let (mut at, mut pointers, mut behind) = (HEADER, 0, None);
        loop {
            let mut reader = Reader::at(bytes, at);
            let len = reader.u8("label length").ok()?;
            match len {
                0 => {
                    at += 1;
                    break;
                }
                0xc0.. => {
                    let low = reader.u8("pointer").ok()?;
                    behind = behind.or(Some(at + 2));
                    at = usize::from(len & 0x3f) << 8 | usize::from(low);
                    pointers += 1;
                }
                _ => {
                    let label = reader.take(len.into(), "label").ok()?;
                    labels.push(len);
                    labels.extend(label);
                    names.push(String::from_utf8_lossy(label).to_ascii_lowercase());
                    at = reader.offset();
                }
            }
            if pointers > MOST_POINTERS || labels.len() > MOST_LABELS {
                return None;
            }
        }
        labels.push(0);
        let kind = be16(bytes, behind.unwrap_or(at))?;
        Some(Self { id, name: names.join("."), labels, kind, pointers })
    }
}

const A: u16 = 1;
const HEADER: usize = 12;
const TTL: u8 = 64;
const RECORD_TTL_SECS: u32 = 300;
const MOST_POINTERS: usize = 63;
const MOST_LABELS: usize = 254;
/// An answer, recursion desired: nobody's mark.
const UNKNOWN_FLAGS: u16 = 0x8100;
/// 192.88.99.0/24, which is deprecated (RFC 7526).
const UNKNOWN_ANSWERS: (u32, u8) = (0xc058_6300, 24);
