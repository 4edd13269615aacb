//! The shape of forged segments: how a device's resets look is what it is recognised by.

use std::time::Duration;

use super::Hop;
use crate::frame::{Packet, TcpSpec, flags};

/// Which end a forged segment goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Towards {
    /// The subscriber.
    #[default]
    Client,
    /// The server.
    Server,
    /// Both.
    Both,
}

/// What a device's forged resets look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetShape {
    /// Who gets them. Default: the client.
    pub towards: Towards,
    /// How many each gets. Default 1.
    pub count: u8,
    /// Flags; [`flags::RST`] should be among them. Default RST and ACK.
    pub flags: u8,
    /// TTL as they leave. Default 64.
    pub ttl: u8,
    /// IPv4 identification of the first. Default 0.
    pub identification: u16,
    /// What each further one adds to the identification. Default 0.
    pub identification_step: u16,
    /// Window. Default 0.
    pub window: u16,
    /// What each further one adds to the sequence number, as devices do that guess at a moving window. Default 0.
    pub sequence_step: u32,
    /// How long after the trigger they leave. Default 0.
    pub after: Duration,
}

impl Default for ResetShape {
    fn default() -> Self {
        Self {
            towards: Towards::Client,
            count: 1,
            flags: flags::RST | flags::ACK,
            ttl: 64,
            identification: 0,
            identification_step: 0,
            window: 0,
            sequence_step: 0,
            after: Duration::ZERO,
        }
    }
}

impl ResetShape {
    /// Sends the resets that answer an outbound segment.
    pub fn inject(&self, trigger: &Packet<'_>, hop: &mut Hop<'_>) {
        let Some((client, server)) = both_ends(trigger) else { return };
        for number in 0..self.count {
            if self.towards != Towards::Server {
                hop.inject_tcp(&self.segment(&server, &client, number), self.after);
            }
            if self.towards != Towards::Client {
                hop.inject_tcp(&self.segment(&client, &server, number), self.after);
            }
        }
    }

    fn segment(&self, from: &End, to: &End, number: u8) -> TcpSpec {
        let steps = u32::from(number);
        let identification = self.identification_step.wrapping_mul(u16::from(number));
        TcpSpec {
            sequence: from.next.wrapping_add(self.sequence_step.wrapping_mul(steps)),
            flags: self.flags,
            window: self.window,
            ttl: self.ttl,
            identification: self.identification.wrapping_add(identification),
            ..segment(from, to, Vec::new())
        }
    }
}

/// Answers an outbound segment in the server's name: `payload`, and the end of the stream.
pub fn answer_and_close(trigger: &Packet<'_>, payload: &[u8], hop: &mut Hop<'_>) {
    let Some((client, mut server)) = both_ends(trigger) else { return };
    for part in payload.chunks(SEGMENT) {
        hop.inject_tcp(&segment(&server, &client, part.to_vec()), Duration::ZERO);
        server.next = server.next.wrapping_add(part.len() as u32);
    }
    let end = segment(&server, &client, Vec::new());
    hop.inject_tcp(&TcpSpec { flags: flags::FIN | flags::ACK, ..end }, Duration::ZERO);
}

/// One end of a connection, and what the other expects from it next.
pub(super) struct End {
    pub(super) address: std::net::SocketAddr,
    pub(super) next: u32,
}

pub(super) fn both_ends(outbound: &Packet<'_>) -> Option<(End, End)> {
    let (client, server) = outbound.endpoints()?;
    let tcp = outbound.tcp()?;
    Some((
        End { address: client, next: tcp.next_sequence() },
        End { address: server, next: tcp.acknowledgement },
    ))
}

pub(super) fn segment(from: &End, to: &End, payload: Vec<u8>) -> TcpSpec {
    TcpSpec {
        source: from.address,
        destination: to.address,
        sequence: from.next,
        acknowledgement: to.next,
        flags: flags::PSH | flags::ACK,
        window: 8192,
        ttl: 64,
        identification: 0,
        reserved: 0,
        dont_fragment: true,
        payload,
    }
}

const SEGMENT: usize = 1_400;
