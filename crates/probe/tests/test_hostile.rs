//! Servers that mean harm. Whatever they do, a measurement ends in time, takes bounded memory, and claims no success.
//!
//! All of them at once in one process, servers included: what the memory grows by is both ends'.
#![allow(clippy::disallowed_types, reason = "the far end is a plain socket")]

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::Full;
use hyper::Response;
use rcgen::KeyPair;
use rustls::ServerConfig;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use wirewitness_net::{Clock, Datagrams, Net};
use wirewitness_probe::kernel::KernelNet;
use wirewitness_probe::{FollowUp, Helpers, TestHelper, web};
use wirewitness_wire::app::dns::{Answer, Message, kind, rcode};

use crate::quarter::{Quarter, ToAddress, generous, verdict};
use crate::servers::{self, page, params, tls};
use crate::town::LOOPBACK;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_servers_end_in_time_and_gain_nothing() {
    let quarter = Arc::new(Quarter::new(generous()).await);
    // On threads of their own: a server that floods must not hold up the prober by the runtime that they would share.
    let mut elsewhere = tokio::runtime::Builder::new_multi_thread();
    let elsewhere = elsewhere.worker_threads(2).enable_all().build().unwrap();
    let theirs = Arc::clone(&quarter);
    let cases = elsewhere.spawn(async move { all(&theirs).await }).await.unwrap();
    // From here on: the servers' own hundred megabytes are there already.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let (clock, before_kb) = (KernelNet::new(), most_memory_kb());
    let mut running = tokio::task::JoinSet::new();
    for case in cases {
        let (quarter, clock) = (Arc::clone(&quarter), clock.clone());
        running.spawn(async move {
            let began = clock.now().elapsed;
            let session =
                quarter.session_asking(&[], case.asked.unwrap_or_else(|| quarter.asked()));
            let session = session.with_follow_up(FollowUp::Never);
            let measured = tokio::time::timeout(LONGEST, web::measure(&session, &case.url)).await;
            let took = clock.now().elapsed - began;
            let measured = measured.unwrap_or_else(|_| panic!("{}: no end", case.name)).unwrap();
            let written = measured.to_string().len();
            assert!(written < MOST_WRITTEN, "{}: {written} bytes", case.name);
            (case.check)(case.name, &measured);
            // Whatever is written down, it can be judged.
            verdict(&measured);
            (case.name, took, written)
        });
    }
    let mut wrong = 0;
    while let Some(done) = running.join_next().await {
        match done {
            Ok((name, took, written)) => println!("{name}: {took:.1?}, {written} bytes written"),
            Err(_) => wrong += 1,
        }
    }
    elsewhere.shutdown_background();
    let grown_kb = most_memory_kb().saturating_sub(before_kb);
    assert_eq!(wrong, 0, "said above");
    println!("memory grew by {grown_kb} kB at most, both ends");
    assert!(grown_kb < 200_000, "{grown_kb} kB");
}

/// What must be written of a measurement.
type Check = fn(&str, &Value);
/// What a UDP server answers to a datagram.
type Answers = fn(&[u8]) -> Vec<Vec<u8>>;
/// What a service answers.
type Body = fn() -> Vec<u8>;

/// A hostile server, how it is asked, and what must be written of it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    url: String,
    asked: Option<Helpers>,
    check: Check,
}

impl Case {
    fn new(name: &'static str, check: Check) -> Self {
        Self { name, url: format!("https://{name}/"), asked: None, check }
    }
}

pub(crate) async fn all(quarter: &Quarter) -> Vec<Case> {
    let mut cases = in_pages(quarter).await;
    cases.extend(in_http2(quarter).await);
    cases.extend(below_http(quarter).await);
    cases.extend(in_dns(quarter).await);
    cases.extend(at_services(quarter).await);
    cases
}

