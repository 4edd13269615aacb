//! Transfers that were slowed: policers, shapers, plateaus, and flows that differ from a control.
//!
//! In reading order:
//! - `transfer`: what is kept of one way of a connection.
//! - `series`: what of it passed and what was lost, from either side of the loss.
//! - `bucket`: the token bucket that explains the losses; `queue`: whether packets waited; `plateau`: even goodput.
//! - `alone`: what one transfer tells; `together`: several through one policer; `control`: beside transfers of other names;
//!   `stall`: those that stop for good after 16 kB or so.

mod alone;
mod bucket;
mod control;
mod plateau;
mod queue;
mod series;
#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::needless_pass_by_value, reason = "a test's own numbers")]
mod simulation;
mod stall;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails should fail loudly"
)]
mod tests;
mod together;
mod transfer;

pub use transfer::Transfer;

use alone::Read;
use control::{Differs, Remembered, differing};
use plateau::Bins;
use series::Series;
use stall::{Stall, stall};
use together::Together;

use super::finding::{Connection, Evidence, Finding, Throttle, Trigger};

/// A segment of a transfer, or the acknowledgement of some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A segment with payload.
    Data {
        /// Its number in the capture.
        packet: u64,
        /// Time, ns since the connection began.
        at_ns: u64,
        /// Place of its first byte in the stream.
        offset: u64,
        /// Length of the payload on the wire.
        len: u32,
    },
    /// An acknowledgement from the other side.
    Ack {
        /// Time, ns since the connection began.
        at_ns: u64,
        /// Place in the stream up to which all has arrived.
        offset: u64,
    },
}

/// Whose transfer it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Whose {
    /// The connection.
    pub connection: Connection,
    /// Who sent the bytes.
    pub from: super::finding::End,
    /// Time at which the connection began, ns since 1970.
    pub began_ns: i64,
    /// Time from SYN to SYN-ACK, ns, where they are there.
    pub round_trip_ns: Option<i64>,
    /// What the client asked for.
    pub trigger: Option<Trigger>,
    /// Bytes of headers a segment, link excluded (for rates on the wire).
    pub header_bytes: u32,
}

/// Judges transfers, each alone and, once the capture has ended, beside one another.
///
/// Remembers at most 4096 transfers, 1024 stalls and a million segments of transfers that lost packets (36 MB in all); the
/// first ones stay.
#[derive(Debug, Default)]
pub struct Throttling {
    remembered: Vec<Remembered>,
    together: Together,
    stalls: Vec<(Whose, Stall, u64)>,
}

impl Throttling {
    /// A transfer has ended. Costs next to nothing where it was short.
    #[expect(clippy::needless_pass_by_value, reason = "whoever ends a transfer is done with it")]
    pub fn ended(&mut self, whose: Whose, transfer: Transfer, out: &mut dyn FnMut(Finding)) {
        if let Some(stall) = stall(&transfer)
            && self.stalls.len() < MOST_STALLS
        {
            self.stalls.push((whose, stall, transfer.bytes()));
            return;
        }
        if transfer.bytes() < LEAST_BYTES || span_us(&transfer) < LEAST_SPAN_US {
            return;
        }
        let handshake = whose.round_trip_ns.and_then(|ns| u32::try_from(ns / 1000).ok());
        let series = Series::read(&transfer, handshake);
        let bins = Bins::of(&series);
        let plateau = bins.plateau();
        let read = Read { whose: &whose, transfer: &transfer, series: &series, plateau };
        match read.judge() {
            Some(found) => out(Finding::Throttle(Box::new(found))),
            None => self.together.keep(&read),
        }
        if self.remembered.len() < MOST_REMEMBERED {
            let remembered = remember(&read, bins);
            self.remembered.push(remembered);
        }
    }

    /// The capture has ended: flows are compared with others of the same server's network.
    pub fn finish(&mut self, out: &mut dyn FnMut(Finding)) {
        for found in self.together.judge() {
            out(Finding::Throttle(Box::new(found)));
        }
        for differs in differing(&self.remembered) {
            out(Finding::Throttle(Box::new(told(&differs))));
        }
        self.tell_stalls(out);
        *self = Self::default();
    }

    /// Bytes of memory held beside its own size.
    pub fn memory(&self) -> usize {
        let bins: usize = self.remembered.iter().map(|r| r.bins.bytes.capacity() * 4).sum();
        bins + self.remembered.capacity() * size_of::<Remembered>() + self.together.memory()
    }

