//! From the packets that were kept of a suspicious connection to what was injected into it.

use super::arithmetic;
use super::injector::{self, Mark};
use super::patterns;
use super::scene::Scene;
use super::suspicion::{Suspect, Suspicion, suspect};
use super::talk::Talk;
use super::{course, farewell, headers, overlap};
use crate::flows::connection::Connection;
use crate::flows::header::Header;
use crate::flows::key::{Key, Place};
use crate::flows::side::Habit;
use crate::tamper::finding::{self, Evidence, Forged, Grade, Injection, Protocol};
use crate::tamper::grade::{Bound, Family, Weighed, grade};

/// A packet that may be injected, judged.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    pub(super) header: Header,
    pub(super) suspect: Suspect,
    pub(super) weighed: Vec<Weighed>,
    pub(super) against: Vec<&'static str>,
    pub(super) bound: Bound,
    pub(super) grade: Option<Grade>,
}

/// What was injected into a connection, by the end that it claims to be from.
pub fn injections(
    suspicion: Option<&Suspicion>,
    talk: Option<&Talk>,
    (whole, key): (&Connection, &Key),
) -> Vec<Injection> {
    let mut judged = suspicion.map_or_else(Vec::new, |it| judge(it, whole, key));
    if let Some(talk) = talk {
        overlap::add(talk, (whole, key), &mut judged);
        farewell::add(talk, (whole, key), &mut judged);
    }
    judged.sort_by_key(|it| it.header.packet);
    let mut found = Vec::new();
    for place in [Place::Low, Place::High] {
        let of_place: Vec<&Judged> =
            judged.iter().filter(|it| it.header.from() == place && it.grade.is_some()).collect();
        let Some(best) = of_place.iter().filter_map(|it| it.grade).max() else { continue };
        let kept: Vec<&Judged> =
            of_place.iter().copied().filter(|it| belongs(it, best, &of_place)).collect();
        found.push(injection(&kept, best, (whole, key)));
    }
    found
}

/// Judges every packet of the log that may be injected.
fn judge(suspicion: &Suspicion, whole: &Connection, key: &Key) -> Vec<Judged> {
    let mut before = *suspicion.before();
    let mut judged = Vec::new();
    let log = suspicion.log();
    for (at, header) in log.iter().enumerate() {
        if let Some(suspect) = suspect(&before, header) {
            let later = log.get(at + 1..).unwrap_or_default();
            let scene = Scene { header, suspect, before: &before, later, whole, key };
            judged.push(judge_one(&scene, log));
        }
        before.take(header);
    }
    judged
}

pub(super) fn judge_one(scene: &Scene<'_>, log: &[Header]) -> Judged {
    let mut weighed: Vec<Weighed> =
        headers::evidence(scene).chain(course::evidence(scene)).collect();
    if scene.suspect == Suspect::Reset {
        let from = scene.header.from();
        let resets: Vec<Header> =
            log.iter().filter(|it| it.is_reset() && it.from() == from).copied().collect();
        weighed.extend(patterns::evidence(scene, &resets));
    }
    if scene.suspect == Suspect::Data {
        weighed.extend(patterns::one_counter(scene));
    }
    weighed.extend(by_arithmetic(scene));
    let (bound, against) = against(scene);
    // Data whose hop count differs is not told for that alone: paths change.
    let alone = scene.suspect == Suspect::Data
        && !weighed.iter().any(|it| it.weight > 0 && !matches!(it.family, Family::Hops));
    let grade = if alone { None } else { grade(&weighed, bound) };
    Judged { header: *scene.header, suspect: scene.suspect, weighed, against, bound, grade }
}

fn by_arithmetic(scene: &Scene<'_>) -> Option<Weighed> {
    let (own, other) =
        (scene.key.end(scene.header.from()), scene.key.end(scene.header.from().other()));
    let hops = arithmetic::hops(scene.header, own, other)?;
    let says =
        format!("its header fields fit the arithmetic of a known injector, {hops} hops away");
    (scene.suspect != Suspect::Data)
        .then(|| scene.says(Family::Arithmetic, 3, ("known_arithmetic", says)))
}

/// A connection that was quiet for longer may be closed by a device between for being idle.
const IDLE_NS: i64 = 30_000_000_000;

