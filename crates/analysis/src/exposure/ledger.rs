//! What has been read, counted: by reading, by name and by hour. Bounded, and without any payload.

use std::collections::{BTreeMap, BTreeSet};

use super::channel::Reading;
use super::mask::Mask;
use super::tables::{Kind, Tables};

/// What is shown of a reading.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    /// Nothing.
    None,
    /// A word of a table or a protocol, which says nothing of the person.
    Word(&'a str),
    /// The person's own.
    Own(&'a str),
    /// Somebody else's: masked always.
    Correspondent(&'a str),
    /// A field of a known name, and its value.
    Field(&'a str, &'a str),
}

/// When, and of which app.
#[derive(Debug, Clone, Copy)]
pub(super) struct Note<'a> {
    pub(super) at_ns: i64,
    pub(super) app: Option<&'a str>,
}

/// How a name was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum How {
    Dns,
    Http,
    Tls,
    Quic,
    Certificate,
}

impl How {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Dns => "DNS",
            Self::Http => "HTTP",
            Self::Tls => "TLS",
            Self::Quic => "QUIC",
            Self::Certificate => "certificate",
        }
    }
}

/// How often, from when to when.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) count: u64,
    pub(super) first_ns: i64,
    pub(super) last_ns: i64,
}

impl Span {
    pub(super) fn add(&mut self, at_ns: i64) {
        self.join(&Self { count: 1, first_ns: at_ns, last_ns: at_ns });
    }

    pub(super) fn join(&mut self, other: &Self) {
        if self.count == 0 {
            *self = *other;
        } else if other.count > 0 {
            self.count += other.count;
            self.first_ns = self.first_ns.min(other.first_ns);
            self.last_ns = self.last_ns.max(other.last_ns);
        }
    }
}

/// Counts of texts: the first so many different ones, and how often others came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) counts: BTreeMap<String, u64>,
    pub(super) others: u64,
}

impl Tally {
    fn add(&mut self, text: String, count: u64, most: usize) {
        if let Some(known) = self.counts.get_mut(&text) {
            *known += count;
        } else if self.counts.len() < most {
            self.counts.insert(text, count);
        } else {
            self.others += count;
        }
    }

    fn join(&mut self, other: Self, most: usize) {
        self.others += other.others;
        for (text, count) in other.counts {
            self.add(text, count, most);
        }
    }
}

/// A reading's entry.
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    pub(super) span: Span,
    pub(super) apps: BTreeSet<String>,
    pub(super) values: Tally,
}

/// A name's entry.
#[derive(Debug, Clone, Default)]
pub(super) struct Name {
    pub(super) span: Span,
    pub(super) ways: BTreeSet<How>,
    pub(super) service: Option<&'static str>,
}

/// An hour of the capture.
#[derive(Debug, Clone, Default)]
pub(super) struct Hour {
    pub(super) connections: u64,
    pub(super) bytes: u64,
    pub(super) names: Tally,
    pub(super) services: BTreeSet<&'static str>,
}

/// Numbers of a ledger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) connections: u64,
    /// With a name in it.
    pub(super) named: u64,
    /// Without, but whose address plain DNS told.
    pub(super) named_by_dns: u64,
    pub(super) hellos: u64,
    pub(super) hellos_hidden: u64,
    /// With an outer name that is used with a true ECH only.
    pub(super) hellos_surely_hidden: u64,
    pub(super) dns_plain: u64,
    pub(super) dns_encrypted: u64,
    pub(super) clear_bytes: u64,
    pub(super) bytes: u64,
    pub(super) names_left_out: u64,
}

impl Sums {
    fn join(&mut self, other: &Self) {
        self.connections += other.connections;
        self.named += other.named;
        self.named_by_dns += other.named_by_dns;
        self.hellos += other.hellos;
        self.hellos_hidden += other.hellos_hidden;
        self.hellos_surely_hidden += other.hellos_surely_hidden;
        self.dns_plain += other.dns_plain;
        self.dns_encrypted += other.dns_encrypted;
        self.clear_bytes += other.clear_bytes;
        self.bytes += other.bytes;
        self.names_left_out += other.names_left_out;
    }
}

