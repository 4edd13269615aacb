//! A dashboard under load, over many rows.
//!
//! ```sh
//! cargo bench --workspace --all-features --bench archive -- rows FOLDER [MILLIONS]
//! cargo bench --workspace --all-features --bench load -- FOLDER [SECONDS]
//! ```
//!
//! Serves the archive that the first command made with the release binary, in a process of its own, asks it what there is, and then 200 times a
//! second, for SECONDS (60) after a warm-up of the same length, for pages and for answers of the API. 180 of them are drawn from 1,500 by Zipf's law
//! (exponent 1), 20 are asked for once and never again. All are on time whatever the server does: what waits, waits in the figures. In a third
//! round a question that would take very long is asked too, every five seconds. Prints errors, the hit rate, percentiles from the moment that a
//! request was due until its last byte, and the most memory that the server held (`VmHWM`).

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark: it measures time and prints, and should stop at the first surprise"
)]

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

const PROGRAM: &str = env!("CARGO_BIN_EXE_wirewitness");
const PER_SECOND: usize = 200;
/// Of them, those never seen before.
const NEW_PER_SECOND: usize = 20;
/// Different pages and answers that are asked for again and again.
const KNOWN: usize = 1_500;
/// Connections, kept open. One that waits for an answer cannot take the next request.
const CONNECTIONS: usize = 64;
/// Between one slow question and the next.
const SLOW_EVERY: Duration = Duration::from_secs(5);
/// Of the questions that are to be cut off.
const TIMEOUT_S: u64 = 4;
const TOKEN: &str = "only-for-this-benchmark";
const SLOW: &str = "SELECT count(*) FROM verdict a CROSS JOIN verdict b WHERE a.measurement_id < b.measurement_id AND a.target <> b.target";

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|it| it != "--bench").collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [folder] => load(Path::new(folder), 60),
        [folder, seconds] => load(Path::new(folder), seconds.parse().unwrap()),
        _ => println!("what? `FOLDER [SECONDS]`"),
    }
}

fn load(folder: &Path, seconds: usize) {
    let token = folder.join("token");
    std::fs::write(&token, TOKEN).unwrap();
    let begun = Instant::now();
    let mut server = Command::new(PROGRAM);
    server.args(["serve", "--listen", "127.0.0.1:0", "--archive"]).arg(folder.join("archive"));
    server.arg("--timeout").arg(TIMEOUT_S.to_string());
    server.arg("--admin-token-file").arg(&token).stdout(Stdio::piped());
    let mut server = Server(server.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let at: SocketAddr =
        line.trim().rsplit("://").next().unwrap().trim_end_matches('/').parse().unwrap();
    println!("ready after {:.1} s, {:?} MB held", begun.elapsed().as_secs_f64(), held(&server.0));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(rounds(at, seconds, &server.0));
}

/// Ended with this.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn rounds(at: SocketAddr, seconds: usize, server: &Child) {
    let mut client = Client::new(at);
    first_page(&mut client).await;
    let pool = Arc::new(Pool::gather(&mut client).await);
    let distinct: HashSet<&String> = pool.known.iter().collect();
    println!(
        "{} different pages and answers, and {} targets for new ones",
        distinct.len(),
        pool.targets.len()
    );
    assert!(distinct.len() >= 1_000, "too few");
    let mut seen = HashSet::new();
    for (round, name) in ["warm-up", "load", "load beside slow questions"].into_iter().enumerate() {
        let plan = pool.plan(round, seconds);
        let again = plan.iter().filter(|it| !seen.insert((*it).clone())).count();
        let slow = (round == 2).then(|| tokio::spawn(slow_questions(at, seconds)));
        let told = run(at, plan).await;
        println!(
            "{name}: {:.1} % were asked for before; {told}; {:?} MB held",
            again as f64 * 100.0 / told.count as f64,
            held(server)
        );
        if let Some(slow) = slow {
            println!("  slow questions: {}", slow.await.unwrap());
        }
    }
}

