//! The packets of one capture through inspectors, on all cores.
//!
//! All packets between two addresses go to one lane, and each lane has an inspector of its own, so that lanes need not know of one
//! another. What is found is told in the order of the packets that showed it: the same, however many threads there are.

use std::io;
use std::ops::Range;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use wirewitness_analysis::fingerprints::Fingerprints;
use wirewitness_analysis::tamper::{
    Counters, Finding, Inspector, Limits, Packet, Wants, batch, lane,
};
use wirewitness_wire::file::{LinkType, Record, Way};
use wirewitness_wire::ip::IpPacket;
use wirewitness_wire::link::{Carried, innermost};

use crate::input::captures::{Capture, Go, Told};
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
        capture: &mut Capture,
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
        capture: &mut Capture,
        (lanes, threads): (usize, usize),
        out: &mut dyn FnMut(Finding),
        read: &mut dyn FnMut(u64),
    ) -> Inspected {
        let mut done = Inspected::default();
        thread::scope(|scope| {
            let workers: Vec<Worker> = (0..threads)
                .map(|number| {
                    let (to, parcels) = sync_channel(QUEUE);
                    let (results, from) = sync_channel(QUEUE + 2);
                    let own = (number..lanes).step_by(threads);
                    let inspectors = own.map(|lane| (lane, self.inspector(lanes))).collect();
                    scope.spawn(move || work(inspectors, (lanes, threads), &parcels, &results));
                    Worker { to, from, parcel: Parcel::default() }
                })
                .collect();
            let mut sharing = Sharing { workers, waiting: 0, held: 0 };
            let told = capture.packets(|record| {
                if let Some(packet) = done.take(record, read) {
                    let at = lane_of(&packet, lanes) % threads;
                    sharing.put(at, record, out);
                }
                Go::On
            });
            done.told = told;
            sharing.send(out);
            sharing.finish(out, &mut done.counters);
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
    to: SyncSender<Parcel>,
    from: Receiver<Results>,
    parcel: Parcel,
}

/// Packets on their way to a worker.
#[derive(Default)]
struct Parcel {
    bytes: Vec<u8>,
    heads: Vec<Head>,
}

/// A [`Record`] whose bytes are in a parcel.
struct Head {
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

/// What a worker found in a parcel, each with the number of the packet that showed it; or at the end, with its counts.
enum Results {
    Parcel(Vec<(u64, Finding)>),
    End(Vec<(usize, Vec<Finding>, Counters)>),
}

impl Parcel {
    fn put(&mut self, record: &Record<'_>) {
        let mut keep = |bytes: &[u8]| {
            let begin = self.bytes.len();
            self.bytes.extend_from_slice(bytes);
            begin..self.bytes.len()
        };
        let (bytes, comment) = (keep(record.bytes), record.comment.map(keep));
        let Record { number, at_ns, link, original_len, interface, way, offset, .. } = *record;
        self.heads.push(Head {
            number,
            at_ns,
            link,
            bytes,
            comment,
            original_len,
            interface,
            way,
            offset,
        });
    }

    fn records(&self) -> impl Iterator<Item = Record<'_>> {
        self.heads.iter().map(|head| Record {
            number: head.number,
            at_ns: head.at_ns,
            link: head.link,
            bytes: self.bytes.get(head.bytes.clone()).unwrap_or_default(),
            original_len: head.original_len,
            interface: head.interface,
            way: head.way,
            offset: head.offset,
            comment: head.comment.clone().and_then(|it| self.bytes.get(it)),
        })
    }
}

/// The reader's view of all workers: parcels go out together, and their results come back together.
struct Sharing {
    workers: Vec<Worker>,
    /// Rounds of parcels whose results were not taken yet.
    waiting: usize,
    /// Bytes in parcels that were not sent yet.
    held: usize,
}

impl Sharing {
    fn put(&mut self, at: usize, record: &Record<'_>, out: &mut dyn FnMut(Finding)) {
        let Some(worker) = self.workers.get_mut(at) else { return };
        worker.parcel.put(record);
        self.held += record.bytes.len();
        if self.held >= ROUND_BYTES {
            self.send(out);
        }
    }

    fn send(&mut self, out: &mut dyn FnMut(Finding)) {
        self.held = 0;
        for worker in &mut self.workers {
            // A worker that is gone has panicked; the scope tells.
            let _ = worker.to.send(std::mem::take(&mut worker.parcel));
        }
        self.waiting += 1;
        while self.waiting > QUEUE {
            self.take_round(out);
        }
    }

    fn take_round(&mut self, out: &mut dyn FnMut(Finding)) {
        self.waiting -= 1;
        let mut round = Vec::new();
        for worker in &self.workers {
            if let Ok(Results::Parcel(found)) = worker.from.recv() {
                round.extend(found);
            }
        }
        // Stable: what one packet showed stays in its order.
        round.sort_by_key(|(number, _)| *number);
        round.into_iter().for_each(|(_, finding)| out(finding));
    }

    fn finish(mut self, out: &mut dyn FnMut(Finding), counters: &mut Counters) {
        while self.waiting > 0 {
            self.take_round(out);
        }
        let mut ends = Vec::new();
        for Worker { to, from, .. } in self.workers {
            drop(to);
            if let Ok(Results::End(end)) = from.recv() {
                ends.extend(end);
            }
        }
        ends.sort_by_key(|(lane, ..)| *lane);
        for (_, found, counted) in ends {
            found.into_iter().for_each(&mut *out);
            *counters += counted;
        }
    }
}

/// A worker's whole life.
fn work(
    mut inspectors: Vec<(usize, Inspector<'_>)>,
    (lanes, threads): (usize, usize),
    parcels: &Receiver<Parcel>,
    results: &SyncSender<Results>,
) {
    while let Ok(parcel) = parcels.recv() {
        let mut found = Vec::new();
        for record in parcel.records() {
            let Ok(Carried::Ip(packet)) = innermost(record.link, record.bytes) else { continue };
            // Its lanes are every so many-th of all.
            let at = lane_of(&packet, lanes) / threads;
            let Some((_, inspector)) = inspectors.get_mut(at) else { continue };
            inspector.packet(&record, &packet, &mut |finding| found.push((record.number, finding)));
        }
        if results.send(Results::Parcel(found)).is_err() {
            return;
        }
    }
    let ends = inspectors.into_iter().map(|(lane, inspector)| {
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
/// Bytes of packets that go to the workers at a time.
const ROUND_BYTES: usize = 2 << 20;
/// Rounds on their way.
const QUEUE: usize = 3;
/// Packets between two words of progress.
const TOLD_EVERY: u64 = 1 << 16;
