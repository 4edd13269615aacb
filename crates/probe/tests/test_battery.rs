//! The battery against its far end, on hosts of the lab: what a clean path, a resetting and a dropping device give.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use wirewitness_analysis::attribution::evidence::evidence;
use wirewitness_analysis::attribution::profile::Catalogue;
use wirewitness_analysis::attribution::report::report;
use wirewitness_lab::frame::Frame;
use wirewitness_lab::host::socket::HostNet;
use wirewitness_lab::middlebox::forge::ResetShape;
use wirewitness_lab::middlebox::names::Names;
use wirewitness_lab::middlebox::tls_sni::{SniAction, TlsSni};
use wirewitness_lab::middlebox::watch::Reassembly;
use wirewitness_lab::middlebox::{Fate, Hop};
use wirewitness_lab::{HostId, Lab, LinkSpec, Middlebox, Placement, Topology};
use wirewitness_model::battery::{Battery, Behaviour, Counts, End, State};
use wirewitness_net::raw::Raw;
use wirewitness_net::{BindUdp, Listen};
use wirewitness_probe::Trust;
use wirewitness_probe::battery::{self, BatteryFailure, Caps, ConsentToken, FarEnd, Plan, Test};
use wirewitness_probe::helper::battery::fragments::count;
use wirewitness_probe::helper::battery::headers::watch;
use wirewitness_probe::helper::battery::{Bounds, Desk, Ports, take_in};
use wirewitness_probe::helper::{Access, Helper, Limits, Standing, serve};

use crate::helper_world::Everything;

mod direction;
mod fragments;
mod runs;

const CLIENT: &str = "10.0.0.2";
pub(crate) const FAR: &str = "192.0.2.80";
const CONTROL: u16 = 8080;
const BLOCKED: &str = "blocked.example";
const FINE: &str = "fine.example";

/// A helper with a far end, on any host that can listen.
pub(crate) async fn far_end<N: Listen + BindUdp + Raw>(net: &N, token: ConsentToken) -> Arc<Desk> {
    let trust = Trust::new(Trust::mozilla(), net).unwrap();
    let standing = Standing { trust, rule: Arc::new(Everything), asns: Arc::new(|_| None) };
    let address = token.address;
    let desk = Arc::new(Desk::new(token, Bounds::default()));
    let helper = Helper::new(net.clone(), standing, Access::Public, Limits::default());
    let helper = helper.with_battery(Arc::clone(&desk));
    let listener = Listen::listen(net, (address, CONTROL).into()).await.unwrap();
    tokio::spawn(serve::<N>(listener, None, Arc::new(helper)));
    let ports = Ports::open(net, address, &desk).await.unwrap();
    tokio::spawn(take_in(net.clone(), ports, Arc::clone(&desk)));
    if let Ok(pieces) = net.pieces() {
        desk.counts_fragments();
        tokio::spawn(count(net.clone(), pieces, Arc::clone(&desk)));
    }
    if let Ok(segments) = net.segments(&desk.token().tcp) {
        desk.records_headers();
        tokio::spawn(watch(net.clone(), segments, Arc::clone(&desk)));
    }
    desk
}

pub(crate) fn token(address: &str) -> ConsentToken {
    let tcp = (20_000..20_064).collect();
    ConsentToken::issue(
        SocketAddr::new(address.parse().unwrap(), CONTROL),
        tcp,
        [53].into_iter().chain(20_000..20_064).collect(),
        [7; 32],
    )
}

fn plan(tests: &[Test]) -> Plan {
    Plan { event: "a test".to_owned(), tests: tests.to_vec(), ..Plan::new(BLOCKED, FINE, 42) }
}

type Ran = Result<Battery, BatteryFailure>;

/// Runs a plan over a path on which these middleboxes stand; `asked` is the token that the client has.
fn run_with(
    boxes: Vec<(Placement, Box<dyn Middlebox>)>,
    plan: &Plan,
    asked: (&str, ConsentToken),
) -> Ran {
    run_between(|_, _| {}, boxes, plan, asked)
}