/// The first page with all that it needs.
async fn first_page(client: &mut Client) {
    let mut sums = [0, 0];
    for path in ["/", "/style.css", "/icon.svg"] {
        for (sum, is_packed) in sums.iter_mut().zip([false, true]) {
            let (status, body) = client.get(path, is_packed).await.unwrap();
            assert_eq!(status, StatusCode::OK, "{path}");
            *sum += body.len();
        }
    }
    println!(
        "first page with style and icon: {:.1} kB, {:.1} kB packed",
        sums[0] as f64 / 1e3,
        sums[1] as f64 / 1e3
    );
}

// What is asked.

struct Pool {
    known: Vec<String>,
    /// Of the known by rank: the sum of 1/rank up to it.
    weights: Vec<f64>,
    targets: Vec<String>,
    networks: Vec<(String, u64)>,
    days: Vec<String>,
}

impl Pool {
    async fn gather(client: &mut Client) -> Self {
        let rows = async |client: &mut Client, path: &str| {
            let (status, body) = client.get(path, false).await.unwrap();
            assert_eq!(status, StatusCode::OK, "{path}");
            let value: Value = serde_json::from_slice(&body).unwrap();
            value["rows"].as_array().unwrap().clone()
        };
        let text = |row: &Value, column: &str| row[column].as_str().unwrap().to_owned();
        let targets: Vec<String> = rows(client, "/api/v1/ww/targets?limit=10000")
            .await
            .iter()
            .map(|it| text(it, "name"))
            .collect();
        let networks: Vec<(String, u64)> = rows(client, "/api/v1/ww/networks?limit=1000")
            .await
            .iter()
            .map(|it| (text(it, "country"), it["probe_asn"].as_u64().unwrap()))
            .collect();
        let events: Vec<String> = rows(client, "/api/v1/ww/events?limit=400")
            .await
            .iter()
            .map(|it| text(it, "event_id"))
            .collect();
        let mut days: Vec<String> = rows(client, "/api/v1/ww/counts?axes=day&limit=1000")
            .await
            .iter()
            .map(|it| text(it, "axis_1"))
            .collect();
        days.sort();
        let measurements = rows(client, "/api/v1/ww/measurements?limit=100").await;
        let mut known = vec![
            "/".to_owned(),
            "/events".to_owned(),
            "/status".to_owned(),
            "/method".to_owned(),
            "/lists".to_owned(),
            "/search?q=a".to_owned(),
            "/measurements".to_owned(),
            "/api/v1/ww/overview".to_owned(),
            "/feeds/events.atom".to_owned(),
        ];
        let countries: HashSet<&String> = networks.iter().map(|(country, _)| country).collect();
        for country in countries {
            known.push(format!("/country/{country}"));
            known.push(format!("/country/{country}?lang=ur"));
            known.push(format!("/feeds/events.atom?country={country}"));
            known.push(format!(
                "/api/v1/aggregation?probe_cc={country}&axis_x=measurement_start_day"
            ));
        }
        for (country, asn) in &networks {
            known.push(format!("/network/{country}/{asn}"));
            known.push(format!(
                "/api/v1/aggregation?probe_asn=AS{asn}&axis_x=measurement_start_day&since={}",
                days[days.len() / 2]
            ));
            known.push(format!("/measurements?asn={asn}&since={}", days[days.len() - 2]));
        }
        let (country, first) = &networks[0];
        let others = networks.iter().skip(1);
        known.extend(
            others.map(|(_, asn)| format!("/compare?a={country}/{first}&b={country}/{asn}")),
        );
        known.extend(events.iter().map(|id| format!("/event/{id}")));
        known.extend(measurements.iter().map(|row| {
            format!(
                "/measurement/{}/{}/{}",
                text(row, "country"),
                text(row, "day"),
                text(row, "measurement_id")
            )
        }));
        let mut names = targets.iter().step_by(3);
        while known.len() < KNOWN {
            let Some(name) = names.next() else { break };
            known.push(format!("/target?name={name}"));
            known.push(format!("/api/v1/ww/counts?axes=network,day&domain={name}&limit=1000"));
        }
        known.truncate(KNOWN);
        // Kinds at every rank.
        let mut random = Random(7);
        for place in (1..known.len()).rev() {
            known.swap(place, random.below(place + 1));
        }
        let mut sum = 0.0;
        let weights = (1..=known.len())
            .map(|rank| {
                sum += 1.0 / rank as f64;
                sum
            })
            .collect();
        Self { known, weights, targets, networks, days }
    }

