//! Connections by hand: what is injected and what only looks like it; the nineteen signatures.

use wirewitness_analysis::tamper::finding::{End, Grade};

use crate::packets::{ACK, FIN, PSH, RST, SYN, Seg, client, opened, run, run_as, server};

fn with(mut segments: Vec<Seg>, more: &[Seg]) -> Vec<Seg> {
    segments.extend(more);
    segments
}

/// A page was answered and acknowledged; 1,000 bytes.
fn answered() -> Vec<Seg> {
    let answer = [
        server(90.0, ACK, 1, 301),
        server(91.0, PSH | ACK, 1, 301).data(1000),
        client(91.2, ACK, 301, 1001),
    ];
    with(opened(40.0), &answer)
}

/// Both ends have said that they end.
fn closed() -> Vec<Seg> {
    let end = [
        client(100.0, FIN | ACK, 301, 1001),
        server(140.0, FIN | ACK, 1001, 302),
        client(140.1, ACK, 302, 1002),
    ];
    with(answered(), &end)
}

#[test]
fn what_only_looks_injected() {
    let cases: Vec<(&str, Vec<Seg>)> = vec![
        ("nothing", closed()),
        ("a firewall's reset after both FIN, mirrored window, first hop count", {
            with(
                closed(),
                &[server(141.0, RST | ACK, 1002, 302).ttl(255).window(502).id(0xd91b).no_df()],
            )
        }),
        ("a load balancer ends an idle connection", {
            let rst = server(350_000.0, RST | ACK, 1001, 301).ttl(251).window(9300).id(0x1111);
            with(answered(), &[rst.no_df()])
        }),
        ("a load balancer of other headers refuses the request", {
            with(
                opened(40.0),
                &[server(82.0, RST | ACK, 1, 301).ttl(243).window(9300).id(0x1111).no_df()],
            )
        }),
        ("all of the server's packets have one hop count", {
            with(answered(), &[server(300.0, RST, 1001, 0).window(0).id(0)])
        }),
        ("an edge resets with another first hop count", {
            with(answered(), &[server(150.0, RST, 1001, 0).window(0).ttl(114).id(0)])
        }),
        ("a scanner's system resets the answer", {
            vec![
                client(0.0, SYN, 0, 0).ttl(250).id(54321),
                server(40.0, SYN | ACK, 0, 1),
                client(40.1, RST, 1, 0).window(0).id(0).ttl(59),
            ]
        }),
        ("the slower of two connections", {
            with(opened(40.0)[..3].to_vec(), &[client(41.0, RST | ACK, 1, 1)])
        }),
        ("a browser leaves data unread, and resets the rest", {
            with(
                answered(),
                &[
                    client(95.0, RST | ACK, 301, 1001),
                    server(96.0, PSH | ACK, 1001, 301).data(1000),
                    client(96.1, RST, 301, 0).window(0).id(0),
                    server(97.0, PSH | ACK, 2001, 301).data(1000),
                    client(97.1, RST, 301, 0).window(0).id(0),
                    server(98.0, PSH | ACK, 3001, 301).data(1000),
                    client(98.1, RST, 301, 0).window(0).id(0),
                ],
            )
        }),
        ("keep-alives, then a reset", {
            with(
                answered(),
                &[
                    client(10_000.0, ACK, 300, 1001).data(1),
                    server(10_040.0, ACK, 1001, 301),
                    client(20_000.0, ACK, 300, 1001).data(1),
                    server(20_040.0, RST, 1001, 0).window(0).id(0),
                ],
            )
        }),
        ("the same bytes in other segments", {
            with(
                answered(),
                &[
                    server(300.0, ACK, 1, 301).data(400),
                    server(300.1, PSH | ACK, 401, 301).data(600),
                    client(300.2, ACK, 301, 1001),
                ],
            )
        }),
        ("data in the SYN", {
            vec![
                client(0.0, SYN, 0, 0).data(200),
                server(40.0, SYN | ACK, 0, 201),
                server(40.2, PSH | ACK, 1, 201).data(900),
                client(40.3, ACK, 201, 901),
            ]
        }),
        (
            "only the server's packets",
            answered()
                .into_iter()
                .filter(|it| it.server)
                .chain([server(99.0, RST | ACK, 1001, 301)])
                .collect(),
        ),
        (
            "begun in the middle",
            with(answered()[4..].to_vec(), &[server(99.0, RST, 1001, 0).window(0).id(0)]),
        ),
        ("a load balancer with two paths", {
            with(
                opened(40.0),
                &[
                    server(90.0, ACK, 1, 301).ttl(50),
                    server(91.0, PSH | ACK, 1, 301).data(1000).ttl(238),
                    server(92.0, RST | ACK, 1001, 301).ttl(238),
                ],
            )
        }),
        ("out of order: data that was sent before the reset", {
            with(
                opened(40.0),
                &[
                    server(90.0, ACK, 1, 301),
                    server(91.0, RST | ACK, 1001, 301).id(0x9112),
                    server(91.4, PSH | ACK, 1, 301).data(1000).id(0x9111),
                ],
            )
        }),
        ("the clock jumps back", {
            with(
                answered(),
                &[
                    server(10.0, PSH | ACK, 1001, 301).data(500),
                    client(10.1, ACK, 301, 1501),
                    server(11.0, RST | ACK, 1501, 301),
                ],
            )
        }),
    ];
    for (name, segments) in cases {
        let told = run(&segments);
        assert!(told.best() <= Some(Grade::Undecided), "{name}: {:#?}", told.injections);
    }
}

