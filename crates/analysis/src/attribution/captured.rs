//! A capture as evidence: what its forged packets, answers and pages say of the device that sent them.
//!
//! Only some families can come from a capture: headers of forged resets and the arithmetic between them, the shape of forged DNS answers, and pages.
//! How a parser reads, how many fragments are joined and where a device stands take probes that nobody sends by accident. There are no
//! trials and no controls either, so what a capture says is never more than "consistent with".
//!
//! Packets are put together by kind (their flags, the flag against fragments, whether each comes several times alike): one device sends one kind, and two devices on a path mostly two. The
//! key of resets is looked for per pair of addresses, since it is made from these.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::arithmetic::seed::{By, Fields, SeedKey, alone};
use super::battery::{
    Battery, Behaviour, Controls, DnsTest, End, EndsSeen, Packet, PageTest, ResetTest, Response,
};
use super::evidence::{Evidence, Value, What, evidence, resets};
use super::profile::Catalogue;
use super::profile::schema::Family;
use super::report::{Report, report};
use crate::tamper::finding::{self, Drop, DropGrade, Finding, Forged, Grade, Injection};
use wirewitness_wire::transport::flag;

/// Whether the addresses of a capture are those that were on the wire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Addresses {
    /// As far as is known.
    #[default]
    Kept,
    /// They were replaced, so that nothing can be computed from them.
    Rewritten,
}

/// What is taken from the findings of one capture.
#[derive(Debug, Clone, Default)]
pub struct Captured {
    addresses: Addresses,
    kinds: BTreeMap<Kind, BTreeMap<Pair, Vec<Sent>>>,
    responses: Vec<Response>,
    pages: Vec<PageTest>,
    drops: usize,
    version_6: usize,
    left_out: usize,
    packets: Vec<u64>,
    alike: Vec<String>,
}

/// Forged packets that one device may have sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    what: Segment,
    flags: &'static str,
    df: bool,
    copies: Copies,
}

/// Whether a packet came once, or several times alike at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Copies {
    One,
    Several,
}

/// What a forged segment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    /// An end of the connection, or data.
    Reset,
    /// A second answer to the opening: of it no table of devices tells headers.
    SynAck,
}

/// Client and server.
type Pair = (Ipv4Addr, Ipv4Addr);

/// A forged packet, and what it belongs to.
#[derive(Debug, Clone)]
struct Sent {
    ports: (u16, u16),
    at_ns: i64,
    packet: Packet,
}

/// Forged packets that are looked at, of one capture.
const MOST_PACKETS: usize = 20_000;
/// Kinds of DNS answers, pages, and addresses of answers, of one capture.
const MOST_KINDS: usize = 16;
const MOST_ADDRESSES: usize = 1_000;
/// Packets that come within this time of one another were set off together.
const BURST_NS: i64 = 200_000_000;

impl Captured {
    /// Takes in a finding: what is likely forged at least, and pages. Others are passed over.
    pub fn put(&mut self, finding: &Finding) {
        match finding {
            Finding::Injection(it) if it.grade >= Grade::Likely => self.injection(it),
            Finding::Blockpage(it) if self.pages.len() < MOST_KINDS => {
                if !self.pages.contains(&it.page) {
                    self.pages.push(it.page.clone());
                }
            }
            Finding::Drop(it) => self.drop(it),
            _ => {}
        }
    }

    /// Says that addresses were replaced before the capture was published.
    pub fn rewritten(&mut self) {
        self.addresses = Addresses::Rewritten;
    }

    /// Numbers of the forged packets, as they came.
    pub fn packets(&self) -> &[u64] {
        &self.packets
    }

    fn drop(&mut self, drop: &Drop) {
        self.drops += usize::from(drop.grade >= DropGrade::Likely);
    }

