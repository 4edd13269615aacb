//! Connections as they open, go on and end: whose they are, and what is read of them.

use wirewitness_wire::file::Way;

use super::channel::Reading;
use super::closing::close;
use super::device::{Opened, is_private};
use super::flow::{Body, Flow, Key};
use super::frame::Direction;
use super::ledger::{Note, Value};
use super::scribe::Scribe;
use super::stream::{self, Came, Stream};
use super::{Audit, Seen, Side, ledger_of};

impl Audit {
    /// A new connection, and whether its first packet was the server's.
    pub(super) fn open(&mut self, key: Key, seen: &Seen<'_>, direction: Direction) -> (Key, bool) {
        if self.flows.are_too_many() {
            for quiet in self.flows.quiet() {
                self.counters.evicted += 1;
                self.end(&quiet);
            }
        }
        let from_server = direction == Direction::Turned;
        let key = if from_server { key.turned() } else { key };
        let (client, server) = (key.client.ip(), key.server.ip());
        self.devices.opened(&Opened {
            client,
            server,
            hardware: seen.hardware.filter(|_| !from_server && seen.way != Way::In),
            towards: seen.towards.filter(|_| !from_server),
            has_app: seen.app.is_some(),
            surely: direction == Direction::Surely,
        });
        // A stranger may open a connection to the device.
        let is_asked = is_private(server) && !is_private(client)
            || seen.way == Way::In && !from_server && !is_private(client);
        let side = if is_asked { server } else { client };
        let body = match key.protocol {
            6 => Body::Tcp(Box::default()),
            17 => Body::Udp(Box::default()),
            _ => Body::Other,
        };
        let flow = Flow {
            first_ns: seen.at_ns,
            last_ns: seen.at_ns,
            packets: 0,
            bytes: [0; 2],
            app: seen.app.map(str::to_owned),
            side,
            body,
        };
        self.flows.insert(key, flow);
        (key, from_server)
    }

    /// A connection is over, or must make room: it is read and forgotten.
    pub(super) fn end(&mut self, key: &Key) {
        let Some(flow) = self.flows.remove(key) else { return };
        let note = Note { at_ns: flow.first_ns, app: flow.app.as_deref() };
        let Some(ledger) = ledger_of(&mut self.ledgers, Side::Address(flow.side)) else { return };
        let mut scribe = Scribe { pen: &self.pen, ledger, note };
        let came = match &flow.body {
            Body::Tcp(heads) => {
                let [client, server] = heads.as_ref();
                let stream = Stream {
                    client: client.bytes(),
                    server: server.bytes(),
                    port: key.server.port(),
                };
                stream::read(&mut scribe, &stream)
            }
            Body::Udp(datagrams) => {
                if datagrams.streams {
                    let is_clear = [key.client, key.server]
                        .iter()
                        .any(|it| self.clear_media.contains(&it.port()));
                    let reading = if is_clear { Reading::CallSound } else { Reading::CallStream };
                    scribe.read(reading, Value::None);
                }
                Came {
                    named: datagrams.named,
                    clear: false,
                    known: datagrams.known || datagrams.streams,
                    tunnel: datagrams.tunnel,
                }
            }
            Body::Other => Came { known: true, ..Came::default() },
        };
        let is_known = self.resolved.contains(&key.server.ip());
        close(&mut scribe, key, (&flow, &came, is_known));
    }
}

impl Flow {
    /// Counts a packet in.
    pub(super) fn passed(&mut self, seen: &Seen<'_>, (from_server, len): (bool, usize)) {
        self.packets += 1;
        self.last_ns = self.last_ns.max(seen.at_ns);
        let [client, server] = &mut self.bytes;
        *(if from_server { server } else { client }) += len as u64;
        if self.app.is_none() {
            self.app = seen.app.map(str::to_owned);
        }
    }
}
