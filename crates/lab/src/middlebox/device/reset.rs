//! What a device's forged segments look like, from the cells of `tcp_injection`.

use std::net::IpAddr;
use std::time::Duration;

use super::cells::{DeviceCells, Ranges};
use super::counter::{Counter, Stamp};
use crate::frame::{Packet, TcpSpec, flags};
use crate::middlebox::Hop;
use crate::middlebox::forge::{End, Towards, both_ends, segment};
use crate::rng::Rng;
use wirewitness_model::device::Prediction;

const SECTION: &str = "tcp_injection";

/// The forge of a device.
#[derive(Debug)]
pub(super) struct Resets {
    kind: Kind,
    payload: Vec<u8>,
    dont_fragment: bool,
    count: u64,
    /// Those of one trigger to one end are copies of one.
    identical: bool,
    towards: Towards,
    ttl: Ranges,
    identification: Ranges,
    window: Ranges,
    window_step: Option<u16>,
    counter: Option<Counter>,
}

/// Flags, and the bits beside them.
#[derive(Debug, Clone, Copy)]
struct Kind {
    flags: u8,
    reserved: u8,
}

impl Kind {
    fn of(word: &str) -> Self {
        let (flags, reserved) = match word {
            "rst" => (flags::RST, 0),
            // Accurate ECN's bit and the reserved ones.
            "rst_ae_reserved" => (flags::RST, 0x0f),
            "fin" => (flags::FIN | flags::PSH | flags::ACK, 0),
            "data" => (flags::PSH | flags::ACK, 0),
            _ => (flags::RST | flags::ACK, 0),
        };
        Self { flags, reserved }
    }
}

impl Resets {
    pub(super) fn new(cells: &DeviceCells<'_>) -> Self {
        let word = |key| cells.words(SECTION, key).first().map_or("", String::as_str);
        let key = match cells.cell(SECTION, "stable_k") {
            Some(Prediction::SeedKey(key)) => *key,
            _ => None,
        };
        let step = cells.ranges(SECTION, "window_step").first();
        Self {
            kind: Kind::of(word("flags")),
            payload: bytes(word("payload")),
            dont_fragment: cells.flag(SECTION, "df").unwrap_or(true),
            count: cells.ranges(SECTION, "count_per_side").first().unwrap_or(1),
            identical: cells.flag(SECTION, "identical").unwrap_or(false),
            towards: match word("sides") {
                "client" => Towards::Client,
                "server" => Towards::Server,
                _ => Towards::Both,
            },
            ttl: cells.ranges(SECTION, "observed_ttl"),
            identification: cells.ranges(SECTION, "ipid"),
            window: cells.ranges(SECTION, "window"),
            window_step: step.and_then(|step| u16::try_from(step).ok()),
            counter: key.map(Counter::new),
        }
    }

    /// Answers a segment.
    pub(super) fn inject(&mut self, trigger: &Packet<'_>, hop: &mut Hop<'_>) {
        let Some((asker, asked)) = both_ends(trigger) else { return };
        if self.towards != Towards::Server {
            self.send(&asked, &asker, hop);
        }
        if self.towards != Towards::Client {
            self.send(&asker, &asked, hop);
        }
    }

    fn send(&mut self, from: &End, to: &End, hop: &mut Hop<'_>) {
        let ends = (from.address.ip(), to.address.ip());
        let mut stamp = self.stamp(ends, hop.rng());
        for number in 0..self.count {
            if number > 0 && !self.identical {
                let window = self.window_step.map(|step| stamp.window.wrapping_add(step));
                stamp = self.stamp(ends, hop.rng());
                stamp.window = window.unwrap_or(stamp.window);
            }
            let spec = TcpSpec {
                flags: self.kind.flags,
                reserved: self.kind.reserved,
                window: stamp.window,
                ttl: stamp.ttl,
                identification: stamp.identification,
                dont_fragment: self.dont_fragment,
                ..segment(from, to, self.payload.clone())
            };
            hop.inject_tcp(&spec, Duration::ZERO);
        }
    }

    fn stamp(&mut self, ends: (IpAddr, IpAddr), rng: &mut Rng) -> Stamp {
        let number = |ranges: &Ranges, rng: &mut Rng| {
            ranges.any(rng).and_then(|number| u16::try_from(number).ok())
        };
        let ttl = self.ttl.any(rng).and_then(|ttl| u8::try_from(ttl).ok());
        if let Some(counter) = &mut self.counter {
            let stamp = counted(counter, ends, &self.identification);
            return Stamp { ttl: ttl.unwrap_or(stamp.ttl), ..stamp };
        }
        Stamp {
            window: number(&self.window, rng).unwrap_or_else(|| rng.next_u16()),
            identification: number(&self.identification, rng).unwrap_or_else(|| rng.next_u16()),
            ttl: ttl.unwrap_or(TTL),
        }
    }
}

/// The next stamp whose identification the profile knows, of one round; any where there is none.
fn counted(counter: &mut Counter, ends: (IpAddr, IpAddr), known: &Ranges) -> Stamp {
    let mut stamp = counter.stamp(ends.0, ends.1);
    for _ in 0..counter.round() {
        if !known.is_known() || known.has(stamp.identification.into()) {
            break;
        }
        stamp = counter.stamp(ends.0, ends.1);
    }
    stamp
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().filter_map(|it| Some(it.to_digit(16)? as u8)).collect();
    if hex == "none" {
        return Vec::new();
    }
    let (pairs, _) = digits.as_chunks::<2>();
    pairs.iter().map(|[high, low]| high << 4 | low).collect()
}

/// Linux's.
const TTL: u8 = 64;
