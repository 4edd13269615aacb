//! Transfers that stop for good after 14 to 24 kB, as behind devices that let only so much of a connection through
//! (reported of Russia since 2025 as the "16 kB freeze").

use super::transfer::Transfer;

/// A transfer that stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stall {
    /// Bytes that were acknowledged.
    pub(super) acked: u32,
    /// How often what came after was sent again.
    pub(super) repeats: u32,
    /// For how long, s.
    pub(super) secs: u32,
    /// First and last packet after the last acknowledgement.
    pub(super) packets: [u64; 2],
    /// Microseconds since the connection began.
    pub(super) at_us: u32,
}

/// Reads a transfer as seen at the sender: 14 to 24 kB acknowledged, then the same bytes sent three times again over three
/// seconds or more, without an acknowledgement.
pub(super) fn stall(transfer: &Transfer) -> Option<Stall> {
    let kept = transfer.kept();
    let place = kept.iter().rposition(|k| k.len == 0)?;
    let acked = kept.get(place)?.offset;
    if !(LEAST..=MOST).contains(&acked) {
        return None;
    }
    let after = || kept.iter().skip(place + 1).filter(|k| k.offset <= acked);
    let (first, last) = (after().next()?, after().next_back()?);
    let repeats = u32::try_from(after().count()).ok()?;
    let secs = (last.at_us - first.at_us) / 1_000_000;
    let packets = [transfer.packet(first), transfer.packet(last)];
    (repeats >= REPEATS && secs >= SECS).then_some(Stall {
        acked,
        repeats,
        secs,
        packets,
        at_us: first.at_us,
    })
}

/// Fewest and most bytes that get through.
const LEAST: u32 = 14_000;
/// See above.
const MOST: u32 = 24_576;
/// Fewest times that the same bytes are sent again.
const REPEATS: u32 = 3;
/// Shortest time of it.
const SECS: u32 = 3;

#[cfg(test)]
mod tests {
    use super::super::Event;
    use super::*;

    fn sent(through: u64, again_at_ms: &[u64]) -> Transfer {
        let mut transfer = Transfer::default();
        for n in 0..20 {
            let (packet, at_ns) = (n + 1, n * 1_000_000);
            transfer.put(Event::Data { packet, at_ns, offset: n * 1448, len: 1448 });
        }
        transfer.put(Event::Ack { at_ns: 100_000_000, offset: through });
        for (n, ms) in again_at_ms.iter().enumerate() {
            let (packet, at_ns) = (100 + n as u64, ms * 1_000_000);
            transfer.put(Event::Data { packet, at_ns, offset: through, len: 1448 });
        }
        transfer
    }

    #[test]
    fn stops_are_told_from_ends_and_pauses() {
        let found = stall(&sent(15_928, &[400, 800, 1_600, 3_200, 6_400])).unwrap();
        assert_eq!((found.acked, found.repeats, found.secs), (15_928, 5, 6));
        assert_eq!(found.packets, [100, 104]);
        assert_eq!(stall(&sent(15_928, &[400, 800])), None, "too few");
        assert_eq!(stall(&sent(15_928, &[400, 500, 600, 700])), None, "too short");
        assert_eq!(stall(&sent(4_344, &[400, 800, 1_600, 3_200, 6_400])), None, "too early");
        assert_eq!(stall(&sent(28_960, &[400, 800, 1_600, 3_200, 6_400])), None, "too late");
    }
}
