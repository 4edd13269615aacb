//! Headers of resets that come to a far end, written down for the session of whom they claim to be from.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use wirewitness_model::hex::hex;
use wirewitness_net::Clock;
use wirewitness_net::raw::{Segment, Segments};

use super::desk::Desk;
use crate::battery::protocol::Forged;

/// Writes down every reset that comes, until dropped. What the client's own opening looked like stands beside it.
pub async fn watch<C: Clock, S: Segments>(clock: C, segments: S, desk: Arc<Desk>) {
    let mut openings = Openings::default();
    while let Ok(segment) = segments.next().await {
        if segment.is_opening() {
            openings.put(&segment);
        }
        if segment.is_reset() {
            let opening = openings.of(segment.source, segment.destination.port());
            let now = clock.now().elapsed;
            desk.forged(segment.source.ip(), now, |at_ms| forged(&segment, opening, at_ms));
        }
    }
}

/// The header of a reset, beside what its side opened the connection with.
pub(crate) fn forged(segment: &Segment, opening: Option<Opening>, at_ms: u64) -> Forged {
    Forged {
        port: segment.destination.port(),
        client_port: segment.source.port(),
        at_ms,
        flags: segment.flags,
        ttl: segment.ttl,
        df: segment.df,
        ipid: segment.identification,
        window: segment.window,
        sequence: opening
            .map_or(0, |it| segment.sequence.wrapping_sub(it.sequence).wrapping_sub(1)),
        client_ttl: opening.map(|it| it.ttl),
        client_df: opening.map(|it| it.df),
        payload: hex(&segment.payload),
    }
}

/// How connections were opened: the life that a client's packets arrive with, and where its stream begins.
#[derive(Debug, Default)]
pub(crate) struct Openings {
    known: BTreeMap<(SocketAddr, u16), Opening>,
    order: std::collections::VecDeque<(SocketAddr, u16)>,
}

/// How one was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Opening {
    ttl: u8,
    df: bool,
    sequence: u32,
}

impl Openings {
    pub(crate) fn put(&mut self, segment: &Segment) {
        let key = (segment.source, segment.destination.port());
        let opening = Opening { ttl: segment.ttl, df: segment.df, sequence: segment.sequence };
        if self.known.insert(key, opening).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > MOST_OPENINGS
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    pub(crate) fn of(&self, client: SocketAddr, port: u16) -> Option<Opening> {
        self.known.get(&(client, port)).copied()
    }
}

const MOST_OPENINGS: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_openings_is_forgotten() {
        let mut openings = Openings::default();
        let segment = |port: u16| Segment {
            source: SocketAddr::new([192, 0, 2, 1].into(), port),
            destination: "198.51.100.1:443".parse().unwrap(),
            ttl: 50,
            df: true,
            identification: 0,
            flags: 2,
            sequence: port.into(),
            acknowledgement: 0,
            window: 0,
            payload: Vec::new(),
        };
        (1..=u16::MAX).for_each(|port| openings.put(&segment(port)));
        assert_eq!((openings.known.len(), openings.order.len()), (MOST_OPENINGS, MOST_OPENINGS));
        let last = SocketAddr::new([192, 0, 2, 1].into(), u16::MAX);
        assert_eq!(openings.of(last, 443), Some(Opening { ttl: 50, df: true, sequence: 65_535 }));
    }
}