    fn injection(&mut self, injection: &Injection) {
        for answer in &injection.answers {
            self.answer(answer);
        }
        if injection.connection.protocol != finding::Protocol::Tcp {
            return;
        }
        let (client, server) = (injection.connection.client, injection.connection.server);
        let to = match injection.claims {
            finding::End::Client => End::Server,
            finding::End::Server => End::Client,
        };
        for injector in &injection.injectors {
            let name = &injector.consistent_with;
            if !self.alike.contains(name) && self.alike.len() < MOST_KINDS {
                self.alike.push(name.clone());
            }
        }
        for forged in &injection.forged {
            let (IpAddr::V4(client), IpAddr::V4(server), Some(ipid)) =
                (client.ip(), server.ip(), forged.identification)
            else {
                self.version_6 += 1;
                continue;
            };
            if self.packets.len() >= MOST_PACKETS {
                self.left_out += 1;
                continue;
            }
            self.packets.push(forged.packet);
            let ports = (injection.connection.client.port(), injection.connection.server.port());
            let (what, flags) = kind(forged);
            let packet = packet(forged, to, (flags, ipid));
            let sent = Sent { ports, at_ns: forged.at_ns, packet };
            let kind = Kind {
                what,
                flags,
                df: forged.dont_fragment,
                copies: copies(forged, &injection.forged),
            };
            self.kinds.entry(kind).or_default().entry((client, server)).or_default().push(sent);
        }
    }

    fn answer(&mut self, answer: &finding::ForgedAnswer) {
        // What has no answer has no shape.
        let Some(name_compressed) = answer.name_compressed else { return };
        self.packets.push(answer.packet);
        let addresses = answer.addresses.iter().filter_map(|it| match it {
            IpAddr::V4(it) => Some(*it),
            IpAddr::V6(_) => None,
        });
        let is_alike =
            |it: &&mut Response| (it.flags, it.name_compressed) == (answer.flags, name_compressed);
        if let Some(held) = self.responses.iter_mut().find(is_alike) {
            held.seen = held.seen.saturating_add(1);
            held.answers.extend(addresses);
            held.answers.sort_unstable();
            held.answers.dedup();
            held.answers.truncate(MOST_ADDRESSES);
        } else if self.responses.len() < MOST_KINDS {
            let answers = addresses.collect();
            let flags = answer.flags;
            self.responses.push(Response { flags, name_compressed, answers, seen: 1 });
        } else {
            self.left_out += 1;
        }
    }

    /// Scores it. `name` is what the capture is called.
    pub fn report(&self, name: &str, catalogue: &Catalogue) -> Report {
        let evidence = self.evidence();
        let battery =
            Battery { event: name.to_owned(), about: Some(self.about()), ..Battery::default() };
        let mut report = report(&battery, &evidence, catalogue);
        if evidence.is_empty() {
            report.verdict = match self.drops {
                0 => "nothing forged seen: nothing to attribute",
                _ => "connections without an answer seen; silence names no device",
            }
            .to_owned();
        }
        report
    }

    /// Injectors that an inspection calls alike, by marks of which no profile tells.
    fn alike(&self) -> String {
        format!("; packets like those of: {}", self.alike.join(", "))
    }

    fn about(&self) -> String {
        let mut about =
            "a capture: families that its packets allow, without trials or controls".to_owned();
        for (count, what) in [
            (self.drops, "connections had no answer, which names no device"),
            (self.version_6, "forged packets of IPv6, of which no profile tells anything"),
            (self.left_out, "forged packets more were not looked at"),
        ] {
            if count > 0 {
                about += &format!("; {count} {what}");
            }
        }
        if !self.alike.is_empty() {
            about += &self.alike();
        }
        about
    }

    /// What it says, family by family.
    pub fn evidence(&self) -> Vec<Evidence> {
        let mut all: Vec<Evidence> =
            self.kinds.iter().flat_map(|(kind, pairs)| self.of_kind(*kind, pairs)).collect();
        // One entry an injector, as in a battery.
        let dns = self.responses.iter().map(|it| DnsTest {
            controls: Controls::default(),
            probes: Vec::new(),
            responses: vec![it.clone()],
        });
        let battery =
            Battery { dns: dns.collect(), pages: self.pages.clone(), ..Battery::default() };
        let others = evidence(&battery).into_iter();
        all.extend(others.filter(|it| it.family != Family::DnsParser));
        for it in &mut all {
            it.controls = None;
            it.is_partial = true;
        }
        all
    }