/// What speaks against it, and whether that holds the grade.
fn against(scene: &Scene<'_>) -> (Bound, Vec<&'static str>) {
    let (header, own, other) = (scene.header, scene.own(), scene.other());
    let mut says = Vec::new();
    let mut bound = Bound::Free;
    if scene.suspect == Suspect::Reset && own.has(Habit::Fin) {
        says.push(
            "the end had said that it ends: stacks and firewalls reset what comes after that",
        );
        bound = Bound::Undecided;
    }
    let quiet = header.at_ns - own.last.at_ns.max(other.last.at_ns);
    if own.is_known() && other.is_known() && quiet > IDLE_NS {
        says.push("the connection was quiet for long: load balancers and NAT reset such ones");
        bound = Bound::Undecided;
    }
    says.extend(headers::same_hops(scene));
    if patterns::captured_twice(scene) {
        says.push("packets were captured more than once, so copies say nothing");
    }
    if scene.own_whole().has(Habit::ManyTtls) {
        says.push("the end's hop count varies, so it says nothing");
    }
    let normal = scene.own_whole().ttls() == [header.ttl];
    if normal {
        says.push("its hop count is that of the end's other packets, as of the end itself or where a network rewrites it");
    }
    if !other.is_known() && !scene.other_whole().is_known() {
        says.push("only one way was captured");
    }
    (bound, says)
}

/// True if a packet is told in an injection of the grade `best`: by its own grade, or because it is made like one that is.
fn belongs(it: &Judged, best: Grade, all: &[&Judged]) -> bool {
    let Some(own) = it.grade else { return false };
    if best == Grade::Undecided || own >= Grade::Likely {
        return true;
    }
    let made = |it: &Judged| (it.header.dont_fragment(), it.header.ttl, it.header.window == 0);
    it.bound == Bound::Free
        && all.iter().any(|other| other.grade >= Some(Grade::Likely) && made(other) == made(it))
}

fn injection(kept: &[&Judged], best: Grade, (whole, key): (&Connection, &Key)) -> Injection {
    let (client, server) = whole.addresses(key);
    let connection = finding::Connection { protocol: Protocol::Tcp, client, server };
    let from = kept.first().map_or(Place::Low, |it| it.header.from());
    let marks: Vec<Mark> = kept.iter().map(|it| mark(it)).collect();
    let mut what: Vec<&'static str> = marks.iter().flat_map(words).collect();
    what.sort_unstable();
    what.dedup();
    let mut against: Vec<&'static str> = Vec::new();
    for says in kept.iter().flat_map(|it| &it.against) {
        if !against.contains(says) {
            against.push(says);
        }
    }
    Injection {
        connection,
        grade: best,
        what,
        claims: whole.end(from),
        seen_from: whole.seen_from(),
        packets: kept.iter().map(|it| it.header.packet).collect(),
        at_ns: kept.first().map_or(0, |it| it.header.at_ns),
        evidence: merged(kept),
        against,
        trigger: None,
        injectors: injector::known(&marks, key.end(from), key.end(from.other())),
        forged: kept.iter().map(|it| forged(&it.header)).collect(),
        answers: Vec::new(),
        app: None,
    }
}

fn mark(judged: &Judged) -> Mark {
    let mirrors = judged.weighed.iter().any(|it| it.evidence.kind == "header_mirror_next");
    Mark { header: judged.header, suspect: judged.suspect, mirrors }
}

/// What a packet is, in the words of [`Injection::what`].
fn words(mark: &Mark) -> Vec<&'static str> {
    if mark.suspect != Suspect::Data {
        return vec![injector::kind(mark)];
    }
    let fin = mark.header.has(wirewitness_wire::transport::flag::FIN);
    let data = mark.header.len > 0 && !mark.header.zeros();
    [(fin, "fin"), (data, "data")].into_iter().filter(|it| it.0).map(|it| it.1).collect()
}

/// The observations of all packets, those of a kind together: the heaviest first one says, the packets are everyone's.
fn merged(kept: &[&Judged]) -> Vec<Evidence> {
    let mut merged: Vec<(u8, Evidence)> = Vec::new();
    for weighed in kept.iter().flat_map(|it| &it.weighed) {
        match merged.iter_mut().find(|it| it.1.kind == weighed.evidence.kind) {
            Some((_, evidence)) => {
                for packet in &weighed.evidence.packets {
                    if !evidence.packets.contains(packet) {
                        evidence.packets.push(*packet);
                    }
                }
            }
            None => merged.push((weighed.weight, weighed.evidence.clone())),
        }
    }
    merged.sort_by_key(|it| std::cmp::Reverse(it.0));
    merged.into_iter().map(|it| it.1).collect()
}

fn forged(header: &Header) -> Forged {
    Forged {
        packet: header.packet,
        at_ns: header.at_ns,
        ttl: header.ttl,
        dont_fragment: header.dont_fragment(),
        payload_len: if header.zeros() { 0 } else { header.len },
        identification: header.version_4().then_some(header.identification),
        window: header.window,
        flags: header.flags,
        seq: header.seq,
        ack: header.ack,
    }
}
