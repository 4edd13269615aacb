//! What speaks for an answer being somebody else's than the resolver's.
//!
//! The rule: answers that differ (disjoint addresses, more answers than questions), or two strong points, make it injected; one
//! strong point, or two others, make it likely; less is not told. Strong: an address of the table of forged ones; a refusal
//! beside addresses, more answers than questions; no
//! extensions (RFC 6891) from a resolver that has always given them. Others: another hop count than the resolver's
//! other answers; an answer in less than half the time of any other; authority claimed by a resolver that else does not; a
//! private address from a public resolver; another response code. Measured over 3,627 answers of benign captures: none has
//! two answers with disjoint addresses.

use std::net::IpAddr;
use std::sync::LazyLock;

use super::dns::{Given, Question};
use super::resolver::{AUTHORITATIVE, MIN_OTHERS, Resolver};
use wirewitness_wire::app::dns::rcode::{NXDOMAIN, REFUSED};

use crate::judge::address::is_bogon;
use crate::tamper::finding::{
    End, Evidence, Forged, ForgedAnswer, Grade, Injection, Injector, Trigger, TriggerKind,
};

/// One point, and how much it is worth.
struct Point {
    evidence: Evidence,
    is_strong: bool,
    /// The answer it is about.
    packet: u64,
}

/// Judges the answers to a question.
pub(super) fn judge(question: &Question, others: Option<&Resolver>) -> Option<Injection> {
    let mut points = Vec::new();
    for answer in &question.answers {
        points.extend(about(question, answer, others));
    }
    let differing = differing(question);
    let mut kinds: Vec<(&str, bool)> =
        points.iter().map(|point| (point.evidence.kind, point.is_strong)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let refuses = differing.as_ref().is_some_and(|(_, how)| *how == Differ::ByRefusal);
    let strong = kinds.iter().filter(|(_, is_strong)| *is_strong).count() + usize::from(refuses);
    let by_address = differing.as_ref().is_some_and(|(_, how)| *how == Differ::ByAddress);
    let grade = match (by_address, strong, kinds.len()) {
        (true, _, _) | (_, 2.., _) => Grade::Injected,
        (_, 1, _) | (_, 0, 2..) => Grade::Likely,
        _ => return None,
    };
    let packets = forged_packets(question, &points);
    let evidence: Vec<Evidence> = differing
        .into_iter()
        .map(|(evidence, _)| evidence)
        .chain(points.into_iter().map(|point| point.evidence))
        .collect();
    Some(injection(question, grade, packets, evidence))
}

fn injection(
    question: &Question,
    grade: Grade,
    packets: Vec<u64>,
    evidence: Vec<Evidence>,
) -> Injection {
    let forged: Vec<&Given> =
        question.answers.iter().filter(|it| packets.contains(&it.packet)).collect();
    let mut against = vec!["a proxy on the path that answers in the resolver's place"];
    if question.asked == 0 {
        against.push("the question is not in the capture");
    }
    Injection {
        connection: question.connection,
        grade,
        what: vec!["dns_answer"],
        claims: End::Server,
        seen_from: question.seen_from,
        at_ns: forged.first().map_or(0, |it| it.at_ns),
        evidence,
        against,
        trigger: Some(Trigger {
            kind: TriggerKind::Qname,
            value: question.name.clone(),
            packet: question.packet,
        }),
        injectors: injectors(&forged),
        forged: forged.iter().map(|it| headers(it)).collect(),
        answers: forged.iter().map(|it| shape(it)).collect(),
        packets,
        app: None,
    }
}

fn headers(answer: &Given) -> Forged {
    let (packet, ttl, identification) = (answer.packet, answer.ttl, answer.identification);
    Forged {
        packet,
        at_ns: answer.at_ns,
        ttl,
        dont_fragment: answer.dont_fragment,
        payload_len: 0,
        identification,
        window: 0,
        flags: 0,
        seq: 0,
        ack: 0,
    }
}

fn shape(answer: &Given) -> ForgedAnswer {
    ForgedAnswer {
        packet: answer.packet,
        flags: answer.flags,
        name_compressed: answer.name_compressed,
        addresses: answer.addresses.clone(),
    }
}

fn injectors(forged: &[&Given]) -> Vec<Injector> {
    let rows = forged.iter().flat_map(|it| it.addresses.iter().filter_map(known));
    let mut found: Vec<Injector> = Vec::new();
    for (whose, source) in rows {
        match found.iter_mut().find(|it| it.consistent_with == whose) {
            Some(injector) => injector.fits += 1,
            None => found.push(Injector {
                consistent_with: whose.to_owned(),
                fits: 1,
                hops: None,
                source: source.to_owned(),
            }),
        }
    }
    found
}

/// The answers with points; where none has any, all but the last, which is the likeliest to have come all the way.
fn forged_packets(question: &Question, points: &[Point]) -> Vec<u64> {
    let has = |it: &&Given| points.iter().any(|point| point.packet == it.packet);
    let mut packets: Vec<u64> = question.answers.iter().filter(has).map(|it| it.packet).collect();
    if packets.is_empty() {
        let all_but_last = question.answers.len().saturating_sub(1);
        packets.extend(question.answers.iter().take(all_but_last).map(|it| it.packet));
    }
    packets
}

/// More answers than questions, which share no address or of which one says that there is none. Another copy of an answer is none.
fn differing(question: &Question) -> Option<(Evidence, Differ)> {
    // Of a question that is not in the capture nobody knows how often it was asked.
    if question.asked == 0 || question.answers.len() as u32 <= question.asked {
        return None;
    }
    let is_refusal = |it: &Given| it.addresses.is_empty() && matches!(it.rcode, NXDOMAIN | REFUSED);
    let says_something = |it: &&Given| !it.addresses.is_empty() || is_refusal(it);
    let mut distinct: Vec<&Given> = Vec::new();
    for answer in question.answers.iter().filter(says_something) {
        let is_other = |other: &&Given| match (is_refusal(answer), is_refusal(other)) {
            (false, false) => answer.addresses.iter().all(|it| !other.addresses.contains(it)),
            (true, true) => answer.rcode != other.rcode,
            _ => true,
        };
        if distinct.iter().all(is_other) {
            distinct.push(answer);
        }
    }
    if distinct.len() <= question.asked as usize {
        return None;
    }
    let says = format!(
        "{} answers that contradict one another to a question asked {} {}",
        distinct.len(),
        question.asked,
        if question.asked == 1 { "time" } else { "times" }
    );
    let packets = distinct.iter().map(|it| it.packet).collect();
    let how = match distinct.iter().filter(|it| !is_refusal(it)).count() {
        ..=1 => Differ::ByRefusal,
        _ => Differ::ByAddress,
    };
    Some((Evidence { kind: "dns_answers_differ", says, packets }, how))
}

/// How answers differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Differ {
    /// They share no address: no resolver gives two sets to one question.
    ByAddress,
    /// One says that there is no such name, or refuses, and one gives addresses: a forwarder that passes on what two resolvers say does
    /// that as well.
    ByRefusal,
}

