//! What is kept of a connection that carries data: the beginnings of both ways while they tell something, and what came of them.

use wirewitness_wire::transport::flag;

use super::farewell::{self, Farewell};
use super::transfers::Transfers;
use crate::fingerprints::Fingerprints;
use crate::flows::header::{Header, ahead};
use crate::flows::heads::{Heads, Overlap, Segment, Settled};
use crate::flows::key::Place;
use crate::flows::side::Side;
use crate::tamper::content;
use crate::tamper::finding::{Connection, End, Evidence, Finding, Trigger};

/// Of a connection that carries data.
#[derive(Debug, Default)]
pub struct Talk {
    heads: Option<Box<Heads>>,
    headers: Vec<Header>,
    /// True while headers are to be kept.
    keeps: bool,
    trigger: Option<Trigger>,
    overlaps: Vec<Overlap>,
    evidence: Vec<Evidence>,
    unanswered: Unanswered,
    farewell: Option<Farewell>,
    /// The ways that carry much.
    pub(super) transfers: Option<Box<Transfers>>,
    full: bool,
    /// Until when it is known what of the streams adds nothing.
    settled: Settled,
}

/// The client's packets that nothing but bare acknowledgements followed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unanswered {
    packets: [u64; 8],
    count: u8,
    /// Time of the first, ns since 1970.
    pub since_ns: i64,
    /// How many of them repeat others, none of which was acknowledged.
    pub repeated: u32,
    /// The number behind what they repeat.
    until: u32,
}

/// Headers kept of the beginnings: those that overlaps name are among the first, and transfers begin with them.
const HEADERS: usize = 40;
/// Room for those of most connections.
const FEW_HEADERS: usize = 16;

impl Talk {
    /// Begins, with the handshake.
    pub fn new(handshake: [Header; 2]) -> Self {
        let mut headers = Vec::with_capacity(FEW_HEADERS);
        headers.extend(handshake.into_iter().filter(|it| it.packet != 0));
        headers.sort_by_key(|it| it.packet);
        Self { heads: Some(Box::default()), headers, keeps: true, ..Self::default() }
    }

    /// Begins to watch a way that carries much, if it is not watched already. The bytes of memory that are held more.
    pub fn transfer(&mut self, way: (Place, u64, u32), began_ns: i64) -> isize {
        self.transfers.get_or_insert_default().begin(way, &self.headers, began_ns)
    }

    /// Bytes of memory held, transfers aside.
    pub fn memory(&self) -> isize {
        let own = size_of::<Self>();
        let heads = self.heads.as_ref().map_or(0, |heads| size_of::<Heads>() + heads.memory());
        (own + heads + self.headers.capacity() * size_of::<Header>()) as isize
    }

    /// Lets go of the headers, where nothing that was odd needs them. The bytes of memory that they held.
    pub fn settle(&mut self) -> isize {
        if !self.overlaps.is_empty() || self.farewell.is_some() {
            return 0;
        }
        self.keeps = false;
        let held = self.headers.capacity() * size_of::<Header>();
        self.headers = Vec::new();
        held as isize
    }

    /// Takes in a segment. The bytes of memory that it holds more, or less.
    pub fn segment(&mut self, segment: &Segment<'_>) -> isize {
        let Some(heads) = &mut self.heads else { return 0 };
        let before = heads.memory() as isize;
        self.full = !heads.segment(segment);
        self.settled = heads.settled();
        heads.memory() as isize - before
    }

    /// True for a segment that would add nothing: it need not be given to [`Self::segment`].
    #[inline]
    pub fn is_settled(&self, from: End, offset: u64, at_ns: i64) -> bool {
        let behind = if from == End::Client { self.settled.client } else { self.settled.server };
        at_ns < self.settled.until_ns && offset >= behind
    }

    /// A number of what [`Self::note`] and [`Self::segment`] will read, as one that means nothing.
    #[inline]
    pub(super) fn fetch(&self) -> u64 {
        let header = self.headers.last().map_or(0, |header| header.packet);
        let heads = self.heads.as_ref().filter(|_| self.settled.until_ns == i64::MIN);
        header ^ heads.map_or(0, |heads| heads.fetch()) ^ self.unanswered.since_ns as u64
    }