/// HTTP/1.1 over TLS, byte by byte.
#[allow(clippy::too_many_lines, reason = "a table")]
async fn in_pages(quarter: &Quarter) -> Vec<Case> {
    let table: Vec<(&'static str, Script, Check)> = vec![
        (
            "endless-headers.test",
            |mut it| Box::pin(async move { endless_headers(&mut it).await }),
            no_page,
        ),
        (
            "endless-header.test",
            |mut it| {
                Box::pin(async move {
                    flood(&mut it, b"HTTP/1.1 200 OK\r\nX: ", b"yyyyyyyyyyyyyyyy").await
                })
            },
            no_page,
        ),
        (
            "endless-interim.test",
            |mut it| {
                Box::pin(async move {
                    flood(&mut it, b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n").await
                })
            },
            no_page,
        ),
        (
            "ten-gigabytes.test",
            |mut it| {
                Box::pin(async move {
                    flood(
                        &mut it,
                        b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n",
                        &[b'x'; 65_536],
                    )
                    .await
                })
            },
            cut_page,
        ),
        (
            "chunks.test",
            |mut it| {
                Box::pin(async move {
                    flood(
                        &mut it,
                        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                        &[b"400\r\n".as_slice(), &[b'x'; 1024], b"\r\n"].concat(),
                    )
                    .await
                })
            },
            cut_page,
        ),
        (
            "endless-chunk-extension.test",
            |mut it| {
                Box::pin(async move {
                    flood(
                        &mut it,
                        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",
                        b"extension=extension;",
                    )
                    .await
                })
            },
            failed_page,
        ),
        (
            "endless-trailers.test",
            |mut it| {
                Box::pin(async move {
                    flood(
                        &mut it,
                        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
                        b"X: y\r\n",
                    )
                    .await
                })
            },
            failed_page,
        ),
        (
            "slow-head.test",
            |mut it| Box::pin(async move { drip(&mut it, b"HTTP/1.1 200 OK\r\n").await }),
            no_page,
        ),
        (
            "slow-body.test",
            |mut it| {
                Box::pin(async move {
                    it.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc").await?;
                    drip(&mut it, b"defg").await
                })
            },
            slow_page,
        ),
        (
            "short-body.test",
            |mut it| {
                Box::pin(async move {
                    it.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc").await?;
                    it.shutdown().await
                })
            },
            failed_page,
        ),
        (
            "garbage-http.test",
            |mut it| Box::pin(async move { it.write_all(&[0xfe; 4096]).await }),
            no_page,
        ),
        (
            "cookies.test",
            |mut it| {
                Box::pin(async move {
                    let cookies: String = (0..200)
                        .map(|it| {
                            format!(
                                "Set-Cookie: c{it}={}; Domain=cookies.test\r\n",
                                "v".repeat(400)
                            )
                        })
                        .collect();
                    let head = format!(
                        "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n{cookies}\r\n"
                    );
                    it.write_all(head.as_bytes()).await?;
                    it.shutdown().await
                })
            },
            endless_redirect,
        ),
        (
            "long-location.test",
            |mut it| {
                Box::pin(async move {
                    let head = format!(
                        "HTTP/1.1 302 Found\r\nLocation: https://{}/\r\n\r\n",
                        "l".repeat(1 << 20)
                    );
                    it.write_all(head.as_bytes()).await
                })
            },
            no_page,
        ),
        (
            "bomb.test",
            |mut it| Box::pin(async move { it.write_all(&bomb()).await }),
            bomb_as_it_came,
        ),
        (
            "endless-redirect.test",
            |mut it| {
                Box::pin(async move {
                    it.write_all(
                        b"HTTP/1.1 301 Moved\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n",
                    )
                    .await?;
                    it.shutdown().await
                })
            },
            endless_redirect,
        ),
    ];
    let mut cases = Vec::new();
    for (number, (name, script, check)) in table.into_iter().enumerate() {
        let server = scripted(quarter.authority.tls(&[name], &["http/1.1"]), script).await;
        quarter.site(name, &format!("45.77.10.{}", number + 1), &[(443, server)]);
        cases.push(Case::new(name, check));
    }
    cases
}

type Tls = tokio_rustls::server::TlsStream<tokio::net::TcpStream>;
/// What a server does once it was asked.
type Script = fn(Tls) -> BoxFuture<'static, std::io::Result<()>>;

async fn scripted(tls: Arc<ServerConfig>, script: Script) -> std::net::SocketAddr {
    servers::raw(move |stream| {
        let tls = TlsAcceptor::from(Arc::clone(&tls));
        async move {
            let mut stream = tls.accept(stream).await?;
            // HTTP/2's preface ends so, too.
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await?);
            }
            script(stream).await
        }
    })
    .await
}

