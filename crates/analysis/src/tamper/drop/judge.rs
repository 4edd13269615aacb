//! Silence, weighed beside what was answered.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use super::names::{Control, Name, Odd};
use super::{Ended, Group, MIN_ALONE, MIN_SILENCE_NS, MIN_STALLED};
use crate::tamper::finding::{Drop, DropGrade, Evidence, Finding, Protocol, Trigger, TriggerKind};

/// Judges all groups, in the order in which they first ended.
pub(super) fn all(groups: &[Group], last_ns: i64, out: &mut dyn FnMut(Finding)) {
    let mut syns = BTreeSet::new();
    let mut servers: HashMap<IpAddr, Vec<&Group>> = HashMap::new();
    let odd = || groups.iter().filter(|group| group.names.has_odd());
    let wanted: HashSet<IpAddr> = odd().map(|group| group.ends.2.ip()).collect();
    for group in groups.iter().filter(|group| wanted.contains(&group.ends.2.ip())) {
        let near = servers.entry(group.ends.2.ip()).or_default();
        if near.len() < MAX_NEAR {
            near.push(group);
        }
    }
    for group in odd() {
        let near = servers.get(&group.ends.2.ip()).map(Vec::as_slice).unwrap_or_default();
        for (name, entry) in group.names.iter() {
            let Some(odd) = &entry.odd else { continue };
            for drop in of_name((near, group), (name, entry, odd), last_ns) {
                out(Finding::Drop(Box::new(drop)));
            }
            if let Some(ended) = &odd.syn
                && syns.len() < MAX_SYN_FINDINGS
                && last_ns.saturating_sub(ended.unanswered_since_ns) >= MIN_SILENCE_NS
                && syns.insert((group.ends.1, group.ends.2.ip()))
            {
                out(Finding::Drop(Box::new(syn(ended))));
            }
        }
    }
}

/// What is known beside a silent name.
struct Beside {
    /// Another name that was answered by the same server and port, and when.
    control: Option<(Trigger, i64)>,
    /// One that was answered by the same server on another port, or asked by another client.
    weaker: Option<Trigger>,
    /// Other names that had silence.
    silent_names: usize,
    /// True if any connection to this server and port was answered.
    any_answer: bool,
}

/// Judges a name of a group; `near` are groups of the same server.
fn of_name(
    (near, group): (&[&Group], &Group),
    (name, entry, odd): (&str, &Name, &Odd),
    last_ns: i64,
) -> Vec<Drop> {
    let mut drops = Vec::new();
    if let Some(first) = odd.after_reset.first() {
        drops.push(after_reset(first, &odd.after_reset));
    }
    if let Some(first) = odd.stalled.first().filter(|_| odd.stalled.len() >= MIN_STALLED) {
        drops.push(stall(first, &odd.stalled));
    }
    let alone: Vec<&Ended> =
        odd.alone.iter().filter(|ended| ended.is_silent_alone(last_ns)).collect();
    let mut silent: Vec<&Ended> = odd.silent.iter().collect();
    if alone.len() >= min_alone(group) {
        silent.extend(&alone);
        silent.sort_by_key(|ended| ended.first);
    }
    let Some(first) = silent.first() else { return drops };
    let beside = beside(near, group, name, first.unanswered_since_ns);
    let Some((grade, cannot_tell)) = grade((entry, odd), &silent, &beside) else { return drops };
    let mut evidence = vec![silence(odd, &silent)];
    evidence.extend(signs_of_life(&silent));
    if let Some(control) = beside.control.as_ref().map(|(control, _)| control) {
        evidence.push(answered("same_server", "by the same server and port", control));
    } else if let Some(control) = &beside.weaker {
        let place = "by the same server on another port, or to another client";
        evidence.push(answered("same_address", place, control));
    }
    let trigger = first.trigger.clone();
    drops.push(Drop {
        connection: first.connection,
        grade,
        what: what(first),
        packets: silent
            .iter()
            .flat_map(|it| it.unanswered.iter().copied())
            .take(MAX_PACKETS)
            .collect(),
        at_ns: first.unanswered_since_ns,
        evidence,
        trigger,
        control: beside.control.map(|(control, _)| control).or(beside.weaker),
        cannot_tell,
        app: first.app.clone(),
    });
    drops
}

