//! Connections by hand: ends that go on after a reset or a FIN in their name, each beside what is harmless and looks like it;
//! and captures that do not hold packets as they were on the wire.

use wirewitness_analysis::tamper::finding::{DropGrade, End, Grade};

use crate::packets::{
    ACK, FIN, PSH, RST, SYN, Seg, client, opened, run, run_as, run_cut, run_with_trailer, server,
};

/// A server's capture: the handshake and the client's request of 300 bytes, two hops away.
fn asked() -> Vec<Seg> {
    vec![
        client(0.0, SYN, 0, 0).ttl(62),
        server(0.1, SYN | ACK, 0, 1).ttl(64),
        client(60.0, ACK, 1, 1).ttl(62),
        client(60.1, PSH | ACK, 1, 1).data(300).ttl(62),
    ]
}

/// A reset in the client's name, made a hop nearer.
fn reset(ms: f64) -> Seg {
    client(ms, RST | ACK, 301, 1).window(0).id(0).ttl(63)
}

fn with(mut segments: Vec<Seg>, more: &[Seg]) -> Vec<Seg> {
    segments.extend(more);
    segments
}

#[test]
fn an_end_that_sends_again_has_not_reset() {
    let again = client(1060.1, PSH | ACK, 1, 1).data(300).ttl(62);
    let refused = server(1060.2, RST, 1, 0).window(0).id(0).ttl(64);
    let cases: [(&str, Vec<Seg>, Grade); 2] = [
        ("once", with(asked(), &[reset(60.2), again, refused]), Grade::Likely),
        (
            "at each copy",
            with(asked(), &[reset(60.2), again, refused, reset(1060.3)]),
            Grade::Injected,
        ),
    ];
    for (name, segments, grade) in cases {
        let told = run(&segments);
        assert_eq!(told.best(), Some(grade), "{name}: {:#?}", told.injections);
        assert!(told.kinds().contains(&"goes_on_after_reset"), "{name}");
        // The server's own reset, which answers what was sent again, is genuine.
        assert!(told.injections.iter().all(|it| it.claims == End::Client), "{name}");
    }
}

#[test]
fn what_only_looks_as_if_an_end_sent_again() {
    let of_client = |seg: Seg| seg.ttl(62);
    let own_reset = of_client(reset(60.2));
    let cases: Vec<(&str, Vec<Seg>)> = vec![
        ("out of order, 20 ms", {
            let late = of_client(client(80.0, PSH | ACK, 1, 1).data(300));
            with(asked()[..3].to_vec(), &[reset(60.2), late])
        }),
        ("a late first copy behind a hole", {
            let more = of_client(client(60.15, PSH | ACK, 301, 1).data(300));
            let late = of_client(client(400.0, PSH | ACK, 1, 1).data(300));
            let reset = Seg { seq: 601, ..reset(60.2) };
            with(asked()[..3].to_vec(), &[more, reset, late])
        }),
        ("a keep-alive", {
            with(asked(), &[reset(60.2), of_client(client(1000.0, ACK, 300, 1).data(1))])
        }),
        ("resets that answer what was on its way", {
            let late = |ms: f64, seq| server(ms, PSH | ACK, seq, 301).data(100).ttl(64);
            let answer = |ms: f64| Seg { flags: RST, ack: 0, ..of_client(reset(ms)) };
            let more = [late(60.3, 1), answer(120.3), late(300.3, 101), answer(360.3)];
            with(with(asked(), &[own_reset]), &more)
        }),
        ("another connection on the same ports", {
            let next = asked().into_iter().map(|it| Seg { ms: it.ms + 900.0, ..it });
            let next = next.map(|it| it.begin([7_000_000, 3_000_000]));
            with(with(asked(), &[own_reset]), &next.collect::<Vec<_>>())
        }),
    ];
    for (name, segments) in cases {
        let told = run(&segments);
        assert!(told.best() <= Some(Grade::Undecided), "{name}: {:#?}", told.injections);
        assert!(!told.kinds().contains(&"reset_unasked"), "{name}: {:?}", told.kinds());
    }
}

