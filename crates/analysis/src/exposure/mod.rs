//! The exposure audit: what an operator-level interceptor can read of one consenting person's own device.
//!
//! It shows what can be read, not that anyone reads. It keeps no payload: values are masked as they are read, those of
//! correspondents always. A capture of more than one device is refused unless the person says that all are theirs, one of more than
//! four always, and so is that of a server. In reading order:
//!
//! - [`channel`]: the channels, what is read in each, and what would close it.
//! - [`tables`]: services and fields that are known, with sources.
//! - [`mask`]: how values are shown.
//! - `device`: which addresses are the device's.
//! - `frame`, `flow`, `head`, `connections`: connections with their beginnings, and how they open and end.
//! - `stream`, `web`, `greeting`, `conversation`, `calls`, `datagram`: what they tell.
//! - `closing`: what is counted of all.
//! - `ledger`, `scribe`: where it is counted.
//! - [`report`]: what came of it; [`compare`]: two of them side by side.

mod calls;
pub mod channel;
mod closing;
pub mod compare;
mod connections;
mod conversation;
mod datagram;
mod device;
mod flow;
mod frame;
mod greeting;
mod head;
mod ledger;
pub mod mask;
pub mod report;
mod scribe;
mod settings;
mod stream;
pub mod tables;
mod web;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use wirewitness_wire::app::http::RequestHead;
use wirewitness_wire::file::app::app_of;
use wirewitness_wire::file::{Record, Way};
use wirewitness_wire::ip::IpPacket;
use wirewitness_wire::transport::{Tcp, Transport, Udp, flag, transport};

use conversation::{Datagram, conversation};
use datagram::Ends;
use device::{Devices, Hardware, Local, Opened, is_multicast};
use flow::{Body, Flows, Key};
use frame::{Direction, hardware, is_link_local, towards};
use ledger::{Ledger, Note, Pen};
use mask::Mask;
pub use report::Report;
use scribe::Scribe;
pub use settings::{Counters, Refusal, Settings, Whose};
use tables::Tables;

/// Audits one capture.
#[derive(Debug)]
pub struct Audit {
    settings: Settings,
    pen: Pen,
    devices: Devices,
    ledgers: BTreeMap<Side, Ledger>,
    flows: Flows,
    resolved: BTreeSet<IpAddr>,
    clear_media: BTreeSet<u16>,
    counters: Counters,
    first_ns: Option<i64>,
    last_ns: i64,
}

/// Whose ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Address(IpAddr),
    /// Before it has an address.
    Hardware(Hardware),
}

/// A packet, as far as it matters here.
#[derive(Debug, Clone, Copy)]
struct Seen<'a> {
    at_ns: i64,
    source: IpAddr,
    destination: IpAddr,
    hardware: Option<Hardware>,
    towards: Option<Hardware>,
    way: Way,
    app: Option<&'a str>,
}

impl Audit {
    /// Begins.
    pub fn new(settings: Settings) -> Self {
        let pen =
            Pen { mask: Mask::new(&settings.salt, settings.values), tables: Tables::shipped() };
        Self {
            settings,
            pen,
            devices: Devices::default(),
            ledgers: BTreeMap::new(),
            flows: Flows::default(),
            resolved: BTreeSet::new(),
            clear_media: BTreeSet::new(),
            counters: Counters::default(),
            first_ns: None,
            last_ns: 0,
        }
    }

    /// Takes in a packet.
    pub fn packet(&mut self, record: &Record<'_>, packet: &IpPacket<'_>) {
        self.counters.packets += 1;
        self.counters.cut +=
            u64::from((record.bytes.len() as u64) < u64::from(record.original_len));
        self.first_ns.get_or_insert(record.at_ns);
        self.last_ns = self.last_ns.max(record.at_ns);
        let name = app_of(record, packet).map(|app| match app.name {
            [] if app.uid < 0 => "unknown app".to_owned(),
            [] => format!("app {}", app.uid),
            name => String::from_utf8_lossy(name).chars().filter(|it| !it.is_control()).collect(),
        });
        let seen = Seen {
            at_ns: record.at_ns,
            source: packet.source,
            destination: packet.destination,
            hardware: hardware(record),
            towards: towards(record),
            way: if record.way == Way::Unknown { packet.way } else { record.way },
            app: name.as_deref(),
        };
        match transport(packet) {
            Ok(Transport::Tcp(tcp)) => self.tcp(&seen, &tcp),
            Ok(Transport::Udp(udp)) => self.udp(&seen, &udp),
            Ok(Transport::Icmp(_)) => {}
            Ok(Transport::Other) if packet.fragment.is_some_and(|it| it.offset > 0) => {
                self.counters.fragments += 1;
            }
            Ok(Transport::Other) => self.other(&seen, packet),
            Err(_) => self.counters.malformed += 1,
        }
    }

