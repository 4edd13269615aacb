//! Blocking TLS by the name in the `ClientHello`.

use super::forge::{ResetShape, answer_and_close};
use super::names::Names;
use super::watch::{Layer, Reassembly, Sight, Watch};
use super::{Direction, Fate, Hop, Middlebox};
use crate::frame::{Frame, Packet};

/// Blocks TLS connections to names on a list.
///
/// From then on a caught flow gets nothing through, in the path; beside it, each further segment is answered too.
#[derive(Debug)]
pub struct TlsSni {
    watch: Watch,
    action: SniAction,
}

/// What a [`TlsSni`] does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SniAction {
    /// Forges resets.
    Reset(ResetShape),
    /// Says nothing: the handshake times out. Works only in the path.
    Drop,
    /// Forges the server's FIN: the handshake ends in an end of file.
    Close,
}

impl TlsSni {
    /// Blocks `names`.
    pub fn new(names: Names, reassembly: Reassembly, action: SniAction) -> Self {
        Self { watch: Watch::new(Layer::Tls, names, reassembly), action }
    }

    fn answer(&self, packet: &Packet<'_>, hop: &mut Hop<'_>) {
        match &self.action {
            SniAction::Reset(shape) => shape.inject(packet, hop),
            SniAction::Drop => {}
            SniAction::Close => answer_and_close(packet, &[], hop),
        }
    }
}

impl Middlebox for TlsSni {
    fn see(&mut self, frame: &Frame, hop: &mut Hop<'_>) -> Fate {
        let Some(packet) = frame.packet() else { return Fate::Forward };
        if self.watch.see(&packet, hop) == Sight::Clear {
            return Fate::Forward;
        }
        // A retransmitted hello means that the forged answer was lost.
        let data = packet.tcp().is_some_and(|tcp| !tcp.payload.is_empty());
        if data && hop.direction() == Direction::Outbound {
            self.answer(&packet, hop);
        }
        Fate::Drop
    }
}
