//! Every technique: what a client sees of it, with a no-censor twin (another name on the same path) and, where
//! silence or an RST could be mistaken for it, a plain-outage twin.

use std::net::IpAddr;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use wirewitness_lab::capture::Way;
use wirewitness_lab::frame::{IcmpKind, flags};
use wirewitness_lab::middlebox::defragment::Defragment;
use wirewitness_lab::middlebox::dns_injection::{AnswerShape, DnsInjection, Lie};
use wirewitness_lab::middlebox::drop::{EndpointAction, EndpointBlock};
use wirewitness_lab::middlebox::endpoint::Endpoints;
use wirewitness_lab::middlebox::forge::{ResetShape, Towards};
use wirewitness_lab::middlebox::http_host::{HostAction, HttpHost};
use wirewitness_lab::middlebox::names::Names;
use wirewitness_lab::middlebox::payload::Payload;
use wirewitness_lab::middlebox::residual::{
    Refresh, Residual, ResidualAction, ResidualRule, Tuple,
};
use wirewitness_lab::middlebox::throttle::{Brake, Throttle, Throttled};
use wirewitness_lab::middlebox::tls_sni::{SniAction, TlsSni};
use wirewitness_lab::middlebox::watch::{Layer, Reassembly, Watch};
use wirewitness_lab::{Middlebox, Placement};
use wirewitness_net::{Clock, Datagrams, Failure, LookupFailure, Net};

use crate::world::{BIG, BIG_LEN, BLOCKED, Client, FINE, Fetched, RESOLVER, SITE, World, at, ips};

use Placement::{InPath, OnPath};

fn blocked() -> Names {
    Names::new([BLOCKED])
}

fn sni(action: SniAction) -> TlsSni {
    TlsSni::new(blocked(), Reassembly::Stream, action)
}

fn host(action: HostAction) -> HttpHost {
    HttpHost::new(blocked(), Reassembly::Stream, action)
}

fn page(name: &str) -> Fetched {
    Ok((200, format!("<title>{name}</title>")))
}

fn failed(word: &str) -> Fetched {
    Err(word.to_owned())
}

/// What becomes of the blocked name and of the other one, over HTTPS.
fn https(placement: Placement, middlebox: impl Middlebox + 'static) -> (Fetched, Fetched) {
    World::new(1)
        .with(placement, middlebox)
        .run(|client| async move { (client.https(BLOCKED).await, client.https(FINE).await) })
}

/// The same over HTTP.
fn http(placement: Placement, middlebox: impl Middlebox + 'static) -> (Fetched, Fetched) {
    World::new(1)
        .with(placement, middlebox)
        .run(|client| async move { (client.http(BLOCKED).await, client.http(FINE).await) })
}

#[test]
fn without_a_censor_both_names_work() {
    let nothing = TlsSni::new(Names::default(), Reassembly::Stream, SniAction::Drop);
    assert_eq!(https(InPath, nothing), (page(BLOCKED), page(FINE)));
    let nothing = HttpHost::new(Names::default(), Reassembly::Stream, HostAction::Drop);
    assert_eq!(http(InPath, nothing), (page(BLOCKED), page(FINE)));
}

#[test]
fn a_plain_outage_takes_both_names() {
    World::new(1).site_down().run(|client| async move {
        for name in [BLOCKED, FINE] {
            assert_eq!(client.https(name).await, failed("tcp: timed out"));
            assert_eq!(client.http(name).await, failed("tcp: timed out"));
        }
    });
}

#[test]
fn tls_by_name() {
    let reset = |towards| SniAction::Reset(ResetShape { towards, ..ResetShape::default() });
    for (placement, action, outcome) in [
        (OnPath, reset(Towards::Client), "tls: connection reset"),
        (OnPath, reset(Towards::Both), "tls: connection reset"),
        (InPath, reset(Towards::Client), "tls: connection reset"),
        (InPath, reset(Towards::Both), "tls: connection reset"),
        // The server resets nobody: it is gone, and the client waits.
        (InPath, reset(Towards::Server), "tls: timed out"),
        (InPath, SniAction::Drop, "tls: timed out"),
        (InPath, SniAction::Close, "tls: closed by the other side"),
        (OnPath, SniAction::Close, "tls: closed by the other side"),
    ] {
        let seen = https(placement, sni(action.clone()));
        assert_eq!(seen, (failed(outcome), page(FINE)), "{placement:?} {action:?}");
    }
    // Beside the path nothing can be held back.
    assert_eq!(https(OnPath, sni(SniAction::Drop)), (page(BLOCKED), page(FINE)));
}

