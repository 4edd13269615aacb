//! The packets of one capture through inspectors, on all cores.
//!
//! All packets between two addresses go to one lane, and each lane has an inspector of its own, so that lanes need not know of one
//! another. What is found is told in the order of the packets that showed it: the same, however many threads there are.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use wirewitness_analysis::fingerprints::Fingerprints;
use wirewitness_analysis::tamper::{
    Counters, Finding, Inspector, Limits, Packet, Wants, batch, lane,
};
use wirewitness_wire::file::{LinkType, Record, Way};
use wirewitness_wire::ip::IpPacket;
use wirewitness_wire::link::{Carried, innermost};

use crate::input::captures::{Buffers, Capture, Go, Told};
use crate::input::sources::Source;

/// What one capture came to, beside its findings.
#[derive(Debug, Default)]
pub(crate) struct Inspected {
    /// Packets of the file, whatever they carry.
    pub(crate) packets: u64,
    /// Packets that carry no IP, or on a link that is not read.
    pub(crate) not_ip: u64,
    /// Packets whose link, tunnel or IP header could not be read.
    pub(crate) unreadable: u64,
    /// The first link type that is not read, if there is one.
    pub(crate) unknown_link: Option<LinkType>,
    /// Times of the first and of the last packet, ns since 1970.
    pub(crate) span_ns: Option<(i64, i64)>,
    /// Packets cut by the capture's snap length.
    pub(crate) snapped: u64,
    /// What inspectors counted.
    pub(crate) counters: Counters,
    /// What reading came to.
    pub(crate) told: Told,
}

/// How to inspect.
pub(crate) struct Inspecting<'f> {
    /// Marks of block pages.
    pub(crate) fingerprints: &'f Fingerprints,
    /// Threads beside the one that reads; with none, that one does all.
    pub(crate) threads: usize,
    /// What is to be told.
    pub(crate) wants: Wants,
}

impl Inspecting<'_> {
    /// Inspects a capture and tells what is found; `read` hears of bytes as they are used.
    ///
    /// # Errors
    /// It cannot be opened. What goes wrong later is in [`Told::failure`].
    pub(crate) fn inspect(
        &self,
        source: &Source,
        out: &mut dyn FnMut(Finding),
        read: &mut dyn FnMut(u64),
    ) -> io::Result<Inspected> {
        let mut capture = Capture::open(source)?;
        let lanes = if source.size() > ONE_LANE_BYTES { LANES } else { 1 };
        let threads = self.threads.min(lanes);
        if threads <= 1 {
            Ok(self.here(&mut capture, lanes, out, read))
        } else {
            Ok(self.on_threads(&mut capture, (lanes, threads), out, read))
        }
    }

    /// Inspects a capture whose length nobody knows: on this thread, all of its connections compared with one another.
    pub(crate) fn stream(
        &self,
        mut capture: Capture<'_>,
        out: &mut dyn FnMut(Finding),
    ) -> Inspected {
        self.here(&mut capture, 1, out, &mut |_| {})
    }

    /// The inspector of one of so many lanes.
    fn inspector(&self, lanes: usize) -> Inspector<'_> {
        let all = Limits::default();
        // Lanes fill a little unevenly.
        let slack = if lanes == 1 { 0 } else { all.flows / lanes / 16 };
        let flows = all.flows / lanes + slack;
        let limits = Limits { flows, memory: all.memory / lanes, ..all };
        Inspector::new(limits, self.fingerprints).telling(self.wants)
    }

    fn here(
        &self,
        capture: &mut Capture<'_>,
        lanes: usize,
        out: &mut dyn FnMut(Finding),
        read: &mut dyn FnMut(u64),
    ) -> Inspected {
        let mut inspectors: Vec<_> = (0..lanes).map(|_| self.inspector(lanes)).collect();
        let mut done = Inspected::default();
        let told = capture.batches(|records| {
            let packets = records.iter().filter_map(|record| {
                let ip = done.take(record, read)?;
                let lane = if lanes == 1 { 0 } else { lane_of(&ip, lanes) };
                Some(Packet { lane, record, ip })
            });
            batch(&mut inspectors, packets, &mut |_, finding| out(finding));
            Go::On
        });
        done.told = told;
        for inspector in inspectors {
            done.counters += inspector.finish(out);
        }
        done
    }

    fn on_threads(
        &self,
        capture: &mut Capture<'_>,
        (lanes, threads): (usize, usize),
        out: &mut dyn FnMut(Finding),
        read: &mut dyn FnMut(u64),
    ) -> Inspected {
        let mut done = Inspected::default();
        thread::scope(|scope| {
            let workers: Vec<Worker> = (0..threads)
                .map(|number| {
                    let (to, rounds) = sync_channel(QUEUE);
                    let (results, from) = sync_channel(QUEUE + 2);
                    let own = (number..lanes).step_by(threads);
                    let inspectors = own.map(|lane| (lane, self.inspector(lanes))).unzip();
                    scope.spawn(move || work(number, inspectors, &rounds, &results));
                    Worker { to, from }
                })
                .collect();
            let round = Round::new(threads);
            let waiting = VecDeque::new();
            let mut sharing =
                Sharing { workers, waiting, round, lanes, done: &mut done, out, read };
            let told = capture.buffers(&mut sharing);
            sharing.finish();
            done.told = told;
        });
        done
    }
}

