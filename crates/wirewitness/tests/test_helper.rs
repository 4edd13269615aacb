//! `wirewitness helper`: the real program, asked over loopback.

use std::io::{Read, Write};

use crate::program::run;
use crate::test_probe::HelperProcess;

/// One request, one connection: the status and the body.
#[allow(clippy::disallowed_types, reason = "a client for the program under test")]
fn ask(url: &str, request: &str) -> (u16, String) {
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

fn post(authorization: &str) -> String {
    let body = r#"{"http_request":"http://127.0.0.1/","http_request_headers":{},"tcp_connect":["127.0.0.1:80"],"x_quic_enabled":false}"#;
    format!(
        "POST / HTTP/1.1\r\nHost: helper\r\nConnection: close\r\n{authorization}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn somebody_must_say_who_may_ask() {
    for (arguments, code, words) in [
        (&[][..], 2, "--public"),
        (&["--public", "--token-file", "x"], 2, "cannot be used with"),
        (&["--public", "--tls-cert", "x"], 2, "--tls-key"),
        (&["--public", "--listen", "nowhere"], 2, "--listen"),
        (&["--token-file", "/nonexistent"], 1, "/nonexistent"),
        (&["--public", "--tls-cert", "/nonexistent", "--tls-key", "/nonexistent"], 1, "PEM"),
        // Reserved for documentation: no interface here has it.
        (&["--public", "--listen", "192.0.2.254:1"], 1, "cannot listen on 192.0.2.254:1"),
    ] {
        let outcome = run(&[&["helper"], arguments].concat());
        assert_eq!((outcome.code, outcome.stdout.as_str()), (code, ""), "{arguments:?}");
        assert!(outcome.stderr.contains(words), "{words:?} not in {}", outcome.stderr);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "guess\n").unwrap();
    let outcome = run(&["helper", "--token-file", &path.display().to_string()]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.contains("at least 16 bytes"), "{}", outcome.stderr);
}

#[test]
#[cfg(unix)]
fn it_answers_who_may_ask_and_counts_until_it_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "sixteen-bytes-at-least\n").unwrap();
    let helper = HelperProcess::start(&["--token-file", &path.display().to_string()]);
    let greeting = "GET / HTTP/1.1\r\nHost: helper\r\nConnection: close\r\n\r\n";
    assert_eq!(ask(&helper.url, greeting).0, 200);
    assert_eq!(ask(&helper.url, &post("")).0, 401);
    let (status, body) =
        ask(&helper.url, &post("Authorization: Bearer sixteen-bytes-at-least\r\n"));
    assert_eq!(status, 200);
    // It goes into nobody's own network, whoever asks.
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_ne!(answer["http_request"]["failure"], serde_json::Value::Null);
    let (code, words) = helper.stop();
    assert_eq!(code, Some(0), "{words}");
    assert!(words.starts_with("stopped: 1 measured;"), "{words}");
    assert!(words.contains("1 not admitted"), "{words}");
    assert!(words.contains("3 connections"), "{words}");
}