/// How many requests that were sent once make silence: fewer over QUIC, where many others of the same server were answered.
fn min_alone(group: &Group) -> usize {
    let answered: u32 = group.names.iter().map(|(_, entry)| entry.answered).sum();
    match group.ends.0 {
        Protocol::Udp if answered >= MANY_ANSWERED => 2,
        _ => MIN_ALONE,
    }
}

fn beside(near: &[&Group], group: &Group, name: &str, since_ns: i64) -> Beside {
    let others = || group.names.iter().filter(|(other, _)| *other != name);
    let controls = others().filter_map(|(other, entry)| Some((other, entry.control?)));
    let distance = |(_, control): &(&str, Control)| control.at_ns.abs_diff(since_ns);
    let told = |(name, control): (&str, Control)| (control.trigger(name), control.at_ns);
    let is_silent = |odd: &Odd| !odd.silent.is_empty() || odd.alone.len() >= MIN_ALONE;
    let near = near.iter().filter(|other| other.ends != group.ends);
    let weaker = near.flat_map(|other| other.names.iter()).filter(|(other, _)| *other != name);
    Beside {
        control: controls.min_by_key(distance).map(told),
        weaker: weaker.filter_map(|(other, entry)| Some(entry.control?.trigger(other))).next(),
        silent_names: others()
            .filter(|(_, entry)| entry.odd.as_deref().is_some_and(is_silent))
            .count(),
        any_answer: group.names.iter().any(|(_, entry)| entry.answered > 0),
    }
}

type CannotTell = Vec<&'static str>;

fn grade(
    (entry, odd): (&Name, &Odd),
    silent: &[&Ended],
    beside: &Beside,
) -> Option<(DropGrade, CannotTell)> {
    let first = silent.first()?;
    let mut cannot_tell = Vec::new();
    if first.connection.protocol == Protocol::Udp {
        cannot_tell.push("a server that does not speak QUIC, or a network that passes no UDP");
    } else {
        cannot_tell.push("a path that loses large packets");
    }
    // What comes and goes is a bad line sooner than a rule.
    if entry.answered as usize >= silent.len() {
        return None;
    }
    if entry.answered > 0 {
        cannot_tell.push("a bad line: the same name was also answered");
        return Some((DropGrade::Undecided, cannot_tell));
    }
    if let Some((_, at_ns)) = &beside.control {
        let is_near = at_ns.abs_diff(first.unanswered_since_ns) < CONTROL_NS;
        let is_nameless = first.trigger.is_none();
        // Of a few datagrams that were sent once each all may be lost.
        let is_much = silent.len() >= MIN_ALONE || silent.iter().any(|ended| ended.is_silent());
        let grade = match is_near && !is_nameless && is_much {
            true => DropGrade::Dropped,
            false => DropGrade::Likely,
        };
        return Some((grade, cannot_tell));
    }
    if beside.silent_names > 0 && !beside.any_answer {
        cannot_tell
            .push("several names, none answered: the server may be down, or its address blocked");
        let signs = silent.iter().any(|ended| ended.server_fin);
        let grade = if signs { DropGrade::Likely } else { DropGrade::Undecided };
        return Some((grade, cannot_tell));
    }
    cannot_tell.push("a server that is down: no other name was answered");
    let enough = first.connection.protocol == Protocol::Tcp
        || beside.weaker.is_some()
        || odd.silent_count + odd.alone_count >= MIN_ATTEMPTS;
    Some((if enough { DropGrade::Likely } else { DropGrade::Undecided }, cannot_tell))
}

fn what(ended: &Ended) -> &'static str {
    match (ended.connection.protocol, ended.trigger.as_ref().map(|trigger| trigger.kind)) {
        (Protocol::Udp, _) => "quic_initial",
        (_, Some(TriggerKind::Host | TriggerKind::Path)) => "http_request",
        (_, None) if ended.connection.server.port() == 80 => "http_request",
        _ => "client_hello",
    }
}

