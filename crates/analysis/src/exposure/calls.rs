//! What calls tell: SIP, STUN and streams of RTP.

use wirewitness_wire::app::{rtp, sip, stun};

use super::channel::Reading;
use super::ledger::Value;
use super::scribe::{Scribe, text};

/// Reads a SIP message. Gives the ports at which sound or pictures come without encryption.
pub(super) fn sip(scribe: &mut Scribe<'_>, message: &sip::Message<'_>) -> Vec<u16> {
    // The person's own number is in these, too; which it is cannot be told, so all are treated as somebody else's.
    for field in ["from", "to"] {
        if let Some(user) = message.field(field).and_then(sip::user) {
            scribe.read(Reading::CallParties, Value::Correspondent(&text(user)));
        }
    }
    let Some(session) = message.session() else { return Vec::new() };
    if session.has_key() {
        scribe.read(Reading::CallKey, Value::Word("SDES in SDP"));
    }
    let is_clear = |it: &sip::Media<'_>| it.port > 0 && it.protocol.starts_with(b"RTP/AVP");
    session.media().filter(is_clear).map(|it| it.port).take(8).collect()
}

/// Reads a STUN message of the device or its partner. `other` is the other side's address.
pub(super) fn stun(scribe: &mut Scribe<'_>, message: &stun::Message<'_>, other: &str) {
    use stun::{attribute, method};
    if let Some(peer) = message.address(attribute::XOR_PEER_ADDRESS) {
        scribe.read(Reading::CallPeer, Value::Correspondent(&peer.ip().to_string()));
    } else if message.kind == method::BINDING && message.has(attribute::USERNAME) {
        // A check of ICE goes to the partner itself, or to a relay.
        scribe.read(Reading::CallPeer, Value::Correspondent(other));
    } else if matches!(message.kind, method::BINDING | method::ALLOCATE) {
        scribe.read(Reading::CallSetup, Value::None);
    }
}

/// A run of RTP packets of one source and one way.
#[derive(Debug, Default)]
pub(super) struct Run {
    source: u32,
    sequence: u16,
    len: u32,
}

impl Run {
    /// Takes in a datagram. True when the run has just become long enough to be one.
    pub(super) fn datagram(&mut self, bytes: &[u8]) -> bool {
        let Ok(packet) = rtp::Packet::parse(bytes) else { return false };
        let follows = packet.source == self.source
            && packet.source != 0
            && (1..=16).contains(&packet.sequence.wrapping_sub(self.sequence));
        self.len = if follows { self.len.saturating_add(1) } else { 1 };
        (self.source, self.sequence) = (packet.source, packet.sequence);
        self.len == LONG_ENOUGH
    }
}

const LONG_ENOUGH: u32 = 8;
