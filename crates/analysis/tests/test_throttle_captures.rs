//! Captures of a router laboratory's policers and shapers (Flach et al., SIGCOMM 2016), beside the repository: which are
//! called policers, and at what rate.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use wirewitness_analysis::tamper::finding::{Connection, End, Finding, Protocol, Throttle};
use wirewitness_analysis::tamper::throttle::{Event, Throttling, Transfer, Whose};
use wirewitness_wire::file::{Step, Walk};
use wirewitness_wire::link::{Carried, innermost};
use wirewitness_wire::transport::{Tcp, Transport, flag, transport};

use crate::captures::inspect_with;
use crate::shared::data;

/// At least 85 % of the policers' captures, within 8 % of the configured rate where the flow sustains it; no other capture.
#[test]
fn policers_are_found_and_shapers_are_not() {
    let Some(data) = data() else { return };
    let policers = captures(&data.join("captures/interference"));
    let others = captures(&data.join("captures/benign"));
    if policers.is_empty() || others.is_empty() {
        eprintln!("SKIPPED: no captures of policers and shapers at ../shared/data/captures");
        return;
    }
    eprintln!("kind  configured kbit/s  burst kB | called  confidence  kbit/s (ratio)  burst kB");
    let (mut called, mut false_calls) = (0, 0);
    for path in policers.iter().chain(&others) {
        let (rate, burst) = (setting(path, "CIR="), setting(path, "BC="));
        let found = judge(path);
        let policer = found.iter().find(|f| f.kind == "policer");
        let is_policer = path.to_string_lossy().contains("-PCIR=");
        eprintln!(
            "{:8} {:>8} {:>8} | {}",
            if is_policer { "policer" } else { "other" },
            rate.unwrap_or(0) / 1000,
            burst.map_or("?".into(), |b| (b / 1000).to_string()),
            found.iter().map(|f| words(f, rate)).collect::<Vec<_>>().join("; "),
        );
        if !is_policer {
            false_calls += usize::from(policer.is_some());
            continue;
        }
        called += usize::from(policer.is_some());
        let Some(ratio) =
            policer.and_then(|f| f.rate_bps).zip(rate).map(|(got, set)| got as f64 / set as f64)
        else {
            continue;
        };
        assert!(
            (ratio - 1.0).abs() <= 0.08,
            "{}: rate is {ratio:.3} of the configured",
            path.display()
        );
    }
    eprintln!(
        "policers called: {called} of {}; others called policers: {false_calls} of {}",
        policers.len(),
        others.len()
    );
    assert!(called * 100 >= policers.len() * 85, "{called} of {} policers", policers.len());
    assert_eq!(false_calls, 0);
}

fn words(found: &Throttle, set: Option<u64>) -> String {
    let ratio = found.rate_bps.zip(set).map_or(0.0, |(got, set)| got as f64 / set as f64);
    format!(
        "{:8} {:6} {:>6} ({ratio:.3}) {:>6}  goodput {:>6}  {}",
        found.kind,
        found.confidence,
        found.rate_bps.map_or("-".into(), |r| (r / 1000).to_string()),
        found.burst_bytes.unwrap_or(0) / 1000,
        found.goodput_bps / 1000,
        found
            .evidence
            .get(..2)
            .unwrap_or_default()
            .iter()
            .map(|e| e.says.as_str())
            .collect::<Vec<_>>()
            .join("; "),
    )
}

fn captures(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("usc_")))
        .collect();
    files.sort();
    files
}

/// The number behind a word in the file's name.
fn setting(path: &Path, word: &str) -> Option<u64> {
    let name = path.to_string_lossy();
    let from = name.find(word)? + word.len();
    let digits: String = name[from..].chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// What is told of the one transfer of a capture, which 10.0.0.4:1234 sends.
fn judge(path: &Path) -> Vec<Throttle> {
    let file = crate::captures::file(path);
    let (mut transfer, mut begun) = (Transfer::default(), None);
    let (mut walk, mut rest) = (Walk::default(), file.as_slice());
    loop {
        let (used, step) = walk.step(rest);
        let record = match step {
            Step::Packet(record) => record,
            Step::More(_) => break,
            _ => {
                rest = &rest[used..];
                continue;
            }
        };
        if let Ok(Carried::Ip(packet)) = innermost(record.link, record.bytes)
            && let Ok(Transport::Tcp(tcp)) = transport(&packet)
        {
            put(&mut transfer, &mut begun, &tcp, (record.number, record.at_ns));
        }
        rest = &rest[used..];
    }
    let client: SocketAddr = "10.0.0.1:10000".parse().unwrap();
    let server: SocketAddr = "10.0.0.4:1234".parse().unwrap();
    let whose = Whose {
        connection: Connection { protocol: Protocol::Tcp, client, server },
        from: End::Server,
        began_ns: begun.unwrap().1,
        round_trip_ns: None,
        trigger: None,
        header_bytes: 52,
    };
    let mut found = Vec::new();
    let mut throttling = Throttling::default();
    let mut out = |finding| match finding {
        Finding::Throttle(throttle) => found.push(*throttle),
        other => panic!("{other:?}"),
    };
    throttling.ended(whose, transfer, &mut out);
    throttling.finish(&mut out);
    found
}

/// `begun`: the server's first sequence number, and the time of its SYN.
fn put(
    transfer: &mut Transfer,
    begun: &mut Option<(u32, i64)>,
    tcp: &Tcp<'_>,
    (packet, at): (u64, i64),
) {
    if tcp.source_port == 1234 && tcp.flags & flag::SYN != 0 {
        *begun = Some((tcp.seq.wrapping_add(1), at));
    }
    let Some((first, began)) = *begun else { return };
    let at_ns = u64::try_from(at - began).unwrap();
    if tcp.source_port == 1234 {
        let offset = u64::from(tcp.seq.wrapping_sub(first));
        transfer.put(Event::Data { packet, at_ns, offset, len: tcp.payload_len as u32 });
    } else if tcp.destination_port == 1234 {
        let offset = u64::from(tcp.ack.wrapping_sub(first));
        if offset < 1 << 31 {
            transfer.put(Event::Ack { at_ns, offset });
        }
    }
}

/// The same captures through the inspector, and all benign ones: no policer is told of any of these.
#[test]
fn benign_captures_have_no_policers() {
    let Some(data) = data() else { return };
    let policers = captures(&data.join("captures/interference"));
    let told = policers.iter().filter(|path| inspect(path).iter().any(|f| f.kind == "policer"));
    let told = told.count();
    eprintln!("through the inspector: {told} of {} policers", policers.len());
    assert!(told * 100 >= policers.len() * 85, "{told} of {}", policers.len());
    let benign = std::fs::read_dir(data.join("captures/benign")).into_iter().flatten();
    for path in benign.map(|entry| entry.unwrap().path()) {
        for found in inspect(&path) {
            eprintln!("{}: {} {}", path.display(), words(&found, None), found.connection.client);
            assert_ne!(found.kind, "policer", "{}", path.display());
        }
    }
}

fn inspect(path: &Path) -> Vec<Throttle> {
    let mut found = Vec::new();
    let mut out = |finding| {
        if let Finding::Throttle(throttle) = finding {
            found.push(*throttle);
        }
    };
    inspect_with(crate::shared::fingerprints(), &crate::captures::file(path), &mut out);
    found
}
