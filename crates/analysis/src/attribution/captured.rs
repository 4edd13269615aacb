//! A capture as evidence: what its forged packets, answers and pages say of the device that sent them.
//!
//! Only some families can come from a capture: headers of forged resets and the arithmetic between them, the shape of forged DNS answers, and pages.
//! How a parser reads, how many fragments are joined and where a device stands take probes that nobody sends by accident. There are no
//! trials and no controls either, so what a capture says is never more than "consistent with".
//!
//! Packets are put together by kind (their flags, the flag against fragments, whether each comes several times alike): one device sends one kind, and two devices on a path mostly two. The
//! key of resets is looked for per pair of addresses, since it is made from these.

mod packets;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::arithmetic::seed::{By, SeedKey};
use super::battery::{
    Battery, Behaviour, Controls, DnsTest, End, Packet, PageTest, ResetTest, Response,
};
use super::evidence::{Evidence, evidence, resets};
use super::profile::Catalogue;
use super::profile::schema::Family;
use super::report::{Report, report};
use crate::tamper::finding::{self, Drop, DropGrade, Finding, Grade, Injection};
use packets::{alone_of, are_public, copies, is_by_addresses, kind, packet, test, usual};

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
            Finding::Blockpage(it)
                if self.pages.len() < MOST_KINDS && !self.pages.contains(&it.page) =>
            {
                self.pages.push(it.page.clone());
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
