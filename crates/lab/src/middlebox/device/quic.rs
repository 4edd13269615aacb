//! Initial packets of QUIC, from the cells of `quic`: the Initial passes, what its client sends afterwards is dropped.
//!
//! That is published of one device; of the others nothing is, and the published tests looked at later packets for all of them.
//! Versions of which the lab has no keys (T050, T051, forced negotiation) pass, whatever their cells say.

use std::time::Duration;

use super::cells::{Censor, DeviceCells};
use super::hello::{Read, Wrap, read};
use super::residual::Residual;
use crate::frame::Packet;
use crate::middlebox::watch::{Flow, FlowTable};
use crate::middlebox::{Fate, Hop};
use wirewitness_model::device::schema::row_of;
use wirewitness_wire::app::quic::{
    CryptoStream, Frame, Keys, Kind, Sender, Version, frames, google, packets,
};

/// The QUIC plug-in of a device. Works only in the path.
pub(super) struct Quic {
    censor: Censor,
    residual: Residual,
    flows: FlowTable<Flow, State>,
}

enum State {
    Reading(Box<Reading>),
    Caught,
}

/// A hello on its way.
#[derive(Default)]
struct Reading {
    keys: Option<Keys>,
    stream: CryptoStream,
    /// Packets that carried a part of the hello.
    packets: u8,
    /// Rows that what came so far departs in.
    rows: Vec<Option<&'static str>>,
}

impl Quic {
    /// None where no cell of QUIC is known.
    pub(super) fn new(cells: &DeviceCells<'_>) -> Option<Self> {
        cells.knows("quic").then(|| Self {
            censor: cells.censor("quic"),
            residual: Residual::new(cells),
            flows: FlowTable::new(FLOWS, FLOW_IDLE),
        })
    }

    /// Looks at a datagram; `looks` says whether the device reads flows opened this way.
    pub(super) fn see(&mut self, packet: &Packet<'_>, looks: bool, hop: &mut Hop<'_>) -> Fate {
        let (Some(udp), Some((client, server))) = (packet.udp(), packet.endpoints()) else {
            return Fate::Forward;
        };
        let flow = Flow { client, server };
        let caught = matches!(self.flows.touch(&flow, hop.now()), Some(State::Caught));
        if caught || self.residual.holds(flow, hop.now()) {
            return Fate::Drop;
        }
        if looks && self.is_hit(flow, udp.payload, hop) {
            self.flows.insert(flow, State::Caught, hop.now());
            self.residual.hold(flow, hop.now());
        }
        Fate::Forward
    }

    fn is_hit(&mut self, flow: Flow, datagram: &[u8], hop: &mut Hop<'_>) -> bool {
        if let Some(version) = google::version(datagram) {
            let Some(name) = google::server_name(datagram) else { return false };
            let name = String::from_utf8_lossy(&name).to_ascii_lowercase();
            let row = String::from_utf8_lossy(&version.to_be_bytes()).into_owned();
            return self.censor.acts(&name, &[version_row(&row)], hop.rng());
        }
        if packets(datagram).flatten().all(|packet| packet.kind != Kind::Initial) {
            return false;
        }
        let reading = match self.flows.touch(&flow, hop.now()) {
            Some(State::Reading(reading)) => reading,
            _ => {
                let reading = State::Reading(Box::default());
                self.flows.insert(flow, reading, hop.now());
                match self.flows.touch(&flow, hop.now()) {
                    Some(State::Reading(reading)) => reading,
                    _ => return false,
                }
            }
        };
        reading.take_in(datagram);
        let patient = reading.packets < MOST_PACKETS;
        match read(reading.stream.bytes(), Wrap::Quic) {
            Read::More if patient => false,
            Read::Hello { name: Some(name), departs } => {
                let rows = [reading.rows.clone(), departs.rows()].concat();
                self.flows.remove(&flow);
                self.censor.acts(&name, &rows, hop.rng())
            }
            _ => {
                self.flows.remove(&flow);
                false
            }
        }
    }
}

impl Reading {
    fn take_in(&mut self, datagram: &[u8]) {
        for packet in packets(datagram).flatten().filter(|it| it.kind == Kind::Initial) {
            let Some(version) = Version::of(packet.version) else { continue };
            if self.keys.is_none() {
                self.keys = Keys::new(version, packet.destination_id, Sender::Client);
            }
            let keys = self.keys.as_ref();
            let Some(opened) = keys.and_then(|it| it.open(&packet, 0).ok()) else { continue };
            let mut parts = 0_u8;
            for frame in frames(&opened.payload).flatten() {
                if let Frame::Crypto { offset, data } = frame {
                    self.stream.put(offset, data);
                    parts = parts.saturating_add(1);
                }
            }
            self.packets = self.packets.saturating_add(parts.min(1));
            self.departs(datagram, packet.version, parts);
        }
    }

    fn departs(&mut self, datagram: &[u8], version: u32, parts: u8) {
        self.rows.push(version_row(&version_word(version)));
        let mut feature = |word: &str| self.rows.push(row_of("quic", word));
        if parts > 1 {
            feature("quic_feat:fragmentation");
        }
        if datagram.len() < SMALLEST_INITIAL {
            feature("quic_feat:below_1200");
        }
        if self.packets > 1 {
            feature("quic_feat:multi_packet_initial");
        }
    }
}

fn version_row(word: &str) -> Option<&'static str> {
    row_of("quic", &format!("quic_ver:{word}"))
}

/// A version in the words of the tables.
fn version_word(version: u32) -> String {
    match version {
        1 => "v1".to_owned(),
        0x6b33_43cf => "v2".to_owned(),
        0xff00_0000..=0xff00_00ff => format!("draft{}", version & 0xff),
        other => format!("{other:#010x}"),
    }
}

/// RFC 9000 section 14.1.
const SMALLEST_INITIAL: usize = 1200;
const MOST_PACKETS: u8 = 16;
const FLOWS: usize = 65_536;
const FLOW_IDLE: Duration = Duration::from_secs(300);
