//! The packets of capture files: pcap and pcapng, plain or compressed, or from standard input, as they are streamed.

use std::io::{self, Read};

use wirewitness_wire::file::{Damage, Record, Step, Walk};

use super::sources::Source;

/// Reads a capture piece by piece, never the whole of it.
pub(crate) struct Capture<'r> {
    source: Box<dyn Read + 'r>,
    walk: Walk,
    buffer: Vec<u8>,
    /// The next one, where buffers are given away.
    spare: Vec<u8>,
    /// What of the buffer holds bytes that were not used yet.
    begin: usize,
    end: usize,
    /// Bytes before the buffer.
    passed: u64,
}

/// What a capture came to, beside its packets.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Bytes read, decompressed.
    pub(crate) bytes: u64,
    /// The first pieces of damage.
    pub(crate) damage: Vec<Damage>,
    /// How many there were.
    pub(crate) damages: u64,
    /// Why reading ended before the end, where it did.
    pub(crate) failure: Option<io::Error>,
}

impl Told {
    fn damage(&mut self, damage: Damage) {
        self.damages += 1;
        if self.damage.len() < MOST_DAMAGE_TOLD {
            self.damage.push(damage);
        }
    }
}

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Go {
    /// On.
    On,
    /// No further.
    Stop,
}

/// What takes whole buffers, each with its packets.
pub(crate) trait Buffers {
    /// Some packets of the buffer at hand.
    fn packets(&mut self, buffer: &[u8], records: &[Record<'_>]);
    /// That buffer, all of whose packets were given. Another to use, of any length.
    fn full(&mut self, buffer: Vec<u8>) -> Vec<u8>;
}

impl<'r> Capture<'r> {
    /// Opens a source.
    pub(crate) fn open(source: &Source) -> io::Result<Self> {
        Ok(Self::over(source.plain()?))
    }

    /// Over bytes that come from anywhere, decompressed.
    pub(crate) fn over(source: Box<dyn Read + 'r>) -> Self {
        let buffer = vec![0; PIECE];
        let spare = Vec::new();
        Self { source, walk: Walk::default(), buffer, spare, begin: 0, end: 0, passed: 0 }
    }

    /// Gives every packet to `each`, in order, until it says stop. Damage is passed over and told; what was read before is not lost.
    pub(crate) fn packets(&mut self, mut each: impl FnMut(&Record<'_>) -> Go) -> Told {
        self.batches(|records| {
            let stops = records.iter().any(|record| each(record) == Go::Stop);
            if stops { Go::Stop } else { Go::On }
        })
    }

    /// [`Self::packets`], some at a time: whoever does one thing with all of them and then the next keeps a core's caches warm.
    pub(crate) fn batches(&mut self, mut each: impl FnMut(&[Record<'_>]) -> Go) -> Told {
        let mut told = Told::default();
        while let Piece::Used { need } = self.walk_piece(&mut told, &mut |_, records| each(records))
            && self.filled(need, &mut told) == Filled::More
        {}
        told.bytes = self.passed + self.end as u64;
        told
    }

    /// [`Self::fill`]; what is wrong at the end is told.
    fn filled(&mut self, need: usize, told: &mut Told) -> Filled {
        match self.fill(need) {
            Ok(Filled::More) => return Filled::More,
            Ok(Filled::End) => {
                let rest = self.buffer.get(self.begin..self.end).unwrap_or_default();
                if let Some(damage) = self.walk.finish(rest) {
                    told.damage(damage);
                }
            }
            Err(error) => told.failure = Some(error),
        }
        Filled::End
    }

    /// Gives every packet, in order, and the buffers that hold them: nothing is copied but what of a packet reaches into the next.
    pub(crate) fn buffers(&mut self, to: &mut impl Buffers) -> Told {
        let mut told = Told::default();
        self.buffer.resize(SHARED_PIECE, 0);
        loop {
            let used = self.walk_piece(&mut told, &mut |buffer, records| {
                to.packets(buffer, records);
                Go::On
            });
            let Piece::Used { need } = used else { break };
            self.pass_on(need, to);
            if self.filled(need, &mut told) == Filled::End {
                break;
            }
        }
        to.full(std::mem::take(&mut self.buffer));
        told.bytes = self.passed + self.end as u64;
        told
    }

    /// Gives the buffer away, and goes on with another that begins with what was not used.
    fn pass_on(&mut self, need: usize, to: &mut impl Buffers) {
        if self.begin == 0 {
            return;
        }
        let rest = self.buffer.get(self.begin..self.end).unwrap_or_default();
        let mut next = std::mem::take(&mut self.spare);
        next.clear();
        next.extend_from_slice(rest);
        next.resize(need.clamp(SHARED_PIECE, PIECE_MAX), 0);
        self.passed += self.begin as u64;
        (self.begin, self.end) = (0, rest.len());
        self.spare = to.full(std::mem::replace(&mut self.buffer, next));
    }

    /// All steps that the buffer has the bytes of.
    fn walk_piece(
        &mut self,
        told: &mut Told,
        each: &mut impl FnMut(&[u8], &[Record<'_>]) -> Go,
    ) -> Piece {
        let mut batch = Vec::with_capacity(BATCH);
        let need = loop {
            let rest = self.buffer.get(self.begin..self.end).unwrap_or_default();
            let (used, step) = self.walk.step(rest);
            self.begin += used;
            match step {
                Step::Packet(record) => {
                    batch.push(record);
                    if batch.len() == BATCH {
                        if each(&self.buffer, &batch) == Go::Stop {
                            return Piece::Stopped;
                        }
                        batch.clear();
                    }
                }
                Step::Passed => {}
                Step::Damage(damage) => told.damage(damage),
                Step::More(need) => break need.saturating_sub(used),
            }
        };
        match each(&self.buffer, &batch) {
            Go::On => Piece::Used { need },
            Go::Stop => Piece::Stopped,
        }
    }

    /// Brings at least `need` bytes into the buffer, counted from the first unused one, or what is left.
    fn fill(&mut self, need: usize) -> io::Result<Filled> {
        self.buffer.copy_within(self.begin..self.end, 0);
        self.passed += self.begin as u64;
        (self.begin, self.end) = (0, self.end - self.begin);
        if need > self.buffer.len() {
            self.buffer.resize(need.min(PIECE_MAX).next_multiple_of(PIECE), 0);
        }
        let before = self.end;
        while self.end < need.max(before + 1) {
            let free = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.source.read(free) {
                Ok(0) => break,
                Ok(got) => self.end += got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(if self.end < need.max(before + 1) { Filled::End } else { Filled::More })
    }
}

enum Piece {
    Used { need: usize },
    Stopped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filled {
    More,
    End,
}

/// Packets given at a time.
const BATCH: usize = 32;
/// Bytes read at a time: small enough to stay in a core's own cache until they are used.
const PIECE: usize = 256 << 10;
/// As many of a buffer that other threads look at: few enough to pass through the cache that cores share.
const SHARED_PIECE: usize = 1 << 20;
/// A block of a file may be this long, bytes.
const PIECE_MAX: usize = 32 << 20;
/// Of one file.
const MOST_DAMAGE_TOLD: usize = 20;
