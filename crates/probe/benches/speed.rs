//! How fast the prober is over the kernel's sockets. `cargo bench -p wirewitness-probe --bench speed`
//!
//! A target is a name of its own, asked of the system's resolver, of a resolver over UDP and over HTTPS (A and AAAA
//! each, and HTTPS over HTTPS); one TCP connection with a full TLS 1.3 handshake and an 8 kB page; and the same at our
//! own test helper, which looks the name up, connects, shakes hands, and fetches the page over another connection. Each
//! measurement is written as JSON. Nothing is resumed but the connections to the helper and to DNS over HTTPS. Both ends
//! share this machine: this process probes, another one is everybody else.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    dead_code,
    reason = "a benchmark: it prints, measures time, stops at the first surprise, and uses a part of the tests' world"
)]

#[path = "../tests/quarter.rs"]
mod quarter;
#[path = "../tests/servers.rs"]
mod servers;
#[path = "../tests/town.rs"]
mod town;

use std::io::{BufRead, BufReader};
use std::net::{IpAddr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::RootCertStore;
use serde_json::Value;
use tokio::task::JoinSet;
use wirewitness_net::{Accept, Listen};
use wirewitness_probe::kernel::KernelNet;
use wirewitness_probe::{FollowUp, Helpers, Session, TestHelper, Vantage, web};

use quarter::{doh, generous, helper};
use servers::{Authority, page};
use town::{Names, Town, resolver};

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if std::env::args().any(|it| it == SERVE) {
        return runtime.block_on(everybody_else());
    }
    let (mut other, places) = Places::start();
    runtime.block_on(async {
        println!("load before: {}", one_line("/proc/loadavg"));
        println!(
            "| what | at once | targets | seconds | targets/s | CPU ms a target, prober | \
             CPU ms a target, everybody else | not as expected |"
        );
        println!("|---|---|---|---|---|---|---|---|");
        let all = Arc::new(places.session(Everything::Asked));
        let alone = Arc::new(places.session(Everything::Not));
        let mut next = 0;
        for (at_once, most, secs) in
            [(1, 10, 10), (8, 400, 5), (64, 4_000, 8), (256, 8_000, 12), (1_024, 12_000, 20)]
        {
            let round = Round { at_once, most, limit: Duration::from_secs(secs), first: next };
            next += round.run(&alone, ("line alone", other.id())).await;
        }
        for (at_once, most, secs) in
            [(1, 10, 10), (8, 400, 5), (64, 4_000, 8), (256, 8_000, 12), (1_024, 50_000, 60)]
        {
            let round = Round { at_once, most, limit: Duration::from_secs(secs), first: next };
            next += round.run(&all, ("with control", other.id())).await;
        }
        println!("load after: {}", one_line("/proc/loadavg"));
    });
    other.kill().unwrap();
    other.wait().unwrap();
}

/// Whether all helpers are asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Everything {
    Asked,
    Not,
}

/// Where everybody else is.
struct Places {
    root: Vec<u8>,
    resolver: SocketAddr,
    doh: SocketAddr,
    helper: SocketAddr,
    site_port: u16,
}

impl Places {
    fn start() -> (Child, Self) {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let mut child = command.arg(SERVE).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        let place = |name: &str| told[name].as_str().unwrap().parse().unwrap();
        let root = told["root"].as_array().unwrap().iter();
        let places = Self {
            root: root.map(|it| u8::try_from(it.as_u64().unwrap()).unwrap()).collect(),
            resolver: place("resolver"),
            doh: place("doh"),
            helper: place("helper"),
            site_port: u16::try_from(told["site_port"].as_u64().unwrap()).unwrap(),
        };
        (child, places)
    }

    fn session(&self, everything: Everything) -> Session<Town> {
        let (resolver, doh, helper) = public();
        let town = Town::new(resolver);
        town.udp(resolver, self.resolver);
        town.tcp(doh, self.doh);
        town.tcp(helper, self.helper);
        town.everywhere(443, self.site_port);
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone().into()).unwrap();
        let mut asked = Helpers { resolvers: vec![resolver], ..Helpers::default() };
        if everything == Everything::Asked {
            asked.doh = vec!["https://dns.test/dns-query".parse().unwrap()];
            let url = "https://helper.test/".parse().unwrap();
            asked.test_helpers = vec![TestHelper { url, token: None }];
            asked.known = [("dns.test", doh), ("helper.test", helper)]
                .map(|(name, address)| (name.to_owned(), vec![address.ip()]))
                .into();
        }
        let session = Session::new(town, Arc::new(roots), Vantage::default(), asked).unwrap();
        session.with_follow_up(FollowUp::Never)
    }
}

fn public() -> (SocketAddr, SocketAddr, SocketAddr) {
    let of = |address: &str| address.parse().unwrap();
    (of("45.78.0.53:53"), of("45.78.0.80:443"), of("45.78.0.90:443"))
}

/// Some targets, so many at once.
struct Round {
    at_once: usize,
    most: usize,
    limit: Duration,
    first: usize,
}

