//! How fast stored batteries are scored, on one core: read, turned into evidence, scored and told as JSON, as `wirewitness attribute --json` does.
//!
//! `cargo bench -p wirewitness-analysis --bench attribution`. Batteries are drawn from the profiles: a device each, with all tests that its cells
//! allow, 20 trials a probe in two runs. Each figure is the least of three runs.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "no input but our own")]
#![allow(clippy::disallowed_methods, reason = "a benchmark looks at the clock")]

#[path = "../tests/numbers.rs"]
mod numbers;

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use numbers::Numbers;
use wirewitness_analysis::attribution::battery::{
    Battery, Behaviour, Controls, Counts, DnsTest, FORMAT, Probe, ProbeTest, Response,
};
use wirewitness_analysis::attribution::evidence::evidence;
use wirewitness_analysis::attribution::profile::schema::{LENGTH_ROWS, QUIC_ROWS};
use wirewitness_analysis::attribution::profile::{Catalogue, Prediction, Profile};
use wirewitness_analysis::attribution::report::report;

/// Batteries of a run.
const MANY: usize = 10_000;

fn main() {
    // Cargo says so; `cargo test --all-targets` runs benchmarks too, and has no use for figures of a debug build.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let catalogue = catalogue();
    let texts = batteries(&catalogue, MANY);
    let bytes: usize = texts.iter().map(String::len).sum();
    let mb = bytes as f64 / 1e6;
    println!("{MANY} batteries, {mb:.0} MB, {} profiles", catalogue.profiles().len());
    let whole = least(|| texts.iter().map(|text| scored(text, &catalogue)).sum());
    let read = least(|| {
        let all = texts.iter().map(|it| Battery::from_json("battery", it.as_bytes()).unwrap());
        all.map(|it| it.tls.len()).sum()
    });
    println!("read, scored and told: {:.2} s", whole.as_secs_f64());
    println!("  of that read and checked: {:.2} s", read.as_secs_f64());
    println!(
        "goal: 10,000 in under 10 s, here {:.2} s",
        whole.as_secs_f64() * 10_000.0 / MANY as f64
    );
}

fn scored(text: &str, catalogue: &Catalogue) -> usize {
    let battery = Battery::from_json("battery", text.as_bytes()).unwrap();
    let report = report(&battery, &evidence(&battery), catalogue);
    serde_json::to_string(&report).unwrap().len()
}

fn least(mut one: impl FnMut() -> usize) -> Duration {
    let mut times = (0..3).map(|_| {
        let begun = Instant::now();
        black_box(one());
        begun.elapsed()
    });
    let first = times.next().unwrap();
    times.fold(first, Duration::min)
}

fn catalogue() -> Catalogue {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/devices");
    let files: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|it| it.unwrap().path())
        .map(|path| (path.display().to_string(), std::fs::read_to_string(&path).unwrap()))
        .collect();
    Catalogue::parse(files.iter().map(|(name, text)| (name.as_str(), text.as_str()))).unwrap()
}

impl Numbers {
    /// Hits of 20 where it censors, and where it does not.
    fn run(&mut self, censors: bool) -> Counts {
        let one = |it: &mut Self| it.next() % 100 < if censors { 97 } else { 2 };
        Counts::new((0..20).filter(|_| one(self)).count() as u32, 20)
    }
}

fn batteries(catalogue: &Catalogue, many: usize) -> Vec<String> {
    let mut numbers = Numbers(1);
    let readers: Vec<&Profile> = catalogue
        .profiles()
        .iter()
        .filter(|it| it.cells.keys().any(|(of, _)| *of == "tls"))
        .collect();
    (0..many)
        .map(|number| battery(readers[number % readers.len()], &mut numbers).to_json())
        .collect()
}

fn battery(profile: &Profile, numbers: &mut Numbers) -> Battery {
    let controls = Controls { baseline: Counts::new(0, 20), positive: Counts::new(20, 20) };
    let mut test = |section: &'static str, rows: &mut dyn Iterator<Item = &&'static str>| {
        let probes = rows.map(|row| {
            let cell = profile.cell(section, row, 0);
            let censors = cell.is_some_and(|it| it.is == Prediction::Vector(true));
            let runs = vec![numbers.run(censors), numbers.run(censors)];
            Probe {
                vector: (*row).to_owned(),
                runs,
                negative: Some(numbers.run(false)),
                ..Probe::default()
            }
        });
        ProbeTest {
            behaviour: Behaviour::Rst,
            controls,
            substring: Vec::new(),
            probes: probes.collect(),
        }
    };
    let tls = test("tls", &mut LENGTH_ROWS.iter());
    let quic = test("quic", &mut LENGTH_ROWS.iter().skip(1).chain(&QUIC_ROWS));
    let pointers = [0, 1, 2, 8, 15, 16, 17, 18, 19, 20].map(|pointers: u32| Probe {
        vector: format!("pointers:{pointers}"),
        runs: vec![numbers.run(pointers <= 17)],
        ..Probe::default()
    });
    let response =
        Response { flags: 0x8180, name_compressed: true, answers: Vec::new(), seen: 200 };
    Battery {
        format: FORMAT.to_owned(),
        event: "drawn".to_owned(),
        tls: vec![tls],
        quic: vec![quic],
        dns: vec![DnsTest { controls, probes: pointers.to_vec(), responses: vec![response] }],
        ..Battery::default()
    }
}
