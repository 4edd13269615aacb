//! What an audit came to: all channels with what was read in them, coverage, hours, names and tunnels.

use serde::Serialize;

use super::Counters;
use super::channel::{CHANNELS, Reading, Severity, Shown};
use super::ledger::{BriefKind, Hour, Ledger, NS_AN_HOUR, Name, Span, Sums, Tally, TunnelUse};

/// What can be read of one person's device.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Devices: 1, or up to four of the same person.
    pub devices: usize,
    /// Time of the first and last packet, ns since 1970.
    pub span_ns: [i64; 2],
    /// All 22 channels, in order.
    pub channels: Vec<ChannelFound>,
    /// How much of the traffic is readable, and how.
    pub coverage: Coverage,
    /// The capture hour by hour, in UTC.
    pub hours: Vec<HourSeen>,
    /// Names, the most frequent first.
    pub names: Vec<NameSeen>,
    /// Names that came when there was no room for more.
    pub names_left_out: u64,
    /// Tunnels.
    pub tunnels: Vec<Tunnelled>,
    /// What was counted.
    pub counters: Counters,
}

/// A channel, with what was read in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChannelFound {
    /// From 1 to 22.
    pub number: u8,
    /// Name that stays the same.
    pub id: &'static str,
    /// Title for people.
    pub title: &'static str,
    /// `found`, `not_seen`, or `not_in_captures`.
    pub state: State,
    /// The worst of its readings.
    pub severity: Option<Severity>,
    /// What an operator can read in it.
    pub readable: &'static str,
    /// What would close it.
    pub close: &'static str,
    /// What was read, the worst first.
    pub readings: Vec<ReadingFound>,
}

/// What is known of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Something was read.
    Found,
    /// Nothing, in this capture.
    NotSeen,
    /// No capture shows it.
    NotInCaptures,
}

/// One thing that was read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReadingFound {
    /// Name that stays the same.
    pub id: &'static str,
    /// For people.
    pub words: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// In how many connections, requests or datagrams.
    pub count: u64,
    /// First time, ns since 1970.
    pub first_ns: i64,
    /// Last time, ns since 1970.
    pub last_ns: i64,
    /// Apps, where the capture names them.
    pub apps: Vec<String>,
    /// Values, masked unless asked for; the most frequent first.
    pub values: Vec<Counted>,
    /// How often other values came, of which no more are kept.
    pub other_values: u64,
}

/// A text and how often it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// The text, as it is shown.
    pub value: String,
    /// How often.
    pub count: u64,
}

/// How much is readable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Connections; lookups of names and local announcements are not counted.
    pub connections: u64,
    /// With a name in them.
    pub named: u64,
    /// Without, but whose address plain DNS had told before.
    pub named_by_dns: u64,
    /// Greetings of TLS and QUIC.
    pub greetings: u64,
    /// Of these, with the ECH extension: true or GREASE, which look the same.
    pub with_ech_extension: u64,
    /// Of these, with an outer name that only a true ECH has.
    pub surely_ech: u64,
    /// Plain DNS questions.
    pub dns_plain: u64,
    /// Connections to encrypted resolvers; how many questions each holds cannot be seen.
    pub dns_encrypted: u64,
    /// Bytes sent and received.
    pub bytes: u64,
    /// Of these, in the clear.
    pub clear_bytes: u64,
}

/// An hour, as the interceptor sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HourSeen {
    /// When it begins, ns since 1970.
    pub begins_ns: i64,
    /// Connections begun.
    pub connections: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Services by name.
    pub services: Vec<&'static str>,
    /// Names, the most frequent first.
    pub names: Vec<Counted>,
    /// How often others came.
    pub other_names: u64,
}

/// A name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NameSeen {
    /// As it is shown.
    pub name: String,
    /// The service, where it is known.
    pub service: Option<&'static str>,
    /// How often.
    pub count: u64,
    /// First time, ns since 1970.
    pub first_ns: i64,
    /// Last time, ns since 1970.
    pub last_ns: i64,
    /// How it was read: `DNS`, `HTTP`, `TLS`, `QUIC`, `certificate`.
    pub ways: Vec<&'static str>,
}

/// A tunnel, and what went beside it while it ran.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tunnelled {
    /// Its protocol.
    pub protocol: &'static str,
    /// Its other end, as it is shown.
    pub endpoint: String,
    /// First packet, ns since 1970.
    pub first_ns: i64,
    /// Last packet, ns since 1970.
    pub last_ns: i64,
    /// Packets.
    pub packets: u64,
    /// Bytes sent, and received.
    pub bytes: [u64; 2],
    /// Plain DNS questions beside it.
    pub dns_beside: u64,
    /// IPv6 connections beside it.
    pub ipv6_beside: u64,
    /// Other connections beside it.
    pub others_beside: u64,
}

impl Report {
    pub(super) fn of(
        mut ledger: Ledger,
        (devices, span_ns, counters): (usize, [i64; 2], Counters),
    ) -> Self {
        let tunnels: Vec<_> = std::mem::take(&mut ledger.tunnels)
            .into_iter()
            .map(|tunnel| Tunnelled::of(tunnel, &ledger))
            .collect();
        beside(&mut ledger, &tunnels);
        let mut names: Vec<_> =
            ledger.names.iter().map(|(name, it)| NameSeen::of(name, it)).collect();
        names.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
        Self {
            devices,
            span_ns,
            channels: channels(&ledger),
            coverage: Coverage::of(&ledger.sums),
            hours: ledger.hours.iter().map(|(at, hour)| HourSeen::of(*at, hour)).collect(),
            names,
            names_left_out: ledger.sums.names_left_out,
            tunnels,
            counters,
        }
    }

