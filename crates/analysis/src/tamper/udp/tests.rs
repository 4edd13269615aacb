//! Questions and answers, and what makes an answer somebody else's.

use std::net::{IpAddr, SocketAddr};

use wirewitness_wire::app::dns::{Answer, Message, kind, rcode};

use super::*;
use crate::tamper::finding::{Dns, Grade, Injection};

const MS: i64 = 1_000_000;

#[derive(Default)]
struct Line {
    watch: UdpWatch,
    drops: Drops,
    packet: u64,
    findings: Vec<Finding>,
}

/// How an answer looks beside what it says.
#[derive(Clone, Copy)]
struct Look {
    ttl: u8,
    edns: bool,
    flags: Option<u16>,
}

const PLAIN: Look = Look { ttl: 57, edns: true, flags: None };

fn client() -> SocketAddr {
    ([192, 0, 2, 1], 40_000).into()
}

fn resolver() -> SocketAddr {
    ([198, 51, 100, 53], 53).into()
}

fn with_edns(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes[11] = 1;
    bytes.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
    bytes
}

impl Line {
    fn datagram(
        &mut self,
        at_ns: i64,
        (source, destination): (SocketAddr, SocketAddr),
        ttl: u8,
        payload: &[u8],
    ) {
        self.packet += 1;
        let (packet, identification) = (self.packet, Some(7));
        let (dont_fragment, way) = (false, Way::Unknown);
        let seen =
            Seen { packet, at_ns, source, destination, ttl, identification, dont_fragment, way };
        let (source_port, destination_port) = (source.port(), destination.port());
        let udp = Udp { source_port, destination_port, payload, payload_len: payload.len() };
        let out = &mut |it| self.findings.push(it);
        self.watch.datagram(&seen, &udp, &mut self.drops, out);
    }

    fn ask(&mut self, at_ns: i64, id: u16, name: &str) {
        let bytes = with_edns(Message::question(id, name, kind::A).to_bytes().unwrap());
        self.datagram(at_ns, (client(), resolver()), 64, &bytes);
    }

    fn answer(&mut self, at_ns: i64, id: u16, name: &str, says: &[[u8; 4]], look: Look) {
        let rcode = if says.is_empty() { rcode::NXDOMAIN } else { rcode::NO_ERROR };
        self.answer_with((at_ns, id), name, (rcode, says), look);
    }

    fn answer_with(
        &mut self,
        (at_ns, id): (i64, u16),
        name: &str,
        (rcode, says): (u8, &[[u8; 4]]),
        look: Look,
    ) {
        let answers = says.iter().map(|it| Answer::address(name, (*it).into())).collect();
        let message = Message::question(id, name, kind::A).answer(rcode, answers);
        let mut bytes = message.to_bytes().unwrap();
        if let Some(flags) = look.flags {
            bytes[2..4].copy_from_slice(&flags.to_be_bytes());
        }
        let bytes = if look.edns { with_edns(bytes) } else { bytes };
        self.datagram(at_ns, (resolver(), client()), look.ttl, &bytes);
    }

    /// Twenty questions as a resolver answers them, 20 ms away.
    fn usual(&mut self) {
        for number in 0..20 {
            let (at_ns, name) = (i64::from(number) * 100 * MS, format!("{number}.example"));
            self.ask(at_ns, number, &name);
            let after = 20 + i64::from(number % 3) * 30;
            self.answer(at_ns + after * MS, number, &name, &[[203, 0, 113, number as u8]], PLAIN);
        }
    }

    fn told(mut self) -> (Vec<Dns>, Vec<Injection>) {
        self.watch.finish(i64::MAX, &mut self.drops, &mut |it| self.findings.push(it));
        let (mut questions, mut injections) = (Vec::new(), Vec::new());
        for finding in self.findings {
            match finding {
                Finding::Dns(it) => questions.push(*it),
                Finding::Injection(it) => injections.push(*it),
                other => panic!("{other:?}"),
            }
        }
        (questions, injections)
    }

    fn grades(self) -> Vec<(Grade, Vec<&'static str>)> {
        let kinds = |it: &Injection| it.evidence.iter().map(|it| it.kind).collect();
        self.told().1.iter().map(|it| (it.grade, kinds(it))).collect()
    }
}

