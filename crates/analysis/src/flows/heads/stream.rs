//! The first bytes of one way of a connection.

use super::Segment;

/// A run of bytes, and the packet that brought them first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Piece {
    /// Place of its first byte in the stream.
    pub start: u32,
    /// Place behind its last byte.
    pub end: u32,
    /// Its packet.
    pub packet: u64,
    /// When, ns since 1970.
    pub at_ns: i64,
    /// Time to live, or hop limit.
    pub ttl: u8,
}

/// A few pieces, which most streams have, are held in place.
#[derive(Debug, Default)]
struct Pieces {
    few: [Piece; FEW_PIECES],
    count: u8,
    /// All of them, where they are more.
    many: Vec<Piece>,
}

impl Pieces {
    #[inline]
    fn all(&self) -> &[Piece] {
        if self.many.is_empty() {
            self.few.get(..usize::from(self.count)).unwrap_or_default()
        } else {
            &self.many
        }
    }

    fn push(&mut self, piece: Piece) {
        if self.many.is_empty() {
            if let Some(free) = self.few.get_mut(usize::from(self.count)) {
                *free = piece;
                self.count += 1;
                return;
            }
            self.many.reserve_exact(4 * FEW_PIECES);
            self.many.extend(self.few);
        }
        self.many.push(piece);
    }
}

/// A place at which a copy differs from the one before.
pub(super) struct Differs {
    pub(super) offset: u64,
    pub(super) packet: u64,
    pub(super) copies: [Vec<u8>; 2],
}

/// Bytes of one way, from the first on, with holes. Of two copies the first is kept.
#[derive(Debug, Default)]
pub(super) struct Stream {
    bytes: Vec<u8>,
    /// Disjoint, in the order in which they came.
    pieces: Pieces,
    /// Length up to the first hole.
    contiguous: u32,
    /// True once bytes behind the limit were seen with no hole before them that could still be filled soon.
    passed: bool,
}

impl Stream {
    /// A number of it, as one that means nothing.
    #[inline]
    pub(super) fn fetch(&self) -> u64 {
        u64::from(self.contiguous) ^ u64::from(self.pieces.count)
    }

    pub(super) fn beginning(&self) -> &[u8] {
        self.bytes.get(..self.contiguous as usize).unwrap_or_default()
    }

