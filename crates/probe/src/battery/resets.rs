//! Headers of forged resets, as the far end sees them: what a device writes there is its own (P26, table 7).

use wirewitness_model::battery::{Behaviour, End, EndsSeen, Packet, ResetTest};
use wirewitness_net::Net;

use super::protocol::{Forged, MOST_FORGED};
use super::run::{Running, Stop};
use super::tls;

/// Runs the test.
pub(super) async fn run<N: Net>(running: &mut Running<'_, N>) -> Result<(), Stop> {
    if !running.line.started().headers {
        running.skip(
            "resets",
            "the far end records no headers: it takes a raw socket there, and IPv4",
        );
        return Ok(());
    }
    let before = running.line.forged().await?.len();
    let trials = running.plan.trials;
    let controls = running.both(&tls::plain(), trials).await?;
    let all = running.line.forged().await?;
    let (own, forged): (Vec<_>, Vec<_>) = all.into_iter().skip(before).partition(is_of_client);
    if !own.is_empty() {
        let note = format!("{} resets look like the client's own and are left out", own.len());
        running.facts.notes.push(note);
    }
    if forged.is_empty() && before >= MOST_FORGED {
        running.skip("resets", "the far end has no room for the headers of more resets");
        return Ok(());
    }
    if forged.is_empty() {
        running.skip("resets", "no forged reset came to the far end");
        return Ok(());
    }
    let started = running.line.started();
    let ends = match (started.you, running.line.token().address) {
        (std::net::IpAddr::V4(client), std::net::IpAddr::V4(server)) => {
            Some(EndsSeen { client, server })
        }
        _ => None,
    };
    let captured = vec![End::Server];
    let events = events(&forged);
    running.battery.resets.push(ResetTest {
        behaviour: Behaviour::Rst,
        controls,
        ends,
        captured,
        events,
    });
    Ok(())
}

/// Whether a reset may well be the client's own: its kernel answers what comes too late with one that has no identification and
/// arrives with the life that its other packets have. So may one of a connection whose opening the far end did not see.
fn is_of_client(packet: &Forged) -> bool {
    packet.client_ttl.is_none_or(|ttl| ttl == packet.ttl && packet.ipid == 0 && packet.df)
}

/// One event a connection.
fn events(forged: &[Forged]) -> Vec<Vec<Packet>> {
    let mut events: Vec<((u16, u16), Vec<Packet>)> = Vec::new();
    for packet in forged.iter().take(MOST_PACKETS) {
        let key = (packet.port, packet.client_port);
        let packet = of(packet);
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

fn of(packet: &Forged) -> Packet {
    Packet {
        to: End::Server,
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

const MOST_PACKETS: usize = 512;
const MOST_OF_EVENT: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

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
