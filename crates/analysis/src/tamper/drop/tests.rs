//! Silence that is somebody's, and silence that is nobody's.

use super::*;
use crate::tamper::finding::{Drop, DropGrade, TriggerKind};

const SECOND: i64 = 1_000_000_000;

struct Line(Drops, u64);

impl Line {
    fn new() -> Self {
        Self(Drops::default(), 1)
    }

    fn ended(&mut self, name: &str, change: impl FnOnce(&mut Ended)) {
        let packet = self.1 * 100;
        let at_ns = self.1 as i64 * 20 * SECOND;
        self.1 += 1;
        let client: SocketAddr = ([192, 0, 2, 1], 40_000_u16.wrapping_add(packet as u16)).into();
        let server: SocketAddr = ([198, 51, 100, 1], 443).into();
        let mut ended = Ended {
            connection: Connection { protocol: Protocol::Tcp, client, server },
            seen_from: SeenFrom::Client,
            first: (packet, at_ns),
            last_ns: at_ns + 15 * SECOND,
            trigger: Some(Trigger { kind: TriggerKind::Sni, value: name.into(), packet }),
            handshake: true,
            round_trip_ns: Some(SECOND / 20),
            unanswered: vec![packet],
            unanswered_since_ns: at_ns,
            repeated: 0,
            server_payload: 0,
            reset: false,
            server_fin: false,
            injected_reset: false,
            app: None,
        };
        change(&mut ended);
        self.0.ended(ended);
    }

    fn silent(&mut self, name: &str) {
        self.ended(name, |it| it.repeated = 5);
    }

    fn answered(&mut self, name: &str) {
        self.ended(name, |it| {
            it.unanswered.clear();
            it.server_payload = 4000;
        });
    }

    fn drops(mut self) -> Vec<Drop> {
        let mut found = Vec::new();
        self.0.finish(self.1 as i64 * 20 * SECOND, &mut |finding| match finding {
            Finding::Drop(drop) => found.push(*drop),
            other => panic!("{other:?}"),
        });
        found
    }

    fn grades(self) -> Vec<(String, DropGrade)> {
        let name = |it: &Drop| it.trigger.as_ref().map_or(String::new(), |it| it.value.clone());
        self.drops().iter().map(|it| (name(it), it.grade)).collect()
    }
}

#[test]
fn a_name_that_is_dropped_beside_one_that_is_not() {
    let mut line = Line::new();
    line.answered("fine.example");
    line.silent("blocked.example");
    line.silent("blocked.example");
    line.answered("fine.example");
    let drops = line.drops();
    assert_eq!(drops.len(), 1);
    assert_eq!((drops[0].grade, drops[0].what), (DropGrade::Dropped, "client_hello"));
    assert_eq!(drops[0].control.as_ref().unwrap().value, "fine.example");
    assert_eq!(drops[0].packets, [200, 300]);
}

#[test]
fn without_a_control_it_is_likely_at_most() {
    let mut line = Line::new();
    line.silent("blocked.example");
    assert_eq!(line.grades(), [("blocked.example".into(), DropGrade::Likely)]);
}

#[test]
fn a_control_on_another_port_or_of_another_client_is_weaker() {
    for other_client in [false, true] {
        let mut line = Line::new();
        line.silent("blocked.example");
        line.ended("fine.example", |it| {
            it.server_payload = 1;
            match other_client {
                true => it.connection.client = ([192, 0, 2, 9], 5).into(),
                false => it.connection.server.set_port(8443),
            }
        });
        let drops = line.drops();
        assert_eq!(drops[0].grade, DropGrade::Likely);
        assert_eq!(drops[0].control.as_ref().unwrap().value, "fine.example");
        assert_eq!(drops[0].evidence[1].kind, "same_address");
    }
}

#[test]
fn a_server_that_is_down_is_not_a_rule_about_names() {
    let mut line = Line::new();
    for name in ["a.example", "b.example", "c.example"] {
        line.silent(name);
    }
    let grades = line.grades();
    assert_eq!(grades.len(), 3);
    assert!(grades.iter().all(|(_, grade)| *grade == DropGrade::Undecided), "{grades:?}");
}

#[test]
fn a_lossy_line_comes_and_goes() {
    let mut line = Line::new();
    line.answered("fine.example");
    line.silent("other.example");
    line.answered("other.example");
    assert_eq!(line.grades(), []);
    let mut line = Line::new();
    line.answered("other.example");
    line.answered("fine.example");
    line.silent("other.example");
    line.silent("other.example");
    assert_eq!(line.grades(), [("other.example".into(), DropGrade::Undecided)]);
}

#[test]
fn slow_servers_and_lost_packets() {
    for change in [
        // An answer that took three repeats.
        (|it: &mut Ended| (it.repeated, it.server_payload) = (3, 100)) as fn(&mut Ended),
        // Two packets lost.
        |it| it.repeated = 2,
        // The server refuses.
        |it| (it.repeated, it.reset) = (5, true),
        // The capture is the server's own.
        |it| (it.repeated, it.seen_from) = (5, SeenFrom::Server),
    ] {
        let mut line = Line::new();
        line.answered("fine.example");
        line.ended("other.example", change);
        assert_eq!(line.grades(), []);
    }
}

