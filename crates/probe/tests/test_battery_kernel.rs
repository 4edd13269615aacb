//! The battery over the kernel: on loopback, and between two network namespaces, as root and as an ordinary user.
//!
//! A battery opens one connection a second, which no flag lifts. Here its clock runs fast, and its connections with it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use wirewitness_analysis::attribution::evidence::evidence;
use wirewitness_analysis::attribution::profile::Catalogue;
use wirewitness_analysis::attribution::report::report;
use wirewitness_model::battery::{Battery, Counts, State};
use wirewitness_net::raw::Raw;
use wirewitness_net::{Clock, Failure, Listen, Lookup, LookupFailure, Moment, Net};
use wirewitness_probe::Trust;
use wirewitness_probe::battery::{self, ConsentToken, FarEnd, Plan, Test};
use wirewitness_probe::kernel::raw::{KernelCutter, KernelPieces, KernelSegments};
use wirewitness_probe::kernel::{KernelDatagrams, KernelListener, KernelNet, KernelStream};

use crate::test_battery::far_end;
use crate::test_namespaces::{FAR, Link};

/// The kernel's network, with a clock that runs fast.
#[derive(Clone)]
struct Hurried(KernelNet);

// The far end opens its connections back one a real second, and 25 s are waited for one.
const FAST: u32 = 25;

impl Clock for Hurried {
    fn now(&self) -> Moment {
        let now = self.0.now();
        Moment { elapsed: now.elapsed * FAST, ..now }
    }

    async fn sleep(&self, duration: Duration) {
        self.0.sleep(duration / FAST).await;
    }
}

impl Net for Hurried {
    type Stream = KernelStream;
    type Datagrams = KernelDatagrams;

    async fn connect(&self, remote: SocketAddr) -> Result<KernelStream, Failure> {
        self.0.connect(remote).await
    }

    async fn bind_udp(&self, towards: SocketAddr) -> Result<KernelDatagrams, Failure> {
        self.0.bind_udp(towards).await
    }

    async fn lookup(&self, name: &str) -> Result<Lookup, LookupFailure> {
        self.0.lookup(name).await
    }
}

impl Listen for Hurried {
    type Listener = KernelListener;

    async fn listen(&self, local: SocketAddr) -> Result<KernelListener, Failure> {
        self.0.listen(local).await
    }
}

impl Raw for Hurried {
    type Segments = KernelSegments;
    type Pieces = KernelPieces;
    type Cutter = KernelCutter;

    fn segments(&self, ports: &[u16]) -> Result<KernelSegments, Failure> {
        self.0.segments(ports)
    }

    fn segments_from(&self, sender: IpAddr, ports: &[u16]) -> Result<KernelSegments, Failure> {
        self.0.segments_from(sender, ports)
    }

    fn pieces(&self) -> Result<KernelPieces, Failure> {
        self.0.pieces()
    }

    fn cutter(&self, connection: &KernelStream) -> Result<KernelCutter, Failure> {
        self.0.cutter(connection)
    }
}

fn token(address: &str) -> ConsentToken {
    // Beside the ports that systems give out, and those of the lab's tests.
    let server = SocketAddr::new(address.parse().unwrap(), 8080);
    ConsentToken::issue(server, (21_300..21_332).collect(), (21_353..21_373).collect(), [7; 32])
}

/// Two lies, and all tests but those that are much the same and long: `pieces` and `http` are as `tls`, `quic` is as `dns`.
fn short() -> Plan {
    let vectors = ["message_len:half", "sni_ext_len:double"].map(str::to_owned).into();
    let left_out = [Test::Pieces, Test::Http, Test::Quic];
    let tests = Test::ALL.into_iter().filter(|it| !left_out.contains(it)).collect();
    let fragments = vec![2, 101];
    let plan = Plan::new("blocked.example", "fine.example", 9);
    Plan { tests, tls_vectors: vectors, fragments, ..plan }
}

/// The whole battery, in as many runs as its connections ask for.
fn whole() -> Vec<Plan> {
    let others = [Test::Pieces, Test::Http, Test::Dns, Test::Fragments, Test::Quic];
    let first = Test::ALL.into_iter().filter(|it| !others.contains(it)).collect();
    let [pieces, http, dns, fragments, quic] = others;
    let parts: [Vec<Test>; 4] = [first, vec![pieces, http, dns], vec![fragments], vec![quic]];
    let plan = |tests| Plan { tests, ..Plan::new("blocked.example", "fine.example", 9) };
    parts.into_iter().map(plan).collect()
}

