//! Blocking TLS by the name in the `ClientHello`.

use super::forge::{ResetShape, answer_and_close};
use super::names::Names;
use super::watch::{Layer, Reassembly, Watch};
use super::{Fate, Hop, Middlebox};
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
}

impl SniAction {
    fn answer(&self, packet: &Packet<'_>, hop: &mut Hop<'_>) {
        match self {
            Self::Reset(shape) => shape.inject(packet, hop),
            Self::Drop => {}
            Self::Close => answer_and_close(packet, &[], hop),
        }
    }
}

impl Middlebox for TlsSni {
    fn see(&mut self, frame: &Frame, hop: &mut Hop<'_>) -> Fate {
        let action = &self.action;
        self.watch.deny(frame, hop, |packet, hop| action.answer(packet, hop))
    }
}