#[test]
fn http_by_host() {
    let reset = HostAction::Reset(ResetShape::default());
    let blockpage = HostAction::Blockpage { status: 403, html: "<h1>no</h1>".to_owned() };
    let redirect = HostAction::Redirect { location: "http://warning.example/".to_owned() };
    for (placement, action, outcome) in [
        (OnPath, reset.clone(), failed("http: connection reset")),
        (InPath, reset, failed("http: connection reset")),
        (InPath, HostAction::Drop, failed("http: timed out")),
        (InPath, HostAction::Close, failed("http: connection closed before message completed")),
        (InPath, blockpage.clone(), Ok((403, "<h1>no</h1>".to_owned()))),
        (OnPath, blockpage, Ok((403, "<h1>no</h1>".to_owned()))),
        (InPath, redirect, Ok((302, String::new()))),
    ] {
        let seen = http(placement, host(action.clone()));
        assert_eq!(seen, (outcome, page(FINE)), "{placement:?} {action:?}");
    }
}

#[test]
fn the_shape_of_a_reset_is_as_set() {
    let shape = ResetShape {
        towards: Towards::Client,
        count: 3,
        flags: flags::RST,
        ttl: 77,
        identification: 0x0100,
        identification_step: 1,
        window: 1234,
        sequence_step: 1460,
        after: Duration::from_micros(300),
    };
    let world = World::new(1).with(OnPath, sni(SniAction::Reset(shape)));
    let access = world.access;
    world.run(|client| async move {
        client.lab.tap(access);
        assert!(client.https(BLOCKED).await.is_err());
        client.net.sleep(Duration::from_secs(1)).await;
        let records = client.lab.records(access);
        let resets: Vec<_> = records
            .iter()
            .filter_map(|record| {
                let packet = record.frame.packet()?;
                let tcp = packet.tcp().filter(|tcp| tcp.flags == flags::RST)?;
                let forged = record.way == Way::In && tcp.window == 1234;
                forged.then_some((packet.ttl, packet.identification, tcp.sequence))
            })
            .collect();
        let first = resets[0].2;
        let expected = [0, 1, 2]
            .map(|number: u16| (77, 0x0100 + number, first.wrapping_add(u32::from(number) * 1460)));
        assert_eq!(resets, expected);
    });
}

/// Sends a request in two segments that cut the name, and says what came.
async fn cut_request(client: &Client) -> Result<usize, Failure> {
    let mut stream = client.net.connect(at(SITE, 80)).await?;
    for part in ["GET / HTTP/1.1\r\nHost: bloc", "ked.example\r\n\r\n"] {
        stream.write_all(part.as_bytes()).await.unwrap();
        client.net.sleep(Duration::from_millis(200)).await;
    }
    let mut answer = [0; 1024];
    let read = tokio::io::AsyncReadExt::read(&mut stream, &mut answer).await;
    read.map_err(|error| Failure::of_io(&error))
}

#[test]
fn a_cut_name_hides_from_those_who_do_not_reassemble() {
    for (reassembly, seen) in [(Reassembly::Stream, true), (Reassembly::Segment, false)] {
        let action = HostAction::Reset(ResetShape::default());
        let middlebox = HttpHost::new(blocked(), reassembly, action);
        World::new(1).with(InPath, middlebox).run(|client| async move {
            let read = cut_request(&client).await;
            assert_eq!(read == Err(Failure::Reset), seen, "{reassembly:?}: {read:?}");
            assert_eq!(read.is_ok(), !seen);
        });
    }
}

/// A hello in many TLS records, each of which the client's stack sends in a segment of its own.
#[test]
fn a_hello_over_many_records_hides_from_those_who_read_one() {
    for (reassembly, seen) in [
        (Reassembly::Stream, true),
        (Reassembly::StreamOneRecord, false),
        (Reassembly::Segment, false),
        (Reassembly::SegmentOneRecord, false),
    ] {
        let reset = SniAction::Reset(ResetShape::default());
        let middlebox = TlsSni::new(blocked(), reassembly, reset);
        World::new(1).with(InPath, middlebox).run(|client| async move {
            let fetched = client.https_in_records(BLOCKED, 64).await;
            assert_eq!(fetched.is_err(), seen, "{reassembly:?}: {fetched:?}");
            // In one record everybody sees it.
            assert_eq!(client.https(BLOCKED).await, failed("tls: connection reset"));
        });
    }
}