/// The same with a client whose kernel has habits.
fn run_between(
    habits: impl FnOnce(&mut Topology, HostId),
    boxes: Vec<(Placement, Box<dyn Middlebox>)>,
    plan: &Plan,
    (url, asked): (&str, ConsentToken),
) -> Ran {
    let mut topology = Topology::new(1);
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    let client = topology.host("client", &[ip(CLIENT)]);
    habits(&mut topology, client);
    let far = topology.host("far", &[ip(FAR)]);
    let gateway = topology.router("gateway", &[ip("10.0.0.1")]);
    let access = topology.link(client, gateway, LinkSpec::delay(Duration::from_millis(20)));
    topology.link(gateway, far, LinkSpec::delay(Duration::from_millis(30)));
    topology.inside(gateway, &[access]);
    for (placement, middlebox) in boxes {
        topology.middlebox(gateway, placement, middlebox);
    }
    let run = Lab::run(topology, |lab| async move {
        far_end(&lab.net(far), token(FAR)).await;
        let net: HostNet = lab.net(client);
        let trust = Trust::new(Trust::mozilla(), &net).unwrap();
        let far_end = FarEnd { url: url.parse().unwrap(), token: asked, trust };
        battery::run(&net, &far_end, plan, &|_| {}).await
    });
    run.unwrap()
}

fn run(boxes: Vec<(Placement, Box<dyn Middlebox>)>, plan: &Plan) -> Battery {
    run_with(boxes, plan, (&format!("http://{FAR}:{CONTROL}/"), token(FAR))).unwrap()
}

fn resetting(reassembly: Reassembly) -> Box<dyn Middlebox> {
    let shape = SniAction::Reset(ResetShape::default());
    Box::new(TlsSni::new(Names::new([BLOCKED]), reassembly, shape))
}

#[test]
fn on_a_clean_path_every_cell_is_let_through() {
    let battery =
        run(Vec::new(), &plan(&[Test::Residual, Test::Tls, Test::Substring, Test::Pieces]));
    let facts = battery.run.as_ref().unwrap();
    assert_eq!(facts.ended, None, "{facts:?}");
    assert!(facts.connections <= 1_500 && facts.seconds >= u64::from(facts.connections) - 1);
    let [tls] = battery.tls.as_slice() else { panic!("{:?}", battery.tls) };
    assert_eq!((tls.probes.len(), tls.controls.positive.hits), (24, 0));
    assert!(tls.controls.positive.trials >= 20 && tls.controls.baseline.trials >= 20);
    for probe in tls.probes.iter().chain(&battery.pieces[0].probes) {
        assert_eq!(probe.runs, [Counts::new(0, 20)], "{}", probe.vector);
        assert_eq!(probe.negative, Some(Counts::new(0, 20)), "{}", probe.vector);
    }
    // It can be stored, read and scored.
    let stored = battery.to_json();
    let battery = Battery::from_json("b.json", stored.as_bytes()).unwrap();
    let text = "id = \"X\"\nname = \"X\"\nabout = \"a\"\n[source.S]\ntitle = \"t\"\ndate = \"2025\"\ngrade = \"A\"\n\
                [tls]\n\"message_len:half\" = { is = \"censored\", source = \"S\" }\n";
    let catalogue = Catalogue::parse([("x.toml", text)]).unwrap();
    let report = report(&battery, &evidence(&battery), &catalogue);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["families"][0]["ranked"][0]["id"], "NONE", "{json:#}");
}