#[test]
fn requests_that_were_not_repeated_count_together() {
    for (times, server_fin, found) in [(3, false, 0), (4, false, 1), (40, false, 1), (40, true, 0)]
    {
        let mut line = Line::new();
        for _ in 0..times {
            line.ended("blocked.example", |it| it.server_fin = server_fin);
        }
        assert_eq!(line.grades().len(), found, "{times} {server_fin}");
    }
}

#[test]
fn probes_that_icmp_says_expired_are_no_evidence() {
    let mut line = Line::new();
    for _ in 0..10 {
        let client: SocketAddr = ([192, 0, 2, 1], 40_000 + line.1 as u16 * 100).into();
        let server = ([198, 51, 100, 1], 443).into();
        line.0.unreachable(Connection { protocol: Protocol::Tcp, client, server }, 0);
        line.ended("blocked.example", |_| {});
    }
    assert_eq!(line.grades(), []);
}

#[test]
fn silence_that_the_end_of_the_capture_cuts() {
    let mut line = Line::new();
    for _ in 0..4 {
        line.ended("blocked.example", |it| it.unanswered_since_ns = 99 * SECOND);
    }
    // Five connections of twenty seconds: the capture ends at 100 s.
    assert_eq!(line.grades(), []);
}

#[test]
fn quic_without_an_answer() {
    let udp = |it: &mut Ended| {
        it.connection.protocol = Protocol::Udp;
        it.handshake = false;
    };
    for (attempts, grade) in [(4, DropGrade::Undecided), (10, DropGrade::Likely)] {
        let mut line = Line::new();
        for _ in 0..attempts {
            line.ended("blocked.example", udp);
        }
        assert_eq!(line.grades(), [("blocked.example".into(), grade)]);
    }
    let mut line = Line::new();
    line.ended("blocked.example", |it| {
        udp(it);
        it.repeated = 3;
    });
    line.ended("fine.example", |it| {
        udp(it);
        it.server_payload = 3;
    });
    assert_eq!(line.grades(), [("blocked.example".into(), DropGrade::Dropped)]);
}

#[test]
fn two_datagrams_without_an_answer_beside_many_with() {
    for (answered, silent, found) in [(8, 2, 1), (8, 1, 0), (3, 2, 0)] {
        let mut line = Line::new();
        let udp = |it: &mut Ended| {
            (it.connection.protocol, it.handshake) = (Protocol::Udp, false);
        };
        for _ in 0..silent {
            line.ended("blocked.example", udp);
        }
        for _ in 0..answered {
            line.ended("fine.example", |it| {
                udp(it);
                it.server_payload = 3;
            });
        }
        let expected = vec![("blocked.example".to_owned(), DropGrade::Likely); found];
        assert_eq!(line.grades(), expected, "{answered} {silent}");
    }
}

#[test]
fn silence_after_a_reset_and_of_syns() {
    let mut line = Line::new();
    line.ended("blocked.example", |it| {
        (it.injected_reset, it.reset, it.repeated) = (true, true, 4)
    });
    let drops = line.drops();
    assert_eq!((drops[0].what, drops[0].grade), ("after_reset", DropGrade::Likely));
    let mut line = Line::new();
    for _ in 0..1000 {
        line.ended("", |it| (it.handshake, it.repeated, it.trigger) = (false, 3, None));
    }
    let drops = line.drops();
    assert_eq!((drops.len(), drops[0].what, drops[0].grade), (1, "syn", DropGrade::Undecided));
}

#[test]
fn connections_that_freeze_alike() {
    for (sizes, found) in [
        (&[15_900, 16_100, 16_300][..], 1),
        (&[15_900, 16_100], 0),
        (&[15_900, 160_000, 400_000], 0),
    ] {
        let mut line = Line::new();
        for size in sizes {
            line.ended("frozen.example", |it| (it.server_payload, it.repeated) = (*size, 4));
        }
        let whats: Vec<_> = line.drops().iter().map(|it| it.what).collect();
        assert_eq!(whats, vec!["stall"; found], "{sizes:?}");
    }
}

#[test]
fn memory_is_bounded_in_a_flood() {
    let mut line = Line::new();
    for number in 0..200_000_u32 {
        line.ended(&format!("{number}.example"), |it| {
            it.repeated = 5;
            it.connection.server.set_ip(std::net::Ipv4Addr::from(number % 90_000).into());
        });
    }
    assert!(line.0.forgotten() > 0);
    assert!(line.0.memory() < 256 << 20, "{}", line.0.memory());
    let mut told = 0;
    line.0.finish(i64::MAX, &mut |_| told += 1);
    assert!(told > 0);
}
