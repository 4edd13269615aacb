//! Fragments that come to a far end: in how many a client's packet came, which says whether anything on the way has joined or cut it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use wirewitness_net::Clock;
use wirewitness_net::raw::{Piece, Pieces};

use super::desk::Desk;

/// Counts fragments of packets that come whole to ports of the token, until dropped.
pub async fn count<C: Clock, P: Pieces>(clock: C, pieces: P, desk: Arc<Desk>) {
    let mut packets = Packets::default();
    while let Ok(piece) = pieces.next().await {
        let Some(whole) = packets.put(&piece, clock.now().elapsed) else { continue };
        if desk.token().tcp.contains(&whole.port) {
            let between = (whole.port, whole.client_port);
            desk.came_in_fragments(piece.source.into(), between, whole.count);
        }
    }
}

/// A packet of which all fragments have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Whole {
    port: u16,
    client_port: u16,
    count: u32,
}

/// What fragments of one packet have in common.
type Key = (Ipv4Addr, Ipv4Addr, u16);

/// Packets of which some fragments are missing. Bounded in number, pieces and time.
#[derive(Debug, Default)]
struct Packets(BTreeMap<Key, Pending>);

#[derive(Debug)]
struct Pending {
    since: Duration,
    /// By offset, how long.
    pieces: BTreeMap<u16, u16>,
    ports: Option<(u16, u16)>,
    /// Known with the last piece.
    end: Option<u32>,
}

impl Packets {
    /// One more; a copy of one (on loopback each comes twice) counts once.
    fn put(&mut self, piece: &Piece, now: Duration) -> Option<Whole> {
        self.0.retain(|_, pending| now < pending.since + PATIENCE);
        let key = (piece.source, piece.destination, piece.identification);
        if !self.0.contains_key(&key) && self.0.len() >= MOST_PACKETS {
            let oldest = self.0.iter().min_by_key(|(_, pending)| pending.since);
            let oldest = oldest.map(|(key, _)| *key)?;
            self.0.remove(&oldest);
        }
        let fresh = || Pending { since: now, pieces: BTreeMap::new(), ports: None, end: None };
        let pending = self.0.entry(key).or_insert_with(fresh);
        if pending.pieces.len() < MOST_PIECES {
            pending.pieces.insert(piece.offset, piece.len);
        }
        pending.ports = pending.ports.or(piece.ports);
        if !piece.more {
            pending.end = Some(u32::from(piece.offset) + u32::from(piece.len));
        }
        let whole = pending.whole()?;
        self.0.remove(&key);
        Some(whole)
    }
}

impl Pending {
    fn whole(&self) -> Option<Whole> {
        let (client_port, port) = self.ports?;
        let end = self.end?;
        let mut reached = 0_u32;
        for (offset, len) in &self.pieces {
            if u32::from(*offset) != reached {
                return None;
            }
            reached += u32::from(*len);
        }
        let count = u32::try_from(self.pieces.len()).ok()?;
        (reached == end).then_some(Whole { port, client_port, count })
    }
}

/// As long as Linux waits.
const PATIENCE: Duration = Duration::from_secs(30);
const MOST_PACKETS: usize = 64;
const MOST_PIECES: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1);

    fn piece(identification: u16, offset: u16, more: bool) -> Piece {
        Piece {
            source: [192, 0, 2, 1].into(),
            destination: [198, 51, 100, 1].into(),
            identification,
            offset,
            len: 16,
            more,
            ports: (offset == 0).then_some((50_000, 443)),
        }
    }

    #[test]
    fn a_packet_is_whole_in_any_order_and_copies_count_once() {
        let all = [piece(1, 0, true), piece(1, 16, true), piece(1, 32, false)];
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let mut packets = Packets::default();
            for at in &order[..2] {
                assert_eq!(packets.put(&all[*at], NOW), None);
                assert_eq!(packets.put(&all[*at], NOW), None, "a copy");
            }
            let whole = packets.put(&all[order[2]], NOW);
            assert_eq!(whole, Some(Whole { port: 443, client_port: 50_000, count: 3 }));
        }
    }

    #[test]
    fn what_is_missing_is_missing_and_floods_are_forgotten() {
        let mut packets = Packets::default();
        assert_eq!(packets.put(&piece(1, 0, true), NOW), None);
        assert_eq!(packets.put(&piece(1, 32, false), NOW), None, "a hole");
        assert_eq!(packets.put(&piece(1, 16, true), NOW + PATIENCE), None, "too late");
        for number in 0..2_000 {
            packets.put(&piece(number, 0, true), NOW + PATIENCE);
            assert!(packets.0.len() <= MOST_PACKETS);
        }
        for offset in 0..4_000_u16 {
            packets.put(&piece(9_999, offset * 8, true), NOW + PATIENCE);
        }
        assert!(packets.0.values().all(|it| it.pieces.len() <= MOST_PIECES));
    }
}
