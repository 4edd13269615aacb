//! Conversations over UDP: calls, QUIC, tunnels and streams of sound, told by their first datagrams.

use std::net::IpAddr;

use wirewitness_wire::app::quic::{self, ClientFlight, Kind};
use wirewitness_wire::app::tunnel::Tunnel;
use wirewitness_wire::app::{sip, stun};

use super::channel::Reading;
use super::flow::{Datagrams, Key};
use super::ledger::{How, Value};
use super::scribe::Scribe;
use super::{calls, greeting};

/// A datagram of a conversation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Datagram<'a> {
    pub(super) key: &'a Key,
    pub(super) from_server: bool,
    pub(super) is_first: bool,
    pub(super) other: IpAddr,
    pub(super) payload: &'a [u8],
}

/// Reads a datagram of a conversation; gives the ports that SDP says to be without encryption.
pub(super) fn conversation(
    scribe: &mut Scribe<'_>,
    held: &mut Datagrams,
    datagram: &Datagram<'_>,
) -> Vec<u16> {
    let (payload, port) = (datagram.payload, datagram.key.server.port());
    if let Ok(message) = stun::Message::parse(payload) {
        held.known = true;
        calls::stun(scribe, &message, &datagram.other.to_string());
        return Vec::new();
    }
    if datagram.is_first
        && let Ok(message) = sip::Message::parse(payload)
    {
        held.known = true;
        return calls::sip(scribe, &message);
    }
    let is_long = payload.first().is_some_and(|first| first & 0xc0 == 0xc0);
    if is_long && !held.named && held.tried < MOST_TRIED && !datagram.from_server {
        held.tried += 1;
        quic_hello(scribe, held, (payload, port));
    } else if held.quic.is_none() && held.tried == 0 {
        if datagram.is_first && !datagram.from_server && held.tunnel.is_none() {
            held.tunnel = Tunnel::of_datagram(payload, port);
        }
        if held.tunnel.is_none() {
            let [client, server] = &mut held.runs;
            let run = if datagram.from_server { server } else { client };
            held.streams |= run.datagram(payload);
        }
    }
    Vec::new()
}

fn quic_hello(scribe: &mut Scribe<'_>, held: &mut Datagrams, (payload, port): (&[u8], u16)) {
    let is_initial = quic::packets(payload).flatten().any(|it| it.kind == Kind::Initial);
    if !is_initial && held.quic.is_none() {
        return;
    }
    let flight = held.quic.get_or_insert_with(ClientFlight::default);
    flight.take_in(payload);
    let Ok(hello) = flight.client_hello() else { return };
    held.known = true;
    held.tried = MOST_TRIED;
    held.named = greeting::hello(scribe, &hello, How::Quic);
    if greeting::offers_dns(&hello) || port == 853 {
        scribe.ledger.sums.dns_encrypted += 1;
        scribe.read(Reading::EncryptedDns, Value::Word("DNS over QUIC"));
    }
}

/// Datagrams in which a hello of QUIC may be.
const MOST_TRIED: u8 = 8;
