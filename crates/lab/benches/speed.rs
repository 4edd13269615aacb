//! How fast whole measurements are in the lab. `taskset -c 0 cargo bench -p wirewitness-lab --bench speed`
//!
//! A target here is all that the prober does for one: lookups by the system, over UDP and over HTTPS; TCP and a full TLS
//! 1.3 handshake with its chain verified; the page; and the control, for which the test helper, in the same process and on the same
//! core, looks the name up, connects, shakes hands and fetches the page as well.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    dead_code,
    reason = "a benchmark: it prints, stops at the first surprise, and uses a part of the tests' harness"
)]

#[path = "../tests/field.rs"]
mod field;

use std::fmt::Write;

use field::{Manner, verdict};

/// A line, a resolver, a public resolver with DNS over HTTPS, a helper, and `sites` sites that nobody touches.
fn world(sites: usize) -> wirewitness_lab::Scenario {
    let mut text = BASE.to_owned();
    for site in 0..sites {
        let address = format!("44.1.{}.{}", site / 250, site % 250 + 1);
        write!(
            text,
            "[[site]]\nnames = [\"s{site}.example\"]\naddresses = [\"{address}\"]\nbytes = 20000\n"
        )
        .unwrap();
    }
    wirewitness_lab::Scenario::parse("speed", &text).unwrap()
}

fn main() {
    let (sites, targets) = (1_000, 2_000);
    let scenario = world(sites);
    let targets: Vec<_> = (0..targets)
        .map(|it| ("line".to_owned(), format!("https://s{}.example/", it % sites)))
        .collect();
    println!("| targets | at once | real time | core time | targets a second of core time |");
    println!("|---|---|---|---|---|");
    for at_once in [1, 8, 64, 256] {
        #[allow(clippy::disallowed_methods, reason = "the time it takes is the point")]
        let (began, cpu) = (std::time::Instant::now(), core_time());
        let manner = Manner { at_once, ..Manner::default() };
        let measurements = field::measure(&scenario, &targets, manner);
        let (took, cpu) = (began.elapsed().as_secs_f64(), core_time() - cpu);
        // What was measured is what is there.
        for measurement in measurements.iter().step_by(97) {
            assert_eq!(verdict(measurement), "ok -", "{measurement}");
        }
        for measurement in &measurements {
            let failure = &measurement["test_keys"]["control_failure"];
            assert!(failure.is_null(), "{failure}");
        }
        let rate = f64::from(u32::try_from(targets.len()).unwrap()) / cpu;
        println!("| {} | {at_once} | {took:.2} s | {cpu:.2} s | {rate:.0} |", targets.len());
    }
}

/// Seconds that this process has had a core: what a busy machine does not change much. 100 ticks a second (proc(5)).
fn core_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let fields: Vec<_> = after_name.split_whitespace().collect();
    let ticks: f64 = fields[11..13].iter().map(|it| it.parse::<f64>().unwrap()).sum();
    ticks / 100.0
}

const BASE: &str = r#"
name = "speed"
about = "Sites that nobody touches."

[[gateway]]
name = "isp"
addresses = ["44.0.0.1"]

[[client]]
name = "line"
addresses = ["44.0.0.2"]
gateway = "isp"
resolvers = ["44.0.0.53"]

[[resolver]]
name = "isp-resolver"
addresses = ["44.0.0.53"]
gateway = "isp"

[[resolver]]
name = "public"
addresses = ["44.0.1.53"]
names = ["dns.example"]
doh = true

[[helper]]
name = "helper"
names = ["helper.example"]
addresses = ["44.0.1.10"]
resolvers = ["44.0.1.53"]

"#;