#[test]
fn a_resetting_device_is_seen_in_what_it_reads() {
    let boxes = vec![(Placement::OnPath, resetting(Reassembly::SegmentOneRecord))];
    let battery = run(boxes, &plan(&[Test::Tls, Test::Pieces]));
    assert_eq!(battery.run.as_ref().unwrap().ended, None);
    let [tls] = battery.tls.as_slice() else { panic!("{:?}", battery.tls) };
    assert_eq!(tls.behaviour, Behaviour::Rst);
    assert_eq!((tls.controls.positive.hits, tls.controls.baseline.hits), (32, 0));
    let state = |vector: &str| {
        let all = tls.probes.iter().chain(&battery.pieces[0].probes);
        all.clone().find(|it| it.vector == vector).unwrap_or_else(|| panic!("{vector}")).decided()
    };
    // A list of names that says it is empty has none; a record that says it is empty holds no hello.
    for (vector, expected) in [
        ("sni_name_len:zero", State::Bypass),
        ("record_len:zero", State::Bypass),
        ("segments:in_name", State::Bypass),
        ("records:in_name", State::Bypass),
    ] {
        assert_eq!(state(vector), expected, "{vector}");
    }
    assert!(tls.probes.iter().all(|it| it.negative == Some(Counts::new(0, 20))));
}

#[test]
fn a_dropping_device_is_told_from_a_resetting_one() {
    let middlebox = TlsSni::new(Names::new([BLOCKED]), Reassembly::Stream, SniAction::Drop);
    let boxes: Vec<(_, Box<dyn Middlebox>)> = vec![(Placement::InPath, Box::new(middlebox))];
    let battery = run(boxes, &plan(&[Test::Tls]));
    let [tls] = battery.tls.as_slice() else { panic!("{:?}", battery.tls) };
    assert_eq!((tls.behaviour, tls.controls.positive.hits), (Behaviour::DropToServer, 32));
}

#[test]
fn a_dns_injector_is_known_by_its_answers() {
    use wirewitness_lab::middlebox::dns_injection::{AnswerShape, DnsInjection, Lie};
    let lie = Lie::Addresses(vec!["10.9.8.7".parse().unwrap()]);
    let injector = DnsInjection::new(Names::new([BLOCKED]), lie, AnswerShape::default());
    let battery = run(vec![(Placement::OnPath, Box::new(injector))], &plan(&[Test::Dns]));
    let facts = battery.run.as_ref().unwrap();
    assert_eq!((facts.ended.as_deref(), facts.skipped.len()), (None, 0));
    let [dns] = battery.dns.as_slice() else { panic!("{:?}", battery.dns) };
    assert_eq!(dns.controls.positive, Counts::new(20, 20));
    assert_eq!(dns.controls.baseline, Counts::new(0, 20));
    assert_eq!(dns.probes.len(), 10);
    assert!(dns.probes.iter().all(|it| it.negative == Some(Counts::new(0, 20))), "all arrive");
    let [answer] = dns.responses.as_slice() else { panic!("{:?}", dns.responses) };
    assert_eq!(answer.answers, ["10.9.8.7".parse::<std::net::Ipv4Addr>().unwrap()]);
    assert_eq!(answer.flags & 0x8000, 0x8000);
}

#[test]
fn on_a_clean_path_nobody_answers() {
    let battery = run(Vec::new(), &plan(&[Test::Dns]));
    let [dns] = battery.dns.as_slice() else { panic!("{:?}", battery.dns) };
    assert_eq!((dns.controls.positive.hits, dns.responses.len()), (0, 0));
    assert!(dns.probes.iter().all(|it| it.runs == [Counts::new(0, 20)]));
}

#[test]
fn without_consent_nothing_is_tested() {
    let here = format!("http://{FAR}:{CONTROL}/");
    let server = SocketAddr::new(FAR.parse().unwrap(), CONTROL);
    let ports = (20_000..20_064).collect();
    let other_secret = ConsentToken::issue(server, ports, vec![53], [8; 32]);
    let other_address = token("192.0.2.81");
    for (url, asked, words) in [
        (here.as_str(), other_secret, "does not admit this token"),
        (here.as_str(), other_address, "not at 192.0.2.81"),
        ("http://192.0.2.81:8080/", token(FAR), "not at 192.0.2.80"),
        ("http://elsewhere.example:8080/", token(FAR), "not at 192.0.2.80"),
        ("ftp://192.0.2.80:8080/", token(FAR), "not at 192.0.2.80"),
        // The address that was granted, and a port of it that was not: one for probes, and whatever else is there.
        ("http://192.0.2.80:20000/", token(FAR), "not at port 8080"),
        ("http://192.0.2.80:22/", token(FAR), "not at port 8080"),
        ("https://192.0.2.80/", token(FAR), "not at port 8080"),
    ] {
        let error = run_with(Vec::new(), &plan(&[Test::Tls]), (url, asked)).unwrap_err();
        assert!(error.to_string().contains(words), "{url}: {error}");
    }
}