    /// True while the beginnings are kept.
    #[inline]
    pub fn is_reading(&self) -> bool {
        self.heads.is_some()
    }

    /// True if the beginnings have told all that they can, and are to be read.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.full && self.heads.is_some()
    }

    /// Reads the beginnings and lets go of them. The bytes of memory that were held.
    pub fn read(
        &mut self,
        connection: Connection,
        fingerprints: &Fingerprints,
        out: &mut dyn FnMut(Finding),
    ) -> isize {
        let Some(mut heads) = self.heads.take() else { return 0 };
        let held = size_of::<Heads>() + heads.memory();
        let content = content::read(connection, &heads, fingerprints);
        for finding in content.findings {
            out(finding);
        }
        self.evidence = content.evidence;
        (self.trigger, self.overlaps) = heads.take();
        held as isize
    }

    /// What the client asked for; it is known no more then.
    pub fn take_trigger(&mut self) -> Option<Trigger> {
        self.trigger.take()
    }

    /// Copies of data that differ.
    pub fn overlaps(&self) -> &[Overlap] {
        &self.overlaps
    }

    /// A FIN after which its end goes on.
    pub fn farewell(&self) -> Option<&Farewell> {
        self.farewell.as_ref()
    }

    /// What the content told.
    pub fn evidence(&self) -> &[Evidence] {
        &self.evidence
    }

    /// The headers of a packet of the beginnings.
    pub fn header(&self, packet: u64) -> Option<&Header> {
        self.headers.iter().find(|it| it.packet == packet)
    }

    /// The headers of the beginnings.
    pub fn headers(&self) -> &[Header] {
        &self.headers
    }

    /// A packet of the end `own` passed, with payload or without; `own` is how things stood before it. The bytes of memory that
    /// are held more.
    #[inline(always)]
    pub fn note(&mut self, header: &Header, from: End, own: &Side) -> isize {
        if self.farewell.is_none() {
            self.farewell = farewell::contradiction(own, header);
        }
        if from == End::Server {
            self.unanswered.acknowledged(header);
        }
        if !self.keeps || self.headers.len() >= HEADERS {
            return 0;
        }
        let before = self.headers.capacity();
        if self.headers.len() == before {
            self.headers.reserve_exact(HEADERS - before);
        }
        self.headers.push(*header);
        ((self.headers.capacity() - before) * size_of::<Header>()) as isize
    }

    /// A segment with payload passed.
    #[inline]
    pub fn passed(&mut self, header: &Header, from: End, repeats: Repeats) {
        match from {
            End::Server => self.unanswered.count = 0,
            End::Client => self.unanswered.ask(header, repeats),
        }
    }

    /// The client's packets that had no answer.
    pub fn unanswered(&self) -> (Vec<u64>, Unanswered) {
        let kept = self.unanswered.packets.get(..usize::from(self.unanswered.count));
        (kept.unwrap_or_default().to_vec(), self.unanswered)
    }
}

impl Unanswered {
    fn ask(&mut self, header: &Header, repeats: Repeats) {
        if self.count == 0 {
            (self.since_ns, self.repeated) = (header.at_ns, 0);
        }
        if repeats == Repeats::Known {
            let further = self.repeated == 0 || ahead(header.end(), self.until) > 0;
            self.until = if further { header.end() } else { self.until };
            self.repeated += 1;
        }
        if let Some(slot) = self.packets.get_mut(usize::from(self.count)) {
            *slot = header.packet;
            self.count += 1;
        }
    }

    /// What the server acknowledges has arrived, and was not dropped.
    #[inline]
    fn acknowledged(&mut self, header: &Header) {
        let acknowledges = header.has(flag::ACK) && !header.is_reset();
        if self.repeated > 0 && acknowledges && ahead(header.ack, self.until) >= 0 {
            self.repeated = 0;
        }
    }
}

/// Whether there is memory for the beginnings of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// There is.
    Enough,
    /// There is none.
    None,
}

/// Whether a segment repeats what was sent before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeats {
    /// It does.
    Known,
    /// It brings something new.
    New,
}