/// A hello in IP fragments, with its twin that is not on the list.
#[test]
fn fragments_hide_a_name_from_those_who_do_not_join_them() {
    let run = |middlebox: Box<dyn Middlebox>| {
        let mut world = World::new(1);
        world.topology.mtu(world.client, 120);
        let access = world.access;
        let world = world.with(InPath, middlebox);
        world.run(|client| async move {
            client.lab.tap(access);
            let fetched = (client.https(BLOCKED).await, client.https(FINE).await);
            let records = client.lab.records(access);
            assert!(records.iter().any(|it| it.frame.packet().unwrap().fragment.is_some()));
            fetched
        })
    };
    let reset = || sni(SniAction::Reset(ResetShape::default()));
    assert_eq!(run(Box::new(reset())), (page(BLOCKED), page(FINE)));
    let joined = run(Box::new(Defragment::new(reset())));
    assert_eq!(joined, (failed("tls: connection reset"), page(FINE)));
}

#[test]
fn a_cut_text_hides_from_a_device_that_reads_packets() {
    let reset = || HostAction::Reset(ResetShape::default());
    for (text, seen) in [("blocked.example", false), ("ked.example", true)] {
        let middlebox = Payload::new(Endpoints::default(), text, reset());
        World::new(1).with(InPath, middlebox).run(|client| async move {
            let read = cut_request(&client).await;
            assert_eq!(read == Err(Failure::Reset), seen, "{text:?}: {read:?}");
        });
    }
}

#[test]
fn endpoints_and_their_twin() {
    let site = || Endpoints::endpoint(at(SITE, 443));
    let icmp = |kind| EndpointAction::Icmp(kind);
    for (action, outcome) in [
        (EndpointAction::Drop, "tcp: timed out"),
        (EndpointAction::Reset(ResetShape::default()), "tcp: connection refused"),
        (icmp(IcmpKind::PortUnreachable), "tcp: connection refused"),
        (icmp(IcmpKind::Prohibited), "tcp: host unreachable"),
        (icmp(IcmpKind::NetworkUnreachable), "tcp: network unreachable"),
    ] {
        let middlebox = EndpointBlock::new(site(), action.clone());
        World::new(1).with(InPath, middlebox).run(|client| async move {
            assert_eq!(client.https(FINE).await, failed(outcome), "{action:?}");
            assert_eq!(client.http(FINE).await, page(FINE), "another port");
        });
    }
    // The twin of a reset: a port where nobody listens.
    World::new(1).run(|client| async move {
        let refused = client.connect(at(SITE, 444)).await.err();
        assert_eq!(refused, Some("tcp: connection refused".to_owned()));
    });
}

#[test]
fn lies_about_a_name() {
    let liar = |lie| DnsInjection::new(blocked(), lie, AnswerShape::default());
    let wall: IpAddr = "203.0.113.7".parse().unwrap();
    let wall6: IpAddr = "2001:db8:bad::1".parse().unwrap();
    for (placement, lie, outcome) in [
        (OnPath, Lie::Addresses(vec![wall, wall6]), Ok(vec![wall, wall6])),
        (InPath, Lie::Addresses(vec![wall]), Ok(vec![wall])),
        (OnPath, Lie::NxDomain, Err(LookupFailure::NxDomain)),
        (InPath, Lie::Refused, Err(LookupFailure::Refused)),
        (InPath, Lie::Silence, Err(LookupFailure::Timeout)),
        (InPath, Lie::Addresses(Vec::new()), Err(LookupFailure::NoAnswer)),
    ] {
        World::new(1).with(placement, liar(lie.clone())).run(|client| async move {
            let seen = client.net.lookup(BLOCKED).await.map(|lookup| lookup.addresses);
            assert_eq!(seen, outcome, "{placement:?} {lie:?}");
            let fine = client.net.lookup(FINE).await.map(|lookup| lookup.addresses);
            assert_eq!(fine, Ok(ips(&[SITE, crate::world::SITE6])));
        });
    }
    World::new(1).with(InPath, liar(Lie::Bogon)).run(|client| async move {
        let addresses = client.net.lookup(BLOCKED).await.unwrap().addresses;
        let bogon = |address: &IpAddr| match address {
            IpAddr::V4(address) => address.is_private(),
            IpAddr::V6(address) => address.is_unique_local(),
        };
        assert!(addresses.len() == 2 && addresses.iter().all(bogon), "{addresses:?}");
    });
}