/// The points of one answer.
fn about(question: &Question, answer: &Given, others: Option<&Resolver>) -> Vec<Point> {
    let mut points = Vec::new();
    let mut add = |kind, is_strong, says: String| {
        let evidence = Evidence { kind, says, packets: vec![answer.packet] };
        points.push(Point { evidence, is_strong, packet: answer.packet });
    };
    if let Some((whose, address)) =
        answer.addresses.iter().find_map(|it| known(it).map(|(whose, _)| (whose, it)))
    {
        add("forged_address", true, format!("{address} stands for {whose}"));
    }
    let server = question.connection.server.ip();
    let is_public = is_public_resolver(&server);
    if let Some(says) = lacks_edns(question, answer, others, is_public) {
        add("no_edns", true, says);
    }
    if is_public && let Some(address) = answer.addresses.iter().find(|it| bogon(it)) {
        add("bogon", false, format!("{server} is a public resolver and says {address}"));
    }
    let Some(others) = others else { return points };
    if let Some(ttl) = others.usual_ttl(question.answers.len() as u32)
        && ttl.abs_diff(answer.ttl) > 2
    {
        add("ttl_step", false, format!("hop count {}, the resolver's others {ttl}", answer.ttl));
    }
    if let Some(after_ns) = answer.after_ns
        && let Some(fastest_ns) = others.fastest_but(after_ns)
        && after_ns < fastest_ns / 2
        && !is_near(&server)
    {
        let [after, fastest] = [after_ns, fastest_ns].map(|ns| ns as f64 / 1e6);
        add("too_soon", false, format!("after {after:.1} ms, no other before {fastest:.1} ms"));
    }
    if answer.flags & AUTHORITATIVE != 0
        && question.recursion
        && others.authoritative <= question.answers.len() as u32
        && others.answers >= MIN_OTHERS + others.authoritative
    {
        add("authoritative", false, "claims authority, which the resolver else does not".into());
    }
    points
}

