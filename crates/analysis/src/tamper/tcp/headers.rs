//! Evidence in the headers of one packet, beside those of the end that is said to have sent it and of the other end.

use wirewitness_wire::transport::flag;

use super::scene::Scene;
use super::suspicion::Suspect;
use crate::flows::header::{Header, ahead};
use crate::flows::side::{Habit, ODD_FLAGS, Side};
use crate::tamper::grade::{Family, Weighed};

/// All of this kind.
pub fn evidence(scene: &Scene<'_>) -> impl Iterator<Item = Weighed> {
    let tests: [fn(&Scene<'_>) -> Option<Weighed>; 8] =
        [hops, fragments, flags, payload, options, mirror, identification, mirrored_window];
    tests.into_iter().filter_map(|test| test(scene))
}

/// Hop count: the packet came over another way, or began with another count.
fn hops(scene: &Scene<'_>) -> Option<Weighed> {
    let (known, distance) = hop_distance(scene)?;
    // Resets may begin with a count of their own; data of one connection seldom does.
    let same = same_hops(scene).is_some();
    if same && scene.suspect == Suspect::Reset {
        return None;
    }
    let weight = match distance {
        _ if same => 1,
        0 => return None,
        1 => u8::from(is_between(scene, known)),
        2 => 1,
        _ => 2,
    };
    let says = format!(
        "arrived with a time to live of {}, other packets of the same end with {}",
        scene.header.ttl,
        list(known)
    );
    Some(scene.says(Family::Hops, weight, ("ttl_step", says)))
}

/// True if its end's packets before it and after it all came over another number of hops: a path that changed would not change
/// back for the next packet.
fn is_between(scene: &Scene<'_>, known: &[u8]) -> bool {
    let after = |it: &Header| {
        let near = it.at_ns - scene.header.at_ns < BETWEEN_NS;
        it.from() == scene.header.from() && !it.is_reset() && near && known == [it.ttl]
    };
    scene.own().ttls() == known && scene.later.iter().any(after)
}

/// Within this, packets before and after another say how those between came.
const BETWEEN_NS: i64 = 5_000_000_000;

/// The times to live it is compared with, and how far it is from the nearest.
fn hop_distance<'a>(scene: &'a Scene<'_>) -> Option<(&'a [u8], u8)> {
    let side = compared(scene);
    if side.has(Habit::ManyTtls) {
        return None;
    }
    let known = side.ttls();
    let distance = known.iter().map(|ttl| ttl.abs_diff(scene.header.ttl)).min()?;
    Some((known, distance))
}

/// What its end usually sends. A reset is compared with all of its end's packets that are none, data only with those before
/// it: later ones may be forged as well.
fn compared<'a>(scene: &'a Scene<'_>) -> &'a Side {
    if scene.suspect == Suspect::Reset { scene.own_whole() } else { scene.own() }
}

/// True if the packet came over as many hops as its end's others, only from another first value (64, 128, 255): a stack's
/// resets may have one of their own.
pub fn same_hops(scene: &Scene<'_>) -> Option<&'static str> {
    let (known, distance) = hop_distance(scene)?;
    let same = known.iter().any(|other| same_distance(*other, scene.header.ttl));
    (distance > 2 && same)
        .then_some("its hop count fits the same distance with another first value")
}

/// True for two times to live that began with different values and lost as many hops, give or take one.
pub fn same_distance(one: u8, other: u8) -> bool {
    let gone = |ttl: u8| first_value(ttl) - ttl;
    first_value(one) != first_value(other) && gone(one).abs_diff(gone(other)) <= 1
}

/// The count it began with, if that was a usual one.
fn first_value(ttl: u8) -> u8 {
    match ttl {
        0..=64 => 64,
        65..=128 => 128,
        _ => 255,
    }
}

/// The flag against fragments, which a stack sets on all or none of its data.
fn fragments(scene: &Scene<'_>) -> Option<Weighed> {
    let own = compared(scene);
    let (header, version_4) = (scene.header, scene.header.version_4());
    let differs = match (own.has(Habit::DontFragment), own.has(Habit::Fragments)) {
        (true, false) => !header.dont_fragment(),
        (false, true) => header.dont_fragment(),
        _ => false,
    };
    let set = |is: bool| if is { "set" } else { "not set" };
    let is = header.dont_fragment();
    let says =
        format!("the flag against fragments is {}, in the end's others {}", set(is), set(!is));
    (version_4 && differs).then(|| scene.says(Family::Shape, 1, ("df_differs", says)))
}

/// Bits that no stack sets.
fn flags(scene: &Scene<'_>) -> Option<Weighed> {
    let odd = scene.header.flags & ODD_FLAGS;
    if odd == 0 || scene.own_whole().has(Habit::OddFlags) {
        return None;
    }
    let says = "reserved bits of TCP's flags are set, in none of the end's others".to_owned();
    Some(scene.says(Family::Shape, 2, ("reserved_flags", says)))
}

/// A reset or FIN that carries payload: real ones do not, and zeros are padding counted as the packet's.
fn payload(scene: &Scene<'_>) -> Option<Weighed> {
    let header = scene.header;
    if header.len == 0 || scene.suspect == Suspect::SynAck {
        return None;
    }
    if header.zeros() {
        let says = format!("{} bytes of zeros within IP's length, as padding would be", header.len);
        return Some(scene.says(Family::Shape, 1, ("padding_counted", says)));
    }
    let says = format!("a reset with {} bytes of payload", header.len);
    header.is_reset().then(|| scene.says(Family::Shape, 1, ("reset_with_payload", says)))
}

/// Options: who has agreed on timestamps puts them into every segment but resets (RFC 7323 §3.2).
fn options(scene: &Scene<'_>) -> Option<Weighed> {
    let (own, other) = (scene.own(), scene.other());
    let agreed = own.has(Habit::Options) && !own.has(Habit::NoOptions)
        || !own.has(Habit::NoOptions) && both_long(scene) && other.has(Habit::Options);
    let missing = scene.suspect == Suspect::Data && scene.header.options() == 0;
    let says = "no options, where the connection's other segments have some".to_owned();
    (agreed && missing).then(|| scene.says(Family::Shape, 1, ("options_missing", says)))
}

/// True if the handshake had room for timestamps on both ways.
fn both_long(scene: &Scene<'_>) -> bool {
    let long = |header: &Header| header.has(flag::SYN) && header.options() >= 12;
    long(&scene.own().asked) && scene.other().has(Habit::Syn)
}

/// Numbers taken from the other end's packet: an injector that makes its packet from the one that it saw.
fn mirror(scene: &Scene<'_>) -> Option<Weighed> {
    let (header, own, other) = (scene.header, scene.own_whole(), scene.other());
    let id = header.identification;
    let constant = !scene.other_whole().has(Habit::Identifies)
        || own.is_known() && own.last.identification == id && !own.has(Habit::Identifies);
    if id < 2 || constant {
        return None;
    }
    let seen = [&other.last, &other.asked];
    let of = seen.into_iter().find(|it| {
        it.packet != 0 && (it.identification == id || it.identification.wrapping_add(1) == id)
    })?;
    let exact = of.identification == id;
    let window = header.window != 0 && header.window == of.window;
    let window_too = window && (own.last.window != header.window || !own.is_known());
    let weight = match (exact, window_too) {
        (_, true) => 3,
        (true, false) => 2,
        (false, false) => return None,
    };
    let what = if window_too { "identification and the window" } else { "identification" };
    let more = if exact { "" } else { ", one added to the first" };
    let says = format!("has the {what} of the other end's packet before it{more}");
    let kind = if exact { "header_mirror" } else { "header_mirror_next" };
    Some(scene.says_with(of.packet, (Family::Mirror, weight), (kind, says)))
}

/// The window alone: weaker, for firewalls that close for an end take it too.
fn mirrored_window(scene: &Scene<'_>) -> Option<Weighed> {
    let (header, own, other) = (scene.header, scene.own_whole(), scene.other());
    let fits = header.window != 0 && other.last.packet != 0 && header.window == other.last.window;
    let unlike = own.is_known()
        && own.last.window != header.window
        && scene.own().last.window != header.window;
    let says = "its window is that of the other end's last packet".to_owned();
    (header.is_reset() && fits && unlike && mirror(scene).is_none())
        .then(|| scene.says_with(other.last.packet, (Family::Mirror, 1), ("window_mirror", says)))
}

/// The identification breaks the end's count. Only supports: most stacks' resets do.
fn identification(scene: &Scene<'_>) -> Option<Weighed> {
    let (header, own) = (scene.header, scene.own());
    let counts = own.has(Habit::Identifies) && own.last.identification != 0;
    let step = header.identification.wrapping_sub(own.last.identification) as i16;
    if !header.version_4() || !counts || header.identification == 0 || step.unsigned_abs() <= 1000 {
        return None;
    }
    let says = "its identification is more than 1,000 off the end's count".to_owned();
    Some(scene.says_with(own.last.packet, (Family::Shape, 0), ("ipid_break", says)))
}

/// True if `number` lies before what the other end has acknowledged.
pub fn is_stale(acked: u32, number: u32) -> bool {
    ahead(acked, number) > 0
}

fn list(values: &[u8]) -> String {
    let words: Vec<String> = values.iter().map(u8::to_string).collect();
    words.join(", ")
}
