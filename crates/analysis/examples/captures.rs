//! Inspects every capture of a folder and prints, as a table, what was found beside what its label says.
//!
//! `cargo run --release -p wirewitness-analysis --example captures -- ../shared/data/captures [PART OF A NAME]`
//! With a part of a name, what was found in those files is printed in full, as JSON.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "an example: it prints, and a failure should be loud"
)]

#[path = "../tests/captures/mod.rs"]
mod captures;

use std::path::Path;

/// Inspects all captures of the folder again and again from memory, and says how fast that was.
#[allow(clippy::disallowed_methods, reason = "it measures time")]
fn speed(folder: &Path) {
    const ROUNDS: usize = 5;
    let read = |name: &String| std::fs::read(folder.join(name)).expect("a capture");
    let names = captures::names(folder, "benign");
    let plain: Vec<_> = names.iter().filter(|it| !it.ends_with(".xz")).map(read).collect();
    let began = std::time::Instant::now();
    let (mut bytes, mut packets) = (0, 0);
    for _ in 0..ROUNDS {
        for capture in &plain {
            packets += captures::inspect_bytes(capture).counters.packets;
            bytes += capture.len();
        }
    }
    let secs = began.elapsed().as_secs_f64();
    let each = secs * 1e9 / packets as f64;
    println!(
        "{bytes} bytes, {packets} packets in {secs:.2} s: {:.0} MB/s, {each:.0} ns a packet",
        bytes as f64 / secs / 1e6
    );
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("the folder of captures");
    match arguments.next() {
        Some(word) if word == "--speed" => speed(Path::new(&folder)),
        Some(part) => captures::print_findings(Path::new(&folder), &part),
        None => print!("{}", captures::tables(Path::new(&folder))),
    }
}