    /// A channel by its number, from 1.
    pub fn channel(&self, number: u8) -> Option<&ChannelFound> {
        self.channels.iter().find(|it| it.number == number)
    }

    /// A reading by its id, if it was found.
    pub fn reading(&self, id: &str) -> Option<&ReadingFound> {
        self.channels.iter().flat_map(|it| &it.readings).find(|it| it.id == id)
    }

    /// Channels with this severity.
    pub fn with(&self, severity: Severity) -> usize {
        self.channels.iter().filter(|it| it.severity == Some(severity)).count()
    }
}

impl ReadingFound {
    fn of(reading: Reading, ledger: &Ledger) -> Option<Self> {
        let entry = ledger.entries.get(&reading)?;
        let Span { count, first_ns, last_ns } = entry.span;
        Some(Self {
            id: reading.id(),
            words: reading.words(),
            severity: reading.severity(),
            count,
            first_ns,
            last_ns,
            apps: entry.apps.iter().cloned().collect(),
            values: counted(&entry.values),
            other_values: entry.values.others,
        })
    }
}

impl Coverage {
    fn of(sums: &Sums) -> Self {
        Self {
            connections: sums.connections,
            named: sums.named,
            named_by_dns: sums.named_by_dns,
            greetings: sums.hellos,
            with_ech_extension: sums.hellos_hidden,
            surely_ech: sums.hellos_surely_hidden,
            dns_plain: sums.dns_plain,
            dns_encrypted: sums.dns_encrypted,
            bytes: sums.bytes,
            clear_bytes: sums.clear_bytes,
        }
    }

    /// Share of connections with a readable name, in hundredths; none without connections.
    pub fn named_share(&self) -> Option<u64> {
        (self.named * 100).checked_div(self.connections)
    }
}

impl HourSeen {
    fn of(at: i64, hour: &Hour) -> Self {
        Self {
            begins_ns: at.saturating_mul(NS_AN_HOUR),
            connections: hour.connections,
            bytes: hour.bytes,
            services: hour.services.iter().copied().collect(),
            names: counted(&hour.names),
            other_names: hour.names.others,
        }
    }
}

impl NameSeen {
    fn of(name: &str, it: &Name) -> Self {
        let Span { count, first_ns, last_ns } = it.span;
        let ways = it.ways.iter().map(|how| how.word()).collect();
        Self { name: name.to_owned(), service: it.service, count, first_ns, last_ns, ways }
    }
}

impl Tunnelled {
    fn of(tunnel: TunnelUse, ledger: &Ledger) -> Self {
        let while_it_ran = tunnel.first_ns..=tunnel.last_ns;
        let beside = |kind: BriefKind| {
            let is_beside =
                |it: &&super::ledger::Brief| it.kind == kind && while_it_ran.contains(&it.first_ns);
            ledger.briefs.iter().filter(is_beside).count() as u64
        };
        Self {
            dns_beside: beside(BriefKind::Dns),
            ipv6_beside: beside(BriefKind::Ipv6),
            others_beside: beside(BriefKind::Other),
            protocol: tunnel.protocol,
            endpoint: tunnel.endpoint,
            first_ns: tunnel.first_ns,
            last_ns: tunnel.last_ns,
            packets: tunnel.packets,
            bytes: tunnel.bytes,
        }
    }
}

/// IPv6 connections while a tunnel ran are a reading of their own.
fn beside(ledger: &mut Ledger, tunnels: &[Tunnelled]) {
    let mut span = Span::default();
    for brief in ledger.briefs.iter().filter(|it| it.kind == BriefKind::Ipv6) {
        if tunnels.iter().any(|it| (it.first_ns..=it.last_ns).contains(&brief.first_ns)) {
            span.add(brief.first_ns);
        }
    }
    if span.count > 0 {
        ledger.entries.entry(Reading::BesideTunnel).or_default().span = span;
    }
}

fn channels(ledger: &Ledger) -> Vec<ChannelFound> {
    let found = |channel: &super::channel::Channel| {
        let readings = Reading::ALL.iter().filter(|it| it.channel() == channel.number);
        let mut readings: Vec<_> =
            readings.filter_map(|it| ReadingFound::of(*it, ledger)).collect();
        readings.sort_by_key(|it| std::cmp::Reverse(it.severity));
        let state = match channel.shown {
            Shown::Never => State::NotInCaptures,
            Shown::ByCapture if readings.is_empty() => State::NotSeen,
            Shown::ByCapture => State::Found,
        };
        ChannelFound {
            number: channel.number,
            id: channel.id,
            title: channel.title,
            state,
            // Codes by SMS tell who somebody is: high, though no capture shows them.
            severity: match channel.shown {
                Shown::Never => Some(Severity::High),
                Shown::ByCapture => readings.iter().map(|it| it.severity).max(),
            },
            readable: channel.readable,
            close: channel.close,
            readings,
        }
    };
    CHANNELS.iter().map(found).collect()
}

fn counted(tally: &Tally) -> Vec<Counted> {
    let one = |(value, count): (&String, &u64)| Counted { value: value.clone(), count: *count };
    let mut all: Vec<_> = tally.counts.iter().map(one).collect();
    all.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
    all
}
