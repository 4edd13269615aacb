//! What every answer has, and clients that misbehave.

use std::io::Read as _;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, sleep, timeout};
use wirewitness_dashboard::server::Limits;

use crate::served::{ADMIN, Running, read};

fn hasty() -> Limits {
    Limits {
        patience: Duration::from_millis(400),
        write_patience: Duration::from_millis(600),
        body_patience: Duration::from_millis(800),
        ..Limits::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_guarded_and_sets_no_cookie() {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(folder.path(), Limits::default(), None).await;
    for path in [
        "/",
        "/events",
        "/nowhere",
        "/style.css",
        "/api/v1/ww/overview",
        "/api/v1/ww/nowhere",
        "/feeds/events.atom",
        "/health",
        "/ready",
        "/metrics",
        "/api/v1/submit",
    ] {
        let answer = server.get(path).await;
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        assert!(answer.header("permissions-policy").is_some(), "{path}");
        assert!(answer.header("set-cookie").is_none() && answer.header("server").is_none());
    }
    assert_eq!(server.get("/nowhere").await.status, 404);
    assert_eq!(server.get("/api/v1/submit").await.status, 405);
    assert_eq!(server.ask("POST /api/v1/submit HTTP/1.1", b"{}").await.status, 404);
    assert_eq!(server.ask("DELETE / HTTP/1.1", b"").await.status, 405);
    let refused = server.ask("POST /api/v1/ww/rules HTTP/1.1", b"x").await;
    assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_is_not_sent_again_and_texts_are_packed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(folder.path(), Limits::default(), None).await;
    for path in ["/", "/api/v1/ww/rules", "/feeds/events.atom"] {
        let plain = server.get(path).await;
        let etag = plain.header("etag").unwrap().to_owned();
        assert!(plain.header("vary").unwrap().contains("accept-encoding"));
        let known = format!("GET {path} HTTP/1.1\r\nIf-None-Match: \"x\", {etag}");
        let known = server.ask(&known, b"").await;
        assert_eq!(
            (known.status, known.body.len(), known.header("etag")),
            (304, 0, Some(etag.as_str()))
        );
        assert_eq!(
            server.ask(&format!("GET {path} HTTP/1.1\r\nIf-None-Match: \"x\""), b"").await.status,
            200
        );
        let head = server.ask(&format!("HEAD {path} HTTP/1.1"), b"").await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.header("content-length"), plain.header("content-length"));
        // Twice: the second comes from what is kept.
        for _ in 0..2 {
            let packed =
                server.ask(&format!("GET {path} HTTP/1.1\r\nAccept-Encoding: br, gzip"), b"").await;
            if plain.body.len() < 1_024 {
                assert!(packed.header("content-encoding").is_none());
                continue;
            }
            assert_eq!(packed.header("content-encoding"), Some("gzip"), "{path}");
            assert!(packed.body.len() < plain.body.len() / 2);
            let mut text = Vec::new();
            flate2::read::GzDecoder::new(packed.body.as_slice()).read_to_end(&mut text).unwrap();
            assert_eq!(text, plain.body);
        }
    }
    let counters = server.get("/metrics").await;
    let hits = counters
        .text()
        .lines()
        .find_map(|it| it.strip_prefix("wirewitness_cache_hits_total "))
        .unwrap();
    assert!(hits.parse::<u64>().unwrap() >= 6, "{hits}");
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_are_told_here_and_to_who_says_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(folder.path(), Limits::default(), None).await;
    assert_eq!(server.get("/metrics").await.status, 200);
    // As through a proxy on the same machine.
    for head in ["X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1", "Via: 1.1 proxy"] {
        let through = format!("GET /metrics HTTP/1.1\r\n{head}");
        assert_eq!(server.ask(&through, b"").await.status, 401, "{head}");
        let admin = format!("{through}\r\nAuthorization: Bearer {ADMIN}");
        assert_eq!(server.ask(&admin, b"").await.status, 200);
    }
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: some.onion\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(read(&mut stream).await.unwrap().status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_silent_or_slow_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    let server = Running::start(folder.path(), hasty(), Some(&spool)).await;
    for said in [
        "",
        "G",
        "GET / HTTP/1.1\r\nHost: x\r\n",
        "PRI * HTTP/2.0\r\n",
        "POST /api/v1/submit HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
    ] {
        let mut stream = server.connect().await;
        stream.write_all(said.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        let closed = timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await;
        assert!(closed.is_ok(), "{said:?} is held for ever");
        assert!(!rest.starts_with(b"HTTP/1.1 2"), "{said:?}");
    }
    // One byte of a head at a time.
    let mut stream = server.connect().await;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(5) && stream.write_all(b"G").await.is_ok() {
        sleep(Duration::from_millis(50)).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(4), "a head may come without end");
    assert_eq!(server.get("/health").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_and_paths_have_a_limit() {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(folder.path(), Limits::default(), None).await;
    let long = server.get(&format!("/api/v1/ww/rules?x={}", "a".repeat(9_000))).await;
    assert_eq!(long.status, 414);
    assert!(long.text().contains("8192"), "the limit is named: {}", long.text());
    let fields = format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(100_000));
    assert_eq!(server.ask(&fields, b"").await.status, 431);
    for odd in ["GET", "\u{0}\u{1}", "GET / HTTP/9.9", "GET http://[ HTTP/1.1"] {
        let mut stream = server.connect().await;
        stream.write_all(format!("{odd}\r\n\r\n").as_bytes()).await.unwrap();
        let status = read(&mut stream).await.map_or(400, |it| it.status);
        assert!((400..500).contains(&status), "{odd:?}: {status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_only_connects_gives_way_to_who_asks() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { connections: 50, ..Limits::default() };
    let server = Running::start(folder.path(), limits, None).await;
    let mut silent = Vec::new();
    for _ in 0..400 {
        silent.push(server.connect().await);
    }
    for _ in 0..20 {
        let begun = Instant::now();
        assert_eq!(server.get("/api/v1/ww/overview").await.status, 200);
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
    let counters = server.get("/metrics").await;
    let open =
        counters.text().lines().find_map(|it| it.strip_prefix("wirewitness_connections_open "));
    assert!(open.unwrap().parse::<u32>().unwrap() <= 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_is_finished_when_it_is_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    let mut server = Running::start(folder.path(), Limits::default(), Some(&spool)).await;
    let mut resting = server.connect().await;
    resting.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut some = [0; 16];
    resting.read_exact(&mut some).await.unwrap();
    // A post of which half has come.
    let body = crate::test_submit::record("", 1);
    let mut posting = server.connect().await;
    let head = format!(
        "POST /api/v1/submit HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let (first, rest) = body.split_at(body.len() / 2);
    posting.write_all(format!("{head}{first}").as_bytes()).await.unwrap();
    sleep(Duration::from_millis(300)).await;
    server.ask_to_stop();
    sleep(Duration::from_millis(300)).await;
    posting.write_all(rest.as_bytes()).await.unwrap();
    let answer = read(&mut posting).await.unwrap();
    assert_eq!((answer.status, answer.json()["accepted"].as_u64()), (200, Some(1)));
    let mut rest = Vec::new();
    let _ = timeout(Duration::from_secs(5), resting.read_to_end(&mut rest)).await.unwrap();
    server.stopped().await;
}
