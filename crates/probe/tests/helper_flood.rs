//! A minute of everything at once against the helper. Ignored by default; run it with
//! `cargo test -p wirewitness-probe --test runner -- --ignored --nocapture flood`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wirewitness_net::{Clock, Net};
use wirewitness_probe::helper::{Access, Limits, PublicOnly};
use wirewitness_probe::kernel::{KernelNet, KernelStream};

use crate::helper_world::{Site, World, authority, ok, post, redirect, start};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute"]
async fn a_flood_is_shed_and_nothing_inside_is_reached() {
    let inside = Site::start(|_| ok("secret"), None).await;
    INSIDE.store(inside.port().into(), Ordering::SeqCst);
    let outside = Site::start(
        |head| match head.contains("GET /in") {
            true => redirect(&format!("http://127.0.0.1:{}/", INSIDE.load(Ordering::SeqCst)), ""),
            false => ok(&"x".repeat(100_000)),
        },
        None,
    )
    .await;
    let names: &[(&str, &[&str])] =
        &[("public.example", &["93.184.216.34"]), ("rebind.example", &["127.0.0.1"])];
    let world = World::new(names, &[("93.184.216.34", outside.port())]);
    let limits = Limits {
        // All come from one address here, which is not what is tested.
        connections_per_client: usize::MAX,
        in_flight_per_client: usize::MAX,
        requests_per_minute: u32::MAX,
        connections: 512,
        ports: vec![inside.port(), outside.port()],
        patience: Duration::from_secs(5),
        ..Limits::default()
    };
    let (roots, _) = authority(&["unused.example"]);
    let setting = (Access::Public, limits);
    let (helper, counted) = start(&world, Arc::new(PublicOnly::default()), roots, setting).await;

    let net = KernelNet::new();
    let before_kb = resident_kb();
    let most_kb = Arc::new(AtomicU64::new(before_kb));
    let told = Arc::new(Told::default());
    let ports = (inside.port(), outside.port());
    let mut hostile = tokio::task::JoinSet::new();
    for number in 0..HOSTILE {
        let (net, told) = (net.clone(), Arc::clone(&told));
        hostile.spawn(async move {
            for round in 0.. {
                attack(&net, helper, (number + round, ports), &told).await;
                if net.now().elapsed > MINUTE {
                    break;
                }
            }
        });
    }
    while net.now().elapsed < MINUTE {
        net.sleep(Duration::from_millis(200)).await;
        most_kb.fetch_max(resident_kb(), Ordering::SeqCst);
    }
    hostile.shutdown().await;
    // What is still held is given back within the patience.
    net.sleep(Duration::from_secs(6)).await;
    let greeted = crate::helper_world::send(helper, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;

    let counts = counted.counts();
    println!("counts: {counts:?}");
    println!("clients were told: {told:?}");
    println!(
        "memory, both ends in one process: {before_kb} kB before, {} kB at most, {} kB after",
        most_kb.load(Ordering::SeqCst),
        resident_kb()
    );
    println!("private connections: {}", inside.accepted());
    assert_eq!(inside.accepted(), 0);
    let connected = world.connected.lock().unwrap();
    assert!(connected.iter().all(|it| it.ip().to_string() == "93.184.216.34"));
    assert_eq!(greeted.0, 200);
    assert!(counts.measured.load(Ordering::Relaxed) > 0);
    assert!(counts.busy.load(Ordering::Relaxed) + counts.shed.load(Ordering::Relaxed) > 0);
    assert!(most_kb.load(Ordering::SeqCst) < before_kb + 400_000);
}

/// What clients saw.
#[derive(Debug, Default)]
struct Told {
    ok: AtomicUsize,
    busy: AtomicUsize,
    refused: AtomicUsize,
    closed: AtomicUsize,
}

async fn attack(
    net: &KernelNet,
    helper: SocketAddr,
    (kind, (inside, outside)): (usize, (u16, u16)),
    told: &Told,
) {
    let Ok(mut stream) = net.connect(helper).await else {
        net.sleep(Duration::from_millis(50)).await;
        return;
    };
    let about = |url: String, port: u16| {
        post(
            &json!({ "http_request": url, "tcp_connect": [format!("127.0.0.1:{port}")] })
                .to_string(),
            "",
        )
    };
    match kind % 8 {
        // A byte now and then.
        0 => drip(net, &mut stream, b"POST / HTTP/1.1\r\nHost: helper\r\nX: y").await,
        // A body that never comes.
        1 => drip(net, &mut stream, b"POST / HTTP/1.1\r\nContent-Length: 60000\r\n\r\n{{{{").await,
        2 => drop(stream.write_all(&[0x16, 3, 1, 0xff, 0xff].repeat(13_000)).await),
        3 => drop(endless(&mut stream).await),
        // HTTP/2, and then nonsense.
        4 => {
            let _ = stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
            let _ = stream.write_all(&[0xff; 20_000]).await;
        }
        5 => {
            drop(stream.write_all(&about(format!("http://rebind.example:{inside}/"), inside)).await)
        }
        6 => drop(
            stream.write_all(&about(format!("http://public.example:{outside}/in"), inside)).await,
        ),
        _ => drop(
            stream.write_all(&about(format!("http://public.example:{outside}/"), inside)).await,
        ),
    }
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    let _ = tokio::time::timeout(Duration::from_secs(20), reading).await;
    let counter = match answer.get(9..12) {
        Some(b"200") => &told.ok,
        Some(b"503") => &told.busy,
        Some([b'4', ..]) => &told.refused,
        _ => &told.closed,
    };
    counter.fetch_add(1, Ordering::Relaxed);
}

async fn drip(net: &KernelNet, stream: &mut KernelStream, bytes: &[u8]) {
    for byte in bytes {
        if stream.write_all(&[*byte]).await.is_err() {
            return;
        }
        net.sleep(Duration::from_millis(250)).await;
    }
}

/// Ten gigabytes, as far as they are taken.
async fn endless(stream: &mut KernelStream) -> std::io::Result<()> {
    stream.write_all(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n").await?;
    let chunk = [&b"10000\r\n"[..], &[b'x'; 0x10000], b"\r\n"].concat();
    for _ in 0..160_000 {
        stream.write_all(&chunk).await?;
    }
    Ok(())
}

/// Memory of this process in use; 0 where the system does not tell.
fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"));
    line.and_then(|it| it.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

static INSIDE: AtomicUsize = AtomicUsize::new(0);
const HOSTILE: usize = 1_000;
const MINUTE: Duration = Duration::from_secs(60);