async fn endless_headers(stream: &mut Tls) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
    for number in 0_u64.. {
        stream.write_all(format!("X-{number}: y\r\n").as_bytes()).await?;
    }
    Ok(())
}

/// A beginning, and then the same until nobody takes it.
async fn flood<S: AsyncWrite + Unpin>(
    stream: &mut S,
    beginning: &[u8],
    again: &[u8],
) -> std::io::Result<()> {
    stream.write_all(beginning).await?;
    let many = again.repeat((65_536 / again.len()).max(1));
    loop {
        stream.write_all(&many).await?;
    }
}

/// One byte a minute.
async fn drip<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> std::io::Result<()> {
    for byte in bytes {
        stream.write_all(&[*byte]).await?;
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    Ok(())
}

/// A small answer that would be 100 MB if anybody unpacked it.
fn bomb() -> Vec<u8> {
    // One stored block of DEFLATE that is small enough to write by hand would not be a bomb: so, a long run of one code.
    let body =
        [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xed, 0xc1, 1, 1][..], &[0; 100_000]].concat();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), &body].concat()
}

/// HTTP/2, frame by frame (RFC 9113).
#[allow(clippy::too_many_lines, reason = "a table")]
async fn in_http2(quarter: &Quarter) -> Vec<Case> {
    let table: Vec<(&'static str, Script, Check)> = vec![
        (
            "h2-garbage.test",
            |mut it| Box::pin(async move { it.write_all(&[0x55; 9000]).await }),
            no_page,
        ),
        (
            "h2-settings.test",
            |mut it| Box::pin(async move { flood(&mut it, SETTINGS, SETTINGS).await }),
            no_page,
        ),
        (
            "h2-ping.test",
            |mut it| Box::pin(async move { flood(&mut it, SETTINGS, PING).await }),
            no_page,
        ),
        (
            "h2-window.test",
            |mut it| {
                Box::pin(async move {
                    flood(&mut it, SETTINGS, &[0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1]).await
                })
            },
            no_page,
        ),
        (
            "h2-priority.test",
            |mut it| {
                Box::pin(async move {
                    flood(&mut it, SETTINGS, &[0, 0, 5, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]).await
                })
            },
            no_page,
        ),
        (
            "h2-continuation.test",
            |mut it| {
                Box::pin(async move {
                    // HEADERS without END_HEADERS, and then CONTINUATION without end: literal fields that are never whole.
                    it.write_all(SETTINGS).await?;
                    it.write_all(&[0, 0, 1, 1, 0, 0, 0, 0, 1, 0x88]).await?;
                    flood(
                        &mut it,
                        b"",
                        &[&[0, 0, 12, 9, 0, 0, 0, 0, 1, 0, 1, b'x', 8][..], b"yyyyyyyy"].concat(),
                    )
                    .await
                })
            },
            no_page,
        ),
        (
            "h2-empty-continuation.test",
            |mut it| {
                Box::pin(async move {
                    it.write_all(SETTINGS).await?;
                    it.write_all(&[0, 0, 1, 1, 0, 0, 0, 0, 1, 0x88]).await?;
                    flood(&mut it, b"", &[0, 0, 0, 9, 0, 0, 0, 0, 1]).await
                })
            },
            no_page,
        ),
        (
            "h2-headers.test",
            |mut it| {
                Box::pin(async move {
                    // Header blocks without end: each is an interim answer.
                    let field = [&[0, 3, b'x', b'-', b'y', 100][..], &[b'z'; 100]].concat();
                    let block = [&[8, 3, b'1', b'0', b'3'][..], &field.repeat(100)].concat();
                    let len = u32::try_from(block.len()).unwrap().to_be_bytes();
                    let frame = [&len[1..], &[1, 4, 0, 0, 0, 1][..], &block].concat();
                    it.write_all(SETTINGS).await?;
                    flood(&mut it, b"", &frame).await
                })
            },
            no_page,
        ),
        (
            "h2-empty-data.test",
            |mut it| {
                Box::pin(async move {
                    it.write_all(SETTINGS).await?;
                    it.write_all(&[0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88]).await?;
                    flood(&mut it, b"", &[0, 0, 0, 0, 0, 0, 0, 0, 1]).await
                })
            },
            failed_page,
        ),
        (
            "h2-reset.test",
            |mut it| {
                Box::pin(async move {
                    it.write_all(SETTINGS).await?;
                    flood(&mut it, b"", &[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 8]).await
                })
            },
            no_page,
        ),
        (
            "h2-body.test",
            |mut it| {
                Box::pin(async move {
                    // More than the window takes, which is against the rules (§6.9.1).
                    it.write_all(SETTINGS).await?;
                    it.write_all(&[0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88]).await?;
                    let data = [&[0, 0x40, 0, 0, 0, 0, 0, 0, 1][..], &[b'x'; 0x4000]].concat();
                    flood(&mut it, b"", &data).await
                })
            },
            failed_page,
        ),
        (
            "h2-goaway.test",
            |mut it| {
                Box::pin(async move {
                    it.write_all(SETTINGS).await?;
                    flood(&mut it, b"", &[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).await
                })
            },
            no_page,
        ),
    ];
    let mut cases = Vec::new();
    for (number, (name, script, check)) in table.into_iter().enumerate() {
        let server = scripted(quarter.authority.tls(&[name], &["h2"]), script).await;
        quarter.site(name, &format!("45.77.11.{}", number + 1), &[(443, server)]);
        cases.push(Case::new(name, check));
    }
    cases
}

/// TCP, TLS and QUIC.
async fn below_http(quarter: &Quarter) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &'static str, server, check| {
        let number = cases.len() + 1;
        quarter.site(name, &format!("45.77.12.{number}"), &[(443, server)]);
        cases.push(Case::new(name, check));
    };
    let garbage = servers::raw(|mut it| async move { flood(&mut it, b"", &[0x16; 64]).await });
    add("tls-garbage.test", garbage.await, no_handshake as Check);
    // Records of a handshake message that never ends.
    let endless = servers::raw(|mut it| async move {
        let record = [&[0x16, 3, 3, 0x40, 0][..], &[0; 0x4000]].concat();
        flood(&mut it, &[0x16, 3, 3, 0, 4, 2, 0xff, 0xff, 0xff], &record).await
    });
    add("tls-endless.test", endless.await, no_handshake);
    let empty =
        servers::raw(|mut it| async move { flood(&mut it, b"", &[0x16, 3, 3, 0, 0]).await });
    add("tls-empty-records.test", empty.await, no_handshake);
    let warnings =
        servers::raw(|mut it| async move { flood(&mut it, b"", &[0x15, 3, 3, 0, 2, 1, 90]).await });
    add("tls-warnings.test", warnings.await, no_handshake);
    let slow = servers::raw(|mut it| async move { drip(&mut it, &[0x16, 3, 3, 0, 0x7a]).await });
    add("tls-slow.test", slow.await, no_handshake);

    // A certificate of a megabyte, and a chain of a thousand.
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = (0..35_000).map(|it| format!("name-number-{it}.large.test")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let large = params(&names).self_signed(&key).unwrap().der().clone();
    assert!(large.len() > 1_000_000);
    let config = tls(vec![large], &key, &["http/1.1"]);
    add("large.test", servers::web(Some(config), page("Never", &[])).await, no_handshake);
    let one = params(&["chain.test"]).self_signed(&key).unwrap().der().clone();
    let config = tls(vec![one.clone(); 1_000], &key, &["http/1.1"]);
    add("chain.test", servers::web(Some(config), page("Never", &[])).await, no_handshake);
    let config = tls(vec![one; 100], &key, &["http/1.1"]);
    add(
        "chain-of-100.test",
        servers::web(Some(config), page("Never", &[])).await,
        some_of_the_chain,
    );

    // HTTP/3 is offered, and there is garbage.
    let offer = ("alt-svc", "h3=\":443\"".to_owned());
    let config = quarter.authority.tls(&["quic.test"], &["h2"]);
    add("quic.test", servers::web(Some(config), page("Fine", &[offer])).await, quic_failed);
    let number = cases.len();
    let babble = babbler(|asked| {
        let mut answer = asked.to_vec();
        answer.iter_mut().skip(5).for_each(|it| *it ^= 0x5a);
        vec![answer; 50]
    });
    quarter.town.udp((format!("45.77.12.{number}").as_str(), 443).to_address(), babble.await);
    cases
}

