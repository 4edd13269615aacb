//! How fast the lab is: whole HTTPS fetches in virtual time. `cargo bench -p wirewitness-lab --bench speed`

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    dead_code,
    reason = "a benchmark: it prints, stops at the first surprise, and uses a part of the tests' world"
)]

#[path = "../tests/world.rs"]
mod world;

use tokio::task::JoinSet;

use world::{Client, FINE, World};

/// Fetches one page `total` times, `at_once` at a time: DNS, TCP, a full TLS 1.3 handshake with both chains checked,
/// HTTP. The client makes its trust store anew for each, which is a part of the time.
async fn fetch(client: Client, total: usize, at_once: usize) {
    let mut running = JoinSet::new();
    for _ in 0..total {
        if running.len() == at_once {
            running.join_next().await;
        }
        let client = client.clone();
        running.spawn(async move { assert!(client.https(FINE).await.is_ok()) });
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
}

fn main() {
    for (total, at_once) in [(200, 1), (400, 20), (1000, 200), (2000, 1000)] {
        #[allow(clippy::disallowed_methods, reason = "the time it takes is the point")]
        let began = std::time::Instant::now();
        let (simulated, packets) = World::new(1).run(|client| async move {
            let lab = client.lab.clone();
            fetch(client, total, at_once).await;
            (lab.elapsed(), lab.packets())
        });
        let took = began.elapsed();
        println!(
            "{total} targets, {at_once} at once: {took:.2?} for {simulated:.2?} of virtual time, \
             {packets} packets, {:.0} targets/s",
            f64::from(u32::try_from(total).unwrap()) / took.as_secs_f64()
        );
    }
}
