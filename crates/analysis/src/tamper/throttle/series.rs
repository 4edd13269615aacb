//! From events to what a device on the way saw: segments in order, each passed or lost, and the round trips.
//!
//! Where the capture was taken before the place of the loss, a lost segment is one that is sent again and whose first copy no
//! acknowledgement explains. Where it was taken behind it, a lost segment is a hole that a late segment fills.

use std::collections::BTreeMap;

use super::transfer::{Kept, Transfer};

/// A segment as a device on the way saw it, or would have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    /// Microseconds since the connection began.
    pub(super) at_us: u32,
    /// Place of its first byte.
    pub(super) offset: u32,
    /// Length of the payload.
    pub(super) len: u32,
    /// Number in the capture; of a segment that is not there, of the one that showed its absence.
    pub(super) packet: u64,
    /// True if it did not get through.
    pub(super) lost: bool,
}

/// On which side of the loss the capture was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// Nearer to the sender: what is lost is seen to leave.
    BeforeLoss,
    /// Nearer to the receiver: what is lost is not seen.
    AfterLoss,
}

/// The segments of one way, and what is measured of them.
#[derive(Debug)]
pub(super) struct Series {
    /// In order of time.
    pub(super) segments: Vec<Segment>,
    /// Where the capture was taken.
    pub(super) view: View,
    /// Number of a segment in `segments`, and the time until it was acknowledged, microseconds. Only where no repeat makes
    /// it doubtful (Karn's rule).
    pub(super) round_trips: Vec<(usize, u32)>,
    /// Shortest of these, but for the first hundredth part.
    pub(super) base_us: Option<u32>,
    /// How many were lost.
    pub(super) losses: usize,
}

impl Series {
    /// Reads a transfer. `handshake_us` is the time from SYN to SYN-ACK where the capture was taken.
    pub(super) fn read(transfer: &Transfer, handshake_us: Option<u32>) -> Self {
        let sent = pieces(transfer);
        let acks: Vec<(u32, u32)> =
            transfer.kept().iter().filter(|k| k.len == 0).map(|k| (k.at_us, k.offset)).collect();
        let (repeats, base_us) = repeats(&sent, &acks);
        let holes = holes(&sent, handshake_us.map_or(REORDER_US, |us| (us / 2).max(REORDER_US)));
        let near_receiver = base_us.zip(handshake_us).is_some_and(|(base, hand)| base * 4 < hand);
        if holes.len() > repeats.len() || near_receiver {
            return Self::behind(&sent, &holes, base_us);
        }
        Self::before(sent, &repeats, &acks, base_us)
    }

    /// Bytes of payload that got through, copies that were not needed included.
    pub(super) fn passed_bytes(&self) -> u64 {
        self.segments.iter().filter(|s| !s.lost).map(|s| u64::from(s.len)).sum()
    }

    fn before(
        mut segments: Vec<Segment>,
        repeats: &[usize],
        acks: &[(u32, u32)],
        base_us: Option<u32>,
    ) -> Self {
        let round_trips = round_trips(&segments, acks);
        for &index in repeats {
            if let Some(segment) = segments.get_mut(index) {
                segment.lost = true;
            }
        }
        Self { segments, view: View::BeforeLoss, round_trips, base_us, losses: repeats.len() }
    }

    fn behind(sent: &[Segment], holes: &[Segment], base_us: Option<u32>) -> Self {
        let losses = holes.len();
        let mut segments = [sent, holes].concat();
        // Stable: what arrived comes before what did not, at the same time.
        segments.sort_by_key(|s| s.at_us);
        Self { segments, view: View::AfterLoss, round_trips: Vec::new(), base_us, losses }
    }
}

/// The segments, those joined by the capturing machine's offloading cut into pieces as on the wire.
fn pieces(transfer: &Transfer) -> Vec<Segment> {
    let mut out = Vec::with_capacity(transfer.kept().len());
    for kept in transfer.kept().iter().filter(|k| k.len > 0) {
        if kept.len <= LARGEST_SEGMENT {
            out.push(piece(transfer, kept, 0, kept.len));
            continue;
        }
        let len = kept.len.min(LARGEST_JOINED);
        let mut from = 0;
        while from < len && out.len() < PIECES {
            let part = (len - from).min(USUAL_SEGMENT);
            out.push(piece(transfer, kept, from, part));
            from += part;
        }
    }
    out
}

fn piece(transfer: &Transfer, kept: &Kept, from: u32, len: u32) -> Segment {
    Segment {
        at_us: kept.at_us,
        offset: kept.offset.saturating_add(from),
        len,
        packet: transfer.packet(kept),
        lost: false,
    }
}