/// A UDP server that answers each datagram with several.
async fn babbler(answers: Answers) -> std::net::SocketAddr {
    let socket = KernelNet::new().bind_udp(LOOPBACK).await.unwrap();
    let address = (LOOPBACK.ip(), socket.local_addr().port()).into();
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((len, client)) = socket.recv_from(&mut buffer).await {
            for answer in answers(&buffer[..len]) {
                let _ = socket.send_to(&answer, client);
            }
        }
    });
    address
}

/// Resolvers.
async fn in_dns(quarter: &Quarter) -> Vec<Case> {
    let table: Vec<(&'static str, Answers, Check)> = vec![
        ("dns-loop.test", |asked| vec![pointer_loop(asked)], udp_has_no_answer),
        (
            "dns-wrong-id.test",
            |asked| vec![[&[!asked[0], !asked[1]], &asked[2..]].concat(); 3],
            udp_has_no_answer,
        ),
        ("dns-echo.test", |asked| vec![asked.to_vec(); 20], udp_has_no_answer),
        ("dns-garbage.test", |_| vec![vec![0xc0; 1_200]; 20], udp_has_no_answer),
        ("dns-hundred.test", |asked| vec![true_answer(asked, 1); 100], few_duplicates),
        ("dns-many.test", |asked| vec![true_answer(asked, 100)], few_connections),
        (
            "dns-truncated.test",
            |asked| {
                let mut answer = Message::parse(asked).unwrap().answer(rcode::NO_ERROR, Vec::new());
                answer.truncated = true;
                vec![answer.to_bytes().unwrap()]
            },
            udp_has_no_answer,
        ),
    ];
    let mut cases = Vec::new();
    for (number, (name, answers, check)) in table.into_iter().enumerate() {
        let resolver: IpAddr = [45, 77, 13, u8::try_from(number).unwrap() + 1].into();
        quarter.town.udp((resolver, 53).into(), babbler(answers).await);
        quarter
            .https(name, &format!("45.77.14.{}", number + 1), (&["h2"], page("Fine", &[])))
            .await;
        let asked = Helpers { resolvers: vec![(resolver, 53).into()], ..quarter.asked() };
        cases.push(Case { asked: Some(asked), ..Case::new(name, check) });
    }
    cases
}

