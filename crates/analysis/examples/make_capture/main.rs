//! Makes a mixed capture for comparing speeds: the same bytes from the same seed.
//!
//! `cargo run --release -p wirewitness-analysis --example make_capture -- FILE MEGABYTES [SEED]` writes a pcap file and prints
//! one line of JSON: how many conversations of each kind are in it, and how many were interfered with, by kind. With `open`
//! before a number in the place of megabytes (`open2000000`) the file has so many connections that stay open, for measuring
//! what one costs.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a tool of the bench, on its own numbers"
)]

mod conversations;
mod generate;
mod messages;
mod open;
mod packets;
mod talk;

use std::io::{self, BufWriter};

use generate::{Plan, generate};
use open::open_connections;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let usage = || {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "usage: make_capture FILE MEGABYTES|openN [SEED]",
        )
    };
    let path = arguments.next().ok_or_else(usage)?;
    let number = |text: String| text.parse::<u64>().map_err(|_| usage());
    let size = arguments.next().ok_or_else(usage)?;
    if let Some(count) = size.strip_prefix("open") {
        let count = number(count.to_owned())?.min(100_000_000);
        return open_connections(count, &mut BufWriter::new(std::fs::File::create(path)?));
    }
    let megabytes = number(size)?;
    let seed = arguments.next().map_or(Ok(1), number)?;
    let plan = Plan { bytes: megabytes.min(100_000) * 1_000_000, seed };
    let mut out = BufWriter::new(std::fs::File::create(path)?);
    let made = generate(plan, &mut out)?;
    println!("{}", made.json(plan));
    Ok(())
}
