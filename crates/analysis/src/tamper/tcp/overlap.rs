//! Evidence in bytes: two copies of the same part of a stream that differ, of which one end sent only one.

use super::judge::{Judged, judge_one};
use super::scene::Scene;
use super::suspicion::Suspect;
use super::talk::Talk;
use crate::flows::connection::Connection;
use crate::flows::header::Header;
use crate::flows::heads::Overlap;
use crate::flows::key::Key;
use crate::tamper::finding::Evidence;
use crate::tamper::grade::{Family, Weighed, grade};

/// Adds to what was judged the packets that carry bytes which others contradict, and what the content told.
pub(super) fn add(talk: &Talk, (whole, key): (&Connection, &Key), judged: &mut Vec<Judged>) {
    for overlap in talk.overlaps() {
        let [first, later] = overlap.packets.map(|packet| judge_copy(packet, talk, (whole, key)));
        // An injector must be there before the one for whom it speaks: of two that look alike the first is forged.
        let forged = match (first, later) {
            (Some(first), Some(later)) if weight(&later) > weight(&first) => later,
            (Some(first), _) => first,
            (None, Some(later)) => later,
            (None, None) => continue,
        };
        put(forged, differs(overlap), judged);
    }
    for evidence in talk.evidence() {
        // Copies that differ are told above.
        if talk
            .overlaps()
            .iter()
            .any(|it| it.packets.iter().all(|packet| evidence.packets.contains(packet)))
        {
            continue;
        }
        let Some(packet) = evidence.packets.first() else { continue };
        let Some(found) = judge_copy(*packet, talk, (whole, key)) else { continue };
        let weighed = Weighed { family: Family::Content, weight: 2, evidence: evidence.clone() };
        put(found, weighed, judged);
    }
}

/// Adds an observation to a packet that is there, or with the packet.
pub(super) fn put(found: Judged, weighed: Weighed, judged: &mut Vec<Judged>) {
    let at = judged.iter().position(|it| it.header.packet == found.header.packet);
    let at = at.unwrap_or_else(|| {
        judged.push(found);
        judged.len() - 1
    });
    let Some(there) = judged.get_mut(at) else { return };
    if there.weighed.iter().any(|it| it.evidence == weighed.evidence) {
        return;
    }
    there.weighed.push(weighed);
    there.grade = grade(&there.weighed, there.bound);
}

/// Judges a packet by its headers, from how things stood before it as far as the kept headers tell.
pub(super) fn judge_copy(
    packet: u64,
    talk: &Talk,
    (whole, key): (&Connection, &Key),
) -> Option<Judged> {
    let header = talk.header(packet)?;
    let headers = talk.headers();
    let mut before = Connection::new(headers.first()?, key);
    let at = headers.iter().position(|it| it.packet == packet)?;
    for earlier in headers.iter().take(at) {
        before.take(earlier);
    }
    let later: &[Header] = headers.get(at + 1..).unwrap_or_default();
    let suspect = Suspect::Data;
    Some(judge_one(&Scene { header, suspect, before: &before, later, whole, key }, &[]))
}

pub(super) fn weight(judged: &Judged) -> u8 {
    judged.weighed.iter().map(|it| it.weight).sum()
}

fn differs(overlap: &Overlap) -> Weighed {
    let [first, later] = &overlap.copies;
    let both = first.len().min(later.len());
    let differing = first.iter().zip(later).filter(|(a, b)| a != b).count();
    let weight = if differing >= 4 { 3 } else { 1 };
    let says = format!(
        "two copies of the bytes from {} on differ, in {differing} of the {both} that can be compared",
        overlap.offset
    );
    let packets = overlap.packets.to_vec();
    let evidence = Evidence { kind: "overlap_differs", says, packets };
    Weighed { family: Family::Content, weight, evidence }
}