    /// Requests in the order that they are due.
    fn plan(&self, round: usize, seconds: usize) -> Vec<String> {
        let mut random = Random(1_000 + round as u64);
        let each = PER_SECOND / NEW_PER_SECOND;
        (0..seconds * PER_SECOND)
            .map(|at| {
                if at % each == 0 {
                    self.never_seen(round, at / each, &mut random)
                } else {
                    self.drawn(&mut random)
                }
            })
            .collect()
    }

    fn drawn(&self, random: &mut Random) -> String {
        let all = self.weights[self.weights.len() - 1];
        let at = random.next() as f64 / u64::MAX as f64 * all;
        self.known[self.weights.partition_point(|sum| *sum < at).min(self.known.len() - 1)].clone()
    }

    /// A page or answer that nobody asked for: the time it speaks of is drawn, and the number makes it another one for sure.
    fn never_seen(&self, round: usize, at: usize, random: &mut Random) -> String {
        let first = random.below(self.days.len() - 40);
        let (since, until) = (&self.days[first], &self.days[first + 7 + random.below(30)]);
        let name = &self.targets[random.below(self.targets.len())];
        let (country, asn) = &self.networks[random.below(self.networks.len())];
        let days = format!("since={since}&until={until}");
        let path = match at % 8 {
            0 => format!("/target?name={name}&{days}"),
            1 => format!("/network/{country}/{asn}?{days}"),
            2 => format!("/api/v1/aggregation?domain={name}&axis_x=measurement_start_day&{days}"),
            3 => format!(
                "/api/v1/aggregation?probe_asn=AS{asn}&axis_x=measurement_start_day&axis_y=domain&{days}"
            ),
            4 => format!("/api/v1/ww/counts?axes=network,mechanism&{days}"),
            5 => format!("/measurements?name={name}&since={since}&until={}", self.days[first + 2]),
            6 => format!("/search?q={}", &name[..name.len().min(6)]),
            _ => format!("/events?country={country}&{days}"),
        };
        // A tracker's parameter would be refused by the API; the limit is one that all take.
        let sign = if path.contains('?') { '&' } else { '?' };
        match path.starts_with("/api") {
            true => format!("{path}{sign}limit={}", 100 + (round * 3_000 + at) % 900),
            false => format!("{path}{sign}page={}", round * 100_000 + at),
        }
    }
}

/// Xorshift: the same requests each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, most: usize) -> usize {
        (self.next() % most as u64) as usize
    }
}

// How it is asked.

struct Client {
    at: SocketAddr,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    fn new(at: SocketAddr) -> Self {
        Self { at, sender: None }
    }

    async fn get(&mut self, path: &str, is_packed: bool) -> Result<(StatusCode, Bytes), String> {
        let mut request =
            Request::get(path).header("host", "localhost").header("accept", "text/html");
        if is_packed {
            request = request.header("accept-encoding", "gzip");
        }
        self.send(request.body(Full::default()).unwrap()).await.map_err(|error| error.to_string())
    }