    /// A stall by itself has many causes. It is told where the same client's transfers from two servers stall so, or where
    /// another transfer of its got through whole.
    fn tell_stalls(&self, out: &mut dyn FnMut(Finding)) {
        for (whose, stall, bytes) in &self.stalls {
            let client = whose.connection.client.ip();
            let elsewhere = self.stalls.iter().any(|(other, ..)| {
                other.connection.client.ip() == client
                    && other.connection.server.ip() != whose.connection.server.ip()
            });
            let control = self.remembered.iter().find(|r| r.whose.connection.client.ip() == client);
            let confidence = match (elsewhere, control) {
                (true, Some(_)) => "medium",
                (false, None) => continue,
                _ => "low",
            };
            out(Finding::Throttle(Box::new(stalled(
                whose,
                stall,
                [*bytes, STALL_BYTES],
                confidence,
            ))));
        }
    }
}

fn span_us(transfer: &Transfer) -> u32 {
    let kept = transfer.kept();
    kept.first().zip(kept.last()).map_or(0, |(first, last)| last.at_us - first.at_us)
}

fn remember(read: &Read<'_>, bins: Bins) -> Remembered {
    let segments = &read.series.segments;
    let waited = queue::growth(read.series).is_some_and(queue::grew);
    let lost = read.series.losses * 200 >= segments.len() && read.series.losses >= 5;
    Remembered {
        whose: read.whose.clone(),
        bins,
        mean_bps: read.mean_bps(),
        pressed: waited || lost,
        bytes: read.transfer.bytes(),
        packets: [
            segments.first().map_or(0, |s| s.packet),
            segments.last().map_or(0, |s| s.packet),
        ],
    }
}

fn told(differs: &Differs<'_>) -> Throttle {
    let (slow, control) = (differs.slow, differs.control);
    let name = control.whose.trigger.as_ref().map_or("another name", |t| t.value.as_str());
    let p = if differs.p < 1e-6 { "p < 0.000001".into() } else { format!("p = {:.6}", differs.p) };
    let says = format!(
        "{:.0} kbit/s where {} transfers of other names ({name}) between the same client and network had {:.0} kbit/s: area {:.2} of 0.5, {p} of 0.01",
        slow.mean_bps / 1e3,
        differs.counts[1],
        differs.control_bps / 1e3,
        differs.area,
    );
    let packets = slow.packets.into_iter().chain(control.packets).collect();
    let mut evidence = vec![Evidence { kind: "slower_than_control", says, packets }];
    if let Some(plateau) = slow.bins.plateau() {
        let says = format!("an even {:.0} kbit/s for {} s", plateau.bps / 1e3, plateau.secs);
        evidence.push(Evidence { kind: "plateau", says, packets: Vec::new() });
    }
    let several = differs.counts.iter().all(|count| *count >= 2);
    Throttle {
        connection: slow.whose.connection,
        from: slow.whose.from,
        kind: "differs_from_control",
        confidence: if several { "high" } else { "medium" },
        goodput_bps: slow.mean_bps as u64,
        rate_bps: None,
        burst_bytes: None,
        volume: [slow.bytes, LEAST_BYTES],
        packets: slow.packets.into(),
        at_ns: slow.whose.began_ns,
        evidence,
        trigger: slow.whose.trigger.clone(),
        app: None,
    }
}

fn stalled(whose: &Whose, stall: &Stall, volume: [u64; 2], confidence: &'static str) -> Throttle {
    let says = format!(
        "after {} bytes nothing more was acknowledged: what follows was sent {} times over {} s",
        stall.acked, stall.repeats, stall.secs
    );
    let packets = Vec::from(stall.packets);
    Throttle {
        connection: whose.connection,
        from: whose.from,
        kind: "stall",
        confidence,
        goodput_bps: 0,
        rate_bps: None,
        burst_bytes: Some(u64::from(stall.acked)),
        volume,
        packets: packets.clone(),
        at_ns: whose.began_ns.saturating_add(i64::from(stall.at_us).saturating_mul(1000)),
        evidence: vec![Evidence { kind: "stalled", says, packets }],
        trigger: whose.trigger.clone(),
        app: None,
    }
}

/// Fewest bytes of a transfer that is judged or compared.
const LEAST_BYTES: u64 = 100_000;
/// Shortest time of it, microseconds: eight bins.
const LEAST_SPAN_US: u32 = 2_000_000;
/// Bytes that a stall needs to be told.
const STALL_BYTES: u64 = 14_000;
/// Most transfers remembered.
const MOST_REMEMBERED: usize = 4_096;
/// Most stalls remembered.
const MOST_STALLS: usize = 1_024;
