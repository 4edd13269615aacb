//! pcap (draft-ietf-opsawg-pcap): a head, then records, in either byte order, with micro- or nanoseconds.

use super::{LinkType, Order, Place, Record, Step, Walk, Way, four};
use crate::read::Malformed;

/// What the file's head says, and where the walk stands.
#[derive(Debug, Clone)]
pub(super) struct File {
    order: Order,
    /// Nanoseconds of a unit of the records' fractions: 1 or 1000.
    unit_ns: u32,
    link: LinkType,
    /// Bytes of a record's head.
    head: usize,
    lengths: Lengths,
    /// When the last packet was, seconds.
    last_s: Option<u32>,
    /// True while a record is searched for after damage.
    lost: bool,
}

/// How the two lengths of a record stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lengths {
    /// Captured, then original.
    InOrder,
    /// Before version 2.3 the other way round, and in 2.3 either way: the smaller one is what was captured.
    Either,
}

/// The fields of a record's head.
#[derive(Debug, Clone, Copy)]
struct Head {
    seconds: u32,
    fraction: u32,
    captured: u32,
    original: u32,
}

/// True for the first four bytes of a pcap file.
pub(super) fn is_magic(magic: [u8; 4]) -> bool {
    Magic::of(magic).is_some()
}

struct Magic {
    order: Order,
    unit_ns: u32,
    head: usize,
}

impl Magic {
    fn of(magic: [u8; 4]) -> Option<Self> {
        let of = |order: Order| {
            let (unit_ns, head) = match order.u32(magic) {
                0xa1b2_c3d4 => (1000, RECORD_HEAD),
                0xa1b2_3c4d => (1, RECORD_HEAD),
                // Kuznetzov's: an interface and a protocol behind the lengths.
                0xa1b2_cd34 => (1000, RECORD_HEAD + 8),
                _ => return None,
            };
            Some(Self { order, unit_ns, head })
        };
        of(Order::Little).or_else(|| of(Order::Big))
    }
}

impl File {
    /// Reads the file's head; none for another magic.
    pub(super) fn new(head: &[u8; FILE_HEAD]) -> Option<Self> {
        let Magic { order, unit_ns, head: record_head } = Magic::of(four(head, 0))?;
        let minor = order.u16([*head.get(6)?, *head.get(7)?]);
        // The upper half says how long the frames' checksum is.
        let link = LinkType((order.u32(four(head, 20)) & 0xffff) as u16);
        let lengths = if minor <= 3 { Lengths::Either } else { Lengths::InOrder };
        let (last_s, lost) = (None, false);
        Some(Self { order, unit_ns, link, head: record_head, lengths, last_s, lost })
    }