/// A tunnel that was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TunnelUse {
    pub(super) protocol: &'static str,
    /// As it is shown.
    pub(super) endpoint: String,
    pub(super) first_ns: i64,
    pub(super) last_ns: i64,
    pub(super) packets: u64,
    /// Sent, received.
    pub(super) bytes: [u64; 2],
}

/// A connection, in short, for telling what went beside a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Brief {
    pub(super) first_ns: i64,
    pub(super) kind: BriefKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BriefKind {
    Dns,
    Ipv6,
    Other,
}

/// What has been read of one address.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    pub(super) entries: BTreeMap<Reading, Entry>,
    pub(super) names: BTreeMap<String, Name>,
    pub(super) hours: BTreeMap<i64, Hour>,
    pub(super) sums: Sums,
    pub(super) tunnels: Vec<TunnelUse>,
    pub(super) briefs: Vec<Brief>,
}

/// What a ledger needs to write.
#[derive(Debug)]
pub(super) struct Pen {
    pub(super) mask: Mask,
    pub(super) tables: Tables,
}

impl Pen {
    fn shown(&self, value: Value<'_>) -> Option<String> {
        Some(match value {
            Value::None => return None,
            Value::Word(word) => word.to_owned(),
            Value::Own(value) => self.mask.own(value),
            Value::Correspondent(value) => self.mask.correspondent(value),
            Value::Field(field, value) => format!("{field}: {}", self.mask.own(value)),
        })
    }
}

impl Ledger {
    /// Something was read.
    pub(super) fn read(
        &mut self,
        pen: &Pen,
        reading: Reading,
        (note, value): (&Note<'_>, Value<'_>),
    ) {
        let entry = self.entries.entry(reading).or_default();
        entry.span.add(note.at_ns);
        if let Some(app) = note.app
            && entry.apps.len() < MOST_APPS
            && !entry.apps.contains(app)
        {
            entry.apps.insert(app.to_owned());
        }
        if let Some(text) = pen.shown(value) {
            entry.values.add(text, 1, MOST_VALUES);
        }
    }

    /// A name was read: with what it stands for.
    pub(super) fn name(&mut self, pen: &Pen, (name, how): (&str, How), note: &Note<'_>) {
        let service = pen.tables.service(name);
        if let Some(service) = service {
            let reading = match service.kind {
                Kind::Push => Some(Reading::Push),
                Kind::Check => Some(Reading::Check),
                Kind::Messenger => Some(Reading::Messenger),
                Kind::Vpn => Some(Reading::TunnelProvider),
                Kind::Telemetry => Some(Reading::TelemetryService),
                Kind::Resolver if how != How::Dns => Some(Reading::EncryptedDns),
                Kind::Resolver | Kind::Update => None,
            };
            if let Some(reading) = reading {
                self.read(pen, reading, (note, Value::Word(service.label)));
            }
        }
        let label = service.map(|service| service.label);
        let shown = pen.mask.own(name);
        if let Some(hour) = self.hour(note.at_ns) {
            hour.names.add(shown.clone(), 1, MOST_NAMES_AN_HOUR);
            hour.services.extend(label);
        }
        if self.names.len() >= MOST_NAMES && !self.names.contains_key(&shown) {
            self.sums.names_left_out += 1;
            return;
        }
        let entry = self.names.entry(shown).or_default();
        entry.span.add(note.at_ns);
        entry.ways.insert(how);
        entry.service = label;
    }

    /// The hour of a time, unless there are too many.
    pub(super) fn hour(&mut self, at_ns: i64) -> Option<&mut Hour> {
        let hour = at_ns.div_euclid(NS_AN_HOUR);
        if self.hours.len() >= MOST_HOURS && !self.hours.contains_key(&hour) {
            return None;
        }
        Some(self.hours.entry(hour).or_default())
    }

    /// A connection, for telling what went beside a tunnel.
    pub(super) fn brief(&mut self, brief: Brief) {
        if self.briefs.len() < MOST_BRIEFS {
            self.briefs.push(brief);
        }
    }