#[test]
fn a_port_that_was_not_granted_is_refused() {
    use wirewitness_probe::battery::exchange::Sending;
    use wirewitness_probe::battery::line::{Line, LineError};
    let mut topology = Topology::new(1);
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    let client = topology.host("client", &[ip(CLIENT)]);
    let far = topology.host("far", &[ip(FAR)]);
    let gateway = topology.router("gateway", &[ip("10.0.0.1")]);
    for host in [client, far] {
        topology.link(host, gateway, LinkSpec::delay(Duration::from_millis(5)));
    }
    let refused = Lab::run(topology, |lab| async move {
        far_end(&lab.net(far), token(FAR)).await;
        let net = lab.net(client);
        let trust = Trust::new(Trust::mozilla(), &net).unwrap();
        let url = format!("http://{FAR}:{CONTROL}/").parse().unwrap();
        let far_end = FarEnd { url, token: token(FAR), trust };
        let line = Line::open(&net, &far_end, (Caps::default(), Duration::ZERO)).await.unwrap();
        let sending = Sending::whole(b"x");
        let mut sent = Vec::new();
        for port in [CONTROL, 22] {
            sent.push((port, line.exchange(port, &sending).await));
            sent.push((port, line.exchange_with_life(port, (&sending, 5)).await));
            sent.push((port, line.exchange_cut(port, (b"x", 2)).await));
        }
        (sent, line.spent().await.connections)
    });
    let (sent, connections) = refused.unwrap();
    assert_eq!(sent.len(), 6);
    for (port, outcome) in sent {
        assert_eq!(outcome, Err(LineError::OtherPort { port }));
    }
    assert_eq!(connections, 1, "the session's own");
}

#[test]
fn a_line_that_is_blocked_ends_the_run() {
    // Both names are blocked: the harmless one does not get through.
    let shape = SniAction::Reset(ResetShape::default());
    let names = Names::new([BLOCKED, FINE]);
    let middlebox = TlsSni::new(names, Reassembly::Stream, shape);
    let boxes: Vec<(_, Box<dyn Middlebox>)> = vec![(Placement::InPath, Box::new(middlebox))];
    let battery = run(boxes, &plan(&[Test::Tls]));
    let facts = battery.run.unwrap();
    assert!(facts.ended.unwrap().contains("three times in a row"));
    assert!(facts.connections < 60, "{}", facts.connections);
}

/// Lets everything pass until a moment, and then nothing but what concerns one TCP port.
struct Cut {
    after: Duration,
    passes: u16,
}

impl Middlebox for Cut {
    fn see(&mut self, frame: &Frame, hop: &mut Hop<'_>) -> Fate {
        let tcp =
            frame.packet().and_then(|it| Some((it.tcp()?.source_port, it.tcp()?.destination_port)));
        let is_spared = tcp.is_some_and(|(from, to)| from == self.passes || to == self.passes);
        if hop.now() < self.after || is_spared { Fate::Forward } else { Fate::Drop }
    }
}

