//! Silence that follows a name: a sender keeps its beat, and for minutes nothing of it arrives.
//!
//! A filter that blocks three of the four numbers of a connection for a while after a name (address and port of the server,
//! address of the client) takes from a server a client's steady datagrams. That the sender went on is told by its beat: what
//! arrives after the silence is in step with what came before. Measured at 181.5 to 184.8 s (captures of gfw-report,
//! USENIX Security 2025).

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use crate::flows::Seen;
use crate::flows::quick::Quick;
use crate::tamper::finding::{Connection, Drop, DropGrade, Evidence, Finding, Trigger};

/// The last arrivals of a client at a server.
#[derive(Debug, Default)]
struct Arrivals {
    last: VecDeque<Arrival>,
}

#[derive(Debug)]
struct Arrival {
    packet: u64,
    at_ns: i64,
    trigger: Option<Trigger>,
}

/// Clients and servers, at most [`MAX_PAIRS`].
#[derive(Debug, Default)]
pub(super) struct Residuals {
    pairs: HashMap<(IpAddr, SocketAddr), Arrivals, Quick>,
}

impl Residuals {
    /// Takes in an Initial of a client.
    pub(super) fn arrived(
        &mut self,
        seen: &Seen,
        (connection, trigger): (Connection, Option<&Trigger>),
        out: &mut dyn FnMut(Finding),
    ) {
        let key = (connection.client.ip(), connection.server);
        if self.pairs.len() >= MAX_PAIRS && !self.pairs.contains_key(&key) {
            return;
        }
        let arrivals = self.pairs.entry(key).or_default();
        if let Some(silence) = arrivals.silence(seen.at_ns) {
            out(Finding::Drop(Box::new(silence.told(connection, seen.packet))));
            arrivals.last.clear();
        }
        if arrivals.last.len() >= MAX_ARRIVALS {
            arrivals.last.pop_front();
        }
        if arrivals.last.is_empty() {
            // Most come once.
            arrivals.last.reserve_exact(1);
        }
        let (packet, at_ns) = (seen.packet, seen.at_ns);
        arrivals.last.push_back(Arrival { packet, at_ns, trigger: trigger.cloned() });
    }

    pub(super) fn memory(&self) -> usize {
        self.pairs.len() * (size_of::<Arrivals>() + 64 + MAX_ARRIVALS * (size_of::<Arrival>() + 24))
    }
}

/// A silence that is over.
struct Silence {
    trigger: Trigger,
    since: (u64, i64),
    secs: f64,
    interval_secs: f64,
    missing: u32,
}

impl Arrivals {
    /// The silence that an arrival at `at_ns` ends.
    fn silence(&self, at_ns: i64) -> Option<Silence> {
        let last = self.last.back()?;
        let secs = at_ns.saturating_sub(last.at_ns) as f64 / 1e9;
        if !(MIN_SECS..MAX_SECS).contains(&secs) {
            return None;
        }
        let trigger = last.trigger.clone()?;
        // What has the name may be out of step, sent by somebody else in the client's name.
        let beats: Vec<i64> = self.last.iter().map(|arrival| arrival.at_ns).collect();
        let (_, without_last) = beats.split_last()?;
        let (interval_secs, missing) =
            [without_last, &beats].into_iter().find_map(|beats| in_step(beats, at_ns))?;
        Some(Silence { trigger, since: (last.packet, last.at_ns), secs, interval_secs, missing })
    }
}

/// The interval of a steady sender, and how many of its packets are missing before the one at `at_ns`, which is in step.
fn in_step(beats: &[i64], at_ns: i64) -> Option<(f64, u32)> {
    let beats = beats.get(beats.len().saturating_sub(MIN_BEATS)..)?;
    let (first, last) = (*beats.first()?, *beats.last()?);
    if beats.len() < MIN_BEATS {
        return None;
    }
    let mean = last.saturating_sub(first) as f64 / (beats.len() - 1) as f64;
    let intervals = beats.iter().zip(beats.iter().skip(1));
    let is_steady = intervals
        .map(|(one, next)| next.saturating_sub(*one) as f64)
        .all(|interval| (interval - mean).abs() <= 0.02 * mean);
    if mean < 1e9 || !is_steady {
        return None;
    }
    let steps = at_ns.saturating_sub(last) as f64 / mean;
    let is_in_step = (steps - steps.round()).abs() <= 0.1 && steps >= MIN_MISSING;
    is_in_step.then(|| (mean / 1e9, steps.round() as u32 - 1))
}

impl Silence {
    fn told(self, connection: Connection, resumed: u64) -> Drop {
        let says = format!(
            "silence of {:.1} s after the name; the sender, who had sent every {:.1} s, comes back in step: {} of its \
             packets are missing",
            self.secs, self.interval_secs, self.missing
        );
        let packets = vec![self.since.0, resumed];
        Drop {
            connection,
            grade: DropGrade::Likely,
            what: "residual",
            packets: packets.clone(),
            at_ns: self.since.1,
            evidence: vec![Evidence { kind: "residual_silence", says, packets }],
            trigger: Some(self.trigger),
            control: None,
            cannot_tell: vec!["a break of the path that began just then"],
            app: None,
        }
    }
}

const MAX_PAIRS: usize = 4096;
const MAX_ARRIVALS: usize = 8;
const MIN_BEATS: usize = 4;
const MIN_MISSING: f64 = 4.0;
const MIN_SECS: f64 = 60.0;
const MAX_SECS: f64 = 600.0;
