//! What the prober does not do: go too fast.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use wirewitness_net::{Clock, Moment};
use wirewitness_probe::pace::{Pace, TargetRate};

/// Tokio's paused time as a clock.
#[derive(Clone)]
struct Virtual(Instant);

impl Clock for Virtual {
    fn now(&self) -> Moment {
        Moment { elapsed: self.0.elapsed(), wall: SystemTime::UNIX_EPOCH + self.0.elapsed() }
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// When each of many connections started, in order of starting: its number and the millisecond.
async fn starts(pace: Pace<Virtual>, addresses: &[IpAddr]) -> Vec<(usize, u128)> {
    let clock = Virtual(Instant::now());
    let pace = Arc::new(pace);
    let log = Arc::new(Mutex::new(Vec::new()));
    let tasks = addresses.iter().copied().enumerate().map(|(number, address)| {
        let (pace, log, clock) = (Arc::clone(&pace), Arc::clone(&log), clock.clone());
        tokio::spawn(async move {
            pace.target().await;
            pace.address(address).await;
            log.lock().unwrap().push((number, clock.now().elapsed.as_millis()));
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    Arc::into_inner(log).unwrap().into_inner().unwrap()
}

#[tokio::test(start_paused = true)]
async fn one_address_is_connected_once_a_second_in_order_of_asking() {
    let pace = Pace::new(Virtual(Instant::now()), TargetRate::new(100).unwrap());
    let address = IpAddr::from([192, 0, 2, 1]);
    // The same address in its other coat does not slip through.
    let mapped = "::ffff:192.0.2.1".parse().unwrap();
    let starts = starts(pace, &[address, mapped, address, address]).await;
    assert_eq!(starts, [(0, 0), (1, 1_000), (2, 2_000), (3, 3_000)]);
}

#[tokio::test(start_paused = true)]
async fn targets_start_at_the_rate_over_all_addresses() {
    let pace = Pace::new(Virtual(Instant::now()), TargetRate::default());
    let addresses: Vec<_> = (1..=5).map(|last| IpAddr::from([192, 0, 2, last])).collect();
    let starts = starts(pace, &addresses).await;
    assert_eq!(starts, [(0, 0), (1, 500), (2, 1_000), (3, 1_500), (4, 2_000)]);
}

#[tokio::test(start_paused = true)]
async fn whoever_stops_waiting_takes_no_turn() {
    let clock = Virtual(Instant::now());
    let pace = Pace::new(clock.clone(), TargetRate::new(1).unwrap());
    pace.target().await;
    let gave_up = tokio::time::timeout(Duration::from_millis(300), pace.target()).await;
    assert!(gave_up.is_err());
    pace.target().await;
    assert_eq!(clock.now().elapsed, Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn the_lab_waits_for_nobody() {
    let clock = Virtual(Instant::now());
    let pace = Pace::unlimited(clock.clone());
    for _ in 0..1_000 {
        pace.target().await;
        pace.address(IpAddr::from([192, 0, 2, 1])).await;
    }
    assert_eq!(clock.now().elapsed, Duration::ZERO);
}
