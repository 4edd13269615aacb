//! Headers of forged resets, as the far end sees them and, where it may, this end: what a device writes there is its own (P26, table 7).

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use wirewitness_model::battery::{Behaviour, Controls, End, EndsSeen, Packet, ResetTest};
use wirewitness_net::raw::{Raw, Segments};

use super::protocol::{Forged, MOST_FORGED};
use super::run::{Running, Stop};
use super::tally::Tally;
use super::tls;
use crate::helper::battery::headers::{Openings, forged};

/// Runs the test.
pub(super) async fn run<N: Raw>(running: &mut Running<'_, N>) -> Result<(), Stop> {
    let token = running.line.token();
    let here = running.line.net().segments_from(token.address, &token.tcp);
    let here = here.ok().filter(|_| token.address.is_ipv4());
    let there = running.line.started().headers;
    let captured: Vec<End> = [(here.is_some(), End::Client), (there, End::Server)]
        .into_iter()
        .filter_map(|(has, end)| has.then_some(end))
        .collect();
    match captured.as_slice() {
        [] => {
            let why = "headers are recorded at neither end: it takes a raw socket there, and IPv4";
            running.skip("resets", why);
            return Ok(());
        }
        [End::Server] => {
            let note =
                "headers of resets were seen at the far end only: there is no raw socket here";
            running.facts.notes.push(note.to_owned());
        }
        [End::Client] => {
            let note =
                "headers of resets were seen at this end only: the far end has no raw socket";
            running.facts.notes.push(note.to_owned());
        }
        _ => {}
    }
    let before = running.line.forged().await?.len();
    let mut tally = Tally::default();
    let at_client = Mutex::new(Vec::new());
    let trials = trials(running, &mut tally);
    tokio::select! {
        biased;
        ended = trials => ended?,
        () = listen(here, &at_client) => {}
    }
    running.arrived().await?;
    let harmless = running.ports_of(&tally.harmless);
    let at_server = running.line.forged().await?.into_iter().skip(before).collect();
    let at_client = at_client.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut events = Vec::new();
    for (end, mut forged) in [(End::Client, at_client), (End::Server, at_server)] {
        let own = leave_out_own(&mut forged, &harmless);
        if own > 0 {
            let whose = if end == End::Server { "client" } else { "far end" };
            let note = format!("{own} resets look like the {whose}'s own and are left out");
            running.facts.notes.push(note);
        }
        events.extend(self::events(&forged, end));
    }
    if events.is_empty() {
        let why = match before {
            MOST_FORGED.. => "the far end has no room for the headers of more resets",
            _ => "no forged reset came",
        };
        running.skip("resets", why);
        return Ok(());
    }
    let started = running.line.started();
    let ends = match (started.you, running.line.token().address) {
        (std::net::IpAddr::V4(client), std::net::IpAddr::V4(server)) => {
            Some(EndsSeen { client, server })
        }
        _ => None,
    };
    let controls = Controls { baseline: tally.baseline.any(), positive: tally.positive.any() };
    let behaviour = Behaviour::Rst;
    running.battery.resets.push(ResetTest { behaviour, controls, ends, captured, events });
    Ok(())
}

async fn trials<N: Raw>(running: &mut Running<'_, N>, tally: &mut Tally) -> Result<(), Stop> {
    let (trials, plain) = (running.plan.trials, tls::plain());
    for censored in running.mixed(trials, trials) {
        running.control(&plain, censored, tally).await?;
    }
    running.line.net().sleep(LATE).await;
    Ok(())
}

/// Writes down resets that come to this end, beside how the far end accepted their connections. Never ends.
async fn listen<S: Segments>(segments: Option<S>, seen: &Mutex<Vec<Forged>>) {
    let Some(segments) = segments else { return std::future::pending().await };
    let mut openings = Openings::default();
    while let Ok(segment) = segments.next().await {
        if segment.is_accepting() {
            openings.put(&segment);
        }
        if segment.is_reset() {
            let opening = openings.of(segment.source, segment.destination.port());
            let forged = forged(&segment, opening, 0);
            // Ports are told as the far end tells them: its own first.
            let (port, client_port) = (forged.client_port, forged.port);
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            if seen.len() < MOST_FORGED {
                seen.push(Forged { port, client_port, ..forged });
            }
        }
    }
    std::future::pending().await
}

/// Leaves out resets that the end they claim to be from, or an address translator in its name, may have sent: those that look as one of a kernel's
/// does, those of connections that only asked for the harmless name (between these ports), and all that look like these. Gives how many.
fn leave_out_own(forged: &mut Vec<Forged>, harmless: &BTreeSet<(u16, u16)>) -> usize {
    let is_harmless = |it: &Forged| harmless.contains(&(it.port, it.client_port));
    let usual: BTreeSet<Shape> = forged.iter().filter(|it| is_harmless(it)).map(shape).collect();
    let all = forged.len();
    forged.retain(|it| !is_harmless(it) && !usual.contains(&shape(it)) && !is_of_client(it));
    all - forged.len()
}

/// By what resets of one sender are alike, whoever they are sent for: flags, the flag against fragments, and how much of its life one has lost
/// more than the packet that opened its connection.
type Shape = (u16, bool, Option<i16>);