    fn tcp(&mut self, seen: &Seen<'_>, tcp: &Tcp<'_>) {
        let key = Key {
            protocol: 6,
            client: SocketAddr::new(seen.source, tcp.source_port),
            server: SocketAddr::new(seen.destination, tcp.destination_port),
        };
        let syn = tcp.flags & (flag::SYN | flag::ACK) == flag::SYN;
        let known = self.flows.key_of(key);
        if let Some((known, false)) = known
            && syn
            && self
                .flows
                .get_mut(&known)
                .is_some_and(|it| seen.at_ns.saturating_sub(it.last_ns) > REUSE_NS)
        {
            self.end(&known);
        }
        let (key, from_server) = match self.flows.key_of(key) {
            Some(found) => found,
            None => self.open(key, seen, Direction::of(&key, tcp.flags)),
        };
        let Some(flow) = self.flows.get_mut(&key) else { return };
        flow.passed(seen, (from_server, tcp.payload_len));
        let Body::Tcp(heads) = &mut flow.body else { return };
        let [client, server] = heads.as_mut();
        let head = if from_server { server } else { client };
        let first = tcp.seq.wrapping_add(u32::from(tcp.flags & flag::SYN != 0));
        if tcp.flags & flag::SYN != 0 {
            head.starts_at(first);
        }
        let added = head.put(first, tcp.payload);
        let later = !from_server && head.is_behind(first);
        self.flows.memory += added;
        if later {
            self.later_request(&key, seen, tcp.payload);
        }
    }

    /// A request beyond the beginning that is kept.
    fn later_request(&mut self, key: &Key, seen: &Seen<'_>, payload: &[u8]) {
        let Ok(head) = RequestHead::parse(payload) else { return };
        if !head.version.starts_with(b"HTTP/1.") {
            return;
        }
        let Some(side) = self.flows.get_mut(key).map(|flow| flow.side) else { return };
        if let Some(mut scribe) = self.scribe(Side::Address(side), seen) {
            web::request(&mut scribe, &head, &[]);
        }
    }

    fn udp(&mut self, seen: &Seen<'_>, udp: &Udp<'_>) {
        let ends = Ends {
            source: SocketAddr::new(seen.source, udp.source_port),
            destination: SocketAddr::new(seen.destination, udp.destination_port),
        };
        if ends.is_single() || is_multicast(seen.destination) {
            self.single(seen, &ends, udp);
            return;
        }
        let key = Key { protocol: 17, client: ends.source, server: ends.destination };
        let (key, from_server) = match self.flows.key_of(key) {
            Some(found) => found,
            None => self.open(key, seen, Direction::of(&key, 0)),
        };
        let Some(flow) = self.flows.get_mut(&key) else { return };
        flow.passed(seen, (from_server, udp.payload_len));
        let (side, packets) = (flow.side, flow.packets);
        let Some(mut scribe) = scribe_of(&mut self.ledgers, &self.pen, (Side::Address(side), seen))
        else {
            return;
        };
        let Body::Udp(datagrams) = &mut flow.body else { return };
        let other = if side == key.client.ip() { key.server.ip() } else { key.client.ip() };
        let is_first = packets <= FIRST_PACKETS;
        let media = conversation(
            &mut scribe,
            datagrams,
            &Datagram { key: &key, from_server, is_first, other, payload: udp.payload },
        );
        for port in media {
            if self.clear_media.len() < 256 {
                self.clear_media.insert(port);
            }
        }
    }