#[test]
fn a_line_that_is_blocked_ends_every_test() {
    for test in Test::ALL {
        for after in [0, 70] {
            let cut = Cut { after: Duration::from_secs(after), passes: CONTROL };
            let mut boxes: Vec<(_, Box<dyn Middlebox>)> = vec![(Placement::InPath, Box::new(cut))];
            // What outlives its trigger, and where it is, takes a device that acts.
            boxes.push((Placement::OnPath, resetting(Reassembly::Stream)));
            let battery = run(boxes, &plan(&[test]));
            let facts = battery.run.unwrap();
            let word = test.word();
            let Some(ended) = facts.ended else {
                let is_skipped = facts.skipped.iter().any(|it| it.test == word);
                let is_short = facts.seconds <= after || (is_skipped && facts.connections < 20);
                assert!(is_short, "{word} went on: {facts:?}");
                continue;
            };
            assert!(ended.contains("three times in a row"), "{word}: {ended}");
            assert!(facts.connections < 200, "{word}: {} connections", facts.connections);
        }
    }
}

#[test]
fn a_plan_that_outlasts_a_session_is_not_begun() {
    let server = SocketAddr::new(FAR.parse().unwrap(), CONTROL);
    let one_port = ConsentToken::issue(server, vec![20_000], vec![53], [7; 32]);
    let at = format!("http://{FAR}:{CONTROL}/");
    let error = run_with(Vec::new(), &plan(&[Test::Tls]), (&at, one_port)).unwrap_err();
    assert!(error.to_string().contains("it takes 9 ports, or fewer tests"), "{error}");
}

#[test]
fn a_run_ends_where_its_connections_do() {
    let caps = Caps::new(Duration::from_secs(2), 100).unwrap();
    let battery = run(Vec::new(), &Plan { caps, ..plan(&[Test::Tls]) });
    let facts = battery.run.unwrap();
    assert_eq!((facts.connections, facts.ended.is_some()), (100, true));
    assert!((198..=210).contains(&facts.seconds), "{}", facts.seconds);
    assert!(battery.tls[0].probes.len() < 24);
}

#[test]
fn what_outlives_its_trigger_is_timed() {
    use wirewitness_lab::middlebox::residual::{
        Refresh, Residual, ResidualAction, ResidualRule, Tuple,
    };
    use wirewitness_lab::middlebox::watch::{Layer, Watch};
    let watch = Watch::new(Layer::Tls, Names::new([BLOCKED]), Reassembly::Stream);
    let hold = Duration::from_secs(90);
    let action = ResidualAction::Reset(ResetShape::default());
    let rule = ResidualRule { tuple: Tuple::Three, hold, refresh: Refresh::No, action };
    let boxes: Vec<(_, Box<dyn Middlebox>)> = vec![
        (Placement::InPath, Box::new(Residual::new(watch, rule))),
        (Placement::InPath, resetting(Reassembly::Stream)),
    ];
    let battery = run(boxes, &plan(&[Test::Residual]));
    let facts = battery.run.as_ref().unwrap();
    assert_eq!(facts.ended, None);
    let [residual] = battery.residual.as_slice() else {
        panic!("{:?} {facts:?}", battery.residual)
    };
    assert_eq!(residual.tuple, "3-tuple");
    let seconds = residual.seconds.unwrap();
    assert!((80..=95).contains(&seconds), "{seconds}");
    // From then on, a port rests that long and a quarter more.
    assert!((106..=125).contains(&facts.residual_wait_seconds), "{facts:?}");
}

#[test]
fn forged_resets_are_seen_at_the_far_end() {
    use wirewitness_lab::middlebox::forge::Towards;
    let shape = ResetShape {
        towards: Towards::Both,
        count: 2,
        ttl: 101,
        identification: 0x3412,
        identification_step: 1,
        window: 77,
        ..ResetShape::default()
    };
    let middlebox = TlsSni::new(Names::new([BLOCKED]), Reassembly::Stream, SniAction::Reset(shape));
    let boxes: Vec<(_, Box<dyn Middlebox>)> = vec![(Placement::OnPath, Box::new(middlebox))];
    let battery = run(boxes, &plan(&[Test::Resets]));
    let [resets] = battery.resets.as_slice() else { panic!("{:?}", battery.run) };
    assert_eq!(resets.controls.positive, Counts::new(20, 20));
    // Two to each end, of each trigger.
    assert_eq!(resets.events.len(), 40);
    assert!(resets.events.iter().all(|it| it.len() == 2));
    let first = resets.events.iter().find(|it| it[0].to == End::Server).unwrap();
    let fields =
        |at: usize| (first[at].flags.as_str(), first[at].ttl, first[at].ipid, first[at].window);
    // The device stands on the last router: nobody takes from the life of what it sends.
    assert_eq!(
        (fields(0), fields(1)),
        (("rst_ack", 101, 0x3412, 77), ("rst_ack", 101, 0x3413, 77))
    );
    assert_eq!(resets.ends.unwrap().client.to_string(), CLIENT);
}