async fn measure(address: &str, plan: Plan) -> Battery {
    let net = Hurried(KernelNet::new());
    let trust = Trust::new(Trust::mozilla(), &net).unwrap();
    let url = format!("http://{address}:8080/").parse().unwrap();
    let far_end = FarEnd { url, token: token(address), trust };
    // Until the far end listens.
    for _ in 0..100 {
        if KernelNet::new().connect(SocketAddr::new(address.parse().unwrap(), 8080)).await.is_ok() {
            break;
        }
        KernelNet::new().sleep(Duration::from_millis(50)).await;
    }
    battery::run(&net, &far_end, &plan, &|_| {}).await.unwrap()
}

/// Every cell is let through, and the verdict is that there is nothing.
fn assert_clean(battery: &Battery, expected: usize) {
    let facts = battery.run.as_ref().unwrap();
    assert_eq!(facts.ended, None, "{facts:?}");
    assert!(
        facts.seconds >= u64::from(facts.connections) - 1,
        "one connection a second: {facts:?}"
    );
    let tests = battery.tls.iter().chain(&battery.pieces).chain(&battery.http).chain(&battery.quic);
    let tests = tests.chain(&battery.fragments);
    let probes = tests.flat_map(|it| &it.probes);
    let probes: Vec<_> = probes.chain(battery.dns.iter().flat_map(|it| &it.probes)).collect();
    assert_eq!(probes.len(), expected);
    for probe in probes {
        assert_eq!(probe.decided(), State::Bypass, "{}: {probe:?}", probe.vector);
        // A busy machine may drop one of the hundreds of packets that a request in fragments is.
        let lost = u32::from(probe.vector.starts_with("fragments:"));
        let negative = probe.negative.unwrap();
        assert!(negative.hits <= lost && negative.trials == 20, "{}: {negative:?}", probe.vector);
    }
    let text = "id = \"X\"\nname = \"X\"\nabout = \"a\"\n[source.S]\ntitle = \"t\"\ndate = \"2025\"\ngrade = \"A\"\n\
                [tls]\n\"message_len:half\" = { is = \"censored\", source = \"S\" }\n";
    let catalogue = Catalogue::parse([("x.toml", text)]).unwrap();
    if battery.tls.is_empty() {
        return;
    }
    let scored = serde_json::to_value(report(battery, &evidence(battery), &catalogue)).unwrap();
    let tls = scored["families"].as_array().unwrap().iter().find(|it| it["family"] == "tls_parser");
    assert_eq!(tls.unwrap()["ranked"][0]["id"], "NONE", "{scored:#}");
}

/// What a clean path has no answer to: nothing is acted upon, nothing forged, and so nowhere and no way.
const SKIPPED: [&str; 4] = ["residual", "resets", "location", "direction"];

/// The same where there is no privilege: cutting takes it.
fn skipped_by(privileged: &str) -> Vec<&'static str> {
    let cut = (privileged != "root").then_some("fragments");
    SKIPPED.into_iter().take(2).chain(cut).chain(SKIPPED.into_iter().skip(2)).collect()
}

/// Probes of a short plan.
fn probes_by(privileged: &str) -> usize {
    if privileged == "root" { 14 } else { 12 }
}