/// Whether an answer lacks the extensions that its question had and the resolver gives.
fn lacks_edns(
    question: &Question,
    answer: &Given,
    others: Option<&Resolver>,
    is_public: bool,
) -> Option<String> {
    let is_lacking = question.edns && !answer.additional && matches!(answer.rcode, 0 | 3);
    if !is_lacking {
        return None;
    }
    let [asked, given] = others.map_or([0, 0], |others| others.edns);
    let always = given >= MIN_OTHERS && asked - given <= question.answers.len() as u32;
    let why = match (always, is_public) {
        (true, _) => "which the resolver's other answers have",
        (false, true) => "which this public resolver gives",
        (false, false) => return None,
    };
    Some(format!("the question has the extensions of RFC 6891 and the answer has none, {why}"))
}

/// Whose forged address this is, and the source.
fn known(address: &IpAddr) -> Option<(&'static str, &'static str)> {
    let at = FORGED.binary_search_by_key(address, |row| row.0).ok()?;
    FORGED.get(at).map(|row| (row.1, row.2))
}

/// The table of forged addresses, with whose each is and the source, in the order of the addresses.
static FORGED: LazyLock<Vec<(IpAddr, &str, &str)>> = LazyLock::new(|| {
    let rows = include_str!("forged.csv").lines().filter(|line| !line.starts_with('#'));
    let read = |row: &'static str| {
        let (first, rest) = row.split_once(',')?;
        let (whose, source) = rest.split_once(',')?;
        Some((first.parse().ok()?, whose, source.trim_matches('"')))
    };
    let mut table: Vec<(IpAddr, &str, &str)> = rows.filter_map(read).collect();
    // Of an address that is there twice the first row counts.
    table.sort_by_key(|row| row.0);
    table.dedup_by_key(|row| row.0);
    table
});

fn bogon(address: &IpAddr) -> bool {
    is_bogon(&address.to_string())
}

/// A resolver on the person's own network: it has many names at hand, and asks others for the rest.
fn is_near(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(it) => it.is_private() || it.is_loopback() || it.is_link_local(),
        IpAddr::V6(it) => it.is_loopback() || it.is_unique_local() || it.is_unicast_link_local(),
    }
}

/// Resolvers that anybody may ask and that give the extensions of RFC 6891 when asked with them.
fn is_public_resolver(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => matches!(
            address.octets(),
            [1, 0, 0, 1]
                | [1, 1, 1, 1]
                | [8, 8, 4, 4]
                | [8, 8, 8, 8]
                | [9, 9, 9, 9]
                | [149, 112, 112, 112]
                | [208, 67, 220, 220]
                | [208, 67, 222, 222]
        ),
        IpAddr::V6(address) => matches!(
            address.segments(),
            [0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8844 | 0x8888]
                | [0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1001 | 0x1111]
                | [0x2620, 0xfe, 0, 0, 0, 0, 0, 0xfe]
        ),
    }
}
