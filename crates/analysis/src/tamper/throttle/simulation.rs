//! A sender of TCP's kind, a device on the way and a receiver, in virtual time, for tests: what the capture at either end shows.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{Event, Transfer};

/// What is on the way.
#[derive(Debug, Clone, Copy)]
pub(super) enum Device {
    /// A line with a queue. Bits a second, bytes.
    Line { rate: f64, queue: f64 },
    /// Drops what exceeds a rate. Bits a second, bytes.
    Policer { rate: f64, burst: f64 },
    /// Makes wait what exceeds a rate.
    Shaper { rate: f64, burst: f64, queue: f64 },
    /// Loses by chance, one in so many.
    Lossy(u64),
}

/// What the sender has to send.
#[derive(Debug, Clone, Copy)]
pub(super) enum App {
    /// As much as it can.
    Bulk,
    /// So many segments every so many microseconds (video).
    Paced(u64, u64),
}

/// A transfer to be simulated.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) device: Device,
    pub(super) app: App,
    /// Largest window, segments.
    pub(super) window: f64,
    /// Paced at a rate (BBR's kind), bits a second; 0: by acknowledgements.
    pub(super) pace: f64,
    pub(super) secs: u64,
    pub(super) seed: u64,
}

/// What the captures at both ends show.
pub(super) struct Captures {
    pub(super) sender: Transfer,
    pub(super) receiver: Transfer,
}

/// Half of the round trip, microseconds.
pub(super) const ONE_WAY_US: u64 = 30_000;
const LEN: u64 = 1448;
const WIRE: f64 = 1500.0;

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Arrive(u64),
    /// Acknowledged up to, and the segment that arrived.
    Ack(u64, u64),
    Timer(u64),
    Send,
}

/// Device state: tokens or queue.
#[derive(Clone, Copy)]
struct Way {
    tokens: Option<f64>,
    free_us: f64,
    at_us: u64,
}

impl Way {
    /// When the packet leaves the device, or none.
    fn pass(&mut self, device: Device, now: u64, random: u64) -> Option<u64> {
        let waited = now.saturating_sub(self.at_us) as f64 / 8e6;
        self.at_us = self.at_us.max(now);
        match device {
            Device::Lossy(dice) => (!random.is_multiple_of(dice)).then_some(now),
            Device::Policer { rate, burst } => {
                let tokens = (self.tokens.unwrap_or(burst) + waited * rate).min(burst);
                let passes = tokens >= WIRE;
                self.tokens = Some(if passes { tokens - WIRE } else { tokens });
                passes.then_some(now)
            }
            Device::Line { rate, queue } => self.queue(now, [rate, queue, 0.0]),
            Device::Shaper { rate, burst, queue } => self.queue(now, [rate, queue, burst]),
        }
    }

    /// A queue behind a bucket: `free_us` is when it would be empty, less the time that the burst allows.
    fn queue(&mut self, now: u64, [rate, queue, burst]: [f64; 3]) -> Option<u64> {
        let now = now as f64;
        let ahead = burst * 8e6 / rate;
        let free = self.free_us.max(now - ahead);
        let wait = (free - now).max(0.0);
        if wait * rate / 8e6 > queue {
            return None;
        }
        self.free_us = free + WIRE * 8e6 / rate;
        Some(self.free_us.max(now) as u64)
    }
}

struct Run {
    plan: Plan,
    now: u64,
    due: BinaryHeap<Reverse<(u64, u64, Due)>>,
    order: u64,
    random: u64,
    way: Way,
    out: Captures,
    packets: u64,
    // The sender.
    next: u64,
    acked: u64,
    arrived_said: Vec<bool>,
    lost: Vec<u64>,
    in_flight: Vec<(u64, u64)>,
    sent: u64,
    window: f64,
    threshold: f64,
    recover_until: u64,
    timer: u64,
    backoff: u64,
    line_us: u64,
    pacing: bool,
    // The receiver.
    have: Vec<bool>,
    whole: u64,
}

/// Runs it.
pub(super) fn run(plan: Plan) -> Captures {
    run_beside(plan, None)
}

/// Runs it, beside another transfer through the same device where there is one.
pub(super) fn run_beside(plan: Plan, other: Option<Plan>) -> Captures {
    let mut way = Way { tokens: None, free_us: f64::NEG_INFINITY, at_us: 0 };
    let mut runs: Vec<Run> = [Some(plan), other]
        .into_iter()
        .flatten()
        .map(|plan| {
            let mut run = Run::new(plan, way);
            run.push();
            way = run.way;
            run
        })
        .collect();
    let due_at = |run: &Run| run.due.peek().map_or(u64::MAX, |Reverse((at, ..))| *at);
    while let Some(run) = runs.iter_mut().min_by_key(|run| due_at(run))
        && let Some(Reverse((at, _, due))) = run.due.pop()
        && at <= plan.secs * 1_000_000
    {
        (run.now, run.way) = (at, way);
        run.turn(due);
        way = run.way;
    }
    runs.swap_remove(0).out
}