/// A question whose name points at itself (RFC 1035 §4.1.4).
fn pointer_loop(asked: &[u8]) -> Vec<u8> {
    [&asked[..2], &[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1, 0xc0, 12]].concat()
}

fn true_answer(asked: &[u8], addresses: u8) -> Vec<u8> {
    let asked = Message::parse(asked).unwrap();
    let addresses = (0..addresses).filter(|_| asked.kind == kind::A);
    let answers = addresses.map(|it| Answer::address(&asked.name, [45, 78, 0, it].into()));
    asked.answer(rcode::NO_ERROR, answers.collect()).to_bytes().unwrap()
}

/// Whoever should help: test helpers, and DNS over HTTPS.
async fn at_services(quarter: &Quarter) -> Vec<Case> {
    quarter.https("calm.test", "45.77.15.200", (&["h2"], page("Calm", &[]))).await;
    let table: Vec<(&'static str, Body, Check)> = vec![
        ("huge", || [b"{\"dns\":".to_vec(), vec![b' '; 100 << 20]].concat(), no_control),
        ("zeros", || format!("{{\"a\":[{}0]}}", "0,".repeat(1_900_000)).into_bytes(), no_control),
        ("deep", || format!("{{\"a\":{}", "[".repeat(200_000)).into_bytes(), no_control),
        ("no-json", || b"{\"tcp_connect\": {".to_vec(), no_control),
        ("no-object", || b"[1, 2, 3]".to_vec(), no_control),
        ("no-text", || vec![0xff; 10_000], no_control),
        ("lies", || LIES.as_bytes().to_vec(), page_all_the_same),
        (
            "addresses",
            || {
                let addresses: Vec<_> = (0..10_000)
                    .map(|it| json!(format!("45.79.{}.{}", it / 250, it % 250)))
                    .collect();
                json!({ "dns": { "failure": null, "addrs": addresses } }).to_string().into_bytes()
            },
            few_connections,
        ),
    ];
    let mut cases = Vec::new();
    for (number, (name, answer, check)) in table.into_iter().enumerate() {
        let (number, body) = (u8::try_from(number).unwrap() + 1, Bytes::from(answer()));
        let answers = Arc::new(move |_: &servers::Asked| Response::new(Full::new(body.clone())));
        let address: IpAddr = [45, 77, 15, number].into();
        let tls = quarter.authority.tls(&["bad-helper.test"], &["h2", "http/1.1"]);
        quarter.town.tcp((address, 443).into(), servers::web(Some(tls), answers.clone()).await);
        let mut asked = quarter.asked();
        asked.known.insert("bad-helper.test".to_owned(), vec![address]);
        let url = "https://bad-helper.test/".parse().unwrap();
        asked.test_helpers = vec![TestHelper { url, token: None }];
        let url = "https://calm.test/".to_owned();
        cases.push(Case { url, asked: Some(asked), ..Case::new(name, check) });

        // The same as an answer to a question of DNS: never one.
        let mut asked = quarter.asked();
        asked.known.insert("bad-helper.test".to_owned(), vec![address]);
        asked.doh = vec!["https://bad-helper.test/dns-query".parse().unwrap()];
        let url = "https://calm.test/".to_owned();
        cases.push(Case { url, asked: Some(asked), ..Case::new("over-https", doh_has_no_answer) });
    }
    for (name, script) in [
        (
            "slow",
            (|mut it| Box::pin(async move { drip(&mut it, b"HTTP/1.1 200 OK\r\n").await }))
                as Script,
        ),
        ("garbage", |mut it| Box::pin(async move { it.write_all(&[0xee; 10_000]).await })),
        ("error", |mut it| {
            Box::pin(async move {
                it.write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n").await
            })
        }),
        ("flood", |mut it| {
            Box::pin(async move { flood(&mut it, b"HTTP/1.1 200 OK\r\n\r\n{", b" ").await })
        }),
    ] {
        let address: IpAddr = [45, 77, 15, 100 + u8::try_from(cases.len()).unwrap()].into();
        let tls = quarter.authority.tls(&["bad-helper.test"], &["http/1.1"]);
        quarter.town.tcp((address, 443).into(), scripted(tls, script).await);
        let mut helped = quarter.asked();
        helped.known.insert("bad-helper.test".to_owned(), vec![address]);
        let mut resolved = helped.clone();
        let url = "https://bad-helper.test/".parse().unwrap();
        helped.test_helpers = vec![TestHelper { url, token: None }];
        resolved.doh = vec!["https://bad-helper.test/dns-query".parse().unwrap()];
        for (asked, check) in [(helped, no_control as Check), (resolved, doh_has_no_answer)] {
            let url = "https://calm.test/".to_owned();
            cases.push(Case { url, asked: Some(asked), ..Case::new(name, check) });
        }
    }
    cases
}