    pub(super) fn pieces(&self) -> &[Piece] {
        self.pieces.all()
    }

    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity() + self.pieces.many.capacity() * size_of::<Piece>()
    }

    /// True if nothing more can be put in below `limit`, or what can is not worth waiting for.
    pub(super) fn is_full(&self, limit: usize) -> bool {
        self.contiguous as usize >= limit || self.passed || self.pieces().len() >= MAX_PIECES
    }

    /// Bytes at `offset` were sent, behind `limit`.
    pub(super) fn passed(&mut self, offset: u64, limit: usize) {
        self.passed |= offset >= limit as u64;
    }

    /// The packet that brought the byte at `offset`; 0 where none did.
    pub(super) fn packet_of(&self, offset: u32) -> u64 {
        let covers = |piece: &&Piece| (piece.start..piece.end).contains(&offset);
        self.pieces().iter().find(covers).map_or(0, |piece| piece.packet)
    }

    /// Compares a segment with what is there.
    pub(super) fn compare(&self, segment: &Segment<'_>) -> Option<Differs> {
        let start = u32::try_from(segment.offset).ok()?;
        let end = start.saturating_add(u32::try_from(segment.payload.len()).unwrap_or(u32::MAX));
        let mut first: Option<(u32, u64)> = None;
        for piece in self.pieces().iter().filter(|piece| piece.start < end && piece.end > start) {
            let (from, to) = (piece.start.max(start), piece.end.min(end));
            let old = self.bytes.get(from as usize..to as usize)?;
            let new = segment.payload.get((from - start) as usize..(to - start) as usize)?;
            if old != new
                && let Some(at) = old.iter().zip(new).position(|(old, new)| old != new)
            {
                let at = from + at as u32;
                if first.is_none_or(|(offset, _)| at < offset) {
                    first = Some((at, piece.packet));
                }
            }
        }
        let (offset, packet) = first?;
        let old = self.known_from(offset);
        let new = segment.payload.get((offset - start) as usize..).unwrap_or_default();
        let copies = [excerpt(old), excerpt(new)];
        Some(Differs { offset: offset.into(), packet, copies })
    }

    /// What is known without a hole from `offset` on.
    fn known_from(&self, offset: u32) -> &[u8] {
        let mut end = offset;
        while let Some(piece) =
            self.pieces().iter().find(|piece| piece.start <= end && end < piece.end)
        {
            end = piece.end;
        }
        self.bytes.get(offset as usize..end as usize).unwrap_or_default()
    }

    /// Puts what is new of a segment in, below `limit`. Nothing beyond `expected` is expected to come.
    pub(super) fn put(&mut self, segment: &Segment<'_>, limit: usize, expected: usize) {
        let Ok(start) = usize::try_from(segment.offset) else { return };
        let end = start.saturating_add(segment.payload.len()).min(limit);
        if start >= end {
            return;
        }
        // Most segments come in order.
        self.make_room(end, expected);
        if start == self.contiguous as usize && self.bytes.len() == start {
            self.add(segment, start, end);
        } else {
            let mut at = start;
            while at < end {
                let hole_end = self.hole_end(at as u32, end as u32) as usize;
                if hole_end > at {
                    self.add(segment, at, hole_end);
                }
                at = self.piece_end(hole_end as u32).max(hole_end as u32 + 1) as usize;
            }
        }
        if end == limit && segment.offset + segment.payload_len as u64 > limit as u64 {
            self.passed |= self.contiguous as usize >= limit;
        }
    }

    fn hole_end(&self, at: u32, end: u32) -> u32 {
        if self.pieces().iter().any(|piece| (piece.start..piece.end).contains(&at)) {
            return at;
        }
        let starts = self.pieces().iter().map(|piece| piece.start);
        starts.filter(|start| *start > at).min().unwrap_or(end).min(end)
    }

    fn piece_end(&self, at: u32) -> u32 {
        let covers = |piece: &&Piece| (piece.start..piece.end).contains(&at);
        self.pieces().iter().find(covers).map_or(at, |piece| piece.end)
    }

    /// Room for `end` bytes, and for some more, but for no more than are expected.
    fn make_room(&mut self, end: usize, expected: usize) {
        if end > self.bytes.capacity() {
            let room = (2 * end).min(expected).max(end);
            self.bytes.reserve_exact(room - self.bytes.len());
        }
    }

    /// Adds the bytes of a segment from `start` to `end`, where nothing is yet.
    fn add(&mut self, segment: &Segment<'_>, start: usize, end: usize) {
        let base = segment.offset as usize;
        let Some(new) = segment.payload.get(start - base..end - base) else { return };
        if self.pieces().len() >= MAX_PIECES {
            return;
        }
        if self.bytes.len() == start {
            self.bytes.extend_from_slice(new);
        } else {
            if self.bytes.len() < end {
                self.bytes.resize(end, 0);
            }
            if let Some(place) = self.bytes.get_mut(start..end) {
                place.copy_from_slice(new);
            }
        }
        let (packet, at_ns, ttl) = (segment.seen.packet, segment.seen.at_ns, segment.seen.ttl);
        let (start, end) = (start as u32, end as u32);
        self.pieces.push(Piece { start, end, packet, at_ns, ttl });
        while let Some(piece) = self
            .pieces
            .all()
            .iter()
            .find(|piece| piece.start <= self.contiguous && self.contiguous < piece.end)
        {
            self.contiguous = piece.end;
        }
    }
}

fn excerpt(bytes: &[u8]) -> Vec<u8> {
    bytes.get(..bytes.len().min(MAX_EXCERPT)).unwrap_or_default().to_vec()
}

const MAX_PIECES: usize = 64;
const FEW_PIECES: usize = 2;
const MAX_EXCERPT: usize = 64;