fn shape(packet: &Forged) -> Shape {
    let lost = packet.client_ttl.map(|ttl| i16::from(ttl) - i16::from(packet.ttl));
    (packet.flags, packet.df, lost)
}

/// Whether a reset may well be the client's own: it arrives with the life and the flag against fragments that the client's other packets have,
/// and is written as kernels write one: no bit beside the flags, nothing in it, and a window only where it acknowledges (RFC 9293
/// §3.10.7.1). Its identification says nothing: some kernels write none, some count, some draw it. So may one of a connection whose
/// opening the far end did not see.
fn is_of_client(packet: &Forged) -> bool {
    let Some(ttl) = packet.client_ttl else { return true };
    let is_as_written = packet.flags & 0xf00 == 0
        && packet.payload.is_empty()
        && (packet.flags & ACK != 0 || packet.window == 0);
    ttl == packet.ttl && packet.client_df.is_none_or(|df| df == packet.df) && is_as_written
}

const ACK: u16 = 0x10;

/// One event a connection.
fn events(forged: &[Forged], end: End) -> Vec<Vec<Packet>> {
    let mut events: Vec<((u16, u16), Vec<Packet>)> = Vec::new();
    for packet in forged.iter().take(MOST_PACKETS) {
        let key = (packet.port, packet.client_port);
        let packet = of(packet, end);
        match events
            .last_mut()
            .filter(|(last, packets)| *last == key && packets.len() < MOST_OF_EVENT)
        {
            Some((_, packets)) => packets.push(packet),
            None => events.push((key, vec![packet])),
        }
    }
    events.into_iter().map(|(_, packets)| packets).collect()
}

fn of(packet: &Forged, to: End) -> Packet {
    Packet {
        to,
        flags: word(packet.flags).to_owned(),
        ttl: packet.ttl,
        df: packet.df,
        ipid: packet.ipid,
        window: packet.window,
        payload: packet.payload.chars().take(128).collect(),
    }
}

/// The flags in a word of the schema.
fn word(flags: u16) -> &'static str {
    let (rst, ack, others) = (flags & 0x04 != 0, flags & 0x10 != 0, flags & 0xf00 != 0);
    match (rst, ack) {
        (true, _) if others => "rst_ae_reserved",
        (true, true) => "rst_ack",
        (true, false) => "rst",
        (false, _) if flags & 0x01 != 0 => "fin",
        _ => "other",
    }
}

/// Time for the last to come.
const LATE: Duration = Duration::from_secs(1);
const MOST_PACKETS: usize = 512;
const MOST_OF_EVENT: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn reset(flags: u16, ttl: u8, client_port: u16) -> Forged {
        Forged {
            port: 443,
            client_port,
            at_ms: 0,
            flags,
            ttl,
            df: true,
            ipid: 4711,
            window: 0,
            sequence: 300,
            client_ttl: Some(57),
            client_df: Some(true),
            payload: String::new(),
        }
    }

    #[test]
    fn a_reset_that_the_client_may_have_sent_is_none_of_a_device() {
        // Whatever its identification: one that answers what no connection takes, and one that ends a connection.
        assert!(is_of_client(&reset(0x04, 57, 1)));
        assert!(is_of_client(&Forged { window: 502, ..reset(0x14, 57, 1) }));
        assert!(is_of_client(&Forged { ipid: 0, ..reset(0x04, 57, 1) }));
        assert!(is_of_client(&Forged { client_ttl: None, ..reset(0x04, 99, 1) }), "not seen");
        for forged in [
            reset(0x04, 101, 1),
            reset(0x104, 57, 1),
            Forged { window: 77, ..reset(0x04, 57, 1) },
            Forged { df: false, ..reset(0x14, 57, 1) },
            Forged { payload: "01".into(), ..reset(0x14, 57, 1) },
        ] {
            assert!(!is_of_client(&forged), "{forged:?}");
        }
    }

    #[test]
    fn what_comes_after_harmless_requests_too_is_none_of_a_device() {
        // A translator on the client's side ends what it forgets, in the client's name and with a life of its own.
        let translator = |port| Forged { window: 9, ..reset(0x14, 61, port) };
        let device = |port| Forged { window: 9, ..reset(0x14, 101, port) };
        let mut all = vec![translator(1), translator(2), device(2), device(3)];
        assert_eq!(leave_out_own(&mut all, &[(443, 1)].into()), 2);
        assert_eq!(all, [device(2), device(3)]);
        let mut all = vec![translator(1), translator(2)];
        assert_eq!(leave_out_own(&mut all, &BTreeSet::new()), 0, "nothing harmless says so");
    }

    #[test]
    fn flags_have_the_words_of_the_schema() {
        for (flags, expected) in [
            (0x04, "rst"),
            (0x14, "rst_ack"),
            (0x104, "rst_ae_reserved"),
            (0xf14, "rst_ae_reserved"),
            (0x11, "fin"),
            (0x18, "other"),
        ] {
            assert_eq!(word(flags), expected);
            assert!(wirewitness_model::battery::rows::FLAGS.contains(&word(flags)));
        }
    }
}
