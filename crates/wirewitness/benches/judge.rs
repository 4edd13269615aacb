//! Speed of `wirewitness judge` beside a bare typed parse of the same file.
//!
//! Writes the QA measurements (or, without them, the shipped examples) as JSON lines to a temporary file of about
//! 105 MB, then, turn by turn: parses it line by line into plain `serde_json` structs that borrow (no judging, no
//! output), and runs the release binary over it with every fingerprint that is at hand, its output discarded. Prints
//! measurements per second, MB/s and the ratio. Pin it to one core: `taskset -c 0 cargo bench -p wirewitness --bench judge`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark: it measures time and prints, and should stop at the first surprise"
)]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

const BYTES: usize = 105_000_000;
const TURNS: usize = 9;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = root.join("../shared/data");
    let folder =
        if shared.is_dir() { shared.join("ooni/qa") } else { root.join("examples/measurements") };
    let file = tempfile::NamedTempFile::new().unwrap();
    let count = write_lines(&folder, file.path());
    let bytes = std::fs::metadata(file.path()).unwrap().len();
    println!(
        "{count} measurements of {}, {:.1} MB, {TURNS} turns",
        folder.display(),
        bytes as f64 / 1e6
    );
    let fingerprints = shared.join("fingerprints");
    let (mut bare, mut judged) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        bare.push(time(|| bare_parse(file.path())));
        judged.push(time(|| judge(file.path(), &fingerprints)));
    }
    let (bare, judged) = (median(bare), median(judged));
    report("bare typed serde_json parse", bare, count, bytes);
    report("wirewitness judge --json, all fingerprints", judged, count, bytes);
    println!("ratio judge / bare parse: {:.2}", bare.as_secs_f64() / judged.as_secs_f64());
}

fn report(what: &str, time: Duration, count: usize, bytes: u64) {
    let seconds = time.as_secs_f64();
    println!(
        "{what}: {:.0} measurements/s, {:.0} MB/s",
        count as f64 / seconds,
        bytes as f64 / 1e6 / seconds
    );
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn write_lines(folder: &Path, path: &Path) -> usize {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let lines: Vec<String> = files
        .iter()
        .map(|file| {
            let value: serde_json::Value =
                serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
            format!("{value}\n")
        })
        .collect();
    let mut out = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    let (mut written, mut count) = (0, 0);
    while written < BYTES {
        for line in &lines {
            out.write_all(line.as_bytes()).unwrap();
            written += line.len();
            count += 1;
        }
    }
    out.flush().unwrap();
    count
}

fn judge(path: &Path, fingerprints: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wirewitness"));
    command.arg("judge").arg("--json").arg(path).stdout(Stdio::null()).stderr(Stdio::null());
    if fingerprints.is_dir() {
        command.arg("--fingerprints").arg(fingerprints);
    }
    assert!(command.status().unwrap().success());
}

fn bare_parse(path: &Path) {
    let mut source = BufReader::with_capacity(1 << 18, std::fs::File::open(path).unwrap());
    let mut line = String::new();
    let mut queries = 0;
    loop {
        line.clear();
        if source.read_line(&mut line).unwrap() == 0 {
            break;
        }
        let measurement: Bare<'_> = serde_json::from_str(&line).unwrap();
        queries += measurement.test_keys.queries.map_or(0, |queries| queries.len());
    }
    assert!(queries > 0);
}

/// A string that borrows where JSON lets it.
#[derive(Deserialize)]
#[serde(transparent)]
#[allow(dead_code, reason = "parsed, not looked at")]
struct S<'a>(#[serde(borrow)] Cow<'a, str>);

macro_rules! bare {
    ($($name:ident { $($field:ident: $type:ty,)* })*) => {
        $(
            #[derive(Deserialize)]
            #[allow(dead_code, reason = "parsed, not looked at")]
            struct $name<'a> {
                $(#[serde(borrow, default)] $field: Option<$type>,)*
                #[serde(skip)]
                lifetime: std::marker::PhantomData<&'a ()>,
            }
        )*
    };
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "parsed, not looked at")]
struct Bare<'a> {
    #[serde(borrow)]
    input: Option<S<'a>>,
    #[serde(borrow)]
    probe_asn: Option<S<'a>>,
    #[serde(borrow)]
    probe_cc: Option<S<'a>>,
    #[serde(borrow)]
    test_name: Option<S<'a>>,
    #[serde(borrow)]
    test_version: Option<S<'a>>,
    #[serde(borrow)]
    measurement_start_time: Option<S<'a>>,
    #[serde(borrow)]
    test_keys: Keys<'a>,
}

bare! {
    Keys {
        queries: Vec<Query<'a>>,
        tcp_connect: Vec<Tcp<'a>>,
        tls_handshakes: Vec<Tls<'a>>,
        requests: Vec<Transaction<'a>>,
        x_control_request: ControlRequest<'a>,
        control: Control<'a>,
        control_failure: S<'a>,
    }
    Query {
        answers: Vec<Answer<'a>>,
        engine: S<'a>,
        failure: S<'a>,
        hostname: S<'a>,
        query_type: S<'a>,
        resolver_address: S<'a>,
        tags: Vec<S<'a>>,
    }
    Answer {
        answer_type: S<'a>,
        as_org_name: S<'a>,
        ipv4: S<'a>,
        ipv6: S<'a>,
        hostname: S<'a>,
    }
    Tcp {
        ip: S<'a>,
        status: Status<'a>,
        tags: Vec<S<'a>>,
    }
    Status {
        failure: S<'a>,
    }
    Tls {
        address: S<'a>,
        cipher_suite: S<'a>,
        failure: S<'a>,
        negotiated_protocol: S<'a>,
        server_name: S<'a>,
        tls_version: S<'a>,
        tags: Vec<S<'a>>,
    }
    Transaction {
        network: S<'a>,
        address: S<'a>,
        alpn: S<'a>,
        failure: S<'a>,
        request: Request<'a>,
        response: Response<'a>,
        tags: Vec<S<'a>>,
    }
    Request {
        body: S<'a>,
        headers: BTreeMap<Cow<'a, str>, S<'a>>,
        headers_list: Vec<(S<'a>, S<'a>)>,
        method: S<'a>,
        url: S<'a>,
    }
    Response {
        body: S<'a>,
        headers: BTreeMap<Cow<'a, str>, S<'a>>,
        headers_list: Vec<(S<'a>, S<'a>)>,
    }
    ControlRequest {
        http_request: S<'a>,
        tcp_connect: Vec<S<'a>>,
    }
    Control {
        tcp_connect: BTreeMap<Cow<'a, str>, ControlStep<'a>>,
        tls_handshake: BTreeMap<Cow<'a, str>, ControlStep<'a>>,
        http_request: ControlHttp<'a>,
        dns: ControlDns<'a>,
    }
    ControlStep {
        failure: S<'a>,
        server_name: S<'a>,
    }
    ControlHttp {
        failure: S<'a>,
        title: S<'a>,
        headers: BTreeMap<Cow<'a, str>, S<'a>>,
    }
    ControlDns {
        failure: S<'a>,
        addrs: Vec<S<'a>>,
    }
}
