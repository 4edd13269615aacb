//! `wirewitness submit`, and `probe --submit`: what receivers may do, over real sockets of this machine.
#![allow(clippy::disallowed_methods, reason = "how long the program takes is what is tested")]

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::program::{Outcome, run, run_all};

/// What a receiver was sent, and what it answers to each request in turn; the last one for ever.
pub(crate) struct Receiver {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<Request>>>,
}

/// A request: its head, and its body unpacked.
#[derive(Clone)]
struct Request {
    head: String,
    body: String,
}

/// An answer, byte for byte.
#[derive(Clone)]
enum Answer {
    Bytes(Vec<u8>),
    /// The connection is closed without a word.
    Nothing,
    /// Bytes without end.
    Endless(&'static [u8]),
    /// Not a byte, and the connection stays.
    Silence,
    /// It says that it has taken as many records as were sent.
    Takes,
}

fn answer(status: &str, headers: &str, body: &str) -> Answer {
    let length = body.len();
    Answer::Bytes(
        format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}")
            .into_bytes(),
    )
}

impl Receiver {
    #[allow(clippy::disallowed_types, reason = "a server for the program under test")]
    fn start(answers: Vec<Answer>) -> Self {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
        let kept = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut silent = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some(request) = Request::read(&mut stream) else { continue };
                let number = {
                    let mut seen = kept.lock().unwrap();
                    seen.push(request.clone());
                    seen.len() - 1
                };
                let records = request.body.lines().count();
                match &answers[number.min(answers.len() - 1)] {
                    Answer::Nothing => {}
                    Answer::Silence => silent.push(stream),
                    Answer::Bytes(bytes) => drop(stream.write_all(bytes)),
                    Answer::Endless(bytes) => while stream.write_all(bytes).is_ok() {},
                    Answer::Takes => {
                        let body = format!(
                            r#"{{"accepted":{records},"quarantined":0,"refused":0,"problems":[]}}"#
                        );
                        let Answer::Bytes(bytes) = answer("200 OK", "", &body) else { continue };
                        drop(stream.write_all(&bytes));
                    }
                }
            }
        });
        Self { port, seen }
    }

    fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }
}

impl Request {
    #[allow(clippy::disallowed_types, reason = "a server for the program under test")]
    fn read(stream: &mut std::net::TcpStream) -> Option<Self> {
        let mut bytes = Vec::new();
        let mut some = [0; 64 << 10];
        let (head, start) = loop {
            let read = stream.read(&mut some).ok().filter(|it| *it > 0)?;
            bytes.extend_from_slice(&some[..read]);
            if let Some(end) = bytes.windows(4).position(|it| it == b"\r\n\r\n") {
                break (String::from_utf8(bytes[..end].to_vec()).unwrap(), end + 4);
            }
        };
        let length = head.lines().find_map(|it| {
            let (name, value) = it.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().unwrap())
        });
        while bytes.len() < start + length? {
            let read = stream.read(&mut some).ok().filter(|it| *it > 0)?;
            bytes.extend_from_slice(&some[..read]);
        }
        let mut body = String::new();
        flate2::read::GzDecoder::new(&bytes[start..]).read_to_string(&mut body).ok()?;
        Some(Self { head, body })
    }
}

/// A measurement that a receiver takes, its number in it so that each is another.
pub(crate) fn record(number: u32, changes: &str) -> String {
    format!(
        r#"{{"test_name":"web_connectivity","test_version":"0.5","probe_cc":"PK","probe_asn":"AS17557","software_name":"x","report_id":"r","input":"https://n{number}.example/","measurement_start_time":"2026-11-01 10:00:00","test_start_time":"2026-11-01 10:00:00","test_keys":{{"queries":[],"requests":[]}}{changes}}}"#
    ) + "\n"
}

/// A file with so many of them.
pub(crate) fn written(folder: &Path, numbers: std::ops::Range<u32>) -> String {
    let path = folder.join("m.jsonl");
    std::fs::write(&path, numbers.map(|it| record(it, "")).collect::<String>()).unwrap();
    path.display().to_string()
}

fn submit(port: u16, file: &str, more: &[&str]) -> Outcome {
    let url = format!("http://127.0.0.1:{port}/");
    run(&[&["submit", file, "--to", &url, "--json"], more].concat())
}