impl Inspected {
    /// Counts a record, and gives the IP packet in it.
    #[inline(always)]
    fn take<'a>(&mut self, record: &Record<'a>, read: &mut dyn FnMut(u64)) -> Option<IpPacket<'a>> {
        self.packets += 1;
        if self.packets.is_multiple_of(TOLD_EVERY) {
            read(record.offset);
        }
        self.snapped += u64::from(record.bytes.len() < record.original_len as usize);
        if record.at_ns != 0 {
            let (first, last) = self.span_ns.unwrap_or((record.at_ns, record.at_ns));
            self.span_ns = Some((first.min(record.at_ns), last.max(record.at_ns)));
        }
        match innermost(record.link, record.bytes) {
            Ok(Carried::Ip(packet)) => return Some(packet),
            Ok(Carried::Other(_)) => self.not_ip += 1,
            Ok(Carried::UnknownLink(link)) => {
                self.not_ip += 1;
                self.unknown_link.get_or_insert(link);
            }
            Err(_) => self.unreadable += 1,
        }
        None
    }
}

#[inline]
fn lane_of(packet: &IpPacket<'_>, lanes: usize) -> usize {
    // The high bits are the well mixed ones.
    (lane(packet) >> 32) as usize % lanes
}

/// A worker's end of things, as the reader holds it.
struct Worker {
    to: SyncSender<Arc<Round>>,
    from: Receiver<Results>,
}

/// A buffer of the file, and what of it is for each worker.
#[derive(Default)]
struct Round {
    bytes: Vec<u8>,
    heads: Vec<Vec<Head>>,
}

/// A [`Record`] whose bytes are in a round's.
struct Head {
    /// Number among its worker's lanes.
    lane: usize,
    number: u64,
    at_ns: i64,
    link: LinkType,
    bytes: Range<usize>,
    comment: Option<Range<usize>>,
    original_len: u32,
    interface: u32,
    way: Way,
    offset: u64,
}

/// What a worker found in a round, each with the number of the packet that showed it; or at the end, with its counts.
enum Results {
    Round(Vec<(u64, Finding)>),
    End(Vec<(usize, Vec<Finding>, Counters)>),
}

impl Round {
    fn new(workers: usize) -> Self {
        Self { bytes: Vec::new(), heads: (0..workers).map(|_| Vec::new()).collect() }
    }

    fn record<'a>(&'a self, head: &Head) -> Record<'a> {
        Record {
            number: head.number,
            at_ns: head.at_ns,
            link: head.link,
            bytes: self.bytes.get(head.bytes.clone()).unwrap_or_default(),
            original_len: head.original_len,
            interface: head.interface,
            way: head.way,
            offset: head.offset,
            comment: head.comment.clone().and_then(|it| self.bytes.get(it)),
        }
    }
}

impl Head {
    fn new(record: &Record<'_>, buffer: &[u8], lane: usize) -> Self {
        // Where a part of the buffer is in it.
        let place = |part: &[u8]| {
            let begin = part.as_ptr().addr().wrapping_sub(buffer.as_ptr().addr());
            begin..begin.wrapping_add(part.len())
        };
        let (bytes, comment) = (place(record.bytes), record.comment.map(place));
        let Record { number, at_ns, link, original_len, interface, way, offset, .. } = *record;
        Self { lane, number, at_ns, link, bytes, comment, original_len, interface, way, offset }
    }
}