    /// True while a record is searched for.
    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    /// The next record.
    #[inline(always)]
    pub(super) fn step<'a>(&mut self, buffer: &'a [u8], place: &mut Place) -> (usize, Step<'a>) {
        if self.lost {
            match self.search(buffer, 0, Step::Passed) {
                (0, Step::Passed) => {}
                found => return found,
            }
        }
        if buffer.len() < self.head {
            return (0, Step::More(self.head));
        }
        let Some(bytes) = buffer.first_chunk() else { return (0, Step::More(self.head)) };
        let head = self.read(bytes);
        if (head.captured as usize > Walk::MAX_PACKET || head.captured == 0)
            && let Some(step) = self.odd(head, buffer, *place)
        {
            return step;
        }
        let end = self.head + head.captured as usize;
        let Some(bytes) = buffer.get(self.head..end) else { return (0, Step::More(end)) };
        place.packets += 1;
        self.last_s = Some(head.seconds);
        let fraction = i64::from(head.fraction) * i64::from(self.unit_ns);
        let record = Record {
            number: place.packets,
            at_ns: i64::from(head.seconds) * 1_000_000_000 + fraction,
            link: self.link,
            bytes,
            original_len: head.original.max(head.captured),
            interface: 0,
            way: if self.head == RECORD_HEAD { Way::Unknown } else { kuznetzov_way(buffer) },
            offset: place.offset,
            comment: None,
        };
        (end, Step::Packet(record))
    }

    #[inline]
    fn read(&self, bytes: &[u8; RECORD_HEAD]) -> Head {
        let [captured, original] = [8, 12].map(|at| self.order.u32(four(bytes, at)));
        let is_swapped = self.lengths == Lengths::Either && original < captured;
        let (captured, original) =
            if is_swapped { (original, captured) } else { (captured, original) };
        let [seconds, fraction] = [0, 4].map(|at| self.order.u32(four(bytes, at)));
        Head { seconds, fraction, captured, original }
    }

    /// What to do with a record that is too long, or empty; none where it is to be taken.
    #[cold]
    fn odd<'a>(&mut self, head: Head, buffer: &'a [u8], at: Place) -> Option<(usize, Step<'a>)> {
        let value = u64::from(head.captured);
        if value == 0 {
            // Files are put one behind the other: the next one's head looks like an empty record.
            let magic: [u8; 4] = *buffer.first_chunk()?;
            if is_magic(magic) && head.original == 0 {
                let Some(bytes) = buffer.first_chunk() else {
                    return Some((0, Step::More(FILE_HEAD)));
                };
                *self = Self { last_s: self.last_s, ..Self::new(bytes)? };
                return Some((FILE_HEAD, Step::Passed));
            }
            // A hole of zeros, as a crash leaves it.
            if head.original != 0 || head.seconds != 0 || head.fraction != 0 {
                return None;
            }
        }
        let damage = at.damage(Malformed::Value { what: "captured length", offset: 8, value });
        Some(self.search(buffer, 1, damage))
    }

    /// Passes over the beginning of what cannot be whole any more, and over what is no beginning.
    pub(super) fn search_on(&mut self, rest: &[u8]) -> usize {
        self.search(rest, 1, Step::Passed).0
    }

    /// Passes over everything from `from` on that is no record's head; `step` says why.
    fn search<'a>(&mut self, buffer: &[u8], from: usize, step: Step<'a>) -> (usize, Step<'a>) {
        let heads = buffer.get(from..).unwrap_or_default().windows(self.head);
        let found = heads.filter_map(|window| window.first_chunk()).position(|it| self.fits(it));
        self.lost = found.is_none();
        let used = match found {
            Some(at) => from + at,
            // The beginning of a head may be at the end.
            None => (buffer.len() + 1).saturating_sub(self.head).max(from),
        };
        match (found, used) {
            (None, 0) => (0, Step::More(self.head)),
            _ => (used, step),
        }
    }

    /// True for what can hardly be but a record's head: a likely time and lengths. Random bytes pass once in 10^13 or more.
    fn fits(&self, bytes: &[u8; RECORD_HEAD]) -> bool {
        let head = self.read(bytes);
        let in_time = match self.last_s {
            Some(last) => head.seconds.abs_diff(last) <= NEAR_SECS,
            None => head.seconds >= YEAR_1990,
        };
        in_time
            && u64::from(head.fraction) * u64::from(self.unit_ns) < 1_000_000_000
            && (1..=head.original).contains(&head.captured)
            && head.original as usize <= Walk::MAX_PACKET
    }
}

/// The kind of packet that Linux gave (`PACKET_OUTGOING` and others).
fn kuznetzov_way(buffer: &[u8]) -> Way {
    match buffer.get(RECORD_HEAD + 6) {
        Some(0..=2) => Way::In,
        Some(4) => Way::Out,
        _ => Way::Unknown,
    }
}

/// Bytes of a file's head.
pub(super) const FILE_HEAD: usize = 24;
const RECORD_HEAD: usize = 16;
/// How far apart packets before and after damage may be: a day.
const NEAR_SECS: u32 = 86_400;
const YEAR_1990: u32 = 631_152_000;
