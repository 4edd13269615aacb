//! Measurements that are posted: whole, absent, in doubt, too large, too often.

use std::io::Write as _;
use std::path::Path;

use wirewitness_dashboard::server::Limits;

use crate::served::Running;

/// A measurement, its number in it so that each is another.
pub(crate) fn record(changes: &str, number: u32) -> String {
    format!(
        r#"{{"test_name":"web_connectivity","probe_cc":"PK","probe_asn":"AS17557","input":"https://n{number}.example/","measurement_start_time":"2025-11-23 10:00:00","test_keys":{{}}{changes}}}"#
    )
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|it| std::fs::read_to_string(it.unwrap().path()).unwrap()).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(9));
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

const POST: &str = "POST /api/v1/submit HTTP/1.1";

#[tokio::test(flavor = "multi_thread")]
async fn a_post_is_kept_once_however_often_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    let server = Running::start(folder.path(), Limits::default(), Some(&spool)).await;
    let both = format!("{}\n{}\n", record("", 1), record(r#","probe_asn":"AS0""#, 2));
    let packed = format!("{POST}\r\nContent-Encoding: gzip");
    for _ in 0..2 {
        let answer = server.ask(&packed, &gzip(both.as_bytes())).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["accepted"], 1);
        assert_eq!(answer.json()["quarantined"], 1);
        assert!(answer.json()["problems"][0].as_str().unwrap().starts_with("record 2: "));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    assert_eq!(files(&spool.join("kept")), [record("", 1) + "\n"]);
    assert_eq!(files(&spool.join("quarantine")).len(), 1);
    assert!(files(&spool.join("part")).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_is_refused_with_the_limit_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    let server = Running::start(folder.path(), Limits::default(), Some(&spool)).await;
    let bomb = gzip(&vec![b' '; 64 << 20]);
    assert!(bomb.len() < 1 << 20);
    let large = vec![b'a'; (8 << 20) + 1];
    for (head, body, status, words) in [
        ("Content-Encoding: gzip", bomb.as_slice(), 413, "33554432"),
        ("X: y", large.as_slice(), 413, "8388608"),
        ("Content-Encoding: br", b"x".as_slice(), 415, "gzip"),
        ("Content-Encoding: gzip", b"no gzip".as_slice(), 400, "packed"),
        ("X: y", b"{\"a\":1}".as_slice(), 422, "OONI"),
        ("X: y", b"\xff\xfe".as_slice(), 400, "UTF-8"),
    ] {
        let answer = server.ask(&format!("{POST}\r\n{head}"), body).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(answer.text().contains(words), "{words} not in {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
    assert!(files(&spool.join("kept")).is_empty() && files(&spool.join("part")).is_empty());
    assert_eq!(server.get("/health").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_posted_is_ingested_and_older_rows_stay() {
    use crate::made::{address, judging, wait};
    use wirewitness_store::archive::{Archive, Writer};
    use wirewitness_store::ingest::{Ingest, Piece, Settings};
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    let server = Running::start(folder.path(), Limits::default(), Some(&spool)).await;
    let answer = server.ask(POST, record("", 7).as_bytes()).await;
    assert_eq!(answer.status, 200);
    let archive = folder.path().join("archive");
    let text = files(&spool.join("kept")).remove(0);
    let done = tokio::task::spawn_blocking(move || {
        let root = address(&archive);
        let rows = |archive: &Archive| -> u64 {
            let table = archive.table(&wirewitness_store::schema::MEASUREMENT).unwrap();
            table.files().unwrap().iter().map(|file| file.rows).sum()
        };
        let before = rows(&wait(Archive::open(&root)).unwrap());
        for (run, added) in [(0, 1), (1, 0)] {
            let writer = wait(Writer::open(&root)).unwrap();
            let mut ingest =
                Ingest::start(writer, judging("a"), Settings::default(), Box::new(|_| {}));
            let piece = Piece {
                file: "posted.jsonl".into(),
                ends: vec![(text.len(), 1)],
                text: text.clone(),
                ..Piece::default()
            };
            ingest.push(piece).unwrap();
            let (_, summary) = ingest.finish().unwrap();
            assert_eq!((summary.added, summary.refused), (added, 0), "run {run}");
        }
        assert_eq!(rows(&wait(Archive::open(&root)).unwrap()), before + 1);
    });
    done.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_may_not_post_without_end() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    let server = Running::start(folder.path(), Limits::default(), Some(&spool)).await;
    let mut stream = server.connect().await;
    let mut last = String::new();
    for number in 0..22 {
        let body = record("", number);
        let request = format!("{POST}\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut some = vec![0; 16 * 1024];
        let read = stream.read(&mut some).await.unwrap();
        last = String::from_utf8_lossy(&some[..read]).into_owned();
        assert_eq!(last.starts_with("HTTP/1.1 200"), number < 20, "{number}: {last}");
    }
    assert!(last.starts_with("HTTP/1.1 429") && last.contains("retry-after: 60"), "{last}");
}