#[test]
fn it_says_what_leaves_and_a_dry_run_sends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.jsonl");
    let text = [
        record(1, ",\"resolver_ip\":\"192.0.2.53\",\"annotations\":{\"office\":\"x\"}"),
        record(2, ",\"probe_ip\":\"203.0.113.7\""),
        "{\"test_name\"\n".to_owned(),
    ];
    std::fs::write(&path, text.concat()).unwrap();
    let file = path.display().to_string();
    let receiver = Receiver::start(vec![Answer::Takes]);
    let dry = submit(receiver.port, &file, &["--dry-run"]);
    assert_eq!((dry.code, dry.stdout.as_str()), (0, ""), "{}", dry.stderr);
    let url = format!("http://127.0.0.1:{}/api/v1/submit", receiver.port);
    for words in [
        &format!(
            "1 measurement, {} bytes before packing, to {url}, without a token",
            text[0].len()
        ),
        "address of this machine",
        "probe_asn: AS17557",
        "probe_cc: PK",
        "resolver_ip: 192.0.2.53",
        "annotations: office",
        "times: 2026-11-01 10:00:00",
        "m.jsonl: not sent: byte",
        "its probe_ip tells",
        "not sent: 2 records",
    ] {
        assert!(dry.stderr.contains(words), "{words:?} not in {}", dry.stderr);
    }
    assert!(receiver.requests().is_empty());
    let sent = submit(receiver.port, &file, &[]);
    assert_eq!(sent.code, 0, "{}", sent.stderr);
    assert_eq!(sent.lines()[0]["accepted"], 1);
    let requests = receiver.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].body, text[0]);
    let head = requests[0].head.to_ascii_lowercase();
    assert!(head.starts_with("post /api/v1/submit http/1.1") && !head.contains("user-agent"));
    assert!(!head.contains("authorization"), "{head}");
}

#[test]
fn a_token_comes_from_a_file_or_the_environment_and_is_shown_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), 0..1);
    let receiver = Receiver::start(vec![Answer::Takes]);
    let url = format!("http://127.0.0.1:{}/", receiver.port);
    let token = folder.path().join("token");
    std::fs::write(&token, "of-the-file-0123456789\n").unwrap();
    let token = token.display().to_string();
    let variable = ("WIREWITNESS_SUBMIT_TOKEN".to_owned(), "of-the-environment-01".to_owned());
    let arguments = ["submit", &file, "--to", &url];
    let from_environment = run_all(&arguments, std::slice::from_ref(&variable), b"");
    let from_file = [&arguments[..], &["--token-file", &token]].concat();
    let from_file = run_all(&from_file, &[variable], b"");
    let heads: Vec<String> = receiver.requests().into_iter().map(|it| it.head).collect();
    assert!(heads[0].contains("Bearer of-the-environment-01"), "{}", heads[0]);
    assert!(heads[1].contains("Bearer of-the-file-0123456789"), "{}", heads[1]);
    for outcome in [from_environment, from_file] {
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        assert!(outcome.stderr.contains("with a token"));
        assert!(!outcome.stderr.contains("of-the-"), "{}", outcome.stderr);
    }
    let bad = [("WIREWITNESS_SUBMIT_TOKEN".to_owned(), "two words".to_owned())];
    assert_eq!(run_all(&arguments, &bad, b"").code, 2);
}

#[test]
fn what_would_be_read_on_the_way_is_not_sent() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), 0..1);
    for (arguments, code, words) in [
        (&["submit", &file][..], 2, "--to"),
        (&["submit", "--to", "https://a.example/"], 2, "FILE"),
        (&["submit", &file, "--to", "http://192.0.2.1/"], 2, "without TLS"),
        (&["submit", &file, "--to", "https://a:b@192.0.2.1/"], 2, "secret"),
        (&["submit", &file, "--to", "ftp://192.0.2.1/"], 2, "only https"),
        (&["submit", "-", "--to", "http://127.0.0.1:1/"], 2, "standard input"),
        (&["submit", "/nonexistent", "--to", "http://127.0.0.1:1/"], 1, "/nonexistent"),
        (&["submit", &file, "--to", "http://127.0.0.1:1/", "--token-file", "/none"], 1, "/none"),
        (&["submit", &file, "--to", "http://127.0.0.1:1/", "--batch", "0"], 2, "1 to 1000"),
        (&["probe", "http://192.0.2.80/", "--submit", "http://192.0.2.1/"], 2, "without TLS"),
        (
            &["probe", "--lab", "pakistan-2025", "--submit", "http://127.0.0.1/"],
            2,
            "cannot be used",
        ),
    ] {
        let outcome = run(arguments);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (code, ""), "{arguments:?}");
        assert!(outcome.stderr.contains(words), "{words:?} not in {}", outcome.stderr);
    }
    let empty = folder.path().join("empty.jsonl");
    std::fs::write(&empty, "\n").unwrap();
    let outcome = submit(1, &empty.display().to_string(), &[]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.contains("no measurement to send"), "{}", outcome.stderr);
}