/// All answers to one question, with the time each took.
async fn all_answers(client: &Client) -> Vec<(Duration, Vec<IpAddr>)> {
    use wirewitness_wire::app::dns::{Message, kind};
    let resolver = at(RESOLVER, 53);
    let socket = client.net.bind_udp(resolver).await.unwrap();
    let question = Message::question(9, BLOCKED, kind::A).to_bytes().unwrap();
    let began = client.net.now().elapsed;
    socket.send_to(&question, resolver).unwrap();
    let (mut answers, mut buffer) = (Vec::new(), [0; 512]);
    let second = Duration::from_secs(1);
    while let Ok(Ok((len, sender))) =
        tokio::time::timeout(second, socket.recv_from(&mut buffer)).await
    {
        assert_eq!(sender, resolver, "an injector answers in the resolver's name");
        let message = Message::parse(&buffer[..len]).unwrap();
        answers.push((client.net.now().elapsed - began, message.addresses().collect()));
    }
    answers
}

#[test]
fn beside_the_path_both_answers_arrive_and_the_race_can_be_lost() {
    let (lie, truth) = (ips(&["203.0.113.7"]), ips(&[SITE]));
    let ms = Duration::from_millis;
    let liar = |after| {
        let shape = AnswerShape { after, ..AnswerShape::default() };
        DnsInjection::new(blocked(), Lie::Addresses(lie.clone()), shape)
    };
    let race = |placement, after| {
        World::new(1)
            .with(placement, liar(after))
            .run(|client| async move { all_answers(&client).await })
    };
    assert_eq!(race(OnPath, ms(0)), [(ms(40), lie.clone()), (ms(102), truth.clone())]);
    assert_eq!(race(OnPath, ms(80)), [(ms(102), truth), (ms(120), lie.clone())]);
    assert_eq!(race(InPath, ms(0)), [(ms(40), lie)]);
}

/// How long the big page takes, and the small one.
fn timed(throttle: Throttle) -> (Fetched, Duration, Duration) {
    World::new(1).with(InPath, throttle).run(|client| async move {
        let began = client.net.now().elapsed;
        let big = client.https(BIG).await;
        let between = client.net.now().elapsed;
        assert_eq!(client.https(FINE).await, page(FINE));
        (big, between - began, client.net.now().elapsed - between)
    })
}

#[test]
fn throttling_slows_the_named_flow_and_no_other() {
    let named = || Throttled::Named(Watch::new(Layer::Tls, Names::new([BIG]), Reassembly::Stream));
    let seconds = |took: Duration| took.as_secs_f64();
    let rate = 256_000;
    let shaper = Brake::Shaper { bits_per_second: rate, burst_bytes: 8_000, queue_bytes: 300_000 };
    let (big, slow, fast) = timed(Throttle::new(named(), shaper));
    assert_eq!(big.map(|(status, body)| (status, body.len())), Ok((200, BIG_LEN)));
    // 200 kB at 32 kB a second are 6.25 s; what waits too long is sent twice.
    assert!((5.5..10.5).contains(&seconds(slow)), "{slow:?}");
    assert!(seconds(fast) < 0.7, "{fast:?}");

    let policer = Brake::Policer { bits_per_second: rate, burst_bytes: 16_000 };
    let (_, slow, fast) = timed(Throttle::new(named(), policer));
    assert!(seconds(slow) > 4.0 && seconds(fast) < 0.7, "{slow:?} {fast:?}");

    let impair = Brake::Impair { delay: Duration::from_millis(300), loss_per_million: 50_000 };
    let (_, slow, fast) = timed(Throttle::new(named(), impair));
    assert!(seconds(slow) > 1.5 && seconds(fast) < 0.7, "{slow:?} {fast:?}");

    // The twin: nobody throttles.
    let nobody = Throttled::Named(Watch::new(Layer::Tls, Names::default(), Reassembly::Stream));
    let (big, plain, _) = timed(Throttle::new(nobody, policer));
    assert!(big.is_ok() && seconds(plain) < 2.0, "{plain:?}");
}

#[test]
fn throttling_by_endpoint() {
    let endpoint = Throttled::Endpoints(Endpoints::endpoint(at(SITE, 80)));
    let brake =
        Brake::Shaper { bits_per_second: 256_000, burst_bytes: 8_000, queue_bytes: 300_000 };
    World::new(1).with(InPath, Throttle::new(endpoint, brake)).run(|client| async move {
        let began = client.net.now().elapsed;
        client.http(BIG).await.unwrap();
        let slow = client.net.now().elapsed - began;
        client.https(BIG).await.unwrap();
        let fast = client.net.now().elapsed - began - slow;
        assert!(slow > 3 * fast, "{slow:?} {fast:?}");
    });
}

fn residual(tuple: Tuple, refresh: Refresh, action: ResidualAction) -> Residual {
    let watch = Watch::new(Layer::Tls, blocked(), Reassembly::Stream);
    let hold = Duration::from_secs(60);
    Residual::new(watch, ResidualRule { tuple, hold, refresh, action })
}

