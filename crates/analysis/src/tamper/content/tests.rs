//! Pages of censors, and pages like them.

use std::net::SocketAddr;

use wirewitness_wire::file::Way;

use super::*;
use crate::flows::Seen;
use crate::flows::heads::Segment;
use crate::tamper::finding::Protocol as Transport;

fn connection() -> Connection {
    let client: SocketAddr = ([192, 0, 2, 1], 40000).into();
    let server: SocketAddr = ([198, 51, 100, 1], 80).into();
    Connection { protocol: Transport::Tcp, client, server }
}

fn heads(answers: &[&str]) -> Heads {
    let connection = connection();
    let mut heads = Heads::default();
    let request = "GET / HTTP/1.1\r\nHost: blocked.example\r\n\r\n";
    let requests = std::iter::once((End::Client, request));
    let answers = answers.iter().map(|answer| (End::Server, *answer));
    for (packet, (from, payload)) in requests.chain(answers).enumerate() {
        let packet = packet as u64 + 1;
        let seen = Seen {
            packet,
            at_ns: packet as i64,
            source: connection.client,
            destination: connection.server,
            ttl: if packet == 3 { 52 } else { 40 },
            identification: None,
            dont_fragment: true,
            way: Way::Unknown,
        };
        let payload = payload.as_bytes();
        let (window, offset, payload_len) = (1, 0, payload.len());
        heads.segment(&Segment { seen, window, from, offset, payload, payload_len });
    }
    heads
}

fn pages(answers: &[&str]) -> Vec<(&'static str, &'static str)> {
    let content = read(connection(), &heads(answers), &Fingerprints::shipped());
    let page = |finding| match finding {
        Finding::Blockpage(page) => (page.grade, page.evidence[0].kind),
        other => panic!("{other:?}"),
    };
    content.findings.into_iter().map(page).collect()
}

#[test]
fn pages_of_censors() {
    let frame = "<iframe src=\"http://10.10.34.36/?type=Invalid Site&policy=MainPolicy \">";
    for (answer, expected) in [
        (format!("HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n{frame}"), "bare_address"),
        ("HTTP/1.1 302 Found\r\nLocation: http://192.0.2.7/cgi?c=x\r\n\r\n".into(), "bare_address"),
        ("HTTP/1.1 451 No\r\nServer: nginx\r\n\r\n".into(), "status_451"),
        (
            "HTTP/1.1 403 Forbidden\r\n\r\n<html><title>Application Control Violation</title>"
                .into(),
            "nameless_refusal",
        ),
    ] {
        assert_eq!(pages(&[&answer]), [("likely", expected)], "{answer}");
    }
    let page = "<html><title>Surf Safely</title><h1>Surf Safely!</h1></html>";
    assert_eq!(pages(&[page]), [("known", "fingerprint")]);
    assert_eq!(pages(&[&format!("HTTP/1.0 200 OK\r\n\r\n{page}")]), [("known", "fingerprint")]);
}

#[test]
fn pages_that_are_none() {
    for answer in [
        "HTTP/1.1 403 Forbidden\r\nServer: nginx\r\nDate: x\r\n\r\n<title>403 Forbidden</title>",
        "HTTP/1.1 403 Forbidden\r\n\r\n<html><title>403 Forbidden</title>",
        "HTTP/1.1 302 Found\r\nLocation: https://www.blocked.example/\r\n\r\n",
        "HTTP/1.1 302 Found\r\nServer: x\r\nLocation: http://192.0.2.7/\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n<title>How filters work</title>",
        "HTTP/1.1 200 OK\r\n\r\n<iframe src=\"https://video.example/1\">",
        "HTTP/1.1 200 OK\r\nServer: x\r\nDate: y\r\n\r\n<p>This site has been blocked, say users",
        "HTTP/1.1",
        "HTTP/1.1 xyz",
        "<html>",
        "",
    ] {
        assert_eq!(pages(&[answer]), [], "{answer}");
    }
}

#[test]
fn another_answer_at_the_same_place() {
    let forged = "HTTP/1.1 302 Found\r\nLocation: http://192.0.2.7/\r\n\r\n";
    let genuine = "HTTP/1.1 200 OK\r\nServer: x\r\nDate: y\r\n\r\nhello";
    for answers in [[forged, genuine], [genuine, forged]] {
        let heads = heads(&answers);
        let content = read(connection(), &heads, &Fingerprints::shipped());
        assert_eq!(content.evidence.len(), 1);
        assert_eq!(content.evidence[0].kind, "another_answer");
        assert_eq!(content.evidence[0].packets, [2, 3]);
        assert_eq!(pages(&answers), [("likely", "bare_address")]);
        let Some(Finding::Blockpage(page)) = content.findings.first() else { panic!() };
        assert_eq!(page.evidence[1].kind, "ttl_step");
    }
}