/// Twice at once, and then silence: something is odd, too little to say so.
#[test]
fn two_resets_at_once_are_undecided() {
    let told = run(&with(asked(), &[reset(60.2), reset(60.2)]));
    assert_eq!(told.best(), Some(Grade::Undecided), "{:#?}", told.injections);
    // All packets captured twice: nothing is odd.
    let twice: Vec<Seg> = with(asked(), &[reset(60.2)]).iter().flat_map(|it| [*it, *it]).collect();
    assert_eq!(run(&twice).best(), None);
}

/// A FIN with another first hop count, and the server's answer.
fn parted() -> Vec<Seg> {
    let more = [
        server(61.0, FIN | ACK, 1, 301).ttl(52).id(0).window(8192),
        client(61.1, FIN | ACK, 301, 2),
        server(81.0, PSH | ACK, 1, 301).data(127),
        server(81.1, PSH | ACK, 128, 301).data(900),
    ];
    with(opened(40.0), &more)
}

#[test]
fn an_end_that_goes_on_has_not_ended() {
    for version in [4, 6] {
        let told = run_as(version, &parted());
        assert!(told.best() >= Some(Grade::Likely), "{version}: {:#?}", told.injections);
        let injection = &told.injections[0];
        assert_eq!((&injection.what[..], &injection.packets[..]), (&["fin"][..], &[5][..]));
        assert!(told.kinds().contains(&"goes_on_after_fin"), "{version}");
    }
}

#[test]
fn what_only_looks_as_if_an_end_went_on() {
    let answer = server(81.0, PSH | ACK, 1, 301).data(1000);
    let fin = server(82.0, FIN | ACK, 1001, 301);
    let cases: Vec<(&str, Vec<Seg>)> = vec![
        ("sent again after its FIN", vec![answer, fin, Seg { ms: 300.0, ..answer.id(7) }]),
        ("out of order", vec![fin, Seg { ms: 82.3, ..answer }]),
        (
            "with its FIN again",
            vec![answer, fin, { Seg { ms: 400.0, flags: FIN | PSH | ACK, ..answer.id(8) } }],
        ),
        ("captured twice", vec![answer, answer, fin, fin]),
        ("half closed: the other end goes on", {
            let more = client(90.0, PSH | ACK, 301, 1002).data(500);
            vec![answer, fin, more, server(130.0, ACK, 1002, 801)]
        }),
        ("a probe of the window", vec![answer, fin, server(500.0, ACK, 1002, 301).data(1)]),
        (
            "padding counted",
            vec![answer, fin, Seg { fill: 0, ..server(99.0, ACK, 1002, 301) }.data(6)],
        ),
        ("another connection on the same ports", {
            vec![answer, fin, server(900.0, PSH | ACK, 1, 301).data(99).begin([5, 9_000_000])]
        }),
    ];
    for (name, more) in cases {
        let told = run(&with(opened(40.0), &more));
        assert!(!told.kinds().contains(&"goes_on_after_fin"), "{name}: {:#?}", told.injections);
        assert!(told.best() <= Some(Grade::Undecided), "{name}: {:#?}", told.injections);
    }
}

/// An upload of 300 bytes that is sent again four times, acknowledged after the last or never.
#[test]
fn what_was_sent_again_and_acknowledged_was_not_dropped() {
    let again = (1..5).map(|n| client(41.0 + 1000.0 * f64::from(n), PSH | ACK, 1, 1).data(300));
    let lost: Vec<Seg> = opened(40.0).into_iter().chain(again).collect();
    let other = Seg { port: 41_000, ..client(20_000.0, SYN, 0, 0) };
    let told = run(&with(lost.clone(), &[other]));
    assert!(told.drops.iter().any(|it| it.what == "client_hello" && it.grade >= DropGrade::Likely));
    let acknowledged = [server(4100.0, ACK, 1, 301), other];
    let told = run(&with(lost.clone(), &acknowledged));
    assert!(told.drops.iter().all(|it| it.what == "syn"), "{:#?}", told.drops);
    // What acknowledges only the handshake says nothing.
    let told = run(&with(lost, &[server(4100.0, ACK, 1, 1), other]));
    assert!(told.drops.iter().any(|it| it.what == "client_hello" && it.grade >= DropGrade::Likely));
}

