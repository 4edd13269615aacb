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

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("the folder of captures");
    match arguments.next() {
        Some(part) => captures::print_findings(Path::new(&folder), &part),
        None => print!("{}", captures::table(Path::new(&folder))),
    }
}
