//! pcapng (draft-ietf-opsawg-pcapng): sections, each with its byte order and interfaces, of blocks.

use super::app::Apps;
use super::options::{OfPacket, Opt, Options};
use super::{LinkType, Order, Place, Record, Step, Walk, four};
use crate::read::Malformed;

/// The section that the walk is in.
#[derive(Debug, Clone, Default)]
pub(super) struct File {
    order: Order,
    /// Interfaces of the sections before.
    earlier: u32,
    interfaces: Vec<Interface>,
    apps: Apps,
    /// True while a block is searched for after damage.
    lost: bool,
}

#[derive(Debug, Clone, Copy)]
struct Interface {
    link: LinkType,
    /// Bytes that are captured of a packet at most; 0 is all.
    snap_len: u32,
    clock: Clock,
}

/// What an interface's times count.
#[derive(Debug, Clone, Copy)]
struct Clock {
    unit: Unit,
    /// To be added, seconds.
    offset_s: i64,
}

#[derive(Debug, Clone, Copy)]
enum Unit {
    /// So many nanoseconds.
    Nanoseconds(u64),
    /// So many of them are a nanosecond.
    PerNanosecond(u64),
    /// 2 to the power of so many of them are a second.
    PerSecondLog2(u8),
}

/// A block, whole, whose lengths at both ends are the same.
#[derive(Debug, Clone, Copy)]
struct Block<'a> {
    kind: u32,
    /// What is between the lengths.
    body: &'a [u8],
    /// Bytes, head and end included.
    len: usize,
}

/// Why there is no block.
enum NoBlock {
    More(usize),
    Damage(Malformed),
}

/// The fields of a block that has a packet.
#[derive(Debug, Clone, Copy)]
struct PacketHead {
    interface: u32,
    ticks: Option<u64>,
    captured: u32,
    original: u32,
    /// Where the packet begins in the block's body.
    at: usize,
}

impl File {
    /// True while a block is searched for.
    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    /// The apps that the file has named.
    pub(super) fn apps(&self) -> &Apps {
        &self.apps
    }

