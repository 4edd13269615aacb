//! Evidence at a stream's end: a FIN gives the number behind all that its end will ever send (RFC 9293 §3.4), and the same end
//! sends more. One of the two packets was not sent by that end.

use wirewitness_wire::transport::flag;

use super::judge::Judged;
use super::overlap::{judge_copy, put, weight};
use super::scene::ms;
use super::talk::Talk;
use crate::flows::connection::Connection;
use crate::flows::header::{Header, ahead};
use crate::flows::key::Key;
use crate::flows::side::Side;
use crate::tamper::finding::Evidence;
use crate::tamper::grade::{Family, Weighed};

/// A FIN, and data of the same end that lies beyond it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Farewell {
    /// Packet of the FIN.
    fin: u64,
    /// Packet of the data.
    data: u64,
    /// Time from the FIN to the data, ns.
    after_ns: i64,
    /// Bytes of the data that lie beyond the FIN's number.
    beyond: i32,
}

/// Keep-alives and probes of a closed window carry a byte, and padding that was counted as the packet's up to eight.
const PROBE: i32 = 8;
/// What lies farther off is of another connection.
const NEAR: i32 = 1 << 20;
/// What comes later may be of another connection on the same ports.
const WITHIN_NS: i64 = 5_000_000_000;

/// What a packet contradicts of its end's course, which is `own` before it. Segments out of order and sent again lie before the
/// FIN's number. Data that was there before its FIN says nothing: tools that make packets end with whatever number they like.
#[inline]
pub(super) fn contradiction(own: &Side, header: &Header) -> Option<Farewell> {
    let fin = &own.asked;
    if !fin.has(flag::FIN) || header.flags & (flag::SYN | flag::RST) != 0 {
        return None;
    }
    let beyond = ahead(header.end(), fin.end());
    let after_ns = header.at_ns - fin.at_ns;
    let is_data = i64::from(header.len) > i64::from(PROBE);
    let is_near = (PROBE + 1..NEAR).contains(&beyond) && ahead(header.seq, own.begin) >= 0;
    (is_data && is_near && (0..WITHIN_NS).contains(&after_ns)).then_some(Farewell {
        fin: fin.packet,
        data: header.packet,
        after_ns,
        beyond,
    })
}

/// Adds the packet that contradicts its end to what was judged: the FIN, unless the data looks more like made by another.
pub(super) fn add(talk: &Talk, (whole, key): (&Connection, &Key), judged: &mut Vec<Judged>) {
    let Some(farewell) = talk.farewell() else { return };
    let [fin, data] =
        [farewell.fin, farewell.data].map(|packet| judge_copy(packet, talk, (whole, key)));
    let forged = match (fin, data) {
        (Some(fin), Some(data)) if weight(&data) > weight(&fin) => data,
        (Some(fin), _) => fin,
        (None, _) => return,
    };
    put(forged, farewell.weighed(), judged);
}

impl Farewell {
    fn weighed(&self) -> Weighed {
        let Self { fin, data, after_ns, beyond } = *self;
        let took = ms(after_ns);
        let says = format!("{took} after this FIN the same end sends {beyond} bytes beyond it");
        let evidence = Evidence { kind: "goes_on_after_fin", says, packets: vec![fin, data] };
        Weighed { family: Family::Contradiction, weight: 3, evidence }
    }
}