/// The first copy of an answer, and the same in other segments, of which little was captured.
#[test]
fn packets_that_were_not_captured_whole_are_no_evidence() {
    let more = [
        server(81.0, PSH | ACK, 1, 301).data(1400),
        server(300.0, ACK, 1, 301).data(700).id(9),
        server(300.1, PSH | ACK, 701, 301).data(700).id(10),
        server(300.2, FIN | ACK, 1401, 301),
        client(300.3, ACK, 301, 1402),
    ];
    for snap in [40, 44, 96, 128, 1000] {
        let told = run_cut(snap, &with(opened(40.0), &more));
        assert!(told.injections.is_empty(), "{snap}: {:#?}", told.injections);
        assert!(told.flows[0].gaps.contains(&"packets were not captured whole"), "{snap}");
        assert_eq!(told.flows[0].bytes[1], 2800, "{snap}");
    }
}

/// The network card cuts and joins segments: the capture holds what never was on the wire.
#[test]
fn segments_of_64_kilobytes_are_no_evidence() {
    let large = 65_495;
    let end = 1 + large as u32;
    let more = [
        server(81.0, PSH | ACK, 1, 301).data(large),
        client(81.1, ACK, 301, end),
        server(82.0, ACK, end, 301).data(large),
        server(300.0, ACK, 1 + 1460, 301).data(1460).id(9),
        server(300.1, FIN | PSH | ACK, end + large as u32, 301).data(100),
        server(600.0, FIN | PSH | ACK, end + 1460, 301).data(large - 1460 + 100).id(11),
        client(600.1, FIN | ACK, 301, end + large as u32 + 101),
        client(601.0, RST, 302, 0).window(0).id(0),
    ];
    let told = run(&with(opened(40.0), &more));
    assert!(told.injections.is_empty(), "{:#?}", told.injections);
    assert!(told.flows[0].bytes[1] > 130_000);
}

/// Two resets of the server's, the second a step of known length ahead.
#[test]
fn numbers_that_guess_ahead() {
    let pair = |step: u32| {
        let first = server(90.0, RST, 1, 0).window(10_240).ttl(21).id(7);
        let second = server(90.5, RST, 1 + step, 0).window(10_240).ttl(21).id(9);
        run(&with(opened(80.0), &[first, second]))
    };
    for step in [1460, 4380] {
        let told = pair(step);
        assert_eq!(told.best(), Some(Grade::Likely), "{step}: {:#?}", told.injections);
        let says = told.injections[0].evidence.iter().find(|it| it.kind == "reset_number_steps");
        assert!(says.unwrap().says.contains(&format!("{step} apart")), "{step}");
    }
    // The numbers of what the server did send are no guess.
    let sent = [
        server(90.0, ACK, 1, 301).data(1460),
        server(90.1, RST | ACK, 1, 301),
        server(90.2, RST | ACK, 1461, 301),
    ];
    let told = run(&with(opened(40.0), &sent));
    assert!(!told.kinds().contains(&"reset_number_steps"), "{:#?}", told.injections);
}

/// Two resets of one number that acknowledge differently: what was sent, or what never was.
#[test]
fn acknowledgements_that_change() {
    let pair = |ack: u32| {
        let first = server(130.0, RST | ACK, 1, 301).window(700).ttl(40).id(7);
        run(&with(opened(80.0), &[first, Seg { ms: 130.4, ack, ..first.id(30) }]))
    };
    let told = pair(1761);
    assert!(told.kinds().contains(&"reset_ack_changes"), "{:#?}", told.injections);
    assert!(!pair(1).kinds().contains(&"reset_ack_changes"));
}

/// `PCAPdroid`'s trailer names the app of a packet.
#[test]
fn the_app_of_a_connection() {
    let mut trailer = vec![0x01, 0x07, 0x20, 0x21, 0, 0, 0x27, 0x8a];
    trailer.extend(b"Browser\0\0\0\0\0\0\0\0\0\0\0\0\0");
    trailer.extend([0; 4]);
    let told = run_with_trailer(&trailer, &parted());
    assert_eq!(told.flows[0].app.as_deref(), Some("Browser"));
    assert_eq!(told.injections[0].app.as_deref(), Some("Browser"));
    trailer[0] = 2;
    let told = run_with_trailer(&trailer, &parted());
    assert_eq!((told.flows[0].app.as_deref(), told.injections[0].app.as_deref()), (None, None));
}