#[test]
fn what_fails_for_the_moment_is_tried_again_and_no_more_often_than_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), 0..3);
    let receiver = Receiver::start(vec![
        answer("503 Busy", "Retry-After: 2\r\n", r#"{"detail":"others are posting\u001b[2J"}"#),
        Answer::Nothing,
        Answer::Takes,
    ]);
    let begun = Instant::now();
    let outcome = submit(receiver.port, &file, &[]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert_eq!(outcome.lines()[0]["accepted"], 3);
    // 2 s as it was asked to, and the second pause, of at least 2 s.
    assert!(begun.elapsed() >= Duration::from_secs(4), "{:?}", begun.elapsed());
    let bodies: Vec<String> = receiver.requests().into_iter().map(|it| it.body).collect();
    assert_eq!(bodies.len(), 3);
    assert!(bodies.iter().all(|it| *it == bodies[0]), "the same bytes each time");
    assert!(
        outcome.stderr.contains("others are posting\\u{1b}[2J; again in"),
        "{}",
        outcome.stderr
    );

    let down = Receiver::start(vec![answer("500 x", "", "")]);
    let outcome = submit(down.port, &file, &["--tries", "2"]);
    assert_eq!((outcome.code, down.requests().len()), (1, 2));
    let line = &outcome.lines()[0];
    assert_eq!((&line["unsent"], &line["accepted"]), (&3.into(), &0.into()));
    assert!(outcome.stderr.contains("nothing is lost"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains(&format!("wirewitness submit {file} --to")));
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 3, "the file is as it was");

    let later = Receiver::start(vec![answer("503 x", "Retry-After: 3600\r\n", "")]);
    let outcome = submit(later.port, &file, &[]);
    assert_eq!((outcome.code, later.requests().len()), (1, 1));
    assert!(outcome.stderr.contains("come back in 3600 s"), "{}", outcome.stderr);
}

#[test]
fn nobody_there_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), 0..3);
    // Port 1 of this machine: nobody listens.
    let outcome = submit(1, &file, &["--tries", "2"]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.contains("connection_refused"), "{}", outcome.stderr);
    assert_eq!(outcome.lines()[0]["unsent"], 3);
}

#[test]
fn a_post_that_is_too_large_becomes_two() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), 0..4);
    let large = answer("413 x", "", r#"{"detail":"fewer"}"#);
    let receiver = Receiver::start(vec![large.clone(), Answer::Takes]);
    let outcome = submit(receiver.port, &file, &[]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert_eq!(outcome.lines()[0]["accepted"], 4);
    let bodies: Vec<String> = receiver.requests().into_iter().map(|it| it.body).collect();
    assert_eq!(bodies.iter().map(|it| it.lines().count()).collect::<Vec<_>>(), [4, 2, 2]);
    assert_eq!(format!("{}{}", bodies[1], bodies[2]), bodies[0]);
    // One that takes nothing at all is asked for each record, and no more.
    let receiver = Receiver::start(vec![large]);
    let outcome = submit(receiver.port, &file, &[]);
    assert_eq!((outcome.code, receiver.requests().len()), (1, 7));
    assert_eq!(outcome.lines()[0]["refused"], 4);
    assert!(outcome.stderr.contains("lines 4 to 4: 413: fewer"), "{}", outcome.stderr);
}

#[test]
fn a_hostile_receiver_costs_a_bounded_time_and_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), 0..2);
    for (what, hostile, words) in [
        ("silence", Answer::Silence, "no answer within 2 s"),
        ("endless head", Answer::Endless(b"HTTP/1.1 200 OK\r\nA: b\r\nA: b\r\n"), ""),
        ("garbage", Answer::Endless(&[0xff; 512]), ""),
        (
            "endless body",
            Answer::Bytes(
                format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n{}",
                    "x".repeat(1 << 20)
                )
                .into_bytes(),
            ),
            "does not end",
        ),
        ("portal", answer("200 OK", "", "<html>Welcome</html>"), "not the expected JSON"),
        (
            "too many",
            answer("200 OK", "", r#"{"accepted":99,"quarantined":0,"refused":0}"#),
            "other records",
        ),
        ("elsewhere", answer("307 x", "Location: http://127.0.0.1:1/\r\n", ""), "not followed"),
        (
            "token",
            answer("401 x", "", r#"{"detail":"posting needs a token"}"#),
            "look at the token",
        ),
        ("nothing there", answer("404 x", "", ""), "no measurements are taken there"),
    ] {
        let receiver = Receiver::start(vec![hostile]);
        let begun = Instant::now();
        let outcome = submit(receiver.port, &file, &["--tries", "2", "--timeout", "2"]);
        assert!(begun.elapsed() < Duration::from_secs(15), "{what}: {:?}", begun.elapsed());
        assert_eq!(outcome.code, 1, "{what}: {}", outcome.stderr);
        assert_eq!(outcome.lines()[0]["unsent"], 2, "{what}: {}", outcome.stderr);
        assert_eq!(outcome.lines()[0]["accepted"], 0, "{what}");
        assert!(outcome.stderr.contains(words), "{what}: {}", outcome.stderr);
        let is_clean = |it: char| it == '\n' || !it.is_control();
        assert!(outcome.stderr.chars().all(is_clean), "{what}: {:?}", outcome.stderr);
        assert!(outcome.stderr.len() < 5_000, "{what}: {}", outcome.stderr.len());
    }
}
