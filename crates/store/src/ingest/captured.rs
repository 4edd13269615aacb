//! What was found in captures as rows, one measurement a connection. Of the client, only its network and port are told.

use std::borrow::Cow;

use aws_lc_rs::digest;
use serde_json::Value;
use wirewitness_analysis::tamper::Finding;
use wirewitness_analysis::tamper::finding::{Connection, Protocol, SeenFrom, Trigger, TriggerKind};
use wirewitness_model::hex::hex;
use wirewitness_model::outcome::{Layer, Outcome};

use super::record::{Head, Id, Tables, Taking, first};
use super::steps::{Dns, Step, Steps};
use super::subject::{About, Subject, domain};
use super::weighing;
use crate::table::Partition;

/// One connection of a capture, with all that was found in it.
#[derive(Debug, Clone)]
pub struct Captured {
    id: Id,
    connection: Connection,
    findings: Vec<Finding>,
}

impl Captured {
    /// The findings of one connection, in their order; `capture` is the SHA-256 of the capture, unpacked. None without any.
    ///
    /// It is known again by the capture, the first packet that a finding stands on, and the far end.
    pub fn new(capture: &[u8], findings: Vec<Finding>) -> Option<Self> {
        let connection = *connection(findings.first()?);
        let packet = findings.iter().filter_map(first_packet).min().unwrap_or_default();
        let mut hash = digest::Context::new(&digest::SHA256);
        // Nothing of the client goes in here: an address could be found by trying all.
        let end = format!("{:?} {}", connection.protocol, connection.server);
        hash.update(b"capture\0");
        hash.update(capture);
        hash.update(&packet.to_be_bytes());
        hash.update(end.as_bytes());
        Some(Self { id: first(&hash.finish()), connection, findings })
    }
}

impl Tables {
    /// Takes a connection of a capture. No document is kept of it.
    ///
    /// # Errors
    /// Its packets have no time, so that it belongs to no day.
    pub(super) fn take_captured(
        &mut self,
        captured: &Captured,
        taking: &Taking<'_>,
    ) -> Result<(), String> {
        let Captured { id, connection, findings } = captured;
        let at = findings.iter().map(at_ns).min().filter(|at| *at > 0);
        let at = at.ok_or("no time that can be read, so it belongs to no day")? / 1000;
        let partition = Partition::of("", at);
        let near = Near::of(findings, connection);
        let server = near.address().unwrap_or_else(|| "unnamed".to_owned());
        let name = findings.iter().filter_map(trigger).find_map(name);
        let client = taking.context.asns.asn(connection.client.ip());
        let subject = Subject {
            id: hex(id),
            at,
            origin: "capture",
            test: "capture",
            target: Cow::Borrowed(name.unwrap_or(&server)),
            domain: name.and_then(domain).map(Cow::Owned),
            asn: client.map(i64::from),
            resolver: None,
            vantage: vantage(connection),
        };
        subject.measurement(
            &mut self.measurement,
            &About { source: taking.source, ..About::default() },
        );
        let mut steps = Steps::of(&mut self.observation, &subject, taking.context.asns);
        for finding in findings {
            step(&mut steps, finding, (&near, at));
        }
        let steps = steps.count();
        let mut verdict = weighing::verdict(findings);
        verdict.evidence.iter_mut().for_each(|it| it.seen = near.without(&it.seen));
        let rows = subject.judged(&mut self.verdict, &verdict);
        rows.text(None).flag(None).text(Some(taking.judged_with)).end();
        self.heads.push(Head { id: *id, partition, steps });
        Ok(())
    }
}

/// Whether the server is the end at which the capture was taken: then its address is that of who captured.
enum Near {
    Server(Connection),
    Other(Connection),
}

impl Near {
    fn of(findings: &[Finding], connection: &Connection) -> Self {
        let is_near = findings.iter().any(|finding| match finding {
            Finding::Flow(it) => it.seen_from == SeenFrom::Server,
            Finding::Injection(it) => it.seen_from == SeenFrom::Server,
            _ => false,
        });
        if is_near { Self::Server(*connection) } else { Self::Other(*connection) }
    }

    /// The server's address, where it may be told.
    fn address(&self) -> Option<String> {
        match self {
            Self::Server(_) => None,
            Self::Other(connection) => Some(connection.server.ip().to_string()),
        }
    }

