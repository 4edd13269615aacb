//! How long reading takes of each packet, on one core: the walk alone, and with links, IP and transport.
//!
//! `cargo bench -p wirewitness-wire --bench walk`. Files are made in memory, of packets of 430 bytes as Ethernet, IPv4 and TCP with
//! timestamps. Each figure is the least of many
//! short runs: what else the machine does is not of interest.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![allow(clippy::disallowed_methods, reason = "a benchmark measures time")]

use std::hint::black_box;
use std::time::Instant;

use wirewitness_wire::file::{Step, Walk};
use wirewitness_wire::link::{Carried, innermost};
use wirewitness_wire::transport::{Transport, transport};

/// As many as a reader's buffer of a MiB holds, so that they are in the cache.
const PACKETS: usize = 2_300;
const ROUNDS: usize = 5;
const LEN: usize = 430;

fn main() {
    // Cargo says so; `cargo test --all-targets` runs benchmarks too, and has no use for figures of a debug build.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    for (name, file) in [("pcap", pcap()), ("pcapng", pcapng())] {
        let walked = least(|| walk(&file, |_| 0));
        println!("{name}: walk {walked:.1} ns a packet");
        let read = least(|| {
            walk(&file, |record| match innermost(record.link, record.bytes) {
                Ok(Carried::Ip(packet)) => match transport(&packet) {
                    Ok(Transport::Tcp(tcp)) => u64::from(tcp.seq) + tcp.payload_len as u64,
                    _ => 0,
                },
                _ => 0,
            })
        });
        println!("{name}: walk, link, IP and TCP {read:.1} ns a packet");
        let stamped = least(|| {
            walk(&file, |record| match innermost(record.link, record.bytes) {
                Ok(Carried::Ip(packet)) => match transport(&packet) {
                    Ok(Transport::Tcp(tcp)) => tcp.timestamps().map_or(0, |(sent, _)| sent.into()),
                    _ => 0,
                },
                _ => 0,
            })
        });
        println!("{name}: and timestamps {stamped:.1} ns a packet");
    }
}

#[inline(never)]
fn walk(file: &[u8], look: impl Fn(&wirewitness_wire::file::Record<'_>) -> u64) -> u64 {
    let (mut walk, mut rest, mut sum) = (Walk::default(), file, 0_u64);
    loop {
        let (used, step) = walk.step(rest);
        rest = rest.get(used..).unwrap_or_default();
        match step {
            Step::Packet(record) => {
                sum = sum.wrapping_add(record.at_ns.cast_unsigned()).wrapping_add(look(&record));
            }
            Step::More(_) => return sum,
            _ => {}
        }
    }
}

/// Nanoseconds of a packet.
fn least(run: impl Fn() -> u64) -> f64 {
    let times = (0..400).map(|_| {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            black_box(run());
        }
        start.elapsed().as_secs_f64() * 1e9 / (PACKETS * ROUNDS) as f64
    });
    times.fold(f64::INFINITY, f64::min)
}

fn packet(number: usize) -> Vec<u8> {
    let mut bytes = vec![2; 12];
    bytes.extend([0x08, 0x00, 0x45, 0]);
    bytes.extend(((LEN - 14) as u16).to_be_bytes());
    bytes.extend([0, 0, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, number as u8, 198, 51, 100, 7]);
    bytes.extend([0x01, 0xbb, 0x9c, 0x40]);
    bytes.extend((number as u32).to_be_bytes());
    bytes.extend([0, 0, 0, 9, 0x80, 0x18, 1, 0, 0, 0, 0, 0]);
    bytes.extend([1, 1, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9]);
    bytes.resize(LEN, 0x5a);
    bytes
}

fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn pcap() -> Vec<u8> {
    let mut file = words(&[0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1]);
    for number in 0..PACKETS {
        let micros = number as u32 * 4;
        file.extend(words(&[1_700_000_000, micros, LEN as u32, LEN as u32]));
        file.extend(packet(number));
    }
    file
}

fn pcapng() -> Vec<u8> {
    let mut file = words(&[0x0a0d_0d0a, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28]);
    file.extend(words(&[1, 20, 1, 65_535, 20]));
    let padded = LEN.next_multiple_of(4);
    let len = (32 + padded) as u32;
    for number in 0..PACKETS {
        let low = number as u32 * 4;
        file.extend(words(&[6, len, 0, 395_812, low, LEN as u32, LEN as u32]));
        file.extend(packet(number));
        file.resize(file.len() + padded - LEN, 0);
        file.extend(words(&[len]));
    }
    file
}
