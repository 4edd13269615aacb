//! `wirewitness serve`: the real program over loopback, with TLS, and with questions that take too long.
#![allow(clippy::disallowed_methods, reason = "how long the program takes is what is tested")]

use std::io::{BufRead as _, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};

use crate::program::{root, run};
use crate::test_probe::certificates;
use crate::test_submit::written;

/// The program serving an archive of one measurement, killed when dropped.
pub(crate) struct Serving {
    child: Child,
    /// `http://127.0.0.1:PORT/`
    pub(crate) url: String,
}

impl Serving {
    /// Over the archive in a folder, which is made where there is none. With port 0 on a free port.
    pub(crate) fn start(folder: &Path, port: u16, more: &[&str]) -> Self {
        let archive = folder.join("archive").display().to_string();
        if !folder.join("archive").exists() {
            let file = root().join("examples/measurements/dns.injection.other.json");
            let made = run(&["ingest", "--archive", &archive, &file.display().to_string()]);
            assert_eq!(made.code, 0, "{}", made.stderr);
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_wirewitness"))
            .args(["serve", "--archive", &archive, "--listen", &format!("127.0.0.1:{port}")])
            .args(more)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").expect(&line).to_owned();
        Self { child, url }
    }

    /// The port that it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.url.trim_end_matches('/').rsplit_once(':').unwrap().1.parse().unwrap()
    }

    /// SIGKILL: no word, no flush, no farewell.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[allow(clippy::disallowed_types, reason = "a client for the program under test")]
fn connect(port: u16) -> std::net::TcpStream {
    let stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// One request on a stream: the status and all that came.
fn ask(stream: &mut (impl Read + Write), request: &str) -> (u16, String) {
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A far end may close without TLS's own farewell.
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).expect(&answer).parse().unwrap();
    (status, answer)
}

const GET: &str = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";

#[test]
fn pages_and_posts_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let [authority, chain, key] = certificates("127.0.0.1".parse().unwrap(), folder.path());
    let spool = folder.path().join("spool").display().to_string();
    let more = ["--tls-cert", &chain, "--tls-key", &key, "--submissions", &spool];
    let serving = Serving::start(folder.path(), 0, &more);
    assert!(serving.url.starts_with("https://127.0.0.1:"), "{}", serving.url);

    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&authority).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = rustls::StreamOwned::new(client, connect(serving.port()));
    let (status, page) = ask(&mut stream, GET);
    assert_eq!(status, 200, "{page}");
    assert!(page.contains("<html lang=\"en\"") && page.contains("</html>"), "{page}");

    let file = written(folder.path(), 0..3);
    let submit = ["submit", &file, "--to", &serving.url, "--json"];
    let trusted = run(&[&submit[..], &["--ca-file", &authority]].concat());
    assert_eq!(trusted.code, 0, "{}", trusted.stderr);
    assert_eq!(trusted.lines()[0]["accepted"], 3);
    // Nobody else vouches for it: nothing is sent, and it is not tried again.
    let begun = Instant::now();
    let stranger = run(&submit);
    assert_eq!(stranger.code, 1);
    assert!(stranger.stderr.contains("no trusted connection: ssl_"), "{}", stranger.stderr);
    assert_eq!(stranger.lines()[0]["unsent"], 3);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

/// Each would take years; the last makes no row at all meanwhile.
const ENDLESS: [&str; 3] = [
    "select count(*) from generate_series(1,100000000) a, generate_series(1,100000000) b",
    "select count(*) from range(1,100000000) a, range(1,100000000) b",
    "select * from range(1,100000000) a join range(1,100000000) b on a.value + b.value < 0",
];

#[test]
fn a_question_that_takes_too_long_is_given_up_while_others_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "sixteen-bytes-at-least\n").unwrap();
    let token = token.display().to_string();
    let more = ["--admin-token-file", &token, "--timeout", "3"];
    let serving = Serving::start(folder.path(), 0, &more);
    let port = serving.port();
    for sql in ENDLESS {
        let slow = std::thread::spawn(move || {
            let begun = Instant::now();
            let request = format!(
                "POST /api/v1/ww/sql HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer \
                 sixteen-bytes-at-least\r\nContent-Length: {}\r\n\r\n{sql}",
                sql.len()
            );
            let (status, answer) = ask(&mut connect(port), &request);
            (status, answer, begun.elapsed())
        });
        let mut answered = 0;
        while !slow.is_finished() {
            let begun = Instant::now();
            let (status, page) = ask(&mut connect(port), GET);
            assert_eq!(status, 200, "{sql}: {page}");
            assert!(begun.elapsed() < Duration::from_secs(3), "{sql}: {:?}", begun.elapsed());
            answered += 1;
            std::thread::sleep(Duration::from_millis(100));
        }
        let (status, answer, took) = slow.join().unwrap();
        assert_eq!(status, 503, "{sql}: {answer}");
        assert!(answer.contains("no answer within 3 s"), "{sql}: {answer}");
        assert!((3..30).contains(&took.as_secs()), "{sql}: {took:?}");
        assert!(answered >= 5, "{sql}: {answered} others");
    }
}

/// A page over a fresh connection.
pub(crate) fn page(serving: &Serving, path: &str) -> String {
    let request = GET.replace("GET /", &format!("GET {path}"));
    let (status, page) = ask(&mut connect(serving.port()), &request);
    assert_eq!(status, 200, "{page}");
    page
}

#[test]
fn names_have_the_categories_of_lists() {
    let folder = tempfile::tempdir().unwrap();
    // The measurement of the archive is of news.example.
    let list = folder.path().join("list.csv");
    let own =
        "url,category_code,category_description\nhttps://news.example/,MADEUP,Made up\nnone\n";
    std::fs::write(&list, own).unwrap();
    let list = list.display().to_string();
    let without = Serving::start(folder.path(), 0, &[]);
    assert!(!page(&without, "/lists").contains("MADEUP"));
    let with = Serving::start(folder.path(), 0, &["--lists", &list]);
    assert!(page(&with, "/lists").contains("MADEUP"));
    let counted = page(&with, "/api/v1/aggregation?axis_x=category_code");
    assert!(counted.contains("MADEUP"), "{counted}");
    let archive = folder.path().join("archive").display().to_string();
    for (list, words) in [("/none.csv", "/none.csv"), (archive.as_str(), "archive")] {
        let outcome = run(&["serve", "--archive", &archive, "--lists", list]);
        assert_eq!(outcome.code, 1, "{}", outcome.stderr);
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }
}

#[test]
fn the_citizen_labs_lists_are_read() {
    let lists = root().join("../shared/data/lists");
    let files = ["global.csv", "pk.csv"].map(|it| lists.join(it));
    if !files.iter().all(|it| it.exists()) {
        eprintln!("SKIPPED: no real lists at ../shared/data/lists");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [global, local] = files.map(|it| it.display().to_string());
    let serving = Serving::start(folder.path(), 0, &["--lists", &global, "--lists", &local]);
    assert!(page(&serving, "/lists").contains("</html>"));
}