fn skipped(battery: &Battery) -> Vec<&str> {
    battery.run.iter().flat_map(|it| &it.skipped).map(|it| it.test.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clean_loopback_gives_nothing() {
    let net = KernelNet::new();
    if net.connect("127.0.0.1:8080".parse().unwrap()).await.is_ok() {
        println!("SKIPPED: somebody has port 8080 here");
        return;
    }
    far_end(&net, token("127.0.0.1")).await;
    let who = if net.pieces().is_ok() { "root" } else { "nobody" };
    let battery = measure("127.0.0.1", short()).await;
    assert_clean(&battery, probes_by(who));
    assert_eq!(skipped(&battery), skipped_by(who));
}

#[test]
fn between_two_namespaces_a_clean_path_gives_nothing_with_and_without_privilege() {
    // Each user has a link of its own, and both measure at once.
    std::thread::scope(|scope| {
        scope.spawn(|| clean_path_as("root", "no forged reset"));
        scope.spawn(|| clean_path_as("nobody", "recorded at neither end"));
    });
}

fn clean_path_as(user: &str, why: &str) {
    let Some(batteries) = measured_as(user, "battery", NEAR_TEST) else { return };
    let [battery] = batteries.as_slice() else { panic!("as {user}: {}", batteries.len()) };
    assert_clean(battery, probes_by(user));
    assert_eq!(skipped(battery), skipped_by(user), "as {user}");
    let resets = &battery.run.as_ref().unwrap().skipped[1];
    assert!(resets.why.contains(why), "as {user}: {}", resets.why);
    // The far end did come through to this end, twenty times with each name.
    let location = battery.location.as_ref().unwrap();
    for way in [location.outward, location.inward].map(Option::unwrap) {
        let none = Counts::new(0, 20);
        assert_eq!((way.baseline, way.positive), (none, none), "as {user}");
    }
}

/// What the near end of a link of its own prints, both ends being run as this user. None where there is no way to.
fn measured_as(user: &str, link: &str, near: &str) -> Option<Vec<Battery>> {
    let link = Link::up_as(&format!("{link}-{user}"))?;
    let (far, near) = (link.start("far", FAR_TEST, user), link.start("near", near, user));
    let (Some(mut far), Some(near)) = (far, near) else {
        println!("SKIPPED: no way to run as {user} here");
        return None;
    };
    let near = near.wait_with_output().unwrap();
    far.kill().unwrap();
    far.wait().unwrap();
    let said = String::from_utf8_lossy(&near.stdout);
    let texts = said.split(MARK).skip(1).filter_map(|it| it.lines().next());
    let read = |text: &str| Battery::from_json("near", text.as_bytes()).unwrap();
    let batteries: Vec<Battery> = texts.map(read).collect();
    assert!(!batteries.is_empty(), "as {user}: {said}");
    Some(batteries)
}

/// The far end, in its namespace.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "one end of the test above"]
async fn far_end_in_a_namespace() {
    far_end(&KernelNet::new(), token(FAR)).await;
    std::future::pending::<()>().await;
}

/// The near end: prints the battery.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "one end of the test above"]
async fn near_end_in_a_namespace() {
    println!("{MARK}{}", serde_json::to_string(&measure(FAR, short()).await).unwrap());
}

/// The same, the whole battery.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "one end of the test below"]
async fn whole_near_end_in_a_namespace() {
    for plan in whole() {
        println!("{MARK}{}", serde_json::to_string(&measure(FAR, plan).await).unwrap());
    }
}

#[test]
#[ignore = "four minutes, and two ends at once: cargo test -p wirewitness-probe --test runner -- --ignored --nocapture the_whole_battery"]
fn the_whole_battery_between_two_namespaces_gives_nothing() {
    // Each user has a link of its own, and both measure at once.
    std::thread::scope(|scope| {
        for user in ["root", "nobody"] {
            scope.spawn(move || whole_battery_as(user));
        }
    });
}

fn whole_battery_as(user: &str) {
    let Some(batteries) = measured_as(user, "whole", WHOLE_TEST) else { return };
    assert_eq!(batteries.len(), whole().len(), "as {user}");
    // Of TLS, then of pieces, HTTP and DNS, then of fragments, then of QUIC.
    let fragments = if user == "root" { 14 } else { 0 };
    let mut not_run = Vec::new();
    for (battery, probes) in batteries.iter().zip([24, 8 + 12 + 10, fragments, 34]) {
        assert_clean(battery, probes);
        let facts = battery.run.clone().unwrap();
        println!("as {user}: {} connections", facts.connections);
        facts.skipped.iter().for_each(|it| println!("  not run: {}: {}", it.test, it.why));
        not_run.extend(facts.skipped.into_iter().map(|it| it.test));
    }
    not_run.sort_unstable();
    let mut expected = skipped_by(user);
    expected.sort_unstable();
    assert_eq!(not_run, expected, "as {user}");
}

const MARK: &str = "battery: ";
const FAR_TEST: &str = "test_battery_kernel::far_end_in_a_namespace";
const NEAR_TEST: &str = "test_battery_kernel::near_end_in_a_namespace";
const WHOLE_TEST: &str = "test_battery_kernel::whole_near_end_in_a_namespace";

#[tokio::test]
#[allow(clippy::disallowed_types, reason = "the client is a plain socket that resets")]
async fn a_reset_is_seen_with_its_header_where_that_is_allowed() {
    use wirewitness_net::raw::Segments as _;
    use wirewitness_net::{Accept as _, Listen as _};
    let net = KernelNet::new();
    let listener = net.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let there = listener.local_addr();
    let segments = match net.segments(&[there.port()]) {
        Ok(segments) => segments,
        Err(failure) => {
            assert_eq!(failure, Failure::PermissionDenied);
            println!("SKIPPED: raw sockets are not allowed here");
            return;
        }
    };
    let client = std::net::TcpStream::connect(there).unwrap();
    let from = client.local_addr().unwrap();
    socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    loop {
        let next = tokio::time::timeout(Duration::from_secs(10), segments.next()).await;
        let segment = next.unwrap().unwrap();
        assert_eq!((segment.source, segment.destination), (from, there));
        if segment.is_reset() {
            // On loopback nobody takes from its life.
            assert_eq!(segment.ttl, 64);
            return;
        }
    }
}