#[test]
fn a_block_outlives_its_trigger_and_ends() {
    for (tuple, https, http) in [
        (Tuple::Two, failed("tcp: timed out"), failed("tcp: timed out")),
        (Tuple::Three, failed("tcp: timed out"), page(FINE)),
        (Tuple::Four, page(FINE), page(FINE)),
    ] {
        World::new(1)
            .with(InPath, residual(tuple, Refresh::No, ResidualAction::Drop))
            .with(InPath, sni(SniAction::Reset(ResetShape::default())))
            .run(|client| async move {
                assert_eq!(client.https(FINE).await, page(FINE), "before");
                assert_eq!(client.https(BLOCKED).await, failed("tls: connection reset"));
                assert_eq!(client.https(FINE).await, https, "{tuple:?}");
                assert_eq!(client.http(FINE).await, http, "{tuple:?}");
                client.net.sleep(Duration::from_secs(61)).await;
                assert_eq!(client.https(FINE).await, page(FINE), "after");
            });
    }
}

#[test]
fn trying_again_may_begin_the_hold_anew() {
    for (refresh, after) in
        [(Refresh::No, page(FINE)), (Refresh::Yes, failed("tcp: connection refused"))]
    {
        let action = ResidualAction::Reset(ResetShape::default());
        World::new(1)
            .with(InPath, residual(Tuple::Three, refresh, action))
            .with(InPath, sni(SniAction::Drop))
            .run(|client| async move {
                assert_eq!(client.https(BLOCKED).await, failed("tls: timed out"));
                for _ in 0..2 {
                    client.net.sleep(Duration::from_secs(22)).await;
                    assert_eq!(client.https(FINE).await, failed("tcp: connection refused"));
                }
                client.net.sleep(Duration::from_secs(30)).await;
                assert_eq!(client.https(FINE).await, after, "{refresh:?}");
            });
    }
}

#[test]
fn lost_resets_are_sent_again() {
    let lossy = wirewitness_lab::LinkSpec {
        delay: Duration::from_millis(75),
        loss_per_million: 20_000,
        ..Default::default()
    };
    for seed in 0..20 {
        let world = World::with_access(seed, lossy);
        let middlebox = sni(SniAction::Reset(ResetShape::default()));
        let seen =
            world.with(InPath, middlebox).run(|client| async move { client.https(BLOCKED).await });
        assert_eq!(seen, failed("tls: connection reset"), "seed {seed}");
    }
}

/// Garbage at every port that a box reads, some of it beginning as it should: nothing panics, and what follows works.
#[test]
fn garbage_passes_every_box() {
    for seed in 0..10 {
        let named = |layer| Watch::new(layer, blocked(), Reassembly::Stream);
        let brake = Brake::Policer { bits_per_second: 8_000_000, burst_bytes: 64_000 };
        let world = World::new(seed)
            .with(InPath, DnsInjection::new(blocked(), Lie::Bogon, AnswerShape::default()))
            .with(InPath, residual(Tuple::Two, Refresh::Yes, ResidualAction::Drop))
            .with(InPath, Throttle::new(Throttled::Named(named(Layer::Http)), brake))
            .with(InPath, sni(SniAction::Drop))
            .with(InPath, host(HostAction::Close));
        world.run(|client| async move {
            let mut rng = wirewitness_lab::Rng::new(seed);
            for (port, start) in [
                (443, &b"\x16\x03\x01\x01\x00\x01\x00\x00\xfc\x03\x03"[..]),
                (443, b"\x16\x03\x01\x40\x01"),
                (80, b"GET / HTTP/1.1\r\nHost:"),
                (80, b""),
            ] {
                let mut stream = client.connect(at(SITE, port)).await.unwrap();
                let noise = (0..600).flat_map(|_| rng.next_u64().to_be_bytes());
                let payload: Vec<u8> = start.iter().copied().chain(noise).collect();
                let _ = stream.write_all(&payload).await;
                client.net.sleep(Duration::from_millis(300)).await;
            }
            let resolver = at(RESOLVER, 53);
            let socket = client.net.bind_udp(resolver).await.unwrap();
            for len in 0..60 {
                let noise: Vec<u8> = (0..len).map(|_| rng.next_u16() as u8).collect();
                socket.send_to(&noise, resolver).unwrap();
            }
            client.net.sleep(Duration::from_secs(1)).await;
            assert_eq!(client.https(FINE).await, page(FINE));
        });
    }
}