/// Which segments were sent again because they were lost, in order, and the shortest round trip.
fn repeats(sent: &[Segment], acks: &[(u32, u32)]) -> (Vec<usize>, Option<u32>) {
    if is_in_order(sent) {
        // Most transfers; nothing was sent again.
        return (Vec::new(), base(sent, acks, &[]));
    }
    let mut copies: Vec<(usize, usize)> = Vec::new();
    let mut latest: BTreeMap<u32, (u32, usize)> = BTreeMap::new();
    for (index, segment) in sent.iter().enumerate() {
        let end = segment.offset.saturating_add(segment.len);
        let hit: Vec<(u32, usize)> = latest
            .range(segment.offset.saturating_sub(LARGEST_SEGMENT)..end)
            .filter(|(start, (stop, _))| {
                let middle = u64::from(**start).midpoint(u64::from(*stop));
                (u64::from(segment.offset)..u64::from(end)).contains(&middle)
            })
            .map(|(start, (_, earlier))| (*start, *earlier))
            .collect();
        for (start, earlier) in hit {
            latest.remove(&start);
            copies.push((earlier, index));
        }
        latest.insert(segment.offset, (end, index));
    }
    let base = base(sent, acks, &copies);
    let wait = base.unwrap_or(0) / 10 * 8;
    let mut lost: Vec<usize> = copies
        .into_iter()
        .filter(|(earlier, later)| !arrived(sent, acks, (*earlier, *later), wait))
        .map(|(earlier, _)| earlier)
        .collect();
    lost.sort_unstable();
    (lost, base)
}

/// True if each segment lies behind the one before it in the stream.
fn is_in_order(sent: &[Segment]) -> bool {
    let pairs = sent.iter().zip(sent.iter().skip(1));
    pairs
        .into_iter()
        .all(|(one, next)| one.offset.checked_add(one.len).is_some_and(|end| end <= next.offset))
}

/// True if an acknowledgement of the earlier copy came too soon after the later one to be due to it.
fn arrived(
    sent: &[Segment],
    acks: &[(u32, u32)],
    (earlier, later): (usize, usize),
    wait: u32,
) -> bool {
    let (Some(earlier), Some(later)) = (sent.get(earlier), sent.get(later)) else { return false };
    let end = earlier.offset.saturating_add(earlier.len);
    let covered = acks.partition_point(|(_, offset)| *offset < end);
    acks.get(covered).is_some_and(|(at, _)| *at < later.at_us.saturating_add(wait))
}

/// The shortest time from a segment that was sent once to its acknowledgement, but for the first hundredth part.
fn base(sent: &[Segment], acks: &[(u32, u32)], copies: &[(usize, usize)]) -> Option<u32> {
    let mut doubtful = vec![false; sent.len()];
    for &(earlier, later) in copies {
        for index in [earlier, later] {
            if let Some(flag) = doubtful.get_mut(index) {
                *flag = true;
            }
        }
    }
    let mut times: Vec<u32> = sent
        .iter()
        .zip(&doubtful)
        .filter(|(_, doubtful)| !**doubtful)
        .filter_map(|(segment, _)| {
            let end = segment.offset.saturating_add(segment.len);
            let covered = acks.partition_point(|(_, offset)| *offset < end);
            acks.get(covered)?.0.checked_sub(segment.at_us)
        })
        .collect();
    let place = times.len() / 100;
    (!times.is_empty()).then(|| *times.select_nth_unstable(place).1)
}

/// Round trips of segments that were sent once, while nothing that was sent again was acknowledged with them.
fn round_trips(sent: &[Segment], acks: &[(u32, u32)]) -> Vec<(usize, u32)> {
    let mut ends: BTreeMap<u32, (usize, bool)> = BTreeMap::new();
    for (index, segment) in sent.iter().enumerate() {
        ends.entry(segment.offset.saturating_add(segment.len))
            .and_modify(|(_, again)| *again = true)
            .or_insert((index, false));
    }
    let mut out = Vec::new();
    let mut before = 0;
    for &(at_us, offset) in acks {
        let fresh = before < offset
            && ends.range(before.saturating_add(1)..=offset).all(|(_, (_, again))| !again);
        before = offset;
        let Some(&(index, _)) = ends.get(&offset).filter(|_| fresh) else { continue };
        let sent_at = sent.get(index).map(|s| s.at_us);
        if let Some(took) = sent_at.and_then(|sent_at| at_us.checked_sub(sent_at)) {
            out.push((index, took));
        }
    }
    out
}