fn first(measured: &Value) -> &Value {
    &measured["test_keys"]["requests"][0]
}

fn failed_page(name: &str, measured: &Value) {
    let request = first(measured);
    assert!(request["failure"].is_string(), "{name}: {:.600}", request.to_string());
}

fn no_page(name: &str, measured: &Value) {
    failed_page(name, measured);
    let response = &first(measured)["response"];
    assert_eq!((&response["code"], &response["body"]), (&json!(0), &json!("")), "{name}");
}

fn cut_page(name: &str, measured: &Value) {
    let request = first(measured);
    assert_eq!(request["failure"], Value::Null, "{name}");
    let response = &request["response"];
    assert_eq!((&response["code"], &response["body_is_truncated"]), (&json!(200), &json!(true)));
    assert_eq!(response["body"].as_str().unwrap().len(), 1 << 19, "{name}");
}

fn slow_page(name: &str, measured: &Value) {
    let request = first(measured);
    assert_eq!(request["failure"], "generic_timeout_error", "{name}");
    let response = &request["response"];
    assert_eq!((&response["code"], &response["body_is_truncated"]), (&json!(200), &json!(true)));
    assert_eq!(response["body"], "abcd", "{name}");
}

fn endless_redirect(name: &str, measured: &Value) {
    let failure = "unknown_failure: stopped after too many redirects";
    assert_eq!(first(measured)["failure"], failure, "{name}");
    assert_eq!(measured["test_keys"]["requests"].as_array().unwrap().len(), 11, "{name}");
}