impl Round {
    async fn run(&self, session: &Arc<Session<Town>>, (what, other): (&str, u32)) -> usize {
        let cpu = || (cpu_ms("self"), cpu_ms(&other.to_string()));
        let cpu_before = cpu();
        let (began, mut started, mut wrong) = (Instant::now(), 0, 0);
        let mut memory_kb = vec![resident_kb()];
        let mut flying = JoinSet::new();
        loop {
            while flying.len() < self.at_once && started < self.most && began.elapsed() < self.limit
            {
                let url = format!("https://t{}.site.test/", (self.first + started) % NAMES);
                started += 1;
                flying.spawn(measure(Arc::clone(session), url));
            }
            let Some(done) = flying.join_next().await else { break };
            wrong += usize::from(done.unwrap() == Came::Wrong);
            let half = started >= self.most / 2 || began.elapsed() > self.limit / 2;
            if memory_kb.len() == 1 && half {
                memory_kb.push(resident_kb());
            }
        }
        memory_kb.push(resident_kb());
        let secs = began.elapsed().as_secs_f64();
        let rate = started as f64 / secs;
        let cpu_now = cpu();
        let own = (cpu_now.0 - cpu_before.0) / started as f64;
        let others = (cpu_now.1 - cpu_before.1) / started as f64;
        println!(
            "| {what} | {} | {started} | {secs:.1} | {rate:.0} | {own:.2} | {others:.2} | {wrong} |",
            self.at_once
        );
        if self.most >= 10_000 {
            println!(
                "memory (kB) at start, middle, end: {memory_kb:?}; load {}",
                one_line("/proc/loadavg")
            );
            println!(
                "650,000 targets at this rate (not run): {:.0} minutes",
                650_000.0 / rate / 60.0
            );
        }
        started
    }
}

/// What a measurement came to.
#[derive(PartialEq, Eq)]
enum Came {
    AsExpected,
    Wrong,
}

async fn measure(session: Arc<Session<Town>>, url: String) -> Came {
    let measured = web::measure(&session, &url).await.unwrap();
    // As it would be written to a file.
    let written = measured.to_string();
    let keys = &measured["test_keys"];
    let page = keys["requests"][0]["response"]["code"] == 200;
    let control = keys["control_failure"] == "no_test_helper"
        || keys["control"]["http_request"]["status_code"] == 200;
    if page && control && written.len() > 8_000 {
        return Came::AsExpected;
    }
    if FIRST_WRONG.swap(false, std::sync::atomic::Ordering::Relaxed) {
        println!("{written:.3000}");
    }
    Came::Wrong
}

static FIRST_WRONG: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(true);

/// The other process: resolver, DNS over HTTPS, the helper, and the sites. Ends with the first.
async fn everybody_else() {
    let names = Names::default();
    for number in 0..NAMES {
        let address = IpAddr::from([45, 77, 0, u8::try_from(number % SITES).unwrap() + 1]);
        names.write().unwrap().insert(format!("t{number}.site.test"), vec![address]);
    }
    let authority = Authority::new("Speed");
    let http2 = &["h2", "http/1.1"];
    let resolver_at = resolver(&names).await;
    let doh_at = servers::web(Some(authority.tls(&["dns.test"], http2)), doh(&names)).await;
    let site_port = sites(&authority).await;
    let (resolver_public, ..) = public();
    let town = Town::new(resolver_public);
    town.udp(resolver_public, resolver(&names).await);
    town.everywhere(443, site_port);
    let tls = authority.tls(&["helper.test"], http2);
    let helper_at = helper(&town, &authority, tls, generous()).await;
    println!(
        "{}",
        serde_json::json!({ "root": authority.root(), "resolver": resolver_at, "doh": doh_at,
            "helper": helper_at, "site_port": site_port })
    );
    std::future::pending::<()>().await;
}

/// One server on many addresses of loopback: one address has too few ports for so many connections in a minute.
async fn sites(authority: &Authority) -> u16 {
    let tls = authority.tls(&["*.site.test"], &["h2", "http/1.1"]);
    let body = page(&"A page of some length. ".repeat(350), &[]);
    let kernel = KernelNet::new();
    'port: loop {
        let mut listeners = Vec::new();
        let mut port = 0;
        for number in 1..=SITES {
            let address = IpAddr::from([127, 77, 0, u8::try_from(number).unwrap()]);
            let Ok(listener) = kernel.listen((address, port).into()).await else { continue 'port };
            port = listener.local_addr().port();
            listeners.push(listener);
        }
        for listener in listeners {
            tokio::spawn(servers::serve(listener, Some(tls.clone()), Arc::clone(&body)));
        }
        return port;
    }
}

fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"));
    line.and_then(|it| it.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Time on a processor so far, in user and kernel, in ms (`proc_pid_stat(5)`: in ticks of 10 ms).
fn cpu_ms(process: &str) -> f64 {
    let stat = one_line(&format!("/proc/{process}/stat"));
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|it| it.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) * 10.0
}

fn one_line(file: &str) -> String {
    std::fs::read_to_string(file).unwrap_or_default().trim().to_owned()
}

const SERVE: &str = "--everybody-else";
const NAMES: usize = 60_000;
const SITES: usize = 64;
