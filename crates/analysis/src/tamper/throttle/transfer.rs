//! What is kept of one way of a connection: segments and acknowledgements, sixteen bytes each, up to a limit.

use super::Event;

/// One way of a connection that carries much, as long as it is worth keeping: bounded.
///
/// Kept are the first 20,000 events, no later than 71 minutes after the connection began and no farther than 4 GiB into the
/// stream; what comes after is only counted. That is some 15 MB of payload with the acknowledgements: enough for twelve
/// seconds at 10 Mbit/s. Acknowledgements that say nothing new are not kept.
#[derive(Debug, Default)]
pub struct Transfer {
    kept: Vec<Kept>,
    first_packet: u64,
    bytes: u64,
    last_us: u32,
    acked: u32,
    full: bool,
}

/// An event, times in microseconds, places relative to the stream's first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) at_us: u32,
    pub(super) offset: u32,
    /// Length of the payload; 0 for an acknowledgement.
    pub(super) len: u32,
    /// Number of the packet after the first one of the transfer.
    packet: u32,
}

impl Transfer {
    /// Takes in an event, in the order of the capture. Times that run backwards are taken as the latest before them.
    pub fn put(&mut self, event: Event) {
        let (at_ns, offset, len, packet) = match event {
            Event::Data { len: 0, .. } => return,
            Event::Data { packet, at_ns, offset, len } => (at_ns, offset, len, packet),
            Event::Ack { at_ns, offset } => (at_ns, offset, 0, 0),
        };
        self.bytes = self.bytes.saturating_add(u64::from(len));
        if self.full {
            return;
        }
        let (Ok(at_us), Ok(offset)) = (u32::try_from(at_ns / 1000), u32::try_from(offset)) else {
            self.full = true;
            return;
        };
        if len == 0 {
            if offset <= self.acked {
                return;
            }
            self.acked = offset;
        } else if self.first_packet == 0 {
            self.first_packet = packet;
        }
        self.last_us = self.last_us.max(at_us);
        let packet = u32::try_from(packet.saturating_sub(self.first_packet)).unwrap_or(u32::MAX);
        self.kept.push(Kept { at_us: self.last_us, offset, len, packet });
        self.full = self.kept.len() >= EVENTS;
    }

    /// Bytes of memory held beside its own size.
    pub fn memory(&self) -> usize {
        self.kept.capacity() * size_of::<Kept>()
    }

    /// Bytes of payload seen, copies included, also after the last event that was kept.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What was kept, in order.
    pub(super) fn kept(&self) -> &[Kept] {
        &self.kept
    }

    /// Number in the capture of a kept segment's packet.
    pub(super) fn packet(&self, kept: &Kept) -> u64 {
        self.first_packet.saturating_add(u64::from(kept.packet))
    }
}

/// Most events that are kept of one way.
const EVENTS: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn data(packet: u64, at_ns: u64, offset: u64, len: u32) -> Event {
        Event::Data { packet, at_ns, offset, len }
    }

    #[test]
    fn memory_is_bounded() {
        let mut transfer = Transfer::default();
        for n in 0..100_000_u64 {
            transfer.put(data(n + 1, n * 1_000_000, n * 1448, 1448));
        }
        assert_eq!(transfer.kept().len(), EVENTS);
        assert!(transfer.memory() <= 2 * EVENTS * 16, "{}", transfer.memory());
        assert_eq!(transfer.bytes(), 144_800_000);
    }

    #[test]
    fn far_times_and_places_end_it() {
        for event in [data(2, u64::MAX, 5, 5), data(2, 5, u64::MAX, 5)] {
            let mut transfer = Transfer::default();
            transfer.put(data(1, 0, 0, 5));
            transfer.put(event);
            transfer.put(data(3, 7, 5, 5));
            assert_eq!(transfer.kept().len(), 1, "{event:?}");
            assert_eq!(transfer.bytes(), 15, "{event:?}");
        }
    }

    #[test]
    fn times_never_run_backwards_and_stale_acknowledgements_are_dropped() {
        let mut transfer = Transfer::default();
        transfer.put(data(7, 5_000, 0, 10));
        transfer.put(data(9, 1_000, 10, 10));
        transfer.put(Event::Ack { at_ns: 6_000, offset: 10 });
        transfer.put(Event::Ack { at_ns: 7_000, offset: 10 });
        let kept = transfer.kept();
        assert_eq!(kept.iter().map(|k| k.at_us).collect::<Vec<_>>(), [5, 5, 6]);
        assert_eq!(kept.iter().take(2).map(|k| transfer.packet(k)).collect::<Vec<_>>(), [7, 9]);
    }
}