fn bomb_as_it_came(name: &str, measured: &Value) {
    let request = first(measured);
    assert_eq!((&request["failure"], &request["response"]["code"]), (&Value::Null, &json!(200)));
    // As it came, in base64: three bytes are four letters.
    let body = request["response"]["body"]["data"].as_str().unwrap();
    assert_eq!(body.len(), 100_014_usize.div_ceil(3) * 4, "{name}");
    assert_eq!(request["response"]["body_is_truncated"], false, "{name}");
}

fn no_handshake(name: &str, measured: &Value) {
    let keys = &measured["test_keys"];
    assert!(keys["tls_handshakes"][0]["failure"].is_string(), "{name}");
    assert_eq!(keys["requests"], json!([]), "{name}");
}

fn some_of_the_chain(name: &str, measured: &Value) {
    let shaken = &measured["test_keys"]["tls_handshakes"][0];
    assert_eq!(shaken["failure"], "ssl_unknown_authority", "{name}");
    assert_eq!(shaken["peer_certificates"].as_array().unwrap().len(), 16, "{name}");
}

fn page_all_the_same(name: &str, measured: &Value) {
    let request = first(measured);
    assert_eq!(
        (&request["failure"], &request["response"]["code"]),
        (&Value::Null, &json!(200)),
        "{name}"
    );
}

fn quic_failed(name: &str, measured: &Value) {
    page_all_the_same(name, measured);
    let keys = &measured["test_keys"];
    assert!(keys["quic_handshakes"][0]["failure"].is_string(), "{name}");
    assert_eq!(keys["x_h3_requests"], json!([]), "{name}");
}

fn has_no_answer(engine: &str, (name, measured): (&str, &Value)) {
    page_all_the_same(name, measured);
    let queries = measured["test_keys"]["queries"].as_array().unwrap();
    let of_it: Vec<_> = queries.iter().filter(|it| it["engine"] == engine).collect();
    assert!(!of_it.is_empty(), "{name}");
    let failed = |it: &&Value| it["failure"].is_string() && it["answers"].is_null();
    assert!(of_it.iter().all(failed), "{name}: {of_it:?}");
}

fn udp_has_no_answer(name: &str, measured: &Value) {
    has_no_answer("udp", (name, measured));
}

fn doh_has_no_answer(name: &str, measured: &Value) {
    has_no_answer("doh", (name, measured));
}

fn few_duplicates(name: &str, measured: &Value) {
    page_all_the_same(name, measured);
    let more = measured["test_keys"]["x_dns_duplicate_responses"].as_array().unwrap().len();
    assert!((1..=32).contains(&more), "{name}: {more}");
}

fn few_connections(name: &str, measured: &Value) {
    page_all_the_same(name, measured);
    let connections = measured["test_keys"]["tcp_connect"].as_array().unwrap().len();
    assert!((2..=48).contains(&connections), "{name}: {connections}");
}

fn no_control(name: &str, measured: &Value) {
    page_all_the_same(name, measured);
    let keys = &measured["test_keys"];
    assert!(keys["control_failure"].is_string(), "{name}");
    assert_eq!(keys["control"], Value::Null, "{name}");
}

/// The most memory that this process had, in kB, since that was last forgotten; 0 where the system does not tell.
fn most_memory_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"));
    line.and_then(|it| it.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Every value of another type than it should be.
const LIES: &str = r#"{"dns":{"addrs":"45.1.1.1","failure":7},"http_request":{"body_length":"x","status_code":[],
    "discovered_h3_endpoint":-1,"title":{},"headers":[1],"failure":{}},"tcp_connect":[null],"tls_handshake":"no",
    "ip_info":3,"x_http3_request":false}"#;
/// An empty SETTINGS frame.
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
const PING: &[u8] = &[0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
/// The patience with a helper is 30 s; no step is longer, and no two long ones follow each other here.
const LONGEST: Duration = Duration::from_secs(50);
const MOST_WRITTEN: usize = 2 << 20;