/// Holes that were filled too late for packets that merely changed their order: each as a segment that
/// was lost. A lost segment is taken to have followed the one before it in the stream soon, the sooner the more are
/// missing: in a burst at once, and what shows the hole may come a round trip later.
fn holes(sent: &[Segment], reorder_us: u32) -> Vec<Segment> {
    // Start of a hole, its end, the segment before it in the stream and the one that showed it.
    let mut open: BTreeMap<u32, (u32, [usize; 2])> = BTreeMap::new();
    let mut highest = sent.first().map_or(0, |s| s.offset);
    let mut leading = 0;
    let mut out = Vec::new();
    for (index, segment) in sent.iter().enumerate() {
        let end = segment.offset.saturating_add(segment.len);
        if segment.offset > highest && open.len() < HOLES {
            open.insert(highest, (segment.offset, [leading, index]));
        } else if segment.offset < highest
            && let Some((start, (stop, shown))) =
                open.range(..end).next_back().map(|(start, hole)| (*start, *hole))
            && stop > segment.offset
        {
            open.remove(&start);
            if start < segment.offset {
                open.insert(start, (segment.offset, shown));
            }
            if end < stop {
                open.insert(end, (stop, shown));
            }
            let [Some(before), Some(by)] = shown.map(|index| sent.get(index)) else { continue };
            if segment.at_us.saturating_sub(by.at_us) >= reorder_us {
                let missing = (by.offset - start) / segment.len.max(1);
                let gap = by.at_us.saturating_sub(before.at_us) / (2 * (missing + 1));
                let at_us = before.at_us + gap;
                out.push(Segment { at_us, packet: by.packet, lost: true, ..*segment });
            }
        }
        if end > highest {
            (highest, leading) = (end, index);
        }
    }
    out.sort_by_key(|lost| (lost.at_us, lost.offset));
    out
}

/// Payload that fits a packet of any usual link; more than this was joined by offloading.
const LARGEST_SEGMENT: u32 = 9000;
/// Into what joined segments are cut.
const USUAL_SEGMENT: u32 = 1448;
/// Most bytes of a joined segment that are looked at.
const LARGEST_JOINED: u32 = 1 << 18;
/// Most pieces of a transfer.
const PIECES: usize = 60_000;
/// Most holes open at once.
const HOLES: usize = 4096;
/// Packets that arrive this much later have only changed their order, where the round trip is not known.
const REORDER_US: u32 = 10_000;

#[cfg(test)]
mod tests {
    use super::super::Event;
    use super::*;

    fn transfer(events: &[(u64, u64, u32)]) -> Transfer {
        let mut transfer = Transfer::default();
        for (n, &(ms, offset, len)) in events.iter().enumerate() {
            let at_ns = ms * 1_000_000;
            transfer.put(match len {
                0 => Event::Ack { at_ns, offset },
                _ => Event::Data { packet: n as u64 + 1, at_ns, offset, len },
            });
        }
        transfer
    }

    fn lost(series: &Series) -> Vec<(u32, u32)> {
        series.segments.iter().filter(|s| s.lost).map(|s| (s.at_us / 1000, s.offset)).collect()
    }

    #[test]
    fn a_repeat_that_nothing_explains_is_a_loss() {
        let sender = [
            (0, 0, 1000),
            (1, 1000, 1000),
            (2, 2000, 1000),
            (100, 1000, 0),
            (130, 1000, 1000),
            (230, 3000, 0),
        ];
        let series = Series::read(&transfer(&sender), None);
        assert_eq!(series.view, View::BeforeLoss);
        assert_eq!(lost(&series), [(1, 1000)]);
        assert_eq!(series.base_us, Some(100_000));
    }

    #[test]
    fn a_repeat_after_which_the_answer_comes_too_soon_is_none() {
        let sender =
            [(0, 0, 1000), (1, 1000, 1000), (100, 1000, 0), (300, 1000, 1000), (320, 2000, 0)];
        assert_eq!(lost(&Series::read(&transfer(&sender), None)), []);
    }

    #[test]
    fn a_hole_filled_late_is_a_loss_and_one_filled_soon_is_not() {
        let late = [(0, 0, 1000), (1, 2000, 1000), (120, 1000, 1000)];
        let series = Series::read(&transfer(&late), Some(100_000));
        assert_eq!(series.view, View::AfterLoss);
        assert_eq!(lost(&series), [(0, 1000)]);
        let soon = [(0, 0, 1000), (1, 2000, 1000), (4, 1000, 1000)];
        assert_eq!(lost(&Series::read(&transfer(&soon), Some(100_000))), []);
    }

    #[test]
    fn joined_segments_are_cut_and_lost_by_pieces() {
        let sender = [(0, 0, 14_480), (100, 2896, 0), (130, 2896, 1448), (230, 14_480, 0)];
        let series = Series::read(&transfer(&sender), None);
        assert_eq!(lost(&series), [(0, 2896)]);
        assert_eq!(series.segments.len(), 11);
    }
}