    /// The next block.
    #[inline]
    pub(super) fn step<'a>(&mut self, buffer: &'a [u8], place: &mut Place) -> (usize, Step<'a>) {
        if self.lost {
            match self.search(buffer, 0, Step::Passed) {
                (0, Step::Passed) => {}
                found => return found,
            }
        }
        let block = match self.block(buffer) {
            Ok(block) => block,
            Err(NoBlock::More(need)) => return (0, Step::More(need)),
            Err(NoBlock::Damage(damage)) => return self.search(buffer, 1, place.damage(damage)),
        };
        let head = match block.kind {
            ENHANCED_PACKET => self.enhanced(block.body),
            SIMPLE_PACKET => self.simple(block.body),
            PACKET => self.old(block.body),
            _ => return (block.len, self.other(block, *place)),
        };
        let step = match head.and_then(|head| self.packet(block.body, head, place)) {
            Ok(record) => Step::Packet(record),
            Err(damage) => place.damage(damage),
        };
        (block.len, step)
    }

    /// The block at the beginning of the buffer.
    #[inline]
    fn block<'a>(&self, buffer: &'a [u8]) -> Result<Block<'a>, NoBlock> {
        let Some(head) = buffer.first_chunk::<BLOCK_HEAD>() else {
            return Err(NoBlock::More(BLOCK_HEAD));
        };
        let kind = self.order.u32(four(head, 0));
        let order = if kind == SECTION_HEADER { section_order(buffer)? } else { self.order };
        let said = order.u32(four(head, 4));
        let len = said as usize;
        let value = u64::from(said);
        if !(BLOCK_HEAD + 4..=Walk::MAX_BLOCK).contains(&len) || !len.is_multiple_of(4) {
            let what = "block length";
            return Err(NoBlock::Damage(Malformed::Value { what, offset: 4, value }));
        }
        let Some(block) = buffer.get(..len) else { return Err(NoBlock::More(len)) };
        match block.get(BLOCK_HEAD..).and_then(|rest| rest.split_last_chunk()) {
            Some((body, end)) if order.u32(*end) == said => Ok(Block { kind, body, len }),
            Some((_, end)) => {
                let (what, value) = ("block length at its end", order.u32(*end).into());
                Err(NoBlock::Damage(Malformed::Value { what, offset: len - 4, value }))
            }
            None => Err(NoBlock::More(len)),
        }
    }

    #[inline]
    fn enhanced(&self, body: &[u8]) -> Result<PacketHead, Malformed> {
        let head: &[u8; 20] = body.first_chunk().ok_or_else(|| cut(20, body))?;
        let [interface, high, low, captured, original] =
            [0, 4, 8, 12, 16].map(|at| self.order.u32(four(head, at)));
        let ticks = Some(u64::from(high) << 32 | u64::from(low));
        Ok(PacketHead { interface, ticks, captured, original, at: 20 })
    }

    fn old(&self, body: &[u8]) -> Result<PacketHead, Malformed> {
        let head: &[u8; 20] = body.first_chunk().ok_or_else(|| cut(20, body))?;
        let [_, high, low, captured, original] =
            [0, 4, 8, 12, 16].map(|at| self.order.u32(four(head, at)));
        // Followed by a count of packets that were lost.
        let [i, n, ..] = head;
        let interface = self.order.u16([*i, *n]).into();
        let ticks = Some(u64::from(high) << 32 | u64::from(low));
        Ok(PacketHead { interface, ticks, captured, original, at: 20 })
    }

    fn simple(&self, body: &[u8]) -> Result<PacketHead, Malformed> {
        let head: &[u8; 4] = body.first_chunk().ok_or_else(|| cut(4, body))?;
        let original = self.order.u32(*head);
        let snap_len = self.interfaces.first().map_or(0, |interface| interface.snap_len);
        let limit = if snap_len == 0 { u32::MAX } else { snap_len };
        // Of a snap length that is not so, what the block has place for.
        let room = u32::try_from(body.len() - 4).unwrap_or(u32::MAX);
        let captured = original.min(limit).min(room);
        Ok(PacketHead { interface: 0, ticks: None, captured, original, at: 4 })
    }

    #[inline]
    fn packet<'a>(
        &self,
        body: &'a [u8],
        head: PacketHead,
        place: &mut Place,
    ) -> Result<Record<'a>, Malformed> {
        let Some(interface) = self.interfaces.get(head.interface as usize) else {
            let (what, value) = ("interface", head.interface.into());
            return Err(Malformed::Value { what, offset: BLOCK_HEAD, value });
        };
        let captured = head.captured as usize;
        let rest = body.get(head.at..).unwrap_or_default();
        let (bytes, rest) = match rest.split_at_checked(captured) {
            Some(parts) if captured <= Walk::MAX_PACKET => parts,
            _ => {
                let (what, value) = ("captured length", head.captured.into());
                return Err(Malformed::Value { what, offset: BLOCK_HEAD + 12, value });
            }
        };
        let padding = captured.next_multiple_of(4) - captured;
        let said = match rest.get(padding..) {
            Some(options) if !options.is_empty() => OfPacket::read(self.order, options),
            _ => OfPacket::default(),
        };
        place.packets += 1;
        Ok(Record {
            number: place.packets,
            at_ns: head.ticks.map_or(0, |ticks| interface.clock.ns(ticks)),
            link: interface.link,
            bytes,
            original_len: head.original.max(head.captured),
            interface: self.earlier.saturating_add(head.interface),
            way: said.way,
            offset: place.offset,
            comment: said.comment,
        })
    }

    /// Takes in a block that has no packet.
    fn other<'a>(&mut self, block: Block<'_>, place: Place) -> Step<'a> {
        match block.kind {
            SECTION_HEADER => {
                let Ok(order) = order_of(block.body) else { return Step::Passed };
                self.order = order;
                let interfaces = u32::try_from(self.interfaces.len()).unwrap_or(u32::MAX);
                self.earlier = self.earlier.saturating_add(interfaces);
                self.interfaces.clear();
                Step::Passed
            }
            INTERFACE => match self.interface(block.body) {
                Ok(interface) if self.interfaces.len() < MAX_INTERFACES => {
                    self.interfaces.push(interface);
                    Step::Passed
                }
                Ok(_) => {
                    let (what, value) = ("number of interfaces", MAX_INTERFACES as u64 + 1);
                    place.damage(Malformed::Value { what, offset: 0, value })
                }
                Err(damage) => place.damage(damage),
            },
            CUSTOM | CUSTOM_2 => {
                self.apps.take_in(self.order, block.body);
                Step::Passed
            }
            _ => Step::Passed,
        }
    }

    fn interface(&self, body: &[u8]) -> Result<Interface, Malformed> {
        let Some((head, options)) = body.split_first_chunk::<8>() else {
            return Err(cut(8, body));
        };
        let [l, t, ..] = head;
        let mut clock = Clock { unit: Unit::Nanoseconds(1000), offset_s: 0 };
        for Opt { code, value } in Options::new(self.order, options) {
            match (code, value) {
                (TIME_RESOLUTION, [resolution]) => clock.unit = Unit::of(*resolution),
                (TIME_OFFSET, value) => {
                    if let Ok(bytes) = <[u8; 8]>::try_from(value) {
                        clock.offset_s = self.order.i64(bytes);
                    }
                }
                _ => {}
            }
        }
        let link = LinkType(self.order.u16([*l, *t]));
        Ok(Interface { link, snap_len: self.order.u32(four(head, 4)), clock })
    }

    /// Passes over everything from `from` on that is no block; `step` says why.
    #[cold]
    fn search<'a>(&mut self, buffer: &[u8], from: usize, step: Step<'a>) -> (usize, Step<'a>) {
        let places = buffer.get(from..).unwrap_or_default().windows(LIKELY);
        let found = places.filter_map(|window| window.first_chunk()).position(|it| self.fits(it));
        self.lost = true;
        let Some(at) = found.map(|at| from + at) else {
            let used = (buffer.len() + 1).saturating_sub(LIKELY).max(from);
            return if used == 0 { (0, Step::More(LIKELY)) } else { (used, step) };
        };
        // What is likely is believed when its length is also at its end.
        match self.block(buffer.get(at..).unwrap_or_default()) {
            Ok(_) => {
                self.lost = false;
                (at, step)
            }
            Err(NoBlock::More(need)) if at == 0 => (0, Step::More(need)),
            Err(NoBlock::More(_)) => (at, step),
            Err(NoBlock::Damage(_)) => (at + 1, step),
        }
    }

    /// True for the beginning of a block of a kind that is known, not longer than a packet's can be.
    fn fits(&self, head: &[u8; LIKELY]) -> bool {
        let kind = self.order.u32(four(head, 0));
        if kind == SECTION_HEADER {
            return order_of(&four(head, 8)).is_ok();
        }
        let len = self.order.u32(four(head, 4)) as usize;
        let least = match kind {
            INTERFACE => 20,
            PACKET | ENHANCED_PACKET => 32,
            SIMPLE_PACKET => 16,
            NAMES | STATISTICS => 12,
            _ => return false,
        };
        (least..=Walk::MAX_PACKET + BLOCK_HEAD).contains(&len) && len.is_multiple_of(4)
    }
}