fn silence(odd: &Odd, silent: &[&Ended]) -> Evidence {
    let is_udp = silent.first().is_some_and(|it| it.connection.protocol == Protocol::Udp);
    let has_alone = silent.iter().any(|ended| !ended.is_silent());
    let count = odd.silent_count + if has_alone { odd.alone_count } else { 0 };
    let repeats: u32 = silent.iter().map(|ended| ended.repeated).sum();
    let first_ns = silent.first().map_or(0, |ended| ended.unanswered_since_ns);
    let secs = odd.last_ns.saturating_sub(first_ns) as f64 / 1e9;
    let what = if is_udp { "attempts" } else { "connections, whose handshake went well," };
    let says = format!(
        "{count} {what} had no answer to what was asked; it was sent again {repeats} times; {secs:.1} s from the first to \
         the last"
    );
    let packets = silent.iter().filter_map(|ended| ended.unanswered.first().copied()).collect();
    Evidence { kind: "silence", says, packets }
}

/// A FIN of a server that has had no request in many seconds: it is there, and waits.
fn signs_of_life(silent: &[&Ended]) -> Option<Evidence> {
    let alive: Vec<&&Ended> = silent.iter().filter(|ended| ended.server_fin).collect();
    let first = alive.first()?;
    let secs = first.last_ns.saturating_sub(first.unanswered_since_ns) as f64 / 1e9;
    let says = format!(
        "the server closed {} of them itself (one was open {secs:.1} s): it was there, and had not got the request",
        alive.len()
    );
    Some(Evidence { kind: "server_alive", says, packets: vec![first.first.0] })
}

fn answered(kind: &'static str, place: &str, control: &Trigger) -> Evidence {
    let says = format!("{} was answered {place}", control.value);
    Evidence { kind, says, packets: vec![control.packet] }
}

fn after_reset(first: &Ended, all: &[Ended]) -> Drop {
    let says = format!(
        "{} connections were silent after a reset that the server did not send: sent again {} times",
        all.len(),
        all.iter().map(|ended| ended.repeated).sum::<u32>()
    );
    let packets: Vec<u64> = first.unanswered.iter().copied().take(MAX_PACKETS).collect();
    Drop {
        connection: first.connection,
        grade: DropGrade::Likely,
        what: "after_reset",
        packets: packets.clone(),
        at_ns: first.unanswered_since_ns,
        evidence: vec![Evidence { kind: "silence_after_reset", says, packets }],
        trigger: first.trigger.clone(),
        control: None,
        cannot_tell: vec!["a server that ended the connection at the same time"],
        app: first.app.clone(),
    }
}

fn stall(first: &Ended, all: &[Ended]) -> Drop {
    let bytes: Vec<u64> = all.iter().map(|ended| ended.server_payload).collect();
    let says = format!("{} connections froze after {bytes:?} bytes from the server", all.len());
    let packets: Vec<u64> = all.iter().map(|ended| ended.first.0).collect();
    Drop {
        connection: first.connection,
        grade: DropGrade::Likely,
        what: "stall",
        packets: packets.clone(),
        at_ns: first.unanswered_since_ns,
        evidence: vec![Evidence { kind: "stall", says, packets }],
        trigger: first.trigger.clone(),
        control: None,
        cannot_tell: vec!["a server that fails at the same place each time"],
        app: first.app.clone(),
    }
}

fn syn(ended: &Ended) -> Drop {
    let says = format!("no answer to {} attempts to open a connection", ended.repeated + 1);
    let packets: Vec<u64> = ended.unanswered.iter().copied().take(MAX_PACKETS).collect();
    Drop {
        connection: ended.connection,
        grade: DropGrade::Undecided,
        what: "syn",
        packets: packets.clone(),
        at_ns: ended.unanswered_since_ns,
        evidence: vec![Evidence { kind: "silence", says, packets }],
        trigger: ended.trigger.clone(),
        control: None,
        cannot_tell: vec!["a server that is down", "a firewall of the server's own"],
        app: ended.app.clone(),
    }
}

/// A control that lies further away in time says little of now, ns.
const CONTROL_NS: u64 = 600_000_000_000;
/// QUIC attempts that make silence likely to be somebody's, without any control.
const MIN_ATTEMPTS: u32 = 8;
/// Attempts that were answered, beside which two that were not are no chance.
const MANY_ANSWERED: u32 = 8;
const MAX_PACKETS: usize = 16;
/// Groups of one server in which a control is looked for.
const MAX_NEAR: usize = 64;
const MAX_SYN_FINDINGS: usize = 256;