#[test]
fn questions_and_answers_are_told() {
    let mut line = Line::default();
    line.ask(0, 1, "a.example");
    line.answer(25 * MS, 1, "a.example", &[[203, 0, 113, 1]], PLAIN);
    line.ask(MS, 2, "b.example");
    let (questions, injections) = line.told();
    assert_eq!(injections, []);
    assert_eq!((&*questions[0].name, questions[0].kind, questions[0].packet), ("a.example", 1, 1));
    assert_eq!(questions[0].answers[0].values, ["203.0.113.1"]);
    assert_eq!(questions[0].answers[0].after_ms, Some(25.0));
    assert_eq!((&*questions[1].name, questions[1].answers.len()), ("b.example", 0));
}

#[test]
fn two_answers_that_differ_are_injected() {
    let mut line = Line::default();
    line.usual();
    line.ask(5000 * MS, 500, "blocked.example");
    let look = Look { ttl: 200, edns: false, flags: Some(0x8580) };
    line.answer(5004 * MS, 500, "blocked.example", &[[93, 46, 8, 89]], look);
    line.answer(5020 * MS, 500, "blocked.example", &[[203, 0, 113, 99]], PLAIN);
    let (_, injections) = line.told();
    assert_eq!(injections.len(), 1);
    assert_eq!((injections[0].grade, &*injections[0].packets), (Grade::Injected, &[42][..]));
    let kinds: Vec<_> = injections[0].evidence.iter().map(|it| it.kind).collect();
    assert_eq!(kinds, ["dns_answers_differ", "no_edns", "ttl_step", "too_soon", "authoritative"]);
}

#[test]
fn one_answer_that_is_not_like_the_others() {
    for (look, after, expected) in [
        (Look { ttl: 200, edns: false, flags: None }, 4, Some(Grade::Likely)),
        (Look { ttl: 200, ..PLAIN }, 4, Some(Grade::Likely)),
        (Look { edns: false, ..PLAIN }, 20, Some(Grade::Likely)),
        // One thing alone: another path, a full cache, a name that the resolver itself is asked for.
        (Look { ttl: 50, ..PLAIN }, 20, None),
        (PLAIN, 4, None),
        (Look { flags: Some(0x8580), ..PLAIN }, 20, None),
    ] {
        let mut line = Line::default();
        line.usual();
        line.ask(5000 * MS, 500, "blocked.example");
        line.answer((5000 + after) * MS, 500, "blocked.example", &[[93, 46, 8, 89]], look);
        let grades: Vec<Grade> = line.grades().into_iter().map(|(grade, _)| grade).collect();
        assert_eq!(grades, expected.into_iter().collect::<Vec<_>>(), "{} {after}", look.ttl);
    }
}

#[test]
fn forged_addresses_of_the_table() {
    let mut line = Line::default();
    line.ask(0, 1, "blocked.example");
    let look = Look { edns: false, ..PLAIN };
    line.answer(3 * MS, 1, "blocked.example", &[[10, 10, 34, 35]], look);
    let (_, injections) = line.told();
    assert_eq!(injections[0].grade, Grade::Likely);
    assert_eq!(injections[0].injectors[0].consistent_with, "Iran's filter");
}

#[test]
fn harmless_answers() {
    let (one, other) = ([203, 0, 113, 1], [203, 0, 113, 2]);
    // The same answer twice: a copy of the capture, or of the network.
    let mut line = Line::default();
    line.ask(0, 1, "a.example");
    line.answer(20 * MS, 1, "a.example", &[one], PLAIN);
    line.answer(20 * MS, 1, "a.example", &[one], PLAIN);
    assert_eq!(line.grades(), []);
    // In turns, to a question that was asked again with the same id.
    let mut line = Line::default();
    line.ask(0, 1, "a.example");
    line.ask(1000 * MS, 1, "a.example");
    line.answer(1020 * MS, 1, "a.example", &[one], PLAIN);
    line.answer(1021 * MS, 1, "a.example", &[other], PLAIN);
    assert_eq!(line.grades(), []);
    // In another order.
    let mut line = Line::default();
    line.ask(0, 1, "a.example");
    line.answer(20 * MS, 1, "a.example", &[one, other], PLAIN);
    line.answer(21 * MS, 1, "a.example", &[other, one], PLAIN);
    assert_eq!(line.grades(), []);
    // Two questions, two places, and an id that is used again for another name.
    let mut line = Line::default();
    for (id, name, says) in
        [(1, "a.example", one), (2, "a.example", other), (1, "b.example", other)]
    {
        line.ask(0, id, name);
        line.answer(20 * MS, id, name, &[says], PLAIN);
    }
    assert_eq!(line.grades(), []);
    // A resolver that fails and then answers.
    let mut line = Line::default();
    line.ask(0, 1, "a.example");
    line.answer_with((20 * MS, 1), "a.example", (rcode::SERVFAIL, &[]), PLAIN);
    line.answer(25 * MS, 1, "a.example", &[one], PLAIN);
    assert_eq!(line.grades(), []);
}

