//! What single datagrams tell: DNS, the clock, names on the local network, and the protocols of calls and things.

use std::net::SocketAddr;

use wirewitness_wire::app::{coap, dhcp, dns, local_names, ntp};

use super::channel::Reading;
use super::ledger::{Brief, BriefKind, How, Value};
use super::scribe::{Scribe, text};

/// A datagram's ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends {
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
}

impl Ends {
    fn has(&self, port: u16) -> bool {
        self.source.port() == port || self.destination.port() == port
    }

    /// True for what is read datagram by datagram, without a connection.
    pub(super) fn is_single(&self) -> bool {
        [53, 67, 68, 123, 137, 1900, 5353, 5355, 5683].iter().any(|port| self.has(*port))
    }
}

/// Reads a datagram of those protocols. The addresses that an answer of plain DNS tells are given with their name.
pub(super) fn read(scribe: &mut Scribe<'_>, ends: &Ends, payload: &[u8]) -> Option<dns::Message> {
    if ends.has(53) {
        return plain_dns(scribe, payload);
    }
    if ends.has(123) {
        time(scribe, payload);
    } else if ends.has(67) || ends.has(68) {
        dhcp(scribe, payload);
    } else if ends.has(5683) {
        thing(scribe, payload);
    } else if ends.has(1900) {
        ssdp(scribe, payload);
    } else {
        local(scribe, ends, payload);
    }
    None
}

fn plain_dns(scribe: &mut Scribe<'_>, payload: &[u8]) -> Option<dns::Message> {
    let message = dns::Message::read(payload).ok()?;
    if message.response {
        return Some(message);
    }
    scribe.ledger.sums.dns_plain += 1;
    scribe.ledger.brief(Brief { first_ns: scribe.note.at_ns, kind: BriefKind::Dns });
    scribe.read(Reading::DnsName, Value::Own(&message.name));
    scribe.name(message.name.as_bytes(), How::Dns);
    None
}

fn time(scribe: &mut Scribe<'_>, payload: &[u8]) {
    let Ok(packet) = ntp::Packet::parse(payload) else { return };
    if packet.mode != 3 {
        return;
    }
    scribe.read(Reading::Time, Value::None);
    if packet.tells_clock() {
        scribe.read(Reading::TimeClock, Value::None);
    }
}

fn dhcp(scribe: &mut Scribe<'_>, payload: &[u8]) {
    let Ok(message) = dhcp::Message::parse(payload) else { return };
    if !message.from_client {
        return;
    }
    let name = message.option(dhcp::option::HOST_NAME).map(text);
    let full = message.option(dhcp::option::FULL_NAME).and_then(|it| it.get(3..)).map(text);
    for name in [name, full].into_iter().flatten() {
        scribe.read(Reading::LocalName, Value::Own(&name));
    }
    if let Some(vendor) = message.option(dhcp::option::VENDOR_CLASS) {
        scribe.read(Reading::LocalSystem, Value::Own(&text(vendor)));
    }
}

fn thing(scribe: &mut Scribe<'_>, payload: &[u8]) {
    let Ok(message) = coap::Message::parse(payload) else { return };
    if !(1..32).contains(&message.code) {
        return;
    }
    let parts = message.options().filter(|(number, _)| *number == coap::option::PATH).take(16);
    let path: String = parts.map(|(_, value)| format!("/{}", text(value))).collect();
    scribe.read(Reading::ThingTopic, Value::Own(&path));
}

fn ssdp(scribe: &mut Scribe<'_>, payload: &[u8]) {
    if !local_names::is_ssdp(payload) {
        return;
    }
    let target =
        local_names::ssdp_field(payload, "ST").or_else(|| local_names::ssdp_field(payload, "NT"));
    scribe.read(Reading::LocalService, Value::Own(&target.map(text).unwrap_or_default()));
    let system = local_names::ssdp_field(payload, "USER-AGENT")
        .or_else(|| local_names::ssdp_field(payload, "SERVER"));
    if let Some(system) = system {
        scribe.read(Reading::LocalSystem, Value::Own(&text(system)));
    }
}

/// mDNS, LLMNR and NetBIOS: a service type, or a name of a host.
fn local(scribe: &mut Scribe<'_>, ends: &Ends, payload: &[u8]) {
    let Ok(names) = local_names::names(payload) else { return };
    for name in names.iter().take(32) {
        if ends.has(137) {
            if let Some(name) = local_names::netbios(name) {
                scribe.read(Reading::LocalName, Value::Own(&name));
            }
        } else if name.starts_with('_') {
            scribe.read(Reading::LocalService, Value::Own(name));
        } else if !name.is_empty() {
            scribe.read(Reading::LocalName, Value::Own(name));
        }
    }
}