    async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), hyper::Error> {
        let is_ready = match &mut self.sender {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !is_ready {
            let stream = TcpStream::connect(self.at).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let (sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            self.sender = Some(sender);
        }
        let answer = self.sender.as_mut().unwrap().send_request(request).await?;
        let status = answer.status();
        Ok((status, answer.into_body().collect().await?.to_bytes()))
    }
}

/// What came of a round.
#[derive(Default)]
struct Told {
    count: usize,
    bytes: usize,
    wrong: BTreeMap<String, usize>,
    /// Of each request: milliseconds, and whether it was never seen before.
    times: Vec<(f64, bool)>,
    slowest: Vec<(f64, String)>,
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let failed: usize = self.wrong.values().sum();
        write!(
            f,
            "{} answers ({:.1} kB each), {failed} wrong {:?}",
            self.count,
            self.bytes as f64 / 1e3 / self.count as f64,
            self.wrong
        )?;
        for (name, which) in [("all", None), ("asked before", Some(false)), ("new", Some(true))] {
            let mut times: Vec<f64> = self
                .times
                .iter()
                .filter(|it| which.is_none_or(|which| it.1 == which))
                .map(|it| it.0)
                .collect();
            times.sort_by(f64::total_cmp);
            let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
            write!(
                f,
                "; {name} p50 {:.1} p90 {:.1} p99 {:.1} most {:.1} ms",
                at(0.5),
                at(0.9),
                at(0.99),
                at(1.0)
            )?;
        }
        for (time, path) in self.slowest.iter().take(5) {
            write!(f, "\n    {time:.0} ms {path}")?;
        }
        Ok(())
    }
}

/// Asks for all of the plan, each at its time.
async fn run(at: SocketAddr, plan: Vec<String>) -> Told {
    let plan = Arc::new(plan);
    let next = Arc::new(AtomicUsize::new(0));
    let told = Arc::new(Mutex::new(Told::default()));
    let begun = Instant::now();
    let asking = (0..CONNECTIONS).map(|_| {
        let (plan, next, told) = (Arc::clone(&plan), Arc::clone(&next), Arc::clone(&told));
        tokio::spawn(async move {
            let mut client = Client::new(at);
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some(path) = plan.get(place) else { break };
                let due = begun + Duration::from_secs_f64(place as f64 / PER_SECOND as f64);
                tokio::time::sleep_until(due.into()).await;
                let got = client.get(path, true).await;
                let time = due.elapsed().as_secs_f64() * 1e3;
                let mut told = told.lock().unwrap();
                told.count += 1;
                told.times.push((time, place % (PER_SECOND / NEW_PER_SECOND) == 0));
                told.slowest.push((time, path.clone()));
                match got {
                    Ok((StatusCode::OK, body)) => told.bytes += body.len(),
                    Ok((status, _)) => {
                        let kind = path.split(['?', '=']).next().unwrap_or_default();
                        *told.wrong.entry(format!("{status} {kind}")).or_default() += 1
                    }
                    Err(error) => *told.wrong.entry(error).or_default() += 1,
                }
            }
        })
    });
    for one in asking.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    let mut told = std::mem::take(&mut *told.lock().unwrap());
    told.slowest.sort_by(|a, b| b.0.total_cmp(&a.0));
    told
}

/// Asks what takes very long, again and again. Returns what came of it, and after how many seconds.
async fn slow_questions(at: SocketAddr, seconds: usize) -> String {
    let until = Instant::now() + Duration::from_secs(seconds as u64);
    let mut told = Vec::new();
    let mut client = Client::new(at);
    while Instant::now() < until {
        let begun = Instant::now();
        let request = Request::post("/api/v1/ww/sql")
            .header("host", "localhost")
            .header("authorization", format!("Bearer {TOKEN}"));
        let answer = client.send(request.body(SLOW.into()).unwrap()).await;
        let status = answer
            .map_or_else(|error| error.to_string(), |(status, _)| status.as_u16().to_string());
        told.push(format!("{status} after {:.1} s", begun.elapsed().as_secs_f64()));
        tokio::time::sleep(SLOW_EVERY.saturating_sub(begun.elapsed())).await;
    }
    told.join(", ")
}

/// MB that a process holds: now, without the files that it maps, and the most with them.
fn held(child: &Child) -> [u64; 2] {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    ["RssAnon:", "VmHWM:"].map(|name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1000
    })
}
