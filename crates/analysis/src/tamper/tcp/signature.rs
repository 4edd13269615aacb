//! How a connection ended, in the nineteen signatures of Sundara Raman et al. ("Global, Passive Detection of Connection
//! Tampering", SIGCOMM 2023). The study looks at what arrives from clients at a server; here each way is looked at, the
//! client's first. A signature is no claim of interference: each has everyday causes, which are told with it.

use wirewitness_wire::transport::flag;

use super::suspicion::Suspicion;
use crate::flows::connection::Connection;
use crate::flows::header::Header;
use crate::flows::side::{Habit, Side};
use crate::tamper::finding::{End, Signature};

/// The signature of a connection, if it ended in one. `until_ns` is the latest time of the capture.
pub fn signature(
    suspicion: Option<&Suspicion>,
    whole: &Connection,
    until_ns: i64,
) -> Option<Signature> {
    // Whoever was heard to reset first: the other end's resets answer what still arrives.
    let first = suspicion.and_then(|it| it.log().iter().find(|header| header.is_reset()));
    let resets = match (suspicion, first) {
        (Some(suspicion), Some(first)) => reset_from(suspicion, whole.end(first.from())),
        _ => None,
    };
    resets.or_else(|| silence(whole, until_ns))
}

/// How far a connection had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Syn,
    Ack,
    Push,
    Data,
}

/// What ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Silence,
    Reset,
    Resets,
    ResetsSameAck,
    ResetsOtherAck,
    ResetsZeroAck,
    ResetAck,
    ResetAcks,
    Both,
}

/// The ending by resets of one end, at the first of them.
fn reset_from(suspicion: &Suspicion, end: End) -> Option<Signature> {
    let mut before = *suspicion.before();
    let place = before.place(end);
    let log = suspicion.log();
    let first = log.iter().position(|it| it.is_reset() && it.from() == place)?;
    for header in log.iter().take(first) {
        before.take(header);
    }
    let stage = stage_at(&before, end)?;
    let resets: Vec<&Header> =
        log.iter().skip(first).filter(|it| it.is_reset() && it.from() == place).collect();
    let mut packets = vec![before.client().last.packet];
    packets.extend(resets.iter().map(|it| it.packet));
    packets.retain(|packet| *packet != 0);
    told((stage, ending(&resets, stage)), end, packets)
}

/// How far it had come before a reset of `end`. None where that is not known, or it had ended.
fn stage_at(before: &Connection, end: End) -> Option<Stage> {
    let (client, server) = (before.client(), before.server());
    let own = if end == End::Client { client } else { server };
    if own.has(Habit::Fin) || !client.has(Habit::Syn) {
        return None;
    }
    if client.segments == 0 {
        return Some(if client.has(Habit::Ack) { Stage::Ack } else { Stage::Syn });
    }
    let first = client.after_push == 0 && (end == End::Client || server.segments == 0);
    Some(if first { Stage::Push } else { Stage::Data })
}

fn ending(resets: &[&Header], stage: Stage) -> Ending {
    let with: usize = resets.iter().filter(|it| it.has(flag::ACK)).count();
    let bare: Vec<&&Header> = resets.iter().filter(|it| !it.has(flag::ACK)).collect();
    match (bare.len(), with) {
        (0, 0 | 1) => Ending::ResetAck,
        (0, _) => Ending::ResetAcks,
        (_, 1..) => Ending::Both,
        (1, _) => Ending::Reset,
        _ if stage != Stage::Push => Ending::Resets,
        _ => {
            let first = bare.first().map_or(0, |it| it.ack);
            let zeros = bare.iter().filter(|it| it.ack == 0).count();
            match bare.iter().all(|it| it.ack == first) {
                true => Ending::ResetsSameAck,
                false if zeros > 0 => Ending::ResetsZeroAck,
                false => Ending::ResetsOtherAck,
            }
        }
    }
}

/// The client fell silent for three seconds or more, while the capture went on.
fn silence(whole: &Connection, until_ns: i64) -> Option<Signature> {
    let (client, server) = (whole.client(), whole.server());
    let ended = client.has(Habit::Fin) || whole.is_reset() || !client.has(Habit::Syn);
    if ended || until_ns.saturating_sub(client.last.at_ns) < SILENCE_NS {
        return None;
    }
    let stage = match client.segments {
        0 if client.has(Habit::Ack) => Stage::Ack,
        0 => Stage::Syn,
        // The request, first sent or repeated, must be the last that came: who acknowledges an answer is not silent.
        _ if client.after_push == 0 && client.last.len > 0 => Stage::Push,
        _ => return None,
    };
    // A server that speaks first, and is listened to, has no silent client.
    if stage == Stage::Ack && server.segments > 0 && answered(client, server) {
        return None;
    }
    told((stage, Ending::Silence), End::Client, vec![client.last.packet])
}