    /// A tunnel: one with the same end and protocol is the same.
    pub(super) fn tunnel(&mut self, other: TunnelUse) {
        let same =
            |it: &&mut TunnelUse| it.protocol == other.protocol && it.endpoint == other.endpoint;
        if let Some(known) = self.tunnels.iter_mut().find(same) {
            known.first_ns = known.first_ns.min(other.first_ns);
            known.last_ns = known.last_ns.max(other.last_ns);
            known.packets += other.packets;
            known.bytes = [known.bytes[0] + other.bytes[0], known.bytes[1] + other.bytes[1]];
        } else if self.tunnels.len() < MOST_TUNNELS {
            self.tunnels.push(other);
        }
    }

    /// Takes in another ledger, of another address of the same device.
    pub(super) fn join(&mut self, other: Self) {
        self.sums.join(&other.sums);
        for (reading, theirs) in other.entries {
            let entry = self.entries.entry(reading).or_default();
            entry.span.join(&theirs.span);
            entry.apps.extend(theirs.apps);
            entry.values.join(theirs.values, MOST_VALUES);
        }
        for (name, theirs) in other.names {
            if self.names.len() >= MOST_NAMES && !self.names.contains_key(&name) {
                self.sums.names_left_out += theirs.span.count;
                continue;
            }
            let entry = self.names.entry(name).or_default();
            entry.span.join(&theirs.span);
            entry.ways.extend(theirs.ways);
            entry.service = theirs.service;
        }
        for (at, theirs) in other.hours {
            if let Some(hour) = self.hour(at.saturating_mul(NS_AN_HOUR)) {
                hour.connections += theirs.connections;
                hour.bytes += theirs.bytes;
                hour.names.join(theirs.names, MOST_NAMES_AN_HOUR);
                hour.services.extend(theirs.services);
            }
        }
        for tunnel in other.tunnels {
            self.tunnel(tunnel);
        }
        for brief in other.briefs {
            self.brief(brief);
        }
    }
}

/// An hour in ns.
pub(super) const NS_AN_HOUR: i64 = 3_600_000_000_000;
const MOST_APPS: usize = 64;
const MOST_VALUES: usize = 200;
const MOST_NAMES: usize = 5_000;
const MOST_NAMES_AN_HOUR: usize = 200;
/// Two months.
const MOST_HOURS: usize = 24 * 62;
const MOST_TUNNELS: usize = 64;
const MOST_BRIEFS: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::super::mask::Values;
    use super::*;

    fn pen() -> Pen {
        Pen { mask: Mask::new(&[7; 32], Values::Shown), tables: Tables::shipped() }
    }

    #[test]
    fn a_flood_of_names_and_hours_is_bounded_and_counted() {
        let (pen, mut ledger) = (pen(), Ledger::default());
        for number in 0..20_000_i64 {
            let note = Note { at_ns: number * NS_AN_HOUR, app: None };
            ledger.name(&pen, (&format!("{number}.example"), How::Dns), &note);
            ledger.read(&pen, Reading::DnsName, (&note, Value::Own(&number.to_string())));
        }
        assert_eq!(ledger.names.len(), MOST_NAMES);
        assert_eq!(ledger.sums.names_left_out, 15_000);
        assert_eq!(ledger.hours.len(), MOST_HOURS);
        let entry = &ledger.entries[&Reading::DnsName];
        assert_eq!((entry.span.count, entry.values.counts.len()), (20_000, MOST_VALUES));
        assert_eq!(entry.values.others, 20_000 - MOST_VALUES as u64);
    }

    #[test]
    fn two_ledgers_of_one_device_are_one() {
        let pen = pen();
        let (mut one, mut two) = (Ledger::default(), Ledger::default());
        one.name(&pen, ("chat.signal.org", How::Tls), &Note { at_ns: 5, app: Some("Signal") });
        two.name(&pen, ("chat.signal.org", How::Dns), &Note { at_ns: 3, app: None });
        one.join(two);
        let name = &one.names["chat.signal.org"];
        assert_eq!(name.span, Span { count: 2, first_ns: 3, last_ns: 5 });
        assert_eq!(name.ways.len(), 2);
        let entry = &one.entries[&Reading::Messenger];
        assert_eq!((entry.span.count, entry.values.counts["Signal"]), (2, 2));
        assert!(entry.apps.contains("Signal"));
    }
}
