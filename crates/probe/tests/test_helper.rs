//! The test helper over real sockets and real TLS, on loopback.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncReadExt;
use wirewitness_net::{Accept, Clock, Listen, Net};
use wirewitness_probe::helper::{Access, Limits, PublicOnly, Token};
use wirewitness_probe::http::{self, Asking, Came, Version};
use wirewitness_probe::kernel::{KernelListener, KernelNet};

use crate::helper_world::{
    Everything, LOOPBACK, Site, World, ask, authority, ok, post, redirect, send, start,
};

/// A port of loopback; dropped, nobody listens there.
async fn listener() -> KernelListener {
    KernelNet::new().listen(LOOPBACK).await.unwrap()
}

fn on_ports(ports: &[u16]) -> Limits {
    Limits { ports: ports.to_vec(), ..Limits::default() }
}

#[tokio::test]
async fn a_site_is_seen_with_its_redirect_its_cookie_and_its_certificate() {
    let (roots, tls) = authority(&["site.example"]);
    let page = |head: &str| match head.contains("GET /end") {
        false => redirect("/end", "Set-Cookie: a=b\r\nAlt-Svc: h3=\":443\"\r\n"),
        true if head.contains("a=b") && head.contains("the probe") => {
            ok("<html><title>The end</title></html>")
        }
        true => ok("<title>without its cookie</title>"),
    };
    let site = Site::start(page, Some(tls)).await;
    let world = World::new(&[("site.example", &["127.0.0.1"])], &[]);
    let setting = (Access::Public, on_ports(&[site.port()]));
    let (helper, counted) = start(&world, Arc::new(Everything), roots, setting).await;

    let endpoint = site.address.to_string();
    let request = json!({
        "http_request": format!("https://site.example:{}/start", site.port()),
        "http_request_headers": { "User-Agent": ["the probe"], "Cookie": ["no=thanks"] },
        "tcp_connect": [endpoint],
        "x_quic_enabled": false,
    });
    let (status, body) = send(helper, &post(&request.to_string(), "")).await;
    assert_eq!(status, 200);
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
    let expected = json!({
        "tcp_connect": { &endpoint: { "status": true, "failure": null } },
        "tls_handshake": {
            &endpoint: { "server_name": "site.example", "status": true, "failure": null }
        },
        "quic_handshake": {},
        "http_request": {
            "body_length": 35,
            "discovered_h3_endpoint": "site.example:443",
            "failure": null,
            "title": "The end",
            "headers": { "X-Site": "ours", "Content-Length": "35", "Connection": "close" },
            "status_code": 200,
        },
        "http3_request": null,
        "dns": { "failure": null, "addrs": ["127.0.0.1"] },
        // Found by both, of no public network, and with the name's certificate.
        "ip_info": { "127.0.0.1": { "asn": 64_500, "flags": 1 + 2 + 4 + 8 } },
    });
    assert_eq!(answer, expected);
    assert_eq!(counted.counts().measured.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn failures_are_told_in_the_words_that_probes_know() {
    let (roots, _) = authority(&["site.example"]);
    let (_, stranger) = authority(&["site.example"]);
    let site = Site::start(|_| ok("never seen"), Some(stranger)).await;
    let closed = Site::start(|_| ok(""), None).await;
    let nobody = listener().await.local_addr();
    let world = World::new(&[("site.example", &["127.0.0.1"]), ("empty.example", &[])], &[]);
    let limits = on_ports(&[site.port(), closed.port(), nobody.port(), 80, 443]);
    let setting = (Access::Public, limits);
    let (helper, _) = start(&world, Arc::new(Everything), roots, setting).await;

    let answer = ask(helper, &format!("https://site.example:{}/", site.port()), &[]).await;
    let endpoint = site.address.to_string();
    assert_eq!(answer["tcp_connect"][&endpoint]["status"], true);
    assert_eq!(answer["tls_handshake"][&endpoint]["failure"], "ssl_unknown_authority");
    assert_eq!(answer["http_request"]["failure"], "unknown_error");
    assert_eq!(answer["http_request"]["status_code"], -1);
    assert_eq!(answer["http_request"]["body_length"], -1);
    assert_eq!(answer["ip_info"]["127.0.0.1"]["flags"], 2 + 4);

    let answer = ask(helper, &format!("http://site.example:{}/", nobody.port()), &[]).await;
    let refused = json!({ "status": false, "failure": "connection_refused_error" });
    assert_eq!(answer["tcp_connect"][nobody.to_string()], refused);
    assert_eq!(answer["http_request"]["failure"], "connection_refused_error");

    let answer = ask(helper, "http://nowhere.example/", &[]).await;
    assert_eq!(answer["dns"], json!({ "failure": "dns_name_error", "addrs": [] }));
    assert_eq!(answer["http_request"]["failure"], "dns_lookup_error");
    assert_eq!(answer["tcp_connect"], json!({}));

    let answer = ask(helper, "https://empty.example/", &[]).await;
    assert_eq!(answer["dns"], json!({ "failure": null, "addrs": [] }));
    assert_eq!(answer["http_request"]["failure"], "dns_lookup_error");
}

#[tokio::test]
async fn no_way_of_asking_leads_into_the_helpers_own_network() {
    let inside = Site::start(|_| ok("<title>secret</title>"), None).await;
    let port = inside.port();
    PORT.store(port, Ordering::SeqCst);
    let outside = Site::start(
        |head| {
            let path = head.split(' ').nth(1).unwrap_or_default();
            let port = PORT.load(Ordering::SeqCst);
            match path {
                "/number" => redirect(&format!("http://127.0.0.1:{port}/"), ""),
                "/v6" => redirect(&format!("http://[::ffff:127.0.0.1]:{port}/"), ""),
                "/name" => redirect(&format!("http://rebind.example:{port}/"), ""),
                "/localhost" => redirect(&format!("http://localhost:{port}/"), ""),
                "/mixed" => redirect(&format!("http://mixed.example:{port}/"), ""),
                _ => ok("<title>outside</title>"),
            }
        },
        None,
    )
    .await;
    let names: &[(&str, &[&str])] = &[
        ("public.example", &["93.184.216.34"]),
        ("rebind.example", &["127.0.0.1"]),
        ("flip.example", &["93.184.216.34"]),
        ("mixed.example", &["93.184.216.34", "127.0.0.1"]),
        ("mapped.example", &["::ffff:127.0.0.1"]),
        ("nat64.example", &["64:ff9b::7f00:1"]),
        ("meta.example", &["169.254.169.254"]),
    ];
    let world = World::new(names, &[("93.184.216.34", outside.port())]);
    let (roots, _) = authority(&["unused.example"]);
    // The port is allowed: it is the rule alone that keeps the helper out.
    let limits = on_ports(&[port, outside.port()]);
    let rule = Arc::new(PublicOnly::default());
    let (helper, _) = start(&world, rule, roots, (Access::Public, limits)).await;

    // What is public is measured, so that the rest proves something.
    let public = format!("http://public.example:{}", outside.port());
    let answer = ask(helper, &format!("{public}/"), &[]).await;
    assert_eq!(answer["http_request"]["title"], "outside", "{answer}");

    let forms = ["127.0.0.1", "127.1", "0x7f000001", "2130706433", "0", "[::1]", "localhost"];
    let mapped = ["[::ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"];
    let named = ["rebind.example", "mixed.example", "mapped.example", "nat64.example"];
    let flipping = ["flip.example", "flip.example", "flip.example"];
    let given = [format!("127.0.0.1:{port}"), format!("[::1]:{port}"), "169.254.169.254:80".into()];
    for host in forms.iter().chain(&mapped).chain(&named).chain(&flipping).chain(&["meta.example"])
    {
        let answer = ask(helper, &format!("http://{host}:{port}/"), &given).await;
        assert_eq!(answer["http_request"]["status_code"], -1, "{host}: {answer}");
        let reached = answer["tcp_connect"].as_object().unwrap();
        // An endpoint of the public half of a mixed answer may be tried.
        assert!(reached.keys().all(|it| it.starts_with("93.184.216.34:")), "{host}: {answer}");
    }
    for path in ["number", "v6", "name", "localhost", "mixed"] {
        let answer = ask(helper, &format!("{public}/{path}"), &given).await;
        assert_eq!(answer["http_request"]["failure"], "unknown_error", "{path}: {answer}");
    }
    let connected = world.connected.lock().unwrap().clone();
    assert!(connected.iter().all(|it| it.ip().to_string() == "93.184.216.34"), "{connected:?}");
    assert_eq!(inside.accepted(), 0);
}

static PORT: std::sync::atomic::AtomicU16 = std::sync::atomic::AtomicU16::new(0);

#[tokio::test]
async fn only_web_ports_are_contacted() {
    let world = World::new(&[("public.example", &["93.184.216.34"])], &[("93.184.216.34", 0)]);
    let (roots, _) = authority(&["unused.example"]);
    let setting = (Access::Public, Limits::default());
    let (helper, _) = start(&world, Arc::new(PublicOnly::default()), roots, setting).await;
    for port in ["22", "25", "8080", "0"] {
        let body = json!({ "http_request": format!("http://public.example:{port}/") }).to_string();
        assert_eq!(send(helper, &post(&body, "")).await.0, 400, "{port}");
    }
    assert!(world.connected.lock().unwrap().is_empty());
}

#[tokio::test]
async fn whoever_is_not_admitted_or_too_fast_is_told_so() {
    let world = World::new(&[], &[]);
    let (roots, _) = authority(&["unused.example"]);
    let access = Access::Bearer(Token::new("a token of some length").unwrap());
    let limits = Limits { requests_per_minute: 2, ..Limits::default() };
    let (helper, _) = start(&world, Arc::new(Everything), roots, (access, limits)).await;
    let body = json!({ "http_request": "http://nowhere.example/" }).to_string();
    assert_eq!(send(helper, &post(&body, "")).await.0, 401);
    let wrong = "Authorization: Bearer a token of some lengtH\r\n";
    assert_eq!(send(helper, &post(&body, wrong)).await.0, 401);
    let right = "Authorization: Bearer a token of some length\r\n";
    for status in [200, 200, 429] {
        assert_eq!(send(helper, &post(&body, right)).await.0, status);
    }
}

#[tokio::test]
async fn a_request_too_many_is_shed_and_the_next_is_taken() {
    // The system takes the connection, and nobody ever says anything on it.
    let slow = listener().await;
    let port = slow.local_addr().port();
    let world = World::new(&[("slow.example", &["127.0.0.1"])], &[]);
    let (roots, _) = authority(&["unused.example"]);
    let step = Duration::from_millis(600);
    let limits = Limits { in_flight: 1, step, ..on_ports(&[port, 80, 443]) };
    let setting = (Access::Public, limits);
    let (helper, counted) = start(&world, Arc::new(Everything), roots, setting).await;
    let url = format!("http://slow.example:{port}/");
    let first = tokio::spawn(async move { ask(helper, &url, &[]).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let body = json!({ "http_request": "http://nowhere.example/" }).to_string();
    assert_eq!(send(helper, &post(&body, "")).await.0, 503);
    let answer = first.await.unwrap();
    assert_eq!(answer["http_request"]["failure"], "generic_timeout_error");
    assert_eq!(send(helper, &post(&body, "")).await.0, 200);
    assert_eq!(counted.counts().busy.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_client_cannot_take_all_places_with_slow_sites() {
    let slow = listener().await;
    let port = slow.local_addr().port();
    let world = World::new(&[("slow.example", &["127.0.0.1"])], &[]);
    let (roots, _) = authority(&["unused.example"]);
    let step = Duration::from_millis(600);
    let limits = Limits { in_flight_per_client: 2, step, ..on_ports(&[port]) };
    let setting = (Access::Public, limits);
    let (helper, _) = start(&world, Arc::new(Everything), roots, setting).await;
    let body = json!({ "http_request": format!("http://slow.example:{port}/") }).to_string();
    let request = post(&body, "");
    let asked = [&request; 5].map(|it| send(helper, it));
    let answers = futures_util::future::join_all(asked).await;
    let count = |status| answers.iter().filter(|it| it.0 == status).count();
    assert_eq!((count(200), count(429)), (2, 3));
}

#[tokio::test]
async fn what_is_no_request_is_refused_and_what_never_comes_is_not_waited_for() {
    let world = World::new(&[], &[]);
    let (roots, _) = authority(&["unused.example"]);
    let patience = Duration::from_millis(300);
    let limits = Limits { patience, request_bytes: 1_000, ..Limits::default() };
    let (helper, _) = start(&world, Arc::new(Everything), roots, (Access::Public, limits)).await;
    for (request, status) in [
        (post("{}", ""), 400),
        (post("not json", ""), 400),
        (post(&"x".repeat(1_001), ""), 413),
        (post("{}", &format!("X: {}\r\n", "y".repeat(20_000))), 431),
        (post("{}", &"X: y\r\n".repeat(100)), 431),
        (b"PUT / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), 400),
        (b"\x16\x03\x01\x00\x05garbage\r\n\r\n".to_vec(), 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n".to_vec(), 408),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{".to_vec(), 408),
    ] {
        let text = String::from_utf8_lossy(&request).into_owned();
        assert_eq!(send(helper, &request).await.0, status, "{text}");
    }
    let before = world.now().elapsed;
    for beginning in [&b""[..], b"P", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\nX"] {
        assert_eq!(send(helper, beginning).await.0, 0);
    }
    let took = world.now().elapsed - before;
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn a_client_cannot_hold_all_connections() {
    let world = World::new(&[], &[]);
    let (roots, _) = authority(&["unused.example"]);
    let limits = Limits { connections_per_client: 3, ..Limits::default() };
    let setting = (Access::Public, limits);
    let (helper, counted) = start(&world, Arc::new(Everything), roots, setting).await;
    let net = KernelNet::new();
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(net.connect(helper).await.unwrap());
    }
    let mut fourth = net.connect(helper).await.unwrap();
    assert!(matches!(fourth.read(&mut [0; 1]).await, Ok(0) | Err(_)));
    drop(held);
    net.sleep(Duration::from_millis(100)).await;
    let (status, body) = send(helper, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!((status, body.as_str()), (200, r#"{"message":"Hello OONItarian!"}"#));
    assert_eq!(counted.counts().shed.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn http_2_is_spoken_with_and_without_tls() {
    let world = World::new(&[], &[]);
    let (roots, _) = authority(&["unused.example"]);
    let setting = (Access::Public, Limits::default());
    let (helper, _) = start(&world, Arc::new(Everything), roots, setting).await;
    let stream = KernelNet::new().connect(helper).await.unwrap();
    let url = url::Url::parse(&format!("http://{helper}/")).unwrap();
    let asking = Asking::get(url, Vec::new(), 1_000);
    let mut came = Came::default();
    http::ask(stream, Version::Http2, &asking, &mut came).await.unwrap();
    assert_eq!((came.status, came.body), (200, br#"{"message":"Hello OONItarian!"}"#.to_vec()));
}

#[tokio::test]
async fn our_own_probe_asks_it_over_tls() {
    use wirewitness_probe::control::{self, ControlRequest};
    use wirewitness_probe::helper::{Helper, Standing, serve};
    use wirewitness_probe::service::Services;
    use wirewitness_probe::tls::Trust;

    let world = World::new(&[("helper.example", &["127.0.0.1"])], &[]);
    let (roots, tls) = authority(&["helper.example"]);
    let trust = Trust::new(roots, &world).unwrap();
    let standing =
        Standing { trust: trust.clone(), rule: Arc::new(Everything), asns: Arc::new(|_| None) };
    let helper = Helper::new(world.clone(), standing, Access::Public, Limits::default());
    let listener = world.listen(LOOPBACK).await.unwrap();
    let address: SocketAddr = listener.local_addr();
    tokio::spawn(serve::<World>(listener, Some(tls), Arc::new(helper)));

    let services = Services::new(world.clone(), trust, std::collections::BTreeMap::new());
    let url = url::Url::parse(&format!("https://helper.example:{}/", address.port())).unwrap();
    let helpers = [wirewitness_probe::TestHelper { url, token: None }];
    let target = url::Url::parse("http://nowhere.example/").unwrap();
    let request = ControlRequest::new(&target, &[], vec!["127.0.0.1:1".parse().unwrap()]);
    let control = control::ask(&services, &world, &helpers, &request).await;
    assert_eq!(control.failure, None);
    let answer = control.answer.unwrap();
    assert_eq!(answer["dns"]["failure"], "dns_name_error");
    assert_eq!(answer["ip_info"]["127.0.0.1"]["flags"], 1 + 4);
}

#[tokio::test]
async fn a_page_is_read_as_far_as_it_may_be_long() {
    let page = |_: &str| ok(&"x".repeat(300_000));
    let site = Site::start(page, None).await;
    let world = World::new(&[("site.example", &["127.0.0.1"])], &[]);
    let (roots, _) = authority(&["unused.example"]);
    let limits = Limits { page_bytes: 100_000, ..on_ports(&[site.port()]) };
    let setting = (Access::Public, limits);
    let (helper, _) = start(&world, Arc::new(Everything), roots, setting).await;
    let answer = ask(helper, &format!("http://site.example:{}/", site.port()), &[]).await;
    assert_eq!(answer["http_request"]["body_length"], 100_000);
    assert_eq!(answer["http_request"]["failure"], json!(null));
}

#[tokio::test]
async fn a_circle_of_redirects_ends() {
    let site = Site::start(|_| redirect("/again", ""), None).await;
    let world = World::new(&[("site.example", &["127.0.0.1"])], &[]);
    let (roots, _) = authority(&["unused.example"]);
    let setting = (Access::Public, on_ports(&[site.port()]));
    let (helper, _) = start(&world, Arc::new(Everything), roots, setting).await;
    let answer = ask(helper, &format!("http://site.example:{}/", site.port()), &[]).await;
    assert_eq!(answer["http_request"]["failure"], "unknown_error");
    // The first, ten redirects, and one connect that only looks whether there is somebody.
    assert_eq!(site.accepted(), 12);
}