    fn of_kind(&self, kind: Kind, pairs: &BTreeMap<Pair, Vec<Sent>>) -> Vec<Evidence> {
        let tests: Vec<ResetTest> = pairs.iter().map(|(pair, sent)| test(*pair, sent)).collect();
        let whole = ResetTest {
            ends: None,
            events: tests.iter().flat_map(|it| it.events.clone()).collect(),
            ..test((Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED), &[])
        };
        let [mut headers, mut key] = resets::families(&whole);
        usual(&mut headers, &whole);
        key.seen.clear();
        key.notes.clear();
        self.key(&mut key, &tests);
        let behaviour = match (kind.what, kind.flags) {
            (Segment::Reset, "fin") => Some(Behaviour::Fin),
            (Segment::Reset, flags) if flags.starts_with("rst") => Some(Behaviour::Rst),
            _ => None,
        };
        let what = match kind.what {
            Segment::Reset => kind.flags,
            Segment::SynAck => "syn_ack",
        };
        let said = format!("{} forged packets of the kind {what}", headers.forged);
        for it in [&mut headers, &mut key] {
            it.behaviour = behaviour;
            it.notes.insert(0, said.clone());
        }
        match kind.what {
            Segment::Reset => vec![headers, key],
            Segment::SynAck => vec![key],
        }
    }

    /// The key of a kind: of the pair of addresses that says most.
    fn key(&self, key: &mut Evidence, tests: &[ResetTest]) {
        let (mut fits, mut hops): (usize, Vec<u8>) = (0, Vec::new());
        let mut untrue = 0;
        let mut found = SeedKey::TooFew;
        for test in tests {
            let of = match self.addresses {
                Addresses::Kept => resets::key_of(test),
                Addresses::Rewritten => resets::key_of(&ResetTest { ends: None, ..test.clone() }),
            };
            if let Some(it) = alone_of(test).filter(|_| self.addresses == Addresses::Kept) {
                fits += it.fits;
                hops.push(it.hops);
            }
            // A device within a translated network sees what the capture has: where that fits, it is true.
            let is_true = test.ends.is_some_and(are_public) || is_by_addresses(&of);
            untrue += usize::from(self.addresses == Addresses::Rewritten || !is_true);
            if resets::rank(&of) > resets::rank(&found) {
                found = of;
            }
        }
        hops.sort_unstable();
        hops.dedup();
        if fits > 0 {
            let hops: Vec<String> = hops.iter().map(u8::to_string).collect();
            key.notes.push(format!(
                "{fits} of {} packets fit k = 13 one by one, {} hops from the capture",
                key.forged,
                hops.join(" or ")
            ));
        }
        if untrue == tests.len() && untrue > 0 {
            let why = match self.addresses {
                Addresses::Rewritten => "addresses were rewritten",
                Addresses::Kept => {
                    "an end has no public address (rewritten, or behind translation)"
                }
            };
            let says = format!("void by address: {why}");
            if found == SeedKey::TooFew {
                key.void = Some(format!("{says}; too few packets for the test without addresses"));
            } else {
                key.notes.push(format!("{says}; what is told is without addresses"));
            }
        } else if matches!(&found, SeedKey::Stable(it) if it.by == By::Blind) {
            key.notes.push(
                "the addresses of the capture do not fit and others would: they were rewritten, or translated".to_owned(),
            );
        }
        resets::tell_key(key, found);
    }
}

/// What a forged segment is, in the words of the schema.
fn kind(forged: &Forged) -> (Segment, &'static str) {
    let has = |flags: u16| forged.flags & flags == flags;
    let beyond = forged.flags & !0xff != 0;
    if has(flag::SYN | flag::ACK) {
        return (Segment::SynAck, "other");
    }
    let flags = match (has(flag::RST), has(flag::FIN), has(flag::ACK)) {
        (true, _, _) if beyond => "rst_ae_reserved",
        (true, _, true) => "rst_ack",
        (true, _, false) => "rst",
        (false, true, _) => "fin",
        (false, false, _) if forged.payload_len > 0 => "data",
        _ => "other",
    };
    (Segment::Reset, flags)
}

/// Whether others like it came at once.
fn copies(forged: &Forged, all: &[Forged]) -> Copies {
    let made = |it: &Forged| (it.identification, it.window, it.flags, it.ttl);
    let is_copy = |other: &&Forged| {
        made(other) == made(forged) && other.at_ns.abs_diff(forged.at_ns) < BURST_NS as u64
    };
    if all.iter().filter(is_copy).count() > 1 { Copies::Several } else { Copies::One }
}

