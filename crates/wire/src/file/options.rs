//! Options of pcapng's blocks (draft-ietf-opsawg-pcapng §3.5).

use super::{Order, Way};

/// An option.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opt<'a> {
    pub(super) code: u16,
    pub(super) value: &'a [u8],
}

/// The options of a block, in order, up to the end mark, or to one that leads outside.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options<'a> {
    order: Order,
    bytes: &'a [u8],
}

impl<'a> Options<'a> {
    pub(super) fn new(order: Order, bytes: &'a [u8]) -> Self {
        Self { order, bytes }
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = Opt<'a>;

    fn next(&mut self) -> Option<Opt<'a>> {
        let ([c, o, l, e], rest) = self.bytes.split_first_chunk()?;
        let (code, len) = (self.order.u16([*c, *o]), usize::from(self.order.u16([*l, *e])));
        if code == END {
            return None;
        }
        let value = rest.get(..len)?;
        self.bytes = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some(Opt { code, value })
    }
}

/// What a packet's options say.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct OfPacket<'a> {
    pub(super) way: Way,
    pub(super) comment: Option<&'a [u8]>,
}

impl<'a> OfPacket<'a> {
    /// The first comment and the flags.
    pub(super) fn read(order: Order, bytes: &'a [u8]) -> Self {
        let mut read = Self::default();
        for Opt { code, value } in Options::new(order, bytes) {
            match (code, <[u8; 4]>::try_from(value)) {
                (COMMENT, _) => {
                    read.comment.get_or_insert(value);
                }
                (FLAGS, Ok(flags)) => {
                    read.way = match order.u32(flags) & 3 {
                        1 => Way::In,
                        2 => Way::Out,
                        _ => Way::Unknown,
                    }
                }
                _ => {}
            }
        }
        read
    }
}

const END: u16 = 0;
const COMMENT: u16 = 1;
/// `epb_flags` and `pack_flags`.
const FLAGS: u16 = 2;
