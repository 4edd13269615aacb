//! Evidence in the course of a connection: numbers that do not fit, times that the path does not allow, and ends that go on
//! as if they had not sent the packet (Weaver, Sommer, Paxson: "Detecting Forged TCP Reset Packets", NDSS 2009).

use wirewitness_wire::transport::flag;

use super::headers::is_stale;
use super::patterns;
use super::scene::{Scene, ms};
use super::suspicion::Suspect;
use crate::flows::header::{Header, ahead};
use crate::flows::side::Habit;
use crate::tamper::grade::{Family, Weighed};

/// All of this kind.
pub fn evidence(scene: &Scene<'_>) -> impl Iterator<Item = Weighed> {
    let tests: [fn(&Scene<'_>) -> Option<Weighed>; 7] =
        [too_soon, before_answer, opens_after, goes_on, stale, unsent, second_syn_ack];
    tests.into_iter().filter_map(|test| test(scene))
}

/// It acknowledges what its end cannot have had yet.
fn too_soon(scene: &Scene<'_>) -> Option<Weighed> {
    let (header, asked) = (scene.header, scene.other().asked);
    let round_trip = i64::from(scene.own_whole().answer_ns);
    let took = header.at_ns.saturating_sub(asked.at_ns);
    let answers = asked.packet != 0
        && header.has(flag::ACK)
        && ahead(header.ack, asked.end()) >= 0
        && ahead(asked.end(), scene.own().acked) > 0;
    let soon = round_trip >= 5_000_000 && took >= 0 && took.saturating_mul(2) < round_trip;
    let says = format!(
        "acknowledges {} after it was sent; the end's quickest answer took {}",
        ms(took),
        ms(round_trip)
    );
    (answers && soon)
        .then(|| scene.says_with(asked.packet, (Family::Time, 3), ("faster_than_path", says)))
}

/// It came sooner after a request than an answer could, without acknowledging it: may be chance.
fn before_answer(scene: &Scene<'_>) -> Option<Weighed> {
    let (header, asked) = (scene.header, scene.other().asked);
    let round_trip = i64::from(scene.own_whole().answer_ns);
    let took = header.at_ns.saturating_sub(asked.at_ns);
    let asks = asked.packet != 0 && asked.len > 0 && scene.own().last.at_ns < asked.at_ns;
    let soon = round_trip >= 20_000_000 && took >= 0 && took.saturating_mul(4) < round_trip;
    if scene.suspect != Suspect::Reset || !asks || !soon || too_soon(scene).is_some() {
        return None;
    }
    let says = format!(
        "came {} after the other end's data; the end's quickest answer took {}",
        ms(took),
        ms(round_trip)
    );
    Some(scene.says_with(asked.packet, (Family::Time, 1), ("before_answer", says)))
}

/// A reset refused the SYN, and then the same SYN was accepted.
fn opens_after(scene: &Scene<'_>) -> Option<Weighed> {
    let (header, own) = (scene.header, scene.own());
    if scene.suspect != Suspect::Reset || own.has(Habit::Syn) || !scene.other().has(Habit::Syn) {
        return None;
    }
    let from = header.from();
    // A SYN that is sent again may find the port open meanwhile.
    let until_asked_again = scene
        .later
        .iter()
        .take_while(|it| !(it.from() != from && it.flags & (flag::SYN | flag::ACK) == flag::SYN));
    let accepted = until_asked_again
        .filter(|it| it.from() == from)
        .find(|it| it.has(flag::SYN | flag::ACK))?;
    let says = format!(
        "the SYN that it refuses was accepted {} later, without being sent again",
        ms(accepted.at_ns - header.at_ns)
    );
    let words = ("accepted_after_reset", says);
    Some(scene.says_with(accepted.packet, (Family::Contradiction, 3), words))
}

/// After its reset the end goes on in the same stream.
fn goes_on(scene: &Scene<'_>) -> Option<Weighed> {
    if scene.suspect != Suspect::Reset || !scene.own().is_known() {
        return None;
    }
    let each = scene.later.iter().enumerate();
    let best = each.filter_map(|(at, later)| Some((continues(scene, at, later)?, later)));
    let ((weight, what), later) =
        best.max_by_key(|((weight, _), later)| (*weight, u64::MAX - later.packet))?;
    let says =
        format!("{} after this reset the same end {what}", ms(later.at_ns - scene.header.at_ns));
    let words = ("goes_on_after_reset", says);
    Some(scene.says_with(later.packet, (Family::Contradiction, weight), words))
}

/// How much it says that `later` follows, and what it does: 3 for data beyond the reset's number, for the acknowledgement of
/// data that passed here only after the reset, and for data sent again; 2 for what packets out of order do not explain.
fn continues(scene: &Scene<'_>, at: usize, later: &Header) -> Option<(u8, &'static str)> {
    let (header, own) = (scene.header, scene.own());
    let after = later.at_ns - header.at_ns;
    let is_next =
        later.from() == header.from() && !later.is_reset() && later.flags & flag::SYN == 0;
    let known = later.copy_of(&own.last) || later.copy_of(&own.asked);
    if !is_next || known || !later.has(flag::ACK) || !(0..WITHIN_NS).contains(&after) {
        return None;
    }
    // Of this stream, not of one that used the ports before.
    if ahead(later.seq, own.begin) < 0 || ahead(later.seq, own.next) > 1 << 20 {
        return None;
    }
    let beyond = later.len > 0 && !later.zeros() && ahead(later.end(), header.seq) > 0;
    let news = ahead(later.ack, own.acked) > 0;
    let between = scene.later.get(..at).unwrap_or_default();
    if between.iter().any(|it| later.copy_of(it)) {
        return None;
    }
    if beyond && ahead(header.seq, own.begin) >= 0 || had_since(scene, between, later) {
        return Some((3, "goes on with what came after it"));
    }
    if after >= SENT_AGAIN_NS && sends_again(scene, later) {
        return Some((3, "sends again what it had sent before"));
    }
    let late = after >= OUT_OF_ORDER_NS || news && after >= 1_000_000;
    late.then_some((2, "goes on acknowledging"))
}

/// True if `later` repeats data that passed here before the reset: who has reset a connection has forgotten what it sent.
/// Where packets are missing it may be the first copy, come late; a single byte is a keep-alive.
fn sends_again(scene: &Scene<'_>, later: &Header) -> bool {
    let own = scene.own();
    later.len > 1
        && !own.has(Habit::Gap)
        && !patterns::captured_twice(scene)
        && ahead(later.seq, own.begin) >= 0
        && ahead(later.end(), own.next) <= 0
}

/// True if `later` acknowledges data that the other end sent only after the reset had passed.
fn had_since(scene: &Scene<'_>, between: &[Header], later: &Header) -> bool {
    let new = |it: &&Header| {
        let other = it.from() != scene.header.from() && it.len > 0 && !it.is_reset();
        other && ahead(it.seq, scene.other().next) >= 0 && ahead(later.ack, it.end()) >= 0
    };
    between.iter().any(|it| new(&it))
}

/// Later packets than this may be of another connection.
const WITHIN_NS: i64 = 5_000_000_000;
/// Packets of one end seldom overtake each other by more.
const OUT_OF_ORDER_NS: i64 = 10_000_000;
/// The least time after which stacks send again without being asked to; no path holds a packet back for so long.
const SENT_AGAIN_NS: i64 = 200_000_000;

/// Its number lies where the end's stream no longer is, though nothing asked for such a reset.
fn stale(scene: &Scene<'_>) -> Option<Weighed> {
    let (header, own, other) = (scene.header, scene.own(), scene.other());
    let usable = scene.suspect == Suspect::Reset
        && header.seq != 0
        && own.is_known()
        && own.has(Habit::Syn)
        && ahead(header.seq, own.begin) >= 0;
    if !usable || own.has(Habit::Gap) {
        return None;
    }
    let behind = ahead(own.next, header.seq);
    // A reset that answers a segment takes that segment's acknowledgement for its number (RFC 9293 §3.10.7.1), which may be an
    // old one. One with ACK answers nothing, or a segment without.
    let old = other.is_known() && is_stale(other.acked, header.seq) && header.has(flag::ACK);
    // Where the end had had all that the other end sent, nothing is left to answer.
    let nothing_asked = other.is_known()
        && own.has(Habit::Acked)
        && own.acked == other.next
        && other.last.packet == other.asked.packet
        && other.last.packet < own.last.packet;
    if behind <= 0 || !(old || nothing_asked) || own.has(Habit::Fin) && !nothing_asked {
        return None;
    }
    let says = format!("its number lies {behind} behind what the end has sent");
    Some(scene.says(Family::Sequence, 2, ("stale_number", says)))
}

/// It acknowledges what the other end has never sent.
fn unsent(scene: &Scene<'_>) -> Option<Weighed> {
    let (header, other) = (scene.header, scene.other_whole());
    let whole = other.has(Habit::Syn) && !other.has(Habit::Gap) && other.is_known();
    let beyond = ahead(header.ack, other.next);
    if !header.has(flag::ACK) || header.ack == 0 || !whole || beyond <= 0 {
        return None;
    }
    let says = format!("acknowledges {beyond} bytes more than the other end ever sent");
    Some(scene.says(Family::Sequence, 1, ("acknowledges_unsent", says)))
}

/// A SYN-ACK that the end has no cause to send.
fn second_syn_ack(scene: &Scene<'_>) -> Option<Weighed> {
    let (header, own) = (scene.header, scene.own());
    if scene.suspect != Suspect::SynAck {
        return None;
    }
    if own.asked.flags & (flag::SYN | flag::ACK) == flag::SYN
        || own.has(Habit::Ack) && header.seq == own.begin
    {
        let says = "a SYN-ACK from the end that opened the connection".to_owned();
        return Some(scene.says(Family::Sequence, 2, ("syn_ack_from_client", says)));
    }
    let says = "a second SYN-ACK, with another number, to the same SYN".to_owned();
    let words = ("second_syn_ack", says);
    Some(scene.says_with(own.last.packet, (Family::Sequence, 2), words))
}