/// Captured two or three times, also with a hop between.
#[test]
fn a_capture_that_holds_all_packets_more_than_once() {
    let reset = server(99.0, RST | ACK, 1001, 301).window(700).id(0x4444);
    let segments = with(answered(), &[reset]);
    for copies in 2..=3 {
        for hops in [0, 1] {
            let twice: Vec<Seg> = segments
                .iter()
                .flat_map(|it| {
                    (0..copies).map(move |n| Seg {
                        ms: it.ms + 0.01 * f64::from(n),
                        ttl: it.ttl - n as u8 * hops,
                        ..*it
                    })
                })
                .collect();
            let told = run(&twice);
            assert!(
                told.best() <= Some(Grade::Undecided),
                "{copies}, {hops}: {:#?}",
                told.injections
            );
        }
    }
}

#[test]
fn another_connection_on_the_same_ports() {
    let again = opened(40.0)
        .into_iter()
        .map(|it| Seg { ms: it.ms + 2000.0, ..it.begin([7_000_000, 3_000_000]) });
    let first = with(answered(), &[client(100.0, RST | ACK, 301, 1001)]);
    let told = run(&first.into_iter().chain(again).collect::<Vec<_>>());
    assert_eq!((told.flows.len(), told.best()), (2, None), "{:#?}", told.injections);
}