/// The reader's view of all workers: each buffer goes to all of them, and their results come back together.
struct Sharing<'a> {
    workers: Vec<Worker>,
    /// Rounds whose results were not taken yet.
    waiting: VecDeque<Arc<Round>>,
    /// The next, whose buffer is still being read.
    round: Round,
    lanes: usize,
    done: &'a mut Inspected,
    out: &'a mut dyn FnMut(Finding),
    read: &'a mut dyn FnMut(u64),
}

impl Buffers for Sharing<'_> {
    fn packets(&mut self, buffer: &[u8], records: &[Record<'_>]) {
        let workers = self.workers.len();
        for record in records {
            let Some(packet) = self.done.take(record, self.read) else { continue };
            let lane = lane_of(&packet, self.lanes);
            if let Some(heads) = self.round.heads.get_mut(lane % workers) {
                heads.push(Head::new(record, buffer, lane / workers));
            }
        }
    }

    fn full(&mut self, buffer: Vec<u8>) -> Vec<u8> {
        self.round.bytes = buffer;
        let round = Arc::new(std::mem::take(&mut self.round));
        for worker in &self.workers {
            // A worker that is gone has panicked; the scope tells.
            let _ = worker.to.send(Arc::clone(&round));
        }
        self.waiting.push_back(round);
        if self.waiting.len() > QUEUE {
            self.take_round();
        }
        if self.round.heads.is_empty() {
            self.round = Round::new(self.workers.len());
        }
        std::mem::take(&mut self.round.bytes)
    }
}

impl Sharing<'_> {
    /// Tells the results of the first round that waits. What it was made of is used again.
    fn take_round(&mut self) {
        let mut found = Vec::new();
        for worker in &self.workers {
            if let Ok(Results::Round(part)) = worker.from.recv() {
                found.extend(part);
            }
        }
        // Stable: what one packet showed stays in its order.
        found.sort_by_key(|(number, _)| *number);
        found.into_iter().for_each(|(_, finding)| (self.out)(finding));
        let round = self.waiting.pop_front().and_then(|round| Arc::try_unwrap(round).ok());
        self.round = round.unwrap_or_default();
        self.round.heads.iter_mut().for_each(Vec::clear);
    }

    fn finish(mut self) {
        while !self.waiting.is_empty() {
            self.take_round();
        }
        let mut ends = Vec::new();
        for Worker { to, from } in self.workers {
            drop(to);
            if let Ok(Results::End(end)) = from.recv() {
                ends.extend(end);
            }
        }
        ends.sort_by_key(|(lane, ..)| *lane);
        for (_, found, counted) in ends {
            found.into_iter().for_each(&mut *self.out);
            self.done.counters += counted;
        }
    }
}

/// A worker's whole life.
fn work(
    number: usize,
    (lanes, mut inspectors): (Vec<usize>, Vec<Inspector<'_>>),
    rounds: &Receiver<Arc<Round>>,
    results: &SyncSender<Results>,
) {
    while let Ok(round) = rounds.recv() {
        let mut found = Vec::new();
        let own = round.heads.get(number).map(Vec::as_slice).unwrap_or_default();
        for heads in own.chunks(BATCH) {
            let records: Vec<_> = heads.iter().map(|head| round.record(head)).collect();
            let packets = heads.iter().zip(&records).filter_map(|(head, record)| {
                let Ok(Carried::Ip(ip)) = innermost(record.link, record.bytes) else { return None };
                Some(Packet { lane: head.lane, record, ip })
            });
            batch(&mut inspectors, packets, &mut |number, finding| found.push((number, finding)));
        }
        // Before the results: whoever gets them is the only one to have it then.
        drop(round);
        if results.send(Results::Round(found)).is_err() {
            return;
        }
    }
    let ends = lanes.into_iter().zip(inspectors).map(|(lane, inspector)| {
        let mut found = Vec::new();
        let counters = inspector.finish(&mut |finding| found.push(finding));
        (lane, found, counters)
    });
    let _ = results.send(Results::End(ends.collect()));
}

/// Files up to this size have one lane, so that all of their connections can be compared with one another.
const ONE_LANE_BYTES: u64 = 64 << 20;
/// Lanes of greater ones. A constant, so that what is found does not depend on the machine.
const LANES: usize = 16;
/// Packets that a worker looks up together.
const BATCH: usize = 32;
/// Rounds on their way.
const QUEUE: usize = 3;
/// Packets between two words of progress.
const TOLD_EVERY: u64 = 1 << 16;