#[test]
fn resets_of_a_clients_own_kernel_are_none_of_a_device() {
    use wirewitness_lab::middlebox::forge::Towards;
    // The device ends the client's side only. Its kernel answers what the far end still says with resets of its own, and these are all that come.
    let shape = || ResetShape { towards: Towards::Client, ttl: 101, ..ResetShape::default() };
    for numbers in [false, true] {
        let action = SniAction::Reset(shape());
        let middlebox = TlsSni::new(Names::new([BLOCKED]), Reassembly::Stream, action);
        let boxes: Vec<(_, Box<dyn Middlebox>)> = vec![(Placement::OnPath, Box::new(middlebox))];
        let habits = |topology: &mut Topology, client| {
            if numbers {
                topology.numbers_resets(client);
            }
        };
        let at = format!("http://{FAR}:{CONTROL}/");
        let ran = run_between(habits, boxes, &plan(&[Test::Resets]), (&at, token(FAR)));
        let battery = ran.unwrap();
        let facts = battery.run.unwrap();
        assert_eq!(facts.notes, ["20 resets look like the client's own and are left out"]);
        let [resets] = battery.resets.as_slice() else { panic!("{:?}", facts.skipped) };
        let packets: Vec<_> = resets.events.iter().flatten().collect();
        assert!(packets.iter().all(|it| it.to == End::Client && it.ttl == 101), "{packets:?}");
        assert_eq!((packets.len(), resets.captured.len()), (20, 2));
    }
}

#[test]
fn without_resets_there_is_nothing_to_tell_of_them() {
    let battery = run(Vec::new(), &plan(&[Test::Resets]));
    assert!(battery.resets.is_empty());
    let skipped = &battery.run.unwrap().skipped;
    assert_eq!((skipped.len(), skipped[0].test.as_str()), (1, "resets"));
}

#[test]
fn what_a_device_reads_of_quic_is_seen_in_what_follows() {
    use wirewitness_lab::middlebox::quic_sni::{Dropped, QuicShape, QuicSni};
    use wirewitness_wire::app::quic::Version;
    let ports = [53].into_iter().chain(20_000..20_064).collect();
    let (versions, drops) = (vec![Version::V1, Version::Draft29], Dropped::ClientAfterTrigger);
    let shape = QuicShape { ports, versions, drops, ..QuicShape::default() };
    let boxes: Vec<(_, Box<dyn Middlebox>)> =
        vec![(Placement::InPath, Box::new(QuicSni::new(Names::new([BLOCKED]), shape)))];
    let battery = run(boxes, &plan(&[Test::Quic]));
    let facts = battery.run.as_ref().unwrap();
    assert_eq!(facts.ended, None, "{facts:?}");
    let [quic] = battery.quic.as_slice() else { panic!("{facts:?}") };
    assert_eq!(quic.probes.len(), 34);
    assert_eq!(quic.controls.baseline.hits, 0);
    assert_eq!(quic.controls.positive.hits, quic.controls.positive.trials);
    let state = |vector: &str| quic.probes.iter().find(|it| it.vector == vector).unwrap().decided();
    for (vector, expected) in [
        ("quic_ver:draft29", State::Censored),
        ("quic_feat:fragmentation", State::Censored),
        ("quic_ver:v2", State::Bypass),
        ("quic_ver:draft27", State::Bypass),
        ("quic_ver:Q043", State::Bypass),
        ("quic_feat:forced_negotiation", State::Bypass),
        ("sni_name_len:zero", State::Bypass),
    ] {
        assert_eq!(state(vector), expected, "{vector}");
    }
    assert!(quic.probes.iter().all(|it| it.negative == Some(Counts::new(0, 20))));
}