/// What devices of the literature send, each made by hand from its description.
#[test]
fn what_is_injected() {
    let continued =
        |from: f64| [server(from, ACK, 1, 301), server(from + 0.5, PSH | ACK, 1, 301).data(1000)];
    let triplet: Vec<Seg> = (0..3)
        .map(|n| server(43.0 + 0.01 * f64::from(n), RST | ACK, 1, 301).window(1044).id(0xcec8))
        .collect();
    let cases: Vec<(&str, Vec<Seg>, &[&str])> = vec![
        (
            "three identical ones, hop count like the server's",
            with(
                with(
                    opened(200.0),
                    &triplet.iter().map(|it| Seg { ms: it.ms + 160.0, ..*it }).collect::<Vec<_>>(),
                ),
                &continued(401.0),
            ),
            &["identical_resets", "faster_than_path", "goes_on_after_reset"],
        ),
        (
            "one too soon, padding counted, other hop count",
            with(
                opened(80.0),
                &[Seg {
                    fill: 0,
                    ..server(84.0, RST | ACK, 1, 301).data(6).window(0).ttl(188).id(5).no_df()
                }],
            ),
            &["faster_than_path", "padding_counted", "ttl_step", "df_differs"],
        ),
        (
            "takes identification and window of the request",
            with(
                opened(80.0),
                &[server(150.0, RST, 1, 0).window(502).id(0x3000 + 568).ttl(30).no_df()],
            ),
            &["ttl_step"],
        ),
        (
            "guesses ahead",
            with(
                opened(80.0),
                &[
                    server(120.0, RST, 1, 0).window(10_240).ttl(21).id(7),
                    server(121.0, RST, 12_504, 0).window(10_240).ttl(21).id(9),
                ],
            ),
            &["reset_number_steps", "ttl_step"],
        ),
        (
            "an answer with another hop count, too soon, and then the real one",
            with(
                opened(80.0),
                &[
                    Seg {
                        fill: b'f',
                        ..server(85.0, PSH | ACK, 1, 301).data(400).ttl(187).id(9).no_df()
                    },
                    server(161.0, PSH | ACK, 1, 301).data(900),
                ],
            ),
            &["faster_than_path", "ttl_step", "overlap_differs"],
        ),
    ];
    for (name, segments, kinds) in cases {
        let told = run(&segments);
        assert!(told.best() >= Some(Grade::Likely), "{name}: {:#?}", told.injections);
        for kind in kinds {
            assert!(told.kinds().contains(kind), "{name}: {kind} of {:?}", told.kinds());
        }
        assert!(
            told.injections
                .iter()
                .all(|it| it.claims == End::Server && it.grade > Grade::Undecided)
        );
    }
}

/// A reset refuses the SYN, and the server accepts it.
#[test]
fn a_syn_that_is_refused_and_accepted() {
    let segments = [
        client(0.0, SYN, 0, 0),
        server(3.0, RST | ACK, 0, 1).ttl(46).window(0),
        server(80.0, SYN | ACK, 0, 1),
    ];
    let told = run(&segments);
    assert_eq!(told.best(), Some(Grade::Injected), "{:#?}", told.injections);
    assert!(told.kinds().contains(&"accepted_after_reset"));
    // Asked again, the port may have been opened meanwhile.
    let again = [
        segments[0],
        Seg { ms: 80.0, ..segments[1].ttl(50) },
        client(1000.0, SYN, 0, 0),
        server(1080.0, SYN | ACK, 0, 1),
    ];
    assert_eq!(run(&again).best(), None);
}

/// The same without identification: the sequence, the time and the pattern still tell.
#[test]
fn injected_into_ipv6() {
    let resets =
        (0..3).map(|n| server(204.0 + 0.01 * f64::from(n), RST | ACK, 1, 301).window(1044));
    let segments: Vec<Seg> =
        opened(200.0).into_iter().chain(resets).chain([server(401.0, ACK, 1, 301)]).collect();
    let told = run_as(6, &segments);
    assert!(told.best() >= Some(Grade::Likely), "{:#?}", told.injections);
    assert_eq!(run_as(6, &closed()).best(), None);
}

/// A server's capture: a reset in the client's name, and the client goes on, with news.
#[test]
fn injected_in_the_name_of_the_client() {
    let segments = [
        client(0.0, SYN, 0, 0).ttl(44),
        server(0.1, SYN | ACK, 0, 1).ttl(64),
        client(200.0, ACK, 1, 1).ttl(44),
        client(200.1, PSH | ACK, 1, 1).data(75).ttl(44),
        server(200.2, ACK, 1, 76).ttl(64),
        client(200.4, RST | ACK, 1, 1).ttl(49).window(16).id(242).no_df(),
        server(200.6, PSH | ACK, 1, 76).data(900).ttl(64),
        client(205.0, ACK, 76, 901).ttl(44),
    ];
    let told = run(&segments);
    assert_eq!(told.best(), Some(Grade::Injected), "{:#?}", told.injections);
    let injection = &told.injections[0];
    assert_eq!((injection.claims, &injection.packets[..]), (End::Client, &[6][..]));
    assert_eq!(injection.injectors[0].consistent_with, "Airtel, India");
    // Nothing that is printed holds an identification or a window.
    let json = serde_json::to_string(injection).unwrap();
    assert!(!json.contains("242") && !json.contains("\"window\""), "{json}");
    assert_eq!(injection.forged[0].identification, Some(242));
}