    /// A text with networks in place of the addresses that must not be told.
    fn without(&self, text: &str) -> String {
        let (Self::Server(connection) | Self::Other(connection)) = self;
        let client = &connection.client.ip().to_string();
        let text = replaced(text, client, &connection.client_network().to_string());
        match self {
            Self::Server(_) => {
                let server = &connection.server.ip().to_string();
                replaced(&text, server, &connection.server_network().to_string())
            }
            Self::Other(_) => text,
        }
    }
}

/// A text with a network in place of an address, where that is not part of another.
fn replaced(text: &str, address: &str, network: &str) -> String {
    let goes_on = |it: Option<char>| it.is_some_and(|it| it.is_ascii_hexdigit());
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(address) {
        out.push_str(before);
        let is_whole = !goes_on(out.chars().next_back()) && !goes_on(after.chars().next());
        out.push_str(if is_whole { network } else { address });
        rest = after;
    }
    out.push_str(rest);
    out
}

fn step(steps: &mut Steps<'_>, finding: &Finding, (near, began_us): (&Near, i64)) {
    let (layer, outcome) = outcome(finding);
    let (failure, detail) = (failure(finding), detail(finding).map(|text| near.without(&text)));
    let address = near.address();
    let dns = (layer == Layer::Dns).then(|| Dns { engine: Some("udp"), ..Dns::default() });
    steps.row(
        (layer, outcome),
        Step {
            failure: failure.as_deref(),
            name: trigger(finding).and_then(name),
            address: address.as_deref(),
            port: Some(i64::from(connection(finding).server.port())),
            dns,
            t_ms: Some((at_ns(finding) / 1000 - began_us) as f64 / 1000.0),
            detail: detail.as_deref(),
            ..Step::default()
        },
    );
}

/// The finding as `inspect --json` has it, without the app of the person's device. None where it is too long to keep.
fn detail(finding: &Finding) -> Option<String> {
    let mut value = serde_json::to_value(finding).ok()?;
    value.as_object_mut()?.remove("app");
    Some(Value::to_string(&value)).filter(|text| text.len() <= DETAIL_MAX)
}

/// Bytes of a finding that are kept.
const DETAIL_MAX: usize = 64 << 10;

/// Whoever is in one network counts as one: captures do not tell more.
fn vantage(connection: &Connection) -> i64 {
    let network = format!("capture\0{}", connection.client_network());
    let hash = digest::digest(&digest::SHA256, network.as_bytes());
    i64::from_le_bytes(hash.as_ref().first_chunk::<8>().copied().unwrap_or_default())
}

/// Its ends.
pub(super) fn connection(finding: &Finding) -> &Connection {
    match finding {
        Finding::Flow(it) => &it.connection,
        Finding::Dns(it) => &it.connection,
        Finding::Quic(it) => &it.connection,
        Finding::Injection(it) => &it.connection,
        Finding::Drop(it) => &it.connection,
        Finding::Throttle(it) => &it.connection,
        Finding::Blockpage(it) => &it.connection,
    }
}

/// What was asked for.
pub(super) fn trigger(finding: &Finding) -> Option<&Trigger> {
    match finding {
        Finding::Flow(it) => it.trigger.as_ref(),
        Finding::Dns(_) => None,
        Finding::Quic(it) => it.trigger.as_ref(),
        Finding::Injection(it) => it.trigger.as_ref(),
        Finding::Drop(it) => it.trigger.as_ref(),
        Finding::Throttle(it) => it.trigger.as_ref(),
        Finding::Blockpage(it) => it.trigger.as_ref(),
    }
}

/// Packets that it stands on.
pub(super) fn packets(finding: &Finding) -> &[u64] {
    match finding {
        Finding::Flow(it) => std::slice::from_ref(&it.packet),
        Finding::Dns(it) => std::slice::from_ref(&it.packet),
        Finding::Quic(it) => std::slice::from_ref(&it.packet),
        Finding::Injection(it) => &it.packets,
        Finding::Drop(it) => &it.packets,
        Finding::Throttle(it) => &it.packets,
        Finding::Blockpage(it) => &it.packets,
    }
}

fn first_packet(finding: &Finding) -> Option<u64> {
    packets(finding).iter().min().copied()
}

fn at_ns(finding: &Finding) -> i64 {
    match finding {
        Finding::Flow(it) => it.first_ns,
        Finding::Dns(_) | Finding::Quic(_) => 0,
        Finding::Injection(it) => it.at_ns,
        Finding::Drop(it) => it.at_ns,
        Finding::Throttle(it) => it.at_ns,
        Finding::Blockpage(it) => it.at_ns,
    }
}