impl Clock {
    /// Nanoseconds since 1970; the first or last that there are, where the time is outside.
    #[inline]
    fn ns(self, ticks: u64) -> i64 {
        let ns = match self.unit {
            Unit::Nanoseconds(unit) => i64::try_from(ticks.saturating_mul(unit)),
            Unit::PerNanosecond(ticks_of_ns) => i64::try_from(ticks / ticks_of_ns.max(1)),
            Unit::PerSecondLog2(power) => {
                let ns = (u128::from(ticks) * 1_000_000_000) >> power;
                i64::try_from(ns)
            }
        };
        let offset_ns = self.offset_s.saturating_mul(1_000_000_000);
        ns.unwrap_or(i64::MAX).saturating_add(offset_ns)
    }
}

impl Unit {
    /// `if_tsresol`: a power of ten, or with the highest bit of two.
    fn of(resolution: u8) -> Self {
        match resolution {
            0..=9 => Self::Nanoseconds(10_u64.pow(9 - u32::from(resolution))),
            10..=127 => Self::PerNanosecond(
                10_u64.checked_pow(u32::from(resolution) - 9).unwrap_or(u64::MAX),
            ),
            128.. => Self::PerSecondLog2(resolution & 0x7f),
        }
    }
}

impl Order {
    fn i64(self, bytes: [u8; 8]) -> i64 {
        match self {
            Self::Little => i64::from_le_bytes(bytes),
            Self::Big => i64::from_be_bytes(bytes),
        }
    }
}

/// The byte order of the section whose header is at the beginning of `block`.
fn section_order(block: &[u8]) -> Result<Order, NoBlock> {
    match block.get(BLOCK_HEAD..).unwrap_or_default() {
        magic if magic.len() < 4 => Err(NoBlock::More(BLOCK_HEAD + 4)),
        magic => order_of(magic).map_err(NoBlock::Damage),
    }
}

/// The byte order that the beginning of a section header's body says.
fn order_of(body: &[u8]) -> Result<Order, Malformed> {
    match body.first_chunk() {
        Some([0x4d, 0x3c, 0x2b, 0x1a]) => Ok(Order::Little),
        Some([0x1a, 0x2b, 0x3c, 0x4d]) => Ok(Order::Big),
        Some(other) => {
            let value = u32::from_be_bytes(*other).into();
            Err(Malformed::Value { what: "byte order", offset: BLOCK_HEAD, value })
        }
        None => Err(cut(4, body)),
    }
}

#[cold]
fn cut(need: usize, body: &[u8]) -> Malformed {
    Malformed::Short { what: "block", offset: BLOCK_HEAD, need, have: body.len() }
}

/// Section header block; the same in both byte orders.
pub(super) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
/// No longer written.
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const NAMES: u32 = 4;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
/// To be copied, and not to be copied, by who does not know it.
const CUSTOM: u32 = 0xbad;
const CUSTOM_2: u32 = 0x4000_0bad;
const TIME_RESOLUTION: u16 = 9;
const TIME_OFFSET: u16 = 14;
/// Type and length.
const BLOCK_HEAD: usize = 8;
/// Bytes by which the beginning of a block is told.
const LIKELY: usize = 12;
const MAX_INTERFACES: usize = 1 << 16;