fn packet(forged: &Forged, to: End, (flags, ipid): (&str, u16)) -> Packet {
    // Of what it carries only the length is kept.
    let payload = match forged.payload_len {
        0 => String::new(),
        length if length <= SHORT => SHORT_PAYLOAD.to_owned(),
        length => format!("{length} bytes"),
    };
    Packet {
        to,
        flags: flags.to_owned(),
        ttl: forged.ttl,
        df: forged.dont_fragment,
        ipid,
        window: forged.window,
        payload,
    }
}

/// Bytes up to which a payload may be one that a profile has: of these nothing is said.
const SHORT: u32 = 64;
const SHORT_PAYLOAD: &str = "short";

/// The packets between two addresses, by what set them off.
fn test((client, server): Pair, sent: &[Sent]) -> ResetTest {
    let mut sent: Vec<&Sent> = sent.iter().collect();
    sent.sort_by_key(|it| (it.ports, it.at_ns));
    let mut events: Vec<Vec<Packet>> = Vec::new();
    let mut before: Option<&Sent> = None;
    for it in sent {
        let is_near = before.is_some_and(|before| {
            before.ports == it.ports && it.at_ns.saturating_sub(before.at_ns) < BURST_NS
        });
        match events.last_mut() {
            Some(event) if is_near => event.push(it.packet.clone()),
            _ => events.push(vec![it.packet.clone()]),
        }
        before = Some(it);
    }
    ResetTest {
        behaviour: Behaviour::Rst,
        controls: Controls::default(),
        ends: Some(EndsSeen { client, server }),
        captured: Vec::new(),
        events,
    }
}

/// A capture loses packets, and sees some twice: of what packets have together, what is usual counts. What a packet carries beside
/// its headers was not kept, so of one with a payload nothing is said.
fn usual(headers: &mut Evidence, whole: &ResetTest) {
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    let (mut several, mut alike) = (0, 0);
    for event in &whole.events {
        for end in [End::Client, End::Server] {
            let group: Vec<&Packet> = event.iter().filter(|it| it.to == end).collect();
            if group.is_empty() {
                continue;
            }
            *counts.entry(group.len() as u64).or_default() += 1;
            several += usize::from(group.len() > 1);
            let same = group.windows(2).all(|pair| pair.first() == pair.last());
            alike += usize::from(group.len() > 1 && same);
        }
    }
    let most = counts.iter().max_by_key(|(number, times)| (**times, std::cmp::Reverse(**number)));
    let carries = whole.events.iter().flatten().any(|it| it.payload == SHORT_PAYLOAD);
    headers.seen.retain(|it| it.key != "payload" || !carries);
    for seen in &mut headers.seen {
        match (seen.key, &mut seen.what) {
            ("count_per_side", What::Value(value)) => {
                *value = Value::Numbers(most.iter().map(|(number, _)| **number).collect());
            }
            ("identical", What::Value(value)) => *value = Value::Flag(alike * 2 > several),
            _ => {}
        }
    }
}

fn alone_of(test: &ResetTest) -> Option<super::arithmetic::seed::Alone> {
    let ends = test.ends?;
    let of = |end: End| {
        let fields: Vec<Fields> = test
            .events
            .iter()
            .flatten()
            .filter(|it| it.to == end)
            .map(|it| Fields { window: it.window, identification: it.ipid, ttl: it.ttl })
            .collect();
        let (source, destination) = match end {
            End::Client => (ends.server, ends.client),
            End::Server => (ends.client, ends.server),
        };
        alone(&fields, source, destination)
    };
    [End::Client, End::Server].into_iter().filter_map(of).max_by_key(|it| it.fits)
}

fn is_by_addresses(key: &SeedKey) -> bool {
    matches!(key, SeedKey::Stable(it) if matches!(it.by, By::Addresses(_)))
}

/// True where both ends have addresses that routers between networks carry.
fn are_public(ends: EndsSeen) -> bool {
    let is_public = |it: Ipv4Addr| {
        let [first, second, third, _] = it.octets();
        let shared = first == 100 && (64..128).contains(&second);
        let benchmark = first == 198 && (18..20).contains(&second);
        let of_ietf = [first, second, third] == [192, 0, 0];
        !(it.is_private()
            || it.is_loopback()
            || it.is_link_local()
            || it.is_documentation()
            || it.is_unspecified()
            || it.is_broadcast()
            || it.is_multicast()
            || first == 0
            || first >= 240
            || shared
            || benchmark
            || of_ietf)
    };
    is_public(ends.client) && is_public(ends.server)
}
