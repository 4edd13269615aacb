//! Flows of TCP, what a first message in them asks for, and what becomes of those who ask.

use super::cells::{Censor, DeviceCells};
use super::hello::{Departure, Read, Wrap, read};
use super::http::Page;
use super::reset::Resets;
use super::residual::Residual;
use super::{Act, hello};
use crate::frame::{Packet, Tcp, flags};
use crate::middlebox::forge::answer_and_close;
use crate::middlebox::parse::{Found, LIMIT, http_host};
use crate::middlebox::watch::{Flow, FlowTable, Stream};
use crate::middlebox::{Fate, Hop};

use std::time::Duration;

/// What a device does with connections: it reads a TLS hello or an HTTP request, segments put together.
#[derive(Debug)]
pub(super) struct Connections {
    censor: Censor,
    reads_tls: bool,
    /// Shown to requests of HTTP; without one they are treated as hellos are.
    page: Option<Page>,
    act: Act,
    resets: Resets,
    residual: Residual,
    flows: FlowTable<Flow, State>,
}

#[derive(Debug)]
enum State {
    Reading { stream: Stream, segments: u8 },
    Passed,
    Caught(With),
}

/// How a flow was caught.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum With {
    Act,
    Page,
}

/// What a flow says so far.
#[derive(Debug, PartialEq, Eq)]
enum Asks {
    More,
    Fine,
    Again,
    Hit(With),
}

impl Connections {
    /// None for a device of which nothing of TCP is known.
    pub(super) fn new(cells: &DeviceCells<'_>) -> Option<Self> {
        let behaviours = cells.words("position", "behaviours");
        let acts = behaviours.iter().any(|it| ["rst", "fin", "drop"].contains(&it.as_str()));
        let reads_tls = acts || cells.knows("tls") || cells.knows("tcp_injection");
        let page = Page::new(cells);
        (reads_tls || page.is_some()).then(|| Self {
            censor: cells.censor("tls"),
            reads_tls,
            page,
            act: cells.act(),
            resets: Resets::new(cells),
            residual: Residual::new(cells),
            flows: FlowTable::new(FLOWS, FLOW_IDLE),
        })
    }

    pub(super) fn act(&self) -> Act {
        self.act
    }

    /// Looks at a segment; `looks` says whether the device reads connections opened this way.
    pub(super) fn see(&mut self, packet: &Packet<'_>, looks: bool, hop: &mut Hop<'_>) -> Fate {
        let (Some(tcp), Some((source, destination))) = (packet.tcp(), packet.endpoints()) else {
            return Fate::Forward;
        };
        let forth = Flow { client: source, server: destination };
        let back = Flow { client: destination, server: source };
        if tcp.has(flags::SYN) && !tcp.has(flags::ACK) {
            self.opens(forth, &tcp, looks, hop.now());
        }
        let (flow, from_client) = if self.flows.peek(&forth, hop.now()).is_some() {
            (forth, true)
        } else if self.flows.peek(&back, hop.now()).is_some() {
            (back, false)
        } else {
            return Fate::Forward;
        };
        if let Some(State::Caught(with)) = self.flows.touch(&flow, hop.now()) {
            let (with, has_data) = (*with, !tcp.payload.is_empty());
            return self.deny(with, packet, from_client && has_data, hop);
        }
        if self.residual.holds(flow, hop.now()) {
            let speaks = from_client && !tcp.has(flags::SYN) && !tcp.has(flags::RST);
            return self.deny(With::Act, packet, speaks, hop);
        }
        if !from_client || tcp.payload.is_empty() {
            return Fate::Forward;
        }
        self.listen(flow, packet, &tcp, hop)
    }

    fn opens(&mut self, flow: Flow, tcp: &Tcp<'_>, looks: bool, now: Duration) {
        let stream = Stream::new(tcp.sequence.wrapping_add(1));
        let state = if looks { State::Reading { stream, segments: 0 } } else { State::Passed };
        // One that comes again, of a connection that is read already, changes nothing.
        let known = matches!(self.flows.peek(&flow, now), Some(State::Reading { segments: 0, .. }));
        if !known {
            self.flows.insert(flow, state, now);
        }
    }

    fn listen(
        &mut self,
        flow: Flow,
        packet: &Packet<'_>,
        tcp: &Tcp<'_>,
        hop: &mut Hop<'_>,
    ) -> Fate {
        let now = hop.now();
        let Some(State::Reading { stream, segments }) = self.flows.touch(&flow, now) else {
            return Fate::Forward;
        };
        stream.put(tcp.sequence, tcp.payload);
        *segments = segments.saturating_add(1);
        let patient = *segments < MOST_SEGMENTS && stream.bytes.len() < LIMIT;
        let asks = asks(&stream.bytes, (&self.censor, self.reads_tls, self.page.is_some()), hop);
        match asks {
            Asks::More if patient => Fate::Forward,
            Asks::Again if patient => {
                stream.start_after();
                Fate::Forward
            }
            Asks::Hit(with) => {
                self.flows.insert(flow, State::Caught(with), now);
                self.residual.hold(flow, now);
                self.deny(with, packet, true, hop)
            }
            _ => {
                self.flows.insert(flow, State::Passed, now);
                Fate::Forward
            }
        }
    }

    /// What becomes of a packet of a caught flow. One that carries data again means that the forged answer was lost.
    fn deny(&mut self, with: With, packet: &Packet<'_>, speaks: bool, hop: &mut Hop<'_>) -> Fate {
        match (with, &self.page, self.act) {
            _ if !speaks => {}
            (With::Page, Some(page), _) => answer_and_close(packet, page.bytes(), hop),
            (_, _, Act::Reset) => self.resets.inject(packet, hop),
            (_, _, Act::Drop) => {}
        }
        Fate::Drop
    }
}

/// Reads what a client said.
fn asks(
    bytes: &[u8],
    (censor, reads_tls, has_page): (&Censor, bool, bool),
    hop: &mut Hop<'_>,
) -> Asks {
    if bytes.first().is_none_or(|first| *first == HANDSHAKE) {
        return match read(bytes, Wrap::Record) {
            Read::More => Asks::More,
            Read::Hello { name: Some(name), departs } if reads_tls => {
                let hit = censor.acts(&name, departs.rows().as_slice(), hop.rng());
                if hit { Asks::Hit(With::Act) } else { Asks::Fine }
            }
            Read::Hello { .. } | Read::Not => Asks::Fine,
        };
    }
    let with = if has_page { With::Page } else { With::Act };
    match http_host(bytes) {
        Found::Name(name) if censor.acts(&name, &[], hop.rng()) => Asks::Hit(with),
        Found::Name(_) | Found::Nameless => Asks::Again,
        Found::More => Asks::More,
        Found::Not => Asks::Fine,
    }
}

impl hello::Departure {
    /// The rows that decide.
    pub(super) fn rows(self) -> Vec<Option<&'static str>> {
        match self {
            Departure::None => Vec::new(),
            Departure::Row(row) => vec![Some(row)],
            Departure::Other => vec![None],
        }
    }
}

const HANDSHAKE: u8 = 22;
/// A message in more pieces is given up.
const MOST_SEGMENTS: u8 = 64;
/// Flows that one device follows at a time.
const FLOWS: usize = 65_536;
const FLOW_IDLE: Duration = Duration::from_secs(300);