#[test]
fn the_nineteen_signatures() {
    let syn = client(0.0, SYN, 0, 0);
    let ack = client(41.0, ACK, 1, 1);
    let push = client(42.0, PSH | ACK, 1, 1).data(100);
    let more = client(50.0, PSH | ACK, 101, 1).data(100);
    let rst = |ack: u32| client(60.0, RST, 101, ack);
    let rst_ack = client(61.0, RST | ACK, 101, 1);
    let late = client(9000.0, SYN, 0, 0).begin([5, 5]);
    let late = Seg { port: 1, ..late };
    let cases: [(&[Seg], &str); 19] = [
        (&[syn], "SYN → ∅"),
        (&[syn, rst(0)], "SYN → RST"),
        (&[syn, rst_ack], "SYN → RST+ACK"),
        (&[syn, rst(0), rst_ack], "SYN → RST;RST+ACK"),
        (&[syn, ack], "SYN;ACK → ∅"),
        (&[syn, ack, rst(0)], "SYN;ACK → RST"),
        (&[syn, ack, rst(0), rst(0)], "SYN;ACK → RST;RST"),
        (&[syn, ack, rst_ack], "SYN;ACK → RST+ACK"),
        (&[syn, ack, rst_ack, rst_ack], "SYN;ACK → RST+ACK;RST+ACK"),
        (&[syn, ack, push], "PSH+ACK → ∅"),
        (&[syn, ack, push, rst(0)], "PSH+ACK → RST"),
        (&[syn, ack, push, rst_ack], "PSH+ACK → RST+ACK"),
        (&[syn, ack, push, rst(0), rst_ack], "PSH+ACK → RST;RST+ACK"),
        (&[syn, ack, push, rst_ack, rst_ack], "PSH+ACK → RST+ACK;RST+ACK"),
        (&[syn, ack, push, rst(5), rst(5)], "PSH+ACK → RST = RST"),
        (&[syn, ack, push, rst(5), rst(9)], "PSH+ACK → RST ≠ RST"),
        (&[syn, ack, push, rst(0), rst(9)], "PSH+ACK → RST;RST0"),
        (&[syn, ack, push, more, rst(0)], "PSH+ACK;Data → RST"),
        (&[syn, ack, push, more, rst_ack], "PSH+ACK;Data → RST+ACK"),
    ];
    for (segments, name) in cases {
        // The capture goes on with another connection; what the client alone sends is enough.
        let told = run(&with(segments.to_vec(), &[late]));
        let flow = told.flows.iter().find(|it| it.connection.client.port() == 40_000).unwrap();
        let signature = flow.signature.as_ref().unwrap_or_else(|| panic!("{name}"));
        assert_eq!(signature.name, name);
        assert!(!signature.benign_causes.is_empty() && !signature.packets.is_empty());
    }
}

#[test]
fn no_signature() {
    // The capture ends before three seconds are over.
    assert_eq!(run(&[client(0.0, SYN, 0, 0)]).signature(), None);
    // Ended well, or reset after the ends.
    assert_eq!(run(&closed()).signature(), None);
    assert_eq!(run(&with(closed(), &[client(150.0, RST, 302, 0)])).signature(), None);
    // The answer was acknowledged: nobody is silent.
    let late = Seg { port: 1, ..client(9000.0, SYN, 0, 0) };
    let told = run(&with(answered(), &[late]));
    assert_eq!(
        told.flows.iter().find(|it| it.connection.client.port() == 40_000).unwrap().signature,
        None
    );
}

#[test]
fn what_is_held_is_bounded_and_told() {
    let segments: Vec<Seg> = (1..3000)
        .map(|n| Seg { port: n, ms: f64::from(n) * 300.0, ..client(0.0, SYN, 0, 0) })
        .collect();
    let told = run(&segments);
    assert_eq!((told.flows.len(), told.counters.tcp_flows), (2999, 2999));
    // Idle ones were told meanwhile, in order.
    assert!(told.flows.windows(2).all(|pair| pair[0].packet < pair[1].packet));
}
