//! Evidence in several resets together: orders and copies that no stack sends.

use wirewitness_wire::transport::flag;

use super::headers;
use super::scene::{Scene, ms};
use crate::flows::header::{Header, ahead};
use crate::flows::side::Habit;
use crate::tamper::finding::Evidence;
use crate::tamper::grade::{Family, Weighed};

/// Resets that belong together come within this.
const WITHIN_NS: i64 = 2_000_000_000;
/// Copies come at once.
const COPIES_NS: i64 = 200_000_000;

type Test = fn(&Scene<'_>, &[&Header]) -> Option<Weighed>;

/// All of this kind about one of `resets`, which claim to be from the same end.
pub fn evidence(scene: &Scene<'_>, resets: &[Header]) -> Vec<Weighed> {
    let header = scene.header;
    let near: Vec<&Header> =
        resets.iter().filter(|it| it.at_ns.abs_diff(header.at_ns) <= WITHIN_NS as u64).collect();
    let tests: [Test; 5] = [copies, unasked, two_kinds, number_steps, acknowledgement_changes];
    tests.iter().filter_map(|test| test(scene, &near)).collect()
}

/// Three resets that are one, with an identification: a stack counts it up, or leaves it 0.
fn copies(scene: &Scene<'_>, near: &[&Header]) -> Option<Weighed> {
    let header = scene.header;
    let same = |it: &&&Header| {
        it.at_ns.abs_diff(header.at_ns) <= COPIES_NS as u64
            && (it.seq, it.ack, it.flags, it.window)
                == (header.seq, header.ack, header.flags, header.window)
            && (it.identification, it.ttl) == (header.identification, header.ttl)
    };
    let packets: Vec<u64> = near.iter().filter(same).map(|it| it.packet).collect();
    if packets.len() < 3 || header.window == 0 || captured_twice(scene) {
        return None;
    }
    let weight = match (header.version_4(), header.identification) {
        (true, 0) => return None,
        (true, _) => 3,
        (false, _) => 2,
    };
    let says = format!("{} identical resets at once, to the last header field", packets.len());
    Some(pattern(("identical_resets", says), (Family::Pattern, weight), packets))
}

/// The same reset again, though the other end sent nothing between that it could answer: an end that has closed sends resets only
/// in answer, and never to a reset (RFC 9293 §3.10.7.1). Only resets with ACK count: stacks send bare ones for each packet that
/// was on its way.
fn unasked(scene: &Scene<'_>, near: &[&Header]) -> Option<Weighed> {
    let (header, other) = (scene.header, scene.other());
    let same = |it: &&&Header| {
        it.packet != header.packet
            && (it.seq, it.ack, it.flags) == (header.seq, header.ack, header.flags)
    };
    let answered = |it: &Header| {
        let asks = |later: &&Header| later.from() != header.from() && !later.is_reset();
        match it.packet < header.packet {
            true => other.last.packet > it.packet,
            false => scene.later.iter().take_while(|at| at.packet < it.packet).any(|at| asks(&at)),
        }
    };
    let again = near.iter().filter(same).find(|it| !answered(it))?;
    let apart = again.at_ns.abs_diff(header.at_ns);
    let missing = scene.other_whole().has(Habit::Gap);
    let usable = other.is_known() && !missing && !captured_twice(scene) && header.has(flag::ACK);
    let says = format!(
        "the same reset twice, {} between them, and nothing from the other end there to answer",
        ms(apart as i64)
    );
    let packets = vec![header.packet, again.packet];
    usable.then(|| pattern(("reset_unasked", says), (Family::Pattern, 2), packets))
}

/// Two packets of one counter whose hop counts are of different distances, and neither of those the end's: made by one device
/// that chooses a time to live for each.
pub fn one_counter(scene: &Scene<'_>) -> Option<Weighed> {
    let header = scene.header;
    let base = scene.own().first_ttl()?;
    let off = |it: &Header| it.ttl.abs_diff(base) > 2;
    let next = scene.later.iter().find(|it| {
        it.from() == header.from()
            && it.identification.wrapping_sub(header.identification) == 1
            && it.at_ns.abs_diff(header.at_ns) < COPIES_NS as u64
    })?;
    let apart = next.ttl.abs_diff(header.ttl) > 2 && !headers::same_distance(next.ttl, header.ttl);
    if header.identification == 0 || !off(header) || !off(next) || !apart {
        return None;
    }
    let says = format!(
        "the next packet follows in the same count, yet arrived with a time to live of {} after {}",
        next.ttl, header.ttl
    );
    let words = ("one_counter_two_distances", says);
    Some(scene.says_with(next.packet, (Family::Pattern, 2), words))
}

/// True if other packets were captured more than once as well.
pub fn captured_twice(scene: &Scene<'_>) -> bool {
    scene.own_whole().copies > 0 || scene.other_whole().copies > 0
}

/// A reset with acknowledgement and one without, both with a window that no closed end has.
fn two_kinds(scene: &Scene<'_>, near: &[&Header]) -> Option<Weighed> {
    let header = scene.header;
    let other = near.iter().find(|it| {
        it.has(flag::ACK) != header.has(flag::ACK)
            && it.window != 0
            && it.window != header.window
            && it.seq == header.seq
    })?;
    let says = "resets with and without acknowledgement, each with a window of its own".to_owned();
    let packets = vec![header.packet, other.packet];
    (header.window != 0)
        .then(|| pattern(("two_kinds_of_reset", says), (Family::Pattern, 2), packets))
}

/// Numbers that go up from reset to reset though the end sent nothing: a guess at where the stream will be.
fn number_steps(scene: &Scene<'_>, near: &[&Header]) -> Option<Weighed> {
    let header = scene.header;
    let step = |it: &Header| ahead(it.seq, header.seq);
    let known = |it: &&&Header| KNOWN_STEPS.contains(&step(it).saturating_abs());
    let guess = |it: &&&Header| step(it) != 0 && is_guess(scene, header, it);
    let (other, weight) = match near.iter().find(known) {
        Some(other) if step(other).saturating_abs() == SANDVINE => (other, 3),
        Some(other) if is_guess(scene, header, other) => (other, 2),
        _ => (near.iter().find(guess)?, 1),
    };
    let apart = other.at_ns - header.at_ns;
    let says = format!(
        "the numbers of two resets are {} apart, {} between them, and the end sent nothing there",
        step(other).saturating_abs(),
        ms(apart.saturating_abs())
    );
    let packets = vec![header.packet, other.packet];
    Some(pattern(("reset_number_steps", says), (Family::Sequence, weight), packets))
}

/// True if the higher of two numbers is one that neither the end's own data nor the other end's acknowledgements explain.
fn is_guess(scene: &Scene<'_>, one: &Header, other: &Header) -> bool {
    let higher = if ahead(one.seq, other.seq) > 0 { one.seq } else { other.seq };
    let (own, peer) = (scene.own_whole(), scene.other_whole());
    let in_stream = (0..1 << 20).contains(&ahead(higher, own.next));
    own.is_known()
        && peer.is_known()
        && in_stream
        && ahead(higher, own.next) > 1
        && ahead(higher, peer.acked) > 0
}

/// Steps in the literature: segments of 1,460 bytes, three of them, and a peer-to-peer shaper's (Weaver et al. 2009).
const KNOWN_STEPS: [i32; 3] = [1460, 4380, SANDVINE];
const SANDVINE: i32 = 12_503;

/// Acknowledgements that differ between resets with the same number, one of them of nothing that was sent.
fn acknowledgement_changes(scene: &Scene<'_>, near: &[&Header]) -> Option<Weighed> {
    let (header, peer) = (scene.header, scene.other_whole());
    let unsent = |it: &Header| peer.is_known() && ahead(it.ack, peer.next) > 0;
    let other = near.iter().find(|it| {
        it.seq == header.seq
            && it.ack != header.ack
            && it.has(flag::ACK)
            && (unsent(it) || unsent(header))
    })?;
    let says =
        "resets with the same number acknowledge differently, one of them what was never sent"
            .to_owned();
    let packets = vec![header.packet, other.packet];
    header
        .has(flag::ACK)
        .then(|| pattern(("reset_ack_changes", says), (Family::Sequence, 1), packets))
}

fn pattern(
    (kind, says): (&'static str, String),
    (family, weight): (Family, u8),
    packets: Vec<u64>,
) -> Weighed {
    Weighed { family, weight, evidence: Evidence { kind, says, packets } }
}