/// The name in it, where it is one.
fn name(trigger: &Trigger) -> Option<&str> {
    let is_name = matches!(
        trigger.kind,
        TriggerKind::Sni | TriggerKind::QuicSni | TriggerKind::Host | TriggerKind::Qname
    );
    is_name.then_some(trigger.value.as_str()).filter(|name| !name.is_empty())
}

/// The layer at which it happened: that of what was asked for.
pub(super) fn layer(finding: &Finding) -> Layer {
    match (trigger(finding).map(|it| it.kind), connection(finding).protocol) {
        (Some(TriggerKind::Sni), _) => Layer::Tls,
        (Some(TriggerKind::Host | TriggerKind::Path), _) => Layer::Http,
        (Some(TriggerKind::Qname), _) => Layer::Dns,
        (Some(TriggerKind::QuicSni), _) => Layer::Quic,
        (Some(TriggerKind::Port) | None, Protocol::Udp) => Layer::Quic,
        (Some(TriggerKind::Port) | None, _) => Layer::Tcp,
    }
}

/// What a step came to, as the packets show it.
pub(super) fn outcome(finding: &Finding) -> (Layer, Outcome) {
    let layer = layer(finding);
    let what = match finding {
        Finding::Flow(it) => match it.signature.as_ref().map_or("", |it| it.name) {
            name if name.contains("RST") => What::Reset,
            _ => What::Silence,
        },
        Finding::Injection(it) if it.what.contains(&"dns_answer") => {
            return (Layer::Dns, Outcome::DnsAnswer);
        }
        Finding::Injection(it) if it.what.contains(&"icmp") => {
            return (Layer::Tcp, Outcome::TcpUnreachable);
        }
        Finding::Injection(it) if it.what.iter().any(|what| what.starts_with("rst")) => What::Reset,
        Finding::Injection(it) if it.what.contains(&"fin") => What::Close,
        Finding::Injection(_) => What::Else,
        Finding::Drop(it) if it.what == "syn" => return (Layer::Tcp, Outcome::TcpTimeout),
        Finding::Drop(_) => What::Silence,
        Finding::Throttle(_) => return (Layer::Http, Outcome::HttpSlow),
        Finding::Blockpage(_) => return (Layer::Http, Outcome::HttpResponse),
        Finding::Dns(_) | Finding::Quic(_) => What::Else,
    };
    (layer, what.at(layer))
}

/// How something ended.
enum What {
    Reset,
    Close,
    Silence,
    Else,
}

impl What {
    fn at(&self, layer: Layer) -> Outcome {
        match (layer, self) {
            (Layer::Dns, Self::Silence) => Outcome::DnsTimeout,
            (Layer::Dns, _) => Outcome::DnsFailed,
            (Layer::Tcp, Self::Reset) => Outcome::TcpReset,
            (Layer::Tcp, Self::Silence) => Outcome::TcpTimeout,
            (Layer::Tcp, _) => Outcome::TcpFailed,
            (Layer::Tls, Self::Reset) => Outcome::TlsReset,
            (Layer::Tls, Self::Close) => Outcome::TlsClose,
            (Layer::Tls, Self::Silence) => Outcome::TlsTimeout,
            (Layer::Tls, Self::Else) => Outcome::TlsFailed,
            (Layer::Quic, Self::Silence) => Outcome::QuicTimeout,
            (Layer::Quic, _) => Outcome::QuicFailed,
            (Layer::Http, Self::Reset) => Outcome::HttpReset,
            (Layer::Http, Self::Close) => Outcome::HttpClose,
            (Layer::Http, Self::Silence) => Outcome::HttpTimeout,
            (Layer::Http | Layer::App, _) => Outcome::HttpFailed,
        }
    }
}

