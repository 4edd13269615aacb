//! Blocking by address and port: silence, an RST, or an ICMP error.

use super::endpoint::Endpoints;
use super::forge::ResetShape;
use super::watch::Flow;
use super::{Direction, Fate, Hop, Middlebox};
use crate::frame::{Frame, IcmpKind};

/// Blocks endpoints, whatever is said to them.
///
/// Cannot be told from a dead server by one observer alone: [`EndpointAction::Drop`] is its silence, and
/// [`EndpointAction::Reset`] at the first SYN is a closed port.
#[derive(Debug)]
pub struct EndpointBlock {
    endpoints: Endpoints,
    action: EndpointAction,
}

/// What an [`EndpointBlock`] does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndpointAction {
    /// Drops what goes there and what comes from there.
    Drop,
    /// Drops, and answers every outbound TCP segment with resets: to a SYN, "connection refused".
    Reset(ResetShape),
    /// Drops, and answers what goes there with an ICMP error from the hop's router.
    Icmp(IcmpKind),
}

impl EndpointBlock {
    /// Blocks `endpoints`.
    pub fn new(endpoints: Endpoints, action: EndpointAction) -> Self {
        Self { endpoints, action }
    }
}

impl Middlebox for EndpointBlock {
    fn see(&mut self, frame: &Frame, hop: &mut Hop<'_>) -> Fate {
        let Some(packet) = frame.packet() else { return Fate::Forward };
        let far = Flow::of(&packet, hop.direction()).map(|flow| flow.server);
        if !far.is_some_and(|far| self.endpoints.matches(&packet, far)) {
            return Fate::Forward;
        }
        if hop.direction() == Direction::Outbound {
            match &self.action {
                EndpointAction::Drop => {}
                EndpointAction::Reset(shape) => shape.inject(&packet, hop),
                EndpointAction::Icmp(kind) => hop.inject_icmp(*kind, frame),
            }
        }
        Fate::Drop
    }
}
