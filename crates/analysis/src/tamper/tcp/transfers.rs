//! Feeds the ways of a connection that carry much to the judge of throttling.

use wirewitness_wire::transport::flag;

use crate::flows::header::{Header, ahead};
use crate::flows::key::Place;
use crate::tamper::throttle::{Event, Transfer};

/// The transfers of a connection's two ways.
#[derive(Debug, Default)]
pub struct Transfers {
    ways: [Option<Way>; 2],
}

/// Bytes of payload after which a way is worth watching.
pub const WORTH: u64 = 16 * 1024;

#[derive(Debug)]
struct Way {
    transfer: Transfer,
    /// Place in the stream, without wrapping, of the sequence number `seq`.
    offset: u64,
    seq: u32,
}

impl Transfers {
    /// Begins to watch what an end sends: `offset` is the place in the stream of `seq`. What is still known of the segments
    /// before is given too.
    pub fn begin(
        &mut self,
        (from, offset, seq): (Place, u64, u32),
        headers: &[Header],
        began_ns: i64,
    ) -> isize {
        let way = self.way(from);
        if way.is_some() {
            return 0;
        }
        let mut new = Way { transfer: Transfer::default(), offset, seq };
        let mut grown = 0;
        for header in headers {
            grown += new.take(header, from, began_ns);
        }
        *way = Some(new);
        grown
    }

    /// Takes in a packet: data of its way, and the acknowledgement of the other. Bytes of memory held more, or less.
    pub fn put(&mut self, header: &Header, began_ns: i64) -> isize {
        let [low, high] = &mut self.ways;
        [(Place::Low, low), (Place::High, high)]
            .into_iter()
            .filter_map(|(from, way)| Some(way.as_mut()?.take(header, from, began_ns)))
            .sum()
    }

    /// The transfers, with who sent their bytes.
    pub fn into_ways(self) -> impl Iterator<Item = (Place, Transfer)> {
        let [low, high] = self.ways;
        [(Place::Low, low), (Place::High, high)]
            .into_iter()
            .filter_map(|(place, way)| Some((place, way?.transfer)))
    }

    fn way(&mut self, from: Place) -> &mut Option<Way> {
        let [low, high] = &mut self.ways;
        if from == Place::Low { low } else { high }
    }
}

impl Way {
    /// Where a number is in the stream; none for one that lies before its beginning.
    fn place(&self, number: u32) -> Option<u64> {
        self.offset.checked_add_signed(i64::from(ahead(number, self.seq)))
    }

    fn go_to(&mut self, number: u32) {
        if ahead(number, self.seq) > 0
            && let Some(offset) = self.place(number)
        {
            (self.offset, self.seq) = (offset, number);
        }
    }

    /// Takes in a packet of either end; `from` is the one that sends this way. Bytes of memory held more, or less.
    fn take(&mut self, header: &Header, from: Place, began_ns: i64) -> isize {
        let at_ns = header.at_ns.saturating_sub(began_ns).max(0) as u64;
        if header.is_reset() {
            return 0;
        }
        if header.from() == from {
            let (packet, len) = (header.packet, header.len);
            let Some(offset) = self.place(header.seq).filter(|_| len > 0) else { return 0 };
            self.go_to(header.seq.wrapping_add(len));
            return self.put(Event::Data { packet, at_ns, offset, len });
        }
        match self.place(header.ack) {
            Some(offset) if header.has(flag::ACK) => self.put(Event::Ack { at_ns, offset }),
            _ => 0,
        }
    }

    fn put(&mut self, event: Event) -> isize {
        let before = self.transfer.memory() as isize;
        self.transfer.put(event);
        self.transfer.memory() as isize - before
    }
}