#[test]
fn a_refusal_beside_an_address_is_likely() {
    let mut line = Line::default();
    line.ask(0, 1, "blocked.example");
    line.answer(3 * MS, 1, "blocked.example", &[], PLAIN);
    line.answer(25 * MS, 1, "blocked.example", &[[203, 0, 113, 1]], PLAIN);
    assert_eq!(line.grades(), [(Grade::Likely, vec!["dns_answers_differ"])]);
}

#[test]
fn answers_without_their_questions() {
    let mut line = Line::default();
    line.answer(20 * MS, 1, "a.example", &[[203, 0, 113, 1]], PLAIN);
    line.answer(21 * MS, 1, "a.example", &[[203, 0, 113, 2]], PLAIN);
    let (questions, injections) = line.told();
    assert_eq!((questions.len(), injections.len()), (1, 0));
    assert_eq!(questions[0].answers[0].after_ms, None);
}

#[test]
fn what_is_no_question_to_a_resolver() {
    let mut line = Line::default();
    let question = Message::question(1, "printer.local", kind::A).to_bytes().unwrap();
    for port in [5353, 5355, 137] {
        line.datagram(0, (client(), SocketAddr::new(resolver().ip(), port)), 64, &question);
    }
    let mut update = question.clone();
    update[2] = 0x28;
    line.datagram(0, (client(), resolver()), 64, &update);
    line.datagram(0, (client(), resolver()), 64, &question[..20]);
    line.datagram(0, (client(), resolver()), 64, b"");
    assert_eq!(line.told(), (Vec::new(), Vec::new()));
}

#[test]
fn floods_are_bounded() {
    let mut line = Line::default();
    for number in 0..200_000_u32 {
        let source = SocketAddr::new(IpAddr::V4(number.into()), 1000);
        let bytes = Message::question(1, "a.example", kind::A).to_bytes().unwrap();
        line.datagram(0, (source, resolver()), 64, &bytes);
        let mut initial = vec![0xc3, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0x44, 0x9e];
        initial.resize(1200, 7);
        if number % 4 == 0 {
            line.datagram(0, (source, ([198, 51, 100, 2], 443).into()), 64, &initial);
        }
    }
    assert!(line.watch.memory() < 128 << 20, "{}", line.watch.memory());
    line.watch.finish(0, &mut line.drops, &mut |it| line.findings.push(it));
    let of_dns = line.findings.iter().filter(|it| matches!(it, Finding::Dns(_))).count();
    let of_quic = line.findings.iter().filter(|it| matches!(it, Finding::Quic(_))).count();
    assert_eq!((of_dns, of_quic), (200_000, 50_000));
    assert_eq!(line.watch.counts(), (200_000, 50_000));
}

#[test]
fn an_error_that_quotes_a_packet_answers_it() {
    let mut quoted = vec![0x45, 0, 0, 40, 0, 0, 0, 0, 1, 6, 0, 0, 192, 0, 2, 1, 198, 51, 100, 1];
    quoted.extend([0x9c, 0x40, 1, 0xbb, 0, 0, 0, 0]);
    let icmp = Icmp { version_6: false, kind: 11, code: 0, quoted: &quoted };
    let connection = super::quoted(&icmp).unwrap();
    assert_eq!(connection.protocol, Protocol::Tcp);
    assert_eq!(connection.client, client());
    assert_eq!(connection.server, ([198, 51, 100, 1], 443).into());
    for len in 0..24 {
        let icmp = Icmp { quoted: &quoted[..len], ..icmp };
        assert_eq!(super::quoted(&icmp), None);
    }
}