/// What a finding calls it.
fn failure(finding: &Finding) -> Option<String> {
    match finding {
        Finding::Flow(it) => it.signature.as_ref().map(|it| it.name.to_owned()),
        Finding::Injection(it) => Some(it.what.join("+")),
        Finding::Drop(it) => Some(it.what.to_owned()),
        Finding::Throttle(it) => Some(it.kind.to_owned()),
        Finding::Blockpage(_) | Finding::Dns(_) | Finding::Quic(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use wirewitness_analysis::tamper::finding::{Grade, Injection};

    use super::*;
    use crate::ingest::Judging;
    use crate::ingest::endings::{ending, ends};

    fn injection(seen_from: SeenFrom, packet: u64) -> Finding {
        Finding::Injection(Box::new(Injection {
            connection: ends(),
            grade: Grade::Injected,
            what: vec!["rst"],
            claims: wirewitness_analysis::tamper::finding::End::Server,
            seen_from,
            packets: vec![packet],
            at_ns: 1_700_000_000_000_000_000,
            evidence: vec![wirewitness_analysis::tamper::finding::Evidence {
                kind: "made_up",
                says: "from 192.0.2.7 to 198.51.100.7, not 192.0.2.77".to_owned(),
                packets: vec![packet],
            }],
            against: Vec::new(),
            trigger: Some(Trigger {
                kind: TriggerKind::Sni,
                value: "Blocked.example".to_owned(),
                packet: 1,
            }),
            injectors: Vec::new(),
            forged: Vec::new(),
            answers: Vec::new(),
            app: Some("an app".to_owned()),
        }))
    }

    fn taken(findings: Vec<Finding>) -> Result<[String; 3], String> {
        let fingerprints = wirewitness_analysis::fingerprints::Fingerprints::compile(Vec::new()).0;
        let asns = Box::new(wirewitness_analysis::judge::address::NoTable);
        let judging = Judging::new((fingerprints, &[]), (asns, &[]));
        let context = judging.context();
        let taking = Taking { source: "a.pcap", judged_with: "x", context: &context };
        let mut tables = Tables::new();
        tables.take_captured(&Captured::new(b"hash", findings).unwrap(), &taking)?;
        let Tables { mut measurement, mut observation, mut verdict, .. } = tables;
        Ok([&mut measurement, &mut observation, &mut verdict]
            .map(|rows| format!("{:?}", rows.finish().unwrap())))
    }

    #[test]
    fn no_address_of_a_client_or_of_who_captured_is_in_a_row() {
        let told = taken(vec![injection(SeenFrom::Client, 5)]).unwrap().concat();
        assert!(told.contains("198.51.100.7") && told.contains("192.0.2.77"), "{told}");
        assert!(told.contains("192.0.2.0/24") && told.contains("blocked.example"), "{told}");
        assert!(!told.contains("192.0.2.7 ") && !told.contains("an app"), "{told}");
        let told = taken(vec![injection(SeenFrom::Server, 5)]).unwrap().concat();
        assert!(!told.contains("198.51.100.7") && told.contains("198.51.100.0/24"), "{told}");
    }

    #[test]
    fn a_name_in_the_same_capture_is_the_same_and_no_time_is_told() {
        let id = |hash: &[u8], packet| {
            Captured::new(hash, vec![injection(SeenFrom::Client, packet)]).unwrap().id
        };
        assert_eq!(id(b"one", 5), id(b"one", 5));
        assert_ne!(id(b"one", 5), id(b"one", 6));
        assert_ne!(id(b"one", 5), id(b"two", 5));
        assert!(Captured::new(b"one", Vec::new()).is_none());
        let mut timeless = injection(SeenFrom::Client, 5);
        if let Finding::Injection(it) = &mut timeless {
            it.at_ns = 0;
        }
        assert!(taken(vec![timeless]).unwrap_err().contains("no time"));
    }

    #[test]
    fn what_is_sure_and_ended_badly_is_high_and_endings_alone_say_nothing() {
        let flow = ending();
        let of = |findings: &[Finding]| {
            let verdict = weighing::verdict(findings);
            let mechanism = verdict.mechanism.map(|it| it.word());
            (verdict.status.word(), mechanism, verdict.confidence.word(), verdict.rule.id)
        };
        let found = injection(SeenFrom::Client, 5);
        let sni = Some("tls.reset.sni");
        assert_eq!(
            of(std::slice::from_ref(&found)),
            ("blocked", sni, "medium", "capture.injection")
        );
        let both = [found.clone(), flow.clone()];
        assert_eq!(of(&both), ("blocked", sni, "high", "capture.injection"));
        assert_eq!(of(&[flow]), ("insufficient", None, "low", "capture.undecided"));
        let mut undecided = found;
        if let Finding::Injection(it) = &mut undecided {
            it.grade = Grade::Undecided;
        }
        assert_eq!(of(&[undecided]), ("insufficient", None, "low", "capture.undecided"));
    }
}
