//! Blocking by a text anywhere in a client's packet: the simplest of devices, which reads no protocol.

use std::time::Duration;

use super::endpoint::Endpoints;
use super::http_host::HostAction;
use super::watch::{Flow, FlowTable};
use super::{Direction, Fate, Hop, Middlebox};
use crate::frame::{Frame, Packet};

/// Blocks connections in which the client says a text, in one segment, to one of some endpoints.
///
/// Does not put segments together: a text cut in two is not seen. Case counts.
#[derive(Debug)]
pub struct Payload {
    endpoints: Endpoints,
    text: Vec<u8>,
    action: HostAction,
    caught: FlowTable<Flow, ()>,
}

impl Payload {
    /// Blocks what says `text` to `endpoints`. An empty text is said by every segment that carries data.
    pub fn new(endpoints: Endpoints, text: impl Into<Vec<u8>>, action: HostAction) -> Self {
        let caught = FlowTable::new(FLOWS, FLOW_IDLE);
        Self { endpoints, text: text.into(), action, caught }
    }

    /// True if a packet of the client's says the text.
    fn says(&self, packet: &Packet<'_>) -> bool {
        let Some(tcp) = packet.tcp().filter(|tcp| !tcp.payload.is_empty()) else { return false };
        // windows() wants at least one byte.
        self.text.is_empty() || tcp.payload.windows(self.text.len()).any(|part| part == self.text)
    }
}

impl Middlebox for Payload {
    fn see(&mut self, frame: &Frame, hop: &mut Hop<'_>) -> Fate {
        let Some(packet) = frame.packet() else { return Fate::Forward };
        let Some(flow) = Flow::of(&packet, hop.direction()) else { return Fate::Forward };
        let outbound = hop.direction() == Direction::Outbound;
        let meant = outbound && self.endpoints.matches(&packet, flow.server);
        if meant && self.says(&packet) {
            self.caught.insert(flow, (), hop.now());
        } else if self.caught.touch(&flow, hop.now()).is_none() {
            return Fate::Forward;
        }
        let has_data = packet.tcp().is_some_and(|tcp| !tcp.payload.is_empty());
        if outbound && has_data {
            self.action.answer(&packet, hop);
        }
        Fate::Drop
    }
}

const FLOWS: usize = 65_536;
/// As netem's engine: a flow that was silent for this long is a new one.
const FLOW_IDLE: Duration = Duration::from_secs(30);