impl Run {
    fn new(plan: Plan, way: Way) -> Self {
        Self {
            plan,
            now: 0,
            due: BinaryHeap::new(),
            order: 0,
            random: plan.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            way,
            out: Captures { sender: Transfer::default(), receiver: Transfer::default() },
            packets: 0,
            next: 0,
            acked: 0,
            arrived_said: Vec::new(),
            lost: Vec::new(),
            in_flight: Vec::new(),
            sent: 0,
            window: 10.0,
            threshold: 1e9,
            recover_until: 0,
            timer: 0,
            backoff: 1,
            line_us: 0,
            pacing: false,
            have: Vec::new(),
            whole: 0,
        }
    }

    fn dice(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random >> 11
    }

    fn at(&mut self, at: u64, due: Due) {
        self.order += 1;
        self.due.push(Reverse((at, self.order, due)));
    }

    fn turn(&mut self, due: Due) {
        match due {
            Due::Arrive(segment) => self.arrive(segment),
            Due::Ack(whole, segment) => self.ack(whole, segment),
            Due::Timer(number) if number == self.timer && !self.in_flight.is_empty() => {
                let mut all: Vec<u64> = self.in_flight.drain(..).map(|(s, _)| s).collect();
                self.lost.append(&mut all);
                self.lost.sort_unstable();
                self.threshold = (self.window / 2.0).max(2.0);
                self.window = 1.0;
                self.backoff = (self.backoff * 2).min(16);
                self.push();
            }
            Due::Timer(_) => {}
            Due::Send => {
                self.pacing = false;
                self.push();
            }
        }
    }

    /// Sends what may be sent.
    fn push(&mut self) {
        let window = self.window.min(self.plan.window);
        while (self.in_flight.len() as f64) < window && !self.pacing {
            let segment = if self.lost.is_empty() {
                if !self.may_begin() {
                    return;
                }
                self.next += 1;
                self.next - 1
            } else {
                self.lost.remove(0)
            };
            self.transmit(segment);
        }
    }

    /// True if the application has given the next segment.
    fn may_begin(&mut self) -> bool {
        let App::Paced(segments, every) = self.plan.app else { return true };
        let given = (self.now / every + 1) * segments;
        if self.next < given {
            return true;
        }
        let then = (self.now / every + 1) * every;
        self.at(then, Due::Send);
        false
    }

    fn transmit(&mut self, segment: u64) {
        // A 100 Mbit/s line out of the sender, and up to 0.2 ms of jitter.
        self.line_us = self.line_us.max(self.now) + 120;
        let leaves = self.line_us;
        self.packets += 1;
        let data = |packet, at_us: u64| Event::Data {
            packet,
            at_ns: at_us * 1000,
            offset: segment * LEN,
            len: LEN as u32,
        };
        self.out.sender.put(data(self.packets, leaves));
        self.sent += 1;
        self.in_flight.push((segment, self.sent));
        let random = self.dice();
        if let Some(out) = self.way.pass(self.plan.device, leaves, random) {
            let jitter = self.dice() % 200;
            self.at(out + ONE_WAY_US + jitter, Due::Arrive(segment));
        }
        self.timer += 1;
        let timer = self.timer;
        self.at(leaves + 400_000 * self.backoff, Due::Timer(timer));
        if self.plan.pace > 0.0 {
            self.pacing = true;
            self.at(self.now + (WIRE * 8e6 / self.plan.pace) as u64, Due::Send);
        }
    }

    fn arrive(&mut self, segment: u64) {
        self.packets += 1;
        let data = Event::Data {
            packet: self.packets,
            at_ns: self.now * 1000,
            offset: segment * LEN,
            len: LEN as u32,
        };
        self.out.receiver.put(data);
        let index = segment as usize;
        self.have.resize(self.have.len().max(index + 1), false);
        self.have[index] = true;
        while self.have.get(self.whole as usize) == Some(&true) {
            self.whole += 1;
        }
        let ack = Event::Ack { at_ns: self.now * 1000, offset: self.whole * LEN };
        self.out.receiver.put(ack);
        self.at(self.now + ONE_WAY_US, Due::Ack(self.whole, segment));
    }

    fn ack(&mut self, whole: u64, segment: u64) {
        self.out.sender.put(Event::Ack { at_ns: self.now * 1000, offset: whole * LEN });
        let index = segment as usize;
        self.arrived_said.resize(self.arrived_said.len().max(index + 1), false);
        self.arrived_said[index] = true;
        if whole > self.acked {
            self.acked = whole;
            self.backoff = 1;
        }
        let order = self.in_flight.iter().filter(|(s, _)| *s == segment).map(|(_, o)| *o).max();
        self.in_flight.retain(|(s, _)| *s != segment);
        self.lost.retain(|s| *s != segment);
        let before = self.in_flight.len();
        if let Some(order) = order {
            let gone: Vec<u64> =
                self.in_flight.iter().filter(|(_, o)| o + 3 <= order).map(|(s, _)| *s).collect();
            self.in_flight.retain(|(_, o)| o + 3 > order);
            self.lost.extend(gone);
            self.lost.sort_unstable();
        }
        if self.in_flight.len() < before && self.now >= self.recover_until {
            self.recover_until = self.now + 2 * ONE_WAY_US + 5_000;
            self.window = (self.window.min(self.plan.window) / 2.0).max(2.0);
            self.threshold = self.window;
        } else if self.now >= self.recover_until {
            self.window += if self.window < self.threshold { 1.0 } else { 1.0 / self.window };
        }
        self.push();
    }
}