    /// A datagram without a connection.
    fn single(&mut self, seen: &Seen<'_>, ends: &Ends, udp: &Udp<'_>) {
        let is_answer =
            ends.source.port() == 53 || ends.source.port() == 123 && ends.destination.port() != 123;
        let (client, server) = if is_answer {
            (ends.destination, ends.source)
        } else {
            (ends.source, ends.destination)
        };
        if !is_multicast(server.ip()) && !is_answer && !server.ip().is_unspecified() {
            self.devices.opened(&Opened {
                client: client.ip(),
                server: server.ip(),
                hardware: seen.hardware.filter(|_| seen.way != Way::In),
                towards: seen.towards,
                has_app: seen.app.is_some(),
                surely: false,
            });
        }
        let side = match seen.hardware {
            Some(hardware) if client.ip().is_unspecified() || is_link_local(client.ip()) => {
                Side::Hardware(hardware)
            }
            _ => Side::Address(client.ip()),
        };
        let Some(mut scribe) = self.scribe(side, seen) else { return };
        scribe.ledger.sums.bytes += udp.payload_len as u64;
        scribe.ledger.sums.clear_bytes += udp.payload_len as u64;
        if let Some(answer) = datagram::read(&mut scribe, ends, udp.payload) {
            for address in answer.addresses() {
                if self.resolved.len() < MOST_RESOLVED {
                    self.resolved.insert(address);
                }
            }
        }
    }

    /// Protocols of IP without ports: IPsec's ESP.
    fn other(&mut self, seen: &Seen<'_>, packet: &IpPacket<'_>) {
        if packet.protocol != ESP {
            return;
        }
        let key = Key {
            protocol: ESP,
            client: SocketAddr::new(seen.source, 0),
            server: SocketAddr::new(seen.destination, 0),
        };
        let (key, from_server) = match self.flows.key_of(key) {
            Some(found) => found,
            None => self.open(key, seen, Direction::AsSent),
        };
        if let Some(flow) = self.flows.get_mut(&key) {
            flow.passed(seen, (from_server, packet.payload_len));
        }
    }

    fn scribe<'a>(&'a mut self, side: Side, seen: &Seen<'a>) -> Option<Scribe<'a>> {
        scribe_of(&mut self.ledgers, &self.pen, (side, seen))
    }

    /// The capture has ended.
    ///
    /// # Errors
    /// It may show other people, or shows nobody.
    pub fn finish(mut self) -> Result<Report, Refusal> {
        for key in self.flows.keys() {
            self.end(&key);
        }
        let local = self.devices.decide(&self.settings.named);
        self.refuse(&local)?;
        let mut whole = Ledger::default();
        for (side, ledger) in std::mem::take(&mut self.ledgers) {
            let is_ours = match side {
                Side::Address(address) => local.addresses.contains(&address),
                Side::Hardware(hardware) => local.hardware.contains(&hardware),
            };
            if is_ours {
                whole.join(ledger);
            } else {
                self.counters.neighbours += 1;
            }
        }
        let span = [self.first_ns.unwrap_or(0), self.last_ns];
        Ok(Report::of(whole, (local.devices, span, self.counters)))
    }

    fn refuse(&self, local: &Local) -> Result<(), Refusal> {
        match local.devices {
            0 => Err(Refusal::NoDevice),
            _ if local.is_server => Err(Refusal::Server),
            1 => Ok(()),
            few @ 2..=4 if self.settings.devices == Whose::One => Err(Refusal::Several(few)),
            2..=4 => Ok(()),
            _ => Err(Refusal::Many),
        }
    }
}

fn scribe_of<'a>(
    ledgers: &'a mut BTreeMap<Side, Ledger>,
    pen: &'a Pen,
    (side, seen): (Side, &Seen<'a>),
) -> Option<Scribe<'a>> {
    let note = Note { at_ns: seen.at_ns, app: seen.app };
    Some(Scribe { pen, ledger: ledger_of(ledgers, side)?, note })
}

/// The ledger of an address; none where there are too many, which no capture of one person has.
fn ledger_of(ledgers: &mut BTreeMap<Side, Ledger>, side: Side) -> Option<&mut Ledger> {
    if ledgers.len() >= MOST_LEDGERS && !ledgers.contains_key(&side) {
        return None;
    }
    Some(ledgers.entry(side).or_default())
}

/// IPsec's protocol of IP.
const ESP: u8 = 50;
/// A port may be used again after so long, ns.
const REUSE_NS: i64 = 60_000_000_000;
/// Packets of a conversation in which it may say what it is.
const FIRST_PACKETS: u64 = 16;
const MOST_LEDGERS: usize = 256;
const MOST_RESOLVED: usize = 50_000;