const SILENCE_NS: i64 = 3_000_000_000;

fn answered(client: &Side, server: &Side) -> bool {
    client.acked == server.next
}

fn told((stage, ending): (Stage, Ending), of: End, packets: Vec<u64>) -> Option<Signature> {
    let row = ROWS.iter().find(|row| row.stage == stage && row.endings.contains(&ending))?;
    let stage = match stage {
        Stage::Syn => "post_syn",
        Stage::Ack => "post_ack",
        Stage::Push => "post_psh",
        Stage::Data => "post_data",
    };
    Some(Signature { stage, name: row.name, of, packets, benign_causes: row.benign })
}

struct Row {
    stage: Stage,
    endings: &'static [Ending],
    name: &'static str,
    benign: &'static [&'static str],
}

const fn row(
    stage: Stage,
    endings: &'static [Ending],
    name: &'static str,
    benign: &'static [&'static str],
) -> Row {
    Row { stage, endings, name, benign }
}

const SCAN: &str = "scanners that send their own SYN, whose system resets the answer";
const RACE: &str = "the slower of two connections that a browser tries at once (RFC 8305)";
const CLOSED: &str = "a port that is closed or filtered";
const FLOOD: &str = "SYN floods and scans with false sources";
const LOST: &str = "a path that is dead, or a device that lost its network";
const POOL: &str = "health checks and pools that open connections and do not use them";
const ABORT: &str = "a program that closes with data unread, as browsers do with closed tabs";
const FIREWALL: &str = "a firewall or load balancer in front of the server";
const COPIES: &str = "a capture that holds packets more than once";

/// The nineteen, in the study's order.
const ROWS: [Row; 19] = [
    row(Stage::Syn, &[Ending::Silence], "SYN → ∅", &[FLOOD, CLOSED, LOST]),
    row(Stage::Syn, &[Ending::Reset, Ending::Resets], "SYN → RST", &[SCAN, RACE]),
    row(Stage::Syn, &[Ending::ResetAck, Ending::ResetAcks], "SYN → RST+ACK", &[CLOSED, FIREWALL]),
    row(Stage::Syn, &[Ending::Both], "SYN → RST;RST+ACK", &[FIREWALL]),
    row(Stage::Ack, &[Ending::Silence], "SYN;ACK → ∅", &[POOL, RACE, LOST]),
    row(Stage::Ack, &[Ending::Reset], "SYN;ACK → RST", &[POOL, RACE]),
    row(Stage::Ack, &[Ending::Resets], "SYN;ACK → RST;RST", &[POOL, COPIES]),
    row(Stage::Ack, &[Ending::ResetAck], "SYN;ACK → RST+ACK", &[POOL, RACE, FIREWALL]),
    row(Stage::Ack, &[Ending::ResetAcks], "SYN;ACK → RST+ACK;RST+ACK", &[POOL, COPIES]),
    row(Stage::Push, &[Ending::Silence], "PSH+ACK → ∅", &[LOST]),
    row(Stage::Push, &[Ending::Reset], "PSH+ACK → RST", &[ABORT, FIREWALL]),
    row(Stage::Push, &[Ending::ResetAck], "PSH+ACK → RST+ACK", &[ABORT, FIREWALL]),
    row(Stage::Push, &[Ending::Both], "PSH+ACK → RST;RST+ACK", &[ABORT]),
    row(Stage::Push, &[Ending::ResetAcks], "PSH+ACK → RST+ACK;RST+ACK", &[ABORT, COPIES]),
    row(Stage::Push, &[Ending::ResetsSameAck], "PSH+ACK → RST = RST", &[ABORT, COPIES]),
    row(Stage::Push, &[Ending::ResetsOtherAck], "PSH+ACK → RST ≠ RST", &[ABORT]),
    row(Stage::Push, &[Ending::ResetsZeroAck], "PSH+ACK → RST;RST0", &[ABORT]),
    row(Stage::Data, &[Ending::Reset, Ending::Resets], "PSH+ACK;Data → RST", &[ABORT, FIREWALL]),
    row(
        Stage::Data,
        &[Ending::ResetAck, Ending::ResetAcks, Ending::Both],
        "PSH+ACK;Data → RST+ACK",
        &[ABORT, FIREWALL],
    ),
];