#[test]
fn on_a_clean_path_all_of_quic_passes() {
    let battery = run(Vec::new(), &plan(&[Test::Quic]));
    assert_eq!(battery.run.as_ref().unwrap().ended, None);
    let probes = &battery.quic[0].probes;
    assert_eq!(probes.len(), 34);
    assert!(probes.iter().all(|it| it.decided() == State::Bypass));
}

#[test]
fn a_far_end_bears_strangers_and_floods() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use wirewitness_net::{Clock as _, Net as _};
    use wirewitness_probe::battery::line::Line;
    let mut topology = Topology::new(1);
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    let client = topology.host("client", &[ip(CLIENT)]);
    let stranger = topology.host("stranger", &[ip("10.0.0.3")]);
    let far = topology.host("far", &[ip(FAR)]);
    let gateway = topology.router("gateway", &[ip("10.0.0.1")]);
    for host in [client, stranger, far] {
        topology.link(host, gateway, LinkSpec::delay(Duration::from_millis(5)));
    }
    let seen = Lab::run(topology, |lab| async move {
        far_end(&lab.net(far), token(FAR)).await;
        let sink = (ip(FAR), 20_000).into();
        // Who has no session is not read.
        let mut unknown = lab.net(stranger).connect(sink).await.unwrap();
        let _ = unknown.write_all(b"hello").await;
        let mut answer = [0; 20];
        let told = unknown.read(&mut answer).await.unwrap_or(0);
        let net = lab.net(client);
        let trust = Trust::new(Trust::mozilla(), &net).unwrap();
        let url = format!("http://{FAR}:{CONTROL}/").parse().unwrap();
        let far_end = FarEnd { url, token: token(FAR), trust };
        let line = Line::open(&net, &far_end, (Caps::default(), Duration::ZERO)).await.unwrap();
        // One connection that never ends its request, and more at once than a client has.
        let mut endless = net.connect(sink).await.unwrap();
        let mut sent = 0_usize;
        while endless.write_all(&[0; 4096]).await.is_ok() && sent < 1 << 20 {
            sent += 4096;
            let _ = endless.read(&mut answer).await;
        }
        let mut held = Vec::new();
        for _ in 0..40 {
            held.extend(net.connect(sink).await.ok());
        }
        for stream in &mut held {
            let _ = stream.write_all(b"x").await;
        }
        net.sleep(Duration::from_secs(1)).await;
        let arrivals = line.arrivals(0).await.unwrap();
        (told, sent, arrivals.len(), arrivals.iter().map(|it| it.bytes).max())
    });
    let (told, sent, arrivals, most) = seen.unwrap();
    assert_eq!(told, 0);
    assert!(sent < 1 << 20, "it is closed: {sent}");
    let most_open = Bounds::default().connections + 2;
    assert!(arrivals <= most_open && most_open < 40, "{arrivals} connections at once");
    assert!(most.unwrap() <= 72 * 1024, "{most:?}");
}

#[test]
fn a_reset_is_located_by_the_life_of_what_sets_it_off() {
    let boxes = vec![(Placement::OnPath, resetting(Reassembly::Stream))];
    let battery = run(boxes, &plan(&[Test::Location]));
    let location = battery.location.unwrap_or_else(|| panic!("{:?}", battery.run));
    assert_eq!(location.traces.len(), 3);
    for trace in &location.traces {
        // The device is on the first router, the far end behind it.
        assert_eq!((trace.test_hops, trace.control_hops), (1, 2));
        assert_eq!(
            (trace.injected, trace.payload_arrived),
            (true, Some(true)),
            "a copy is on the path"
        );
    }
    let clean = run(Vec::new(), &plan(&[Test::Location]));
    assert!(clean.location.is_none());
    assert_eq!(clean.run.unwrap().skipped[0].test, "location");
}
